"""The benchmarks work, and what they compare is the same question: everybody in a race gives the same answers."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import explain
import forecast
import harness
import intervals
import jobs
import peers
import rotation
import ssh
import storages
from _bare import BareSqlite
from _crowds import crowd
from _houses import House
from _same import SameSqlite

from taskkit.states import FINAL, State
from taskkit.storage import Order, Query
from taskkit.storage.sqlite import SqliteStorage
from tests.servers import program

#: rrule walks from its start, far too slowly for a test where it walks in minutes; so it is asked near its start.
NEAR = datetime(2025, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize("schedule", peers.SCHEDULES.values(), ids=list(peers.SCHEDULES))
def test_all_who_seek_give_the_same_answers(schedule: peers.Schedule) -> None:
    seeks = peers.seeks(schedule)
    assert {peers.BY_HAND, peers.DOOR} < seeks.keys()
    slow = seeks.pop(peers.RRULE, None)
    moments = schedule.moments(50)
    expected = [seeks[peers.BY_HAND](moment) for moment in moments]
    for name, seek in seeks.items():
        assert [seek(moment) for moment in moments] == expected, name
    plan = schedule.make().plan()
    assert [plan.after(second) for second in intervals.seconds(moments)] == [found and found.timestamp() for found in expected]
    if slow:
        near = schedule.moments(50, NEAR, days=5)
        assert [slow(moment) for moment in near] == [seeks[peers.BY_HAND](moment) for moment in near]


def test_a_window_opens_where_the_hand_written_one_does() -> None:
    openings = peers.openings()
    moments = [moment + timedelta(minutes=minute) for moment in peers.QUARTER_HOURS.moments(50) for minute in range(0, 240, 60)]
    expected = [openings[peers.BY_HAND](moment) for moment in moments]
    assert any(found == moment for found, moment in zip(expected, moments, strict=True))
    assert [openings[peers.OPENING](moment) for moment in moments] == expected


def test_all_who_catch_up_count_the_same_and_find_the_same() -> None:
    now = datetime(2026, 7, 1, 12, 0, 1, tzinfo=peers.WORLD)
    expected = (576, now - timedelta(seconds=1), now + timedelta(minutes=5, seconds=-1))
    for name, catch_up in peers.catch_ups().items():
        assert catch_up(now - timedelta(days=2, seconds=1), now) == expected, name


def test_every_far_question_of_the_distances_has_an_answer() -> None:
    for name, make in intervals.FROM.items():
        for years in intervals.FAR:
            assert make("2025-01-01").next_after(intervals.moments_of_year(name, 2025 + years)[0]), name
            assert make(f"{2026 - years}-01-01").next_after(intervals.moments_of_year(name, 2026)[0]), name


def test_every_kind_that_is_made_fires_or_opens() -> None:
    moment = datetime(2026, 1, 5, 12, tzinfo=UTC)
    for name, first in (intervals.MADE | intervals.MADE_APART).items():
        assert first(moment) is not None, name


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(harness, "process_time", clock.read)
    return clock


class Clock:
    """Time passes only where a case says so."""

    now = 0.0

    def read(self) -> float:
        return self.now

    def case(self, seconds: float) -> tuple[harness.Case, list[int]]:
        """A case whose every operation takes so long, and how many were asked for, call by call."""
        calls: list[int] = []

        def run(count: int) -> None:
            calls.append(count)
            self.now += seconds * count

        return run, calls


def test_a_race_gives_the_time_of_one_operation_and_its_ratio(clock: Clock) -> None:
    (fast, _), (slow, _) = clock.case(0.001), clock.case(0.004)
    found = harness.race({"fast": fast, "slow": slow}, rounds=5, slice_seconds=0.1)
    assert found.names == ["fast", "slow"]
    assert found.micros("slow").value == pytest.approx(4000)
    assert found.ratio("fast", "slow").value == pytest.approx(4)
    assert found.ratio("slow", "fast").value == pytest.approx(0.25)
    assert len(found.gauge) == 5


def test_a_ratio_is_taken_within_a_round() -> None:
    found = harness.Race()
    for slowness in (1, 10, 3):
        found.add({"ours": 2.0 * slowness, "theirs": 4.0 * slowness}, gauge=1.0)
    assert found.ratio("ours", "theirs") == harness.Middle(2, 2, 2)
    assert found.micros("ours").value == pytest.approx(6e6)


def test_a_case_that_overfills_its_slice_sits_rounds_out(clock: Clock) -> None:
    (slow, calls), (fast, fast_calls) = clock.case(5), clock.case(0.01)
    found = harness.race({"slow": slow, "fast": fast}, rounds=6, slice_seconds=0.1)
    assert calls == [1] * 5  # warmed, measured, and three rounds
    assert fast_calls[-6:] == [10] * 6
    assert found.ratio("fast", "slow").value == pytest.approx(500)


def test_a_verdict_compares_the_median_with_the_goal() -> None:
    middle = harness.Middle(0.4, 0.5, 0.6)
    verdicts = [harness.Row("", "", "", middle, "x", goal).verdict for goal in (harness.Goal("≥", 0.5), harness.Goal("≤", 0.4), None)]
    assert verdicts == ["reached", "missed", ""]


def tiny() -> harness.Run:
    return harness.Run(rounds=2, slice_seconds=0.0003, imports=1)


def test_the_table_shows_ratios_goals_and_verdicts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(harness, "quick", tiny)
    intervals.main(["--quick", "--only", "seek_openings", "--only", "made"])
    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if f"{peers.OPENING} : {peers.BY_HAND}" in line)
    assert " x " in line
    assert "≥ 0.5" in line
    assert line.endswith(("reached", "missed"))
    assert "noise: gauge" in shown


def test_json_has_a_document_for_each_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(harness, "quick", tiny)
    intervals.main(["--quick", "--json", "--only", "moments_of_pendulum"])
    document = json.loads(capsys.readouterr().out)
    assert [row["unit"] for row in document["rows"]] == ["x", "x"]
    assert document["noise"]["gauge_ms"] > 0


def test_importing_taskkit_loads_nothing_that_can_wait(tmp_path: Path) -> None:
    fresh = intervals.Fresh(str(tmp_path))
    assert fresh.loaded() == []
    assert fresh.loaded(["attrs", "json.tool"]) == ["attrs"]
    assert "taskkit.events.intervals" in fresh.traced(intervals.OURS)


def test_the_engine_is_measured_by_jobs_that_are_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(harness, "quick", tiny)
    monkeypatch.setattr(jobs, "RECORDS", 2 * jobs.BATCH)
    jobs.main(["--quick", "--only", "life", "--only", "planning", "--only", "latency"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("a job", "all planned anew", "emit to start"))
    house = jobs.House(jobs.RECORDS)
    house.batches(3)
    ended = [entry for entry in house.engine.history(limit=5000).entries if entry.ended]
    assert len(ended) == 3 * jobs.BATCH
    assert {entry.state for entry in ended} == {"completed"}


SMALL = storages.Size(records=20, turn=100, turns=1, bulk=30, small=400, large=500, crowd=40, repeats=1, emits=2, told=3)


def test_the_stores_are_measured_by_jobs_that_are_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(harness, "quick", tiny)
    monkeypatch.setattr(storages, "QUICK", SMALL)
    storages.main(["--quick", "--only", "life", "--only", "singly", "--only", "enqueue", "--only", "replan", "--only", "scale"])
    shown = capsys.readouterr().out
    assert all(
        name in shown
        for name in (
            "taskkit : by hand",
            "taskkit : the same rows by hand",
            "durable before the next",
            "all planned anew",
            "claim of 100",
            "memory grown",
        )
    )


def test_those_who_share_a_file_do_each_job_once(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        House(storage, 30)
        worked = crowd(tmp_path / "store.db", workers=2, records=30)
        assert sum(one.jobs for one in worked) == 30
        assert storage.count(Query(states=FINAL)) == storage.count(Query(states=State.SCHEDULED)) == 30


def test_what_is_written_by_hand_is_all_kept(tmp_path: Path) -> None:
    with BareSqlite(tmp_path / "bare.db", 300) as bare:
        bare.batches(4)  # the fourth is of the second day
        bare.singly(5)
        assert bare.done == 405


def test_the_same_rows_by_hand_are_those_of_an_engine(tmp_path: Path) -> None:
    with SameSqlite(tmp_path / "same.db", 200) as same:  # of which an engine has done the first hundred
        same.batches(3)
        same.singly(5)
    with SqliteStorage(tmp_path / "same.db") as storage:
        assert (storage.count(Query(states=FINAL)), storage.count(Query(states=State.SCHEDULED))) == (405, 200)
        orders: tuple[Order, ...] = "first_started", "last_started"
        [first], [last] = (storage.jobs(Query(states=State.COMPLETED), order=order, limit=1).jobs for order in orders)
    filled = [{name for name, value in job._asdict().items() if value} for job in (first, last)]
    assert (last.id.startswith("by-hand"), filled[0]) == (True, filled[1])
    with closing(sqlite3.connect(tmp_path / "same.db")) as db:
        kinds = dict(db.execute("SELECT kind, count(*) FROM taskkit_facts WHERE kind LIKE 'Job%' GROUP BY kind"))
        [(fires,)] = db.execute("SELECT count(*) FROM taskkit_fires")
    assert (kinds, fires) == ({"JobStarted": 405, "JobCompleted": 405}, 605)


def test_answers_of_explain_are_measured_on_both_stores(capsys: pytest.CaptureFixture[str]) -> None:
    explain.main(["--quick"])
    told = capsys.readouterr().out
    assert "on SQLite" in told
    assert told.count("a night of the past") == 2


def test_a_look_ahead_over_four_weeks_finds_four_runs_for_each_record() -> None:
    found = forecast.looked_ahead(forecast.furnished(100))
    assert len(found.runs) == 400
    assert {one.record for one in found.runs} == {f"r{number}" for number in range(100)}


def test_ssh_is_measured_against_bare_paramiko_on_a_real_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program("sshd")
    monkeypatch.setattr(harness, "quick", tiny)
    for name, few in {"AT_ONCE": 3, "SHORT_SIZE": 4, "FEW_HOSTS": 5}.items():
        monkeypatch.setattr(ssh, name, few)
    ssh.main(["--quick"])
    shown = capsys.readouterr().out
    assert shown.count("taskkit : paramiko") >= 7
    assert "5 hosts in one execution" in shown


def test_without_a_server_nothing_is_measured_and_that_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(ssh, "_program", lambda: None)
    ssh.main(["--quick"])
    assert "not installed, so not compared: sshd" in capsys.readouterr().out


def test_rotations_are_measured_against_bare_paramiko_on_a_machine_in_a_box(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program("sshd")
    program("box")
    if rotation.lacking():
        pytest.skip(rotation.lacking())
    monkeypatch.setattr(harness, "quick", tiny)
    monkeypatch.setattr(rotation, "FEW_ACCOUNTS", 3)
    monkeypatch.setattr(rotation, "FEW_ROUNDS", 1)
    rotation.main(["--quick"])
    shown = capsys.readouterr().out
    assert shown.count("taskkit : paramiko") >= 4
    assert shown.count("durable writes") >= 2


def test_without_a_box_no_rotation_is_measured_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rotation, "lacking", lambda: "a box")
    rotation.main(["--quick"])
    assert "not installed, so not compared: a box" in capsys.readouterr().out
