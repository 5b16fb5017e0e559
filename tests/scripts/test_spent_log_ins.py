"""Log-ins of every script count: commands, dialogues, checks, a plug-in's own, and shadow accounts lock nobody out (S5)."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from attrs import field, frozen

from taskkit.errors import TriesSpared
from taskkit.events.policies import OnDemand
from taskkit.jobs import Job
from taskkit.outcomes import DONE, Effect, ErrorClass, Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Verb
from taskkit.records import Record
from taskkit.scripts import Check, CheckStatus, CommandOn, Commands, FileOn, Step
from taskkit.states import State
from taskkit.storage import Keep
from taskkit.tasks import Task
from taskkit.testing.hosts import Reply
from tests.engine.houses import UNIX, Crash, Watched, writes
from tests.scripts.rotations import RotationHouse
from tests.scripts.test_tries import LOCKS, WAYS, Guarded

CLEAN = Commands("clean", Step("true"), effect="idempotent")


class Working(Guarded):
    """Other tasks log in beside the rotation."""

    def works_by(self, script: Script, **about: Any) -> Task:
        self.engine.define(script)
        return self.engine.put(Task(script.name, script.name, [OnDemand()], list=UNIX, **about))

    def again(self, task: Task, record: str = "ops") -> Any:
        """As a person does who has the task resumed and demands it once more."""
        self.engine.resume_task(task.id, record)
        job = self.engine.demand(task.id, record)
        self.engine.drain()
        return self.engine.job(job)


def dies_connecting(point: str, job: Job) -> None:
    if point == "connect":
        raise Crash


@pytest.fixture
def house() -> Working:
    return Working()


def test_s05_commands_that_are_refused_again_and_again_lock_nobody_out(house: Working) -> None:
    clean = house.works_by(CLEAN)
    house.drifts()
    ends = [house.again(clean) for _ in range(5)]
    assert [(one.state, one.error or one.why) for one in ends] == [(State.ERROR, "wrong_credentials")] * 2 + [
        (State.DEFERRED, "tries_spared")
    ] * 3
    assert house.most == LOCKS - 1
    house.box.guard("box", "ops", house.kept() or "")
    house.works(minutes=20)
    assert {house.engine.job(one.id).state for one in ends[2:]} == {State.COMPLETED}


def test_s05_several_tasks_that_log_in_as_one_account_lock_it_no_more_than_one_does(house: Working) -> None:
    house.vault.put(*(Record(f"app-{number}", "unix", fields={"host": "box", "user": "ops"}, reference="ops") for number in range(3)))
    tasks = [house.works_by(CLEAN), house.works_by(CheckStatus("heartbeat")), house.task]
    house.drifts()
    for task in tasks:
        for record in ("app-0", "app-1", "app-2", "ops"):
            house.again(task, record)
    assert house.most == LOCKS - 1


def test_s05_a_rotation_spares_what_commands_have_spent(house: Working) -> None:
    clean, before = house.works_by(CLEAN), house.kept()
    house.drifts()
    for _ in range(2):
        house.again(clean)
    house.box.guard("box", "ops", before or "")
    job = house.rotated(house.task)
    assert (job.state, job.why, job.operations, house.kept()) == (State.DEFERRED, "tries_spared", (), before)
    house.works(minutes=20)
    assert house.engine.job(job.id).state is State.COMPLETED
    assert house.live == house.kept() != before


def test_s05_commands_spare_what_a_rotation_has_spent(house: Working) -> None:
    clean = house.works_by(CLEAN)
    house.drifts()
    assert house.rotated(house.task).error == "wrong_credentials"
    house.box.guard("box", "ops", house.kept() or "")
    count, job = house.count, house.again(clean)
    assert (job.state, job.why, house.count) == (State.DEFERRED, "tries_spared", count)
    house.works(minutes=20)
    assert house.engine.job(job.id).state is State.COMPLETED


def test_s05_commands_at_a_locked_account_leave_it_alone(house: Working) -> None:
    clean = house.works_by(CLEAN)
    house.box.guard("box", "ops", "nobody-knows", locks_after=0)
    ends = [house.again(clean) for _ in range(3)]
    assert [one.error or one.why for one in ends] == ["account_locked", "tries_spared", "tries_spared"]
    assert house.count == 1


@pytest.mark.parametrize("script", [CLEAN, CheckStatus("heartbeat")], ids=lambda one: one.kind)
@pytest.mark.parametrize("deaths", [(1,), (1, 2), (2, 3), (1, 2, 3, 4)], ids=str)
def test_s05_workers_that_die_over_other_scripts_lock_nobody_out(deaths: tuple[int, ...], script: Script) -> None:
    house = Working(*deaths)
    task = house.works_by(script)
    house.drifts()
    job = house.engine.demand(task.id, "ops")
    for _ in range(3):
        house.works(hours=1)
        house.engine.resume_task(task.id, "ops")
        house.engine.demand(task.id, "ops")
    assert house.most < LOCKS
    assert house.engine.job(job).state is not State.RUNNING


def test_s05_of_many_who_use_an_account_a_lost_process_counts_once(house: Working) -> None:
    """Else they would all wait, for ever, where a process ends now and then."""
    house.vault.put(*(Record(f"app-{number}", "unix", fields={"host": "box", "user": "ops"}, reference="ops") for number in range(5)))
    clean = house.works_by(CLEAN)
    jobs = [house.engine.demand(clean.id, f"app-{number}") for number in range(5)]
    with pytest.raises(Crash):
        house.enter(points=dies_connecting).drain()
    assert {house.engine.job(one).state for one in jobs} == {State.RUNNING}
    house.works(minutes=10)
    assert {house.engine.job(one).state for one in jobs} == {State.COMPLETED}
    tries = house.storage.document("tries", "ops")
    assert tries is not None
    assert [one["which"] for one in tries.body["tries"]] == ["unseen"]


# shadow accounts


def wrong_shadow(house: RotationHouse) -> None:
    house.box.guard("box", "root", "nobody-knows", root=True)


def test_s05_a_shadow_account_that_is_refused_is_spared_by_all_who_use_it() -> None:
    house = Working()
    task = house.goes("root")
    clean = house.works_by(CLEAN, shadow="root")
    wrong_shadow(house)
    before = house.kept()
    ends = [house.again(one) for one in (task, clean, task, clean, task)]
    assert [one.error or one.why for one in ends] == ["wrong_credentials"] * 2 + ["tries_spared"] * 3
    assert (house.kept(), house.kept("pending"), house.live) == (before, None, before)
    assert not house.engine.intents.all()
    tries = house.storage.document("tries", "root")
    assert tries is not None
    assert len(tries.body["tries"]) == LOCKS - 1
    assert house.storage.document("tries", "ops") is None
    house.box.guard("box", "root", "root-secret", root=True)
    house.works(minutes=40)
    assert {house.engine.job(one.id).state for one in ends[2:]} == {State.COMPLETED}
    assert house.live == house.kept() != before


def test_s05_a_recovery_whose_shadow_account_is_spared_goes_on_later() -> None:
    house = Working()
    task = house.goes("root")
    clean = house.works_by(CLEAN, shadow="root")
    house.goes_away_after_a_change()
    assert house.rotated(task).state is State.ERROR
    house.box.up("box")
    house.drifts()
    wrong_shadow(house)
    for _ in range(2):
        assert house.again(clean, "root").error == "wrong_credentials"
    house.works(minutes=10)
    assert house.kept("pending")
    house.box.guard("box", "root", "root-secret", root=True)
    house.works(hours=3)
    assert house.live == house.kept()
    assert not house.engine.intents.all()


# what is told of a new password


@pytest.mark.parametrize("on_failure", ["keep", "roll_back"])
def test_s05_a_dependent_whose_account_is_spared_is_told_later_or_all_is_taken_back(on_failure: str) -> None:
    house = Working()
    house.vault.put(Record("app", "unix", fields={"host": "box", "user": "app"}, secret_fields={"password"}))
    house.vault.change_secret("app", "password", "app-secret", at=house.clock.moment)
    house.box.guard("box", "app", "nobody-knows")
    clean = house.works_by(CLEAN)
    for _ in range(2):
        assert house.again(clean, "app").error == "wrong_credentials"
    house.box.guard("box", "app", "app-secret")
    before = house.live
    task = house.goes(dependents=[FileOn("app", "/etc/app.conf", retries=0)], on_failure=on_failure)
    job = house.rotated(task)
    if on_failure == "roll_back":
        assert job.state is State.ERROR
        assert house.live == house.kept() == before
    else:
        assert (job.state, job.why) == (State.DEFERRED, "tries_spared")
        house.works(minutes=20)
        assert house.engine.job(job.id).state is State.COMPLETED
        assert (house.kept() or "") in house.box.files("box")["/etc/app.conf"].decode()
        assert house.live == house.kept() != before
    assert not house.engine.intents.all()


def test_s05_the_old_one_is_not_tried_where_that_may_lock_the_account() -> None:
    house = Working()
    house.vault.put(Record("app", "unix", fields={"host": "other", "user": "ops"}, reference="ops"))
    house.box.guard("other", "ops", "nobody-knows")
    clean = house.works_by(CLEAN)

    task = house.goes(dependents=[FileOn("root", "/etc/ops.conf")], old_refused="warn")
    house.box.script_files("box", ErrorClass.BUSY)
    job = house.rotated(task)
    assert (job.state, job.why) == (State.DEFERRED, "dependent")
    for _ in range(2):
        assert house.again(clean, "app").error == "wrong_credentials"
    house.works(minutes=5)
    job = house.engine.job(job.id)
    assert (job.state, job.why) == (State.DEFERRED, "tries_spared")
    assert "try the old one" not in [one["name"] for one in job.operations]
    house.works(minutes=40)
    assert house.engine.job(job.id).state is State.COMPLETED
    assert house.engine.job(job.id).result["old"] == "refused"


# scripts of others


@frozen
class Careless(Script):
    """It knows nothing of tries."""

    kind = "careless"
    needs: ClassVar[frozenset[Verb]] = frozenset({Verb.COMMANDS})
    effect = Effect.IDEMPOTENT

    name: str
    works_first: bool = field(default=False, kw_only=True)

    def perform(self, run: Run) -> Outcome:
        if self.works_first:
            with run.connect(run.vault.records.get("root")):
                pass
        with run.connect():
            return DONE


@frozen
class Breaking(Careless):
    kind = "breaking"

    def perform(self, run: Run) -> Outcome:
        try:
            with run.connect():
                return DONE
        except TriesSpared as spared:
            raise ValueError(str(spared)) from spared


def of_others(script: Script) -> tuple[Working, Task]:
    house = Working(scripts=[Careless, Breaking])
    return house, house.works_by(script)


@pytest.mark.parametrize("works_first", [False, True], ids=["at once", "after another"])
def test_s05_a_script_that_does_nothing_about_spared_tries_ends_right(works_first: bool) -> None:
    """Not now, as long as it has begun nothing; not done, and tried again, once it has."""
    house, task = of_others(Careless("own", works_first=works_first))
    house.drifts()
    assert [house.again(task).error for _ in range(2)] == ["wrong_credentials"] * 2
    house.box.guard("box", "ops", house.kept() or "")
    count, job = house.count, house.again(task)
    if works_first:
        assert (job.state, job.error) == (State.ERROR, "busy")
    else:
        assert (job.state, job.why) == (State.DEFERRED, "tries_spared")
    assert house.count == count
    house.works(hours=2)
    assert works_first or house.engine.job(job.id).state is State.COMPLETED


def test_s05_what_else_it_makes_of_them_is_its_own_word() -> None:
    house, task = of_others(Breaking("own"))
    house.drifts()
    for _ in range(2):
        house.again(task)
    assert house.again(task).state is State.ERROR
    assert house.most == LOCKS - 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_s05_a_log_in_of_which_nobody_saw_the_end_counts(error: type[BaseException]) -> None:
    house = Working()
    clean = house.works_by(CLEAN)
    house.drifts()
    house.breaks, house.deaths = error, {1}
    if error is ValueError:
        assert house.again(clean).state is State.ERROR
    else:
        with pytest.raises(error):
            house.again(clean)
        house.works(minutes=2)
    tries = house.storage.document("tries", "ops")
    assert tries is not None
    assert tries.body["tries"][0]["which"] == "unseen"
    for _ in range(3):
        house.again(clean)
    assert house.most == LOCKS - 1


# what it costs


def test_s05_a_refused_log_in_that_others_keep_from_being_noted_is_still_one_that_was_refused(house: Working) -> None:
    clean = house.works_by(CLEAN)
    house.drifts()
    watched = Watched(house.storage)
    engine = house.enter(storage=watched)
    number = 0

    def others() -> None:
        nonlocal number
        number += 1
        kept = house.storage.document("tries", "ops")
        body = {"tries": [{"which": "current", "at": house.engine._ground.now(), "mark": "", "tells": False}]}
        house.storage.write([(Keep("tries", "ops", kept.revision if kept else 0, body),)])
        if number < 4:
            watched.before(writes("tries"), others)

    watched.before(writes("tries"), others)
    job = engine.demand(clean.id, "ops")
    engine.drain()
    assert number == 4
    assert engine.job(job).error == "wrong_credentials"


def asked(house: RotationHouse, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each question for tries, and with what it was asked."""
    store, said = type(house.storage), list[str]()
    one, together = store.document, store.together

    def ask(storage: Any, table: str, id: str) -> Any:
        said.extend([table] if table == "tries" else [])
        return one(storage, table, id)

    def ask_together(storage: Any, wanted: Any) -> Any:
        said.extend([" ".join(sorted(wanted))] if "tries" in wanted else [])
        return together(storage, wanted)

    monkeypatch.setattr(store, "document", ask)
    monkeypatch.setattr(store, "together", ask_together)
    return said


