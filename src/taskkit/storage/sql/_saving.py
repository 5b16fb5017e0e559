"""What units have changed in the rooms goes back to the tables: the journal, by which a refused unit is taken back, names it."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from taskkit.storage._journal import ABSENT
from taskkit.storage._rooms import Rooms
from taskkit.storage.sql._lines import Line, Row
from taskkit.storage.sql._rows import cause_text, hold_rows, job_row, plain_text
from taskkit.storage.sql._tables import BLOBS, CAUSES, DOCUMENTS, FIRES, HOLDS, JOBS, STEPS

#: By key: what stood there before.
Changed = Mapping[Any, Any]

_ENDS, _ALL = (*STEPS, "over"), JOBS.names[1:]
_OF = {columns: itemgetter(0, *map(JOBS.names.index, columns)) for columns in (STEPS, _ENDS, _ALL)}
_HOME = itemgetter(*(place for place, name in enumerate(JOBS.names) if name not in _ENDS))
_OVER = JOBS.names.index("over")


def save(line: Line, rooms: Rooms) -> None:
    changed = rooms.journal.changed()
    _save_jobs(line, rooms.jobs.in_hand, changed[id(rooms.jobs.in_hand)])
    _save_fires(line, rooms, changed[id(rooms.fires.kept)], changed[id(rooms.fires.of_jobs)])
    _save_holds(line, rooms, changed[id(rooms.holds.of_jobs)], changed[id(rooms.holds.wants)])
    for place, kept in rooms.documents.tables.items():
        _save_documents(line, place, kept, changed[id(kept)])
    if named := changed[id(rooms.blobs.named)]:
        line.change(BLOBS, ("job",), [(blob, rooms.blobs.named[blob]) for blob in named])


def _save_jobs(line: Line, in_hand: Mapping[str, Any], changed: Changed) -> None:
    line.add(JOBS, [job_row(in_hand[id]) for id, before in changed.items() if before is ABSENT])
    moved: dict[tuple[str, ...], list[Row]] = {columns: [] for columns in _OF}
    for id, before in changed.items():
        if before is not ABSENT:
            row, stood = job_row(in_hand[id]), job_row(before)
            columns = _ALL if _HOME(row) != _HOME(stood) else STEPS if row[_OVER] is None else _ENDS
            moved[columns].append(_OF[columns](row))
    for columns, rows in moved.items():
        line.change(JOBS, columns, rows)


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
