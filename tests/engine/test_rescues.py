"""A job whose worker was lost while it ran stays running until somebody has decided about it (J4, J10): it ends, or goes on.

Whatever answers the rescuer gets, from a vault that is away to a stop of its own, what may not be said twice is never performed again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Engine, Settings
from taskkit.errors import NotFound
from taskkit.events import Daily, Minutely, TimeWindow
from taskkit.events.policies import OnDemand
from taskkit.instants import MINUTE
from taskkit.outcomes import Effect, Outcome
from taskkit.plugins.runs import Run
from taskkit.standings import TABLE, standing_id
from taskkit.states import State, Step
from taskkit.storage import Claimed, Keep, Query
from taskkit.tasks import Task
from tests.engine.houses import UNIX, Crash, House, Play, Watched, hosts, scripted, steps
from tests.engine.test_threads import LONG, ended, entry, running, until
from tests.engine.test_threads import house_of as in_threads

LEASE = Settings().lease


def die(run: Run) -> Outcome:
    raise Crash


def house_of(effect: Effect | None = Effect.BLIND, **traits: Any) -> tuple[House, str]:
    """A job whose worker died while it performed, and whose lease has run out."""
    play = Play()
    kind = scripted(play, "touchy", effect=effect, **traits)
    house = House(*hosts(1), play=play, scripts=[kind])
    house.engine.define(kind("touch"))
    task = house.engine.put(Task("touch", "touch", [Daily(at="02:00"), OnDemand()]), list=UNIX)
    job = house.engine.demand(task.id, "h01")
    play.says("h01", die)
    with pytest.raises(Crash):
        house.enter().work()
    house.clock.advance(seconds=LEASE + 1)
    return house, job


@contextmanager
def vault_away(house: House) -> Iterator[None]:
    answer = house.vault.records.get

    def away(id: str) -> Any:
        raise ConnectionError

    house.vault.records.get = away  # type: ignore[method-assign]
    yield
    house.vault.records.get = answer  # type: ignore[method-assign]


EFFECTS = [(Effect.BLIND, {}, State.UNCERTAIN), (Effect.COMPENSABLE, {}, State.UNCERTAIN), (None, {}, State.UNCERTAIN),
           (Effect.IDEMPOTENT, {}, State.COMPLETED), (Effect.BLIND, {"resumes": True}, State.COMPLETED)]  # fmt: skip


@pytest.mark.parametrize(("effect", "traits", "state"), EFFECTS)
def test_j10_rescued_while_the_vault_is_away_it_stays_running_and_is_decided_about_when_that_is_back(
    effect: Effect | None, traits: dict[str, Any], state: State
) -> None:
    house, job = house_of(effect, **traits)
    with vault_away(house):
        for _ in range(6):  # more often than workers may be lost over it: nobody was lost here
            house.engine.drain()
            assert (house.engine.job(job).state, house.engine.job(job).why) == (State.RUNNING, "vault_away")
            house.clock.advance(seconds=LEASE + 1)
    house.engine.drain()
    assert house.engine.job(job).state is state
    assert house.play.count("h01") == (2 if state is State.COMPLETED else 1)


def test_j04_one_that_goes_on_says_no_more_that_the_vault_is_away() -> None:
    house, job = house_of(Effect.IDEMPOTENT)
    with vault_away(house):
        house.engine.drain()
    house.clock.advance(seconds=LEASE + 1)
    house.engine.drain()
    assert (house.engine.job(job).why, house.engine.job(job).text) == (None, "")
    assert house.kinds(kinds=["JobRescued"]) == ["JobRescued"]


def test_j04_a_job_that_waits_for_the_vault_in_its_place_holds_what_it_held() -> None:
    house, _ = house_of(Effect.IDEMPOTENT)
    key = f"line:{house.engine.tasks(UNIX)[0].line}/h01"
    with vault_away(house):
        house.engine.drain()
        assert len(house.storage.holders(key)) == 1
    house.clock.advance(seconds=LEASE + 1)
    house.engine.drain()
    assert house.storage.holders(key) == []


@pytest.mark.parametrize(("effect", "state", "count"), [(Effect.BLIND, State.UNCERTAIN, 1), (Effect.IDEMPOTENT, State.COMPLETED, 2)])
def test_j10_rescued_by_a_node_that_stops_it_stays_running_and_the_next_one_decides(effect: Effect, state: State, count: int) -> None:
    house = in_threads(1, effect=effect, settings=Settings(workers=1, lease=3, poll=0.02))
    house.play.says("h01", die)
    job = house.engine.demand(house.engine.tasks(UNIX)[0].id, "h01")
    with pytest.raises(Crash):
        house.enter(settings=Settings(lease=3)).work()
    storage, stop = Watched(house.storage), threading.Event()
    claim = storage.claim

    def claims(*args: Any, **kwargs: Any) -> Any:
        found: list[Claimed] = list(claim(*args, **kwargs))
        if found:
            assert found[0].job.state is State.RUNNING
            stop.set()
        return found

    storage.claim = claims  # type: ignore[method-assign]
    house.enter(storage=storage).run(stop)
    assert (entry(house, job).state, entry(house, job).why) == (State.RUNNING, "released")
    with running(house.enter()):
        assert ended(house, job).state is state
    assert house.play.count("h01") == count


def test_j10_a_vault_that_hangs_over_a_rescued_job_lets_it_stay_where_it_is() -> None:
    house = in_threads(1, effect=Effect.BLIND, settings=Settings(workers=1, lease=3, poll=0.02, vault_timeout=1))
    house.play.says("h01", die)
    job = house.engine.demand(house.engine.tasks(UNIX)[0].id, "h01")
    with pytest.raises(Crash):
        house.enter(settings=Settings(lease=3)).work()
    asked, let_go, answer = threading.Event(), threading.Event(), house.vault.records.get

    def slow(id: str) -> Any:
        asked.set()
        assert let_go.wait(LONG)
        return answer(id)

    house.vault.records.get = slow  # type: ignore[method-assign]
    with running(house.enter()):
        assert asked.wait(LONG)
        until(lambda: entry(house, job).why == "vault_away")
        kept = house.storage.job(job)
        assert kept is not None
        assert (kept.state, kept.rescues) == (State.RUNNING, 0)
        assert kept.lease is not None
        assert kept.lease > house.engine._ground.now()
        let_go.set()
    assert house.play.count("h01") == 1


# whatever the gates say


def _edit(house: House, **fields: Any) -> None:
    house.engine.edit(evolve(house.engine.tasks(UNIX)[0], **fields))


def _breaks(house: House, facet: str, name: str, error: Exception) -> None:
    def raises(*args: Any) -> Any:
        raise error

    setattr(getattr(house.vault, facet), name, raises)


def _worn_out(house: House) -> None:
    """Worker after worker is lost over it."""
    for _ in range(5):
        now = house.engine._ground.now()
        house.storage.claim(now, worker="w", node="n", pools=["local"], limit=1, lease=now + 1)
        house.clock.advance(seconds=1)


SHUT = TimeWindow("* 12 * * *")
TURNS: dict[str, Callable[[House], object]] = {
    "nothing": lambda house: None,
    "inactive": lambda house: house.engine.deactivate(house.engine.tasks(UNIX)[0].id),
    "removed": lambda house: house.engine.remove(house.engine.tasks(UNIX)[0].id),
    "suspended": lambda house: house.engine.suspend_task(house.engine.tasks(UNIX)[0].id, "h01"),
    "shut": lambda house: _edit(house, window=SHUT),
    "late": lambda house: _edit(house, max_lateness=1),
    "rights lost": lambda house: house.vault.rights.disabled.add("ann"),
    "asked to stop": lambda house: house.engine.request_stop(house.entries(states=State.RUNNING)[0].id),
    "host paused": lambda house: house.engine.pause("host:host01"),
    "session": lambda house: house.vault.begin("h01", "s1"),
    "vault away": lambda house: _breaks(house, "records", "get", ConnectionError()),
    "account away": lambda house: _breaks(house, "records", "account", ConnectionError()),
    "vault confused": lambda house: _breaks(house, "records", "get", NotFound("a", "b", "c")),
    "vault broken": lambda house: _breaks(house, "records", "get", ZeroDivisionError()),
    "record gone": lambda house: house.vault.remove("h01"),
    "script gone": lambda house: house.storage.write([(_gone(house),)]),
    "worn out": _worn_out,
}


def _gone(house: House) -> Any:
    kept = house.storage.document("definition", "touch")
    assert kept is not None
    return Keep("definition", "touch", kept.revision, {})


@pytest.mark.parametrize("turn", TURNS)
def test_j10_whatever_the_rescuer_finds_what_may_not_be_said_twice_is_not(turn: str) -> None:
    house, job = house_of(Effect.BLIND)
    TURNS[turn](house)
    for _ in range(4):
        house.enter().drain()
        assert house.engine.job(job).state in (State.RUNNING, State.UNCERTAIN)
        house.clock.advance(minutes=30)
    assert house.play.count("h01") == 1


@pytest.mark.parametrize("turn", TURNS)
def test_j04_whatever_the_rescuer_finds_what_may_go_on_is_still_running_or_has_ended(turn: str) -> None:
    house, job = house_of(Effect.IDEMPOTENT)
    TURNS[turn](house)
    for _ in range(2):
        house.enter().drain()
        found = house.engine.job(job).state
        assert found is State.RUNNING or house.engine.job(job).ended is not None
        house.clock.advance(minutes=5)


def test_j10_a_start_that_is_refused_again_and_again_leaves_a_rescued_job_in_its_place() -> None:
    """Its end is refused each time, as somebody keeps changing its standing: it is left to the next look."""
    house, job = house_of(Effect.BLIND)
    storage = Watched(house.storage)
    engine: Engine = house.enter(storage=storage)
    line = house.engine.tasks(UNIX)[0].line

    def changes() -> None:
        storage.before(steps(Step.DOUBT), changes)
        kept = house.storage.document(TABLE, standing_id(line, "h01"))
        before = (kept.revision, kept.body) if kept else (0, {"created": 1})
        house.storage.write([(Keep(TABLE, standing_id(line, "h01"), before[0], before[1], line),)])

    storage.before(steps(Step.DOUBT), changes)
    engine.work()
    assert (house.engine.job(job).state, house.engine.job(job).why) == (State.RUNNING, "released")
    house.clock.advance(minutes=5)
    house.enter().drain()
    assert (house.engine.job(job).state, house.play.count("h01")) == (State.UNCERTAIN, 1)


def test_t15_an_occurrence_that_is_given_up_before_it_began_counts_what_passed_meanwhile() -> None:
    """Its workers died between claim and start: the next one is planned behind all that has passed."""
    house = House(*hosts(1))
    house.put(Minutely())
    house.clock.advance(minutes=1)
    for _ in range(5):
        now = house.clock.now()
        house.storage.claim(now, worker="w/1", node="w", pools=["local"], limit=10, lease=now + MINUTE)
        house.clock.advance(minutes=1)
    house.enter().work()
    [given_up] = house.storage.jobs(Query(states=State.UNCERTAIN)).jobs
    [next_one] = house.storage.jobs(Query(states=State.SCHEDULED)).jobs
    assert given_up.started is None
    assert given_up.missed > 1
    assert next_one.at == (given_up.missed_last or 0) + 60
