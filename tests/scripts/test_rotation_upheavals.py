"""What may befall all around a rotation: backups come back, records move, tasks and keys change, people rule, clocks jump (S3 to S6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from attrs import evolve

from taskkit.errors import MissingKey, NotAllowed, NotFound
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.intents import Ruling
from taskkit.jobs import Job
from taskkit.keyrings import Keyring
from taskkit.passwords import Passwords
from taskkit.records import AccountId, Record, RecordType
from taskkit.scripts import Commands, PasswordReset, Step
from taskkit.states import State
from taskkit.storage.memory import MemoryStorage, _Tables
from taskkit.tasks import Task
from taskkit.testing._accounts import Account
from tests.engine.houses import UNIX, Crash, Watched, writes
from tests.scripts.rotations import RotationHouse
from tests.scripts.test_tries import Guarded

POINTS = ("intended", "proposed", "change", "applied", "verified", "promoted")
BEFORE_SENDING, AFTER_SENDING = POINTS[:3], POINTS[3:]
OLD, BOTH = Keyring({"one": b"k" * 32}, "one"), Keyring({"one": b"k" * 32, "two": b"j" * 32}, "two")


class Upheaved(RotationHouse):
    """Its worker may die, and its vault or store come back as they were at some point."""

    def dies(self, where: str, task: Task, record: str = "ops") -> str:
        """The job over which a worker is lost, for all that anybody knows."""
        died = list[str]()

        def die(point: str, job: Job) -> None:
            if point == where and not died:
                died.append(point)
                raise Crash

        engine = self.enter(points=die)
        job = engine.demand(task.id, record)
        with pytest.raises(Crash):
            engine.drain()
        return job

    def goes_away(self, task: Task) -> None:
        """The host has taken a new password, nobody has heard of it, and the job has ended."""
        self.goes_away_after_a_change()
        assert self.rotated(task).state is State.ERROR
        self.box.up("box")

    def at(self, where: str, keep: Callable[[], Any]) -> Any:
        """What `keep` gives at this point of a rotation that goes well."""
        kept = list[Any]()

        def look(point: str, job: Job) -> None:
            if point == where and not kept:
                kept.append(keep())

        engine = self.enter(points=look)
        engine.demand(engine.tasks()[0].id, "ops")
        engine.drain()
        return kept[0]

    def store_now(self) -> _Tables:
        tables, now = _Tables(), self.storage._tables
        following = next(now.rooms.jobs._numbers)
        now.rooms.jobs._numbers = count(following)
        copied = {id(now.rooms.jobs._numbers): count(following)}  # Python 3.14 copies no counters
        tables.rooms, tables.chains = deepcopy((now.rooms, now.chains), copied)
        return tables

    def store_comes_back(self, backup: _Tables) -> None:
        self.storage = MemoryStorage(backup)
        self.engine = self.enter()

    @property
    def doubts(self) -> list[str]:
        return [intent.doubt for intent in self.engine.intents.all(uncertain=True)]

    @property
    def is_settled(self) -> bool:
        """The vault knows what lets in, and nobody has anything to do."""
        return self.live == self.kept() and not self.engine.intents.all() and self.kept("pending") is None and not self.recoveries()


def vault_now(house: RotationHouse) -> tuple[Mapping[AccountId, Account], Mapping[AccountId, datetime]]:
    secrets = house.vault.secrets
    return {id: _copy(account) for id, account in secrets._accounts.items()}, dict(secrets.changed)


def vault_comes_back(house: RotationHouse, backup: tuple[Mapping[AccountId, Account], Mapping[AccountId, datetime]]) -> None:
    secrets, (accounts, changed) = house.vault.secrets, backup
    secrets._accounts, secrets.changed = {id: _copy(account) for id, account in accounts.items()}, dict(changed)


def _copy(account: Account) -> Account:
    said = {name: dict(getattr(account, name)) for name in ("current", "previous", "attempts")}
    return evolve(account, **said, former=list(account.former))  # type: ignore[arg-type]


@pytest.fixture
def house() -> Upheaved:
    return Upheaved()


# the vault comes back from a backup


def forgets(house: Upheaved, where: str, shadow: str | None = None) -> None:
    """A worker dies there, or the host goes away; and the vault comes back from before that."""
    task, backup = house.rotates(shadow), vault_now(house)
    if where == "away":
        house.goes_away(task)
    else:
        house.dies(where, task)
    vault_comes_back(house, backup)
    house.pass_time(hours=3)


@pytest.mark.parametrize("where", BEFORE_SENDING)
def test_s03_a_candidate_that_was_sent_nowhere_is_not_missed(house: Upheaved, where: str) -> None:
    forgets(house, where)
    assert house.is_settled


@pytest.mark.parametrize("where", [*AFTER_SENDING, "away"])
def test_s03_that_the_vault_knows_no_candidate_does_not_say_that_none_was_sent(house: Upheaved, where: str) -> None:
    """Job and recovery alike say that nobody knows, and do not settle it as unchanged."""
    forgets(house, where)
    assert house.kept() == "old-secret"
    [doubt] = house.doubts
    assert "the vault does not know the candidate any more" in doubt
    assert list(house.storage.holders("account:ops")) == [house.recoveries()[0].id]
    house.vault.change_secret("ops", "password", house.live, at=house.clock.moment)  # somebody found it, and wrote it down
    house.engine.intents.rule("ops", "probe")
    house.pass_time(hours=1)
    assert house.is_settled


@pytest.mark.parametrize("where", [*POINTS, "away"])
def test_s03_nor_does_it_matter_where_a_shadow_account_sets_it_right(where: str) -> None:
    house = Upheaved()
    forgets(house, where, "root")
    assert house.is_settled
    assert house.live != "old-secret"


@pytest.mark.parametrize("where", ["proposed", "applied", "verified"])
def test_s04_a_candidate_of_which_only_an_older_vault_knows_is_told_and_tried_before_anything_else(house: Upheaved, where: str) -> None:
    task = house.rotates()
    vault_comes_back(house, house.at(where, lambda: vault_now(house)))
    live = house.live
    assert house.engine.restored().candidates == ("ops",)
    house.engine.resume()
    job = house.rotated(task)
    assert [one["name"] for one in job.operations] == ["try candidate"]
    assert house.is_settled
    assert house.live == live


def test_s05_of_a_vault_that_is_older_than_an_ended_rotation_the_next_one_tells_and_locks_nobody_out() -> None:
    house = Guarded()
    backup = vault_now(house)
    house.clock.advance(minutes=1)
    assert house.rotated(house.task).state is State.COMPLETED
    vault_comes_back(house, backup)
    before, kept = house.live, (house.kept(), house.kept("previous"))
    house.clock.advance(minutes=1)
    assert [told.account for told in house.engine.restored().contradictions] == ["ops"]
    house.engine.resume()
    assert house.rotated(house.task).error == "wrong_credentials"
    assert (house.live, (house.kept(), house.kept("previous"))) == (before, kept)
    assert house.most < 3


# the store comes back from a backup


@pytest.mark.parametrize("later", [0, 1], ids=["none", "another rotation"])
@pytest.mark.parametrize("where", ["planned", *POINTS])
def test_s04_an_older_store_takes_up_what_the_vault_has_put_in_force_since(house: Upheaved, where: str, later: int) -> None:
    task = house.rotates()
    backup = house.at(where, house.store_now)
    for _ in range(later):
        assert house.rotated(task).state is State.COMPLETED
    house.store_comes_back(backup)
    house.pass_time(hours=3)
    assert house.is_settled
    assert all(job.state is not State.ERROR for job in house.engine.history(record="ops").entries)


@pytest.mark.parametrize("where", ["planned", *POINTS])
def test_s04_an_older_store_takes_over_the_candidate_of_an_attempt_that_it_does_not_know(house: Upheaved, where: str) -> None:
    """It knows of none, or of the one before, and the vault has the next one in its slot, which the host has taken."""
    task = house.rotates()
    backup = house.at(where, house.store_now)
    house.goes_away(task)
    live = house.live
    assert live == house.kept("pending")
    house.store_comes_back(backup)
    house.pass_time(hours=3)
    assert house.is_settled
    assert live in (house.kept(), house.kept("previous"))


# records move


@pytest.mark.parametrize("ends", [False, True], ids=["killed", "away"])
@pytest.mark.parametrize("change", [{"reference": "root"}, {"secret_fields": {"other"}}, {"tags": {"moved"}}], ids=str)
def test_s04_a_record_that_changes_leaves_the_intent_with_its_account(house: Upheaved, change: dict[str, Any], ends: bool) -> None:
    task = house.rotates()
    if ends:
        house.goes_away(task)
    else:
        house.dies("applied", task)
    house.vault.change("ops", **change)
    house.pass_time(hours=3)
    assert house.is_settled
    assert house.box.secret("box", "root").same_as(house.vault.secrets.of("root").current["password"])  # type: ignore[union-attr]


@pytest.mark.parametrize("ends", [False, True], ids=["killed", "away"])
def test_s04_the_recovery_finds_the_record_that_is_the_account_now(house: Upheaved, ends: bool) -> None:
    task = house.rotates()
    if ends:
        house.goes_away(task)
    else:
        house.dies("applied", task)
    candidate, account = house.live, house.vault.records.account
    house.vault.put(evolve(house.vault.records.kept["ops"], id="renamed"))
    house.vault.remove("ops")
    house.vault.records.account = lambda record: "ops" if record.id == "renamed" else account(record)  # type: ignore[method-assign]
    house.engine.reconcile()
    house.pass_time(hours=2)
    assert house.is_settled
    assert house.live == candidate
    job = house.engine.demand(task.id, "renamed")
    house.engine.drain()
    assert house.engine.job(job).state is State.COMPLETED


@pytest.mark.parametrize("where", POINTS)
def test_r04_a_job_whose_record_moves_to_another_account_holds_that_one_before_it_changes_it(house: Upheaved, where: str) -> None:
    """And what it had begun is left to the recovery of the account that it was."""
    task, held = house.rotates(), list[tuple[bool, bool]]()
    house.vault.put(Record("app", "unix", reference="ops"))
    job = house.dies(where, task, "app")
    house.vault.change("app", reference="root")

    def look(point: str, at_work: Job) -> None:
        if at_work.id == job:
            held.append((job in house.storage.holders("account:root"), job in house.storage.holders("account:ops")))

    house.engine = house.enter(points=look)
    house.clock.advance(seconds=61)
    house.engine.drain(1)
    recovery = house.storage.document("intent", "ops")
    assert recovery is None or recovery.body["recovery"] in house.storage.holders("account:ops")
    house.pass_time(hours=3)
    assert house.engine.job(job).result["account"] == "root"
    assert set(held) == {(True, False)}
    assert house.box.secret("box", "root").same_as(house.vault.secrets.of("root").current["password"])  # type: ignore[union-attr]
    assert house.is_settled


# tasks, scripts and types change


def test_s04_another_policy_another_way_and_a_shadow_account_change_nothing_of_what_has_begun(house: Upheaved) -> None:
    task = house.rotates()
    house.goes_away(task)
    candidate = house.live
    house.engine.define(PasswordReset("rotate", passwords=Passwords(64), through="itself"))
    house.engine.edit(evolve(house.engine.task(task.id), shadow="root"))
    house.pass_time(hours=3)
    assert house.is_settled
    assert house.live == candidate


def test_s04_nor_does_another_script_nor_that_the_first_is_gone(house: Upheaved) -> None:
    task = house.rotates()
    house.goes_away(task)
    candidate = house.live
    house.engine.define(Commands("other", Step("true")))
    house.engine.edit(evolve(house.engine.task(task.id), script="other"))
    house.engine.undefine("rotate")
    house.pass_time(hours=3)
    assert house.is_settled
    assert house.live == candidate


@pytest.mark.parametrize("where", POINTS[:-1])
def test_s02_a_candidate_that_lies_under_another_name_does_not_come_into_force_untried(house: Upheaved, where: str) -> None:
    """Where the record's type names another field by now, all is kept until it names it again."""
    task = house.rotates()
    house.dies(where, task)
    kept = house.kept(), house.kept("pending")
    house.engine.define(RecordType("unix", executor="fake", secret="other"))  # noqa: S106
    house.pass_time(hours=1)
    assert where == "intended" or (house.kept(), house.kept("pending")) == kept
    assert house.is_known
    house.engine.define(RecordType("unix", executor="fake"))
    if house.doubts:
        house.engine.intents.rule("ops", "probe")
    house.pass_time(hours=3)
    assert house.is_settled


