"""The facts of the memory store: one chain for each handle, as each writing process has one (A6).

What is told waits until somebody looks at the chain: then all of it is written down in one go, each fact with its hash. Before, there is
nobody who could miss a text or a hash.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from attrs import evolve

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
from taskkit.storage._stories import Stories


class Chain:
    """Facts in their order, as text, each with its hash, behind a checkpoint; by position, in dictionaries that no collector looks into."""

    def __init__(self, name: str, key: FactKey | None = None) -> None:
        self.base, self.key, self._pen = Head(name, 0, began(name)), None if key is None else key.id, key
        self.last = 0
        self._told: list[str | Refrain] = []
        self._texts: dict[int, str] = {}
        self._hashes: dict[int, str] = {}
        self._written, self._hash = 0, self.base.hash  # up to where all is written down
        self.absorbed: list[Head] = []  # what archived facts told of other chains

    def append(self, told: Sequence[str | Refrain]) -> None:
        last = self.last + sum(len(one) if isinstance(one, Refrain) else 1 for one in told)
        self._told += told
        self.last = last

    @property
    def texts(self) -> dict[int, str]:
        self._write_down()
        return self._texts

    @property
    def hashes(self) -> dict[int, str]:
        self._write_down()
        return self._hashes

    def _write_down(self) -> None:
        if not self._told:
            return
        position, hash, texts, hashes, key = self._written, self._hash, self._texts, self._hashes, self._pen
        for one in self._told:
            for text in one.texts if isinstance(one, Refrain) else (one,):
                position += 1
                hash = linked(hash, text, key)
                texts[position], hashes[position] = text, hash
        self._written, self._hash, self._told = position, hash, []

    @property
    def kept(self) -> KeptChain:
        return KeptChain(self.base, self, self.key, self.absorbed)

    @property
    def head(self) -> Head:
        self._write_down()
        return evolve(self.base, position=self.last, hash=self._hash)

    def fact(self, position: int) -> Fact:
        return decoded(self.texts[position], self.base.chain, position, self.hashes[position])

    def places(self, after: int, begins: tuple[str, ...], holds: str) -> Iterator[int]:
        """Positions of facts whose text begins and holds like this: most are passed over unread."""
        texts = self.texts
        for position in range(max(after, self.base.position) + 1, self.last + 1):
            text = texts.get(position, "")
            if text and holds in text and (not begins or text.startswith(begins)):
                yield position

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        """Position, text and hash of each fact that is there."""
        texts, hashes = self.texts, self.hashes
        for position in range(self.base.position + 1, self.last + 1):
            if position in texts:
                yield position, texts[position], hashes[position]

    def archive(self, upto: int) -> int:
        """What stays must still follow from the checkpoint, wherever an interrupt comes: what lies before it is gone, and then it goes."""
        gone = list(takewhile(lambda fact: fact[0] <= upto, self))
        if gone:
            last, _, hash = gone[-1]
            self.absorbed = [*self.absorbed, *(head for _, text, _ in gone for head in heads_in(text))]
            self.base = Head(self.base.chain, last, hash)
        for position, _, _ in gone:
            del self._texts[position], self._hashes[position]
        return len(gone)


class Chains:
    """All chains of one store."""

    def __init__(self) -> None:
        self._chains: dict[str, Chain] = {}
        self.stories = Stories(self._chains)

    def append(self, name: str, facts: Sequence[Fact | Refrain], key: FactKey | None = None) -> None:
        """All of them, or none where one cannot be told as JSON. The key is the one with which the chain was begun."""
        told, first = all_encoded(facts), facts[0]
        chain = self._chains.get(name) or self._begun(name, (first.fact if isinstance(first, Refrain) else first).at, key)
        chain.append(told)

    def _begun(self, name: str, at: Instant, key: FactKey | None) -> Chain:
        """A new chain absorbs the heads of the others: who removes one of those chains is found by this one."""
        others = {head.chain: [head.position, head.hash] for head in self.heads()}
        chain = Chain(name, key)
        chain.append(all_encoded([Fact("ChainBegan", at, details={"heads": others})]))
        self._chains[name] = chain
        return chain

    def heads(self) -> list[Head]:
        return [chain.head for chain in self._chains.values()]

    def after(self, mark: Mark, kinds: frozenset[str] | None, record: str | None, limit: int) -> tuple[list[Fact], dict[str, int]]:
        found: list[Fact] = []
        reached = dict(mark)
        begins, holds = _telling(kinds, record)
        for name, chain in self._chains.items():
            for position in chain.places(mark.get(name, 0), begins, holds) if kinds is None or kinds else ():
                if len(found) == limit:
                    return found, reached
                fact = chain.fact(position)
                if record is None or fact.record == record:
                    found.append(fact)
                    reached[name] = position
            reached[name] = max(chain.last, reached.get(name, 0))
        return found, reached

    def check(self, noted: Iterable[Head], keys: FactKeys = EMPTY) -> list[Fault]:
        return all_faults([chain.kept for chain in self._chains.values()], noted, keys)

    def keyed(self) -> Mapping[str, int]:
        return Counter(chain.key for chain in self._chains.values() if chain.key is not None and chain.last > chain.base.position)

    def archive(self, upto: Mark) -> int:
        return sum(chain.archive(upto[name]) for name, chain in self._chains.items() if name in upto)


def _telling(kinds: frozenset[str] | None, record: str | None) -> tuple[tuple[str, ...], str]:
    """How the text of a wanted fact begins, and what stands in it."""
    begins = tuple(f"[{json.dumps(kind, ensure_ascii=False)}," for kind in kinds or ())
    return begins, "" if record is None else json.dumps(record, ensure_ascii=False)
