"""A run without an engine: what a script or executor sees of its job, kept in lists that a test can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from math import inf
from typing import TYPE_CHECKING, Any

import pendulum

from taskkit.plugins.executors.local import Local
from taskkit.plugins.kinds import Executor, Host, Login, Operation
from taskkit.records import AccountId, Record
from taskkit.scrubbing import Scrubber, Stream
from taskkit.secrets import Secret
from taskkit.vaults import Records, Secrets, Values, Vault, Viewer

if TYPE_CHECKING:
    from taskkit.jobs import Job
    from taskkit.tasks import Task


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
    """Implements the Run port over a scrubber and lists."""

    job: Job
    task: Task
    token = 1
    consented: str | None = None
    viewer: str | None = "anna"
    origin: tuple[str, ...] = ()

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
        seconds_left: float = inf,
    ) -> None:
        self.record, self.shadow = record, shadow
        self.scrubber, self.secrets = Scrubber(), SomeSecrets(secrets or {})
        self.vault = Vault(SomeRecords(record, shadow, *others), secrets=self.secrets)
        self.memo, self.rescued = memo or {}, memo is not None
        self._executor, self._settings, self._stop = executor or Local(), settings or {}, stop
        self._late, self._seconds_left = late, seconds_left
        self.operations: list[Operation] = []
        self.saved: list[Mapping[str, Any]] = []
        self.told: list[tuple[int, int]] = []
        self.connections = 0

    @property
    def stop_requested(self) -> bool:
        return self._stop()

    @property
    def seconds_left(self) -> float:
        return 0.0 if self._late() else self._seconds_left

    def now(self) -> pendulum.DateTime:
        return pendulum.now("UTC")

    def connect(self, login: Record | None = None) -> AbstractContextManager[Any]:
        self.connections += 1
        account = login or self.shadow or self.record or Record("here", "machine")
        return self._executor.connect(Host("localhost", settings=self._settings), Login(account), self)

    def scrub(self, text: str) -> str:
        return self.scrubber.scrub(text)

    def scrub_stream(self) -> Stream:
        return self.scrubber.stream()

    def keep(self, secret: Secret) -> Secret:
        self.scrubber.add(secret)
        return secret

    def operation(self, operation: Operation) -> None:
        self.operations.append(operation)

    def progress(self, done: int, of: int, text: str = "") -> None:
        self.told.append((done, of))

    def save(self, memo: Mapping[str, Any], *, turned: bool = False) -> None:
        self.saved.append(dict(memo))

    def blob(self, pieces: Iterable[bytes], name: str = "") -> str:
        raise NotImplementedError("no script here keeps a blob")

    def point(self, name: str) -> None:
        pass
