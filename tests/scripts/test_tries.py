"""No account is locked by whoever looks for its live secret: workers that die, recoveries and people together (S5)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import combinations
from typing import Any

import pytest
from attrs import evolve

from taskkit.events import Hourly
from taskkit.events.policies import AfterDrift, OnDemand
from taskkit.intents import Ruling
from taskkit.keyrings import Keyring
from taskkit.outcomes import ErrorClass
from taskkit.records import Record
from taskkit.scripts import CheckStatus, PasswordReset
from taskkit.states import State
from taskkit.tasks import Task
from taskkit.testing.hosts import Reply
from tests.engine.houses import UNIX, Crash
from tests.scripts.rotations import RotationHouse

#: How many wrong tries lock an account, and for how long hosts count them together, in seconds.
LOCKS, COUNTED = 3, 15 * 60
KEYS = Keyring({"one": b"k" * 32}, "one")


class Guarded(RotationHouse):
    """It has changed its password once. Each log-in of `ops` is written down, and after some of them the worker dies unheard."""

    def __init__(self, *deaths: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.refused: list[int] = []
        self.deaths: set[int] = set()
        self.most = self.count = 0
        self.breaks: type[BaseException] = Crash
        host = self.box._hosts["box"]
        host.refusal = self._heard(host.refusal)  # type: ignore[method-assign]
        self.task = self.rotates()
        assert self.rotated(self.task).state is State.COMPLETED
        self.count, self.deaths = 0, set(deaths)

    def goes(self, shadow: str | None = None, **settings: Any) -> Task:
        self.engine.define(PasswordReset("rotate", **settings))
        return self.engine.edit(evolve(self.engine.task(self.task.id), shadow=shadow))

    def _heard(self, refusal: Callable[..., ErrorClass | None]) -> Callable[..., ErrorClass | None]:
        def heard(user: str, *said: Any) -> ErrorClass | None:
            found = refusal(user, *said)
            if user == "ops":
                self._counted(found)
                self.count += 1
                if self.count in self.deaths:
                    raise self.breaks
            return found

        return heard

    def _counted(self, found: ErrorClass | None) -> None:
        """As a host counts that starts anew once nobody was refused for long enough."""
        now = self.clock.monotonic()
        if found is None or (self.refused and now - self.refused[-1] >= COUNTED):
            self.refused.clear()
        if found is ErrorClass.WRONG_CREDENTIALS:
            self.refused.append(int(now))
            self.most = max(self.most, len(self.refused))

    def drifts(self) -> bool:
        self.box.guard("box", "ops", "nobody-knows")
        return True

    def works(self, **span: float) -> None:
        """Whoever dies is replaced."""
        until = self.clock.moment.add(**span)  # type: ignore[arg-type]
        while self.clock.moment < until:
            try:
                self.pass_time(seconds=(until - self.clock.moment).total_seconds())
            except Crash:
                self.engine = self.enter()


WAYS: dict[str, dict[str, Any]] = {"itself": {}, "in need": {"shadow": "root", "through": "itself"}, "shadow": {"shadow": "root"}}
DEATHS = [deaths for number in range(4) for deaths in combinations(range(1, 6), number)]


@pytest.mark.parametrize("keyring", [None, KEYS], ids=["bare", "keyed"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("deaths", DEATHS, ids=str)
def test_s05_workers_that_die_right_after_a_log_in_lock_nobody_out(deaths: tuple[int, ...], way: str, keyring: Keyring | None) -> None:
    house = Guarded(*deaths, keyring=keyring)
    task = house.goes(**WAYS[way])
    house.drifts()
    house.engine.demand(task.id, "ops")
    house.works(hours=6)
    assert house.most < LOCKS
    assert house.is_known or house.live == "nobody-knows"
    assert way == "itself" or house.live == house.kept()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("deaths", DEATHS, ids=str)
def test_s05_nor_where_somebody_changes_it_in_the_midst(deaths: tuple[int, ...], way: str) -> None:
    house = Guarded(*deaths)
    task = house.goes(**WAYS[way])
    house.box.script_changes("box", Reply(seen=False, until=house.drifts))
    house.engine.demand(task.id, "ops")
    house.works(hours=6)
    assert house.most < LOCKS
    assert way == "itself" or house.live == house.kept()


def test_s05_people_who_have_it_tried_again_and_again_do_not_lock_it() -> None:
    house = Guarded()
    house.box.script_changes("box", Reply(seen=False, until=house.drifts))
    house.rotated(house.task)
    for _ in range(30):
        if house.engine.intents.all(uncertain=True):
            house.engine.intents.rule("ops", Ruling.PROBE, by="ann")
        house.works(minutes=7)
    assert house.most == LOCKS - 1
    assert house.box.secret("box", "ops") is not None
    house.box.guard("box", "ops", house.kept("previous") or "")
    if house.engine.intents.all(uncertain=True):
        house.engine.intents.rule("ops", Ruling.PROBE, by="ann")
    house.works(hours=2)
    assert house.live == house.kept()
    assert not house.engine.intents.all()


def test_s05_a_recovery_knows_what_the_job_before_it_tried() -> None:
    house = Guarded()

    def drifts() -> bool:
        house.deaths = {2, 3}
        return house.drifts()

    house.box.script_changes("box", Reply(seen=False, until=drifts))
    job = house.engine.demand(house.task.id, "ops")
    house.works(minutes=10)
    (intent,) = house.engine.intents.all()
    assert [one.which for one in intent.tries][:1] == ["unseen"]
    assert len(house.refused) == LOCKS - 1
    house.works(hours=6)
    assert house.engine.job(job).state is not State.RUNNING
    assert house.most == LOCKS - 1
    (intent,) = house.engine.intents.all(uncertain=True)
    assert [one["which"] for one in intent.document()["tries"]]


def test_s05_many_jobs_of_one_account_spend_no_more_tries_than_one() -> None:
    house = Guarded()
    house.drifts()
    for _ in range(12):
        house.engine.resume_task(house.task.id, "ops")
        house.engine.demand(house.task.id, "ops")
        house.works(minutes=2)
    assert house.most == LOCKS - 1


def test_s05_a_demand_right_after_somebody_mended_the_host_waits_until_it_may_be_tried() -> None:
    house = Guarded()
    house.drifts()
    assert house.rotated(house.task).error == "wrong_credentials"
    house.box.guard("box", "ops", house.kept() or "")
    house.engine.resume_task(house.task.id, "ops")
    job = house.rotated(house.task)
    assert (job.state, job.why) == (State.DEFERRED, "tries_spared")
    assert not house.engine.intents.all()
    house.works(minutes=20)
    assert house.engine.job(job.id).state is State.COMPLETED
    assert house.live == house.kept()


def test_s05_a_log_in_lets_the_count_begin_anew() -> None:
    house = Guarded()
    for _ in range(8):
        house.box.script_changes("box", Reply(seen=False, does=False))  # the candidate is refused, and the current one lets in
        assert house.rotated(house.task).state is State.COMPLETED
    assert house.most == 1


def test_s05_of_a_locked_account_nothing_is_asked_until_it_may_be_open_again() -> None:
    house = Guarded()
    house.goes_away_after_a_change()
    house.rotated(house.task)
    house.box.guard("box", "ops", "nobody-knows", locks_after=0)
    house.box.up("box")
    before = house.count
    house.works(minutes=15)
    assert house.count == before + 1
    house.works(hours=1)
    assert house.count <= before + 5


def test_s05_what_was_refused_is_kept_by_its_role_and_a_keyed_mark_and_gone_with_the_doubt() -> None:
    house = Guarded(keyring=KEYS)
    house.box.script_changes("box", Reply(seen=False, until=house.drifts))
    house.rotated(house.task)
    kept = house.storage.document("tries", "ops")
    assert kept is not None
    assert [(one["which"], one["mark"].partition(":")[0]) for one in kept.body["tries"]] == [("candidate", "one"), ("current", "one")]
    for which in ("current", "pending", "previous"):
        assert (house.kept(which) or "") not in str(kept.body)
    house.box.guard("box", "ops", house.kept() or "")
    house.engine.intents.rule("ops", "probe")
    house.works(hours=1)
    assert house.live == house.kept()
    assert house.storage.document("tries", "ops") is None


def test_s05_a_value_that_somebody_put_into_the_vault_meanwhile_is_tried() -> None:
    house = Guarded(keyring=KEYS)
    house.goes_away_after_a_change()
    house.rotated(house.task)
    house.box.up("box")
    house.drifts()
    house.works(minutes=5)
    assert len(house.refused) == LOCKS - 1
    house.vault.change_secret("ops", "password", "nobody-knows", at=house.clock.moment)
    house.works(hours=2)
    assert not house.engine.intents.all()
    assert house.live == house.kept()


def test_j14_a_rotation_in_which_nothing_is_refused_writes_nothing_of_tries() -> None:
    house = Guarded()
    written: list[Any] = []
    storage = house.engine.storage
    write = storage.write

    def noted(units: Any, **how: Any) -> Any:
        written.extend(change for unit in units for change in unit)
        return write(units, **how)

    storage.write = noted  # type: ignore[method-assign]
    for way in WAYS.values():
        assert house.rotated(house.goes(**way)).state is State.COMPLETED
    assert written
    assert not [change for change in written if getattr(change, "table", "") == "tries"]


def test_s05_a_heartbeat_and_the_rotation_that_it_sets_off_lock_nobody_out() -> None:
    house = Guarded()
    house.engine.define(CheckStatus("heartbeat"))
    house.engine.put(Task("beats", "heartbeat", [Hourly()]), list=UNIX)
    house.vault.put(*(Record(f"app-{number}", "unix", reference="ops") for number in range(5)))
    house.engine.edit(evolve(house.engine.task(house.task.id), policies=[OnDemand(), AfterDrift()]))
    house.drifts()
    house.works(hours=12)
    assert house.refused
    assert house.most < LOCKS


def test_s05_a_heartbeat_waits_until_it_may_be_tried() -> None:
    house = Guarded()
    house.engine.define(CheckStatus("heartbeat"))
    beats = house.engine.put(Task("beats", "heartbeat", [OnDemand()]), list=UNIX)
    house.drifts()
    house.rotated(house.task)
    house.box.guard("box", "ops", house.kept() or "")
    job = house.engine.demand(beats.id, "ops")
    house.works(minutes=10)
    assert (house.engine.job(job).state, house.engine.job(job).why) == (State.DEFERRED, "tries_spared")
    house.works(minutes=10)
    assert house.engine.job(job).state is State.COMPLETED


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_s05_a_log_in_that_breaks_off_counts(error: type[BaseException]) -> None:
    """Of the candidate, where somebody has changed the password on the host meanwhile."""
    house = Guarded()
    house.box.script_changes("box", Reply(seen=False, until=house.drifts))
    house.breaks = error
    house.deaths = {3}
    house.engine.demand(house.task.id, "ops")
    for _ in range(2):
        with suppress(error):
            house.works(hours=2)
    assert house.count > 4
    assert house.most < LOCKS


def test_r04_a_job_that_waits_for_tries_is_not_done_twice() -> None:
    house = Guarded(1)
    before = house.kept()
    job = house.engine.demand(house.task.id, "ops")
    house.works(hours=2)
    ended = house.engine.job(job)
    assert ended.state is State.COMPLETED
    assert house.engine.job(ended.result["by"]).kind == "recovery"
    assert house.live == house.kept() != before == house.kept("previous")


def test_s05_nothing_is_sent_that_nobody_could_prove() -> None:
    house = Guarded()
    task = house.goes(shadow="root")
    house.box.script_changes("box", *[Reply(seen=False, until=house.drifts)] * 3)
    job = house.rotated(task)
    assert [one["name"] for one in job.operations] == ["change", "try candidate"] * 2
    assert (job.state, job.why) == (State.DEFERRED, "tries_spared")
    house.works(hours=2)
    assert house.engine.job(job.id).state is State.COMPLETED
    assert house.live == house.kept()
    assert house.most == LOCKS - 1


def test_s05_a_shadow_account_changes_nothing_as_long_as_nobody_may_prove_it() -> None:
    house = Guarded()
    house.drifts()
    assert house.rotated(house.task).error == "wrong_credentials"
    task = house.goes(shadow="root")
    house.engine.resume_task(task.id, "ops")
    job = house.rotated(task)
    assert (job.state, job.operations, house.live) == (State.DEFERRED, (), "nobody-knows")
    assert not house.recoveries()
    house.works(minutes=20)
    assert house.live == house.kept()


def test_s05_what_let_in_before_a_worker_died_counts_no_more() -> None:
    house = Guarded(1)
    house.engine.demand(house.task.id, "ops")
    house.works(minutes=10)
    assert [one.which for one in house.engine.intents.all()[0].tries] == ["unseen", "candidate"]

    def crash(point: str, job: object) -> None:
        if point == "promoted" and house.storage.document("intent", "ops"):
            house.engine = house.enter()
            raise Crash

    house.engine = house.enter(points=crash)
    house.works(hours=1)
    assert house.live == house.kept()
    assert house.storage.document("tries", "ops") is None
    assert house.rotated(house.task).state is State.COMPLETED
