"""C11: holds beside a model that is so plain that it can only be right."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from taskkit.storage import Change, Free, Hold, Wait
from taskkit.testing.contracts.storage._holds import HOST, POOL, A, B, C, crowd, fitting
from taskkit.testing.contracts.storage._makings import (
    NOW,
    Kit,
    refusal,
)


class Models(Kit):
    """The store and the model, told the same, say the same."""

    @pytest.mark.parametrize("seed", range(40))
    def test_c11_holds_do_as_the_model_does(self, seed: int) -> None:
        rng, store, model = random.Random(seed), crowd(self.store()), Model()
        for _ in range(120):
            changes = [_any(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
            answer = refusal(store, *changes)
            assert (answer is None) == model.write(changes), changes
            assert {key: sorted(store.holders(key)) for key in _ALL} == {key: model.holders(key) for key in _ALL}
            keys = rng.sample(_ALL, rng.randint(1, 3))
            assert fitting(store, *keys) == model.fitting(keys)


_ALL = [A, B, C, HOST, POOL]


def _any(rng: random.Random) -> Change:
    hold = Hold(
        rng.choice("abcdefgh"),
        NOW + rng.randint(0, 3),
        tuple(rng.sample([A, B, C], rng.choice((0, 0, 1, 1, 2)))),
        tuple(rng.sample([A, B, C], rng.choice((0, 0, 1, 2)))),
        tuple((key, rng.randint(1, 3)) for key in rng.sample([HOST, POOL], rng.choice((0, 0, 1, 2)))),
    )
    return rng.choice((hold, hold, Wait(hold), Free(hold.job)))


class Model:
    """Who holds and who waits, so plain that it can only be right."""

    def __init__(self) -> None:
        self.held: dict[str, Hold] = {}
        self.waits: dict[str, Hold] = {}

    def write(self, changes: Iterable[Change]) -> bool:
        before = dict(self.held), dict(self.waits)
        if all(self.do(change) for change in changes):
            return True
        self.held, self.waits = before
        return False

    def do(self, change: Change) -> bool:
        if isinstance(change, Hold):
            if not self.fits(change):
                return False
            self.held[change.job] = change
            self.waits.pop(change.job, None)
        elif isinstance(change, Wait):
            self.held.pop(change.hold.job, None)
            self.waits[change.hold.job] = change.hold
        elif isinstance(change, Free):
            self.held.pop(change.job, None)
            self.waits.pop(change.job, None)
        return True

    def fits(self, hold: Hold) -> bool:
        others = [other for other in self.held.values() if other.job != hold.job]
        own = self.held.get(hold.job, Hold(hold.job, 0))
        if not self.has_slots(hold):
            return False
        for key in hold.writes:
            if any(key in other.writes or key in other.uses for other in others):
                return False
            if key not in own.writes and self.is_barred(hold, [one for one in self.waits.values() if key in (*one.writes, *one.uses)]):
                return False
        for key in set(hold.uses) - set(hold.writes):
            if any(key in other.writes for other in others):
                return False
            if key in own.uses or key in own.writes:
                continue
            if self.is_barred(hold, [one for one in self.waits.values() if key in one.writes]):
                return False
        return True

    def is_barred(self, hold: Hold, waiting: list[Hold]) -> bool:
        ahead = [one for one in waiting if one.job != hold.job and (one.wanted, one.job) < (hold.wanted, hold.job)]
        return any(map(self.has_slots, ahead))

    def has_slots(self, hold: Hold) -> bool:
        others = [other for other in self.held.values() if other.job != hold.job]
        return all(sum(key in dict(other.slots) for other in others) < limit for key, limit in hold.slots)

    def holders(self, key: str) -> list[str]:
        return sorted(job for job, hold in self.held.items() if key in hold.keys)

    def fitting(self, keys: Iterable[str]) -> list[str]:
        wanting = [hold for hold in self.waits.values() if set(keys) & set(hold.keys)]
        tried = Model()
        tried.held, tried.waits = dict(self.held), dict(self.waits)
        return [hold.job for hold in sorted(wanting, key=lambda hold: (hold.wanted, hold.job)) if tried.do(hold)]
