"""The facts of the memory store: one chain for each handle, as each writing process has one (A6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve

from taskkit.facts import Fact, Fault, Head, Mark, began, decoded, encoded, faults, linked
from taskkit.instants import Instant


class Chain:
    """Facts in their order, as text, each with its hash, behind a checkpoint."""

    def __init__(self, name: str) -> None:
        self.base = Head(name, 0, began(name))
        self.texts: list[str] = []
        self.hashes: list[str] = []

    def append(self, fact: Fact) -> None:
        text = encoded(fact)
        self.texts.append(text)
        self.hashes.append(linked(self.hashes[-1] if self.hashes else self.base.hash, text))

    @property
    def head(self) -> Head:
        return evolve(self.base, position=self.base.position + len(self.texts), hash=self.hashes[-1]) if self.texts else self.base

    def fact(self, place: int) -> Fact:
        return decoded(self.texts[place], self.base.chain, self.base.position + place + 1, self.hashes[place])

    def after(self, position: int) -> Iterable[Fact]:
        return (self.fact(place) for place in range(max(0, position - self.base.position), len(self.texts)))

    def archive(self, until: Instant) -> list[Fact]:
        """Only a run from the begin may go: what stays must still follow from the checkpoint."""
        count = 0
        while count < len(self.texts) and self.fact(count).at < until:
            count += 1
        gone = [self.fact(place) for place in range(count)]
        if gone:
            self.base = Head(self.base.chain, gone[-1].position, gone[-1].hash)
            del self.texts[:count], self.hashes[:count]
        return gone


class Chains:
    """All chains of one store."""

    def __init__(self) -> None:
        self._chains: dict[str, Chain] = {}

    def begin(self, name: str, at: Instant) -> None:
        """A new chain absorbs the heads of the others: who removes one of those chains is found by this one."""
        others = {head.chain: [head.position, head.hash] for head in self.heads()}
        chain = self._chains[name] = Chain(name)
        chain.append(Fact("ChainBegan", at, details={"heads": others}))

    def has(self, name: str) -> bool:
        return name in self._chains

    def append(self, name: str, facts: Iterable[Fact]) -> None:
        chain = self._chains[name]
        for fact in facts:
            chain.append(fact)

    def heads(self) -> list[Head]:
        return [chain.head for chain in self._chains.values()]

    def after(self, mark: Mark, kinds: frozenset[str] | None, record: str | None, limit: int) -> tuple[list[Fact], dict[str, int]]:
        found: list[Fact] = []
        reached = dict(mark)
        for name, chain in self._chains.items():
            for fact in chain.after(mark.get(name, 0)):
                if len(found) == limit:
                    return found, reached
                reached[name] = fact.position
                if (kinds is None or fact.kind in kinds) and (record is None or fact.record == record):
                    found.append(fact)
        return found, reached

    def check(self, noted: Iterable[Head]) -> list[Fault]:
        expected = {head.chain: head for head in (*self._absorbed(), *noted)}
        found = [Fault(name, 1, "the chain is missing") for name in expected if name not in self._chains]
        for name, chain in self._chains.items():
            found += faults(name, _rows(chain), chain.base, expected.get(name))
        return found

    def _absorbed(self) -> Iterable[Head]:
        for chain in self._chains.values():
            for fact in chain.after(chain.base.position):
                if fact.kind == "ChainBegan":
                    yield from (Head(name, position, hash) for name, (position, hash) in fact.details["heads"].items())

    def archive(self, until: Instant) -> list[Fact]:
        return [fact for chain in self._chains.values() for fact in chain.archive(until)]


def _rows(chain: Chain) -> Sequence[tuple[int, str, str]]:
    first = chain.base.position + 1
    return [(first + place, text, hash) for place, (text, hash) in enumerate(zip(chain.texts, chain.hashes, strict=True))]
