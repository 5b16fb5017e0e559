"""`taskkit explain`: why a task ran on a record, why not, or when it will, told by the engine that a product makes, or by a store."""

from __future__ import annotations

import json
import sys
from datetime import datetime

from taskkit.cli._places import looking_at
from taskkit.cli._shows import plain, say
from taskkit.engine import Engine, Explanation
from taskkit.errors import InvalidValue
from taskkit.tasks import of_record


def run(place: str, task: str, record: str | None, at: datetime | None, *, as_json: bool) -> int:
    with looking_at(place, strict=True) as engine:
        told = engine.explain(_id(engine, task, record), record, at)
    if as_json:
        say(json.dumps(told.document()))
    elif not (sys.stdout.isatty() and _coloured(told)):
        for line in str(told).splitlines():
            say(plain(line))
    return 0


def _id(engine: Engine, text: str, record: str | None) -> str:
    """A task by its name is one of the record's own where it has some; anything else is an id, also of a task that was removed."""
    tasks = engine.tasks()
    if any(task.id == text for task in tasks):
        return text
    named = [task for task in tasks if task.name == text]
    found = [task for task in named if record is not None and task.list == of_record(record)] or named
    if len(found) > 1:
        raise InvalidValue(f"looking for the task {text!r}", f"there are several: {', '.join(task.id for task in found)}", "give an id")
    return found[0].id if found else text


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
