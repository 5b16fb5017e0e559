"""What a run has said of its work: operations, progress and memo, without any secret that it holds by the time they are kept (S1)."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from attrs import Attribute, asdict

from taskkit.engine._border import plain
from taskkit.jobs import Job, Kind
from taskkit.plugins.verbs import Operation
from taskkit.scrubbing import Scrubber

Progress = tuple[int, int, str]

_TIMES = ("began", "ended")
_LOOKS = 20
_PEN = Lock()  #: a script may have threads of its own


class Sayings:
    """Of this worker, behind what the one before it has left on the job."""

    def __init__(self, job: Job, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self.operations = _of_late(job)
        self.progress: Progress | None = job.progress
        self.memo: Mapping[str, Any] | None = None  #: what this worker saved, where it may hold a word of a host
        self._furthest = -1
        #: How many secrets it knew when it said the first of that.
        self._knew = 0 if self.are_any else scrubber.knows

    @property
    def are_any(self) -> bool:
        return bool(self.operations or self.progress or self.memo)

    def add(self, operation: Operation) -> None:
        told = plain(self._scrubber.scrub_deep(asdict(operation, filter=_is_said, recurse=False)))
        told |= {"began": operation.began.isoformat(), "ended": operation.ended.isoformat()}
        with _PEN:
            self.operations += (told,)

    def ahead(self, done: int, of: int, text: str) -> tuple[Progress, bool]:
        """How far it says that it is, and whether that is further than ever."""
        before, told = self.progress, (done, of, plain(self._scrubber.scrub(text)))
        furthest = max(self._furthest, before[0] if before is not None else -1)
        self._furthest = max(furthest, done)
        return told, done > furthest

    def scrub_again(self) -> None:
        """A machine may have said a secret before the run opened it."""
        if self._knew == self._scrubber.knows:
            return
        self._knew = self._scrubber.knows
        with _PEN:
            self.operations = tuple(_without_secrets(told, self._scrubber) for told in self.operations)
        if self.progress is not None:
            done, of, text = self.progress
            self.progress = done, of, plain(self._scrubber.scrub(text))
        if self.memo is not None:
            self.memo = plain(self._scrubber.scrub_deep(self.memo))


def _of_late(job: Job) -> tuple[Mapping[str, Any], ...]:
    """Of a recovery that looks at its host again and again, what it saw in the end."""
    return job.operations[-_LOOKS:] if job.kind is Kind.RECOVERY and not job.memo else job.operations


def _without_secrets(told: Mapping[str, Any], scrubber: Scrubber) -> Mapping[str, Any]:
    """An operation, as it is kept."""
    return {**plain(scrubber.scrub_deep(told)), **{name: told[name] for name in _TIMES if name in told}}


def _is_said(attribute: Attribute[Any], value: object) -> bool:
    """What of an operation is worth keeping, and may hold a secret: an exit of 0 is; its times may not."""
    return attribute.name not in _TIMES and value is not None and value is not False and value not in ("", {})
