"""What has ended and is not written yet: ends are written in groups, by one thread at a time, and none is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable

from taskkit.engine._cases import Case
from taskkit.engine._finisher import Finisher
from taskkit.engine._lifeline import Lifeline
from taskkit.outcomes import Outcome

_GROUP = 100


class Ends:
    def __init__(self, finisher: Finisher, lifeline: Lifeline, news: Callable[[], None]) -> None:
        self._finisher, self._lifeline, self._news = finisher, lifeline, news
        self._ended: list[tuple[Case, Outcome]] = []
        self._pen = threading.Lock()

    def add(self, case: Case, outcome: Outcome) -> None:
        self._ended.append((case, outcome))

    @property
    def are_left(self) -> bool:
        return bool(self._ended)

    @property
    def are_many(self) -> bool:
        return len(self._ended) >= _GROUP

    def write(self) -> None:
        """Whoever comes while another has the pen leaves its ends to that one."""
        while self._ended and self._pen.acquire(blocking=False):
            try:
                self._write_group()
            finally:
                self._pen.release()

    def leave(self) -> None:
        """What is not written now never is: the leases run out, and others decide."""
        left, self._ended = self._ended, []
        self._lifeline.let_go([case.job for case, _ in left])

    def _write_group(self) -> None:
        group = self._ended[:_GROUP]
        self._finisher.finish(group)
        del self._ended[: len(group)]  # where the store is away, they stay
        self._lifeline.let_go([case.job for case, _ in group])
        self._news()
