"""What happened in taskkit: a log that only grows, each fact carrying the hash of the one before (A6).

Each writing process has a chain of its own, so that nodes never wait for one another; a new chain begins with the heads of the others.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring as _quoted
from typing import Any, NamedTuple

from attrs import frozen

from taskkit.instants import Instant, shown
from taskkit.records import EMPTY

#: All that is told, by name: stable, as notifiers and exporters go by them.
KINDS = frozenset(
    {
        "ChainBegan", "ConsentAsked", "ConsentExpired", "Consented", "Declined", "Defined", "Demanded", "EngineFailed", "ExecutionRerun",
        "FallbackEnded", "HappeningFailed", "HappeningJoined", "HappeningPassed", "HistoryPurged", "JobCanceled", "JobCompleted",
        "JobDeferred", "JobFailed", "JobMade", "JobMerged", "JobMissed", "JobRescued", "JobSatisfied", "JobStarted", "JobStopped",
        "JobUncertain", "ListEdited", "ListMadeUnique", "ListShared", "NextRunSet", "NotifierFailed", "Paused", "PlanFailed",
        "PluginAbandoned", "PolicyFailed", "Reconciled", "Resumed", "RunAsked", "StaleWriteRefused", "StopAsked", "TaskEdited", "TaskPut",
        "TaskRemoved", "TaskResumed", "TaskSuspended", "Undefined", "WaveBegan",
    }
)  # fmt: skip
#: A reader's place: the last position that it has seen, per chain.
Mark = Mapping[str, int]
START: Mark = {}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode
_escape = json.JSONEncoder(separators=(",", ":"), sort_keys=True, allow_nan=False).encode


class Fact(NamedTuple):
    """One thing that happened; `kind` is its name in the past tense. Place and hash are given when it lands, and make it no other one."""

    kind: str
    at: Instant
    job: str | None = None
    task: str | None = None
    line: str | None = None
    record: str | None = None
    who: str | None = None
    details: Mapping[str, Any] = EMPTY
    chain: str = ""
    position: int = 0
    hash: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fact) and self[:_TOLD] == other[:_TOLD]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[: _TOLD - 1])  # details have none

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        told = {"chain": self.chain, "position": self.position, "kind": self.kind, "at": shown(self.at).isoformat()}
        about = {"job": self.job, "task": self.task, "line": self.line, "record": self.record, "who": self.who}
        told |= {name: value for name, value in about.items() if value is not None}
        return told | {"details": dict(self.details), "hash": self.hash}


_TOLD = Fact._fields.index("chain")


def encoded(fact: Fact) -> str:
    """The bytes that are kept and hashed, as text. Half a character, out of a host's output, is escaped: no store could keep it else."""
    kind, at, job, task, line, record, who, details, *_ = fact
    # one text with each part quoted takes a third of what the encoder needs for the list of them
    text = (
        f"[{_quoted(kind)},{at},{_quoted(job) if job is not None else 'null'},{_quoted(task) if task is not None else 'null'},"
        f"{_quoted(line) if line is not None else 'null'},{_quoted(record) if record is not None else 'null'},"
        f"{_quoted(who) if who is not None else 'null'},{_encode(details) if details else 'null'}]"
    )
    return text if text.isascii() or _is_whole(text) else _escape((*fact[: _TOLD - 1], details or None))


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def decoded(text: str, chain: str, position: int, hash: str) -> Fact:
    kind, at, job, task, line, record, who, details = json.loads(text)
    return Fact(kind, at, job, task, line, record, who, details or EMPTY, chain, position, hash)


def linked(before: str, text: str, key: bytes | None = None) -> str:
    """The hash of a fact that follows another; keyed where there is a key."""
    told = f"{before}{text}".encode()
    return hmac.new(key, told, "sha256").hexdigest() if key else hashlib.sha256(told).hexdigest()


def began(chain: str) -> str:
    """What the first fact of a chain follows."""
    return f"{chain}\n"


@frozen
class Head:
    """The last fact of a chain, as an exporter notes it: with it, a removed tail is found."""

    chain: str
    position: int
    hash: str


@frozen
class Fault:
    """Where a chain is not what it was."""

    chain: str
    position: int
    case: str


def faults(chain: str, texts: Sequence[tuple[int, str, str]], base: Head, noted: Sequence[Head], key: bytes | None = None) -> list[Fault]:
    """What is wrong with a chain of (position, text, hash), counted from a checkpoint; `noted` are heads that somebody took away."""
    found: list[Fault] = []
    position, before, seen = base.position, base.hash, {base.position: base.hash}
    for place, text, hash in texts:
        if place != position + 1:
            found.append(Fault(chain, position + 1, "facts are missing"))
        elif hash != linked(before, text, key):
            found.append(Fault(chain, place, "the fact was changed, or one before it"))
        position, before = place, hash
        seen[place] = hash
    last = max((head.position for head in noted), default=0)
    if last > position:
        found.append(Fault(chain, position + 1, f"the tail up to {last} is missing"))
    others = {head.position for head in noted if base.position <= head.position <= position and seen.get(head.position) != head.hash}
    return found + [Fault(chain, place, "it is not the fact that was noted") for place in sorted(others)]
