"""The dialogue of `passwd` in the words of many systems, without any of them: what each says, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import inf

import pytest
from attrs import define, field

from taskkit.outcomes import Done, NotDone, Unknown
from taskkit.plugins.executors.ssh._passwd import Passwd
from taskkit.plugins.executors.ssh._rules import rule_of
from taskkit.secrets import Secret
from taskkit.testing.trials import running

OLD, NEW = Secret("correct-horse-battery"), Secret("brand-new-horse-1")
CUT = None
UNCHANGED = "\r\npasswd: Authentication token manipulation error\r\npasswd: password unchanged\r\n"


@define
class Played:
    """What it says first, and after each answer; then its code, or nothing where the connection is cut, or silence."""

    says: Sequence[str]
    exit: int | None
    hangs: bool = False
    echoes: bool = False
    told: list[str] = field(factory=list)
    _said: list[bytes] = field(factory=list)
    _at: int = 0

    def receive(self, seconds: float) -> bytes | None:
        if self._said:
            return self._said.pop(0)
        if self._at <= len(self.told) and self._at < len(self.says):
            self._at += 1
            return self.says[self._at - 1].encode()
        over = self._at == len(self.says) <= len(self.told) + (0 if self.hangs else 1)
        return None if over and not self.hangs and self._has_ended else b""

    @property
    def _has_ended(self) -> bool:
        """It ends behind the last thing that it says, unless that is a question."""
        return not self.says[-1].rstrip().endswith(":") or len(self.told) == len(self.says)

    def send(self, *parts: Secret | str) -> None:
        text = "".join(part.reveal() if isinstance(part, Secret) else part for part in parts)
        self.told.append(text.rstrip("\n"))
        if self.echoes:
            self._said.append(text.replace("\n", "\r\n").encode())

    def ended(self) -> int | None:
        return self.exit


def held(
    says: Sequence[str], exit: int | None = 0, *, old: Secret | None = OLD, hangs: bool = False, echoes: bool = False
) -> tuple[Done | NotDone | Unknown, list[str]]:
    terminal = Played(says, exit, hangs, echoes)
    with running() as run:
        for secret in (OLD, NEW):
            run.keep(secret)
        outcome = Passwd(terminal, run, old, NEW, 0.5 if hangs else inf).hold()
    return outcome, terminal.told


def told(outcome: Done | NotDone | Unknown) -> tuple[str, str | None, str | None]:
    return type(outcome).__name__, getattr(outcome, "error", None), outcome.result.get("refusal")


DIALOGUES = {
    "Debian": ["Changing password for app.\r\nCurrent password: ", "\r\nNew password: ", "\r\nRetype new password: ",
               "\r\npasswd: password updated successfully\r\n"],
    "RHEL": ["Changing password for user app.\r\nCurrent password: ", "\r\nNew password: ", "\r\nRetype new password: ",
             "\r\npasswd: all authentication tokens updated successfully.\r\n"],
    "RHEL 6": ["Changing password for user app.\r\nChanging password for app.\r\n(current) UNIX password: ", "\r\nNew password: ",
               "\r\nRetype new password: ", "\r\npasswd: all authentication tokens updated successfully.\r\n"],
    "Ubuntu 14": ["(current) UNIX password: ", "\r\nEnter new UNIX password: ", "\r\nRetype new UNIX password: ",
                  "\r\npasswd: password updated successfully\r\n"],
    "BusyBox": ["Changing password for app\r\nOld password: ", "\r\nNew password: ", "\r\nRetype password: ",
                "\r\npasswd: password for app changed by app\r\n"],
    "shadow without PAM": ["Changing password for app\r\nOld password: ",
                           "\r\nEnter the new password (minimum of 5 characters)\r\nPlease use a combination of upper and "
                           "lower case letters and numbers.\r\nNew password: ", "\r\nRe-enter new password: ",
                           "\r\npasswd: password changed.\r\n"],
    "passwdqc": ["Enter current password: ",
                 "\r\nYou can now choose the new password or passphrase.\r\n\r\nA good password should be a mix of upper "
                 "and lower case letters, digits, and\r\nother characters.  You can use a password containing at least 7 characters."
                 "\r\n\r\nEnter new password: ", "\r\nRe-type new password: ", "\r\npasswd: password updated successfully\r\n"],
    "SSSD": ["Changing password for user app.\r\nCurrent Password: ", "\r\nNew password: ", "\r\nRetype new password: ",
             "\r\npasswd: all authentication tokens updated successfully.\r\n"],
    "FreeBSD": ["Changing local password for app\r\nOld Password:", "\r\nNew Password:", "\r\nRetype New Password:", "\r\n"],
    "AIX": ["Changing password for \"app\"\r\napp's Old password: ", "\r\napp's New password: ",
            "\r\nEnter the new password again:", "\r\n"],
    "expired, told by sshd": ["WARNING: Your password has expired.\r\nYou must change your password now and login again!\r\n"
                              "Changing password for app.\r\nCurrent password: ", "\r\nNew password: ", "\r\nRetype new password: ",
                              "\r\npasswd: password updated successfully\r\n"],
}  # fmt: skip


@pytest.mark.parametrize("says", DIALOGUES.values(), ids=DIALOGUES.keys())
def test_every_passwd_is_answered_in_its_order(says: list[str]) -> None:
    assert held(says) == (Done(), [OLD.reveal(), NEW.reveal(), NEW.reveal()])


def test_root_is_asked_for_no_current_one_and_only_warned() -> None:
    warned = "\r\nBAD PASSWORD: The password is shorter than 8 characters\r\nRetype new password: "
    says = ["New password: ", warned, "\r\npasswd: password updated\r\n"]
    assert held(says, old=None) == (Done(), [NEW.reveal(), NEW.reveal()])


def test_a_prompt_that_comes_in_pieces_is_one() -> None:
    class Slowly(Played):
        def receive(self, seconds: float) -> bytes | None:
            piece = super().receive(seconds)
            if piece and len(piece) > 1:
                self._said[:0] = [piece[n : n + 1] for n in range(1, len(piece))]
                return piece[:1]
            return piece

    terminal = Slowly(DIALOGUES["Debian"], 0)
    with running() as run:
        assert Passwd(terminal, run, OLD, NEW, inf).hold() == Done()


# rules

RULES = {
    "BAD PASSWORD: The password is shorter than 14 characters": "too_short",
    "BAD PASSWORD: it is WAY too short": "too_short",
    "You must choose a longer password.": "too_short",
    "Bad password: too short": "too_short",
    "Weak password: too short.": "too_short",
    "BAD PASSWORD: The password fails the dictionary check - it is based on a dictionary word": "too_simple",
    "BAD PASSWORD: The password is too similar to the old one": "too_simple",
    "BAD PASSWORD: The password contains less than 1 digits": "too_simple",
    "BAD PASSWORD: The password contains the user name in some form": "too_simple",
    "BAD PASSWORD: The password is a palindrome": "too_simple",
    "BAD PASSWORD: The password contains too long of a monotonic character sequence": "too_simple",
    "BAD PASSWORD: it does not contain enough DIFFERENT characters": "too_simple",
    "BAD PASSWORD: is too simple": "too_simple",
    "Bad password: too weak": "too_simple",
    "Bad password: similar to username": "too_simple",
    "Weak password: not enough different characters or classes for this length.": "too_simple",
    "BAD PASSWORD: The password is the same as the old one": "in_history",
    "Password has been already used. Choose another.": "in_history",
    "The password has not been changed.": "in_history",
    "You must wait longer to change your password": "too_young",
    "The password for app cannot be changed yet.": "too_young",
    "You must choose a shorter password.": "other",
    "Password change failed. Server message: Password fails quality checking policy": "other",
}


@pytest.mark.parametrize(("said", "rule"), RULES.items())
def test_a_rule_is_known_by_its_words(said: str, rule: str) -> None:
    assert rule_of(said) == rule


@pytest.mark.parametrize(
    "said", [*chain(*DIALOGUES.values()), UNCHANGED, "Sorry, passwords do not match.", "Permission denied.", "Last login: yesterday"]
)
def test_what_is_no_refusal_is_not_taken_for_one(said: str) -> None:
    assert rule_of(said) is None or "at least 7" in said


@pytest.mark.parametrize(
    ("says", "exit", "wanted"),
    [
        # it asks for another at once, ends at once, or does so when it has heard it twice
        (["New password: ", "\r\nBAD PASSWORD: The password is a palindrome\r\nNew password: "], 10, ("NotDone", "refused", "too_simple")),
        (["New password: ", "\r\nBad password: too weak\r\npasswd: password for app is unchanged\r\n"], 1,
         ("NotDone", "refused", "too_simple")),
        (["New password: ", "\r\nSomething that nobody knows\r\nNew password: "], 10, ("NotDone", "refused", "other")),
        (["New password: ", "\r\nSomething that nobody knows" + UNCHANGED], 10, ("NotDone", "refused", "other")),
        (["New password: ", "\r\nRetype new password: ", "\r\nYou must choose a longer password.\r\nNew password: "], 10,
         ("NotDone", "refused", "too_short")),
        (["New password: ", "\r\nRetype new password: ", "\r\nPassword has been already used. Choose another." + UNCHANGED], 10,
         ("NotDone", "refused", "in_history")),
        (["Current password: ", "\r\nYou must wait longer to change your password" + UNCHANGED], 10, ("NotDone", "refused", "too_young")),
        (["The password for app cannot be changed yet.\r\n"], 1, ("NotDone", "refused", "too_young")),
    ],
)  # fmt: skip
def test_what_a_rule_refused_is_certain(says: list[str], exit: int, wanted: tuple[str, str, str]) -> None:
    outcome, _ = held(says, exit)
    assert told(outcome) == wanted


# ends


@pytest.mark.parametrize(
    ("says", "exit", "wanted"),
    [
        (["Current password: ", UNCHANGED], 10, ("NotDone", "wrong_credentials", None)),
        (["Current password: ", "\r\nSorry.\r\nCurrent password: "], 10, ("NotDone", "wrong_credentials", None)),
        (["Retype new password: "], 10, ("NotDone", "failed", None)),
        (["env: 'passwd': No such file or directory\r\n"], 127, ("NotDone", "bad_configuration", None)),
        (["passwd: Permission denied.\r\n"], 1, ("NotDone", "permission", None)),
        (["passwd: user 'app' does not exist\r\n"], 1, ("NotDone", "bad_configuration", None)),
        (["passwd: Authentication token lock busy\r\n"], 10, ("NotDone", "busy", None)),
        (["passwd file busy\r\n"], 5, ("NotDone", "busy", None)),
        (["hello from a shell that does nothing\r\n"], 0, ("NotDone", "failed", None)),
        (["Current password: "], CUT, ("NotDone", "unreachable", None)),
        (["Current password: ", "\r\n"], CUT, ("NotDone", "unreachable", None)),
        # from here on it may have been taken
        (["New password: ", "\r\n"], CUT, ("Unknown", None, None)),
        (["New password: ", "\r\nRetype new password: ", "\r\n"], CUT, ("Unknown", None, None)),
        (["New password: ", "\r\nRetype new password: ", UNCHANGED], 10, ("Unknown", None, None)),
        (["New password: ", "\r\nRetype new password: ", "\r\nWhat now?\r\nNew password: "], 10, ("Unknown", None, None)),
        (["New password: ", "\r\nBAD PASSWORD: too simple\r\nRetype new password: ", UNCHANGED], 10, ("Unknown", None, None)),
        (["New password: ", "\r\nRetype new password: ", "\r\npasswd: System error\r\npasswd: password unchanged\r\n"], 10,
         ("Unknown", None, None)),
        (["New password: ", "\r\nRetype new password: ", "\r\npassword for app is unchanged\r\n"], 0, ("Unknown", None, None)),
        (["New password: ", "\r\nRetype new password: ",
          "\r\nPassword has been already used.\r\npasswd: System error\r\npasswd: password unchanged\r\n"], 10, ("Unknown", None, None)),
        (["New password: ", "\r\nall done\r\n"], 0, ("Unknown", None, None)),
    ],
)  # fmt: skip
def test_j10_an_end_is_told_for_certain_only_where_it_is(
    says: list[str], exit: int | None, wanted: tuple[str, str | None, str | None]
) -> None:
    outcome, _ = held(says, exit)
    assert told(outcome) == wanted


@pytest.mark.parametrize(
    ("says", "wanted"),
    [
        (["Verification code: "], ("NotDone", "bad_configuration", None)),
        ([""], ("NotDone", "timeout", None)),
        (["Current password: ", "\r\nPlease touch your token "], ("NotDone", "bad_configuration", None)),
        (["New password: ", "\r\n"], ("Unknown", None, None)),
        (["New password: ", "\r\nRetype new password: ", "\r\n"], ("Unknown", None, None)),
    ],
)
def test_j10_one_that_says_no_more_is_given_up(says: list[str], wanted: tuple[str, str | None, str | None]) -> None:
    outcome, answers = held(says, CUT, hangs=True)
    assert told(outcome) == wanted
    assert len(answers) == len(says) - 1


def test_s01_what_a_terminal_echoes_is_not_told() -> None:
    outcome, _ = held(["Current password: ", "\r\nNew password: ", "\r\nRetype new password: ", "\r\nBAD\r\n"], 10, echoes=True)
    assert told(outcome)[0] == "Unknown"
    assert not isinstance(outcome, Done)
    assert "BAD" in outcome.text
    assert not [secret for secret in (OLD, NEW) if secret.reveal() in repr(outcome)]


def test_s01_what_a_machine_repeats_is_not_told() -> None:
    outcome, _ = held(["New password: ", f"\r\nBAD PASSWORD: {NEW.reveal()} is based on {OLD.reveal()}" + UNCHANGED], 10)
    assert told(outcome) == ("NotDone", "refused", "too_simple")
    assert not [secret for secret in (OLD, NEW) if secret.reveal() in repr(outcome)]


def test_s05_each_secret_is_said_once_to_each_question() -> None:
    _, answers = held(["Current password: ", "\r\nCurrent password: ", "\r\nCurrent password: "], 10)
    assert answers == [OLD.reveal()]


def test_a_stop_is_heeded_before_the_new_password_is_said_and_not_between() -> None:
    for stop_after, wanted in ((1, "NotDone"), (2, "Done")):
        terminal = Played(DIALOGUES["Debian"], 0)
        with running() as run:

            class Stopped:
                stop_requested = property(lambda self: len(terminal.told) >= stop_after)  # noqa: B023

                def __getattr__(self, name: str) -> object:
                    return getattr(run, name)

            outcome = Passwd(terminal, Stopped(), OLD, NEW, inf).hold()  # type: ignore[arg-type]
        assert type(outcome).__name__ == wanted
