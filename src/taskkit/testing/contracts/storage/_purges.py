"""C16: purging forgets ended jobs, and nothing else of them than it says."""

from __future__ import annotations

from typing import Any

import pytest

from taskkit.instants import DAY
from taskkit.jobs import Job
from taskkit.states import FINAL, PENDING, State, Step
from taskkit.storage import Hold, Insert, Move, Query, Refusal, Storage
from taskkit.testing.contracts.storage._makings import (
    HOUR,
    NOW,
    Kit,
    begun,
    cause,
    claimed,
    ended,
    fired,
    job,
    kept,
    lands,
    move,
    pages,
    refusal,
    to_final,
    told,
)


class Purges(Kit):
    """Retention is a query."""

    @pytest.mark.parametrize("query", [Query(), Query(states=PENDING), Query(record="r"), Query(line="l"), Query(until=NOW + 9 * HOUR)])
    def test_c16_what_has_not_ended_is_never_purged(self, query: Query) -> None:
        store = self.store()
        begun(store, job("a", record="r"), Hold("a", NOW, ("account:a",)))
        claimed(store, job("b", record="r"))
        lands(store, Insert(job("c", record="r")), Insert(job("d", record="r", state=State.AWAITING_CONSENT)))
        assert store.purge([query]) == [0]
        assert pages(store, Query()) == ["d", "c", "b", "a"]
        assert list(store.holders("account:a")) == ["a"]

    def test_c16_ended_jobs_that_the_query_names_are_gone(self) -> None:
        store = self.store()
        for day in range(5):
            ended(store, job(f"j{day}", record="r", execution="x" if day > 1 else "old"), NOW + day * DAY)
        lands(store, Insert(job("open", record="r")))
        assert store.purge([Query(states=FINAL, until=NOW + 2 * DAY)]) == [2]
        assert store.job("j0") is None
        for query in (Query(), Query(record="r"), Query(line="l")):
            assert pages(store, query) == ["open", "j4", "j3", "j2"]
        assert pages(store, Query(execution="x"), "due") == ["j2", "j3", "j4"]
        assert pages(store, Query(execution="old")) == []
        assert store.purge([Query(states=FINAL, until=NOW + 2 * DAY)]) == [0]

    def test_c16_causes_go_with_their_job_and_facts_stay(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a"), (cause("a", "h"),)), told())
        lands(store, to_final(kept(store, "a")))
        assert store.purge([Query()]) == [1]
        assert list(store.causes("a")) == []
        assert not store.check()
        assert [fact.kind for fact in store.facts({})[0]] == ["ChainBegan", "Painted"]

    def test_c16_a_job_that_moved_is_purged_wholly(self) -> None:
        store = self.store()
        one = claimed(store, fired("a"))
        lands(store, to_final(one))
        lands(store, Insert(fired("b", fire="f")))
        lands(store, Move("b", Step.REPLAN, 1, fields={"line": "l2", "record": "r2", "execution": "x"}))
        lands(store, to_final(kept(store, "b")))
        assert store.purge([Query(line="l2")]) == [1]
        assert pages(store, Query(record="r")) == pages(store, Query(line="l")) == ["a"]
        assert pages(store, Query(record="r2")) == pages(store, Query(execution="x")) == []

    def test_c16_a_purged_job_takes_no_step(self) -> None:
        store = self.store()
        last = ended(store, job("a"))
        store.purge([Query()])
        assert refusal(store, to_final(last)) is Refusal.ABSENT

    def test_c16_an_old_history_is_purged_however_much_came_after(self) -> None:
        store = self.store()
        store.write([(Insert(job(f"j{number}", record="r")), to_final(job(f"j{number}"))) for number in range(1200)])
        assert store.purge([Query(states=State.CANCELED)]) == [1200]
        assert store.count(Query()) == 0
        assert [store.job(f"j{number}") for number in (0, 600, 1199)] == [None] * 3
        assert list(store.open_jobs("l", "r")) == []


OLD, YOUNG = NOW, NOW + 10 * DAY
#: What ended long ago, and of what failed only what ended longer ago still.
AGES = (Query(states=State.CANCELED, until=NOW + 5 * DAY), Query(states=State.ERROR, until=NOW + DAY))


def failed(store: Storage, of: Job, at: int) -> None:
    one = begun(store, of)
    lands(store, move(one, Step.FAIL, ended=at))


class Series(Kit):
    """C16 too: jobs that are kept together go together."""

    def test_c16_a_series_goes_as_a_whole_or_not_at_all(self) -> None:
        store = self.store()
        for name, last in (("old", OLD), ("young", YOUNG)):
            failed(store, job(f"{name} first", record=name), OLD)
            ended(store, job(f"{name} again", record=name, series=f"{name} first", cycle=1), OLD)
            ended(store, job(f"{name} last", record=name, series=f"{name} first", cycle=2), last)
        assert store.purge(AGES) == [2, 1]
        assert pages(store, Query()) == ["young last", "young again", "young first"]
        assert store.purge([Query()]) == [3]

    def test_c16_a_series_stays_as_long_as_its_first_job(self) -> None:
        store = self.store()
        failed(store, job("first"), NOW + 2 * DAY)
        ended(store, job("last", series="first"), OLD)
        assert store.purge(AGES) == [0, 0]
        assert store.purge([Query(states=State.CANCELED), Query(states=State.ERROR)]) == [1, 1]

    def test_c16_a_series_of_which_a_job_is_open_stays(self) -> None:
        store = self.store()
        ended(store, job("first"), OLD)
        lands(store, Insert(job("again", series="first", due=NOW + 9 * DAY)))
        assert store.purge([Query()]) == [0]
        lands(store, to_final(kept(store, "again")))
        assert store.purge([Query()]) == [2]

    def test_c16_a_series_whose_first_job_is_gone_goes_by_what_is_left(self) -> None:
        store = self.store()
        ended(store, job("again", series="first"), OLD)
        ended(store, job("last", series="first"), YOUNG)
        assert store.purge(AGES) == [0, 0]
        assert store.purge([Query()]) == [2]

    @pytest.mark.parametrize("stays", ["conductor", "part", "retry"])
    def test_c16_a_run_over_many_goes_as_a_whole_or_not_at_all(self, stays: str) -> None:
        store = self.store()
        told: dict[str, dict[str, Any]] = {
            "conductor": {"conducts": True}, "part": {"execution": "conductor", "record": "r1"},
            "retry": {"execution": "conductor", "record": "r2", "series": "lost"},
        }  # fmt: skip
        for name, fields in told.items():
            ended(store, job(name, **fields), YOUNG if name == stays else OLD)
        ended(store, job("other", record="r1"), OLD)
        assert store.purge(AGES) == [1, 0]
        assert sorted(pages(store, Query())) == ["conductor", "part", "retry"]
        assert store.purge([Query(states=State.CANCELED)]) == [3]

    def test_c16_a_query_that_names_some_of_a_series_purges_none_of_it(self) -> None:
        store = self.store()
        ended(store, job("conductor", conducts=True), OLD)
        ended(store, job("part", execution="conductor", record="r1"), OLD)
        ended(store, job("alone", record="r1"), OLD)
        assert store.purge([Query(record="r1")]) == [1]
        assert store.purge([Query(record="r1"), Query(line="l")]) == [1, 1]

    def test_c16_no_job_counts_for_two_queries_and_no_query_purges_nothing(self) -> None:
        store = self.store()
        ended(store, job("a"), OLD)
        assert store.purge([]) == []
        assert store.purge([Query(), Query(states=State.CANCELED), Query()]) == [1, 0, 0]

    def test_c16_many_that_stay_hide_none_that_goes(self) -> None:
        """However many a store looks at in one go."""
        store, count = self.store(), 1200
        ids = [f"j{number}" for number in range(count)]
        store.write([(Insert(job(id, series="open", created=OLD)), move(job(id), Step.CANCEL, ended=OLD)) for id in ids])
        lands(store, Insert(job("open", due=NOW + 9 * DAY)))
        ended(store, job("old"), OLD + 1)
        assert store.purge(AGES) == [1, 0]
        lands(store, move(kept(store, "open"), Step.CANCEL, ended=OLD))
        assert store.purge(AGES) == [count + 1, 0]
