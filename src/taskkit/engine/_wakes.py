"""Who waited for people is woken when they let it go on, also where whoever does that dies on the way: their unit leaves a chore."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from taskkit.engine._pages import pages
from taskkit.engine._waits import woken_by, written
from taskkit.jobs import Job, Why
from taskkit.states import State
from taskkit.storage import Keep, Query, Unit

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.storage import Document, Storage

CHORES = "chore"
_WAKE = "wake:"


def to_wake(storage: Storage, what: str, why: Why, **whom: str | None) -> Keep:
    """The change by which a unit leaves it to be done; `whom` is what a `Query` knows jobs by."""
    kept = storage.document(CHORES, _WAKE + what)
    return Keep(CHORES, _WAKE + what, kept.revision if kept else 0, {"why": why.value, **whom})


def wakes(chore: Document) -> bool:
    return chore.id.startswith(_WAKE)


def move_all(ground: Ground, query: Query, unit: Callable[[Job], Unit]) -> int:
    """What the jobs that a query finds are moved by, a page at a time; how many were."""
    found = pages(ground.storage, query, 500)
    return sum(sum(map(bool, written(ground, [made for job in jobs if (made := unit(job))]))) for jobs in found)


def wake_all(ground: Ground, query: Query) -> int:
    """Everything that a query finds is due now; how much."""
    return move_all(ground, query, lambda job: woken_by(job, ground.now()))


def wake_left(ground: Ground, what: str) -> None:
    """What a unit has just left."""
    if (chore := ground.storage.document(CHORES, _WAKE + what)) is not None:
        wake_for(ground, chore)


def wake_for(ground: Ground, chore: Document) -> bool:
    """Twice is once: who was woken does not wait any more."""
    whom = {name: value for name, value in chore.body.items() if name != "why"}
    wake_all(ground, Query(states=State.DEFERRED, why=Why(chore.body["why"]), **whom))
    return bool(ground.storage.write([(Keep(CHORES, chore.id, chore.revision, None),)])[0])
