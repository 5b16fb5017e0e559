"""`taskkit demo --clocks`: a few rules across a change of the clock, here and in other schedulers."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

import pendulum
from attrs import field, frozen
from rich.console import Console
from rich.table import Table
from rich.text import Text

from taskkit.cli._peers import PEERS, Peer, Runs
from taskkit.events import MON, WED, Daily, Minutely, Weekly
from taskkit.events.clocks import ClockRule

_WIDE = 110


@frozen
class Scene:
    """A rule, how others say it, and the days to look at."""

    title: str
    rule: ClockRule
    first: str
    days: int
    cron: str | None = None

    @property
    def rule_time(self) -> str:
        return self.rule.at[0]

    def runs(self, peer: Peer) -> Runs | None:
        """How the peer is asked, or None where it cannot say the rule."""
        if self.cron:
            return peer.cron(self.cron, self.rule.tz)
        return peer.fortnight(self.rule.tz) if peer.fortnight else None

    @property
    def span(self) -> tuple[pendulum.DateTime, pendulum.DateTime]:
        start = pendulum.parse(self.first, tz=self.rule.tz)
        assert isinstance(start, pendulum.DateTime)  # noqa: S101  a date of ours
        return start, start.add(days=self.days)


NIGHTLY = Daily(at="02:30", tz="Europe/Berlin")
SCENES = (
    Scene("Spring: at 02:00 the clock jumps to 03:00, there is no 02:30", NIGHTLY, "2026-03-28", 3, "30 2 * * *"),
    Scene("Autumn: at 03:00 the clock falls back to 02:00, 02:30 comes twice", NIGHTLY, "2026-10-24", 3, "30 2 * * *"),
    Scene("Midnight: Havana's clock jumps from 00:00 to 01:00", Daily(tz="America/Havana"), "2026-03-07", 3, "0 0 * * *"),
    Scene(
        "Every second week on two days",
        Weekly(every=2, on=[MON, WED], at="09:00", tz="Europe/Berlin", start="2026-03-02"),
        "2026-03-02",
        18,
    ),
)


@frozen
class Column:
    """What one scheduler makes of a scene: its runs by local day, and how many are lost or too many."""

    label: str
    by_day: dict[date, list[datetime]] | None
    wanted: frozenset[date] = field(repr=False)

    @property
    def lost(self) -> int:
        return sum(not (self.by_day or {}).get(day) for day in self.wanted)

    @property
    def doubled(self) -> int:
        return sum(len(runs) - (day in self.wanted) for day, runs in (self.by_day or {}).items())

    def cell(self, day: date, nominal: str) -> Text:
        if self.by_day is None:
            return Text("-", style="dim")
        runs = self.by_day.get(day, [])
        times = ", ".join(f"{run:%H:%M}" for run in runs)
        if not runs:
            return Text("LOST", style="bold red")
        if len(runs) > 1:
            return Text(f"{times}  TWICE", style="bold magenta")
        return Text(times, style="green") if times == nominal else Text(f"{times}  moved", style="yellow")

    def verdict(self) -> Text:
        if self.by_day is None:
            return Text("cannot say it", style="dim")
        if not (self.lost or self.doubled):
            return Text("each once", style="bold green")
        return Text(f"{self.lost} lost, {self.doubled} too many", style="bold red")


def run() -> int:
    """All scenes, then what can be asked of a rule besides."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    peers = [peer for peer in PEERS if peer.version]
    absent = [peer.package for peer in PEERS if not peer.version]
    console.print(Text("One rule, several schedulers: who runs what when the clock changes\n", style="bold"))
    for scene in SCENES:
        console.print(Text(scene.title, style="bold"))
        console.print(Text(str(scene.rule), style="dim"))
        console.print(_table(scene, peers))
    if absent:
        console.print(Text(f"not installed, so not shown: {', '.join(absent)} (pip install {' '.join(absent)})\n", style="yellow"))
    _catch_up(console)
    console.print('Try it: taskkit next "every 2 weeks on mon,wed at 09:00 Europe/Berlin" --calendar')
    return 0


def columns(scene: Scene, peers: list[Peer]) -> list[Column]:
    """Ours first: its days are those that the rule names."""
    start, end = scene.span
    nominal = {date.fromisoformat(str(one.nominal)[:10]) for one in scene.rule.upcoming(start.subtract(seconds=1), 20) if one.instant < end}
    wanted = frozenset(nominal)
    found = [Column("taskkit", _by_day(list(scene.rule.between(start, end)), scene.rule.tz), wanted)]
    for peer in peers:
        ask = scene.runs(peer)
        runs = None if ask is None else _by_day(ask(start.subtract(microseconds=1), end), scene.rule.tz)
        found.append(Column(f"{peer.label} {peer.version}", runs, wanted))
    return found


def _by_day(runs: list[datetime], tz: str) -> dict[date, list[datetime]]:
    """By the day that the wall really shows: some schedulers name wall times that do not exist."""
    found: dict[date, list[datetime]] = defaultdict(list)
    for one in runs:
        shown = pendulum.from_timestamp(one.timestamp(), tz=tz)
        found[shown.date()].append(shown)
    return dict(found)


def _table(scene: Scene, peers: list[Peer]) -> Table:
    table = Table(header_style="dim", title_justify="left")
    table.add_column("day")
    found = columns(scene, peers)
    for column in found:
        table.add_column(column.label)
    for day in sorted(found[0].wanted.union(*(column.by_day or {} for column in found))):
        table.add_row(f"{day:%a %d %b}", *(column.cell(day, scene.rule_time) for column in found))
    table.add_section()
    table.add_row("", *(column.verdict() for column in found))
    return table


def _catch_up(console: Console) -> None:
    start = pendulum.datetime(2026, 6, 1)
    missed = Minutely(5).count_between(start, start.add(days=30))
    console.print(f"After 30 days down, a five-minute rule has missed {missed:,} runs: they are counted, not walked.\n")
