"""What the processes of a crash test work on: four kinds of scripts, one for each promise, and the tasks that want them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from attrs import frozen

from taskkit.engine import Engine, Limits, Settings
from taskkit.events.elapsed import Minutely
from taskkit.events.policies import AfterApproval, AfterCheckIn, AfterSession, OnDemand
from taskkit.outcomes import DONE, Effect, ErrorClass, NotDone, Outcome
from taskkit.plugins import hookimpl
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.records import Accounts, Record, RecordType
from taskkit.selections import OfType
from taskkit.tasks import Fallback, Task, of_type
from taskkit.testing import MemoryVault
from tests.crash.ledger import Ledger

RECORDS = ("r0", "r1", "r2", "r3")
PORTIONS = 3
SETTINGS = Settings(lease=3, poll=0.2, look=5, workers=4, limits=Limits(host=3))
#: Which tasks want which happening.
WANTED_BY = {"checked_in": ("again", "once"), "session_ended": ("portions",), "approved": ("flaky",)}
_WORK_SECONDS = 0.004


def vault() -> MemoryVault:
    """The same in every process; two records are one login."""
    fields = {"host": "one"}
    return MemoryVault(
        [Record(id, "unix", fields=fields, reference="r0" if id == "r1" else None) for id in RECORDS],
    )


def kinds(ledger: Ledger) -> tuple[type[Script], ...]:
    def deed(run: Run, portion: int = 0) -> None:
        """What somebody outside sees."""
        run.point("before")
        time.sleep(_WORK_SECONDS)
        ledger.note("performed", script=run.task.script, job=run.job.id, token=run.token, portion=portion)
        run.point("after")

    def writes(run: Run) -> Accounts:
        return Accounts(writes={run.vault.records.account(run.record)}) if run.record else Accounts()

    @frozen
    class Again(Script):
        kind = "again"
        effect = Effect.IDEMPOTENT
        name: str

        def perform(self, run: Run) -> Outcome:
            deed(run)
            return DONE

    @frozen
    class Once(Script):
        """Nobody may do it a second time."""

        kind = "once"
        effect = Effect.BLIND
        name: str

        def accounts(self, run: Run) -> Accounts:
            return writes(run)

        def perform(self, run: Run) -> Outcome:
            deed(run)
            return DONE

    @frozen
    class Portions(Script):
        """Keeps after each portion how far it is."""

        kind = "portions"
        effect = Effect.BLIND
        resumes = True
        name: str

        def accounts(self, run: Run) -> Accounts:
            return writes(run)

        def perform(self, run: Run) -> Outcome:
            for portion in range(run.memo.get("done", 0), PORTIONS):
                deed(run, portion)
                ledger.note("saving", job=run.job.id, token=run.token, done=portion + 1)
                run.save({"done": portion + 1})
                ledger.note("saved", job=run.job.id, token=run.token, done=portion + 1)
            return DONE

    @frozen
    class Flaky(Script):
        """Is done at the second try."""

        kind = "flaky"
        effect = Effect.IDEMPOTENT
        name: str

        def perform(self, run: Run) -> Outcome:
            deed(run)
            return DONE if run.job.cycle or run.job.manual else NotDone(ErrorClass.UNREACHABLE, "the first try")

    return Again, Once, Portions, Flaky


class Offers:
    def __init__(self, ledger: Ledger) -> None:
        self._kinds = kinds(ledger)

    @hookimpl
    def taskkit_scripts(self) -> Iterable[type[Script]]:
        return self._kinds


def found(engine: Engine, *, cadence: bool = True) -> None:
    """Before the first process works; without a cadence only what happens makes jobs."""
    engine.define(RecordType("unix"))
    for kind in ("again", "once", "portions", "flaky"):
        made: Any = engine.plugins.script(kind)
        engine.define(made(kind))
    unix, minutely = of_type("unix"), (Minutely(),) if cadence else ()
    engine.put(Task("again", "again", [*minutely, AfterCheckIn(), OnDemand()]), list=unix)
    engine.put(Task("once", "once", [AfterCheckIn(), OnDemand()]), list=unix)
    engine.put(Task("portions", "portions", [*minutely, AfterSession()]), list=unix)
    engine.put(Task("flaky", "flaky", [AfterApproval(), OnDemand()], fallback=Fallback(minutes=1, cycles=2)), list=unix)
    engine.put(Task("over all", "again", [OnDemand()], selection=OfType("unix")))
