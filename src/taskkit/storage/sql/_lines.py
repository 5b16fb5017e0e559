"""A connection to a database, in the few words that the rooms of the store know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from taskkit.checks import is_keepable
from taskkit.jobs import Job
from taskkit.storage._keepable import askable
from taskkit.storage.sql._tables import Table

Row = tuple[Any, ...]
#: A column of numbers, and the first of them.
Counted = tuple[str, int] | None


def is_shared(values: Row) -> bool:
    """Whether all of these are the same: most rows of one write differ in few columns."""
    first = values[0]
    return first == values[-1] and values.count(first) == len(values)


class LineLost(Exception):
    """The connection broke. Where that was at the commit, nobody knows whether what was written has landed."""

    def __init__(self, why: str, *, at_commit: bool = False) -> None:
        super().__init__(why)
        self.why, self.at_commit = why, at_commit


class Question(NamedTuple):
    """A statement whose marks are `?`. Where it says `IN {these}`, that is its first mark, and stands for values however many."""

    sql: str
    values: tuple[Any, ...] = ()
    these: Sequence[str | int] | None = None


class Line(ABC):
    """One connection, used by one thread at a time. Values are always handed in, and never written into a statement.

    What the database refuses or does not answer is a `StorageAway`; a connection that is of no use any more, a `LineLost`.
    """

    @abstractmethod
    def is_made(self) -> bool:
        """Whether all tables are there, at the version that is known here."""

    @abstractmethod
    def make(self) -> None:
        """All tables where there are none, and what a newer version of them needs where they are older."""

    @abstractmethod
    def writing(self, *, durable: bool) -> AbstractContextManager[None]:
        """A transaction beside which nobody else writes; what breaks off leaves nothing behind."""

    def others_wrote(self) -> bool:
        """In a transaction that writes: whether anybody else has written since this was asked last; True where nobody can tell."""
        return True

    @abstractmethod
    def reading(self, *, whole: bool) -> AbstractContextManager[None]:
        """Where it is read as a whole, all of it stands side by side."""

    @abstractmethod
    def run(self, sql: str, *values: Any) -> None: ...

    def ask(self, questions: Iterable[Question]) -> list[list[Row]]:
        """The answer to each; all of them go to the database in one go where it lies elsewhere."""
        return self.answers([_askable(question) for question in questions])

    @abstractmethod
    def answers(self, questions: Sequence[Question]) -> list[list[Row]]:
        """The same, of questions that any database can be asked. None is where `these` are none."""

    def rows(self, sql: str, *values: Any) -> list[Row]:
        [rows] = self.ask([Question(sql, values)])
        return rows

    def among(self, sql: str, these: Iterable[str | int], *values: Any) -> list[Row]:
        """What `{these}` in the statement stands for comes first."""
        [rows] = self.ask([Question(sql, values, tuple(these))])
        return rows

    def grouped(self, sql: str, these: Iterable[str], *values: Any) -> Mapping[str, set[str]]:
        """Of rows of two texts: for each first one, all that stand second."""
        found: dict[str, set[str]] = {}
        for first, second in self.among(sql, these, *values):
            found.setdefault(first, set()).add(second)
        return found

    @abstractmethod
    def add(self, table: Table, rows: Sequence[Row]) -> None:
        """New rows."""

    @abstractmethod
    def add_alike(self, table: Table, shared: Mapping[str, Any], told: Mapping[str, Sequence[Any]]) -> None:
        """New rows: what all of them say, and the other columns one by one, row by row."""

    @abstractmethod
    def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Rows as they stand now, whether they were there before or not."""

    @abstractmethod
    def change(self, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """These columns of rows that are there: each row is a key, then the columns."""

    @abstractmethod
    def change_all(
        self, table: Table, columns: Sequence[str], told: Row, keys: Sequence[str], *, growing: str, counted: Counted = None
    ) -> None:
        """The same for all rows with these keys, and one more in a column of numbers; in another one the numbers from one on, in order."""

    @abstractmethod
    def drop(self, table: Table, keys: Sequence[Row]) -> None:
        """The rows with these keys."""

    @abstractmethod
    def drop_all(self, table: Table, keys: Sequence[str]) -> None:
        """All rows of which the first part of the key is one of these."""

    def damages(self) -> list[str]:
        """What the database itself finds wrong with what it has kept, where it can be asked."""
        return []

    def odd(self, table: Table, most: int) -> list[Row]:
        """Rows of which a column holds what it is not for, as the key and the column's name, where the database takes that."""
        return []

    @abstractmethod
    def look(self, seconds: float) -> bool:
        """Wait for news of others' writes, so long at most; whether there were any, as at first. A line that looks does nothing else."""

    def hint(self, jobs: Iterable[Job]) -> None:  # noqa: B027  most tell by themselves that something was written
        """Tell those who look of these jobs, once this transaction has landed."""

    def take_back(self) -> None:  # noqa: B027  most do so whatever comes between
        """What an interrupt has left open, as it came between a transaction and its end."""

    @abstractmethod
    def close(self) -> None: ...


def _askable(question: Question) -> Question:
    sql, values, these = question
    texts = [one for one in these or () if isinstance(one, str)]
    if not is_keepable("".join(texts)):
        these = tuple(filter(is_keepable, texts))  # of numbers and texts there are never both
    asked = askable(values)
    return question if asked is values and these is question.these else Question(sql, asked, these)
