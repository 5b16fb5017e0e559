"""URLs: what is in them is not shown, and what cannot be meant is not guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from taskkit import InvalidValue
from taskkit.cli import main
from taskkit.storage.sqlite import SqliteStorage
from taskkit.storage.urls import address

Capsys = pytest.CaptureFixture[str]
URL = "postgresql://vault:hunter2@127.0.0.1:1/jobs"


@pytest.mark.parametrize(
    "words",
    [
        ["rule", URL, "root@db-1", "probe"],
        ["rerun", URL, "j-1"],
        ["explain", f" {URL}", "nightly"],
        ["forecast", URL.removeprefix("postgresql:")],
        ["intents", f" {URL}"],
        ["next", f" {URL}"],
        ["next", "host=127.0.0.1 password=hunter2"],
        ["explain", "host=127.0.0.1 password=hunter2", "nightly"],
        ["store", "sql", "postgresql://vault:hunter2@[127.0.0.1/jobs"],
    ],
)
def test_no_message_shows_a_password(words: list[str], capsys: Capsys) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err
    assert told.err.startswith("taskkit: ")


def test_a_store_is_no_engine_and_that_is_told(capsys: Capsys) -> None:
    assert main(["rerun", "sqlite:vault.db", "j-1"]) == 2
    assert "there is no module" not in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["SQLITE", "sqlite"])
def test_jobs_and_next_read_a_scheme_alike(scheme: str, tmp_path: Path) -> None:
    SqliteStorage(tmp_path / "vault.db").close()
    assert [main([command, f"{scheme}:{tmp_path}/vault.db"]) for command in ("jobs", "next")] == [0, 0]


@pytest.mark.parametrize("rest", ["//var{path}", "{path}#2", "//user@host{path}"])
def test_a_file_that_is_not_meant_is_not_made(rest: str, tmp_path: Path) -> None:
    """`sqlite://var/lib/vault.db` would be the file /lib/vault.db."""
    with pytest.raises(InvalidValue, match="three slashes"):
        SqliteStorage.at("sqlite:" + rest.format(path=tmp_path / "vault.db"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///jobs?host=/var/run/postgresql",
        "postgresql://?host=127.0.0.1&dbname=jobs",
        "postgresql://vault@db.example/jobs?options=-c%20work_mem%3D5MB",
        "postgresql://vault@db.example/jobs?password=a+b",
        "postgresql://one:5432,two:5433/jobs?target_session_attrs=read-write",
    ],
)
def test_a_url_is_handed_to_libpq_as_it_was_written(url: str) -> None:
    known = ("schema", "durability")
    assert address(url, known, others=True).rest == url
    mine = f"{url}{'&' if '?' in url else '?'}schema=mine&durability=relaxed"
    found = address(mine, known, others=True)
    assert conninfo_to_dict(found.rest) == conninfo_to_dict(url)
    assert (found.options["schema"], found.is_relaxed) == ("mine", True)


@pytest.mark.parametrize("schema", ["Jobs", 'a"b', "", "a;b"])
def test_no_sql_is_printed_for_a_schema_that_no_store_takes(schema: str, capsys: Capsys) -> None:
    assert main(["store", "sql", f"postgresql:?schema={schema}"]) == 2
    assert "plain name" in capsys.readouterr().err
