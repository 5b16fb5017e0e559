"""The facts of the memory store: one chain for each handle, as each writing process has one (A6)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve

from taskkit.facts import Fact, Fault, Head, Mark, began, decoded, encoded, faults, linked
from taskkit.instants import Instant

_BEGUN = '["ChainBegan"'


class Chain:
    """Facts in their order, as text, each with its hash, behind a checkpoint; by position, in dictionaries that no collector looks into."""

    def __init__(self, name: str) -> None:
        self.base = Head(name, 0, began(name))
        self.last, self.hash = 0, self.base.hash
        self.texts: dict[int, str] = {}
        self.hashes: dict[int, str] = {}
        self.absorbed: list[Head] = []  # what archived facts told of other chains

    def append(self, texts: Iterable[str]) -> None:
        last, hash, kept, hashes = self.last, self.hash, self.texts, self.hashes
        for text in texts:
            last += 1
            hash = linked(hash, text)
            kept[last], hashes[last] = text, hash
        self.last, self.hash = last, hash

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

    def heads(self) -> Iterator[Head]:
        """The heads of other chains that stood when this one began."""
        yield from self.absorbed
        for text in self.texts.values():
            if text.startswith(_BEGUN):
                yield from _absorbed(text)

    def archive(self, until: Instant) -> list[Fact]:
        """Only a run from the begin may go: what stays must still follow from the checkpoint."""
        gone: list[Fact] = []
        for position in range(self.base.position + 1, self.last + 1):
            if (fact := self.fact(position)).at >= until:
                break
            gone.append(fact)
        self.absorbed += [head for fact in gone if fact.kind == "ChainBegan" for head in _absorbed(self.texts[fact.position])]
        for fact in gone:
            del self.texts[fact.position], self.hashes[fact.position]
            self.base = Head(self.base.chain, fact.position, fact.hash)
        return gone


class Chains:
    """All chains of one store."""

    def __init__(self) -> None:
        self._chains: dict[str, Chain] = {}

    def append(self, name: str, facts: Sequence[Fact]) -> None:
        """All of them, or none where one cannot be told as JSON."""
        texts = [encoded(fact) for fact in facts]
        chain = self._chains.get(name) or self._begun(name, facts[0].at)
        chain.append(texts)

    def _begun(self, name: str, at: Instant) -> Chain:
        """A new chain absorbs the heads of the others: who removes one of those chains is found by this one."""
        others = {head.chain: [head.position, head.hash] for head in self.heads()}
        chain = self._chains[name] = Chain(name)
        chain.append([encoded(Fact("ChainBegan", at, details={"heads": others}))])
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

    def check(self, noted: Iterable[Head]) -> list[Fault]:
        expected: defaultdict[str, list[Head]] = defaultdict(list)
        for head in (*(head for chain in self._chains.values() for head in chain.heads()), *noted):
            expected[head.chain].append(head)
        found = [Fault(name, 1, "the chain is missing") for name in expected if name not in self._chains]
        for name, chain in self._chains.items():
            found += faults(name, _rows(chain), chain.base, expected[name])
        return found

    def archive(self, until: Instant) -> list[Fact]:
        return [fact for chain in self._chains.values() for fact in chain.archive(until)]


def _telling(kinds: frozenset[str] | None, record: str | None) -> tuple[tuple[str, ...], str]:
    """How the text of a wanted fact begins, and what stands in it."""
    begins = tuple(f"[{json.dumps(kind, ensure_ascii=False)}," for kind in kinds or ())
    return begins, "" if record is None else json.dumps(record, ensure_ascii=False)


def _absorbed(text: str) -> Iterator[Head]:
    """What cannot be read was changed: its hash tells."""
    try:
        heads = json.loads(text)[-1]["heads"].items()
        yield from [Head(name, position, hash) for name, (position, hash) in heads]
    except (ValueError, TypeError, LookupError, AttributeError):
        return


def _rows(chain: Chain) -> Sequence[tuple[int, str, str]]:
    return [(position, text, chain.hashes[position]) for position, text in sorted(chain.texts.items()) if position <= chain.last]
