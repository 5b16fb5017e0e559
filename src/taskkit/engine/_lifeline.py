"""The heartbeat of this process: as long as it beats, nobody rescues its jobs (J3, J4). A thread of its own: no job starves it.

It begins with the first job that is held and ends when none has been for a while, so that whoever calls `work` has it, too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from taskkit.jobs import Job
from taskkit.states import Step
from taskkit.storage import Move

if TYPE_CHECKING:
    from taskkit.engine._cases import Case
    from taskkit.engine._ground import Ground
    from taskkit.engine._runs import JobRun

_LOOK_SECONDS = 1.0


class Lifeline:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._jobs: dict[str, Job] = {}
        self._runs: dict[str, JobRun] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hold(self, jobs: Iterable[Job]) -> None:
        """Beat for claimed jobs."""
        with self._lock:
            self._jobs.update({job.id: job for job in jobs})
            if self._jobs and self._thread is None and not getattr(self._ground.clock, "stands_still", False):
                self._thread = threading.Thread(target=self._live, name="taskkit-lifeline", daemon=True)
                self._thread.start()

    def follow(self, cases: Iterable[Case]) -> None:
        """They run, and want to know what becomes of the beats for them."""
        with self._lock:
            self._runs.update({case.job.id: case.run for case in cases})

    def let_go(self, jobs: Iterable[Job]) -> None:
        """Those that are held under these claims."""
        held, runs = self._jobs, self._runs
        with self._lock:
            for job in jobs:
                if (known := held.get(job.id)) is not None and known.token == job.token:
                    del held[job.id]
                    runs.pop(job.id, None)

    def look_again(self, job: str) -> None:
        """Somebody in this process asked it to stop: its run need not wait until it reads the store again."""
        if (run := self._runs.get(job)) is not None:
            run.fence.look_again()

    def beat(self) -> int:
        """Renew every lease; what was refused is another's now. How many were."""
        with self._lock:
            jobs, runs = list(self._jobs.values()), dict(self._runs)
        if not jobs:
            return 0
        lease = self._ground.now() + self._ground.settings.lease_length
        moves = [(Move(job.id, Step.BEAT, token=job.token, fields={"lease": lease}),) for job in jobs]
        answers = self._ground.storage.write(moves, durable=False)
        lost = 0
        for job, answer in zip(jobs, answers, strict=True):
            run = runs.get(job.id)
            if not answer:
                lost += self._lost(job, run)
            elif run is not None:
                run.fence.renewed(lease)
        return lost

    def _lost(self, job: Job, run: JobRun | None) -> bool:
        """One that has just ended here is refused as well, and not lost."""
        kept = self._ground.storage.job(job.id)
        if kept is not None and kept.token is None:
            return False
        self.let_go((job,))
        if run is not None:
            run.fence.lose(Step.BEAT)
        return True

    def _live(self) -> None:
        pause, sleep = self._ground.settings.lease / 3, threading.Event()
        waited, look = 0.0, min(pause, _LOOK_SECONDS)
        while not sleep.wait(look):  # on the clock of the machine: a virtual one would beat without a pause
            if self._is_idle():
                return
            waited += look
            if waited >= pause:
                waited = 0.0
                with suppress(Exception):  # a store that is away now may be back at the next beat; until then the lease decides
                    self.beat()

    def _is_idle(self) -> bool:
        with self._lock:
            if not self._jobs:
                self._thread = None
            return not self._jobs
