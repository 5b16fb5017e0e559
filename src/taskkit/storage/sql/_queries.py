"""Which jobs a query wants, and in what pages, in the words of SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taskkit.jobs import Kind
from taskkit.states import FINAL, State
from taskkit.storage import Order, Query, Slice
from taskkit.storage._pages import many, place_at
from taskkit.storage.sql._lines import Line, Row
from taskkit.storage.sql._rows import JOB, job_of

_SAME = ("record", "line", "task", "trigger", "execution", "why", "host", "account")
#: By which two numbers a page is ordered, both in one direction.
_ORDERS: dict[Order, tuple[str, str]] = {
    "newest": ("number", "DESC"), "due": ("due", "ASC"), "first_started": ("started", "ASC"), "last_started": ("started", "DESC"),
}  # fmt: skip
Where = tuple[str, tuple[Any, ...]]


def where(query: Query) -> Where:
    told: list[Where] = [("1 = 1", ())]
    if query.states is not None:
        told.append(_states(frozenset(State(state) for state in query.states)))
    if query.kinds is not None:
        told.append(_one_of("kind", [Kind(kind).value for kind in query.kinds]))
    told += [(f'"{name}" = ?', (value,)) for name in _SAME if (value := getattr(query, name)) is not None]
    if query.since is not None:
        told.append(("created >= ?", (query.since,)))
    if query.until is not None:
        told.append(_until(query))
    return " AND ".join(sql for sql, _ in told), tuple(value for _, values in told for value in values)


def _states(states: frozenset[State]) -> Where:
    """With the literal words by which a partial index is found."""
    if states == FINAL:
        return "over IS NOT NULL", ()
    sql, values = _one_of("state", sorted(state.value for state in states))
    if states and states <= FINAL:
        return f"over IS NOT NULL AND {sql}", values
    return (f"over IS NULL AND {sql}", values) if FINAL.isdisjoint(states) else (sql, values)


def _until(query: Query) -> Where:
    has_ended = query.states is not None and frozenset(map(State, query.states)) <= FINAL
    return ("over < ?" if has_ended else "coalesce(over, created) < ?"), (query.until,)


def _one_of(name: str, values: Sequence[str]) -> Where:
    return (f'"{name}" IN ({", ".join("?" * len(values))})', tuple(values)) if values else ("1 = 0", ())


def page(line: Line, query: Query, order: Order, after: str | None, limit: int) -> Slice:
    """What is added or ends meanwhile changes no other's place: a page goes on behind the last one's."""
    (column, way), limit = _ORDERS[order], many(limit)
    wanted, values = where(query)
    if after is not None:
        place = place_at(after)
        wanted, values = f'{wanted} AND ("{column}", number) {"<" if way == "DESC" else ">"} (?, ?)', (*values, *place)
    sql = f'SELECT {JOB}, "{column}", number FROM taskkit_jobs WHERE {wanted} AND "{column}" IS NOT NULL'  # noqa: S608  our own words
    rows = line.rows(f'{sql} ORDER BY "{column}" {way}, number {way} LIMIT ?', *values, limit + 1)
    more = len(rows) > limit > 0
    return Slice([job_of(row) for row in rows[:limit]], _place(rows[limit - 1]) if more else None)


def _place(row: Row) -> str:
    return f"{row[-2]}:{row[-1]}"
