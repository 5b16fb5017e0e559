"""Claimed jobs that differ in nothing but their names, records and hosts, as most of a night's do: what they share is found out once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from taskkit.facts import Fact
from taskkit.jobs import PLACES, Job
from taskkit.storage import Expect, Hold, Insert, Move, Unit
from taskkit.storage._alike import Starts

if TYPE_CHECKING:
    from taskkit.engine._cases import Case
    from taskkit.engine._gates import Instead
    from taskkit.engine._lookups import Kin

_OWN = frozenset({"id", "record", "host", "created", "revision", "token"})
_APART = (-1, *sorted(map(PLACES.__getitem__, _OWN)), len(PLACES))
#: All that jobs of one cohort have in common: what stands beside each other is taken at once.
likeness: Callable[[Job], tuple[Any, ...]] = itemgetter(*(slice(one + 1, other) for one, other in pairwise(_APART) if one + 1 < other))


class Cohort:
    """Of one batch: all of it is judged by what was read for that batch, at one time."""

    __slots__ = ("following", "gates", "is_one", "is_rerun", "kin", "likeness", "reason", "starts", "turning")

    def __init__(self, kin: Kin, alike: tuple[Any, ...], *, is_one: bool) -> None:
        self.kin, self.likeness = kin, alike
        #: Nobody else was claimed with it, so nothing is to be shared.
        self.is_one = is_one
        #: Those that may still refuse one of them: once they have let one pass, without those that say the same of all.
        self.gates: tuple[Callable[[Case], Instead | None], ...] | None = None
        self.turning: Mapping[str, Any] | None = None  #: what its start makes of each
        self.reason: Mapping[str, Any] | None = None  #: why each starts, for the fact of that
        self.following: tuple[Expect, Job] | None = None  #: what the first of them added for its successor, where that goes for all
        self.is_rerun: bool | None = None  #: whether they are parts that go without their conductor, once somebody has asked
        self.starts: Starts | None = None  #: what the units that start them have in common, where nothing but the host may keep one from it


def starts_of(unit: Unit) -> Starts | None:
    """What is not one job's own in a unit that starts it; None where the unit says more than such units do."""
    match unit:
        case (Expect() as still, Move(fields=fields, causes=None), Hold(writes=(_,), uses=(), slots=()), Fact() as fact):
            return Starts(still, fields, fact.at, fact.details)
        case (Expect() as still, Move(fields=fields, causes=None), Hold(writes=(_,), uses=(), slots=()), Fact() as fact, Insert(job, ())):
            return Starts(still, fields, fact.at, fact.details, job)
    return None
