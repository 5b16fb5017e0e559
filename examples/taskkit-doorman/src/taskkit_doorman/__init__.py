"""A plug-in for taskkit: the executor `doorman`. Its entry point stands in pyproject.toml; nothing else has to be said anywhere."""

from __future__ import annotations

from collections.abc import Iterable

from taskkit.plugins import Executor, hookimpl
from taskkit_doorman._executor import Doorman, DoormanSettings

taskkit_requires = ">=0.1,<0.2"


@hookimpl
def taskkit_executors() -> Iterable[Executor]:
    return [Doorman()]


__all__ = ["Doorman", "DoormanSettings", "taskkit_executors", "taskkit_requires"]
