"""What a SQLite store promises of the disk: played with a drive that forgets what nobody has forced (J14, A6)."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskkit.errors import StorageAway
from taskkit.facts import START
from taskkit.instants import HOUR
from taskkit.jobs import Job
from taskkit.states import Step
from taskkit.storage import Expect, Hold, Insert, Keep, Move, Unit
from taskkit.storage._alike import Start, Starts
from taskkit.storage.sqlite import SqliteStorage, _disks
from taskkit.testing.contracts.storage._makings import NOW, claim, job, lands, told
from tests.engine.test_threads import until


class Drive:
    """Beside the file lies what would be left of it if the power failed now."""

    def __init__(self, path: Path) -> None:
        self.path, self._left, self.forced = path, path.with_name("left"), 0
        self.fails: OSError | None = None
        #: While it is not set, what is forced takes its time; `is_asked` tells that somebody has begun.
        self.turns, self.is_asked = threading.Event(), threading.Event()
        self.turns.set()

    def force(self, _: int) -> None:
        self.is_asked.set()
        assert self.turns.wait(20)
        if self.fails is not None:
            raise self.fails
        self.forced += 1
        for end in ("", "-wal"):
            shutil.copy(f"{self.path}{end}", f"{self._left}{end}")

    def stand_still(self) -> None:
        self.is_asked.clear()
        self.turns.clear()

    def after_a_power_failure(self) -> SqliteStorage:
        return SqliteStorage(self._left)


class Queue:
    """A lock that knows how many have come for it."""

    def __init__(self) -> None:
        self.come, self._lock = list[int](), threading.Lock()

    def __enter__(self) -> None:
        self.come.append(threading.get_ident())
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drive:
    made = Drive(tmp_path / "db")
    monkeypatch.setattr(_disks, "_force", made.force)
    return made


@pytest.fixture
def store(drive: Drive) -> Iterator[SqliteStorage]:
    with SqliteStorage(drive.path) as opened:
        yield opened


def test_j14_what_was_written_outlives_the_machine_once_that_is_answered(store: SqliteStorage, drive: Drive) -> None:
    for name in "abc":
        lands(store, Insert(job(name)), told())
        with drive.after_a_power_failure() as left:
            assert left.job(name) == store.job(name)
            assert left.heads() == store.heads()
            assert left.check(store.heads()) == []


def test_j14_what_the_product_left_and_blobs_outlive_it_too(store: SqliteStorage, drive: Drive) -> None:
    lands(store, Insert(job("a")))
    claim(store, NOW)
    before = drive.forced
    blob = store.put_blob([b"one", b"two"], job="a")
    assert drive.forced > before
    with drive.after_a_power_failure() as left:
        assert left._ask(lambda line: line.rows("SELECT id FROM taskkit_blobs")) == [(blob,)]
    before = drive.forced
    store.take_away(["gone"])
    assert drive.forced == before + 1


def test_j14_claims_and_heartbeats_wait_for_no_disk(store: SqliteStorage, drive: Drive) -> None:
    lands(store, Insert(job("a")))
    before = drive.forced
    [one] = claim(store, NOW)
    store.write([(Move("a", Step.BEAT, token=one.job.token, fields={"lease": NOW + HOUR}),)], durable=False)
    assert drive.forced == before


def starting(one: Job, *, as_others: bool = False) -> Unit:
    """It starts, and its next occurrence is there."""
    following = job("next", due=NOW + HOUR)
    if as_others:
        return Start(Starts(Expect("tasks", "t", 1), {"started": NOW}, NOW, {}, following), one, "account:a", "next")
    hold = Hold(one.id, NOW, ("account:a",))
    return Move(one.id, Step.START, token=one.token, fields={"started": NOW}), hold, told("JobStarted"), Insert(following)


@pytest.mark.parametrize("as_others", [True, False])
def test_j14_a_start_that_may_be_said_again_waits_for_no_disk_and_is_lost_as_a_whole(
    store: SqliteStorage, drive: Drive, as_others: bool
) -> None:
    lands(store, Keep("tasks", "t", 0, {}), Insert(job("a")))
    [one] = claim(store, NOW)
    before = drive.forced
    assert all(store.write([starting(one.job, as_others=as_others)], durable=False))
    assert drive.forced == before
    with drive.after_a_power_failure() as left:
        assert (left.job("next"), left.holders("account:a"), left.heads()) == (None, [], [])
        [again] = claim(left, NOW)
        assert again.job.started is None, "it is said again, at once"
    assert all(store.write([(Move("a", Step.COMPLETE, token=one.job.token), told("JobCompleted"))], durable=False))
    with drive.after_a_power_failure() as left:
        assert [left.job(name) for name in ("a", "next")] == [store.job(name) for name in ("a", "next")] != [None, None]
        assert left.check(store.heads()) == []


@pytest.mark.parametrize("insists", [True, False])
def test_j14_a_start_waits_for_the_disk_where_it_says_so_or_comes_with_an_end(store: SqliteStorage, drive: Drive, insists: bool) -> None:
    lands(store, Insert(job("a")))
    lands(store, Insert(job("b")))
    one, other = (found.job for found in claim(store, NOW))
    ends = (Move("b", Step.CANCEL, token=other.token), told("JobCanceled"))
    before = drive.forced
    assert all(store.write([starting(one)] if insists else [starting(one), ends], durable=insists))
    assert drive.forced == before + 1
    with drive.after_a_power_failure() as left:
        assert [left.job(name) for name in ("a", "b", "next")] == [store.job(name) for name in ("a", "b", "next")]


def test_a6_no_fact_is_told_on_that_a_power_failure_could_take_back(store: SqliteStorage, drive: Drive) -> None:
    """Another process has written it, and waits for the disk still."""
    lands(store, told())
    drive.stand_still()
    writer = threading.Thread(target=lambda: store.write([(told("Rained"),)]))
    writer.start()
    assert drive.is_asked.wait(20)
    with store.join() as other:
        assert len(other._ask(lambda line: line.rows("SELECT 1 FROM taskkit_facts"))) == 3
        drive.turns.set()
        before = drive.forced
        seen = other.facts(START)[0], other.heads(), other.story(NOW, line=None, record=None)
        assert drive.forced >= before + 3
    writer.join(20)
    with drive.after_a_power_failure() as left:
        assert (left.facts(START)[0], left.heads(), left.story(NOW, line=None, record=None)) == seen


def test_j14_of_a_relaxed_store_facts_are_told_as_they_are(drive: Drive) -> None:
    with SqliteStorage(drive.path, relaxed=True) as store:
        lands(store, told())
        before = drive.forced
        store.write([(told("Rained"),)], durable=False)
        assert len(store.facts(START)[0]) == 3
        assert drive.forced == before


def test_j14_others_write_while_one_waits_for_the_disk_and_share_the_next_turn(store: SqliteStorage, drive: Drive) -> None:
    lands(store, told())
    before, answered, queue = drive.forced, list[str](), Queue()
    store._disk._lock = queue  # type: ignore[assignment]
    drive.stand_still()

    def write(name: str) -> None:
        store.write([(Insert(job(name)),)])
        answered.append(name)

    first, *others = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    first.start()
    assert drive.is_asked.wait(20)
    for one in others:
        one.start()
    until(lambda: len(queue.come) == 4)
    with store.join() as other:
        assert all(other.job(name) for name in "abcd"), "all have landed, and are seen by everybody"
    assert answered == []
    drive.turns.set()
    for one in (first, *others):
        one.join(20)
    assert sorted(answered) == list("abcd")
    assert drive.forced == before + 2
    with drive.after_a_power_failure() as left:
        assert all(left.job(name) for name in "abcd")


def test_who_could_not_force_the_disk_says_so_until_the_store_is_opened_again(store: SqliteStorage, drive: Drive) -> None:
    """What was not brought there once, an operating system takes for written, and does not try again."""
    lands(store, told())
    drive.fails = OSError(errno.EIO, "Input/output error")
    with pytest.raises(StorageAway, match=r"its log could not be brought to the disk \(Input/output error\).*open the store again"):
        store.write([(told("Rained"),)])
    drive.fails = None
    with pytest.raises(StorageAway, match="could not be brought to the disk"):
        store.write([(told("Painted"),)])
    with SqliteStorage(drive.path) as again:
        lands(again, told())
        assert again.check() == []


def test_j14_where_a_file_system_takes_no_log_the_commit_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteStorage(tmp_path / "db").close()
    with SqliteStorage(tmp_path / "db") as store:
        line = store.line()
        with line.writing(durable=True):  # the log is forced by whoever waits, and by SQLite before it empties it
            assert line.rows("PRAGMA synchronous") == [(1,)]
        line.close()
        line = store.line()
    db = line._db  # type: ignore[attr-defined]
    assert db.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    with line.writing(durable=True):
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    line.close()
    _disks.Disk(tmp_path / "db").force()


def test_what_a_store_has_open_is_given_back_also_where_somebody_still_waits_for_the_disk(tmp_path: Path) -> None:
    store = SqliteStorage(tmp_path / "db")
    lands(store, told())
    opened = store._disk._file
    assert opened is not None
    store.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened)
    store._disk.force()
    assert store._disk._file is None


_CHILD = """
import os, signal, sys
from taskkit.storage.sqlite import SqliteStorage

store = SqliteStorage(sys.argv[1])
with store._disk._lock:  # somebody waits for the disk just now, and the child has no such thread that would come back
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        store.close()
        os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), store.heads())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork there")
def test_a_child_that_closes_what_it_was_forked_with_waits_for_nobody(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _CHILD, tmp_path / "db"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("7 []\n", "")
