"""Two forecasts side by side: which runs appear, which vanish, and which move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from operator import itemgetter
from typing import Any

from attrs import field, frozen

from taskkit.insight.runs import ForecastRun
from taskkit.instants import HOUR, SECOND, Instant

#: Runs of one task and record that lie so close are one that moved.
_NEAR = 12 * HOUR
Place = tuple[str, str | None]


@frozen
class MovedRun:
    """One run, before and after."""

    before: ForecastRun
    after: ForecastRun

    @property
    def by(self) -> float:
        """How many seconds later it starts; less than none where it starts earlier."""
        return (self.after.start_at - self.before.start_at) / SECOND

    def document(self) -> dict[str, Any]:
        return {"before": self.before.document(), "after": self.after.document(), "by": self.by}

    def __str__(self) -> str:
        return f"{self.before} → {self.after.start:%Y-%m-%d %H:%M}"


@frozen
class Difference:
    """What the later of two forecasts has and the other has not, in the order of time."""

    appeared: tuple[ForecastRun, ...] = field(repr=False)
    vanished: tuple[ForecastRun, ...] = field(repr=False)
    moved: tuple[MovedRun, ...] = field(repr=False)
    same: int

    def __bool__(self) -> bool:
        return bool(self.appeared or self.vanished or self.moved)

    def document(self) -> dict[str, Any]:
        parts: dict[str, Iterable[Any]] = {"appeared": self.appeared, "vanished": self.vanished, "moved": self.moved}
        return {**{name: [one.document() for one in found] for name, found in parts.items()}, "same": self.same}

    def __str__(self) -> str:
        counts = f"{len(self.appeared)} appear, {len(self.vanished)} vanish, {len(self.moved)} move, {self.same} stay"
        signs: tuple[tuple[str, Iterable[object]], ...] = (("+", self.appeared), ("-", self.vanished), ("~", self.moved))
        return "\n".join([counts, *(f"  {sign} {one}" for sign, found in signs for one in found)])


def difference(before: Iterable[ForecastRun], after: Iterable[ForecastRun]) -> Difference:
    """A run is the same where task line, record and nominal time are; else the nearest of its task and record."""
    old, new = _by_place(before), _by_place(after)
    pairs, vanished, appeared = list[tuple[ForecastRun, ForecastRun]](), list[ForecastRun](), list[ForecastRun]()
    for place in {**old, **new}:
        paired, gone, come = _paired(old.get(place, ()), new.get(place, ()))
        pairs += paired
        vanished += gone
        appeared += come
    moved = [MovedRun(one, other) for one, other in pairs if one.start_at != other.start_at]
    moved.sort(key=lambda move: (move.before.start_at, move.before.task_name, move.before.record or ""))
    return Difference(tuple(sorted(appeared, key=_order)), tuple(sorted(vanished, key=_order)), tuple(moved), len(pairs) - len(moved))


def _by_place(runs: Iterable[ForecastRun]) -> Mapping[Place, list[ForecastRun]]:
    found = defaultdict[Place, list[ForecastRun]](list)
    for one in runs:
        found[one.line, one.record].append(one)
    return found


def _paired(
    old: Sequence[ForecastRun], new: Sequence[ForecastRun]
) -> tuple[list[tuple[ForecastRun, ForecastRun]], list[ForecastRun], list[ForecastRun]]:
    """First those of one name, then those that lie closest; and who is left alone on either side."""
    named = {(one.nominal, one.kind, one.cycle): one for one in new if one.nominal is not None}
    pairs, left = list[tuple[ForecastRun, ForecastRun]](), list[ForecastRun]()
    for one in old:
        same = named.pop((one.nominal, one.kind, one.cycle), None) if one.nominal is not None else None
        if same is None:
            left.append(one)
        else:
            pairs.append((one, same))
    taken = {id(other) for _, other in pairs}
    come = [one for one in new if id(one) not in taken]
    gone, used = dict(enumerate(left)), dict(enumerate(come))
    pairs += [
        (gone.pop(place), used.pop(other)) for place, other in _closest([one.start_at for one in left], [one.start_at for one in come])
    ]
    return pairs, list(gone.values()), list(used.values())


def _closest(left: Sequence[Instant], come: Sequence[Instant]) -> Iterator[tuple[int, int]]:
    """Pairs within reach, the closest first: of those that are not paired yet, the closest two stand side by side."""
    line = sorted([(at, 0, place) for place, at in enumerate(left)] + [(at, 1, place) for place, at in enumerate(come)])
    before, after, close = list(range(-1, len(line))), list(range(1, len(line) + 2)), list[tuple[Instant, int, int]]()

    def meet(one: int, other: int) -> None:
        if one >= 0 and other < len(line) and line[one][1] != line[other][1] and (apart := line[other][0] - line[one][0]) <= _NEAR:
            heappush(close, (apart, one, other))

    for place in range(1, len(line)):
        meet(place - 1, place)
    paired = set[int]()
    while close:
        _, one, other = heappop(close)
        if one in paired or other in paired:
            continue
        paired |= {one, other}
        after[before[one]], before[after[other]] = after[other], before[one]
        meet(before[one], after[other])
        old, new = sorted((line[one], line[other]), key=itemgetter(1))
        yield old[2], new[2]


def _order(one: ForecastRun) -> tuple[Instant, str, str]:
    return one.start_at, one.task_name, one.record or ""
