"""The dialogue of `passwd` on a terminal: it asks for the password in force, for the new one, and for the new one again.

Every program of this name asks for the new one twice before it writes anything. Where it asks for a new one once more, it has refused what
it was told. Beyond the second time nothing is certain but what its end says.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Protocol

from attrs import define, field

from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown
from taskkit.plugins.executors._changes import refused_by
from taskkit.plugins.executors._sequences import in_one_line
from taskkit.plugins.executors._talks import Nothing, Patience, Seen, Talk
from taskkit.plugins.executors.ssh._rules import is_busy, is_forbidden, is_obeyed, names_nobody, rule_of
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Terminal
from taskkit.secrets import Secret

#: A machine that waits is quiet; what it says meanwhile is no prompt.
_QUIET = 0.1
_MOST_TOLD = 300
_NOT_BEGUN = (126, 127)
_FILE_BUSY = 5
_UNCHANGED = re.compile(r"\bunchanged\b|not changed", re.IGNORECASE)


class Asked(StrEnum):
    CURRENT = "current"
    NEW = "new"
    AGAIN = "again"


_PROMPT = re.compile(r"pass(word|phrase|wd|code)\b.*[:?]$", re.IGNORECASE)
#: In this order: "Retype new password", "New password", "(current) UNIX password".
_ASKED = (
    (Asked.AGAIN, re.compile(r"re-?type|re-?enter|repeat|again|verify|confirm", re.IGNORECASE)),
    (Asked.NEW, re.compile(r"\bnew\b", re.IGNORECASE)),
    (Asked.CURRENT, re.compile(r"\b(current|old|existing)\b", re.IGNORECASE)),
)


class Ending(Terminal, Protocol):
    """A terminal whose program has a code with which it ends."""

    def ended(self) -> int | None:
        """None where nobody saw it end."""
        ...


def asked_in(line: str) -> Asked | None:
    if not _PROMPT.search(line):
        return None
    return next((asked for asked, pattern in _ASKED if pattern.search(line)), None)


@define
class Passwd:
    """Held once. Each secret is said once to each question (S5)."""

    _terminal: Ending
    _run: Run
    _old: Secret | None
    _new: Secret
    _seconds: float
    _talk: Talk = field(init=False)
    _given: list[Asked] = field(factory=list, init=False)
    _heard: list[str] = field(factory=list, init=False)

    @_talk.default
    def _begun(self) -> Talk:
        return Talk(self._terminal, self._run, _QUIET)

    def hold(self) -> Done | NotDone | Unknown:
        while True:
            found = self._talk.listen(_choose, Patience(min(self._seconds, self._run.seconds_left)))
            self._heard.append(self._talk.seen.text)
            if found is Nothing.CLOSED:
                return self._ended(self._terminal.ended())
            outcome = self._unanswered() if isinstance(found, Nothing) else self._answered(found)
            if outcome is not None:
                return outcome

    # answers

    def _answered(self, asked: Asked) -> Done | NotDone | Unknown | None:
        """What it comes to, where there is no answer; None where it goes on."""
        if (refusal := self._refusal_of(asked)) is not None:
            return refusal
        secret = self._old if asked is Asked.CURRENT else self._new
        if secret is None:
            return self._not_done(ErrorClass.BAD_CONFIGURATION, "it asks for the current password, and the vault has none")
        if asked is not Asked.AGAIN and self._run.stop_requested:
            return self._not_done(ErrorClass.STOPPED, "the job was asked to stop")
        if asked is not Asked.CURRENT or not self._given:
            self._heard.clear()  # what it says of good passwords names rules that nobody broke, and what it only warned of is no refusal
        self._given.append(asked)
        try:
            self._talk.say((secret,))
        except OSError:  # nobody is there: what was heard before, or its end, says how far it came
            return self._ended(self._terminal.ended())
        return None

    def _refusal_of(self, asked: Asked) -> NotDone | Unknown | None:
        """It begins again, so that what it was told before was not taken; or it asks what comes too early."""
        if Asked.AGAIN in self._given:
            return self._refused() if self._rule else self._unknown("it was told the new password twice, and asks for more")
        if Asked.NEW in self._given and asked is not Asked.AGAIN:
            return self._refused()
        if asked is Asked.CURRENT and asked in self._given:
            return self._not_done(ErrorClass.WRONG_CREDENTIALS, "it asks for the current password again: it was not taken")
        if asked is Asked.AGAIN and Asked.NEW not in self._given:
            return self._not_done(ErrorClass.FAILED, "it asks for the new password again before it was told one")
        return None

    # ends

    def _ended(self, exit: int | None) -> Done | NotDone | Unknown:
        if exit is None:
            case = "the connection was lost before its end"
            return self._unknown(case) if Asked.NEW in self._given else self._not_done(ErrorClass.UNREACHABLE, case)
        if Asked.NEW not in self._given:
            return self._ended_early(exit)
        if exit == 0 and Asked.AGAIN in self._given and not _UNCHANGED.search(self._text):
            return Done()
        if is_busy(self._text) or exit == _FILE_BUSY:
            return self._not_done(ErrorClass.BUSY, f"it ended with {exit}")
        if (exit and Asked.AGAIN not in self._given) or (self._rule and is_obeyed(self._text)):
            return self._refused()
        return self._unknown(f"it ended with {exit} after it was told the new password")

    def _ended_early(self, exit: int) -> NotDone:
        """Before it heard of the new password."""
        if self._rule:
            return self._refused()
        case = f"it ended with {exit} and asked for no new password"
        if exit in _NOT_BEGUN:
            return self._not_done(ErrorClass.BAD_CONFIGURATION, f"{case}: is there a passwd?")
        if exit == _FILE_BUSY or is_busy(self._text):
            return self._not_done(ErrorClass.BUSY, case)
        if is_forbidden(self._text):
            return self._not_done(ErrorClass.PERMISSION, case)
        if names_nobody(self._text):
            return self._not_done(ErrorClass.BAD_CONFIGURATION, "the machine knows no such account")
        if exit and Asked.CURRENT in self._given:
            return self._not_done(ErrorClass.WRONG_CREDENTIALS, "it did not take the current password")
        return self._not_done(ErrorClass.FAILED, case)

    def _unanswered(self) -> NotDone | Unknown:
        case = f"nothing that is known came within {self._seconds:g} s"
        if Asked.NEW in self._given:
            return self._unknown(case)
        return self._not_done(ErrorClass.BAD_CONFIGURATION if self._talk.seen.line else ErrorClass.TIMEOUT, case)

    # what is told

    def _refused(self) -> NotDone:
        return refused_by(self._rule or "other", self._told("the machine refused the new password"))

    def _not_done(self, error: ErrorClass, case: str) -> NotDone:
        return NotDone(error, self._told(case))

    def _unknown(self, case: str) -> Unknown:
        return Unknown(self._told(case))

    def _told(self, case: str) -> str:
        said = in_one_line(self._text, self._run)[-_MOST_TOLD:]
        return f"changing the password by passwd: {case}" + (f"; it says {said!r}" if said else "")

    @property
    def _rule(self) -> str | None:
        return rule_of(self._text)

    @property
    def _text(self) -> str:
        """What it said since the last answer, or since the first where that was a current password."""
        return "\n".join(self._heard)


def _choose(seen: Seen) -> Asked | None:
    return asked_in(seen.line)
