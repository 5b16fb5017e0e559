"""How many texts keep a set of demands, and which one each number names. Nothing is drawn here, and no demand is put into words.

All texts are counted from their end to their front: how many ways lead on from a place depends only on what classes still lack, and, where
runs are limited, on the character before. One number below the count names one text, so one even draw is even over all texts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate, product

from attrs import field, frozen

#: What may still be counted while somebody waits: steps from place to place.
MOST_STEPS = 1_000_000
#: For so many places it is kept which number leads where: all of a common policy, and the beginning of a strange one.
MOST_BLOCKS = 2_000


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
    place: int
    again: bool = False


#: The first number of each move from a place, and for each the characters of its group and how many ways lead on behind it.
_Blocks = tuple[tuple[int, ...], tuple[tuple[_Move, str, int], ...]]


class Spellings:
    """All texts that keep the demands, each with a number. Places go by numbers, too; the first is where texts begin."""

    def __init__(self, demands: Demands) -> None:
        self._demands, self._groups = demands, demands.groups
        self._places = tuple(self._all_places())
        numbers = {place: number for number, place in enumerate(self._places)}
        self._moves = [tuple(self._moves_from(place, numbers)) for place in self._places]
        self._ways = self._counted()
        #: Of places that draws have come by.
        self._blocks: dict[tuple[int, int, bool], _Blocks] = {}
        lengths = range(demands.shortest, demands.longest + 1)
        self._totals = {length: sum(self._block(move, length) for move in self._open(0, length, first=True)) for length in lengths}
        self.count = sum(self._totals.values())

    def spelled(self, number: int) -> str:
        """The text of a number below the count."""
        length, number = self._length_of(number)
        said: list[str] = []
        place = 0
        for left in range(length, 0, -1):
            bounds, moves = self._blocks.get((place, left, not said)) or self._bounded(place, left, first=not said)
            at = bisect_right(bounds, number) - 1
            move, characters, behind = moves[at]
            which, number = divmod(number - bounds[at], behind)
            if move.group != self._places[place].group:
                said.append(characters[which])
            else:
                said.append(said[-1] if move.again else _another(characters, which, said[-1]))
            place = move.place
        return "".join(said)

    def _bounded(self, place: int, left: int, *, first: bool) -> _Blocks:
        moves, behind = tuple(self._open(place, left, first=first)), self._ways[left - 1]
        bounds = tuple(accumulate((self._block(move, left) for move in moves), initial=0))[:-1]
        found = bounds, tuple((move, self._groups[move.group].characters, behind[move.place]) for move in moves)
        if len(self._blocks) < MOST_BLOCKS:
            self._blocks[place, left, first] = found
        return found

    def _length_of(self, number: int) -> tuple[int, int]:
        """How long the text is, and its number among those of its length."""
        for length, total in self._totals.items():
            if number < total:
                return length, number
            number -= total
        raise IndexError("there are not so many texts")

    # places and moves

    def _all_places(self) -> Iterator[_Place]:
        limited = self._demands.limited
        for lacking in product(*(range(least, -1, -1) for _, least in self._demands.classes)):
            yield _Place(lacking)
            if limited:
                yield from (_Place(lacking, group, run) for group, run in product(range(len(self._groups)), range(1, limited + 1)))

    def _moves_from(self, place: _Place, numbers: Mapping[_Place, int]) -> Iterator[_Move]:
        limited = self._demands.limited
        for number, group in enumerate(self._groups):
            lacking = tuple(least - (least > 0 and counts) for least, counts in zip(place.lacking, group.counts, strict=True))
            if not limited:
                yield _Move(number, len(group.characters), numbers[_Place(lacking)])
                continue
            same = number == place.group
            if same and place.run < limited:
                yield _Move(number, 1, numbers[_Place(lacking, number, place.run + 1)], again=True)
            yield _Move(number, len(group.characters) - same, numbers[_Place(lacking, number, 1)])

    def _open(self, place: int, left: int, *, first: bool = False) -> Iterator[_Move]:
        """The moves from a place where so many characters are left."""
        for move in self._moves[place]:
            group = self._groups[move.group]
            if (group.ends or left > 1) and (group.begins or not first):
                yield move

    # counting

    def _counted(self) -> list[list[int]]:
        """How many ways lead on, by how many characters are left and by place."""
        ways = [[int(not any(place.lacking)) for place in self._places]]
        last = [[(move.ways, move.place) for move in self._open(place, 1)] for place in range(len(self._places))]
        inner = [[(move.ways, move.place) for move in moves] for moves in self._moves]
        for left in range(1, self._demands.longest):
            behind = ways[-1]
            ways.append([sum(count * behind[place] for count, place in moves) for moves in (last if left == 1 else inner)])
        return ways

    def _block(self, move: _Move, left: int) -> int:
        return move.ways * self._ways[left - 1][move.place]


def _another(characters: str, which: int, before: str) -> str:
    """Of a group without the character before."""
    return characters[which + (which >= characters.index(before))]
