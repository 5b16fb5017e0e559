"""What is explained: a task on a record, at a moment."""

from __future__ import annotations

from attrs import field, frozen

from taskkit.engine._targets import Aim
from taskkit.engine._words import Words
from taskkit.instants import Instant
from taskkit.records import Record
from taskkit.tasks import Task


@frozen
class Question:
    """A moment that has passed is one of the past; without one it is asked how things stand now."""

    task: Task
    name: str | None  #: of the record
    record: Record | None  #: as the vault has it; none also where that is not asked
    aim: Aim
    now: Instant
    at: Instant
    is_removed: bool = False
    #: Who asks; none is the product itself.
    user: str | None = None
    words: Words = field(init=False)

    @words.default
    def _words(self) -> Words:
        return Words(self.task)

    @property
    def runs_on(self) -> str | None:
        """The record of its jobs (R2)."""
        return self.aim.record.id if self.aim.record is not None else self.name

    @property
    def places(self) -> list[tuple[str, str | None]]:
        """The lines and records whose jobs do its work, its own first."""
        return list(dict.fromkeys([(self.task.line, self.name), (self.aim.task.line, self.runs_on)]))

    @property
    def leads_elsewhere(self) -> bool:
        return len(self.places) > 1

    @property
    def is_of_a_part(self) -> bool:
        """What a run over many does with one of them (R6)."""
        return self.task.is_system and self.name is not None
