"""What the vault's outbox keeps for us, and up to where it was taken in (P9).

The place is noted on both sides: in the store, and then in the vault. Where they contradict each other, one of the two came back from a
backup. Some places of the last months are kept besides: where the vault lost the last one, it still knows one of these, as a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from attrs import frozen

from taskkit.engine._border import asked, said_of
from taskkit.engine._restores import MARKS, OUTBOX, STORE, VAULT, Restores
from taskkit.errors import UnknownMark
from taskkit.instants import DAY, MINUTE, Instant
from taskkit.storage import Document, Keep, Unit
from taskkit.vaults import Outbox

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TRAIL = "trail"
#: A fire is kept as long, so that what is told again from an older place is no new one.
_KEPT = 90 * DAY
#: Of all places that are older, the last one: after months without a happening it is the only one.
_LONG_AGO = "long ago"
_HOUR = 60 * MINUTE
Trail = list[tuple[Instant, str]]


@frozen
class _Place:
    """Where this store stands, under the name by which the vault knows it."""

    kept: Document | None
    mark: str | None
    reader: str


class OutboxReader:
    def __init__(self, ground: Ground, restores: Restores) -> None:
        self._ground, self._restores, self._storage = ground, restores, ground.storage
        self._name = ground.ids()  # of a store that has none yet
        self._passed: tuple[str | None, str] | None = None  # what this process told the vault last
        self._taken: tuple[str | None, list[str | None]] = None, []  # what it took in beyond a mark, in order, and need not take in again

    def fetch(self, take: Callable[[Sequence[object]], int]) -> int:
        """The mark moves after all was taken in, and twice is once."""
        if type(self._ground.vault.outbox).since is Outbox.since:
            return 0
        place = self._place()
        try:
            return self._fetch(place, take)
        except UnknownMark:
            if self._is_still(place):  # what another process has just left behind may be forgotten
                self._find(place)
        return 0

    def _fetch(self, place: _Place, take: Callable[[Sequence[object]], int]) -> int:
        outbox = self._ground.vault.outbox
        if place.kept is None:  # the vault is told who reads before anything is read
            self._move(place, None, ())
            place = self._place()
        if not self._tell(place):
            self._older(place)
            return 0
        happenings, mark = asked(lambda: _told(*outbox.since(place.mark)), "fetching happenings from the vault")
        if self._took(place, happenings, take) < len(happenings):
            return 0
        if mark != place.mark and self._move(place, mark):
            self._tell(self._place())
        return len(happenings)

    def _took(self, place: _Place, happenings: Sequence[object], take: Callable[[Sequence[object]], int]) -> int:
        """How many are done with, now or before. Where one has to wait, those before it do not come again each time."""
        ids = [said_of(one, "id") for one in happenings]  # two records may have one event, so that its place counts, too
        before = self._taken[1] if self._taken[0] == place.mark else []
        known = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, ids, strict=False)))
        done = known + take(happenings[known:])
        self._taken = place.mark, ids[:done] if done < len(ids) else []
        return done

    # the two sides

    def _place(self) -> _Place:
        kept = self._storage.document(MARKS, OUTBOX)
        body = kept.body if kept else {}
        return _Place(kept, body.get("mark"), body.get("reader", self._name))

    def _move(self, place: _Place, mark: str | None, trail: Unit | None = None) -> bool:
        body = {"mark": mark, "reader": place.reader}
        unit = (Keep(MARKS, OUTBOX, place.kept.revision if place.kept else 0, body), *(self._trailed(mark) if trail is None else trail))
        return bool(self._storage.write([unit])[0])

    def _tell(self, place: _Place, *, back: bool = False) -> bool:
        """After the store has kept it, so that the vault never knows of more; False where it does."""
        mark, reader = place.mark, place.reader
        if (mark, reader) == self._passed and not back:
            return True
        outbox = self._ground.vault.outbox
        if not asked(lambda: outbox.passed(mark, reader, back=back), "telling the vault what was taken in"):
            return False
        self._passed = mark, reader
        return True

    def _older(self, place: _Place) -> None:
        """Unless another process has just moved on: what came after the mark is told again, once the engine stands still."""
        if self._is_still(place):
            self._restores.notice(STORE)
            self._tell(place, back=True)

    def _is_still(self, place: _Place) -> bool:
        now = self._place()
        return now.kept is not None and place.kept is not None and now.kept.revision == place.kept.revision

    # the way back

    def _find(self, place: _Place) -> None:
        """The last place that the vault still knows, else its begin: what was taken in after it is told again, and twice is once."""
        trail = self._trail()
        found = next((step for step in range(len(trail) - 1, -1, -1) if self._knows(trail[step][1])), -1)
        self._restores.notice(VAULT)
        self._passed = None
        if self._move(place, trail[found][1] if found >= 0 else None, self._kept(trail[: found + 1])):
            self._tell(self._place(), back=True)

    def _knows(self, mark: str) -> bool:
        outbox = self._ground.vault.outbox
        try:
            asked(lambda: outbox.since(mark), "looking for a mark that the vault knows")
        except UnknownMark:
            return False
        return True

    def _trail(self) -> Trail:
        kept = self._storage.document(MARKS, _TRAIL)
        return [(at, mark) for at, mark in kept.body["marks"]] if kept else []

    def _trailed(self, mark: str | None) -> Unit:
        """One for each hour of the last day, and one for each day before that."""
        trail, now = self._trail(), self._ground.now()
        if mark is None or (trail and now - trail[-1][0] < _HOUR):
            return ()
        return self._kept([*_thinned(trail, now), (now, mark)])

    def _kept(self, trail: Trail) -> Unit:
        kept = self._storage.document(MARKS, _TRAIL)
        return (Keep(MARKS, _TRAIL, kept.revision if kept else 0, {"marks": trail}),)


def _thinned(trail: Trail, now: Instant) -> Trail:
    days: dict[Any, tuple[Instant, str]] = {}
    for at, mark in trail:
        day = at // DAY if now - at > DAY else (at,)
        days[day if now - at < _KEPT else _LONG_AGO] = (at, mark)
    return list(days.values())


def _told(happenings: Iterable[object], mark: str | None) -> tuple[list[object], str | None]:
    """Read to the end while the vault is asked: a list that is made on the way may fail on the way."""
    return list(happenings), mark
