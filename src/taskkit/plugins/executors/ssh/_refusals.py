"""What a jump host has refused, so that not every job behind it says the same again: an account is locked by tries (S5).

As long as nobody knows whether a secret is right, one job tries it, and the others wait for what comes of it. Of the secret only a digest
is kept, under a key of this process.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from secrets import token_bytes
from threading import Condition

from attrs import define

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._stops import Stop
from taskkit.plugins.runs import Run
from taskkit.records import AccountId

#: For so many seconds what was refused is not said again, unless another secret is there.
_REMEMBERED = 600.0
#: What cost the account a try, or says that no further one may be made.
_SPENT = frozenset({ErrorClass.WRONG_CREDENTIALS, ErrorClass.ACCOUNT_LOCKED})
#: What is wrong with the log-in of a jump host says nothing about the account that the run is about.
_OF_THE_ACCOUNT = _SPENT | {ErrorClass.MUST_CHANGE}
_Place = tuple[AccountId, str]


@define
class _Known:
    """How the log-in with one secret went last."""

    digest: bytes
    is_tried: bool = False
    is_proven: bool = False
    refused: str = ""
    until: float = 0.0


class Refusals:
    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic, self._key, self._changed = monotonic, token_bytes(32), Condition()
        self._known: dict[_Place, _Known] = {}

    def check(self, stop: Stop, run: Run) -> None:
        """HostRefused where the same was refused a short while ago."""
        with self._changed:
            self._refuse(self._of(stop, run), stop)

    def log_in(self, stop: Stop, run: Run, enter: Callable[[], object]) -> None:
        """By `enter`, whose refusal is remembered; it tells nothing of the account that the run is about."""
        known, is_in, refusal = self._begun(stop, run), False, None
        try:
            enter()
            is_in = True
        except HostRefused as refused:
            refusal = refused
        finally:
            self._end(known, refusal, is_in=is_in)
        if refusal is not None:
            error = ErrorClass.BAD_CONFIGURATION if refusal.error in _OF_THE_ACCOUNT else refusal.error
            raise HostRefused(refusal.tried, refusal.case, refusal.help, error=error)

    def _begun(self, stop: Stop, run: Run) -> _Known:
        until = self._monotonic() + stop.settings.auth_timeout
        with self._changed:
            while (known := self._of(stop, run)).is_tried and not known.is_proven:
                if not self._changed.wait(max(0.0, until - self._monotonic())):
                    case = f"another job tries the same log-in, and has not ended within {stop.settings.auth_timeout:g} s"
                    raise stop.refusal("logging in to", case, "is it overloaded?", error=ErrorClass.BUSY)
            self._refuse(known, stop)
            known.is_tried = True
            return known

    def _end(self, known: _Known, refusal: HostRefused | None, *, is_in: bool) -> None:
        with self._changed:
            known.is_tried = False
            if is_in:
                known.is_proven, known.refused = True, ""
            elif refusal is not None and refusal.error in _SPENT:
                known.is_proven, known.refused, known.until = False, refusal.case, self._monotonic() + _REMEMBERED
            self._changed.notify_all()

    def _refuse(self, known: _Known, stop: Stop) -> None:
        left = known.until - self._monotonic()
        if known.refused and left > 0:
            case = f"{known.refused}; that was {_REMEMBERED - left:.0f} s ago, and the same was not said again"
            advice = f"have the vault hold what is right; the same is tried again in {left:.0f} s"
            raise stop.refusal(f"logging in as {stop.login.user!r} to", case, advice, error=ErrorClass.BAD_CONFIGURATION)

    def _of(self, stop: Stop, run: Run) -> _Known:
        place = run.vault.records.account(stop.login.record), stop.name
        digest = self._digest(stop)
        known = self._known.get(place)
        if known is None or not hmac.compare_digest(known.digest, digest):
            known = self._known[place] = _Known(digest)
        return known

    def _digest(self, stop: Stop) -> bytes:
        """Of all that may be said there."""
        login, made = stop.login, hmac.new(self._key, digestmod="sha256")
        for name, secret in sorted({**login.secrets, "": login.secret, "\0": login.key}.items()):
            said = secret.reveal_bytes() if secret else b""
            made.update(f"{name} {len(said)} ".encode() + said)
        made.update(login.user.encode())
        return made.digest()
