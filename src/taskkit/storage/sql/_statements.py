"""The statements that a table needs, in the words that databases share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from taskkit.storage.sql._tables import Table


def made(table: Table, types: Mapping[str, str], number: str, suffix: str = "") -> list[str]:
    """What makes the table and its indexes."""
    columns = [number] if table.counted else []
    columns += [f'"{name}" {types[type]}{" NOT NULL" if name in table.key else ""}' for name, type in table.columns.items()]
    unique = f"{'UNIQUE' if table.counted else 'PRIMARY KEY'} ({named(table.key)})"
    told = [f'CREATE TABLE "{table.name}" ({", ".join([*columns, unique])}){suffix if not table.counted else ""}']
    for index in table.indexes:
        where = f" WHERE {index.where}" if index.where else ""
        told.append(f'CREATE INDEX "{index.name}" ON "{table.name}" ({named(index.columns)}){where}')
    return told


def named(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def same(columns: Sequence[str], how: str = " AND ", value: str = "?") -> str:
    return how.join(f'"{name}" = {value}' for name in columns)
