"""What was claimed and written, told so that one can follow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from taskkit.instants import shown
from taskkit.jobs import Job
from taskkit.states import Step
from taskkit.storage import Absorb, Change, Claimed, Hold, Insert, Join, Landed, Move, Unit, Wait

_DOES = {
    Step.REPLAN: "plans {} anew", Step.ADVANCE: "brings {} forward", Step.WAKE: "wakes {}", Step.BEAT: "is alive for {}",
    Step.SAVE: "saves what {} has reached", Step.RELEASE: "gives {} back", Step.START: "starts {}", Step.DEFER: "lets {} wait",
    Step.ASK: "lets {} ask people", Step.CONSENT: "has consent for {}", Step.EXPIRE: "lets {} expire", Step.CANCEL: "cancels {}",
    Step.MERGE: "merges {}", Step.MISS: "misses {}", Step.SATISFY: "finds {} done", Step.COMPLETE: "completes {}", Step.FAIL: "fails {}",
    Step.STOP: "stops {}", Step.DOUBT: "leaves {} uncertain",
}  # fmt: skip


class Names:
    """Short names for jobs, in the order in which they are met."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, job: Job) -> str:
        about = f"{job.kind} of {job.record}" if job.record else str(job.kind)
        return self._names.setdefault(job.id, f"job {len(self._names) + 1} ({about})")

    def of_id(self, id: str) -> str:
        return self._names.get(id, id)


def claims(names: Names, claimed: Sequence[Claimed]) -> Iterator[str]:
    for one in claimed:
        again = f", rescued for the {one.job.rescues}. time" if one.job.rescues else ""
        yield f"claims {names.of(one.job)} with the token {one.job.token}{again}"


def writes(names: Names, units: Iterable[Unit], answers: Iterable[Landed]) -> Iterator[str]:
    """One line for a unit: what it does, and why it was refused where it was."""
    for unit, answer in zip(units, answers, strict=True):
        said = [text for change in unit if (text := _said(names, change))]
        if said and answer:
            yield "; ".join(said)
        elif said:
            what = _said(names, answer.change) if answer.change is not None and len(said) > 1 else ""
            yield f"is refused ({answer.refusal}{': ' + what if what else ''}): {'; '.join(said)}"


def _said(names: Names, change: Change) -> str:
    if isinstance(change, Move):
        why = f", {change.fields['why']}" if change.fields.get("why") else ""
        return _DOES[change.step].format(names.of_id(change.job)) + why
    if isinstance(change, Insert):
        return f"plans {names.of(change.job)} for {shown(change.job.due):HH:mm:ss}"
    if isinstance(change, Join):
        return f"lets a reason join {names.of_id(change.cause.job)}"
    if isinstance(change, Absorb):
        return f"hands the reasons of {names.of_id(change.job)} to {names.of_id(change.into)}"
    if isinstance(change, Wait):
        return f"lets {names.of_id(change.hold.job)} wait for {', '.join(change.hold.keys)}"
    return f"holds {', '.join(change.writes)}" if isinstance(change, Hold) and len(change.writes) > 1 else ""
