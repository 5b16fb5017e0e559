"""Changes of plain dictionaries that can be taken back: what makes a unit of the memory store whole or nothing."""

from __future__ import annotations

from typing import Any

_ABSENT: Any = object()


class Journal:
    """Remembers what stood before."""

    def __init__(self) -> None:
        self._before: list[tuple[dict[Any, Any], Any, Any]] = []

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self._before.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def drop(self, table: dict[Any, Any], key: Any) -> None:
        if key in table:
            self._before.append((table, key, table.pop(key)))

    def keep(self) -> None:
        self._before.clear()

    def take_back(self) -> None:
        while self._before:
            table, key, value = self._before.pop()
            if value is _ABSENT:
                del table[key]
            else:
                table[key] = value
