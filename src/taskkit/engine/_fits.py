"""Whether what waits still fits its tasks and records, and what has to become of it where it does not (R1, R2, R8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from taskkit.engine._catalog import LISTS, TASKS, list_of
from taskkit.engine._leads import Leads, RecordOf
from taskkit.engine._pages import all_jobs
from taskkit.engine._portions import Plan
from taskkit.engine._replans import Replans
from taskkit.engine._targets import Targets
from taskkit.jobs import Job, Kind, Why
from taskkit.records import Record
from taskkit.states import State
from taskkit.storage import Document, Expect, Query, Unit
from taskkit.targets import Target
from taskkit.tasks import SYSTEM, Task, of_record, of_type

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


class Fits:
    def __init__(self, ground: Ground, replans: Replans, targets: Targets) -> None:
        self._replans, self._targets, self._leads = replans, targets, Leads(ground, replans, targets)
        self._storage, self._catalog = ground.storage, ground.catalog

    # what waits

    def fitted(self, job: Job, record_of: RecordOf, *, anew: bool = False) -> Plan | Unit | None:
        """What has to become of a job that waits; None where it fits its tasks and records as they are."""
        trigger_id, name = job.trigger
        trigger = self._catalog.task(trigger_id)
        if job.kind is Kind.RECOVERY:  # nothing ends it (S4)
            return None
        if trigger is None:
            return Expect(TASKS, trigger_id, 0), *self._leads.without(job, Why.REMOVED, record_of)
        if not trigger.active:
            return Expect(TASKS, trigger_id, trigger.revision), *self._leads.without(job, Why.INACTIVE, record_of)
        record = record_of(name) if name is not None else None
        if name is not None and record is None:
            return self._leads.without(job, Why.RECORD_REMOVED, record_of)
        if record is not None and job.execution is None and trigger.list != self._catalog.list_id(record):
            home = self._catalog.home(trigger, record)  # there, it is the affair of the task of the same line
            return self._replans.moved(job, trigger, home, name) if home else self._leads.without(job, Why.LIST_CHANGED, record_of)
        anew = (anew and job.kind not in (Kind.FALLBACK, Kind.PART)) or self._lost(job, record_of) is not None
        return self.anew(job, trigger, record, record_of) if anew or self.is_stale(job, trigger, record) else None

    def anew(self, job: Job, trigger: Task, record: Record | None, record_of: RecordOf) -> Plan | Unit:
        if (why := self._lost(job, record_of)) is not None:
            return self._leads.without(job, why, record_of)
        return self._leads.staying(job, trigger, record, record_of) or Plan(trigger, record, job)

    def _lost(self, job: Job, record_of: RecordOf) -> Why | None:
        """Why a job that may go nowhere else cannot go on where another's trigger led it: its task or record there is no more (R2)."""
        if job.via is None or job.record is None or (job.started is None and job.kind not in (Kind.PART, Kind.FALLBACK)):
            return None
        task, record = self._catalog.task(job.task), record_of(job.record)
        if record is None:
            return Why.RECORD_REMOVED
        if job.started is None:
            return None
        if task is None:
            return Why.REMOVED
        is_listed = job.execution is not None or task.list in (of_type(record.type), of_record(record.id))
        return None if is_listed else Why.LIST_CHANGED

    def is_stale(self, job: Job, trigger: Task, record: Record | None) -> bool:
        """Whether it was planned for what is no more."""
        task = trigger if job.via is None else self._catalog.task(job.task)
        if job.kind is Kind.RECOVERY:
            return False
        if task is None or job.planned_for != task.revision or (job.via is not None and job.via[2] != trigger.revision):
            return True
        return not self._targets.fits(job, trigger, record)

    # what is missing

    def missing(self, waiting: Iterable[Job], records: Iterable[Record]) -> Iterator[Plan]:
        """The occurrences that tasks lack, of the system and of all these records."""
        planned = {job.trigger for job in waiting if job.kind is Kind.OCCURRENCE and job.started is None}
        lists = {kept.id: kept for kept in self._catalog.pages(LISTS)}
        tasks: dict[str, list[Task]] = {}
        for record in (None, *records):
            name = list_id(record, lists)
            if name not in tasks:
                tasks[name] = [task for task in self._catalog.tasks_in(name) if task.active and task.interval is not None]
            for task in tasks[name]:
                if (task.id, record.id if record else None) not in planned and not self.begins(task, record):
                    yield Plan(task, record, guard=still_theirs(task, record, lists))

    def begins(self, task: Task, record: Record | None) -> bool:
        """Its occurrence is claimed, and plans the next where it starts."""
        name = record.id if record else None
        if record is None or task.target is Target.ITSELF:
            return any(map(begins, self._storage.open_jobs(task.line, name)))
        claimed = all_jobs(self._storage, Query(states=State.QUEUED, trigger=task.id))  # it may run elsewhere (R2)
        return any(begins(job) and job.trigger[1] == name for job in claimed)


def begins(job: Job) -> bool:
    """An occurrence that is claimed: where it starts it plans the next, and where it may not, it is planned anew itself."""
    return job.kind is Kind.OCCURRENCE and job.state is State.QUEUED and job.started is None


def list_id(record: Record | None, lists: Mapping[str, Document]) -> str:
    return SYSTEM if record is None else list_of(record, lists.get(of_record(record.id)))


def still_theirs(task: Task, record: Record | None, lists: Mapping[str, Document]) -> Unit:
    """Nobody made the record unique meanwhile."""
    if record is None or not task.list.startswith("type:"):
        return ()
    own = lists.get(of_record(record.id))
    return (Expect(LISTS, of_record(record.id), own.revision if own else 0),)
