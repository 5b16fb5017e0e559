"""The facts around a moment, told as stories: one for each job, and what stood against all of them (A6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import field, frozen

from taskkit.engine._explanations import Because, Factor
from taskkit.engine._questions import Question
from taskkit.engine._words import Words
from taskkit.errors import InvalidValue
from taskkit.events._wording import counted
from taskkit.events.nominals import Nominal
from taskkit.facts import Fact
from taskkit.instants import MINUTE, SECOND, Instant

if TYPE_CHECKING:
    from taskkit.storage import Storage

#: What ends a job, and the word for it.
ENDS = {
    "JobCompleted": "completed", "JobFailed": "failed", "JobUncertain": "became uncertain", "JobStopped": "stopped",
    "JobSatisfied": "was not needed", "JobCanceled": "was canceled", "JobMissed": "was missed", "JobMerged": "was done by another job",
    "ConsentExpired": "got no consent in time", "Declined": "was declined",
}  # fmt: skip


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
        return next((fact for fact in reversed(self.facts) if fact.kind in ENDS), None)

    @property
    def begins(self) -> Instant:
        """From when on it had to do with the task: a rule wanted it, or something happened."""
        wanted = [int(fact.details[name]) for fact in self.facts for name in ("at", "wanted") if isinstance(fact.details.get(name), int)]
        return min([self.facts[0].at, *wanted])

    @property
    def execution(self) -> str | None:
        """The run over many of which it was a part."""
        return next((fact.details["execution"] for fact in self.facts if "execution" in fact.details), None)

    def spans(self, at: Instant) -> bool:
        return self.begins <= at and (self.ended is None or at <= self.ended.at)

    def place_at(self, at: Instant) -> tuple[bool, bool, Instant]:
        """What ran at that moment is told first, then what ran later."""
        return self.started is None or self.started.at > at, self.started is None, self.begins

    def answer(self, words: Words, at: Instant) -> str:
        """In one sentence, how it stood at that moment, and what became of it."""
        became = f"{ENDS[self.ended.kind]} {words.when(self.ended.at)}" if self.ended is not None else "has not ended yet"
        if self.started is None:
            return f"did not run: it {became}{self._why(words)}" if self.ended is not None else f"has not run yet{self._why(words)}"
        if at < self.started.at:
            return f"waited until {words.when(self.started.at)}{self._why(words)}; then it ran, and {became}"
        return f"ran: it began {words.when(self.started.at)}{self._late(self.started)} and {became}"

    def _late(self, started: Fact) -> str:
        wanted = started.details.get("wanted")
        late = (started.at - int(wanted)) // MINUTE if wanted is not None else 0
        return f", {counted(late, 'minute')} after it was due," if late else ""

    def _why(self, words: Words) -> str:
        """Why it waited last before it ran, or why it did not run."""
        began = self.started.at if self.started is not None else None
        told = [fact.details for fact in self.facts if "why" in fact.details and fact.kind != "HappeningPassed"]
        if began is not None:
            told = [fact.details for fact in self.facts if "why" in fact.details and fact.kind == "JobDeferred" and fact.at < began]
            told = told or [fact.details for fact in self.facts if "put_off" in fact.details]
        if not told:
            return ""
        text = told[-1].get("text")
        return f" ({words.waits(told[-1])}{f': {text}' if text else ''})"

    def told(self, words: Words) -> Because:
        """All of it; first why it was there."""
        head, job = self.answer(words, self.facts[-1].at), self.facts[0].job
        reasons = list(_reasons(self.facts, words))
        return Because(Factor.JOB, f"a job {head}", words.shown(self.begins), {"job": job}, (*reasons, *map(words.told, self.facts)))


def _reasons(facts: Sequence[Fact], words: Words) -> Iterator[Because]:
    """What a rule wanted; happenings and demands have facts of their own."""
    fact = next((fact for fact in facts if {"nominal", "series", "execution", "via", "target_fallback"} & set(fact.details)), None)
    if fact is None:
        return
    told = fact.details
    if "nominal" in told:
        yield Because(Factor.RULE, f"by the rule: {told['policy']}; its time is {told['nominal']}", None, {"nominal": told["nominal"]})
        with suppress(InvalidValue):  # a first run, or one that somebody set, has no time on a clock
            yield from words.left_out(Nominal.parse(told["nominal"]), told.get("at", facts[0].at) // SECOND)
    if (put_off := next((fact.details for fact in facts if "put_off" in fact.details), None)) is not None:
        yield words.put_off(put_off)
    if missed := next((fact.details for fact in facts if fact.details.get("missed")), None):
        text = f"it stands for {missed['missed']} occurrences, the first {words.when(missed['missed_first'])}"
        yield Because(Factor.MISS, text, None, {"missed": missed["missed"]})
    if "via" in told:
        yield Because(Factor.TARGET, f"the task {told['via'][0]} on {told['via'][1]} led to it", None, {"via": told["via"]})
    if told.get("target_fallback"):
        yield Because(Factor.TARGET, "its target was not there, so it was for the record itself")
    if "series" in told:
        yield Because(Factor.RETRY, f"it was try {told['attempt']} of the job {told['series']}", None, {"series": told["series"]})
    if "execution" in told:
        yield Because(Factor.PART, f"it was a part of the run {told['execution']}", None, {"execution": told["execution"]})


@frozen
class Past:
    """What is told around a moment."""

    stories: Sequence[Story]  #: of the jobs that did the work, by their times
    facts: Sequence[Fact]  #: of the task, the record and the engine, and of those jobs
    conductors: Sequence[Story] = ()

    @property
    def others(self) -> list[Fact]:
        """What is told of no job."""
        return [fact for fact in self.facts if fact.job is None]

    def spanning(self, at: Instant) -> list[Story]:
        return [story for story in self.stories if story.spans(at)]

    def conductors_of(self, story: Story) -> list[Story]:
        return [one for one in self.conductors if one.facts[0].job == story.execution]

    def is_told_before(self, at: Instant) -> bool:
        return any(fact.at <= at and fact.line is not None for fact in self.facts)


def past(storage: Storage, question: Question, at: Instant) -> Past:
    places = question.places
    own = [fact for line, record in places for fact in storage.story(at, line=line, record=record)]
    abouts = dict.fromkeys(about for line, record in places for about in ((line, None), (None, record), (None, None)))
    rest = [fact for line, record in abouts if (line, record) not in places for fact in storage.story(at, line=line, record=record)]
    facts = sorted([*own, *(fact for fact in rest if fact.job is None)], key=lambda fact: fact.at)
    return Past([story for story in _told(own) if _is_of(story, question)], facts, _told(rest))


def _is_of(story: Story, question: Question) -> bool:
    """Not what the task there did of its own accord, where this one's target leads to it (R2)."""
    fact = story.facts[0]
    if not question.leads_elsewhere or (fact.line, fact.record) == (question.task.line, question.name):
        return True
    return any(fact.details.get("via") == [question.task.id, question.name] for fact in story.facts)


def _told(facts: Iterable[Fact]) -> list[Story]:
    of_jobs: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.job is not None:
            of_jobs[fact.job].append(fact)
    return sorted((Story(told) for told in of_jobs.values()), key=lambda story: story.begins)


def stopped_at(found: Past, at: Instant, words: Words) -> list[Because]:
    """What stood against a run at that moment: what was stopped before, and let go on later or not at all."""
    stopped: dict[str, Fact] = {}
    for fact in found.facts:
        if fact.at > at:
            break
        match fact.kind:
            case "TaskSuspended":
                stopped[f"suspended {fact.record}"] = fact
            case "TaskResumed":
                stopped.pop(f"suspended {fact.record}", None)
            case "Paused" if fact.details["what"] == "engine":
                stopped[f"paused {fact.details['what']}"] = fact
            case "Resumed":
                stopped.pop(f"paused {fact.details['what']}", None)
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
