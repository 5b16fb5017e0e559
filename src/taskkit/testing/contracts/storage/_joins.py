"""C10: one more cause touches nothing that the owner of a job guards (J2, P4)."""

from __future__ import annotations

import pytest

from taskkit.instants import MINUTE
from taskkit.jobs import Cause
from taskkit.states import State, Step
from taskkit.storage import Absorb, Insert, Join, Move, Refusal
from taskkit.testing.contracts.storage._makings import (
    HOUR,
    NOW,
    Kit,
    begun,
    cause,
    claim,
    claimed,
    fired,
    job,
    kept,
    lands,
    move,
    refusal,
    to_final,
    write,
)


class Joins(Kit):
    """Reasons are rows of their own."""

    def test_c10_a_cause_comes_back_as_it_was_told(self) -> None:
        store = self.store()
        when = NOW, NOW + 1, "e1", True, NOW + HOUR
        told = Cause("a", "h1", "check_in", "after check-in", *when, "give_up", "bob", ("l", "l2"), ("t2", "r2"))
        lands(store, Insert(fired("a"), (cause("a", "h0"),)))
        lands(store, Join(told))
        assert list(store.causes("a")) == [cause("a", "h0"), told]
        assert list(store.causes("nobody")) == []

    @pytest.mark.parametrize("state", [State.SCHEDULED, State.DEFERRED, State.AWAITING_CONSENT])
    def test_c10_a_waiting_job_is_due_with_its_earliest_cause(self, state: State) -> None:
        store = self.store()
        lands(store, Insert(fired("a", due=NOW + 2 * HOUR, state=state)))
        lands(store, Join(cause("a", "h1", due=NOW + 3 * HOUR)))
        assert (kept(store, "a").due, kept(store, "a").wanted) == (NOW + 2 * HOUR, NOW + 2 * HOUR)
        lands(store, Join(cause("a", "h2", due=NOW + HOUR)))
        assert (kept(store, "a").due, kept(store, "a").wanted) == (NOW + HOUR, NOW + HOUR)

    def test_c10_what_was_wanted_before_stays_wanted_since_then(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a", due=NOW + 2 * HOUR, wanted=NOW)))
        lands(store, Join(cause("a", "h", due=NOW + HOUR)))
        assert (kept(store, "a").due, kept(store, "a").wanted) == (NOW + HOUR, NOW)

    def test_c10_a_job_is_claimed_at_the_time_of_the_cause_that_joined(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a", due=NOW + 2 * HOUR)))
        assert claim(store, NOW + MINUTE) == []
        lands(store, Join(cause("a", "h", due=NOW)))
        assert store.next_due(["local"]) == NOW
        [one] = claim(store, NOW + MINUTE)
        assert (one.job.id, [found.fire for found in one.causes]) == ("a", ["h"])
        assert claim(store, NOW + MINUTE) == []

    def test_c10_joining_touches_no_revision(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a", due=NOW + HOUR)))
        read = kept(store, "a")
        lands(store, Join(cause("a", "h", due=NOW)))
        lands(store, Move("a", Step.ADVANCE, read.revision))

    def test_c10_joining_touches_nothing_of_a_claimed_job(self) -> None:
        store = self.store()
        before = claimed(store, fired("a"))
        lands(store, Join(cause("a", "h", at=NOW - HOUR)))
        assert kept(store, "a") == before
        lands(store, Move("a", Step.START, token=before.token))
        assert [found.fire for found in store.causes("a")] == ["h"]

    @pytest.mark.parametrize(("at", "answer"), [(NOW - 1, None), (NOW, Refusal.TURNED), (NOW + 1, Refusal.TURNED)])
    def test_c10_a_job_that_has_turned_takes_only_what_was_before(self, at: int, answer: Refusal | None) -> None:
        store = self.store()
        one = claimed(store, fired("a"))
        lands(store, Move("a", Step.START, token=one.token, fields={"turned_at": NOW}))
        assert refusal(store, Join(cause("a", "h", at=at))) is answer
        assert len(store.causes("a")) == (answer is None)

    def test_c10_a_job_that_turned_and_waits_again_has_turned(self) -> None:
        store = self.store()
        one = claimed(store, fired("a"))
        lands(store, Move("a", Step.START, token=one.token, fields={"turned_at": NOW}))
        lands(store, move(kept(store, "a"), Step.DEFER, due=NOW + HOUR))
        assert refusal(store, Join(cause("a", "h1", at=NOW))) is Refusal.TURNED
        lands(store, Join(cause("a", "h2", at=NOW - 1)))

    def test_c10_an_ended_job_takes_nothing_more(self) -> None:
        store = self.store()
        lands(store, to_final(begun(store, fired("a"))))
        assert refusal(store, Join(cause("a", "h", at=NOW - HOUR))) is Refusal.TURNED

    def test_c10_a_job_that_is_not_there_takes_nothing(self) -> None:
        assert refusal(self.store(), Join(cause("nobody", "h"))) is Refusal.ABSENT

    def test_c10_a_cause_that_was_kept_joins_nothing_and_moves_nothing(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a", due=NOW + HOUR), (cause("a", "h", due=NOW + HOUR),)))
        assert refusal(store, Join(cause("a", "h", due=NOW))) is Refusal.FIRE
        assert kept(store, "a").due == NOW + HOUR

    def test_c10_absorbed_causes_go_to_the_other_job_in_their_order(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a"), tuple(cause("a", f"h{number}") for number in range(3))))
        lands(store, Insert(job("b", record="r"), (cause("b", "h9"),)))
        lands(store, Absorb("a", "b"))
        assert list(store.causes("a")) == []
        assert [(found.job, found.fire) for found in store.causes("b")] == [("b", "h9"), ("b", "h0"), ("b", "h1"), ("b", "h2")]

    def test_c10_absorbing_none_changes_none(self) -> None:
        store = self.store()
        lands(store, Insert(job("a")), Insert(job("b"), (cause("b", "h"),)))
        lands(store, Absorb("a", "b"))
        assert [found.fire for found in store.causes("b")] == ["h"]

    def test_c10_a_job_that_absorbs_itself_keeps_its_causes(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a"), (cause("a", "h1"), cause("a", "h2"))))
        lands(store, Absorb("a", "a"))
        assert [found.fire for found in store.causes("a")] == ["h1", "h2"]

    @pytest.mark.parametrize(("of", "into"), [("nobody", "a"), ("a", "nobody")])
    def test_c10_only_jobs_that_are_there_absorb(self, of: str, into: str) -> None:
        store = self.store()
        lands(store, Insert(job("a"), (cause("a", "h"),)))
        assert refusal(store, Absorb(of, into)) is Refusal.ABSENT
        assert len(store.causes("a")) == 1

    @pytest.mark.parametrize(("judged", "answer"), [(0, Refusal.TURNED), (1, None), (2, Refusal.TURNED)])
    def test_c10_who_ends_a_job_names_how_many_causes_were_judged(self, judged: int, answer: Refusal | None) -> None:
        store = self.store()
        before = claimed(store, fired("a"))
        lands(store, Join(cause("a", "h", at=NOW - HOUR)))
        assert refusal(store, Move("a", Step.SATISFY, token=before.token, fields={"ended": NOW}, causes=judged)) is answer
        assert kept(store, "a").state is (State.COMPLETED if answer is None else State.QUEUED)

    def test_c10_of_a_cause_and_an_end_that_judged_without_it_only_one_lands(self) -> None:
        store = self.store()
        before = claimed(store, fired("a"))
        other = self.second_handle(store)
        lands(other, Join(cause("a", "h1")))
        end = Move("a", Step.MISS, token=before.token, fields={"ended": NOW}, causes=0)
        assert write(store, end).refusal is Refusal.TURNED
        assert write(store, end).change == end
        lands(store, end._replace(causes=1))
        assert refusal(other, Join(cause("a", "h2", at=NOW - HOUR))) is Refusal.TURNED

    def test_c10_a_job_without_causes_ends_with_none(self) -> None:
        store = self.store()
        before = claimed(store, job("a"))
        assert refusal(store, Move("a", Step.FAIL, token=before.token, causes=1)) is Refusal.TURNED
        lands(store, Move("a", Step.FAIL, token=before.token, fields={"ended": NOW}, causes=0))

    def test_c10_who_does_not_own_it_is_told_that_first(self) -> None:
        store = self.store()
        before = claimed(store, fired("a"))
        assert before.token is not None
        lands(store, Join(cause("a", "h")))
        assert refusal(store, Move("a", Step.MISS, token=before.token - 1, causes=0)) is Refusal.TOKEN
        assert refusal(store, Move("a", Step.COMPLETE, token=before.token, causes=0)) is Refusal.STEP
