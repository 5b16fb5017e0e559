"""Stores whose process ends, or is stopped, when it comes to a named place for the nth time; and that tell the world what was promised."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from taskkit.storage import Claimed, Landed, Unit
from taskkit.storage.postgresql import PostgresStorage, _lines
from taskkit.storage.postgresql._lines import PostgresLine
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sql._tables import Table
from taskkit.storage.sqlite import SqliteStorage
from taskkit.storage.sqlite._lines import SqliteLine
from tests.crash.ledger import Ledger

#: Where every store is passed by: around a write and a claim; in a transaction when it has the lock, when the first row has changed, right
#: before its commit, and right after it.
OF_STORES = ("write", "written", "claim", "claimed", "begun", "changed", "commit", "committed")
#: The commit is under way to the server, and its answer is not there.
OF_POSTGRES = ("sent",)
_HURRIED_SECONDS = 2
#: Where scripts are passed by: before and after what they do, and around what they save.
OF_SCRIPTS = ("before", "after", "save", "saved")


@frozen
class Fate:
    """A signal that a process sends to itself: `KILL` or `STOP`, at its nth visit of a place."""

    place: str
    visit: int = 1
    signal: str = "KILL"

    def __str__(self) -> str:
        return f"{self.signal}@{self.place}:{self.visit}"

    @classmethod
    def parse(cls, text: str) -> Fate:
        signal, _, rest = text.partition("@")
        place, _, visit = rest.partition(":")
        return cls(place, int(visit), signal)


class End:
    """Counts the visits, in all threads."""

    def __init__(self, fate: Fate | None, ledger: Ledger) -> None:
        self._fate, self._ledger, self._lock = fate, ledger, threading.Lock()
        self._left = fate.visit if fate else 0

    def visit(self, place: str) -> None:
        if self._fate is None or place != self._fate.place:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._ledger.note("ends", how=self._fate.signal, at=place)
                os.kill(os.getpid(), getattr(signal, f"SIG{self._fate.signal}"))


class _Lines(Line):
    """What passes by in a transaction."""

    end: End
    _changed = False

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[None]:
        self._changed = False
        with super().writing(durable=durable):  # type: ignore[safe-super]
            self.end.visit("begun")
            yield
            self.end.visit("commit")
        self.end.visit("committed")

    def add(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        super().add(table, rows)  # type: ignore[safe-super]
        self._visit_change(rows)

    def change(self, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        super().change(table, columns, rows)  # type: ignore[safe-super]
        self._visit_change(rows)

    def _visit_change(self, rows: Sequence[object]) -> None:
        if rows and not self._changed:
            self._changed = True
            self.end.visit("changed")


class MortalSqliteLine(_Lines, SqliteLine):
    def __init__(self, path: Path, end: End) -> None:
        self.end = end
        super().__init__(path)


class MortalPostgresLine(_Lines, PostgresLine):
    def __init__(self, url: str, schema: str, end: End) -> None:
        self.end = end
        super().__init__(url, schema)
        execute = self._db.execute

        def executed(query: Any, *args: Any, **named: Any) -> Any:
            answer = execute(query, *args, **named)
            if query == "COMMIT":
                end.visit("sent")
            return answer

        self._db.execute = executed  # type: ignore[method-assign]


class _Stores(SqlStorage):
    """What passes by around a call; and what was promised by its return."""

    end: End
    ledger: Ledger
    _noted = 0

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        self.end.visit("write")
        answers = super().write(units, durable=durable)
        self._note_head()
        self.end.visit("written")
        return answers

    def _note_head(self) -> None:
        """As an exporter takes it away: what was there up to here must be there for ever."""
        head = self._known.head
        if head is not None and head.position > self._noted:
            self._noted = head.position
            self.ledger.note("head", chain=head.chain, position=head.position, hash=head.hash)

    def claim(self, *args: Any, **named: Any) -> Sequence[Claimed]:
        self.end.visit("claim")
        claimed = super().claim(*args, **named)
        if claimed:
            self.ledger.note("claimed", tokens={one.job.id: one.job.token for one in claimed})
        self.end.visit("claimed")
        return claimed


class MortalSqlite(_Stores, SqliteStorage):
    def __init__(self, path: str, end: End, ledger: Ledger) -> None:
        self.end, self.ledger = end, ledger
        super().__init__(path)

    def line(self) -> Line:
        return MortalSqliteLine(self.path, self.end)


class MortalPostgres(_Stores, PostgresStorage):
    def __init__(self, url: str, end: End, ledger: Ledger) -> None:
        self.end, self.ledger = end, ledger
        super().__init__(url)

    def line(self) -> Line:
        return MortalPostgresLine(self._url, self._schema, self.end)


def hurry() -> None:
    """Whoever hears nothing gives up after some seconds; so does the server, of whom nothing is heard in mid-transaction."""
    _lines._Patient.seconds = _HURRIED_SECONDS - 5  # of which so many are for the way
    _lines._KEPT_ALIVE["connect_timeout"] = _HURRIED_SECONDS
    _lines._LETS_GO = _lines._LETS_GO.replace("session_timeout=20s", f"session_timeout={_HURRIED_SECONDS}s")


def opened(url: str, end: End, ledger: Ledger) -> MortalSqlite | MortalPostgres:
    scheme, _, path = url.partition(":")
    return MortalSqlite(path, end, ledger) if scheme == "sqlite" else MortalPostgres(url, end, ledger)
