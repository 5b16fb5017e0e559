"""The engine's own runs, watched: what a script or executor does with its run, in lists that a test can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from taskkit.plugins.executors.local import Local
from taskkit.plugins.kinds import Executor
from taskkit.plugins.verbs import Operation
from taskkit.records import AccountId, Record
from taskkit.secrets import Secret
from taskkit.testing import Trial
from taskkit.vaults import Records, Secrets, Values, Vault, Viewer

#: The record of commands on this machine.
HERE = Record("here", "machine", fields={"host": "localhost"})
_DEADLINE = 3600.0


class SomeRecords(Records):
    """The records that a test names."""

    def __init__(self, *records: Record | None) -> None:
        self._records = {record.id: record for record in records if record}

    def get(self, id: str) -> Record | None:
        return self._records.get(id)

    def all(self) -> Iterable[Record]:
        return self._records.values()


class SomeSecrets(Secrets):
    """The secrets that a test names, by account; and who asked for which."""

    def __init__(self, secrets: Mapping[AccountId, Mapping[str, Secret]]) -> None:
        self._secrets = secrets
        self.asked: list[AccountId] = []

    def values(self, account: AccountId, run: Viewer) -> Values:
        self.asked.append(account)
        return Values(current=self._secrets.get(account, {}))


class WatchedRun:
    """The run of a trial that has begun. `stop` and `late` are asked when somebody looks: then a stop is requested, or all time is over."""

    def __init__(
        self,
        record: Record | None = None,
        shadow: Record | None = None,
        *,
        secrets: Mapping[AccountId, Mapping[str, Secret]] | None = None,
        others: Iterable[Record] = (),
        memo: Mapping[str, Any] | None = None,
        executor: Executor | None = None,
        settings: Mapping[str, Any] | None = None,
        stop: Callable[[], bool] = lambda: False,
        late: Callable[[], bool] = lambda: False,
        seconds_left: float = _DEADLINE,
    ) -> None:
        self.secrets = SomeSecrets(secrets or {})
        vault = Vault(SomeRecords(record, shadow, *others), secrets=self.secrets)
        given: Any = {"executor": executor or Local(), "settings": settings, "shadow": shadow, "deadline": seconds_left or 1.0}
        self.trial = Trial(None, record, vault=vault, viewer="anna", **given)
        self._stop, self._late = stop, late
        self._begun = self._begin(memo)
        if not seconds_left:
            self.trial.clock.advance(seconds=1)
        self.operations: list[Operation] = []
        self.saved: list[Mapping[str, Any]] = []
        self.told: list[tuple[int, int]] = []
        self.connections = 0
        self.secrets.asked.clear()

    def _begin(self, memo: Mapping[str, Any] | None) -> Any:
        """With a memo it is the run of a process that has taken the job over."""
        if memo is not None:
            with self.trial.run() as run:
                run.save(memo)
                self.trial.die()
            self.trial.take_over()
        self._block = self.trial.run()
        return self._block.__enter__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._begun, name)

    @property
    def stop_requested(self) -> bool:
        if self._stop():
            self.trial.engine.request_stop(self.trial.job)
            self.trial.clock.advance(seconds=1)
        return bool(self._begun.stop_requested)

    @property
    def seconds_left(self) -> float:
        if self._late():
            self.trial.clock.advance(seconds=self._begun.seconds_left)
        return float(self._begun.seconds_left)

    def connect(self, login: Record | None = None, *, to: Record | None = None) -> AbstractContextManager[Any]:
        self.connections += 1
        found: AbstractContextManager[Any] = self._begun.connect(login, to=to)
        return found

    def operation(self, operation: Operation) -> None:
        self.operations.append(operation)
        self._begun.operation(operation)

    def progress(self, done: int, of: int, text: str = "") -> None:
        self.told.append((done, of))
        self._begun.progress(done, of, text)

    def save(self, memo: Mapping[str, Any], *, turned: bool = False) -> None:
        self._begun.save(memo, turned=turned)
        self.saved.append(dict(memo))


def here(**given: Any) -> WatchedRun:
    """The run of a job on this machine."""
    return WatchedRun(HERE, **given)
