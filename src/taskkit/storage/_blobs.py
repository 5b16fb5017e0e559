"""The blobs of the memory store: seen once a unit has named them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from taskkit.errors import NotFound
from taskkit.storage._journal import Journal
from taskkit.storage.units import Name, Refusal


class Blobs:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._pieces: dict[str, Sequence[bytes]] = {}
        self._writer: dict[str, str] = {}
        self.named: dict[str, str] = {}

    def load(self, blobs: Iterable[str]) -> None:
        self._pieces.update(dict.fromkeys(blobs, ()))

    def put(self, pieces: Sequence[bytes], job: str) -> str:
        id = os.urandom(12).hex()
        self._pieces[id], self._writer[id] = pieces, job
        return id

    def name(self, change: Name) -> Refusal | None:
        if change.blob not in self._pieces:
            return Refusal.ABSENT
        self._journal.put(self.named, change.blob, change.job)
        return None

    def pieces(self, id: str) -> Sequence[bytes]:
        if id not in self.named:
            raise NotFound(f"opening the blob {id!r}", "there is none that a unit has named", "it may have been purged with its job")
        return self._pieces[id]

    def sweep(self, writes: Callable[[str], bool]) -> int:
        """Those without a name go, unless their job may still give them one."""
        nameless = [id for id in self._pieces if id not in self.named and not writes(self._writer[id])]
        for id in nameless:
            del self._pieces[id], self._writer[id]
        return len(nameless)

    def forget(self, jobs: set[str]) -> None:
        """What they had named has no name any more, outside any unit."""
        self.named = {id: job for id, job in self.named.items() if job not in jobs}
