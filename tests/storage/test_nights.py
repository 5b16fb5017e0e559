"""Starts and ends whose changes nobody has looked at: they land and are refused as their changes would, one after the other (C1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from taskkit.instants import MINUTE
from taskkit.jobs import Job, Kind
from taskkit.states import State
from taskkit.storage import Expect, Insert, Keep, Query, Unit
from taskkit.storage._alike import End, Start, Starts
from taskkit.storage._dues import Queue
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import NOW, POISON, occurrence, told
from tests.storage.test_rooms import rooms
from tests.storage.test_wholes import Nights, twins

_AT_WORK = Query(states=frozenset({State.QUEUED, State.RUNNING}))
_ODD_FIELDS: tuple[dict[str, Any], ...] = ({"lease": NOW + 3 * MINUTE}, {"fire": None}, {"memo": {"a": 1}}, {"operations": ({"a": 1},)})
_ODD_JOBS: tuple[dict[str, Any], ...] = ({"kind": Kind.FIRED}, {"fire": None}, {"execution": "e"}, {"state": State.DEFERRED})


class Batches(Nights):
    """Makes starts that have much in common, and ends: one in four of a batch has something wrong with it, or odd."""

    def units(self, store: MemoryStorage) -> Iterator[Unit]:
        yield tuple(self.around(store))
        starts = self.starts()
        ids = [job.id for job in store.jobs(_AT_WORK, limit=100).jobs]
        for id in self.rng.sample(ids, len(ids)):
            job = store.job(id)
            assert job is not None
            starts = self.starts() if self.odd(0.1) else starts
            if self.odd():  # not as it stands
                job = job.with_({"token": (job.token or 0) - self.odd(0.5)})
            yield self.begin(starts, job) if (job.state is State.QUEUED) != self.odd() else End(job, self.now)

    def starts(self) -> Starts:
        rng, odd = self.rng, self.odd
        still = Expect("task", "t", 1) if not odd() else Expect("task", rng.choice("tu"), rng.choice((0, 1, 2)))
        fields = {"started": self.now, "node": "a"} | (rng.choice(_ODD_FIELDS) if odd(0.1) else {})
        return Starts(still, fields, self.now, {"node": "a"}, None if odd(0.2) else self.following_all())

    def following_all(self) -> Job:
        odd: dict[str, Any] = {"fire": f"{self.rng.randint(1, self.made + 1)}"} if self.odd(0.2) else {}
        odd = self.rng.choice(_ODD_JOBS) if self.odd(0.1) else odd
        return self.successor(pool=self.rng.choice(("local", "dmz")), host=self.rng.choice("xy"), **odd)

    def begin(self, starts: Starts, job: Job) -> Start:
        rng, odd = self.rng, self.odd
        self.made += 1
        own = "account:x" if odd() else f"line:{job.record}"
        return Start(starts, job, own, f"j{rng.randint(1, self.made)}" if odd() else f"j{self.made}")


def claim_all(store: Any, now: int, limit: int = 4) -> list[Any]:
    return list(store.claim(now, worker="w", node="n", pools=["local", "dmz"], limit=limit, lease=now + MINUTE))


@pytest.mark.parametrize("seed", range(40))
def test_c01_what_is_alike_lands_as_its_changes_would(seed: int) -> None:
    whole, parts = twins()
    nights, landed = Batches(seed), 0
    for turn in range(60):
        for unit in nights.units(whole):
            answers = whole.write([unit])[0], parts.write([tuple(unit)])[0]
            assert answers[0] == answers[1], unit
            assert answers[0].freed == answers[1].freed, unit
            landed += bool(answers[0]) and isinstance(unit, Start)
        assert rooms(whole) == rooms(parts), turn
        assert whole.jobs(Query(), limit=1000) == parts.jobs(Query(), limit=1000), turn
        nights.now += MINUTE
        assert claim_all(whole, nights.now) == claim_all(parts, nights.now)
    assert landed > 10
    assert not any(isinstance(value, dict) for rows in whole._jobs._ended.values() for row in rows.values() for value in row[0])


class Crowd(Batches):
    """A night of many jobs that are alike, and one in twelve of them is not."""

    def insert(self) -> list[Unit]:
        return [(Insert(occurrence(f"first{number}", "0", record=f"r{number}", due=NOW)),) for number in range(24)]

    def starting(self, store: MemoryStorage) -> list[Unit]:
        rng, odd = self.rng, self.odd
        self.made += 1
        starts = Starts(Expect("task", "t", 1), {"started": self.now, "node": "a"}, self.now, {"node": "a"}, self.following())
        units: list[Unit] = []
        for place, job in enumerate(store.jobs(Query(states=State.QUEUED), limit=100).jobs):
            record = rng.choice(("r1", "r2")) if odd() else job.record
            token = (job.token or 0) - odd()
            following = f"n{self.made}-{rng.randint(0, place) if odd() else place}"
            units.append(Start(starts, job.with_({"token": token}), f"line:l/{record}", following))
            if odd():
                units.append(rng.choice((units[-1], tuple(self.around(store)), End(job, self.now))))
        return units

    def following(self) -> Job | None:  # type: ignore[override]
        fire = self.rng.randint(0, self.made) if self.odd(0.2) else self.made  # some of them had it before
        return None if self.odd() else occurrence("any", f"{fire}", due=self.now + MINUTE)

    def ending(self, store: MemoryStorage) -> list[Unit]:
        running = list(store.jobs(Query(states=State.RUNNING), limit=100).jobs)
        units: list[Unit] = [End(job.with_({"token": (job.token or 0) - self.odd()}), self.now + self.odd()) for job in running]
        return [*units, *(unit for unit in units if self.odd()), *([tuple(self.around(store))] if self.odd(0.5) else [])]


def noting(counts: list[int], night: Callable[[Sequence[Unit], int], int]) -> Callable[[Sequence[Unit], int], int]:
    def noted(units: Sequence[Unit], place: int) -> int:
        counts.append(night(units, place))
        return counts[-1]

    return noted


@pytest.mark.parametrize("seed", range(30))
def test_c01_a_night_lands_at_once_as_its_jobs_would_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = twins()
    crowd, together = Crowd(seed), list[int]()
    for kind, night in list(whole._rooms.nights.items()):
        monkeypatch.setitem(whole._rooms.nights, kind, noting(together, night))
    for store in (whole, parts):
        store.write(crowd.insert())
    for _ in range(10):
        claims = [store.claim(crowd.now, worker="w", node="n", pools=["local", "dmz"], limit=30, lease=crowd.now + MINUTE)
                  for store in (whole, parts)]  # fmt: skip
        assert claims[0] == claims[1]
        for make in (crowd.starting, crowd.ending):
            batch = make(whole)
            answers = whole.write(batch), parts.write([tuple(unit) for unit in batch])
            assert [(answer, answer.freed) for answer in answers[0]] == [(answer, answer.freed) for answer in answers[1]]
            assert rooms(whole) == rooms(parts)
        crowd.now += MINUTE
    assert sum(together) > 10


@pytest.mark.parametrize("seed", range(10))
def test_c01_a_night_leaves_nothing_behind_where_the_write_breaks_off(seed: int) -> None:
    store, _ = twins()
    crowd = Crowd(seed)
    store.write(crowd.insert())
    for _ in range(6):
        claim_all(store, crowd.now, 30)
        for make in (crowd.starting, crowd.ending):
            before, batch = all_of(store), make(store)
            with pytest.raises(TypeError):
                store.write([*batch, (told(details={"is": object()}),)])
            assert all_of(store) == before
            store.write(batch)
        crowd.now += MINUTE


def entries(queue: Queue) -> list[Any]:
    """Those that count."""
    return sorted({*filter(queue._counts, [*queue._row, *queue._heap])})


def all_of(store: MemoryStorage) -> Any:
    """With what is passed over in the rooms where it fits no job."""
    waiting = {pool: counting for pool, queue in store._rooms.dues._heaps.items() if (counting := entries(queue))}
    ended = {number: rows for number, rows in store._jobs._ended.items() if rows}
    return rooms(store), store.jobs(Query(), limit=1000), waiting, repr(ended)


@pytest.mark.parametrize("seed", range(5))
def test_c01_what_is_alike_lands_in_a_database_as_in_memory(seed: int, tmp_path: Path) -> None:
    memory, _ = twins()
    nights = Batches(seed)
    with closing(SqliteStorage(tmp_path / "jobs.db")) as database:
        database.write([(Keep("task", "t", 0, {}),)])
        for turn in range(30):
            units = list(nights.units(memory))
            assert [answer.refusal for answer in database.write(units)] == [answer.refusal for answer in memory.write(units)], turn
            nights.now += MINUTE
            assert claim_all(memory, nights.now) == claim_all(database, nights.now), turn


@pytest.mark.parametrize("seed", range(10))
def test_c01_what_is_alike_leaves_nothing_behind_where_the_write_breaks_off(seed: int) -> None:
    store, _ = twins()
    nights = Batches(seed)
    for _ in range(40):
        before, units = all_of(store), list(nights.units(store))
        with pytest.raises(TypeError):
            store.write([*units, (told(details={"is": object()}),)])
        assert all_of(store) == before
        assert not store.write([*units, (POISON,)])[-1]
        nights.now += MINUTE
        claim_all(store, nights.now)