# several at once


def test_r04_tasks_that_rotate_the_same_account_and_its_shadow_account_wait_for_one_another(house: Upheaved) -> None:
    tasks = [house.rotates(through="itself")]
    house.engine.define(PasswordReset("by root"))
    tasks.append(house.engine.put(Task("by root", "by root", [OnDemand()], list=UNIX, shadow="root")))
    jobs = [house.engine.demand(task.id, record) for _ in range(2) for task in tasks for record in ("ops", "root")]
    house.pass_time(hours=1)
    assert {house.engine.job(job).state for job in jobs} == {State.COMPLETED}
    assert house.is_settled
    assert house.box.secret("box", "root").same_as(house.vault.secrets.of("root").current["password"])  # type: ignore[union-attr]


@pytest.mark.parametrize("where", POINTS)
def test_s03_root_that_changes_its_own_password_as_its_own_shadow_account_loses_none(house: Upheaved, where: str) -> None:
    job = house.dies(where, house.rotates("root"), "root")
    house.pass_time(hours=3)
    assert house.engine.job(job).state is State.COMPLETED
    assert house.box.secret("box", "root").same_as(house.vault.secrets.of("root").current["password"])  # type: ignore[union-attr]
    assert not house.engine.intents.all()


@pytest.mark.parametrize("where", POINTS)
def test_s04_an_account_waits_while_that_of_its_shadow_account_is_in_doubt(house: Upheaved, where: str) -> None:
    task = house.rotates("root")
    first = house.dies(where, task, "root")
    job = house.engine.demand(task.id, "ops")
    house.engine.drain()
    assert (house.engine.job(job).state, house.engine.job(job).why) == (State.DEFERRED, "busy")
    house.pass_time(hours=3)
    assert [house.engine.job(one).state for one in (first, job)] == [State.COMPLETED] * 2
    assert house.is_settled


