"""Who is let in, by what, and what is told to who is not: at a real sshd with accounts of its own, and at servers that behave oddly."""

from __future__ import annotations

import base64
import gc
import logging.config
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from paramiko.auth_handler import AuthHandler
from paramiko.common import AUTH_FAILED
from paramiko.server import InteractiveQuery

from taskkit.outcomes import ErrorClass, NotDone
from taskkit.plugins.executors._outputs import Recorder
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.executors.ssh._keys import Ed25519Key
from taskkit.plugins.executors.ssh._logins import Way
from taskkit.plugins.executors.ssh._talks import Talk
from taskkit.plugins.verbs import Command, Host, Login, SecretChange
from taskkit.secrets import Secret
from taskkit.testing.trials import Trial
from tests.plugins.executors.ssh.reaching import reached, record, refused, says
from tests.servers.doors import Door
from tests.servers.odd import Odd, odd
from tests.servers.sshd import Sshd, keygen

WRONG = Secret("not-the-right-horse")


def pair(folder: Path, kind: str = "ed25519", passphrase: str = "") -> tuple[Secret, str]:
    """A private key, and its public one."""
    path = folder / f"{kind}-{len(passphrase)}"
    keygen(path, kind=kind, passphrase=passphrase)
    return Secret(path.read_text()), path.with_suffix(".pub").read_text()


# keys, as whoever runs the tests


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_of_each_kind_lets_in(sshd: Sshd, tmp_path: Path, kind: str) -> None:
    key, public = pair(tmp_path, kind)
    with (sshd.folder / "authorized_keys").open("a") as known:
        known.write(public)
    assert says(sshd.port, sshd.user, host_key=sshd.host_key, key=key) == f"in as {sshd.user}"


@pytest.mark.parametrize("form", ["RFC4716", "PKCS8", "PEM"])
def test_a_key_with_a_passphrase_lets_in_whatever_its_form(sshd: Sshd, tmp_path: Path, form: str) -> None:
    path, word = tmp_path / "key", "open-sesame-open"
    keygen(path, "-m", form, kind="rsa", passphrase=word)
    with (sshd.folder / "authorized_keys").open("a") as known:
        known.write(path.with_suffix(".pub").read_text())
    given: dict[str, Any] = {"host_key": sshd.host_key, "key": Secret(path.read_text())}
    assert says(sshd.port, sshd.user, secrets={"passphrase": Secret(word)}, **given) == f"in as {sshd.user}"
    assert says(sshd.port, sshd.user, secrets={"word": Secret(word)}, **{**given, "passphrase": "word"}) == f"in as {sshd.user}"
    locked, wrong = refused(sshd.port, sshd.user, **given), refused(sshd.port, sshd.user, secrets={"passphrase": WRONG}, **given)
    assert (locked.case, locked.error) == ("it is locked by a passphrase, and the vault has none", ErrorClass.BAD_CONFIGURATION)
    assert (wrong.case, wrong.error) == ("it cannot be read, or its passphrase is another one", ErrorClass.BAD_CONFIGURATION)


@pytest.mark.parametrize("text", ["nonsense", "-----BEGIN OPENSSH PRIVATE KEY-----\nnonsense\n-----END OPENSSH PRIVATE KEY-----"])
def test_what_is_no_key_is_said_to_be_none(sshd: Sshd, text: str) -> None:
    error = refused(sshd.port, sshd.user, host_key=sshd.host_key, key=Secret(text))
    assert (error.error, "cannot be read" in error.case) == (ErrorClass.BAD_CONFIGURATION, True)


def test_a_certificate_lets_in_and_one_of_another_key_is_refused_here(sshd: Sshd, tmp_path: Path) -> None:
    key, _ = pair(tmp_path)
    authority, other = tmp_path / "authority", tmp_path / "other"
    keygen(authority)
    keygen(other)
    keygen(tmp_path / "ed25519-0.pub", "-s", str(authority), "-I", "a guest", "-n", sshd.user)
    certificate = (tmp_path / "ed25519-0-cert.pub").read_text()
    with (sshd.folder / "authorized_keys").open("a") as known:
        known.write(f"cert-authority {authority.with_suffix('.pub').read_text()}")
    given: dict[str, Any] = {"host_key": sshd.host_key, "key": key}
    assert refused(sshd.port, sshd.user, **given).error == ErrorClass.WRONG_CREDENTIALS
    assert says(sshd.port, sshd.user, fields={"certificate": certificate}, **given) == f"in as {sshd.user}"
    assert says(sshd.port, sshd.user, secrets={"signed": Secret(certificate)}, certificate="signed", **given) == f"in as {sshd.user}"
    given["key"] = Secret(other.read_text())
    assert refused(sshd.port, sshd.user, fields={"certificate": certificate}, **given).case == "its certificate is none of this key"


