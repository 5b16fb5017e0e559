"""Several processes on one store: played by turns, told as a story, played again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from taskkit.engine import Settings
from taskkit.errors import InvalidValue
from taskkit.events.clocks import Daily
from taskkit.events.happenings import CheckedIn, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock, OnDemand
from taskkit.outcomes import Done, Effect, Outcome
from taskkit.plugins import Plugins, hookimpl
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Host, Login, SecretChange
from taskkit.records import Record, RecordType
from taskkit.secrets import Secret
from taskkit.states import State
from taskkit.storage import Change, Landed, Move, Query, Storage, Unit
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task, of_type
from taskkit.testing import Act, Broken, FakeExecutor, MemoryVault, Simulation, Turn, seeded, turns
from tests.testing.races import PLUGINS, START, Touch, checked, race, seed

HOME = Path(__file__).resolve().parent.parent.parent


def house(*wanted: Turn, **settings: Any) -> Simulation:
    """One record, one nightly task, played by these turns."""
    simulation = Simulation(turns=wanted, vault=MemoryVault([Record("r1", "unix")]), plugins=PLUGINS, start=START, **settings)
    simulation.engine.define(RecordType("unix"))
    simulation.engine.define(Touch("touch"))
    simulation.engine.put(Task("nightly", "touch", [Daily(at="02:30"), AfterCheckIn()]), list=of_type("unix"))
    return simulation


def states(simulation: Simulation) -> list[State]:
    return [job.state for job in simulation.storage.jobs(Query(), order="first_started").jobs]


def test_without_turns_all_goes_its_way() -> None:
    with house() as simulation:
        simulation.tell(CheckedIn("r1"), minutes=5)
        simulation.run(hours=1)
        simulation.check()
        assert states(simulation) == [State.COMPLETED, State.COMPLETED]
        assert simulation.turns == ()
        assert simulation.clock.now() == simulation.clock.now()


def test_whoever_closes_it_gives_back_every_handle_also_those_of_the_dead() -> None:
    opened, closed = list[Storage](), list[Storage]()

    class Handle(MemoryStorage):
        def __init__(self) -> None:
            super().__init__(store._tables)
            opened.append(self)

        def close(self) -> None:
            closed.append(self)

    store = MemoryStorage()
    with house(Turn(3, Act.DIE), handles=Handle) as simulation:
        simulation.run(minutes=10)
        assert not closed
    assert closed == opened
    assert len(opened) == 5  # the test's two, of two processes, and of the one that was started again


def places(act: Act, what: str, number: int = 0) -> Simulation:
    """The world steps in once, at the first call of this kind after which it makes a difference."""
    for after in range(1, 200):
        simulation = house(Turn(after, act, number)).run(hours=1)
        if (what, act) in simulation.places:
            return simulation
        simulation.close()
    raise AssertionError(f"no call of {what}")


@pytest.mark.parametrize("act", [Act.CRASH, Act.DIE])
@pytest.mark.parametrize("what", ["storage.write", "storage.claim", "point begin", "point saved", "records.get"])
def test_j04_who_dies_is_rescued_by_the_other(act: Act, what: str) -> None:
    with places(act, what) as simulation:
        simulation.check()
        assert states(simulation) == [State.COMPLETED]
        assert "dies" in simulation.story


def test_a_lost_answer_is_a_landed_write_that_nobody_heard_of() -> None:
    with places(Act.LOSE, "storage.write") as simulation:
        simulation.check()
        assert "loses the answer (storage.write)" in simulation.story
        assert states(simulation) == [State.COMPLETED]


def test_who_stands_still_for_long_loses_its_job_and_changes_nothing_any_more() -> None:
    """J3: the other has claimed the job meanwhile, so what the first one still writes is refused."""
    with places(Act.STALL, "point end", 11) as simulation:
        simulation.check()
        assert "rescued for the 1. time" in simulation.story
        assert "is refused" in simulation.story
        assert states(simulation) == [State.COMPLETED]


def test_a_jump_of_the_clock_moves_it_at_once() -> None:
    with house(Turn(1, Act.JUMP, 7)) as simulation:
        began = simulation.clock.now()
        simulation.run(minutes=1)
        assert simulation.clock.now() - began >= 7 * 60_000_000


def test_the_story_tells_who_did_what_and_when() -> None:
    with house() as simulation:
        simulation.run(minutes=5)
        lines = simulation.story.splitlines()
    assert lines[0].split() == ["2026-03-02", "02:29:00", "test", "plans", "job", "1", "(occurrence", "of", "r1)", "for", "02:30:00"]
    told = "\n".join(line[21:].strip() for line in lines)
    for part in ("claims job 1 (occurrence of r1)", "starts job 1", "saves what job 1", "completes job 1"):
        assert part in told


def test_the_same_turns_are_the_same_story() -> None:
    with race(seed(3)) as first, race(first.turns) as second:
        assert told(second) == told(first)


def told(simulation: Simulation) -> list[str]:
    """Ids are drawn from a generator with a seed; tokens too."""
    return simulation.story.splitlines()


SCRIPT = "from tests.testing.races import race, seed; simulation = race(seed(5)); print(simulation.story); simulation.close()"


def test_a_seed_is_the_same_story_in_every_process() -> None:
    """Not even the order of sets, which each process draws anew, changes it."""
    stories = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=HOME, env={"PYTHONHASHSEED": number, "PYTHONPATH": str(HOME / "src")}, check=True,
            capture_output=True, text=True, timeout=60,
        ).stdout
        for number in ("1", "2")
    ]  # fmt: skip
    assert stories[0] == stories[1] != ""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(turns())
def test_j05_whatever_hypothesis_thinks_of_no_law_breaks(wanted: Sequence[Turn]) -> None:
    checked(wanted)


@pytest.mark.parametrize("kept", [{State.COMPLETED: 2}, {State.COMPLETED: 2, State.MERGED: 90}, {State.COMPLETED: 90, State.MERGED: 2}])
def test_j05_what_is_purged_by_its_age_is_not_lost(kept: dict[State | str, int]) -> None:
    """Nor is what a purged job had from another one, which is kept longer."""
    with house(settings=Settings(retention=kept)) as simulation:
        simulation.engine.define(Touch("look"))
        simulation.engine.put(Task("after a look", "look", [Daily(at="02:30"), AfterUnlock(60)]), list=of_type("unix"))
        simulation.tell(Unlocked("r1", id="look"), hours=23, minutes=30)
        simulation.run(days=5).check()
        assert "merges" in simulation.story
        assert "HistoryPurged" in {fact.kind for fact in simulation.engine.facts(limit=1000)}


@frozen
class Meet(Script):
    kind = "meet"
    effect = Effect.IDEMPOTENT
    name: str = "meet"

    def perform(self, run: Run) -> Outcome:
        return Done({"kept": run.vault.hosts.trust("10.0.0.5", "ssh-ed25519 AAAA"), "known": list(run.vault.hosts.known("10.0.0.5"))})


class Meets:
    @hookimpl
    def taskkit_scripts(self) -> list[type[Script]]:
        return [Meet]


def test_s07_a_simulated_vault_keeps_host_keys_as_it_does() -> None:
    vault = MemoryVault([Record("r1", "unix")])
    with Simulation(vault=vault, plugins=Plugins([Meets()], discover=False), start=START) as simulation:
        simulation.engine.define(RecordType("unix"))
        simulation.engine.define(Meet())
        job = simulation.engine.demand(simulation.engine.put(Task("meet", "meet", OnDemand()), list=of_type("unix")).id, "r1")
        simulation.run(minutes=5).check()
        assert simulation.engine.job(job).result == {"kept": True, "known": ["ssh-ed25519 AAAA"]}
    assert vault.hosts.known("10.0.0.5") == ("ssh-ed25519 AAAA",)


# A store that is wrong, found and told.


class Losing(MemoryStorage):
    """Loses all that has ended, though nobody purges it."""

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        answers = super().write(units, durable=durable)
        super().purge([Query(states=State.COMPLETED)])
        return answers


def test_j05_what_is_lost_and_was_not_purged_is_found() -> None:
    store = Losing()
    with house(handles=lambda: Losing(store._tables)) as simulation, pytest.raises(Broken, match=r"is lost \(J5\)"):
        simulation.run(hours=1).check()


class Forgetful(MemoryStorage):
    """Takes a late writer for the owner: the token is not looked at."""

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        return super().write([tuple(map(self._forgetting, unit)) for unit in units], durable=durable)

    def _forgetting(self, change: Change) -> Change:
        if not isinstance(change, Move) or change.token is None or (job := self.job(change.job)) is None or job.token is None:
            return change
        return change._replace(token=job.token)


def wrong() -> Callable[[], Storage]:
    store = Forgetful()
    return lambda: Forgetful(store._tables)


def slow(*wanted: Turn) -> Simulation:
    """On the wrong store, with a script that takes two minutes."""
    simulation = house(*wanted, handles=wrong())
    Touch.spends = lambda: simulation.spend(minutes=2)
    return simulation


@pytest.fixture
def restored() -> Iterator[None]:
    yield
    Touch.spends = lambda: None


def breaks(wanted: Sequence[Turn]) -> bool:
    with slow(*wanted) as simulation:
        try:
            simulation.run(minutes=16).check()
        except Broken:
            return True
    return False


def test_j03_a_late_writer_that_is_let_in_is_found_and_the_turns_shrink_to_a_stall(restored: None) -> None:
    found = settings(max_examples=2000, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    smallest = find(turns(), breaks, settings=found)
    *others, stall = smallest
    assert stall.act is Act.STALL
    assert {turn.act for turn in others} <= {Act.SWITCH}  # where a lone stall would have to come later
    with slow(*smallest) as simulation, pytest.raises(Broken) as caught:
        simulation.run(minutes=16).check()
    text = str(caught.value)
    assert "(J3)" in text
    assert "stands still" in text  # the story
    assert f"Turn({stall.after}, 'stall', {stall.number})" in text.rpartition("to play it again: turns=[")[2]


def test_what_a_test_does_wrong_is_raised_with_the_story() -> None:
    def slip() -> None:
        raise ZeroDivisionError("a slip")

    with house() as simulation:
        simulation.at(slip, minutes=3)
        with pytest.raises(Broken, match="a slip"):
            simulation.run(hours=1)


@pytest.mark.parametrize("word", ["run", "close"])
def test_a_deed_that_plays_or_closes_its_own_simulation_is_told_so(word: str) -> None:
    """It would wait for itself for ever."""
    with house() as simulation:
        simulation.at(getattr(simulation, word), minutes=3)
        with pytest.raises(Broken, match="one of its own deeds or scripts asks for that"):
            simulation.run(hours=1)


def test_whoever_interrupts_a_simulation_has_nobody_act_beside_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    fell, before = list[object](), set(threading.enumerate())
    monkeypatch.setattr(threading, "excepthook", fell.append)
    with house() as simulation:
        simulation.at(lambda: os.kill(os.getpid(), signal.SIGINT), minutes=3)
        with pytest.raises(KeyboardInterrupt):
            simulation.run(days=90)
        simulation.run(hours=1).check()
    assert fell == []
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("wanted", [(0, "crash"), (1, "explode")])
def test_a_turn_that_cannot_be_is_refused(wanted: tuple[int, Any]) -> None:
    with pytest.raises((InvalidValue, ValueError)):
        Turn(*wanted)


@given(st.integers(0, 2**32))
def test_a_seed_gives_the_same_turns_each_time(number: int) -> None:
    first, second = seeded(number), seeded(number)
    assert [next(first) for _ in range(5)] == [next(second) for _ in range(5)]


# hosts


def rotation(*wanted: Turn) -> tuple[Simulation, FakeExecutor]:
    """A nightly task that gives an account of a guarded host a new secret."""
    hosts = FakeExecutor()
    hosts.guard("r1", "app", "first")

    @frozen
    class Rotate(Script):
        kind = "rotate"
        effect = Effect.IDEMPOTENT
        name: str = "rotate"

        def perform(self, run: Run) -> Outcome:
            login = Login(Record("r1", "unix"), "app", hosts.secret("r1", "app"))
            return hosts.change(Host("r1"), login, SecretChange("app", Secret(f"secret-{run.token}")), run)

    class Offer:
        @hookimpl
        def taskkit_scripts(self) -> list[type[Script]]:
            return [Rotate]

    plugins = Plugins([Offer()], discover=False)
    simulation = Simulation(turns=wanted, vault=MemoryVault([Record("r1", "unix")]), plugins=plugins, start=START)
    hosts.stage = simulation.call
    simulation.engine.define(RecordType("unix"))
    simulation.engine.define(Rotate())
    simulation.engine.put(Task("nightly", "rotate", Daily(at="02:30")), list=of_type("unix"))
    return simulation, hosts


@pytest.mark.parametrize(
    ("act", "state", "taken"),
    [
        (Act.CRASH, State.COMPLETED, 1),
        (Act.DIE, State.COMPLETED, 2),
        (Act.LOSE, State.ERROR, 1),
        (Act.AWAY, State.ERROR, 0),
        (Act.SWITCH, State.COMPLETED, 1),
    ],
)
def test_j10_the_world_steps_in_before_and_after_a_host_takes_a_secret(act: Act, state: State, taken: int) -> None:
    for after in range(1, 200):
        simulation, hosts = rotation(Turn(after, act))
        with simulation.run(minutes=15):
            if ("change", act) not in simulation.places:
                continue
            simulation.check()
            assert states(simulation)[0] == state
            found = hosts.secret("r1", "app")
            assert found is not None
            assert found.same_as(Secret("first")) == (taken == 0)
            assert len(hosts._hosts["r1"].accounts["app"].old) == taken
            return
    raise AssertionError("no host was asked for a change")
