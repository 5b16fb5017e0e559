"""Whether a plug-in is made for this taskkit: comparisons of releases, as PEP 440 writes them.

Only numeric releases and the seven plain comparisons: a plug-in that needs more says it in its distribution's own requirements.
A pre-release of taskkit counts as the release that it leads to, so that plug-ins can be tried against it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from taskkit.errors import InvalidValue

Release = tuple[int, ...]
_COMPARISON = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)")
_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)")
_HELP = "give comparisons such as '>=0.1,<1': one of >= <= > < == != ~= and a release of numbers each"


def unmet(requires: object, version: str) -> list[str]:
    """The comparisons of a requirement that the version does not meet."""
    if not isinstance(requires, str):
        raise InvalidValue("reading taskkit_requires", f"it is a {type(requires).__name__}", _HELP)
    found = _RELEASE.match(version)
    if not found:
        raise InvalidValue("reading taskkit's own version", f"{version!r} is no release", "install taskkit from its distribution")
    comparisons = [_read(requires, part.strip()) for part in requires.split(",")]
    return [f"{sign}{'.'.join(map(str, asked))}" for sign, asked in comparisons if not _meets(_release(found[1]), sign, asked)]


def _read(requires: str, part: str) -> tuple[str, Release]:
    found = _COMPARISON.fullmatch(part)
    if not found:
        raise InvalidValue(f"reading taskkit_requires = {requires!r}", f"{part!r} is no comparison", _HELP)
    if found[1] == "~=" and "." not in found[2]:
        raise InvalidValue(f"reading taskkit_requires = {requires!r}", f"{part!r} leaves nothing open", "give two numbers, as in '~=1.4'")
    return found[1], _release(found[2])


def _release(text: str) -> Release:
    return tuple(map(int, text.split(".")))


_SIGNS: dict[str, Callable[[Release, Release], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip


def _meets(have: Release, sign: str, asked: Release) -> bool:
    if sign == "~=":  # ~=1.4.2 is >=1.4.2 and ==1.4.*
        return _meets(have, ">=", asked) and _padded(have, len(asked))[: len(asked) - 1] == asked[:-1]
    length = max(len(have), len(asked))
    return _SIGNS[sign](_padded(have, length), _padded(asked, length))


def _padded(release: Release, length: int) -> Release:
    """1.0 and 1.0.0 are one release."""
    return release + (0,) * (length - len(release))
