"""What every suite of contracts has: clauses with numbers, and what a subject declares not to keep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, NoReturn

_CLAUSE = re.compile(r"test_([a-z]{1,2}\d\d)_")


class Contract:
    """Base of all suites. A test of the clause C9 is named `test_c09_…`; a test without a number belongs to no clause."""

    #: Clauses that this subject does not keep, each with the reason: `{"C14": "it has no facts"}`. Their tests are left out, and the report
    #: says so; whoever closes a clause without a reason, or one that does not exist, has a failing test.
    closed: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @classmethod
    def clauses(cls) -> Mapping[str, tuple[str, ...]]:
        """The tests of each clause of this suite."""
        found: dict[str, list[str]] = {}
        for name in dir(cls):
            if (clause := clause_of(name)) is not None:
                found.setdefault(clause, []).append(name)
        return {clause: tuple(tests) for clause, tests in sorted(found.items(), key=lambda item: _place(item[0]))}

    def _missing(self, method: str) -> NoReturn:
        """What the heir has to bring."""
        raise NotImplementedError(f"write {type(self).__name__}.{method}, or close the clauses that ask for it, each with a reason")

    def test_what_is_closed_is_a_clause_and_has_a_reason(self) -> None:
        closed: object = self.closed
        if not isinstance(closed, Mapping):
            raise AssertionError(f"closed is a {type(closed).__name__}: give each clause with its reason, as {{'C14': 'it has no facts'}}")
        known = self.clauses()
        wrong = {clause: reason for clause, reason in closed.items() if clause not in known or not _is_said(reason)}
        if wrong:
            raise AssertionError(f"closed without a reason, or no clauses of this suite: {wrong}; there are {', '.join(self.clauses())}")


def closed_of(subject: type[Contract]) -> dict[str, str]:
    """Its closed clauses, each with a reason in words; none where they are not declared as they should be: a test of the suite says so."""
    closed: object = subject.closed
    return {clause: str(reason) for clause, reason in closed.items()} if isinstance(closed, Mapping) else {}


def _is_said(reason: object) -> bool:
    return isinstance(reason, str) and bool(reason.strip())


def clause_of(test: str) -> str | None:
    """`C9` for `test_c09_…`."""
    found = _CLAUSE.match(test)
    if found is None:
        return None
    letters, number = re.match(r"([a-z]+)(\d+)", found[1]).groups()  # type: ignore[union-attr]
    return f"{letters.upper()}{int(number)}"


def _place(clause: str) -> tuple[str, int]:
    letters = clause.rstrip("0123456789")
    return letters, int(clause[len(letters) :])


def rounds(most: int = 1_000) -> Iterator[int]:
    """Of a loop that ends as soon as there is no more; what is broken may always have more."""
    yield from range(most)
    raise AssertionError(f"after {most} rounds there is still more")
