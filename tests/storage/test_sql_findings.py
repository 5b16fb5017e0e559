"""What a strict reader of the stores in databases found: ways in which who writes, claims or reads was told what is not so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from taskkit.errors import StorageAway
from taskkit.facts import START
from taskkit.instants import DAY, MINUTE, Instant
from taskkit.jobs import Kind
from taskkit.states import FINAL, State, Step
from taskkit.storage import Hold, Insert, Join, Landed, Move, Name, Query, Refusal, Unit, Wait
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.postgresql._lines import _FORCED
from taskkit.storage.sql import _purges, _scribe
from taskkit.storage.sql._lines import Line, LineLost
from taskkit.storage.sql._rows import job_row
from taskkit.storage.sql._scribe import Scribe
from taskkit.storage.sql._tables import HOLDS, INBOX, JOBS
from taskkit.storage.sqlite import SqliteStorage, _words
from taskkit.storage.sqlite._lines import SqliteLine
from taskkit.testing.contracts.storage._makings import HOUR, NOW, begun, cause, claim, ended, fired, job, kept, lands, refusal, told
from tests.servers.postgresql import Postgres


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStorage]:
    with SqliteStorage(tmp_path / "db", relaxed=True) as opened:
        yield opened


# what a decision reads, and was not loaded


def test_r4_who_waits_for_a_slot_that_is_taken_bars_nobody_who_fits(store: SqliteStorage) -> None:
    lands(store, *(Insert(job(id)) for id in ("holds", "first", "late")), Hold("holds", NOW, slots=(("host:h", 1),)))
    lands(store, Wait(Hold("first", NOW, ("account:a",), slots=(("host:h", 1),))))
    lands(store, Wait(Hold("late", NOW + 1, ("account:a", "account:b"))))
    assert [one.id for one in store.fitting(["account:b"])] == ["late"]


def test_j5_a_job_that_is_made_twice_in_one_write_stands_for_no_fire_that_was_kept(store: SqliteStorage) -> None:
    lands(store, Insert(job("old", record="r", fire="f")))
    answers = store.write([(Insert(job("new", record="r", fire="f")),), (Insert(job("new", record="s", fire="f")),)])
    assert [one.refusal for one in answers] == [Refusal.FIRE, None]


def test_j5_a_refused_second_making_of_a_job_hides_no_fire_from_what_joins_it(store: SqliteStorage) -> None:
    lands(store, Insert(job("old", record="r", fire="f")), Insert(job("other", record="r")))
    answers = store.write([(Insert(job("other", record="s")),), (Join(cause("other", "f")),)])
    assert [one.refusal for one in answers] == [Refusal.REVISION, Refusal.FIRE]


def test_j5_a_moved_job_leaves_no_fire_behind_though_it_was_made_twice(store: SqliteStorage) -> None:
    lands(store, Insert(job("one", record="r"), (cause("one", "f"),)))
    moved = Move("one", Step.REPLAN, 1, fields={"record": "s"})
    assert [one.refusal for one in store.write([(Insert(job("one", record="t")),), (moved,)])] == [Refusal.REVISION, None]
    assert refusal(store, Insert(job("new", record="r", fire="f"))) is None


def test_r4_a_slot_that_is_named_twice_counts_by_the_lower_limit(store: SqliteStorage) -> None:
    lands(store, Insert(job("a")), Insert(job("b")), Hold("a", NOW, slots=(("host:h", 2),)))
    lands(store, Wait(Hold("b", NOW, slots=(("host:h", 1), ("host:h", 2)))))
    assert not store.fitting(["host:h"])


# a commit of which nobody knows


@contextmanager
def breaking_once(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Iterator[None]:
    """What is written next lands, and then something breaks."""
    whole, left = SqliteLine.writing, [error]

    @contextmanager
    def broken(line: SqliteLine, *, durable: bool) -> Iterator[None]:
        with whole(line, durable=durable):
            yield
        if left:
            raise left.pop()

    with monkeypatch.context() as patch:
        patch.setattr(SqliteLine, "writing", broken)
        yield


@pytest.mark.parametrize("error", [LineLost("gone", at_commit=True), KeyboardInterrupt()], ids=["lost", "interrupted"])
def test_a6_the_chain_goes_on_after_a_commit_that_landed_unheard(
    store: SqliteStorage, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    lands(store, told())
    with breaking_once(monkeypatch, error), pytest.raises((StorageAway, KeyboardInterrupt)):
        store.write([(told("Rained"),)])
    lands(store, told("Painted"))
    assert [fact.kind for fact in store.facts(START)[0]] == ["ChainBegan", "Painted", "Rained", "Painted"]
    assert not store.check(store.heads())


class Crowd:
    """Several threads that write at one time, in one group."""

    def __init__(self, scribe: Scribe, write: Callable[[int], Sequence[Landed]], count: int) -> None:
        self._scribe, self._write = scribe, write
        self.answers: dict[int, Sequence[Landed]] = {}
        self.errors: dict[int, BaseException] = {}
        self.threads = [threading.Thread(target=self._try, args=(number,), daemon=True) for number in range(count)]

    def _try(self, number: int) -> None:
        try:
            self.answers[number] = self._write(number)
        except BaseException as error:
            self.errors[number] = error

    def gather(self) -> None:
        """All wait for the pen, which whoever calls this holds."""
        for thread in self.threads:
            thread.start()
        while len(self._scribe._waiting) < len(self.threads):
            time.sleep(0.001)

    def end(self) -> None:
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


def test_j2_a_group_whose_commit_broke_is_not_written_twice(store: SqliteStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows whether it has landed: that is what its writers are told, and no 'refused' where it did."""
    crowd = Crowd(store._scribe, lambda number: store.write([(Insert(job(f"j{number}")), told())]), 3)
    with breaking_once(monkeypatch, LineLost("gone", at_commit=True)):
        with store._scribe.pen:
            crowd.gather()
        crowd.end()
    assert not [answer for answers in crowd.answers.values() for answer in answers if not answer]
    assert [type(error) for error in crowd.errors.values()] == [StorageAway] * 3
    assert len(store.facts(START)[0]) == 4


