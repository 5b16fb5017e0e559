"""How far a dialogue has come: what its memo keeps (J13)."""

from __future__ import annotations

from attrs import define, fields

from taskkit.outcomes import RETRIED, Done, Effect, ErrorClass, NotDone, Outcome
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Operation
from taskkit.scripts._courses import Course


@define
class TalkCourse(Course):
    """It goes on nowhere: a new connection knows nothing of what was said on the old one."""

    over: bool = False

    @property
    def has_begun(self) -> bool:
        return self.began is not None or self.done > 0

    def start_again(self) -> None:
        """From the first word."""
        fresh = type(self)()
        for one in fields(type(self)):
            setattr(self, one.name, getattr(fresh, one.name))

    def end(self, operation: Operation, fault: str, counts: bool, run: Run) -> None:
        self.began = self.began or self.done  # where nothing was answered yet
        super().end(operation, fault, counts, run)

    def outcome(self, effect: Effect | None) -> Outcome:
        if not self.failed:
            return Done(self.result)
        error, text = ErrorClass(self.failed[0][0]), "; ".join(text for _, text in self.failed)
        # classes that invite another try are for work of which nothing has happened yet, unless it may be said twice (J7, J10)
        again = effect is Effect.IDEMPOTENT or self.done <= 1
        return NotDone(error if again or error not in RETRIED else ErrorClass.FAILED, text, self.result)
