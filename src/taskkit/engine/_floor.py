"""Where jobs are worked on in threads: one dispatcher claims and hands out, a crew performs, a lifeline beats.

A claimed batch is opened by one thread of the crew (gates, one unit for each start, one write for all), then its jobs are performed by
as many threads as there are. Ends are written in groups: whoever finds nothing else waiting writes what has gathered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from taskkit.engine._cases import Case
from taskkit.engine._crew import Crew
from taskkit.engine._finisher import Finisher
from taskkit.engine._lifeline import Lifeline
from taskkit.engine._starter import Starter
from taskkit.facts import Fact
from taskkit.instants import SECOND
from taskkit.jobs import Job
from taskkit.outcomes import Outcome, Unknown
from taskkit.states import Step
from taskkit.storage import Claimed, Move, Tell

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_GROUP = 100
_TICK_SECONDS = 1.0


@frozen
class Opening:
    """A claimed batch whose gates are to be asked."""

    claimed: Sequence[Claimed]


Piece = Opening | Case


class Floor:
    def __init__(
        self,
        ground: Ground,
        *,
        claim: Callable[[int], Sequence[Claimed]],
        starter: Starter,
        perform: Callable[[Case], Outcome | None],
        finisher: Finisher,
        lifeline: Lifeline,
        tick: Callable[[], int],
    ) -> None:
        self._ground, self._claim, self._starter, self._perform = ground, claim, starter, perform
        self._finisher, self._lifeline, self._tick = finisher, lifeline, tick
        settings = ground.settings
        self._crew: Crew[Piece] = Crew(
            self._work, most=settings.workers, abandoned=settings.abandoned, monotonic=ground.clock.monotonic, on_failure=self._failed
        )
        self._ended: list[tuple[Case, Outcome]] = []
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._ticked = float("-inf")

    def wake(self) -> None:
        self._news.set()

    def run(self, stop: threading.Event) -> None:
        watcher = threading.Thread(target=self._pass_on, args=(stop,), name="taskkit-stop", daemon=True)
        watcher.start()
        self._lifeline.start()
        try:
            while not stop.is_set():
                self._news.clear()
                if not self._turn():
                    self._ground.clock.wait(self._news, self._pause())
        finally:
            self._crew.stop(seconds=float(self._ground.settings.lease))
            self._write()
            self._lifeline.stop()
            stop.set()

    def _pass_on(self, stop: threading.Event) -> None:
        """A stop ends the dispatcher's wait, too."""
        stop.wait()
        self._news.set()

    def _turn(self) -> bool:
        """Whether something was claimed."""
        self._housekeeping()
        for piece in self._crew.give_up_late():
            self._give_up(piece)
        claimed = self._claim(self._crew.free) if self._crew.free else ()
        if claimed:
            for one in claimed:
                self._lifeline.hold(one.job)
            self._crew.give(Opening(claimed))
        return bool(claimed)

    def _housekeeping(self) -> None:
        now = self._ground.clock.monotonic()
        if now - self._ticked >= _TICK_SECONDS:
            self._ticked = now
            self._tick()

    def _pause(self) -> float:
        """Until something is due, at most as long as the store may hold news from others."""
        due = self._ground.storage.next_due(self._ground.settings.pools)
        most = self._ground.settings.poll
        if due is None or not self._crew.free:
            return most
        return min(most, max(0.0, (due - self._ground.now()) / SECOND))

    # the crew's work

    def _work(self, piece: Piece) -> None:
        if isinstance(piece, Opening):
            self._open(piece)
            return
        self._crew.limit(self._ground.clock.monotonic() + piece.task.deadline * 60)
        outcome = self._perform(piece)
        self._crew.limit(None)
        if outcome is None:
            self._lifeline.let_go(piece.job)
            return
        with self._lock:
            self._ended.append((piece, outcome))
            full = len(self._ended) >= _GROUP
        if full or not self._crew.waiting():
            self._write()

    def _open(self, piece: Opening) -> None:
        self._crew.limit(self._ground.clock.monotonic() + self._ground.settings.vault_timeout)
        started = self._starter.start(piece.claimed)
        self._crew.limit(None)
        running = {case.job.id for case in started}
        for one in piece.claimed:
            if one.job.id not in running:
                self._lifeline.let_go(one.job)
        for case in started:
            self._crew.give(case)

    def _write(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, []
        if not ended:
            return
        self._finisher.finish(ended)
        for case, _ in ended:
            self._lifeline.let_go(case.job)
        self._news.set()

    # what goes wrong

    def _failed(self, piece: Piece, error: BaseException) -> None:
        """Ours, not the plug-in's: what it raises is an outcome by then. The leases run out, and others take over."""
        for job in _jobs(piece):
            self._lifeline.let_go(job)
        fact = Fact("EngineFailed", self._ground.now(), details={"error": type(error).__name__, "jobs": [job.id for job in _jobs(piece)]})
        self._ground.storage.write([(Tell(fact),)])

    def _give_up(self, piece: Piece) -> None:
        """Its thread hangs past the deadline: the job ends as an outcome, and what the thread still writes is refused."""
        now, jobs = self._ground.now(), _jobs(piece)
        told = {"jobs": [job.id for job in jobs], "abandoned": self._crew.abandoned, "most": self._ground.settings.abandoned}
        self._ground.storage.write([(Tell(Fact("PluginAbandoned", now, details=told)),)])
        for job in jobs:
            self._lifeline.let_go(job)
        if isinstance(piece, Case):
            self._finisher.finish(
                [(piece, Unknown(f"it did not end within its {piece.task.deadline} minutes, and its thread was given up"))]
            )
            return
        fields = {"due": now + 60 * SECOND, "why": "vault_away", "text": "the vault did not answer in time"}
        self._ground.storage.write([(Move(one.job.id, Step.RELEASE, token=one.job.token, fields=fields),) for one in piece.claimed])


def _jobs(piece: Piece) -> list[Job]:
    return [one.job for one in piece.claimed] if isinstance(piece, Opening) else [piece.job]
