"""The facts of a database: a chain for each process that writes, whose head only that process moves (A6).

Facts are read a page at a time: however long a chain is, no more than a page of it is in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from taskkit.facts import (
    Fact,
    FactKey,
    FactKeys,
    Fault,
    Head,
    KeptChain,
    Mark,
    Refrain,
    all_encoded,
    all_faults,
    began,
    decoded,
    heads_in,
    linked,
)
from taskkit.instants import Instant
from taskkit.records import EMPTY
from taskkit.storage.sql._lines import Line, Question, Row
from taskkit.storage.sql._rows import UNREAD, unreadable
from taskkit.storage.sql._tables import CHAINS, FACTS

_PAGE = 1000
_FIRST = -(1 << 62)
#: It hears how much is done, and of how much.
Progress = Callable[[int, int], object]


def append(line: Line, name: str, head: Head | None, facts: Sequence[Fact | Refrain], key: FactKey | None = None) -> Head:
    """The chain with these facts, and its new head; one that is not there begins here. A fact that is no JSON lets none land."""
    texts = all_encoded(facts)
    head = head or _head(line, name)
    if head is None:
        at = (facts[0].fact if isinstance(facts[0], Refrain) else facts[0]).at
        first = Fact("ChainBegan", at, details={"heads": {head.chain: [head.position, head.hash] for head in heads(line)}})
        facts, texts = [first, *facts], [*all_encoded([first]), *texts]
        head = Head(name, 0, began(name))
        line.add(CHAINS, [(name, head.position, head.hash, head.position, head.hash, "[]", key and key.id)])
    position, hash = head.position, head.hash
    rows: list[Row] = []
    for fact, text in zip(facts, texts, strict=True):
        if isinstance(fact, Refrain):
            position, hash = _append_alike(line, Head(name, position, hash), fact, key)
        else:
            position, hash = position + 1, linked(hash, str(text), key)
            rows.append((name, position, fact.at, fact.kind, fact.record, fact.line, text, hash))
    line.add(FACTS, rows)
    line.change(CHAINS, ("position", "hash"), [(name, position, hash)])
    return Head(name, position, hash)


def _append_alike(line: Line, head: Head, refrain: Refrain, key: FactKey | None) -> tuple[int, str]:
    """The last position and hash after them."""
    texts, one, hash = refrain.texts, refrain.fact, head.hash
    hashes = [hash := linked(hash, text, key) for text in texts]
    last = head.position + len(texts)
    shared = {"chain": head.chain, "at": one.at, "kind": one.kind, "line": one.line}
    told = {"position": range(head.position + 1, last + 1), "record": refrain.records, "told": texts, "hash": hashes}
    line.add_alike(FACTS, shared, told)
    return last, hash


def _head(line: Line, name: str) -> Head | None:
    return next((Head(*row) for row in line.rows("SELECT chain, position, hash FROM taskkit_chains WHERE chain = ?", name)), None)


def heads(line: Line) -> list[Head]:
    return [Head(*row) for row in line.rows("SELECT chain, position, hash FROM taskkit_chains ORDER BY chain")]


# reading on


def after(line: Line, mark: Mark, kinds: frozenset[str] | None, record: str | None, limit: int) -> tuple[list[Fact], dict[str, int]]:
    """What landed after the mark, chain by chain, and the mark after it."""
    found: list[Fact] = []
    reached = dict(mark)
    for head in heads(line):
        last = mark.get(head.chain, 0)
        if head.position > last and (kinds is None or kinds):
            facts = _facts(line, head.chain, last, kinds, record, limit - len(found) + 1)
            if len(found) + len(facts) > limit:
                found += facts[: limit - len(found)]
                return found, reached | ({head.chain: found[-1].position} if found and found[-1].chain == head.chain else {})
            found += facts
        reached[head.chain] = max(head.position, last)
    return found, reached


def _facts(line: Line, chain: str, last: int, kinds: frozenset[str] | None, record: str | None, most: int) -> list[Fact]:
    wanted, values = "chain = ? AND position > ?", [chain, last]
    told: list[Any] = [*values]
    if kinds is not None:
        wanted += f" AND kind IN ({', '.join('?' * len(kinds))})"
        told += sorted(kinds)
    if record is not None:
        wanted += " AND record = ?"
        told.append(record)
    sql = f"SELECT told, chain, position, hash FROM taskkit_facts WHERE {wanted} ORDER BY position LIMIT ?"  # noqa: S608  our own words
    return [_fact(*row) for row in line.rows(sql, *told, most)]


def story(line: Line, at: Instant, of_line: str | None, record: str | None, limit: int) -> list[Fact]:
    """Literal words for what is not there: by these the index is chosen."""
    about = [("record", record), ("line", of_line)]
    wanted = " AND ".join(f"{name} IS NULL" if value is None else f"{name} = ?" for name, value in about)
    values = [value for _, value in about if value is not None]

    def half(until: str, order: str) -> Question:
        sql = f"""SELECT told, chain, position, hash FROM taskkit_facts WHERE {wanted} AND at {until} ?
            ORDER BY at {order}, chain {order}, position {order} LIMIT ?"""  # noqa: S608  our own words
        return Question(sql, (*values, at, limit))

    before, after = line.ask([half("<", "DESC"), half(">=", "ASC")])
    return [_fact(*row) for row in (*reversed(before), *after)]


def _fact(text: str, chain: str, position: int, hash: str) -> Fact:
    try:
        fact = decoded(text, chain, position, hash)
        if isinstance(position, int) and isinstance(fact.at, int) and isinstance(fact.kind, str):
            return fact
        raise TypeError
    except UNREAD as error:
        raise unreadable(f"the fact at {position!r} of the chain {chain!r}", error) from None


# the whole chain


class _Pages:
    """The facts of a chain, whoever asks for them and how often."""

    def __init__(self, line: Line, chain: str, told: Callable[[int], object]) -> None:
        self._line, self._chain, self._told = line, chain, told
        #: Where a fact is filed otherwise than it tells: no hash goes over the columns by which it is found.
        self.misfiled: list[int] = []
        #: Behind which position one stands that nobody can read: SQLite takes anything for it.
        self.unplaced: list[int] = []
        self._is_read = False

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        sql = f"""SELECT position, told, hash, at, kind, record, line FROM taskkit_facts
            WHERE chain = ? AND position > ? ORDER BY position LIMIT {_PAGE}"""  # noqa: S608
        last, place = _FIRST, 0
        while rows := self._line.rows(sql, self._chain, last):
            for position, text, hash, *filed in rows:
                if not isinstance(position, int):
                    self.unplaced += [] if self._is_read else [place]
                    continue
                place = position
                if not (self._is_read or _is_filed(text, *filed)):
                    self.misfiled.append(position)
                yield position, text if isinstance(text, str) else "", hash
            last = rows[-1][0]
            self._told(len(rows))
        self._is_read = True


def _is_filed(text: str, at: object, kind: object, record: object, of_line: object) -> bool:
    """Stores that are older, and nodes that are, tell of no line; of what cannot be read, its hash tells."""
    try:
        fact = decoded(text, "", 0, "")
    except (ValueError, TypeError, RecursionError):
        return True
    return (at, kind, record) == (fact.at, fact.kind, fact.record) and of_line in (None, fact.line)


def check(line: Line, noted: Iterable[Head], keys: FactKeys = EMPTY, progress: Progress | None = None) -> list[Fault]:
    rows = line.rows("SELECT chain, first, first_hash, position, hash, key, absorbed FROM taskkit_chains ORDER BY chain")
    chains = [row for row in rows if _is_readable(*row)]
    told = _counted(progress, _TIMES * sum(position - first for _, first, _, position, *_ in chains))
    pages = {chain: _Pages(line, chain, told) for chain, *_ in chains}
    kept = [KeptChain(Head(chain, first, hash), pages[chain], key, _heads(absorbed)) for chain, first, hash, _, _, key, absorbed in chains]
    own = [Head(chain, position, hash) for chain, _, _, position, hash, *_ in chains]
    found = [Fault(chain, 1, "the row that tells of the chain cannot be read") for chain, *_ in rows if chain not in pages]
    found += [Fault(chain, 1, "there are facts of it, and no row tells of the chain") for (chain,) in line.rows(_UNTOLD)]
    found += all_faults(kept, [*noted, *own], keys)
    found += [Fault(name, place + 1, "the position of the fact cannot be read") for name, one in pages.items() for place in one.unplaced]
    told_of = {(fault.chain, fault.position) for fault in found}
    misfiled = [(name, place) for name, one in pages.items() for place in one.misfiled]
    return found + [Fault(*place, _MISFILED) for place in misfiled if place not in told_of]


_UNTOLD = """SELECT DISTINCT chain FROM taskkit_facts AS held
    WHERE NOT EXISTS (SELECT 1 FROM taskkit_chains WHERE chain = held.chain) ORDER BY chain"""
_MISFILED = "the fact is filed under another time, kind, record or line than it tells: who looks for it does not find it"


def _is_readable(chain: str, first: object, first_hash: object, position: object, hash: object, key: object, absorbed: str) -> bool:
    try:
        frozenset(_heads(absorbed))  # as who checks them looks for them
    except (ValueError, TypeError, RecursionError):
        return False
    return all(isinstance(value, int) for value in (first, position)) and all(isinstance(value, str) for value in (first_hash, hash))


#: So often a check goes through all facts.
_TIMES = 2


def _counted(progress: Progress | None, of: int) -> Callable[[int], None]:
    done = 0

    def told(more: int) -> None:
        nonlocal done
        done = min(done + more, of)
        if progress is not None:
            progress(done, of)

    return told


def keyed(line: Line) -> Mapping[str, int]:
    """Where archived facts are all that there were, nobody needs the key any more."""
    return dict(line.rows("SELECT key, count(*) FROM taskkit_chains WHERE key IS NOT NULL AND position > first GROUP BY key"))


def _heads(absorbed: str) -> list[Head]:
    return [Head(*head) for head in json.loads(absorbed)]


def archive(line: Line, upto: Mark, most: int) -> int:
    """So many of them at most; how many there were."""
    gone = 0
    for chain, absorbed in line.among("SELECT chain, absorbed FROM taskkit_chains WHERE chain IN {these} ORDER BY chain", upto):
        gone += _archived(line, chain, absorbed, upto[chain], most - gone)
    return gone


def _archived(line: Line, chain: str, absorbed: str, upto: int, most: int) -> int:
    """Only a run from the begin may go: what stays must still follow from the checkpoint."""
    sql = "SELECT position, told, hash FROM taskkit_facts WHERE chain = ? AND position <= ? ORDER BY position LIMIT ?"
    rows = line.rows(sql, chain, upto, most)
    if rows:
        last, _, hash = rows[-1]
        told = [*_heads(absorbed), *(head for _, text, _ in rows for head in heads_in(text))]
        kept = json.dumps([[head.chain, head.position, head.hash] for head in told])
        line.run("DELETE FROM taskkit_facts WHERE chain = ? AND position <= ?", chain, last)
        line.change(CHAINS, ("first", "first_hash", "absorbed"), [(chain, last, hash, kept)])
    return len(rows)
