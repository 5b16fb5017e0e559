"""What is, and what is to come: from the jobs that wait, the gates that they will pass, and the rules as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from taskkit.engine._border import name_of
from taskkit.engine._explanations import Because, Explanation, Factor, Tense
from taskkit.engine._obstacles import STOPS, Obstacles
from taskkit.engine._prospects import Outlook, Prospects
from taskkit.engine._questions import Question
from taskkit.engine._recollections import Recollections, target
from taskkit.engine._rules import Rules
from taskkit.engine._sequels import Sequels
from taskkit.events.policies import Policy
from taskkit.events.remembering import MaxAge
from taskkit.instants import SECOND, Instant
from taskkit.jobs import OF_HAPPENINGS, Job, Kind
from taskkit.standings import members

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._planner import Planner

#: Why a job is there; what follows tells why it waits.
_REASONS = (Factor.RULE, Factor.HAPPENING, Factor.DEMAND, Factor.TARGET, Factor.RETRY, Factor.PART)
#: When it runs, if that is known, and the sentence for it.
_Answer = tuple[Instant | None, str]


class Outlooks:
    def __init__(
        self, ground: Ground, planner: Planner, obstacles: Obstacles, prospects: Prospects, rules: Rules, recollections: Recollections,
        sequels: Sequels,
    ) -> None:  # fmt: skip
        self._ground, self._planner, self._obstacles = ground, planner, obstacles
        self._prospects, self._rules, self._recollections, self._sequels = prospects, rules, recollections, sequels

    def standing(self, question: Question) -> Explanation:
        """How it stands now."""
        against, outlooks = self._obstacles.against(question), self._outlooks(question)
        parts = [*target(question), *against, *(one.told for one in outlooks), *self._ruled(question), *self._sequels.told(question)]
        parts += self._recollections.last(question)
        return _answered(question, Tense.NOW, _stopped(question, against, outlooks) or self._next(question, outlooks), parts)

    def coming(self, question: Question) -> Explanation:
        """What happens from a moment on."""
        against, outlooks = self._obstacles.against(question), self._outlooks(question)
        shown = [one.told for one in outlooks if one.run is None or one.run >= question.at]
        parts = [*target(question), *against, *shown, *self._ruled(question), *self._sequels.told(question)]
        stopped = next((one.text for one in against if one.factor in STOPS), None)
        answer = (None, f"will not run as it stands: {stopped}") if stopped else self._from(question, outlooks)
        return _answered(question, Tense.FUTURE, answer, parts)

    # what waits

    def _outlooks(self, question: Question) -> list[Outlook]:
        """The jobs that do its work and have not ended, those at work first."""
        found = {job.id: job for line, record in question.places for job in self._ground.storage.open_jobs(line, record)}
        own = [job for job in found.values() if _is_of(job, question)]
        own.sort(key=lambda job: (not job.is_at_work, job.due))
        return [self._prospects.outlook(job, question.now, question.words) for job in own]

    def _ruled(self, question: Question) -> list[Because]:
        return [] if question.is_removed else list(self._rules.told(question))

    # now

    def _next(self, question: Question, outlooks: Sequence[Outlook]) -> _Answer:
        waiting, after = [one.run for one in outlooks if one.run is not None], ""
        if not waiting and any(one.leaves is not None for one in outlooks):  # it ends without a run, and the rules go on
            following, text = self._by_rule(question, outlooks)
            waiting, after = [following] if following is not None else [], f"; after that, {text}"
        if waiting:
            return min(waiting), f"runs next {question.words.when(min(waiting))}"
        if outlooks:
            told = [part for part in outlooks[0].told.parts if part.factor not in _REASONS]
            if told and told[-1].factor is Factor.VAULT:
                return None, f"nobody can say: {told[-1].text}"
            return None, f"waits: {told[-1].text if told else outlooks[0].told.text}{after}"
        if question.is_of_a_part:
            return self._as_a_part(question)
        return None, f"nothing is planned: {_wishes(question)}"

    # from a moment on

    def _from(self, question: Question, outlooks: Sequence[Outlook]) -> _Answer:
        settled = [one for one in outlooks if not (_may_be_moved(one, outlooks, question) or _is_done_before(one, outlooks))]
        known = [one.run for one in settled if one.run is not None and one.run >= question.at]
        if question.is_of_a_part and not known:
            return self._as_a_part(question)
        found, text = self._by_rule(question, outlooks)
        runs = sorted([*known, *([found] if found is not None else [])])
        if not runs:
            return None, text
        when = question.words.when(runs[0])
        return runs[0], f"runs {when}" if runs[0] == question.at else f"nothing is due then; it runs {when}"

    def _by_rule(self, question: Question, outlooks: Sequence[Outlook]) -> _Answer:
        """What the rules plan from then on: after the occurrence that waits, which is the first of them."""
        interval = question.task.interval
        if interval is None:
            return None, f"nothing is planned: {_wishes(question)}"
        pending = next((one for one in outlooks if _is_next(one.job, question)), None)
        if pending is not None and pending.leaves is None:
            why = [part.text for part in pending.told.parts if part.factor not in _REASONS]
            return None, f"nobody can say: the job before it waits{f', {why[-1]}' if why else ''}"
        if interval.relative:
            return None, "nobody can say: its next time follows from its last run"
        after = max(pending.leaves or 0, pending.job.wanted, (pending.job.at or 0) * SECOND) if pending is not None else question.now
        planned = self._rules.planned(question, after)
        if planned is None:
            return None, f"no rule makes it run from then on: {_wishes(question)}"
        judged = self._prospects.judged(self._planner.job(question.aim, planned, question.now), (), planned.due, question.words)
        return judged.run, f"nobody can say: {judged.parts[-1].text}" if judged.parts else ""

    def _as_a_part(self, question: Question) -> _Answer:
        """A run over many makes the parts when it begins, of the records that its selection holds then (R6)."""
        whole = evolve(question, name=None, record=None, aim=evolve(question.aim, record=None))
        outlooks = self._outlooks(whole)
        _, text = self._next(whole, outlooks) if question.at == question.now else self._from(whole, outlooks)
        return None, f"nobody can say: it is a part of a run over many records, if that holds it then; as a whole: {text}"


def _is_of(job: Job, question: Question) -> bool:
    """Not what the task there does of its own accord, where this one's target leads to it (R2)."""
    own = (question.task.id, question.name)
    return not question.leads_elsewhere or job.trigger == own or (job.record, job.task) == (question.name, question.task.id)


