"""Whether what a command said and how it ended is what was wanted. Knows no network."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field, frozen

from taskkit import ErrorClass
from taskkit.plugins import Command


@frozen
class Wanted:
    """The patterns of a command, ready for use: one that is none is a ValueError before anything is said to the door."""

    exits: tuple[int, ...]
    expect: re.Pattern[str] | None
    forbid: re.Pattern[str] | None
    capture: Mapping[str, re.Pattern[str]]

    @classmethod
    def of(cls, command: Command) -> Wanted:
        expect, forbid = (None if text is None else _compiled(text) for text in (command.expect, command.forbid))
        return cls(command.exits, expect, forbid, {name: _compiled(text) for name, text in command.capture.items()})

    def judge(self, exit: int, kept: str, *, truncated: bool) -> Judgement:
        whole = kept[: kept.rfind("\n") + 1] if truncated else kept  # half a number would be another number
        captured = {name: found[found.re.groups and 1] for name, each in self.capture.items() if (found := each.search(whole))}
        if exit not in self.exits:
            fault = f"it ended with {exit} instead of {' or '.join(map(str, self.exits))}"
        elif self.expect and not self.expect.search(whole):
            fault = f"{self.expect.pattern!r} was not found"
        elif self.forbid and (truncated or self.forbid.search(whole)):
            fault = f"{self.forbid.pattern!r} was found, or may stand in what was left out"
        elif missing := self.capture.keys() - captured.keys():
            fault = f"there was nothing to capture as {', '.join(sorted(missing))}"
        else:
            return Judgement("", None, captured)
        return Judgement(fault, ErrorClass.FAILED, captured)


@frozen
class Judgement:
    fault: str
    error: ErrorClass | None = None
    captured: Mapping[str, str] = field(factory=dict)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise ValueError(f"the pattern {pattern!r}: {error}") from None
