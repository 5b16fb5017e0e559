"""One pen for a process: whoever gets it writes for all who wait, in one transaction; heartbeats first (J14)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from attrs import define

from taskkit.states import Step
from taskkit.storage.units import Landed, Move, Unit

Write = Callable[[Sequence[Unit], bool], Sequence[Landed]]
_MOST = 1000  #: units in a transaction, unless one caller brings more


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
        self._door = threading.Lock()
        #: Who holds it is the only one in this process that writes.
        self.pen = threading.RLock()

    def write(self, units: Sequence[Unit], *, durable: bool) -> Sequence[Landed]:
        sheet = _Sheet(units, durable)
        with self._door:
            self._waiting.append(sheet)
        with self.pen:
            while not sheet.is_written:
                self._write_some()
        if sheet.error is not None:
            raise sheet.error
        return sheet.answers or ()

    def _write_some(self) -> None:
        sheets = self._taken()
        try:
            answers = list(self._write([unit for sheet in sheets for unit in sheet.units], any(sheet.durable for sheet in sheets)))
        except BaseException as error:
            if len(sheets) == 1:
                sheets[0].error = error
            else:  # one caller's trouble is not the others'
                for sheet in sheets:
                    self._write_alone(sheet)
            return
        for sheet in sheets:
            sheet.answers, answers = answers[: len(sheet.units)], answers[len(sheet.units) :]

    def _write_alone(self, sheet: _Sheet) -> None:
        try:
            sheet.answers = self._write(sheet.units, sheet.durable)
        except BaseException as error:
            sheet.error = error

    def _taken(self) -> list[_Sheet]:
        """Those that waited longest, but beats before all others."""
        with self._door:
            waiting = sorted(self._waiting, key=lambda sheet: not sheet.is_a_beat)
            count, most = 0, _MOST
            for sheet in waiting:
                most -= len(sheet.units)
                if most < 0 and count:
                    break
                count += 1
            taken, self._waiting = waiting[:count], waiting[count:]
        return taken
