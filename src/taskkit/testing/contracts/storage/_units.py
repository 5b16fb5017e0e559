"""C1 to C3: units land whole or not at all, refuse no other, and are there for everybody once they have landed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from taskkit.jobs import Job, Kind
from taskkit.states import State, Step
from taskkit.storage import LANDED, Change, Free, Hold, Insert, Keep, Move, Query, Refusal, Storage
from taskkit.testing.contracts.storage import _makings as makings
from taskkit.testing.contracts.storage._changes import CHANGES, furnished
from taskkit.testing.contracts.storage._makings import (
    NOW,
    POISON,
    Kit,
    job,
    kept,
    lands,
    occurrence,
    seen,
    told,
)


class Units(Kit):
    """A unit is one change of the store, however many changes it names."""

    @pytest.mark.parametrize("name", CHANGES)
    def test_c01_what_a_unit_did_before_its_refusal_is_taken_back(self, name: str) -> None:
        one = furnished(self.store())
        changes, before = CHANGES[name](one), seen(one.store, [one.blob])
        answer = makings.write(one.store, *changes, POISON)
        assert (answer.refusal, answer.change) == (Refusal.REVISION, POISON)
        assert seen(one.store, [one.blob]) == before

    @pytest.mark.parametrize("name", CHANGES)
    def test_c01_what_was_taken_back_can_be_said_again_and_lands(self, name: str) -> None:
        one = furnished(self.store())
        changes, before = CHANGES[name](one), seen(one.store, [one.blob])
        makings.write(one.store, *changes, POISON)
        lands(one.store, *changes)
        assert seen(one.store, [one.blob]) != before
        again = furnished(self.store())
        lands(again.store, *CHANGES[name](again))
        assert _timeless(seen(one.store)) == _timeless(seen(again.store))

    @pytest.mark.parametrize("name", CHANGES)
    def test_c01_what_stands_after_the_refused_change_is_never_done(self, name: str) -> None:
        one = furnished(self.store())
        changes, before = CHANGES[name](one), seen(one.store, [one.blob])
        assert not makings.write(one.store, POISON, *changes)
        assert seen(one.store, [one.blob]) == before

    @pytest.mark.parametrize(
        "broken",
        [
            Keep("colour", "moon", 0, {"is": object()}),
            Keep("colour", "moon", 0, {"is": float("nan")}),
            told("Broken", details={"is": object()}),
            told("Broken", details={"is": float("inf")}),
        ],
        ids=["body", "nan", "details", "inf"],
    )
    def test_c01_a_value_that_cannot_be_kept_lets_the_whole_write_fail(self, broken: Change) -> None:
        one = furnished(self.store())
        before = seen(one.store, [one.blob])
        good = (Keep("shape", "sky", 0, {"is": "round"}), told("Rained"), Insert(job("new")))
        with pytest.raises((TypeError, ValueError)):
            one.store.write([good, (Free("running"), broken), good])
        assert seen(one.store, [one.blob]) == before
        lands(one.store, *good)

    def test_c01_a_write_that_is_interrupted_leaves_nothing_behind(self) -> None:
        one = furnished(self.store())
        changes, before = CHANGES["start and successor"](one), seen(one.store, [one.blob])
        with pytest.raises(Interrupted):
            one.store.write([(told("Rained"), *changes), (Free("running"), Keep("shape", "sky", 0, Strange()))])
        assert seen(one.store, [one.blob]) == before
        lands(one.store, *changes)

    def test_c01_nobody_sees_half_of_a_unit(self) -> None:
        one = furnished(self.store())
        other, looks = self.second_handle(one.store), list[Any]()

        def look() -> None:
            looks.append((other.job("queued"), other.document("colour", "sky"), other.causes("fired"), other.holders("account:z")))

        look()
        body = Looking(look)
        assert not makings.write(one.store, *CHANGES["start and successor"](one), Keep("colour", "sky", 1, body), POISON)
        body.wait()
        assert looks == [looks[0]] * 2

    def test_c01_a_write_that_broke_off_leaves_no_chain_behind(self) -> None:
        store = self.store()
        with pytest.raises((TypeError, ValueError)):
            store.write([(told(),), (told("Broken", details={"is": object()}),)])
        assert not store.heads()

    def test_c01_a_refused_first_fact_begins_no_chain(self) -> None:
        store = self.store()
        assert not makings.write(store, told(), POISON)
        assert not store.heads()

    def test_c01_a_job_comes_back_as_it_was_put(self) -> None:
        store, full = self.store(), full_job()
        lands(store, Insert(full))
        assert kept(store, "full") == full
        assert type(kept(store, "full").state) is State
        assert type(kept(store, "full").kind) is Kind

    def test_c01_a_job_comes_back_as_it_ended_however_long_ago(self) -> None:
        store, full = self.store(), full_job()
        lands(store, Insert(full))
        lands(store, Move("full", Step.CANCEL, full.revision, fields={"ended": NOW}))
        last = kept(store, "full")
        store.write([(Insert(job(f"j{number}")), Move(f"j{number}", Step.CANCEL, 1, fields={"ended": NOW})) for number in range(1500)])
        again = kept(store, "full")
        assert again == last
        assert (again.state, again.kind, again.origin, again.memo) == (State.CANCELED, full.kind, full.origin, full.memo)
        assert type(again.state) is State
        assert makings.refusal(store, Move("full", Step.CANCEL, again.revision)) is Refusal.STEP
        assert makings.refusal(store, Insert(full)) is Refusal.REVISION
        assert store.count(Query(states=State.CANCELED)) == 1501

    def test_c01_a_job_whose_end_was_taken_back_goes_on_however_many_end_after_it(self) -> None:
        store = self.store()
        lands(store, Insert(job("a")))
        assert not makings.write(store, Move("a", Step.CANCEL, 1, fields={"ended": NOW}), POISON)
        store.write([(Insert(job(f"j{number}")), Move(f"j{number}", Step.CANCEL, 1, fields={"ended": NOW})) for number in range(1500)])
        assert [one.id for one in store.open_jobs("l", None)] == ["a"]
        assert [one.job.id for one in makings.claim(store)] == ["a"]

    def test_c01_a_second_job_of_the_same_id_is_refused(self) -> None:
        store = self.store()
        lands(store, Insert(job("a")))
        assert makings.refusal(store, Insert(job("a", line="other"))) is Refusal.REVISION
        assert kept(store, "a").line == "l"

    def test_c02_every_unit_has_its_answer_and_a_refused_one_refuses_no_other(self) -> None:
        store = self.store()
        bad = Move("b", Step.ADVANCE, 1)
        answers = store.write([(Insert(job("a")), told()), (told("Never"), bad, Insert(job("c"))), (), (Insert(job("d")), told())])
        assert [answer.refusal for answer in answers] == [None, Refusal.ABSENT, None, None]
        assert answers[1].change == bad
        assert answers[0] == LANDED
        assert newest(store) == ["d", "a"]
        assert [fact.kind for fact in store.facts({})[0]] == ["ChainBegan", "Painted", "Painted"]

    def test_c02_units_land_in_their_order_and_see_what_landed_before_them(self) -> None:
        store = self.store()
        units = [(Keep("colour", "sky", revision, {"is": revision}),) for revision in (0, 1, 1, 2)]
        assert [bool(answer) for answer in store.write(units)] == [True, True, False, True]
        assert sky(store) == {"is": 2}

    def test_c02_what_a_refused_unit_took_is_there_for_the_next(self) -> None:
        store = self.store()
        lands(store, Insert(job("a")), Insert(job("b")))
        hold = Hold("a", NOW, ("account:a",))
        answers = store.write([(hold, Insert(occurrence("x")), POISON), (Hold("b", NOW, ("account:a",)), Insert(occurrence("y")))])
        assert [bool(answer) for answer in answers] == [False, True]
        assert list(store.holders("account:a")) == ["b"]

    def test_c02_threads_of_one_process_write_through_one_handle(self) -> None:
        store = self.store()

        def work(name: str) -> list[bool]:
            ids = [f"{name}{number}" for number in range(40)]
            return [bool(store.write([_both(f"never {id}", POISON), _both(id), _both(f"no {id}", POISON)])[1]) for id in ids]

        with makings.hurried(), ThreadPoolExecutor(4) as pool:
            assert [set(landed) for landed in pool.map(work, "abcd")] == [{True}] * 4
        assert store.count(Query()) == 160
        assert not store.check()
        assert len(store.facts({})[0]) == 161

    def test_c02_nothing_to_write_is_no_answer(self) -> None:
        assert list(self.store().write([])) == []

    @pytest.mark.parametrize("name", CHANGES)
    def test_c03_a_handle_sees_what_another_wrote_whatever_it_has_read_before(self, name: str) -> None:
        one = furnished(self.store())
        other = self.second_handle(one.store)
        before = seen(other, [one.blob])
        lands(one.store, *CHANGES[name](one))
        assert seen(other, [one.blob]) == seen(one.store, [one.blob]) != before

    @pytest.mark.parametrize("durable", [True, False])
    def test_c03_what_landed_is_there_for_every_handle(self, durable: bool) -> None:
        one = furnished(self.store())
        other = self.second_handle(one.store)
        [answer] = one.store.write([(Insert(job("new")), Keep("shape", "sky", 0, {"is": "round"}), told("Rained"))], durable=durable)
        assert answer
        assert seen(other, [one.blob]) == seen(one.store, [one.blob])
        assert other.chain != one.store.chain


def _both(id: str, *others: Change) -> tuple[Change, ...]:
    return (Insert(job(id)), told(), *others)


def _timeless(told: dict[str, Any]) -> dict[str, Any]:
    """Without what names a chain, as every store has its own."""
    facts = [(fact, position) for fact, _, position, _ in told["facts"]]
    return {**{name: value for name, value in told.items() if name not in ("facts", "heads", "blobs")}, "facts": facts}


def full_job() -> Job:
    return Job(
        id="full", kind=Kind.FALLBACK, task="t", line="l", planned_for=3, record="r", due=NOW + 1, wanted=NOW + 2, created=NOW + 3,
        pool="dmz", state=State.DEFERRED, revision=7, at=4, nominal="2026-03-02T02:30 Europe/Berlin", fire="f", policy="daily", missed=2,
        missed_first=5, missed_last=6, via=("t2", "r2", 8), target_fallback=True, origin=("l", "l2"), series="s", cycle=1, execution="x",
        conducts=True, demanded_by="é", forced=True, manual=True, why="busy", waits=9, token=None, lease=None, worker=None, node="n",
        rescues=2, started=NOW, turned_at=NOW + 9, ended=None, memo={"step": [1, {"a": None}]}, progress=(1, 2, "half"), consented="c",
        asks_until=NOW + 4, digest="d", summary="s", stop="bob", error="timeout", text="t\n", result={"lines": 3, "ok": True},
        operations=({"name": "one", "seconds": 0.5},), blobs=("b",), version=4, into="i", host="h", account="a",
    )  # fmt: skip


class Interrupted(BaseException):
    """As from the keyboard."""


class Strange(Mapping[str, Any]):
    """A body of which something else becomes while it is read."""

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        self.meanwhile()
        return iter("a")

    def __getitem__(self, key: str) -> Any:
        return {"a": 1}[key]

    def meanwhile(self) -> None:
        raise Interrupted


class Looking(Strange):
    """Another thread looks at the store meanwhile: it may have to wait, or see what stood before."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=look)

    def meanwhile(self) -> None:
        if self._thread.ident is None:
            self._thread.start()
            self._thread.join(0.2)

    def wait(self) -> None:
        assert self._thread.ident is not None
        self._thread.join()


def newest(store: Storage) -> list[str]:
    return [one.id for one in store.jobs(Query()).jobs]


def sky(store: Storage) -> Any:
    found = store.document("colour", "sky")
    assert found is not None
    return found.body
