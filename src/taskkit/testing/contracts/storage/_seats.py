"""C5: one occurrence and one fired job wait for a line and record (P4)."""

from __future__ import annotations

from typing import Any

import pytest

from taskkit.jobs import Job, Kind
from taskkit.states import State, Step
from taskkit.storage import Insert, Move, Refusal, Storage
from taskkit.testing.contracts.storage._makings import (
    HOUR,
    NOW,
    Kit,
    cause,
    claim,
    claimed,
    fired,
    job,
    kept,
    lands,
    move,
    occurrence,
    refusal,
    to_final,
)


def sitting(store: Storage, of: Job) -> str | None:
    assert of.seat is not None
    found = store.seated(of.seat)
    return found.id if found else None


class Seats(Kit):
    """P4: of what waits for a line and record there is one of each."""

    @pytest.mark.parametrize("state", [State.SCHEDULED, State.DEFERRED, State.AWAITING_CONSENT])
    @pytest.mark.parametrize(("first", "second"), [(occurrence, occurrence), (fired, fired)])
    def test_c05_a_seat_is_refused_while_another_job_waits_in_it(self, first: Any, second: Any, state: State) -> None:
        store = self.store()
        lands(store, Insert(first("a", fire="f1", state=state)))
        assert refusal(store, Insert(second("b", fire="f2"))) is Refusal.SEAT
        assert sitting(store, second("b")) == "a"
        assert store.job("b") is None

    def test_c05_a_retry_has_the_seat_of_what_is_fired(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a", kind=Kind.FALLBACK)))
        assert refusal(store, Insert(fired("b"))) is Refusal.SEAT

    @pytest.mark.parametrize(
        "other",
        [
            occurrence("b", "f2", record="r2"),
            occurrence("b", "f2", record=None),
            occurrence("b", "f2", line="l2"),
            occurrence("b", "f2", via=("t2", "r2", 1)),
            fired("b"),
        ],
        ids=["record", "no record", "line", "trigger", "kind"],
    )
    def test_c05_another_record_line_trigger_or_kind_has_another_seat(self, other: Job) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a")), Insert(other))
        assert sitting(store, occurrence("a")) == "a"
        assert sitting(store, other) == "b"

    @pytest.mark.parametrize("kind", [Kind.DEMAND, Kind.PART, Kind.RECOVERY])
    def test_c05_other_kinds_have_no_seat(self, kind: Kind) -> None:
        store = self.store()
        lands(store, Insert(job("a", kind=kind, record="r")), Insert(job("b", kind=kind, record="r")), Insert(occurrence("c")))
        assert [one.id for one in store.open_jobs("l", "r")] == ["a", "b", "c"]

    def test_c05_a_claim_leaves_the_seat_to_the_next(self) -> None:
        store = self.store()
        one = claimed(store, occurrence("a", "f1"))
        assert sitting(store, one) is None
        lands(store, Move("a", Step.START, token=one.token), Insert(occurrence("b", "f2", due=NOW + HOUR)))
        assert sitting(store, one) == "b"

    def test_c05_what_ends_leaves_its_seat_in_the_same_unit(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f1")))
        lands(store, Move("a", Step.CANCEL, 1), Insert(occurrence("b", "f2")))
        assert sitting(store, occurrence("b")) == "b"

    def test_c05_what_a_worker_sends_back_stands_beside_whoever_took_its_seat(self) -> None:
        store = self.store()
        one = claimed(store, occurrence("a", "f1"))
        lands(store, Insert(occurrence("b", "f2", due=NOW + HOUR)))
        lands(store, move(one, Step.RELEASE, due=NOW + HOUR))
        assert [job.id for job in store.open_jobs("l", "r")] == ["a", "b"]
        assert sitting(store, one) == "a"
        for id in ("a", "b"):
            assert refusal(store, Insert(occurrence("c", "f3"))) is Refusal.SEAT
            lands(store, to_final(kept(store, id)))
        lands(store, Insert(occurrence("c", "f3")))

    def test_c05_who_stands_beside_may_be_planned_anew_there(self) -> None:
        store = self.store()
        one = claimed(store, occurrence("a", "f1"))
        lands(store, Insert(occurrence("b", "f2", due=NOW + HOUR)))
        lands(store, move(one, Step.RELEASE, due=NOW + HOUR))
        for id in ("a", "b"):
            lands(store, move(kept(store, id), Step.REPLAN, fire=f"new {id}", via=None))

    def test_c05_what_has_ended_needs_no_seat(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f1")), Insert(occurrence("b", "f2", state=State.MISSED, ended=NOW)))
        assert sitting(store, occurrence("a")) == "a"

    def test_c05_a_waiting_job_cannot_move_to_a_taken_seat(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f1")), Insert(occurrence("b", "f2", line="l2")))
        assert refusal(store, Move("b", Step.REPLAN, 1, fields={"line": "l"})) is Refusal.SEAT
        assert refusal(store, Move("b", Step.REPLAN, 1, fields={"line": "l", "record": "r"})) is Refusal.SEAT
        assert [job.id for job in store.open_jobs("l2", "r")] == ["b"]

    def test_c05_a_waiting_job_moves_to_a_free_seat_and_leaves_its_own(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f1")))
        lands(store, Move("a", Step.REPLAN, 1, fields={"line": "l2", "record": "r2"}))
        assert sitting(store, occurrence("x")) is None
        assert sitting(store, kept(store, "a")) == "a"
        assert list(store.open_jobs("l", "r")) == []
        assert [job.id for job in store.open_jobs("l2", "r2")] == ["a"]
        lands(store, Insert(occurrence("b", "f2")))

    def test_c05_a_waiting_job_may_stay_in_its_own_seat(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f1")))
        lands(store, Move("a", Step.REPLAN, 1, fields={"line": "l", "record": "r", "via": None, "fire": "f2", "due": NOW + HOUR}))
        assert sitting(store, occurrence("a")) == "a"

    def test_c05_a_claim_brings_the_fired_job_that_waits_beside(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f1")), Insert(fired("b", due=NOW + HOUR), (cause("b", "h1"),)))
        [one] = claim(store)
        assert (one.job.id, one.beside) == ("a", kept(store, "b"))
        [other] = claim(store, NOW + HOUR, lease=2 * HOUR, limit=1, pools=["local"])[:1]
        assert other.beside is None or other.beside.id != other.job.id
