"""C8 and C9: claims, tokens, leases and rescues (J3, J4, J12)."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskkit.instants import MINUTE, SECOND
from taskkit.states import CLAIMED, State, Step
from taskkit.storage import Absorb, Expect, Insert, Move, Storage
from taskkit.testing.contracts._contract import rounds
from taskkit.testing.contracts.storage._makings import (
    HOUR,
    NOW,
    Kit,
    begun,
    cause,
    claim,
    claimed,
    ended,
    fired,
    hurried,
    job,
    kept,
    lands,
    move,
    to_final,
    write,
)


def ids(store: Storage, now: int = NOW, *, pools: tuple[str, ...] = ("local",), limit: int = 100) -> list[str]:
    return [one.job.id for one in claim(store, now, pools=pools, limit=limit)]


class Claims(Kit):
    """No job is given to two."""

    def test_c09_a_claim_gives_a_job_with_token_lease_and_worker(self) -> None:
        store = self.store()
        lands(store, Insert(fired("a"), (cause("a", "h1"), cause("a", "h2"))))
        [one] = store.claim(NOW, worker="a/1", node="a", pools=["local"], limit=1, lease=NOW + MINUTE)
        assert one.job == kept(store, "a")
        assert (one.job.state, one.job.worker, one.job.node, one.job.lease) == (State.QUEUED, "a/1", "a", NOW + MINUTE)
        assert (one.job.revision, one.job.rescues) == (2, 0)
        assert one.job.token is not None
        assert list(one.causes) == [cause("a", "h1"), cause("a", "h2")]
        assert claim(store) == []

    @pytest.mark.parametrize(("due", "given"), [(NOW - HOUR, True), (NOW, True), (NOW + 1, False)])
    def test_c09_a_job_is_given_from_its_due_time_on(self, due: int, given: bool) -> None:
        store = self.store()
        lands(store, Insert(job("a", due=due)))
        assert ids(store) == ["a"] * given

    def test_c09_jobs_come_in_order_of_due_over_all_pools(self) -> None:
        store = self.store()
        for number, (due, pool) in enumerate([(5, "local"), (1, "dmz"), (3, "local"), (2, "far"), (4, "dmz"), (0, "other")]):
            lands(store, Insert(job(f"j{number}", due=NOW - 60 + due, pool=pool)))
        pools = ("local", "dmz", "far", "empty")
        assert store.next_due(pools) == NOW - 59
        assert ids(store, pools=pools, limit=2) == ["j1", "j3"]
        assert ids(store, pools=pools, limit=2) == ["j2", "j4"]
        assert ids(store, pools=pools, limit=2) == ["j0"]
        assert ids(store, pools=("other", "other")) == ["j5"]

    @pytest.mark.parametrize("limit", [0, 1, 3, 10])
    def test_c09_a_claim_takes_no_more_than_its_limit(self, limit: int) -> None:
        store = self.store()
        lands(store, *(Insert(job(f"j{number}")) for number in range(5)))
        assert len(claim(store, limit=limit)) == min(limit, 5)
        assert len(claim(store)) == 5 - min(limit, 5)

    def test_c09_another_pool_is_left_alone(self) -> None:
        store = self.store()
        lands(store, Insert(job("a", pool="dmz")))
        assert ids(store) == ids(store, pools=()) == []
        assert store.next_due(["local"]) is None
        assert store.next_due([]) is None
        assert ids(store, pools=("dmz",)) == ["a"]

    def test_c09_what_a_worker_gives_back_is_due_again(self) -> None:
        store = self.store()
        one = claimed(store, job("a"))
        lands(store, move(one, Step.RELEASE, due=NOW + HOUR))
        assert (ids(store), store.next_due(["local"])) == ([], NOW + HOUR)
        assert ids(store, NOW + HOUR) == ["a"]

    @pytest.mark.parametrize(("due", "now"), [(NOW - HOUR, NOW), (NOW + HOUR, NOW + HOUR), (NOW + 3 * HOUR, NOW + 3 * HOUR)])
    def test_c09_a_job_is_given_at_the_due_time_that_it_has_now(self, due: int, now: int) -> None:
        store = self.store()
        lands(store, Insert(job("a", due=NOW + 2 * HOUR)))
        lands(store, Move("a", Step.REPLAN, 1, fields={"due": due}))
        assert store.next_due(["local"]) == due
        assert ids(store, now - 1) == ([] if due == now else ["a"])
        assert ids(store, now) == (["a"] if due == now else [])
        assert ids(store, NOW + 9 * HOUR, limit=5) == ["a"]  # its lease ran out, and nothing else

    def test_c09_a_job_that_moved_to_another_pool_is_given_there_alone(self) -> None:
        store = self.store()
        lands(store, Insert(job("a")))
        lands(store, Move("a", Step.REPLAN, 1, fields={"pool": "dmz"}))
        assert (ids(store), store.next_due(["local"])) == ([], None)
        assert ids(store, pools=("local", "dmz")) == ["a"]

    def test_c09_a_job_that_ended_or_was_never_put_is_not_given(self) -> None:
        store = self.store()
        ended(store, job("a"))
        assert not write(store, Insert(job("b")), Expect("colour", "nowhere", 7))
        assert (ids(store), store.next_due(["local"])) == ([], None)
        lands(store, Insert(job("b", due=NOW + HOUR)))
        assert (ids(store), store.next_due(["local"])) == ([], NOW + HOUR)

    def test_c09_a_step_that_was_taken_back_changes_no_due_time(self) -> None:
        store = self.store()
        lands(store, Insert(job("a", due=NOW + HOUR)), Insert(job("b", due=NOW)))
        assert not write(store, Move("a", Step.ADVANCE, 1, fields={"due": NOW}), Move("b", Step.CANCEL, 1), Expect("colour", "nowhere", 7))
        assert ids(store) == ["b"]

    def test_c09_a_job_that_was_moved_often_is_given_once(self) -> None:
        store = self.store()
        lands(store, Insert(job("a", due=NOW + HOUR)), Insert(job("b", due=NOW + 2 * HOUR)))
        for revision in range(1, 3000):
            lands(store, Move("a", Step.REPLAN, revision, fields={"due": NOW + HOUR * (1 + revision % 2)}))
        assert store.next_due(["local"]) == NOW + 2 * HOUR
        assert ids(store, NOW + HOUR) == []
        assert sorted(ids(store, NOW + 2 * HOUR)) == ["a", "b"]
        assert ids(store, NOW + 2 * HOUR) == []

    def test_c09_however_often_another_job_was_moved_all_come_in_order_of_due(self) -> None:
        store, rng = self.store(), random.Random(9)
        dues = {f"j{number}": NOW + rng.randrange(10_000) * 60 + number for number in range(60)}
        store.write([(Insert(job("other", due=NOW + 2 * HOUR)),), *((Insert(job(id, due=due)),) for id, due in dues.items())])
        store.write([(Move("other", Step.REPLAN, number, fields={"due": NOW + 2 * HOUR + number}),) for number in range(1, 3000)])
        assert [ids(store, NOW + HOUR, limit=1) for _ in dues] == [[id] for id in sorted(dues, key=lambda id: dues[id])]

    def test_c09_what_is_claimed_waits_for_its_lease_alone(self) -> None:
        store = self.store()
        one = claimed(store, job("a"))
        assert store.next_due(["local"]) == one.lease
        lands(store, move(one, Step.BEAT, lease=NOW + HOUR))
        assert store.next_due(["local"]) == NOW + HOUR
        assert ids(store, NOW + HOUR - 1) == []
        assert ids(store, NOW + HOUR) == ["a"]

    def test_c09_the_lease_of_another_pool_is_nothing_to_wake_for(self) -> None:
        store = self.store()
        claimed(store, job("a", pool="dmz"))
        assert store.next_due(["local"]) is None
        lands(store, Insert(job("b", due=NOW + HOUR)))
        assert store.next_due(["local"]) == NOW + HOUR
        assert ids(store, NOW + HOUR) == ["b"]
        assert ids(store, NOW + HOUR, pools=("dmz",)) == ["a"]

    @pytest.mark.parametrize("state", sorted(CLAIMED))
    def test_c09_a_rescue_keeps_the_state_and_counts(self, state: State) -> None:
        store = self.store()
        before = claimed(store, job("a")) if state is State.QUEUED else begun(store, job("a"))
        assert ids(store, NOW + MINUTE - 1) == []
        [one] = store.claim(NOW + MINUTE, worker="b/1", node="b", pools=["local"], limit=5, lease=NOW + 2 * MINUTE)
        assert (one.job.state, one.job.rescues, one.job.worker, one.job.node) == (state, 1, "b/1", "b")
        assert (one.job.revision, one.job.lease) == (before.revision + 1, NOW + 2 * MINUTE)
        assert one.job.token is not None
        assert before.token is not None
        assert one.job.token > before.token
        assert ids(store, NOW + MINUTE) == []
        [again] = claim(store, NOW + 2 * MINUTE)
        assert again.job.rescues == 2

    def test_c09_who_beats_is_not_rescued(self) -> None:
        store = self.store()
        begun(store, job("a"))
        for minute in range(1, 5):
            lands(store, move(kept(store, "a"), Step.BEAT, lease=NOW + (minute + 1) * MINUTE))
            assert ids(store, NOW + minute * MINUTE) == []
        assert ids(store, NOW + 5 * MINUTE) == ["a"]

    def test_c09_a_lease_may_be_shortened(self) -> None:
        store = self.store()
        one = begun(store, job("a"))
        lands(store, move(one, Step.SAVE, lease=NOW + SECOND))
        assert store.next_due(["local"]) == NOW + SECOND
        assert ids(store, NOW + SECOND) == ["a"]

    def test_c09_rescues_come_first_and_both_in_order_of_due(self) -> None:
        store = self.store()
        lands(store, *(Insert(job(f"r{number}", due=NOW - number)) for number in range(3)))
        assert len(claim(store)) == 3
        lands(store, *(Insert(job(f"d{number}", due=NOW - HOUR - number)) for number in range(3)))
        assert ids(store, NOW + HOUR, limit=2) == ["r2", "r1"]
        assert ids(store, NOW + HOUR, limit=3) == ["r0", "d2", "d1"]
        assert ids(store, NOW + HOUR) == ["d0"]

    def test_c09_another_pools_jobs_are_not_rescued(self) -> None:
        store = self.store()
        claimed(store, job("a", pool="dmz"))
        assert ids(store, NOW + HOUR) == []
        assert kept(store, "a").rescues == 0
        assert ids(store, NOW + HOUR, pools=("dmz", "local")) == ["a"]

    def test_c09_what_ended_or_went_back_is_not_rescued(self) -> None:
        store = self.store()
        lands(store, to_final(begun(store, job("a"))))
        lands(store, move(claimed(store, job("b")), Step.DEFER, due=NOW + 5 * HOUR))
        assert (ids(store, NOW + HOUR), store.next_due(["local"])) == ([], NOW + 5 * HOUR)

    def test_c09_a_rescue_brings_the_causes_and_what_waits_beside(self) -> None:
        store = self.store()
        begun(store, fired("a"))
        lands(store, Insert(fired("b", due=NOW + 9 * HOUR), (cause("b", "h1"),)), Insert(job("c"), (cause("c", "h2"),)), Absorb("c", "a"))
        one = next(one for one in claim(store, NOW + HOUR) if one.job.id == "a")
        assert ([found.fire for found in one.causes], one.beside) == (["h2"], kept(store, "b"))

    def test_c08_tokens_grow_over_all_jobs_handles_and_rescues(self) -> None:
        store = self.store()
        handles = [store, self.second_handle(store)]
        tokens: list[int] = []
        for turn in range(6):
            lands(store, *(Insert(job(f"j{turn}-{number}")) for number in range(3)))
            tokens += [one.job.token or 0 for one in claim(handles[turn % 2], NOW + turn * MINUTE, limit=2 * turn + 3)]
        assert len(tokens) > 20
        assert tokens == sorted(set(tokens))

    def test_c08_a_token_is_the_stores_microseconds_or_one_more_than_the_last(self) -> None:
        """Whose microseconds: of the engine, where the store has no clock of its own."""
        store = self.store()
        lands(store, *(Insert(job(f"j{number}", due=0)) for number in range(5)))
        found = [claim(store, now, limit=limit) for now, limit in ((NOW, 2), (NOW - HOUR, 1), (NOW + HOUR, 9))]
        tokens = [one.job.token or 0 for several in found for one in several]
        assert len(tokens) == 8
        assert tokens == sorted(set(tokens))
        if store.clock is None:
            assert tokens == [NOW, NOW + 1, NOW + 2, *(NOW + HOUR + number for number in range(5))]

    def test_c09_several_who_claim_at_once_never_get_the_same_job(self) -> None:
        store = self.store()
        for base in range(0, 400, 100):
            store.write([(Insert(job(f"j{base + number}", pool="local" if number % 2 else "dmz")),) for number in range(100)])

        def work(_: int) -> list[tuple[str, int | None]]:
            handle, got = self.second_handle(store), []
            for _ in rounds():
                some = claim(handle, pools=("local", "dmz"), limit=3)
                if not some:
                    break
                got += [(one.job.id, one.job.token) for one in some]
                handle.write([(to_final(one.job),) for one in some[::2]])
            return got

        with hurried(), ThreadPoolExecutor(6) as pool:
            got = [one for several in pool.map(work, range(6)) for one in several]
        assert sorted(id for id, _ in got) == sorted(f"j{number}" for number in range(400))
        assert len({token for _, token in got}) == 400
