"""What was tried, told while it happens: each step as it ends, and what became of the whole, for people or for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from taskkit.cli._outputs import whatever_is_written
from taskkit.cli._shows import plain, say
from taskkit.engine import Entry
from taskkit.outcomes import Asks, Done, ErrorClass, NotDone, NotNow, Outcome

_STYLES = {"done": "bold green", "not_done": "bold red"} | dict.fromkeys(("unknown", "asks", "not_now"), "bold yellow")
_HOST_KEY = re.compile(r"keep '([^' ]+ [^' ]+)' in the record's field")
Say = Callable[[str, str], None]


class Teller:
    def __init__(self, *, as_json: bool) -> None:
        self._as_json, self._seen = as_json, 0
        self._say = (sys.stdout.isatty() and _painting()) or (lambda line, style: say(line))

    def operations(self, told: Sequence[Mapping[str, Any]]) -> None:
        """Those that were not told yet."""
        with whatever_is_written():
            for one in told[self._seen :]:
                if self._as_json:
                    say(json.dumps({"operation": dict(one)}))
                else:
                    self._operation(one)
        self._seen = max(self._seen, len(told))

    def begun(self, entry: Entry) -> None:
        """A job of a product's engine."""
        told = {"job": entry.id, "task": entry.task_name, "record": entry.record, "by": entry.demanded_by}
        where = f" on {entry.record}" if entry.record is not None else ""
        self.note(f"job {entry.id}: {entry.task_name}{where}, asked for by {entry.demanded_by}", told)

    def note(self, text: str, told: Mapping[str, Any] | None = None) -> None:
        with whatever_is_written():
            if self._as_json:
                say(json.dumps(told or {"note": text}))
            else:
                self._say(plain(text), "dim")

    def outcome(self, outcome: Outcome | None, refusal: str, *, kept: Entry | None = None) -> None:
        """`refusal` is why nothing was begun, where nothing was; `kept` is the job, where a store keeps it."""
        error = outcome.error.value if isinstance(outcome, NotDone) else None
        text = refusal if outcome is None else _text(outcome)
        # once a machine has said anything, such words may be its own
        line = _key_line(text) if error == ErrorClass.BAD_CONFIGURATION and not self._seen else None
        told = {"outcome": _state(outcome), "error": error, "text": text, "result": dict(getattr(outcome, "result", {})), "host_key": line}
        with whatever_is_written():
            if self._as_json:
                say(json.dumps(told | ({} if kept is None else {"job": kept.id, "state": kept.state.value})))
            else:
                self._outcome(_state(outcome), error, text, line)
        if kept is not None and not self._as_json:
            self.note(f"  the job {kept.id} is {_words(kept.state.value)}" + (f": {kept.why}" if kept.why else ""))

    def _outcome(self, state: str, error: str | None, text: str, line: str | None) -> None:
        head = ", ".join(filter(None, (_words(state), error)))
        self._say(plain(": ".join(filter(None, (head, text)))), _STYLES[state])
        if line is not None:
            self._say(f"  once you have compared it: --host-key {plain(line)!r}", "")

    def _operation(self, told: Mapping[str, Any]) -> None:
        self._say(plain(f"{_words(told['state'])}: {told['name']}"), _STYLES[told["state"]])
        for line in _details(told):
            self._say(line, "dim")


def _key_line(text: str) -> str | None:
    """The key of a machine of which none is known, as `--host-key` takes it."""
    found = _HOST_KEY.search(text)
    return found[1] if found else None


def _details(told: Mapping[str, Any]) -> Iterator[str]:
    began, ended = (datetime.fromisoformat(told[name]) for name in ("began", "ended"))
    ends = [f"{name} {told[name]}" for name in ("exit", "signal") if name in told]
    yield "  " + ", ".join([*ends, f"{began:%H:%M:%S} UTC", f"{(ended - began).total_seconds():.2f} s"])
    yield from _indented(told.get("output", ""))
    if told.get("errors"):
        yield "  errors:"
        yield from _indented(told["errors"])
    for name, value in told.get("captured", {}).items():
        yield plain(f"  {name} = {value}")
    if told.get("text"):
        yield plain("  " + ": ".join(filter(None, (told.get("error"), told["text"]))))


def _indented(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"    {plain(line.expandtabs())}"


def _text(outcome: Outcome) -> str:
    if isinstance(outcome, Asks):
        return outcome.summary
    return outcome.reason if isinstance(outcome, NotNow) else getattr(outcome, "text", "")


def _state(outcome: Outcome | None) -> str:
    if isinstance(outcome, Done):
        return "done"
    if isinstance(outcome, Asks | NotNow):
        return "asks" if isinstance(outcome, Asks) else "not_now"
    return "not_done" if outcome is None or isinstance(outcome, NotDone) else "unknown"


def _words(state: str) -> str:
    return state.replace("_", " ")


def _painting() -> Say | None:
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        return None
    console = Console(highlight=False)
    return lambda line, style: console.print(Text(line, style=style), soft_wrap=True)
