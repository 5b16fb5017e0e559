"""Whose task runs for a trigger, and with which account it connects: targets (R2) and shadow accounts (R3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve, frozen

from taskkit.engine import Entry
from taskkit.errors import InvalidValue, NotFound, Refused
from taskkit.events import Daily, TimeWindow
from taskkit.events.happenings import CheckedIn, RecordChanged, RecordRemoved, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock, OnDemand
from taskkit.jobs import Job, Kind
from taskkit.outcomes import DONE, ErrorClass, NotDone, NotNow, Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Verb
from taskkit.records import Record, RecordType
from taskkit.selections import OfType
from taskkit.states import PENDING, State, Step
from taskkit.storage import Query
from taskkit.targets import Target
from taskkit.tasks import Fallback, Task, of_record, of_type
from taskkit.testing import FakeExecutor
from tests.engine.houses import START, Crash, House, Watched, kept, steps

UNIX, WEB = of_type("unix"), of_type("web")
NIGHT = Daily(at="02:30")


def referring(*, found: Task | None = None, policies: Any = NIGHT, records: tuple[Record, ...] = ()) -> tuple[House, Task, Task | None]:
    """`site` refers to `base`: a web task that is about what is referenced, and perhaps a unix task of the same script."""
    house = House(Record("site", "web", reference="base"), Record("base", "unix"), *records)
    there = house.engine.put(found, list=UNIX) if found else None
    trigger = house.engine.put(Task("web nightly", "work", policies, target=Target.REFERENCED), list=WEB)
    house.engine.tick()  # what a process compares at its start is compared: what changes later is for others to see
    return house, trigger, there


def waiting(house: House) -> list[Job]:
    return sorted(house.storage.jobs(Query(states=PENDING)).jobs, key=lambda job: (job.record or "", job.due))


def about(job: Job | Entry) -> tuple[str, str | None, bool]:
    return job.task, job.record, job.target_fallback


# the task that is found


def test_r02_the_task_of_the_same_script_runs_at_the_referenced_record_and_names_what_triggered_it() -> None:
    house, trigger, found = referring(found=Task("unix", "work", OnDemand()))
    assert found is not None
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.performed == [("work", "base")]
    first = house.entries()[0]
    assert (about(first), first.triggered_by) == ((found.id, "base", False), (trigger.id, "site"))
    assert [about(job) for job in waiting(house)] == [(found.id, "base", False)]  # and again tomorrow


def test_r02_it_runs_with_all_of_its_own_settings() -> None:
    window = TimeWindow("* 5 * * *")
    house, _, _ = referring(found=Task("unix", "work", OnDemand(), window=window, pool="dmz", runs_as="ops", at_once=1))
    (job,) = waiting(house)
    assert (job.due // 3_600_000_000 % 24, job.pool) == (5, "dmz")
    house.vault.deny("ops")
    dmz = house.enter(settings=evolve(house.engine.settings, pools=("dmz",)))
    house.clock.advance(hours=5, minutes=30)
    dmz.drain()
    assert [(entry.state, entry.why) for entry in house.entries() if entry.ended] == [(State.CANCELED, "rights")]


def test_r02_the_window_of_the_trigger_does_not_count() -> None:
    house = House(Record("site", "web", reference="base"), Record("base", "unix"))
    house.engine.put(Task("unix", "work", window=TimeWindow("* 4 * * *")), list=UNIX)
    house.engine.put(Task("web", "work", Daily(at="01:00"), target=Target.REFERENCED, window=TimeWindow("* 22 * * *")), list=WEB)
    house.clock.advance(minutes=30)
    for _ in range(2):
        (job,) = waiting(house)
        assert job.due // 3_600_000_000 % 24 == 4
        house.clock.advance(hours=4)
        house.engine.drain()
        house.clock.advance(hours=20)
    assert house.play.count("base") == 2


def test_r02_its_lateness_is_its_own() -> None:
    house, _, _ = referring(found=Task("unix", "work", max_lateness=10))
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.entries()[0].state is State.MISSED


@pytest.mark.parametrize("found", [None, Task("unix", "work", active=False), Task("other", "other")])
def test_r02_without_such_a_task_the_job_is_for_the_record_itself_and_marked(found: Task | None) -> None:
    house = House(Record("site", "web", reference="base"), Record("base", "unix"))
    house.engine.define(house.Scripted("other"))
    if found:
        house.engine.put(found, list=UNIX)
    trigger = house.engine.put(Task("web", "work", [NIGHT, AfterCheckIn()], target=Target.REFERENCED), list=WEB)
    (job,) = house.engine.emit(CheckedIn("site"))
    house.engine.drain()
    assert about(house.engine.job(job)) == (trigger.id, "site", True)
    assert [about(job) for job in waiting(house)] == [(trigger.id, "site", True)]


@pytest.mark.parametrize("reference", [None, "gone", "site"])
def test_r02_without_such_a_record_the_job_is_for_the_record_itself_and_marked(reference: str | None) -> None:
    house = House(Record("site", "web", reference=reference))
    trigger = house.engine.put(Task("web", "work", AfterCheckIn(), target=Target.REFERENCED), list=WEB)
    (job,) = house.engine.emit(CheckedIn("site"))
    house.engine.drain()
    assert (about(house.engine.job(job)), house.engine.job(job).triggered_by) == ((trigger.id, "site", True), None)


def test_r02_what_is_about_itself_is_not_marked() -> None:
    house = House(Record("site", "web", reference="base"), Record("base", "unix"))
    task = house.engine.put(Task("web", "work", NIGHT), list=WEB)
    assert [about(job) for job in waiting(house)] == [(task.id, "site", False)]


def test_r02_one_hop_only() -> None:
    house = House(Record("a", "web", reference="b"), Record("b", "web", reference="c"), Record("c", "web"))
    task = house.engine.put(Task("web", "work", AfterCheckIn(), target=Target.REFERENCED), list=WEB)
    (job,) = house.engine.emit(CheckedIn("a"))
    assert about(house.engine.job(job)) == (task.id, "b", False)


def test_r02_the_shadow_account_may_be_the_target() -> None:
    house = House(Record("site", "web"), Record("admin", "unix"))
    found = house.engine.put(Task("unix", "work"), list=UNIX)
    trigger = house.engine.put(Task("web", "work", [NIGHT, OnDemand()], target=Target.SHADOW, shadow="admin"), list=WEB)
    job = house.engine.demand(trigger.id, "site")
    house.engine.drain()
    assert (about(house.engine.job(job)), house.engine.job(job).triggered_by) == ((found.id, "admin", False), (trigger.id, "site"))


def test_r02_two_records_that_want_one_task_have_a_job_each() -> None:
    house, _, _ = referring(found=Task("unix", "work", NIGHT), records=(Record("shop", "web", reference="base"),))
    assert sorted(str(job.trigger[1]) for job in waiting(house)) == ["base", "shop", "site"]
    house.clock.advance(hours=3)
    house.engine.drain()
    assert {entry.triggered_by and entry.triggered_by[1] for entry in house.entries() if entry.ended} == {None, "shop", "site"}


def test_r02_the_retry_of_a_triggered_run_is_the_found_tasks() -> None:
    house, _, found = referring(found=Task("unix", "work", fallback=Fallback(10, 2)))
    assert found is not None
    house.clock.advance(hours=3)
    house.play.says("base", NotDone(ErrorClass.UNREACHABLE, "down"))
    house.engine.drain()
    house.clock.advance(minutes=10)
    house.engine.drain()
    ended = [entry for entry in house.entries() if entry.ended]
    assert [(about(entry), entry.kind, entry.state) for entry in ended] == [
        ((found.id, "base", False), Kind.OCCURRENCE, State.ERROR), ((found.id, "base", False), Kind.FALLBACK, State.COMPLETED),
    ]  # fmt: skip


# what changes after the plan


def run_tonight(house: House) -> list[tuple[str, str | None, bool]]:
    house.clock.advance(hours=3)
    house.engine.drain()
    return [about(entry) for entry in house.entries() if entry.state is State.COMPLETED]


def test_r02_a_task_that_comes_later_is_found() -> None:
    house, _, _ = referring()
    found = house.engine.put(Task("unix", "work"), list=UNIX)
    assert run_tonight(house) == [(found.id, "base", False)]


def test_r02_a_task_that_goes_is_not() -> None:
    house, trigger, found = referring(found=Task("unix", "work"))
    assert found is not None
    house.engine.remove(found.id)
    assert [about(job) for job in waiting(house)] == [(trigger.id, "site", True)]
    assert run_tonight(house) == [(trigger.id, "site", True)]


def test_r07_a_found_task_that_is_deactivated_holds_no_pending_job() -> None:
    house, trigger, found = referring(found=Task("unix", "work"))
    assert found is not None
    house.engine.deactivate(found.id)
    assert [about(job) for job in waiting(house)] == [(trigger.id, "site", True)]
    house.engine.activate(found.id)
    assert run_tonight(house) == [(found.id, "base", False)]


def test_r07_a_trigger_that_is_deactivated_holds_no_pending_job_anywhere() -> None:
    house, trigger, _ = referring(found=Task("unix", "work"))
    house.engine.deactivate(trigger.id)
    assert waiting(house) == []
    house.engine.activate(trigger.id)
    house.engine.remove(trigger.id)
    assert waiting(house) == []


def test_r02_a_found_task_that_is_edited_runs_as_it_is_then() -> None:
    house, _, found = referring(found=Task("unix", "work"))
    assert found is not None
    house.engine.edit(evolve(found, window=TimeWindow("* 7 * * *")))
    (job,) = waiting(house)
    assert (job.planned_for, job.due // 3_600_000_000 % 24) == (2, 7)


@pytest.mark.parametrize("told", [True, False])
def test_r02_a_reference_that_changes_is_followed_whether_it_is_told_or_not(told: bool) -> None:
    house, _, found = referring(found=Task("unix", "work"), records=(Record("new", "unix"),))
    assert found is not None
    house.vault.change("site", reference="new")
    if told:
        house.engine.emit(RecordChanged("site", before="base", after="new"))
        assert [about(job) for job in waiting(house)] == [(found.id, "new", False)]
    assert run_tonight(house) == [(found.id, "new", False)]
    assert [about(job) for job in waiting(house)] == [(found.id, "new", False)]


@pytest.mark.parametrize("told", [True, False])
def test_r02_a_referenced_record_that_goes_leaves_the_job_to_the_record_itself(told: bool) -> None:
    house, trigger, _ = referring(found=Task("unix", "work"))
    house.vault.remove("base")
    if told:
        house.engine.emit(RecordRemoved("base"))
    assert run_tonight(house) == [(trigger.id, "site", True)]


@pytest.mark.parametrize("told", [True, False])
def test_r02_a_triggering_record_that_goes_triggers_no_more(told: bool) -> None:
    house, _, _ = referring(found=Task("unix", "work"))
    house.vault.remove("site")
    if told:
        house.engine.emit(RecordRemoved("site"))
    assert run_tonight(house) == []
    assert waiting(house) == []


def test_r02_a_referenced_record_that_is_made_unique_runs_its_own_task_and_after_sharing_the_types_again() -> None:
    house, _, found = referring(found=Task("unix", "work"))
    assert found is not None
    (copy,) = house.engine.make_unique("base")
    assert [(about(job), job.planned_for) for job in waiting(house)] == [((copy.id, "base", False), 1)]
    house.engine.share_again("base")
    assert [about(job) for job in waiting(house)] == [(found.id, "base", False)]
    assert run_tonight(house) == [(found.id, "base", False)]


def test_r02_a_triggering_record_that_is_made_unique_triggers_by_its_own_task() -> None:
    house, trigger, found = referring(found=Task("unix", "work"))
    assert found is not None
    (copy,) = house.engine.make_unique("site")
    assert [(about(job), job.via) for job in waiting(house)] == [((found.id, "base", False), (copy.id, "site", 1))]
    assert run_tonight(house) == [(found.id, "base", False)]
    assert {entry.triggered_by for entry in house.entries()} == {(copy.id, "site")}
    house.engine.share_again("site")
    assert [job.via for job in waiting(house)] == [(trigger.id, "site", 1)]


def test_r02_a_target_that_is_edited_moves_the_job() -> None:
    house, trigger, _ = referring(found=Task("unix", "work"))
    house.engine.edit(evolve(trigger, target=Target.ITSELF))
    assert [about(job) for job in waiting(house)] == [(trigger.id, "site", False)]


def test_r02_a_list_that_changes_between_the_gates_and_the_start_is_seen() -> None:
    house, trigger, found = referring(found=Task("unix", "work"))
    assert found is not None
    house.clock.advance(hours=3)
    handle = Watched(house.storage)
    handle.before(steps(Step.START), lambda: house.engine.remove(found.id))
    engine = house.enter(storage=handle)
    engine.drain()
    assert [about(entry) for entry in house.entries() if entry.state is State.COMPLETED] == [(trigger.id, "site", True)]
    assert house.play.performed == [("work", "site")]


def test_r02_a_run_that_has_begun_stays_where_it_is_also_after_a_rescue() -> None:
    house, trigger, found = referring(found=Task("unix", "work"))
    assert found is not None
    house.clock.advance(hours=3)

    def die(run: Run) -> Outcome:
        house.engine.edit(evolve(house.engine.task(trigger.id), target=Target.ITSELF))
        house.vault.change("site", reference=None)
        raise Crash

    house.play.says("base", die)
    with pytest.raises(Crash):
        house.engine.work()
    house.clock.advance(minutes=2)
    house.enter().drain()
    assert house.play.performed == [("work", "base")] * 2
    assert [about(entry) for entry in house.entries() if entry.state is State.COMPLETED] == [(found.id, "base", False)]


def test_r02_what_waits_by_a_happening_follows_too() -> None:
    house, trigger, found = referring(found=Task("unix", "work"), policies=AfterUnlock(60))
    assert found is not None
    house.engine.emit(Unlocked("site"))
    assert [about(job) for job in waiting(house)] == [(found.id, "base", False)]
    house.engine.remove(found.id)
    assert [about(job) for job in waiting(house)] == [(trigger.id, "site", True)]
    assert run_tonight(house) == [(trigger.id, "site", True)]


# shadow accounts


def connecting(reads: Callable[[Run], None]) -> Any:
    @frozen
    class Connects(Script):
        kind = "connects"
        needs = frozenset({Verb.COMMANDS})
        name: str

        def perform(self, run: Run) -> Outcome:
            reads(run)
            with run.connect() as connection:
                for _ in connection.commands([], run):
                    pass
            return DONE

    return Connects


class Listening(FakeExecutor):
    """Remembers as whom it was connected, and to which host."""

    def __init__(self) -> None:
        super().__init__()
        self.logins: list[tuple[str, str]] = []

    def connect(self, host: Any, login: Any, run: Run) -> Any:
        self.logins.append((host.address, login.user))
        return super().connect(host, login, run)


def shadowed(**said: Any) -> tuple[House, Listening, list[str]]:
    executor, hosts = Listening(), list[str]()

    def reads(run: Run) -> None:
        assert run.record is not None
        hosts.append(run.record.fields["host"])

    kind = connecting(reads)
    records = [Record(name, "unix", fields={"host": f"{name}.example", "user": name}) for name in ("web", "admin", "root", "db")]
    house = House(*records, scripts=[kind], executors=[executor])
    house.engine.define(RecordType("unix", executor="fake"))
    house.engine.define(kind("look"))
    house.engine.put(Task("look", "look", OnDemand(), **said), list=UNIX)
    return house, executor, hosts


def demanded(house: House, record: str = "web") -> Entry:
    job = house.engine.demand(house.engine.tasks(UNIX)[0].id, record)
    house.engine.drain()
    return house.engine.job(job)


def test_r03_without_a_shadow_account_it_connects_as_the_record() -> None:
    house, executor, hosts = shadowed()
    demanded(house)
    assert (executor.logins, hosts) == ([("web.example", "web")], ["web.example"])


def test_r03_with_one_it_connects_as_that_and_still_sees_the_records_fields() -> None:
    house, executor, hosts = shadowed(shadow="admin")
    demanded(house)
    assert (executor.logins, hosts) == ([("web.example", "admin")], ["web.example"])


def test_r03_the_lists_shadow_account_counts_for_tasks_that_name_none() -> None:
    house, executor, _ = shadowed()
    house.engine.set_shadow(UNIX, "admin")
    demanded(house)
    house.engine.edit(evolve(house.engine.tasks(UNIX)[0], shadow="root"))
    demanded(house)
    house.engine.edit(evolve(house.engine.tasks(UNIX)[0], shadow=None))
    house.engine.set_shadow(UNIX, None)
    demanded(house)
    assert [user for _, user in executor.logins] == ["admin", "root", "web"]


def test_r03_a_shadow_account_has_none_itself() -> None:
    house, executor, _ = shadowed(shadow="admin")
    demanded(house, "admin")
    assert executor.logins == [("admin.example", "admin")]


def test_r03_a_shadow_account_that_is_gone_is_an_error_and_nobody_else_connects() -> None:
    house, executor, _ = shadowed(shadow="admin")
    house.vault.remove("admin")
    entry = demanded(house)
    assert (entry.state, entry.error) == (State.ERROR, "bad_configuration")
    assert "there is no record 'admin'" in entry.text
    assert executor.logins == []


def test_r03_a_shadow_account_that_the_vault_does_not_have_is_refused_at_once() -> None:
    house, _, _ = shadowed()
    before = kept(house.storage)
    task = house.engine.tasks(UNIX)[0]
    with pytest.raises(NotFound, match="there is no record 'nobody'"):
        house.engine.edit(evolve(task, shadow="nobody"))
    with pytest.raises(NotFound, match="there is no record 'nobody'"):
        house.engine.set_shadow(UNIX, "nobody")
    with pytest.raises(NotFound, match="there is no record type 'linux'"):
        house.engine.set_shadow(of_type("linux"), "admin")
    with pytest.raises(InvalidValue, match="has its type's tasks"):
        house.engine.set_shadow(of_record("web"), "admin")
    with pytest.raises(InvalidValue, match="there is no list 'everywhere'"):
        house.engine.set_shadow("everywhere", "admin")
    assert kept(house.storage) == before


def test_r03_a_unique_record_may_have_a_shadow_account_of_its_own() -> None:
    house, executor, _ = shadowed()
    house.engine.set_shadow(UNIX, "admin")
    (copy,) = house.engine.make_unique("web")
    house.engine.set_shadow(of_record("web"), "root")
    for task, record in ((copy.id, "web"), (house.engine.tasks(UNIX)[0].id, "db")):
        house.engine.demand(task, record)
        house.engine.drain()
    assert [user for _, user in executor.logins] == ["root", "admin"]


def test_r03_an_edit_of_the_shadow_account_reaches_a_job_that_waits() -> None:
    house, executor, _ = shadowed()
    task = house.engine.edit(evolve(house.engine.tasks(UNIX)[0], policies=[NIGHT]))
    house.engine.edit(evolve(task, shadow="root"))
    house.clock.advance(hours=3)
    house.engine.drain()
    assert {user for _, user in executor.logins} == {"root"}


# suspensions


@pytest.mark.parametrize("record", ["site", None])
def test_j01_an_occurrence_waits_where_its_trigger_is_suspended_and_goes_on_when_that_is_resumed(record: str | None) -> None:
    house, trigger, _ = referring(found=Task("rotate", "work"))
    house.engine.suspend_task(trigger.id, record, why="under repair")
    house.clock.advance(days=2)
    house.engine.drain()
    assert house.play.performed == []
    (job,) = waiting(house)
    assert (job.state, job.why) == (State.DEFERRED, "suspended")
    with pytest.raises(Refused, match="under repair"):
        house.engine.run_now(job.id)
    house.engine.resume_task(trigger.id, record)
    house.engine.drain()
    assert house.play.performed == [("work", "base")]


def test_j01_a_happening_of_another_record_that_joined_does_not_wait_for_a_suspended_one() -> None:
    other = Record("b", "web", reference="base")
    house, trigger, _ = referring(found=Task("rotate", "work"), policies=AfterUnlock(60), records=(other,))
    house.engine.emit(Unlocked("site"))
    house.engine.suspend_task(trigger.id, "site")
    house.clock.advance(hours=2)
    house.engine.drain()
    assert house.play.performed == []
    house.engine.emit(Unlocked("b"))
    house.clock.advance(hours=1)
    house.engine.drain()
    assert house.play.performed == [("work", "base")]


def test_r06_the_part_of_a_suspended_record_is_canceled_also_where_it_runs_elsewhere() -> None:
    house, _, _ = referring(found=Task("rotate", "work"), records=(Record("b", "web", reference="base"),))
    task = house.engine.put(Task("all", "work", selection=OfType("web"), target=Target.REFERENCED))
    house.engine.suspend_task(task.id, "site")
    run = house.engine.demand(task.id)
    house.engine.drain()
    found = house.engine.execution(run)
    assert found is not None
    assert (found.states, found.failed) == ({"canceled": 1, "completed": 1}, ("site",))


def test_r06_a_rerun_tells_of_all_its_parts_also_where_they_run_at_one_record() -> None:
    house, _, _ = referring(found=Task("rotate", "work"), records=(Record("b", "web", reference="base"),))
    task = house.engine.put(Task("all", "work", selection=OfType("web"), target=Target.REFERENCED))
    house.play.says("base", *[NotDone(ErrorClass.FAILED, "no")] * 2)
    run = house.engine.demand(task.id)
    house.engine.drain()
    parts = house.engine.rerun(run)
    assert sorted(house.engine.job(part).triggered_by or () for part in parts) == [(task.id, "b"), (task.id, "site")]


@pytest.mark.parametrize("answer", [None, NotNow(START.add(hours=1)), NotDone(ErrorClass.TIMEOUT)])
@pytest.mark.parametrize("told", [True, False])
def test_r06_a_part_whose_record_is_gone_ends_and_the_run_over_many_with_it(answer: Outcome | None, told: bool) -> None:
    """Whether it has not begun, has begun and waits, or is to be tried again."""
    house, _, _ = referring(found=Task("rotate", "work", fallback=Fallback(10, 2)))
    run = house.engine.demand(house.engine.put(Task("all", "work", selection=OfType("web"), target=Target.REFERENCED)).id)
    house.engine.work(1)
    if answer is not None:
        house.play.says("base", answer)
        house.engine.drain()
    house.vault.remove("base")
    if told:
        house.engine.emit(RecordRemoved("base"))
    house.clock.advance(hours=1)
    assert house.engine.drain(20) < 20
    last = house.entries(execution=run)[-1]
    assert (last.state, last.why) == (State.CANCELED, "record_removed")
    house.clock.advance(minutes=10)
    house.engine.drain()
    assert house.engine.job(run).state is State.ERROR


def test_t15_what_a_trigger_wanted_elsewhere_is_passed_over_with_it() -> None:
    house, trigger, found = referring(found=Task("rotate", "work", NIGHT))
    assert found is not None
    house.engine.pause()
    house.clock.advance(hours=3)
    house.engine.pass_over(trigger.id)
    house.engine.resume()
    house.engine.drain()
    assert [(entry.triggered_by is None, entry.state) for entry in house.entries() if entry.ended] == [
        (True, State.COMPLETED),
        (False, State.MISSED),
    ]
