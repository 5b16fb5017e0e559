"""The documents of the memory store, by table and id, and their groups."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Any

from taskkit.storage import Document
from taskkit.storage._journal import Journal
from taskkit.storage._keepable import must_be_whole
from taskkit.storage.units import Expect, Keep, Refusal

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Documents:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.tables: defaultdict[str, dict[str, Document]] = defaultdict(dict)
        self._groups: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)

    def load(self, table: str, documents: Iterable[Document]) -> None:
        kept = self.tables[table]
        for document in documents:
            kept[document.id] = document
            self._groups[table, document.group][document.id] = None

    def expect(self, change: Expect) -> Refusal | None:
        kept = self.get(change.table, change.id)
        return None if (0 if kept is None else kept.revision) == change.revision else Refusal.REVISION

    def keep(self, change: Keep) -> Refusal | None:
        table, journal, kept = self.tables[change.table], self._journal, self.get(change.table, change.id)
        if (0 if kept is None else kept.revision) != change.revision:
            return Refusal.REVISION
        if kept is not None and (change.body is None or kept.group != change.group):
            journal.drop(self._groups[change.table, kept.group], change.id)
        if change.body is None:
            journal.drop(table, change.id)
            return None
        journal.put(table, change.id, Document(change.id, change.revision + 1, _plain(change.body), change.group))
        journal.put(self._groups[change.table, change.group], change.id, None)
        return None

    def get(self, table: str, id: str) -> Document | None:
        found = self.tables.get(table)
        return found.get(id) if found else None

    def page(self, table: str, group: str | None, after: str, limit: int) -> Sequence[Document]:
        kept = self.tables.get(table, {})
        ids: Iterable[str] = kept if group is None else self._groups.get((table, group), ())
        later = [id for id in ids if id > after]
        return [kept[id] for id in (sorted(later) if len(later) <= limit else nsmallest(limit, later))]


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """As every other store keeps it: JSON, and nobody else's."""
    must_be_whole(told := _encode(dict(body)))
    plain: dict[str, Any] = json.loads(told)
    return plain
