"""What most jobs write, as few values: the start of a job that is like others of its batch, and an end of which there is nothing to tell.

Each is a unit like any other. Its changes are made when somebody looks at them, and the memory store decides it without a look.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from taskkit.facts import Fact
from taskkit.instants import Instant
from taskkit.jobs import Job
from taskkit.states import Step
from taskkit.storage.units import Change, Expect, Hold, Insert, Move


class Unmade(Sequence[Change]):
    """A unit whose changes nobody has looked at yet."""

    __slots__ = ("_made",)
    _made: tuple[Change, ...] | None

    @abstractmethod
    def make(self) -> tuple[Change, ...]:
        """The changes, in their order."""

    @property
    def changes(self) -> tuple[Change, ...]:
        made = self._made
        if made is None:
            made = self._made = self.make()
        return made

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __bool__(self) -> bool:
        return True  # nobody has to look for that

    def __len__(self) -> int:
        return len(self.changes)

    def __getitem__(self, place: Any) -> Any:
        return self.changes[place]


class Starts(NamedTuple):
    """What the starts of jobs have in common that differ in id, record, host, revision and token alone."""

    still: Expect
    fields: Mapping[str, Any]
    at: Instant
    told: Mapping[str, Any]
    #: What follows the first of them; nothing, where nothing follows any.
    successor: Job | None = None


class Start(Unmade):
    """A job starts as others do, holds one thing alone, and is followed by one that has this id."""

    __slots__ = ("following", "job", "own", "starts")

    def __init__(self, starts: Starts, job: Job, own: str, following: str = "") -> None:
        self._made = None
        self.starts, self.job, self.own, self.following = starts, job, own, following

    def make(self) -> tuple[Change, ...]:
        starts, job = self.starts, self.job
        move, hold = Move(job.id, Step.START, None, job.token, starts.fields), Hold(job.id, job.wanted, (self.own,))
        fact = Fact("JobStarted", starts.at, job.id, job.task, job.line, job.record, None, starts.told)
        if starts.successor is None:
            return starts.still, move, hold, fact
        return starts.still, move, hold, fact, Insert(starts.successor.like(self.following, job))


class End(Unmade):
    """A job is done, and there is nothing to tell of it."""

    __slots__ = ("at", "job")

    def __init__(self, job: Job, at: Instant) -> None:
        self._made = None
        self.job, self.at = job, at

    def make(self) -> tuple[Change, ...]:
        job, at = self.job, self.at
        fact = Fact("JobCompleted", at, job.id, job.task, job.line, job.record)
        return Move(job.id, Step.COMPLETE, None, job.token, {"ended": at}), fact
