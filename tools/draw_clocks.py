"""Draws docs/_static/gap-and-fold.svg from the zone and from what a rule answers: `python tools/draw_clocks.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pendulum
from attrs import frozen

from taskkit import Daily
from taskkit.events.zones import Stretch, zone

FILE = Path(__file__).resolve().parent.parent / "docs" / "_static" / "gap-and-fold.svg"
NAME, AT = "Europe/Berlin", 2 * 3600 + 1800
SPRING, AUTUMN = pendulum.date(2026, 3, 29), pendulum.date(2026, 10, 25)

INK, QUIET, PAPER, GRID = "#22313f", "#55606a", "#fbfaf7", "#d9d5cc"
BEFORE, AFTER, RUN, GAP, FOLD = "#2f6f4f", "#7a4fa3", "#b3541e", "#f6d9d0", "#d8e6f3"
HOUR = 88
#: Each panel shows three hours of UTC around the change, and these hours of the wall.
FROM, UNTIL, LOWEST, TOP = -1.5, 1.5, 0.5, 78
LOW = TOP + round((4.5 - LOWEST) * HOUR)


@frozen
class Panel:
    """One change of the clock: the stretches on its two sides, and what the rule makes of it."""

    left: int
    day: pendulum.Date
    old: Stretch
    new: Stretch
    runs: tuple[int, ...]

    @classmethod
    def of(cls, left: int, day: pendulum.Date) -> Panel:
        midnight = pendulum.datetime(day.year, day.month, day.day, tz=NAME)
        old = zone(NAME).stretch(int(midnight.timestamp()))
        both = Daily(at="02:30", tz=NAME, fold="both")
        runs = tuple(int(run.timestamp()) for run in both.between(midnight, midnight.add(days=1)))
        return cls(left, day, old, zone(NAME).next(old), runs)

    @property
    def is_gap(self) -> bool:
        return self.new.offset > self.old.offset

    def x(self, instant: float) -> float:
        return round(self.left + ((instant - self.old.end) / 3600 - FROM) * HOUR, 2)

    def y(self, wall: float) -> float:
        return round(LOW - (wall / 3600 - LOWEST) * HOUR, 2)

    def wall(self, instant: float, stretch: Stretch) -> float:
        """Seconds since midnight on the wall."""
        return (instant + stretch.offset) % 86400

    def draw(self) -> Iterator[str]:
        kind, season = ("gap", "Spring") if self.is_gap else ("fold", "Autumn")
        told = "No instant shows the shaded times." if self.is_gap else "Two instants show each of the shaded times."
        day = f"{season}, {self.day:%-d %B %Y}: a {kind}"
        yield f'<text x="{self.left}" y="30" font-size="15" font-weight="bold" fill="{INK}">{day}</text>'
        yield _text(self.left, 52, told, QUIET)
        low, high = sorted(self.wall(self.old.end, one) for one in (self.old, self.new))
        y, deep, shade = self.y(high), self.y(low) - self.y(high), GAP if self.is_gap else FOLD
        yield f'<rect x="{self.left}" y="{y:g}" width="{3 * HOUR}" height="{deep:g}" fill="{shade}"/>'
        yield from self._grid()
        yield from self._stretches()
        yield _line(self.left, self.y(AT), self.left + 3 * HOUR, self.y(AT), RUN, 1.5, "6 4")
        yield _text(self.left + 3 * HOUR + 4, self.y(AT) + 4, _clock(AT), RUN)
        yield from self._shifted() if self.is_gap else self._twice()

    def _grid(self) -> Iterator[str]:
        middle = self.x(self.old.end)
        for hour in (-1, 0, 1):
            instant = self.old.end + 3600 * hour
            yield _line(self.x(instant), TOP, self.x(instant), LOW, GRID)
            yield _text(self.x(instant), LOW + 18, _clock(instant), QUIET, "middle")
        for hour in (1, 2, 3, 4):
            y = self.y(3600 * hour)
            yield _line(self.left, y, self.left + 3 * HOUR, y, GRID)
            yield _text(self.left - 8, y + 4, _clock(3600 * hour), QUIET, "end")
        yield _text(middle, LOW + 40, "UTC", INK, "middle")
        side, half = self.left - 58, (TOP + LOW) // 2
        turned = f'text-anchor="middle" transform="rotate(-90 {side} {half})"'
        yield f'<text x="{side}" y="{half}" fill="{INK}" {turned}>wall clock in {NAME.split("/")[1]}</text>'
        yield _line(middle, TOP, middle, LOW, "#8a8f94", 1, "2 3")

    def _stretches(self) -> Iterator[str]:
        """The old one ends before the change: an open end; the new one begins with it."""
        change, x = self.old.end, self.x(self.old.end)
        for stretch, color, edge, at in ((self.old, BEFORE, FROM, -1.1), (self.new, AFTER, UNTIL, 1.0)):
            end, beside = change + 3600 * edge, change + 3600 * at
            yield _line(self.x(end), self.y(self.wall(end, stretch)), x, self.y(self.wall(change, stretch)), color, 4)
            yield _text(self.x(beside) + 8, self.y(self.wall(beside, stretch)) + 16, f"+{_clock(stretch.offset)}", color)
        yield _dot(x, self.y(self.wall(change, self.old)), BEFORE, 4.5, is_open=True)
        yield _dot(x, self.y(self.wall(change, self.new)), AFTER, 4.5)

    def _shifted(self) -> Iterator[str]:
        """The old stretch is drawn on until the rule's time; what the wall shows then is when it runs."""
        [run] = self.runs
        x, wall = self.x(run), self.wall(run, self.new)
        yield _line(self.x(self.old.end), self.y(self.wall(self.old.end, self.old)), x, self.y(self.wall(run, self.old)), BEFORE, 2, "2 4")
        yield _line(x, self.y(AT), x, self.y(wall) + 9, RUN, 1.5)
        tip = self.y(wall) + 6
        yield f'<path d="M{x - 5:g} {tip + 9:g} L{x:g} {tip:g} L{x + 5:g} {tip + 9:g}" fill="none" stroke="{RUN}" stroke-width="1.5"/>'
        yield _dot(x, self.y(wall), RUN, 5.5)
        yield _text(x - 10, self.y(wall) - 8, f"runs at {_clock(wall)}", RUN, "end")

    def _twice(self) -> Iterator[str]:
        first, last = self.runs
        yield _dot(self.x(first), self.y(self.wall(first, self.old)), RUN, 5.5)
        yield _text(self.x(first) - 10, self.y(AT) - 8, "first", RUN, "end")
        yield _dot(self.x(last), self.y(self.wall(last, self.new)), RUN, 5.5, is_open=True)
        yield _text(self.x(last) + 10, self.y(AT) + 18, "last", RUN)


