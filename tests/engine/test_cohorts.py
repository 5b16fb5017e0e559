"""Jobs that are alike start as one alone would: what they share is found out once, and what is their own for each (J5, J12)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from taskkit.events import Daily, MaxAge, RandomDays, Spread, TimeWindow
from taskkit.events.happenings import CheckedIn, SessionEnded
from taskkit.events.intervals import Interval
from taskkit.events.policies import AfterCheckIn, AfterSession
from taskkit.facts import START as BEGIN
from taskkit.facts import Fact
from taskkit.jobs import Job, Kind
from taskkit.outcomes import ErrorClass, NotDone
from taskkit.records import Record
from taskkit.states import State
from taskkit.storage import Landed, Move, Query, Unit
from taskkit.storage._alike import End, Start
from taskkit.tasks import Fallback
from tests.engine.houses import House, hosts

FAILED = NotDone(ErrorClass.UNREACHABLE, "it does not answer")
QUIET = AfterSession(last=True, max_defer=60 * 30)


class Nights:
    """Six records, a task, and what makes some of its jobs unlike the others."""

    def __init__(self, *intervals: Interval, **said: Any) -> None:
        other = Record("other", "unix", fields={"host": "10.9.9.9"})
        self.house = House(*hosts(5), other, rng=random.Random(1))
        self.task = self.house.put(*intervals, AfterCheckIn(), QUIET, fallback=Fallback(600), **said)

    def pass_by(self) -> None:
        house = self.house
        for day in range(6):
            house.clock.advance(hours=12)
            self._noon(day)
            house.emit(CheckedIn("h04", id=f"c-{day}"))
            house.engine.emit(*(SessionEnded(record, session=f"{day}", id=f"s-{day}-{record}") for record in ("h01", "h03", "h05")))
            house.clock.advance(hours=14 if day == 3 else 2)  # these wait beside the occurrence, or have had their runs
            self._all()
            house.clock.advance(hours=0 if day == 3 else 12)
            self._all()

    def _noon(self, day: int) -> None:
        house, engine = self.house, self.house.engine
        if day == 1:
            engine.suspend_task(self.task.id, "h02")
            engine.set_next_run(self.task.id, house.clock.moment.add(hours=11), "h03")  # claimed with the night's
        if day == 2:
            house.vault.put(Record("h04", "unix", fields={"host": "10.1.1.1"}))
            house.play.says("h05", FAILED, FAILED)
            engine.resume_task(self.task.id, "h02")
            house.vault.begin("h03", "long")
        if day == 4:
            house.play.says("other", FAILED)

    def _all(self) -> None:
        while self.house.engine.work():
            pass

    def left(self) -> tuple[list[Job], list[tuple[Any, ...]]]:
        facts = self.house.storage.facts(BEGIN)[0]
        return list(self.house.storage.jobs(Query(), limit=1000).jobs), [fact[: Fact._fields.index("chain")] for fact in facts]


DAILY = Daily(at="02:00")
TASKS: dict[str, dict[str, Any]] = {"plain": {}, "window": {"window": TimeWindow("* 1-5 * * *")}, "spread": {"spread": Spread(90)}}


@pytest.mark.parametrize("said", TASKS.values(), ids=TASKS)
@pytest.mark.parametrize("interval", [DAILY, RandomDays(1, 2, at="01:00"), MaxAge(1, at="01:00")], ids=lambda one: type(one).__name__)
def test_j05_jobs_that_are_alike_start_as_each_would_alone(
    interval: Interval, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    together, alone = Nights(interval, **said), Nights(interval, **said)
    together.pass_by()
    monkeypatch.setattr("taskkit.engine._lookups.likeness", lambda job: (object(),))
    alone.pass_by()
    jobs, facts = together.left()
    assert (jobs, facts) == alone.left()
    assert len(jobs) > 20
    assert len(facts) > 60


def test_j12_a_host_that_changed_since_the_last_run_is_kept_with_the_job() -> None:
    nights = Nights(DAILY)
    nights.pass_by()
    ended = [job for job in nights.left()[0] if job.state is State.COMPLETED and job.kind is Kind.OCCURRENCE]
    assert {job.host for job in ended if job.record == "other"} == {"10.9.9.9"}
    assert {job.host for job in ended if job.record == "h04"} == {"host04", "10.1.1.1"}


def test_j05_what_somebody_sets_after_the_claim_counts_for_that_record_alone() -> None:
    """The next run of one record is set while the batch is claimed: it comes next, and the others have their night."""
    nights = Nights(DAILY)
    house, engine = nights.house, nights.house.engine
    house.clock.advance(hours=26)
    claimed = engine._staff.turns.claim(100)
    at = house.clock.moment.add(hours=5)
    engine.set_next_run(nights.task.id, at, "h03")
    engine._staff.turns._work(claimed)
    waiting = {job.record: job.nominal for job in nights.left()[0] if job.state is State.SCHEDULED}
    assert waiting.pop("h03") == f"set {at.int_timestamp}"
    assert set(waiting.values()) == {"2026-03-04T02:00 UTC"}


def test_j05_what_starts_and_ends_a_job_is_written_as_the_store_decides_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory store knows such units by the order of their changes: one that changes its order is as right as before, and slower."""
    nights = Nights(DAILY)
    nights.pass_by()
    apart = list[Unit]()
    rooms = nights.house.engine._ground.storage._rooms  # type: ignore[attr-defined]
    by_change: Callable[[Unit], Landed] = rooms._land

    def land(unit: Unit) -> Landed:
        apart.append(unit)
        return by_change(unit)

    monkeypatch.setattr(rooms, "_land", land)
    nights.house.clock.advance(days=1)
    assert nights.house.engine.work() == 6
    assert not [unit for unit in apart for change in unit if isinstance(change, Move)]


def test_j05_nobody_looks_at_the_changes_of_a_night(monkeypatch: pytest.MonkeyPatch) -> None:
    nights = Nights(DAILY)
    nights.pass_by()
    looked, decided = list[object](), list[object]()

    def noting(into: list[object], act: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: object) -> Any:
            into.append(given)
            return act(*given)

        return noted

    for kind in (Start, End):
        monkeypatch.setattr(kind, "make", noting(looked, kind.make))
    wholes = nights.house.engine._ground.storage._rooms._wholes  # type: ignore[attr-defined]
    for changes, whole in list(wholes.items()):
        monkeypatch.setitem(wholes, changes, noting(decided, whole))
    nights.house.clock.advance(days=1)
    assert nights.house.engine.work() == 6
    assert (looked, decided) == ([], [])
