"""Handles on a store that note what is written, or die at a write: what a process sees of its last moments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from attrs import frozen

from taskkit.states import Step
from taskkit.storage import Change, Claimed, Insert, Landed, Move, Unit
from taskkit.storage.memory import MemoryStorage
from tests.engine.houses import Crash

T = TypeVar("T")


@frozen
class Written:
    """One call of `write`."""

    units: tuple[Unit, ...]
    durable: bool
    landed: tuple[bool, ...]

    @property
    def changes(self) -> list[Change]:
        return [change for unit in self.units for change in unit]

    def moves(self, step: Step) -> list[Move]:
        return [change for change in self.changes if isinstance(change, Move) and change.step is step]


class Noting(MemoryStorage):
    """Notes every write, and whether it forced the disk."""

    def __init__(self, of: MemoryStorage) -> None:
        super().__init__(of._tables)
        self.written: list[Written] = []

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        answers = super().write(units, durable=durable)
        if units:
            self.written.append(Written(tuple(units), durable, tuple(map(bool, answers))))
        return answers

    def with_step(self, step: Step) -> list[Written]:
        return [one for one in self.written if one.moves(step)]

    def inserts(self) -> list[Insert]:
        return [change for one in self.written for change in one.changes if isinstance(change, Insert)]


class Mortal(MemoryStorage):
    """A process that dies right after its nth write or claim; what it would do between two of them leaves nothing behind."""

    def __init__(self, of: MemoryStorage, at: int) -> None:
        super().__init__(of._tables)
        self._left = at
        self.died = False

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        return self._mortal(super().write(units, durable=durable) if not self.died else ())

    def claim(self, *args: Any, **kwargs: Any) -> Sequence[Claimed]:
        return self._mortal(super().claim(*args, **kwargs) if not self.died else ())

    def _mortal(self, answer: T) -> T:
        self._left -= 1
        self.died = self.died or self._left < 0
        if self.died:
            raise Crash
        return answer


class Interleaved:
    """A process's handle on the store, with something that others do after one of its calls."""

    def __init__(self, storage: Any, **after: Callable[[Any], None]) -> None:
        self._storage, self._after = storage, after

    def __getattr__(self, name: str) -> Any:
        found, after = getattr(self._storage, name), self._after.get(name)
        if after is None:
            return found

        def call(*args: Any, **named: Any) -> Any:
            answer = found(*args, **named)
            after(answer)
            return answer

        return call