def draw() -> str:
    said = (
        "Wall time over UTC in Berlin. In spring two stretches leave a gap between 02:00 and 03:00 on the wall. In autumn two stretches "
        "overlap there: a fold."
    )
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 490" width="860" height="490" role="img" aria-labelledby="title desc"'
        ' font-family="sans-serif" font-size="13">',
        '<title id="title">A gap and a fold</title>',
        f'<desc id="desc">{said}</desc>',
        f'<rect width="860" height="490" rx="8" fill="{PAPER}"/>',
    ]
    for panel in (Panel.of(95, SPRING), Panel.of(520, AUTUMN)):
        lines += ["<g>", *panel.draw(), "</g>"]
    return "\n".join([*lines, "</svg>", ""])


def _text(x: float, y: float, text: str, color: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{color}">{text}</text>'


def _dot(x: float, y: float, color: str, size: float, *, is_open: bool = False) -> str:
    inside = f'fill="{PAPER}" stroke="{color}" stroke-width="2"' if is_open else f'fill="{color}"'
    return f'<circle cx="{x:g}" cy="{y:g}" r="{size}" {inside}/>'


def _line(x1: float, y1: float, x2: float, y2: float, color: str, width: float = 1, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{color}" stroke-width="{width:g}"{dashed}/>'


def _clock(seconds: float) -> str:
    minutes = int(seconds) % 86400 // 60
    return f"{minutes // 60:02}:{minutes % 60:02}"


if __name__ == "__main__":
    FILE.write_text(draw(), encoding="utf-8")
