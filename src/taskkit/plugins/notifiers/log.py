"""Facts in the log of the program, each a line with its fields: hand this module to the engine, or a `Log` that wants others."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from taskkit.checks import names
from taskkit.facts import KINDS, Fact
from taskkit.plugins.kinds import Notifier
from taskkit.plugins.notifiers.inbox import DISTURBING
from taskkit.plugins.specs import hookimpl

LOGGER = "taskkit"
#: What only auditors read.
_OF_THE_CHAINS = frozenset({"ChainBegan", "KeyTaken", "Resealed"})


class Log(Notifier):
    """Warnings where somebody has to look, else infos. The record of each has the fact's fields, as `record.taskkit`."""

    name = "log"
    wants = KINDS - _OF_THE_CHAINS

    def __init__(self, wants: Iterable[str] | str = wants, *, logger: str = LOGGER) -> None:
        self.wants = names(wants)
        self._logger = logging.getLogger(logger)

    def notify(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            level = logging.WARNING if fact.kind in DISTURBING else logging.INFO
            if self._logger.isEnabledFor(level):
                self._logger.log(level, "%s", _line(fact), extra={"taskkit": fact.document()})


def _line(fact: Fact) -> str:
    """Its kind, and what it is about: on one line, whatever a host said."""
    about = {"record": fact.record, "task": fact.task, "job": fact.job, "by": fact.who}
    told = " ".join(f"{name}={value!r}" for name, value in (*about.items(), *fact.details.items()) if value is not None)
    return f"{fact.kind} {told}".rstrip()


@hookimpl
def taskkit_notifiers() -> Iterable[Notifier]:
    return (Log(),)
