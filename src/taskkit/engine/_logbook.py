"""The log of facts, for those who may read it (A6): a page at a time from a mark, checked as a whole, archived in portions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from taskkit.engine._notices import Notices
from taskkit.engine._rights import MANAGE_LOGBOOK, TASK_REVIEW, RightsDesk
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
            old, young = _parted(facts, until, ends)
            mark = {**mark, **dict.fromkeys(young, _PAST_ALL)}
            if old:
                take(old)
                gone += self._storage.archive({fact.chain: fact.position for fact in old})
                if progress is not None:
                    progress(gone)


def _parted(facts: Sequence[Fact], until: Instant, ends: Mark) -> tuple[Sequence[Fact], set[str]]:
    """Those that are old, and the chains in which a younger one stands: what comes behind it has to stay, too."""
    old, young = list[Fact](), set[str]()
    for fact in facts:
        if fact.chain in young or fact.at >= until or fact.position > ends.get(fact.chain, 0):
            young.add(fact.chain)
        else:
            old.append(fact)
    return old, young
