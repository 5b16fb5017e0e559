"""A store that is closed while threads write: they are answered, and no connection stays open."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from taskkit.storage import Insert, Landed
from taskkit.storage.sql._lines import Line
from taskkit.testing.contracts.storage._makings import job, lands
from tests.storage.test_sql_knowledge import Durable


def test_who_waits_for_the_pen_while_the_store_is_closed_leaves_no_connection_open(store: Durable, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, closed = list[Line](), list[Line]()
    make = store._lines._make

    def made() -> Line:
        line = make()
        close = line.close

        def closes() -> None:
            closed.append(line)
            close()

        line.close = closes  # type: ignore[method-assign]
        opened.append(line)
        return line

    monkeypatch.setattr(store._lines, "_make", made)
    lands(store, Insert(job("before")))
    answers = list[Sequence[Landed]]()
    late = threading.Thread(target=lambda: answers.append(store.write([(Insert(job("late")),)])))
    with store._scribe.pen:
        late.start()
        while not store._scribe._waiting:
            time.sleep(0.001)
        store.close()
    late.join(20)
    assert [line for line in opened if line not in closed] == []
    assert all(answers[0])
