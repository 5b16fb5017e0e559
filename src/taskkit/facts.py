"""What happened in taskkit: a log that only grows, each fact carrying the hash of the one before (A6).

Each writing process has a chain of its own, so that nodes never wait for one another; a new chain begins with the heads of the others.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from json.encoder import encode_basestring as _quoted
from typing import Any, NamedTuple, TypeVar, final

from attrs import frozen

from taskkit.checks import is_whole
from taskkit.instants import Instant, shown
from taskkit.records import EMPTY

#: All that is told, by name: stable, as notifiers and exporters go by them.
KINDS = frozenset(
    {
        "ChainBegan", "ClockRighted", "ClockSkewed", "ConsentAsked", "ConsentExpired", "Consented", "Declined", "Defined", "Demanded",
        "DependentTold", "EngineFailed", "ExecutionRerun", "FallbackEnded", "HappeningFailed", "HappeningJoined", "HappeningPassed",
        "HistoryPurged", "HostTrusted", "IntentDoubted", "IntentOpened", "IntentRuled", "IntentSettled", "JobCanceled", "JobCompleted",
        "JobDeferred", "JobFailed", "JobMade", "JobMerged", "JobMissed", "JobRescued", "JobSatisfied", "JobStarted", "JobStopped",
        "JobUncertain", "KeyTaken", "ListEdited", "ListMadeUnique", "ListShared", "NextRunSet", "NotifierFailed", "PassedOver", "Paused",
        "PlanFailed", "PluginAbandoned", "PolicyFailed", "Reconciled", "Resealed", "RestoreNoticed", "Restored", "Resumed", "RunAsked",
        "StaleWriteRefused", "StopAsked", "TaskEdited", "TaskPut", "TaskRemoved", "TaskResumed", "TaskSuspended", "Undefined",
        "WaveBegan",
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
        return hash(self[:_DETAILS])  # details have none

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        told = {"chain": self.chain, "position": self.position, "kind": self.kind, "at": shown(self.at).isoformat()}
        about = {"job": self.job, "task": self.task, "line": self.line, "record": self.record, "who": self.who}
        told |= {name: value for name, value in about.items() if value is not None}
        return told | {"details": dict(self.details), "hash": self.hash}


_TOLD, _DETAILS = map(Fact._fields.index, ("chain", "details"))


def around(facts: Iterable[Fact], at: Instant, limit: int) -> list[Fact]:
    """Of these, by time, the nearest before an instant and those from it on: at most so many of each."""
    ordered = sorted(facts, key=lambda fact: (fact.at, fact.chain, fact.position))
    place = bisect_left(ordered, at, key=lambda fact: fact.at)
    return ordered[max(0, place - limit) : place + limit]


def encoded(fact: Fact) -> str:
    """The bytes that are kept and hashed, as text. Half a character, out of a host's output, is escaped: no store could keep it else."""
    return _encoded(fact, _encode(fact.details) if fact.details else "null")


T = TypeVar("T")


def all_encoded(facts: Iterable[Fact | T]) -> list[str | T]:
    """Of facts that are told together: details that one has in common with the one before are encoded once. What is no fact stays."""
    last, told, texts = EMPTY, "null", list[str | T]()
    for fact in facts:
        if not isinstance(fact, Fact):
            texts.append(fact)
            continue
        if (details := fact.details) is not last:
            last, told = details, _encode(details) if details else "null"
        texts.append(_encoded(fact, told))
    return texts


def refrain(fact: Fact) -> Callable[[str, str | None], str]:
    """How facts are encoded that differ from this one in job and record alone."""
    who = "null" if fact.who is None else _quoted(fact.who)
    task, line = ("null" if name is None else _quoted(name) for name in (fact.task, fact.line))
    details = _encode(fact.details) if fact.details else "null"
    begin, middle, end = f"[{_quoted(fact.kind)},{fact.at},", f",{task},{line},", f",{who},{details}]"

    def told(job: str, record: str | None) -> str:
        text = f"{begin}{_quoted(job)}{middle}{'null' if record is None else _quoted(record)}{end}"
        return text if text.isascii() or is_whole(text) else encoded(fact._replace(job=job, record=record))

    return told


