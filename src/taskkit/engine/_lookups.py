"""All that a claimed job is about: tasks, script, record and executor as they are now, and the accounts and slots that it needs (R4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from taskkit.engine._border import asked
from taskkit.engine._cases import Case
from taskkit.engine._planner import read_standing
from taskkit.engine._targets import Targets
from taskkit.errors import MissingPlugin, TaskkitError, VaultAway
from taskkit.plugins.kinds import Script
from taskkit.records import NO_ACCOUNTS, Accounts
from taskkit.scrubbing import told
from taskkit.standings import TABLE as STANDINGS
from taskkit.standings import Standing, standing_id
from taskkit.storage import Hold
from taskkit.targets import Target
from taskkit.tasks import of_type

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


#: What one batch of claimed jobs has read already: most of them are about the same few tasks and types.
Seen = dict[tuple[str, str], Any]
T = TypeVar("T")


class Lookups:
    def __init__(self, ground: Ground, targets: Targets) -> None:
        self._ground, self._targets, self._catalog, self._storage = ground, targets, ground.catalog, ground.storage

    def fill(self, case: Case, seen: Seen, *, begun: bool = False) -> bool:
        """Whether the job still fits its tasks and records. What has begun goes on as it began, whatever was edited since."""
        job = case.job
        case.standing = self._standing(job.line, job.record)
        at = self._catalog.begun if begun else self._catalog.task_at
        task = at(job.task, job.planned_for)
        trigger = task if job.via is None else at(job.via[0], job.via[2])
        if task is None or trigger is None:
            return False
        case.task, case.trigger = task, trigger
        if job.record is not None and (job.execution is None or job.via is not None):  # what a conductor began, its own line lets end
            case.whole = _once(seen, STANDINGS, job.line, lambda: self._standing(job.line, None))
        self._script(case, seen, begun=begun)
        return job.record is None or (self._record(case, seen) and (begun or self._is_still_there(case)))

    def forget(self, task: str) -> None:
        """What was known of it by heart is not true any more."""
        self._catalog.forget(task)

    def _standing(self, line: str, record: str | None) -> Standing | None:
        return read_standing(self._storage.document(STANDINGS, standing_id(line, record)))

    def _script(self, case: Case, seen: Seen, *, begun: bool) -> None:
        name, version = case.task.script, case.job.version
        found = _once(seen, "script", name, lambda: self._catalog.definition(name))
        if begun and version is not None and (found is None or found.version != version):
            found = self._catalog.version(name, version)
        if found is None or not isinstance(found.value, Script):
            raise MissingPlugin(f"running the task {case.task.name!r}", f"there is no script {name!r}", "define it again")
        case.script, case.version = found.value, found.version

    def _record(self, case: Case, seen: Seen) -> bool:
        job, vault = case.job, self._ground.vault
        record = case.record = asked(lambda: vault.records.get(job.record or ""), "reading the record")
        if record is None:
            return False
        task = case.task
        shadow = task.shadow or _once(seen, "shadow", task.list, lambda: self._targets.shadow_name(task))
        case.shadow = self._targets.login(task, record, shadow) if shadow else None
        found = _once(seen, "type", record.type, lambda: self._catalog.record_type(record.type))
        if found is not None:
            host = found.host_of(record) or None
            if host != job.host:
                case.job = job.with_({"host": host})
            if found.executor is not None and case.script.needs:
                case.executor = self._ground.plugins.executor(found.executor)
        return True

    def _is_still_there(self, case: Case) -> bool:
        """What the vault changed without telling, and what changed elsewhere since it was planned (R2, R8)."""
        job, task, trigger, record = case.job, case.task, case.trigger, case.record
        if record is not None and task.list.startswith("type:") and task.list != of_type(record.type) and job.execution is None:
            return False
        if trigger.target is Target.ITSELF:
            return True
        name = job.trigger[1] or ""
        other = record if job.via is None else asked(lambda: self._ground.vault.records.get(name), "reading the record")
        return other is not None and self._targets.fits(job, trigger, other)

    # holds

    def hold(self, case: Case) -> Hold:
        """What the job holds while it runs: accounts that it changes alone, those that it uses beside others, slots by number."""
        job, settings = case.job, self._ground.settings
        case.accounts = accounts = self.accounts(case)
        own = f"line:{job.line}/{job.record or ''}"  # what passes while it runs becomes one follow-up (T15)
        if job.conducts:  # it waits for its parts, and must not take a slot from them
            return Hold(job.id, job.wanted, (own,))
        slots: list[tuple[str, int]] = []
        if case.task.at_once is not None:
            slots.append((f"task:{job.line}", case.task.at_once))
        if settings.limits.host is not None and job.host:
            slots.append((f"host:{job.host}", settings.limits.host))
        if (most := settings.limits.pools.get(job.pool)) is not None:
            slots.append((f"pool:{job.pool}", most))
        if not (accounts.writes or accounts.uses):
            return Hold(job.id, job.wanted, (own,), (), tuple(slots))
        writes = (own, *(f"account:{name}" for name in sorted(accounts.writes)))
        return Hold(job.id, job.wanted, writes, tuple(f"account:{name}" for name in sorted(accounts.uses)), tuple(slots))

    def accounts(self, case: Case) -> Accounts:
        script = case.script
        if case.job.conducts or (not script.needs and not script.changes_secret and type(script).accounts is Script.accounts):
            return NO_ACCOUNTS
        tried = f"asking {script.name!r} for its accounts"
        try:
            found = script.accounts(case.run)
        except TaskkitError:
            raise
        except OSError as error:  # it asked the vault, as it should
            raise VaultAway(tried, f"it met {type(error).__name__}", "the job waits, and is looked at again soon") from None
        except Exception as error:
            raise MissingPlugin(tried, told(error, case.run.scrubber), "its author has to mend it") from None
        if not isinstance(found, Accounts):
            raise MissingPlugin(tried, f"it answered with a {type(found).__name__}", "its author has to mend it")
        return found


def _once(seen: Seen, table: str, name: str, read: Callable[[], T]) -> T:
    key = table, name
    if key not in seen:
        seen[key] = read()
    found: T = seen[key]
    return found
