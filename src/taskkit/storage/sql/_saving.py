"""What units have changed in the rooms goes back to the tables: the journal, by which a refused unit is taken back, names it."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from taskkit.jobs import PLACES, Job
from taskkit.states import CLAIMED, FINAL
from taskkit.storage._journal import ABSENT
from taskkit.storage._rooms import Rooms
from taskkit.storage.sql._lines import Line, Row
from taskkit.storage.sql._rows import cause_text, hold_rows, job_row, plain_text
from taskkit.storage.sql._tables import BLOBS, CAUSES, DOCUMENTS, FIRES, HOLDS, JOBS, STEPS

#: By key: what stood there before.
Changed = Mapping[Any, Any]

_ENDS, _ALL = (*STEPS, "over"), JOBS.names[1:]
#: What changes while a job is at work on: none of it is in an index.
_QUIET = tuple(name for name in STEPS if name not in ("due", "lease", "phase"))
_OF = {columns: itemgetter(0, *map(JOBS.names.index, columns)) for columns in (_QUIET, STEPS, _ENDS, _ALL)}
_home = itemgetter(*(place for name, place in PLACES.items() if name in JOBS.columns and name not in _ENDS))


def save(line: Line, rooms: Rooms) -> list[Job]:
    """The jobs that were changed, as they stand now."""
    changed, in_hand = rooms.journal.changed(), rooms.jobs.in_hand
    jobs = changed[id(in_hand)]
    _save_jobs(line, in_hand, jobs)
    _save_fires(line, rooms, changed[id(rooms.fires.kept)], changed[id(rooms.fires.of_jobs)])
    _save_holds(line, rooms, changed[id(rooms.holds.of_jobs)], changed[id(rooms.holds.wants)])
    for place, kept in rooms.documents.tables.items():
        _save_documents(line, place, kept, changed[id(kept)])
    if named := changed[id(rooms.blobs.named)]:
        line.change(BLOBS, ("job",), [(blob, rooms.blobs.named[blob]) for blob in named])
    return [in_hand[job] for job in jobs]


def _save_jobs(line: Line, in_hand: Mapping[str, Job], changed: Changed) -> None:
    line.add(JOBS, [job_row(in_hand[id]) for id, before in changed.items() if before is ABSENT])
    moved: dict[tuple[str, ...], list[Row]] = {columns: [] for columns in _OF}
    for id, before in changed.items():
        if before is not ABSENT:
            columns = _columns(before, in_hand[id])
            moved[columns].append(_OF[columns](job_row(in_hand[id])))
    for columns, rows in moved.items():
        line.change(JOBS, columns, rows)


def _columns(before: Job, job: Job) -> tuple[str, ...]:
    """Those that may have changed: few, as each index with one of them is written anew."""
    if _home(before) != _home(job):
        return _ALL
    if job.state in FINAL:
        return _ENDS
    is_quiet = job.state in CLAIMED and before.state in CLAIMED and (before.due, before.lease) == (job.due, job.lease)
    return _QUIET if is_quiet else STEPS


def _save_fires(line: Line, rooms: Rooms, kept: Changed, of_jobs: Changed) -> None:
    line.drop(FIRES, [(fire,) for fire, before in kept.items() if before is not ABSENT and fire not in rooms.fires.kept])
    line.add(FIRES, [(fire, None) for fire, before in kept.items() if before is ABSENT and fire in rooms.fires.kept])
    joined: list[Row] = []
    for job, before in of_jobs.items():
        stood, causes = (() if before is ABSENT else before), rooms.fires.causes(job)
        if causes[: len(stood)] != stood:
            line.drop(CAUSES, [(job, place) for place in range(len(stood))])
            stood = ()
        joined += [(job, place, cause_text(cause)) for place, cause in enumerate(causes) if place >= len(stood)]
    line.add(CAUSES, joined)


def _save_holds(line: Line, rooms: Rooms, held: Changed, wanted: Changed) -> None:
    gone = [hold for changed in (held, wanted) for hold in changed.values() if hold is not ABSENT]
    line.drop(HOLDS, [row[:3] for hold in gone for row in hold_rows(hold, waits=False)])
    come = [(rooms.holds.of_jobs, held, False), (rooms.holds.wants, wanted, True)]
    line.add(HOLDS, [row for now, changed, waits in come for job in changed if job in now for row in hold_rows(now[job], waits=waits)])


def _save_documents(line: Line, place: str, kept: Mapping[str, Any], changed: Changed) -> None:
    line.drop(DOCUMENTS, [(place, id) for id, before in changed.items() if before is not ABSENT and id not in kept])
    line.put(DOCUMENTS, [(place, id, kept[id].revision, plain_text(kept[id].body), kept[id].group) for id in changed if id in kept])
