"""What every exporter keeps: X1 to X6 of `docs/reference/contracts.md`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any, ClassVar, cast

import pytest

from taskkit.facts import Fact
from taskkit.instants import SECOND
from taskkit.plugins.kinds import Exporter
from taskkit.testing.contracts._contract import Contract

#: What breaks lines, quotes, columns, markup, formulas and encodings.
_ODD = (
    "two\nlines", "\r\n", "a,b;c\td", 'say "no"', "it's", "</fact>", "&amp;", "=1+1", "\\n \\", "{braces}", "%s %d", "\u2028\u0085",
    "Zürich, 北京, 🔑", "", " ", "null", "a" * 5000,
)  # fmt: skip


class ExporterContract(Contract):
    """To inherit: `exporter` makes one, and `read` reads what it wrote."""

    #: Facts may be kept back until so many have come.
    most_kept_back: ClassVar[int] = 10_000

    def exporter(self) -> Exporter:
        self._missing("exporter")

    def read(self, written: bytes) -> Sequence[Mapping[str, Any]]:
        """The facts that stand there, each as a mapping with `position` and with as much of `Fact.document()` as this form keeps."""
        self._missing("read")

    def _written(self, facts: Sequence[Fact], exporter: Exporter | None = None) -> bytes:
        to = io.BytesIO()
        count = (exporter or self.exporter()).export(iter(facts), to)
        assert count == len(facts), f"{len(facts)} facts were handed in, and it says {count}"
        assert not to.closed, "it closes a stream that is not its own"
        return to.getvalue()

    def _told(self, written: bytes, facts: Sequence[Fact]) -> None:
        """What was handed in is there once, in order, as it was."""
        read = self.read(written)
        assert [one["position"] for one in read] == [fact.position for fact in facts], f"there is {[one['position'] for one in read][:50]}"
        for one, fact in zip(read, facts, strict=True):
            document = fact.document()
            wrong = {name: value for name, value in one.items() if value != document.get(name)}
            assert not wrong, f"the fact {fact.position} says {wrong}, and not {document}"
            assert one.get("kind") == fact.kind, f"the fact {fact.position} has lost its kind"

    def test_x01_what_is_handed_in_is_there_once_and_in_order(self) -> None:
        for count in (1, 2, 1000):
            facts = _facts(count)
            self._told(self._written(facts), facts)

    def test_x02_nothing_is_nothing(self) -> None:
        assert list(self.read(self._written([]))) == [], "there is something"

    def test_x03_facts_are_written_as_they_come(self) -> None:
        to, written = io.BytesIO(), list[int]()

        def coming() -> Iterator[Fact]:
            for number, fact in enumerate(_facts(3 * self.most_kept_back + 1)):
                if number and number % self.most_kept_back == 0:
                    written.append(len(to.getvalue()))
                yield fact

        self.exporter().export(coming(), to)
        assert 0 < written[0] < written[-1], f"after {self.most_kept_back} facts it had written {written[0]} bytes: it gathers them all"

    def test_x04_texts_that_have_a_meaning_for_the_form_come_back_as_they_are(self) -> None:
        facts = [
            fact._replace(who=text or None, record=text or None, details={"said": text, text: ["nested", {"as": text}]})
            for text, fact in zip(_ODD, _facts(len(_ODD)), strict=True)
        ]
        self._told(self._written(facts), facts)

    def test_x04_half_a_character_stops_no_export(self) -> None:
        facts = _facts(3)
        facts[1] = facts[1]._replace(details={"said": "half \ud800 a character, and \0"})
        read = self.read(self._written(facts))
        assert [one["position"] for one in read] == [fact.position for fact in facts], "a fact is lost"

    def test_x05_after_a_crash_the_same_facts_are_exported_as_if_nothing_had_been(self) -> None:
        exporter, facts = self.exporter(), _facts(200)
        wanted = self._written(facts)
        for room in (0, 1, len(wanted) // 2):
            with pytest.raises(OSError, match="no room"):
                exporter.export(iter(facts), cast(Any, _Full(room)))
        assert self._written(facts, exporter) == wanted, "after a crash it writes something else"
        assert self._written(facts, exporter) == wanted, "the second time it writes something else"

    def test_x06_two_exports_at_once_do_not_mix(self) -> None:
        exporter, facts, door = self.exporter(), _facts(300), Barrier(2)
        wanted, streams = self._written(facts), [_Meeting(door), _Meeting(door)]
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda to: exporter.export(iter(facts), to), streams))
        assert all(to.getvalue() == wanted for to in streams), "exports mix"


class _Meeting(io.BytesIO):
    """Its first bytes wait for those of another export, so that both have begun."""

    def __init__(self, door: Barrier) -> None:
        super().__init__()
        self._door: Barrier | None = door

    def write(self, piece: Any) -> int:
        door, self._door = self._door, None
        if door is not None:
            with suppress(BrokenBarrierError):  # the other one writes nowhere
                door.wait(5)
        return super().write(piece)


class _Full(io.RawIOBase):
    """A disk that is full after some bytes."""

    def __init__(self, room: int) -> None:
        self._room = room

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._room -= len(piece)
        if self._room < 0:
            raise OSError("no room is left")
        return len(piece)


def _facts(count: int) -> list[Fact]:
    return [_fact(number) for number in range(count)]


def _fact(number: int) -> Fact:
    kind, who = ("JobFailed" if number % 3 else "Demanded"), ("ann" if number % 2 else None)
    details = {"error": "timeout", "attempt": number}
    return Fact(kind, number * SECOND, f"j-{number}", "t-1", "t-1", f"db-{number % 7}", who, details, "chain", number + 1, f"{number:064x}")
