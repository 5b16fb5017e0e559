"""One happening that no store can keep, or of an odd time, holds up neither those behind it nor the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from taskkit.events.happenings import CheckedIn, Demanded, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import Task
from tests.engine.houses import UNIX, House, hosts


@frozen
class Odd(CheckedIn):
    kind = "odd"
    name: Any = ""

    @property
    def identity(self) -> str:
        return self.name  # type: ignore[no-any-return]  # as somebody may write it who does not check


@frozen
class Numbered(CheckedIn):
    kind = "numbered"
    record: Any = 5


class Nameless(CheckedIn):
    kind = "nameless"

    def __init__(self) -> None:
        pass

    @property
    def id(self) -> str:
        raise ValueError("it has none")


ODD = {
    "record": Numbered(),
    "id": Nameless(),
    "origin": CheckedIn("h01", origin=("\udc80",)),
    "identity": Odd("h01", name="\udc80"),
    "identity_int": Odd("h01", name=5),
    "identity_bytes": Odd("h01", name=b"x"),
    "identity_none": Odd("h01", name=None),
    "identity_list": Odd("h01", name=[1]),
    "max": Unlocked("h01", at=datetime.max.replace(tzinfo=UTC)),
    "max2": CheckedIn("h01", at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))),
    "min": Unlocked("h01", at=datetime.min.replace(tzinfo=timezone(timedelta(hours=12)))),
    "demanded": Demanded("h01", task="x"),
}


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_one_happening_that_cannot_be_kept_does_not_hold_up_those_behind_it(odd: Any, store: str, tmp_path: Path) -> None:
    house = House(*hosts(2))
    storage = SqliteStorage(tmp_path / "s.db") if store == "sqlite" else MemoryStorage()
    engine = house.enter(storage=storage)
    house.furnish(engine)
    engine.put(Task("work it", "work", [AfterCheckIn(), AfterUnlock(minutes=30)]), list=UNIX)
    house.vault.outbox.kept += [CheckedIn("h02", id="a"), odd, CheckedIn("h02", id="b")]
    errors = list[Exception]()
    for _ in range(3):
        try:
            engine.tick()
        except Exception as error:
            errors.append(error)
    assert errors == []
    engine.history()
    engine.overview()
    engine.drain()
    told = [len(engine.storage.causes(e.id)) for e in engine.history().entries if e.record == "h02"]
    assert sum(told) == 2, told
    house.clock.advance(days=2)
    engine.drain()
    assert engine.check() == []
