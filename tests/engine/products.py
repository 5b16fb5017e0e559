"""A product on files: its store and its vault can be backed up while it works, and put back after it was stopped."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pendulum
from attrs import frozen

from taskkit.engine import Engine, Settings
from taskkit.events import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.keyrings import Keyring
from taskkit.outcomes import DONE, Effect, Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.records import Accounts, RecordType
from taskkit.sqlite_vault import SqliteVault
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import Guard, Task
from taskkit.testing import VirtualClock
from tests.engine.houses import UNIX, Offer, Play, hosts, scripted

KEYS = Keyring({"one": bytes(range(32))}, "one")
START = pendulum.datetime(2026, 3, 2, tz="UTC")


def rotating(product: Product) -> Any:
    """A kind of script that gives the record's account another password, on its host and in the vault."""

    @frozen
    class Rotate(Script):
        kind = "rotate"
        effect = Effect.IDEMPOTENT
        changes_secret = True
        name: str

        def accounts(self, run: Run) -> Accounts:
            assert run.record is not None
            return Accounts(writes={run.vault.records.account(run.record)})

        def perform(self, run: Run) -> Outcome:
            assert run.record is not None
            product.play.perform(self, run)
            run.save({}, turned=True)
            product.vault.change_secret(run.record.id, "password", f"new-{run.token}", at=product.clock.moment)
            return DONE

    return Rotate


class Product:
    """`nightly` looks at each record at two in the night, `rotate` follows a check-in. `stop` and `start` are a restart."""

    def __init__(self, folder: Path, count: int = 3, *, burst: int | None = None, effect: Effect = Effect.IDEMPOTENT) -> None:
        self.folder, self.clock, self.play = folder, VirtualClock(START), Play()
        kinds = (scripted(self.play, effect=effect), rotating(self))
        self.work, self._offer, self._nodes = kinds[0], Offer(kinds), 0
        self._handles: list[Any] = []
        self.start()
        self.vault.put(*hosts(count))
        self.engine.define(RecordType("unix"))
        self.engine.define(kinds[0]("work"))
        self.engine.define(kinds[1]("change it"))
        self.nightly = self.engine.put(Task("nightly", "work", [Daily(at="02:00"), OnDemand()]), list=UNIX)
        self.rotate = self.engine.put(Task("rotate", "change it", AfterCheckIn(), guard=Guard(burst=burst)), list=UNIX)

    def start(self) -> Engine:
        self.vault = SqliteVault(self.folder / "vault.db", KEYS)
        self.storage = SqliteStorage(self.folder / "store.db", relaxed=True)
        self.engine = self.enter()
        return self.engine

    def enter(self, storage: Any = None) -> Engine:
        """A further process."""
        self._nodes += 1
        self._handles.append(storage or self.storage)
        settings = Settings(look=60)
        return Engine(
            self.vault, storage or self.storage, clock=self.clock, plugins=[self._offer], node=f"n{self._nodes}", settings=settings
        )

    def stop(self) -> None:
        while self._handles:
            self._handles.pop().close()
        self.vault.close()

    def back_up(self, *names: str) -> None:
        """While it works."""
        for name in names:
            (self.folder / f"{name}.copy").unlink(missing_ok=True)
            if name == "store":
                self.storage.back_up(self.folder / "store.copy")
            else:
                self.vault.back_up(self.folder / "vault.copy")

    def put_back(self, *names: str) -> Engine:
        """The steps of the documentation: stop, move the file and its neighbours away, copy the backup to its place, start."""
        self.stop()
        for name in names:
            for neighbour in ("", "-wal", "-shm"):
                (self.folder / f"{name}.db{neighbour}").unlink(missing_ok=True)
            shutil.copy(self.folder / f"{name}.copy", self.folder / f"{name}.db")
        return self.start()

    def lose(self) -> None:
        """The vault comes back as it was backed up, while the processes go on."""
        with closing(sqlite3.connect(self.folder / "vault.copy")) as copy, closing(sqlite3.connect(self.folder / "vault.db")) as file:
            copy.backup(file)

    # life

    def check_in(self, *records: str) -> list[CheckedIn]:
        told = [CheckedIn(record, approval=f"{record}-{self.clock.now()}", at=self.clock.moment) for record in records]
        self.vault.tell(*told)
        self.clock.advance(minutes=1)
        return told

    def live(self, hours: float = 0) -> int:
        """Time passes, and all that is due is done; how many jobs were performed."""
        before = len(self.play.performed)
        self.clock.advance(hours=hours)
        self.engine.drain()
        self.engine.drain()
        return len(self.play.performed) - before

    # looking

    @property
    def names(self) -> list[str]:
        return [record.id for record in self.vault.records.all()]

    def told(self, *kinds: str) -> list[str]:
        return [fact.kind for fact in self.engine.facts(kinds=kinds, limit=10_000)]

    def ends(self, task: Task, since: Any = None) -> list[tuple[str, str | None]]:
        """State and reason of the jobs of a task that have ended, the oldest first."""
        found = self.engine.history(task=task.id, since=since, limit=10_000).entries
        return [(job.state.value, job.why) for job in reversed(found) if job.ended is not None]

    def numbers(self, sql: str) -> Sequence[Any]:
        with closing(sqlite3.connect(self.folder / "vault.db")) as db:
            return [number for (number,) in db.execute(sql).fetchall()]
