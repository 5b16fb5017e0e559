"""One command in a channel of a real sshd: what it is told, what is kept of it, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from paramiko import ChannelException

from taskkit.outcomes import Done, NotDone
from taskkit.plugins.executors._outputs import Recorder
from taskkit.plugins.executors.ssh._exchanges import Bell, Exchange
from taskkit.plugins.executors.ssh._talks import Sieve
from taskkit.plugins.verbs import Command, Operation
from taskkit.scripts import Check, CheckStatus, Commands, Step
from taskkit.scrubbing import REPLACED, Scrubber
from taskkit.secrets import Secret
from tests import servers
from tests.plugins.executors.ssh.reach import carried_out, carry_out, shell, there
from tests.servers.doors import Door
from tests.servers.sshd import Sshd, running

PASSWORD = "correct-horse-battery"  # noqa: S105  what no test may find again
#: Longer than any test waits for, so that what is seen to end was ended.
FOREVER = "sleep 300"


def is_gone(pid: int) -> bool:
    for _ in range(500):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


# What is said


def test_a_line_is_cut_into_words_and_each_is_quoted(sshd: Sshd) -> None:
    assert carry_out(there(sshd), "echo 'two words' $HOME ';' *").output == "two words $HOME ; *\n"


def test_a_line_for_a_shell_is_said_as_it_stands(sshd: Sshd) -> None:
    assert shell(there(sshd), "echo one | tr a-z A-Z; printf %s '{x}'").output == "ONE\n{x}"


def test_a_machine_that_has_no_shell_gets_its_lines_as_they_stand(walled: Door) -> None:
    line = "show  interfaces | include $up; 'x"
    assert shell(there(walled, "switch"), line).output == line
    assert carry_out(there(walled, "switch"), "show  version brief").output == "show version brief"


def test_output_and_errors_are_told_apart_and_in_order_with_the_exit_code(sshd: Sshd) -> None:
    told = shell(there(sshd), "echo out; echo err >&2; exit 4")
    assert (told.state, told.error, told.exit, told.output, told.errors) == ("not_done", "failed", 4, "out\n", "err\n")
    assert told.text == "it ended with 4 instead of 0: err"


def test_commands_run_one_after_the_other_over_one_connection(sshd: Sshd) -> None:
    before = sshd.log.count("Accepted publickey")
    told = carried_out(there(sshd), "echo one", "false", "echo three")
    assert [(one.state, one.output) for one in told] == [("done", "one\n"), ("not_done", ""), ("done", "three\n")]
    assert sshd.log.count("Accepted publickey") == before + 1


@pytest.mark.parametrize(("line", "code"), [("no-such-command-anywhere", 127), ("/etc/passwd", 126)])
def test_what_cannot_be_started_is_bad_configuration(sshd: Sshd, line: str, code: int) -> None:
    told = carry_out(there(sshd), line)
    assert (told.state, told.error, told.exit) == ("not_done", "bad_configuration", code)


@pytest.mark.parametrize("given", [{"expect": "("}, {"capture": {"a": "no group"}}, {"timeout": 0}, {"idle": 0}, {"stdin": "\ud83d"}])
def test_a_command_with_a_mistake_is_not_begun(sshd: Sshd, tmp_path: Path, given: dict[str, Any]) -> None:
    told = carry_out(there(sshd), Command(f"touch {tmp_path}/here", **given))
    assert (told.state, told.error, list(tmp_path.iterdir())) == ("not_done", "bad_configuration", [])


def test_a_command_with_half_a_character_is_not_begun(sshd: Sshd, tmp_path: Path) -> None:
    told = carry_out(there(sshd), Command(f"touch {tmp_path}/\ud83d"))
    assert (told.state, told.error, list(tmp_path.iterdir())) == ("not_done", "bad_configuration", [])
    assert "half a character" in told.text


def test_patterns_and_captures_are_as_on_this_machine(sshd: Sshd) -> None:
    run = there(sshd)
    assert shell(run, "echo used 81%; echo free 7 >&2", capture={"used": r"used (\d+)", "free": r"free (\d+)"}).captured == {
        "used": "81",
        "free": "7",
    }
    assert shell(there(sshd), "echo one", expect="^two$").text == "'^two$' was not found"
    assert shell(there(sshd), "echo an ERROR", forbid="(?i)error").error == "failed"


def test_numbers_stay_within_limits_and_warn_or_fail_as_on_this_machine(sshd: Sshd) -> None:
    limits = {"capture": {"used": r"(\d+)%"}, "warn_above": 80, "error_above": 95}
    for used, state in ((79, "ok"), (83, "warning"), (96, "error")):
        check = Check(f"echo {used}%", name="disk", **limits)  # type: ignore[arg-type]
        outcome = CheckStatus("look", check).perform(there(sshd))
        assert isinstance(outcome, Done | NotDone)
        assert outcome.result["state"] == state


def test_a_script_stops_at_the_first_failure_or_goes_on(sshd: Sshd) -> None:
    steps = [Step("echo one"), Step("false"), Step("echo {host}", capture={"host": "(.*)"})]
    run = there(sshd)
    assert isinstance(Commands("some", steps).perform(run), NotDone)
    assert [one.state for one in run.operations] == ["done", "not_done"]
    run = there(sshd)
    outcome = Commands("some", steps, on_failure="go_on").perform(run)
    assert isinstance(outcome, NotDone)
    assert ([one.state for one in run.operations], outcome.result["captured"]) == (["done", "not_done", "done"], {"host": sshd.address})


# What is written to it


def test_a_huge_stdin_goes_in_while_more_comes_out(sshd: Sshd) -> None:
    said = "0123456789abcde\n" * 300_000  # 4.8 MB: more than the window of a channel
    told = carry_out(there(sshd), Command("od -An -v -tx1", stdin=said))
    assert (told.state, told.truncated) == ("done", True)
    assert carry_out(there(sshd), Command("wc -c", stdin=said)).output.strip() == str(len(said))


def test_a_command_that_closes_its_stdin_early_may_do_so(sshd: Sshd) -> None:
    assert carry_out(there(sshd), Command("head -c 3", stdin="x" * 5_000_000)).output == "xxx"
    assert shell(there(sshd), "exec <&-; sleep 0.1; echo fine", stdin="x" * 5_000_000).output == "fine\n"


def test_a_command_that_is_told_nothing_reads_an_end_at_once(sshd: Sshd) -> None:
    assert carry_out(there(sshd), "cat").state == "done"


def test_s01_a_secret_comes_by_stdin_in_parts_and_is_scrubbed_of_output_and_errors(sshd: Sshd) -> None:
    told = shell(there(sshd), "tee /dev/stderr", stdin=("user:", Secret(PASSWORD), "\n"))
    assert (told.output, told.errors) == (f"user:{REPLACED}\n", f"user:{REPLACED}\n")


@pytest.mark.tells
def test_s01_a_line_or_variable_that_holds_a_secret_of_the_run_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    run = there(sshd)
    run.keep(Secret(PASSWORD))
    assert carry_out(run, f"touch {tmp_path}/{PASSWORD}").error == "bad_configuration"
    run = there(sshd, settings={"env": {"PGPASSWORD": PASSWORD}})
    run.keep(Secret(PASSWORD))
    told = carry_out(run, "env")
    assert (told.error, told.output, list(tmp_path.iterdir())) == ("bad_configuration", "", [])


# What it says


def test_a_flood_on_both_sides_is_cut_visibly(sshd: Sshd) -> None:
    told = shell(there(sshd), "echo first; for i in 1 2 3; do head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; done; echo last")
    assert (told.state, told.truncated) == ("done", True)
    assert told.output.startswith("first\n")
    assert told.output.endswith("last\n")
    assert "bytes left out" in told.errors


def test_all_that_was_said_before_the_end_is_read(sshd: Sshd) -> None:
    for _ in range(5):
        assert len(shell(there(sshd), "head -c 60000 /dev/zero | tr '\\0' x").output) == 60_000


def test_a_bell_rings_for_what_is_worth_a_look_and_forgets_when_it_was_heard() -> None:
    bell, worth = Bell(), [False]
    bell.worth = lambda: worth[0]
    bell.set()
    assert not bell.wait(0)
    worth[0] = True
    bell.set()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_who_says_little_is_looked_at_once_and_not_for_each_word(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    rang: list[bool] = []
    wait = Bell.wait

    def patiently(bell: Bell, timeout: float | None = None) -> bool:
        rang.append(wait(bell, 20))
        return rang[-1]

    monkeypatch.setattr(Bell, "wait", patiently)
    told = shell(there(sshd), "for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo $i >&2; sleep 0.01; done")
    assert (told.state, len(told.output), len(told.errors)) == ("done", 18, 18)
    assert rang == [True]


# Where it runs


def test_a_command_runs_where_and_with_what_the_settings_say(sshd: Sshd, tmp_path: Path) -> None:
    place = tmp_path / "it's here"
    place.mkdir()
    run = there(sshd, settings={"cwd": str(place), "env": {"GREETING": "it's; $HOME", "LANG": "C"}})
    assert shell(run, "pwd; echo $GREETING").output == f"{place}\nit's; $HOME\n"


def test_a_directory_that_is_not_there_is_told_and_nothing_is_begun(sshd: Sshd, tmp_path: Path) -> None:
    run = there(sshd, settings={"cwd": "/no/such/place"})
    told = carry_out(run, Command(f"touch {tmp_path}/here", exits=(0, 126)))
    assert (told.state, told.error, list(tmp_path.iterdir())) == ("not_done", "bad_configuration", [])
    assert "/no/such/place" in told.text


# How it ends


def test_j10_a_timeout_asks_it_to_end_by_a_signal_and_tells_that_it_was_seen(walled: Door) -> None:
    told = shell(there(walled, "app"), f"exec {FOREVER}", timeout=0.5)
    assert (told.state, told.error, told.exit, told.signal) == ("unknown", "timeout", None, signal.SIGTERM)
    assert told.text == "it took longer than 0.5 s and was told to end; it was seen to end"


def test_j10_a_command_that_does_not_listen_is_killed(walled: Door) -> None:
    ready = walled.shared / "does-not-listen"
    run = there(walled, "app", settings={"grace": 0.3}, late=ready.exists)  # however slow the machine is, its time is not over sooner
    told = shell(run, f"trap '' TERM; touch {ready}; while :; do sleep 1; done")
    assert (told.state, told.signal) == ("unknown", signal.SIGKILL)


def test_j10_where_the_machine_takes_no_signals_nobody_says_that_it_ended() -> None:
    """OpenSSH sends none to what it was told to run instead of what was asked for; older ones send none to processes of root either."""
    with running(servers.program("sshd"), config='ForceCommand eval "$SSH_ORIGINAL_COMMAND"\n') as forced:
        told = shell(there(forced, settings={"grace": 0.1}), f"echo $$; exec {FOREVER}", timeout=0.5)
        try:
            assert (told.state, told.error, told.exit, told.signal) == ("unknown", "timeout", None, None)
            assert told.text == "it took longer than 0.5 s and was told to end; nobody saw it end: it may still run"
        finally:
            os.kill(int(told.output), signal.SIGKILL)


def test_j10_a_command_that_says_nothing_is_ended_after_its_idle_time(walled: Door) -> None:
    told = shell(there(walled, "app"), f"echo working; exec {FOREVER}", idle=0.5)
    assert (told.state, told.error, told.output) == ("unknown", "timeout", "working\n")
    assert told.text == "it said nothing for 0.5 s and was told to end; it was seen to end"


def test_a_command_that_goes_on_talking_is_not_idle(sshd: Sshd) -> None:
    told = shell(there(sshd), "for i in 1 2 3 4 5 6 7 8; do echo $i >&2; sleep 0.25; done", idle=1.5)
    assert (told.state, told.text) == ("done", "")


def test_a_command_that_a_signal_ends_is_not_done(sshd: Sshd) -> None:
    told = shell(there(sshd), "kill -SEGV $$")
    assert (told.state, told.error, told.signal, told.exit) == ("not_done", "failed", signal.SIGSEGV, None)
    assert told.text == "it was ended by SIGSEGV"


def test_a_signal_without_a_name_of_its_own_is_an_end_all_the_same(sshd: Sshd) -> None:
    told = shell(there(sshd), "kill -34 $$")
    assert (told.state, told.error, told.exit, told.signal) == ("not_done", "failed", None, None)
    assert "SIG@openssh.com" in told.text


def test_a_command_that_leaves_a_child_with_its_output_is_done_and_says_so(sshd: Sshd) -> None:
    told = shell(there(sshd, settings={"grace": 0.2}), f"{FOREVER} & echo $!")
    try:
        assert (told.state, told.exit) == ("done", 0)
        assert told.text == "it left processes behind that held its output: they may still run"
    finally:
        os.kill(int(told.output), signal.SIGKILL)


def test_j06_a_stop_lets_the_running_command_come_to_its_end(sshd: Sshd, tmp_path: Path) -> None:
    run = there(sshd, stop=(tmp_path / "begun").exists)
    told = carried_out(
        run,
        Command(f"touch {tmp_path}/begun; sleep 0.3; touch {tmp_path}/ended", shell=True),  # noqa: S604
        Command(f"touch {tmp_path}/late"),
    )
    assert [(one.state, one.error) for one in told] == [("done", None), ("not_done", "stopped")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "ended"]


def test_j10_a_connection_that_is_lost_in_mid_command_leaves_it_unknown_and_begins_no_other(sshd: Sshd, tmp_path: Path) -> None:
    told = carried_out(
        there(sshd),
        Command("echo begun; kill -9 $PPID; sleep 5", shell=True),  # noqa: S604  the parent is the server's half of this connection
        Command(f"touch {tmp_path}/late"),
    )
    assert [(one.state, one.error) for one in told] == [("unknown", "unreachable"), ("not_done", "unreachable")]
    assert told[0].text == "the connection was lost: nobody saw how it ended"
    assert list(tmp_path.iterdir()) == []


def test_a_channel_that_the_machine_has_no_room_for_is_busy_and_not_done(sshd: Sshd) -> None:
    run, held = there(sshd), []
    with run.connect() as connection:
        with suppress(ChannelException):
            while True:
                held.append(connection._channels._exchange.opened(5))
        [told] = connection.commands([Command("true")], run)
        for channel in held:
            channel.close()
    assert (told.state, told.error) == ("not_done", "busy")
    assert "MaxSessions" in told.text


def test_a_machine_that_carries_out_no_commands_is_refused_and_not_done(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Exchange._request
    monkeypatch.setattr(
        Exchange, "_request", lambda exchange, channel, kind, text, answer: ask(exchange, channel, "no-such", text, answer=answer)
    )
    told = carry_out(there(sshd), "true")
    assert (told.state, told.error) == ("not_done", "refused")


def test_a_password_that_has_expired_is_told_as_one(walled: Door) -> None:
    for exits in ((0,), (0, 1)):
        told = carry_out(there(walled, "aged"), Command("true", exits=exits))
        assert (told.state, told.error) == ("not_done", "must_change")


def test_a_full_disk_is_told_as_one(sshd: Sshd) -> None:
    told = shell(there(sshd), "echo x >/dev/full")
    assert (told.state, told.error) == ("not_done", "no_space")
    assert told.text.startswith("a disk of the machine is full: ")


def test_an_error_of_ours_while_it_runs_ends_it(walled: Door) -> None:
    said: list[Operation] = []

    def fail() -> bool:
        if pid := subprocess.run(["pgrep", "-f", "^sleep 301$"], capture_output=True, text=True, check=False).stdout.split():  # noqa: S607
            said.extend(pid)  # type: ignore[arg-type]
            raise RuntimeError("the store is away")
        return False

    with pytest.raises(RuntimeError, match="the store is away"):
        shell(there(walled, "app", late=fail), "exec sleep 301")
    assert is_gone(int(str(said[0])))


# The mark in a stream


class Kept:
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def feed(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def forget(self) -> None:
        self.pieces.clear()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 40])
def test_a_mark_is_taken_out_wherever_the_pieces_end(size: int) -> None:
    said = b"mar marker mmark\nark and mark\n"
    kept = Kept()
    sieve = Sieve(b"mark\n", kept, forgets=False)
    for at in range(0, len(said), size):
        sieve.feed(said[at : at + size])
    sieve.finish()
    assert b"".join(kept.pieces) == b"mar marker mark and mark\n"
    assert sieve.found


def test_what_comes_before_a_mark_is_kept_where_the_mark_does_not_come() -> None:
    kept = Kept()
    sieve = Sieve(b"mark\n", kept, forgets=True)
    sieve.feed(b"Password: ma")
    sieve.finish()
    assert b"".join(kept.pieces) == b"Password: ma"


def test_a_flood_before_a_mark_costs_no_more_than_any_other() -> None:
    """All of it was kept and looked through again for each further piece: 30 MB took three quarters of a minute."""
    recorder = Recorder(Scrubber().stream(), 1024)
    sieve = Sieve(b"mark\n", recorder, forgets=True)
    for _ in range(4000):
        sieve.feed(b"y\n" * 16_384)
    sieve.finish()
    told = recorder.finish()
    assert (len(told.head), len(told.tail), told.left_out) == (512, 512, 4000 * 32_768 - 1024)


@pytest.mark.parametrize("size", [1, 3, 40])
def test_what_comes_before_a_mark_is_forgotten_where_it_is_not_the_commands(size: int) -> None:
    said, kept = b"Password: ma marmark\nand more", Kept()
    sieve = Sieve(b"mark\n", kept, forgets=True)
    for at in range(0, len(said), size):
        sieve.feed(said[at : at + size])
    sieve.finish()
    assert b"".join(kept.pieces) == b"and more"
