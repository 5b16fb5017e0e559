"""Leases and fences (J3, J4): a worker that was thought dead changes nothing, and says so; a rescue keeps what was begun."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Engine, Settings
from taskkit.errors import StaleToken
from taskkit.events import Daily
from taskkit.instants import instant
from taskkit.outcomes import DONE, Done, Effect, NotDone, NotNow, Outcome
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Host, Login, Operation, Verb
from taskkit.records import Record, RecordType
from taskkit.states import State, Step
from taskkit.storage import Move
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Fallback, Task, of_type
from taskkit.testing import VirtualClock
from tests.engine.houses import UNIX, Crash, House, Play, Watched, at_two, does, hosts, scripted, steps
from tests.engine.stores import Noting

LEASE = Settings().lease


def dies(house: House, engine: Engine | None = None) -> None:
    """The process dies while it performs, and its lease runs out."""

    def die(run: Run) -> Outcome:
        raise Crash

    house.play.answers["h01"].appendleft(die)
    with pytest.raises(Crash):
        (engine or house.enter()).work()
    house.clock.advance(seconds=LEASE + 1)


def overtaken(house: House, then: Callable[[Run], Outcome]) -> Callable[[Run], Outcome]:
    """A worker that stands still for longer than its lease: another one rescues and ends its job; then it goes on."""

    def perform(run: Run) -> Outcome:
        house.clock.advance(seconds=LEASE + 1)
        house.play.says("h01", Done({"by": "the second"}))
        assert house.enter().work() == 1
        return then(run)

    return perform


def writes(run: Run) -> list[Callable[[], object]]:
    step = Operation("late", "done", run.now(), run.now())
    return [
        lambda: run.save({"late": True}), lambda: run.progress(9, 9), lambda: run.operation(step), lambda: run.point("connect"),
    ]  # fmt: skip


@pytest.mark.parametrize("place", range(4), ids=["save", "progress", "operation", "point"])
def test_j03_whatever_a_stale_worker_says_raises_changes_nothing_and_is_reported_once(place: int) -> None:
    house = at_two()
    before: list[Any] = []

    def late(run: Run) -> Outcome:
        before.append(house.entries())
        assert run.stop_requested
        with pytest.raises(StaleToken):
            writes(run)[place]()
        with pytest.raises(StaleToken):
            writes(run)[place]()
        return Done({"by": "the first"})

    house.play.says("h01", overtaken(house, late))
    house.engine.work()
    assert house.entries() == before[0]
    assert house.entries()[0].result == {"by": "the second"}
    assert house.kinds(kinds=["StaleWriteRefused"]) == ["StaleWriteRefused"]
    (fact,) = house.engine.facts(kinds=["StaleWriteRefused"])
    assert fact.job == before[0][0].id
    assert fact.details["node"] == "n1"


@pytest.mark.parametrize("outcome", [DONE, NotDone("wrong_credentials"), NotDone("unreachable")], ids=str)
def test_j03_the_end_that_a_stale_worker_tells_changes_nothing_and_is_reported(outcome: Outcome) -> None:
    house = at_two(settings=Settings(fallback=Fallback(minutes=5)))
    house.play.says("h01", overtaken(house, lambda run: outcome))
    house.engine.work()
    done, following = house.entries()
    assert (done.state, done.result) == (State.COMPLETED, {"by": "the second"})
    assert following.state is State.SCHEDULED
    assert house.kinds(kinds=["StaleWriteRefused", "TaskSuspended", "JobFailed"]) == ["StaleWriteRefused"]


@pytest.mark.parametrize("step", [Step.COMPLETE, Step.FAIL, Step.DEFER])
@pytest.mark.parametrize("when", ["while it runs", "while its end is written"])
def test_j03_the_end_of_a_stale_worker_does_not_end_what_another_one_runs(step: Step, when: str) -> None:
    """The other one has only begun when the first one comes to its end."""
    house = at_two(settings=Settings(fallback=Fallback(minutes=5)))
    storage, tokens = Watched(house.storage), list[int]()

    def rescued() -> None:
        house.clock.advance(seconds=LEASE + 1)
        now = instant(house.clock.moment)
        (claimed,) = house.storage.claim(now, worker="w", node="n2", pools=["local"], limit=1, lease=now + 1_000_000)
        tokens.append(claimed.job.token or 0)

    outcomes: dict[Step, Outcome] = {
        Step.COMPLETE: DONE,
        Step.FAIL: NotDone("unreachable"),
        Step.DEFER: NotNow(house.clock.moment.add(hours=1)),
    }
    if when == "while it runs":
        house.play.says("h01", does(lambda run: rescued(), outcomes[step]))
    else:
        storage.before(steps(step), rescued)
        house.play.says("h01", outcomes[step])
    house.enter(storage=storage).work()
    job = house.storage.job(house.entries()[0].id)
    assert job is not None
    assert (job.state, job.token, job.node) == (State.RUNNING, tokens[0], "n2")
    assert len(house.entries()) == 2
    assert house.storage.holders(f"line:{job.line}/h01") == [job.id]
    assert house.kinds(kinds=["StaleWriteRefused"]) == ["StaleWriteRefused"]


def test_j03_a_script_that_swallows_the_stale_token_still_ends_nothing() -> None:
    house = at_two()

    def stubborn(run: Run) -> Outcome:
        for write in writes(run):
            with pytest.raises(StaleToken):
                write()
        return Done({"by": "the first"})

    house.play.says("h01", overtaken(house, stubborn))
    house.engine.work()
    assert house.entries()[0].result == {"by": "the second"}


def test_j03_a_stale_start_is_refused_and_reported() -> None:
    """Its gates took so long that another worker has claimed the job, and runs it."""
    house = at_two()
    vault, answer = house.vault.records, house.vault.records.get

    def slow(id: str) -> Any:
        vault.get = answer  # type: ignore[method-assign]
        house.clock.advance(seconds=LEASE + 1)
        house.enter().work()
        return answer(id)

    vault.get = slow  # type: ignore[method-assign]
    house.engine.work()
    assert house.play.count("h01") == 1
    assert [entry.state for entry in house.entries()] == [State.COMPLETED, State.SCHEDULED]
    assert house.kinds(kinds=["StaleWriteRefused"]) == ["StaleWriteRefused"]


def test_j03_a_heartbeat_with_an_old_token_changes_nothing() -> None:
    house = at_two()
    tokens: list[int] = []

    def keep_token(run: Run) -> Outcome:
        tokens.append(run.token)
        raise Crash

    house.play.says("h01", keep_token)
    with pytest.raises(Crash):
        house.engine.work()
    house.clock.advance(seconds=LEASE + 1)

    def beat_by_the_dead(run: Run) -> Outcome:
        tokens.append(run.token)
        beat = Move(run.job.id, Step.BEAT, token=tokens[0], fields={"lease": run.job.lease})
        assert not house.storage.write([(beat,)])[0]
        return DONE

    house.play.says("h01", beat_by_the_dead)
    house.engine.work()
    assert house.entries()[0].state is State.COMPLETED
    assert tokens[1] > tokens[0]


def test_j03_tokens_grow_with_every_claim_and_are_no_smaller_than_the_stores_microseconds() -> None:
    house = at_two()
    tokens: list[int] = []
    house.play.always["h01"] = does(lambda run: tokens.append(run.token))
    for _ in range(3):
        house.engine.drain()
        assert tokens[-1] >= instant(house.clock.moment)
        house.clock.advance(days=1)
    task = house.engine.tasks(UNIX)[0].id
    for _ in range(3):
        house.engine.demand(task, "h01")
    house.engine.drain()
    assert tokens == sorted(set(tokens))


class Fenced(Executor):
    """Hands the token to its host, as one that can refuse old ones would."""

    name = "fenced"
    verbs = frozenset({Verb.COMMANDS})

    def __init__(self) -> None:
        self.tokens: list[int] = []

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[object]:
        self.tokens.append(run.token)
        yield object()


def test_j03_executors_see_the_token_of_their_claim() -> None:
    play, executor = Play(), Fenced()
    kind = scripted(play, "remote", needs=frozenset({Verb.COMMANDS}))
    house = House(Record("h01", "box", fields={"host": "a"}), play=play, scripts=[kind], executors=[executor])
    house.engine.define(RecordType("box", executor="fenced"))
    house.engine.define(kind("remote"))
    house.engine.put(Task("nightly", "remote", [Daily(at="02:00")]), list=of_type("box"))
    house.clock.advance(hours=2)

    def connects(run: Run) -> Outcome:
        with run.connect():
            raise Crash

    play.always["h01"] = connects
    for _ in range(3):
        with pytest.raises(Crash):
            house.enter().work()
        house.clock.advance(minutes=20)  # two that were lost over an account within a quarter of an hour would spare it (S5)
    assert executor.tokens == sorted(set(executor.tokens))
    assert len(executor.tokens) == 3


def test_j04_a_store_that_has_a_clock_is_the_engines_clock() -> None:
    house = at_two()

    class Clocked(MemoryStorage):
        clock = VirtualClock(house.clock.moment.add(days=5))

    engine = house.enter(storage=Clocked())
    engine.define(house.Scripted("work"))
    engine.put(Task("once", "work", [Daily(at="02:00")]))
    assert engine.drain() == 1
    assert engine.history(states=State.COMPLETED).entries[0].started == Clocked.clock.moment


# rescue


def test_j04_a_rescue_keeps_the_state_and_the_memo_and_does_not_start_again() -> None:
    house = at_two()

    def halfway(run: Run) -> Outcome:
        run.save({"half": True})
        raise Crash

    house.play.says("h01", halfway)
    with pytest.raises(Crash):
        house.enter().work()
    started = house.entries()[0].started
    house.clock.advance(seconds=LEASE + 1)
    seen: list[tuple[bool, Any]] = []
    house.play.says("h01", does(lambda run: seen.append((run.rescued, dict(run.memo)))))
    house.engine.work()
    assert seen == [(True, {"half": True})]
    done, following = house.entries()
    assert (done.state, done.started) == (State.COMPLETED, started)
    assert following.state is State.SCHEDULED


def test_j04_a_lease_that_has_not_run_out_is_nobodys_to_take() -> None:
    house = at_two()

    def die(run: Run) -> Outcome:
        raise Crash

    house.play.says("h01", die)
    with pytest.raises(Crash):
        house.engine.work()
    house.clock.advance(seconds=LEASE - 1)
    assert house.engine.work() == 0
    house.clock.advance(seconds=2)
    assert house.engine.work() == 1


def test_j04_a_worker_whose_lease_ran_out_goes_on_only_where_the_store_gives_it_back() -> None:
    """Nobody has taken the job over: a beat takes it back before the next step, and from then on nobody can."""
    house = at_two()

    def slow(run: Run) -> Outcome:
        house.clock.advance(seconds=LEASE + 1)
        run.point("connect")
        assert not run.stop_requested
        assert house.enter().work() == 0
        return DONE

    house.play.says("h01", slow)
    house.engine.work()
    assert (house.play.count("h01"), house.entries()[0].state) == (1, State.COMPLETED)
    assert house.kinds(kinds=["StaleWriteRefused"]) == []


def test_j01_a_queued_job_whose_worker_dies_before_the_start_is_not_counted_as_begun() -> None:
    house = at_two()
    job = house.entries()[0].id
    now = instant(house.clock.moment)
    assert house.storage.claim(now, worker="w", node="n", pools=["local"], limit=1, lease=now + 1)
    house.clock.advance(seconds=1)
    seen: list[bool] = []
    house.play.says("h01", does(lambda run: seen.append(run.rescued)))
    house.engine.work()
    assert seen == [False]
    assert house.engine.job(job).state is State.COMPLETED


@pytest.mark.parametrize("lost", [3, 4])
def test_j04_a_job_whose_workers_die_before_the_start_is_given_up_after_three_rescues_and_suspended(lost: int) -> None:
    house = at_two()
    for _ in range(lost):
        now = instant(house.clock.moment)
        assert house.storage.claim(now, worker="w", node="n", pools=["local"], limit=1, lease=now + 1)
        house.clock.advance(seconds=1)
    house.engine.drain()
    job = house.entries()[0]
    if lost == 3:
        assert (job.state, house.play.count("h01")) == (State.COMPLETED, 1)
        return
    assert (job.state, job.why, house.play.count("h01")) == (State.UNCERTAIN, "rescues", 0)
    assert house.kinds(kinds=["TaskSuspended"]) == ["TaskSuspended"]
    house.clock.advance(days=1)
    house.engine.drain()
    assert (house.play.count("h01"), house.entries()[1].why) == (0, "suspended")


def test_j04_after_three_rescues_without_progress_it_is_uncertain_suspended_and_told() -> None:
    house = at_two()
    for _ in range(4):
        dies(house)
        assert house.entries()[0].state is State.RUNNING
    house.engine.drain()
    job, following = house.entries()
    assert (job.state, job.why, following.state) == (State.UNCERTAIN, "rescues", State.SCHEDULED)
    assert house.play.count("h01") == 4
    assert sorted(house.kinds(kinds=["JobUncertain", "TaskSuspended"])) == ["JobUncertain", "TaskSuspended"]
    house.clock.advance(days=1)
    house.engine.drain()
    assert (house.play.count("h01"), house.entries()[1].why) == (4, "suspended")
    house.engine.resume_task(house.engine.tasks(UNIX)[0].id, "h01")
    house.engine.drain()
    assert house.entries()[1].state is State.COMPLETED


def test_j04_three_lost_workers_before_the_start_make_it_uncertain_too_and_its_cadence_is_kept() -> None:
    house = at_two()
    for _ in range(5):
        now = instant(house.clock.moment)
        house.storage.claim(now, worker="w", node="n", pools=["local"], limit=1, lease=now + 1)
        house.clock.advance(seconds=1)
    house.engine.drain()
    assert [entry.state for entry in house.entries()] == [State.UNCERTAIN, State.SCHEDULED]
    assert house.play.count("h01") == 0


@pytest.mark.parametrize("how", ["save", "progress"])
def test_j04_progress_makes_the_count_begin_anew(how: str) -> None:
    house = at_two()

    def one_step(number: int) -> Callable[[Run], Outcome]:
        def perform(run: Run) -> Outcome:
            run.save({"done": number}) if how == "save" else run.progress(number, 10)
            raise Crash

        return perform

    for number in range(1, 8):
        house.play.says("h01", one_step(number))
        with pytest.raises(Crash):
            house.enter().work()
        house.clock.advance(seconds=LEASE + 1)
    house.engine.drain()
    assert house.entries()[0].state is State.COMPLETED


def test_j04_the_same_progress_again_is_none() -> None:
    house = at_two()

    def first_step(run: Run) -> Outcome:
        run.progress(1, 10)
        raise Crash

    house.play.always["h01"] = first_step
    for _ in range(5):
        try:
            house.enter().work()
        except Crash:
            house.clock.advance(seconds=LEASE + 1)
    assert house.entries()[0].state is State.UNCERTAIN


@pytest.mark.parametrize("change", ["edit", "remove", "deactivate"])
def test_j04_a_rescued_job_goes_on_whatever_was_edited_since(change: str) -> None:
    house = at_two()
    dies(house)
    task = house.engine.tasks(UNIX)[0]
    if change == "edit":
        house.engine.edit(evolve(task, policies=[Daily(at="07:00")]))
    elif change == "remove":
        house.engine.remove(task.id)
    else:
        house.engine.deactivate(task.id)
    house.enter().drain()  # one that knows nothing by heart
    assert house.entries()[0].state is State.COMPLETED
    assert house.play.count("h01") == 2


def test_j04_a_rescued_job_whose_record_is_gone_is_uncertain_and_keeps_nobody_waiting() -> None:
    house = at_two()
    dies(house)
    house.vault.remove("h01")
    house.engine.drain()
    assert house.entries()[0].state is State.UNCERTAIN
    assert house.storage.holders(f"line:{house.engine.tasks(UNIX)[0].line}/h01") == []


def test_j04_a_rescue_while_the_vault_is_away_waits_and_goes_on_when_it_is_back() -> None:
    house = at_two()
    dies(house)
    answer = house.vault.records.get

    def away(id: str) -> Any:
        raise ConnectionError

    house.vault.records.get = away  # type: ignore[method-assign]
    house.engine.drain()
    job = house.entries()[0]
    assert (job.state, job.why) == (State.RUNNING, "vault_away")
    house.vault.records.get = answer  # type: ignore[method-assign]
    seen: list[bool] = []
    house.play.says("h01", does(lambda run: seen.append(run.rescued)))
    house.clock.advance(seconds=61)
    house.engine.drain()
    assert seen == [True]
    assert [entry.state for entry in house.entries()] == [State.COMPLETED, State.SCHEDULED]


@pytest.mark.parametrize(
    ("effect", "resumes", "state"),
    [
        (Effect.IDEMPOTENT, False, State.COMPLETED),
        (Effect.VERIFIABLE, False, State.COMPLETED),
        (Effect.COMPENSABLE, False, State.UNCERTAIN),
        (Effect.BLIND, False, State.UNCERTAIN),
        (Effect.BLIND, True, State.COMPLETED),
    ],
)
def test_j10_what_may_not_be_said_twice_is_not_performed_again_after_a_kill(effect: Effect, resumes: bool, state: State) -> None:
    play = Play()
    kind = scripted(play, "touchy", effect=effect, resumes=resumes)
    house = House(*hosts(1), play=play, scripts=[kind])
    house.engine.define(kind("touchy"))
    house.engine.put(Task("nightly", "touchy", [Daily(at="02:00")]), list=UNIX)
    house.clock.advance(hours=2)
    dies(house)
    house.engine.drain()
    assert house.entries()[0].state is state
    assert house.play.count("h01") == (2 if state is State.COMPLETED else 1)
    assert ("TaskSuspended" in house.kinds()) == (state is State.UNCERTAIN)


def test_j04_a_worker_is_another_one_at_each_start_of_its_process() -> None:
    house = at_two()
    storage = Noting(house.storage)
    first, second = house.enter(storage=storage), house.enter(storage=storage)
    workers = set()
    for engine in (first, second):
        engine.demand(house.engine.tasks(UNIX)[0].id, "h01")
        house.play.says("h01", does(lambda run: workers.add(run.job.worker)))
        engine.work(1)
    assert len(workers) == 2


@pytest.mark.parametrize(
    "saved",
    [
        lambda run: run.save({"page": 7}),
        lambda run: run.progress(7, 9),
        lambda run: [run.progress(page, 9) for page in range(8)],  # counted from the start again each time
    ],
    ids=["a memo", "progress", "progress from the start"],
)
def test_j04_who_comes_no_further_than_the_worker_before_makes_no_progress(saved: Callable[[Run], object]) -> None:
    """A script that dies at the same place each time is not rescued for ever."""
    house = at_two()

    def dies(run: Run) -> Outcome:
        saved(run)
        raise Crash

    house.play.says("h01", *[dies] * 8)
    for _ in range(8):
        with suppress(Crash):
            house.enter().work()
        house.clock.advance(seconds=LEASE + 1)
    assert (house.play.count("h01"), house.entries()[0].state, house.entries()[0].why) == (4, State.UNCERTAIN, "rescues")


def test_j04_who_comes_further_each_time_is_rescued_as_often_as_it_takes() -> None:
    house = at_two()

    def further(run: Run) -> Outcome:
        page = run.memo.get("page", 0) + 1
        run.save({"page": page})
        if page < 8:
            raise Crash
        return DONE

    house.play.always["h01"] = further
    for _ in range(8):
        with suppress(Crash):
            house.enter().work()
        house.clock.advance(seconds=LEASE + 1)
    assert (house.play.count("h01"), house.entries()[0].state) == (8, State.COMPLETED)
