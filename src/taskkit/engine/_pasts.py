"""Tasks and definitions as they stood before: kept for as long as a job may be kept that goes by them, then forgotten (J8, R10).

Each lies with those of the day on which it was replaced. A day later no open job goes by it any more, or it is put off to the next day.
So after the longest retention, all its jobs are gone but those that are kept for ever, or as long as another of their series, and only
these have to be looked through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from taskkit.engine._catalog import PAST, REMOVED, TASKS, VERSIONS, day_of, past_name, version_name
from taskkit.instants import DAY, Instant
from taskkit.jobs import Job
from taskkit.standings import TABLE as STANDINGS
from taskkit.states import FINAL, State
from taskkit.storage import Document, Keep, Query, Unit

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

RUNS, _MARKS = "runs", "mark"
_TABLES = (PAST, VERSIONS, REMOVED)
_OPEN = frozenset(State) - FINAL
_PAGE = 2000
#: The table and the document.
Found = tuple[str, Document]


class Pasts:
    def __init__(self, ground: Ground) -> None:
        self._ground, self._catalog, self._storage = ground, ground.catalog, ground.storage

    def forget(self, now: Instant, ages: Mapping[State, int]) -> int:
        """What no kept job goes by any more; how many."""
        today, kept = int(day_of(now)), self._storage.document(_MARKS, "pasts")
        seen, gone = (kept.body["seen"], kept.body["gone"]) if kept else [self._first(today)] * 2
        old = today - max(ages.values()) - 1  # looked through on the day after, and its last job may have ended on that day
        self._put_off(list(self._of_days(seen, today)), today, Query(states=_OPEN))
        still_there = Query(states=FINAL, until=now - max(ages.values()) * DAY)  # a job of their series is kept for longer
        unused = self._put_off(list(self._of_days(gone, old)), today, Query(states=FINAL - set(ages)), still_there)
        lines = {task.line for task in self._catalog.all_tasks()} if any(table == REMOVED for table, _ in unused) else set()
        self._write(unit for found in unused for unit in self._gone(*found, lines))
        mark = Keep(_MARKS, "pasts", kept.revision if kept else 0, {"seen": max(seen, today), "gone": max(gone, old)})
        self._storage.write([(mark,)])
        return len(unused)

    # days

    def _first(self, today: int) -> int:
        return min((int(kept.group) for table in _TABLES for kept in self._catalog.pages(table)), default=today)

    def _of_days(self, first: int, end: int) -> Iterator[Found]:
        return ((table, kept) for day in range(first, end) for table in _TABLES for kept in self._catalog.pages(table, group=str(day)))

    def _put_off(self, found: list[Found], today: int, *queries: Query) -> list[Found]:
        """Those that such jobs go by are looked at anew later; the others."""
        used = {one for query in queries for one in self._used(query)} if found else set()
        is_used = [(table, kept.id) in used for table, kept in found]
        units = (self._put(*one, today) for one, needed in zip(found, is_used, strict=True) if needed)
        self._write(units)
        return [one for one, needed in zip(found, is_used, strict=True) if not needed]

    @staticmethod
    def _put(table: str, kept: Document, today: int) -> Unit:
        return (Keep(table, kept.id, kept.revision, kept.body, str(today)),)

    # jobs

    def _used(self, query: Query) -> set[tuple[str, str]]:
        scripts: dict[tuple[str, int], str] = {}
        used: set[tuple[str, str]] = set()
        page: str | None = None
        while True:
            found = self._storage.jobs(query, page=page, limit=_PAGE)
            for job in found.jobs:
                used.update(self._by(job, scripts))
            page = found.next
            if page is None:
                return used

    def _by(self, job: Job, scripts: dict[tuple[str, int], str]) -> Iterator[tuple[str, str]]:
        """What a job goes by: its task and its trigger at their revisions, the script at its version."""
        for task, revision in ((job.task, job.planned_for), (job.via[0], job.via[2]) if job.via else (job.task, job.planned_for)):
            yield PAST, past_name(task, revision)
            yield REMOVED, task
        if job.version is not None:
            at = job.task, job.planned_for
            if at not in scripts:
                scripts[at] = self._script(*at)
            yield VERSIONS, version_name(scripts[at], job.version)

    def _script(self, task: str, revision: int) -> str:
        """As it is written: what a plug-in offered that is not installed any more cannot be read."""
        for table, id in ((PAST, past_name(task, revision)), (TASKS, task), (REMOVED, task)):
            if (kept := self._storage.document(table, id)) is not None:
                return str(kept.body["script"])
        return ""

    # forgetting

    def _gone(self, table: str, kept: Document, lines: set[str]) -> Iterator[Unit]:
        """With a task's last words go its runs; and how its line stood, where no copy of it and no job is left (R1)."""
        gone = Keep(table, kept.id, kept.revision, None, kept.group)
        runs = self._storage.document(RUNS, kept.id) if table == REMOVED else None
        yield (gone,) if runs is None else (gone, Keep(RUNS, kept.id, runs.revision, None))
        line = str(kept.body.get("line"))
        if table == REMOVED and line not in lines and not self._storage.jobs(Query(line=line), limit=1).jobs:
            yield from ((Keep(STANDINGS, one.id, one.revision, None, line),) for one in self._catalog.pages(STANDINGS, group=line))

    def _write(self, units: Iterable[Unit]) -> None:
        waiting: list[Unit] = []
        for unit in units:
            waiting.append(unit)
            if len(waiting) >= _PAGE:
                self._storage.write(waiting)
                waiting = []
        if waiting:
            self._storage.write(waiting)
