"""New passwords for accounts of a private machine, by each way: what it takes lets in, and what it refuses changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from taskkit.outcomes import Done
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.executors.ssh._ears import Ears
from taskkit.plugins.verbs import Host, Login, SecretChange
from taskkit.secrets import Secret
from taskkit.testing.trials import Trial
from tests.plugins.executors.ssh.changing import NEW, WRONG, Changed, change, changed_itself, itself, lets_in, record, root
from tests.servers.doors import Account, Door

DONE = ("Done", None, None)
Way = Callable[[Door, Account, Secret], Changed]


def by_passwd(hostel: Door, account: Account, new: Secret) -> Changed:
    return changed_itself(hostel, account, new)


def by_root(hostel: Door, account: Account, new: Secret) -> Changed:
    return change(hostel, root(hostel), account.name, new)


def by_roots_dialogue(hostel: Door, account: Account, new: Secret) -> Changed:
    return change(hostel, root(hostel), account.name, new, change="passwd")


def by_hash(hostel: Door, account: Account, new: Secret) -> Changed:
    return change(hostel, root(hostel), account.name, new, change="hash")


def by_sudo(hostel: Door, account: Account, new: Secret) -> Changed:
    shadow = hostel.account(sudo="ALL=(root) ALL")
    return change(hostel, itself(hostel, shadow), account.name, new, become="sudo")


def by_sudo_of_one_command(hostel: Door, account: Account, new: Secret) -> Changed:
    shadow = hostel.account(sudo="ALL=(root) NOPASSWD: /usr/sbin/chpasswd")
    return change(hostel, itself(hostel, shadow), account.name, new, become="sudo")


def by_su(hostel: Door, account: Account, new: Secret) -> Changed:
    hostel.box.run("chpasswd", stdin="root:root-horse-battery-1")
    secrets = {"root": Secret("root-horse-battery-1")}
    login = itself(hostel, hostel.account())
    return change(hostel, login, account.name, new, become="su", become_secret="root", secrets=secrets)  # noqa: S106


WAYS: list[Way] = [by_passwd, by_root, by_roots_dialogue, by_hash, by_sudo, by_sudo_of_one_command, by_su]


# what it takes


@pytest.mark.parametrize("way", WAYS)
def test_a_new_password_lets_in_and_the_old_one_does_not(with_pam: Door, way: Way) -> None:
    account = with_pam.account()
    assert way(with_pam, account, NEW).told == DONE
    assert lets_in(with_pam, account.name, NEW) is True
    assert lets_in(with_pam, account.name, account.password) == "wrong_credentials"


@pytest.mark.parametrize("way", [by_passwd, by_root, by_hash, by_su])
@pytest.mark.parametrize("new", ["with:colons: and blanks", "quotes'\"`$(id)\\n", "ümläut-Pferd-ß-€", "-starts-with-a-dash", "#x!y?z*~"])
def test_whatever_can_be_typed_is_taken_as_it_stands(with_pam: Door, way: Way, new: str) -> None:
    account = with_pam.account()
    assert way(with_pam, account, Secret(new)).told == DONE
    assert lets_in(with_pam, account.name, Secret(new)) is True


@pytest.mark.parametrize("settings", [{}, {"change": "chpasswd"}, {"change": "hash"}])
def test_root_changes_its_own(with_pam: Door, settings: dict[str, Any]) -> None:
    assert change(with_pam, root(with_pam), "root", **settings).told == DONE
    assert lets_in(with_pam, "root", NEW) is True


def test_who_was_let_in_by_a_key_says_the_old_password_of_the_vault(with_pam: Door) -> None:
    account = with_pam.account()
    login = root(with_pam, account.name)
    missing = change(with_pam, login, account.name)
    assert missing.told == ("NotDone", "bad_configuration", None)
    assert "the vault has none" in missing.text
    assert change(with_pam, login, account.name, old=account.password).told == DONE
    assert lets_in(with_pam, account.name, NEW) is True


@pytest.mark.parametrize("server", ["with_pam", "without_pam"])
def test_a_password_that_has_to_be_changed_before_anything_else_is_changed(server: str, request: pytest.FixtureRequest) -> None:
    hostel: Door = request.getfixturevalue(server)
    account = hostel.account(deeds=["chage -d 0"])
    assert lets_in(hostel, account.name, account.password) == "must_change"
    assert changed_itself(hostel, account).told == DONE
    assert lets_in(hostel, account.name, NEW) is True


def test_a_log_in_that_asks_for_the_new_one_itself_is_left_to_somebody(with_questions: Door) -> None:
    account, fresh = with_questions.account(deeds=["chage -d 0"]), with_questions.account()
    assert changed_itself(with_questions, account).told == ("NotDone", "must_change", None)
    assert changed_itself(with_questions, fresh).told == DONE
    assert lets_in(with_questions, account.name, account.password) == "must_change"
    assert lets_in(with_questions, fresh.name, NEW) is True


def test_small_machines_change_passwords_too(dropbear: Door) -> None:
    account, other = dropbear.account(), dropbear.account()
    assert changed_itself(dropbear, account).told == DONE
    assert by_sudo(dropbear, other, NEW).told == DONE
    assert [lets_in(dropbear, one.name, NEW) for one in (account, other)] == [True, True]


def test_a_shadow_account_changes_what_would_have_to_be_changed_first(with_pam: Door) -> None:
    account = with_pam.account(deeds=["chage -d 0"])
    assert by_root(with_pam, account, NEW).told == DONE
    assert lets_in(with_pam, account.name, NEW) is True


def test_a_shell_that_talks_before_it_begins_is_not_answered(with_pam: Door) -> None:
    talker = with_pam.folder / "talker"
    talker.write_text("#!/bin/sh\necho 'Choose your new password: not here, it is too short'\nsleep 0.3\nexec /bin/sh \"$@\"\n")
    talker.chmod(0o755)
    account = with_pam.account(deeds=[f"usermod -s {talker}"])
    assert changed_itself(with_pam, account).told == DONE
    assert by_root(with_pam, account, account.password).told == DONE
    assert lets_in(with_pam, account.name, account.password) is True


def test_said_twice_by_root_it_is_once(with_pam: Door) -> None:
    account = with_pam.account()
    assert [by_root(with_pam, account, NEW).told for _ in range(2)] == [DONE, DONE]


# what it refuses


@pytest.mark.parametrize(
    ("rules", "deeds", "new", "rule"),
    [
        (["required pam_unix.so minlen=20 sha512 nodelay"], [], "Nine-lives", "too_short"),
        (["required pam_unix.so sha512 nodelay"], ["chage -m 5"], NEW.reveal(), "too_young"),
    ],
)
def test_a_password_against_a_rule_is_refused_by_its_name(with_pam: Door, rules: list[str], deeds: list[str], new: str, rule: str) -> None:
    account = with_pam.account(deeds=deeds)
    with with_pam.box.passwords(*rules):
        found = changed_itself(with_pam, account, Secret(new))
    assert found.told == ("NotDone", "refused", rule)
    assert lets_in(with_pam, account.name, account.password) is True
    assert new not in found.text


@pytest.mark.parametrize("way", [by_passwd, by_root])
def test_a_password_of_the_history_is_refused(with_pam: Door, way: Way) -> None:
    rules = "requisite pam_pwhistory.so remember=5 enforce_for_root", "required pam_unix.so use_authtok sha512 nodelay"
    account = with_pam.account()
    with with_pam.box.passwords(*rules):
        assert way(with_pam, account, NEW).told == DONE
        found = way(with_pam, evolve(account, password=NEW), account.password)
    assert found.told == ("NotDone", "refused", "in_history")
    assert lets_in(with_pam, account.name, NEW) is True


@pytest.mark.parametrize("way", [by_passwd, by_root])
def test_s01_a_short_password_that_is_refused_is_refused_though_nothing_may_be_told_of_it(with_pam: Door, way: Way) -> None:
    """All that a machine says beside a short secret is withheld; its rules are read all the same."""
    rules = "requisite pam_pwhistory.so remember=5 enforce_for_root", "required pam_unix.so use_authtok minlen=1 sha512 nodelay"
    account, short = with_pam.account(), Secret("aB1x")
    with with_pam.box.passwords(*rules):
        assert by_root(with_pam, account, short).told == DONE
        assert by_root(with_pam, account, NEW).told == DONE
        found = way(with_pam, evolve(account, password=NEW), short)
    assert found.told == ("NotDone", "refused", "in_history")
    assert "already" not in found.text
    assert lets_in(with_pam, account.name, NEW) is True


def test_the_password_in_force_is_no_new_one(with_pam: Door) -> None:
    account = with_pam.account()
    assert changed_itself(with_pam, account, account.password).told == ("NotDone", "refused", "in_history")


def test_a_hash_says_nothing_to_the_rules_of_the_machine(with_pam: Door) -> None:
    account = with_pam.account()
    with with_pam.box.passwords("required pam_unix.so minlen=64 sha512"):
        assert by_hash(with_pam, account, NEW).told == DONE
    assert lets_in(with_pam, account.name, NEW) is True


def test_j10_a_rule_that_fails_after_the_password_was_written_leaves_it_unknown(with_pam: Door) -> None:
    """PAM says that it failed, and it was done."""
    account, other = with_pam.account(), with_pam.account()
    with with_pam.box.passwords("required pam_unix.so sha512 nodelay", "required pam_exec.so /bin/false"):
        found = changed_itself(with_pam, account), by_root(with_pam, other, NEW)
    assert [one.told for one in found] == [("Unknown", None, None)] * 2
    assert [lets_in(with_pam, one.name, NEW) for one in (account, other)] == [True, True]


@pytest.mark.parametrize("word", ["used", "is unchanged"])
def test_the_words_of_a_password_are_no_words_of_a_rule(word: str) -> None:
    ears = Ears(Trial().run().__enter__(), Secret(word))
    ears.scrub_stream().finish(f"Password has been already {word}. Authentication token manipulation error, {word}")
    assert word not in ears.text


# what goes wrong


def test_s05_a_wrong_old_password_is_said_once(with_pam: Door) -> None:
    account = with_pam.account()
    found = change(with_pam, root(with_pam, account.name), account.name, old=WRONG)
    assert found.told == ("NotDone", "wrong_credentials", None)
    assert lets_in(with_pam, account.name, account.password) is True


def test_a_log_in_that_is_refused_changes_nothing(with_pam: Door) -> None:
    account, locked = with_pam.account(), with_pam.account(deeds=["usermod -L"])
    assert changed_itself(with_pam, evolve(account, password=WRONG)).told == ("NotDone", "wrong_credentials", None)
    assert changed_itself(with_pam, locked).told == ("NotDone", "wrong_credentials", None)
    assert lets_in(with_pam, account.name, account.password) is True


def test_s05_an_account_that_guesses_have_locked_is_not_changed_by_itself_and_is_by_root(with_pam: Door) -> None:
    account = with_pam.account(groups=["lockable"])
    for _ in range(3):
        lets_in(with_pam, account.name, WRONG)
    found = changed_itself(with_pam, account)
    assert found.told[0] == "NotDone"
    assert found.told[1] in ("wrong_credentials", "account_locked")
    assert by_root(with_pam, account, NEW).told == DONE
    with_pam.box.run('faillock --dir /run/faillock --reset --user "$1"', account.name)
    assert lets_in(with_pam, account.name, NEW) is True


@pytest.mark.parametrize("settings", [{}, {"change": "hash"}])
def test_who_is_not_root_changes_nobody_elses(with_pam: Door, settings: dict[str, Any]) -> None:
    account = with_pam.account()
    found = change(with_pam, itself(with_pam, with_pam.account()), account.name, **settings)
    assert found.told == ("NotDone", "permission", None)
    assert lets_in(with_pam, account.name, account.password) is True


def test_who_would_become_somebody_else_than_root_is_told_so(with_pam: Door) -> None:
    account = with_pam.account()
    told = change(with_pam, itself(with_pam, account), account.name, change="chpasswd", become="sudo", become_user="daemon").told
    assert told == ("NotDone", "bad_configuration", None)


def test_a_stop_is_heeded_before_a_machine_hears_of_it(with_pam: Door) -> None:
    account, executor = with_pam.account(), Ssh()
    trial = Trial(executor=executor, record=record(with_pam))
    with trial.run() as run:
        trial.engine.request_stop(trial.job)
        trial.clock.advance(seconds=1)
        host = Host(with_pam.address, with_pam.port)
        found = executor.change(host, root(with_pam), SecretChange(account.name, NEW), run)
    assert Changed(found, trial).told == ("NotDone", "stopped", None)
    assert lets_in(with_pam, account.name, account.password) is True


def test_the_dialogue_for_another_account_takes_root(with_pam: Door) -> None:
    found = change(with_pam, itself(with_pam, with_pam.account()), with_pam.account().name, change="passwd")
    assert found.told == ("NotDone", "bad_configuration", None)
    assert "change='chpasswd'" in found.text


@pytest.mark.parametrize("way", [by_root, by_roots_dialogue, by_hash, by_sudo])
def test_an_account_that_is_not_there_is_bad_configuration(with_pam: Door, way: Way) -> None:
    assert way(with_pam, Account("nobody-there", WRONG), NEW).told == ("NotDone", "bad_configuration", None)


def test_sudo_that_is_refused_changes_nothing(with_pam: Door) -> None:
    account, shadow = with_pam.account(), with_pam.account(sudo="ALL=(root) /usr/bin/id")
    told = [
        change(with_pam, itself(with_pam, shadow), account.name, become="sudo").told,
        change(with_pam, root(with_pam, shadow.name), account.name, become="sudo").told,
        change(with_pam, itself(with_pam, shadow), account.name, become="su", become_secret="x", secrets={"x": WRONG}).told,  # noqa: S106
        change(with_pam, itself(with_pam, shadow), account.name, become="su").told,
    ]
    assert [error for _, error, _ in told] == ["permission", "bad_configuration", "wrong_credentials", "bad_configuration"]
    assert lets_in(with_pam, account.name, account.password) is True


@pytest.mark.parametrize("user", ["a:b", "-a", "a\nb", "a b", ""])
def test_a_name_that_is_none_reaches_no_machine(user: str) -> None:
    found = _without_a_machine(user, NEW)
    assert found.told == ("NotDone", "bad_configuration", None)


@pytest.mark.parametrize("new", ["two\nlines", "a\0b", "tab\there", "x" * 512])
def test_a_secret_that_is_no_line_reaches_no_machine(new: str) -> None:
    found = _without_a_machine("app", Secret(new))
    assert found.told == ("NotDone", "bad_configuration", None)
    assert new not in found.text


def _without_a_machine(user: str, new: Secret) -> Changed:
    class Nowhere:
        address, port, host_key = "192.0.2.1", 1, ""

    nowhere: Any = Nowhere()
    return change(nowhere, Login(record(nowhere), "root", WRONG), user, new)


def test_settings_with_a_mistake_are_refused(with_pam: Door) -> None:
    found = change(with_pam, root(with_pam), "root", change="usermod")
    assert found.told == ("NotDone", "bad_configuration", None)


# secrets


@pytest.mark.parametrize("way", [by_passwd, by_root, by_roots_dialogue, by_hash, by_sudo, by_su])
def test_s01_nobody_on_the_machine_sees_the_password_or_its_hash(with_pam: Door, way: Way, caplog: pytest.LogCaptureFixture) -> None:
    account, seen = with_pam.account(), with_pam.shared / f"seen-by-{way.__name__}"
    spy = "#!/bin/sh\ncat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null >>{seen}\nexit 0\n"
    script = with_pam.folder / "spy"
    script.write_text(spy.format(seen=seen))
    script.chmod(0o755)
    with with_pam.box.passwords("required pam_unix.so sha512 nodelay", f"optional pam_exec.so seteuid {script}"):
        found = way(with_pam, account, NEW)
    assert isinstance(found.outcome, Done)
    visible = seen.read_text(errors="replace") if seen.exists() else ""
    assert way is by_hash or "passwd" in visible
    for secret in (NEW.reveal(), account.password.reveal(), "$6$"):
        assert secret not in visible
        assert secret not in repr(found.outcome) + caplog.text
