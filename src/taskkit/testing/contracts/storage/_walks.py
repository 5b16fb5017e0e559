"""Long random walks over everything at once: what the store says of itself stays true after every unit (C1, C2, C5 to C11)."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskkit.instants import MINUTE
from taskkit.jobs import Job, Kind
from taskkit.states import CLAIMED, FINAL, PENDING, TABLE, State, Step
from taskkit.storage import Absorb, Change, Free, Hold, Insert, Join, Keep, Move, Query, Storage, Wait
from taskkit.testing.contracts.storage._makings import KEYS, NOW, POISON, Kit, cause, job, probed, seen, told

_KINDS = [Kind.OCCURRENCE, Kind.OCCURRENCE, Kind.FIRED, Kind.FALLBACK, Kind.DEMAND, Kind.PART]


class Walker:
    """Makes changes, most of which are likely to land, some of which are not."""

    def __init__(self, store: Storage, seed: int, other: Storage | None = None) -> None:
        self.store, self.rng, self.now, self.made = store, random.Random(seed), NOW, 0
        self.other = other or store

    def unit(self) -> tuple[Change, ...]:
        if self.rng.random() < 0.04:
            return (self.absorb(),)
        return tuple(self.change() for _ in range(self.rng.choice((1, 1, 2, 3, 5))))

    def change(self) -> Change:
        return self.rng.choice((self.insert, self.move, self.move, self.move, self.join, self.hold, self.hold, self.keep, self.tell))()

    def any_job(self) -> Job:
        found = self.store.jobs(Query(), limit=60).jobs
        return self.rng.choice(found) if found else job("nobody")

    def insert(self) -> Change:
        self.made += 1
        kind, rng = self.rng.choice(_KINDS), self.rng
        id = f"j{self.made}" if rng.random() < 0.95 else "j1"
        fire = f"f{rng.randint(0, 40)}" if kind is Kind.OCCURRENCE else None
        causes = tuple(cause(id, f"f{rng.randint(0, 40)}", at=self.now) for _ in range(rng.choice((0, 0, 1, 2))))
        state = rng.choice((State.SCHEDULED, State.SCHEDULED, State.DEFERRED, State.AWAITING_CONSENT))
        made = job(id, kind=kind, line=rng.choice("lm"), record=rng.choice((None, "r", "s")), fire=fire, due=self.now + rng.randint(-3, 3),
                   state=state, pool=rng.choice(("local", "dmz")))  # fmt: skip
        return Insert(made, causes)

    def move(self) -> Change:
        rng, of = self.rng, self.any_job()
        steps = list(TABLE[of.state]) if rng.random() < 0.9 else list(Step)
        step = rng.choice(steps or list(Step))
        fields = rng.choice(({}, {"due": self.now + rng.randint(-2, 5)}, {"fire": f"f{rng.randint(0, 40)}"}, {"fire": None},
                             {"line": "m", "record": "s"}, {"record": None}, {"pool": "dmz"}, {"lease": self.now + 3}))  # fmt: skip
        stale = rng.random() < 0.1
        if of.state in CLAIMED:
            return Move(of.id, step, token=(of.token or 0) - stale, fields=fields)
        return Move(of.id, step, of.revision - stale, fields=fields)

    def join(self) -> Change:
        return Join(cause(self.any_job().id, f"f{self.rng.randint(0, 40)}", at=self.now, due=self.now + self.rng.randint(-4, 4)))

    def absorb(self) -> Change:
        """By a job of the same line and record: nobody else stands for its fires."""
        one, other = self.any_job(), self.any_job()
        return Absorb(one.id, other.id if (one.line, one.record) == (other.line, other.record) else one.id)

    def hold(self) -> Change:
        rng = self.rng
        hold = Hold(self.any_job().id, self.now, tuple(rng.sample(["account:a", "account:b"], rng.choice((0, 1)))),
                    tuple(rng.sample(["account:a", "account:b"], rng.choice((0, 1)))), ((("host:h"), rng.randint(1, 3)),))  # fmt: skip
        return rng.choice((hold, hold, Wait(hold), Free(hold.job)))

    def keep(self) -> Change:
        id, group = self.rng.choice("xyz"), self.rng.choice(("", "warm", "cold"))
        found = self.store.document("colour", id)
        body = None if self.rng.random() < 0.3 else {"is": self.rng.random()}
        return Keep("colour", id, 0 if found is None else found.revision, body, group)

    def tell(self) -> Change:
        return told(self.rng.choice(("Painted", "Rained")), self.now)


class Walks(Kit):
    """What holds after every unit, whatever it was."""

    @pytest.mark.parametrize("seed", range(12))
    def test_c01_a_refused_unit_changes_nothing_and_the_lists_agree_with_the_jobs(self, seed: int) -> None:
        store = probed(self.store())
        walker = Walker(store, seed, self.second_handle(store))
        assert sum(walked(walker, turn) for turn in range(150)) > 40
        assert not walker.store.check(walker.store.heads())

    @given(st.lists(st.integers(0, 9999), max_size=50))
    @settings(deadline=None, max_examples=40, report_multiple_bugs=False, suppress_health_check=list(HealthCheck))
    def test_c01_a_short_walk_does_not_lead_there_either(self, turns: list[int]) -> None:
        """What it finds is as short as can be: each number is one unit."""
        store = probed(self.store())
        walker = Walker(store, 0, self.second_handle(store))
        for turn in turns:
            walker.rng.seed(turn)
            walked(walker, turn)


def walked(walker: Walker, turn: int) -> bool:
    """One unit further; whether it landed. Another handle looks than has written, and writes the next."""
    store, other = walker.store, walker.other
    unit, before = walker.unit(), seen(store)
    if turn % 3 == 0:
        place = walker.rng.randint(0, len(unit))
        assert not store.write([(*unit[:place], POISON, *unit[place:])])[0], unit
        assert seen(other) == before, unit
    landed = bool(store.write([unit])[0])
    assert landed or seen(other) == before, unit
    if turn % 5 == 0:
        walker.now += walker.rng.randint(0, 4)
        store.claim(walker.now, worker="w", node="n", pools=["local", "dmz"], limit=2, lease=walker.now + MINUTE // 6)
    agrees(other)
    walker.store, walker.other = other, store
    return landed


def agrees(store: Storage) -> None:
    """What the store tells by its lists is what its jobs tell."""
    jobs = list(store.jobs(Query(), limit=10_000).jobs)
    opened = [one for one in jobs if one.state not in FINAL]
    for line in "lm":
        for record in (None, "r", "s"):
            here = [one.id for one in reversed(opened) if (one.line, one.record) == (line, record)]
            assert [one.id for one in store.open_jobs(line, record)] == here
    assert {one.id for one in store.jobs(Query(states=PENDING), limit=9999).jobs} == {one.id for one in opened if one.state in PENDING}
    sitting = Counter(one.seat for one in opened if one.state in PENDING and one.seat is not None)
    assert all(store.seated(seat) is not None for seat in sitting)
    fires = Counter((one.line, one.record, fire) for one in jobs for fire in fires_of(store, one))
    assert set(fires.values()) <= {1}
    held = {id for key in ("account:a", "account:b", "host:h") for id in store.holders(key)}
    assert held | {one.id for one in store.fitting(KEYS)} <= {one.id for one in opened}
    due = [one.due for one in opened if one.state in (State.SCHEDULED, State.DEFERRED)]
    leases = [one.lease or 0 for one in opened if one.state in CLAIMED]
    assert store.next_due(["local", "dmz"]) == min([*due, *leases], default=None)


def fires_of(store: Storage, of: Job) -> list[str]:
    return [*([of.fire] if of.fire is not None else []), *(one.fire for one in store.causes(of.id))]
