"""The units that most jobs write, what starts a job and what ends it, each decided as a whole.

A whole does what its changes would do one after the other. It is taken as one only where nothing stands against any of them and nothing is
out of the ordinary: first all is looked at, then all is done. Else it is decided change by change, and one of them says what was refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from taskkit.facts import Fact
from taskkit.jobs import Job
from taskkit.states import FINAL, State, Step
from taskkit.storage._fires import key_of
from taskkit.storage._journal import ABSENT
from taskkit.storage._steps import PLACED_BY
from taskkit.storage.units import MOVES, Expect, Hold, Insert, Move

if TYPE_CHECKING:
    from taskkit.storage._rooms import Rooms

_AFTER_RUN: Mapping[Step, State] = {step: state for step, state in MOVES[State.RUNNING].items() if state in FINAL}
#: What no such step says: where it is found, what it stands for, how long it is claimed.
UNSAID = PLACED_BY | {"lease"}


class Wholes:
    def __init__(self, rooms: Rooms) -> None:
        self._jobs, self._fires, self._dues, self._holds = rooms.jobs, rooms.fires, rooms.dues, rooms.holds
        self._log, self._told, self._documents = rooms.journal.log, rooms.told, rooms.documents.tables
        self._held, self._wants = rooms.holds.of_jobs, rooms.holds.wants
        #: By the changes of which they are made: whether it has landed.
        self.of: dict[tuple[type[Any], ...], Callable[..., bool]] = {
            (Expect, Move, Hold, Fact): self._starts,
            (Expect, Move, Hold, Fact, Insert): self._starts,
            (Move, Fact): self._ends,
        }

    def _starts(self, expect: Expect, move: Move, hold: Hold, fact: Fact, successor: Insert | None = None) -> bool:
        """A job as its task stands, which holds something alone."""
        id, fields, job = move.job, move.fields, self._jobs.get(move.job)
        if job is None or job.state is not State.QUEUED or job.token != move.token or move.step is not Step.START:
            return False
        if move.causes is not None or hold.job != id or hold.uses or hold.slots or not UNSAID.isdisjoint(fields):
            return False
        document = self._documents[expect.table].get(expect.id)
        if document is None or document.revision != expect.revision or id in self._held or not self._holds.are_free(hold.writes):
            return False
        if successor is not None and not self._is_followed(job, successor):
            return False
        self._jobs.put(job.after(State.RUNNING, fields))
        self._holds.grant(hold)
        self._told.append(fact)
        return True

    def _is_followed(self, job: Job, successor: Insert) -> bool:
        """Whether the successor waits from now on: nobody has its name or fire, and no other job of its line and record is open."""
        new, jobs, kept = successor.job, self._jobs, self._fires.kept
        if successor.causes or new.state is not State.SCHEDULED or new.fire is None or new.id in jobs.number:
            return False
        open_jobs, key = jobs.open_ids(new), key_of(new.line, new.record, new.fire)
        if len(open_jobs) > (job.id in open_jobs) or self._fires.is_kept(key):
            return False
        self._log += (kept, key, ABSENT)
        kept[key] = None
        jobs.add(new)
        self._dues.wait(new)
        return True

    def _ends(self, move: Move, fact: Fact) -> bool:
        """A job that ran, while nobody waits for anything that others hold."""
        id, fields, job, state = move.job, move.fields, self._jobs.get(move.job), _AFTER_RUN.get(move.step)
        if job is None or state is None or job.state is not State.RUNNING or job.token != move.token:
            return False
        if self._wants or move.causes is not None or not UNSAID.isdisjoint(fields):
            return False
        ended = job.after(state, fields)
        self._jobs.put(ended)
        self._jobs.end(ended)
        self._holds.free(id)
        self._told.append(fact)
        return True
