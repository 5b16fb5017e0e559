"""The floor: a stop in time, nothing held for ever, and one plug-in that asks the process to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from taskkit.engine import Settings
from taskkit.errors import StorageAway
from taskkit.states import State
from tests.engine.houses import Watched, hosts, raises_over
from tests.engine.test_threads import LONG, Hang, entry, facts, house_of, running, slow_once, touch, until


def away(storage: Any, down: threading.Event) -> Any:
    def failing(do: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if down.is_set():
                raise StorageAway("using the store", "it is away", "wait")
            return do(*args, **kwargs)

        return call

    for name in ("write", "claim", "next_due", "document", "documents", "several", "job", "jobs", "posted", "heads", "facts"):
        setattr(storage, name, failing(getattr(storage, name)))
    return storage


def test_a_stop_waits_for_a_store_that_is_away_no_longer_than_it_waits_for_a_vault() -> None:
    house = house_of(settings=Settings(poll=1, vault_timeout=1))
    down, hang = threading.Event(), Hang()
    engine = house.enter(storage=away(Watched(house.storage), down))
    house.play.says("h01", hang)
    with running(engine) as stop:
        touch(house)
        assert hang.began.wait(LONG)
        down.set()
        hang.let_go.set()
        assert hang.back.wait(LONG)
        stop.set()
        began = time.monotonic()
    assert time.monotonic() - began < 8, "it looked ten times, and waited for the store each time"


def test_what_ended_while_the_store_was_away_at_a_stop_is_taken_over_and_not_held_for_ever() -> None:
    house = house_of(settings=Settings(poll=0.05, vault_timeout=1, lease=6))
    down, hang = threading.Event(), Hang()
    engine = house.enter(storage=away(Watched(house.storage), down))
    house.play.says("h01", hang)
    with running(engine) as stop:
        job = touch(house)
        assert hang.began.wait(LONG)
        down.set()
        hang.let_go.set()
        assert hang.back.wait(LONG)
        stop.set()
    down.clear()
    engine.beat()
    with running(engine):
        end = time.monotonic() + 15
        while time.monotonic() < end and not entry(house, job).ended:
            time.sleep(0.1)
        assert entry(house, job).state is State.COMPLETED


def test_what_nobody_can_begin_any_more_is_left_to_other_nodes() -> None:
    """All threads hang, more than may: what was claimed with them is not held for ever."""
    house = house_of(count=4, settings=Settings(workers=4, abandoned=1, vault_timeout=1, poll=0.05, lease=3))
    asked, let_go = threading.Event(), threading.Event()
    jobs = {record.id: touch(house, record.id) for record in hosts(4)}
    answer = house.vault.records.get
    house.vault.records.get = slow_once(answer, "h02", asked, let_go)  # type: ignore[method-assign]
    other = house.enter(settings=Settings(poll=0.05, lease=3, vault_timeout=1))
    with running(house.engine):
        assert asked.wait(LONG)
        until(lambda: facts(house, "PluginAbandoned"))
        house.vault.records.get = answer  # type: ignore[method-assign]
        with running(other):
            end = time.monotonic() + 12
            while time.monotonic() < end and not all(entry(house, jobs[name]).ended for name in ("h01", "h03", "h04")):
                time.sleep(0.1)
            states = {name: entry(house, job).state.value for name, job in jobs.items()}
            let_go.set()
            assert states["h03"] == states["h04"] == states["h01"] == "completed", states


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()], ids=repr)
def test_j09_what_a_vault_raises_over_one_record_is_not_the_others_trouble(error: BaseException) -> None:
    house = house_of(count=3, settings=Settings(workers=4, vault_timeout=1, poll=0.05, lease=3))
    jobs = {record.id: touch(house, record.id) for record in hosts(3)}
    raises_over(house, "h02", error)
    with running(house.engine):
        end = time.monotonic() + 20
        while time.monotonic() < end and not all(entry(house, jobs[name]).ended for name in ("h01", "h03")):
            time.sleep(0.1)
        states = {name: (entry(house, job).state.value, entry(house, job).why, entry(house, job).text) for name, job in jobs.items()}
    assert states["h01"][0] == states["h03"][0] == "completed", states
    assert states["h02"] == ("deferred", "vault_away", f"whoever was asked raised {type(error).__name__}")
