"""C5 and C6: one occurrence and one fired job wait for a line and record, and each fire is kept once (P4, J5)."""

from __future__ import annotations

from typing import Any

import pytest

from taskkit.instants import DAY
from taskkit.jobs import Job, Kind
from taskkit.states import State, Step
from taskkit.storage import Absorb, Insert, Join, Move, Query, Refusal, Storage
from tests.storage.contracts.makings import (
    HOUR,
    NOW,
    Kit,
    begun,
    cause,
    claim,
    claimed,
    ended,
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


class Fires(Kit):
    """J5: no fire makes two jobs."""

    def test_c06_an_occurrence_is_kept_once_for_a_line_and_record(self) -> None:
        store = self.store()
        ended(store, occurrence("a", "f"))
        assert refusal(store, Insert(occurrence("b", "f"))) is Refusal.FIRE
        lands(
            store,
            Insert(occurrence("c", "f", record="r2")),
            Insert(occurrence("d", "f", line="l2")),
            Insert(occurrence("e", "f", record=None)),
        )

    def test_c06_a_cause_is_kept_once_however_its_job_ended(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a"), (cause("a", "h1"), cause("a", "h2"))))
        lands(store, to_final(kept(store, "a")))
        assert refusal(store, Insert(fired("b"), (cause("b", "h3"), cause("b", "h2")))) is Refusal.FIRE
        lands(store, Insert(fired("b"), (cause("b", "h3"),)))
        assert refusal(store, Join(cause("b", "h1"))) is Refusal.FIRE

    def test_c06_occurrences_and_causes_share_their_fires(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f")), Insert(fired("b"), (cause("b", "h"),)))
        assert refusal(store, Join(cause("b", "f"))) is Refusal.FIRE
        lands(store, to_final(kept(store, "a")))
        assert refusal(store, Insert(occurrence("c", "h"))) is Refusal.FIRE

    def test_c06_one_job_cannot_have_a_fire_twice(self) -> None:
        store = self.store()
        assert refusal(store, Insert(fired("a"), (cause("a", "h"), cause("a", "h")))) is Refusal.FIRE
        assert refusal(store, Insert(occurrence("a", "f"), (cause("a", "f"),))) is Refusal.FIRE
        lands(store, Insert(fired("a"), (cause("a", "h"),)))

    def test_c06_a_fire_that_its_job_gives_up_is_free_again(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f")))
        lands(store, Move("a", Step.CANCEL, 1, fields={"fire": None, "ended": NOW}))
        lands(store, Insert(occurrence("b", "f")))

    def test_c06_a_job_that_is_planned_anew_stands_for_the_new_fire_alone(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f1")))
        lands(store, Move("a", Step.REPLAN, 1, fields={"fire": "f2", "nominal": "f2"}))
        lands(store, Move("a", Step.CANCEL, 2, fields={"ended": NOW}))
        assert refusal(store, Insert(occurrence("b", "f2"))) is Refusal.FIRE
        lands(store, Insert(occurrence("b", "f1")))

    def test_c06_a_job_cannot_be_planned_for_a_fire_that_was_kept(self) -> None:
        store = self.store()
        ended(store, occurrence("a", "f1"))
        lands(store, Insert(occurrence("b", "f2")))
        assert refusal(store, Move("b", Step.REPLAN, 1, fields={"fire": "f1"})) is Refusal.FIRE
        lands(store, Move("b", Step.REPLAN, 1, fields={"fire": "f2", "due": NOW + HOUR}))

    def test_c06_a_fire_goes_from_one_job_to_another_in_one_unit(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f")))
        lands(store, Move("a", Step.CANCEL, 1, fields={"fire": None, "ended": NOW}), Insert(occurrence("b", "f")))
        assert refusal(store, Insert(occurrence("c", "f", via=("x", None, 1)))) is Refusal.FIRE

    @pytest.mark.parametrize("place", [{"record": "r2"}, {"line": "l2"}, {"line": "l2", "record": None}])
    def test_c06_a_job_takes_its_fires_to_another_line_or_record(self, place: dict[str, Any]) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f"), (cause("a", "h"),)))
        lands(store, Move("a", Step.REPLAN, 1, fields=place))
        assert refusal(store, Insert(occurrence("b", "f", **{"via": ("x", None, 1), **place}))) is Refusal.FIRE
        assert refusal(store, Insert(fired("b", **place), (cause("b", "h"),))) is Refusal.FIRE
        lands(store, Insert(occurrence("c", "f")), Insert(fired("d"), (cause("d", "h"),)))

    def test_c06_a_job_cannot_take_a_fire_to_where_it_was_kept(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a"), (cause("a", "h"),)), Insert(fired("b", line="l2"), (cause("b", "h"),)))
        lands(store, to_final(kept(store, "b")))
        assert refusal(store, Move("a", Step.REPLAN, 1, fields={"line": "l2"})) is Refusal.FIRE

    def test_c06_absorbed_causes_stay_kept(self) -> None:
        store = self.store()
        lands(store, Insert(occurrence("a", "f")), Insert(fired("b"), (cause("b", "h"),)))
        lands(store, Move("b", Step.MERGE, 1, fields={"ended": NOW}), Absorb("b", "a"))
        assert refusal(store, Insert(fired("c"), (cause("c", "h"),))) is Refusal.FIRE

    def test_c06_fires_outlive_their_purged_job_by_ninety_days_from_its_end(self) -> None:
        store, end = self.store(), NOW + 400 * DAY
        lands(store, Insert(occurrence("a", "f", due=end), (cause("a", "h"),)))
        lands(store, Move("a", Step.CANCEL, 1, fields={"ended": end}))
        assert store.purge(Query()) == 1
        ended(store, job("later", created=end), end + 89 * DAY)
        assert store.purge(Query()) == 1
        assert refusal(store, Insert(occurrence("b", "f"))) is Refusal.FIRE
        assert refusal(store, Insert(fired("b"), (cause("b", "h"),))) is Refusal.FIRE
        ended(store, job("much later", created=end), end + 91 * DAY)
        assert store.purge(Query()) == 1
        lands(store, Insert(occurrence("b", "f")), Insert(fired("c"), (cause("c", "h"),)))

    def test_c06_fires_of_jobs_that_are_there_are_kept_for_ever(self) -> None:
        store = self.store()
        begun(store, occurrence("a", "f"))
        ended(store, occurrence("b", "f2", record="r2"))
        ended(store, job("later"), NOW + 9000 * DAY)
        assert store.purge(Query(record=None, states=State.CANCELED, since=NOW + DAY)) == 0
        assert store.purge(Query(line="l", states=State.CANCELED, record="none")) == 0
        assert refusal(store, Insert(occurrence("c", "f"))) is Refusal.FIRE
        assert refusal(store, Insert(occurrence("c", "f2", record="r2"))) is Refusal.FIRE
