"""What intervals and windows cost, beside the standard library by hand and beside other packages, each pair in one run.

python bench/intervals.py [--quick] [--json]
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import peers
import pendulum
from harness import Case, Goal, Middle, Race, Row, Run, command
from peers import FIVE_MINUTES, QUARTER_HOURS, SCHEDULES

from taskkit import (
    FRI,
    MON,
    THU,
    TUE,
    WED,
    AnyOf,
    Daily,
    Hourly,
    MaxAge,
    Memory,
    Minutely,
    Monthly,
    Once,
    OpenTime,
    RandomDays,
    TimeWindow,
    Weekly,
)

OF_BY_HAND = Goal("≥", 0.5)
OVER_APS_CRON = Goal("≥", 5)
OVER_CRONITER = Goal("≥", 12)
FAR_OVER_NEAR = Goal("≥", 0.8)  # 1 but for noise
MADE_MICROS = Goal("≤", 15)
IMPORT_MS = Goal("≤", 25)
NOTHING_LOADED = Goal("≤", 0)

#: What a product that only imports taskkit must not pay for.
LATE = ("croniter", "cattrs", "rich", "cryptography", "paramiko", "sqlite3")
TOGETHER = ("attrs", "pluggy", "pendulum")
_SHOWN = 12  # of the modules that cost most


def asking(question: Callable[[Any], object], inputs: Sequence[Any]) -> Case:
    """The question over and over, from one input to the next."""

    def case(count: int) -> None:
        whole, rest = divmod(count, len(inputs))
        for _ in range(whole):
            for one in inputs:
                question(one)
        for one in inputs[:rest]:
            question(one)

    return case


def seconds(moments: Sequence[datetime]) -> list[int]:
    return [int(moment.timestamp()) for moment in moments]


def against(found: Race, section: str, case: str, ours: str) -> Iterator[Row]:
    """One of ours beside everybody else in the race."""
    goals = {peers.BY_HAND: OF_BY_HAND, peers.APS_CRON: OVER_APS_CRON, peers.CRONITER: OVER_CRONITER}
    for name in found.names:
        if not name.startswith("taskkit"):
            goal = goals.get(name.removesuffix(", walking"))
            yield Row(section, case, f"{ours} : {name}", found.ratio(ours, name), "x", goal)


def seek(run: Run) -> Iterator[Row]:
    """The next occurrence from an arbitrary moment."""
    section = "seek: the next occurrence from an arbitrary moment (speed : speed)"
    for schedule in SCHEDULES.values():
        moments = schedule.moments(200)
        cases = {name: asking(question, moments) for name, question in peers.seeks(schedule).items()}
        cases[peers.PLAN] = asking(schedule.make().plan().after, seconds(moments))
        found = run.race(cases)
        yield Row(section, schedule.name, "taskkit", found.micros(peers.DOOR), "µs")
        yield from against(found, section, schedule.name, peers.DOOR)
        yield Row(section, schedule.name, f"{peers.PLAN} : {peers.BY_HAND}", found.ratio(peers.PLAN, peers.BY_HAND), "x", OF_BY_HAND)


def seek_openings(run: Run) -> Iterator[Row]:
    """The last schedule as a window."""
    section = "seek: the next opening of the window '*/15 2-4 * * 1-5' (speed : speed)"
    moments = QUARTER_HOURS.moments(200)
    window = peers.quiet_window("*/15 2-4 * * 1-5", "Europe/Berlin")
    cases = {name: asking(question, moments) for name, question in peers.openings().items()}
    others = (peers.CRONITER, peers.APS_CRON)
    cases |= {name: asking(question, moments) for name, question in peers.seeks(QUARTER_HOURS).items() if name in others}
    cases[peers.OPEN_FROM] = asking(window.open_from, seconds(moments))
    found = run.race(cases)
    yield Row(section, "window", "taskkit next_opening", found.micros(peers.OPENING), "µs")
    yield from against(found, section, "window", peers.OPENING)
    yield Row(section, "window", f"{peers.OPEN_FROM} : {peers.BY_HAND}", found.ratio(peers.OPEN_FROM, peers.BY_HAND), "x", OF_BY_HAND)


def moments_of_pendulum(run: Run) -> Iterator[Row]:
    """The same question asked with pendulum's moments, as most embedders will."""
    section = "seek: asked with pendulum's moments instead of the standard library's"
    for schedule in (FIVE_MINUTES, QUARTER_HOURS):
        moments = schedule.moments(200)
        question = schedule.make().next_after
        found = run.race({"stdlib": asking(question, moments), "pendulum": asking(question, [*map(pendulum.instance, moments)])})
        yield Row(section, schedule.name, "pendulum : stdlib", found.ratio("pendulum", "stdlib"), "x")


