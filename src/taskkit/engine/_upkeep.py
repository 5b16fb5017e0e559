"""What nobody asked for and must be right all the same: the vault's outbox, the daily comparison of vault and store, missing plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.engine._border import asked
from taskkit.engine._chores import Chores
from taskkit.engine._intake import Intake
from taskkit.engine._keeper import Keeper
from taskkit.engine._planner import Planner, dropped
from taskkit.errors import MissingPlugin, TaskkitError, VaultAway
from taskkit.facts import Fact
from taskkit.instants import DAY, Instant
from taskkit.jobs import Job, Kind, Why
from taskkit.records import Record
from taskkit.states import PENDING
from taskkit.storage import Keep, Query, Tell, Unit
from taskkit.tasks import SYSTEM

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_MARKS = "mark"
_PAGE = 500


class Upkeep:
    def __init__(self, ground: Ground, planner: Planner, chores: Chores, keeper: Keeper, intake: Intake) -> None:
        self._ground, self._planner, self._chores, self._keeper, self._intake = ground, planner, chores, keeper, intake
        self._storage = ground.storage

    # plug-ins

    def check_plugins(self) -> None:
        """What is stored and cannot run here is named at once, all of it, and not at three in the morning."""
        lacking = [problem for kept in self._ground.catalog.pages("definition") if (problem := self._lacking(kept.id, kept.body))]
        if lacking:
            raise MissingPlugin("starting the engine", "; ".join(lacking), "install the plug-ins, or remove what needs them")

    def _lacking(self, name: str, body: object) -> str | None:
        kind = body.get("kind") if isinstance(body, dict) else None
        if kind not in self._ground.documents.definitions:
            return f"the script {name!r} is of the kind {kind!r}, which no plug-in offers"
        executor = body.get("executor") if kind == "record_type" and isinstance(body, dict) else None
        if executor is not None and executor not in self._ground.plugins.executors:
            using = sorted(task.name for task in self._ground.catalog.tasks_in(name))
            return f"no executor {executor!r} is installed, which {name!r} needs" + (f" for {', '.join(using)}" if using else "")
        return None

    # outbox

    def fetch(self) -> int:
        """Take in what the vault kept for us: the mark moves after all of it was taken in, and twice is once (P9)."""
        outbox = self._ground.vault.outbox
        kept = self._storage.document(_MARKS, "outbox")
        before = kept.body["mark"] if kept else None
        try:
            happenings, mark = asked(lambda: outbox.since(before), "fetching happenings from the vault")
        except VaultAway:
            return 0
        if happenings:
            self._intake.take(happenings)
        if mark != before:
            self._storage.write([(Keep(_MARKS, "outbox", kept.revision if kept else 0, {"mark": mark}),)])
        return len(happenings)

    # vault and store

    def daily(self, now: Instant) -> int:
        kept = self._storage.document(_MARKS, "reconciled")
        if kept is not None and now - kept.body["at"] < DAY:
            return 0
        landed = self._storage.write([(Keep(_MARKS, "reconciled", kept.revision if kept else 0, {"at": now}),)])[0]
        try:
            return self.reconcile() if landed else 0
        except VaultAway:
            return 0

    def reconcile(self) -> int:
        """What the vault holds and the store does not plan, and the other way round (R8); how much was repaired."""
        now = self._ground.now()
        records = {record.id: record for record in asked(lambda: list(self._ground.vault.records.all()), "reading all records")}
        repaired = self._gone(records, now) + self._stale(records, now) + self._unplanned(records, now)
        if repaired:
            self._storage.write([(Tell(Fact("Reconciled", now, details={"repaired": repaired})),)])
        return repaired

    def _gone(self, records: dict[str, Record], now: Instant) -> int:
        return self._write(dropped(job, Why.RECORD_REMOVED, now) for job in self._pending() if job.record and job.record not in records)

    def _stale(self, records: dict[str, Record], now: Instant) -> int:
        units: list[Unit] = []
        for job in self._pending():
            task, (trigger_id, name) = self._ground.catalog.task(job.task), job.trigger
            trigger = task if trigger_id == job.task else self._ground.catalog.task(trigger_id)
            record = records.get(name) if name is not None else None
            if task is None or trigger is None or (name is not None and record is None):
                units.append(dropped(job, Why.REMOVED, now))
            elif record is not None and job.kind is not Kind.PART and trigger.list != self._ground.catalog.list_of(record).id:
                units.append(dropped(job, Why.LIST_CHANGED, now))
            elif job.planned_for != task.revision:
                units.append(self._planner.replanned(trigger, record, job, now))
        return self._write(units)

    def _unplanned(self, records: dict[str, Record], now: Instant) -> int:
        units: list[Unit] = []
        for record in records.values():
            for task in self._ground.catalog.effective(record):
                units += self._occurrence(task.id, record, now)
        for task in self._ground.catalog.tasks_in(SYSTEM):
            units += self._occurrence(task.id, None, now)
        return self._write(units)

    def _occurrence(self, task_id: str, record: Record | None, now: Instant) -> list[Unit]:
        task = self._ground.catalog.wanted_task(task_id)
        open_jobs = self._storage.open_jobs(task.line, record.id if record else None) if task.active and task.interval else [None]
        if any(job is None or job.kind is Kind.OCCURRENCE for job in open_jobs):
            return []
        try:
            unit = self._planner.occurrence(task, record, now)
        except TaskkitError as error:
            return [(Tell(Fact("PlanFailed", now, None, task.id, task.line, record.id if record else None, None, {"text": str(error)})),)]
        return [unit] if unit else []

    def _pending(self) -> list[Job]:
        found: list[Job] = []
        page: str | None = None
        while True:
            some = self._storage.jobs(Query(states=PENDING), page=page, limit=_PAGE)
            found += [job for job in some.jobs if job.kind is not Kind.RECOVERY]
            page = some.next
            if page is None:
                return found

    def _write(self, units: object) -> int:
        return sum(map(bool, self._storage.write(list(units))))  # type: ignore[call-overload]
