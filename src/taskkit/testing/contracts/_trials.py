"""A trial of a script, and what the script wants of its executor meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from taskkit.errors import HostRefused
from taskkit.outcomes import DONE, Effect, ErrorClass, Outcome
from taskkit.plugins.kinds import Command, Executor, Host, Login, Operation, Run, Script
from taskkit.records import Record
from taskkit.testing.trials import Trial


@frozen
class Asking(Script):
    kind = "asking"
    effect = Effect.IDEMPOTENT
    name: str = "asking"

    def perform(self, run: Run) -> Outcome:
        return DONE


class Watched(Executor):
    """The executor, and what the script wants of it."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.name, self.verbs = executor.name, executor.verbs  # type: ignore[misc]
        self.effect, self.settings = executor.effect, executor.settings  # type: ignore[misc]
        self.down: ErrorClass | None = None
        self.refused = 0
        self.lines: list[str] = []
        self.turned: list[bool] = []
        #: How many commands began since something happened; None as long as nothing has.
        self.since: int | None = None

    @property
    def after(self) -> int:
        return self.since or 0

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        if self.down is not None:
            self.refused += 1
            raise HostRefused("connecting", "it is down", error=self.down)
        with self.executor.connect(host, login, run) as connection:
            yield _Connection(connection, self)


class _Connection:
    def __init__(self, connection: Any, watched: Watched) -> None:
        self._connection, self._watched = connection, watched

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        return self._connection.commands(self._told(sequence, run), run)  # type: ignore[no-any-return]

    def _told(self, sequence: Iterable[Command], run: Run) -> Iterator[Command]:
        watched = self._watched
        for command in sequence:
            watched.lines.append(command.line)
            watched.turned.append(run.job.turned_at is not None and run.job.started is not None and run.job.turned_at > run.job.started)
            if watched.since is not None:
                watched.since += 1
            yield command


class Tried(Trial):
    """A trial of a script, and what the script wants of its executor."""

    def __init__(self, script: Script, record: Record | None, executor: Executor, **given: Any) -> None:
        self.watched = Watched(executor)
        self.answered: Outcome | None = None
        super().__init__(script, record, executor=self.watched, **given)
        self.executor = executor

    def perform(self) -> Outcome | None:
        self.answered = super().perform()
        return self.answered


def at(number: int, then: Callable[[Tried], object], trial: Tried) -> Callable[[str], None]:
    passed = 0

    def point(name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == number + 1:
            then(trial)

    return point
