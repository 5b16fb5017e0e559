"""The store is away for one call, whichever: what is done is done once, and what ends, ends by its rules (J2, J7, J10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest

from taskkit.engine import Engine
from taskkit.errors import StorageAway
from taskkit.storage.sql._lines import Line
from taskkit.storage.sqlite import SqliteStorage
from tests.crash.audits import Audit, settle
from tests.crash.ledger import Ledger
from tests.crash.scripts import SETTINGS, Offers, found, vault
from tests.crash.test_kills import ALL, KILLS
from tests.crash.workers import happening

T = TypeVar("T")
_MOST = 400
#: In each test run some of the calls, with all the kills every one.
_STEP = 1 if KILLS >= ALL else 7
_MEMORY = Path("/dev/shm")  # noqa: S108


class Fragile(SqliteStorage):
    """Is away at the nth call from now, for so many calls."""

    calls_left, length = 0, 1

    def _ask(self, question: Callable[[Line], T]) -> T:
        return self._there(partial(super()._ask, question))

    def _look(self, question: Callable[[Line], T]) -> T:
        return self._there(partial(super()._look, question))

    def _commit(self, deed: Callable[[Line], T], *, durable: bool, then: Callable[[T], object] | None = None) -> T:
        return self._there(partial(super()._commit, deed, durable=durable, then=then))

    def _there(self, call: Callable[[], T]) -> T:
        self.calls_left -= 1
        if -self.length < self.calls_left <= 0:
            raise StorageAway("using the store", "it is away", "wait")
        return call()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory, where there is such a place: here no process dies, so no write has to wait for a disk."""
    with TemporaryDirectory(prefix="taskkit-away-", dir=_MEMORY if _MEMORY.is_dir() else tmp_path) as place:
        yield Path(place)


def played(folder: Path, kind: str, at: int, length: int) -> tuple[bool, list[str]]:
    """Whether the store was away at all, and what is wrong then."""
    folder.mkdir()
    path = folder / "store.db"
    with closing(Ledger(folder / "ledger")) as ledger:
        with Fragile(path, relaxed=True) as storage:
            engine = Engine(vault(), storage, settings=SETTINGS, plugins=[Offers(ledger)])
            found(engine, cadence=False)
            told: dict[str, Any] = {"kind": kind, "record": "r0", "id": "one"}
            if kind == "over all":
                [task] = [task.id for task in engine.tasks() if task.name == kind]
                told |= {"kind": "demanded", "record": "", "task": task}
            ledger.note("telling", **told)
            storage.calls_left, storage.length = at, length
            for _ in range(3):
                with suppress(StorageAway):
                    engine.emit(happening(told["kind"], told["record"], "one", told.get("task")))
                    engine.drain()
            was_away = storage.calls_left <= 0
        settle(f"sqlite:{path}", ledger)
        return was_away, Audit(f"sqlite:{path}", ledger, away=True).wrong


@pytest.mark.parametrize("length", [1, 4])
@pytest.mark.parametrize("kind", ["checked_in", "session_ended", "approved", "over all"])
def test_j10_a_store_that_is_away_for_some_calls_breaks_no_rule(kind: str, length: int, folder: Path) -> None:
    wrong: dict[int, list[str]] = {}
    for at in range(1, _MOST, max(length, _STEP)):
        was_away, found_wrong = played(folder / str(at), kind, at, length)
        rmtree(folder / str(at))
        if found_wrong:
            wrong[at] = found_wrong
        if not was_away:
            break
    else:
        raise AssertionError(f"it takes more than {_MOST} calls")
    assert not wrong, "\n".join(f"at call {at}: {one}" for at, several in wrong.items() for one in several)