# a vault without slots, and other keys


@pytest.mark.parametrize("where", [*POINTS, "away"])
@pytest.mark.parametrize("reseals", [False, True], ids=["rotated", "resealed"])
def test_s06_a_candidate_that_lies_sealed_in_the_store_outlives_another_key(where: str, reseals: bool) -> None:
    house = Upheaved(keyring=OLD, slots=False)
    task = house.rotates()
    if where == "away":
        house.goes_away(task)
    else:
        house.dies(where, task)
    house._keyring = BOTH
    house.engine = house.enter()
    if reseals:
        assert house.engine.reseal() == (where != "intended")
    house.pass_time(hours=3)
    assert house.is_settled
    assert not house.storage.documents("sealed")


def test_s06_a_key_that_has_sealed_a_candidate_is_missed_before_anything_starts() -> None:
    house = Upheaved(keyring=OLD, slots=False)
    house.goes_away(house.rotates())
    house._keyring = Keyring({"two": b"j" * 32}, "two")
    with pytest.raises(MissingKey):
        house.enter()
    house._keyring = BOTH
    house.engine = house.enter()
    house.pass_time(hours=3)
    assert house.is_settled


def test_s06_a_key_that_goes_while_all_runs_keeps_the_intent_open(house: Upheaved) -> None:
    house = Upheaved(keyring=OLD, slots=False)
    house.goes_away(house.rotates())
    seals, keyring = house.engine._ground.seals, house.engine._ground.seals._keyring
    seals._keyring = Keyring({"two": b"j" * 32}, "two")
    house.pass_time(hours=3)
    assert len(house.storage.documents("sealed")) == len(house.engine.intents.all()) == 1
    seals._keyring = keyring
    house.pass_time(hours=3)
    assert house.is_settled


