"""The protocol of a rotation over a played host: what it does where all goes well, and where one thing goes wrong (S2 to S5)."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine._runs import JobRun
from taskkit.errors import InvalidValue, NotFound, Refused
from taskkit.events import Daily
from taskkit.events.policies import OnDemand
from taskkit.events.windows import TimeWindow
from taskkit.jobs import Kind
from taskkit.keyrings import Keyring
from taskkit.outcomes import ErrorClass
from taskkit.passwords import Passwords
from taskkit.plugins import Script
from taskkit.records import Record, RecordType
from taskkit.scripts import CheckStatus, Commands, PasswordReset, Step
from taskkit.secrets import Secret
from taskkit.states import State
from taskkit.storage import Keep
from taskkit.tasks import Task
from taskkit.testing.hosts import Reply
from tests.engine.houses import UNIX, Crash
from tests.scripts.rotations import RotationHouse


@pytest.fixture
def house() -> RotationHouse:
    return RotationHouse()


def test_s02_a_new_password_is_on_the_host_and_in_the_vault(house: RotationHouse) -> None:
    job = house.rotated(house.rotates())
    assert job.state is State.COMPLETED, job
    assert house.live == house.kept() != "old-secret"
    assert house.kept("previous") == "old-secret"
    assert house.kept("pending") is None
    assert not house.recoveries()
    assert [one["name"] for one in job.operations] == ["try current", "change", "try candidate"]


def test_s02_through_the_shadow_account_no_try_of_the_old_one_is_spent(house: RotationHouse) -> None:
    job = house.rotated(house.rotates("root"))
    assert job.state is State.COMPLETED
    assert house.live == house.kept() != "old-secret"
    assert [one["name"] for one in job.operations] == ["change", "try candidate"]


@pytest.mark.parametrize("does", [True, False])
def test_s03_a_lost_reply_is_found_out_by_log_ins(house: RotationHouse, does: bool) -> None:
    house.box.script_changes("box", Reply(does=does, seen=False))
    job = house.rotated(house.rotates())
    assert job.state is State.COMPLETED
    assert house.live == house.kept() != "old-secret"


def test_s03_the_candidate_after_one_that_was_too_short_is_drawn_by_the_stricter_policy(
    house: RotationHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, lengths = Passwords.draw, list[tuple[int, ...]]()

    def drawn(policy: Passwords, **given: Any) -> Secret:
        lengths.append(policy.length)
        return draw(policy, **given)

    monkeypatch.setattr(Passwords, "draw", drawn)
    house.box.script_changes("box", "too_short")
    assert house.rotated(house.rotates(passwords=Passwords((12, 20)))).state is State.COMPLETED
    assert lengths == [(12, 20), (20, 20)]


def test_r08_how_passwords_are_drawn_says_the_task_or_else_the_type(house: RotationHouse) -> None:
    house.engine.define(RecordType("unix", executor="fake", passwords=Passwords(17)))
    house.rotated(task := house.rotates())
    assert len(house.live) == 17
    house.engine.define(PasswordReset("rotate", passwords=Passwords(19)))
    house.rotated(task)
    assert len(house.live) == 19
    house.engine.define(PasswordReset("rotate"))
    house.engine.define(RecordType("unix", executor="fake"))
    house.rotated(task)
    assert len(house.live) == 24


def test_s03_a_host_that_goes_away_after_the_change_is_asked_again_by_the_recovery(house: RotationHouse) -> None:
    house.goes_away_after_a_change()
    job = house.rotated(house.rotates())
    assert (job.state, job.error) == (State.ERROR, "unreachable")
    assert house.kept() == "old-secret"
    assert house.live == house.kept("pending")
    (recovery,) = house.recoveries()
    house.pass_time(minutes=30)
    assert [one.id for one in house.recoveries()] == [recovery.id]
    house.box.up("box")
    house.pass_time(hours=2)
    assert house.live == house.kept()
    assert not house.recoveries()


def test_s03_where_no_known_secret_lets_in_all_are_kept_and_a_person_is_asked(house: RotationHouse) -> None:
    def lost() -> bool:
        house.box.guard("box", "ops", "nobody-knows")
        return True

    house.box.script_changes("box", Reply(seen=False, until=lost))
    job = house.rotated(house.rotates())
    assert job.state is State.UNCERTAIN
    assert (house.kept(), house.kept("pending")) != ("old-secret", None)
    tries = len(house.box.said)
    house.pass_time(days=3)
    assert len(house.recoveries()) == 1
    assert len(house.box.said) == tries


def test_s04_a_recovery_that_finds_out_nothing_is_followed_by_one_that_a_person_wakes(house: RotationHouse) -> None:
    """It tries two of three secrets, and the third only when the host has forgotten these; and the candidate, which may have come (S5)."""

    house.rotated(house.rotates())
    house.goes_away_after_a_change()
    house.rotated(house.engine.tasks()[0])
    house.box.guard("box", "ops", "nobody-knows")
    house.box.up("box")
    house.pass_time(days=1)
    done = [job for job in house.engine.history(record="ops").entries if job.kind == "recovery" and job.state is State.UNCERTAIN]
    tries = [(one["name"], datetime.fromisoformat(one["began"])) for one in done[0].operations]
    assert [name for name, _ in tries] == ["try candidate", "try current", "try previous", "try candidate"]
    assert tries[2][1] - tries[1][1] > timedelta(minutes=15)
    assert len(house.recoveries()) == 1
    house.box.guard("box", "ops", house.kept() or "")
    house.engine.intents.rule("ops", "probe", by="ann")
    house.pass_time(hours=1)
    assert house.live == house.kept()
    assert not house.recoveries()


def test_s03_a_wrong_secret_is_told_before_anything_is_sent(house: RotationHouse) -> None:
    house.box.guard("box", "ops", "somebody-changed-it")
    job = house.rotated(house.rotates())
    assert (job.state, job.error) == (State.ERROR, "wrong_credentials")
    assert house.live == "somebody-changed-it"
    assert house.kept() == "old-secret"
    assert house.kept("pending") is None
    assert not house.recoveries()


def test_s03_a_shadow_account_repairs_what_no_known_secret_lets_in(house: RotationHouse) -> None:
    house.box.guard("box", "ops", "somebody-changed-it")
    job = house.rotated(house.rotates("root", through="itself"))
    assert job.state is State.COMPLETED
    assert house.live == house.kept()


def test_s03_a_candidate_that_the_host_refuses_is_replaced_up_to_a_cap(house: RotationHouse) -> None:
    house.box.script_changes("box", "too_simple", "in_history")
    job = house.rotated(house.rotates())
    assert job.state is State.COMPLETED
    assert house.live == house.kept()
    house.box.script_changes("box", *["in_history"] * 9)
    before = house.live
    job = house.rotated(house.engine.tasks()[0])
    assert (job.state, job.error) == (State.ERROR, "refused")
    assert house.live == house.kept() == before


def test_s03_a_host_that_is_away_from_the_begin_leaves_nothing_open(house: RotationHouse) -> None:
    house.box.down("box")
    job = house.rotated(house.rotates())
    assert (job.state, job.error) == (State.ERROR, "unreachable")
    assert house.kept("pending") is None
    assert not house.recoveries()


POINTS = ["planned", "adopted", "intended", "proposed", "probe", "applying", "change", "applied", "verified", "promoted", "settled"]


@pytest.mark.parametrize("shadow", [None, "root"])
@pytest.mark.parametrize("where", POINTS)
def test_s03_a_kill_at_any_point_loses_nothing(where: str, shadow: str | None) -> None:
    house = RotationHouse()
    task = house.rotates(shadow)
    crashed: list[str] = []

    def crash(point: str, job: object) -> None:
        if point == where and not crashed:
            crashed.append(point)
            raise Crash

    first = house.enter(points=crash)
    job = first.demand(task.id, "ops")
    with pytest.raises(Crash):
        first.drain()
    assert house.is_known
    house.pass_time(hours=3)
    assert house.engine.job(job).state is State.COMPLETED
    assert house.live == house.kept() != "old-secret"
    assert house.kept("pending") is None
    assert not house.recoveries()


@pytest.mark.parametrize("table", ["intent", "account"])
def test_s04_what_somebody_changes_during_a_rotation_is_read_anew_before_it_is_settled(house: RotationHouse, table: str) -> None:
    """And nothing of what lands is lost: neither theirs nor ours."""
    assert house.rotated(house.rotates()).state is State.COMPLETED
    task, meddled = house.engine.tasks()[0], list[int]()

    def meddle(point: str, job: object) -> None:
        if point == "verified":
            kept = house.storage.document(table, "ops")
            assert kept is not None
            house.storage.write([(Keep(table, "ops", kept.revision, kept.body),)])
            meddled.append(kept.revision + 1)

    engine = house.enter(points=meddle)
    job = engine.demand(task.id, "ops")
    engine.drain()
    assert engine.job(job).state is State.COMPLETED
    assert len(meddled) == 1
    assert house.live == house.kept()
    assert not house.recoveries()
    assert house.storage.document("intent", "ops") is None
    account = house.storage.document("account", "ops")
    assert account is not None
    assert account.body["job"] == job
    assert table == "intent" or account.revision == meddled[0] + 1


def test_s02_a_rotation_asks_the_vault_no_more_often_than_it_has_to(house: RotationHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time all secrets of the account are opened."""
    asked, values = list[str](), house.vault.secrets.values

    def ask(account: str, run: Any) -> Any:
        asked.append(account)
        return values(account, run)

    monkeypatch.setattr(house.vault.secrets, "values", ask)
    assert house.rotated(house.rotates()).state is State.COMPLETED
    assert asked == ["ops"] * 2


