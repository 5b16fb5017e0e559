"""What somebody did to the log of facts is found: by `taskkit check`, and by `engine.check`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from taskkit.cli import main
from taskkit.storage.sqlite import SqliteStorage

Capsys = pytest.CaptureFixture[str]


def change(store: Path, sql: str) -> None:
    with closing(sqlite3.connect(store)) as db:
        assert db.execute(sql).rowcount > 0, "nothing was changed"
        db.commit()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE taskkit_facts SET record = 'web-9' WHERE record IS NOT NULL",
        "UPDATE taskkit_facts SET kind = 'Other' WHERE kind = 'JobStarted'",
        "UPDATE taskkit_facts SET line = 'other' WHERE line IS NOT NULL",
        "UPDATE taskkit_facts SET at = 5 WHERE position = 2",
        "DELETE FROM taskkit_facts WHERE position = (SELECT max(position) FROM taskkit_facts)",
        "DELETE FROM taskkit_facts",
        "DELETE FROM taskkit_chains",
        "UPDATE taskkit_chains SET position = position + 1",
    ],
)
def test_a_fact_that_nobody_finds_any_more_is_told(store: Path, sql: str, capsys: Capsys) -> None:
    """Facts are found by columns, and by the head of their chain: these are no part of what is hashed, and have to fit it."""
    main(["check", f"sqlite:{store}"])
    assert "chain" not in capsys.readouterr().out
    change(store, sql)
    assert main(["check", f"sqlite:{store}"]) == 1
    assert "chain" in capsys.readouterr().out
    with SqliteStorage(store) as storage:
        assert storage.check()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE taskkit_facts SET told = NULL WHERE position = 2",
        "UPDATE taskkit_chains SET position = NULL",
        "UPDATE taskkit_chains SET absorbed = '{'",
    ],
)
def test_rows_of_the_log_that_cannot_be_read_are_faults(store: Path, sql: str, capsys: Capsys) -> None:
    change(store, sql)
    assert main(["check", f"sqlite:{store}"]) == 1
    assert "chain" in capsys.readouterr().out


def test_a_line_that_an_older_node_did_not_tell_is_none(store: Path) -> None:
    change(store, "UPDATE taskkit_facts SET line = NULL")
    with SqliteStorage(store) as storage:
        assert storage.check() == []
