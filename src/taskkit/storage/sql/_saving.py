"""What units have changed in the rooms goes back to the tables: the journal, by which a refused unit is taken back, names it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from taskkit.jobs import Job
from taskkit.storage._journal import ABSENT
from taskkit.storage._rooms import Rooms
from taskkit.storage.sql._changes import Cells, cells_of
from taskkit.storage.sql._lines import Line, Row
from taskkit.storage.sql._rows import cause_text, hold_rows, job_row, plain_text
from taskkit.storage.sql._tables import BLOBS, CAUSES, DOCUMENTS, FIRES, HOLDS, JOBS

#: By key: what stood there before.
Changed = Mapping[Any, Any]


def save(line: Line, rooms: Rooms) -> tuple[list[Job], bool]:
    """The jobs that were changed, as they stand now, but for those of which there is a row alone; and whether any document was."""
    in_hand, fires, holds, named, documents = rooms.jobs.in_hand, rooms.fires, rooms.holds, rooms.blobs.named, rooms.documents.tables
    jobs, kept, of_jobs, held, wanted, blobs, *changed = rooms.journal.changed(
        in_hand, fires.kept, fires.of_jobs, holds.of_jobs, holds.wants, named, *documents.values()
    )
    _save_jobs(line, in_hand, jobs)
    _save_fires(line, rooms, kept, of_jobs)
    _save_holds(line, rooms, held, wanted)
    for (place, table), written in zip(documents.items(), changed, strict=True):
        _save_documents(line, place, table, written)
    line.change(BLOBS, ("job",), [(blob, named[blob]) for blob in blobs])
    return [one for id in jobs if isinstance(one := in_hand[id], Job)], any(changed)


def _save_jobs(line: Line, in_hand: Mapping[str, Job], changed: Changed) -> None:
    added = [in_hand[id] for id, before in changed.items() if before is ABSENT]
    line.add(JOBS, [job_row(one) if isinstance(one, Job) else one for one in added])
    moved: defaultdict[Cells, list[Row]] = defaultdict(list)
    for id, before in changed.items():
        if before is not ABSENT:
            cells, job = cells_of(before, in_hand[id]), in_hand[id]
            moved[cells].append(cells.row(job))
    for cells, rows in moved.items():
        line.change(JOBS, cells.columns, rows)


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
    line.drop(HOLDS, [row[: HOLDS.keys] for hold in gone for row in hold_rows(hold, waits=False)])
    come = [(rooms.holds.of_jobs, held, False), (rooms.holds.wants, wanted, True)]
    line.add(HOLDS, [row for now, changed, waits in come for job in changed if job in now for row in hold_rows(now[job], waits=waits)])


def _save_documents(line: Line, place: str, kept: Mapping[str, Any], changed: Changed) -> None:
    line.drop(DOCUMENTS, [(place, id) for id, before in changed.items() if before is not ABSENT and id not in kept])
    line.put(DOCUMENTS, [(place, id, kept[id].revision, plain_text(kept[id].body), kept[id].group) for id in changed if id in kept])
