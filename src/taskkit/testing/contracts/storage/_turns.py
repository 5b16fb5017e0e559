"""C11: who is next once something was given back, and who hears of it (R4)."""

from __future__ import annotations

from taskkit.states import Step
from taskkit.storage import Free, Hold, Insert, Wait
from taskkit.testing.contracts.storage._holds import HOST, POOL, A, B, crowd, fitting, slots, uses, writes
from taskkit.testing.contracts.storage._makings import (
    NOW,
    POISON,
    Kit,
    begun,
    job,
    kept,
    lands,
    move,
    to_final,
    write,
)


class Turns(Kit):
    """What was given back is told, and whom it fits is found."""

    def test_c11_fitting_gives_as_many_as_fit_in_order_of_due(self) -> None:
        store = crowd(self.store())
        lands(store, *(Wait(slots(name, 3, HOST, wanted=NOW + wanted)) for name, wanted in zip("abcde", (5, 1, 4, 2, 3), strict=True)))
        assert fitting(store, HOST) == ["b", "d", "e"]
        lands(store, slots("h", 3, HOST))
        assert fitting(store, HOST) == ["b", "d"]
        assert fitting(store, POOL) == []

    def test_c11_fitting_names_one_writer_and_nobody_beside(self) -> None:
        store = crowd(self.store())
        lands(store, *(Wait(writes(name, A, wanted=NOW + wanted)) for name, wanted in (("a", 2), ("b", 1))))
        lands(store, Wait(uses("c", A, wanted=NOW + 3)))
        assert fitting(store, A) == ["b"]

    def test_c11_fitting_names_all_users(self) -> None:
        store = crowd(self.store())
        lands(store, *(Wait(uses(name, A)) for name in "abc"))
        assert fitting(store, A) == ["a", "b", "c"]

    def test_c11_fitting_looks_at_all_that_a_job_wants(self) -> None:
        store = crowd(self.store())
        lands(store, writes("h", B))
        lands(store, Wait(writes("a", A, B)), Wait(writes("b", A, wanted=NOW + 1)), Wait(slots("c", 1, HOST)))
        assert fitting(store, A) == []  # the first waits for more, and the second comes after it
        assert fitting(store, A, HOST) == ["c"]
        lands(store, Free("h"))
        assert fitting(store, B) == ["a"]

    def test_c11_fitting_passes_over_who_waits_for_a_slot(self) -> None:
        store = crowd(self.store())
        lands(store, slots("h", 1, HOST), Wait(Hold("a", NOW, (A,), (), ((HOST, 1),))), Wait(writes("b", A, wanted=NOW + 1)))
        assert fitting(store, A) == ["b"]

    def test_c11_fitting_names_users_that_came_before_a_writer_and_not_those_after_it(self) -> None:
        store = crowd(self.store())
        lands(store, uses("h", A), Wait(writes("w", A, wanted=NOW + 2)))
        lands(store, Wait(uses("a", A, wanted=NOW + 1)), Wait(uses("b", A, wanted=NOW + 3)))
        assert fitting(store, A) == ["a"]

    def test_c11_asking_who_fits_changes_nothing(self) -> None:
        store = crowd(self.store())
        lands(store, *(Wait(writes(name, A)) for name in "ab"))
        assert fitting(store, A) == fitting(store, A) == ["a"]
        assert list(store.holders(A)) == []

    def test_c11_the_answer_names_what_was_given_back_and_others_wait_for(self) -> None:
        store = crowd(self.store())
        lands(store, Hold("a", NOW, (A,), (B,), ((HOST, 1), (POOL, 1))))
        lands(store, Wait(writes("b", A)), Wait(writes("c", B, A)), Wait(slots("d", 1, HOST)))
        assert sorted(write(store, Free("a"), Free("h")).freed) == [A, B, HOST]
        assert write(store, Free("a"), Free("h")).freed == ()

    def test_c11_what_several_give_back_is_named_once(self) -> None:
        store = crowd(self.store())
        lands(store, slots("a", 2, HOST), slots("b", 2, HOST), Wait(slots("c", 2, HOST)))
        assert write(store, Free("a"), Free("b")).freed == (HOST,)

    def test_c11_what_nobody_waits_for_is_no_news(self) -> None:
        store = crowd(self.store())
        lands(store, writes("a", A), Wait(writes("b", B)))
        assert write(store, Free("a")).freed == write(store, Free("b")).freed == ()

    def test_c11_a_refused_unit_gives_nothing_back_and_says_so(self) -> None:
        store = crowd(self.store())
        lands(store, writes("a", A), Wait(writes("b", A)))
        answers = store.write([(Free("a"), POISON), (Insert(job("new")),)])
        assert [answer.freed for answer in answers] == [(), ()]

    def test_c11_the_end_of_a_job_tells_what_it_gives_back(self) -> None:
        store = crowd(self.store(), "xy")
        one = begun(store, job("a"), Hold("a", NOW, (A,), (B,)))
        lands(store, Wait(uses("x", A)))
        assert write(store, to_final(one)).freed == (A,)

    def test_c11_a_writer_that_waits_no_more_makes_room_for_users(self) -> None:
        store = crowd(self.store(), "xyz")
        lands(store, uses("y", A), Wait(writes("x", A)), Wait(uses("z", A)))
        assert fitting(store, A) == []
        assert write(store, move(kept(store, "x"), Step.REPLAN)).freed == (A,)
        assert fitting(store, A) == ["z"]

    def test_c11_a_job_that_holds_something_else_now_tells_what_it_gave_back(self) -> None:
        store = crowd(self.store())
        lands(store, writes("a", A, B), Wait(writes("b", A)), Wait(writes("c", B)))
        assert write(store, writes("a", B)).freed == (A,)
        assert write(store, uses("a", B)).freed == (B,)

    def test_c11_a_woken_writer_that_takes_what_it_waited_for_frees_nothing(self) -> None:
        store = crowd(self.store())
        lands(store, Wait(writes("a", A)), Wait(writes("b", A)))
        assert write(store, writes("a", A)).freed == ()
