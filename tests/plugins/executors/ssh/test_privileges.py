"""Commands by sudo and su: on accounts of a private machine, under its own rules. Its sudo remembers nobody (timestamp_timeout=0)."""

from __future__ import annotations

import os
from typing import Any

import pytest

from taskkit.errors import HostRefused
from taskkit.plugins.executors.ssh import _privileges
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.verbs import Command
from taskkit.scrubbing import REPLACED
from taskkit.secrets import Secret
from tests.plugins.executors.ssh.reach import carried_out, carry_out, shell, there
from tests.runs import WatchedRun
from tests.servers.doors import Door

WRONG = Secret("no-such-password-anywhere")
WHO = "id -un; cat"


def sudo(server: Door, user: str = "app", **settings: Any) -> WatchedRun:
    return there(server, user, settings={"become": "sudo", **settings})


def by_key(server: Door, user: str, become: str, **secrets: Secret) -> WatchedRun:
    """Let in by a key; the password for sudo or su is what the test says."""
    settings = {"become": become, "become_secret": "other"}
    return there(server, user, {"key": server.key, **secrets}, settings=settings)


def su(server: Door, user: str = "plain", to: str = "duty", **secrets: Secret) -> WatchedRun:
    settings = {"become": "su", "become_user": to, "become_secret": "other"}
    return there(server, user, {"key": server.key, "other": server.password(to), **secrets}, settings=settings)


# sudo


def test_sudo_is_told_the_password_and_the_command_its_own_stdin(walled: Door) -> None:
    told = shell(sudo(walled), WHO, stdin="first\nsecond")
    assert (told.state, told.output, told.errors) == ("done", "root\nfirst\nsecond", "")


def test_sudo_without_a_shell_is_enough_where_the_rules_allow_one_command_only(walled: Door) -> None:
    run = sudo(walled, "narrow")
    new = Secret("a-new-horse-battery-staple")
    told = carried_out(run, Command("/usr/sbin/chpasswd", stdin=("duty:", walled.password("duty"), "\n")), "/usr/bin/id -u", "/bin/true")
    assert [(one.state, one.error) for one in told] == [("done", None), ("done", None), ("not_done", "permission")]
    assert told[1].output == "0\n"
    assert new.reveal() not in repr(told)


def test_s01_a_password_that_sudo_does_not_ask_for_does_not_reach_the_command(walled: Door) -> None:
    told = shell(sudo(walled, "free"), WHO, stdin="mine")
    assert (told.state, told.output) == ("done", "root\nmine")
    assert shell(sudo(walled, "free"), WHO).output == "root\n"


def test_s05_a_wrong_password_is_said_once_and_the_commands_stdin_is_not_the_next_guess(walled: Door) -> None:
    run = by_key(walled, "app", "sudo", other=WRONG)
    told = shell(run, WHO, stdin=(walled.password("app"), "\n"))  # the right one, for the command only
    assert (told.state, told.error, told.output) == ("not_done", "wrong_credentials", "")
    assert told.text == "sudo did not take the password; it was said once"
    assert "1 incorrect password attempt" in told.errors


def test_sudo_without_any_password_asks_nobody(walled: Door) -> None:
    told = carry_out(by_key(walled, "app", "sudo"), "id")
    assert (told.state, told.error) == ("not_done", "bad_configuration")
    assert told.text.startswith("sudo wants a password, and the vault has none for it")
    assert carry_out(by_key(walled, "free", "sudo"), "id -u").output == "0\n"


def test_what_sudo_refuses_is_not_done_also_where_its_exit_code_would_do(walled: Door) -> None:
    told = carry_out(sudo(walled, "plain"), Command("grep x /etc/shadow", exits=(0, 1)))
    assert (told.state, told.error) == ("not_done", "permission")
    assert "not in the sudoers file" in told.text


def test_a_command_that_ends_badly_under_sudo_is_its_own_fault(walled: Door) -> None:
    told = shell(sudo(walled), "echo why >&2; exit 1")
    assert (told.state, told.error, told.exit, told.errors) == ("not_done", "failed", 1, "why\n")


