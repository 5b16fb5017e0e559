"""The search finds the canary wherever it is put on purpose: else the proof by all ways would prove nothing."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import VaultAway
from taskkit.outcomes import DONE, Done
from taskkit.secrets import Secret
from taskkit.states import State, Step
from taskkit.storage import Keep, Move, Name, Query
from tests.canary.disguises import DISGUISES
from tests.canary.nests import CANARY, TRACES, Nest, by_keep, by_login, by_vault
from tests.canary.searches import Ear, places, reached

pytestmark = pytest.mark.tells


@pytest.fixture
def nest(ear: Ear) -> Nest:
    found = Nest(ear.place)
    found.work()
    return found


def write(nest: Nest, *unit: Any) -> None:
    [landed] = nest.storage.write([unit])
    assert landed


def raised(error: BaseException, cause: BaseException | None = None) -> Callable[[Nest], None]:
    def fail() -> None:
        raise error from cause

    return lambda nest: nest.attempt(fail)


def hidden(nest: Nest) -> None:
    """`from None` hides an error and keeps it."""

    def fail() -> None:
        try:
            raise KeyError(CANARY)
        except KeyError:
            raise ValueError from None

    nest.attempt(fail)


def local(nest: Nest) -> None:
    def fail(secret: str) -> None:
        raise ValueError

    nest.attempt(lambda: fail(CANARY))


def noted() -> Exception:
    error = ValueError()
    error.add_note(CANARY)
    return error


def blob(nest: Nest) -> None:
    """It is kept as it is given: what holds secrets is sealed by whoever writes it."""
    nest.play.says("h01", lambda run: Done({"kept": run.blob([CANARY.encode()])}))
    nest.engine.demand(nest.task.id, "h01")
    nest.engine.drain()


def warn(nest: Nest) -> None:
    warnings.warn(CANARY, stacklevel=1)


def fact(nest: Nest) -> None:
    nest.engine.pause("host:any", why=CANARY)
    nest.engine.tick()


LEAKS: Mapping[str, Callable[[Nest], object]] = {
    "fact": fact,
    "JSON lines": fact,
    "notices": fact,
    "table account": lambda nest: write(nest, Keep("account", "a", 0, {"deep": [CANARY]})),
    "table mark": lambda nest: write(nest, Keep("mark", "a", 0, {CANARY: 1})),
    "blobs": blob,
    "memory": lambda nest: setattr(nest.engine._staff.views, "left", [{"a": (CANARY,)}]),
    "repr of VaultAway": lambda nest: setattr(nest.engine._staff.views, "left", VaultAway("reading", CANARY)),
    "log": lambda nest: logging.getLogger("taskkit.any").debug("said: %s", CANARY),
    "warnings": warn,
    "output": lambda nest: print(CANARY, file=sys.stderr),  # noqa: T201
    "environment": lambda nest: os.environ.update(LEFT=CANARY),
    "file left": lambda nest: Path("left").write_text(CANARY),
    "file temporary": lambda nest: Path(tempfile.gettempdir(), "temporary").write_text(CANARY),
    "file at-home": lambda nest: Path("~/at-home").expanduser().write_text(CANARY),
    "raised": raised(ValueError(CANARY)),
    "traceback": raised(ValueError(CANARY)),
}
RAISED: Mapping[str, Callable[[Nest], object]] = {
    "an argument": raised(ValueError({"a": CANARY})),
    "a cause": raised(ValueError(), KeyError(CANARY)),
    "what is hidden": hidden,
    "a note": raised(noted()),
    "one of a group": raised(ExceptionGroup("several", [ValueError(CANARY)])),
    "a local variable": local,
}


def closing(secret: str) -> Callable[[], str]:
    return lambda: secret


HELD: Mapping[str, Callable[[], object]] = {
    "bytes": lambda: {"a": [CANARY.encode()]},
    "a Secret": lambda: Secret(CANARY),
    "a bound method": lambda: CANARY.encode,
    "what a function closes over": lambda: closing(CANARY),
    "a set": lambda: frozenset({(CANARY,)}),
    "half of it": lambda: CANARY[4:13],
    **{name: closing(disguise(CANARY)) for name, disguise in DISGUISES.items()},
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEFT", "")


@pytest.mark.parametrize(("place", "leak"), LEAKS.items(), ids=LEAKS)
def test_what_is_put_there_is_found_there(place: str, leak: Callable[[Nest], object], nest: Nest, ear: Ear) -> None:
    with ear.listening():
        assert places(ear.heard(nest), *TRACES) == {}
        leak(nest)
    assert place in places(ear.heard(nest), *TRACES)


@pytest.mark.parametrize("leak", RAISED.values(), ids=RAISED)
def test_what_an_error_holds_is_found(leak: Callable[[Nest], object], nest: Nest, ear: Ear) -> None:
    leak(nest)
    assert places(ear.heard(nest), *TRACES)


@pytest.mark.parametrize("make", HELD.values(), ids=HELD)
@pytest.mark.parametrize("at", ["engine", "storage"])
def test_what_engine_or_store_hold_on_to_is_found(make: Callable[[], object], at: str, nest: Nest, ear: Ear) -> None:
    holder: Any = nest.engine._staff.views if at == "engine" else nest.storage._tables
    holder.left = make()
    assert "memory" in places(ear.heard(nest), *TRACES)


_TEXTS = ("why", "text", "error", "digest", "summary", "result", "memo", "progress", "operations", "policy", "stop", "demanded_by")


@pytest.mark.parametrize("name", _TEXTS)
def test_what_any_field_of_a_job_holds_is_found(name: str, nest: Nest, ear: Ear) -> None:
    [job] = nest.storage.jobs(Query(states=State.SCHEDULED)).jobs
    told: Any = {"result": {"a": CANARY}, "memo": {"a": CANARY}, "progress": (1, 2, CANARY), "operations": ({"output": CANARY},)}
    write(nest, Move(job.id, Step.REPLAN, job.revision, fields={name: told.get(name, CANARY)}))
    assert f"job.{name}" in places(ear.heard(nest), *TRACES)


def test_what_a_child_process_prints_is_found(nest: Nest, ear: Ear) -> None:
    subprocess.run(["/bin/cat"], input=CANARY.encode(), check=True)
    assert "output" in places(ear.heard(nest), *TRACES)


def test_the_name_of_a_thread_is_found(nest: Nest, ear: Ear) -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name=CANARY)
    thread.start()
    try:
        assert "names of threads" in places(ear.heard(nest), *TRACES)
    finally:
        over.set()
        thread.join()


def test_a_named_blob_is_found(nest: Nest, ear: Ear) -> None:
    id = nest.storage.put_blob([CANARY[:9].encode(), CANARY[9:].encode()], job="j")
    write(nest, Name(id, "j"))
    assert "memory" in places(ear.heard(nest), *TRACES)


@pytest.mark.parametrize("read", [by_login, by_vault, by_keep])
def test_all_ways_to_read_a_secret_give_it(read: Callable[[Any], str], nest: Nest) -> None:
    nest.says(lambda run, song: DONE, read)
    nest.engine.demand(nest.task.id, "h01")
    nest.engine.drain()
    assert nest.sung == [CANARY]


def test_the_search_reaches_what_engine_and_store_are_made_of(nest: Nest) -> None:
    found = [type(one).__name__ for one in _ours(nest)]
    for name in ("Engine", "Ground", "MemoryStorage", "_Tables", "Jobs", "Chains", "Documents", "Blobs", "Holds", "Lifeline", "Notices"):
        assert name in found
    assert "JobRun" not in found, "a run that ended is held on to, and its secrets with it"
    assert "Scrubber" not in found


def _ours(nest: Nest) -> Iterator[object]:
    return (one for one in reached(nest.engine, nest.storage) if type(one).__module__.startswith("taskkit"))