def test_j14_a_store_that_is_away_is_asked_once_for_a_group() -> None:
    """Each try may take the seconds of a connect, and all beats wait behind it."""
    tries: list[int] = []

    def away(units: Sequence[Unit], durable: bool) -> Sequence[Landed]:
        tries.append(len(units))
        raise StorageAway("writing", "it is away", "wait")

    scribe = Scribe(away)
    crowd = Crowd(scribe, lambda number: scribe.write([(told(),)], durable=True), 5)
    with scribe.pen:
        crowd.gather()
    crowd.end()
    assert len(crowd.errors) == 5
    assert tries == [5]


def test_j14_who_is_interrupted_while_writing_for_others_hears_it_and_they_do_not() -> None:
    interrupted = [KeyboardInterrupt()]

    def write(units: Sequence[Unit], durable: bool) -> Sequence[Landed]:
        if interrupted:
            raise interrupted.pop()
        return [Landed() for _ in units]

    scribe = Scribe(write)
    crowd = Crowd(scribe, lambda number: scribe.write([(told(),)], durable=True), 2)
    with scribe.pen:
        crowd.gather()
        with pytest.raises(KeyboardInterrupt):
            scribe.write([(told(),)], durable=True)
    crowd.end()
    assert all(isinstance(error, StorageAway) for error in crowd.errors.values())


