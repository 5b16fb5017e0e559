"""Terminals on this machine: what a program finds there, and that nothing of it stays."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import HostRefused
from taskkit.outcomes import Done, ErrorClass, NotDone, Outcome, Unknown
from taskkit.plugins.executors._processes import NotStarted
from taskkit.plugins.executors._ptys import Pty, opened
from taskkit.plugins.executors.local import Local
from taskkit.plugins.verbs import Host, Login, Terminal
from taskkit.records import Record
from taskkit.scripts import Dialogue
from taskkit.secrets import Secret
from taskkit.testing import Trial
from tests.runs import here

RESULT: dict[str, Any] = {"captured": {}, "warnings": []}
ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
ROUTER = Path(__file__).parents[2] / "servers" / "router.py"
RECORD = Record("r1", "router", fields={"host": "10.0.0.1", "user": "app"}, secret_fields=["password"])
ENABLING = Record("en", "router", fields={"user": "enable"}, secret_fields=["password"])
SECRETS = {"r1": {"password": "correct-horse-battery-staple"}, "en": {"password": "an-enabling-secret"}}


@contextmanager
def program(line: str) -> Iterator[Pty]:
    with opened(["/bin/sh", "-c", line], 1.0, env=ENV, cwd=None) as pty:
        yield pty


def heard(pty: Terminal, until: bytes | None = None) -> bytes:
    """All up to the end, or to a word."""
    said, patience = b"", time.monotonic() + 20
    while time.monotonic() < patience:
        piece = pty.receive(0.5)
        if piece is None or (until and until in said + piece):
            return said + (piece or b"")
        said += piece
    raise AssertionError(f"it went on after {said!r}")


def test_a_program_finds_a_terminal_of_its_own() -> None:
    with program("test -t 0 && test -t 1 && test -t 2 && stty size && echo $TERM >/dev/tty") as pty:
        assert heard(pty) == b"500 500\r\nvt100\r\n"


def test_the_products_environment_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_PRODUCT", "correct-horse")
    settings = {"terminal": "/bin/sh -c env"}
    with here(settings=settings).connect() as connection, connection.terminal(here()) as terminal:
        said = heard(terminal)
    assert b"TERM=vt100" in said
    assert b"A_SECRET_OF_THE_PRODUCT" not in said


def test_what_is_typed_comes_in_and_enter_ends_a_line() -> None:
    with program("read line; echo got $line") as pty:
        pty.send("some ", Secret("secret words"), "\n")
        assert heard(pty).splitlines()[-1] == b"got some secret words"


def test_what_was_said_last_is_not_lost_and_then_it_is_closed() -> None:
    for _ in range(20):
        with program("echo the last word") as pty:
            assert heard(pty) == b"the last word\r\n"
            assert pty.receive(5) is None


#: Goes before all that has no place of its own, the kernel's workers among them, for a moment.
HOG = """import os, time
os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
print(flush=True)
until = time.monotonic() + 0.1
while time.monotonic() < until:
    pass"""


@contextmanager
def busy_machine() -> Iterator[None]:
    """What a program says is handed on by a worker of the kernel, which gets its turn late: where we may, not before the program's end."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(20))
    except PermissionError:
        yield
        return
    with ExitStack() as stack:
        stack.callback(os.sched_setscheduler, 0, *before)
        for _ in range(os.cpu_count() or 1):
            hog = stack.enter_context(subprocess.Popen([sys.executable, "-c", HOG], stdout=subprocess.PIPE))
            assert hog.stdout is not None
            assert hog.stdout.readline()
        yield


def test_what_was_said_last_is_not_lost_where_the_kernel_hands_it_on_after_the_end() -> None:
    for _ in range(10):
        with busy_machine(), program("echo the last word") as pty:
            assert heard(pty) == b"the last word\r\n"


def test_silence_is_silence() -> None:
    with program("sleep 60") as pty:
        assert pty.receive(0.05) == b""


