"""After others have written, what starts and ends that are alike go by is asked anew for all of them together.

What is as it was is known again, and these are decided as if nobody had written. All else is loaded, and decided change by change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taskkit.storage._alike import End, Start
from taskkit.storage.sql._known import Known
from taskkit.storage.sql._lines import Line, Question
from taskkit.storage.sql._loading import ANYBODY_WAITS, DOCUMENTS, HOLDERS, HOLDS, STANDS, load_documents
from taskkit.storage.sql._rooms import WriteRooms
from taskkit.storage.sql._rows import holds_of, place_of
from taskkit.storage.sql._tables import LENT
from taskkit.storage.units import Unit

_TAKEN = f"SELECT DISTINCT place FROM taskkit_jobs WHERE place IN {{these}} AND over IS NULL AND phase < {LENT}"  # noqa: S608  our own words


def reassure(line: Line, units: Sequence[Unit], known: Known, rooms: WriteRooms) -> None:
    """Where somebody waits for what others hold, nothing is known again: who comes next is a longer story then. Else an end asks
    nothing about holds, as whatever its job has goes."""
    alike: list[Any] = [unit for unit in units if isinstance(unit, Start | End)]
    if known.has_holds or not alike:
        return
    starts = [unit for unit in alike if isinstance(unit, Start)]
    begins, owns = [start.job.id for start in starts], [start.own for start in starts]
    places = {place_of(start.job.line, start.job.record): (start.job.line, start.job.record) for start in starts}
    doubted, documents = known.doubted([unit.job.id for unit in alike]), dict[str, list[str]]()
    for still in dict.fromkeys(start.starts.still for start in starts):
        documents.setdefault(still.table, []).append(still.id)
    asked = [(STANDS, doubted), (HOLDS, begins), (HOLDERS, owns), (_TAKEN, places)]
    questions = [Question(sql, (), tuple(these)) for sql, these in asked]
    questions += [Question(DOCUMENTS, (table,), tuple(names)) for table, names in documents.items()]
    waits, stand, held, holders, taken, *found = line.ask([Question(ANYBODY_WAITS), *questions])
    if waits:
        return
    known.trust_again(id for id, *now in stand if [doubted[id].revision, doubted[id].token] == now)
    known.alone.update(places[name] for name in places.keys() - {name for (name,) in taken})
    known.meets_all_holds = True
    rooms.holds.load(holds_of({*held, *holders}))
    load_documents(rooms, known, documents, found)
