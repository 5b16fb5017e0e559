"""C7: jobs move by their table, unclaimed ones by revision, claimed ones by token."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from taskkit.instants import MINUTE
from taskkit.jobs import Job
from taskkit.states import CLAIMED, FINAL, TABLE, State, Step
from taskkit.storage import Insert, Move, Refusal, Storage
from taskkit.testing.contracts.storage._makings import HOUR, NOW, Kit, begun, claim, claimed, job, kept, lands, move, refusal

_BY_CLAIM = {Step.CLAIM, Step.RESCUE}
_ENDS = {
    State.CANCELED: Step.CANCEL, State.MERGED: Step.MERGE, State.MISSED: Step.MISS, State.UNCERTAIN: Step.DOUBT, State.ERROR: Step.FAIL,
}  # fmt: skip


def brought(store: Storage, state: State) -> Job:
    """A job that came to this state by legal steps."""
    if state is State.AWAITING_CONSENT:
        lands(store, Insert(job("a", state=state)))
    elif state is State.EXPIRED:
        lands(store, move(brought(store, State.AWAITING_CONSENT), Step.EXPIRE, ended=NOW))
    elif state is State.SCHEDULED:
        lands(store, Insert(job("a")))
    elif state is State.QUEUED:
        claimed(store, job("a"))
    elif state is State.RUNNING:
        begun(store, job("a"))
    elif state is State.DEFERRED:
        lands(store, move(claimed(store, job("a")), Step.DEFER))
    elif state is State.COMPLETED:
        lands(store, move(begun(store, job("a")), Step.COMPLETE, ended=NOW))
    else:
        lands(store, move(claimed(store, job("a")), _ENDS[state], ended=NOW))
    assert kept(store, "a").state is state
    return kept(store, "a")


class Moves(Kit):
    """Nothing moves a job but its table, and nobody but who may."""

    @pytest.mark.parametrize(("state", "step"), list(itertools.product(State, Step)), ids=lambda one: str(one))
    def test_c07_a_step_lands_where_the_table_has_it_and_is_refused_elsewhere(self, state: State, step: Step) -> None:
        store = self.store()
        before = brought(store, state)
        answer = refusal(store, move(before, step, text="moved"))
        if step in TABLE[state] and step not in _BY_CLAIM:
            after = kept(store, "a")
            assert (answer, after.state, after.revision, after.text) == (None, TABLE[state][step], before.revision + 1, "moved")
        else:
            assert (answer, kept(store, "a")) == (Refusal.STEP, before)

    @pytest.mark.parametrize("state", sorted(set(State) - CLAIMED))
    def test_c07_an_unclaimed_job_moves_by_its_revision_alone(self, state: State) -> None:
        store = self.store()
        before = brought(store, state)
        for revision in (before.revision - 1, before.revision + 1, None):
            assert refusal(store, Move("a", Step.CANCEL, revision)) is Refusal.REVISION
        assert refusal(store, Move("a", Step.CANCEL, token=1)) is Refusal.TOKEN
        assert kept(store, "a") == before

    @pytest.mark.parametrize("state", sorted(CLAIMED))
    def test_c07_a_claimed_job_moves_by_its_token_alone(self, state: State) -> None:
        store = self.store()
        before = brought(store, state)
        assert before.token is not None
        for token in (before.token - 1, before.token + 1):
            assert refusal(store, Move("a", Step.BEAT, token=token)) is Refusal.TOKEN
            assert refusal(store, Move("a", Step.BEAT, before.revision, token)) is Refusal.TOKEN
        assert refusal(store, Move("a", Step.BEAT, before.revision)) is Refusal.REVISION
        assert kept(store, "a") == before
        lands(store, Move("a", Step.BEAT, revision=1, token=before.token))

    def test_c07_the_token_of_before_a_rescue_moves_nothing(self) -> None:
        store = self.store()
        first = begun(store, job("a"))
        [second] = claim(store, NOW + HOUR)
        assert refusal(store, Move("a", Step.COMPLETE, token=first.token)) is Refusal.TOKEN
        lands(store, Move("a", Step.COMPLETE, token=second.job.token, fields={"ended": NOW}))

    def test_c07_the_token_of_a_job_that_went_back_to_wait_moves_nothing(self) -> None:
        store = self.store()
        first = claimed(store, job("a"))
        lands(store, move(first, Step.RELEASE, due=NOW))
        assert refusal(store, Move("a", Step.CANCEL, token=first.token)) is Refusal.TOKEN
        again = claim(store)[0].job
        assert refusal(store, Move("a", Step.START, token=first.token)) is Refusal.TOKEN
        lands(store, Move("a", Step.START, token=again.token))

    @pytest.mark.parametrize("step", [Step.DEFER, Step.ASK, Step.COMPLETE, Step.FAIL, Step.STOP, Step.DOUBT])
    def test_c07_who_leaves_a_claim_leaves_token_lease_and_worker_behind(self, step: Step) -> None:
        store = self.store()
        lands(store, move(begun(store, job("a")), step))
        left = kept(store, "a")
        assert (left.token, left.lease, left.worker, left.node) == (None, None, None, "a")

    @pytest.mark.parametrize("step", [Step.BEAT, Step.SAVE])
    def test_c07_who_stays_claimed_keeps_its_token(self, step: Step) -> None:
        store = self.store()
        before = begun(store, job("a"))
        lands(store, move(before, step, lease=NOW + HOUR))
        after = kept(store, "a")
        assert (after.token, after.worker, after.lease) == (before.token, before.worker, NOW + HOUR)

    def test_c07_the_fields_of_a_step_are_kept_and_no_others_change(self) -> None:
        store = self.store()
        before = begun(store, job("a", record="r"))
        told = {"memo": {"done": [1, 2]}, "progress": (1, 2, "half"), "operations": ({"name": "one"},), "host": "h", "rescues": 0}
        lands(store, Move("a", Step.SAVE, token=before.token, fields=told))
        after = kept(store, "a")
        assert after == before.with_({**told, "revision": before.revision + 1})

    def test_c07_of_two_who_read_the_same_revision_the_second_is_refused(self) -> None:
        store = self.store()
        lands(store, Insert(job("a", due=NOW + HOUR)))
        other = self.second_handle(store)
        read = kept(other, "a")
        lands(store, Move("a", Step.ADVANCE, read.revision, fields={"due": NOW}))
        assert refusal(other, Move("a", Step.CANCEL, read.revision)) is Refusal.REVISION

    @pytest.mark.parametrize("by", [{"revision": 1}, {"token": 1}])
    def test_c07_a_job_that_is_not_there_cannot_move(self, by: dict[str, Any]) -> None:
        assert refusal(self.store(), Move("nobody", Step.CANCEL, **by)) is Refusal.ABSENT

    @pytest.mark.parametrize("state", sorted(FINAL))
    def test_c07_an_ended_job_is_claimed_by_nobody(self, state: State) -> None:
        store = self.store()
        brought(store, state)
        assert claim(store, NOW + 24 * HOUR) == []
        assert store.next_due(["local"]) is None

    def test_c07_a_job_that_waits_for_consent_is_claimed_once_it_has_it(self) -> None:
        store = self.store()
        waiting = brought(store, State.AWAITING_CONSENT)
        assert claim(store) == []
        assert store.next_due(["local"]) is None
        lands(store, move(waiting, Step.CONSENT))
        assert [one.job.id for one in claim(store)] == ["a"]

    def test_c07_steps_of_one_unit_follow_each_other(self) -> None:
        store = self.store()
        lands(store, Insert(job("a")))
        lands(store, *(Move("a", Step.ADVANCE, revision, fields={"due": NOW - revision * MINUTE}) for revision in (1, 2, 3)))
        assert (kept(store, "a").revision, kept(store, "a").due) == (4, NOW - 3 * MINUTE)
