"""Draws the picture of the README from what the demo prints: `python tools/draw_demo.py`."""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from taskkit.cli import _day, _demo, _month, _rotation
from taskkit.cli._house import RENEW, House
from taskkit.cli._ssh_house import ACCOUNTS, SshHouse
from taskkit.cli._ssh_worker import Worker

FILE = Path(__file__).resolve().parent.parent / "docs" / "_static" / "demo.svg"
_WIDE = 104
#: Hours in which little is new; some lines are enough to see what it is.
_SHOWN = re.compile(r"^(20|02|03|06:00.*(of 20 did|web-07))")


def draw() -> str:
    console = Console(record=True, width=_WIDE, file=io.StringIO(), highlight=False)
    with tempfile.TemporaryDirectory() as folder, House(Path(folder)) as house:
        told = Console(record=True, width=200, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False)
        _day.show(told, house)
        for line in told.export_text(styles=True).splitlines():
            shown = Text.from_ansi(line)
            if _SHOWN.match(shown.plain):
                console.print(shown, no_wrap=True, overflow="ellipsis")
        _month.show(Console(file=io.StringIO()), house, 1)
        console.print(Text("\n> engine.explain(task, 'db-1', at)", style="bold"))
        console.print(Text(str(house.engine.explain(house.tasks[RENEW].id, "db-1", _demo.JUMP))))
        console.print(Text("\n> PasswordReset, over SSH", style="bold"), end="")
        with Worker(_rotation.PATIENCE) as worker, SshHouse(Path(folder) / "ssh") as rotated:
            _rotation.over_a_death(console, rotated, worker, ACCOUNTS[1])
            _rotation.count(console, rotated)
    svg = console.export_svg(title="taskkit demo", theme=DIMMED_MONOKAI, unique_id="demo")
    return re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", svg, flags=re.DOTALL)  # a page that needs nothing else


if __name__ == "__main__":
    FILE.write_text(draw(), encoding="utf-8")
