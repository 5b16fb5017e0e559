"""The connections of one process to its database: one to write, and for each reader at one time one to read; broken ones are made anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from taskkit.errors import Refused, StorageAway
from taskkit.storage.sql._lines import Line, LineLost

T = TypeVar("T")
_TRIES = 2


class Lines:
    def __init__(self, make: Callable[[], Line]) -> None:
        self._make = make
        self._writer: Line | None = None
        self._readers: list[Line] = []
        self._process, self._is_closed = os.getpid(), False

    def write(self, deed: Callable[[Line], T], *, durable: bool) -> T:
        """One thread at a time. Who waited for its turn while another closed the store is answered all the same."""
        try:
            return self._write(deed, durable=durable)
        finally:
            if self._is_closed:
                self.close()

    def _write(self, deed: Callable[[Line], T], *, durable: bool) -> T:
        """What broke before its commit has changed nothing, and is done again on a new connection."""
        for tries in range(_TRIES, 0, -1):
            line = self._writer = self._writer or self._make()
            try:
                with line.writing(durable=durable):
                    return deed(line)
            except LineLost as lost:
                self._writer = None
                line.close()
                if lost.at_commit or tries == 1:
                    raise _away("writing to the store", lost) from None
            except BaseException:
                line.take_back()
                raise
        raise AssertionError

    def read(self, question: Callable[[Line], T], *, whole: bool) -> T:
        """`whole`, all that is read stands side by side; a single statement needs no transaction for that."""
        for tries in range(_TRIES, 0, -1):
            line = self._reader()
            try:
                with line.reading(whole=whole):
                    answer = question(line)
            except LineLost as lost:
                broken, self._readers = [line, *self._readers], []  # the others of that time are broken as well
                for one in broken:
                    one.close()
                if tries == 1:
                    raise _away("reading the store", lost) from None
            except BaseException:
                line.take_back()
                self._lay_down(line)
                raise
            else:
                self._lay_down(line)
                return answer
        raise AssertionError

    def _lay_down(self, line: Line) -> None:
        if self._is_closed:
            line.close()
        else:
            self._readers.append(line)

    def close(self) -> None:
        """A child of the process leaves them to its parent."""
        if self._process != os.getpid():
            return
        self._is_closed = True
        for line in (*([self._writer] if self._writer else []), *self._readers):
            line.close()
        self._writer, self._readers = None, []

    def _reader(self) -> Line:
        try:
            return self._readers.pop()
        except IndexError:
            return self._make()

    def must_be_ours(self) -> None:
        """Two processes must not speak on one connection, nor write one chain of facts."""
        if self._process != os.getpid():
            raise Refused("using a store", "this process was forked after it was opened", "open it after the fork")


def _away(tried: str, lost: LineLost) -> StorageAway:
    case = f"the connection broke at the commit ({lost.why})" if lost.at_commit else f"the connection broke ({lost.why})"
    return StorageAway(tried, case, "look whether the database is up; the next call connects anew")
