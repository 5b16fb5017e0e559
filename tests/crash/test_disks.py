"""A disk that is full, a file or folder that may only be read: a clear error at once, nothing half done, and then it goes on."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from taskkit.engine import Engine
from taskkit.errors import StorageAway
from taskkit.events.happenings import Approved, CheckedIn
from taskkit.storage import Keep
from taskkit.storage.sqlite import SqliteStorage
from tests.crash.audits import Audit, integrity, sane, settle
from tests.crash.fleets import fleet, wait_for
from tests.crash.ledger import Ledger
from tests.crash.scripts import found
from tests.engine.houses import kept

_MEGABYTE, _PAGE = 1 << 20, 4096
_AT_ONCE = 2.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, as only root can have it; SQLite's log has room there, however fast the workers are."""
    if os.geteuid():
        pytest.skip("a disk of its own for a test is mounted by root only")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=24m", "taskkit-test", str(place)], check=True, timeout=20)
    try:
        yield place
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(place)], check=True, timeout=20)


def fill(disk: Path, *, but: int = 0) -> Path:
    """All that is free, but for so many bytes; others may take some of it meanwhile."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while (free := os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - but) >= _PAGE:
            file.write(b"\0" * min(free, _MEGABYTE))
    return ballast


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """A folder into which nobody writes, root neither."""
    if os.geteuid():
        files = [place, *place.iterdir()]
        for file in files:
            file.chmod(0o500 if file.is_dir() else 0o400)
        yield
        for file in files:
            file.chmod(0o700 if file.is_dir() else 0o600)
        return
    remount(place, "ro")
    yield
    remount(place, "rw")


def remount(place: Path, how: str) -> None:
    subprocess.run(["/bin/mount", "-o", f"remount,{how}", str(place)], check=True, timeout=20)


@pytest.mark.parametrize("room", [0, 20_000, 60_000])
def test_j14_a_full_disk_is_a_clear_error_that_leaves_nothing_half_done(disk: Path, room: int, tmp_path: Path) -> None:
    url = f"sqlite:{disk / 'store.db'}"
    with fleet(url, tmp_path) as ships, sane(url, ships.ledger) as engine:
        found(engine)
        engine.drain()
        ballast = fill(disk, but=room)
        number, before = told_until_it_is_full(engine, ships.ledger)
        assert kept(engine.storage) == before
        with pytest.raises(StorageAway, match="make room on the disk"):
            engine.emit(Approved("r0", id=f"full-{number}"))
        assert kept(engine.storage) == before
        ballast.unlink()
        assert engine.emit(Approved("r0", id=f"full-{number}"))
        engine.drain()
        settle(url, ships.ledger)
        Audit(url, ships.ledger, away=True).check()


def told_until_it_is_full(engine: Engine, ledger: Ledger) -> tuple[int, object]:
    """The number that did not get in, and all that was there before it."""
    number = 0
    while True:
        before = kept(engine.storage)
        ledger.note("telling", kind="approved", record="r0", id=f"full-{number}")
        try:
            engine.emit(Approved("r0", id=f"full-{number}"))
        except StorageAway:
            return number, before
        number += 1
        assert number < 2000


def test_j14_workers_on_a_full_disk_wait_and_go_on_when_there_is_room(disk: Path, tmp_path: Path) -> None:
    url = f"sqlite:{disk / 'store.db'}"
    with fleet(url, tmp_path) as ships:
        with sane(url, ships.ledger) as engine:
            found(engine)
        for number in range(2):
            ships.start(alone=number == 1)
        ships.wait_until_all_go_on()
        for room in (40_000, 0):
            mark = ships.ledger.mark()
            ballast = fill(disk, but=room)
            wait_for(partial(was_away, ships.ledger, mark), "the disk is full")
            time.sleep(0.5)
            ballast.unlink()
            ships.wait_until_all_go_on()
        ships.end_all()
        settle(url, ships.ledger)
        Audit(url, ships.ledger, away=True).check()


def was_away(ledger: Ledger, mark: int) -> bool:
    return "StorageAway" in {line["error"] for line in ledger.lines("refused", after=mark)}


def test_a_store_that_may_only_be_read_is_told_at_once(disk: Path, tmp_path: Path) -> None:
    url = f"sqlite:{disk / 'store.db'}"
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        with sane(url, ledger) as engine:
            found(engine)
            before = kept(engine.storage)
        with read_only(disk):
            began = time.monotonic()
            for name in ("store.db", "new.db"):
                with pytest.raises(StorageAway, match="allowed to write"), SqliteStorage(disk / name) as storage:
                    storage.write([(Keep("colour", "red", 0, {}),)])
            assert time.monotonic() - began < _AT_ONCE
        assert not integrity(url)
        with sane(url, ledger) as engine:
            assert kept(engine.storage) == before
            assert engine.emit(CheckedIn("r0"))


def test_a_folder_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(StorageAway, match="its folder has to be there"):
        SqliteStorage(tmp_path / "nowhere" / "store.db")