def test_what_sudo_only_warns_of_is_no_refusal(walled: Door) -> None:
    told = carry_out(sudo(walled), Command("sh -c 'echo sudo: unable to resolve host web-1 >&2; exit 1'", exits=(0, 1)))
    assert (told.state, told.exit) == ("done", 1)


@pytest.mark.parametrize("line", ["no-such-command-anywhere", "/etc/passwd"])
def test_what_sudo_cannot_begin_is_bad_configuration(walled: Door, line: str) -> None:
    told = carry_out(sudo(walled), Command(line, exits=(0, 1)))
    assert (told.state, told.error) == ("not_done", "bad_configuration")


@pytest.mark.parametrize("user", ["narrow", "free"])
def test_rules_that_want_a_terminal_are_named_with_what_would_help(walled: Door, user: str) -> None:
    run, rules = sudo(walled, user) if user == "narrow" else by_key(walled, user, "sudo"), "/etc/sudoers.d/terminal"
    said = shell(sudo(walled), f"printf 'Defaults:{user} requiretty\\n' >{rules}; chmod 440 {rules}")
    assert said.state == "done"
    try:
        told = carry_out(run, Command("/usr/bin/id -u", exits=(0, 1)))
    finally:
        shell(sudo(walled), f"rm {rules}")
    assert (told.state, told.error, told.output) == ("not_done", "bad_configuration", "")
    assert "'Defaults:<account> !requiretty': sudo: sorry, you must have a tty" in told.text
    assert carry_out(run, "/usr/bin/id -u").output == "0\n"


def test_sudo_to_somebody_who_is_not_there_is_bad_configuration(walled: Door) -> None:
    told = carry_out(sudo(walled, become_user="nobody-there"), "id")
    assert (told.state, told.error) == ("not_done", "bad_configuration")
    assert "nobody-there" in told.text


def test_another_account_than_root_is_named(walled: Door) -> None:
    assert carry_out(sudo(walled, become_user="duty"), "id -un").output == "duty\n"


def test_directory_and_variables_stand_before_sudo(walled: Door) -> None:
    told = shell(sudo(walled, cwd="/usr/share", env={"GREETING": "hello"}), "pwd; echo $GREETING")
    assert told.output == "/usr/share\n\n"  # what passes of the variables is up to sudo's rules


def test_s01_nobody_on_the_machine_sees_the_password(walled: Door) -> None:
    look = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '; "
    look += "find /tmp /var/tmp /dev/shm /run /home -name 'taskkit-*' -type f -print -exec cat {} + 2>/dev/null; true"
    for run in (sudo(walled), su(walled)):
        told = shell(run, look)
        assert told.state == "done"
        assert "SUDO_ASKPASS" in told.output or "taskkit-" in told.output
        assert REPLACED not in told.output