@pytest.mark.parametrize("way", WAYS)
def test_s05_what_a_rotation_asks_of_its_accounts_and_those_beside_it_is_one_question(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    house = Working()
    task = house.goes(**WAYS[way], dependents=[CommandOn("root", Step("true"))])
    said = asked(house, monkeypatch)
    assert house.rotated(task).state is State.COMPLETED
    assert said == ["account intent sealed tries"]


@pytest.mark.parametrize(
    "script", [CLEAN, CheckStatus("heartbeat"), CheckStatus("both", [Check("true", name="well")])], ids=lambda one: one.name
)
def test_s05_any_other_script_asks_once_for_each_account_and_writes_nothing_where_it_is_let_in(
    house: Working, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = house.works_by(script)
    said = asked(house, monkeypatch)
    assert house.again(task).state is State.COMPLETED
    assert said == ["tries"]
    assert house.storage.document("tries", "ops") is None


def test_s05_a_change_that_the_account_itself_may_not_make_counts() -> None:
    house = Working()
    house.box.script_changes("box", *[ErrorClass.WRONG_CREDENTIALS] * 3)
    job = house.rotated(house.task)
    assert job.error == "wrong_credentials"
    tries = house.storage.document("tries", "ops")
    assert tries is not None
    assert [one["which"] for one in tries.body["tries"]] == ["current"]
    assert house.live == house.kept()


def test_s05_a_check_that_looks_around_tells_what_it_found_as_before(house: Working) -> None:
    task = house.works_by(CheckStatus("around", [Check("true", name="well")]))
    house.box.script("box", Reply("well"))
    assert house.again(task).result["login"] == "ok"
    house.drifts()
    job = house.again(task)
    assert (job.error, job.result["login"]) == ("wrong_credentials", "wrong_credentials")