@pytest.mark.parametrize(
    "certificate", [b"\xff\xfe no text", b"-----BEGIN CERTIFICATE-----\nnor this", b"ssh-ed25519-cert-v01@openssh.com AAAA"]
)
def test_a_certificate_that_cannot_be_read_is_told_as_one_of_another_key(certificate: bytes, sshd: Sshd) -> None:
    secrets = {"signed": Secret(certificate)}
    error = refused(sshd.port, sshd.user, host_key=sshd.host_key, key=sshd.key, secrets=secrets, certificate="signed")
    assert error.case == "its certificate is none of this key"


def test_s01_a_key_that_the_library_cannot_read_shows_nothing_of_itself(sshd: Sshd, tmp_path: Path) -> None:
    """A point that is not written in full is more than it knows; its error would hold the frames in which the key lies."""
    head, *lines, foot = pair(tmp_path, "ecdsa")[0].reveal().strip().splitlines()
    raw = base64.b64decode("".join(lines)).replace(b"\0\0\0\x41\4", b"\0\0\0\x41\2")
    error = refused(sshd.port, sshd.user, host_key=sshd.host_key, key=Secret("\n".join((head, base64.b64encode(raw).decode(), foot))))
    assert (error.error, error.case) == (ErrorClass.BAD_CONFIGURATION, "it cannot be read, or its passphrase is another one")


def test_an_agent_is_asked_only_where_that_is_wanted(sshd: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as agent:  # noqa: S607
        try:
            while not path.exists():
                assert agent.poll() is None
            monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
            subprocess.run(["ssh-add", "-q", sshd.folder / "user_ed25519"], check=True, capture_output=True)  # noqa: S607
            assert says(sshd.port, sshd.user, host_key=sshd.host_key, agent=True) == f"in as {sshd.user}"
            error = refused(sshd.port, sshd.user, host_key=sshd.host_key)
        finally:
            agent.terminate()
    assert error.error == ErrorClass.BAD_CONFIGURATION
    assert error.case == "it takes publickey, and the vault has nothing for it"


def test_s01_nothing_is_logged_and_nothing_is_kept_of_what_somebody_logged_in_with(sshd: Sshd, caplog: pytest.LogCaptureFixture) -> None:
    """The library below would log stacks of ours, and texts of the machine."""
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "incremental": False})  # as products do
    caplog.set_level(logging.DEBUG)
    with reached(sshd.port, sshd.user, host_key=sshd.host_key, key=sshd.key) as (connection, run):
        list(connection.commands([Command("echo hello")], run))
        handler = connection._wire.auth_handler
        assert (handler.password, handler.private_key, handler.interactive_handler) == (None, None, None)
    refused(sshd.port, sshd.user, key=sshd.key)
    refused(sshd.port, sshd.user, host_key=sshd.host_key, password=WRONG)
    assert [record for record in caplog.records if "ssh" in record.name or "paramiko" in record.name] == []


def test_s01_nothing_that_somebody_logged_in_with_or_was_told_waits_for_the_collector(sshd: Sshd) -> None:
    """Where objects hold each other, they lie about until it comes, with keys and outputs among them."""
    gc.collect()
    gc.disable()
    try:
        assert says(sshd.port, sshd.user, host_key=sshd.host_key, key=sshd.key) == f"in as {sshd.user}"
        assert [type(one) for one in gc.get_objects() if isinstance(one, Ed25519Key | Way | Talk | Recorder)] == []
    finally:
        gc.enable()


# passwords, as accounts of the server's own


def test_a_password_lets_in_by_each_way_in_which_it_is_asked(with_pam: Door, with_questions: Door, without_pam: Door) -> None:
    for hostel in (with_pam, with_questions, without_pam):
        account, server = hostel.account(), hostel
        assert says(server.port, account.name, host_key=server.host_key, password=account.password) == f"in as {account.name}"


@pytest.mark.parametrize("kept", ["with_pam", "with_questions", "without_pam"])
def test_s05_a_wrong_password_is_told_as_one_and_is_tried_once(kept: str, request: pytest.FixtureRequest) -> None:
    """Also where it could be said by `password` and again by `keyboard-interactive`."""
    hostel: Door = request.getfixturevalue(kept)
    account, server = hostel.account(), hostel
    error = refused(server.port, account.name, host_key=server.host_key, password=WRONG)
    assert error.error == ErrorClass.WRONG_CREDENTIALS
    assert error.tried == f"logging in as {account.name!r} to '[127.0.0.1]:{server.port}'"
    assert "was refused; it takes publickey" in error.case
    assert error.help == "look at the secret"
    assert len(server.refusals(account.name)) == 1


