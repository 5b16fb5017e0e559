"""The statements that a table needs, in the words that databases share, and the few words in which they differ."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from attrs import frozen

from taskkit.storage.sql._tables import BYTES, TEXT, WHOLE, Index, Table


@frozen
class Words:
    """How one database calls the types of columns, a number that grows, and a table that is its own index."""

    types: Mapping[str, str]
    number: str
    #: An element of a list that is kept as JSON, and where a text stands in another.
    element: str
    within: str
    suffix: str = ""


SQLITE = Words(
    {TEXT: "TEXT", WHOLE: "INTEGER", BYTES: "BLOB"}, '"number" INTEGER PRIMARY KEY',
    "json_extract({text}, '$[{place}]')", "instr({text}, {part})", " WITHOUT ROWID",
)  # fmt: skip
POSTGRESQL = Words(
    {TEXT: 'text COLLATE "C"', WHOLE: "bigint", BYTES: "bytea"}, '"number" bigint GENERATED ALWAYS AS IDENTITY',
    "({text}::json ->> {place})", "position({part} IN {text})",
)  # fmt: skip


def turn_of(schema: str) -> int:
    """The number of the lock by which those take turns that write to a schema of PostgreSQL."""
    return int.from_bytes(hashlib.sha256(f"taskkit {schema}".encode()).digest()[:8], "big", signed=True)


def made(table: Table, words: Words) -> list[str]:
    """What makes the table and its indexes."""
    columns = [words.number] if table.counted else []
    columns += [f"{column(name, type, words)}{' NOT NULL' if name in table.key else ''}" for name, type in table.columns.items()]
    unique = f"{'UNIQUE' if table.counted else 'PRIMARY KEY'} ({named(table.key)})"
    told = f'CREATE TABLE "{table.name}" ({", ".join([*columns, unique])}){words.suffix if not table.counted else ""}'
    return [told, *(indexed(table.name, index) for index in table.indexes)]


def column(name: str, type: str, words: Words) -> str:
    return f'"{name}" {words.types[type]}'


def indexed(table: str, index: Index) -> str:
    where = f" WHERE {index.where}" if index.where else ""
    return f'CREATE INDEX "{index.name}" ON "{table}" ({named(index.columns)}){where}'


def named(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def or_now(added: str, columns: Sequence[str], key: Sequence[str]) -> str:
    """What adds rows also changes those that are there."""
    now = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in key)
    return f"{added} ON CONFLICT ({named(key)}) DO UPDATE SET {now}"


def same(columns: Sequence[str], how: str = " AND ", value: str = "?") -> str:
    return how.join(f'"{name}" = {value}' for name in columns)


def more_of(column: str) -> str:
    return f', "{column}" = "{column}" + 1'
