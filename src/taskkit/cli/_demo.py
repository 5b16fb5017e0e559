"""`taskkit demo`: a small vault, a day told line by line, a month as it passes, the history, why something ran, what comes next, and
passwords that change over SSH.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import pendulum
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from taskkit.cli import _day, _month
from taskkit.cli._house import RENEW, SECONDS, ZONE, House
from taskkit.engine import Engine
from taskkit.errors import Refused
from taskkit.events._wording import counted
from taskkit.insight import pictures
from taskkit.states import FINAL, State

_WIDE = 132
_WORST = 8
_STYLES = {State.COMPLETED.value: "green", State.ERROR.value: "red"}
_COUNTED = {"done": State.COMPLETED, "failed": State.ERROR, "missed": State.MISSED}
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
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"showing the demo in {str(place)!r}", str(error.strerror), "name a folder in which files can be made") from None
    with House(place) as house:
        _headline(console, "A day in a small vault", "thirty records in a SqliteVault, jobs in SQLite, time is virtual")
        console.print(
            Text("Web servers and switches are fakes; databases are commands on this machine that only say something.", style="dim")
        )
        _day.show(console, house)
        _headline(console, f"{counted(days, 'day')} more", "with check-ins, unlocks, sessions, and servers that stumble")
        _month.show(console, house, days)
        _headline(console, "How the tasks stand", "engine.overview()")
        _overview(console, house.engine)
        _headline(console, "What each task did last", "engine.history(task=…)")
        _last(console, house)
        _headline(console, f"Why db-1 was renewed at 03:30 on {JUMP:%d %B}", "engine.explain(task, record, at)")
        _indented(console, str(house.engine.explain(house.tasks[RENEW].id, "db-1", JUMP)))
        _headline(console, "What comes next", "engine.forecast(start, end), and taskkit.insight.pictures")
        _look_ahead(console, house, days, place / "forecast.html")
        _headline(console, "Passwords change over SSH", "PasswordReset, on two played machines; time is real")
        _change_passwords(console, place / "ssh")
        _end(console, house)
    return 0


def _headline(console: Console, text: str, what: str) -> None:
    console.print(Text(f"\n{text}", style="bold") + Text(f"  {what}", style="dim"))


def _indented(console: Console, text: str) -> None:
    """Lines that are too long go on where they began."""
    for line in text.splitlines():
        inside = line.lstrip()
        console.print(Padding(Text(inside), (0, 0, 0, len(line) - len(inside)), expand=False))


def _print(console: Console, names: Sequence[str], rows: Iterable[Sequence[str]], *, gives: str) -> None:
    """A table in which no row takes two lines: one column gives way."""
    cells = [[Text(cell, style=_STYLES.get(cell, "")) for cell in row] for row in rows]
    table = Table(header_style="dim", box=None, padding=(0, 2, 0, 0))
    widths = {name: max(len(name), *map(len, column)) for name, column in zip(names, zip(*cells, strict=True), strict=True)}
    widths[gives] = max(len(gives), min(widths[gives], console.width - sum(widths.values()) + widths[gives] - 2 * len(names)))
    for name, width in widths.items():
        table.add_column(name, justify="right" if name in _COUNTED else "left", no_wrap=True, min_width=width, max_width=width)
    for row in cells:
        table.add_row(*row)
    console.print(table)


def _overview(console: Console, engine: Engine) -> None:
    results = _results(engine)
    rows = (
        (row.name, _moment(row.last_run), _moment(row.next_run), *(f"{results[row.id, state]:,}" for state in _COUNTED.values()))
        for row in engine.overview().entries
    )
    _print(console, ("task", "last run", "next run", *_COUNTED), rows, gives="task")


def _moment(at: pendulum.DateTime | None) -> str:
    return f"{at.in_timezone(ZONE):%d %b %H:%M}" if at else "-"


def _results(engine: Engine) -> Counter[tuple[str, State]]:
    found, page = Counter[tuple[str, State]](), None
    while True:
        some = engine.history(page=page, limit=1000)
        found.update((entry.task, entry.state) for entry in some.entries)
        page = some.next
        if page is None:
            return found


def _last(console: Console, house: House) -> None:
    found = (house.engine.history(task=task.id, states=FINAL).entries for task in house.tasks.values())
    last = (next((entry for entry in entries if entry.started and entry.execution is None), None) for entries in found)
    rows = [(entry.task_name, entry.record or "", entry.state.value, "; ".join(entry.reasons)) for entry in last if entry is not None]
    _print(console, ("task", "record", "state", "because"), rows, gives="because")


def _look_ahead(console: Console, house: House, days: int, path: Path) -> None:
    forecast = house.engine.forecast(None, house.clock.moment.add(days=days), durations=SECONDS)
    path.write_text(pictures.page(forecast, tz=ZONE), encoding="utf-8")
    concerns = counted(len(forecast.concerns), "concern") if forecast.concerns else "no concern"
    console.print(f"{counted(len(forecast.runs), 'run', ',')} until {forecast.end.in_timezone(ZONE):%d %B}; {concerns}")
    for concern in forecast.concerns[:_WORST]:
        console.print(Text(f"  {concern.text}"))
    console.print(f"As a picture:  {path}", soft_wrap=True)


def _change_passwords(console: Console, folder: Path) -> None:
    if find_spec("paramiko") is None:
        console.print("Left out: it needs paramiko, which comes with the extra ssh.")
        return
    from taskkit.cli import _rotation

    _rotation.show(console, folder)


def _end(console: Console, house: House) -> None:
    faults = house.engine.check()
    facts = sum(head.position for head in house.engine.heads())
    console.print(f"\n{counted(facts, 'fact', ',')}; their chain is {'whole' if not faults else f'broken: {faults}'}.")
    console.print(f"Look into the store:  {_command()} jobs sqlite:///{house.store} --limit 5", soft_wrap=True)
    console.print(f"Rules and clocks:     {_command()} demo --clocks")


def _command() -> str:
    """How its reader can call it again: by its path, where no shell finds it."""
    called, found = Path(sys.argv[0]), shutil.which("taskkit")
    hidden = called.name == "taskkit" and (found is None or not called.samefile(found))
    return str(called) if hidden else "taskkit"
