"""The facts of a database: a chain for each process that writes, whose head only that process moves (A6)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from taskkit.facts import Fact, FactKey, FactKeys, Fault, Head, KeptChain, Mark, all_faults, began, decoded, encoded, heads_in, linked
from taskkit.instants import Instant
from taskkit.records import EMPTY
from taskkit.storage.sql._lines import Line, Row
from taskkit.storage.sql._tables import CHAINS, FACTS


def append(line: Line, name: str, head: Head | None, facts: Sequence[Fact], key: FactKey | None = None) -> Head:
    """The chain with these facts, and its new head; one that is not there begins here. A fact that is no JSON lets none land."""
    texts = [(fact, encoded(fact)) for fact in facts]
    head = head or _head(line, name)
    if head is None:
        first = Fact("ChainBegan", facts[0].at, details={"heads": {head.chain: [head.position, head.hash] for head in heads(line)}})
        texts.insert(0, (first, encoded(first)))
        head = Head(name, 0, began(name))
        line.add(CHAINS, [(name, head.position, head.hash, head.position, head.hash, "[]", key and key.id)])
    position, hash, rows = head.position, head.hash, list[Row]()
    for fact, text in texts:
        position, hash = position + 1, linked(hash, text, key)
        rows.append((name, position, fact.at, fact.kind, fact.record, text, hash))
    line.add(FACTS, rows)
    line.change(CHAINS, ("position", "hash"), [(name, position, hash)])
    return Head(name, position, hash)


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
    return [decoded(*row) for row in line.rows(sql, *told, most)]


# the whole chain


def check(line: Line, noted: Iterable[Head], keys: FactKeys = EMPTY) -> list[Fault]:
    chains = line.rows("SELECT chain, first, first_hash, key, absorbed FROM taskkit_chains ORDER BY chain")
    facts = "SELECT position, told, hash FROM taskkit_facts WHERE chain = ? ORDER BY position"
    kept = [
        KeptChain(Head(chain, first, hash), line.rows(facts, chain), key, [*_told([absorbed])])
        for chain, first, hash, key, absorbed in chains
    ]
    return all_faults(kept, noted, keys)


def keyed(line: Line) -> Mapping[str, int]:
    """Where archived facts are all that there were, nobody needs the key any more."""
    return dict(line.rows("SELECT key, count(*) FROM taskkit_chains WHERE key IS NOT NULL AND position > first GROUP BY key"))


def _told(texts: Iterable[str]) -> Iterator[Head]:
    for text in texts:
        yield from (Head(*head) for head in json.loads(text))


def archive(line: Line, until: Instant) -> list[Fact]:
    """Only a run from the begin may go: what stays must still follow from the checkpoint."""
    return [
        fact
        for chain, absorbed in line.rows("SELECT chain, absorbed FROM taskkit_chains ORDER BY chain")
        for fact in _archived(line, chain, absorbed, until)
    ]


def _archived(line: Line, chain: str, absorbed: str, until: Instant) -> list[Fact]:
    [(stays,)] = line.rows("SELECT min(position) FROM taskkit_facts WHERE chain = ? AND at >= ?", chain, until)
    limit, values = ("", ()) if stays is None else (" AND position < ?", (stays,))
    rows = line.rows(f"SELECT told, chain, position, hash FROM taskkit_facts WHERE chain = ?{limit} ORDER BY position", chain, *values)  # noqa: S608
    gone = [decoded(*row) for row in rows]
    if gone:
        told = [*_told([absorbed]), *(head for text, *_ in rows for head in heads_in(text))]
        last, kept = gone[-1], json.dumps([[head.chain, head.position, head.hash] for head in told])
        line.drop(FACTS, [(chain, fact.position) for fact in gone])
        line.change(CHAINS, ("first", "first_hash", "absorbed"), [(chain, last.position, last.hash, kept)])
    return gone
