"""Which columns of a job a step has changed: of a few sets of them, so that there are few statements.

An index is written anew where one of its columns may change. So each set is kept short, and what all indexes hold is written seldom.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from taskkit.jobs import PLACES, Job
from taskkit.storage.sql._lines import Row
from taskkit.storage.sql._rows import MADE, PHASES, RARE
from taskkit.storage.sql._tables import ASKED, DUE, JOBS, LENT, OVER


class Cells:
    """Columns that are written together."""

    def __init__(self, *names: str) -> None:
        plain = tuple(name for name in names if name not in MADE)
        made = tuple(name for name in names if name in MADE)
        self.columns = (*plain, *made)
        self._plain: Callable[[Job], Row] = itemgetter(PLACES["id"], *map(PLACES.__getitem__, plain))
        self._makes: tuple[Callable[[Job], Any], ...] = tuple(map(MADE.__getitem__, made))
        told = {*names, "state", *(RARE if "rest" in names else ())}
        self._others = _runs([place for place, name in enumerate(Job._fields) if name not in told])

    def suffice(self, before: Job, job: Job) -> bool:
        """Nothing else has changed but the state."""
        for run in self._others:  # noqa: SIM110  a third faster than `all`
            if before[run] != job[run]:
                return False
        return True

    def row(self, job: Job) -> Row:
        """Its key, then the columns."""
        return (*self._plain(job), *[make(job) for make in self._makes])


def _runs(places: Sequence[int]) -> tuple[slice, ...]:
    """Those beside each other are compared at once."""
    begins = [place for place in places if place - 1 not in places]
    ends = [place + 1 for place in places if place + 1 not in places]
    return tuple(map(slice, begins, ends))


def _both(*names: str) -> tuple[Cells, Cells]:
    """Without and with what few jobs have."""
    return Cells(*names), Cells(*names, "rest")


_STEP = ("state", "due", "wanted", "host", "why", "worker", "node", "error", "account", "waits", "rescues", "revision", "token", "lease",
         "started", "turned_at", "ended", "version", "phase")  # fmt: skip
_ALL = Cells(*JOBS.names[1:])
_STARTED = ("state", "why", "node", "waits", "rescues", "revision", "started", "turned_at", "version")
#: While it is at work on: none of these is in an index.
_SAVED = ("state", "revision", "lease", "rescues", "turned_at")
_AT_WORK = (*_both(*_STARTED), *_both(*_SAVED), *_both(*_STARTED, "host"), *_both(*_SAVED, "account"))
_WAITING = _both("state", "due", "wanted", "why", "revision", "planned_for", "at", "nominal", "fire", "policy")
_MOVED = _both(*_STEP)
_ENDED = (
    *_both("state", "why", "error", "revision", "token", "lease", "worker", "ended", "waits", "phase", "over"),
    *_both(*_STEP, "over"),
)


_WITHIN = {DUE: (*_WAITING, *_MOVED), ASKED: (*_WAITING, *_MOVED), LENT: (*_AT_WORK, *_MOVED), OVER: _ENDED}


def cells_of(before: Job, job: Job) -> Cells:
    """The first set that holds all that has changed."""
    phase = PHASES[job.state]
    for cells in _WITHIN[phase] if phase == OVER or phase == PHASES[before.state] else _MOVED:
        if cells.suffice(before, job):
            return cells
    return _ALL
