"""Executors around another one: whatever they do not do themselves is done by it, in its own way."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from taskkit.outcomes import Done, NotDone, Unknown
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Host, Login, Probe, SecretChange
from taskkit.records import Record


class Wrapping(Executor):
    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.name, self.verbs = executor.name, executor.verbs  # type: ignore[misc]
        self.effect, self.settings = executor.effect, executor.settings  # type: ignore[misc]

    def connect(self, host: Host, login: Login, run: Run) -> AbstractContextManager[Any]:
        return self.executor.connect(host, login, run)

    def probe(self, host: Host, login: Login, run: Run) -> Probe:
        return self.executor.probe(host, login, run)

    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Done | NotDone | Unknown:
        return self.executor.change(host, login, change, run)

    def way(self, record: Record, run: Run) -> Iterable[Record]:
        return self.executor.way(record, run)
