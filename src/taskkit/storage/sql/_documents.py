"""The documents of a database, by place and id."""

from __future__ import annotations

import json
from collections.abc import Sequence

from taskkit.storage import Document
from taskkit.storage.sql._lines import Line, Row

_DOCUMENT = "SELECT id, revision, body, family FROM taskkit_documents WHERE place = ?"


def one(line: Line, place: str, id: str) -> Document | None:
    return next(map(_document, line.rows(f"{_DOCUMENT} AND id = ?", place, id)), None)


def several(line: Line, place: str, ids: Sequence[str]) -> list[Document]:
    sql = "SELECT id, revision, body, family FROM taskkit_documents WHERE id IN {these} AND place = ?"
    return [_document(row) for row in line.among(sql, ids, place)]


def page(line: Line, place: str, family: str | None, after: str, limit: int) -> list[Document]:
    which, values = ("", ()) if family is None else (" AND family = ?", (family,))
    return [_document(row) for row in line.rows(f"{_DOCUMENT}{which} AND id > ? ORDER BY id LIMIT ?", place, *values, after, limit)]


def _document(row: Row) -> Document:
    id, revision, body, family = row
    return Document(id, revision, json.loads(body), family)
