"""The store in one SQLite file, for one machine: several threads and several processes work on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from taskkit._paths import identity
from taskkit.storage.sql._backups import Source, back_up
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sql._tables import NUMBERS
from taskkit.storage.sqlite._disks import Disk
from taskkit.storage.sqlite._files import file_of
from taskkit.storage.sqlite._lines import SqliteLine


class SqliteStorage(SqlStorage):
    """`SqliteStorage(path)`, or by URL `sqlite:///path`. Without `makes`, the store has to be there, at the version that is known here."""

    taken = sqlite3.IntegrityError
    stops_with_its_workers = True

    def __init__(self, path: str | Path, *, relaxed: bool = False, makes: bool = True) -> None:
        self.path, self._makes = Path(path).absolute(), makes  # wherever this process goes
        self._disk = Disk(self.path)
        super().__init__(relaxed=relaxed)
        self._file = identity(self.path)

    @classmethod
    def at(cls, url: str, *, makes: bool = True) -> SqliteStorage:
        """`sqlite:///var/lib/vault.db`, or `sqlite:vault.db` in the folder of this process; `?durability=relaxed`."""
        path, told = file_of(url)
        return cls(path, relaxed=told.is_relaxed, makes=makes)

    def line(self) -> Line:
        return SqliteLine(self.path, makes=self._makes)

    def _force(self) -> None:
        self._disk.force()

    def close(self) -> None:
        super().close()
        self._disk.close()

    def join(self) -> SqliteStorage:
        """Another handle on the same file, as a second process has it."""
        return SqliteStorage(self.path, relaxed=self._relaxed, makes=self._makes)

    def back_up(self, path: str | Path, progress: Callable[[int, int], object] | None = None) -> None:
        """A copy of the store as it stands now, while others go on with it; `progress` hears how many pages are done, and of how many.

        The file is there once it is whole, was read again and lies on the disk. One that is there already is left as it is, and refused.
        """
        self._lines.must_be_ours()
        back_up(Source(self.path, "store", NUMBERS.name, self._file), Path(path), progress)
