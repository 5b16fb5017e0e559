"""The threads that perform jobs. One that hangs past its deadline is given up, counted and replaced, and the engine lives on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from attrs import define

P = TypeVar("P")


@define(eq=False)
class _Hand(Generic[P]):
    thread: threading.Thread
    piece: P | None = None
    deadline: float | None = None
    given_up: bool = False


class Crew(Generic[P]):
    """Hands pieces of work to threads; `work(piece)` is what a thread does with one."""

    def __init__(
        self,
        work: Callable[[P], None],
        *,
        most: int,
        abandoned: int,
        monotonic: Callable[[], float],
        on_failure: Callable[[P, BaseException], None],
    ) -> None:
        self._work, self._most, self._cap, self._monotonic, self._on_failure = work, most, abandoned, monotonic, on_failure
        self._pieces: queue.SimpleQueue[P | None] = queue.SimpleQueue()
        self._hands: list[_Hand[P]] = []
        self._lock = threading.Lock()
        self._given = 0  #: pieces that were given and are not done
        self.abandoned = 0
        self.idle = threading.Event()

    @property
    def free(self) -> int:
        """How many more pieces would be begun at once."""
        with self._lock:
            return 0 if self.abandoned >= self._cap else max(0, self._most - self._given)

    @property
    def busy(self) -> int:
        with self._lock:
            return self._given

    def give(self, piece: P) -> None:
        with self._lock:
            self._given += 1
            if len(self._hands) < min(self._most, self._given):
                self._hire()
        self._pieces.put(piece)

    def waiting(self) -> bool:
        return not self._pieces.empty()

    def limit(self, deadline: float | None) -> None:
        """The thread that calls this has until then for its piece."""
        me = threading.current_thread()
        with self._lock:
            for hand in self._hands:
                if hand.thread is me:
                    hand.deadline = deadline

    def give_up_late(self) -> list[P]:
        """The pieces of threads that are past their deadline; those threads do no more work."""
        now = self._monotonic()
        with self._lock:
            late = [hand for hand in self._hands if hand.piece is not None and hand.deadline is not None and hand.deadline < now]
            for hand in late:
                hand.given_up = True
                self._hands.remove(hand)
                self._given -= 1
                self.abandoned += 1
            if late and self._given > len(self._hands) and len(self._hands) < self._most and self.abandoned < self._cap:
                self._hire()
        return [hand.piece for hand in late if hand.piece is not None]

    def stop(self, seconds: float) -> bool:
        """No further piece; whether all threads ended in time."""
        with self._lock:
            hands = list(self._hands)
        for _ in hands:
            self._pieces.put(None)
        end = self._monotonic() + seconds
        for hand in hands:
            hand.thread.join(max(0.0, end - self._monotonic()))
        return not any(hand.thread.is_alive() for hand in hands)

    def _hire(self) -> None:
        thread = threading.Thread(target=self._labour, name=f"taskkit-worker-{len(self._hands) + self.abandoned + 1}", daemon=True)
        self._hands.append(_Hand(thread))
        thread.start()

    def _labour(self) -> None:
        me: Any = threading.current_thread()
        with self._lock:
            hand = next(one for one in self._hands if one.thread is me)
        while (piece := self._pieces.get()) is not None:
            hand.piece, hand.deadline = piece, None
            try:
                self._work(piece)
            except Exception as error:
                self._on_failure(piece, error)
            with self._lock:
                if hand.given_up:
                    return
                hand.piece = None
                self._given -= 1
            self.idle.set()
