"""What a forecast says beside the runs: what does not run, what should be looked at, what is not drawn yet, and how full the hours are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Settings
from taskkit.errors import InvalidValue, NaiveMoment, VaultAway
from taskkit.events.clocks import Daily, Once
from taskkit.events.happenings import CheckedIn, SessionEnded
from taskkit.events.policies import AfterCheckIn, AfterSession, OnDemand
from taskkit.events.remembering import RandomDays
from taskkit.events.windows import TimeWindow
from taskkit.insight import ConcernKind, Forecast
from taskkit.instants import SECOND
from taskkit.outcomes import Done, Effect, ErrorClass, NotDone, Unknown
from taskkit.plugins.runs import Run
from taskkit.records import Accounts, Record, RecordType
from taskkit.selections import OfType, Selection
from taskkit.tasks import ConsentRule, Fallback, Task, Waves, of_type
from taskkit.vaults import Session, Sessions
from tests.engine.houses import START, UNIX, Crash, House, Play, at_two, does, hosts, scripted
from tests.engine.nights import Moody, moody
from tests.engine.test_notices import Pager

NIGHTLY = Task("nightly", "work", [Daily(at="02:00"), AfterCheckIn(), OnDemand()])


def ahead(house: House, days: float = 2, **said: Any) -> Forecast:
    return house.engine.forecast(None, house.clock.moment + timedelta(days=days), **{"durations": 600, **said})


def with_task(count: int = 3, task: Task = NIGHTLY, **said: Any) -> House:
    house = House(*hosts(count), **said)
    house.engine.put(task, list=UNIX)
    return house


def starts(forecast: Forecast) -> list[str]:
    return [f"{one.start:%d %H:%M}" for one in forecast.runs]


# which runs


def test_runs_are_listed_from_the_start_and_what_comes_before_is_played() -> None:
    house = with_task(1)
    found = house.engine.forecast(START.add(days=2), START.add(days=4), durations=60)
    assert starts(found) == ["04 02:00", "05 02:00"]


def test_a_happening_that_is_assumed_makes_a_run() -> None:
    house = with_task(1)
    found = ahead(house, happenings=[(START.add(hours=1), CheckedIn("h01", approval="a1"))])
    assert [(one.kind, f"{one.start:%d %H:%M}") for one in found.runs][:2] == [("fired", "02 01:00"), ("occurrence", "02 02:00")]


def test_r04_what_waits_for_a_worker_starts_when_one_is_free() -> None:
    assert starts(ahead(with_task(3, settings=Settings(workers=2)), days=1)) == ["02 02:00", "02 02:00", "02 02:10"]


def test_more_nodes_are_more_workers() -> None:
    assert starts(ahead(with_task(3, settings=Settings(workers=1)), days=1, nodes=3)) == ["02 02:00"] * 3


def test_j07_a_failure_that_is_assumed_has_its_retries() -> None:
    house = with_task(1, evolve(NIGHTLY, fallback=Fallback(30, 2)))
    found = ahead(house, days=1, outcomes={"nightly": NotDone(ErrorClass.UNREACHABLE)})
    assert [(one.cycle, f"{one.start:%H:%M}", one.state) for one in found.runs] == [
        (0, "02:00", "error"), (1, "02:40", "error"), (2, "03:20", "error"),
    ]  # fmt: skip


def test_j03_what_another_has_claimed_and_not_begun_is_forecast_as_due() -> None:
    house = with_task(1)
    house.clock.advance(hours=2)
    now = house.clock.now()
    assert house.storage.claim(now, worker="w", node="n", pools=["local"], limit=1, lease=now + 60 * SECOND)
    assert starts(ahead(house, days=1)) == ["02 02:00"]


def test_what_runs_elsewhere_holds_its_account_and_its_worker_until_it_ends() -> None:
    """R4: it began before, and is not listed."""
    house = at_two(2, settings=Settings(workers=1))
    house.play.says("h01", does(_die))
    with pytest.raises(Crash):
        house.engine.work(1)
    house.clock.advance(seconds=30)  # its lease has not run out
    found = ahead(house, days=0.5)
    assert [(one.record, f"{one.start:%H:%M:%S}") for one in found.runs] == [("h02", "02:10:00")]
    assert [round(load.busy) for load in found.loads if load.busy] == [570 + 600]


def test_j04_what_a_lost_worker_had_goes_on() -> None:
    house = at_two(1)
    house.play.says("h01", does(_die))
    with pytest.raises(Crash):
        house.engine.work(1)
    house.clock.advance(minutes=5)
    [load] = [load for load in ahead(house, days=0.5).loads if load.busy]
    assert load.busy == 300  # of its ten minutes


def test_r04_who_waits_for_an_account_and_finds_no_worker_holds_nobody_up() -> None:
    """r1 is the first that waits for the account, and its pool is busy for hours when that is free."""
    pools = {"r0": "q", "r1": "p", "r2": "q", "r3": "p"}
    records = [Record(name, name, pool=pool, reference="r1" if name in ("r0", "r2") else None) for name, pool in pools.items()]
    rotating = scripted(Play(), "rotating", accounts=lambda self, run: Accounts([run.vault.records.account(run.record)]))
    house = House(*records, scripts=[rotating], settings=Settings(workers=1))
    house.engine.define(rotating("rotate"))
    for minute, name in enumerate(("r0", "r1", "r3", "r2")):
        house.engine.define(RecordType(name))
        house.engine.put(Task(name, "rotate", Once(START.add(hours=2, minutes=minute))), list=of_type(name))
    lengths = {"r0": 30 * 60, "r1": 60, "r2": 60, "r3": 5 * 3600}
    found = ahead(house, days=1, durations=lengths, nodes={"p": 1, "q": 1})
    assert [(one.record, f"{one.start:%H:%M}") for one in found.runs] == [
        ("r0", "02:00"),
        ("r3", "02:02"),
        ("r2", "02:30"),
        ("r1", "07:02"),
    ]


def over_many(house: House, **said: Any) -> Task:
    """It runs at once (T13), and again three minutes past midnight."""
    task = Task("over many", "work", Daily(at="00:03"), selection=OfType("unix"), fallback=Fallback(30, 1), **said)
    return house.engine.put(task)


def test_t15_a_run_over_many_that_goes_on_keeps_the_next_one_waiting() -> None:
    house = House(*hosts(2))
    over_many(house)
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE))
    house.engine.drain()
    found = ahead(house, days=1, durations=60)
    assert [(one.record, f"{one.start:%H:%M}") for one in found.runs] == [("h01", "00:30"), ("h01", "00:31"), ("h02", "00:31")]


def test_r06_parts_that_have_failed_before_still_halt_a_run_over_many() -> None:
    house = House(*hosts(4))
    over_many(house, waves=Waves(size=2, halt=0.4))
    house.play.says("h01", NotDone(ErrorClass.PERMISSION))
    house.play.says("h02", NotDone(ErrorClass.UNREACHABLE))
    house.engine.drain()
    assert [one.record for one in ahead(house, days=1).runs][:2] == ["h02", "h01"]  # the next run begins anew


def test_no_script_is_called_and_nobody_is_told() -> None:
    pager = Pager(wants=["JobStarted", "JobCompleted", "TaskPut"])
    house = with_task(2, notifiers=[pager])
    house.engine.tick()
    told = list(pager.heard)
    assert len(ahead(house).runs) == 4
    house.engine.tick()
    assert (house.play.performed, pager.heard) == ([], told)


def _die(run: Run) -> None:
    raise Crash


# how long


def test_a_run_takes_as_long_as_the_last_ones_took() -> None:
    house = with_task(2)
    house.play.always["h01"] = NotDone(ErrorClass.FAILED)
    for minutes in (3, 5, 40):
        house.play.says("h02", does(partial(_spend, house, minutes)))
        house.clock.advance(days=1)
        house.engine.drain()
    found = house.engine.forecast(None, house.clock.moment.add(days=1))
    assert {one.record: (one.end - one.start).in_minutes() for one in found.runs} == {"h01": 5, "h02": 5}


def _spend(house: House, minutes: int, run: Run) -> None:
    house.clock.advance(minutes=minutes)


def test_what_never_ran_takes_half_a_minute() -> None:
    found = ahead(with_task(1), durations=None)
    assert [(one.end - one.start).in_seconds() for one in found.runs] == [30, 30]


@pytest.mark.parametrize("given", [-1, "long", True, float("nan"), {"nightly": -1}, lambda task, record: "x"])
def test_what_is_no_duration_is_refused(given: Any) -> None:
    with pytest.raises(InvalidValue, match="no length of a run"):
        ahead(with_task(1), durations=given)


# draws


def test_t10_a_run_whose_day_is_not_drawn_is_a_range() -> None:
    house = with_task(1, Task("drawn", "work", RandomDays(2, 5, at="02:30")))
    found = ahead(house, days=20, seed=3)
    first, second, third, *_ = found.runs
    assert not first.is_drawn  # its draw is made and kept
    assert second.is_drawn
    assert (second.earliest, second.latest) == (first.due.add(days=2), first.due.add(days=5))
    assert (third.earliest, third.latest) == (first.due.add(days=4), first.due.add(days=10))
    assert second.earliest <= second.start <= second.latest
    assert {"earliest", "latest"} <= second.document().keys()


# what should be looked at


def test_r05_a_window_that_is_too_small_for_its_work_is_told() -> None:
    house = with_task(5, evolve(NIGHTLY, window=TimeWindow("0-29 2 * * *")), settings=Settings(workers=1))
    [concern] = ahead(house, days=1).worries(ConcernKind.WINDOW)
    assert (concern.count, concern.task_name) == (2, "nightly")
    assert concern.since == START.add(hours=2, minutes=30)
    assert "2 of 5 runs of 'nightly' do not start before its window closes" in concern.text


def test_work_that_is_due_and_does_not_start_is_told() -> None:
    house = with_task(12, settings=Settings(workers=1))
    [concern] = ahead(house, days=1).worries("starved")
    assert concern.count == 5  # the first seven start within the hour
    assert "for up to 1 h 50 min" in concern.text
    assert ahead(house, days=1, patience=120).worries("starved") == []


def test_hours_in_which_the_workers_have_no_pause_are_told() -> None:
    house = with_task(12, settings=Settings(workers=1))
    found = ahead(house, days=1)
    [concern] = found.worries("overfull")
    assert (concern.since, concern.until) == (START.add(hours=2), START.add(hours=4))
    loads = {load.hour.hour: (load.starts, load.busy, load.share) for load in found.loads if load.starts}
    assert loads == {2: (6, 3600, 1.0), 3: (6, 3600, 1.0)}


def test_t15_what_comes_too_late_is_told_as_missed() -> None:
    house = with_task(3, evolve(NIGHTLY, max_lateness=15), settings=Settings(workers=1))
    found = ahead(house, days=1)
    assert len(found.runs) == 2
    assert [(one.state, one.why) for one in found.idle] == [("missed", "late")]
    [concern] = found.worries("missed")
    assert concern.count == 1


def test_a_run_that_is_longer_than_its_deadline_is_told() -> None:
    [concern] = ahead(with_task(1), durations=4000, days=1).worries("deadline")
    assert "longer than its deadline of 1 h" in concern.text


def test_what_is_suspended_is_listed_as_waiting() -> None:
    house = with_task(2)
    house.engine.suspend_task(house.engine.tasks()[0].id, "h01", why="look at it")
    found = ahead(house, days=1)
    assert [one.record for one in found.runs] == ["h02"]
    assert [(one.record, one.why) for one in found.idle] == [("h01", "suspended")]
    [concern] = found.worries("waiting")
    assert (concern.count, concern.help) == (1, "engine.resume_task(…) lets it run again")


def test_a05_what_waits_for_consent_is_listed_as_waiting() -> None:
    house = with_task(1, evolve(NIGHTLY, consent=ConsentRule(1, ["ann"], minutes=10_000)))
    house.engine.demand(house.engine.tasks()[0].id, "h01", by="bob")
    found = ahead(house, days=1)
    assert [(one.state, one.why) for one in found.idle] == [("awaiting_consent", "consent")]


def test_a05_what_nobody_consents_to_in_time_expires() -> None:
    house = with_task(1, evolve(NIGHTLY, consent=ConsentRule(1, ["ann"], minutes=90)))
    house.engine.demand(house.engine.tasks()[0].id, "h01", by="bob")
    assert [(one.state, one.due) for one in ahead(house, days=1).idle] == [("expired", START)]


def test_j11_what_stands_still_is_listed_as_waiting() -> None:
    house = with_task(1)
    house.engine.pause("pool:local")
    assert [(one.record, one.why) for one in ahead(house).idle] == [("h01", "paused")]


def test_what_no_node_serves_is_listed_as_waiting() -> None:
    house = with_task(1, evolve(NIGHTLY, pool="dmz"))
    assert [one.why for one in ahead(house).idle] == ["no_node"]
    assert len(ahead(house, nodes={"dmz": 1}).runs) == 2


def test_p02_sessions_are_none_unless_they_are_assumed() -> None:
    class Busy(Sessions):
        def active(self, account: str) -> list[Session]:
            return [Session("s1", account)]

    house = with_task(1, Task("after", "work", AfterSession(last=True)))
    told = [(START.add(hours=1), SessionEnded("h01", session="s0"))]
    assert len(ahead(house, happenings=told).runs) == 1
    found = ahead(house, happenings=told, sessions=Busy())
    assert (len(found.runs), [one.why for one in found.idle]) == (0, ["session"])


def test_groups_whose_secrets_change_together_are_told() -> None:
    records = [Record(f"db{number}", "unix", fields={"cluster": "east" if number < 4 else "west"}) for number in range(1, 6)]
    rotating = scripted(Play(), "rotating", changes_secret=True)
    house = House(*records, scripts=[rotating])
    house.engine.define(rotating("rotate"))
    house.engine.put(Task("rotation", "rotate", Daily(at="02:00")), list=of_type("unix"))
    found = ahead(house, groups="cluster", days=1).worries(ConcernKind.TOGETHER)
    assert [(one.group, one.count, one.records) for one in found] == [("east", 3, ("db1", "db2", "db3")), ("west", 2, ("db4", "db5"))]
    assert ahead(house, days=1).worries("together") == []  # by account, each is alone
    apart = ahead(house, groups=lambda record: record.id[:2], days=1, durations=3600, settings=Settings(workers=1))
    assert apart.worries("together") == []


def test_a_record_whose_references_lead_nowhere_is_in_no_group() -> None:
    rotating = scripted(Play(), "rotating", changes_secret=True)
    house = House(Record("r1", "unix", reference="gone"), scripts=[rotating])
    house.engine.define(rotating("rotate"))
    task = house.engine.put(Task("rotation", "rotate", [Daily(at="02:00"), OnDemand()]), list=UNIX)
    house.engine.demand(task.id, "r1")
    found = ahead(house, days=1)
    assert [one.kind for one in found.runs] == ["demand"]
    assert ([one.state for one in found.idle], found.worries("together")) == (["error"], [])


@pytest.mark.parametrize(("effect", "state"), [(Effect.IDEMPOTENT, "error"), (Effect.BLIND, "uncertain")])
def test_j10_what_becomes_of_a_run_that_nobody_saw_end_hangs_on_its_script(effect: Effect, state: str) -> None:
    kinds = [scripted(Play(), "sure"), scripted(Play(), "blind", effect=Effect.BLIND)]
    house = House(*hosts(1), scripts=kinds)
    for kind in kinds:
        house.engine.define(kind(kind.kind))
        house.engine.put(Task(kind.kind, kind.kind, Daily(at="02:00")), list=UNIX)
    name = "blind" if effect is Effect.BLIND else "sure"
    assert [one.state for one in ahead(house, days=1, outcomes=Unknown("no answer")).of(name)] == [state]


# bad input


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (START.subtract(days=1), START.add(days=1), "has passed"),
        (START.add(days=2), START.add(days=1), "give an end that is later"),
        (START.add(days=1), START.add(days=1), "give an end that is later"),
        (None, START.add(days=500), "look 400 days ahead at most"),
    ],
)
def test_a_span_that_cannot_be_forecast_is_refused(start: datetime | None, end: datetime, told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        with_task(1).engine.forecast(start, end)


def test_naive_moments_are_refused() -> None:
    house = with_task(1)
    with pytest.raises(NaiveMoment):
        house.engine.forecast(None, datetime(2026, 3, 4))  # noqa: DTZ001
    with pytest.raises(NaiveMoment):
        ahead(house, happenings=[(datetime(2026, 3, 3), CheckedIn("h01"))])  # noqa: DTZ001


@pytest.mark.parametrize(
    "said",
    [
        {"nodes": 0},
        {"nodes": {"local": -1}},
        {"nodes": 2.0},
        {"nodes": ["local"]},
        {"changes": ["nightly"]},
        {"happenings": [(START.subtract(days=1), CheckedIn("h01"))]},
        {"outcomes": "failed"},
        {"outcomes": {"nightly": False}},
        {"outcomes": lambda *_: False},
        {"outcomes": Done},
        {"patience": float("nan")},
        {"patience": "60"},
        {"full": "0.9"},
    ],
)
def test_what_cannot_be_assumed_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        ahead(with_task(1), **said)


def test_one_task_that_would_be_removed_needs_no_list() -> None:
    house = with_task(1)
    [task] = house.engine.tasks()
    assert list(ahead(house, without=task.id).runs) == list(ahead(house, without=[task.id]).runs) == []


def test_without_the_vault_there_is_no_forecast() -> None:
    house = with_task(1)
    moody(house).away = True
    with pytest.raises(VaultAway):
        ahead(house)


class Unsearchable(Moody):
    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        raise ConnectionError


def test_a_vault_that_is_lost_on_the_way_ends_the_forecast() -> None:
    """Else it would be looked for each minute until the end, and what runs would be wrong."""
    house = House(*hosts(2))
    house.engine.put(Task("over many", "work", Daily(at="02:00"), selection=OfType("unix")))
    object.__setattr__(house.vault, "records", Unsearchable(house.vault.records))
    with pytest.raises(VaultAway):
        ahead(house)


# progress, JSON, text


def test_progress_is_told_in_seconds_of_what_is_played() -> None:
    told: list[tuple[int, int]] = []
    ahead(with_task(1), progress=lambda done, of: told.append((done, of)))
    assert told[-1] == (172_800, 172_800)
    assert told == sorted(told)


def test_a_forecast_is_json_and_text() -> None:
    house = with_task(2)
    house.engine.suspend_task(house.engine.tasks()[0].id, "h01", why="look at it")
    found = ahead(house)
    told = json.loads(json.dumps(found.document()))
    assert [one["start"] for one in told["runs"]] == ["2026-03-02T02:00:00Z", "2026-03-03T02:00:00Z"]
    assert told["idle"][0]["why"] == "suspended"
    assert len(told["loads"]) == 48
    assert told["concerns"][0]["kind"] == "waiting"
    assert str(found).splitlines()[:2] == ["2 runs from 2026-03-02 00:00 to 2026-03-04 00:00 UTC", "        2  nightly"]
