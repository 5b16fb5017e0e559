"""A script against a machine, tried from a terminal: over this machine, over a real sshd, and over a router that is played."""

from __future__ import annotations

import argparse
import base64
import getpass
import io
import json
import os
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from taskkit.cli import main
from taskkit.cli._hosts import machine_at
from taskkit.cli._try_options import TRY_EXAMPLES
from taskkit.errors import InvalidValue
from taskkit.scripts import Dialogue
from taskkit.testing import Replay, Transcript, Trial
from tests import servers
from tests.servers import router
from tests.servers.doors import Door
from tests.servers.sshd import Sshd, keygen

Capsys = pytest.CaptureFixture[str]
ROUTER = shlex.join([sys.executable, str(Path(router.__file__))])
LOG_IN = "login: -> {user} ; Password: -> {password} ; > -> enable ; Password: -> {enable}"


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What is on standard input, a line for each."""
    return lambda *lines: monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def tried(capsys: Capsys, *arguments: str, code: int = 0) -> str:
    assert main(["try", *arguments]) == code
    found = capsys.readouterr()
    return found.out + found.err


def at(server: Sshd, user: str = "") -> str:
    return f"ssh://{user or server.user}@{server.address}:{server.port}"


# this machine


@pytest.mark.parametrize("line", [line.strip() for line in TRY_EXAMPLES.splitlines() if line.startswith("  taskkit try local")])
def test_the_examples_of_the_help_run(line: str, capsys: Capsys) -> None:
    assert re.search(r'done"?[,\n]', tried(capsys, *shlex.split(line)[2:]))


@pytest.mark.parametrize("line", [line.strip() for line in TRY_EXAMPLES.splitlines() if line.startswith("  taskkit try ssh:")])
def test_the_examples_with_machines_of_others_can_be_read(line: str) -> None:
    from taskkit.cli import _parser

    found = _parser().parse_args(shlex.split(line)[1:])
    assert machine_at(found.place).executor == "ssh"
    assert found.probe or found.lines == ["id", "uptime"]


def test_each_command_is_told_with_what_it_said(capsys: Capsys) -> None:
    first, times, said, second, others, heads, errors, why, outcome = tried(
        capsys, "local", "--shell", "--", "echo one", "echo two >&2; exit 3", code=1
    ).splitlines()
    assert (first, second) == ("done: echo one", "not done: echo two >&2; exit 3")
    assert re.fullmatch(r"  exit 0, \d\d:\d\d:\d\d UTC, \d+\.\d\d s", times)
    assert others.startswith("  exit 3, ")
    assert (said, heads, errors) == ("    one", "  errors:", "    two")
    assert why == "  failed: it ended with 3 instead of 0: two"
    assert outcome == "not done, failed: step 2 'echo two >&2; exit 3': it ended with 3 instead of 0: two"


def test_a_step_is_told_before_the_next_one_begins(tmp_path: Path) -> None:
    with (tmp_path / "told").open("wb") as told:
        done = subprocess.run([sys.executable, "-m", "taskkit", "try", "local", "--", "echo one", "cat told"], stdout=told)
    assert done.returncode == 0
    assert [line for line in (tmp_path / "told").read_text().splitlines() if line.startswith("    done: echo one")]


def test_a_program_gets_a_line_for_each_step_and_one_for_the_outcome(capsys: Capsys) -> None:
    step, end = map(json.loads, tried(capsys, "local", "--json", "--", "false", "true", code=1).splitlines())
    assert (step["operation"]["name"], step["operation"]["exit"], step["operation"]["state"]) == ("false", 1, "not_done")
    assert (end["outcome"], end["error"], end["host_key"]) == ("not_done", "failed", None)
    assert end["text"] == "step 1 'false': it ended with 1 instead of 0"


def test_fields_and_settings_are_heard(capsys: Capsys) -> None:
    said = tried(capsys, "local", "--set", "what=a;b", "--setting", 'env={"COLOUR": "red"}', "--", "printenv COLOUR", "echo {what}")
    assert ("    red\n" in said, "    a;b\n" in said) == (True, True)


def test_a_setting_that_is_none_is_told(capsys: Capsys) -> None:
    said = tried(capsys, "local", "--setting", "cap=12", "--", "true", code=1)
    assert "not done, bad_configuration: reading the settings for 'local'" in said


def test_what_takes_too_long_is_not_waited_for(capsys: Capsys) -> None:
    said = tried(capsys, "local", "--timeout", "0.5", "--", "sleep 60", code=1)
    assert re.search("^(unknown|not done, timeout): ", said, re.MULTILINE)  # the latter where a busy machine did not come to begin it


def test_what_a_machine_says_cannot_drive_the_terminal(capsys: Capsys) -> None:
    said = tried(capsys, "local", "--", r"printf 'a\033]0;title\007\tb'")
    assert "\033" not in said
    assert "\007" not in said


def test_breaking_it_off_leaves_nobody_certain(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Trial) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trial, "perform", interrupt)
    assert tried(capsys, "local", "--", "true", code=1) == "unknown: it was broken off, and nobody saw how the last step ended\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_machine_is_not_left_in_the_middle_because_nobody_reads_on(options: list[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "taskkit", "try", "local", *options, "--", "echo one", f"touch {tmp_path}/there"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "there").exists()


def test_an_output_that_cannot_show_a_letter_breaks_nothing_off(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "taskkit", "try", "local", "--", "echo ä", f"touch {tmp_path}/there"]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert b"    ?" in done.stdout
    assert (tmp_path / "there").exists()


def test_on_a_terminal_it_has_colours_and_the_same_words(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    plain = tried(capsys, "local", "--", "echo one", "false", code=1)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    coloured = tried(capsys, "local", "--", "echo one", "false", code=1)
    assert ("\x1b[1;32m" in coloured, "\x1b[1;31m" in coloured) == (True, True)
    words = [re.sub(r"\d\d:\d\d:\d\d UTC, [\d.]+ s", "", re.sub(r"\x1b\[[0-9;]*m", "", said)) for said in (coloured, plain)]
    assert words[0] == words[1]


# what was typed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["local"], "nothing is asked for"),
        (["local", "--"], "nothing is asked for"),
        (["local", "--dialogue", "# -> exit", "--", "true"], "one at a time"),
        (["local", "--dialogue", "nowhere.txt"], "reading the dialogue in 'nowhere.txt': No such file"),
        (["local", "--dialogue", "# -> exit => nowhere"], "leads nowhere"),
        (["local", "--record", "a.json", "--", "true"], "there is no dialogue"),
        (["local", "--record", "not/there/a.json", "--dialogue", "# -> exit"], "no file can be there"),
        (["local", "--stdin", "--", "true"], "none is asked for"),
        (["app:engine", "--", "true"], "commands are for a machine"),
        (["ssh://", "--", "true"], "it is no place"),
        (["local", "--", "echo {what"], "expected '}'"),
        (["local", "--", "echo {what}"], "filling in {what}: nobody says what stands there; say --set what=…, or --ask what"),
        (["local", "--", "awk {print $1}"], "nobody says what stands there"),
        (["local", "--dialogue", "# -> {shadow.user}"], "there is no shadow account here"),
        (["local", "--dialogue", "Password: -> {password}"], "or --ask password where it is a secret"),
        (["local", "--ask", "enable", "--", "echo {enable}"], "everybody can read a command line; say it in a dialogue"),
        (["ssh://a:65536", "--probe"], "there is no port 65536"),
    ],
)
def test_what_cannot_be_read_is_told(arguments: list[str], said: str, capsys: Capsys) -> None:
    assert said in tried(capsys, *arguments, code=2)


@pytest.mark.parametrize("arguments", [["local", "--probe"], ["nobody://a", "--probe"]])
def test_an_executor_that_cannot_do_it_is_told(arguments: list[str], capsys: Capsys) -> None:
    assert re.search(
        "it cannot do probe; it can do commands, dialogue|no executor 'nobody' is installed", tried(capsys, *arguments, code=1)
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["ssh://ops:tr0ub4dor@web-1", "--probe"],
        ["local", "--set", "password=tr0ub4dor", "--", "true"],
        ["local", "--set", "enable=tr0ub4dor", "--ask", "enable", "--", "true"],
        ["local", "--set", "key=tr0ub4dor", "--", "true"],
    ],
)
def test_s01_a_secret_that_was_typed_is_refused_and_not_shown(arguments: list[str], capsys: Capsys) -> None:
    said = tried(capsys, *arguments, code=2)
    assert "whoever lists processes reads" in said
    assert "tr0ub4dor" not in said


@pytest.mark.parametrize("arguments", [["--set", "=tr0ub4dor"], ["--setting", "tr0ub4dor"]])
def test_s01_what_is_no_pair_is_refused_and_not_shown(arguments: list[str], capsys: Capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["try", "local", *arguments, "--", "true"])
    assert "tr0ub4dor" not in capsys.readouterr().err


def test_what_stands_before_the_dashes_is_no_command_and_its_value_is_not_shown(capsys: Capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["try", "local", "--password=tr0ub4dor"])
    for said in (capsys.readouterr().err, tried(capsys, "local", "true", code=2)):
        assert re.search("'(true|--password)' is no option; commands stand behind --", said)
        assert "tr0ub4dor" not in said


@pytest.mark.parametrize("seconds", ["0", "nan", "inf", "soon", "86401"])
def test_what_is_no_time_is_refused(seconds: str, capsys: Capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["try", "local", "--timeout", seconds, "--", "true"])
    assert "no number of seconds" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "executor", "fields"),
    [
        ("local", "local", {}),
        ("ssh://ops@web-1", "ssh", {"user": "ops", "host": "web-1"}),
        ("ssh://ops@[fe80::1]:2222/", "ssh", {"user": "ops", "host": "fe80::1", "port": "2222"}),
        ("of-others://10.0.0.5", "of-others", {"host": "10.0.0.5"}),
    ],
)
def test_a_place_names_executor_and_machine(place: str, executor: str, fields: dict[str, str]) -> None:
    found = machine_at(place)
    assert (found.executor, dict(found.fields)) == (executor, fields)


# secrets


def test_s01_a_secret_is_typed_where_nobody_sees_it(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = {"password for local: ": router.PASSWORD, "enable for local: ": router.ENABLE}
    monkeypatch.setattr(getpass, "getpass", typed.__getitem__)
    given = ["--set", f"user={router.USER}", "--setting", f"terminal={ROUTER}", "--ask", "password", "--ask", "enable"]
    said = tried(capsys, "local", *given, "--dialogue", f"{LOG_IN} ; # -> exit")
    assert said.endswith("\ndone\n")
    assert not [secret for secret in typed.values() if secret in said]


def test_s01_without_a_terminal_no_secret_is_asked_for(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(prompt: str) -> str:
        warnings.warn("it would be shown", getpass.GetPassWarning, stacklevel=2)
        return "tr0ub4dor"

    monkeypatch.setattr(getpass, "getpass", shown)
    assert "there is no terminal; give it by standard input, with --stdin" in tried(
        capsys, "local", "--ask", "password", "--", "true", code=2
    )


def test_nothing_is_said_where_the_question_is_broken_off(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(getpass, "getpass", interrupted)
    said = tried(capsys, "local", "--ask", "password", "--", "touch there", code=1)
    assert "asking for the secret 'password': it was broken off" in said
    assert not Path("there").exists()


def test_a_secret_that_does_not_come_is_told(capsys: Capsys, answers: Callable[..., None]) -> None:
    answers("tr0ub4dor")
    said = tried(capsys, "local", "--stdin", "--ask", "password", "--ask", "enable", "--", "true", code=2)
    assert "reading the secret 'enable' from standard input: there is no line for it" in said
    assert "tr0ub4dor" not in said


def talk(capsys: Capsys, answers: Callable[..., None], dialogue: str, *options: str, said: str = router.PASSWORD, code: int = 0) -> str:
    answers(said, router.ENABLE)
    given = ["--set", f"user={router.USER}", "--setting", f"terminal={ROUTER}", "--ask", "password", "--ask", "enable", "--stdin"]
    return tried(capsys, "local", *given, "--dialogue", dialogue, *options, code=code)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_s01_nothing_of_a_secret_is_in_output_or_transcript(
    options: list[str], capsys: Capsys, answers: Callable[..., None], tmp_path: Path
) -> None:
    look = f"{LOG_IN} ; # -> show secret ; # -> exit"
    said = talk(capsys, answers, look, "--record", "talk.json", *options)
    kept = (tmp_path / "talk.json").read_text()
    for secret in (router.PASSWORD, router.ENABLE):
        for form in (secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex()):
            assert form not in said + kept
    assert "Password: -> {enable}" in said
    assert "{password}" in kept
    assert "password [secret]" in said


def test_a_transcript_can_be_replayed(capsys: Capsys, answers: Callable[..., None], tmp_path: Path) -> None:
    look = f"{LOG_IN} ; # -> show version ; capture version /Version ([^,]+),/ ; # -> exit"
    assert "  version = 15.2(4)M7\n" in talk(capsys, answers, look, "--record", "talk.json")
    replay = Replay(Transcript.read(tmp_path / "talk.json"))
    secrets = {"db-1": {"password": "something else", "enable": "and another one"}}
    Trial(Dialogue.of("look", look), executor=replay, secrets=secrets).perform()
    replay.check()


def test_a_dialogue_stands_in_a_file_too_and_one_that_fails_leaves_its_transcript(
    capsys: Capsys, answers: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "look.txt").write_text(
        "login: -> {user}\nPassword: -> {password}\n> -> exit\nor Login incorrect => fail wrong_credentials\n"
    )
    said = talk(capsys, answers, "look.txt", "--record", "talk.json", said="another one", code=1)
    assert "\nnot done, wrong_credentials: " in said
    assert "Login incorrect" in str(Transcript.read(tmp_path / "talk.json"))


def test_where_nothing_was_said_the_transcript_of_before_is_kept(capsys: Capsys, tmp_path: Path) -> None:
    (tmp_path / "talk.json").write_text("of before")
    place = f"ssh://ops@127.0.0.1:{servers.free_port()}"
    assert "unreachable" in tried(capsys, place, "--dialogue", "# -> exit", "--record", "talk.json", code=1)
    assert (tmp_path / "talk.json").read_text() == "of before"


def test_s07_a_machine_cannot_offer_a_host_key_in_its_words(capsys: Capsys) -> None:
    line = "keep 'ssh-ed25519 AAAA' in the record's field"
    assert "--host-key" not in tried(capsys, "local", "--shell", "--", "echo one", f'echo "{line}" >&2; exit 1', code=1)
    assert "--host-key" not in tried(capsys, "local", "--shell", "--", f'echo "{line}" >&2; exit 127', code=1)


# executors of others

#: Says what it was told to log in with wherever it can, and scrubs nothing.
PARROT = """
from contextlib import contextmanager

