"""What a store alone tells on a terminal: no vault is here, and perhaps no plug-in of its product; nothing is written by looking."""

from __future__ import annotations

import json
import shlex
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pendulum
import pytest
from attrs import frozen

from taskkit.cli import main
from taskkit.cli._arguments import EXPLAIN_EXAMPLES, FORECAST_EXAMPLES
from taskkit.engine import Engine, Settings
from taskkit.errors import Refused
from taskkit.events.clocks import Daily
from taskkit.events.happenings import CheckedIn, Happening, SessionEnded
from taskkit.events.policies import AfterCheckIn, AfterSession, Due, Policy
from taskkit.insight._onlookers import Onlooker
from taskkit.instants import SystemClock, instant
from taskkit.outcomes import DONE, Effect, Outcome
from taskkit.plugins.kinds import Executor, Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Verb
from taskkit.records import Accounts, Record, RecordType
from taskkit.scripts import Commands, Step
from taskkit.selections import OfType
from taskkit.storage import Storage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.targets import Target
from taskkit.tasks import Task, of_type
from taskkit.testing import MemoryVault, VirtualClock
from tests.engine.houses import Crash, Offer, _mortal

START = pendulum.datetime(2026, 3, 2, tz="UTC")
#: Whoever looks does so at this moment.
NOW = START.add(days=3, minutes=10)
UNIX = of_type("unix")
Capsys = pytest.CaptureFixture[str]


@frozen
class Rotation(Script):
    kind = "strange_rotation"
    changes_secret = True
    effect = Effect.IDEMPOTENT
    name: str
    length: int = 12
    dies: ClassVar[bool] = False

    def accounts(self, run: Run) -> Accounts:
        return Accounts(writes={run.vault.records.account(run.record)} if run.record else set())

    def perform(self, run: Run) -> Outcome:
        if type(self).dies:
            raise Crash
        return DONE


@frozen
class Sum(Script):
    kind = "strange_sum"
    spread = "once"
    effect = Effect.IDEMPOTENT
    name: str

    def perform(self, run: Run) -> Outcome:
        return DONE


@frozen
class AtFullMoon(Policy):
    kind = "at_full_moon"
    moons: int = 1

    def wants(self, happening: Happening) -> Due | None:
        return None


class Mainframe(Executor):
    name = "mainframe"
    verbs = frozenset({Verb.COMMANDS})

    def connect(self, *_: Any) -> Any:
        raise NotImplementedError


def engine(storage: Storage, at: pendulum.DateTime) -> tuple[Engine, VirtualClock]:
    clock = VirtualClock(at)
    records = [Record(f"db-{number}", "unix", fields={"host": f"10.0.0.{number}"}, pool=None) for number in (1, 2)]
    vault = MemoryVault([*records, Record("replica", "unix", reference="db-1"), Record("far", "unix", pool="dmz")])
    offer = Offer([Rotation, Sum], [Mainframe()], policies=[AtFullMoon])
    settings = Settings(pools=("dmz", "local"))
    return _mortal(Engine(vault, storage, clock=clock, plugins=[offer], node="node-1", settings=settings)), clock


def tell(storage: Storage) -> Engine:
    """Three nights of a product whose plug-ins nobody else has; then a session and a check-in come to an end."""
    product, clock = engine(storage, START)
    product.define(RecordType("unix", executor="mainframe"))
    product.define(Rotation("rotate", length=20))
    for name in ("look", "other", "hers", "tour", "new"):
        product.define(Rotation(name) if name != "look" else Commands("look", Step("true")))
    product.put(Task("nightly", "rotate", [Daily(at="02:30"), AtFullMoon(2)]), list=UNIX)
    product.put(Task("quiet", "look", [AfterSession(last=True)]), list=UNIX)
    product.put(Task("led", "other", Daily(at="03:00"), target=Target.REFERENCED), list=UNIX)
    product.put(Task("hers", "hers", [Daily(at="04:00"), AfterCheckIn()]), list=UNIX, by="ida")
    product.put(Task("tour", "tour", Daily(at="05:00"), selection=OfType("unix")))
    product.define(Sum("sum"))
    product.put(Task("sum", "sum", Daily(at="05:30"), selection=OfType("unix")))
    product.put(Task("never", "new", Daily(at="06:00", start="2026-03-05"), selection=OfType("linux")))
    while clock.moment < START.add(days=3):
        clock.advance(minutes=30)
        product.drain()
    product.emit(SessionEnded("db-2", at=clock.moment))
    return product


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bare") / "vault.db"
    with SqliteStorage(path) as storage:
        tell(storage)
    return path


@pytest.fixture(autouse=True)
def store(told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In the folder where the command is typed; whatever is asked, it is afterwards what it was before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SystemClock, "now", lambda self: instant(NOW))
    path = Path(shutil.copy(told, tmp_path / "vault.db"))
    before = kept(path)
    yield path
    assert kept(path) == before


