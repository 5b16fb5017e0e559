"""The heartbeat of this process: as long as it beats, nobody rescues its jobs (J3, J4). A thread of its own: no job starves it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from taskkit.jobs import Job
from taskkit.states import Step
from taskkit.storage import Move

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


class Lifeline:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._jobs: dict[str, int] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def hold(self, job: Job) -> None:
        with self._lock:
            self._jobs[job.id] = job.token or 0

    def let_go(self, job: Job) -> None:
        with self._lock:
            self._jobs.pop(job.id, None)

    def start(self) -> None:
        if self._thread is None:
            self._over.clear()
            self._thread = threading.Thread(target=self._live, name="taskkit-lifeline", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._over.set()
            self._thread.join()
            self._thread = None

    def beat(self) -> int:
        """Renew every lease; what was refused is another's now. How many were."""
        with self._lock:
            jobs = list(self._jobs.items())
        if not jobs:
            return 0
        lease = {"lease": self._ground.now() + self._ground.settings.lease_length}
        landed = self._ground.storage.write([(Move(job, Step.BEAT, token=token, fields=lease),) for job, token in jobs], durable=False)
        lost = [job for (job, _), answer in zip(jobs, landed, strict=True) if not answer]
        with self._lock:
            for job in lost:
                self._jobs.pop(job, None)
        return len(lost)

    def _live(self) -> None:
        while not self._over.wait(self._ground.settings.lease / 3):
            try:
                self.beat()
            except Exception:  # noqa: S112  a store that is away now may be back at the next beat; the lease decides
                continue
