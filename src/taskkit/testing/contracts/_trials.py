"""A trial of a script, and what the script wants of its executor meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from taskkit.errors import HostRefused
from taskkit.outcomes import DONE, Done, Effect, ErrorClass, NotDone, Outcome, Unknown
from taskkit.plugins.kinds import Executor, Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Content, Host, Login, Operation, Probe, SecretChange, Terminal
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.testing._wrappings import Wrapping
from taskkit.testing.trials import Trial


@frozen
class Asking(Script):
    kind = "asking"
    effect = Effect.IDEMPOTENT
    name: str = "asking"

    def perform(self, run: Run) -> Outcome:
        return DONE


class Watched(Wrapping):
    """The executor, and what the script wants of it."""

    def __init__(self, executor: Executor) -> None:
        super().__init__(executor)
        self.down: ErrorClass | None = None
        self.refused = 0
        self.lines: list[str] = []
        self.turned: list[bool] = []
        #: How many commands, changes and files began since something happened; None as long as nothing has.
        self.since: int | None = None

    @property
    def after(self) -> int:
        return self.since or 0

    def begins(self, line: str, run: Run) -> None:
        self.lines.append(line)
        self.turned.append(run.job.turned_at is not None and run.job.started is not None and run.job.turned_at > run.job.started)
        if self.since is not None:
            self.since += 1

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        if (down := self._is_down()) is not None:
            raise HostRefused("connecting", "it is down", error=down)
        with self.executor.connect(host, login, run) as connection:
            yield _Connection(connection, self)

    def probe(self, host: Host, login: Login, run: Run) -> Probe:
        down = self._is_down()
        return super().probe(host, login, run) if down is None else Probe(down, "it is down")

    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Done | NotDone | Unknown:
        if (down := self._is_down()) is not None:
            return NotDone(down, "it is down")
        self.begins(f"change the secret of {change.user}", run)
        return super().change(host, login, change, run)

    def _is_down(self) -> ErrorClass | None:
        self.refused += self.down is not None
        return self.down


class _Connection:
    def __init__(self, connection: Any, watched: Watched) -> None:
        self._connection, self._watched = connection, watched

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        return self._connection.commands(self._told(sequence, run), run)  # type: ignore[no-any-return]

    def put(self, path: str, content: Content, run: Run, **given: Any) -> Operation:
        self._watched.begins(f"put {path}", run)
        return self._connection.put(path, content, run, **given)  # type: ignore[no-any-return]

    @contextmanager
    def terminal(self, run: Run) -> Iterator[Terminal]:
        with self._connection.terminal(run) as terminal:
            yield _Terminal(terminal, self._watched, run)

    def _told(self, sequence: Iterable[Command], run: Run) -> Iterator[Command]:
        for command in sequence:
            self._watched.begins(command.line, run)
            yield command


class _Terminal:
    def __init__(self, terminal: Terminal, watched: Watched, run: Run) -> None:
        self._terminal, self._watched, self._run = terminal, watched, run

    def send(self, *parts: Secret | str) -> None:
        """What is typed into a prompt is no line that everybody can read; its plain parts are."""
        self._watched.begins("".join(part for part in parts if isinstance(part, str)), self._run)
        self._terminal.send(*parts)

    def receive(self, seconds: float) -> bytes | None:
        return self._terminal.receive(seconds)


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