class Refrain:
    """Facts that differ from one in job and record alone. They are made when somebody asks for them, and can be made by then."""

    __slots__ = ("_jobs", "_told", "fact", "records")

    def __init__(self, fact: Fact, jobs: Iterable[str], records: Iterable[str | None]) -> None:
        self.fact, self._jobs, self.records, self._told = fact, tuple(jobs), tuple(records), refrain(fact)

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def facts(self) -> list[Fact]:
        return [self.fact._replace(job=job, record=record) for job, record in zip(self._jobs, self.records, strict=True)]

    @property
    def texts(self) -> list[str]:
        return list(map(self._told, self._jobs, self.records))


def _encoded(fact: Fact, details: str) -> str:
    kind, at, job, task, line, record, who, *_ = fact
    # one text with each part quoted takes a third of what the encoder needs for the list of them
    text = (
        f"[{_quoted(kind)},{at},{_quoted(job) if job is not None else 'null'},{_quoted(task) if task is not None else 'null'},"
        f"{_quoted(line) if line is not None else 'null'},{_quoted(record) if record is not None else 'null'},"
        f"{_quoted(who) if who is not None else 'null'},{details}]"
    )
    return text if text.isascii() or is_whole(text) else _escape((*fact[:_DETAILS], fact.details or None))


def decoded(text: str, chain: str, position: int, hash: str) -> Fact:
    kind, at, job, task, line, record, who, details = json.loads(text)
    return Fact(kind, at, job, task, line, record, who, details or EMPTY, chain, position, hash)


@final
class FactKey:
    """What makes the hashes of a keyed chain: it holds a key, and shows its id alone."""

    __slots__ = ("_begun", "id")

    def __init__(self, id: str, key: bytes) -> None:
        self.id, self._begun = id, hmac.new(key, digestmod="sha256")

    def hashed(self, told: bytes) -> str:
        made = self._begun.copy()
        made.update(told)
        return made.hexdigest()

    def __repr__(self) -> str:
        return f"FactKey({self.id!r})"


#: By their ids.
FactKeys = Mapping[str, FactKey]


def linked(before: str, text: str, key: FactKey | None = None) -> str:
    """The hash of a fact that follows another; keyed where there is a key."""
    told = f"{before}{text}".encode()
    return hashlib.sha256(told).hexdigest() if key is None else key.hashed(told)


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
    """Where a chain is not what it was; `missing` names the key without which nobody can say."""

    chain: str
    position: int
    case: str
    missing: str | None = None


# what is wrong


@frozen
class KeptChain:
    """One chain as a store keeps it, for who checks all of them."""

    base: Head  #: the checkpoint behind which its facts begin
    facts: Iterable[tuple[int, str, str]]  #: position, text, hash, in order; gone through twice, and never all of them in memory
    key: str | None = None  #: the id of the key with which it was begun
    absorbed: Iterable[Head] = ()  #: what archived facts told of other chains


def all_faults(chains: Iterable[KeptChain], noted: Iterable[Head] = (), keys: FactKeys = EMPTY) -> list[Fault]:
    """What is wrong with all chains of a store, by what they tell of one another and by what somebody noted elsewhere.

    For who has keys, a chain without one is as good as what a keyed chain vouches for: whoever has the store could have written the rest.
    """
    kept = {chain.base.chain: chain for chain in chains}
    expected, vouched = _told_by(kept.values(), keys)
    for head in noted:
        expected[head.chain].add(head)
    found = [Fault(name, 1, "the chain is missing") for name in sorted(set(expected) - set(kept))]
    for name, chain in kept.items():
        found += _faults_of(chain, expected[name], vouched[name], keys)
    return found


