"""Who is interrupted while it forces the disk has forced nothing: nobody else may take it as done (J14, C3)."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from taskkit.storage.sqlite import _disks
from tests.engine.test_threads import until
from tests.storage.test_sqlite_disk import Queue


def test_j14_who_waits_behind_one_that_was_interrupted_forces_the_disk_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal may come between two steps of it, and some file systems let it break off the step itself."""
    disk, queue, goes, forced = _disks.Disk(tmp_path / "db"), Queue(), threading.Event(), list[int]()
    (tmp_path / "db-wal").touch()
    disk._lock = queue  # type: ignore[assignment]

    def force(file: int) -> None:
        forced.append(file)
        if len(forced) == 1:
            assert goes.wait(20)
        if len(forced) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(_disks, "_force", force)
    ends = list[type[BaseException] | None]()

    def one() -> None:
        try:
            disk.force()
        except KeyboardInterrupt as error:
            ends.append(type(error))
        else:
            ends.append(None)

    threads = [threading.Thread(target=one) for _ in range(3)]
    threads[0].start()
    until(lambda: len(forced) == 1)
    for thread in threads[1:]:
        thread.start()
    until(lambda: len(queue.come) == 3)  # both have committed after the first one began
    goes.set()
    for thread in threads:
        thread.join(20)
    disk.close()
    assert sorted(ends, key=str) == [KeyboardInterrupt, None, None] or ends == [None, KeyboardInterrupt, None]
    assert len(forced) == 3, "the last one was told that the disk has it, and nobody has forced it"