def test_j14_nobody_waits_for_ever_for_one_who_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between taking what others want written, and writing it."""
    scribe = Scribe(lambda units, _: [Landed() for _ in units])
    crowd = Crowd(scribe, lambda number: scribe.write([(told(),)], durable=True), 2)
    taken = Scribe._taken

    def interrupted(asked: Scribe) -> object:
        monkeypatch.undo()
        taken(asked)
        raise KeyboardInterrupt

    with scribe.pen:
        crowd.gather()
        sheets = list(scribe._waiting)
        monkeypatch.setattr(Scribe, "_taken", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scribe.write([(told(),)], durable=True)
    for thread in crowd.threads:
        thread.join(2)
    waits_for_ever = [thread for thread in crowd.threads if thread.is_alive()]
    for sheet in sheets:  # lets them go
        sheet.error = sheet.error or TimeoutError()
    crowd.end()
    assert not waits_for_ever


class Hours:
    """The scribe's clock: each sheet comes a moment after the last, and whoever waits for others lets them come."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, apart: float, others: Callable[[], object] = lambda: None) -> None:
        self.now, self.waits, self._apart, self._others = 0.0, 0, apart, others
        monkeypatch.setattr(_scribe, "time", self)

    def monotonic(self) -> float:
        self.now += self._apart
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits += 1
        self.now += seconds
        self._others()


def _written(groups: list[int]) -> Scribe:
    def write(units: Sequence[Unit], durable: bool) -> Sequence[Landed]:
        groups.append(len(units))
        return [Landed() for _ in units]

    return Scribe(write)


def _in_turn(scribe: Scribe, threads: int, count: int) -> None:
    """Each in a thread of its own, that lives on, as the number of one that has ended is given again; what is left by this one."""
    over, turn = threading.Event(), threading.Semaphore(0)

    def writes() -> None:
        scribe.write([(told(),)], durable=True)
        turn.release()
        over.wait(20)

    crowd = [threading.Thread(target=writes, daemon=True) for _ in range(threads)]
    for thread in crowd:
        thread.start()
        assert turn.acquire(timeout=20)
    over.set()
    for thread in crowd:
        thread.join(20)
    for _ in range(count - threads):
        scribe.write([(told(),)], durable=True)


