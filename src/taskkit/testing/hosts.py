"""Hosts that are played: what they say, what they really do, and whom they let in. They reach nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define, field, frozen

from taskkit.outcomes import ErrorClass
from taskkit.secrets import Secret


@frozen
class Reply:
    """What a host says to one command or change, how long it takes, and what it does meanwhile: it may lie, its connection may break."""

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


@define
class Account:
    """What a host knows of one log-in."""

    secret: Secret
    locks_after: int | None = None
    #: Whether it may give others their secrets.
    root: bool = False
    #: Whether it has to get a new secret before it is let in.
    expired: bool = False
    #: For how many seconds what was replaced still lets in.
    keeps_old: float = 0.0
    wrong: int = 0
    old: list[tuple[Secret, float]] = field(factory=list)

    @property
    def locked(self) -> bool:
        return self.locks_after is not None and self.wrong >= self.locks_after

    def accepts(self, secret: Secret | None, now: float) -> bool:
        """Each wrong one counts (S5)."""
        right = secret is not None and (self.secret.same_as(secret) or any(now < until and old.same_as(secret) for old, until in self.old))
        self.wrong = 0 if right else self.wrong + 1
        return right

    def change(self, new: Secret, now: float) -> None:
        self.old.append((self.secret, now + self.keeps_old))
        self.secret, self.expired = new, False


class FakeHost:
    """One host: what it will say, what it has done, and which log-ins it knows. One that knows none lets everybody in."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.changes: deque[Answer] = deque()
        self.puts: deque[Answer] = deque()
        self.files: dict[str, bytes] = {}
        self.modes: dict[str, int] = {}
        self.deeds: list[str] = []
        self.down: ErrorClass | None = None
        self.accounts: dict[str, Account] = {}

    def answer(self) -> str | ErrorClass | Reply:
        return _next(self.answers, "ok")

    def answer_to_change(self) -> str | ErrorClass | Reply:
        return _next(self.changes, Reply())

    def answer_to_put(self) -> str | ErrorClass | Reply:
        return _next(self.puts, Reply())

    def unlock(self, user: str) -> None:
        if user in self.accounts:
            self.accounts[user].wrong = 0

    def refusal(self, user: str, secret: Secret | None, now: float) -> ErrorClass | None:
        """Why it lets nobody in, or not this one."""
        if self.down is not None or not self.accounts:
            return self.down
        if (account := self.accounts.get(user)) is None:
            return ErrorClass.WRONG_CREDENTIALS
        if account.locked:
            return ErrorClass.ACCOUNT_LOCKED
        if not account.accepts(secret, now):
            return ErrorClass.WRONG_CREDENTIALS
        return ErrorClass.MUST_CHANGE if account.expired else None

    def refusal_of_change(self, by: str, user: str, old: Secret | None, now: float) -> ErrorClass | None:
        """Why whoever is in may not change this one's secret: root says no old one, all others say their own."""
        if (account := self.accounts.get(user)) is None:
            return ErrorClass.BAD_CONFIGURATION
        if (acting := self.accounts.get(by)) is not None and acting.root:
            return None
        if by != user:
            return ErrorClass.PERMISSION
        return None if account.accepts(old, now) else ErrorClass.WRONG_CREDENTIALS


def _next(answers: deque[Answer], usual: str | Reply) -> str | ErrorClass | Reply:
    found = answers.popleft() if answers else usual
    return found() if callable(found) else found
