"""Scripts that break one promise each, beside the clause that notices."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Collection
from datetime import date
from typing import Any, ClassVar

from attrs import define, field, frozen

from taskkit.errors import HostRefused
from taskkit.outcomes import DONE, Effect, ErrorClass, NotDone, Outcome, Unknown
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Verb
from taskkit.records import Accounts
from taskkit.testing import FakeExecutor, Trial
from taskkit.testing.contracts import ScriptContract

STEPS = ("one", "two", "three")


@frozen
class Careful(Script):
    """Says three commands and keeps how far it is; it breaks nothing, and what follows breaks one thing of it."""

    kind = "careful"
    needs = frozenset({Verb.COMMANDS})
    effect: ClassVar[Effect | None] = Effect.IDEMPOTENT
    name: str = "careful"

    def perform(self, run: Run) -> Outcome:
        done = run.memo.get("done", 0)
        with run.connect() as connection:
            for number in range(done, len(STEPS)):
                if run.stop_requested:
                    return NotDone(ErrorClass.STOPPED)
                self.step(number, connection, run)
        return DONE

    def step(self, number: int, connection: Any, run: Run) -> None:
        for operation in connection.commands([Command(STEPS[number])], run):
            run.operation(operation)
        run.save({"done": number + 1})


@frozen
class CarefulAndBlind(Careful):
    """What it says may not be said twice: it notes before each command that it begins."""

    kind = "careful_and_blind"
    effect = Effect.BLIND
    resumes = True

    def perform(self, run: Run) -> Outcome:
        return Unknown("it had begun") if "begun" in run.memo else super().perform(run)

    def step(self, number: int, connection: Any, run: Run) -> None:
        run.save({"done": number, "begun": number})
        super().step(number, connection, run)


def suite(made: Callable[[], Script], effect: Effect = Effect.IDEMPOTENT, **more: Any) -> type[ScriptContract]:
    traits = {"script": lambda self: made(), "executor": lambda self: FakeExecutor(effect=effect), **more}
    return type(getattr(made, "__name__", "Broken"), (ScriptContract,), traits)


def counted(self: ScriptContract, trial: Trial) -> Collection[object]:
    """Each time that something is done it is there once more."""
    return [f"{number}: {line}" for number, line in enumerate(trial.executor.deeds("10.0.0.5"))]  # type: ignore[attr-defined]


@define
class MayBeChanged(Script):
    kind = "may_be_changed"
    effect = Effect.IDEMPOTENT
    name: str = "changed"

    def perform(self, run: Run) -> Outcome:
        return DONE


@frozen
class HoldsADay(Careful):
    """JSON knows no days."""

    kind = "holds_a_day"
    day: date = date(2026, 3, 2)


def _doubled(given: int) -> int:
    return 2 * given


@frozen
class RewritesItsSetting(Careful):
    kind = "rewrites"
    minutes: int = field(default=3, converter=_doubled)


@frozen
class AsksWithEffects(Careful):
    kind = "asks_with_effects"

    def accounts(self, run: Run) -> Accounts:
        run.save({"asked": 1})
        return super().accounts(run)


@frozen
class SaysDoneAndDidNothing(Careful):
    kind = "says_done"
    effect = Effect.BLIND

    def perform(self, run: Run) -> Outcome:
        return DONE


@frozen
class AnswersTrue(Careful):
    kind = "answers_true"

    def perform(self, run: Run) -> Any:
        super().perform(run)
        return True


@frozen
class IsDoneWithoutAHost(Careful):
    kind = "is_done_without"

    def perform(self, run: Run) -> Outcome:
        try:
            return super().perform(run)
        except HostRefused:
            return DONE


@frozen
class CallsEverythingFailed(Careful):
    kind = "calls_everything_failed"

    def perform(self, run: Run) -> Outcome:
        try:
            return super().perform(run)
        except HostRefused as error:
            return NotDone(ErrorClass.FAILED, str(error))


class _Deaf:
    stop_requested = False
    seconds_left = 1000.0

    def __init__(self, run: Run) -> None:
        self._run = run

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)


@frozen
class HearsNoStop(Careful):
    kind = "hears_no_stop"

    def perform(self, run: Run) -> Outcome:
        return super().perform(_Deaf(run))


@frozen
class PutsFilesThoughItIsStopped(Careful):
    kind = "puts_files"
    needs = frozenset({Verb.FILES})

    def perform(self, run: Run) -> Outcome:
        return super().perform(_Deaf(run))

    def step(self, number: int, connection: Any, run: Run) -> None:
        connection.put(f"/etc/{STEPS[number]}", "words", run)
        run.save({"done": number + 1})


@frozen
class NotesItAfterwards(Careful):
    """Killed between the command and the note, it says the command again."""

    kind = "notes_it_afterwards"
    effect = Effect.BLIND
    resumes = True


@frozen
class ForgetsWhatItDid(Careful):
    kind = "forgets"
    effect = Effect.BLIND
    resumes = True

    def perform(self, run: Run) -> Outcome:
        with run.connect() as connection:
            for number in range(len(STEPS)):
                self.step(number, connection, run)
        return DONE


@frozen
class SkipsWhatItDidNot(Careful):
    """It keeps what it is about to do as done."""

    kind = "skips"

    def step(self, number: int, connection: Any, run: Run) -> None:
        run.save({"done": number + 1})
        run.point("between")
        for operation in connection.commands([Command(STEPS[number])], run):
            run.operation(operation)


@frozen
class SwallowsEverything(Careful):
    """`except Exception`, and on with the next step."""

    kind = "swallows"

    def perform(self, run: Run) -> Outcome:
        with run.connect() as connection:
            for number in range(len(STEPS)):
                try:
                    self.step(number, connection, run)
                except Exception:  # noqa: S112  that is what is broken
                    continue
        return DONE


@frozen
class TurnsTooLate(Careful):
    kind = "turns_too_late"
    changes_secret = True

    def step(self, number: int, connection: Any, run: Run) -> None:
        super().step(number, connection, run)
        run.save({"done": number + 1, "turned": True}, turned=True)


@frozen
class RevealsInALine(Careful):
    kind = "reveals"

    def step(self, number: int, connection: Any, run: Run) -> None:
        secret = run.vault.secrets.values("db-1", run).current["password"]
        for operation in connection.commands([Command(f"login {secret.reveal()}")], run):
            run.operation(operation)


@frozen
class PrintsTheSecret(Careful):
    kind = "prints"

    def perform(self, run: Run) -> Outcome:
        print(run.vault.secrets.values("db-1", run).current["password"].reveal())  # noqa: T201
        return super().perform(run)


@frozen
class WarnsOfTheSecret(Careful):
    kind = "warns"

    def perform(self, run: Run) -> Outcome:
        warnings.warn(run.vault.secrets.values("db-1", run).current["password"].reveal(), stacklevel=1)
        return super().perform(run)


@frozen
class LosesTheSecretInAThread(Careful):
    kind = "loses_it_in_a_thread"

    def perform(self, run: Run) -> Outcome:
        thread = threading.Thread(target={}.__getitem__, args=(run.vault.secrets.values("db-1", run).current["password"].reveal(),))
        thread.start()
        thread.join()
        return super().perform(run)


@frozen
class PrintsTheSecretWhereItFails(Careful):
    kind = "prints_where_it_fails"

    def perform(self, run: Run) -> Outcome:
        try:
            return super().perform(run)
        except HostRefused:
            print(run.vault.secrets.values("db-1", run).current["password"].reveal())  # noqa: T201
            raise


SOUND = (suite(Careful), suite(CarefulAndBlind))
BROKEN = (
    ("SC1", suite(MayBeChanged)),
    ("SC2", suite(HoldsADay)),
    ("SC2", suite(RewritesItsSetting)),
    ("SC3", suite(AsksWithEffects)),
    ("SC4", suite(SaysDoneAndDidNothing)),
    ("SC4", suite(AnswersTrue)),
    ("SC5", suite(IsDoneWithoutAHost)),
    ("SC5", suite(CallsEverythingFailed)),
    ("SC6", suite(HearsNoStop)),
    ("SC6", suite(PutsFilesThoughItIsStopped)),
    ("SC7", suite(NotesItAfterwards)),
    ("SC7", suite(ForgetsWhatItDid)),
    ("SC7", suite(SkipsWhatItDidNot)),
    ("SC8", suite(SwallowsEverything)),
    ("SC9", suite(TurnsTooLate)),
    ("SC10", suite(Careful, left=counted)),
    ("SC11", suite(RevealsInALine)),
    ("SC11", suite(PrintsTheSecret)),
    ("SC11", suite(PrintsTheSecretWhereItFails)),
    ("SC11", suite(WarnsOfTheSecret)),
    ("SC11", suite(LosesTheSecretInAThread)),
)
