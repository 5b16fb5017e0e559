"""C11: what jobs hold, all or none, and who is next (R4)."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from taskkit.instants import MINUTE
from taskkit.states import FINAL, State, Step
from taskkit.storage import Change, Free, Hold, Insert, Refusal, Storage, Wait
from tests.storage.contracts.makings import HOUR, NOW, POISON, Kit, begun, claimed, ended, job, kept, lands, move, refusal, to_final, write
from tests.storage.contracts.moves import brought

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

    def test_c11_a_job_that_ends_while_it_waits_bars_nobody(self) -> None:
        store = crowd(self.store())
        lands(store, Wait(writes("a", A)))
        lands(store, move(kept(store, "a"), Step.CANCEL, ended=NOW))
        assert fitting(store, A) == []
        lands(store, uses("b", A))

    @pytest.mark.parametrize("step", [Step.DEFER, Step.ASK])
    def test_c11_what_a_job_holds_outlives_its_being_sent_back(self, step: Step) -> None:
        """The engine frees it, or keeps it for an open intent."""
        store = self.store()
        one = begun(store, job("a"), writes("a", A))
        lands(store, move(one, step))
        assert list(store.holders(A)) == ["a"]

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
