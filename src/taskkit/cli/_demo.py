"""`taskkit demo`: a small vault, a day told line by line, a month as it passes, the history, why something ran, and what comes next."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pendulum
from rich.console import Console
from rich.table import Table
from rich.text import Text

from taskkit.cli import _day, _month
from taskkit.cli._house import RENEW, SECONDS, ZONE, House
from taskkit.engine import Engine
from taskkit.errors import Refused
from taskkit.insight import pictures
from taskkit.states import State

_WIDE = 120
_LAST = 8
#: In that night the clock jumps from 02:00 to 03:00.
JUMP = pendulum.datetime(2026, 3, 29, 3, 30, tz=ZONE)


def run(days: int, folder: str | None) -> int:
    """All of it, in a folder that stays."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    place = Path(folder or tempfile.mkdtemp(prefix="taskkit-demo-")).resolve()
    if (place / "vault.db").exists():
        raise Refused(f"showing the demo in {str(place)!r}", "there is a vault already", "name a new folder, or none")
    place.mkdir(parents=True, exist_ok=True)
    with House(place) as house:
        _headline(console, "A day in a small vault", "thirty records in a SqliteVault, jobs in SQLite, time is virtual")
        console.print(
            Text("Web servers and switches are fakes; databases are commands on this machine that only say something.", style="dim")
        )
        _day.show(console, house)
        _headline(console, f"{days} days more", "with check-ins, unlocks, sessions, and servers that stumble")
        _month.show(console, house, days)
        _headline(console, "How the tasks stand", "engine.overview()")
        console.print(_overview(house.engine))
        _headline(console, "The last jobs", "engine.history()")
        console.print(_history(house.engine))
        _headline(console, f"Why db-1 was renewed at 03:30 on {JUMP:%d %B}", "engine.explain(task, record, at)")
        console.print(Text(str(house.engine.explain(house.tasks[RENEW].id, "db-1", JUMP))))
        _headline(console, "What comes next", "engine.forecast(start, end), and taskkit.insight.pictures")
        _look_ahead(console, house, days, place / "forecast.html")
        _end(console, house)
    return 0


def _headline(console: Console, text: str, what: str) -> None:
    console.print(Text(f"\n{text}", style="bold") + Text(f"  {what}", style="dim"))


def _overview(engine: Engine) -> Table:
    results = _results(engine)
    table = Table(header_style="dim", box=None, padding=(0, 3, 0, 0))
    for name in ("task", "status", "last run", "next run", "done", "failed", "missed"):
        table.add_column(name, justify="right" if name in ("done", "failed", "missed") else "left")
    for row in engine.overview().entries:
        times = (f"{at.in_timezone(ZONE):%a %d %b %H:%M}" if at else "-" for at in (row.last_run, row.next_run))
        counts = (f"{results[row.id, state]:,}" for state in (State.COMPLETED, State.ERROR, State.MISSED))
        table.add_row(row.name, Text(row.status, style="green" if row.status == "active" else "yellow"), *times, *counts)
    return table


def _results(engine: Engine) -> Counter[tuple[str, State]]:
    found, page = Counter[tuple[str, State]](), None
    while True:
        some = engine.history(page=page, limit=1000)
        found.update((entry.task, entry.state) for entry in some.entries)
        page = some.next
        if page is None:
            return found


def _history(engine: Engine) -> Table:
    table = Table(header_style="dim", box=None, padding=(0, 3, 0, 0))
    for name in ("began", "record", "task", "state", "reasons"):
        table.add_column(name)
    for entry in [entry for entry in engine.history(limit=200).entries if entry.started][:_LAST]:
        began = f"{entry.started.in_timezone(ZONE):%a %d %b %H:%M}" if entry.started else "-"
        style = "green" if entry.state is State.COMPLETED else "red"
        table.add_row(began, entry.record or "", entry.task_name, Text(entry.state, style=style), "; ".join(entry.reasons))
    return table


def _look_ahead(console: Console, house: House, days: int, path: Path) -> None:
    forecast = house.engine.forecast(None, house.clock.moment.add(days=days), durations=SECONDS)
    path.write_text(pictures.page(forecast, tz=ZONE), encoding="utf-8")
    console.print(f"{len(forecast.runs):,} runs, with lengths that are assumed; {len(forecast.concerns)} things to look at")
    for concern in forecast.concerns[:_LAST]:
        console.print(Text(f"  {concern.text}"))
    console.print(f"As a picture:  {path}", soft_wrap=True)


def _end(console: Console, house: House) -> None:
    faults = house.engine.check()
    facts = sum(head.position for head in house.engine.heads())
    console.print(f"\n{facts:,} facts; their chain is {'whole' if not faults else f'broken: {faults}'}.")
    console.print(f"Look into the store:  taskkit jobs sqlite:///{house.store} --limit 5", soft_wrap=True)
    console.print("Rules and clocks:     taskkit demo --clocks")
