"""What follows once the work of a job is done, told beforehand. Of records that somebody may not see it tells only that they are there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from taskkit.engine._border import answered
from taskkit.engine._explanations import Because, Factor
from taskkit.engine._questions import Question
from taskkit.errors import BrokenPlugin
from taskkit.plugins.kinds import Script, Sequel
from taskkit.scrubbing import Scrubber

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._rights import RightsDesk


class Sequels:
    def __init__(self, ground: Ground, rights: RightsDesk) -> None:
        self._ground, self._rights = ground, rights

    def told(self, question: Question) -> Iterator[Because]:
        found = self._ground.catalog.definition(question.aim.task.script)
        if question.is_removed or found is None or not isinstance(found.value, Script):
            return
        try:
            parts = answered(partial(self._parts, found.value, question), "asking the script what follows", Scrubber())
        except BrokenPlugin as error:
            yield Because(Factor.SEQUEL, f"nobody can say what follows once it is done: {error.case}")
            return
        if parts:
            yield Because(Factor.SEQUEL, "once it is done, this follows, in this order", parts=parts)

    def _parts(self, script: Script, question: Question) -> tuple[Because, ...]:
        return tuple(self._one(number, one, question) for number, one in enumerate(script.sequels(), 1))

    def _one(self, number: int, sequel: Sequel, question: Question) -> Because:
        if sequel.record is not None and not self._rights.sees(None, sequel.record, question.user):
            return Because(Factor.SEQUEL, f"{number}. something on a record that {question.user} may not see")
        about = {} if sequel.record is None else {"record": sequel.record}
        return Because(Factor.SEQUEL, f"{number}. {sequel.text}", None, {**about, **sequel.details})
