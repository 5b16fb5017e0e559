"""Hosts that are played: what they say, what they really do, and whom they let in. They reach nothing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from attrs import field, frozen

from taskkit.outcomes import ErrorClass
from taskkit.secrets import Secret


@frozen
class Reply:
    """What a host says to one command, how long it takes, and what it does meanwhile: hosts may lie, and connections may break."""

    output: str = "ok"
    errors: str = field(default="", kw_only=True)
    exit: int = field(default=0, kw_only=True)
    #: Seconds on the virtual clock; `inf` never comes to an end.
    takes: float = field(default=0.0, kw_only=True)
    #: Beside that, it hangs until this says that it may go on.
    until: Callable[[], bool] | None = field(default=None, kw_only=True)
    #: Whether it says what stood in the stdin instead.
    repeats: bool = field(default=False, kw_only=True)
    #: Whether it carries the command out, whatever it says.
    does: bool = field(default=True, kw_only=True)
    #: Whether anybody sees how it ends; a connection that breaks shows nothing.
    seen: bool = field(default=True, kw_only=True)


Answer = str | ErrorClass | Reply | Callable[[], "str | ErrorClass | Reply"]


class FakeHost:
    """One host: what it will say, what it has done, and which log-ins it knows. One that knows none lets everybody in."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.deeds: list[str] = []
        self.down: ErrorClass | None = None
        self._secrets: dict[str, Secret] = {}
        self._locks_after: dict[str, int | None] = {}
        self._wrong: Counter[str] = Counter()

    def answer(self) -> str | ErrorClass | Reply:
        found = self.answers.popleft() if self.answers else "ok"
        return found() if callable(found) else found

    def know(self, user: str, secret: Secret, locks_after: int | None) -> None:
        self._secrets[user], self._locks_after[user] = secret, locks_after
        self._wrong.pop(user, None)

    def unlock(self, user: str) -> None:
        self._wrong.pop(user, None)

    def refusal(self, user: str, secret: Secret | None) -> ErrorClass | None:
        """Why it lets nobody in, or not this one; each wrong secret counts (S5)."""
        if self.down is not None or not self._secrets:
            return self.down
        if (most := self._locks_after.get(user)) is not None and self._wrong[user] >= most:
            return ErrorClass.ACCOUNT_LOCKED
        known = self._secrets.get(user)
        if known is not None and secret is not None and known.same_as(secret):
            self._wrong.pop(user, None)
            return None
        self._wrong[user] += 1
        return ErrorClass.WRONG_CREDENTIALS
