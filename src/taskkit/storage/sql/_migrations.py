"""How the tables became what they are: a step for each version after the first, in order, and never changed once it was released.

A step says all in literal words: `_tables` tells how the tables are today, and not how they were when the step was written. What a
version brings goes into both. Its store is kept as a dump (`tests/storage/schemas`), and tests upgrade from every one of them.
"""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

from taskkit.storage.sql._statements import Words, column, indexed, made
from taskkit.storage.sql._tables import TEXT, Index, Table


class Change(Protocol):
    """A part of a step."""

    def statements(self, words: Words) -> list[str]: ...


@frozen
class NewTable:
    table: Table

    def statements(self, words: Words) -> list[str]:
        return made(self.table, words)


@frozen
class NewColumn:
    """Empty in all rows that are there."""

    table: str
    name: str
    type: str

    def statements(self, words: Words) -> list[str]:
        return [f'ALTER TABLE "{self.table}" ADD COLUMN {column(self.name, self.type, words)}']


@frozen
class NewIndex:
    table: str
    index: Index

    def statements(self, words: Words) -> list[str]:
        return [indexed(self.table, self.index)]


@frozen
class NoIndex:
    name: str

    def statements(self, words: Words) -> list[str]:
        return [f'DROP INDEX "{self.name}"']


@frozen
class Told:
    """A new column, filled from a list in JSON that is kept already; empty where that has escapes, which not all databases read alike."""

    table: str
    name: str
    type: str
    text: str
    place: int

    def statements(self, words: Words) -> list[str]:
        filled = words.element.format(text=f'"{self.text}"', place=self.place)
        escaped = words.within.format(text=f'"{self.text}"', part=_ESCAPE)
        update = f'UPDATE "{self.table}" SET "{self.name}" = {filled} WHERE {escaped} = 0'  # noqa: S608  our own words
        return [*NewColumn(self.table, self.name, self.type).statements(words), update]


_ESCAPE = r"'\u'"


@frozen
class Run:
    """A statement that databases share, such as one that fills a new column."""

    sql: str

    def statements(self, words: Words) -> list[str]:
        return [self.sql]


@frozen
class Migration:
    """One step, from the version before to the next.

    `older_may_work` says whether a taskkit that knows only the version before may go on with the store: as nodes are replaced one after
    the other, both work on it. It may where new columns may stay empty, and nothing that it writes or reads has another meaning.
    """

    what: str
    changes: tuple[Change, ...]
    older_may_work: bool


#: The first of them leads from version 1 to version 2.
MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        "the jobs of a series are found, as it is purged as a whole; and what is told of a line and a record, around a moment",
        (
            NewIndex("taskkit_jobs", Index("taskkit_jobs_of_series", ("series",), "series IS NOT NULL")),
            Told("taskkit_facts", "line", TEXT, "told", 4),
            NoIndex("taskkit_facts_of_records"),
            NewIndex("taskkit_facts", Index("taskkit_facts_stories", ("record", "line", "at"))),
        ),
        older_may_work=True,
    ),
    Migration(
        "a cause tells of which task and record it is, where they are not those of its job",
        (NewColumn("taskkit_causes", "via", TEXT),),
        older_may_work=True,
    ),
)
