"""Whether the secret of the vault still lets in, as a check finds it; and that it tells when it does not (drift)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from taskkit.errors import HostRefused, TriesSpared
from taskkit.events.happenings import Drifted
from taskkit.outcomes import ErrorClass, class_of
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Operation

OK = "ok"


class Entrance:
    """The log-in of one run. `result` says how it went, once anybody has tried."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.result: dict[str, Any] = {}

    def try_alone(self) -> None:
        """HostRefused where the secret does not let in, for whatever reason; TriesSpared where one more try may lock the account."""
        probe = self._run.probe()
        self._tell(probe.error)
        if probe.error is not None:
            raise HostRefused("trying the log-in", probe.text, error=probe.error)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._run.connect())
            except TriesSpared:
                raise
            except HostRefused as error:
                self._tell(class_of(error))
                raise
            self._tell(None)
            yield connection

    def heed(self, operation: Operation) -> None:
        """HostRefused where the machine does nothing until the secret is changed: some say so to the first command only."""
        if operation.error == ErrorClass.MUST_CHANGE:
            self._tell(ErrorClass.MUST_CHANGE)
            raise HostRefused("trying the log-in", operation.text, error=ErrorClass.MUST_CHANGE)

    def _tell(self, error: ErrorClass | None) -> None:
        self.result = {"login": error.value if error else OK}
        login = self._run.shadow or self._run.record
        if error is ErrorClass.WRONG_CREDENTIALS and login is not None:
            self._run.happened(Drifted(login.id, id=f"drift:{self._run.job.id}"))  # a rescue that finds it again tells the same
