"""What is wrong with a store is found and told; what is right, however odd it looks, is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from taskkit.errors import UnreadableDocument
from taskkit.facts import START
from taskkit.instants import MINUTE
from taskkit.intents import Intent
from taskkit.jobs import Kind
from taskkit.states import Step
from taskkit.storage import Hold, Insert, Keep, Move, Name, Query, Wait
from taskkit.storage.integrity import Flaw, check_store
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sql._tables import JOBS
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import (
    HOUR,
    NOW,
    begun,
    claim,
    claimed,
    ended,
    fired,
    job,
    lands,
    move,
    occurrence,
    to_final,
    told,
)
from taskkit.testing.contracts.storage._makings import cause as cause_of
from taskkit.testing.contracts.storage._walks import Walker
from tests.storage import schemas

_UNMINDED = "its intent is open, and no recovery waits"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStorage]:
    if request.param == "sqlite":
        made: SqlStorage = SqliteStorage(tmp_path / "store.db", relaxed=True)
    else:
        made = PostgresStorage(request.getfixturevalue("database"), relaxed=True, keeps_time=False)
    with made:
        yield made


def furnished(store: SqlStorage) -> SqlStorage:
    """One job that runs and holds, one with causes, one that has ended and named a blob."""
    begun(store, job("runs", record="r1"), Hold("runs", NOW, ("account:a",), ("account:b",), (("host:h", 2),)))
    lands(store, Insert(fired("waits", record="r2", due=NOW + HOUR), (cause_of("waits", "h1"), cause_of("waits", "h2"))))
    done = claimed(store, occurrence("done", record="r3"))
    blob = store.put_blob([b"pages"], job="done")
    lands(store, move(done, Step.START, started=NOW))
    lands(store, Name(blob, "done"), move(done, Step.SAVE, blobs=(blob,)), told())
    lands(store, move(done, Step.COMPLETE, ended=NOW))
    return store


def spoil(store: SqlStorage, *statements: str) -> None:
    store._do(lambda line: [line.run(sql) for sql in statements])


def found(store: SqlStorage, now: int = NOW) -> list[tuple[str, str, str]]:
    return [(flaw.kind, flaw.about, flaw.case) for flaw in check_store(store, now)]


def test_a_store_in_which_all_is_well_has_no_flaws(store: SqlStorage) -> None:
    assert found(furnished(store)) == []


def test_a_store_after_two_nights_has_no_flaws(store: SqlStorage) -> None:
    schemas.tell(store)
    assert found(store, 0) == []


@pytest.mark.parametrize("seed", range(4))
def test_whatever_units_did_there_are_no_flaws(store: SqlStorage, seed: int) -> None:
    walker = Walker(store, seed)
    for turn in range(120):
        store.write([walker.unit()])
        if turn % 7 == 0:
            store.claim(walker.now, worker="w", node="n", pools=["local", "dmz"], limit=2, lease=walker.now + 3)
    assert [
        flaw for flaw in found(store, 0) if not flaw[2].startswith("it is running and has never")
    ] == []  # a walk starts without saying when


@pytest.mark.parametrize(
    ("statement", "flaw"),
    [
        ("INSERT INTO taskkit_causes VALUES ('gone', 0, '[]', NULL)", ("orphan", "cause of job 'gone' 0", "there is no such job")),
        (
            "INSERT INTO taskkit_holds VALUES ('gone', 'account:z', 'use', NULL, 1, 0)",
            ("orphan", "hold of job 'gone' 'account:z'", "there is no such job"),
        ),
        ("INSERT INTO taskkit_blobs VALUES ('b', 'gone', 'gone')", ("orphan", "blob 'b'", "its job is not there")),
        ("INSERT INTO taskkit_pieces VALUES ('b', 0, NULL)", ("orphan", "piece of blob 'b' 0", "there is no such blob")),
        (
            "INSERT INTO taskkit_holds VALUES ('done', 'account:z', 'use', NULL, 1, 0)",
            ("hold", "hold of job 'done' 'account:z'", "the job has ended"),
        ),
        (
            "INSERT INTO taskkit_holds VALUES ('waits', 'account:a', 'use', NULL, 1, 0)",
            ("hold", "key 'account:a'", "one job holds it alone, and another beside it"),
        ),
        ("UPDATE taskkit_jobs SET state = 'napping' WHERE id = 'runs'", ("state", "job 'runs'", "there is no state 'napping'")),
        ("UPDATE taskkit_jobs SET kind = 'wish' WHERE id = 'runs'", ("state", "job 'runs'", "there is no kind 'wish'")),
        ("UPDATE taskkit_jobs SET rest = '{' WHERE id = 'done'", ("state", "job 'done'", "its row cannot be read")),
        (
            "UPDATE taskkit_jobs SET token = NULL, worker = NULL WHERE id = 'runs'",
            ("state", "job 'runs'", "it is running without token and worker"),
        ),
        ("UPDATE taskkit_jobs SET token = 1 WHERE id = 'waits'", ("state", "job 'waits'", "it is scheduled, and still has a token")),
        ("UPDATE taskkit_jobs SET started = NULL WHERE id = 'runs'", ("state", "job 'runs'", "it is running and has never started")),
        (
            "UPDATE taskkit_jobs SET place = 'l' WHERE id = 'waits'",
            ("column", "job 'waits'", r"its column 'place' is 'l' and has to be 'l\nr2'"),
        ),
        (
            "UPDATE taskkit_jobs SET trigger = 'other' WHERE id = 'waits'",
            ("column", "job 'waits'", "its column 'trigger' is 'other' and has to be 't'"),
        ),
        ("UPDATE taskkit_jobs SET phase = 1 WHERE id = 'waits'", ("column", "job 'waits'", "its column 'phase' is 1 and has to be 0")),
        ("UPDATE taskkit_jobs SET over = 7 WHERE id = 'waits'", ("column", "job 'waits'", "its column 'over' is 7 and has to be None")),
        (
            "DELETE FROM taskkit_fires WHERE fire = 'l\nr2\nh2'",
            ("fire", "job 'waits'", "its fire 'h2' is not kept: it could make a second job"),
        ),
        (
            "DELETE FROM taskkit_fires WHERE fire = 'l\nr3\n2026-03-02T00:00 UTC'",
            ("fire", "job 'done'", "its fire '2026-03-02T00:00 UTC' is not kept: it could make a second job"),
        ),
        (
            "UPDATE taskkit_fires SET ended = 1 WHERE fire = 'l\nr2\nh1'",
            ("fire", "job 'waits'", "its fire 'h1' is not kept: it could make a second job"),
        ),
        ("UPDATE taskkit_causes SET cause = '{' WHERE place = 1", ("state", "cause of job 'waits'", "its row cannot be read")),
    ],
)
def test_what_is_wrong_is_told_and_nothing_else(store: SqlStorage, statement: str, flaw: tuple[str, str, str]) -> None:
    spoil(furnished(store), statement)
    assert found(store) == [flaw]


@pytest.mark.parametrize(
    ("statement", "about", "case"),
    [
        ("""UPDATE taskkit_jobs SET via = '[]' WHERE id = 'waits'""", "job 'waits'", "its row cannot be read"),
        ("""UPDATE taskkit_jobs SET via = '["t"]', kind = 'occurrence' WHERE id = 'waits'""", "job 'waits'", "its row cannot be read"),
        ("""UPDATE taskkit_jobs SET via = '[1e999]' WHERE id = 'waits'""", "job 'waits'", "its row cannot be read"),
        ("""UPDATE taskkit_jobs SET rest = '{"blobs":[[1]]}' WHERE id = 'waits'""", "job 'waits'", "its row cannot be read"),
        (r"""UPDATE taskkit_jobs SET rest = '{"blobs":["\ud800"]}' WHERE id = 'waits'""", "job 'waits'", "its row cannot be read"),
        ("UPDATE taskkit_causes SET cause = '" + "[" * 100_000 + "' WHERE place = 1", "cause of job 'waits'", "its row cannot be read"),
        (r"""UPDATE taskkit_causes SET cause = '["\ud800",[]]' WHERE place = 1""", "cause of job 'waits'", "its row cannot be read"),
        (
            r"""UPDATE taskkit_causes SET cause = '["\u0000","a",1,1,[]]' WHERE place = 1""",
            "cause of job 'waits'",
            "its row cannot be read",
        ),
        ("""INSERT INTO taskkit_documents VALUES ('intent', 'a', 1, '{"recovery":[1]}', '')""", "account 'a'", _UNMINDED),
        (r"""INSERT INTO taskkit_documents VALUES ('intent', 'a', 1, '{"recovery":"\ud800"}', '')""", "account 'a'", _UNMINDED),
    ],
)
def test_json_that_says_what_nobody_wrote_is_a_flaw(store: SqlStorage, statement: str, about: str, case: str) -> None:
    spoil(furnished(store), statement)
    assert (about, case) in [flaw[1:] for flaw in found(store)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE taskkit_jobs SET state = 'afloat' WHERE id = 'waits'", "reading the job 'waits': its row holds 'afloat' where"),
        ("UPDATE taskkit_jobs SET kind = 'whim' WHERE id = 'waits'", "reading the job 'waits': its row holds 'whim' where"),
        ("UPDATE taskkit_jobs SET rest = '[1]' WHERE id = 'waits'", "reading the job 'waits': its row cannot be read"),
        ("UPDATE taskkit_jobs SET via = '7' WHERE id = 'waits'", "reading the job 'waits': its row cannot be read"),
        ("UPDATE taskkit_causes SET cause = '{}' WHERE job = 'waits'", "reading what led to the job 'waits': its row cannot be read"),
    ],
)
def test_whoever_reads_what_nobody_wrote_hears_of_which_job_it_is(store: SqlStorage, statement: str, said: str) -> None:
    spoil(furnished(store), statement)
    with pytest.raises(UnreadableDocument, match=said):
        store.causes("waits") if "causes" in statement else store.jobs(Query())
    with pytest.raises(UnreadableDocument, match=said):
        claim(store, NOW + HOUR)
    assert any("'waits'" in flaw[1] for flaw in found(store))


@pytest.mark.parametrize(
    ("column", "value"), [("lease", 1.5), ("planned_for", "one"), ("cycle", None), ("at", "noon"), ("pool", b"x"), ("task", None)]
)
def test_a_column_that_holds_what_it_is_not_for_is_told(tmp_path: Path, column: str, value: object) -> None:
    """SQLite takes anything for any of them."""
    with SqliteStorage(tmp_path / "db") as store:
        furnished(store)._do(lambda line: line.change(JOBS, (column,), [("runs", value)]))
        assert ("state", "job 'runs'", f"its {column} cannot be read") in found(store)


def test_a_job_whose_id_is_no_text_is_told(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "db") as store:
        spoil(furnished(store), "UPDATE taskkit_jobs SET id = x'ff' WHERE id = 'runs'")
        assert ("state", r"job b'\xff'", "its id cannot be read") in found(store)


def test_a_blob_that_is_not_whole_is_told(store: SqlStorage) -> None:
    [blob] = furnished(store)._ask(lambda line: line.rows("SELECT id FROM taskkit_blobs"))[0]
    spoil(store, "UPDATE taskkit_pieces SET place = 1")
    assert found(store) == [("blob", f"blob {blob!r}", "a piece is missing")]
    spoil(store, "UPDATE taskkit_pieces SET place = 9223372036854775807")
    assert found(store) == [("blob", f"blob {blob!r}", "a piece is missing")]
    spoil(store, "DELETE FROM taskkit_pieces", "DELETE FROM taskkit_blobs")
    assert found(store) == [("blob", "job 'done'", f"its blob {blob!r} is not there")]


def test_a_lease_that_ran_out_long_ago_is_told_with_its_pool(store: SqlStorage) -> None:
    claimed(store, job("a", pool="dmz"))
    assert found(store, NOW + HOUR) == []
    [flaw] = check_store(store, NOW + MINUTE + HOUR)
    assert flaw.kind == "lease"
    assert str(flaw).endswith("UTC, and nobody took it over; start a node that serves the pool 'dmz'")


def test_two_that_wait_on_one_seat_are_told_unless_one_was_sent_back_to_it(store: SqlStorage) -> None:
    sent_back = claimed(store, occurrence("a"))
    lands(store, Insert(occurrence("b", "2026-03-03T00:00 UTC")))
    lands(store, move(sent_back, Step.RELEASE))
    assert found(store) == []
    lands(store, Insert(occurrence("c", "2026-03-04T00:00 UTC", record="other")))
    spoil(store, "UPDATE taskkit_jobs SET record = 'r', place = replace(place, 'other', 'r') WHERE id = 'c'")
    spoil(store, "UPDATE taskkit_fires SET fire = replace(fire, 'other', 'r')")
    assert found(store) == [("seat", "line 'l' of record 'r'", "2 jobs (occurrence) wait where one may wait")]


def test_a_chain_that_somebody_changed_is_told(store: SqlStorage) -> None:
    lands(store, told("One"), told("Two"))
    spoil(store, "UPDATE taskkit_facts SET told = replace(told, 'One', 'Won')")
    assert found(store) == [("chain", f"chain {store.chain!r} at 2", "the fact was changed, or one before it")]


def test_a_chain_whose_row_tells_of_no_heads_is_told(store: SqlStorage) -> None:
    lands(store, told("One"))
    spoil(store, """UPDATE taskkit_chains SET absorbed = '[["a", 1, {}]]'""")
    assert ("chain", f"chain {store.chain!r} at 1", "the row that tells of the chain cannot be read") in found(store)


def test_who_waits_for_what_another_holds_is_no_flaw(store: SqlStorage) -> None:
    begun(store, job("a"), Hold("a", NOW, ("account:a",)))
    lands(store, Insert(job("b", due=NOW + HOUR)), Wait(Hold("b", NOW, ("account:a",))))
    assert found(store) == []


def test_more_jobs_than_a_page_are_looked_at(store: SqlStorage) -> None:
    lands(store, *(Insert(job(f"j{number}")) for number in range(2500)))
    spoil(store, "UPDATE taskkit_jobs SET phase = 3 WHERE id IN ('j0', 'j999', 'j1000', 'j2499')")
    assert [flaw[1] for flaw in found(store)] == ["job 'j0'", "job 'j999'", "job 'j1000'", "job 'j2499'"]


def test_nothing_is_changed_and_others_go_on(store: SqlStorage) -> None:
    furnished(store)
    ended(store, job("e"))
    assert found(store) == []
    assert store.count(Query()) == 4
    [again] = claim(store, NOW + 2 * HOUR, pools=["local"], limit=1)
    lands(store, to_final(again.job))


def test_s04_an_intent_that_nobody_looks_after_is_found(store: SqlStorage) -> None:
    intent = Intent("acc", "a1", "r1", "runs", "t", "t", "rec", NOW)
    lands(store, Insert(job("rec", kind=Kind.RECOVERY, account="acc", due=NOW + HOUR)), Keep("intent", "acc", 0, intent.body()))
    assert found(store) == []
    lands(store, Move("rec", Step.CANCEL, 1, fields={"ended": NOW}))
    assert found(store) == [("intent", "account 'acc'", "its intent is open, and no recovery waits")]


def test_a_flaw_is_a_sentence_and_a_document() -> None:
    flaw = Flaw("hold", "key 'a'", "it is held", "let it go")
    assert str(flaw) == "key 'a': it is held; let it go"
    assert flaw.document() == {"kind": "hold", "about": "key 'a'", "case": "it is held", "help": "let it go"}


@pytest.mark.parametrize("place", ["x", b"x", "[]"])
def test_a06_a_fact_that_stands_where_none_can_is_told(tmp_path: Path, place: object) -> None:
    with SqliteStorage(tmp_path / "db") as store:
        lands(furnished(store), told("One"), told("Two"))
        last, noted = store.heads()[0].position, store.heads()
        store._do(lambda line: line.run("UPDATE taskkit_facts SET position = ? WHERE position = ?", place, last))
        case = "the position of the fact cannot be read"
        assert ("chain", f"chain {store.chain!r} at {last}", case) in found(store)
        assert case in [fault.case for fault in store.check(noted)]


@pytest.mark.parametrize("text", ["{", "7", "[]", '["One","noon",null,null,null,null,null,null]', "[1,1,null,null,null,null,null,null]"])
def test_whoever_reads_a_fact_that_nobody_told_hears_which_it_is(store: SqlStorage, text: str) -> None:
    lands(store, told("One"))
    store._do(lambda line: line.run("UPDATE taskkit_facts SET told = ? WHERE position = 2", text))
    for read in (lambda: store.facts(START), lambda: store.story(NOW, line=None, record=None)):
        with pytest.raises(UnreadableDocument, match=f"reading the fact at 2 of the chain '{store.chain}'"):
            read()


@pytest.mark.parametrize(
    ("statement", "about", "column"),
    [
        ("UPDATE taskkit_causes SET place = x'ff' WHERE place = 1", r"taskkit_causes 'waits' b'\xff'", "place"),
        ("UPDATE taskkit_holds SET wanted = 'noon' WHERE job = 'runs'", "taskkit_holds 'runs' 'account:a' 'write'", "wanted"),
        ("INSERT INTO taskkit_documents VALUES ('colour', 'sky', 1.5, '{}', '')", "taskkit_documents 'colour' 'sky'", "revision"),
        ("INSERT INTO taskkit_fires VALUES ('told', 'noon')", "taskkit_fires 'told'", "ended"),
        ("INSERT INTO taskkit_blobs VALUES ('blob', x'ff', NULL)", "taskkit_blobs 'blob'", "writer"),
        ("INSERT INTO taskkit_inbox (id, told) VALUES ('posted', x'ff')", "taskkit_inbox 'posted'", "told"),
    ],
)
def test_a_row_of_any_table_that_holds_what_a_column_is_not_for_is_told(tmp_path: Path, statement: str, about: str, column: str) -> None:
    with SqliteStorage(tmp_path / "db") as store:
        spoil(furnished(store), statement)
        assert ("state", f"row of {about}", f"its {column} cannot be read") in found(store)
