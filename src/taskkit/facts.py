"""What happened in taskkit: a log that only grows, each fact carrying the hash of the one before (A6).

Each writing process has a chain of its own, so that nodes never wait for one another; a new chain begins with the heads of the others.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from taskkit.instants import Instant, shown
from taskkit.records import EMPTY

#: A reader's place: the last position that it has seen, per chain.
Mark = Mapping[str, int]
START: Mark = {}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode


@frozen(slots=False)
class Fact:
    """One thing that happened; `kind` is its name in the past tense. Place and hash are given when it lands."""

    kind: str
    at: Instant
    job: str | None = None
    task: str | None = None
    line: str | None = None
    record: str | None = None
    who: str | None = None
    details: Mapping[str, Any] = EMPTY
    chain: str = field(default="", eq=False)
    position: int = field(default=0, eq=False)
    hash: str = field(default="", eq=False)

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        told = {"chain": self.chain, "position": self.position, "kind": self.kind, "at": shown(self.at).isoformat()}
        about = {"job": self.job, "task": self.task, "line": self.line, "record": self.record, "who": self.who}
        told |= {name: value for name, value in about.items() if value is not None}
        return told | {"details": dict(self.details), "hash": self.hash}


def encoded(fact: Fact) -> str:
    """The bytes that are kept and hashed, as text."""
    return _encode((fact.kind, fact.at, fact.job, fact.task, fact.line, fact.record, fact.who, fact.details or None))


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


def faults(chain: str, texts: Sequence[tuple[int, str, str]], base: Head, noted: Head | None, key: bytes | None = None) -> list[Fault]:
    """What is wrong with a chain of (position, text, hash), counted from a checkpoint; `noted` is a head that somebody took away."""
    found: list[Fault] = []
    position, before, seen = base.position, base.hash, {base.position: base.hash}
    for place, text, hash in texts:
        if place != position + 1:
            found.append(Fault(chain, position + 1, "facts are missing"))
        elif hash != linked(before, text, key):
            found.append(Fault(chain, place, "the fact was changed, or one before it"))
        position, before = place, hash
        seen[place] = hash
    if noted and noted.position > position:
        found.append(Fault(chain, position + 1, f"the tail up to {noted.position} is missing"))
    elif noted and noted.position >= base.position and seen.get(noted.position) != noted.hash:
        found.append(Fault(chain, noted.position, "it is not the fact that was noted"))
    return found
