"""What SQLite is told: statements for many rows, in which what these share is said once."""

from __future__ import annotations

import sys
from functools import cache, lru_cache

from taskkit.storage.sql._statements import more_of, named, or_now, same
from taskkit.storage.sql._tables import BYTES, TEXT, WHOLE, Table

Names = tuple[str, ...]
#: Which columns have nothing in all rows, and are said to be NULL: for each None to bind, Python asks around who could adapt it.
Empty = tuple[bool, ...] | None
_STATEMENTS = 200
#: What SQLite says of a value in a column of each type.
_KEPT_AS = {TEXT: "text", WHOLE: "integer", BYTES: "blob"}
#: Until 3.12.4, Python 3.12 took a number for a name, and complained of each (python/cpython#117995).
MAY_NUMBER = not (3, 12) <= sys.version_info < (3, 12, 4)


@cache
def among(sql: str) -> str:
    return sql.format(these="(SELECT value FROM json_each(?))")


@cache
def among_few(sql: str, count: int) -> str:
    """A mark for each: to open a list of JSON takes longer than to look for some values of it."""
    return sql.format(these=f"({', '.join('?' * count)})")


@lru_cache(_STATEMENTS)
def add(table: Table, columns: Names, empty: Empty) -> str:
    return f'INSERT INTO "{table.name}" ({named(columns)}) VALUES ({", ".join(_marks(columns, empty))})'  # noqa: S608  our own words, as below


@lru_cache(_STATEMENTS)
def add_alike(table: Table, shared: Names, told: Names, many: int) -> str:
    """What is shared comes first."""
    rows = _numbered_rows if MAY_NUMBER else _joined_rows
    return f'INSERT INTO "{table.name}" ({named((*shared, *told))}) {rows(len(shared), len(told), many)}'


def _numbered_rows(shared: int, told: int, many: int) -> str:
    common = [f"?{place}" for place in range(1, shared + 1)]
    rows = [[*common, *(f"?{shared + 1 + row * told + place}" for place in range(told))] for row in range(many)]
    return "VALUES " + ", ".join(f"({', '.join(row)})" for row in rows)


def _joined_rows(shared: int, told: int, many: int) -> str:
    rows = ", ".join([f"({', '.join('?' * told)})"] * many)
    return f"SELECT * FROM (SELECT {', '.join('?' * shared)}) AS shared, (VALUES {rows}) AS told"  # noqa: S608


@lru_cache(_STATEMENTS)
def put(table: Table, columns: Names, empty: Empty) -> str:
    return or_now(add(table, columns, empty), columns, table.key)


@lru_cache(_STATEMENTS)
def change(table: Table, columns: Names, empty: Empty) -> str:
    """The key comes last."""
    told = [f'"{name}" = {mark}' for name, mark in zip(columns, _marks(columns, empty), strict=True)]
    return f'UPDATE "{table.name}" SET {", ".join(told[: -table.keys])} WHERE {" AND ".join(told[-table.keys :])}'  # noqa: S608


@lru_cache(_STATEMENTS)
def change_alike(table: Table, columns: Names, growing: str = "", few: int = 0) -> str:
    """All of them say the same: it is told once, and the keys as one list, or a few of them one by one."""
    [key] = table.key
    more = more_of(growing) if growing else ""
    sql = f'UPDATE "{table.name}" SET {same(columns, ", ")}{more} WHERE "{key}" IN {{these}}'  # noqa: S608
    return among_few(sql, few) if few else among(sql)


@lru_cache(_STATEMENTS)
def change_counted(table: Table, columns: Names, growing: str, counted: str) -> str:
    now = f'{same(columns, ", ")}{more_of(growing)}, "{counted}" = ? + one.key'
    return f'UPDATE "{table.name}" SET {now} FROM json_each(?) AS one WHERE "{table.name}"."{table.key[0]}" = one.value'  # noqa: S608


@lru_cache(_STATEMENTS)
def drop(table: Table, key: Names, empty: Empty) -> str:
    return f'DELETE FROM "{table.name}" WHERE {same(key)}'  # noqa: S608


@cache
def odd(table: Table) -> str:
    """The rows of which a column holds what it is not for, by their keys; the first such column with each."""
    taken = {name: f"'{_KEPT_AS[type]}'" + ("" if name in table.key else ", 'null'") for name, type in table.columns.items()}
    cases = " ".join(f"WHEN typeof(\"{name}\") NOT IN ({types}) THEN '{name}'" for name, types in taken.items())
    return f'SELECT {named(table.key)}, CASE {cases} END AS odd FROM "{table.name}" WHERE odd IS NOT NULL LIMIT ?'  # noqa: S608


def _marks(columns: Names, empty: Empty) -> list[str]:
    return ["NULL" if is_empty else "?" for is_empty in empty or (False,) * len(columns)]
