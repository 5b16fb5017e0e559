"""Log-ins with secrets of an account that its host has refused: whoever goes on knows of them, and locks nobody out (S5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pendulum
from attrs import asdict, evolve, field, frozen

from taskkit.checks import several
from taskkit.instants import MINUTE, Instant, shown
from taskkit.records import AccountId

TABLE = "tries"
#: So many refused log-ins lock no account. The next one waits for longer than hosts count them together, which is mostly 15 minutes.
AT_ONCE, COUNTED = 2, 16 * MINUTE
#: Which secret it was, where that is none of those that the vault knows: a worker was lost who may have tried one; the host has locked.
UNSEEN, LOCKED = "unseen", "locked"
#: How many are remembered.
_MOST = 12


@frozen
class SpentTry:
    """One that did not let in, or of which nobody saw the end."""

    which: str  #: `candidate`, `current` or `previous`; `unseen` of a worker that was lost; `locked`
    at: Instant
    mark: str = field(default="", repr=False)  #: a keyed hash of the secret, where there is a keyring
    #: Whether the secret is still taken for a wrong one: not once somebody has said that it be tried again. It counts all the same.
    tells: bool = True

    @property
    def when(self) -> pendulum.DateTime:
        return shown(self.at)

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        return {"which": self.which, "at": self.when.isoformat()}


@frozen
class SpentTries:
    """Those of one account since it let in last, in their order."""

    account: AccountId
    tries: tuple[SpentTry, ...] = field(default=(), converter=several)
    revision: int = 0

    def free(self, now: Instant) -> Instant:
        """When another one may be made."""
        return now if self.left(now) > 0 else self.tries[-1].at + COUNTED

    def left(self, now: Instant) -> int:
        """How many may be made at once. What follows within the time in which hosts count is counted together."""
        left, later = AT_ONCE, now
        for one in reversed(self.tries):
            if later - one.at >= COUNTED:
                break
            left -= AT_ONCE if one.which == LOCKED else 1
            later = one.at
        return max(left, 0)

    def says(self, which: str, mark: str) -> bool:
        """Whether this secret was refused, and nobody has said since that it may let in."""
        return any(one.tells and (one.mark == mark if mark and one.mark else one.which == which) for one in self.tries)

    def has(self, which: str, mark: str) -> bool:
        return any((one.which, one.mark) == (which, mark) for one in self.tries)

    def until(self, now: Instant) -> SpentTries:
        """Noted by a clock that was ahead, none lies later than now: else nobody could try before that clock was right."""
        late = any(one.at > now for one in self.tries)
        return evolve(self, tries=[evolve(one, at=min(one.at, now)) for one in self.tries]) if late else self

    def with_(self, *more: SpentTry) -> SpentTries:
        return evolve(self, tries=(*self.tries, *more)[-_MOST:])

    def muted(self) -> SpentTries:
        """They count still, and say nothing of any secret."""
        return evolve(self, tries=[evolve(one, tells=False) for one in self.tries])

    def body(self) -> dict[str, Any]:
        return {"tries": [asdict(one) for one in self.tries]}


def tries_of(account: AccountId, body: Mapping[str, Any], revision: int) -> SpentTries:
    kept: Iterable[Mapping[str, Any]] = body["tries"]
    return SpentTries(account, [SpentTry(**one) for one in kept], revision)
