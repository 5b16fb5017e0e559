"""All that a claimed job is about: tasks, script, record and executor as they are now, and the accounts and slots that it needs (R4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from taskkit.engine._border import account_of, asked, record_of
from taskkit.engine._cases import Case
from taskkit.engine._catalog import DEFINITIONS, LISTS
from taskkit.engine._cohorts import Cohort, likeness
from taskkit.engine._glances import Glance, Read
from taskkit.engine._intents import hold
from taskkit.engine._occurrences import missed
from taskkit.engine._passings import PASSINGS, said_of
from taskkit.engine._pauses import PAUSES
from taskkit.engine._planner import read_standing
from taskkit.engine._targets import Targets
from taskkit.errors import InvalidValue, MissingPlugin, NotFound, TaskkitError, VaultAway
from taskkit.instants import SECOND, Instant
from taskkit.jobs import Job, Kind
from taskkit.plugins.kinds import Executor, Script
from taskkit.plugins.runs import Run
from taskkit.records import NO_ACCOUNTS, Accounts, Record, RecordType
from taskkit.scrubbing import told
from taskkit.standings import TABLE as STANDINGS
from taskkit.standings import Standing, standing_id
from taskkit.storage import Expect, Hold
from taskkit.targets import Target
from taskkit.tasks import Task, of_type
from taskkit.verdicts import REPEATABLE

if TYPE_CHECKING:
    from taskkit.engine._gates import Instead
    from taskkit.engine._ground import Ground, Limits


class Sort(NamedTuple):
    """What those of them share whose records are of one type."""

    found: RecordType | None
    executor: Executor | None
    #: Whether the task is in the list of this type, or in none of a type.
    is_listed: bool


class Kin:
    """What jobs of one kind and task, at one revision, share that were claimed together: looked up once for all of them."""

    gates: tuple[Callable[[Case], Instead | None], ...] | None = None  #: those that may refuse one of them
    gates_of_each: tuple[Callable[[Case], Instead | None], ...] = ()  #: those of them that look at its record or its reasons

    def __init__(self, task: Task, trigger: Task, script: Script, version: int, limits: Limits, glance: Glance) -> None:
        self.task, self.trigger, self.script, self.version, self.glance = task, trigger, script, version, glance
        self.whole: Standing | None = None
        self.shadow: str | None = None
        self.passed: Instant = 0  #: up to when what was due is passed over
        self.sorts: dict[str, Sort] = {}  # by the type of the record
        #: As which its jobs were planned (J5).
        self.still = Expect("task", task.id, task.revision)
        #: Whether it may be performed again, whatever its executor says (J10).
        self.is_repeatable = script.resumes or script.effect in REPEATABLE
        #: Whether a success moves what is planned (T11).
        self.ages = any(one.interval is not None and one.interval.relative for one in (task, trigger))
        #: Whether account or standing remember a success.
        self.is_remembered = self.ages or script.changes_secret
        #: Whether the script says nothing of accounts.
        self.is_modest = not script.needs and not script.changes_secret and type(script).accounts is Script.accounts
        #: Whether its runs are counted, for the task, its pool or its host.
        self.is_counted = task.at_once is not None or limits.host is not None or bool(limits.pools)
        #: Whether each of them holds nothing but its own line and record.
        self.starts_alike = self.is_modest and not self.is_counted
        #: Whether what is next is the same for all of its records.
        self.plans_alike = trigger.interval is not None and not trigger.interval.relative and task.spread is None
        self._missed: tuple[int | None, int, Mapping[str, Any]] | None = None

    def missed(self, job: Job, now: Instant) -> Mapping[str, Any]:
        """What passed while this occurrence waited: mostly the same for all of them."""
        last, second = self._missed, now // SECOND
        if last is None or last[0] != job.at or last[1] != second:
            self._missed = last = job.at, second, missed(self.trigger, job, now)
        return last[2]


class Seen:
    """What one batch of claimed jobs has looked up already; of documents, as long as the others' questions take no time."""

    __slots__ = ("_cohorts", "_is_one", "glance", "kins")

    def __init__(self, glance: Glance, *, is_one: bool = True) -> None:
        self.glance, self.kins, self._is_one = glance, dict[tuple[Any, ...], Kin](), is_one
        self._cohorts: dict[tuple[str, Kind], Cohort] = {}

    def cohort(self, job: Job) -> Cohort | None:
        """Those that are like it, where there are any."""
        found = self._cohorts.get((job.task, job.kind))
        return found if found is not None and found.likeness == likeness(job) else None

    def begin(self, job: Job, kin: Kin) -> Cohort:
        """It is the first of those that are like it."""
        found = self._cohorts[job.task, job.kind] = Cohort(kin, likeness(job), is_one=self._is_one)
        return found


