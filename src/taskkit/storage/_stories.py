"""Which facts of the memory store are about which line and record: looked through when somebody asks, and then from there on."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from taskkit.facts import Fact
from taskkit.instants import Instant

if TYPE_CHECKING:
    from taskkit.storage._chains import Chain

#: Of a line and a record, either of which may be none.
About = tuple[str | None, str | None]


class Stories:
    def __init__(self, chains: Mapping[str, Chain]) -> None:
        self._chains = chains
        self._read: dict[str, int] = {}
        self._gone: dict[str, int] = {}  # up to where facts were archived
        self._places: defaultdict[About, list[tuple[Instant, str, int]]] = defaultdict(list)

    def around(self, at: Instant, about: About, limit: int) -> list[Fact]:
        self._read_on()
        if about not in self._places:
            return []
        self._places[about] = places = sorted(place for place in self._places[about] if place[2] in self._chains[place[1]].texts)
        middle = bisect_left(places, (at,))
        return [self._chains[chain].fact(position) for _, chain, position in places[max(0, middle - limit) : middle + limit]]

    def _read_on(self) -> None:
        for name, chain in self._chains.items():
            if chain.base.position > self._gone.get(name, 0):
                self._forget(name, chain.base.position)
            for position in range(max(self._read.get(name, 0), chain.base.position) + 1, chain.last + 1):
                fact = chain.fact(position)
                self._places[fact.line, fact.record].append((fact.at, name, position))
            self._read[name] = chain.last

    def _forget(self, name: str, upto: int) -> None:
        self._gone[name] = upto
        for about, places in list(self._places.items()):
            self._places[about] = [place for place in places if place[1] != name or place[2] > upto]
            if not self._places[about]:
                del self._places[about]
