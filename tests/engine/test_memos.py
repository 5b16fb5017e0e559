"""Memos and the disk (J13, J14): a script may be called again at any time, and what must outlive a power cut is forced out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from taskkit.engine import Settings
from taskkit.events import Daily
from taskkit.outcomes import DONE, Effect, ErrorClass, NotDone, NotNow, Outcome, Unknown
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Operation
from taskkit.records import Accounts
from taskkit.secrets import Secret
from taskkit.states import State, Step
from taskkit.storage import Keep
from taskkit.tasks import Fallback, Task
from tests.engine.houses import UNIX, Crash, House, Play, at_two, does, hosts, scripted
from tests.engine.stores import Noting, Written

#: What a host has been told: it outlives every worker.
Host = list[int]


def portions(host: Host, steps: int = 4) -> Callable[[Run], Outcome]:
    """Tells a host one thing after the other, each behind a memo, and looks first whether it was told already."""

    def perform(run: Run) -> Outcome:
        for number in range(run.memo.get("done", 0), steps):
            run.point(f"before {number}")
            if number not in host:
                host.append(number)
            run.point(f"told {number}")
            run.save({"done": number + 1})
        return DONE

    return perform


@pytest.mark.parametrize("point", [f"{name} {number}" for number in range(4) for name in ("before", "told")] + ["save", "saved"])
def test_j13_a_script_that_is_killed_at_any_point_is_called_again_and_comes_to_its_end(point: str) -> None:
    house, host = at_two(), Host()
    killed: list[str] = []

    def kill(name: str, job: object) -> None:
        if name == point and not killed:
            killed.append(name)
            raise Crash

    house.play.always["h01"] = portions(host)
    with pytest.raises(Crash):
        house.enter(points=kill).work()
    house.clock.advance(seconds=Settings().lease + 1)
    house.engine.drain()
    assert (house.entries()[0].state, host) == (State.COMPLETED, [0, 1, 2, 3])


def test_j13_a_script_that_is_killed_at_every_point_comes_to_its_end() -> None:
    """Each worker lives until it has kept one thing more."""
    house, host = at_two(), Host()
    workers = 0

    def kill(name: str, job: object) -> None:
        if name == "saved":
            raise Crash

    house.play.always["h01"] = portions(host, steps=9)
    while house.entries()[0].state is not State.COMPLETED:
        workers += 1
        try:
            house.enter(points=kill).work()
        except Crash:
            house.clock.advance(seconds=Settings().lease + 1)
    assert (workers, host) == (10, [0, 1, 2, 3, 4, 5, 6, 7, 8])


def test_j13_a_memo_outlives_a_wait_and_is_gone_with_its_job() -> None:
    house = at_two()
    memos: list[Any] = []

    def waits(run: Run) -> Outcome:
        memos.append(dict(run.memo))
        run.save({"asked": True})
        return NotNow(run.now().add(minutes=5))

    house.play.says("h01", waits, does(lambda run: memos.append(dict(run.memo))), does(lambda run: memos.append(dict(run.memo))))
    house.engine.drain()
    house.clock.advance(minutes=5)
    house.engine.drain()
    house.clock.advance(days=1)
    house.engine.drain()
    assert memos == [{}, {"asked": True}, {}]


def test_j13_a_memo_comes_back_as_it_was_saved_also_to_the_one_who_saved_it() -> None:
    house = at_two()
    seen: list[Any] = []

    def saves(run: Run) -> Outcome:
        run.save({"pair": (1, 2), "deep": {"n": None}, "raw": b"ab"})
        seen.append(dict(run.memo))
        raise Crash

    house.play.says("h01", saves, does(lambda run: seen.append(dict(run.memo))))
    with pytest.raises(Crash):
        house.enter().work()
    house.clock.advance(seconds=Settings().lease + 1)
    house.engine.drain()
    assert seen == [{"pair": [1, 2], "deep": {"n": None}, "raw": "ab"}] * 2


def test_s01_a_memo_holds_no_secret_that_the_run_holds() -> None:
    house = at_two()

    def saves(run: Run) -> Outcome:
        run.keep(Secret("hunter2-hunter2"))
        run.save({"last": "it was hunter2-hunter2"})
        return DONE

    house.play.says("h01", saves)
    house.engine.drain()
    job = house.storage.job(house.entries()[0].id)
    assert job is not None
    assert "hunter2" not in str(job.memo)


def test_s01_what_a_worker_before_has_told_is_scrubbed_of_what_is_read_later() -> None:
    house = at_two()

    def first(run: Run) -> Outcome:
        run.operation(Operation("look", "done", run.now(), run.now(), exit=0, output="it is hunter2-hunter2"))
        run.progress(1, 2, "hunter2-hunter2")
        run.save({"done": 1})
        raise Crash

    house.play.says("h01", first, does(lambda run: run.keep(Secret("hunter2-hunter2"))))
    with pytest.raises(Crash):
        house.enter().work()
    house.clock.advance(seconds=Settings().lease + 1)
    house.engine.drain()
    entry = house.entries()[0]
    [told] = entry.operations
    assert told == {"name": "look", "state": "done", "exit": 0, "output": "it is [secret]", "began": told["began"], "ended": told["ended"]}
    assert told["began"].startswith("2026-")
    assert entry.progress == (1, 2, "[secret]")


def test_j13_operations_are_kept_with_the_memo_and_go_on_after_a_rescue() -> None:
    house = at_two()

    def step(name: str) -> Callable[[Run], None]:
        return lambda run: run.operation(Operation(name, "done", run.now(), run.now(), exit=0))

    def first(run: Run) -> Outcome:
        step("one")(run)
        run.save({"done": 1})
        step("lost")(run)
        raise Crash

    house.play.says("h01", first, does(step("two")))
    with pytest.raises(Crash):
        house.enter().work()
    house.clock.advance(seconds=Settings().lease + 1)
    house.engine.drain()
    assert [operation["name"] for operation in house.entries()[0].operations] == ["one", "two"]
    assert house.entries()[0].operations[0]["exit"] == 0


# the disk


def noted(house: House) -> Noting:
    storage = Noting(house.storage)
    house.enter(storage=storage).drain()
    return storage


def forced(written: list[Written]) -> list[bool]:
    return [one.durable for one in written]


@pytest.mark.parametrize(
    ("traits", "durable"),
    [({"effect": Effect.BLIND}, True), ({"effect": Effect.COMPENSABLE}, True), ({"effect": Effect.BLIND, "resumes": True}, False),
     ({"effect": Effect.IDEMPOTENT}, False), ({"effect": Effect.VERIFIABLE}, False)],
    ids=str,
)  # fmt: skip
def test_j14_a_start_that_may_not_be_said_again_forces_the_disk(traits: dict[str, Any], durable: bool) -> None:
    play = Play()
    kind = scripted(play, "touchy", **traits)
    house = House(*hosts(1), play=play, scripts=[kind])
    house.engine.define(kind("touch"))
    house.engine.put(Task("nightly", "touch", [Daily(at="02:00")]), list=UNIX)
    house.clock.advance(hours=2)
    assert forced(noted(house).with_step(Step.START)) == [durable]


def test_j14_memos_force_the_disk_and_progress_does_not() -> None:
    house = at_two()

    def works(run: Run) -> Outcome:
        run.save({"done": 1})
        run.progress(1, 2)
        return DONE

    house.play.says("h01", works)
    storage = noted(house)
    memo, progress = storage.with_step(Step.SAVE)
    assert (memo.durable, progress.durable) == (True, False)
    assert memo.moves(Step.SAVE)[0].fields["memo"] == {"done": 1}


def test_j14_a_memo_is_on_the_disk_before_save_returns() -> None:
    house = at_two()
    storage = Noting(house.storage)
    at: list[int] = []

    def works(run: Run) -> Outcome:
        run.save({"done": 1})
        at.append(len(storage.with_step(Step.SAVE)))
        return DONE

    house.play.says("h01", works)
    house.enter(storage=storage).drain()
    assert at == [1]


@pytest.mark.parametrize(
    ("outcome", "step", "durable"),
    [
        (DONE, Step.COMPLETE, False),
        (NotDone(ErrorClass.REFUSED), Step.FAIL, False),
        (NotDone(ErrorClass.UNREACHABLE), Step.FAIL, False),
        (NotDone(ErrorClass.ACCOUNT_LOCKED), Step.FAIL, True),
        (Unknown(), Step.DOUBT, True),
    ],
    ids=str,
)
def test_j14_completions_may_wait_for_their_group_and_uncertain_ends_may_not(outcome: Outcome, step: Step, durable: bool) -> None:
    play = Play()
    kind = scripted(play, "touchy", effect=Effect.BLIND)
    house = House(*hosts(1), play=play, scripts=[kind], settings=Settings(fallback=Fallback(minutes=5)))
    house.engine.define(kind("touch"))
    house.engine.put(Task("nightly", "touch", [Daily(at="02:00")]), list=UNIX)
    house.clock.advance(hours=2)
    play.says("h01", outcome)
    assert forced(noted(house).with_step(step)) == [durable]


def test_j14_a_changed_account_is_on_the_disk() -> None:
    play = Play()
    kind = scripted(play, "rotate", changes_secret=True, accounts=lambda self, run: Accounts(writes=["h01"]))
    house = House(*hosts(1), play=play, scripts=[kind])
    house.engine.define(kind("rotate"))
    house.engine.put(Task("nightly", "rotate", [Daily(at="02:00")]), list=UNIX)
    house.clock.advance(hours=2)
    storage = noted(house)
    (end,) = storage.with_step(Step.COMPLETE)
    assert end.durable
    assert [change.table for change in end.changes if isinstance(change, Keep)] == ["account"]


def test_r04_a_rescued_change_of_a_secret_is_remembered_as_one() -> None:
    play = Play()
    accounts = lambda self, run: Accounts(writes=["h01"])  # noqa: E731
    kind = scripted(play, "rotate", changes_secret=True, accounts=accounts, effect=Effect.VERIFIABLE)
    house = House(*hosts(1), play=play, scripts=[kind])
    house.engine.define(kind("rotate"))
    house.engine.put(Task("nightly", "rotate", [Daily(at="02:00")]), list=UNIX)
    house.clock.advance(hours=2)

    def dies(run: Run) -> Outcome:
        raise Crash

    play.says("h01", dies)
    with pytest.raises(Crash):
        house.enter().work()
    house.clock.advance(seconds=Settings().lease + 1)
    house.engine.drain()
    kept = house.storage.document("account", "h01")
    assert kept is not None
    assert kept.body["job"] == house.entries()[0].id


def test_j14_the_ends_of_a_batch_are_written_together() -> None:
    house = at_two(count=20)
    storage = noted(house)
    (starts,) = storage.with_step(Step.START)
    (ends,) = storage.with_step(Step.COMPLETE)
    assert (len(starts.units), len(ends.units)) == (20, 20)


def test_j14_an_end_does_not_wait_long_for_its_group() -> None:
    """What has ended is written after half a second, however long the others take."""
    house = at_two(count=3)
    house.play.always = dict.fromkeys(("h01", "h02", "h03"), does(lambda run: house.clock.advance(seconds=2)))
    storage = noted(house)
    assert [len(one.units) for one in storage.with_step(Step.COMPLETE)] == [1, 1, 1]


def test_j10_what_may_not_be_said_twice_is_started_just_before_it_is_performed() -> None:
    """Then a kill leaves one in doubt, and not the whole batch."""
    play = Play()
    kind = scripted(play, "touchy", effect=Effect.BLIND)
    house = House(*hosts(3), play=play, scripts=[kind])
    house.engine.define(kind("touch"))
    house.engine.put(Task("nightly", "touch", [Daily(at="02:00")]), list=UNIX)
    house.clock.advance(hours=2)

    def dies(run: Run) -> Outcome:
        raise Crash

    play.says("h02", dies)
    with pytest.raises(Crash):
        house.enter().work()
    house.clock.advance(seconds=Settings().lease + 1)
    house.engine.drain()
    assert {entry.record: entry.state for entry in house.entries() if entry.state is not State.SCHEDULED} == {
        "h01": State.COMPLETED, "h02": State.UNCERTAIN, "h03": State.COMPLETED,
    }  # fmt: skip