def _is_next(job: Job, question: Question) -> bool:
    return job.kind is Kind.OCCURRENCE and job.started is None and job.trigger == (question.task.id, question.name)


def _may_be_moved(one: Outlook, outlooks: Sequence[Outlook], question: Question) -> bool:
    """It counts from the last success, and another job of it runs before (T11)."""
    if one.run is None or not _is_next(one.job, question) or one.job.manual:
        return False
    rules = () if question.task.interval is None else members(question.task.interval)
    ages = {str(rule) for rule in rules if isinstance(rule, MaxAge)}
    earlier = any(other.run < one.run for other in outlooks if other.run is not None)
    return earlier and set(one.job.policy.split("; ")) <= ages


def _is_done_before(one: Outlook, outlooks: Sequence[Outlook]) -> bool:
    """By an occurrence that begins while it waits still (P4, J7)."""
    if one.run is None or one.job.kind not in OF_HAPPENINGS or one.job.started is not None:
        return False
    place = one.job.line, one.job.record
    beside = (other for other in outlooks if (other.job.line, other.job.record) == place and other.job.kind is Kind.OCCURRENCE)
    return any(other.run < one.run for other in beside if other.run is not None and other.job.started is None)


def _stopped(question: Question, against: Sequence[Because], outlooks: Sequence[Outlook]) -> _Answer | None:
    """What runs goes on, whatever stands against the others."""
    running = next((one for one in outlooks if one.job.is_at_work), None)
    if running is not None:
        return running.run, f"runs since {question.words.when(running.run or 0)}" if running.job.started is not None else "begins now"
    stopped = next((one.text for one in against if one.factor in STOPS), None)
    return None if stopped is None else (None, f"does not run: {stopped}")


def _wishes(question: Question) -> str:
    policies = [name_of(policy) for policy in question.task.policies if isinstance(policy, Policy)]
    return f"it runs {', '.join(policies)}" if policies else "nothing makes it run by itself"


def _answered(question: Question, tense: Tense, answer: _Answer, parts: Sequence[Because]) -> Explanation:
    task, words, (run, text) = question.task, question.words, answer
    shown = None if run is None else words.shown(run)
    return Explanation(task.id, task.name, question.name, words.shown(question.at), tense, text, shown, tuple(parts))
