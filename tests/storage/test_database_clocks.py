"""The clock of a database (J4)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from taskkit.storage.sql._clocks import DatabaseClock
from taskkit.storage.sqlite import SqliteLine

THERE = 1_790_000_000_000_000


class Tells(SqliteLine):
    """A database that says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        self.asked.append(sql)
        return [(THERE,)]


def test_j04_it_is_read_at_once_also_on_a_machine_that_has_just_been_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    line, clock = Tells(), DatabaseClock("now")
    monkeypatch.setattr(time, "monotonic_ns", lambda: 3_000_000_000)
    clock.look(line)
    assert clock.now() == THERE


def test_j04_it_is_read_again_after_some_seconds_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    line, clock = Tells(), DatabaseClock("now")
    for second in (100, 105, 109, 111):
        monkeypatch.setattr(time, "monotonic_ns", lambda second=second: second * 1_000_000_000)
        clock.look(line)
    assert line.asked.count("now") == 2
