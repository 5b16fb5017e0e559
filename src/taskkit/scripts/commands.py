"""Commands in order, with a memo between them: a rescue goes on after the last that ended, and repeats none blindly (J10, J13)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from attrs import Attribute, field, frozen

from taskkit.checks import named, one_of, optional_a, refused, several
from taskkit.errors import InvalidValue, StaleToken, StopAsked, StorageAway, TriesSpared
from taskkit.outcomes import RETRIED, Done, Effect, ErrorClass, NotDone, NotNow, Outcome, Unknown, an_effect
from taskkit.plugins.becoming import Become, become_of
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, RunsCommands, Verb
from taskkit.records import Accounts
from taskkit.scripts._courses import Course
from taskkit.scripts._fields import with_secrets
from taskkit.scripts._steps import Step, answer, carried_out, needs_of, prepared


def _tuple(given: Iterable[Step] | Step) -> tuple[Step, ...]:
    return several(given)


def _steps(instance: object, attribute: Attribute[Any], given: tuple[object, ...]) -> None:
    if not given:
        raise refused(instance, attribute, given, "there is no step", "give at least one Step")
    captured: set[str] = set()
    for number, step in enumerate(given, 1):
        if not isinstance(step, Step):
            raise InvalidValue(f"Commands: step {number}", f"it is a {type(step).__name__}", "give Step(…)")
        if twice := captured & set(step.capture):
            case = f"an earlier step captures {', '.join(sorted(twice))} as well"
            raise InvalidValue(f"Commands: step {number} {step.line!r}", case, "give each value a name of its own")
        captured |= set(step.capture)


class _Needs:
    """Commands, and to become somebody where a step does."""

    def __get__(self, script: Commands | None, kind: type[Commands]) -> frozenset[Verb]:
        return needs_of(()) if script is None else needs_of(script.commands, script.become)


@frozen
class Commands(Script):
    """Carries out commands in order. Blind unless the definition says that all of it may be said twice."""

    kind = "commands"
    needs = _Needs()
    resumes = True

    name: str = field(validator=named)
    commands: tuple[Step, ...] = field(converter=_tuple, validator=_steps)
    on_failure: Literal["stop", "go_on"] = field(default="stop", validator=one_of("stop", "go_on"), kw_only=True)
    #: As whom its steps are carried out, where not as their record and its type say.
    become: Become | None = field(default=None, converter=become_of, validator=optional_a(Become), kw_only=True)
    effect: Effect = field(  # type: ignore[misc]  # for other kinds the class knows; here only who wrote the commands does
        default=Effect.BLIND, converter=an_effect, validator=one_of(Effect.BLIND, Effect.IDEMPOTENT), kw_only=True
    )

    def accounts(self, run: Run) -> Accounts:
        return with_secrets(super().accounts(run), [step.stdin for step in self.commands], run)

    def perform(self, run: Run) -> Outcome:
        course = Course.of(run.memo)
        try:
            return self._go_on(course, run)
        except TriesSpared as spared:  # nothing was said
            return NotNow(spared.until, spared.code)
        except (StaleToken, StorageAway):
            raise  # the job is another's, or will be, and so is what it ends with
        except Exception as error:  # whatever the vault or an executor raises becomes an outcome here
            if self._is_over(course):  # the farewell failed, not the work
                return self._outcome(course)
            told = answer(error, run)
            if course.began and not isinstance(error, StopAsked):
                return Unknown(f"{self._named(course.began)} had begun: {told.text}", course.result)
            return self._not_done(told.error, told.text, course, alone=not course.done)

    def _go_on(self, course: Course, run: Run) -> Outcome:
        if course.began and self.effect is not Effect.IDEMPOTENT:
            return Unknown(f"{self._named(course.began)} had begun, and nobody saw it end", course.result)
        course.began = None  # said again
        if self._is_over(course):
            return self._outcome(course)
        commands = prepared(self.commands, run, self.become)
        with run.connect() as connection:
            while not self._is_over(course):
                if run.stop_requested:
                    return NotDone(ErrorClass.STOPPED, f"stopped after {course.done} of {len(commands)} steps", course.result)
                if (outcome := self._carry_out(commands[course.done], connection, course, run)) is not None:
                    return outcome
                run.progress(course.done, len(commands))
        return self._outcome(course)

    def _carry_out(self, command: Command, connection: RunsCommands, course: Course, run: Run) -> Outcome | None:
        step, number = self.commands[course.done], course.done + 1
        course.begin(number, run)
        operation = carried_out(connection, command, step.line, run)
        run.operation(operation)
        fault = "" if operation.state == "done" else f"{self._named(number)}: {operation.text}"
        if operation.state == "unknown":
            return Unknown(fault, course.result)
        if operation.error == ErrorClass.STOPPED:  # the executor was asked before we were
            return NotDone(ErrorClass.STOPPED, fault, course.result)
        course.end(operation, fault, step.level == "error", run)
        return None

    def _is_over(self, course: Course) -> bool:
        return course.done >= len(self.commands) or bool(course.failed and self.on_failure == "stop")

    def _outcome(self, course: Course) -> Outcome:
        if not course.failed:
            return Done(course.result)
        text = "; ".join(text for _, text in course.failed)
        return self._not_done(course.failed[0][0], text, course, alone=course.done == 1)

    def _not_done(self, error: str, text: str, course: Course, alone: bool) -> NotDone:
        """Classes that invite another try are for work of which nothing has happened yet, unless it may be said twice (J7, J10)."""
        found = ErrorClass(error)
        again = alone or self.effect is Effect.IDEMPOTENT
        return NotDone(found if again or found not in RETRIED else ErrorClass.FAILED, text, course.result)

    def _named(self, number: int) -> str:
        return f"step {number} {self.commands[number - 1].line!r}"
