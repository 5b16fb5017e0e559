"""C5 to C7, C10 and C11 once more, with several processes at a time: what is looked at first and taken then is gone in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import TypeVar

import pytest

from taskkit.states import Step
from taskkit.storage import Free, Hold, Insert, Join, Move, Refusal, Storage
from taskkit.testing.contracts.storage._makings import HOUR, NOW, Kit, cause, fired, hurried, job, kept, lands, refusal

T = TypeVar("T")
_PROCESSES, _TURNS = 4, 50


class Races(Kit):
    """Of several who want the same, one gets it."""

    def _raced(self, store: Storage, work: Callable[[Storage, int, int], T]) -> list[list[T]]:
        """What each of several answers, turn by turn: they begin each turn together, each with a handle of its own."""
        together = Barrier(_PROCESSES)

        def play(number: int) -> list[T]:
            handle, answers = self.second_handle(store), list[T]()
            try:
                for turn in range(_TURNS):
                    together.wait(60)
                    answers.append(work(handle, number, turn))
            except BrokenBarrierError:  # another one failed, and says so
                pass
            except BaseException:
                together.abort()
                raise
            return answers

        with hurried(), ThreadPoolExecutor(_PROCESSES) as pool:
            return list(pool.map(play, range(_PROCESSES)))

    def test_c05_of_several_who_want_a_seat_at_once_one_gets_it(self) -> None:
        store = self.store()

        def work(handle: Storage, number: int, turn: int) -> Refusal | None:
            return refusal(handle, Insert(fired(f"{number}-{turn}", line=f"l{turn}")))

        answers = self._raced(store, work)
        for told in zip(*answers, strict=True):
            assert Counter(told) == {None: 1, Refusal.SEAT: _PROCESSES - 1}

    def test_c06_of_several_who_keep_a_fire_at_once_one_does(self) -> None:
        """The same happening was told to all of them."""
        store = self.store()

        def work(handle: Storage, number: int, turn: int) -> Refusal | None:
            id = f"{number}-{turn}"
            return refusal(handle, Insert(job(id, record="r", line=f"l{number % 2}"), (cause(id, f"h{turn}"),)))

        answers = self._raced(store, work)
        for line in (0, 1):
            for told in zip(*answers[line::2], strict=True):
                assert set(told) == {None, Refusal.FIRE}

    def test_c07_of_several_who_read_the_same_revision_one_moves_the_job(self) -> None:
        store = self.store()
        lands(store, *(Insert(job(f"j{turn}", due=NOW + HOUR)) for turn in range(_TURNS)))

        def work(handle: Storage, number: int, turn: int) -> bool:
            return refusal(handle, Move(f"j{turn}", Step.REPLAN, 1, fields={"why": str(number)})) is None

        answers = self._raced(store, work)
        assert [sum(told) for told in zip(*answers, strict=True)] == [1] * _TURNS
        assert [kept(store, f"j{turn}").why for turn in range(_TURNS)] == [
            str([told[turn] for told in answers].index(True)) for turn in range(_TURNS)
        ]

    def test_c10_a_cause_that_joins_while_a_job_ends_was_judged_or_did_not_join(self) -> None:
        store = self.store()
        lands(store, *(Insert(fired(f"j{turn}", line=f"l{turn}", due=NOW + HOUR)) for turn in range(_TURNS)))

        def work(handle: Storage, number: int, turn: int) -> int | None:
            """Some let causes join, the others end the job with as many as they see; how many were judged."""
            return (_joined if number % 2 else _ended)(handle, f"j{turn}", number)

        answers = self._raced(store, work)
        for turn, told in enumerate(zip(*answers, strict=True)):
            judged = [count for count in told if count is not None]
            assert len(judged) <= 1
            assert judged == ([len(store.causes(f"j{turn}"))] if kept(store, f"j{turn}").ended is not None else [])

    @pytest.mark.parametrize("most", [1, 2])
    def test_c11_of_several_who_want_a_key_at_once_no_more_hold_it_than_may(self, most: int) -> None:
        store, key = self.store(), "host:h"
        lands(store, *(Insert(job(f"j{number}", due=NOW + HOUR)) for number in range(_PROCESSES)))
        holding: dict[int, None] = {}

        def work(handle: Storage, number: int, turn: int) -> int:
            hold = Hold(f"j{number}", NOW, (key,)) if most == 1 else Hold(f"j{number}", NOW, (), (), ((key, most),))
            if refusal(handle, hold) is not None:
                return 0
            holding[number] = None
            seen = max(len(list(holding)), len(handle.holders(key)))
            del holding[number]
            lands(handle, Free(f"j{number}"))
            return seen

        assert max(seen for turns in self._raced(store, work) for seen in turns) <= most
        assert not store.holders(key)


def _joined(handle: Storage, id: str, number: int) -> int | None:
    refusal(handle, Join(cause(id, f"h{number}", due=NOW + HOUR)))
    return None


def _ended(handle: Storage, id: str, number: int) -> int | None:
    """How many causes were judged, where the job ended with them."""
    count = len(handle.causes(id))
    landed = refusal(handle, Move(id, Step.CANCEL, 1, fields={"ended": NOW}, causes=count)) is None
    return count if landed else None
