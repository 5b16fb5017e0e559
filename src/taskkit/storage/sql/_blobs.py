"""The blobs of a database: pieces of a megabyte, seen once a unit has named them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from taskkit.errors import NotFound
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._tables import BLOBS, LENT, PIECES

MEGABYTE = 1 << 20
_NAMELESS = f"""SELECT id FROM taskkit_blobs AS blob WHERE job IS NULL
    AND NOT EXISTS (SELECT 1 FROM taskkit_jobs WHERE id = blob.writer AND phase = {LENT})"""  # noqa: S608
_PIECE = "SELECT piece FROM taskkit_pieces WHERE blob = ? AND place = ?"


def in_pieces(given: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, a megabyte at a time."""
    kept = bytearray()
    for some in given:
        kept += some
        while len(kept) >= MEGABYTE:
            yield bytes(kept[:MEGABYTE])
            del kept[:MEGABYTE]
    if kept:
        yield bytes(kept)


def begin(line: Line, id: str, job: str) -> None:
    line.add(BLOBS, [(id, job, None)])


def add(line: Line, id: str, place: int, piece: bytes) -> None:
    """Nothing, where the blob was swept meanwhile: its job is another's, or has ended, and no unit will name it."""
    if line.rows("SELECT 1 FROM taskkit_blobs WHERE id = ?", id):
        line.add(PIECES, [(id, place, piece)])


def count(line: Line, id: str) -> int:
    """How many pieces it has; NotFound where no unit has named it."""
    if not line.rows("SELECT 1 FROM taskkit_blobs WHERE id = ? AND job IS NOT NULL", id):
        raise NotFound(f"opening the blob {id!r}", "there is none that a unit has named", "it may have been purged with its job")
    [(pieces,)] = line.rows("SELECT count(*) FROM taskkit_pieces WHERE blob = ?", id)
    return int(pieces)


def piece(line: Line, id: str, place: int) -> bytes:
    for (found,) in line.rows(_PIECE, id, place):
        return bytes(found)
    raise NotFound(f"reading the blob {id!r}", "it was removed meanwhile", "it may have been purged with its job")


def sweep(line: Line) -> int:
    return forget(line, [id for (id,) in line.rows(_NAMELESS)])


def forget_of(line: Line, jobs: Iterable[str]) -> None:
    forget(line, [id for (id,) in line.among("SELECT id FROM taskkit_blobs WHERE job IN {these}", jobs)])


def forget(line: Line, ids: list[str]) -> int:
    line.drop(PIECES, line.among("SELECT blob, place FROM taskkit_pieces WHERE blob IN {these}", ids))
    line.drop(BLOBS, [(id,) for id in ids])
    return len(ids)