class Lookups:
    def __init__(self, ground: Ground, targets: Targets) -> None:
        self._ground, self._targets, self._catalog, self._storage = ground, targets, ground.catalog, ground.storage

    def seen(self, jobs: Sequence[Job]) -> Seen:
        """For jobs that are opened together: all that is asked for, as far as the tasks are known by heart."""
        lines = {job.line: job for job in jobs}
        standings = [standing_id(job.line, job.record) for job in jobs] + [standing_id(line, None) for line in lines]
        known = [self._catalog.known_task(job.task, job.planned_for) for job in lines.values()]
        tasks = [task for task in known if task is not None]
        wanted: dict[str, Sequence[str] | None] = {STANDINGS: standings}
        if tasks:
            lists = dict.fromkeys(task.list for task in tasks)
            scripts = dict.fromkeys(task.script for task in tasks)
            wanted[LISTS] = [*lists]
            wanted[DEFINITIONS] = [*scripts, *(name for name in lists if name.startswith("type:"))]
            wanted[PASSINGS] = [*dict.fromkeys(id for line in lines for id in said_of(line))]
            wanted[PAUSES] = None
        return Seen(Glance(self._ground, wanted), is_one=len(jobs) == 1)

    def unseen(self) -> Seen:
        """For one of which all is asked as it comes."""
        return Seen(Glance(self._ground, {}))

    def fill(self, case: Case, seen: Seen, *, begun: bool = False) -> bool:
        """Whether the job still fits its tasks and records. What has begun goes on as it began, whatever was edited since."""
        job = case.job
        case.standing = self._standing(job.line, job.record, seen)
        cohort = seen.cohort(job)
        if cohort is None:
            if (kin := self._kin(case, seen, begun=begun)) is None:
                return False
            cohort = seen.begin(job, kin)
        case.cohort, case.kin = cohort, (kin := cohort.kin)
        case.task, case.trigger, case.script = kin.task, kin.trigger, kin.script
        if job.record is None:
            return True
        if job.execution is None or job.via is not None:  # what a conductor began, its own line lets end
            case.whole = kin.whole
        return self._record(case, kin, begun=begun)

    def _kin(self, case: Case, seen: Seen, *, begun: bool) -> Kin | None:
        job, at = case.job, self._catalog.begun if begun else self._catalog.task_at
        key = job.kind, job.task, job.planned_for, job.via and job.via[::2], begun and job.version
        if (known := seen.kins.get(key)) is not None:
            return known
        task = at(job.task, job.planned_for)
        trigger = task if job.via is None else at(job.via[0], job.via[2])
        if task is None or trigger is None:
            return None
        case.task, case.trigger = task, trigger  # also where the script is missing: its successor is planned
        read = seen.glance.one
        kin = Kin(task, trigger, *self._script(task, job.version if begun else None, read), self._ground.settings.limits, seen.glance)
        kin.whole = self._standing(job.line, None, seen) if task.record is None else None
        kin.shadow = self._targets.shadow_name(task, read)
        seen.kins[key] = kin
        return kin

    def forget(self, task: str) -> None:
        """What was known of it by heart is not true any more."""
        self._catalog.forget(task)

    @staticmethod
    def _standing(line: str, record: str | None, seen: Seen) -> Standing | None:
        kept = seen.glance.one(STANDINGS, standing_id(line, record))
        return None if kept is None else read_standing(kept)

    def _script(self, task: Task, version: int | None, read: Read) -> tuple[Script, int]:
        found = self._catalog.definition(task.script, read)
        if version is not None and (found is None or found.version != version):
            found = self._catalog.version(task.script, version)
        if found is None or not isinstance(found.value, Script):
            raise MissingPlugin(f"running the task {task.name!r}", f"there is no script {task.script!r}", "define it again")
        return found.value, found.version

    def _record(self, case: Case, kin: Kin, *, begun: bool) -> bool:
        """Whether it is there, and still the task's: the vault may have changed it without telling (R8). What has begun stays there."""
        job, vault = case.job, self._ground.vault
        record = case.record = asked(vault.records.get, "reading the record", job.record) or self._of_account(job)
        if record is None:
            return False
        if kin.shadow:
            case.shadow = self._targets.login(kin.task, record, kin.shadow)
        sort = kin.sorts.get(record.type) or self._sort(record.type, kin)
        case.executor = sort.executor
        host = sort.found.machine_of(record) if sort.found is not None else None
        if host != job.host:
            case.job = job.with_({"host": host})
        if begun:
            return True
        is_aimed_there = case.trigger.target is Target.ITSELF or self._is_aimed_there(case, record)
        return is_aimed_there and (sort.is_listed or job.execution is not None)

    def _of_account(self, job: Job) -> Record | None:
        """Which record is the account now, where that of its recovery is gone: it may have another id, or be one of two (R8, S4)."""
        if job.kind is not Kind.RECOVERY:
            return None
        vault = self._ground.vault
        for record in asked(lambda: list(vault.records.all()), "reading all records"):
            with suppress(InvalidValue, NotFound):  # its references lead nowhere
                if record.reference is None and account_of(vault, record) == job.account:
                    return record
        return None

    def _sort(self, name: str, kin: Kin) -> Sort:
        found = self._catalog.record_type(name, kin.glance.one)
        wanted = found.executor if found is not None and kin.script.needs else None
        executor = None if wanted is None else self._ground.plugins.executor(wanted)
        is_listed = not kin.task.list.startswith("type:") or kin.task.list == of_type(name)
        sort = kin.sorts[name] = Sort(found, executor, is_listed)
        return sort

    def _is_aimed_there(self, case: Case, record: Record) -> bool:
        """What changed elsewhere since it was planned may lead to another record, or another task (R2)."""
        job, trigger = case.job, case.trigger
        name = job.trigger[1] or ""
        other = record if job.via is None else record_of(self._ground.vault, name, "reading the record")
        return other is not None and self._targets.fits(job, trigger, other)

    # holds

    def hold(self, case: Case) -> Hold:
        """What the job holds while it runs: accounts that it changes alone, those that it uses beside others, slots by number."""
        job = case.job
        case.accounts = accounts = NO_ACCOUNTS if case.kin.is_modest else self.accounts(case)
        own = own_key(job)
        if job.conducts:  # it waits for its parts, and must not take a slot from them
            return Hold(job.id, job.wanted, (own,))
        if job.kind is Kind.RECOVERY and job.account is not None:
            return hold(job.id, job.account, accounts)
        slots = self._slots(job, case.task) if case.kin.is_counted else ()
        if accounts is NO_ACCOUNTS:
            return Hold(job.id, job.wanted, (own,), (), slots)
        writes = (own, *(f"account:{name}" for name in sorted(accounts.writes)))
        return Hold(job.id, job.wanted, writes, tuple(f"account:{name}" for name in sorted(accounts.uses)), slots)

    def _slots(self, job: Job, task: Task) -> tuple[tuple[str, int], ...]:
        limits = self._ground.settings.limits
        slots: tuple[tuple[str, int], ...] = ((f"task:{job.line}", task.at_once),) if task.at_once is not None else ()
        if limits.host is not None and job.host:
            slots += ((f"host:{job.host}", limits.host),)
        if (most := limits.pools.get(job.pool)) is not None:
            slots += ((f"pool:{job.pool}", most),)
        return slots

    def accounts(self, case: Case) -> Accounts:
        """What its script says, and the accounts of the machines over which its own is reached."""
        script, executor, record = case.script, case.executor, case.record
        if case.job.conducts or case.kin.is_modest:
            return NO_ACCOUNTS
        tried = f"asking {script.name!r} for its accounts"
        found = _answer(case, tried, script.accounts)
        if not isinstance(found, Accounts):
            raise MissingPlugin(tried, f"it answered with a {type(found).__name__}", "its author has to mend it")
        if executor is None or record is None:
            return found
        records = case.run.vault.records
        way = _answer(case, f"asking {executor.name!r} for its way", lambda run: [*map(records.account, executor.way(record, run))])
        return Accounts(found.writes, found.uses.union(way)) if way else found


def _answer(case: Case, tried: str, ask: Callable[[Run], Any]) -> Any:
    try:
        return ask(case.run)
    except TaskkitError:
        raise
    except OSError as error:  # it asked the vault, as it should
        raise VaultAway(tried, f"it met {type(error).__name__}", "the job waits, and is looked at again soon") from None
    except Exception as error:
        raise MissingPlugin(tried, told(error, case.run.scrubber), "its author has to mend it") from None


def own_key(job: Job) -> str:
    """What passes while it runs becomes one follow-up (T15)."""
    return f"line:{job.line}/{job.record or ''}"
