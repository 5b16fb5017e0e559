"""C6: each fire is kept once (J5)."""

from __future__ import annotations

from typing import Any

import pytest

from taskkit.instants import DAY
from taskkit.states import State, Step
from taskkit.storage import Absorb, Insert, Join, Move, Query, Refusal
from taskkit.testing.contracts.storage._makings import (
    HOUR,
    NOW,
    Kit,
    begun,
    cause,
    ended,
    fired,
    job,
    kept,
    lands,
    occurrence,
    refusal,
    to_final,
)


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

    def test_c06_fires_outlive_their_purged_job_for_ninety_days_from_its_end(self) -> None:
        store, end = self.store(), NOW + 400 * DAY
        lands(store, Insert(occurrence("a", "f", due=end), (cause("a", "h"),)))
        lands(store, Move("a", Step.CANCEL, 1, fields={"ended": end}))
        assert store.purge([Query()]) == [1]
        ended(store, job("later", created=end), end + 89 * DAY)
        assert store.purge([Query()]) == [1]
        assert refusal(store, Insert(occurrence("b", "f"))) is Refusal.FIRE
        assert refusal(store, Insert(fired("b"), (cause("b", "h"),))) is Refusal.FIRE

    def test_c06_fires_of_jobs_that_are_there_are_kept_for_ever(self) -> None:
        store = self.store()
        begun(store, occurrence("a", "f"))
        ended(store, occurrence("b", "f2", record="r2"))
        ended(store, job("later"), NOW + 9000 * DAY)
        assert store.purge([Query(record=None, states=State.CANCELED, since=NOW + DAY)]) == [0]
        assert store.purge([Query(line="l", states=State.CANCELED, record="none")]) == [0]
        assert refusal(store, Insert(occurrence("c", "f"))) is Refusal.FIRE
        assert refusal(store, Insert(occurrence("c", "f2", record="r2"))) is Refusal.FIRE
