"""One pen for a process: whoever gets it writes for all who wait, in one transaction; heartbeats first (J14)."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from copy import copy

from attrs import define

from taskkit.errors import StorageAway
from taskkit.states import Step
from taskkit.storage.units import Landed, Move, Unit

Write = Callable[[Sequence[Unit], bool], Sequence[Landed]]
_MOST = 1000  #: units in a transaction, unless one caller brings more
#: Where the last sheets came so fast, and from so many threads, more are about to come: a transaction costs more than what is in it.
_LAST, _THREADS, _GATHER_SECONDS = 8, 5, 0.005


@define(eq=False)
class _Sheet:
    """What one caller wants written, and what became of it."""

    units: Sequence[Unit]
    durable: bool
    answers: Sequence[Landed] | None = None
    error: BaseException | None = None

    @property
    def is_written(self) -> bool:
        return self.answers is not None or self.error is not None

    @property
    def is_a_beat(self) -> bool:
        change = self.units[0][0] if self.units and self.units[0] else None
        return isinstance(change, Move) and change.step is Step.BEAT


class Scribe:
    def __init__(self, write: Write) -> None:
        self._write, self._waiting = write, list[_Sheet]()
        #: When the last sheets came, and from whom.
        self._last = deque[tuple[float, int]](maxlen=_LAST)
        self._door = threading.Lock()
        #: Who holds it is the only one in this process that writes.
        self.pen = threading.RLock()

    def write(self, units: Sequence[Unit], *, durable: bool) -> Sequence[Landed]:
        sheet = _Sheet(tuple(units), durable)
        try:
            is_busy = self._hand_in(sheet)
            with self.pen:
                if is_busy and not sheet.is_written:
                    time.sleep(_GATHER_SECONDS)
                while not sheet.is_written:
                    self._write_some()
        finally:
            if sheet in self._waiting:
                self._clear(sheet)
        if sheet.error is not None:
            raise sheet.error
        return sheet.answers or ()

    def _hand_in(self, sheet: _Sheet) -> bool:
        """Whether more are about to come. A thread that writes alone is never kept waiting, however fast it writes."""
        now, thread = time.monotonic(), threading.get_ident()
        with self._door:
            self._waiting.append(sheet)
            self._last.append((now, thread))
            since = self._last[0][0]
            return since > now - _LAST * _GATHER_SECONDS and len({thread for _, thread in self._last}) >= _THREADS

    def let_others_first(self) -> None:
        """For who writes again and again: a lock goes to whoever is fastest, and that is who has just given it back."""
        before = list(self._waiting)
        while any(sheet in self._waiting for sheet in before):
            time.sleep(0.001)

    def _write_some(self) -> None:
        sheets = self._taken()
        try:
            self._write_together(sheets)
        except BaseException:  # an interrupt is for this thread alone; nobody knows whether what it wrote has landed
            for sheet in sheets:
                sheet.error = sheet.error or (None if sheet.is_written else _interrupted())
            raise
        finally:
            self._clear()

    def _write_together(self, sheets: Sequence[_Sheet]) -> None:
        try:
            answers = list(self._write([unit for sheet in sheets for unit in sheet.units], any(sheet.durable for sheet in sheets)))
        except StorageAway as error:  # everybody's: written again, what has landed would be told as refused
            for sheet in sheets:
                sheet.error = copy(error)
        except Exception as error:
            if len(sheets) == 1:
                sheets[0].error = error
            else:  # one caller's trouble is not the others'
                for sheet in sheets:
                    self._write_together([sheet])
        else:
            for sheet in sheets:
                sheet.answers, answers = answers[: len(sheet.units)], answers[len(sheet.units) :]

    def _clear(self, gone: _Sheet | None = None) -> None:
        with self._door:
            self._waiting = [sheet for sheet in self._waiting if sheet is not gone and not sheet.is_written]

    def _taken(self) -> list[_Sheet]:
        """Those that waited longest, but beats before all others."""
        first, *others = self._waiting
        if not (others or first.is_written):
            return [first]
        with self._door:
            waiting = sorted((sheet for sheet in self._waiting if not sheet.is_written), key=lambda sheet: not sheet.is_a_beat)
            count, most = 0, _MOST
            for sheet in waiting:
                most -= len(sheet.units)
                if most < 0 and count:
                    break
                count += 1
        return waiting[:count]


def _interrupted() -> StorageAway:
    return StorageAway("writing to the store", "whoever wrote for several was interrupted", "look what has landed, and write again")
