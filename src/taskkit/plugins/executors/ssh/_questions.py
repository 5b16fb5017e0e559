"""What machines ask and say while somebody logs in, and what is answered: each secret once (S5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from paramiko import SSHException

from taskkit.outcomes import ErrorClass
from taskkit.secrets import Secret

_MUST_CHANGE = re.compile(
    r"password has expired|password change required|(required to|must) change (your|the) password|password (must|has to) be changed",
    re.IGNORECASE,
)
_ASKS_FOR_ANOTHER = re.compile(r"new .*password|(retype|repeat) .*password|(current|old)\)? .*password", re.IGNORECASE)
_LOCKED = re.compile(
    r"account (is |has been |was )?(temporarily |now )?(locked|disabled|suspended)|(your|the) account has expired|account expired",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"pass(word|wort|code|phrase)", re.IGNORECASE)


def told_of(text: str) -> ErrorClass | None:
    """What a machine says of the account, where it says so."""
    if _LOCKED.search(text):
        return ErrorClass.ACCOUNT_LOCKED
    return ErrorClass.MUST_CHANGE if _MUST_CHANGE.search(text) else None


class NoAnswer(SSHException):
    """A question that nothing answers: the talk ends here, as an empty answer would be a wrong one."""

    def __init__(self, case: str, *, repeated: bool = False) -> None:
        super().__init__(case)
        self.repeated = repeated  #: it was answered already, and is asked again


class Questions:
    """One talk. It is called from paramiko's thread, and must raise nothing but what paramiko hands on."""

    def __init__(self, password: Secret | None, answers: Mapping[str, Secret]) -> None:
        self._password, self._answers = password, answers
        self.asked_for_password = False
        self._asks_for_another = False
        self._given: list[Secret] = []
        #: All that was said and asked, and where that begins which was said after it had heard the password.
        self.said: list[str] = []
        self._since: int | None = None

    def __call__(self, title: str, instructions: str, prompts: Sequence[tuple[str, bool]]) -> list[str]:
        self.said += [said for text in (title, instructions, *(prompt for prompt, _ in prompts)) if (said := text.strip())]
        self._asks_for_another |= any(_ASKS_FOR_ANOTHER.search(prompt) and not self._named(prompt) for prompt, _ in prompts)
        if self._asks_for_another or told_of(instructions) is ErrorClass.ACCOUNT_LOCKED:
            raise NoAnswer("it says more than a log-in answers")
        answers = [self._answer(prompt, len(prompts) == 1 and not echoed) for prompt, echoed in prompts]
        if self._since is None and any(self._password is None or one.same_as(self._password) for one in self._given):
            self._since = len(self.said)
        return answers

    def _answer(self, prompt: str, alone: bool) -> str:
        found = self._named(prompt)
        if found is None and self._password is not None and (_PASSWORD.search(prompt) or (alone and not self._answers)):
            found, self.asked_for_password = self._password, True
        if found is None or found in self._given:
            raise NoAnswer(f"nothing answers {prompt!r}", repeated=found is not None)
        self._given.append(found)
        return found.reveal()

    def _named(self, prompt: str) -> Secret | None:
        return next((secret for pattern, secret in self._answers.items() if re.search(pattern, prompt)), None)

    @property
    def text(self) -> str:
        return _text(self.said)

    @property
    def told(self) -> ErrorClass | None:
        """What it says of the account. That the right password has to be changed can only be said by who has heard it."""
        since = len(self.said) if self._since is None else self._since
        if self._asks_for_another and self._since is not None:
            return ErrorClass.MUST_CHANGE
        if (error := told_of(self.text)) is not ErrorClass.MUST_CHANGE:
            return error
        return told_of(_text([text for text in self.said[since:] if text not in self.said[:since]]))


def _text(said: Sequence[str]) -> str:
    return "; ".join(" ".join(text.split()) for text in said)
