"""The documents of a database, by place and id."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from taskkit.storage import Document
from taskkit.storage.sql._lines import Line, Question, Row

_DOCUMENT = "SELECT id, revision, body, family FROM taskkit_documents WHERE place = ?"
_SEVERAL = "SELECT id, revision, body, family FROM taskkit_documents WHERE id IN {these} AND place = ?"
_PAGE = 1000


def one(line: Line, place: str, id: str) -> Document | None:
    return next(map(_document, line.rows(f"{_DOCUMENT} AND id = ?", place, id)), None)


def several(line: Line, place: str, ids: Sequence[str]) -> list[Document]:
    return together(line, {place: ids})[place]


def together(line: Line, wanted: Mapping[str, Sequence[str] | None]) -> dict[str, list[Document]]:
    """By place, those of these ids, or its first page."""
    questions = [
        _page(place, None, "", _PAGE) if ids is None else Question(_SEVERAL, (place,), tuple(ids)) for place, ids in wanted.items()
    ]
    return {place: list(map(_document, rows)) for place, rows in zip(wanted, line.ask(questions), strict=True)}


def page(line: Line, place: str, family: str | None, after: str, limit: int) -> list[Document]:
    [rows] = line.ask([_page(place, family, after, limit)])
    return list(map(_document, rows))


def _page(place: str, family: str | None, after: str, limit: int) -> Question:
    which, values = ("", ()) if family is None else (" AND family = ?", (family,))
    return Question(f"{_DOCUMENT}{which} AND id > ? ORDER BY id LIMIT ?", (place, *values, after, limit))


def _document(row: Row) -> Document:
    id, revision, body, family = row
    return Document(id, revision, json.loads(body), family)
