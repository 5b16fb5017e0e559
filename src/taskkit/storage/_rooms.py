"""Where units are decided: a room for each kind of thing that is kept, and what each change does there.

The memory store has everything in such rooms. A store in a database loads what some units are about, and writes what they changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from taskkit.facts import Fact
from taskkit.storage._blobs import Blobs
from taskkit.storage._documents import Documents
from taskkit.storage._dues import Dues
from taskkit.storage._fires import Fires
from taskkit.storage._holds import Holds
from taskkit.storage._jobs import Jobs
from taskkit.storage._journal import Journal
from taskkit.storage._steps import Steps
from taskkit.storage._wholes import Wholes
from taskkit.storage.units import LANDED, Absorb, Expect, Free, Hold, Insert, Join, Keep, Landed, Move, Name, Refusal, Unit, Wait


class Rooms:
    def __init__(self, jobs: type[Jobs] = Jobs, dues: type[Dues] = Dues) -> None:
        journal = self.journal = Journal()
        self.jobs, self.fires = jobs(journal), Fires(journal)
        self.dues, self.holds = dues(journal, self.jobs), Holds(journal, self.jobs)
        self.documents, self.blobs = Documents(journal), Blobs(journal)
        #: The facts of the units that have landed, in order, or their texts.
        self.told: list[Any] = []
        steps = Steps(journal, self.jobs, self.fires, self.dues, self.holds)
        self.apply: dict[type[Any], Callable[[Any], Refusal | None]] = {
            Expect: self.documents.expect, Insert: steps.insert, Move: steps.move, Join: steps.join, Absorb: steps.absorb,
            Hold: self.holds.take, Wait: self.holds.wait, Free: self.holds.release, Keep: self.documents.keep, Name: self.blobs.name,
            Fact: self.told.append,
        }  # fmt: skip
        self._wholes = Wholes(self).of
        #: What decides units whose changes nobody has looked at yet, where everything is in these rooms: how many of them, from a place on.
        self.nights: Mapping[type[Any], Callable[[Sequence[Any], int], int]] = {}

    def land_all(self, units: Sequence[Unit]) -> list[Landed]:
        """One after the other, and together those that are alike."""
        landed, count = list[Landed](), len(units)
        while (place := len(landed)) < count:
            unit = units[place]
            night = self.nights.get(type(unit))
            if night is not None and (together := night(units, place)):
                landed += [LANDED] * together
            else:
                landed.append(self.land(unit))
        return landed

    def land(self, unit: Unit) -> Landed:
        """All of it, or nothing."""
        whole = self._wholes.get(tuple(map(type, unit)))
        return LANDED if whole is not None and whole(*unit) else self._land(unit)

    def _land(self, unit: Unit) -> Landed:
        """Change by change."""
        apply, freed, told = self.apply, self.holds.freed, self.told
        mark, said = len(self.journal.log), len(told)
        freed.clear()
        for change in unit:
            if (refusal := apply[type(change)](change)) is not None:
                self.journal.take_back(mark)
                del told[said:]
                return Landed(refusal, change)
        return Landed(freed=tuple(dict.fromkeys(freed))) if freed else LANDED
