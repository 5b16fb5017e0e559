"""What an explanation is: an answer in one sentence, and a tree of what speaks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import pendulum
from attrs import frozen

from taskkit.records import EMPTY


class Tense(StrEnum):
    """What was asked about."""

    PAST = "past"  #: told from facts alone
    NOW = "now"
    FUTURE = "future"  #: told from the rules as they stand


class Factor(StrEnum):
    """What makes a run happen, or keeps it from happening."""

    RULE = "rule"
    ANCHOR = "anchor"
    DRAW = "draw"
    CLOCK = "clock"
    WINDOW = "window"
    BLACKOUT = "blackout"
    SPREAD = "spread"
    NEXT_RUN = "next_run"
    HAPPENING = "happening"
    DEMAND = "demand"
    RETRY = "retry"
    PART = "part"
    TARGET = "target"
    JOB = "job"
    RESULT = "result"
    NODE = "node"
    JOIN = "join"
    MISS = "miss"
    MERGE = "merge"
    SESSION = "session"
    HOLD = "hold"
    CONSENT = "consent"
    SUSPENSION = "suspension"
    ACTIVATION = "activation"
    END = "end"
    EDIT = "edit"
    RECORD = "record"
    PAUSE = "pause"
    RIGHTS = "rights"
    SATISFIED = "satisfied"
    INTENT = "intent"
    STOP = "stop"
    VAULT = "vault"
    SCRIPT = "script"
    SEQUEL = "sequel"
    LOG = "log"


@frozen
class Because:
    """One thing that speaks for a run or against it, and what is behind it."""

    factor: Factor
    text: str
    at: pendulum.DateTime | None = None
    details: Mapping[str, Any] = EMPTY
    parts: tuple[Because, ...] = ()

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        told: dict[str, Any] = {"factor": self.factor.value, "text": self.text}
        if self.at is not None:
            told["at"] = self.at.isoformat()
        if self.details:
            told["details"] = dict(self.details)
        if self.parts:
            told["parts"] = [part.document() for part in self.parts]
        return told

    def walk(self) -> Iterator[Because]:
        """This and all behind it."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def lines(self, indent: str = "") -> Iterator[str]:
        yield f"{indent}{self.text}"
        for part in self.parts:
            yield from part.lines(f"{indent}  ")


@frozen
class Explanation:
    """Why a task ran on a record, why it did not, or when it will."""

    task: str
    name: str
    record: str | None
    at: pendulum.DateTime
    tense: Tense
    answer: str
    #: When it began, or begins if nothing comes between; none where nobody can say, or where it does not run.
    run: pendulum.DateTime | None = None
    because: tuple[Because, ...] = ()

    def find(self, factor: Factor) -> list[Because]:
        """All that is told of one factor, wherever it stands."""
        return [one for part in self.because for one in part.walk() if one.factor is factor]

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        return {
            "task": self.task,
            "name": self.name,
            "record": self.record,
            "at": self.at.isoformat(),
            "tense": self.tense.value,
            "answer": self.answer,
            "run": None if self.run is None else self.run.isoformat(),
            "because": [part.document() for part in self.because],
        }

    def __str__(self) -> str:
        where = f" on {self.record}" if self.record else ""
        return "\n".join([f"{self.name}{where}: {self.answer}", *(line for part in self.told for line in part.lines("  "))])

    @property
    def told(self) -> tuple[Because, ...]:
        """What stands under the answer; what says the same as the answer does is told by what is behind it."""
        return tuple(part for one in self.because for part in (one.parts if one.text.endswith(self.answer) else (one,)))
