"""Why a task ran on a record, why not, and when it will: the past from facts alone, the future from the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from taskkit.engine._border import asked
from taskkit.engine._explanations import Because, Explanation, Factor, Tense
from taskkit.engine._prospects import Outlook, Prospects
from taskkit.engine._rules import Rules
from taskkit.engine._stories import Stories, standing_then
from taskkit.engine._targets import Aim, Targets
from taskkit.engine._words import Words
from taskkit.errors import InvalidValue, NotAllowed, NotFound
from taskkit.facts import Fact
from taskkit.instants import Instant, instant
from taskkit.jobs import Job
from taskkit.records import Record
from taskkit.states import CLAIMED
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._pauses import Pauses
    from taskkit.engine._planner import Planner
    from taskkit.engine._rights import RightsDesk

#: So many facts about the task are told beside those of a job.
_MEANWHILE = 20


class Explainer:
    def __init__(
        self, ground: Ground, planner: Planner, targets: Targets, pauses: Pauses, rights: RightsDesk, prospects: Prospects
    ) -> None:
        self._ground, self._planner, self._targets, self._pauses = ground, planner, targets, pauses
        self._rights, self._prospects, self._storage = rights, prospects, ground.storage
        self._stories, self._rules = Stories(ground.storage), Rules(planner)

    def explain(self, id: str, record: str | None, at: Instant | None, user: str | None) -> Explanation:
        tried, now = f"explaining the task {id!r}", self._ground.now()
        task = self._ground.catalog.task(id) or self._ground.catalog.removed(id)
        if task is None:
            raise NotFound(tried, "there is no such task", "`overview` and `tasks` list those that there are")
        record = task.record if record is None else record
        if record is None and not task.is_system:
            raise InvalidValue(tried, "each record has runs of its own", "name one of its records")
        if not self._rights.sees(task, record, user):
            raise NotAllowed(tried, f"{user!r} has no right to see it", "ask who manages its record or task")
        words = Words(task)
        if at is not None and at < now:
            return self._past(task, record, at, words)
        return self._ahead(task, record, now, at, words)

    # what was

    def _past(self, task: Task, record: str | None, at: Instant, words: Words) -> Explanation:
        line, where = self._runs_at(task, record)
        stories, others = self._stories.around(at, line, where)
        stories.sort(key=lambda story: story.begins)
        spanning = [story for story in stories if story.spans(at)]
        ran = next((story for story in spanning if story.started is not None), None)
        told = ran or next(iter(spanning), None)
        parts = [*self._elsewhere(line, where, task, record), *standing_then(others, at, words)]
        if told is not None:
            parts += [story.told(words) for story in spanning]
            parts += self._meanwhile(others, told.begins, told.ended.at if told.ended is not None else None, words)
            began = told.started.at if told.started is not None else None
            return self._answered(task, record, at, Tense.PAST, told.answer(words, at), began, parts, words)
        before = [story for story in stories if story.begins < at][-1:]
        after = [story for story in stories if story.begins > at][:1]
        parts += [story.told(words) for story in (*before, *after)]
        first = before[0].facts[-1].at if before else None
        parts += self._meanwhile(others, first, after[0].begins if after else None, words)
        return self._answered(task, record, at, Tense.PAST, "nothing of it was due, waited or ran then", None, parts, words)

    def _runs_at(self, task: Task, record: str | None) -> tuple[str, str | None]:
        """The line and record whose jobs do its work (R2)."""
        found = asked(lambda: self._ground.vault.records.get(record), "reading the record") if record is not None else None
        aim = self._targets.aim(task, found)
        return aim.task.line, aim.record.id if aim.record is not None else record

    def _elsewhere(self, line: str, where: str | None, task: Task, record: str | None) -> Iterator[Because]:
        if (line, where) != (task.line, record):
            yield Because(Factor.TARGET, f"its jobs run on {where}, to which its target {task.target.value} leads")

    @staticmethod
    def _meanwhile(others: Sequence[Fact], start: Instant | None, end: Instant | None, words: Words) -> list[Because]:
        """What else is told of the task, the record and the engine in that time."""
        within = [fact for fact in others if (start is None or fact.at >= start) and (end is None or fact.at <= end)]
        return [words.told(fact) for fact in within if fact.kind not in _OF_THE_LOG][-_MEANWHILE:]

    # what is, and what is to come

    def _ahead(self, task: Task, name: str | None, now: Instant, at: Instant | None, words: Words) -> Explanation:
        record = asked(lambda: self._ground.vault.records.get(name), "reading the record") if name is not None else None
        aim = self._targets.aim(task, record)
        tense, moment = (Tense.NOW, now) if at is None else (Tense.FUTURE, at)
        against = list(self._against(task, name, record, aim, words))
        outlooks = [self._prospects.outlook(job, now, words) for job in self._open(task, name, aim)]
        parts = [*against, *(one.told for one in outlooks if at is None or one.run is None or one.run >= at)]
        if self._ground.catalog.task(task.id) is not None:
            parts += self._rules.told(task, aim, name, moment, words)
        if at is None:
            parts += self._last(aim.task.line, aim.record.id if aim.record else name, now, words)
            run, answer = self._next(outlooks, against, words)
        else:
            run, answer = self._at(task, name, aim, at, outlooks, against, words)
        return self._answered(task, name, moment, tense, answer, run, parts, words)

    def _open(self, task: Task, record: str | None, aim: Aim) -> list[Job]:
        """The jobs that do its work and have not ended, those at work first."""
        found = self._storage.open_jobs(aim.task.line, aim.record.id if aim.record is not None else record)
        own = [job for job in found if job.trigger == (task.id, record) or job.task == task.id or job.via is None]
        return sorted(own, key=lambda job: (job.state not in CLAIMED, job.due))

    def _against(self, task: Task, name: str | None, record: Record | None, aim: Aim, words: Words) -> Iterator[Because]:
        """What keeps all of its jobs from running, whatever they are."""
        if self._ground.catalog.task(task.id) is None:
            yield Because(Factor.EDIT, "the task was removed")
            return
        if not task.active:
            yield Because(Factor.ACTIVATION, "the task is not active")
        if name is not None and record is None:
            yield Because(Factor.RECORD, f"the vault has no record {name!r}")
        elif record is not None and not task.is_system and task.id not in {one.id for one in self._ground.catalog.effective(record)}:
            yield Because(Factor.RECORD, f"it is none of the tasks of {name!r}")
        yield from self._elsewhere(aim.task.line, aim.record.id if aim.record is not None else name, task, name)
        for line, where in dict.fromkeys([(task.line, name), (task.line, None), (aim.task.line, aim.record.id if aim.record else name)]):
            standing = self._planner.standing(line, where)
            if standing is not None and standing.suspended is not None:
                since = f" since {words.when(standing.suspended_at)}" if standing.suspended_at is not None else ""
                by = f", by {standing.suspended_by}" if standing.suspended_by else ""
                text = f"the task is suspended{f' for {where}' if where else ''}{since}{by}: {words.why(standing.suspended)}"
                yield Because(Factor.SUSPENSION, f"{text}; it waits until somebody resumes it", None, {"why": standing.suspended})
        pool = self._planner.pool(aim.task, aim.record)
        for pause in self._pauses.all():
            if pause.what in ("engine", f"pool:{pool}"):
                by = f", by {pause.by}" if pause.by else ""
                why = f" ({pause.why})" if pause.why else ""
                yield Because(Factor.PAUSE, f"{pause.what} stands still since {words.when(instant(pause.since))}{by}{why}", pause.since)

    def _last(self, line: str, record: str | None, now: Instant, words: Words) -> list[Because]:
        """The last run, from facts."""
        stories, _ = self._stories.around(now + 1, line, record)
        ended = [story for story in stories if story.ended is not None]
        return [max(ended, key=lambda story: story.facts[-1].at).told(words)] if ended else []

    @staticmethod
    def _next(outlooks: Sequence[Outlook], against: Sequence[Because], words: Words) -> tuple[Instant | None, str]:
        running = next((one for one in outlooks if one.job.state in CLAIMED), None)
        if running is not None:
            return running.run, f"runs now, on {running.job.node}"
        stopped = next((one for one in against if one.factor in _STOPS), None)
        if stopped is not None:
            return None, f"does not run: {stopped.text}"
        waiting = min((one for one in outlooks if one.run is not None), key=lambda one: one.run or 0, default=None)
        if waiting is not None:
            return waiting.run, f"runs next {words.when(waiting.run or 0)}"
        if outlooks:
            told = [part for part in outlooks[0].told.parts if part.factor not in _REASONS]
            return None, f"waits: {told[-1].text}" if told else outlooks[0].told.text
        return None, "runs when something happens that it wants, or when somebody asks for it; nothing is planned"

    def _at(
        self, task: Task, name: str | None, aim: Aim, at: Instant, outlooks: Sequence[Outlook], against: Sequence[Because], words: Words
    ) -> tuple[Instant | None, str]:
        stopped = next((one for one in against if one.factor in _STOPS), None)
        if stopped is not None:
            return None, f"will not run as it stands: {stopped.text}"
        due = [one.run for one in outlooks if one.run is not None and one.run >= at]
        planned = self._rules.planned(task, aim, name, at)
        if planned is not None and not any(one.job.nominal == planned.nominal for one in outlooks):
            job = self._planner.job(aim, planned, self._ground.now())
            judged = self._prospects.judged(job, (), planned.due, words)
            due += [] if judged.run is None else [judged.run]
        if not due:
            relative = task.interval is not None and task.interval.relative
            return (
                None,
                "nobody can say yet: its next time follows from its last run" if relative else "will not run from then on by any rule",
            )
        run = min(due)
        return run, f"will run {words.when(run)}" if run == at else f"nothing is due then; it will run {words.when(run)}"

    @staticmethod
    def _answered(
        task: Task, record: str | None, at: Instant, tense: Tense, answer: str, run: Instant | None, parts: Sequence[Because], words: Words
    ) -> Explanation:
        shown = None if run is None else words.shown(run)
        return Explanation(task.id, task.name, record, words.shown(at), tense, answer, shown, tuple(parts))


_STOPS = (Factor.EDIT, Factor.ACTIVATION, Factor.RECORD, Factor.SUSPENSION, Factor.PAUSE)
_REASONS = (Factor.RULE, Factor.HAPPENING, Factor.DEMAND, Factor.TARGET, Factor.RETRY, Factor.PART)
#: What is told of the log itself, and of others.
_OF_THE_LOG = frozenset({"ChainBegan", "KeyTaken", "HistoryPurged", "Resealed", "NotifierFailed", "Reconciled", "Defined", "Undefined"})
