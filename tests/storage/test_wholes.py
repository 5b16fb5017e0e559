"""Units that are decided as wholes: they land and are refused as their changes would, one after the other (C1)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from taskkit.instants import MINUTE
from taskkit.jobs import Job, Kind
from taskkit.states import State, Step
from taskkit.storage import Change, Expect, Free, Hold, Insert, Keep, Move, Query, Wait
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.storage.units import Unit
from taskkit.testing.contracts.storage._makings import NOW, POISON, cause, occurrence, told
from tests.storage.test_rooms import rooms

_TASK = Expect("task", "t", 1)
_ODD_FIELDS = ({"lease": NOW + 3 * MINUTE}, {"fire": None}, {"record": "s"}, {"pool": "dmz"}, {"line": "m"}, {"kind": Kind.FIRED})


class Nights:
    """Makes units such as start and end jobs: one in three of them has something wrong with it, or odd."""

    def __init__(self, seed: int) -> None:
        self.rng, self.made, self.now = random.Random(seed), 0, NOW

    def units(self, store: MemoryStorage) -> Iterator[Unit]:
        yield tuple(self.around(store))
        jobs = store.jobs(Query(states=frozenset({State.QUEUED, State.RUNNING})), limit=100).jobs
        for job in self.rng.sample(jobs, len(jobs)):
            yield self.start(job) if (job.state is State.QUEUED) != self.odd(0.05) else self.end(job)

    def odd(self, share: float = 0.04) -> bool:
        return self.rng.random() < share

    def successor(self, id: str = "", **fields: Any) -> Job:
        self.made += 1
        record, due = self.rng.choice("abcd"), self.now + self.rng.randint(0, 2) * MINUTE
        told = {"record": record, "fire": f"{self.made}", "due": due, **fields}
        return occurrence(id or f"j{self.made}", told.pop("fire"), **told)

    def around(self, store: MemoryStorage) -> list[Change]:
        """What others do meanwhile."""
        jobs, rng = store.jobs(Query(), limit=100).jobs, self.rng
        job = rng.choice(jobs).id if jobs else "nobody"
        made: Sequence[Change] = (
            Insert(self.successor(kind=rng.choice((Kind.OCCURRENCE, Kind.FIRED, Kind.DEMAND)), fire=None)),
            Hold(job, self.now, (), (f"line:{rng.choice('abcd')}",), (("host:h", 2),)),
            Wait(Hold(job, self.now, (f"line:{rng.choice('abcd')}",))), Free(job), Free(job), Insert(self.successor()),
        )  # fmt: skip
        return [rng.choice(made)]

    def start(self, job: Job) -> Unit:
        rng, odd = self.rng, self.odd
        expect = _TASK if not odd() else Expect("task", rng.choice("tu"), rng.choice((0, 1, 2)))
        fields: dict[str, Any] = {"started": self.now, "node": "a"} | (rng.choice(_ODD_FIELDS) if odd() else {})
        move = Move(job.id, Step.START if not odd() else Step.RELEASE, None, (job.token or 0) - odd(), fields, 0 if odd() else None)
        slots, uses = ((("host:h", 2),) if odd() else ()), (("account:x",) if odd() else ())
        hold = Hold(job.id if not odd(0.01) else "j1", job.wanted, (f"line:{job.record}", *(("account:x",) if odd() else ())), uses, slots)
        unit: Unit = (expect, move, hold, told("JobStarted", self.now, job=job.id))
        return unit if odd(0.2) else (*unit, self.following(job))

    def following(self, job: Job) -> Insert:
        rng, odd = self.rng, self.odd
        fire = {"fire": f"{rng.randint(1, self.made)}"} if odd() else {"fire": None} if odd() else {}
        state = rng.choice((State.DEFERRED, State.AWAITING_CONSENT)) if odd() else State.SCHEDULED
        place = {"record": rng.choice("abcd") if odd() else job.record, "state": state}
        new = self.successor(f"j{rng.randint(1, self.made)}" if odd() else "", **place, **fire)
        return Insert(new, (cause(new.id, f"c{rng.randint(0, 40)}"),) if odd() else ())

    def end(self, job: Job) -> Unit:
        rng, odd = self.rng, self.odd
        step = rng.choice((Step.DEFER, Step.FAIL, Step.DOUBT, Step.CANCEL, Step.BEAT)) if odd(0.3) else Step.COMPLETE
        fields = {"ended": self.now} | (rng.choice(_ODD_FIELDS) if odd() else {})
        move = Move(job.id, step, None, (job.token or 0) - odd(), fields, 0 if odd() else None)
        return move, told("JobEnded", self.now, job=job.id)


def twins() -> tuple[MemoryStorage, MemoryStorage]:
    """One as it is, and one that decides everything change by change."""
    stores = MemoryStorage(), MemoryStorage()
    stores[1]._rooms._wholes.clear()
    stores[1]._rooms.nights = {}
    stores[1].chain = stores[0].chain
    for store in stores:
        store.write([(Keep("task", "t", 0, {}),)])
    return stores


@pytest.mark.parametrize("seed", range(40))
def test_c01_a_whole_is_what_its_changes_are(seed: int) -> None:
    whole, parts = twins()
    nights, landed = Nights(seed), 0
    for turn in range(60):
        for unit in nights.units(whole):
            answers = [store.write([unit])[0] for store in (whole, parts)]
            assert answers[0] == answers[1], unit
            assert answers[0].freed == answers[1].freed, unit
            landed += bool(answers[0]) and len(unit) > 1
        assert rooms(whole) == rooms(parts), turn
        nights.now += MINUTE
        claims = [store.claim(nights.now, worker="w", node="n", pools=["local", "dmz"], limit=4, lease=nights.now + MINUTE)
                  for store in (whole, parts)]  # fmt: skip
        assert claims[0] == claims[1]
    assert landed > 40


@pytest.mark.parametrize("seed", range(10))
def test_c01_a_whole_in_a_database_is_what_it_is_in_memory(seed: int, tmp_path: Path) -> None:
    """Where only what a write is about is loaded, and the rooms stay from one write to the next."""
    memory, _ = twins()
    nights = Nights(seed)
    with closing(SqliteStorage(tmp_path / "jobs.db")) as database:
        database.write([(Keep("task", "t", 0, {}),)])
        for turn in range(40):
            units = list(nights.units(memory))
            for portion in (units[:2], units[2:]):
                assert [answer.refusal for answer in database.write(portion)] == [answer.refusal for answer in memory.write(portion)], turn
            nights.now += MINUTE
            claims = [store.claim(nights.now, worker="w", node="n", pools=["local", "dmz"], limit=4, lease=nights.now + MINUTE)
                      for store in (memory, database)]  # fmt: skip
            assert list(claims[0]) == list(claims[1]), turn


@pytest.mark.parametrize("seed", range(5))
def test_c01_a_whole_beside_one_that_is_refused_and_one_that_breaks_off(seed: int) -> None:
    store, _ = twins()
    nights = Nights(seed)
    for _ in range(30):
        before, units = rooms(store), list(nights.units(store))
        with pytest.raises(TypeError):
            store.write([*units, (told(details={"is": object()}),)])
        assert rooms(store) == before
        assert not store.write([*units, (POISON,)])[-1]
        nights.now += MINUTE
        store.claim(nights.now, worker="w", node="n", pools=["local", "dmz"], limit=4, lease=nights.now + MINUTE)


def test_c01_what_starts_and_ends_most_jobs_is_decided_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = twins()
    store.write([(Insert(occurrence("j1", "1")),)])
    monkeypatch.setattr(store._rooms, "_land", lambda unit: pytest.fail(f"change by change: {unit}"))
    [claimed] = store.claim(NOW, worker="w", node="n", pools=["local"], limit=4, lease=NOW + MINUTE)
    move, hold = Move("j1", Step.START, None, claimed.job.token, {"started": NOW}), Hold("j1", NOW, ("line:l/r",))
    assert store.write([(_TASK, move, hold, told("JobStarted"), Insert(occurrence("j2", "2")))])[0]
    assert store.write([(Move("j1", Step.COMPLETE, None, claimed.job.token, {"ended": NOW}), told("JobCompleted"))])[0]
    assert store.jobs(Query(states=State.COMPLETED)).jobs[0].id == "j1"
