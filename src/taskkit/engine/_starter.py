"""From claimed to running: what the job is about is looked up, the gates are asked, and one unit starts it (J5, J12).

The unit moves the job, takes its holds, merges the fired job that waited beside an occurrence, and plans the successor: all or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from taskkit.engine._border import asked, performed
from taskkit.engine._cases import Case
from taskkit.engine._conductor import Conductor
from taskkit.engine._gates import Gates, Instead
from taskkit.engine._planner import Planner, read_standing
from taskkit.engine._runs import JobRun
from taskkit.engine._targets import Targets
from taskkit.errors import MissingPlugin, TaskkitError, VaultAway
from taskkit.facts import Fact
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Job, Kind, Why
from taskkit.plugins.kinds import Script
from taskkit.records import NO_ACCOUNTS, Accounts
from taskkit.standings import Standing
from taskkit.states import PENDING, State, Step
from taskkit.storage import Absorb, Change, Claimed, Expect, Hold, Insert, Keep, Landed, Move, Refusal, Tell, Unit, Wait

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TRIES = 6


class Starter:
    def __init__(self, ground: Ground, planner: Planner, targets: Targets, gates: Gates, conductor: Conductor) -> None:
        self._ground, self._planner, self._targets, self._gates, self._conductor = ground, planner, targets, gates, conductor
        self._storage = ground.storage

    def start(self, claimed: Sequence[Claimed]) -> list[Case]:
        """Those that are running now, in their order; what became of the others is in the store."""
        cases = [Case(one, self._ground.now()) for one in claimed]
        started = [case for case in cases if case.job.state is State.RUNNING and self._resumed(case)]
        waiting = [(case, unit) for case in cases if case.job.state is State.QUEUED and (unit := self._unit(case))]
        for _ in range(_TRIES):
            landed = self._storage.write([unit for _, unit in waiting])
            again = []
            for (case, _), answer in zip(waiting, landed, strict=True):
                if answer:
                    started += self._has_started(case)
                elif repaired := self._repaired(case, answer):
                    again.append((case, repaired))
            waiting = again
            if not waiting:
                break
        return started

    @staticmethod
    def _has_started(case: Case) -> list[Case]:
        if case.after is None:
            return []
        case.job = case.after
        case.run.begin(case.job)
        return [case]

    # looking up

    def _resumed(self, case: Case) -> bool:
        """A rescued job that had begun goes on where its memo says, whatever was edited since."""
        if case.job.rescues > 3 or not self._look_up(case, removed=True):
            self._write_away(case, Instead(Step.DOUBT, Why.RESCUES, text="its workers were lost, and nobody saw its end", suspends=True))
            return False
        case.run = JobRun(self._ground, case, self._conductor.points)
        return True

    def _unit(self, case: Case) -> Unit | None:
        try:
            if not self._look_up(case):
                return self._stale(case)
            if (instead := self._gates.refusal(case)) is not None:
                return self.away(case, instead)
            case.run = JobRun(self._ground, case, self._conductor.points)
            case.hold = self._wanted(case)
        except VaultAway as error:
            return self.away(case, Instead(Step.DEFER, Why.VAULT_AWAY, case.now + 60 * SECOND, str(error)))
        except MissingPlugin as error:
            return self.away(case, Instead(Step.FAIL, Why.NOT_NOW, text=str(error)))
        except TaskkitError as error:
            return self.away(case, Instead(Step.FAIL, Why.NOT_NOW, text=str(error)))
        return self._start_unit(case)

    def _look_up(self, case: Case, *, removed: bool = False) -> bool:
        """Whether job and tasks still fit together; fills the case."""
        job, catalog = case.job, self._ground.catalog
        task = catalog.task_at(job.task, job.planned_for) or (catalog.task(job.task) or catalog.removed(job.task) if removed else None)
        trigger = task if job.via is None else catalog.task_at(job.via[0], job.via[2])
        if task is None or trigger is None:
            return False
        case.task, case.trigger = task, trigger
        case.standing = self._standing(case)
        definition = catalog.definition(task.script)
        if definition is None or not isinstance(definition.value, Script):
            raise MissingPlugin(f"running the task {task.name!r}", f"there is no script {task.script!r}", "define it again")
        case.script, case.version = definition.value, definition.version
        return job.record is None or self._look_up_record(case)

    def _standing(self, case: Case) -> Standing | None:
        line, record = case.job.line, case.job.record
        return read_standing(self._storage.document("standing", f"{line}/{record or ''}"))

    def _look_up_record(self, case: Case) -> bool:
        job, vault = case.job, self._ground.vault
        case.record = asked(lambda: vault.records.get(job.record or ""), "reading the record")
        if case.record is None:
            return False
        case.shadow = self._targets.shadow(case.task, case.record)
        found = self._ground.catalog.record_type(case.record.type)
        if found is not None:
            host = found.host_of(case.record) or None
            if host != job.host:
                case.job = job.with_({"host": host})
            if found.executor is not None and case.script.needs:
                case.executor = self._ground.plugins.executor(found.executor)
        return True

    # holds

    def _wanted(self, case: Case) -> Hold:
        job, settings = case.job, self._ground.settings
        accounts = self._accounts(case)
        case.accounts = accounts
        slots: list[tuple[str, int]] = []
        if case.task.at_once is not None and not job.conducts:
            slots.append((f"task:{job.line}", case.task.at_once))
        if settings.limits.host is not None and job.host:
            slots.append((f"host:{job.host}", settings.limits.host))
        if (most := settings.limits.pools.get(job.pool)) is not None:
            slots.append((f"pool:{job.pool}", most))
        own = f"line:{job.line}/{job.record or ''}"  # what passes while it runs becomes one follow-up (T15)
        if not (accounts.writes or accounts.uses):
            return Hold(job.id, job.wanted, (own,), (), tuple(slots))
        writes = (own, *(f"account:{name}" for name in sorted(accounts.writes)))
        return Hold(job.id, job.wanted, writes, tuple(f"account:{name}" for name in sorted(accounts.uses)), tuple(slots))

    def _accounts(self, case: Case) -> Accounts:
        if case.job.conducts or (
            not case.script.needs and not case.script.changes_secret and case.script.accounts.__func__ is Script.accounts
        ):  # type: ignore[attr-defined]
            return NO_ACCOUNTS
        found: list[Accounts] = []
        outcome = performed(lambda: found.append(case.script.accounts(case.run)), case.run.scrubber)  # type: ignore[arg-type, return-value]
        if not found or not isinstance(found[0], Accounts):
            raise MissingPlugin(f"asking {case.script.name!r} for its accounts", getattr(outcome, "text", ""), "its author has to mend it")
        return found[0]

    # units

    def _start_unit(self, case: Case) -> Unit:
        job, task, now = case.job, case.task, case.now
        fields: dict[str, Any] = {"turned_at": now, "node": self._ground.node, "version": case.version, "why": None, "waits": 0}
        first = job.started is None
        if first:
            fields["started"] = now
        if job.host is not None:
            fields["host"] = job.host
        if first and job.kind is Kind.OCCURRENCE:
            fields |= self._planner.missed(case.trigger, job, now, case.standing)
        changes: list[Change] = [Expect("task", task.id, task.revision)]
        if job.via is not None:
            changes.append(Expect("task", case.trigger.id, case.trigger.revision))
        beside = self._merging(case, fields)
        changes += [Move(job.id, Step.START, token=job.token, fields=fields), case.hold or Hold(job.id, job.wanted), *beside]
        if first:
            changes += self._planner.successor(case.trigger, job, now, self._trigger_standing(case))
        details = {"attempt": job.cycle + 1} if job.cycle else {}
        changes.append(Tell(Fact("JobStarted", now, job.id, job.task, job.line, job.record, None, details)))
        case.after = job.with_({**fields, "state": State.RUNNING})
        return tuple(changes)

    def _trigger_standing(self, case: Case) -> Standing | None:
        if case.job.via is None:
            return case.standing
        return self._planner.standing(case.trigger.line, case.job.trigger[1])

    def _merging(self, case: Case, fields: dict[str, Any]) -> list[Change]:
        """A fired job that waits beside is done by this one; a retry that waits ends by it, or becomes its next cycle (P4, J7)."""
        beside, job = case.beside, case.job
        if beside is None or beside.id == job.id or beside.state not in PENDING or job.kind is Kind.PART:
            return []
        if job.is_demanded and beside.kind is Kind.FIRED:
            return []  # a demand is a job of its own: what happened is not answered by it
        if beside.kind is Kind.FALLBACK and not job.is_demanded:
            fields |= {"series": beside.series, "cycle": beside.cycle}
        told = {"ended": case.now, "into": job.id, "why": Why.MERGED.value}
        fact = Fact("JobMerged", case.now, beside.id, beside.task, beside.line, beside.record, None, {"into": job.id})
        return [Move(beside.id, Step.MERGE, beside.revision, fields=told), Absorb(beside.id, job.id), Tell(fact)]

    def away(self, case: Case, instead: Instead) -> Unit:
        """The unit by which a job does not start."""
        job, now = case.job, case.now
        case.after = None
        fields: dict[str, Any] = {"why": instead.why.value}
        if instead.text:
            fields["text"] = instead.text
        if instead.step is Step.DEFER:
            fields |= {
                "due": max(instead.until or 0, now + SECOND),
                "waits": job.waits + 1 if job.why == instead.why else 0,
                "host": job.host,
            }
            if case.account is not None:
                fields["account"] = case.account
        elif instead.step is Step.ASK:
            fields["asks_until"] = instead.until
        else:
            fields |= {"ended": now, "into": instead.into}
        if instead.step is Step.FAIL:
            fields["error"] = "bad_configuration"
        changes: list[Change] = [Move(job.id, instead.step, token=job.token, fields=fields)]
        if instead.step in (Step.MISS, Step.CANCEL, Step.SATISFY, Step.FAIL, Step.DOUBT) and hasattr(case, "trigger"):
            changes += self._planner.successor(case.trigger, job, now, self._trigger_standing(case)) if job.started is None else ()
        if instead.suspends and hasattr(case, "task"):
            changes += suspension(case, instead.why.value, now)
        if job.why != instead.why or instead.step is not Step.DEFER:
            changes.append(Tell(Fact(_FACTS[instead.step], now, job.id, job.task, job.line, job.record, None, _details(fields))))
        return tuple(changes)

    def _write_away(self, case: Case, instead: Instead) -> None:
        self._storage.write([self.away(case, instead)])

    def _stale(self, case: Case) -> Unit | None:
        """The job was planned for what is no more: it is planned anew, or ends (R1)."""
        job, now = case.job, case.now
        trigger_id, name = job.trigger
        trigger = self._ground.catalog.task(trigger_id)
        record = asked(lambda: self._ground.vault.records.get(name), "reading the record") if name is not None else None
        gone = Why.REMOVED if trigger is None else Why.RECORD_REMOVED if name is not None and record is None else None
        if trigger is None or gone is not None or not trigger.active:
            fields = {"ended": now, "why": (gone or Why.INACTIVE).value, "fire": None}
            fact = Fact("JobCanceled", now, job.id, job.task, job.line, job.record, None, {"why": fields["why"]})
            return Move(job.id, Step.CANCEL, token=job.token, fields=fields), Tell(fact)
        unit = self._planner.replanned(trigger, record, job, now)
        return tuple(evolve(change, revision=None, token=job.token) if isinstance(change, Move) else change for change in unit)

    # refusals

    def _repaired(self, case: Case, answer: Landed) -> Unit | None:
        """What is tried next where a unit was refused; None where the job is another's now."""
        change = answer.change
        if isinstance(change, Hold) and answer.refusal is Refusal.BUSY:
            away = self.away(case, Instead(Step.DEFER, Why.BUSY, case.now + self._ground.settings.look_length))
            return (*away, Wait(change))
        if isinstance(change, Move) and change.job == case.job.id:
            return None
        if isinstance(change, Insert) and answer.refusal is Refusal.FIRE and change.job.at is not None:
            return self._later(case, change.job)
        fresh = self._storage.job(case.job.id)
        if fresh is None or fresh.token != case.job.token:
            return None
        seat = ("fired", case.job.line, case.job.record or "")
        again = Case(Claimed(fresh, tuple(self._storage.causes(fresh.id)), self._storage.seated(seat)), self._ground.now())
        unit = self._unit(again)
        for name in Case.__slots__:
            if hasattr(again, name):
                setattr(case, name, getattr(again, name))
        if isinstance(change, Insert) and unit is not None:  # somebody has planned the successor already
            unit = tuple(one for one in unit if not isinstance(one, Insert))
        return unit

    def _later(self, case: Case, refused: Job) -> Unit:
        """The next nominal has had its run: the one after it is next (T6)."""
        unit = self._start_unit(case)
        planned = self._planner.next(case.trigger, case.job.trigger[1], (refused.at or 0) * SECOND, self._trigger_standing(case))
        without: list[Change] = [change for change in unit if not isinstance(change, Insert)]
        if planned is not None:
            without.append(Insert(refused.with_(planned.fields(refused.via))))
        return tuple(without)


_FACTS = {
    Step.DEFER: "JobDeferred", Step.ASK: "ConsentAsked", Step.MISS: "JobMissed", Step.CANCEL: "JobCanceled",
    Step.SATISFY: "JobSatisfied", Step.FAIL: "JobFailed", Step.DOUBT: "JobUncertain",
}  # fmt: skip


def _details(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "") and name not in ("ended", "waits", "account", "host")}


def suspension(case: Case, why: str, now: Instant) -> tuple[Change, ...]:
    """The task waits, for this record, until somebody resumes it."""
    job = case.job
    before = case.standing or Standing(created=job.created)
    standing = evolve(before, suspended=why, suspended_at=now, suspended_by=None)
    kept = Keep("standing", f"{job.line}/{job.record or ''}", before.revision, standing.body(), job.line)
    return kept, Tell(Fact("TaskSuspended", now, job.id, job.task, job.line, job.record, None, {"why": why}))