# people rule


@pytest.mark.parametrize("ruling", Ruling)
@pytest.mark.parametrize("where", [*POINTS, "away"])
def test_s03_a_ruling_at_any_stage_and_said_twice_loses_nothing(house: Upheaved, where: str, ruling: Ruling) -> None:
    task = house.rotates()
    if where == "away":
        house.goes_away(task)
    else:
        house.dies(where, task)
    named = {Ruling.CURRENT: house.kept(), Ruling.CANDIDATE: house.kept("pending")}.get(ruling)
    for who in ("ann", "bob"):
        house.engine.intents.rule("ops", ruling, by=who)
    house.pass_time(hours=3)
    assert house.is_known
    assert not house.engine.intents.all()
    assert house.kept() == (named or house.live)
    with pytest.raises(NotFound):
        house.engine.intents.rule("ops", ruling, by="ann")
    assert house.rotated(task).state is (
        State.COMPLETED if house.live == house.kept() or house.live == house.kept("previous") else State.ERROR
    )


def in_doubt(house: Upheaved) -> None:
    task = house.rotates()
    house.goes_away(task)
    house.box.guard("box", "ops", "nobody-knows")
    house.pass_time(hours=1)
    assert house.doubts


def test_s03_a_candidate_is_not_given_up_for_a_new_one_before_some_secret_has_let_in(house: Upheaved) -> None:
    in_doubt(house)
    candidate = house.kept("pending")
    house.engine.intents.rule("ops", Ruling.ANEW)
    house.pass_time(hours=1)
    assert house.doubts
    assert house.kept("pending") == candidate
    house.box.guard("box", "ops", candidate or "")  # it was a mistake: this was the live one
    house.engine.intents.rule("ops", Ruling.PROBE)
    house.pass_time(hours=1)
    assert house.is_settled