import pendulum
from taskkit.errors import HostRefused
from taskkit.plugins import hookimpl
from taskkit.plugins.kinds import Executor
from taskkit.plugins.verbs import Operation, Verb


class Parrot(Executor):
    name = "parrot"
    verbs = frozenset({Verb.COMMANDS})

    @contextmanager
    def connect(self, host, login, run):
        self.song = login.secret.reveal()
        if host.address == "shut":
            raise HostRefused(self.song, self.song, self.song)
        if host.address == "broken":
            raise RuntimeError(self.song)
        yield self

    def commands(self, sequence, run):
        now, song = pendulum.now(), self.song
        for command in sequence:
            said = f"{song} for {run.record.fields['user']}"
            yield Operation(song, "not_done", now, now, 1, None, said, song, error="failed", text=song, captured={"a": song, song: "b"})


@hookimpl
def taskkit_executors():
    return [Parrot()]
"""


@pytest.fixture
def _parrot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed by a distribution of its own."""
    info = tmp_path / "parrots-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parrots\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[taskkit]\nparrot = parrots_parrot\n")
    (tmp_path / "parrots_parrot.py").write_text(PARROT)
    monkeypatch.delitem(sys.modules, "parrots_parrot", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("_parrot")
@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("host", ["open", "shut", "broken"])
def test_s01_an_executor_of_others_that_scrubs_nothing_tells_no_secret(
    host: str, options: list[str], capsys: Capsys, answers: Callable[..., None]
) -> None:
    answers("tr0ub4dor&3")
    said = tried(capsys, f"parrot://polly@{host}", *options, "--ask", "password", "--stdin", "--", "sing", code=1)
    assert "[secret]" in said
    assert ("[secret] for polly" in said) == (host == "open")
    assert "tr0ub4dor" not in said


# machines that are reached by SSH


def test_commands_run_on_a_machine_by_ssh(sshd: Sshd, capsys: Capsys) -> None:
    key = str(sshd.folder / "user_ed25519")
    said = tried(capsys, at(sshd), "--host-key", sshd.host_key, "--key", key, "--", "echo {user}", "printenv SSH_CONNECTION")
    assert f"    {sshd.user}\n" in said
    assert f" {sshd.port}\n" in said


def test_a_log_in_alone_is_tried_by_a_file_of_known_hosts(sshd: Sshd, capsys: Capsys, tmp_path: Path) -> None:
    (tmp_path / "known").write_text(f"[{sshd.address}]:{sshd.port} {sshd.host_key}\n")
    assert tried(capsys, at(sshd), "--known-hosts", "known", "--key", str(sshd.folder / "user_ed25519"), "--probe") == "done\n"


def test_a_dialogue_is_held_over_ssh(sshd: Sshd, capsys: Capsys, tmp_path: Path) -> None:
    given = ["--host-key", sshd.host_key, "--key", str(sshd.folder / "user_ed25519"), "--record", "talk.json"]
    said = tried(capsys, at(sshd), *given, "--dialogue", r"/[#$] ?$/ -> echo I am {user} ; capture who /^I am (.*)$/ ; /[#$] ?$/ -> exit")
    assert f"  who = {sshd.user}\n" in said
    assert Transcript.read(tmp_path / "talk.json").remarks[0].hears == f"echo I am {sshd.user}\n"


def test_s01_a_passphrase_opens_the_key_and_is_not_told(sshd: Sshd, capsys: Capsys, tmp_path: Path, answers: Callable[..., None]) -> None:
    key = tmp_path / "locked"
    key.write_text((sshd.folder / "user_ed25519").read_text())
    key.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "tr0ub4dor", "-f", str(key)], check=True, capture_output=True)  # noqa: S607
    given = [at(sshd), "--host-key", sshd.host_key, "--key", "locked", "--ask", "passphrase", "--stdin", "--probe"]
    answers("tr0ub4dor")
    assert tried(capsys, *given) == "done\n"
    answers("another tr0ub4dor")
    said = tried(capsys, *given, code=1)
    assert "its passphrase is another one" in said
    assert "tr0ub4dor" not in said


