"""C13: blobs are invisible until a unit names them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taskkit.errors import NotFound
from taskkit.instants import MINUTE
from taskkit.jobs import Job
from taskkit.states import Step
from taskkit.storage import Expect, Insert, Name, Query, Refusal, Storage
from taskkit.testing.contracts.storage._makings import (
    NOW,
    Kit,
    begun,
    claim,
    ended,
    job,
    kept,
    lands,
    move,
    opened,
    refusal,
    to_final,
    write,
)


class Blobs(Kit):
    """Large values in pieces: what a crash left behind is never seen, and is swept."""

    def test_c13_a_blob_is_seen_once_a_unit_has_named_it(self) -> None:
        store = self.store()
        begun(store, job("a"))
        blob = store.put_blob(iter([b"ab", b"", b"cd"]), job="a")
        with pytest.raises(NotFound):
            list(store.open_blob(blob))
        lands(store, Name(blob, "a"))
        assert b"".join(store.open_blob(blob)) == b"abcd"
        assert opened(self.second_handle(store), blob) == b"abcd"

    def test_c13_every_blob_has_a_name_of_its_own(self) -> None:
        store = self.store()
        begun(store, job("a"))
        blobs = [store.put_blob([bytes([number])], job="a") for number in range(20)]
        lands(store, *(Name(blob, "a") for blob in blobs))
        assert [opened(store, blob) for blob in blobs] == [bytes([number]) for number in range(20)]

    def test_c13_a_unit_that_is_refused_names_nothing(self) -> None:
        store = self.store()
        begun(store, job("a"))
        blob = store.put_blob([b"ab"], job="a")
        assert not write(store, Name(blob, "a"), Expect("colour", "nowhere", 7))
        assert opened(store, blob) is None
        lands(store, Name(blob, "a"))
        assert opened(store, blob) == b"ab"

    def test_c13_what_was_never_put_cannot_be_named_or_opened(self) -> None:
        store = self.store()
        assert refusal(store, Name("nothing", "a")) is Refusal.ABSENT
        assert opened(store, "nothing") is None

    def test_c13_an_empty_blob_is_a_blob(self) -> None:
        store = self.store()
        blob = store.put_blob([], job="a")
        lands(store, Name(blob, "a"))
        assert opened(store, blob) == b""

    def test_c13_pieces_that_break_off_leave_nothing(self) -> None:
        store = self.store()

        def pieces() -> Iterator[bytes]:
            yield b"ab"
            raise OSError

        with pytest.raises(OSError):  # noqa: PT011  ours alone
            store.put_blob(pieces(), job="a")
        assert store.sweep_blobs() == 0

    def test_c13_the_sweep_takes_what_nobody_will_name(self) -> None:
        store = self.store()
        begun(store, job("a"))
        named, nameless = store.put_blob([b"n"], job="a"), store.put_blob([b"x"], job="a")
        lands(store, to_final(kept(store, "a")), Name(named, "a"))
        orphan = store.put_blob([b"y"], job="nobody")
        assert store.sweep_blobs() == 2
        assert store.sweep_blobs() == 0
        assert opened(store, named) == b"n"
        for blob in (nameless, orphan):
            assert refusal(store, Name(blob, "a")) is Refusal.ABSENT

    def test_c13_the_sweep_leaves_what_a_claimed_job_may_name_yet(self) -> None:
        store = self.store()
        begun(store, job("a"))
        blob = store.put_blob([b"ab"], job="a")
        assert store.sweep_blobs() == 0
        [rescued] = claim(store, NOW + MINUTE)
        assert store.sweep_blobs() == 0
        lands(store, Name(blob, "a"))
        lands(store, move(rescued.job, Step.COMPLETE, ended=NOW))
        assert store.sweep_blobs() == 0
        assert opened(store, blob) == b"ab"

    def test_c13_a_job_that_went_back_to_wait_names_nothing_of_before(self) -> None:
        store = self.store()
        lands(store, move(_writing(store), Step.DEFER))
        assert store.sweep_blobs() == 1

    def test_c13_a_purged_job_takes_its_blobs_with_it(self) -> None:
        store = self.store()
        ended(store, job("a"))
        lands(store, Insert(job("b")))
        blobs = [store.put_blob([b"ab"], job="a"), store.put_blob([b"cd"], job="b")]
        lands(store, Name(blobs[0], "a"), Name(blobs[1], "b"))
        assert store.purge([Query()]) == [1]
        assert [opened(store, blob) for blob in blobs] == [None, b"cd"]
        store.sweep_blobs()  # the purge may have left the pieces to it
        assert store.sweep_blobs() == 0
        assert [opened(store, blob) for blob in blobs] == [None, b"cd"]


def _writing(store: Storage) -> Job:
    one = begun(store, job("a"))
    store.put_blob([b"ab"], job="a")
    return one
