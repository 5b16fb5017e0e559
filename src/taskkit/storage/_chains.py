"""The facts of the memory store: one chain for each handle, as each writing process has one (A6)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from attrs import evolve

from taskkit.facts import Fact, FactKey, FactKeys, Fault, Head, KeptChain, Mark, all_encoded, all_faults, began, decoded, heads_in, linked
from taskkit.instants import Instant
from taskkit.records import EMPTY
from taskkit.storage._stories import Stories


class Chain:
    """Facts in their order, as text, each with its hash, behind a checkpoint; by position, in dictionaries that no collector looks into."""

    def __init__(self, name: str, key: str | None = None) -> None:
        self.base, self.key = Head(name, 0, began(name)), key
        self.last, self.hash = 0, self.base.hash
        self.texts: dict[int, str] = {}
        self.hashes: dict[int, str] = {}
        self.absorbed: list[Head] = []  # what archived facts told of other chains

    def append(self, texts: Iterable[str], key: FactKey | None = None) -> None:
        last, hash, kept, hashes = self.last, self.hash, self.texts, self.hashes
        for text in texts:
            last += 1
            hash = linked(hash, text, key)
            kept[last], hashes[last] = text, hash
        self.last, self.hash = last, hash

    @property
    def kept(self) -> KeptChain:
        return KeptChain(self.base, self, self.key, self.absorbed)

    @property
    def head(self) -> Head:
        return evolve(self.base, position=self.last, hash=self.hash)

    def fact(self, position: int) -> Fact:
        return decoded(self.texts[position], self.base.chain, position, self.hashes[position])

    def places(self, after: int, begins: tuple[str, ...], holds: str) -> Iterator[int]:
        """Positions of facts whose text begins and holds like this: most are passed over unread."""
        for position in range(max(after, self.base.position) + 1, self.last + 1):
            text = self.texts.get(position, "")
            if text and holds in text and (not begins or text.startswith(begins)):
                yield position

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        """Position, text and hash of each fact that is there."""
        for position in range(self.base.position + 1, self.last + 1):
            if position in self.texts:
                yield position, self.texts[position], self.hashes[position]

    def archive(self, upto: int) -> int:
        """What stays must still follow from the checkpoint."""
        gone = list(takewhile(lambda fact: fact[0] <= upto, self))
        for position, text, hash in gone:
            self.absorbed += heads_in(text)
            del self.texts[position], self.hashes[position]
            self.base = Head(self.base.chain, position, hash)
        return len(gone)


class Chains:
    """All chains of one store."""

    def __init__(self) -> None:
        self._chains: dict[str, Chain] = {}
        self.stories = Stories(self._chains)

    def append(self, name: str, facts: Sequence[Fact | str], key: FactKey | None = None) -> None:
        """All of them, or none where one cannot be told as JSON. The key is the one with which the chain was begun."""
        texts = all_encoded(facts)
        chain = self._chains.get(name) or self._begun(name, decoded(texts[0], name, 0, "").at, key)
        chain.append(texts, key)

    def _begun(self, name: str, at: Instant, key: FactKey | None) -> Chain:
        """A new chain absorbs the heads of the others: who removes one of those chains is found by this one."""
        others = {head.chain: [head.position, head.hash] for head in self.heads()}
        chain = self._chains[name] = Chain(name, None if key is None else key.id)
        chain.append(all_encoded([Fact("ChainBegan", at, details={"heads": others})]), key)
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
        return Counter(chain.key for chain in self._chains.values() if chain.key is not None and chain.texts)

    def archive(self, upto: Mark) -> int:
        return sum(chain.archive(upto[name]) for name, chain in self._chains.items() if name in upto)


def _telling(kinds: frozenset[str] | None, record: str | None) -> tuple[tuple[str, ...], str]:
    """How the text of a wanted fact begins, and what stands in it."""
    begins = tuple(f"[{json.dumps(kind, ensure_ascii=False)}," for kind in kinds or ())
    return begins, "" if record is None else json.dumps(record, ensure_ascii=False)