def test_s07_an_unknown_host_key_is_told_with_the_line_to_give(sshd: Sshd, capsys: Capsys) -> None:
    given = ["--key", str(sshd.folder / "user_ed25519"), "--probe"]
    said = tried(capsys, at(sshd), *given, code=1)
    assert re.search(r"not done, bad_configuration: .*SHA256:\S+ \(ssh-ed25519\), and none is known", said)
    line = re.search(r"--host-key '(.*)'", said)
    assert line
    assert sshd.host_key.startswith(line[1])
    assert tried(capsys, at(sshd), "--host-key", line[1], *given) == "done\n"
    assert json.loads(tried(capsys, at(sshd), "--json", *given, code=1))["host_key"] == line[1]


def test_s07_another_host_key_is_told_and_no_line_is_offered(sshd: Sshd, capsys: Capsys, tmp_path: Path) -> None:
    keygen(tmp_path / "other")
    other = (tmp_path / "other.pub").read_text()
    said = tried(capsys, at(sshd), "--host-key", other, "--key", str(sshd.folder / "user_ed25519"), "--probe", code=1)
    assert "not done, host_changed: " in said
    assert "--host-key" not in said


def test_a_wrong_key_is_told(sshd: Sshd, capsys: Capsys, tmp_path: Path) -> None:
    keygen(tmp_path / "other")
    said = tried(capsys, at(sshd), "--host-key", sshd.host_key, "--key", "other", "--", "id", code=1)
    assert "not done, wrong_credentials: " in said
    assert "the key was refused" in said
    assert not any(line in said for line in (tmp_path / "other").read_text().splitlines())


