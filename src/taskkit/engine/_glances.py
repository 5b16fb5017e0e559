"""Documents that are looked up in one go, as each question of a store that lies elsewhere takes its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from taskkit.storage import Document

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

#: How long what was read for many at once is taken for what is.
_FRESH_SECONDS = 1.0
#: A document, by table and id.
Read = Callable[[str, str], Document | None]
#: By table, those of these ids, or all of them.
Wanted = Mapping[str, Sequence[str] | None]


class Glance:
    """What was wanted, as long as it is fresh; all else is read when it is asked for."""

    def __init__(self, ground: Ground, wanted: Wanted) -> None:
        self._storage, self._monotonic = ground.storage, ground.clock.monotonic
        found = ground.storage.together(wanted) if wanted else {}
        self._whole = frozenset(table for table, ids in wanted.items() if ids is None)
        self._tables: dict[str, Mapping[str, Document | None]] = {
            table: found.get(table, {}) if ids is None else {**dict.fromkeys(ids), **found.get(table, {})} for table, ids in wanted.items()
        }
        self._until = self._monotonic() + _FRESH_SECONDS

    def one(self, table: str, id: str) -> Document | None:
        known = self._tables.get(table)
        if known is None or id not in known or self._monotonic() >= self._until:
            return self._storage.document(table, id)
        return known[id]

    def all(self, table: str) -> Iterable[Document]:
        if table not in self._whole or self._monotonic() >= self._until:
            return self._storage.documents(table)
        return [kept for kept in self._tables[table].values() if kept is not None]