def test_a_key_and_a_password_are_tried_in_the_order_of_the_server(with_pam: Door, tmp_path: Path) -> None:
    key, public = pair(tmp_path)
    other, _ = pair(tmp_path, "rsa")
    account, server = with_pam.account(key=public), with_pam
    given: dict[str, Any] = {"host_key": server.host_key}
    assert says(server.port, account.name, key=key, password=WRONG, **given) == f"in as {account.name}"
    assert says(server.port, account.name, key=other, password=account.password, **given) == f"in as {account.name}"
    error = refused(server.port, account.name, key=other, password=WRONG, **given)
    assert (error.error, error.case.partition(";")[0]) == (ErrorClass.WRONG_CREDENTIALS, "the key and the password was refused")


def test_a_log_in_of_two_steps_takes_both(in_two_steps: Door, tmp_path: Path) -> None:
    key, public = pair(tmp_path)
    account, server = in_two_steps.account(key=public), in_two_steps
    given: dict[str, Any] = {"host_key": server.host_key}
    assert says(server.port, account.name, key=key, password=account.password, **given) == f"in as {account.name}"
    wrong, lacking = (
        refused(server.port, account.name, key=key, password=WRONG, **given),
        refused(server.port, account.name, key=key, **given),
    )
    assert wrong.error == ErrorClass.WRONG_CREDENTIALS
    assert (lacking.error, lacking.case) == (
        ErrorClass.BAD_CONFIGURATION, "it takes keyboard-interactive, and the vault has nothing for it",
    )  # fmt: skip


def test_an_account_that_is_locked_after_wrong_tries_is_told_as_locked(with_questions: Door) -> None:
    account, server = with_questions.account(groups=["lockable"]), with_questions
    found = [refused(server.port, account.name, host_key=server.host_key, password=WRONG).error for _ in range(3)]
    assert found == [ErrorClass.WRONG_CREDENTIALS] * 3
    error = refused(server.port, account.name, host_key=server.host_key, password=account.password)
    assert error.error == ErrorClass.ACCOUNT_LOCKED
    assert "The account is locked due to 3 failed logins." in error.case


def test_an_account_that_has_expired_is_told_as_locked(with_pam: Door, with_questions: Door) -> None:
    for hostel in (with_pam, with_questions):
        account, server = hostel.account(deeds=["chage -E 0"]), hostel
        error = refused(server.port, account.name, host_key=server.host_key, password=account.password)
        assert (error.error, "Your account has expired" in error.case) == (ErrorClass.ACCOUNT_LOCKED, True)


def test_a_password_that_must_be_changed_is_told_where_the_log_in_asks_for_a_new_one(with_questions: Door) -> None:
    account, server = with_questions.account(deeds=["chage -d 0"]), with_questions
    error = refused(server.port, account.name, host_key=server.host_key, password=account.password)
    assert error.error == ErrorClass.MUST_CHANGE
    assert "You are required to change your password immediately" in error.case
    assert error.help == "the secret is right: have it changed"


# at servers that behave oddly

RULES = ["Your password must be changed every 90 days.", "After three failed log-ins the account is locked."]


def asked(server: Odd, **given: Any) -> Any:
    """What the server was told, after a log-in that was refused or not."""
    with odd(server) as port:
        try:
            return refused(port, "app", host_key=server.host_key, **given)
        except pytest.fail.Exception:  # it was let in
            return None


def test_a_new_password_that_is_asked_for_by_the_old_message_is_told() -> None:
    error = asked(Odd(("password", "old-horse"), asks_new=True), password=Secret("old-horse"))
    assert (error.error, error.case) == (ErrorClass.MUST_CHANGE, "it wants a new password")


def test_questions_are_answered_by_the_secrets_that_the_settings_name() -> None:
    server = Odd(("keyboard-interactive", ("old-horse", "123-456")), questions=["Password: ", "Code of the day: "])
    given: dict[str, Any] = {"password": Secret("old-horse"), "secrets": {"pin": Secret("123-456")}, "answers": {"^Code": "pin"}}
    assert asked(server, **given) is None


