"""The heartbeat of this process: as long as it beats, nobody rescues its jobs (J3, J4). A thread of its own: no job starves it.

It begins with the first job that is held and ends when none has been for a while, so that whoever calls `work` has it, too.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from taskkit.jobs import Job
from taskkit.states import Step
from taskkit.storage import Move

if TYPE_CHECKING:
    from taskkit.engine._fences import Fence
    from taskkit.engine._ground import Ground

_LOOK_SECONDS = 1.0


class Lifeline:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._jobs: dict[str, tuple[int, Fence | None]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hold(self, job: Job, fence: Fence | None = None) -> None:
        """Beat for a claimed job, and tell its fence what became of that."""
        with self._lock:
            self._jobs[job.id] = job.token or 0, fence
            if self._thread is None:
                self._thread = threading.Thread(target=self._live, name="taskkit-lifeline", daemon=True)
                self._thread.start()

    def let_go(self, job: Job) -> None:
        with self._lock:
            if self._jobs.get(job.id, (None,))[0] == job.token:
                del self._jobs[job.id]

    def look_again(self, job: str) -> None:
        """Somebody in this process asked it to stop: its run need not wait until it reads the store again."""
        with self._lock:
            fence = self._jobs.get(job, (0, None))[1]
        if fence is not None:
            fence.look_again()

    def beat(self) -> int:
        """Renew every lease; what was refused is another's now. How many were."""
        with self._lock:
            jobs = list(self._jobs.items())
        if not jobs:
            return 0
        lease = self._ground.now() + self._ground.settings.lease_length
        moves = [(Move(job, Step.BEAT, token=token, fields={"lease": lease}),) for job, (token, _) in jobs]
        answers = self._ground.storage.write(moves, durable=False)
        lost = 0
        for (job, (token, fence)), answer in zip(jobs, answers, strict=True):
            if answer:
                if fence is not None:
                    fence.renewed(lease)
            else:
                lost += self._lost(job, token, fence)
        return lost

    def _lost(self, job: str, token: int, fence: Fence | None) -> bool:
        """One that has just ended here is refused as well, and not lost."""
        kept = self._ground.storage.job(job)
        if kept is not None and kept.token is None:
            return False
        with self._lock:
            if self._jobs.get(job, (None,))[0] == token:
                del self._jobs[job]
        if fence is not None:
            fence.lose(Step.BEAT)
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
