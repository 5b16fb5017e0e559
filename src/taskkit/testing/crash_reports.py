"""What became of a password at each place where something went wrong, as a matrix: places down, mishaps across."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from attrs import field, frozen


class Verdict(StrEnum):
    """How it stands with an account once everybody has had time to mend it."""

    KNOWN = "known"  #: what is in force in the vault lets in
    UNCERTAIN = "uncertain"  #: nobody could say which, somebody was told, and what is kept lets in
    OPEN = "open"  #: nobody has resolved it in all that time, though what is kept lets in
    WRONG = "wrong"  #: the vault says that another one is in force than the one that lets in
    LOST = "lost"  #: nothing that is kept lets in


_SIGNS = {Verdict.KNOWN: "·", Verdict.UNCERTAIN: "u", Verdict.OPEN: "o", Verdict.WRONG: "W", Verdict.LOST: "X"}
_BROKEN, _NONE = "!", " "


@frozen
class Place:
    """One call of a rotation: its number among all calls of the play, what it calls, and how a report names it."""

    number: int
    what: str
    name: str

    def __str__(self) -> str:
        return self.name


@frozen
class Finding:
    """What became of one play. `troubles` is what was wrong beside the password: a law, a job, an account that stays held."""

    place: str
    mishap: str
    verdict: Verdict
    troubles: tuple[str, ...] = ()
    story: str = field(default="", repr=False)

    @property
    def is_good(self) -> bool:
        return self.verdict in (Verdict.KNOWN, Verdict.UNCERTAIN) and not self.troubles

    @property
    def sign(self) -> str:
        return _BROKEN if self.troubles and self.verdict in (Verdict.KNOWN, Verdict.UNCERTAIN) else _SIGNS[self.verdict]

    def __str__(self) -> str:
        return "\n".join((f"{self.place}, {self.mishap}: {self.verdict}", *(f"  {trouble}" for trouble in self.troubles)))

    def document(self) -> dict[str, Any]:
        return {"place": self.place, "mishap": self.mishap, "verdict": self.verdict.value, "troubles": list(self.troubles)}


def _all(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(findings)


@frozen
class CrashReport:
    """`assert report.lost == 0`, and `report.check()` for all of it."""

    findings: tuple[Finding, ...] = field(converter=_all)

    def count(self, verdict: Verdict) -> int:
        return sum(1 for one in self.findings if one.verdict is verdict)

    @property
    def lost(self) -> int:
        return self.count(Verdict.LOST)

    @property
    def bad(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if not one.is_good)

    def __add__(self, other: CrashReport) -> CrashReport:
        return CrashReport((*self.findings, *other.findings))

    def check(self) -> None:
        """AssertionError with the matrix, what is wrong, and the story of the first that is."""
        if bad := self.bad:
            raise AssertionError("\n\n".join((str(self), *map(str, bad[:10]), bad[0].story)))

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        counts = Counter(one.verdict for one in self.findings)
        return {
            "plays": len(self.findings),
            "counts": {verdict.value: counts[verdict] for verdict in Verdict},
            "bad": len(self.bad),
            "findings": [one.document() for one in self.findings],
        }

    def __str__(self) -> str:
        return "\n".join((*_matrix(self.findings), "", self.summary))

    @property
    def summary(self) -> str:
        """The counts, in one line."""
        counted = ", ".join(f"{verdict} {self.count(verdict):,}" for verdict in Verdict)
        return f"{len(self.findings):,} plays: {counted}; {len(self.bad):,} bad"


def _matrix(findings: Iterable[Finding]) -> Iterable[str]:
    cells: dict[tuple[str, str], Finding] = {}
    for one in findings:  # of several, from reports that were added, one that should not be is shown
        if (before := cells.get((one.place, one.mishap))) is None or before.is_good:
            cells[one.place, one.mishap] = one
    places, mishaps = list(dict.fromkeys(place for place, _ in cells)), list(dict.fromkeys(mishap for _, mishap in cells))
    width = max(map(len, places), default=0)
    for number, mishap in enumerate(mishaps):
        yield f"{'':{width}}  {'│ ' * number}┌ {mishap}"
    for place in places:
        signs = (cells[place, mishap].sign if (place, mishap) in cells else _NONE for mishap in mishaps)
        yield f"{place:{width}}  {' '.join(signs)}".rstrip()
    told = ", ".join(f"{sign} {verdict}" for verdict, sign in _SIGNS.items())
    yield f"{told}, {_BROKEN} something else is wrong"