def test_s05_a_question_that_nothing_answers_is_not_answered_with_nothing() -> None:
    server = Odd(("keyboard-interactive", ("x",)), questions=["Password: ", "Code of the day: "])
    error = asked(server, password=Secret("old-horse"))
    assert server.tried == []
    assert (error.error, error.case) == (
        ErrorClass.BAD_CONFIGURATION, "nothing answers 'Code of the day: '",
    )  # fmt: skip


def test_s05_the_same_secret_is_not_said_by_password_and_again_by_questions() -> None:
    class Both(Odd):
        def get_allowed_auths(self, username: str) -> str:
            return "keyboard-interactive,password"

    server = Both(("password", "right-horse"))
    error = asked(server, password=WRONG)
    assert (error.error, server.tried) == (ErrorClass.WRONG_CREDENTIALS, [("keyboard-interactive", (WRONG.reveal(),))])


def test_three_steps_are_gone_in_the_order_in_which_the_server_wants_them(tmp_path: Path) -> None:
    key, public = pair(tmp_path)
    steps = [("password", "old-horse"), ("publickey", public.split()[1]), ("keyboard-interactive", ("123-456",))]
    server = Odd(*steps, questions=["Code: "])
    given: dict[str, Any] = {"password": Secret("old-horse"), "key": key, "secrets": {"pin": Secret("123-456")}, "answers": {"Code": "pin"}}
    assert asked(server, **given) is None
    assert server.tried == steps


def test_the_service_of_log_ins_is_asked_for_once_however_many_tries_there_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key, public = pair(tmp_path)
    asked_for, parse = [], AuthHandler._parse_service_request  # type: ignore[attr-defined]

    def noted(handler: Any, message: Any) -> None:
        asked_for.append(handler)
        parse(handler, message)

    monkeypatch.setattr(AuthHandler, "_parse_service_request", noted)
    assert asked(Odd(("publickey", public.split()[1]), ("password", "old-horse")), key=key, password=Secret("old-horse")) is None
    assert len(asked_for) == 1


def test_a_way_that_is_not_taken_any_more_after_a_try_was_refused(tmp_path: Path) -> None:
    class Strict(Odd):
        def get_allowed_auths(self, username: str) -> str:
            return "password" if self.tried else "publickey"

    error = asked(Strict(), key=pair(tmp_path)[0])
    assert (error.error, error.case) == (ErrorClass.WRONG_CREDENTIALS, "the key was refused; it takes password")


def test_a_server_that_hangs_up_after_a_try_is_told_with_the_tries() -> None:
    class Short(Odd):
        def check_auth_password(self, username: str, password: str) -> int:
            self.transports[-1].close()
            return AUTH_FAILED

    error = asked(Short(("password", "x")), password=WRONG)
    assert error.error == ErrorClass.UNREACHABLE
    assert error.case == "it hung up"


def test_a_server_that_lets_nobody_try_often_is_told_with_the_tries(tmp_path: Path) -> None:
    class Short(Odd):
        def _judged(self, method: str, value: object) -> int:
            self.tried.append((method, value))
            if len(self.tried) == 2:
                self.transports[-1].close()
            return AUTH_FAILED

        def get_allowed_auths(self, username: str) -> str:
            return "publickey,password"

    error = asked(Short(), password=WRONG, key=pair(tmp_path)[0])
    assert (error.error, error.case) == (ErrorClass.WRONG_CREDENTIALS, "it hung up after 1 try")


def test_a_key_that_makes_no_signature_that_the_server_takes_is_no_wrong_key(tmp_path: Path) -> None:
    key, public = pair(tmp_path, "rsa")
    server = Odd(("publickey", public.split()[1]))
    server.signatures = ("ssh-ed25519",)
    error = asked(server, key=key)
    assert (error.error, error.case) == (ErrorClass.BAD_CONFIGURATION, "it takes no signature that this key can make")


def test_a_log_in_that_nobody_answers_is_a_timeout() -> None:
    over = threading.Event()

    class Slow(Odd):
        def check_auth_none(self, username: str) -> int:
            over.wait(5)
            return AUTH_FAILED

    error = asked(Slow(("password", "x")), password=WRONG, auth_timeout=0.3)
    over.set()
    assert (error.error, error.case) == (ErrorClass.TIMEOUT, "it did not answer within 0.3 s")


def test_a_record_without_a_user_or_secret_is_a_bad_configuration(sshd: Sshd) -> None:
    nobody = refused(sshd.port, "", host_key=sshd.host_key, password=WRONG)
    assert (nobody.error, nobody.case) == (ErrorClass.BAD_CONFIGURATION, "the record names no user")
    lacking = refused(sshd.port, sshd.user, host_key=sshd.host_key, password=WRONG)
    assert (lacking.error, lacking.case) == (ErrorClass.BAD_CONFIGURATION, "it takes publickey, and the vault has nothing for it")