def test_a_program_that_reads_nothing_holds_nobody_up() -> None:
    with program("stty raw; echo ready; sleep 60") as pty:
        assert heard(pty, until=b"ready")
        with pytest.raises(TimeoutError):
            pty.send("x" * 1_000_000)


def open_files() -> list[str]:
    return sorted(found.name for found in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("line", ["sleep 60", "trap '' HUP TERM; sleep 60", "trap '' HUP; sleep 60 & wait", "exit 3", "kill -9 $$"])
def test_at_the_end_of_the_block_nothing_of_it_runs_and_nothing_is_open(line: str) -> None:
    before = open_files()
    with program(f"echo $$; {line}") as pty:
        pid = int(heard(pty, until=b"\r\n"))
    assert open_files() == before
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_an_error_in_the_block_ends_it_too() -> None:
    pids = []
    with suppress(KeyError), program("echo $$; sleep 60") as pty:
        pids.append(int(heard(pty, until=b"\r\n")))
        raise KeyError
    assert not Path(f"/proc/{pids[0]}").exists()


def test_an_interrupt_while_its_end_is_waited_for_ends_it_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    before, pids = open_files(), list[int]()

    def interrupted(seconds: float) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt), program("trap '' HUP; echo $$; while :; do sleep 60; done") as pty:
        pids.append(int(heard(pty, until=b"\r\n")))
        monkeypatch.setattr(time, "sleep", interrupted)
    assert open_files() == before
    assert not Path(f"/proc/{pids[0]}").exists()


def test_a_process_with_very_many_open_files_can_talk_too() -> None:
    with ExitStack() as stack:
        while (taken := os.open(os.devnull, os.O_RDONLY)) < 1024:
            stack.callback(os.close, taken)
        stack.callback(os.close, taken)
        with program("read line; echo $line") as pty:
            pty.send("hello\n")
            assert b"hello\r\nhello\r\n" in heard(pty)


def test_where_there_are_no_more_terminals_that_is_told_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "openpty", none_left)
    run = here()
    with Local().connect(Host("h"), Login(RECORD), run) as connection, pytest.raises(HostRefused) as caught, connection.terminal(run):
        pass
    assert caught.value.error == ErrorClass.BUSY


def test_what_cannot_be_started_is_told_as_bad_configuration() -> None:
    with pytest.raises(NotStarted), opened(["x"], 1.0, env=ENV, cwd="/no/such/folder"):
        pass
    run = here()
    for settings in ({"cwd": "/no/such/folder"}, {"terminal": "'"}):
        with Local().connect(Host("h", settings=settings), Login(RECORD), run) as connection:  # noqa: SIM117
            with pytest.raises(HostRefused) as caught, connection.terminal(run):
                pass
        assert caught.value.error == ErrorClass.BAD_CONFIGURATION


