"""What a task wants of a happening: one wish for one fire, whichever and however many of its policies ask (P1, T9)."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

from attrs import frozen

from taskkit.checks import is_keepable
from taskkit.engine._border import name_of
from taskkit.engine._targets import Aim
from taskkit.errors import InvalidValue
from taskkit.events.happenings import Happening
from taskkit.events.policies import Due, Policy
from taskkit.instants import SECOND, Instant, shown
from taskkit.jobs import Cause, Job, Kind
from taskkit.tasks import Task


@frozen(slots=False)
class Wish:
    """One happening that a task wants."""

    aim: Aim
    trigger: Task
    policy: str
    due: Due
    happening: Happening
    at: Instant
    ended: bool = False

    @property
    def fire(self) -> str:
        return self.due.fire or self.happening.identity

    @property
    def record(self) -> str | None:
        """Where it runs."""
        return self.aim.record.id if self.aim.record else None

    @property
    def place(self) -> tuple[str, str | None]:
        """Wishes for two places do not meet; where bursts are counted, all of a task do (A8)."""
        task = self.aim.task
        return task.line, self.record if task.guard.burst is None else None

    @property
    def origin(self) -> tuple[str, ...]:
        """The path of task lines that leads to what it makes (P5)."""
        return tuple(dict.fromkeys((*self.happening.origin, self.trigger.line, self.aim.task.line)))

    def cause(self, job: str) -> Cause:
        due, happening = self.due, self.happening
        give_up = None if due.max_defer is None else self.at + due.max_defer * SECOND
        user = getattr(happening, "user", None)
        return Cause(
            job, self.fire, happening.kind, self.policy, self.at, self.at + due.after * SECOND, happening.id, due.quiet, give_up, due.then,
            user, happening.origin, self.aim.via[:2] if self.aim.via else None,
        )  # fmt: skip


@frozen
class Failure:
    """A policy of somebody else's that raised, or answered what is no Due."""

    policy: str
    error: str


@frozen
class Wanted:
    """What one policy answers."""

    due: Due
    policy: str
    #: Whether it wants nothing any more after this.
    ended: bool


def must_be_sayable(happening: Happening) -> None:
    """A class of somebody else's may say anything of itself, or nothing: that is refused before any store is asked to keep it."""
    try:
        user = getattr(happening, "user", None)
        said = [happening.kind, happening.record, happening.id, happening.identity, *(() if user is None else (user,))]
        case = "" if all(isinstance(one, str) and is_keepable(one) for one in said) else "no store can keep what it says of itself"
    except Exception as error:
        case = f"it cannot say what it is: {type(error).__name__}"
    if case:
        helps = "its kind, record, id and identity, and its user where it has one, are texts that can be encoded, without NUL"
        raise InvalidValue(f"taking in a {type(happening).__name__}", case, helps)


def asked_of(task: Task, happening: Happening, at: Instant) -> Iterator[Wanted | Failure]:
    """What each policy of the task answers; what one of them raises is the trouble of that one alone."""
    for policy in task.policies:
        if not isinstance(policy, Policy):
            continue
        try:
            due: Any = policy.wants(happening)
            ended = due is not None and _has_ended(policy, at)
        except Exception as error:
            yield Failure(policy.kind, type(error).__name__)
            continue
        if isinstance(due, Due):
            yield Wanted(due, name_of(policy), ended)
        elif due is not None:
            yield Failure(policy.kind, f"a {type(due).__name__} is no Due")


def chosen(answers: list[Wanted]) -> tuple[Due, str, bool]:
    """The earliest, and of two at once the one that waits for less; all that asked; whether all of them have ended."""
    due = min((one.due for one in answers), key=lambda due: (due.after, due.quiet, due.max_defer or inf))
    return due, "; ".join([one.policy for one in answers]), all(one.ended for one in answers)


def _has_ended(policy: Policy, at: Instant) -> bool:
    """Most never do, and need not be shown the moment."""
    return type(policy).has_ended is not Policy.has_ended and policy.has_ended(shown(at))


def takes(job: Job, at: Instant) -> bool:
    """Whether a happening of this moment belongs to this job (P4)."""
    if job.kind in (Kind.PART, Kind.RECOVERY) or (job.is_pending and job.kind in (Kind.OCCURRENCE, Kind.DEMAND)):
        return False
    return job.turned_at is None or at < job.turned_at


def waiting_first(job: Job) -> tuple[bool, bool, Instant]:
    return not job.is_pending, job.kind is Kind.OCCURRENCE, job.due