# what a house says to everybody


class House(Odd):
    """Tells its rules before anything is said; or with its question, twice."""

    def __init__(self, rule: str, *steps: tuple[str, Any], asks: bool = False) -> None:
        super().__init__(*steps)
        self._rule, self._asks = rule, asks

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive" if self._asks else "password"

    def get_banner(self) -> tuple[str, str]:
        return "" if self._asks else f"{self._rule}\r\n", "en"

    def check_auth_interactive(self, username: str, submethods: str) -> InteractiveQuery:
        return InteractiveQuery("", self._rule, ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int | InteractiveQuery:
        if any(responses):
            self._judged("keyboard-interactive", tuple(responses))
            return InteractiveQuery("", self._rule)
        return AUTH_FAILED


@pytest.mark.parametrize("rule", RULES)
def test_s03_a_rule_that_is_told_to_everybody_makes_no_wrong_password_a_right_one(rule: str) -> None:
    error = asked(House(rule), password=WRONG)
    assert (error.error, error.help) == (ErrorClass.WRONG_CREDENTIALS, "look at the secret")


def test_s03_a_rule_that_stands_beside_the_question_makes_no_wrong_password_a_right_one() -> None:
    server = House(RULES[0], asks=True)
    error = asked(server, password=WRONG)
    assert len(server.tried) == 1
    assert error.error == ErrorClass.WRONG_CREDENTIALS


@pytest.mark.parametrize("rule", RULES)
def test_s03_one_that_hangs_up_before_anything_was_said_says_nothing_of_the_secret(rule: str) -> None:
    class Hasty(House):
        def check_auth_none(self, username: str) -> int:
            self.transports[-1].close()
            return AUTH_FAILED

    error = asked(Hasty(rule), password=WRONG)
    assert error.error in {ErrorClass.REFUSED, ErrorClass.UNREACHABLE}


def test_s03_a_first_question_that_reads_like_one_for_a_new_password_says_nothing_of_the_secret() -> None:
    server = Odd(("keyboard-interactive", ("correct horse",)), questions=["New York office, password: "])
    error = asked(server, password=WRONG)
    assert (error.error, server.tried) == (ErrorClass.BAD_CONFIGURATION, [])
    named = Odd(("keyboard-interactive", ("correct horse",)), questions=["New York office, password: "])
    assert asked(named, secrets={"office": Secret("correct horse")}, answers={"office": "office"}) is None


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_a_password_that_is_no_text_is_a_bad_configuration_and_no_doubt(method: str) -> None:
    """By a change, any other error would leave it unknown whether something was sent."""
    server, executor = Odd((method, "right")), Ssh()
    about = record(server.host_key)
    login = Login(about, "ops", Secret(b"\xff\xfe no text"))
    with odd(server) as port, Trial(executor=executor, record=about).run() as run:
        outcome = executor.change(Host("127.0.0.1", port, {}), login, SecretChange("ops", Secret("brand-new-horse")), run)
    assert isinstance(outcome, NotDone)
    assert (outcome.error, server.tried) == (ErrorClass.BAD_CONFIGURATION, [])
    assert "it asks for a secret that is no text in UTF-8" in outcome.text


def test_what_a_machine_asks_is_told_in_short() -> None:
    error = asked(Odd(("keyboard-interactive", ("x",)), questions=["Colour? " + "x" * 20_000, "Size? "]), password=WRONG)
    assert error.error == ErrorClass.BAD_CONFIGURATION
    assert len(str(error)) < 2_000


@pytest.mark.parametrize("spaces", ["  ", " \t ", "\n"])
def test_s01_what_a_machine_says_again_is_hidden_whatever_spaces_it_has(spaces: str) -> None:
    """In a refusal all white space is one: a secret with two in a row would be another one there, and is not looked for."""

    class Parrot(Odd):
        def check_auth_interactive_response(self, responses: list[str]) -> InteractiveQuery:
            self.tried.append(("keyboard-interactive", tuple(responses)))
            return InteractiveQuery("", f"you said {responses[0]}", (f"Is it {responses[0]}? ", False))

    password = f"c4n4ry{spaces}tr0ub4dor"
    server = Parrot(("keyboard-interactive", ()))
    error = asked(server, password=Secret(password))
    assert server.tried == [("keyboard-interactive", (password,))]
    assert "you said [secret]" in str(error)
    assert "tr0ub4dor" not in str(error)
