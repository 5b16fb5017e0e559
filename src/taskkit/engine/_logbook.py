"""The log of facts, for those who may read it (A6): a page at a time from a mark, checked as a whole, archived in portions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from attrs import frozen

from taskkit.engine._notices import Notices
from taskkit.engine._pages import fills_a_page
from taskkit.engine._rights import MANAGE_LOGBOOK, TASK_REVIEW, RightsDesk
from taskkit.errors import InvalidValue
from taskkit.facts import START, Fact, Fault, Head, Mark
from taskkit.instants import Instant

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_PORTION = 500
#: A position behind every fact of a chain.
_PAST_ALL = 1 << 62


class Logbook:
    def __init__(self, ground: Ground, rights: RightsDesk, notices: Notices) -> None:
        self._ground, self._rights, self._notices, self._storage = ground, rights, notices, ground.storage

    def facts(
        self, after: Mark, kinds: frozenset[str] | None, record: str | None, limit: int, user: str | None
    ) -> tuple[Sequence[Fact], Mark]:
        """The facts of a record are there for those who review it; all facts for those who manage the logbook."""
        fills_a_page(limit, "reading the log of facts")
        if record is None or not self._rights.may(user, TASK_REVIEW, record):
            self._rights.demand(user, MANAGE_LOGBOOK, "reading the log of facts")
        return self._storage.facts(after, kinds=kinds, record=record, limit=limit)

    def check(self, noted: Iterable[Head]) -> Sequence[Fault]:
        return self._storage.check(noted)

    def archive(
        self, until: Instant, take: Callable[[Sequence[Fact]], object], by: str | None, progress: Callable[[int], object] | None
    ) -> int:
        """A portion is handed over, and taken away after that: a crash between hands it over once more, and loses nothing."""
        self._rights.demand(by, MANAGE_LOGBOOK, "archiving the log of facts")
        self._ground.must_be_ours()
        mark, ends = START, {head.chain: head.position for head in self._storage.heads()}
        unread = self._notices.unread()  # after the heads: what lands from now on was looked at by nobody
        until = until if unread is None else min(until, unread)
        gone = 0
        while True:
            facts, mark = self._storage.facts(mark, limit=_PORTION)
            if not facts:
                return gone
            portion = _Portion.of(facts, until, ends)
            mark = {**mark, **dict.fromkeys(portion.young, _PAST_ALL)}
            if portion.old:
                portion.hand_to(take)
                gone += self._storage.archive(portion.upto)
                if progress is not None:
                    progress(gone)


@frozen
class _Portion:
    """Facts that go together: they are handed over whole, and gone after that, or they are handed over once more."""

    old: tuple[Fact, ...]
    #: The chains in which a younger one stands: what comes behind it has to stay, too.
    young: frozenset[str]

    @classmethod
    def of(cls, facts: Sequence[Fact], until: Instant, ends: Mark) -> Self:
        old, young = list[Fact](), set[str]()
        for fact in facts:
            if fact.chain in young or fact.at >= until or fact.position > ends.get(fact.chain, 0):
                young.add(fact.chain)
            else:
                old.append(fact)
        return cls(tuple(old), frozenset(young))

    @property
    def upto(self) -> Mark:
        return {fact.chain: fact.position for fact in self.old}

    def hand_to(self, take: Callable[[Sequence[Fact]], object]) -> None:
        """What only answers somebody who would take them, as an `async def` and a generator do, has taken nothing."""
        answer = take(self.old)
        if isinstance(answer, (Awaitable, AsyncIterator, Iterator)):
            if isinstance(answer, (Coroutine, Generator)):
                answer.close()
            case = f"`take` answered a {type(answer).__name__}, for which somebody has to wait, and the facts would be gone"
            raise InvalidValue("archiving the log of facts", case, "give a function that has taken them when it returns")
