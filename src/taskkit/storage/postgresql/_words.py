"""What PostgreSQL is told: one statement for many rows, each of their columns as an array, and what they share as one value."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from taskkit.storage.sql._statements import more_of, named, or_now
from taskkit.storage.sql._tables import BYTES, TEXT, WHOLE, Table

Names = tuple[str, ...]
#: Which columns say the same in all rows of a statement.
Shared = tuple[bool, ...]
_TYPES = {TEXT: "text", WHOLE: "bigint", BYTES: "bytea"}
_STATEMENTS = 500


@cache
def marked(sql: str) -> str:
    return sql.replace("IN {these}", "= ANY(%s)").replace("?", "%s")


def array(values: Sequence[Any]) -> str | list[bytes]:
    """As the database reads it: psycopg looks at each value several times, to learn of what type they are."""
    if isinstance(values[0], bytes):
        return list(values)
    return f"{{{','.join([_word(value) for value in values])}}}"


def alone(value: Any) -> Any:
    """A number as text, whatever its size: the statement says its type."""
    return str(value) if isinstance(value, int) else value


def _word(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    if not isinstance(value, str):
        return str(value)
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


def _rows(table: Table, columns: Names, shared: Shared) -> str:
    """Arrays are gone through side by side, and what is shared stands beside each of their values."""
    types = [_TYPES[table.columns[name]] for name in columns]
    values = [f"%s::{type}" if is_one else f"unnest(%s::{type}[])" for type, is_one in zip(types, shared, strict=True)]
    return "SELECT " + ", ".join(f'{value} AS "{name}"' for name, value in zip(columns, values, strict=True))


@lru_cache(_STATEMENTS)
def add(table: Table, columns: Names, shared: Shared) -> str:
    return f'INSERT INTO "{table.name}" ({named(columns)}) {_rows(table, columns, shared)}'


@lru_cache(_STATEMENTS)
def put(table: Table, columns: Names, shared: Shared) -> str:
    return or_now(add(table, columns, shared), columns, table.key)


@lru_cache(_STATEMENTS)
def change(table: Table, columns: Names, shared: Shared) -> str:
    now = ", ".join(f'"{name}" = now."{name}"' for name in columns if name not in table.key)
    which = " AND ".join(f'stood."{name}" = now."{name}"' for name in table.key)
    return f'UPDATE "{table.name}" AS stood SET {now} FROM ({_rows(table, columns, shared)}) AS now WHERE {which}'  # noqa: S608


@lru_cache(_STATEMENTS)
def change_all(table: Table, columns: Names, growing: str, counted: str) -> str:
    now = ", ".join(f'"{name}" = %s::{_TYPES[table.columns[name]]}' for name in columns) + more_of(growing)
    key = table.key[0]
    if not counted:
        return f'UPDATE "{table.name}" SET {now} WHERE "{key}" = ANY(%s)'  # noqa: S608
    these = "unnest(%s::text[]) WITH ORDINALITY AS one (key, place)"
    return f'UPDATE "{table.name}" SET {now}, "{counted}" = %s::bigint + one.place FROM {these} WHERE "{key}" = one.key'  # noqa: S608


@lru_cache(_STATEMENTS)
def drop(table: Table, columns: Names, shared: Shared) -> str:
    which = " AND ".join(f'stood."{name}" = gone."{name}"' for name in columns)
    return f'DELETE FROM "{table.name}" AS stood USING ({_rows(table, columns, shared)}) AS gone WHERE {which}'  # noqa: S608
