"""The house of the demo: thirty records in a `SqliteVault`, a SQLite store, and tasks as people set them up. Nothing real is touched.

Databases are commands on this machine that only say something; web servers and switches are the fakes that are shipped for tests.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import pendulum

from taskkit.engine import Engine, Settings
from taskkit.events import Daily, Hourly, RandomDays, TimeWindow
from taskkit.events.policies import AfterCheckIn, AfterSession, AfterUnlock, OnDemand
from taskkit.keyrings import Keyring
from taskkit.outcomes import Effect
from taskkit.plugins import specs
from taskkit.plugins.kinds import Executor
from taskkit.records import Record, RecordType
from taskkit.scripts import Check, CheckStatus, Commands, Step
from taskkit.selections import Tagged
from taskkit.sqlite_vault import SqliteVault
from taskkit.tasks import ConsentRule, Fallback, Task, Waves, of_type
from taskkit.testing import FakeExecutor, Reply, VirtualClock

ZONE = "Europe/Berlin"
START = pendulum.datetime(2026, 3, 27, 18, tz=ZONE)
RESTART = "restart the web servers at 6"
RENEW = "renew at 02:30 and after check-in"
#: How long runs take where something real is done: here no time passes in them.
SECONDS = {RESTART: 240, RENEW: 90, "status each hour": 20, "new key every 15 to 30 days": 60}
_NIGHT = TimeWindow("* 22-23,0-5 * * *", tz=ZONE)
_ANSWERS = "answers"
_REACHED_BY = {"database": "local", "application": "local", "web server": "fake", "switch": "fake"}


class Fakes:
    """A plug-in, as any other: it offers the executor for hosts that are played."""

    def __init__(self, hosts: FakeExecutor) -> None:
        self._hosts = hosts

    @specs.hookimpl
    def taskkit_executors(self) -> Iterable[Executor]:
        return (self._hosts,)


def records() -> Iterator[Record]:
    """Three applications log in with the account of a database; web servers are reached by the account of `ops-root`."""
    for number in range(1, 21):
        yield Record(f"web-{number:02}", "web server", fields={"host": f"web-{number:02}", "user": "deploy"}, tags={"web"})
    for number in range(1, 5):
        yield Record(f"db-{number}", "database", fields={"host": f"db-{number}", "user": "postgres", _ANSWERS: "yes"})
    for number, database in enumerate(("db-1", "db-1", "db-2"), 1):
        yield Record(f"app-{number}", "application", fields={"user": f"app{number}"}, reference=database)
    for number in (1, 2):
        yield Record(f"switch-{number}", "switch", fields={"host": f"switch-{number}", "user": "admin"})
    yield Record("ops-root", "administrator", fields={"user": "root"})


class House:
    """Everything, in a folder: `vault.db`, whose key is in memory alone, and `jobs.db`."""

    def __init__(self, folder: Path, seed: int = 20) -> None:
        self.clock, self.hosts, self.rng = VirtualClock(START), FakeExecutor("fake"), random.Random(seed)  # noqa: S311  a demo
        keyring = Keyring.generate("demo")
        self.vault = SqliteVault(folder / "vault.db", keyring)
        self.vault.put(*records())
        for record in self.vault.records.all():
            if record.reference is None:
                self.vault.change_secret(record.id, "password", f"first of {record.id}", at=START)
        self.store = folder / "jobs.db"
        settings = Settings(fallback=Fallback(minutes=30, cycles=2))
        url = f"sqlite:///{self.store}?durability=relaxed"
        self.engine = Engine(
            self.vault, url, clock=self.clock, plugins=[Fakes(self.hosts)], settings=settings, keyring=keyring, rng=self.rng, node="demo"
        )
        self._define()
        self.tasks = {task.name: task for task in self._put()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()
        self.vault.close()

    def _define(self) -> None:
        engine = self.engine
        for name in ("database", "web server", "switch", "application", "administrator"):
            engine.define(RecordType(name, executor=_REACHED_BY.get(name)))
        answers = Step(f"test {{{_ANSWERS}}} = yes")
        for name, said in (("renew", "renewed {user} on {host}"), ("renew again", "renewed what was seen on {host}")):
            engine.define(Commands(name, [answers, Step(f"echo {said}", capture={"said": "(.*)"})], effect=Effect.IDEMPOTENT))
        engine.define(Commands("tidy", [Step("echo cleaned up after the session on {host}")], effect=Effect.IDEMPOTENT))
        engine.define(Commands("new key", [Step("new-key {user}")], effect=Effect.IDEMPOTENT))
        engine.define(Commands("restart", [Step("restart web")], effect=Effect.IDEMPOTENT))
        engine.define(CheckStatus("status", [Check("status", name="answers")]))

    def _put(self) -> Iterator[Task]:
        put = self.engine.put
        renew = Task(
            RENEW, "renew", [Daily(at="02:30", tz=ZONE), AfterCheckIn(), OnDemand()], window=_NIGHT, consent=ConsentRule(1, {"bob"})
        )
        yield put(renew, list=of_type("database"), by="ann")
        yield put(Task("renew 60 minutes after unlock", "renew again", AfterUnlock(minutes=60)), list=of_type("database"), by="ann")
        yield put(Task("tidy after the last session", "tidy", AfterSession(last=True)), list=of_type("database"), by="ann")
        with_database = Task("renew its database after check-in", "renew", AfterCheckIn(), target="referenced")
        yield put(with_database, list=of_type("application"), by="ann")
        yield put(
            Task("new key every 15 to 30 days", "new key", RandomDays(15, 30, at="03:00", tz=ZONE)), list=of_type("web server"), by="ann"
        )
        self.engine.set_shadow(of_type("web server"), "ops-root", by="ann")
        yield put(Task("status each hour", "status", Hourly(), max_lateness=30), list=of_type("switch"), by="ann")
        restart = Task(RESTART, "restart", Daily(at="06:00", tz=ZONE), selection=Tagged("web"), waves=Waves(canary=1, size=5, halt=0.3))
        yield put(restart, by="ann", next_run=START.add(days=1).replace(hour=6))

    # what befalls it

    def answers(self, name: str, *, well: bool) -> None:
        record = self.vault.records.get(name)
        assert record is not None  # noqa: S101  one of ours
        self.vault.change(name, fields={**record.fields, _ANSWERS: "yes" if well else "no"})

    def stumbles(self, host: str) -> None:
        """It does not do what it is told next."""
        self.hosts.script(host, Reply("service web failed to start", exit=1))
