"""What can be written: changes are values; a unit, some of them in order, lands as a whole or not at all (J2).

They are tuples with names, since a batch of jobs makes some thousand of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from attrs import field, frozen

from taskkit.facts import Fact
from taskkit.instants import Instant
from taskkit.jobs import Cause, Job
from taskkit.records import EMPTY
from taskkit.states import TABLE, State, Step


class Expect(NamedTuple):
    """A guard: this revision of a document still stands."""

    table: str
    id: str
    revision: int


class Insert(NamedTuple):
    """A new job with its causes: refused where its seat is taken or one of its fires is kept already (P4, J5).

    A seat is taken while any other pending job has it; what a worker sends back always lands, beside whoever took its seat meanwhile.
    """

    job: Job
    causes: tuple[Cause, ...] = ()


class Move(NamedTuple):
    """A step of a job: by revision while nobody has claimed it, by token while somebody has.

    What it says of line, record and fire moves the fires that the job has kept. A job that ends holds nothing and waits for nothing; one
    that is sent back or planned anew waits for nothing that it wanted before.

    Who ends a job without a run names how many causes were judged: refused where there are others by now, since a cause joins it without
    asking its owner.
    """

    job: str
    step: Step
    revision: int | None = None
    token: int | None = None
    fields: Mapping[str, Any] = EMPTY
    causes: int | None = None


class Join(NamedTuple):
    """One more cause for a job: refused once it has turned, or where the fire is kept already.

    While it is pending, it is due and wanted no later than the cause. Nothing that its owner guards changes, not even its revision.
    """

    cause: Cause


class Absorb(NamedTuple):
    """The causes of one job move to another (P4)."""

    job: str
    into: str


class Hold(NamedTuple):
    """What a job holds from now on, all or none: `writes` alone, `uses` beside others, `slots` as many as the limit says (R4).

    What it held before is given back, so saying it again changes nothing. A job that has ended holds nothing.
    """

    job: str
    wanted: Instant
    writes: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    slots: tuple[tuple[str, int], ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return (*self.writes, *self.uses, *(key for key, _ in self.slots))


class Wait(NamedTuple):
    """A job waits for what a refused `Hold` wanted, and bars those that want it later and cannot hold it beside it."""

    hold: Hold


class Free(NamedTuple):
    """A job holds nothing any more, and waits for nothing."""

    job: str


class Keep(NamedTuple):
    """A document at its next revision: `revision` is the one it replaces, 0 for a new one. Without a body it is removed.

    The body is kept as JSON: a tuple comes back as a list, and what JSON cannot tell lets the whole write fail.
    """

    table: str
    id: str
    revision: int
    body: Mapping[str, Any] | None
    group: str = ""


class Name(NamedTuple):
    """A blob becomes visible."""

    blob: str
    job: str


#: What a `Move` may do: all steps but those of a claim, which only `claim` takes.
MOVES: Mapping[State, Mapping[Step, State]] = {
    state: {step: after for step, after in steps.items() if step not in (Step.CLAIM, Step.RESCUE)} for state, steps in TABLE.items()
}
#: A fact joins the chain of the writing process.
Change = Expect | Insert | Move | Join | Absorb | Hold | Wait | Free | Keep | Name | Fact
Unit = Sequence[Change]


class Refusal(StrEnum):
    """Why a unit did not land."""

    REVISION = "revision"  #: somebody changed it first, or made it
    TOKEN = "token"  # noqa: S105  a newer claim owns the job
    STEP = "step"  #: its state does not take this step
    SEAT = "seat"  #: there is such a pending job already
    FIRE = "fire"  #: it was kept before: twice is once
    TURNED = "turned"  #: the job has turned, or ended; or it has other causes than were judged
    BUSY = "busy"  #: others hold it
    ABSENT = "absent"  #: there is no such job or blob


@frozen
class Landed:
    """The answer to one unit."""

    refusal: Refusal | None = None
    #: The change that was refused.
    change: Change | None = field(default=None, repr=False)
    #: What the unit gave back, or wants no more, and others wait for: whoever wrote it wakes them (R4).
    freed: tuple[str, ...] = field(default=(), eq=False)

    def __bool__(self) -> bool:
        return self.refusal is None


LANDED = Landed()
