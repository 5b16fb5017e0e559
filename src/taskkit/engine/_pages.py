"""All jobs that a query finds, and all documents of a table, however many: a page at a time, so that nobody holds them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from taskkit.errors import InvalidValue

if TYPE_CHECKING:
    from taskkit.jobs import Job
    from taskkit.storage import Document, Order, Query, Storage

#: A store may have to look through all of them for each page: a few large ones are cheaper than many.
_LARGE = 10_000
_DOCUMENTS = 1000


def all_jobs(storage: Storage, query: Query) -> Iterator[Job]:
    """The newest first."""
    return chain.from_iterable(pages(storage, query))


def pages(storage: Storage, query: Query, size: int = _LARGE, *, order: Order = "newest") -> Iterator[Sequence[Job]]:
    """Each page is read when the one before it was worked on."""
    page: str | None = None
    while True:
        found = storage.jobs(query, order=order, page=page, limit=size)
        yield found.jobs
        page = found.next
        if page is None:
            return


def all_documents(storage: Storage, table: str) -> Iterator[Document]:
    after, more = "", True
    while more:
        page = storage.documents(table, after=after, limit=_DOCUMENTS)
        yield from page
        more = len(page) == _DOCUMENTS
        after = page[-1].id if more else ""


def fills_a_page(limit: int, tried: str) -> None:
    """A page of nothing would be asked for again and again."""
    if limit < 1:
        raise InvalidValue(tried, f"a page of {limit} entries has none", "limit is at least 1")
