"""What was, from facts alone (A6): which job stood at a moment, what became of it, and what else was told then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pendulum import DateTime

from taskkit.engine._explanations import Because, Explanation, Factor, Tense
from taskkit.engine._questions import Question
from taskkit.engine._stories import Past, Story, past, stopped_at
from taskkit.facts import START, Fact
from taskkit.instants import MINUTE, Instant

if TYPE_CHECKING:
    from taskkit.storage import Storage

#: So many facts about the task are told beside those of a job.
_MEANWHILE = 20
#: What is told of the log itself, and of others.
_OF_THE_LOG = frozenset({"ChainBegan", "KeyTaken", "HistoryPurged", "Resealed", "NotifierFailed", "Reconciled", "Defined", "Undefined"})


class Recollections:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def told(self, question: Question) -> Explanation:
        found = past(self._storage, question, question.at)
        spanning = sorted(found.spanning(question.at), key=lambda story: story.place_at(question.at))
        return self._ran(question, found, spanning) if spanning else self._idle(question, found)

    def last(self, question: Question) -> list[Because]:
        """The last run."""
        found = past(self._storage, question, question.now + 1)
        ended = [story for story in found.stories if story.ended is not None]
        return [max(ended, key=lambda story: story.facts[-1].at).told(question.words)] if ended else []

    def _ran(self, question: Question, found: Past, spanning: Sequence[Story]) -> Explanation:
        """It ran, or stood there to run."""
        words, told = question.words, spanning[0]
        parts = [*target(question), *stopped_at(found, question.at, words)]
        for story in spanning:
            parts += [story.told(words), *(one.told(words) for one in found.conductors_of(story))]
        end = told.ended.at if told.ended is not None else None
        parts += _meanwhile(question, found.others, told.begins, end)
        began = None if told.started is None else words.shown(told.started.at)
        return _answered(question, told.answer(words, question.at), parts, began)

    def _idle(self, question: Question, found: Past) -> Explanation:
        """Nothing was there to run. What came before and after is told, and what stood against it."""
        at, words = question.at, question.words
        stopped = stopped_at(found, at, words)
        before = [story for story in found.stories if story.begins < at][-1:]
        after = [story for story in found.stories if story.begins > at][:1]
        parts = [*target(question), *stopped, *(story.told(words) for story in (*before, *after))]
        first, last = before[0].facts[-1].at if before else None, after[0].begins if after else None
        parts += _meanwhile(question, found.others, first, last)
        passed = [fact for fact in found.others if fact.kind == "HappeningPassed" and abs(fact.at - at) <= MINUTE]
        if passed:
            return _answered(question, f"did not run: {words.told(passed[-1]).text}", parts)
        if stopped:
            return _answered(question, f"did not run: {stopped[-1].text}", parts)
        return _answered(question, self._nothing(question, found), parts)

    def _nothing(self, question: Question, found: Past) -> str:
        if found.is_told_before(question.at):
            return "nothing of it was due, waited or ran then"
        put = next((fact for fact in found.others if fact.kind == "TaskPut"), None)
        if put is not None:
            return f"the task was not there yet: {question.words.told(put).text}"
        first = self._storage.facts(START, limit=1)[0]
        if first and first[0].at <= question.at:
            return "nothing of it was due, waited or ran then"
        return "nobody can say: facts of that time are not kept any more"


def target(question: Question) -> Iterator[Because]:
    if question.leads_elsewhere:
        yield Because(Factor.TARGET, f"its target {question.task.target.value} leads to {question.runs_on}: its jobs run there")


def _meanwhile(question: Question, others: Sequence[Fact], start: Instant | None, end: Instant | None) -> list[Because]:
    """What else is told of the task, the record and the engine in that time."""
    within = [fact for fact in others if (start is None or fact.at >= start) and (end is None or fact.at <= end)]
    return [question.words.told(fact) for fact in within if fact.kind not in _OF_THE_LOG][-_MEANWHILE:]


def _answered(question: Question, answer: str, parts: Sequence[Because], began: DateTime | None = None) -> Explanation:
    task, at = question.task, question.words.shown(question.at)
    return Explanation(task.id, task.name, question.name, at, Tense.PAST, answer, began, tuple(parts))