def test_s02_a_new_password_is_none_of_so_many_former_ones_that_the_vault_has_no_more() -> None:
    """Of ten there are, the last nine are barred: the tenth comes each time."""
    house = RotationHouse(keyring=Keyring.generate("k1"))
    task = house.rotates(passwords=Passwords(1, lower=None, upper=None, symbols=None, history=9))
    drawn = [house.live for _ in range(30) if house.rotated(task).state is State.COMPLETED]
    assert sorted(drawn[:10]) == list("0123456789")
    assert drawn == drawn[:10] * 3


def test_s02_a_former_one_that_was_in_force_twice_counts_once() -> None:
    house = RotationHouse(keyring=Keyring.generate("k1"))
    digits, task = Passwords(1, lower=None, upper=None, symbols=None, history=0), house.rotates()
    for digit in "012134":
        house.engine.define(PasswordReset("rotate", passwords=evolve(digits, only=digit)))
        assert house.rotated(task).state is State.COMPLETED
    house.engine.define(PasswordReset("rotate", passwords=evolve(digits, only="01234", history=5)))
    job = house.rotated(task)
    assert (job.state, house.live, house.kept()) == (State.ERROR, "4", "4")


def test_s04_what_the_store_keeps_of_an_account_is_one_question(house: RotationHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    store, asked = type(house.storage), list[str]()
    one, together = store.document, store.together

    def ask(storage: Any, table: str, id: str) -> Any:
        asked.append(table)
        return one(storage, table, id)

    def ask_together(storage: Any, wanted: Any) -> Any:
        asked.append(" ".join(sorted(wanted)))
        return together(storage, wanted)

    rotates = house.rotates()
    monkeypatch.setattr(store, "document", ask)
    monkeypatch.setattr(store, "together", ask_together)
    assert house.rotated(rotates).state is State.COMPLETED
    assert [tables for tables in asked if {"intent", "tries", "account", "sealed"} & {*tables.split()}] == ["account intent sealed tries"]


def uncertain(house: RotationHouse, live: str = "nobody-knows") -> str:
    """The host takes none of the secrets that are known; the job that found that out."""

    def lost() -> bool:
        house.box.guard("box", "ops", live)
        return True

    house.box.script_changes("box", Reply(seen=False, until=lost))
    job = house.rotated(house.rotates())
    assert job.state is State.UNCERTAIN
    return str(job.id)


def test_s03_a_person_has_it_looked_at_once_more(house: RotationHouse) -> None:
    uncertain(house)
    (intent,) = house.engine.intents.all(uncertain=True)
    assert (intent.account, intent.record) == ("ops", "ops")
    house.box.guard("box", "ops", "old-secret")
    house.engine.intents.rule("ops", "probe", by="anna", why="the host was restored")
    house.pass_time(minutes=20)
    assert not house.engine.intents.all()
    assert house.live == house.kept() != "old-secret"
    assert {"IntentOpened", "IntentDoubted", "IntentRuled", "IntentSettled"} <= set(house.kinds())


@pytest.mark.parametrize("ruling", ["candidate", "current", "previous"])
def test_s03_a_person_names_the_live_secret_and_nothing_is_tried(house: RotationHouse, ruling: str) -> None:
    house.vault.change_secret("ops", "password", "older-secret", at=house.clock.moment)
    house.vault.change_secret("ops", "password", "old-secret", at=house.clock.moment)
    uncertain(house)
    named = {"candidate": house.kept("pending"), "current": "old-secret", "previous": "older-secret"}[ruling]
    house.engine.intents.rule("ops", ruling, by="anna")
    house.engine.drain()
    assert house.kept() == named
    assert house.kept("pending") is None
    assert not house.engine.intents.all()
    assert house.live == "nobody-knows"


def test_s03_a_person_gives_a_candidate_up_for_a_new_one(house: RotationHouse) -> None:
    uncertain(house)
    first = house.kept("pending")
    house.box.guard("box", "ops", "old-secret")
    house.engine.intents.rule("ops", "anew", by="anna")
    house.pass_time(minutes=20)
    assert house.live == house.kept() not in ("old-secret", first)


def test_s03_a_word_that_is_none_and_an_account_without_intent_are_refused(house: RotationHouse) -> None:
    with pytest.raises(InvalidValue, match="candidate"):
        house.engine.intents.rule("ops", "guess")
    with pytest.raises(NotFound):
        house.engine.intents.rule("ops", "probe")


def test_s04_nobody_logs_in_with_a_secret_that_may_be_wrong(house: RotationHouse) -> None:
    uncertain(house)
    holders = house.storage.holders("account:ops")
    assert list(holders) == [house.recoveries()[0].id]
    (task,) = house.engine.tasks()
    house.engine.resume_task(task.id, "ops")
    assert house.rotated(task).state is State.DEFERRED


@pytest.mark.parametrize("how", ["deactivate", "remove", "suspend", "window"])
def test_s04_nothing_that_befalls_the_task_ends_the_recovery(house: RotationHouse, how: str) -> None:
    house.goes_away_after_a_change()
    task = house.rotates()
    house.rotated(task)
    if how == "deactivate":
        house.engine.deactivate(task.id)
    elif how == "remove":
        house.engine.remove(task.id)
    elif how == "suspend":
        house.engine.suspend_task(task.id, "ops", why="holidays")
    else:
        house.engine.edit(evolve(house.engine.task(task.id), window=TimeWindow("* 3 1 1 *")))
    (recovery,) = house.recoveries()
    with pytest.raises(Refused):
        house.engine.cancel(recovery.id)
    house.box.up("box")
    house.pass_time(hours=2)
    assert house.live == house.kept() != "old-secret"
    assert not house.engine.intents.all()


def test_r04_a_record_that_refers_to_another_has_that_ones_password_changed(house: RotationHouse) -> None:
    house.vault.put(Record("app", "unix", fields={"host": "elsewhere", "user": "app"}, reference="ops"))
    task = house.rotates()
    job = house.engine.demand(task.id, "app")
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED
    assert house.live == house.kept() != "old-secret"


def test_r04_many_records_of_one_account_make_one_change_a_night(house: RotationHouse) -> None:
    house.vault.put(*(Record(f"app-{number}", "unix", reference="ops") for number in range(20)))
    house.engine.define(PasswordReset("rotate"))
    house.engine.put(Task("rotation", "rotate", [Daily(at="02:00")], list=UNIX))
    house.vault.remove("root")
    house.pass_time(hours=3)
    ended = [job for job in house.engine.history(limit=1000).entries if job.state is State.COMPLETED]
    assert len(ended) == 21
    assert sum(bool(job.operations) for job in ended) == 1
    assert house.live == house.kept() != "old-secret"


def test_s04_a_recovery_needs_neither_the_task_nor_its_script(house: RotationHouse) -> None:
    house.goes_away_after_a_change()
    task = house.rotates()
    house.rotated(task)
    house.engine.remove(task.id)
    house.engine.undefine("rotate")
    house.box.up("box")
    house.pass_time(hours=2)
    assert house.live == house.kept() != "old-secret"


def test_s04_a_record_that_is_gone_keeps_its_recovery_until_it_is_back(house: RotationHouse) -> None:
    house.goes_away_after_a_change()
    house.rotated(house.rotates())
    record = house.vault.records.get("ops")
    assert record is not None
    house.vault.remove("ops")
    house.engine.reconcile()
    house.box.up("box")
    house.pass_time(days=2)
    assert len(house.recoveries()) == 1
    house.vault.put(record)
    house.pass_time(days=2)
    assert house.live == house.kept() != "old-secret"


def test_s02_a_vault_without_slots_keeps_its_candidate_sealed_in_the_store() -> None:
    house = RotationHouse(keyring=Keyring.generate("k1"), slots=False)
    job = house.rotated(house.rotates())
    assert job.state is State.COMPLETED, job.text
    assert house.live == house.kept() != "old-secret"
    assert not house.storage.documents("sealed")


def test_s02_without_slots_and_keyring_nothing_is_touched() -> None:
    house = RotationHouse(slots=False)
    job = house.rotated(house.rotates())
    assert (job.state, job.error) == (State.ERROR, "bad_configuration")
    assert house.live == house.kept() == "old-secret"
    assert not house.recoveries()


def test_p05_what_the_vault_is_told_carries_the_path_that_led_there(house: RotationHouse) -> None:
    assert house.vault.slots is not None
    told: list[tuple[str, ...]] = []
    promote = house.vault.slots.promote

    def promoted(account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        told.append(tuple(origin))
        return promote(account, attempt, token, origin)

    house.vault.slots.promote = promoted  # type: ignore[method-assign]
    task = house.rotates()
    house.rotated(task)
    assert told == [(task.line,)]


def killed(house: RotationHouse, where: str) -> None:
    """A worker dies there, for all that anybody knows."""
    crashed: list[str] = []

    def crash(point: str, job: object) -> None:
        if point == where and not crashed:
            crashed.append(point)
            raise Crash

    first = house.enter(points=crash)
    first.demand(house.rotates().id, "ops")
    with pytest.raises(Crash):
        first.drain()


def test_s03_what_a_worker_may_send_that_wakes_up_late_is_not_thrown_away(house: RotationHouse) -> None:
    killed(house, "change")
    candidate = house.kept("pending")
    house.box.script_changes("box", ErrorClass.UNREACHABLE)
    house.pass_time(seconds=61)
    assert (house.kept(), house.kept("pending"), len(house.recoveries())) == ("old-secret", candidate, 1)
    house.box.guard("box", "ops", candidate or "")  # the late one sends it
    house.pass_time(hours=1)
    assert house.live == house.kept() == candidate
    assert not house.recoveries()


def test_s03_a_change_of_which_nobody_saw_the_end_may_still_come(house: RotationHouse) -> None:
    house.box.script_changes("box", *[Reply(seen=False, does=False)] * 3)
    job = house.rotated(house.rotates())
    assert job.state is State.ERROR
    candidate = house.kept("pending")
    house.box.guard("box", "ops", candidate or "")  # the host was slow
    house.pass_time(hours=1)
    assert house.live == house.kept() == candidate
    assert not house.recoveries()


def test_s03_after_a_day_nobody_is_late_any_more(house: RotationHouse) -> None:
    house.box.script_changes("box", *[ErrorClass.PERMISSION] * 200)
    killed(house, "change")
    house.pass_time(hours=23)
    assert house.kept("pending") is not None
    house.pass_time(hours=3)
    assert (house.kept("pending"), house.recoveries()) == (None, [])
    assert house.live == house.kept() == "old-secret"


def test_s05_a_recovery_looks_at_a_host_less_and_less_often(house: RotationHouse) -> None:
    house.goes_away_after_a_change()
    house.rotated(house.rotates())
    (recovery,) = house.recoveries()
    looks = 0
    for _ in range(24 * 60):
        due = house.recoveries()[0].due
        house.pass_time(minutes=1)
        looks += house.recoveries()[0].due != due
    assert 24 <= looks <= 32
    assert house.recoveries()[0].id == recovery.id


def test_s04_a_rotation_that_has_begun_ends_though_its_task_is_deactivated(house: RotationHouse) -> None:
    killed(house, "change")
    house.engine.deactivate(house.engine.tasks()[0].id)
    house.pass_time(hours=3)
    assert house.live == house.kept() != "old-secret"
    assert not house.recoveries()


def test_j08_the_job_of_a_rotation_is_explained(house: RotationHouse) -> None:
    """An attempt at a password is none of a retry."""
    job = house.rotated(house.rotates())
    assert "it was try" not in str(house.engine.explain(job.task, "ops"))


@pytest.mark.parametrize("where", ["promoted", "settled"])
def test_s03_what_a_person_proposed_is_put_in_force_across_a_kill(house: RotationHouse, where: str) -> None:
    house.vault.propose_secret("ops", "password", "said-by-a-person")
    killed(house, where)
    house.pass_time(hours=3)
    assert house.live == house.kept() == "said-by-a-person"
    assert [job.state for job in house.engine.history(record="ops", kinds=Kind.DEMAND).entries] == [State.COMPLETED]


def test_s03_a_candidate_that_somebody_gave_up_is_replaced_though_the_recovery_dies_in_between(house: RotationHouse) -> None:
    uncertain(house)
    first = house.kept("pending")
    house.box.guard("box", "ops", "old-secret")
    house.clock.advance(minutes=20)
    house.engine.intents.rule("ops", "anew", by="anna")
    dies: list[str] = []

    def crash(point: str, job: object) -> None:
        if point == "discarded" and not dies:
            dies.append(point)
            raise Crash

    with pytest.raises(Crash):
        house.enter(points=crash).drain()
    house.pass_time(hours=2)
    assert house.live == house.kept() not in ("old-secret", first)
    assert not house.engine.intents.all()


@pytest.mark.parametrize("script", [PasswordReset("look"), CheckStatus("look"), Commands("look", Step("true"))], ids=lambda one: one.kind)
def test_s01_a_run_is_gone_with_its_job_and_its_secrets_wait_for_no_collector(
    house: RotationHouse, monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    runs = list[weakref.ref[JobRun]]()
    make = JobRun.__init__

    def made(run: JobRun, *given: Any, **more: Any) -> None:
        make(run, *given, **more)
        runs.append(weakref.ref(run))

    monkeypatch.setattr(JobRun, "__init__", made)
    house.engine.define(script)
    task = house.engine.put(Task("looks", "look", [OnDemand()], list=UNIX))
    gc.disable()
    try:
        assert house.rotated(task).state is State.COMPLETED
        assert [run() for run in runs] == [None]
    finally:
        gc.enable()