def test_a_program_that_is_not_there_is_told_before_anything_opens(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("#!/bin/sh\necho hello\n")
    run = here()
    for line in ("no-such-program-anywhere -x", "/no/such/program", "./there", ""):
        settings = {"terminal": line, "cwd": str(tmp_path)}
        with Local().connect(Host("h", settings=settings), Login(RECORD), run) as connection:  # noqa: SIM117
            with pytest.raises(HostRefused, match="no such program") as caught, connection.terminal(run):
                pass
        assert caught.value.error == ErrorClass.BAD_CONFIGURATION
    (tmp_path / "there").chmod(0o755)
    with here(settings=settings | {"terminal": "./there"}).connect() as connection, connection.terminal(run) as terminal:
        assert b"hello" in heard(terminal)


def test_s01_a_terminal_whose_line_holds_a_secret_is_not_opened() -> None:
    run = here()
    run.keep(Secret("a-secret-of-the-run"))
    with Local().connect(Host("h", settings={"terminal": "echo a-secret-of-the-run"}), Login(RECORD), run) as connection:  # noqa: SIM117
        with pytest.raises(HostRefused), connection.terminal(run):
            pass


def test_many_terminals_at_once_hear_only_themselves() -> None:
    said: dict[int, bytes] = {}

    def talk(number: int) -> None:
        with program("read line; echo $line") as pty:
            pty.send(f"number {number}\n")
            said[number] = heard(pty)

    threads = [threading.Thread(target=talk, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(said[number].splitlines()[-1] == f"number {number}".encode() for number in range(8))


# dialogues with programs


def held(text: str, *options: str, tmp_path: Path | None = None) -> tuple[Outcome | None, Trial]:
    settings = {
        "terminal": f"{sys.executable} {ROUTER} {' '.join(options)}",
        "env": {"ROUTER_DEEDS": str(tmp_path / "deeds")} if tmp_path else {},
    }
    trial = Trial(Dialogue.of("talk", text), RECORD, shadow=ENABLING, secrets=SECRETS, executor=Local(), settings=settings)
    return trial.perform(), trial


ALL = """
    login: -> {user}
    Password: -> {password}
    > -> enable
    or % Login incorrect => fail wrong_credentials
    Password: -> {shadow.password}
    # -> show version
    or Bad secrets => fail wrong_credentials
    capture version /Version ([^,]+),/
    # -> show interfaces
    capture last /^(.*29)$/
    forbid /More|\\x08/
    # -> show secret
    # -> configure terminal
    (config)# -> hostname r2
    (config)# -> <ctrl-d>
    <closed> => end
"""


@pytest.mark.parametrize("options", [[], ["--slow", "--colours"]])
def test_a_whole_talk_with_a_router(options: list[str], tmp_path: Path) -> None:
    outcome, trial = held(ALL, *options, tmp_path=tmp_path)
    assert outcome == Done({"captured": {"version": "15.2(4)M7", "last": "interface Ethernet0/29"}, "warnings": []})
    assert (tmp_path / "deeds").read_text().splitlines() == ["log-in app", "hostname r2"]
    assert "correct-horse" not in repr(trial.entry.document())


def test_s05_a_wrong_password_is_said_once(tmp_path: Path) -> None:
    text = "login: -> {user} ; Password: -> {shadow.password} ; > -> show version ; or incorrect => fail wrong_credentials"
    outcome, _ = held(text, tmp_path=tmp_path)
    assert outcome == NotDone("wrong_credentials", "step 'Password: -> {shadow.password}': it said 'incorrect'", RESULT)
    assert (tmp_path / "deeds").read_text().splitlines() == ["log-in app"]
    outcome, trial = held("> -> enable ; Password: -> {password} ; # -> show version", "--no-login")
    assert isinstance(outcome, NotDone)
    assert outcome.error is ErrorClass.WRONG_CREDENTIALS
    assert trial.entry.operations[-1]["text"] == "it asks again: the secret was not taken"


def test_a_password_is_changed_in_a_dialogue(tmp_path: Path) -> None:
    text = """
        > -> password
        Current password: -> {password}
        New password: -> {shadow.password}
        Retype new password: -> {shadow.password}
        > -> exit
        or do not match => fail failed
    """
    outcome, _ = held(text, "--no-login", tmp_path=tmp_path)
    assert outcome == Done(RESULT)
    assert (tmp_path / "deeds").read_text() == "password\n"


def test_a_flood_is_given_up() -> None:
    outcome, trial = held("> -> flood ; > within 0.5 s -> exit", "--no-login")
    assert isinstance(outcome, Unknown)
    assert trial.entry.operations[0]["truncated"]


def test_a_machine_that_goes_away_in_the_middle_is_unknown() -> None:
    outcome, _ = held("> -> enable ; Password: -> {shadow.password} ; # -> reload ; [confirm] -> <enter> ; # -> show version", "--no-login")
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash --norc"])
def test_a_shell_is_a_machine_to_talk_with(shell: str) -> None:
    text = r'/[#$]$/ -> echo "hello {user}" ; capture said /^(hello.*)$/ ; /[#$]$/ -> exit'
    trial = Trial(Dialogue.of("talk", text), RECORD, executor=Local(), settings={"terminal": shell})
    assert trial.perform() == Done({"captured": {"said": "hello app"}, "warnings": []})
