"""A copy of a SQLite store while others write: of one moment, whole, or not there at all; and what holds after it was put back."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import InvalidValue, Refused, StorageAway
from taskkit.facts import START, Mark
from taskkit.keyrings import Keyring
from taskkit.sqlite_vault import SqliteVault
from taskkit.states import State, Step
from taskkit.storage import Insert, Move, Query
from taskkit.storage.integrity import check_store
from taskkit.storage.sql import _backups
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import HOUR, NOW, begun, claim, claimed, fired, job, kept, lands, refusal, told
from taskkit.testing.contracts.storage._makings import cause as cause_of
from tests.storage import schemas


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStorage]:
    with SqliteStorage(tmp_path / "store.db", relaxed=True) as store:
        yield store


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_backups, "_PAGES", 1)
    monkeypatch.setattr("taskkit.storage.sqlite._lines._BUSY_SECONDS", 5)  # who would have to wait is told of it soon


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_backup_is_a_store(store: SqliteStorage, tmp_path: Path) -> None:
    schemas.tell(store)
    store.back_up(tmp_path / "copy.db")
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    with SqliteStorage(tmp_path / "copy.db") as copy:
        assert copy.jobs(Query(), limit=100) == store.jobs(Query(), limit=100)
        assert copy.facts(START) == store.facts(START)
        assert not check_store(copy, now=0)


@pytest.mark.usefixtures("small_steps")
def test_it_is_of_one_moment_and_no_writer_waits_for_it(store: SqliteStorage, tmp_path: Path) -> None:
    """Each step of the copy waits until another handle has written: if one had to wait for the other, this would never end."""
    lands(store, *(Insert(job(f"j{number}", text="x" * 500)) for number in range(20)))
    seen: list[tuple[int, int]] = []

    with store.join() as other:

        def progress(done: int, pages: int) -> None:
            seen.append((done, pages))
            assert pages == seen[0][1], "it began anew, since somebody has written"
            lands(other, Insert(job(f"later{len(seen)}", text="x" * 9000)), told())

        store.back_up(tmp_path / "copy.db", progress)
    assert len(seen) > 10
    assert seen == [(number + 1, len(seen)) for number in range(len(seen))]
    with SqliteStorage(tmp_path / "copy.db") as copy:
        assert copy.count(Query()) == 20
        assert not check_store(copy, now=0)
    assert store.count(Query()) == 20 + len(seen)


def test_threads_that_write_go_on(store: SqliteStorage, tmp_path: Path) -> None:
    lands(store, *(Insert(job(f"j{number}", text="x" * 500)) for number in range(2000)))
    stop, written = threading.Event(), list[str]()

    def write() -> None:
        while not stop.is_set():
            lands(store, Insert(job(f"t{len(written)}")), told())
            written.append("")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            store.back_up(tmp_path / f"copy{number}.db")
    finally:
        stop.set()
        writer.join()
    counts = []
    for number in range(5):
        with SqliteStorage(tmp_path / f"copy{number}.db") as copy:
            counts.append(copy.count(Query()))
            assert not check_store(copy, now=0)
    assert counts == sorted(counts)
    assert 2000 <= counts[0] <= counts[-1] <= 2000 + len(written)


def test_the_copy_is_one_file_that_can_be_read_where_nothing_may_be_written(store: SqliteStorage, tmp_path: Path) -> None:
    store.back_up(tmp_path / "copy.db")
    assert {name for name in files(tmp_path) if "copy" in name} == {"copy.db"}
    assert (tmp_path / "copy.db").read_bytes()[18:20] == b"\x01\x01"  # SQLite's sign of a file that needs no log beside it


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_a_name_that_no_file_can_have_is_told_as_that(store: SqliteStorage, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValue, match=r"backing up the store .* no file can have this name"):
        store.back_up(tmp_path / name)


def test_a_file_that_is_there_is_left_as_it_is(store: SqliteStorage, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("what is kept")
    for name in ("copy.db", "store.db"):
        with pytest.raises(Refused, match="there is a file of this name"):
            store.back_up(tmp_path / name)
    assert (tmp_path / "copy.db").read_text() == "what is kept"


def test_a_file_that_comes_while_the_copy_is_made_is_left_as_it_is(store: SqliteStorage, tmp_path: Path) -> None:
    lands(store, *(Insert(job(f"j{number}")) for number in range(500)))
    path = tmp_path / "copy.db"

    def comes(done: int, pages: int) -> None:
        path.write_text("of somebody else")

    with pytest.raises(Refused, match="there is a file of this name"):
        store.back_up(path, comes)
    assert path.read_text() == "of somebody else"
    assert not any(name.endswith(".part") for name in files(tmp_path))


def test_a_file_system_without_links_gets_a_copy(store: SqliteStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def has_none(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "link", has_none)
    store.back_up(tmp_path / "copy.db")
    assert "copy.db" in files(tmp_path)
    assert not any(name.endswith(".part") for name in files(tmp_path))


@pytest.mark.parametrize("comes", [None, "another", "nothing"])
@pytest.mark.parametrize("opens", [SqliteStorage, partial(SqliteVault, keyring=Keyring.generate("one"))], ids=["store", "vault"])
def test_of_a_file_that_was_removed_or_replaced_there_is_no_copy(opens: Callable[[Path], Any], comes: str | None, tmp_path: Path) -> None:
    """Who has it open writes on in a file that nobody finds again: the copy would be one of nothing, or of another."""
    with opens(tmp_path / "a.db") as opened:
        for path in tmp_path.glob("a.db*"):
            path.unlink()
        if comes == "another":
            opens(tmp_path / "a.db").close()
        elif comes == "nothing":
            (tmp_path / "a.db").touch()
        before = files(tmp_path)
        with pytest.raises(Refused, match=r"its file is gone|another file has come in its place"):
            opened.back_up(tmp_path / "copy.db")
        assert files(tmp_path) == before


def test_of_a_file_that_was_emptied_there_is_no_copy(store: SqliteStorage, tmp_path: Path) -> None:
    os.truncate(tmp_path / "store.db", 0)
    with pytest.raises(Refused, match="it is no store of taskkit's"):
        store.back_up(tmp_path / "copy.db")
    assert "copy.db" not in files(tmp_path)


@pytest.mark.usefixtures("small_steps")
def test_what_breaks_off_leaves_nothing(store: SqliteStorage, tmp_path: Path) -> None:
    lands(store, *(Insert(job(f"j{number}", text="x" * 500)) for number in range(100)))
    before = files(tmp_path)

    def progress(done: int, pages: int) -> None:
        if done == 3:
            assert any(name.endswith(".part") for name in files(tmp_path))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.back_up(tmp_path / "copy.db", progress)
    assert files(tmp_path) == before


def test_a_folder_that_is_not_there_is_told(store: SqliteStorage, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="No such file or directory; its folder has to be there"):
        store.back_up(tmp_path / "nowhere" / "copy.db")


def test_a_copy_of_a_damaged_store_is_none(store: SqliteStorage, tmp_path: Path) -> None:
    schemas.tell(store)
    store.close()
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(page,)] = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'taskkit_facts'").fetchall()
    with (tmp_path / "store.db").open("r+b") as file:
        file.seek((page - 1) * 4096 + 8)
        file.write(os.urandom(64))
    before = files(tmp_path)
    with SqliteStorage(tmp_path / "store.db") as damaged, pytest.raises(StorageAway, match=r"damaged|malformed"):
        damaged.back_up(tmp_path / "copy.db")
    assert files(tmp_path) <= before


# what holds when it was put back: stop all, copy the file to its place, start them


def restored(folder: Path) -> SqliteStorage:
    shutil.copy(folder / "copy.db", folder / "again.db")
    return SqliteStorage(folder / "again.db", relaxed=True)


def test_after_a_restore_tokens_still_grow_and_no_old_worker_writes(store: SqliteStorage, tmp_path: Path) -> None:
    old = claimed(store, job("a"))
    lands(store, Move("a", Step.RELEASE, token=old.token, fields={"due": NOW}))
    store.back_up(tmp_path / "copy.db")
    [newer] = claim(store, NOW + HOUR)
    with restored(tmp_path) as again:
        [newest] = claim(again, NOW + 2 * HOUR)
        assert newest.job.token is not None
        assert newer.job.token is not None
        assert newest.job.token > newer.job.token
        assert refusal(again, Move("a", Step.START, token=newer.job.token)) == "token"


def test_what_was_done_after_the_backup_is_due_again(store: SqliteStorage, tmp_path: Path) -> None:
    lands(store, Insert(fired("a"), (cause_of("a", "told"),)))
    store.back_up(tmp_path / "copy.db")
    [one] = claim(store)
    lands(store, Move("a", Step.START, token=one.job.token, fields={"started": NOW}))
    lands(store, Move("a", Step.COMPLETE, token=one.job.token, fields={"ended": NOW}))
    lands(store, Insert(fired("b"), (cause_of("b", "told later"),)))
    with restored(tmp_path) as again:
        assert kept(again, "a").state is State.SCHEDULED
        assert refusal(again, Insert(job("c", record="r"), (cause_of("c", "told"),))) == "fire"
        lands(again, Move("a", Step.CANCEL, 1, fields={"ended": NOW}))
        lands(again, Insert(fired("b"), (cause_of("b", "told later"),)))  # as the vault tells it again


def test_what_ran_as_the_backup_was_taken_is_rescued(store: SqliteStorage, tmp_path: Path) -> None:
    begun(store, job("a"))
    store.back_up(tmp_path / "copy.db")
    with restored(tmp_path) as again:
        [one] = claim(again, NOW + HOUR)
        assert (one.job.state, one.job.rescues) == (State.RUNNING, 1)


def test_who_reads_facts_hears_all_new_ones_after_a_restore_and_a_noted_head_tells_of_it(store: SqliteStorage, tmp_path: Path) -> None:
    lands(store, told("Before"))
    store.back_up(tmp_path / "copy.db")
    lands(store, told("Lost"))
    seen: Mark = store.facts(START)[1]
    with restored(tmp_path) as again:
        lands(again, told("After"))
        assert [fact.kind for fact in again.facts(seen)[0]] == ["ChainBegan", "After"]
        assert again.check() == []
        assert [fault.case for fault in again.check(store.heads())] == ["the tail up to 3 is missing"]
