"""What was, told from facts alone: the jobs that stood around a moment, and what stood against a run then (A6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from taskkit.engine._explanations import Because, Factor
from taskkit.engine._words import Words
from taskkit.facts import Fact
from taskkit.instants import MINUTE, Instant

if TYPE_CHECKING:
    from taskkit.storage import Storage

#: What ends a job, and the word for it.
_ENDS = {
    "JobCompleted": "completed", "JobFailed": "failed", "JobUncertain": "ended, and nobody knows how", "JobStopped": "stopped",
    "JobSatisfied": "was not needed", "JobCanceled": "was canceled", "JobMissed": "was missed", "JobMerged": "was done by another job",
    "ConsentExpired": "got no consent in time", "Declined": "was declined",
}  # fmt: skip
_ENGINE = "engine"


@frozen(slots=False)
class Story:
    """What facts tell of one job, in the order of their times."""

    facts: Sequence[Fact]
    started: Fact | None = field(init=False)
    ended: Fact | None = field(init=False)

    @started.default
    def _first_start(self) -> Fact | None:
        return next((fact for fact in self.facts if fact.kind == "JobStarted"), None)

    @ended.default
    def _last_end(self) -> Fact | None:
        return next((fact for fact in reversed(self.facts) if fact.kind in _ENDS), None)

    @property
    def begins(self) -> Instant:
        """From when on it had to do with the task: a rule wanted it, or something happened."""
        wanted = [int(fact.details[name]) for fact in self.facts for name in ("at", "wanted") if isinstance(fact.details.get(name), int)]
        return min([self.facts[0].at, *wanted])

    def spans(self, at: Instant) -> bool:
        return self.begins <= at and (self.ended is None or at <= self.ended.at)

    def answer(self, words: Words, at: Instant) -> str:
        """In one sentence, how it stood at that moment, and what became of it."""
        became = f"{_ENDS[self.ended.kind]} {words.when(self.ended.at)}" if self.ended is not None else "goes on still"
        if self.started is None:
            return f"did not run: it {became}{self._reason(words)}" if self.ended is not None else f"waits{self._reason(words)}"
        if at < self.started.at:
            return f"waited until {words.when(self.started.at)}{self._reason(words)}; then it ran, and {became}"
        return f"ran: it began {words.when(self.started.at)}{self._late(self.started)} and {became}"

    def _late(self, started: Fact) -> str:
        wanted = started.details.get("wanted")
        late = (started.at - int(wanted)) // MINUTE if wanted is not None else 0
        return f", {late} minutes after it was due," if late else ""

    def _reason(self, words: Words) -> str:
        why = next((fact.details["why"] for fact in reversed(self.facts) if "why" in fact.details), None)
        return f" ({words.why(why)})" if isinstance(why, str) else ""

    def told(self, words: Words) -> Because:
        """All of it; first why it was there."""
        head, job = self.answer(words, self.facts[-1].at), self.facts[0].job
        reasons = list(_reasons(self.facts, words))
        return Because(Factor.JOB, f"a job {head}", words.shown(self.begins), {"job": job}, (*reasons, *map(words.told, self.facts)))


def _reasons(facts: Iterable[Fact], words: Words) -> Iterator[Because]:
    """What a rule wanted; happenings and demands have facts of their own."""
    for fact in facts:
        told = fact.details
        if "nominal" in told and "policy" in told:
            yield Because(Factor.RULE, f"by the rule: {told['policy']}; its time is {told['nominal']}", None, {"nominal": told["nominal"]})
            if told.get("missed"):
                yield Because(Factor.MISS, f"it stands for {told['missed']} occurrences, the first {words.when(told['missed_first'])}")
        if "via" in told:
            yield Because(Factor.TARGET, f"the task {told['via'][0]} on {told['via'][1]} led to it", None, {"via": told["via"]})
        if told.get("target_fallback"):
            yield Because(Factor.TARGET, "its target was not there, so it was for the record itself")
        if "attempt" in told:
            yield Because(Factor.RETRY, f"it was try {told['attempt']} of {told.get('series', 'its series')}")
        if "execution" in told:
            yield Because(Factor.PART, f"it was a part of {told['execution']}", None, {"execution": told["execution"]})
        if {"nominal", "attempt", "execution"} & set(told):
            return


class Stories:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def around(self, at: Instant, line: str, record: str | None) -> tuple[list[Story], list[Fact]]:
        """The jobs of a line and record near a moment, by their times; and what is told of the task, the record and the engine."""
        own = self._storage.story(at, line=line, record=record)
        abouts = dict.fromkeys([(line, record), (line, None), (None, record), (None, None)])
        of_jobs: defaultdict[str, list[Fact]] = defaultdict(list)
        others = [fact for fact in own if fact.job is None]
        for fact in own:
            if fact.job is not None:
                of_jobs[fact.job].append(fact)
        for about in list(abouts)[1:]:
            others += [fact for fact in self._storage.story(at, line=about[0], record=about[1]) if fact.job is None]
        return [Story(facts) for facts in of_jobs.values()], sorted(others, key=lambda fact: fact.at)


def standing_then(facts: Iterable[Fact], at: Instant, words: Words) -> list[Because]:
    """What stood against a run at that moment: what was stopped before, and let go on later or not at all."""
    stopped: dict[str, Fact] = {}
    for fact in facts:
        if fact.at > at:
            break
        match fact.kind:
            case "TaskSuspended":
                stopped[f"suspended {fact.record}"] = fact
            case "TaskResumed":
                stopped.pop(f"suspended {fact.record}", None)
            case "Paused":
                stopped[f"paused {fact.details.get('what', _ENGINE)}"] = fact
            case "Resumed":
                stopped.pop(f"paused {fact.details.get('what', _ENGINE)}", None)
            case "TaskEdited" if "active" in fact.details:
                stopped.pop("inactive", None)
                if not fact.details["active"]:
                    stopped["inactive"] = fact
            case "TaskRemoved":
                stopped["removed"] = fact
    return [_against(fact, words) for fact in stopped.values()]


def _against(fact: Fact, words: Words) -> Because:
    told = words.told(fact)
    if fact.kind == "TaskEdited":
        return Because(Factor.ACTIVATION, f"the task was not active since {words.when(fact.at)}, by {fact.who or 'the product'}", told.at)
    return told
