"""The rooms in which one write of a database is decided: without what a store in memory finds its jobs by, as here they are loaded."""

from __future__ import annotations

from taskkit.jobs import Job
from taskkit.states import FINAL
from taskkit.storage._dues import Dues
from taskkit.storage._jobs import Ids, Jobs
from taskkit.storage._rooms import Rooms


def rooms_of_a_write() -> Rooms:
    return Rooms(_Loaded, _Unasked)


class _Loaded(Jobs):
    def _lists(self, job: Job) -> list[Ids]:
        """Nothing but seats is looked for while units land."""
        return [] if job.state in FINAL else [self._open[job.line][job.record or ""]]


class _Unasked(Dues):
    """Who is due, or claimed, is asked of the tables."""

    def wait(self, job: Job) -> None: ...

    def wait_no_more(self, job: Job) -> None: ...

    def lend(self, job: Job) -> None: ...

    def give_back(self, job: str) -> None: ...
