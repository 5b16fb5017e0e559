"""Changes of plain dictionaries that can be taken back: what makes a unit of the memory store whole or nothing.

The log is one flat list: table, key, what stood there; or a list of keys, and of what stood there. A tuple for each change would be one
more object for the collector to look at, and the store writes a dozen of them for each job. Rooms that write much add to the log by
themselves, as `put` does: first the log, then the table, so that what is interrupted in between can still be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ABSENT: Any = object()


class Journal:
    """Remembers what stood before."""

    __slots__ = ("log",)

    def __init__(self) -> None:
        self.log: list[Any] = []

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self.log += (table, key, table.get(key, ABSENT))
        table[key] = value

    def drop(self, table: dict[Any, Any], key: Any) -> None:
        if key in table:
            self.log += (table, key, table[key])
            del table[key]

    def put_all(self, table: dict[Any, Any], keys: list[Any], values: Iterable[Any]) -> None:
        """As `put`, of so many keys, no two of which are the same."""
        self.log += (table, keys, [table.get(key, ABSENT) for key in keys])
        table.update(zip(keys, values, strict=False))

    def drop_all(self, table: dict[Any, Any], keys: list[Any]) -> None:
        """All of them are there."""
        self.log += (table, keys, [table[key] for key in keys])
        for key in keys:
            del table[key]

    def changed(self, *tables: dict[Any, Any]) -> list[dict[Any, Any]]:
        """For each of these tables the keys that were written, with what stood there at first."""
        found: dict[int, dict[Any, Any]] = {id(table): {} for table in tables}
        log = iter(self.log)
        for table, key, before in zip(log, log, log, strict=True):
            if (changed := found.get(id(table))) is not None and key not in changed:
                changed[key] = before
        return list(found.values())

    def take_back(self, mark: int = 0) -> None:
        """All that was logged since the mark, the last of it first."""
        log = self.log
        while len(log) > mark:
            table, key, before = log[-3:]
            for one, stood in zip(key, before, strict=True) if type(key) is list else ((key, before),):
                if stood is ABSENT:
                    table.pop(one, None)
                else:
                    table[one] = stood
            del log[-3:]
