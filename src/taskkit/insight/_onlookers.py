"""An engine over a store alone: without its vault, and perhaps without the plug-ins of its product. It looks, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, cast

from attrs import evolve

from taskkit.engine import Because, Engine, Explanation, Factor, Settings, Tense
from taskkit.errors import Refused, VaultAway
from taskkit.insight._stand_ins import stand_ins
from taskkit.insight._store_records import UNKNOWN, StoreRecords
from taskkit.instants import instant
from taskkit.plugins import Plugins
from taskkit.records import AccountId
from taskkit.storage import Storage
from taskkit.vaults import Rights, Session, Sessions, Vault

_READS = frozenset({
    "causes", "chain", "clock", "count", "document", "documents", "facts", "heads", "holders", "job", "jobs", "open_jobs", "several",
    "story", "together",
})  # fmt: skip
_HELP = "ask the engine of the product: module:name"


class _Untouched:
    """Implements of the port `Storage` what reads."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        if name not in _READS:
            raise Refused(f"looking into a store by {name!r}", "who looks changes nothing", "report it: nothing here should")
        return getattr(self._storage, name)


def _away(tried: str) -> VaultAway:
    return VaultAway(tried, "only the store is here, and no vault", _HELP)


class _Sessions(Sessions):
    def active(self, account: AccountId) -> Sequence[Session]:
        raise _away("asking for active sessions")


class _Rights(Rights):
    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        raise _away("asking for a right")

    def members(self, group: str) -> Iterable[str]:
        raise _away("asking for a group")

    def active(self, user: str) -> bool:
        raise _away("asking for a person")


class Onlooker(Engine):
    """A `strict` one says what it cannot know; else it takes it as harmless as it can be, and says what it took."""

    def __init__(self, storage: Storage, *, strict: bool) -> None:
        looked = cast("Storage", _Untouched(storage))
        self._strict, self._records = strict, StoreRecords(looked, strict=strict)
        self._missing = stand_ins(looked, Plugins(broken="leave_out"), strict=strict)
        rights, sessions = (_Rights(), _Sessions()) if strict else (Rights(), Sessions())
        plugins = Plugins((("stand-ins", self._missing),), broken="leave_out")
        settings = Settings(pools=tuple(sorted(self._records.pools)))
        super().__init__(Vault(self._records, rights=rights, sessions=sessions), looked, settings=settings, plugins=plugins)
        self._records.stand_on(self._ground)

    def _begin(self) -> None:
        """It begins nothing: keys are not needed, and no mark is set."""

    def explain(self, task: str, record: str | None = None, at: datetime | None = None, *, user: str | None = None) -> Explanation:
        if record is not None and (at is None or instant(at) >= self._ground.now()):
            self._has_to_know(task, record)
        found = super().explain(task, record, at, user=user)
        if found.tense is Tense.PAST:
            return found
        unknown = (
            "only the store was asked, and no vault: it knows records by their jobs, and nothing of sessions, rights and secrets there",
            *self._missing.told(),
        )
        return evolve(found, because=(*(Because(Factor.VAULT, text) for text in unknown), *found.because))

    def _has_to_know(self, task: str, record: str) -> None:
        """Whether it is one of the record's tasks, which hang on its type."""
        found, wanted = self._records.get(record), self._ground.catalog.task(task)
        if found is not None and found.type == UNKNOWN and wanted is not None and wanted.list.startswith("type:"):
            raise _away(f"looking for the type of the record {record!r}")

    def _taken(self) -> Iterator[str]:
        count, workers = len(self._records.all()), self.settings.workers
        yield (
            f"only the store was asked, and no vault: its records are the {count} that have jobs waiting or at work; "
            "nobody works with their accounts, and nobody lacks a right"
        )
        yield f"one node with {workers} workers and the settings of a new engine serves all pools: {', '.join(self.settings.pools)}"
        yield from self._missing.told()
        for task in self._ground.catalog.all_tasks():
            if task.selection is None or not task.active:
                continue
            known = "the records of the last one" if self._records.has_run(task.selection) else "no records, as there was none yet"
            yield f"a run of {task.name!r} over many has {known}"