def faults(
    chain: str,
    texts: Iterable[tuple[int, str, str]],
    base: Head,
    noted: Iterable[Head],
    key: FactKey | None = None,
    *,
    hashed: bool = True,
) -> list[Fault]:
    """What is wrong with a chain of (position, text, hash), counted from a checkpoint; `noted` are heads that somebody took away.

    Without `hashed`, as its key is missing, only what the positions and the noted heads tell.
    """
    heads = set(noted)
    wanted = {head.position for head in heads}
    found: list[Fault] = []
    position, before, seen = base.position, base.hash, {base.position: base.hash}
    for place, text, hash in texts:
        if place != position + 1:
            found.append(Fault(chain, position + 1, "facts are missing"))
        elif hashed and hash != linked(before, text, key):
            found.append(Fault(chain, place, "the fact was changed, or one before it"))
        position, before = place, hash
        if place in wanted:
            seen[place] = hash
    last = max(wanted, default=0)
    if last > position:
        found.append(Fault(chain, position + 1, f"the tail up to {last} is missing"))
    others = {head.position for head in heads if base.position <= head.position <= position and seen.get(head.position) != head.hash}
    return found + [Fault(chain, place, "it is not the fact that was noted") for place in sorted(others)]


def heads_in(text: str) -> list[Head]:
    """The heads of other chains that a fact tells of; what cannot be read was changed, and its hash tells."""
    if not text.startswith(_TELLS_HEADS):
        return []
    try:
        heads = [Head(name, position, hash) for name, (position, hash) in json.loads(text)[-1]["heads"].items()]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return []
    return heads if all(type(head.position) is int and isinstance(head.hash, str) for head in heads) else []


#: The first fact of a chain tells of all others; so does the first that a key makes, which vouches for what was written without one.
_VOUCHES = '["KeyTaken",'
_TELLS_HEADS = ('["ChainBegan",', _VOUCHES)


def _told_by(chains: Iterable[KeptChain], keys: FactKeys) -> tuple[defaultdict[str, set[Head]], defaultdict[str, int]]:
    """By chain: its heads that others tell of, and up to where a key vouches for it.

    What archived facts told is no voucher: no hash goes over it.
    """
    told, vouched = defaultdict[str, set[Head]](set), defaultdict[str, int](int)
    for chain in chains:
        for head in chain.absorbed:
            told[head.chain].add(head)
        for text in (text for _, text, _ in chain.facts if text.startswith(_TELLS_HEADS)):
            is_voucher = chain.key in keys and text.startswith(_VOUCHES)
            for head in heads_in(text):
                told[head.chain].add(head)
                vouched[head.chain] = max(vouched[head.chain], head.position if is_voucher else 0)
    return told, vouched


def _faults_of(chain: KeptChain, heads: Iterable[Head], vouched: int, keys: FactKeys) -> list[Fault]:
    name, key = chain.base.chain, None if chain.key is None else keys.get(chain.key)
    facts = _GoingBy(chain.facts, vouched if chain.key is None else -1)
    found = faults(name, facts, chain.base, heads, key, hashed=chain.key is None or key is not None)
    if facts.late is None:
        return found
    if chain.key is None and keys:
        return [Fault(name, facts.late, "from here on it has no key, and nothing that has one vouches for it"), *found]
    if chain.key is not None and key is None:
        return [Fault(name, facts.late, f"its key {chain.key!r} is missing, so nobody can check its hashes", chain.key), *found]
    return found


class _GoingBy:
    """Facts that somebody else goes through, and the position of the first that is later than another."""

    def __init__(self, facts: Iterable[tuple[int, str, str]], than: int) -> None:
        self._facts, self._than = facts, than
        self.late: int | None = None

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        facts = iter(self._facts)
        for fact in facts:
            if fact[0] > self._than:
                self.late = fact[0]
                yield fact
                break
            yield fact
        yield from facts
