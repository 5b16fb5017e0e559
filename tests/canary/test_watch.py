"""The watch over all tests finds a secret wherever one is put on purpose: else that it finds none would prove nothing."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskkit.errors import InvalidValue
from taskkit.events import parse
from taskkit.plugins.executors import local
from taskkit.secrets import Secret
from taskkit.storage import Keep
from taskkit.storage.memory import MemoryStorage
from tests.canary.disguises import DISGUISES
from tests.canary.watch import WATCH

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.tells
WORD = "g1ve-n0-Quarter&more"


def log(said: str, place: Path) -> None:
    logging.getLogger("somebody.deep").debug("it is %s", said)


def an_error(said: str, place: Path) -> None:
    with suppress(InvalidValue):
        parse(said)


def a_document(said: str, place: Path) -> None:
    storage = MemoryStorage()
    [landed] = storage.write([(Keep("mark", "one", 0, {"said": said}),)])
    assert landed


def a_file(said: str, place: Path) -> None:
    with closing(sqlite3.connect(place / "store.db")) as file:
        file.execute("CREATE TABLE kept (said)")
        file.execute("INSERT INTO kept VALUES (?)", (said,))
        file.commit()


WAYS: dict[str, Callable[[str, Path], None]] = {"log": log, "error": an_error, "documents of mark": a_document, "file store.db": a_file}


def found(request: pytest.FixtureRequest) -> list[str]:
    report: Any = SimpleNamespace(sections=[])
    return WATCH.found(request.node, report)


@pytest.mark.parametrize("name", WAYS)
def test_s01_what_is_put_there_is_found_there(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    Secret(WORD)
    WAYS[name](WORD, tmp_path)
    assert any(one.startswith(f"{name}: plain in") for one in found(request))


@pytest.mark.parametrize("disguise", DISGUISES)
def test_s01_each_form_is_found(disguise: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    Secret(WORD)
    log(DISGUISES[disguise](WORD), tmp_path)
    assert [one for one in found(request) if one.startswith("log: ")]


def test_s01_what_was_printed_is_looked_through(request: pytest.FixtureRequest) -> None:
    Secret(WORD)
    report: Any = SimpleNamespace(sections=[("Captured stdout call", f"it is {WORD}")])
    assert WATCH.found(request.node, report) == [f"Captured stdout call: plain in 'it is {WORD}'"]


def test_s01_a_command_that_taskkit_starts_is_looked_at_and_one_of_a_test_is_not(request: pytest.FixtureRequest) -> None:
    Secret(WORD)
    subprocess.run([sys.executable, "-c", "", WORD], check=True)
    assert found(request) == []
    started = {"subprocess": subprocess, "word": WORD, "sys": sys}
    exec(compile("subprocess.run([sys.executable, '-c', '', word], check=True)", local.__file__, "exec"), started)  # noqa: S102
    assert [one.partition(":")[0] for one in found(request)] == ["command"]


def test_a_test_without_secrets_is_not_looked_through(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    log(WORD, tmp_path)
    assert found(request) == []


def test_a_secret_that_got_out_fails_its_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\nlog_level = "WARNING"\n')
    pytester.makepyfile(f"""
        import logging
        import pytest
        from taskkit.secrets import Secret

        def test_it_leaks():
            Secret({WORD!r})
            logging.getLogger("deep").debug({WORD!r})

        def test_it_does_not():
            Secret({WORD!r})

        @pytest.mark.tells
        def test_it_leaks_on_purpose():
            Secret({WORD!r})
            logging.getLogger("deep").debug({WORD!r})
    """)
    run = pytester.runpytest_subprocess("-p", "tests.canary.watch", "-p", "no:cacheprovider")
    run.assert_outcomes(passed=2, failed=1)
    run.stdout.fnmatch_lines(["*a secret of this test got out (S1):*", f"*log: plain in '{WORD}'*", "watched for secrets: *"])