def test_nothing_of_sudos_question_is_left_on_the_machine(walled: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = iter(["1", "2", "3", "4"])
    monkeypatch.setattr(_privileges, "token_hex", lambda size: f"left-{os.getpid()}-{next(marks)}")
    carried_out(sudo(walled), "true", "false")
    carry_out(sudo(walled, "free"), "true")  # where nobody asks, and the password still waits
    carry_out(by_key(walled, "app", "sudo", other=WRONG), "true")
    found = shell(there(walled, "app"), f"find /tmp -maxdepth 1 -name 'taskkit-left-*'; pgrep -f '[l]eft-{os.getpid()}'").output
    assert (found, list(marks)) == ("", [])


# su


def test_su_is_told_the_others_password_and_the_command_its_own_stdin(walled: Door) -> None:
    told = shell(su(walled), WHO, stdin="first\nsecond")
    assert (told.state, told.output, told.errors) == ("done", "duty\nfirst\nsecond", "")


def test_su_takes_directory_variables_and_a_line_without_a_shell(walled: Door) -> None:
    run = there(
        walled,
        "plain",
        {"key": walled.key, "other": walled.password("duty")},
        settings={"become": "su", "become_user": "duty", "become_secret": "other", "cwd": "/usr/share", "env": {"A": "it's"}},
    )
    told = carried_out(run, "printenv A", "pwd", "echo '$HOME;' x")
    assert [one.output for one in told] == ["it's\n", "/usr/share\n", "$HOME; x\n"]


def test_s05_a_wrong_password_for_su_is_said_once_and_nothing_is_begun(walled: Door) -> None:
    told = shell(su(walled, other=WRONG), WHO, stdin=(walled.password("duty"), "\n"))
    assert (told.state, told.error, told.output) == ("not_done", "wrong_credentials", "")
    assert told.text.startswith("su did not take the password")


def test_s01_a_password_that_su_does_not_ask_for_does_not_reach_the_command(walled: Door) -> None:
    told = shell(su(walled, "duty", "duty"), "cat", stdin="mine")  # asked or not: the mark ends what is not the command's
    assert (told.state, told.output) == ("done", "mine")


def test_su_without_a_password_is_refused_before_it_costs_a_try(walled: Door) -> None:
    run = there(walled, "plain", {"key": walled.key}, settings={"become": "su", "become_secret": "other"})
    with pytest.raises(HostRefused, match="no secret 'other'") as caught, run.connect():
        pass
    assert caught.value.error == "bad_configuration"


def test_su_to_somebody_who_is_not_there_is_bad_configuration(walled: Door) -> None:
    settings = {"become": "su", "become_user": "nobody-there", "become_secret": "other"}
    told = carry_out(there(walled, "plain", {"key": walled.key, "other": WRONG}, settings=settings), "id")
    assert (told.state, told.error) == ("not_done", "bad_configuration")
    assert "nobody-there" in told.text


def test_what_ends_badly_behind_su_is_its_own_fault_even_where_it_says_what_su_says(walled: Door) -> None:
    told = shell(su(walled), "echo 'su: Authentication failure' >&2; exit 1")
    assert (told.state, told.error, told.errors) == ("not_done", "failed", "su: Authentication failure\n")


def test_an_account_that_has_to_change_its_password_is_told_as_one(walled: Door) -> None:
    told = carry_out(su(walled, "plain", "aged"), "id")
    assert (told.state, told.error) == ("not_done", "must_change")


@pytest.mark.parametrize("settings", [{"become": "doas"}, {"become": "sudo", "become_user": "-u"}, {"become_user": ""}])
def test_settings_with_a_mistake_are_refused(walled: Door, settings: dict[str, Any]) -> None:
    with pytest.raises(HostRefused) as caught, there(walled, "app", settings=settings).connect():
        pass
    assert caught.value.error == "bad_configuration"


def test_s01_a_password_that_nobody_can_type_is_refused(walled: Door) -> None:
    with pytest.raises(HostRefused, match="line end"), by_key(walled, "app", "sudo", other=Secret("two\nlines-of-it")).connect():
        pass


def test_j10_what_is_told_to_end_under_sudo_ends_where_it_listens_and_else_nobody_says_so(walled: Door) -> None:
    told = shell(sudo(walled), "exec sleep 300", timeout=0.5)
    assert (told.state, told.error, told.text.endswith("it was seen to end")) == ("unknown", "timeout", True)
    told = shell(sudo(walled, grace=0.3), "trap '' TERM; sleep 3", timeout=0.5)
    assert (told.state, told.error, told.text.endswith("it may still run")) == ("unknown", "timeout", True)


def test_s05_a_password_that_does_not_arrive_whole_is_no_try(walled: Door) -> None:
    """The connection may be lost between the command and its stdin."""
    whole = sudo(walled)
    spoken = _privileges.Sudo(SshSettings(become="sudo"), walled.password("app")).spoken(Command("id -u"), None)
    assert spoken.stdin is not None
    for given in ("", spoken.stdin.decode()[:5]):
        told = shell(there(walled, "app"), spoken.line, stdin=given)
        assert (told.exit, told.output, told.errors) == (126, "", "")
    assert carry_out(whole, "id -u").output == "0\n"
