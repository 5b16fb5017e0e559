"""Threads that do pieces of work. One that hangs past its deadline is given up, counted and replaced, and the rest goes on.

A thread cannot be ended from outside. One that was given up keeps its place among the abandoned until it comes back by itself; so many at
once, and no more work is taken, lest threads pile up without end.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from attrs import define

P = TypeVar("P")


@define(eq=False)
class _Hand(Generic[P]):
    """One thread, and what it has in hand."""

    piece: P | None = None
    places: int = 0
    deadline: float | None = None
    given_up: bool = False


class Crew(Generic[P]):
    """`work(piece)` is what a thread does with one; a piece takes as many places as jobs may come of it."""

    def __init__(
        self,
        name: str,
        work: Callable[[P], None],
        *,
        most: int,
        abandoned: int,
        monotonic: Callable[[], float],
        on_failure: Callable[[P, BaseException], None],
    ) -> None:
        self._name, self._work, self._most, self._cap, self._monotonic = name, work, most, abandoned, monotonic
        self._on_failure = on_failure
        self._pieces: queue.SimpleQueue[tuple[P, int] | None] = queue.SimpleQueue()
        self._hands: list[_Hand[P]] = []
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._open = 0  #: pieces that were given and are not done
        self._taken = 0  #: the places that they take
        self._hired = 0
        self.abandoned = 0

    @property
    def free(self) -> int:
        """How many more pieces would be begun at once."""
        with self._lock:
            return 0 if self.abandoned >= self._cap else max(0, self._most - self._taken)

    @property
    def busy(self) -> int:
        with self._lock:
            return self._open

    def is_at_work(self) -> bool:
        """Whether a piece will still be done; where all threads hang beyond the cap, none is."""
        with self._lock:
            return self._open > 0 and bool(self._hands)

    def give(self, piece: P, places: int = 1) -> None:
        with self._lock:
            self._open += 1
            self._taken += places
            self._hire()
        self._pieces.put((piece, places))

    def is_waiting(self) -> bool:
        """Whether a piece has been given that nobody has begun."""
        return not self._pieces.empty()

    # what a thread of the crew says of itself

    def limit(self, deadline: float | None) -> bool:
        """The calling thread has until then; False where it has been given up meanwhile."""
        hand: _Hand[P] = self._mine.hand
        with self._lock:
            hand.deadline = deadline
            return not hand.given_up

    def turn_to(self, piece: P, places: int = 1) -> None:
        """The calling thread goes on with another piece instead of its own."""
        hand: _Hand[P] = self._mine.hand
        with self._lock:
            if not hand.given_up:
                self._taken += places - hand.places
            hand.piece, hand.places = piece, places

    # from outside

    def give_up_late(self) -> list[P]:
        """The pieces of threads that are past their deadline; these threads get no more work."""
        now = self._monotonic()
        with self._lock:
            late = [hand for hand in self._hands if hand.piece is not None and hand.deadline is not None and hand.deadline < now]
            for hand in late:
                hand.given_up = True
                self._hands.remove(hand)
                self._leave(hand)
                self.abandoned += 1
            self._hire()
        return [hand.piece for hand in late if hand.piece is not None]

    def left(self) -> list[P]:
        """The pieces that nobody begins any more, since all threads hang beyond the cap."""
        found = list[P]()
        with self._lock:
            while self._open and not self._hands and not self._pieces.empty():
                piece, places = self._pieces.get()  # type: ignore[misc]  # nobody is there to be stopped
                self._open -= 1
                self._taken -= places
                found.append(piece)
        return found

    def stop(self) -> None:
        """Nobody waits for pieces any more; who has one ends it."""
        with self._lock:
            for _ in self._hands:
                self._pieces.put(None)

    # threads

    def _hire(self) -> None:
        """As many as there are pieces, up to the most; none in the place of one that hangs beyond the cap."""
        while len(self._hands) < min(self._most, self._open) and self.abandoned < self._cap:
            self._hired += 1
            hand: _Hand[P] = _Hand()
            self._hands.append(hand)
            threading.Thread(target=self._labour, args=(hand,), name=f"taskkit-{self._name}-{self._hired}", daemon=True).start()

    def _leave(self, hand: _Hand[P]) -> None:
        self._open -= 1
        self._taken -= hand.places

    def _labour(self, hand: _Hand[P]) -> None:
        self._mine.hand = hand
        while (given := self._pieces.get()) is not None:
            with self._lock:
                hand.piece, hand.places = given
            self._do(given[0])
            if not self._is_done(hand):
                return

    def _do(self, piece: P) -> None:
        try:
            self._work(piece)
        except BaseException as error:  # a thread that died would be missed by nobody
            with suppress(BaseException):  # nobody is left to be told
                self._on_failure(piece, error)

    def _is_done(self, hand: _Hand[P]) -> bool:
        """Whether the thread may go on: one that comes back after it was given up makes room for another."""
        with self._lock:
            if hand.given_up:
                self.abandoned -= 1
                self._hire()
                return False
            self._leave(hand)
            hand.piece, hand.deadline = None, None
            return True