#: Years from the start. As many years from a leap year as the first, so that all find the same work.
FAR = (29, 301)
#: Rules by name, from a day on.
FROM: dict[str, Callable[[str], Any]] = {
    "every 5 minutes": lambda start: Minutely(5, start=start),
    "every 12 hours": lambda start: Hourly(12, start=start),
    "every 5 days": lambda start: Daily(5, at="06:00", tz="Europe/Berlin", start=start),
    "every 2 weeks": lambda start: Weekly(2, on=[MON, WED], at="09:00", tz="America/New_York", start=start),
    "every 6 months": lambda start: Monthly([1, 15, 31], every=6, at="03:00", tz="Europe/Berlin", start=start),
    "29 February": lambda start: Monthly(29, months=2, at="04:00", tz="Europe/Berlin", missing_day="skip", start=start),
    "weekdays, 12 times": lambda start: Weekly(on=[MON, TUE, WED, THU, FRI], at=peers.QUARTERS, tz="Europe/Berlin", start=start),
}


def moments_of_year(name: str, year: int) -> list[datetime]:
    return SCHEDULES.get(name, QUARTER_HOURS).moments(200, datetime(year, 1, 1, tzinfo=UTC))


def distance(run: Run) -> Iterator[Row]:
    """Seek far from the anchor, against seek one year from it."""
    section = "distance: far from the start, against one year from it (speed : speed)"
    for name, make in FROM.items():
        near, cases = moments_of_year(name, 2026), dict[str, Case]()
        for years in (1, *FAR):
            cases[f"start {years} back"] = asking(make(f"{2026 - years}-01-01").next_after, near)
        for years in FAR:
            ahead = moments_of_year(name, 2025 + years)
            cases[f"asked {years} ahead"] = asking(make("2025-01-01").next_after, ahead)
        found = run.race(cases)
        for far in list(cases)[1:]:
            yield Row(section, name, f"{far} : 1 year", found.ratio(far, "start 1 back"), "x", FAR_OVER_NEAR)


BERLIN = {"at": "03:00", "tz": "Europe/Berlin"}
CREATED = Memory(created=datetime(2026, 1, 1, tzinfo=UTC), draw=20)


def weekly() -> Weekly:
    return Weekly(2, on=[MON, WED], at="09:00", tz="America/New_York", start="2025-01-06")


#: What is made from its words and asked once.
MADE: dict[str, Callable[[datetime], object]] = {
    "Minutely": lambda moment: Minutely(5, start="2025-01-01").next_after(moment),
    "Hourly": lambda moment: Hourly(12, start="2025-01-01").next_after(moment),
    "Daily": lambda moment: Daily(5, start="2025-01-01", at="03:00", tz="Europe/Berlin").next_after(moment),
    "Weekly": lambda moment: weekly().next_after(moment),
    "Monthly": lambda moment: Monthly([1, 15, 31], months=[1, 6, 12], at="03:00", tz="Europe/Berlin").next_after(moment),
    "Once": lambda moment: Once("2027-06-01 09:00", tz="Europe/Berlin").next_after(moment),
    "RandomDays": lambda moment: RandomDays(15, 30, at="03:00", tz="Europe/Berlin").next_after(moment, CREATED),
    "MaxAge": lambda moment: MaxAge(90, at="03:00", tz="Europe/Berlin").next_after(moment, CREATED),
}
MADE_APART: dict[str, Callable[[datetime], object]] = {
    "AnyOf two": lambda moment: AnyOf(Daily(at="03:00", tz="Europe/Berlin"), Hourly(12)).next_after(moment),
    "Weekly, 12 times": lambda moment: QUARTER_HOURS.make().next_after(moment),
    "TimeWindow": lambda moment: TimeWindow("* 22-23 * * 1-5", tz="Europe/Berlin").next_opening(moment),
    "OpenTime": lambda moment: OpenTime(
        TimeWindow("* 22-23 * * 1-5", tz="Europe/Berlin"), TimeWindow("* * 24-31 12 *", tz="Europe/Berlin")
    ).next_opening(moment),
}


def made(run: Run) -> Iterator[Row]:
    """A value from its words, and its first answer."""
    section = "made + first fire (microseconds; windows and unions apart, without a goal)"
    moments = FIVE_MINUTES.moments(200)
    found = run.race({name: asking(question, moments) for name, question in (MADE | MADE_APART).items()})
    for name in MADE | MADE_APART:
        yield Row(section, name, "made + first fire", found.micros(name), "µs", MADE_MICROS if name in MADE else None)


