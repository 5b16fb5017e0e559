"""What is said when a worker writes with an old token (J3): it changed nothing, and somebody should know that it was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.facts import Fact
from taskkit.jobs import Job
from taskkit.states import Step
from taskkit.storage import Tell

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


def overtaken(ground: Ground, job: Job, step: Step) -> None:
    """The job is another's now, or has ended: a worker that had been given up, or was thought dead, has come back."""
    told = {"step": step.value, "token": job.token, "worker": job.worker, "node": job.node}
    fact = Fact("StaleWriteRefused", ground.now(), job.id, job.task, job.line, job.record, None, told)
    ground.storage.write([(Tell(fact),)])
