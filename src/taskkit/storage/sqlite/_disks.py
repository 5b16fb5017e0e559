"""What was committed is brought to the disk behind the commit: meanwhile others write, and read what is there.

A commit is seen at once and lies in the log; with `synchronous=NORMAL`, SQLite leaves it to the operating system when that comes to the
disk. Whoever promises that it outlives the machine waits for that here, for all commits before it.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from taskkit.errors import StorageAway
from taskkit.storage.sqlite._files import behind_links

#: macOS and Windows have but the other one.
_force = getattr(os, "fdatasync", os.fsync)


class Disk:
    def __init__(self, path: Path) -> None:
        self._path, self._log = path, Path(f"{behind_links(path)}-wal")
        self._file: int | None = None
        self._process, self._is_closed = os.getpid(), False
        self._lock = threading.Lock()
        self._begun = self._brought = 0  # turns, and the last of them that has come to its end
        self._why: str | None = None  # what was not brought there once may be lost, and nobody can bring it there any more

    def force(self) -> None:
        """What was committed before this call lies on the disk. Who waits for another's turn mostly finds it done by the next one."""
        before = self._begun
        with self._lock:
            if self._brought <= before:
                self._bring()
            if self._why is not None:
                raise StorageAway(f"using the store {str(self._path)!r}", self._why, "look at the disk, and open the store again")

    def _bring(self) -> None:
        self._begun += 1
        try:
            if self._file is None:
                self._file = os.open(self._log, os.O_RDWR)
            _force(self._file)
            self._brought = self._begun
        except FileNotFoundError:  # where there is no log, a commit writes into the file, and waits for that
            self._brought = self._begun
        except OSError as error:
            self._why = f"its log could not be brought to the disk ({error.strerror})"
        finally:
            if self._is_closed:  # who wrote while another closed the store is answered all the same
                self._give_back()

    def close(self) -> None:
        """A child of the process leaves it to its parent, one of whose threads may have held the lock when it was forked."""
        if self._process == os.getpid():
            with self._lock:
                self._is_closed = True
                self._give_back()

    def _give_back(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
