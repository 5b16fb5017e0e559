"""Fair comparisons on a machine that others use too: cases take turns, and only figures of the same round are divided.

A machine that slows down for a second slows all cases of a round alike, so a ratio survives what a rate does not. Seconds are those
that the processor gave to this process, since what others take of it says nothing about a case; rounds are short and many, since a
neighbour on the same core slows both. What is left is seen in the quartiles of the ratios and in the gauge: a fixed piece of work,
timed once in every round.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median, quantiles
from time import process_time
from typing import Any, Literal

#: Does so many operations.
Case = Callable[[int], object]

#: A single operation that takes longer than a slice has its turn in this many rounds only.
_SLOW_ROUNDS = 3
_GAUGE_STEPS = 60_000


@dataclass(frozen=True)
class Middle:
    """The median of what all rounds gave, and the quartiles around it."""

    low: float
    value: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Middle:
        if len(figures) < 3:
            return cls(min(figures), median(figures), max(figures))
        low, value, high = quantiles(figures, n=4, method="inclusive")
        return cls(low, value, high)


class Race:
    """Seconds per operation, for each case and round."""

    def __init__(self) -> None:
        self._rounds: list[dict[str, float]] = []
        self.gauge: list[float] = []

    @property
    def names(self) -> list[str]:
        return list(self._rounds[0])

    def add(self, seconds: dict[str, float], gauge: float) -> None:
        self._rounds.append(seconds)
        self.gauge.append(gauge)

    def micros(self, name: str) -> Middle:
        """Microseconds per operation."""
        return Middle.of([1e6 * seconds[name] for seconds in self._rounds if name in seconds])

    def ratio(self, name: str, against: str) -> Middle:
        """How many times as fast as another case: above 1 is faster."""
        return Middle.of([seconds[against] / seconds[name] for seconds in self._rounds if name in seconds and against in seconds])


def race(cases: Mapping[str, Case], *, rounds: int, slice_seconds: float) -> Race:
    """Let the cases take turns, every second round in reverse order, each for about one slice."""
    counts = {name: _calibrated(case, slice_seconds) for name, case in cases.items()}
    found = Race()
    order = list(cases)
    for number in range(rounds):
        seconds = {}
        for name in order if number % 2 == 0 else reversed(order):
            count, slow = counts[name]
            if not slow or number < _SLOW_ROUNDS:
                seconds[name] = _timed(cases[name], count) / count
        found.add({name: seconds[name] for name in order if name in seconds}, gauge())
    return found


def _timed(case: Case, count: int) -> float:
    start = process_time()
    case(count)
    return process_time() - start


def _calibrated(case: Case, slice_seconds: float) -> tuple[int, bool]:
    """How many operations fill a slice, and whether one alone overfills it. The first call, which warms caches, does not count."""
    case(1)
    count = 1
    while True:
        passed = max(_timed(case, count), 1e-7)
        if passed >= slice_seconds / 3:
            return max(1, round(count * slice_seconds / passed)), count == 1 and passed > slice_seconds
        count *= 4


def gauge() -> float:
    """Seconds for a fixed piece of arithmetic: where it wavers, so does everything else."""
    start = process_time()
    total = 0
    for step in range(_GAUGE_STEPS):
        total ^= step * 2_654_435_761
    return process_time() - start


@dataclass(frozen=True)
class Noise:
    """How quiet the machine was."""

    gauge_ms: float
    spread_percent: float  # between the quartiles of the gauge
    load: float  # of the last minute

    @classmethod
    def of(cls, gauges: Sequence[float]) -> Noise:
        middle = Middle.of(gauges)
        return cls(1e3 * middle.value, 100 * (middle.high - middle.low) / middle.value, os.getloadavg()[0])

    def __str__(self) -> str:
        return f"noise: gauge {self.gauge_ms:.2f} ms, quartiles {self.spread_percent:.0f} % apart, load {self.load:.1f}"


@dataclass(frozen=True)
class Goal:
    """Where a figure should be."""

    side: Literal["≥", "≤"]
    limit: float

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.side == "≥" else value <= self.limit

    def __str__(self) -> str:
        return f"{self.side} {self.limit:g}"


@dataclass(frozen=True)
class Row:
    """One line of the result; a figure without a goal is there to be read."""

    section: str
    case: str
    figure: str
    middle: Middle
    unit: str
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "reached" if self.goal.holds(self.middle.value) else "missed"

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        return asdict(self) | {"goal": self.goal and str(self.goal), "verdict": self.verdict or None}


def table(rows: Sequence[Row]) -> str:
    """The rows, by section, in columns."""
    lines: list[str] = []
    heads = ("", "", "median", "quartiles", "goal", "")
    cells = [_cells(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    section = None
    for row, texts in zip(rows, cells, strict=True):
        if row.section != section:
            section = row.section
            lines += ["", section, _line(heads, widths)]
        lines.append(_line(texts, widths))
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    low, value, high = (_number(part) for part in (row.middle.low, row.middle.value, row.middle.high))
    return row.case, row.figure, f"{value} {row.unit}", f"{low} to {high}", str(row.goal or ""), row.verdict


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    aligned = (text.ljust(width) if place < 2 else text.rjust(width) for place, (text, width) in enumerate(zip(texts, widths, strict=True)))
    return "  " + "  ".join(aligned).rstrip()


@dataclass
class Run:
    """How long each race goes on, and the gauge over all of them."""

    rounds: int
    slice_seconds: float
    imports: int
    gauges: list[float] = field(default_factory=list)
    is_full: bool = False  # whether to do what takes minutes

    def race(self, cases: dict[str, Case]) -> Race:
        found = race(cases, rounds=self.rounds, slice_seconds=self.slice_seconds)
        self.gauges += found.gauge
        return found


def quick() -> Run:
    """Enough to see that all works, not to quote."""
    return Run(rounds=11, slice_seconds=0.003, imports=5)


def full() -> Run:
    return Run(rounds=61, slice_seconds=0.008, imports=31, is_full=True)


Section = Callable[[Run], Iterator[Row]]


def measure(run: Run, sections: Sequence[Section]) -> list[Row]:
    """All rows of the sections."""
    return [row for section in sections for row in section(run)]


def command(about: str, known: Sequence[Section], arguments: Sequence[str] | None, *, absent: Sequence[str] = ()) -> None:
    """The command line of a benchmark."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="short rounds: enough to see that it works, not to quote")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    parser.add_argument("--only", choices=[section.__name__ for section in known], action="append", help="these sections alone")
    said = parser.parse_args(arguments)
    run = quick() if said.quick else full()
    rows = measure(run, [section for section in known if not said.only or section.__name__ in said.only])
    noise = Noise.of(run.gauges) if run.gauges else None
    if said.json:
        print(json.dumps({"noise": noise and asdict(noise), "absent": absent, "rows": [row.document() for row in rows]}, indent=1))
        return
    print(table(rows))
    print(f"\n{sum(row.verdict == 'reached' for row in rows)} reached, {sum(row.verdict == 'missed' for row in rows)} missed")
    for row in rows:
        if row.verdict == "missed":
            print(f"  missed: {row.case}, {row.figure}: {row.middle.value:.3g} {row.unit}, goal {row.goal}")
    print(noise or "")
    if absent:
        print(f"not installed, so not compared: {', '.join(absent)}")