def test_j02_of_two_people_who_rule_at_once_the_last_word_counts_and_both_are_told(house: Upheaved) -> None:
    in_doubt(house)
    storage = Watched(house.storage)
    engine = house.enter(storage=storage)
    storage.before(writes("intent"), lambda: house.engine.intents.rule("ops", "current", by="bob"))
    engine.intents.rule("ops", "candidate", by="ann")
    candidate = house.kept("pending")
    house.pass_time(minutes=1)
    ruled = [(fact.who, fact.details["ruling"]) for fact in house.engine.facts(kinds=["IntentRuled"])]
    assert ruled == [("bob", "current"), ("ann", "candidate")]
    assert house.kept() == candidate
    assert not house.engine.intents.all()


def test_a02_who_may_not_manage_the_tasks_of_the_record_rules_nothing(house: Upheaved) -> None:
    in_doubt(house)
    house.vault.deny("eve", "task_manage", "ops")
    for ruling in Ruling:
        with pytest.raises(NotAllowed):
            house.engine.intents.rule("ops", ruling, by="eve")
    house.pass_time(hours=1)
    assert house.doubts
    assert "IntentRuled" not in house.kinds()


# clocks jump


@pytest.mark.parametrize("by", [{"days": 1}, {"hours": -1}, {"days": 400}, {"days": -400}], ids=str)
@pytest.mark.parametrize("where", POINTS)
def test_s03_a_clock_that_jumps_in_the_midst_loses_nothing(house: Upheaved, where: str, by: dict[str, int]) -> None:
    house.rotates()
    engine = house.at(where, lambda: house.clock.jump(house.clock.moment.add(**by)))
    assert engine is None
    house.pass_time(hours=3)
    assert house.is_settled


@pytest.mark.parametrize("by", [{"hours": 1}, {"days": 400}], ids=str)
def test_s05_a_refused_log_in_that_was_noted_by_a_clock_ahead_does_not_bar_the_account_until_then(by: dict[str, int]) -> None:
    house = Guarded()
    house.clock.jump(house.clock.moment.add(**by))
    house.drifts()
    assert house.rotated(house.task).error == "wrong_credentials"
    house.clock.jump(house.clock.moment.subtract(**by))
    house.box.guard("box", "ops", house.kept() or "")
    house.engine.resume_task(house.task.id, "ops")
    job = house.rotated(house.task)
    assert (job.state, job.why) == (State.DEFERRED, "tries_spared")  # they may have been a moment ago
    house.works(minutes=20)
    assert house.engine.job(job.id).state is State.COMPLETED
    assert house.live == house.kept()


def test_r04_a_change_that_was_noted_by_a_clock_ahead_satisfies_nobody(house: Upheaved) -> None:
    task = house.rotates()
    task = house.engine.edit(evolve(task, policies=[OnDemand(), AfterCheckIn()]))
    house.clock.jump(house.clock.moment.add(days=30))
    assert house.rotated(task).state is State.COMPLETED
    house.clock.jump(house.clock.moment.subtract(days=30))
    before = house.live
    house.emit(CheckedIn("ops", approval="a1", at=house.clock.moment))
    house.pass_time(minutes=10)
    assert house.live == house.kept() != before
