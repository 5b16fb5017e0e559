"""Whole ways through the engine: what the mechanisms are for, told as a product would meet it."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen

from taskkit.events.happenings import CheckedIn, SessionEnded, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterSession, AfterUnlock, OnDemand
from taskkit.jobs import Job
from taskkit.outcomes import Done, Effect, ErrorClass, NotDone, Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.records import Accounts, Record
from taskkit.states import State
from taskkit.targets import Target
from taskkit.tasks import SYSTEM, Task, of_record, of_type
from tests.engine.houses import Crash, House

MEGABYTE = 1_000_000


class Host:
    """A machine with accounts, as a rotation meets it, and the vault's slots for them."""

    def __init__(self) -> None:
        self.live = {"base": "old"}
        self.current, self.pending = {"base": "old"}, dict[str, str]()
        self.applied = 0
        self.logins: list[str | None] = []


def rotating(host: Host) -> Any:
    @frozen
    class Rotate(Script):
        """Changes a secret: intent before effect, and whoever comes again looks first (S2, S3)."""

        kind = "rotate"
        changes_secret = True
        effect = Effect.VERIFIABLE
        name: str

        def accounts(self, run: Run) -> Accounts:
            assert run.record is not None
            uses = {run.vault.records.account(run.shadow)} if run.shadow else set()
            return Accounts({run.vault.records.account(run.record)}, uses)

        def perform(self, run: Run) -> Outcome:
            assert run.record is not None
            account = run.vault.records.account(run.record)
            host.logins.append(run.shadow.id if run.shadow else None)
            if account not in host.pending:
                host.pending[account] = f"new {run.token}"
                run.save({"intent": account}, turned=True)
            if host.live[account] != host.pending[account]:
                host.live[account] = host.pending[account]
                host.applied += 1
            run.point("applied")
            host.current[account] = host.pending.pop(account)
            return Done({"account": account})

    return Rotate


@pytest.fixture
def host() -> Host:
    return Host()


def crash_at(name: str) -> Any:
    """The world stops at this point, once."""
    left = [name]

    def point(reached: str, job: Job) -> None:
        if left and reached == left[0]:
            left.clear()
            raise Crash

    return point


def rotation_house(host: Host, points: Any = None) -> House:
    """`web` refers to `base`, whose own record has the shadow account `admin`."""
    records = [Record("base", "unix"), *(Record(name, "unix", reference="base") for name in ("web", "app")), Record("admin", "unix")]
    rotate = rotating(host)
    house = House(*records, scripts=[rotate], points=points)
    house.engine.define(rotate("rotate"))
    return house


def test_r02_r03_r04_s03_a_rotation_over_reference_and_shadow_survives_a_crash_after_its_effect(host: Host) -> None:
    house = rotation_house(host, points=crash_at("applied"))
    policies = [AfterCheckIn(), OnDemand()]
    house.engine.set_shadow(of_type("unix"), "admin")
    house.engine.put(Task("rotate", "rotate", policies, target=Target.REFERENCED), list=of_type("unix"))
    (job,) = house.engine.emit(CheckedIn("web"))
    with pytest.raises(Crash):
        house.engine.work()
    assert host.live["base"] == host.pending["base"] != host.current["base"]

    later = house.enter()
    waiting = later.demand(later.tasks()[0].id, "app")
    assert later.drain() == 1
    assert (later.job(waiting).state, later.job(waiting).why) == (State.DEFERRED, "busy")  # the account is held by the job that died

    house.clock.advance(seconds=later.settings.lease + 1)
    later.drain()
    entry = later.job(job)
    assert (entry.state, entry.record, entry.triggered_by) == (State.COMPLETED, "base", (entry.task, "web"))
    assert host.applied == 2  # the rescued one applied nothing; the demand made the second change
    assert later.job(waiting).state is State.COMPLETED
    assert host.live == host.current
    assert host.pending == {}
    assert set(host.logins) == {"admin"}
    assert later.check() == []


def test_r04_fifty_records_on_one_account_make_one_change(host: Host) -> None:
    rotate = rotating(host)
    records = [Record("base", "unix"), *(Record(f"r{number}", "unix", reference="base") for number in range(49))]
    house = House(*records, scripts=[rotate])
    house.engine.define(rotate("rotate"))
    house.engine.put(Task("rotate", "rotate", AfterCheckIn()), list=of_type("unix"))
    for record in records:
        house.engine.emit(CheckedIn(record.id))
    house.clock.advance(minutes=1)
    house.engine.drain()
    states = [entry.state for entry in house.entries()]
    assert states == [State.COMPLETED] * 50
    assert host.applied == 1
    assert sum(entry.why == "satisfied" for entry in house.entries()) == 49


