"""C11: what jobs hold, all or none, and who is next (R4)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from taskkit.states import FINAL, State, Step
from taskkit.storage import Change, Free, Hold, Insert, Refusal, Storage, Wait
from taskkit.testing.contracts.storage._makings import (
    HOUR,
    NOW,
    Kit,
    begun,
    ended,
    job,
    kept,
    lands,
    move,
    refusal,
)
from taskkit.testing.contracts.storage._moves import brought

A, B, C, HOST, POOL = "account:a", "account:b", "account:c", "host:h", "pool:p"


def writes(of: str, *keys: str, wanted: int = NOW) -> Hold:
    return Hold(of, wanted, keys)


def uses(of: str, *keys: str, wanted: int = NOW) -> Hold:
    return Hold(of, wanted, (), keys)


def slots(of: str, limit: int, *keys: str, wanted: int = NOW) -> Hold:
    return Hold(of, wanted, (), (), tuple((key, limit) for key in keys))


def crowd(store: Storage, names: Iterable[str] = "abcdefghsuw") -> Storage:
    """Jobs that hold and wait; they are due much later."""
    lands(store, *(Insert(job(name, due=NOW + 1000 * HOUR)) for name in names))
    return store


def fitting(store: Storage, *keys: str) -> list[str]:
    return [one.id for one in store.fitting(keys)]


class Holds(Kit):
    """Writers alone, users beside others, slots by number."""

    @pytest.mark.parametrize(
        ("first", "second", "answer"),
        [
            (writes("a", A), writes("b", A), Refusal.BUSY),
            (writes("a", A), uses("b", A), Refusal.BUSY),
            (uses("a", A), writes("b", A), Refusal.BUSY),
            (uses("a", A), uses("b", A), None),
            (writes("a", A), writes("b", B), None),
            (slots("a", 2, HOST), slots("b", 2, HOST), None),
            (slots("a", 1, HOST), slots("b", 1, HOST), Refusal.BUSY),
            (slots("a", 2, HOST), slots("b", 1, HOST), Refusal.BUSY),
        ],
    )
    def test_c11_who_may_hold_beside_whom(self, first: Hold, second: Hold, answer: Refusal | None) -> None:
        store = crowd(self.store())
        lands(store, first)
        assert refusal(store, second) is answer
        assert sorted(store.holders(first.keys[0])) == (["a"] if answer or first.keys != second.keys else ["a", "b"])

    def test_c11_slots_are_counted(self) -> None:
        store = crowd(self.store())
        assert [refusal(store, slots(name, 3, HOST)) for name in "abcd"] == [None, None, None, Refusal.BUSY]
        lands(store, Free("b"))
        lands(store, slots("d", 3, HOST))
        assert sorted(store.holders(HOST)) == ["a", "c", "d"]

    @pytest.mark.parametrize(
        "other",
        [Hold("b", NOW, (B, A)), Hold("b", NOW, (B,), (A,)), Hold("b", NOW, (B,), (C,), ((HOST, 2), (POOL, 1)))],
        ids=["writes", "uses", "slots"],
    )
    def test_c11_all_or_none(self, other: Hold) -> None:
        store = crowd(self.store())
        lands(store, Hold("a", NOW, (A,), (), ((POOL, 1),)))
        assert refusal(store, other) is Refusal.BUSY
        assert [list(store.holders(key)) for key in (B, C, HOST)] == [[], [], []]

    def test_c11_saying_it_again_changes_nothing(self) -> None:
        store = crowd(self.store())
        hold = Hold("a", NOW, (A,), (B,), ((HOST, 1),))
        lands(store, hold)
        lands(store, hold, hold)
        assert [list(store.holders(key)) for key in (A, B, HOST)] == [["a"], ["a"], ["a"]]
        lands(store, Free("a"))
        assert [list(store.holders(key)) for key in (A, B, HOST)] == [[], [], []]

    def test_c11_saying_something_else_gives_back_what_was_held(self) -> None:
        store = crowd(self.store())
        lands(store, Hold("a", NOW, (A,), (B,), ((HOST, 1),)))
        lands(store, Hold("a", NOW, (B,), (C,)))
        assert [list(store.holders(key)) for key in (A, B, C, HOST)] == [[], ["a"], ["a"], []]
        lands(store, Hold("b", NOW, (A,), (), ((HOST, 1),)))

    def test_c11_a_refused_hold_leaves_what_was_held(self) -> None:
        store = crowd(self.store())
        lands(store, writes("a", A), writes("b", B))
        assert refusal(store, writes("a", A, B)) is Refusal.BUSY
        assert list(store.holders(A)) == ["a"]

    def test_c11_what_is_written_and_used_is_written(self) -> None:
        store = crowd(self.store())
        lands(store, Hold("a", NOW, (A,), (A,)))
        assert list(store.holders(A)) == ["a"]
        assert refusal(store, uses("b", A)) is Refusal.BUSY
        lands(store, Free("a"))
        assert list(store.holders(A)) == []

    def test_c11_holding_nothing_is_never_refused(self) -> None:
        store = crowd(self.store())
        lands(store, writes("a", A))
        lands(store, Hold("a", NOW))
        assert list(store.holders(A)) == []

    @pytest.mark.parametrize("state", sorted(FINAL))
    def test_c11_a_job_that_ends_holds_nothing_and_waits_for_nothing(self, state: State) -> None:
        store = crowd(self.store(), "xyz")
        expected = brought(self.store(), state)
        before = State.AWAITING_CONSENT if state is State.EXPIRED else State.QUEUED if state is not State.COMPLETED else State.RUNNING
        one = brought(store, before)
        step = {State.EXPIRED: Step.EXPIRE, State.COMPLETED: Step.COMPLETE, State.CANCELED: Step.CANCEL, State.MERGED: Step.MERGE,
                State.MISSED: Step.MISS, State.UNCERTAIN: Step.DOUBT, State.ERROR: Step.FAIL}[state]  # fmt: skip
        lands(store, Hold("a", NOW, (A,), (B,), ((HOST, 1),)))
        lands(store, move(one, step, ended=NOW))
        assert kept(store, "a").state is expected.state
        assert [list(store.holders(key)) for key in (A, B, HOST)] == [[], [], []]
        lands(store, Hold("x", NOW, (A, B), (), ((HOST, 1),)))

    @pytest.mark.parametrize("change", [writes("a", A), Wait(writes("a", A))], ids=["hold", "wait"])
    def test_c11_a_job_that_has_ended_or_is_not_there_holds_nothing_and_waits_for_nothing(self, change: Change) -> None:
        store = crowd(self.store(), "bc")
        assert refusal(store, change) is Refusal.ABSENT
        ended(store, job("a"))
        assert refusal(store, change) is Refusal.TURNED
        lands(store, Free("a"), Free("nobody"), uses("b", A))

    @pytest.mark.parametrize("step", [Step.DEFER, Step.ASK])
    def test_c11_what_a_job_holds_outlives_its_being_sent_back(self, step: Step) -> None:
        """The engine frees it, or keeps it for an open intent."""
        store = self.store()
        one = begun(store, job("a"), writes("a", A))
        lands(store, move(one, step))
        assert list(store.holders(A)) == ["a"]
