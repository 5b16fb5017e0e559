"""C16: purging forgets ended jobs, and nothing else of them than it says."""

from __future__ import annotations

import pytest

from taskkit.instants import DAY
from taskkit.states import FINAL, PENDING, State, Step
from taskkit.storage import Hold, Insert, Move, Query, Refusal
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
        assert store.purge(query) == 0
        assert pages(store, Query()) == ["d", "c", "b", "a"]
        assert list(store.holders("account:a")) == ["a"]

    def test_c16_ended_jobs_that_the_query_names_are_gone(self) -> None:
        store = self.store()
        for day in range(5):
            ended(store, job(f"j{day}", record="r", execution="x"), NOW + day * DAY)
        lands(store, Insert(job("open", record="r")))
        assert store.purge(Query(states=FINAL, until=NOW + 2 * DAY)) == 2
        assert store.job("j0") is None
        for query in (Query(), Query(record="r"), Query(line="l")):
            assert pages(store, query) == ["open", "j4", "j3", "j2"]
        assert pages(store, Query(execution="x"), "due") == ["j2", "j3", "j4"]
        assert store.purge(Query(states=FINAL, until=NOW + 2 * DAY)) == 0

    def test_c16_causes_go_with_their_job_and_facts_stay(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a"), (cause("a", "h"),)), told())
        lands(store, to_final(kept(store, "a")))
        assert store.purge(Query()) == 1
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
        assert store.purge(Query(line="l2")) == 1
        assert pages(store, Query(record="r")) == pages(store, Query(line="l")) == ["a"]
        assert pages(store, Query(record="r2")) == pages(store, Query(execution="x")) == []

    def test_c16_a_purged_job_takes_no_step(self) -> None:
        store = self.store()
        last = ended(store, job("a"))
        store.purge(Query())
        assert refusal(store, to_final(last)) is Refusal.ABSENT

    def test_c16_an_old_history_is_purged_however_much_came_after(self) -> None:
        store = self.store()
        store.write([(Insert(job(f"j{number}", record="r")), to_final(job(f"j{number}"))) for number in range(1200)])
        assert store.purge(Query(states=State.CANCELED)) == 1200
        assert store.count(Query()) == 0
        assert [store.job(f"j{number}") for number in (0, 600, 1199)] == [None] * 3
        assert list(store.open_jobs("l", "r")) == []
