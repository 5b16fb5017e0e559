"""C11: who waits bars those that come later, else it would wait for ever (R4)."""

from __future__ import annotations

import pytest

from taskkit.instants import MINUTE
from taskkit.states import Step
from taskkit.storage import Free, Hold, Refusal, Wait
from taskkit.testing.contracts.storage._holds import HOST, A, B, C, crowd, fitting, slots, uses, writes
from taskkit.testing.contracts.storage._makings import (
    HOUR,
    NOW,
    Kit,
    claimed,
    job,
    kept,
    lands,
    move,
    refusal,
)


class Waits(Kit):
    """Whoever waits has its turn."""

    def test_c11_a_waiting_writer_bars_users_that_want_it_later(self) -> None:
        store = crowd(self.store())
        lands(store, uses("a", A))
        lands(store, Wait(writes("w", A, wanted=NOW + HOUR)))
        assert refusal(store, uses("b", A, wanted=NOW + HOUR + 1)) is Refusal.BUSY
        lands(store, uses("b", B, wanted=NOW + HOUR + 1))
        lands(store, Free("w"))
        lands(store, uses("b", A, wanted=NOW + HOUR + 1))

    def test_c11_a_waiting_writer_bars_nobody_who_came_before_it(self) -> None:
        store = crowd(self.store())
        lands(store, uses("a", A), Wait(writes("w", A, wanted=NOW + HOUR)))
        lands(store, uses("b", A, wanted=NOW + HOUR - 1))

    def test_c11_two_of_one_instant_have_an_order_too(self) -> None:
        store = crowd(self.store())
        lands(store, uses("a", A), Wait(writes("g", A)))
        assert refusal(store, uses("h", A)) is Refusal.BUSY
        lands(store, uses("b", A))

    def test_c11_a_waiting_user_bars_writers_that_want_it_later(self) -> None:
        """And no users, nor who came before it: else one writer after the other could put it off for ever."""
        store = crowd(self.store())
        lands(store, Wait(uses("u", A, wanted=NOW + 1)))
        assert refusal(store, writes("w", A, wanted=NOW + 2)) is Refusal.BUSY
        lands(store, uses("b", A, wanted=NOW + 2))
        lands(store, Free("b"), writes("a", A, wanted=NOW))

    def test_c11_a_waiting_writer_bars_writers_that_want_it_later(self) -> None:
        store = crowd(self.store())
        lands(store, Wait(writes("b", A, wanted=NOW + 1)))
        assert refusal(store, writes("c", A, wanted=NOW + 2)) is Refusal.BUSY
        lands(store, writes("a", A, wanted=NOW))

    def test_c11_two_that_wait_for_what_the_other_wants_do_not_wait_for_ever(self) -> None:
        """Each changes the account with which the other logs in."""
        store = crowd(self.store())
        lands(store, Wait(Hold("a", NOW, (A,), (B,))), Wait(Hold("b", NOW, (B,), (A,))))
        assert fitting(store, A) == fitting(store, B) == ["a"]
        assert refusal(store, Hold("b", NOW, (B,), (A,))) is Refusal.BUSY
        lands(store, Hold("a", NOW, (A,), (B,)))

    def test_c11_who_waits_for_a_slot_bars_nobody(self) -> None:
        store = crowd(self.store())
        lands(store, slots("h", 1, HOST), Wait(Hold("w", NOW, (A,), (), ((HOST, 1),))))
        lands(store, uses("a", A, wanted=NOW + 1))
        lands(store, Free("h"))  # now it waits for nothing but the account
        assert refusal(store, uses("b", A, wanted=NOW + 1)) is Refusal.BUSY

    def test_c11_a_waiting_writer_does_not_bar_who_uses_it_already(self) -> None:
        store = crowd(self.store())
        later = NOW + 1
        lands(store, uses("a", A, wanted=later))
        lands(store, Wait(writes("w", A)))
        lands(store, uses("a", A, wanted=later))
        lands(store, uses("a", A, B, wanted=later))
        lands(store, writes("b", C, wanted=later))
        lands(store, Wait(writes("w", C)), writes("b", C, wanted=later))
        lands(store, uses("b", C, wanted=later))

    def test_c11_who_uses_it_already_and_wants_to_write_it_is_new(self) -> None:
        store = crowd(self.store())
        lands(store, uses("a", A, wanted=NOW + 1), Wait(writes("w", A)))
        assert refusal(store, writes("a", A, wanted=NOW + 1)) is Refusal.BUSY

    def test_c11_slots_are_not_kept_for_who_waits(self) -> None:
        store = crowd(self.store())
        lands(store, Wait(slots("s", 1, HOST)))
        lands(store, slots("a", 1, HOST, wanted=NOW + 1))

    def test_c11_the_waiting_writer_is_not_barred_by_itself(self) -> None:
        store = crowd(self.store())
        lands(store, Wait(Hold("w", NOW, (A,), (B,))))
        lands(store, Hold("w", NOW + 1, (A,), (B,)))
        lands(store, Free("w"))
        lands(store, uses("b", A, wanted=NOW + 1))

    def test_c11_who_holds_waits_no_more(self) -> None:
        store = crowd(self.store())
        lands(store, Wait(writes("w", A)))
        lands(store, writes("w", B))
        assert fitting(store, A) == []
        lands(store, uses("b", A, wanted=NOW + 1))

    def test_c11_who_waits_holds_nothing(self) -> None:
        store = crowd(self.store())
        lands(store, writes("a", A), Wait(writes("a", B)))
        assert list(store.holders(A)) == []

    def test_c11_a_job_that_ends_while_it_waits_bars_nobody(self) -> None:
        store = crowd(self.store())
        lands(store, Wait(writes("a", A)))
        lands(store, move(kept(store, "a"), Step.CANCEL, ended=NOW))
        assert fitting(store, A) == []
        lands(store, uses("b", A))

    def test_c11_a_job_that_is_sent_back_for_another_reason_waits_for_no_key(self) -> None:
        store = crowd(self.store(), "bc")
        one = claimed(store, job("a"))
        lands(store, writes("b", A))
        lands(store, move(one, Step.DEFER, due=NOW, why="busy"), Wait(writes("a", A)))
        assert refusal(store, uses("c", A)) is Refusal.BUSY
        again = store.claim(NOW, worker="a/1", node="a", pools=["local"], limit=1, lease=NOW + MINUTE)[0].job
        lands(store, Free("b"))
        assert refusal(store, uses("c", A)) is Refusal.BUSY  # it was woken and is about to take what it waits for
        lands(store, move(again, Step.DEFER, due=NOW + HOUR, why="window"))
        lands(store, uses("c", A))
        assert fitting(store, A) == []

    def test_c11_a_job_that_is_planned_anew_waits_for_no_key(self) -> None:
        store = crowd(self.store(), "bc")
        one = claimed(store, job("a"))
        lands(store, move(one, Step.DEFER, due=NOW + HOUR), Wait(writes("a", A)))
        lands(store, move(kept(store, "a"), Step.REPLAN, due=NOW + 2 * HOUR))
        lands(store, uses("c", A))

    @pytest.mark.parametrize("step", [Step.WAKE, Step.ADVANCE])
    def test_c11_a_job_that_is_woken_still_waits(self, step: Step) -> None:
        store = crowd(self.store(), "bc")
        one = claimed(store, job("a"))
        lands(store, move(one, Step.DEFER, due=NOW + HOUR), Wait(writes("a", A)))
        lands(store, move(kept(store, "a"), step, due=NOW))
        assert refusal(store, uses("c", A)) is Refusal.BUSY
