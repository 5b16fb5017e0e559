"""The project in Django: its own tests, and its process that works, as a reader starts it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from taskkit.states import State
from taskkit.storage import Query
from taskkit.storage.sqlite import SqliteStorage
from tests.examples import PATIENCE, copied, environment, python, started

pytest.importorskip("django", reason="django is not here: `make test` installs it")

#: What a view of the product does: its rows and the news of them, all of it or nothing.
CHECKS_IN = """
import django
django.setup()
from django.db import transaction
from vault.models import Record
from vault.tasks import check_in, engine
engine()
for approval, lands in ("a-17", True), ("a-18", False):
    with transaction.atomic():
        row, made = Record.objects.get_or_create(name="Database", host="10.0.0.5", user="app")
        check_in(row, approval)
        transaction.set_rollback(not lands)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copied("django_vault", tmp_path)


def test_its_own_tests_are_green(project: Path) -> None:
    said = python("manage.py", "test", "--noinput", cwd=project, env=environment())
    assert "\nOK\n" in said
    assert "Ran 0 tests" not in said


def test_its_models_need_no_more_than_they_say(project: Path) -> None:
    env = environment(DJANGO_SETTINGS_MODULE="settings")
    assert "no issues" in python("manage.py", "check", "--fail-level", "WARNING", cwd=project, env=env)


def test_p09_what_another_process_committed_is_done_by_the_one_that_works(project: Path) -> None:
    env = environment(DJANGO_SETTINGS_MODULE="settings")
    python("manage.py", "migrate", "--run-syncdb", cwd=project, env=env)
    python("manage.py", "migrate", "--run-syncdb", cwd=project, env=env)  # what it furnishes is there by now
    python("-c", CHECKS_IN, cwd=project, env=env)
    with SqliteStorage(project / "vault.db", makes=False) as store, started("manage.py", "run_tasks", cwd=project, env=env) as process:
        until = time.monotonic() + PATIENCE
        while not store.count(Query(states=State.COMPLETED)):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=PATIENCE)[0] == "working\nstopped\n"
        assert process.returncode == 0
        jobs = store.jobs(Query()).jobs  # two, where the first had begun when the check-in was taken in
        assert sorted(cause.kind for job in jobs for cause in store.causes(job.id)) == ["checked_in", "record_created"]
        assert store.posted(10) == []
