"""How commands come to their end: by themselves, or cut short when nobody waits any longer (J10)."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import evolve, frozen

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._expectations import Judgement
from taskkit.plugins.runs import Run

Sink = Callable[[bytes], None]


@frozen
class End:
    """How a command came to its end."""

    exit: int | None = None
    signal: int | None = None
    cut: str | None = None  #: why it was cut short
    seen: bool = True  #: whether it was seen to end
    left: str = ""  #: what became of processes that it left behind and that held its output


class Patience:
    """How long a command may take, and how long it may say nothing. A stop is honoured between commands only (J6)."""

    def __init__(self, run: Run, seconds: float, idle: float | None) -> None:
        self._run, self._seconds, self._idle = run, seconds, idle
        self._until, self.heard = time.monotonic() + seconds, time.monotonic()

    def listening(self, sink: Sink) -> Sink:
        """The same sink; whatever goes into it renews the patience."""

        def heard(piece: bytes) -> None:
            self.heard = time.monotonic()
            sink(piece)

        return heard

    @property
    def left(self) -> float:
        """Seconds until it may be over."""
        idle = float("inf") if self._idle is None else self.heard + self._idle
        return max(0.0, min(self._until, idle) - time.monotonic())

    def over(self) -> str | None:
        """Asked while it runs: why it has to end."""
        now = time.monotonic()
        if self._idle is not None and now >= self.heard + self._idle:
            return f"it said nothing for {self._idle:g} s"
        return f"it took longer than {self._seconds:g} s" if now >= self._until or self._run.seconds_left <= 0 else None


def with_end(judgement: Judgement, end: End) -> Judgement:
    """A command that was cut short is unknown, dead or not: what it had done by then nobody saw (J10)."""
    if not end.cut:
        return evolve(judgement, text="; ".join(filter(None, (judgement.text, end.left)))) if end.left else judgement
    seen = "it was seen to end" if end.seen else "nobody saw it end: it may still run"
    return evolve(judgement, state="unknown", error=ErrorClass.TIMEOUT, text=f"{end.cut} and was told to end; {seen}")