def test_j14_where_many_threads_write_one_waits_a_moment_and_writes_for_those_who_come(monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    scribe = _written(groups)
    crowd = Crowd(scribe, lambda number: scribe.write([(told(),)], durable=True), 3)
    hours = Hours(monkeypatch, 0.001, lambda: None if len(groups) > 4 else crowd.gather())
    _in_turn(scribe, 5, 5)
    crowd.end()
    assert (groups, hours.waits) == ([1, 1, 1, 1, 4], 1)


@pytest.mark.parametrize(("threads", "apart"), [(1, 0.0), (3, 0.001), (8, 0.02)])
def test_j14_few_threads_or_seldom_writers_never_wait_for_others(monkeypatch: pytest.MonkeyPatch, threads: int, apart: float) -> None:
    groups: list[int] = []
    hours = Hours(monkeypatch, apart)
    _in_turn(_written(groups), threads, 12)
    assert (groups, hours.waits) == ([1] * 12, 0)


def test_j2_units_that_are_none_harm_nobody_else(store: SqliteStorage) -> None:
    """Whatever came of them, what is written next lands."""
    with suppress(Exception):
        store.write((Insert(job(id)),) for id in ("a", "b"))  # type: ignore[arg-type]
    lands(store, Insert(job("next")))


def test_j14_a_beat_waits_for_no_long_purge(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small transactions help nobody where whoever writes them takes the pen again before anybody else can."""
    monkeypatch.setattr("taskkit.storage.sql._store._AT_ONCE", 10)
    purge, behind, beats = _purges.purge, list[int](), list[threading.Thread]()
    with PostgresStorage(database, keeps_time=False) as store:
        store.write([(Insert(job(f"j{number}")), Move(f"j{number}", Step.CANCEL, 1, fields={"ended": NOW})) for number in range(200)])
        of = begun(store, job("alive", record="r"))

        def purged(*given: Any, **more: Any) -> Any:
            behind.append(len(store._scribe._waiting))  # who came in the portion before
            beat = threading.Thread(target=lands, args=(store, Move(of.id, Step.BEAT, token=of.token)))
            beat.start()
            beats.append(beat)
            while not store._scribe._waiting:
                time.sleep(0.001)
            return purge(*given, **more)

        monkeypatch.setattr(_purges, "purge", purged)
        store.purge([Query(states=FINAL)])
        for beat in beats:
            beat.join()
    assert len(behind) > 10
    assert not any(behind)


# what is left behind


def test_a_blob_that_was_swept_while_it_was_written_leaves_no_pieces(store: SqliteStorage) -> None:
    """Its job was rescued, and ended elsewhere: what its first worker still writes is of no use, and must not stay for ever."""
    of = begun(store, job("a"))

    def pieces() -> Iterator[bytes]:
        yield b"x" * (1 << 20)
        lands(store, Move("a", Step.COMPLETE, token=of.token, fields={"ended": NOW}))
        store.sweep_blobs()
        yield b"y" * (1 << 20)

    blob = store.put_blob(pieces(), job="a")
    assert refusal(store, Name(blob, "a")) is Refusal.ABSENT
    store.sweep_blobs()
    assert store._ask(lambda line: line.rows("SELECT count(*) FROM taskkit_pieces")) == [(0,)]


def test_j5_fires_are_forgotten_after_90_days_though_every_ended_job_was_purged(store: SqliteStorage) -> None:
    """As in the memory store: the last end counts, also where its job is purged by now."""
    for number in range(3):
        ended(store, job(f"j{number}", fire="same", record=f"r{number}"), NOW + number * 100 * DAY)
        store.purge([Query(states=FINAL)])
    lands(store, Insert(job("again", fire="same", record="r0")))


# PostgreSQL


@pytest.fixture
def shared(database: str) -> Iterator[PostgresStorage]:
    with PostgresStorage(database, schema="store", keeps_time=False) as opened:
        yield opened


def set_for_all(url: str, said: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"ALTER DATABASE {db.info.dbname} SET {said}")


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_p4_a_write_sees_what_stands_whatever_isolation_the_database_gives(database: str, isolation: str) -> None:
    """Else it looks at the store as it was before it had its turn: two jobs take one seat."""
    set_for_all(database, f"default_transaction_isolation = '{isolation}'")
    with PostgresStorage(database, schema="store", keeps_time=False) as one, one.join() as other:
        answers: list[Refusal | None] = []

        def write() -> None:
            with suppress(StorageAway):
                answers.append(refusal(other, Insert(fired("second"))))

        thread = threading.Thread(target=write)

        def first(line: Line) -> None:
            line.rows("SELECT 1")  # it has its turn
            thread.start()
            time.sleep(0.5)
            line.add(JOBS, [job_row(fired("first"))])

        one._do(first)
        thread.join(20)
        assert one.count(Query()) == 1
        assert answers == [Refusal.SEAT]


def test_j14_a_node_that_froze_in_a_write_holds_up_the_others_for_some_seconds_only(shared: PostgresStorage) -> None:
    """A machine that is gone closes no connection: its lock would stay until the server asks for it, after two hours."""
    line = shared.line()
    try:
        said = {name: line.rows(f"SHOW {name}")[0][0] for name in ("idle_in_transaction_session_timeout", "tcp_keepalives_idle")}
    finally:
        line.close()
    assert said["idle_in_transaction_session_timeout"] not in ("0", "")
    assert int(said["tcp_keepalives_idle"]) < 60


def test_j4_waiting_for_its_turn_puts_no_clock_ahead(database: str) -> None:
    with PostgresStorage(database, schema="store") as one, one.join() as other:
        assert one.clock is not None
        assert other.clock is not None
        one.clock._read = -(10**18)  # type: ignore[attr-defined]
        has_it, thread = threading.Event(), threading.Thread(target=lambda: lands(one, told()))

        def hold(_: Line) -> None:
            has_it.set()
            thread.start()
            time.sleep(2)

        other._do(hold)
        thread.join(20)
        assert abs(one.clock.now() - other.clock.now()) < 200_000, (one.clock.now() - other.clock.now()) / 1e6


def test_j4_a_machine_that_slept_takes_up_what_came_due_meanwhile(database: str) -> None:
    """The clock by which it tells how much time has passed stood still, and an engine that has nothing to do writes nothing."""
    with PostgresStorage(database, schema="store") as opened:
        clock = opened.clock
        assert clock is not None
        lands(opened, Insert(job("a", due=clock.now() - HOUR)))
        clock._ahead -= 2 * HOUR  # type: ignore[attr-defined]
        clock._read -= 3600 * 10**9  # type: ignore[attr-defined]
        assert any(claim(opened, clock.now()) for _ in range(2))


def test_j14_what_must_be_durable_is_so_whatever_the_database_usually_does(database: str) -> None:
    set_for_all(database, "synchronous_commit = off")
    with PostgresStorage(database, schema="store", relaxed=True, keeps_time=False) as opened:
        [(said,)] = opened._do(lambda line: line.rows("SHOW synchronous_commit"))
        assert said != "off"


@pytest.mark.parametrize("numbers", sorted({_words.MAY_NUMBER, False}))
def test_rows_that_are_alike_are_added_in_their_order_also_where_python_takes_numbers_for_names(
    store: SqliteStorage, monkeypatch: pytest.MonkeyPatch, numbers: bool
) -> None:
    monkeypatch.setattr(_words, "MAY_NUMBER", numbers)
    _words.add_alike.cache_clear()
    ids, keys = [f"{99 - number}" for number in range(32)], [str(number) for number in range(32)]
    held = {"job": ids, "key": keys, "wanted": range(32)}
    store._do(lambda line: line.add_alike(INBOX, {"told": "it"}, {"id": ids}))
    store._do(lambda line: line.add_alike(HOLDS, {"how": "write", "most": None, "waits": 0}, held))
    _words.add_alike.cache_clear()
    assert store.posted(100) == [(id, "it") for id in ids]
    rows = store._ask(lambda line: line.rows("SELECT * FROM taskkit_holds ORDER BY wanted"))
    assert rows == [(id, key, "write", None, wanted, 0) for wanted, (id, key) in enumerate(zip(ids, keys, strict=True))]


@pytest.mark.parametrize("relaxed", [False, True])
def test_j14_heartbeats_never_wait_for_the_disk_and_all_else_does_unless_the_store_is_relaxed(tmp_path: Path, relaxed: bool) -> None:
    waited: list[bool] = []
    with SqliteStorage(tmp_path / "db", relaxed=relaxed) as opened:
        lands(opened, Insert(job("a")))
        [one] = claim(opened, NOW)
        write = opened._lines.write

        def spied(deed: Callable[[Line], Any], *, durable: bool) -> Any:
            waited.append(durable)
            return write(deed, durable=durable)

        opened._lines.write = spied  # type: ignore[method-assign]
        beat = Move("a", Step.BEAT, token=one.job.token, fields={"lease": NOW + HOUR})
        written: list[tuple[Unit, bool]] = [((beat,), False), ((told(),), False), ((beat, told()), False), ((beat,), True)]
        for unit, durable in written:
            assert opened.write([unit], durable=durable)[0]
    assert waited == [False, not relaxed, not relaxed, True]


def test_j14_a_start_waits_for_the_server_s_disk_since_its_worker_goes_on_when_that_fails(database: str) -> None:
    """Else another node would start a job of the same account beside it."""
    with PostgresStorage(database, schema="store", keeps_time=False) as opened:
        lands(opened, Insert(job("a")))
        [one] = claim(opened, NOW)
        line = opened._lines._writer
        assert line is not None
        said, run = list[str](), line._db.execute  # type: ignore[attr-defined]

        def spied(sql: str, *values: Any) -> Any:
            said.append(sql)
            return run(sql, *values)

        line._db.execute = spied  # type: ignore[attr-defined]
        assert opened.write([(Move("a", Step.START, token=one.job.token, fields={"started": NOW}),)], durable=False)[0]
    assert any(_FORCED in sql for sql in said)


def test_a6_the_chain_has_no_gap_after_a_server_that_forgot_what_nobody_forced_to_its_disk(postgres: Postgres, database: str) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as db:
        db.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        db.execute("SELECT pg_reload_conf()")
    try:
        with PostgresStorage(database, schema="store", relaxed=True, keeps_time=False) as opened:
            lands(opened, told())
            time.sleep(0.5)
            opened.write([(told("Rained"),)], durable=False)
            postgres.restart("immediate")
            forgotten = len(opened.facts(START)[0]) == 2
            lands(opened, told("Painted"))
            assert not opened.check(opened.heads()), "the fact was lost" if forgotten else "the fact was not lost"
    finally:
        with psycopg.connect(postgres.url, autocommit=True) as db:
            db.execute("ALTER SYSTEM RESET wal_writer_delay")
            db.execute("SELECT pg_reload_conf()")


def test_j3_after_a_server_that_forgot_a_claim_only_the_newest_token_lands(postgres: Postgres, database: str) -> None:
    """Claims are forced to no disk: a job may have been given to somebody else since, at the same revision."""
    with psycopg.connect(postgres.url, autocommit=True) as db:
        db.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        db.execute("SELECT pg_reload_conf()")
    try:
        with PostgresStorage(database, schema="store", keeps_time=False) as one, one.join() as other:
            lands(one, Insert(job("a")))
            time.sleep(0.5)
            [first] = claim(one)
            postgres.restart("immediate")
            if kept(other, "a").state is not State.SCHEDULED:
                pytest.fail("the claim was not lost: this proves nothing")
            [second] = claim(other, NOW + MINUTE)
            start = {"started": NOW}
            assert refusal(one, Move("a", Step.START, token=first.job.token, fields=start)) is Refusal.TOKEN
            lands(other, Move("a", Step.START, token=second.job.token, fields=start))
    finally:
        with psycopg.connect(postgres.url, autocommit=True) as db:
            db.execute("ALTER SYSTEM RESET wal_writer_delay")
            db.execute("SELECT pg_reload_conf()")


def test_a_schema_that_was_made_for_us_is_enough(postgres: Postgres, database: str) -> None:
    """Few accounts may make schemas in a database that they share with others."""
    with psycopg.connect(database, autocommit=True) as db:
        db.execute("DROP ROLE IF EXISTS plain")
        db.execute("CREATE ROLE plain LOGIN")
        db.execute("CREATE SCHEMA store AUTHORIZATION plain")
    try:
        with PostgresStorage(database.replace("postgres@", "plain@"), schema="store", keeps_time=False) as opened:
            lands(opened, Insert(job("a", kind=Kind.DEMAND)))
    finally:
        with psycopg.connect(database, autocommit=True) as db:
            db.execute("DROP OWNED BY plain CASCADE")
            db.execute("DROP ROLE plain")


# who looks, and who takes the turn to write


class Looking(SqliteStorage):
    """Counts the looks at what is due."""

    looks = 0

    def next_due(self, pools: Sequence[str]) -> Instant | None:
        self.looks += 1
        return super().next_due(pools)


def test_j03_who_got_all_that_he_wanted_claims_again_without_a_look(tmp_path: Path) -> None:
    with Looking(tmp_path / "db", relaxed=True) as store, store.join() as other:
        lands(other, *(Insert(job(name)) for name in "abc"))
        told = [(len(claim(store, limit=2)), store.looks) for _ in range(4)]
    assert told == [(2, 1), (1, 1), (0, 2), (0, 3)]


def test_j03_who_has_left_something_due_claims_it_without_a_look(tmp_path: Path) -> None:
    with Looking(tmp_path / "db", relaxed=True) as store:
        lands(store, Insert(job("now")), Insert(job("later", due=NOW + 1)), Insert(job("there", pool="dmz")))
        told = [([one.job.id for one in claim(store, at, limit=9)], store.looks) for at in (NOW, NOW, NOW + 1)]
    assert told == [(["now"], 0), ([], 1), (["later"], 2)]
