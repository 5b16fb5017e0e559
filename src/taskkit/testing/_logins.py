"""The accounts of a played machine, and the programs by which their passwords are changed. Knows no network."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from taskkit.secrets import Secret

ROOT = "root"
_FIRST_NUMBER = 1000
_ASKED_AT_MOST = 3
#: What a shell ends with, by POSIX.
_NOT_ALLOWED, _NOT_FOUND = 126, 127
_UNCHANGED = "passwd: Authentication token manipulation error\npasswd: password unchanged\n"


class Console(Protocol):
    """Where a program runs: as whom, what it reads, what it says."""

    @property
    def user(self) -> str: ...
    def say(self, text: str) -> None: ...
    def complain(self, text: str) -> None: ...
    def ask(self, prompt: str) -> str:
        """What is typed, unseen; EOFError where nobody is there any more."""
        ...

    def lines(self) -> Sequence[str]:
        """All that stands in its input."""
        ...


class Logins:
    """Who is let in, and what was tried. Several connections ask and change at once."""

    def __init__(self, passwords: Mapping[str, str | Secret], shortest: int) -> None:
        self._passwords = {user: one if isinstance(one, Secret) else Secret(one) for user, one in passwords.items()}
        self.shortest = max(1, shortest)
        self._lock = threading.Lock()
        self._tried: list[tuple[str, bool]] = []

    @property
    def tried(self) -> tuple[tuple[str, bool], ...]:
        with self._lock:
            return tuple(self._tried)

    def number(self, user: str) -> int | None:
        if user == ROOT:
            return 0
        return _FIRST_NUMBER + list(self._passwords).index(user) if user in self._passwords else None

    def password(self, user: str) -> Secret:
        with self._lock:
            return self._passwords[user]

    def let_in(self, user: str, said: str) -> bool:
        right = self.is_right(user, said)
        with self._lock:
            self._tried.append((user, right))
        return right

    def is_right(self, user: str, said: str) -> bool:
        with self._lock:
            return bool(said) and user in self._passwords and self._passwords[user].same_as(Secret(said))

    def change(self, user: str, new: str) -> None:
        with self._lock:
            self._passwords[user] = Secret(new)

    def objection(self, new: str) -> str:
        """Why it is not taken; empty where it is."""
        short = len(new) < self.shortest
        return f"BAD PASSWORD: The password is shorter than {self.shortest} characters\n" if short else ""


def carry_out(line: str, logins: Logins, console: Console) -> int:
    """With which code it ends."""
    try:
        name, *words = _words(line) or ["true"]
    except ValueError as error:  # shlex's
        console.complain(f"sh: {error}\n")
        return 2
    program = _PROGRAMS.get(name)
    if program is None:
        console.complain(f"sh: {name}: not found\n")
        return _NOT_FOUND
    return program(logins, console, words)


def _words(line: str) -> list[str]:
    """Of a script for a shell, the last line: what comes before it only makes sure that this one can be obeyed."""
    words = shlex.split(line)
    if words[:2] == ["/bin/sh", "-c"]:
        script = "".join(words[2:3]).splitlines()
        words = shlex.split(script[-1]) if script else []
    while words and (words[0] in ("env", "exec") or "=" in words[0]):
        del words[0]
    return words


def _true(logins: Logins, console: Console, words: Sequence[str]) -> int:
    return 0


def _echo(logins: Logins, console: Console, words: Sequence[str]) -> int:
    console.say(" ".join(words) + "\n")
    return 0


def _id(logins: Logins, console: Console, words: Sequence[str]) -> int:
    user = next((word for word in words if not word.startswith("-")), console.user)
    number = logins.number(user)
    if number is None:
        console.complain(f"id: '{user}': no such user\n")
        return 1
    console.say(f"{number}\n")
    return 0


def _passwd(logins: Logins, console: Console, words: Sequence[str]) -> int:
    user = words[0] if words else console.user
    if user != console.user and console.user != ROOT:
        console.complain(f"passwd: You may not view or modify password information for {user}.\n")
        return 1
    if logins.number(user) is None:
        console.complain(f"passwd: user '{user}' does not exist\n")
        return 1
    console.say(f"Changing password for {user}.\n")
    if console.user != ROOT and not logins.is_right(user, console.ask("Current password: ")):
        console.complain(_UNCHANGED)
        return 10
    return _asked_for_new(user, logins, console)


def _asked_for_new(user: str, logins: Logins, console: Console) -> int:
    for _ in range(_ASKED_AT_MOST):
        new = console.ask("New password: ")
        if objection := logins.objection(new):
            console.complain(objection)
            continue
        if console.ask("Retype new password: ") != new:
            console.complain(f"Sorry, passwords do not match.\n{_UNCHANGED}")
            return 10
        logins.change(user, new)
        console.say("passwd: password updated successfully\n")
        return 0
    console.complain("passwd: Have exhausted maximum number of retries for service\npasswd: password unchanged\n")
    return 11


def _chpasswd(logins: Logins, console: Console, words: Sequence[str]) -> int:
    """All lines or none."""
    if console.user != ROOT:
        console.complain("sh: chpasswd: Permission denied\n")
        return _NOT_ALLOWED
    if words:
        console.complain(f"chpasswd: unrecognized option '{words[0]}'\n")
        return 2
    given = [line.partition(":") for line in console.lines()]
    for number, (user, _, new) in enumerate(given, 1):
        case = logins.objection(new) if logins.number(user) is not None else ""
        if case or logins.number(user) is None:
            failed = f"(user {user}) pam_chauthtok() failed, error:\nAuthentication token manipulation error\n"
            console.complain(f"{case}chpasswd: {failed}chpasswd: (line {number}, user {user}) password not changed\n")
            return 1
    for user, _, new in given:
        logins.change(user, new)
    return 0


_PROGRAMS: Mapping[str, Callable[[Logins, Console, Sequence[str]], int]] = {
    "true": _true, "exit": _true, "echo": _echo, "id": _id, "passwd": _passwd, "chpasswd": _chpasswd,
}  # fmt: skip
