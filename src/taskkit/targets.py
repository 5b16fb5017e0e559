"""Whose task runs when a task is triggered (R2)."""

from __future__ import annotations

from enum import StrEnum


class Target(StrEnum):
    """For the last two, the task of the same script is sought at the other record and run with its own settings; one hop only."""

    ITSELF = "itself"
    REFERENCED = "referenced"
    SHADOW = "shadow"
