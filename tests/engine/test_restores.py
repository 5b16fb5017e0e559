"""After a restore: nothing fires in a storm, and what may have changed is shown (T6, T15, R4, J3, J10, J11, P9, S4, A8)."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from taskkit.engine import Condition, Engine, Settings
from taskkit.errors import NotAllowed, UnknownMark, VaultAway
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.instants import DAY
from taskkit.outcomes import Effect
from taskkit.records import Record
from taskkit.states import State
from taskkit.storage import Query
from taskkit.tasks import Task
from taskkit.vaults import unknown_mark
from tests.engine.houses import UNIX, Crash, House, does, hosts
from tests.engine.products import Product


@pytest.fixture
def product(tmp_path: Path) -> Any:
    made = Product(tmp_path)
    yield made
    made.stop()


def rows(engine: Engine) -> dict[str, dict[str, Any]]:
    told = engine.aftermath().document()["tasks"]
    return {one["name"]: {name: count for name, count in one.items() if count and name not in ("name", "task")} for one in told}


def a_day_after_the_backup(product: Product) -> None:
    """A night runs, the store is backed up; then another night, and each record is checked in."""
    assert product.live(hours=3) == 3
    product.back_up("store")
    product.clock.advance(hours=1)
    product.check_in(*product.names)
    assert product.live() == 3
    assert product.live(hours=24) == 3
    product.clock.advance(hours=1)


# a store that is older than the vault


def test_p09_an_older_store_is_noticed_by_what_the_outbox_knows_and_nothing_fires(product: Product) -> None:
    a_day_after_the_backup(product)
    product.put_back("store")
    assert product.live() == 0
    assert product.live(hours=48) == 0
    [noticed] = product.engine.facts(kinds=["RestoreNoticed"])
    assert noticed.details == {"what": "store"}
    [pause] = product.engine.pauses()
    assert (pause.what, pause.by, pause.is_wanted) == ("engine", None, False)
    assert "the store is older than the vault" in pause.why
    assert product.engine.health().condition is Condition.LAGGING  # nobody wants it so


def test_p09_a_restore_is_noticed_where_the_engine_was_paused_as_the_backup_was_taken(product: Product) -> None:
    """Who stopped it then may resume it, and knows nothing of the restore."""
    product.live(hours=3)
    product.engine.pause(by="ada", why="maintenance")
    a_backup = product.clock.moment
    product.back_up("store")
    product.engine.resume(by="ada")
    product.clock.advance(hours=1)
    product.check_in(*product.names)
    assert product.live() == 3
    product.put_back("store")
    assert product.live() == 0
    [pause] = product.engine.pauses()
    assert (pause.by, pause.since, pause.is_wanted) == ("ada", a_backup, False)
    assert pause.why.startswith("maintenance; the store is older than the vault")
    health = product.engine.health()
    assert health.condition is Condition.LAGGING
    assert "the store is older than the vault" in str(health)
    product.engine.resume(by="ada")
    assert product.engine.pauses() == []


@pytest.mark.parametrize("paused", [False, True])
def test_p09_a_restore_that_somebody_has_said_is_no_news_when_it_is_noticed(product: Product, paused: bool) -> None:
    product.live(hours=3)
    if paused:
        product.engine.pause(by="ada", why="maintenance")
    product.back_up("store")
    if paused:
        product.engine.resume(by="ada")
    product.check_in(*product.names)
    assert product.live() == 3
    product.put_back("store")
    product.engine.restored(by="eve")
    assert product.live() == 0
    assert product.told("RestoreNoticed") == ["RestoreNoticed"]
    assert [pause.is_wanted for pause in product.engine.pauses()] == [True]
    assert product.engine.health().condition is Condition.READY


def test_j11_a_pause_after_a_restore_holds_over_restarts_and_on_all_nodes(product: Product) -> None:
    a_day_after_the_backup(product)
    product.put_back("store")
    product.engine.tick()
    other = product.enter(product.storage.join())
    assert (other.drain(), product.engine.drain()) == (0, 0)
    product.stop()
    product.start()
    assert product.live(hours=48) == 0
    assert product.told("RestoreNoticed") == ["RestoreNoticed"]


def test_r04_rotations_that_are_told_again_end_satisfied_and_touch_nothing(product: Product) -> None:
    a_day_after_the_backup(product)
    known = {name: product.vault.secrets.changed_at(name) for name in product.names}
    product.put_back("store")
    product.live()
    assert rows(product.engine)["rotate"] == {"told": 3}
    performed = len(product.play.performed)
    product.engine.resume(by="ada")
    product.live()
    assert product.ends(product.rotate) == [("completed", "satisfied")] * 3
    assert [name for name, _ in product.play.performed[performed:]] == ["work"] * 3
    assert {name: product.vault.secrets.changed_at(name) for name in product.names} == known


def test_t15_what_ran_after_the_backup_is_due_again_once_for_a_task_and_record(product: Product) -> None:
    product.live(hours=3)
    product.back_up("store")
    for _ in range(5):
        assert product.live(hours=24) == 3
    product.put_back("store")
    product.engine.restored(by="ada")
    assert product.live() == 0
    assert rows(product.engine) == {"nightly": {"due": 3, "missed": 15}}
    product.engine.resume(by="ada")
    assert product.live() == 3
    runs = product.engine.history(task=product.nightly.id, states=State.COMPLETED, limit=3).entries
    assert [(job.missed, str(job.nominal)) for job in runs] == [(5, "2026-03-03T02:00 UTC")] * 3
    assert product.live(hours=24) == 3


def test_t06_after_a_restore_the_night_that_comes_runs_once(product: Product) -> None:
    a_day_after_the_backup(product)
    product.put_back("store")
    product.live()
    product.engine.resume()
    product.live()
    for _ in range(3):
        assert product.live(hours=24) == 3


def test_t15_what_is_passed_over_ends_as_missed_with_the_reason_and_the_cadence_goes_on(product: Product) -> None:
    a_day_after_the_backup(product)
    product.put_back("store")
    since = product.clock.moment
    product.live()
    product.engine.pass_over(product.nightly.id, by="ada", why="seen by hand")
    product.engine.resume(by="ada")
    assert product.live() == 0
    assert product.ends(product.nightly)[-3:] == [("missed", "passed_over")] * 3
    [fact] = product.engine.facts(kinds=["PassedOver"])
    assert (fact.who, fact.task, fact.details) == ("ada", product.nightly.id, {"why": "seen by hand"})
    assert len(product.told("JobMissed")) == 3
    assert product.ends(product.rotate, since) == [("completed", "satisfied")] * 3
    assert product.live(hours=24) == 3


def test_t15_all_that_is_due_can_be_passed_over_and_what_happens_later_runs(product: Product) -> None:
    a_day_after_the_backup(product)
    product.put_back("store")
    product.live()
    product.engine.pass_over(by="ada")
    product.engine.resume(by="ada")
    assert product.live() == 0
    assert product.ends(product.rotate) == [("missed", "passed_over")] * 3
    product.clock.advance(minutes=1)
    product.check_in("h01")
    assert product.live() == 1


def test_t15_what_comes_due_after_somebody_passed_over_the_rest_runs(product: Product) -> None:
    product.engine.pause()
    product.live(hours=24)
    product.engine.pass_over(product.nightly.id)
    product.live(hours=24)
    product.engine.resume()
    assert product.live() == 3
    assert product.ends(product.nightly)[-3:] == [("completed", None)] * 3


def test_t15_a_happening_that_joins_what_was_passed_over_is_not_passed_over_with_it(product: Product) -> None:
    a_day_after_the_backup(product)
    product.put_back("store")
    product.live()
    product.engine.pass_over(product.rotate.id)
    product.clock.advance(minutes=1)
    product.check_in("h02")
    product.live()
    product.engine.resume()
    product.engine.pass_over(product.nightly.id)
    assert product.live() == 1
    assert sorted(product.ends(product.rotate), key=str) == [("completed", None), *[("missed", "passed_over")] * 2]


def test_what_people_asked_for_is_not_passed_over(product: Product) -> None:
    job = product.engine.demand(product.nightly.id, "h01", by="ada")
    product.engine.pass_over()
    product.live()
    assert product.engine.job(job).state is State.COMPLETED


def test_who_may_not_change_a_task_passes_nothing_over(product: Product) -> None:
    product.vault.deny("eve")
    for deed in (
        lambda: product.engine.pass_over(by="eve"),
        lambda: product.engine.pass_over(product.nightly.id, by="eve"),
        lambda: product.engine.restored(by="eve"),
        lambda: product.engine.aftermath(user="eve"),
    ):
        with pytest.raises(NotAllowed):
            deed()
    assert (product.engine.pauses(), product.told("PassedOver", "Restored")) == ([], [])


def test_a08_happenings_that_are_told_again_start_no_burst_without_a_question(tmp_path: Path) -> None:
    product = Product(tmp_path, 9, burst=2)
    product.live()
    product.back_up("store")
    for name in product.names:  # one after the other, as life is
        product.clock.advance(minutes=2)
        product.check_in(name)
        product.live()
    product.put_back("store")
    product.live()
    assert rows(product.engine)["rotate"] == {"told": 2, "asked": 7}
    product.engine.resume()
    product.live()
    assert product.ends(product.rotate) == [("completed", "satisfied")] * 2
    assert product.storage.count(Query(states=State.AWAITING_CONSENT)) == 7
    product.stop()


@pytest.mark.parametrize(("effect", "end"), [(Effect.IDEMPOTENT, "completed"), (Effect.BLIND, "uncertain")])
def test_j10_what_ran_as_the_backup_was_taken_ends_by_its_effect_once_somebody_has_looked(tmp_path: Path, effect: Effect, end: str) -> None:
    product = Product(tmp_path, 1, effect=effect)
    product.play.says("h01", does(lambda run: product.back_up("store")))
    product.live(hours=3)
    product.put_back("store")
    product.engine.restored(by="ada")
    assert rows(product.engine) == {"nightly": {"running": 1}}
    assert product.live(hours=1) == 0
    assert rows(product.engine) == {"nightly": {"running": 1}}
    product.engine.resume(by="ada")
    assert product.live() == (1 if end == "completed" else 0)
    assert product.ends(product.nightly)[0][0] == end
    product.stop()


def test_j03_tokens_go_on_to_grow_after_a_restore(product: Product) -> None:
    tokens = list[int]()
    for name in product.names:
        product.play.always[name] = does(lambda run: tokens.append(run.token))
    product.live(hours=3)
    product.back_up("store")
    product.live(hours=24)
    product.put_back("store")
    product.live(hours=1)
    assert len(tokens) == 9
    assert sorted(tokens) == tokens


def test_s04_a_candidate_of_a_job_that_the_store_has_forgotten_is_shown(product: Product) -> None:
    product.back_up("store")
    product.vault.propose_secret("h02", "password", "it may be live")
    product.put_back("store")
    seen = product.engine.restored(by="ada")
    assert seen.candidates == ("h02",)
    assert "may be live" not in repr(seen) + str(seen) + json.dumps(seen.document())
    assert "secret of h02: the vault has a candidate that no open job knows" in str(seen)


def test_a_candidate_of_a_job_that_is_at_it_is_no_news(product: Product) -> None:
    seen = list[Any]()

    def propose(run: Any) -> None:
        product.vault.propose_secret("h02", "password", "it may be live")
        seen.append(product.engine.aftermath().candidates)

    product.play.says("h02", does(propose))
    product.check_in("h02")
    product.live()
    assert seen == [()]


def dies(*_: Any, **__: Any) -> Any:
    raise Crash


@pytest.mark.parametrize("agent", ["notice", "tell"])
def test_a_crash_between_the_notice_and_what_is_told_to_the_vault_is_noticed_again(agent: str, product: Product) -> None:
    a_day_after_the_backup(product)
    product.put_back("store")
    reader = product.engine._staff.upkeep._outbox
    if agent == "notice":
        reader._restores.notice = dies  # type: ignore[method-assign]
    else:
        notice = reader._restores.notice

        def noticed(what: str) -> None:
            notice(what)
            reader._tell = dies  # type: ignore[method-assign]

        reader._restores.notice = noticed  # type: ignore[method-assign]
    with pytest.raises(Crash):
        product.engine.tick()
    product.stop()
    product.start()
    assert product.live() == 0
    assert set(product.told("RestoreNoticed")) == {"RestoreNoticed"}
    assert rows(product.engine)["rotate"] == {"told": 3}


def test_who_was_slower_than_another_process_takes_that_for_no_restore(product: Product) -> None:
    other = product.enter(product.storage.join())
    product.check_in("h01")
    product.live()
    passed = product.vault.outbox.passed

    def slow(mark: str, reader: str, *, back: bool = False) -> bool:
        """Another process fetches between what this one has read and what it says."""
        del product.vault.outbox.passed
        product.check_in("h02", "h03")
        product.engine.drain()
        answers.append(passed(mark, reader, back=back))
        return answers[0]

    answers = list[bool]()
    product.vault.outbox.passed = slow  # type: ignore[method-assign, assignment]
    other.tick()
    assert answers == [False]
    assert (product.told("RestoreNoticed"), product.engine.pauses()) == ([], [])
    product.clock.advance(minutes=1)
    product.check_in("h01")
    assert product.live() == 1


def test_a_place_that_the_vault_let_go_as_another_process_moved_on_is_no_restore() -> None:
    """What all readers have passed may go, and one process may just be about to read on from there."""
    house = House(*hosts(3))
    house.put(AfterCheckIn())
    other, outbox = house.enter(), house.vault.outbox
    house.vault.tell(CheckedIn("h01"))
    other.tick()
    since = outbox.since

    def slow(mark: str | None) -> Any:
        outbox.since = since  # type: ignore[method-assign]
        house.engine.tick()
        raise unknown_mark(str(mark))

    house.vault.tell(CheckedIn("h02"))
    outbox.since = slow  # type: ignore[method-assign]
    other.tick()
    assert (house.kinds(kinds=["RestoreNoticed"]), house.engine.pauses()) == ([], [])
    house.vault.tell(CheckedIn("h03"))
    other.tick()
    assert [entry.record for entry in house.entries()] == ["h01", "h02", "h03"]


def test_p09_after_months_without_a_happening_an_older_vault_is_not_read_from_its_begin() -> None:
    house = House(*hosts(3), settings=Settings(retention={State.COMPLETED: 30}))
    task = house.put(AfterCheckIn(), OnDemand())
    house.vault.tell(CheckedIn("h01"))
    house.engine.drain()
    for _ in range(2):
        house.clock.advance(days=100)
        house.engine.demand(task.id, "h02")
        house.engine.drain()
    backup, before = list(house.vault.outbox.kept), len(house.play.performed)
    house.vault.tell(CheckedIn("h02"))
    house.engine.drain()
    house.vault.outbox.kept[:] = [*backup, CheckedIn("h03")]
    house.engine.drain()
    house.engine.resume()
    house.engine.drain()
    assert house.play.performed[before:] == [("work", "h02"), ("work", "h03")]


def test_a_restart_and_a_takeover_are_no_restore(product: Product) -> None:
    for _ in range(3):
        product.check_in(*product.names)
        product.live(hours=1)
        product.stop()
        product.start()
    product.live(hours=24)
    assert (product.told("RestoreNoticed"), product.engine.pauses()) == ([], [])
    assert product.engine.aftermath().restore is None


# a vault that is older than the store


def older_vault(product: Product) -> None:
    """Its outbox is behind what was taken in of it."""
    product.check_in("h01")
    product.live(hours=3)
    product.back_up("vault")
    product.clock.advance(hours=2)
    product.check_in("h02", "h03")
    product.live()
    product.clock.advance(hours=1)


def test_p09_what_an_older_vault_tells_at_positions_that_were_taken_in_is_not_lost(product: Product) -> None:
    older_vault(product)
    product.put_back("vault")
    product.check_in("h03", "h01")  # at the numbers of those that were lost
    assert product.live() == 0
    assert [fact.details for fact in product.engine.facts(kinds=["RestoreNoticed"])] == [{"what": "vault"}]
    assert "the vault is older than the store" in product.engine.pauses()[0].why
    assert rows(product.engine) == {"rotate": {"told": 2}}
    product.engine.resume(by="ada")
    assert product.live() == 2
    assert product.told("RestoreNoticed") == ["RestoreNoticed"]


def test_p09_an_older_vault_is_noticed_while_the_process_goes_on_and_has_nothing_to_tell(product: Product) -> None:
    older_vault(product)
    product.lose()
    assert product.live() == 0
    assert product.told("RestoreNoticed") == ["RestoreNoticed"]
    product.engine.resume()
    product.check_in("h01")
    assert product.live() == 1


def test_p09_what_was_taken_in_and_is_told_again_makes_no_job(product: Product) -> None:
    older_vault(product)
    before = product.storage.count(Query())
    product.put_back("vault")
    product.live()
    product.engine.resume()
    assert product.live() == 0
    assert product.storage.count(Query()) == before


def test_p09_reading_goes_on_at_the_last_place_that_the_older_vault_knows(product: Product) -> None:
    """A task that was made later is told nothing of what was before."""
    for _ in range(4):
        product.clock.advance(hours=2)
        product.check_in("h01")
        product.live()
    product.back_up("vault")
    product.clock.advance(hours=2)
    product.check_in("h02")
    product.live()
    product.engine.define(product.work("look again"))
    late = product.engine.put(Task("late", "look again", AfterCheckIn()), list=UNIX)
    product.put_back("vault")
    product.check_in("h03")
    product.live()
    product.engine.resume()
    product.live()
    assert [job.record for job in product.engine.history(task=late.id).entries] == ["h03"]


def test_p09_an_outbox_that_knows_no_place_at_all_is_read_from_its_begin(product: Product) -> None:
    product.back_up("vault")
    product.check_in("h01")
    product.live()
    product.put_back("vault")
    product.check_in("h02")
    product.live()
    product.engine.resume()
    assert product.live() == 1


@pytest.mark.parametrize("way", ["stopped", "running"])
def test_r08_records_that_vanished_and_came_back_with_an_older_vault_are_compared(way: str, product: Product) -> None:
    product.live()
    product.back_up("vault")
    product.vault.put(Record("h09", "unix"))
    product.vault.remove("h01")
    product.check_in("h02")
    product.engine.reconcile()
    product.live()
    assert {job.record for job in product.storage.jobs(Query(states=State.SCHEDULED)).jobs} == {"h02", "h03", "h09"}
    product.lose() if way == "running" else product.put_back("vault")
    product.live()
    assert {job.record for job in product.storage.jobs(Query(states=State.SCHEDULED)).jobs} == {"h01", "h02", "h03"}


def test_secrets_that_are_newer_on_the_machine_than_in_the_older_vault_are_shown(product: Product) -> None:
    older_vault(product)
    jobs = {job.record: job.id for job in product.engine.history(task=product.rotate.id).entries}
    assert product.engine.aftermath().contradictions == ()
    product.put_back("vault")
    product.live()
    found = product.engine.aftermath()
    assert [(one.account, one.known, one.job) for one in found.contradictions] == [("h02", None, jobs["h02"]), ("h03", None, jobs["h03"])]
    assert f"by the job {jobs['h02']}, the vault has an older one" in str(found)


def test_p09_the_vault_in_memory_notices_the_same() -> None:
    house = House(*hosts(3))
    house.put(AfterCheckIn())
    house.vault.tell(CheckedIn("h01"))
    house.engine.drain()
    before, readers = list(house.vault.outbox.kept), deepcopy(house.vault.outbox.readers)
    house.vault.tell(CheckedIn("h02"))
    house.engine.drain()
    house.vault.outbox.kept, house.vault.outbox.readers = [*before, CheckedIn("h03")], readers
    house.engine.drain()
    assert house.kinds(kinds=["RestoreNoticed"]) == ["RestoreNoticed"]
    house.engine.drain()
    house.engine.resume()
    house.engine.drain()
    assert [entry.record for entry in house.entries(states=State.COMPLETED)] == ["h01", "h02", "h03"]


def test_places_of_the_last_months_are_kept_one_for_each_hour_and_then_for_each_day() -> None:
    house = House(*hosts(1))

    def trail() -> list[float]:
        """How many days ago each was noted."""
        house.vault.tell(CheckedIn("h01"))
        house.engine.tick()
        kept = house.storage.document("mark", "trail")
        assert kept is not None
        return [(house.clock.now() - at) / DAY for at, _ in kept.body["marks"]]

    for _ in range(24 * 5):
        house.clock.advance(hours=1, minutes=1)
        ages = trail()
    assert ages == sorted(ages, reverse=True)
    assert (len([age for age in ages if age < 1]), len([age for age in ages if age > 1])) == (24, 5)
    house.clock.advance(minutes=20)
    assert len(trail()) == len(ages)
    house.clock.advance(days=100)
    assert [round(age) for age in trail()] == [100, 0]  # where the vault lost the last one, all that was before it is not told again


# what a person says


def test_j11_said_by_a_person_nothing_fires_until_it_is_resumed(product: Product) -> None:
    product.live(hours=3)
    product.back_up("store", "vault")
    product.live(hours=24)
    product.put_back("store", "vault")
    seen = product.engine.restored(by="ada", why="the disk was full")
    assert product.live() == 0
    [pause] = product.engine.pauses()
    assert (pause.what, pause.by, pause.why) == ("engine", "ada", "the disk was full")
    [fact] = product.engine.facts(kinds=["Restored"])
    assert (fact.who, fact.details) == ("ada", {"why": "the disk was full"})
    assert seen.restore is not None
    assert seen.restore.last is not None
    assert (seen.paused, seen.restore.by, seen.restore.last.to_datetime_string()) == (True, "ada", "2026-03-02 03:00:00")
    product.engine.resume(by="ada")
    assert product.live() == 3
    assert product.engine.aftermath().paused is False


def test_what_is_said_of_a_restore_that_was_noticed_keeps_when_the_backup_was(product: Product) -> None:
    a_day_after_the_backup(product)
    product.put_back("store")
    product.live()
    product.stop()
    product.start()
    product.clock.advance(hours=5)
    said = product.engine.restored(by="ada").restore
    assert said is not None
    assert said.last is not None
    assert (said.by, said.last.to_datetime_string()) == ("ada", "2026-03-02 03:00:00")


def test_an_aftermath_is_a_text_for_people_and_a_document_for_programs(product: Product) -> None:
    a_day_after_the_backup(product)
    product.put_back("store")
    product.engine.tick()
    found = product.engine.aftermath()
    assert found.happenings == 3
    product.live()
    told = json.loads(json.dumps(product.engine.aftermath().document()))
    assert (told["paused"], told["happenings"], told["restore"]["what"]) == (True, 0, "store")
    lines = str(product.engine.aftermath()).splitlines()
    assert lines[0].endswith("the engine noticed: the store is older than the vault: it had taken in more of the outbox than it knows now")
    assert lines[1:4] == [
        "the last that the store knew before: 2026-03-02 03:00:00 UTC", "the engine stands still", "  nightly: 3 due",
    ]  # fmt: skip
    assert lines[4] == "  rotate: 3 of happenings"


def test_without_the_vault_an_aftermath_tells_what_the_store_knows(product: Product) -> None:
    product.live(hours=3)
    product.clock.advance(hours=24)

    def away(*_: Any, **__: Any) -> Any:
        raise VaultAway("asking", "it is away")

    for facet, name in (("outbox", "since"), ("secrets", "values"), ("secrets", "changed_at"), ("records", "all")):
        object.__setattr__(getattr(product.vault, facet), name, away)
    found = product.engine.aftermath()
    assert (found.happenings, [one.due for one in found.tasks]) == (None, [3])


# what may go


def test_happenings_leave_the_vault_when_all_readers_passed_them_long_ago(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    today = [20_000]
    monkeypatch.setattr("taskkit.sqlite_vault._outboxes._today", lambda: today[0])
    product.check_in("h01", "h02")
    product.live()
    _, mark = product.vault.outbox.since(None)
    product.vault.outbox.passed(mark or "", "another reader")
    today[0] += 60
    product.check_in("h03")
    product.live()
    today[0] += 29
    product.check_in("h01")
    product.live()
    assert product.numbers("SELECT number FROM outbox") == [1, 2, 3, 4]
    today[0] += 1
    product.check_in("h01")
    product.live()
    assert product.numbers("SELECT number FROM outbox") == [3, 4, 5]
    today[0] += 200
    product.check_in("h02")
    product.live()
    assert product.numbers("SELECT number FROM outbox") == [3, 4, 5, 6]  # another reader has not passed them
    assert product.vault.outbox.since(mark)[0][0].record == "h03"
    with pytest.raises(UnknownMark):
        product.vault.outbox.since("7-0000000000000000")
    assert (product.told("RestoreNoticed"), product.engine.pauses()) == ([], [])
