"""What units have changed in the rooms goes back to the tables: the journal, by which a refused unit is taken back, names it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from taskkit.jobs import Job
from taskkit.records import EMPTY
from taskkit.storage import Document
from taskkit.storage._alike import Start
from taskkit.storage._journal import ABSENT
from taskkit.storage._rooms import Rooms
from taskkit.storage.sql._changes import Cells, cells_of
from taskkit.storage.sql._lines import Line, Row
from taskkit.storage.sql._rows import cause_row, hold_rows, job_row, place_of, plain_text
from taskkit.storage.sql._tables import BLOBS, CAUSES, DOCUMENTS, FIRES, HOLDS, JOBS

#: By key: what stood there before.
Changed = Mapping[Any, Any]


def save(line: Line, rooms: Rooms) -> list[Job]:
    """The jobs that were changed, as they stand now, but for those that follow starts that are alike."""
    in_hand, fires, holds, named, documents = rooms.jobs.in_hand, rooms.fires, rooms.holds, rooms.blobs.named, rooms.documents.tables
    jobs, kept, of_jobs, held, wanted, blobs, *changed = rooms.journal.changed(
        in_hand, fires.kept, fires.of_jobs, holds.of_jobs, holds.wants, named, *documents.values()
    )
    if jobs:
        _save_jobs(line, in_hand, jobs)
    if kept or of_jobs:
        _save_fires(line, rooms, kept, of_jobs)
    if held or wanted:
        _save_holds(line, rooms, held, wanted)
    for (place, table), written in zip(documents.items(), changed, strict=True):
        if written:
            _save_documents(line, place, table, written)
    if blobs:
        line.change(BLOBS, ("job",), [(blob, named[blob]) for blob in blobs])
    return [one for id in jobs if isinstance(one := in_hand[id], Job)]


def _save_jobs(line: Line, in_hand: Mapping[str, Any], changed: Changed) -> None:
    added = [in_hand[id] for id, before in changed.items() if before is ABSENT]
    for _, several in groupby(added, _together):  # in their order: by it they get their numbers
        _add_jobs(line, list(several))
    moved: defaultdict[Cells, list[Row]] = defaultdict(list)
    for id, before in changed.items():
        if before is not ABSENT:
            cells, job = cells_of(before, in_hand[id]), in_hand[id]
            moved[cells].append(cells.row(job))
    for cells, rows in moved.items():
        line.change(JOBS, cells.columns, rows)


def _together(added: Job | Start) -> int:
    """What can be added at once: jobs, or what follows starts that are alike."""
    return id(added.starts) if isinstance(added, Start) else 0


def _add_jobs(line: Line, added: Sequence[Any]) -> None:
    if isinstance(first := added[0], Job):
        line.add(JOBS, [job_row(job) for job in added])
        return
    shared = dict(zip(JOBS.names, job_row(first.starts.successor), strict=True))
    jobs = [start.job for start in added]
    told: dict[str, Sequence[Any]] = {
        "id": [start.following for start in added], "record": [job.record for job in jobs], "host": [job.host for job in jobs],
        "place": [place_of(shared["line"], job.record) for job in jobs],
    }  # fmt: skip
    line.add_alike(JOBS, {name: value for name, value in shared.items() if name not in told}, told)


def _save_fires(line: Line, rooms: Rooms, kept: Changed, of_jobs: Changed) -> None:
    line.drop(FIRES, [(fire,) for fire, before in kept.items() if before is not ABSENT and fire not in rooms.fires.kept])
    if added := [fire for fire, before in kept.items() if before is ABSENT and fire in rooms.fires.kept]:
        line.add_alike(FIRES, {"ended": None}, {"fire": added})
    joined: list[Row] = []
    for job, before in of_jobs.items():
        stood, causes = (() if before is ABSENT else before), rooms.fires.causes(job)
        if causes[: len(stood)] != stood:
            line.drop(CAUSES, [(job, place) for place in range(len(stood))])
            stood = ()
        joined += [cause_row(place, cause) for place, cause in enumerate(causes) if place >= len(stood)]
    line.add(CAUSES, joined)


def _save_holds(line: Line, rooms: Rooms, held: Changed, wanted: Changed) -> None:
    """What a job holds or waits for stands there anew, or goes with all that it had."""
    line.drop_all(HOLDS, list(dict.fromkeys(job for changed in (held, wanted) for job, hold in changed.items() if hold is not ABSENT)))
    come = [(rooms.holds.of_jobs, held, False), (rooms.holds.wants, wanted, True)]
    line.add(HOLDS, [row for now, changed, waits in come for job in changed if job in now for row in hold_rows(now[job], waits=waits)])


def _save_documents(line: Line, place: str, kept: dict[str, Document], changed: Changed) -> None:
    """What stays in the room is at which revision each stands: the next write need not ask for it."""
    line.drop(DOCUMENTS, [(place, id) for id, before in changed.items() if before is not ABSENT and id not in kept])
    line.put(DOCUMENTS, [(place, id, kept[id].revision, plain_text(kept[id].body), kept[id].group) for id in changed if id in kept])
    kept.update([(id, Document(id, one.revision, EMPTY, one.group)) for id in changed if (one := kept.get(id)) is not None])
