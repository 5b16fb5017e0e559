"""Where a page begins, and how many stand on it, as every store reads them: a marker may come from a URL, and anybody may write one."""

from __future__ import annotations

import re

from taskkit.checks import BEYOND, is_keepable
from taskkit.errors import InvalidValue

_MARKER = re.compile(r"(-?[0-9]{1,19}):(-?[0-9]{1,19})")
#: More than any store has; one more of them is still a number that it knows.
_ALL = BEYOND // 2


def place_at(page: str) -> tuple[int, int]:
    """What the marker of a page of jobs says."""
    found = _MARKER.fullmatch(str(page))
    if found is not None and all(abs(int(part)) < BEYOND for part in found.groups()):
        return int(found[1]), int(found[2])
    raise _none(page)


def id_at(page: str) -> str:
    """What the marker of a page of documents says."""
    if isinstance(page, str) and is_keepable(page):
        return page
    raise _none(page)


def many(limit: int) -> int:
    """None, where it is less than that."""
    return min(max(0, limit), _ALL)


def _none(page: object) -> InvalidValue:
    return InvalidValue(f"looking for the page {page!r}", "none begins there", "give the `next` of the page before")