def kept(path: Path) -> tuple[bytes, list[str]]:
    with closing(sqlite3.connect(path)) as connection:
        return path.read_bytes(), list(connection.iterdump())


def said(capsys: Capsys, *arguments: str, code: int = 0) -> str:
    assert main(arguments) == code
    found = capsys.readouterr()
    return found.out + found.err


def document(capsys: Capsys, *arguments: str) -> Any:
    return json.loads(said(capsys, *arguments, "--json"))


def texts(told: Mapping[str, Any], factor: str) -> list[str]:
    return [one["text"] for one in told["because"] if one["factor"] == factor]


EXAMPLES = [line.strip() for line in (EXPLAIN_EXAMPLES + FORECAST_EXAMPLES).splitlines() if line.startswith("  taskkit")]


@pytest.mark.parametrize("line", [line for line in EXAMPLES if "app:engine" not in line])
def test_the_examples_of_the_help_run(line: str, capsys: Capsys) -> None:
    assert "nightly" in said(capsys, *shlex.split(line)[1:])


# explain


def test_the_past_is_told_as_the_product_tells_it(store: Path, capsys: Capsys) -> None:
    """From facts alone, of which the store has all (A6)."""
    for task, record in (("nightly", "db-1"), ("led", "replica"), ("hers", "far"), ("tour", None)):
        asked = [task] if record is None else [task, record]
        here = document(capsys, "explain", "sqlite:vault.db", *asked, "--at", "2026-03-04T03:30")
        with SqliteStorage(shutil.copy(store, "copy.db")) as storage:
            product, _ = engine(storage, NOW)
            [id] = [one.id for one in product.tasks() if one.name == task]
            there = product.explain(id, record, START.add(days=2, hours=3, minutes=30))
        if task != "led":  # where its target led then, only the vault knows; the store tells where it leads now
            assert here == there.document()
        assert here["answer"] == there.answer


def test_what_the_rules_tell_is_told_and_what_is_unknown_is_said(capsys: Capsys) -> None:
    told = document(capsys, "explain", "sqlite:vault.db", "nightly", "db-1")
    assert (told["run"], told["answer"]) == ("2026-03-05T02:30:00+00:00", "runs next Thu 2026-03-05 02:30 UTC")
    whole, plugins = texts(told, "vault")
    assert "no vault" in whole
    assert all(name in plugins for name in ("strange_rotation", "at_full_moon", "mainframe"))
    later = document(capsys, "explain", "sqlite:vault.db", "nightly", "db-1", "--at", "2026-04-01T12:00+02:00")
    assert (later["tense"], later["run"]) == ("future", "2026-04-02T02:30:00+00:00")


@pytest.mark.parametrize(("asked", "question"), [(("quiet", "db-2"), "active sessions"), (("hers", "db-1"), "a person")])
def test_what_hangs_on_the_vault_nobody_can_say(asked: tuple[str, str], question: str, capsys: Capsys) -> None:
    """Whether a session is active, and whether a person may still do it: neither is guessed."""
    told = document(capsys, "explain", "sqlite:vault.db", *asked)
    assert told["run"] is None
    assert told["answer"].startswith("nobody can say: it is due ")
    assert told["answer"].endswith(f"hangs on the vault, which gives no answer: asking the vault for {question}")


def test_a_suspension_and_a_pause_are_in_the_store(tmp_path: Path, capsys: Capsys) -> None:
    with SqliteStorage(tmp_path / "second.db") as storage:
        product = tell(storage)
        tasks = {task.name: task.id for task in product.tasks()}
        product.suspend_task(tasks["nightly"], "db-1", by="ida", why="under repair")
        product.pause("pool:dmz", why="moved")
    assert "under repair" in said(capsys, "explain", "sqlite:second.db", "nightly", "db-1")
    assert "stands still" in said(capsys, "explain", "sqlite:second.db", "nightly", "far")
    found = document(capsys, "forecast", "sqlite:second.db", "--days", "2")
    assert {(one.get("record"), one["why"]) for one in found["idle"]} >= {("db-1", "suspended"), ("far", "paused")}


def test_who_waits_for_an_account_waits_for_what_only_a_plug_in_knows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capsys
) -> None:
    with SqliteStorage(tmp_path / "busy.db") as storage:
        product, clock = engine(storage, START.add(days=2))
        product.define(RecordType("unix", executor="mainframe"))
        product.define(Rotation("rotate"))
        product.put(Task("nightly", "rotate", Daily(at="02:30")), list=UNIX)
        clock.advance(hours=2, minutes=30)
        monkeypatch.setattr(Rotation, "dies", True)
        with pytest.raises(Crash):
            product.drain()
    assert "runs since" in said(capsys, "explain", "sqlite:busy.db", "nightly", "db-1")
    told = document(capsys, "explain", "sqlite:busy.db", "nightly", "replica")
    assert (told["run"], told["answer"].partition(";")[0]) == (
        None,
        "nobody can say: asking 'rotate' for its accounts: its plug-in is not here",
    )
    assert [one["record"] for one in document(capsys, "forecast", "sqlite:busy.db", "--days", "1")["runs"]].count("replica") == 2


