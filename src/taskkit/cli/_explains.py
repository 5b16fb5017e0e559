"""`taskkit explain`: why a task ran on a record, why not, or when it will, told by the engine that a product makes, or by a store."""

from __future__ import annotations

import json
import sys
from datetime import datetime

from taskkit.cli._places import looking_at, task_at
from taskkit.cli._shows import plain, say
from taskkit.engine import Explanation


def run(place: str, task: str, record: str | None, at: datetime | None, *, as_json: bool) -> int:
    with looking_at(place, strict=True) as engine:
        told = engine.explain(task_at(engine, task, record), record, at)
    if as_json:
        say(json.dumps(told.document()))
    elif not (sys.stdout.isatty() and _coloured(told)):
        for line in str(told).splitlines():
            say(plain(line))
    return 0


def _coloured(told: Explanation) -> bool:
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        return False
    console, (first, *rest) = Console(highlight=False), str(told).splitlines()
    console.print(Text(plain(first), style="bold"), soft_wrap=True)
    for line in rest:
        console.print(Text(plain(line), style="dim" if line.startswith("    ") else ""), soft_wrap=True)
    return True
