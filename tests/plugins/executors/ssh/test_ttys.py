"""Commands with a terminal: under rules of sudo that want one, on a private machine, and as plain as a pipe otherwise."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskkit.plugins.verbs import Command, Login
from taskkit.secrets import Secret
from tests import servers
from tests.plugins.executors.ssh.changing import change, lets_in, record
from tests.plugins.executors.ssh.reach import carried_out, carry_out, shell, there
from tests.runs import WatchedRun
from tests.servers.doors import Door
from tests.servers.sshd import Sshd, running

WRONG = Secret("no-such-password-anywhere")


def at(server: Sshd, user: str | None = None, secrets: Any = None, **settings: Any) -> WatchedRun:
    return there(server, user, secrets, settings={"tty": True, **settings})


# as plain as a pipe


def test_a_command_has_a_terminal_and_its_errors_come_with_its_output(sshd: Sshd) -> None:
    told = shell(at(sshd), "test -t 1 && echo one; echo two >&2; exit 3")
    assert (told.state, told.exit, told.errors, told.together) == ("not_done", 3, "", True)
    assert told.output == "one\ntwo\n"
    assert told.text == "it ended with 3 instead of 0: two"
    assert not carry_out(there(sshd), "true").together


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_what_stands_in_the_stdin_arrives_as_it_is_and_has_an_end(sshd: Sshd, size: int) -> None:
    text = "".join(chr(1 + number % 127) for number in range(size))
    told = shell(at(sshd), "sha256sum", stdin=text)
    assert told.output.split()[0] == hashlib.sha256(text.encode()).hexdigest()


def test_what_it_says_arrives_as_it_is(sshd: Sshd) -> None:
    told = shell(at(sshd), r"printf 'a\nb\tc\003d\n'; head -c 200000 /dev/zero | tr '\0' x | wc -c")
    assert told.output == "a\nb\tc\x03d\n200000\n"


def test_a_command_that_does_not_read_its_stdin_ends_all_the_same(sshd: Sshd) -> None:
    told = shell(at(sshd), "echo done", stdin="x" * 200_000)
    assert (told.state, told.output) == ("done", "done\n")


def test_s01_nothing_is_echoed_whatever_the_shell_of_the_account_would_do(sshd: Sshd) -> None:
    told = shell(at(sshd), "sleep 0.2; head -c 5 >/dev/null; stty -a </dev/tty", stdin=("horse", Secret("battery-staple-horse")))
    assert "horse" not in told.output
    assert {"-echo", "-icanon", "-isig", "-opost"} <= set(told.output.replace(";", "").split())


def test_its_time_is_over_as_ever(sshd: Sshd) -> None:
    told = carry_out(at(sshd), Command("sleep 60", timeout=0.5))
    assert (told.state, told.error) == ("unknown", "timeout")


def test_a_machine_that_gives_no_terminal_is_named_and_nothing_is_said_to_it(tmp_path: Path) -> None:
    with running(servers.program("sshd"), config="PermitTTY no\n") as server:
        told = shell(at(server), f"cat >{tmp_path}/said", stdin=Secret("battery-staple-horse"))
    assert (told.state, told.error) == ("not_done", "permission")
    assert "the machine gives no terminal" in told.text
    assert not (tmp_path / "said").exists()


def test_a_machine_that_floods_before_anything_begins_costs_no_more_than_its_time() -> None:
    with running(servers.program("sshd"), config="ForceCommand yes\n") as server:
        began = time.monotonic()
        told = carry_out(at(server, grace=0.5), Command("true", timeout=4))
    assert (told.state, told.error, told.truncated) == ("unknown", "timeout", True)
    assert len(told.output) < 70_000
    assert time.monotonic() - began < 12


def test_s01_a_terminal_of_which_nobody_says_that_it_echoes_nothing_is_told_nothing(tmp_path: Path) -> None:
    with running(servers.program("sshd"), config=f"ForceCommand timeout --foreground 1 cat >{tmp_path}/said\n") as server:
        told = shell(at(server), "cat", stdin=Secret("battery-staple-horse"))
    assert (told.state, (tmp_path / "said").read_bytes()) == ("not_done", b"")


def test_what_ends_with_the_same_code_by_itself_was_begun(sshd: Sshd) -> None:
    told = carry_out(at(sshd), Command("/bin/sh -c 'exit 126'", exits=(126,)))
    assert (told.state, told.exit) == ("done", 126)


def test_a_password_that_has_expired_is_told_and_its_questions_are_not_answered(walled: Door) -> None:
    told = shell(at(walled, "aged"), "cat", stdin=walled.password("duty"), timeout=3.0)
    assert (told.state, told.error) == ("not_done", "must_change")
    assert "it was not begun" in told.text


def test_several_commands_have_one_each(sshd: Sshd) -> None:
    told = carried_out(at(sshd), "true", Command("cat", stdin="two"), "id -u")
    assert [(one.state, one.output) for one in told][:2] == [("done", ""), ("done", "two")]


# sudo


@pytest.fixture
def rules(walled: Door) -> Iterator[Door]:
    """All rules of this machine want a terminal; sudo has one of its own for what it begins, as newer ones have by default."""
    path, by_sudo = "/etc/sudoers.d/terminal", there(walled, "app", settings={"become": "sudo"})
    assert shell(by_sudo, f"printf 'Defaults requiretty\\nDefaults use_pty\\n' >{path}; chmod 440 {path}").state == "done"
    try:
        yield walled
    finally:
        gone = shell(at(walled, "app", become="sudo"), f"rm {path}")
        assert gone.state == "done", gone


def test_rules_that_want_a_terminal_are_kept_with_one(rules: Door) -> None:
    refused = carry_out(there(rules, "app", settings={"become": "sudo"}), "id -un")
    assert refused.error == "bad_configuration"
    assert "say tty=True in the record type" in refused.text
    told = shell(at(rules, "app", become="sudo"), "id -un; cat", stdin="first\nsecond")
    assert (told.state, told.output.replace("\r", ""), told.errors) == ("done", "root\nfirst\nsecond", "")


def test_s01_the_password_is_neither_echoed_nor_given_to_the_command(rules: Door) -> None:
    password = rules.password("app")
    run = at(rules, "app", become="sudo")
    told = shell(run, "cat; env; cat /proc/$$/cmdline /proc/$PPID/cmdline", stdin="mine\n")
    assert told.state == "done"
    assert told.output.startswith("mine")
    assert "[secret]" not in told.output
    assert password.reveal_bytes() not in told.output.encode()


def test_s01_a_password_that_sudo_does_not_ask_for_is_thrown_away(rules: Door) -> None:
    told = shell(at(rules, "free", become="sudo"), "id -un; cat", stdin="mine")
    assert (told.state, told.output.replace("\r", "")) == ("done", "root\nmine")


def test_s05_a_wrong_password_is_said_once(rules: Door) -> None:
    run = at(rules, "app", {"key": rules.key, "other": WRONG}, become="sudo", become_secret="other")  # noqa: S106  the name of a secret
    told = shell(run, "id; cat", stdin=(rules.password("app"), "\n"))
    assert (told.state, told.error) == ("not_done", "wrong_credentials")
    assert told.text == "sudo did not take the password; it was said once"
    assert "1 incorrect password attempt" in told.output


def test_what_sudo_refuses_is_not_done(rules: Door) -> None:
    told = carry_out(at(rules, "plain", become="sudo"), "id")
    assert (told.state, told.error) == ("not_done", "permission")


def test_su_takes_its_password_in_a_terminal_too(walled: Door) -> None:
    secrets = {"key": walled.key, "other": walled.password("duty")}
    run = at(walled, "plain", secrets, become="su", become_user="duty", become_secret="other")  # noqa: S106  the name of a secret
    told = shell(run, "id -un; cat", stdin="mine")
    assert (told.state, told.output) == ("done", "duty\nmine")


def test_a_password_is_changed_under_such_rules(rules: Door) -> None:
    settings: dict[str, Any] = {"become": "sudo", "change": "chpasswd", "tty": True}
    done = change(rules, Login(record(rules), "app", rules.password("app")), "duty", **settings)
    back = change(rules, Login(record(rules), "app", rules.password("app")), "duty", rules.password("duty"), **settings)
    assert (done.told, back.told) == (("Done", None, None), ("Done", None, None))
    assert lets_in(rules, "duty", rules.password("duty")) is True
    nobody = change(rules, Login(record(rules), "app", rules.password("app")), "nobody-there", **settings)
    assert nobody.told == ("NotDone", "bad_configuration", None)