def test_a_record_of_which_no_job_tells_is_not_guessed(capsys: Capsys) -> None:
    assert "no job in the store tells of it" in said(capsys, "explain", "sqlite:vault.db", "nightly", "nobody", code=1)
    assert "there is no such task" in said(capsys, "explain", "sqlite:vault.db", "weekly", "db-1", code=1)
    assert "there is no such file" in said(capsys, "explain", "sqlite:none.db", "nightly", code=1)
    assert "each record has runs of its own" in said(capsys, "explain", "sqlite:vault.db", "nightly", code=2)


# forecast


def test_a_store_forecasts_as_its_product_does_as_far_as_jobs_tell(store: Path, capsys: Capsys) -> None:
    here = document(capsys, "forecast", "sqlite:vault.db", "--days", "3")
    with SqliteStorage(shutil.copy(store, "copy.db")) as storage:
        product, _ = engine(storage, NOW)
        there = product.forecast(None, NOW.add(days=3)).document()
    runs = [[(one["task_name"], one.get("record"), one["due"]) for one in found["runs"]] for found in (here, there)]
    assert set(runs[1]) <= set(runs[0])
    mine, theirs = ({one for one in found if one[1] != "replica"} for found in runs)  # only the vault knows that its account is db-1's
    assert mine == theirs != set()
    assert {one[1] for one in runs[0]} == {"db-1", "db-2", "replica", "far", None}


def test_r03_the_record_that_tasks_work_as_is_there_also_where_no_job_is_about_it(tmp_path: Path, capsys: Capsys) -> None:
    with SqliteStorage(tmp_path / "shadow.db") as storage:
        clock = VirtualClock(NOW)
        product = Engine(MemoryVault([Record("db-1", "unix"), Record("root", "people")]), storage, clock=clock)
        product.define(RecordType("unix", executor="local"))
        product.define(Commands("look", Step("true")))
        product.put(Task("nightly", "look", Daily(at="02:30"), shadow="root"), list=UNIX)
    found = document(capsys, "forecast", "sqlite:shadow.db", "--days", "2")
    assert (found["idle"], len(found["runs"])) == ([], 2)


def test_what_is_assumed_is_said(capsys: Capsys) -> None:
    assumed = document(capsys, "forecast", "sqlite:vault.db", "--days", "1")["assumed"]
    assert [one for one in assumed if "no vault: its records are the 4 that" in one]
    assert [one for one in assumed if "16 workers" in one and "dmz, local" in one]
    assert [one for one in assumed if "strange_rotation" in one and "at_full_moon" in one and "mainframe" in one]
    assert "a run of 'tour' over many has the records of the last one" in assumed
    assert "a run of 'never' over many has no records, as there was none yet" in assumed
    assert "runs take 30 s where none was ever done: 'quiet'" in assumed
    shown = said(capsys, "forecast", "sqlite:vault.db", "--days", "1", "--picture", "page.html")
    assert all(one in shown for one in assumed)
    assert "no vault: its records are the 4" in Path("page.html").read_text(encoding="utf-8")


# nothing is written


def test_who_looks_cannot_write(store: Path) -> None:
    with SqliteStorage(store) as storage:
        onlooker = Onlooker(storage, strict=True)
        [task] = [one.id for one in onlooker.tasks() if one.name == "nightly"]
        for change in (
            lambda: onlooker.suspend_task(task, "db-1"),
            lambda: onlooker.emit(CheckedIn("db-1")),
            lambda: onlooker.work(),
            lambda: onlooker.pause(),
        ):
            with pytest.raises(Refused, match="who looks changes nothing"):
                change()
        heads = storage.heads()
        assert onlooker.explain(task, "db-1").run is not None
        assert storage.heads() == heads


def test_a_store_in_a_database_is_asked_as_well(database: str, capsys: Capsys) -> None:
    from taskkit.storage.postgresql import PostgresStorage

    with PostgresStorage(database, keeps_time=False) as storage:
        tell(storage)
        heads = storage.heads()
    assert json.loads(said(capsys, "explain", database, "nightly", "db-1", "--json"))["tense"] == "now"
    assert "ran: it began Wed 2026-03-04 02:30 UTC" in said(capsys, "explain", database, "nightly", "db-1", "--at", "2026-03-04T02:30")
    assert json.loads(said(capsys, "forecast", database, "--days", "1", "--json"))["assumed"]
    with PostgresStorage(database, keeps_time=False) as storage:
        assert storage.heads() == heads
