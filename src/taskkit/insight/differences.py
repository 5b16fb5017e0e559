"""Two forecasts side by side: which runs appear, which vanish, and which move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    close = sorted(_close(left, come))
    gone, used = dict(enumerate(left)), dict(enumerate(come))
    for _, place, other in close:
        if place in gone and other in used:
            pairs.append((gone.pop(place), used.pop(other)))
    return pairs, list(gone.values()), list(used.values())


def _close(left: Sequence[ForecastRun], come: Sequence[ForecastRun]) -> Iterator[tuple[Instant, int, int]]:
    """Who lies within reach of whom, and how far apart; both come in the order of time."""
    first = 0
    for place, one in enumerate(left):
        while first < len(come) and come[first].start_at < one.start_at - _NEAR:
            first += 1
        for other in range(first, len(come)):
            apart = come[other].start_at - one.start_at
            if apart > _NEAR:
                break
            yield abs(apart), place, other


def _order(one: ForecastRun) -> tuple[Instant, str, str]:
    return one.start_at, one.task_name, one.record or ""
