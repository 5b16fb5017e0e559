"""Happenings that wait to be fetched, up to where each reader has come, and when they may go."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

from taskkit.events._tellings import Kinds, read
from taskkit.events.happenings import Happening
from taskkit.sqlite_vault._files import File
from taskkit.vaults import Outbox, unknown_mark

#: A store that comes back from a backup is told again what came after it, as long as that is here.
KEPT_DAYS = 90
_DAY_SECONDS = 86_400


class FileOutbox(Outbox):
    """A mark is the number of the last row, and a sign of what stands there: after a restore numbers are given once more.

    Writers wait for one another, so that no row comes later with a smaller number.
    """

    def __init__(self, file: File, kinds: Kinds) -> None:
        self._file, self._kinds = file, kinds

    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        first = self._number(mark)
        found = self._file.rows("SELECT number, body FROM outbox WHERE number > ? ORDER BY number", first)
        told: list[Any] = [read(number, body, self._kinds) for number, body in found]
        return told, _mark(*found[-1]) if found else mark

    def passed(self, mark: str | None, reader: str, *, back: bool = False) -> bool:
        with self._file.writing():
            number = self._number(mark)
            [(furthest,)] = self._file.rows("SELECT max(number) FROM readers WHERE reader = ?", reader)
            if furthest is not None and number < furthest:
                if not back:
                    return False
                self._file.write("DELETE FROM readers WHERE reader = ? AND number > ?", reader, number)
            self._file.write("INSERT OR REPLACE INTO readers VALUES (?, ?, ?)", reader, _today(), number)
            self._let_go()
        return True

    def _let_go(self) -> None:
        """What every reader had passed so many days ago."""
        late = _today() - KEPT_DAYS
        older = "SELECT 1 FROM readers AS later WHERE later.reader = readers.reader AND later.day > readers.day AND later.day <= ?"
        self._file.write(f"DELETE FROM readers WHERE day < ? AND EXISTS ({older})", late, late)  # noqa: S608  our own words
        of_each = "SELECT coalesce(max(number) FILTER (WHERE day <= ?), 0) AS passed FROM readers GROUP BY reader"
        self._file.write(f"DELETE FROM outbox WHERE number <= (SELECT min(passed) FROM ({of_each}))", late)  # noqa: S608

    def _number(self, mark: str | None) -> int:
        """UnknownMark where it was never given, or where another happening stands in its place."""
        if mark is None:
            return 0
        digits, _, sign = mark.partition("-") if isinstance(mark, str) else ("", "", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
            raise unknown_mark(mark)
        number = int(digits)
        found = self._file.row("SELECT body FROM outbox WHERE number = ?", number)
        if _sign(found[0]) != sign if found else not self._was_given(number):
            raise unknown_mark(mark)
        return number

    def _was_given(self, number: int) -> bool:
        """What stood there was let go."""
        last = self._file.row("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
        return last is not None and 0 < number <= last[0]


def _mark(number: int, body: str) -> str:
    return f"{number}-{_sign(body)}"


def _sign(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def _today() -> int:
    return int(time.time() // _DAY_SECONDS)
