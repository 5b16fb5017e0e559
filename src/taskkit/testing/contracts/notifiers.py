"""What every notifier keeps: N1 to N7 of `docs/reference/contracts.md`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import pendulum
import pytest

from taskkit.engine import Engine
from taskkit.facts import KINDS, Fact
from taskkit.instants import instant
from taskkit.plugins.kinds import Notifier
from taskkit.plugins.manager import Plugins
from taskkit.plugins.specs import hookimpl
from taskkit.storage.memory import MemoryStorage
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.contracts._contract import Contract
from taskkit.testing.vaults import MemoryVault

_START = pendulum.datetime(2026, 3, 2, tz="UTC")


class NotifierContract(Contract):
    """To inherit: `notifier` makes one, and `told` says what people got from it."""

    #: How many facts are handed over at once here; an engine hands over up to 500.
    many: ClassVar[int] = 500

    def notifier(self) -> Notifier:
        """A new one, over which nobody was told anything yet."""
        self._missing("notifier")

    def told(self, notifier: Any) -> Sequence[str]:
        """What people were told, in texts, the first first. Each fact has to be known again by its task."""
        self._missing("told")

    def breaks(self, notifier: Any) -> None:
        """From now on nobody can be told: the mail server is away."""
        self._missing("breaks")

    def mends(self, notifier: Any) -> None:
        self._missing("mends")

    # how it is tried here

    def _tasks(self, notifier: Any) -> list[str]:
        """Of which facts people were told, each as often as it was."""
        return _marks(self.told(notifier))

    def _facts(self, notifier: Notifier, count: int, first: int = 0) -> list[Fact]:
        kinds, at = sorted(notifier.wants), instant(_START)
        return [Fact(kinds[number % len(kinds)], at, f"j-{number}", _MARKS[number], None, "db-1") for number in range(first, first + count)]

    def test_n01_it_says_what_it_wants(self) -> None:
        notifier = self.notifier()
        assert isinstance(notifier, Notifier), "it is no Notifier"
        assert isinstance(notifier.name, str), "it has no name"
        assert notifier.name, "it has no name"
        assert notifier.wants, "it wants nothing: nobody is told anything"
        assert set(notifier.wants) <= KINDS, f"{sorted(set(notifier.wants) - KINDS)} are no kinds of facts"

    def test_n02_people_are_told_of_all_that_it_wants_in_order_and_of_nothing_else(self) -> None:
        notifier = self.notifier()
        process = _Process(notifier)
        others = sorted(KINDS - set(notifier.wants))[:1]
        facts = self._facts(notifier, 6)
        process.happens(*facts[:3], *(Fact(kind, instant(_START), task=_MARKS[90]) for kind in others), *facts[3:])
        process.tick()
        assert _once(self._tasks(notifier)) == _MARKS[:6], f"people were told of {self._tasks(notifier)}"

    def test_n03_what_was_told_is_not_told_again_and_what_follows_is(self) -> None:
        notifier = self.notifier()
        process = _Process(notifier)
        process.happens(*self._facts(notifier, 3))
        process.tick()
        before = list(self.told(notifier))
        process.tick()
        process.again().tick()
        assert list(self.told(notifier)) == before, f"people were told again: {list(self.told(notifier))[len(before) :]}"
        process.happens(*self._facts(notifier, 2, first=3))
        process.tick()
        following = _once(_marks(list(self.told(notifier))[len(before) :]))
        assert following == _MARKS[3:5], f"people were then told of {following}"

    def test_n04_what_cannot_be_told_raises_and_is_told_later(self) -> None:
        notifier = self.notifier()
        process = _Process(notifier)
        self.breaks(notifier)
        with pytest.raises(Exception):  # noqa: B017, PT011  whatever the network raises
            notifier.notify(self._facts(notifier, 1, first=50))
        process.happens(*self._facts(notifier, 3))
        process.tick()
        assert "NotifierFailed" in process.kinds(), "nobody hears that it failed"
        self.mends(notifier)
        process.later().tick()
        assert _once(self._tasks(notifier)) == _MARKS[:3], f"people were told of {self._tasks(notifier)}"

    def test_n05_killed_before_its_mark_is_kept_it_is_handed_the_same_again(self) -> None:
        notifier = self.notifier()
        process = _Process(notifier)
        process.happens(*self._facts(notifier, 3))
        process.dies_after_telling()
        process.later().tick()
        assert _once(self._tasks(notifier)) == _MARKS[:3], f"people were told of {self._tasks(notifier)}"
        process.happens(*self._facts(notifier, 1, first=3))
        process.tick()
        assert self._tasks(notifier)[-1] == _MARKS[3], "after a repetition nothing more is told"

    def test_n06_many_facts_are_told_as_one(self) -> None:
        notifier, told = self.notifier(), _MARKS[: min(90, self.many)]
        [other] = self._facts(notifier, 1, first=99)
        apart = [other] * (self.many - len(told))
        share = -(-len(apart) // len(told))
        facts = enumerate(self._facts(notifier, len(told)))
        notifier.notify([one for number, fact in facts for one in (*apart[number * share : (number + 1) * share], fact)])
        found = set(self._tasks(notifier))
        assert set(told) <= found, f"{sorted(set(told) - found)} are lost"

    def test_n07_odd_texts_keep_nobody_from_being_told(self) -> None:
        notifier = self.notifier()
        odd = ["two\nlines\r\n.\r\n", "Subject: \r\nBcc: all", "<b>&", "half \ud800", "nul \0", "", "{} %s", "🔑" * 300]
        facts = self._facts(notifier, len(odd))
        notifier.notify([fact._replace(who=text, details={"text": text}) for fact, text in zip(facts, odd, strict=True)])
        assert _once(self._tasks(notifier)) == _MARKS[: len(odd)], f"people were told of {self._tasks(notifier)}"


#: By these a fact is known again in whatever text it is told.
_MARKS = [f"task{number:02}x" for number in range(100)]


class _Process:
    """One that hands facts over: an engine on a store."""

    def __init__(self, notifier: Notifier) -> None:
        self._storage, self._clock = MemoryStorage(), VirtualClock(_START)
        self._notifier = _Dying(notifier)
        self._plugins = Plugins([("trial", self)], discover=False, guests=False)
        self.again()

    @hookimpl
    def taskkit_notifiers(self) -> Iterable[Notifier]:
        return [self._notifier]

    def again(self) -> _Process:
        self._engine = Engine(MemoryVault(), self._storage.join(), plugins=self._plugins, clock=self._clock)
        return self

    def later(self) -> _Process:
        """Another process, after the lease of the one before."""
        self._clock.advance(hours=1)
        return self.again()

    def happens(self, *facts: Fact) -> None:
        self._engine.storage.write([facts])

    def tick(self) -> None:
        self._engine.tick()

    def kinds(self) -> list[str]:
        return [fact.kind for fact in self._engine.facts()]

    def dies_after_telling(self) -> None:
        self._notifier.dies = True
        with pytest.raises(_Dead):
            self._engine.tick()
        self._notifier.dies = False


class _Dead(BaseException):
    pass


class _Dying(Notifier):
    """Hands on; the process may die right after."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier, self.dies = notifier, False
        self.name, self.wants = notifier.name, notifier.wants  # type: ignore[misc]

    def notify(self, facts: Sequence[Fact]) -> None:
        self._notifier.notify(facts)
        if self.dies:
            raise _Dead


def _marks(told: Iterable[str]) -> list[str]:
    words = "\n".join(map(str, told))
    return [mark for _, mark in sorted((at, mark) for mark in _MARKS for at in _places(words, mark))]


def _places(words: str, mark: str) -> Iterable[int]:
    at = words.find(mark)
    while at >= 0:
        yield at
        at = words.find(mark, at + 1)


def _once(marks: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(marks))
