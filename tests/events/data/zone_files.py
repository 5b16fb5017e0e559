"""Zone files of the tests' own making: RFC 9636, version 2, as small as it gets."""

from __future__ import annotations

import struct
import zoneinfo
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from taskkit.events import zones

#: An offset in seconds, whether it is summer time, its abbreviation.
Kind = tuple[int, bool, str]


def zone_file(kinds: Sequence[Kind], transitions: Sequence[tuple[int, int]] = (), footer: str = "", *, version: bytes = b"2") -> bytes:
    """`transitions` hold an instant and the place of the kind that begins there."""
    if version < b"2":
        return _block(kinds, transitions, b"\0", "l")
    return _block(kinds[:1], (), version, "l") + _block(kinds, transitions, version, "q") + f"\n{footer}\n".encode()


def write_zone(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _block(kinds: Sequence[Kind], transitions: Sequence[tuple[int, int]], version: bytes, width: str) -> bytes:
    letters, places = b"", []
    for _, _, abbreviation in kinds:
        places.append(len(letters))
        letters += abbreviation.encode() + b"\0"
    counts = struct.pack(">6l", 0, 0, 0, len(transitions), len(kinds), len(letters))
    instants = struct.pack(f">{len(transitions)}{width}", *(instant for instant, _ in transitions))
    indexes = bytes(kind for _, kind in transitions)
    offsets = b"".join(struct.pack(">lBB", offset, summer, place) for (offset, summer, _), place in zip(kinds, places, strict=True))
    return b"TZif" + version + bytes(15) + counts + instants + indexes + offsets + letters


@contextmanager
def zone_data_from(folder: Path) -> Iterator[None]:
    """Zone files of this folder go before the machine's; afterwards all is as it was."""
    before = zoneinfo.TZPATH
    _read_anew([str(folder), *before])
    try:
        yield
    finally:
        _read_anew(before)


def _read_anew(folders: Sequence[str]) -> None:
    zoneinfo.reset_tzpath(to=folders)
    zoneinfo.ZoneInfo.clear_cache()
    zones.forget()