def catch_up(run: Run) -> Iterator[Row]:
    """How many were missed in thirty days, the last of them, and the next."""
    section = "catch-up: 30 missed days of every 5 minutes (speed : speed)"
    now = datetime(2026, 7, 1, 12, 0, 1, tzinfo=peers.WORLD)
    since = now - timedelta(days=30, seconds=1)
    found = run.race({name: asking(partial(ask, since), [now] * 100) for name, ask in peers.catch_ups().items()})
    yield Row(section, "count, last, next", "taskkit", found.micros(peers.DOOR), "µs")
    yield from against(found, section, "count, last, next", peers.DOOR)


#: What makes a task due is read when it is first used: here it is.
OURS = ("taskkit", "taskkit.events")


class Fresh:
    """New interpreters, which keep byte code in a folder: without it they would compile taskkit each time, and no package beside it."""

    def __init__(self, folder: str) -> None:
        self.environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.environment["PYTHONPYCACHEPREFIX"] = folder

    def run(self, code: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=True, env=self.environment)

    def import_ms(self, modules: Sequence[str]) -> float:
        """Milliseconds of processor time that a fresh interpreter spends on these imports."""
        code = f"from time import process_time as now; start = now(); import {', '.join(modules)}; print(now() - start)"
        return 1000 * float(self.run(code).stdout)

    def traced(self, modules: Sequence[str]) -> dict[str, float]:
        """Milliseconds of each module by itself, as the interpreter tells them, start-up left out."""
        found: dict[str, float] = {}
        for line in self.run(f"import {', '.join(modules)}", "-X", "importtime").stderr.splitlines():
            own, _, name = line.removeprefix("import time:").split("|")
            if name.strip() == "site":
                found.clear()
            elif own.strip().isdigit():
                found[name.strip()] = int(own) / 1000
        return found

    def loaded(self, names: Sequence[str] = LATE) -> list[str]:
        """Which of these are loaded with taskkit and its rules."""
        code = f"import sys, taskkit.events; print(*(name for name in {tuple(names)!r} if name in sys.modules))"
        return self.run(code).stdout.split()


def imports(run: Run) -> Iterator[Row]:
    """taskkit against the three packages that it stands on."""
    section = "import (milliseconds, each in a fresh interpreter with byte code)"
    both = ", ".join(TOGETHER)
    with TemporaryDirectory() as folder:
        fresh = Fresh(folder)
        fresh.import_ms(OURS), fresh.import_ms(TOGETHER)  # writes the byte code
        pairs = [(fresh.import_ms(OURS), fresh.import_ms(TOGETHER)) for _ in range(run.imports)]
        yield Row(section, "taskkit", "import", Middle.of([ours for ours, _ in pairs]), "ms")
        yield Row(section, both, "import", Middle.of([theirs for _, theirs in pairs]), "ms")
        yield Row(section, "taskkit", f"above {both}", Middle.of([ours - theirs for ours, theirs in pairs]), "ms", IMPORT_MS)
        late = fresh.loaded()
        loads = f"loads {', '.join(late) or 'none'} of {', '.join(LATE)}"
        yield Row(section, "taskkit", loads, Middle.of([len(late)]), "", NOTHING_LOADED)
        yield from costs(section, fresh, max(3, run.imports // 4))


def costs(section: str, fresh: Fresh, times: int) -> Iterator[Row]:
    """The modules that cost most, of those that the three packages do not load. Tracing makes them dearer: read the order."""
    there = fresh.traced(TOGETHER)
    runs = [fresh.traced(OURS) for _ in range(times)]
    extra = {name: Middle.of([one[name] for one in runs if name in one]) for name in runs[0] if name not in there}
    for case, own in (("taskkit's own modules", True), ("what only they load", False)):
        sums = [sum(cost for name, cost in one.items() if name in extra and name.startswith("taskkit") == own) for one in runs]
        yield Row(section, case, "traced, all", Middle.of(sums), "ms")
    for name in sorted(extra, key=lambda name: extra[name].value, reverse=True)[:_SHOWN]:
        yield Row(section, name, "traced, by itself", extra[name], "ms")


SECTIONS: tuple[Callable[[Run], Iterator[Row]], ...] = (
    seek,
    seek_openings,
    moments_of_pendulum,
    distance,
    made,
    catch_up,
    imports,
)


def main(arguments: Sequence[str] | None = None) -> None:
    command("Intervals and windows, against peers and against the standard library by hand.", SECTIONS, arguments, absent=peers.ABSENT)


if __name__ == "__main__":
    main()
