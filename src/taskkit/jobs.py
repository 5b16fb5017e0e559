"""A job and its causes, as they are kept. What moves them stands in `states`.

A job is a tuple with names: each step makes a new one, and a tuple is copied, kept and passed over by the garbage collector faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from taskkit.instants import Instant
from taskkit.states import CLAIMED, PENDING, State


class Kind(StrEnum):
    """What made a job."""

    OCCURRENCE = "occurrence"  #: an interval
    FIRED = "fired"  #: a happening
    DEMAND = "demand"  #: a person
    FALLBACK = "fallback"  #: the failure of another
    PART = "part"  #: one record of a run over many
    RECOVERY = "recovery"  #: an intent that is still open


class Why(StrEnum):
    """Why a job waits, or why it ended without running."""

    WINDOW = "window"
    SPREAD = "spread"
    SUSPENDED = "suspended"
    CONSENT = "consent"
    SESSION = "session"
    BUSY = "busy"
    HOST_PAUSED = "host_paused"
    VAULT_AWAY = "vault_away"
    CONDUCTING = "conducting"
    NOT_NOW = "not_now"
    RELEASED = "released"
    LATE = "late"
    PASSED_OVER = "passed_over"
    INACTIVE = "inactive"
    EDITED = "edited"
    ENDED = "ended"
    MISFIT = "misfit"
    REMOVED = "removed"
    RECORD_REMOVED = "record_removed"
    RIGHTS = "rights"
    SATISFIED = "satisfied"
    GAVE_UP = "gave_up"
    BY_PERSON = "by_person"
    ASKED_TO_STOP = "asked_to_stop"
    LIST_CHANGED = "list_changed"
    RESCUES = "rescues"
    GUARD = "guard"
    MERGED = "merged"
    UNCERTAIN = "uncertain"
    NO_CONSENT = "no_consent"


class Cause(NamedTuple):
    """Why a job is there: a happening or a demand. What an interval wants is on the job itself."""

    job: str
    fire: str
    kind: str
    policy: str
    at: Instant
    due: Instant
    happening: str = ""
    quiet: bool = False
    give_up_at: Instant | None = None
    then: str = "run"
    who: str | None = None
    origin: tuple[str, ...] = ()
    via: tuple[str, str | None] | None = None  #: the task and record that want it, where they are not those of the job (R2)


class Job(NamedTuple):
    """One piece of work for one or more fires. Times are instants; what a person reads is made from it by the history."""

    id: str
    kind: Kind
    task: str
    line: str
    planned_for: int  #: the revision of the task that it was planned for
    record: str | None
    due: Instant  #: when it is looked at next
    wanted: Instant  #: when it was due first
    created: Instant
    pool: str = "local"
    via: tuple[str, str | None, int] | None = None  #: the triggering task, record and revision, where they are others (R2)
    target_fallback: bool = False
    origin: tuple[str, ...] = ()
    conducts: bool = False
    host: str | None = None
    # what follows is new in each job
    state: State = State.SCHEDULED
    revision: int = 1
    # what an interval wants
    at: int | None = None  #: the second of the occurrence
    nominal: str | None = None
    fire: str | None = None  #: the nominal, while this job stands for it: kept once for a line and record (J5)
    policy: str = ""
    missed: int = 0  #: how many occurrences it stands for, where they are several
    missed_first: int | None = None
    missed_last: int | None = None
    # what led here
    series: str | None = None
    cycle: int = 0
    execution: str | None = None
    demanded_by: str | None = None
    forced: bool = False
    manual: bool = False
    # where it stands
    why: str | None = None
    waits: int = 0  #: how often the same reason made it wait
    token: int | None = None
    lease: Instant | None = None
    worker: str | None = None
    node: str | None = None
    rescues: int = 0
    started: Instant | None = None
    turned_at: Instant | None = None
    ended: Instant | None = None
    memo: Mapping[str, Any] | None = None
    progress: tuple[int, int, str] | None = None
    consented: str | None = None
    asks_until: Instant | None = None
    digest: str | None = None
    summary: str | None = None
    stop: str | None = None
    # how it ended
    error: str | None = None
    text: str = ""
    result: Mapping[str, Any] | None = None
    operations: tuple[Mapping[str, Any], ...] = ()
    blobs: tuple[str, ...] = ()
    version: int | None = None  #: of the script's definition that it ran
    into: str | None = None
    account: str | None = None

    def with_(self, changes: Mapping[str, Any]) -> Job:
        """The same job, changed; values were checked when they were made, so nothing is checked again."""
        row = list(self)
        for name, value in changes.items():
            row[PLACES[name]] = value
        return tuple.__new__(Job, row)

    def after(self, state: State, changes: Mapping[str, Any]) -> Job:
        """The same job after a step: changed, at its next revision, and nobody's where nobody works on it any more."""
        row = list(self)
        for name, value in changes.items():
            row[PLACES[name]] = value
        row[_STATE], row[_REVISION] = state, self.revision + 1
        if state not in CLAIMED and self.state in CLAIMED:
            row[_TOKEN] = row[_LEASE] = row[_WORKER] = None
        return tuple.__new__(Job, row)

    def afresh(self, changes: Mapping[str, Any]) -> Job:
        """A new job for the same work: where this one stands and how it ended is not taken over."""
        row = [*self[:_FRESH], *_UNTOUCHED]
        for name, value in changes.items():
            row[PLACES[name]] = value
        return tuple.__new__(Job, row)

    def like(self, id: str, other: Job) -> Job:
        """The same job under another name, for the record and host of another."""
        row = list(self)
        row[_ID], row[_RECORD], row[_HOST] = id, other.record, other.host
        return tuple.__new__(Job, row)

    @property
    def is_pending(self) -> bool:
        return self.state in PENDING

    @property
    def is_demanded(self) -> bool:
        return self.kind is Kind.DEMAND or self.manual

    @property
    def is_conducting(self) -> bool:
        """A run over many that has begun: its parts are its work, and it must also get to its end (R6)."""
        return self.conducts and self.started is not None

    @property
    def is_at_work(self) -> bool:
        """Somebody has claimed it, or it waits for its parts: it is stopped, and not canceled (J6). For people it only waits."""
        return self.state in CLAIMED or (self.is_conducting and self.state in _WAITS_FOR_PARTS)

    @property
    def trigger(self) -> tuple[str, str | None]:
        """The task and record whose policy made it."""
        return self.via[:2] if self.via else (self.task, self.record)

    @property
    def kept_with(self) -> str:
        """By whose id it is kept and forgotten: the run over many that it is a part of, or the first of its series of tries (J8)."""
        if self.execution is not None:
            return self.execution
        return self.id if self.series is None else self.series

    @property
    def seat(self) -> tuple[str, ...] | None:
        """What only one job may have that waits for its first start: one occurrence for a trigger, one fired for a line and record (P4)."""
        if self.started is not None:
            return None
        kind = self.kind
        if kind is _OCCURRENCE:
            seat, via = ("occurrence", self.line, self.record or ""), self.via
            return (*seat, via[0], via[1] or "") if via else seat
        if kind is _FIRED or kind is _FALLBACK:
            return "fired", self.line, self.record or ""
        return None


_OCCURRENCE, _FIRED, _FALLBACK = Kind.OCCURRENCE, Kind.FIRED, Kind.FALLBACK  # by name alone: the class takes three times as long
#: What happenings make, and what is tried again: one of these waits for a line and record (P4).
OF_HAPPENINGS = (Kind.FIRED, Kind.FALLBACK)
_WAITS_FOR_PARTS = (State.DEFERRED, State.SCHEDULED)
#: Where each of its values stands.
PLACES = {name: place for place, name in enumerate(Job._fields)}
_FRESH = PLACES["state"]
_ID, _RECORD, _HOST = map(PLACES.__getitem__, ("id", "record", "host"))
_STATE, _REVISION, _TOKEN, _LEASE, _WORKER = map(PLACES.__getitem__, ("state", "revision", "token", "lease", "worker"))
_UNTOUCHED: tuple[Any, ...] = tuple(Job._field_defaults[name] for name in Job._fields[_FRESH:])
