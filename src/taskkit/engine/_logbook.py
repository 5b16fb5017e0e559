"""The log of facts, for those who may read it (A6): a page at a time from a mark, checked as a whole, archived behind a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from taskkit.engine._notices import Notices
from taskkit.engine._rights import MANAGE_LOGBOOK, TASK_REVIEW, RightsDesk
from taskkit.facts import START, Fact, Fault, Head, Mark
from taskkit.instants import Instant

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_PAGE = 1000


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

    def archive(self, until: Instant, take: Callable[[Sequence[Fact]], object], by: str | None) -> int:
        """Hand the old facts over, and take them away after that: a crash between hands them over once more, and loses none."""
        self._rights.demand(by, MANAGE_LOGBOOK, "archiving the log of facts")
        unread = self._notices.unread()
        until = until if unread is None else min(until, unread)
        taken, mark = set[tuple[str, int]](), START
        while True:
            facts, mark = self._storage.facts(mark, limit=_PAGE)
            if not facts:
                break
            if old := [fact for fact in facts if fact.at < until]:
                take(old)
                taken |= {(fact.chain, fact.position) for fact in old}
        gone = self._storage.archive(until)
        if late := [fact for fact in gone if (fact.chain, fact.position) not in taken]:
            take(late)
        return len(gone)
