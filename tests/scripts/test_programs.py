"""Programs for interpreters: said by stdin, with values that stay values and secrets that stay beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskkit.errors import InvalidValue
from taskkit.outcomes import Done, Outcome
from taskkit.plugins.executors.ssh import Ssh
from taskkit.records import Record
from taskkit.scripts import Commands, Step
from taskkit.scrubbing import REPLACED
from taskkit.secrets import Secret
from tests.runs import WatchedRun
from tests.servers.sshd import Sshd

PASSWORD = "correct-horse-battery"  # noqa: S105  what no test may find again
#: What a record's field would do, were it read as a command.
EVIL = "$(touch evil); `touch evil`\n"
FIELDS = {"host": "localhost", "user": "x'; touch evil; '", "evil": EVIL.strip(), "password": "****"}
SECRETS = {"db": {"password": Secret(PASSWORD)}}


def perform(step: Step, tmp_path: Path) -> tuple[Outcome, WatchedRun]:
    record = Record("db", "machine", fields=FIELDS, secret_fields=["password"])
    run = WatchedRun(record, secrets=SECRETS, settings={"cwd": str(tmp_path)})
    return Commands("some", step).perform(run), run


def test_a_program_is_said_by_stdin_as_it_stands(tmp_path: Path) -> None:
    outcome, run = perform(Step("/bin/sh -s", script="for i in 1 2; do echo ${i}{a}; done\n"), tmp_path)
    assert isinstance(outcome, Done)
    assert run.operations[0].output == "1{a}\n2{a}\n"
    assert run.operations[0].name == "/bin/sh -s"


def test_values_are_arguments_of_a_program_and_never_commands(tmp_path: Path) -> None:
    _, run = perform(Step("/bin/sh -s -- {user} {evil}", script='printf "%s|" "$@"'), tmp_path)
    assert run.operations[0].output == f"{FIELDS['user']}|{FIELDS['evil']}|"
    _, run = perform(Step("python3 - {user}", script="import sys; print(sys.argv[1:])"), tmp_path)
    assert run.operations[0].output == f"{[FIELDS['user']]}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", ["/bin/sh -s", "bash -e -s", "dash -s --"])
def test_s01_a_program_reads_secrets_beside_it_and_no_byte_of_it_is_a_command(shell: str, tmp_path: Path) -> None:
    program = 'IFS= read -r secret; cat >rest; printf %s "$secret" >said; tr "\\0" " " </proc/$$/cmdline >seen; printf "%s" "$*"\n'
    outcome, run = perform(Step(f"{shell} {{user}}", script=program, stdin="{password}\n{evil}\n{user}"), tmp_path)
    assert isinstance(outcome, Done), outcome
    assert (tmp_path / "said").read_text() == PASSWORD
    assert (tmp_path / "rest").read_text() == f"{FIELDS['evil']}\n{FIELDS['user']}"
    assert PASSWORD not in (tmp_path / "seen").read_text()
    assert run.operations[0].output == FIELDS["user"]
    assert not (tmp_path / "evil").exists()


def test_a_long_program_is_read_to_its_last_byte_and_no_further(tmp_path: Path) -> None:
    program = "# " + "ü" * 30_000 + "\necho begin\n" + ": padding\n" * 2_000 + "cat"
    _, run = perform(Step("/bin/sh -s", script=program, stdin="the rest"), tmp_path)
    assert run.operations[0].output == "begin\nthe rest"


def test_a_program_that_says_a_secret_is_scrubbed(tmp_path: Path) -> None:
    _, run = perform(Step("/bin/sh -s", script="read -r s; echo $s", stdin="{password}\n"), tmp_path)
    assert run.operations[0].output == f"{REPLACED}\n"


@pytest.mark.parametrize(
    "line", ["sh", "/bin/sh -s", "bash -e", "bash -s {host}", "sudo -n sh -s", "env A=1 python3 -", "python3.11", "perl -w", "A=1 dash"]
)
def test_a_value_that_would_be_part_of_a_program_is_refused(line: str) -> None:
    with pytest.raises(InvalidValue, match="would be part of what"):
        Step(line, stdin="useradd {user}")
    Step(line, stdin="useradd app")


@pytest.mark.parametrize(
    "line", ["cat", "sh script.sh", "sh -c 'cat'", "python3 -c pass", "perl -ne print", "chpasswd", "echo sh", "grep sh"]
)
def test_values_in_what_is_only_read_may_stand_as_they_are(line: str) -> None:
    assert Step(line, stdin="{user}:{password}").stdin


@pytest.mark.parametrize("line", ["python3 -", "/bin/sh", "sh -c x", "sh -o pipefail -s", "sudo sh -s"])
def test_a_program_with_a_stdin_beside_it_takes_a_shell_that_can_tell_them_apart(line: str) -> None:
    with pytest.raises(InvalidValue, match="not that of a POSIX shell with -s"):
        Step(line, script="cat", stdin="{password}")


@pytest.mark.parametrize("script", ["", " \n", "a\0b"])
def test_an_empty_program_is_none(script: str) -> None:
    with pytest.raises(InvalidValue, match="it is no program"):
        Step("sh -s", script=script)


def test_the_same_holds_over_ssh(sshd: Sshd, tmp_path: Path) -> None:
    fields = FIELDS | {"host": sshd.address, "port": str(sshd.port), "user": sshd.user, "host_key": sshd.host_key}
    record = Record("db", "machine", fields=fields, secret_fields=["password"])
    run = WatchedRun(
        record, executor=Ssh(), secrets={"db": {"password": Secret(PASSWORD), "key": sshd.key}}, settings={"cwd": str(tmp_path)}
    )
    step = Step("/bin/sh -s -- {evil}", script='cat >said; printf %s "$1"', stdin="{password}")
    assert isinstance(Commands("some", step).perform(run), Done)
    assert (run.operations[0].output, (tmp_path / "said").read_text()) == (FIELDS["evil"], PASSWORD)
    assert not (tmp_path / "evil").exists()
