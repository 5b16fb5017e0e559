"""How many texts keep a set of demands, and which one each number names. Nothing is drawn here, and no demand is put into words.

All texts are counted from their end to their front: how many ways lead on from a place depends only on what classes still lack, and, where
runs are limited, on the character before. One number below the count names one text, so one even draw is even over all texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from attrs import field, frozen

#: What may still be counted while somebody waits: steps from place to place.
MOST_STEPS = 1_000_000


@frozen
class Group:
    """Characters between which no demand tells a difference."""

    characters: str
    #: For each class, whether they count for it.
    counts: tuple[bool, ...]
    begins: bool
    ends: bool


@frozen
class Demands:
    """What all texts have in common."""

    shortest: int
    longest: int
    #: Of each class its characters, and how many of them are needed.
    classes: tuple[tuple[frozenset[str], int], ...]
    begins: frozenset[str]
    ends: frozenset[str]
    runs: int | None = field(default=None)

    @property
    def groups(self) -> tuple[Group, ...]:
        alike: dict[tuple[tuple[bool, ...], bool, bool], list[str]] = {}
        for character in sorted(frozenset[str]().union(*(known for known, _ in self.classes))):
            counts = tuple(character in known for known, _ in self.classes)
            alike.setdefault((counts, character in self.begins, character in self.ends), []).append(character)
        return tuple(Group("".join(characters), *told) for told, characters in alike.items())

    @property
    def limited(self) -> int | None:
        """How long a run may be, where that is less than a text may be anyway."""
        return self.runs if self.runs is not None and self.runs < self.longest else None

    @property
    def steps(self) -> int:
        """How much there is to count."""
        places = self.longest
        for _, least in self.classes:
            places *= least + 1
        groups = len(self.groups)
        return places * groups * (groups * self.limited if self.limited else 1)


@frozen
class _Place:
    """What decides how a text may go on: what is lacking, and of which group, how often, its last character was said."""

    lacking: tuple[int, ...]
    group: int = -1
    run: int = 0


@frozen
class _Move:
    """To another place, by any of so many characters of a group; `again` by the very character before."""

    group: int
    ways: int
    place: _Place
    again: bool = False


class Spellings:
    """All texts that keep the demands, each with a number."""

    def __init__(self, demands: Demands) -> None:
        self._demands, self._groups = demands, demands.groups
        needed = tuple(least for _, least in demands.classes)
        self._start = _Place(needed)
        self._moves = {place: tuple(self._moves_from(place)) for place in self._places(needed)}
        self._ways = [{place: int(not any(place.lacking)) for place in self._moves}]
        for left in range(1, demands.longest):
            self._ways.append({place: sum(self._blocks(place, left)) for place in self._moves})
        self._totals = {length: self._total(length) for length in range(demands.shortest, demands.longest + 1)}
        self.count = sum(self._totals.values())

    def spelled(self, number: int) -> str:
        """The text of a number below the count."""
        length, number = self._length_of(number)
        said: list[str] = []
        place = self._start
        for left in range(length, 0, -1):
            for move in self._moves_of(place, left, first=not said):
                block = move.ways * self._ways[left - 1][move.place]
                if number < block:
                    break
                number -= block
            which, number = divmod(number, self._ways[left - 1][move.place])
            said.append(self._character(move, which, said[-1] if said else "", place.group))
            place = move.place
        return "".join(said)

    def _length_of(self, number: int) -> tuple[int, int]:
        """How long the text is, and its number among those of its length."""
        for length, total in self._totals.items():
            if number < total:
                return length, number
            number -= total
        raise IndexError("there are not so many texts")

    def _character(self, move: _Move, which: int, before: str, group: int) -> str:
        if move.again:
            return before
        characters = self._groups[move.group].characters
        return characters[which + (which >= characters.index(before))] if move.group == group else characters[which]

    def _places(self, needed: tuple[int, ...]) -> Iterator[_Place]:
        for lacking in product(*(range(least + 1) for least in needed)):
            yield _Place(lacking)
            if self._demands.limited:
                yield from (_Place(lacking, group, run) for group, run in product(range(len(self._groups)), self._runs))

    @property
    def _runs(self) -> Iterable[int]:
        return range(1, (self._demands.limited or 0) + 1)

    def _moves_from(self, place: _Place) -> Iterator[_Move]:
        limited = self._demands.limited
        for number, group in enumerate(self._groups):
            lacking = tuple(least - (least > 0 and counts) for least, counts in zip(place.lacking, group.counts, strict=True))
            if not limited:
                yield _Move(number, len(group.characters), _Place(lacking))
                continue
            same = number == place.group
            if same and place.run < limited:
                yield _Move(number, 1, _Place(lacking, number, place.run + 1), again=True)
            yield _Move(number, len(group.characters) - same, _Place(lacking, number, 1))

    def _moves_of(self, place: _Place, left: int, *, first: bool = False) -> Iterator[_Move]:
        """Those that are open where so many characters are left."""
        for move in self._moves[place]:
            group = self._groups[move.group]
            if (group.ends or left > 1) and (group.begins or not first):
                yield move

    def _blocks(self, place: _Place, left: int, *, first: bool = False) -> Iterator[int]:
        return (move.ways * self._ways[left - 1][move.place] for move in self._moves_of(place, left, first=first))

    def _total(self, length: int) -> int:
        return sum(self._blocks(self._start, length, first=True))
