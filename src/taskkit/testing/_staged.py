"""An executor on the stage of a play: the world may step in before and after each of its calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from taskkit.errors import HostRefused
from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown, class_of
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Host, Login, Probe, SecretChange
from taskkit.testing._wrappings import Wrapping

#: What the world does around a call of this name.
Called = Callable[[str, Callable[[], Any]], Any]


def on_stage(executor: Executor, called: Called) -> Executor:
    """One that has a stage of its own says itself where the world may step in: where it has made sure that the job is its own still."""
    if hasattr(executor, "stage"):
        executor.stage = called
        return executor
    return _OnStage(executor, called)


def quoted(answer: object) -> str:
    """What a host may be quoted with: nothing but its class of error."""
    error = getattr(answer, "error", answer)
    return error.value if isinstance(error, ErrorClass) else "unknown" if isinstance(answer, Unknown) else "done"


class _OnStage(Wrapping):
    """Any other executor."""

    def __init__(self, executor: Executor, called: Called) -> None:
        super().__init__(executor)
        self._called = called

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        with ExitStack() as ends:
            try:
                connection = self._called("log-in", lambda: ends.enter_context(self.executor.connect(host, login, run)))
            except ConnectionError as error:
                case = str(error)
            else:
                yield connection
                return
        raise HostRefused(f"connecting to {host.address!r}", case, "it is tried again", error=ErrorClass.UNREACHABLE)

    def probe(self, host: Host, login: Login, run: Run) -> Probe:
        try:
            found: Probe = self._called("log-in", lambda: self.executor.probe(host, login, run))
        except ConnectionError:
            return Probe(ErrorClass.UNREACHABLE, "the connection broke")
        except HostRefused as refused:
            return Probe(class_of(refused), str(refused))
        return found

    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Done | NotDone | Unknown:
        """A connection that breaks is for the border: nobody knows what became of it."""
        found: Done | NotDone | Unknown = self._called("change", lambda: self.executor.change(host, login, change, run))
        return found