def test_one_happening_goes_through_every_room_to_its_facts() -> None:
    house = House(Record("r1", "unix"))
    task = house.engine.put(Task("tidy", "work", [AfterSession(last=True), AfterUnlock(minutes=60)]), list=of_type("unix"), by="ann")
    before = {fact.position for fact in house.engine.facts()}
    house.vault.begin("r1", "s1")
    (job,) = house.engine.emit(SessionEnded("r1", id="h1"))
    house.engine.drain()
    assert house.engine.job(job).why == "session"
    assert house.engine.emit(Unlocked("r1", id="h2", user="carl")) == [job]
    house.vault.end("r1", "s1")
    house.engine.emit(SessionEnded("r1", id="h3"))
    house.play.says("r1", NotDone(ErrorClass.BAD_CONFIGURATION, "no such service"))
    house.engine.drain()
    told = [fact for fact in house.engine.facts() if fact.position not in before and fact.job == job]
    assert [fact.kind for fact in told] == [
        "JobMade", "JobDeferred", "HappeningJoined", "HappeningJoined", "JobStarted", "JobFailed",
    ]  # fmt: skip
    assert {fact.record for fact in told} == {"r1"}
    assert {fact.task for fact in told} == {task.id}
    assert [fact.details.get("happening") for fact in told[:4]] == ["h1", None, "h2", "h3"]
    assert told[-1].details == {"error": "bad_configuration", "text": "no such service"}
    assert house.engine.job(job).reasons == (
        "after the last session (session_ended)", "60 minutes after unlock (unlocked)", "after the last session (session_ended)",
    )  # fmt: skip
    assert house.engine.check() == []


# A result of 64 MB


def pieces(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * MEGABYTE


def writing(count: int) -> Any:
    @frozen
    class Export(Script):
        kind = "export"
        effect = Effect.IDEMPOTENT
        spread = "once"
        name: str

        def perform(self, run: Run) -> Outcome:
            digest = hashlib.sha256()

            def told() -> Iterator[bytes]:
                for number, piece in enumerate(pieces(count), 1):
                    digest.update(piece)
                    run.progress(number, count)
                    yield piece

            run.blob(told(), "export")
            run.point("written")
            return Done({"sha256": digest.hexdigest()})

    return Export


def export_house(count: int, points: Any = None) -> tuple[House, str]:
    export = writing(count)
    house = House(Record("r1", "unix"), scripts=[export], points=points)
    house.engine.define(export("export"))
    task = house.engine.put(Task("export", "export"), list=SYSTEM, by="ann")
    return house, house.engine.demand(task.id, by="ann")


def test_a_result_of_64_megabytes_is_kept_in_pieces_and_seen_when_the_job_has_ended() -> None:
    house, job = export_house(64)
    tracemalloc.start()
    try:
        house.engine.drain()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 70 * MEGABYTE  # the store holds it once, and nobody holds it twice
    entry = house.engine.job(job)
    assert (entry.state, entry.progress) == (State.COMPLETED, (64, 64, ""))
    digest, size = hashlib.sha256(), 0
    for piece in house.engine.storage.open_blob(entry.blobs[0]):
        digest.update(piece)
        size += len(piece)
    assert (digest.hexdigest(), size) == (entry.result["sha256"], 64 * MEGABYTE)


def test_j13_what_a_dead_job_had_written_is_never_seen_and_swept_away() -> None:
    house, job = export_house(2, points=crash_at("written"))
    with pytest.raises(Crash):
        house.engine.work()
    house.clock.advance(minutes=5)
    later = house.enter()
    later.drain()
    entry = later.job(job)
    assert (entry.state, len(entry.blobs)) == (State.COMPLETED, 1)
    assert later.storage.sweep_blobs() == 1
    assert sum(map(len, later.storage.open_blob(entry.blobs[0]))) == 2 * MEGABYTE


def test_r01_the_tasks_of_one_record_and_of_its_type_go_their_own_ways() -> None:
    house = House(Record("r1", "unix"), Record("r2", "unix"))
    house.engine.put(Task("tidy", "work", AfterCheckIn()), list=of_type("unix"))
    (copy,) = house.engine.make_unique("r1")
    house.engine.deactivate(copy.id)
    assert house.engine.emit(CheckedIn("r1"), CheckedIn("r2")) != []
    house.engine.drain()
    assert house.play.performed == [("work", "r2")]
    house.engine.share_again("r1")
    assert house.engine.tasks(of_record("r1")) == []
    house.engine.emit(CheckedIn("r1"))
    house.engine.drain()
    assert house.play.performed == [("work", "r2"), ("work", "r1")]