@pytest.mark.parametrize("kind", ["open to others", "a link", "not there"])
def test_s01_a_key_that_others_may_read_or_change_is_not_read(kind: str, sshd: Sshd, capsys: Capsys, tmp_path: Path) -> None:
    keygen(tmp_path / "mine")
    if kind == "open to others":
        (tmp_path / "mine").chmod(0o644)
    elif kind == "a link":
        (tmp_path / "mine").rename(tmp_path / "other")
        (tmp_path / "mine").symlink_to("other")
    else:
        (tmp_path / "mine").unlink()
    said = tried(capsys, at(sshd), "--host-key", sshd.host_key, "--key", "mine", "--probe", code=1)
    assert "reading the private key 'mine': " in said
    assert {"open to others": "its mode is 0644", "a link": "it is a symbolic link", "not there": "No such file"}[kind] in said
    assert "eyring" not in said


@pytest.mark.tells
def test_s01_a_password_that_is_asked_for_lets_in_and_is_not_told(without_pam: Door, capsys: Capsys, answers: Callable[..., None]) -> None:
    account, server = without_pam.account(), without_pam
    given = [at(server, account.name), "--host-key", server.host_key, "--ask", "password", "--stdin"]
    password = account.password.reveal()
    answers(password)
    said = tried(capsys, *given, "--json", "--", "id -un", f"echo {password}", code=1)
    assert f'"output": "{account.name}\\n"' in said
    assert password not in said
    answers("tr0ub4dor and more")
    said = tried(capsys, *given, "--probe", code=1)
    assert "wrong_credentials" in said
    assert "tr0ub4dor" not in said


def test_a_mistake_of_the_place_does_not_show_it() -> None:
    with pytest.raises(InvalidValue) as caught:
        machine_at("ssh://ops@tr0ub4dor@web-1")
    assert "tr0ub4dor" not in str(caught.value)


def test_lines_are_taken_out_before_options_are_read() -> None:
    from taskkit.cli import _parser

    found: argparse.Namespace = _parser().parse_args(["try", "local", "--set", "a=b", "--", "echo --json", "--", "x"])
    assert (found.lines, found.json, found.set) == (["echo --json", "--", "x"], False, [("a", "b")])
