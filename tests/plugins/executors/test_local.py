"""Real commands on this machine: what they are told, what is kept of them, and how they end."""

from __future__ import annotations

import os
import signal
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.local import Local, LocalSettings
from taskkit.plugins.verbs import Command, Host, Login, Operation, Verb
from taskkit.records import Record
from taskkit.scrubbing import REPLACED, WITHHELD
from taskkit.secrets import Secret
from tests.runs import WatchedRun, here

PASSWORD = "correct-horse-battery"  # noqa: S105  what no test may find again
#: Longer than any test waits for, so that what is seen to end was ended.
FOREVER = "sleep 300"


def carry_out(command: Command | str, run: WatchedRun | None = None, **settings: Any) -> Operation:
    """What one command comes to."""
    run = run or here(settings=settings)
    with run.connect() as connection:
        [operation] = connection.commands([command if isinstance(command, Command) else Command(command)], run)
    assert isinstance(operation, Operation)
    return operation


def shell(line: str, run: WatchedRun | None = None, **given: Any) -> Operation:
    return carry_out(Command(line, shell=True, **given), run)  # noqa: S604  what a shell does is what is tested


def late_once_there(path: Path, **settings: Any) -> WatchedRun:
    """A run whose time is over when the command has made a file: however slow the machine is, not sooner."""
    return here(settings={"cwd": str(path.parent), **settings}, late=path.exists)


def state_of(pid: int | str) -> tuple[str, int]:
    """The letter that the system gives a process, X for none, and who started it."""
    try:
        letter, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    return letter, int(parent)


def is_alive(pid: int) -> bool:
    """Whether it still works; who was killed may wait as a zombie for whoever reaps orphans here."""
    return state_of(pid)[0] not in "ZX"


def ends(pid: int) -> bool:
    """Waits for what was killed to be gone: a signal has been sent before it has arrived."""
    for _ in range(500):
        if not is_alive(pid):
            return True
        time.sleep(0.01)
    return False


# How a command begins


def test_a_line_is_split_into_words_and_no_shell_reads_it() -> None:
    assert carry_out("echo 'two words' $HOME ; *").output == "two words $HOME ; *\n"


def test_a_shell_reads_the_line_where_it_is_asked_to() -> None:
    assert shell("echo one | tr a-z A-Z").output == "ONE\n"


def test_local_offers_commands_and_dialogues_and_nothing_else() -> None:
    assert (Local.name, Local.verbs, Local.settings) == ("local", frozenset({Verb.COMMANDS, Verb.DIALOGUE}), LocalSettings)


def test_s01_a_secret_given_by_stdin_is_in_no_argv_and_no_environment(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def look() -> bool:  # asked while the command runs
        if not seen and (tmp_path / "pid").exists():
            process = Path("/proc") / (tmp_path / "pid").read_text().strip()
            seen.append((process / "cmdline").read_bytes() + (process / "environ").read_bytes())
            (tmp_path / "go").touch()
        return False

    run = here(settings={"cwd": str(tmp_path)}, late=look)
    line = "cat >said; echo $$ >p; mv p pid; until test -e go; do sleep 0.01; done"
    assert shell(line, run, stdin=("user:", Secret(PASSWORD), "\n")).state == "done"
    assert (tmp_path / "said").read_text() == f"user:{PASSWORD}\n"
    assert b"until test" in seen[0]
    assert b"PATH=" in seen[0]
    assert PASSWORD.encode() not in seen[0]


def test_s01_a_line_that_holds_a_secret_of_the_run_is_refused(tmp_path: Path) -> None:
    run = here(settings={"cwd": str(tmp_path)})
    run.keep(Secret(PASSWORD))
    operation = carry_out(f"touch {PASSWORD}", run)
    assert (operation.state, operation.error, list(tmp_path.iterdir())) == ("not_done", "bad_configuration", [])
    assert PASSWORD not in repr(operation)


def test_s01_a_line_that_hides_a_secret_between_quotes_is_refused() -> None:
    run = here()
    run.keep(Secret(PASSWORD))
    assert carry_out("echo correct-'horse'-battery", run).error == "bad_configuration"


@pytest.mark.tells
def test_s01_an_environment_that_holds_a_secret_of_the_run_is_refused() -> None:
    run = here(settings={"env": {"PGPASSWORD": PASSWORD}})
    run.keep(Secret(PASSWORD))
    operation = carry_out("env", run)
    assert (operation.error, operation.output) == ("bad_configuration", "")


def test_s01_nothing_of_our_own_environment_is_handed_on_but_the_way_to_programs_and_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "token-of-the-product")
    told = dict(line.split("=", 1) for line in carry_out("env", env={"TZ": "UTC"}).output.splitlines())
    assert told == {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LANG": "C.UTF-8", "TZ": "UTC"}


def test_a_command_starts_in_the_directory_of_the_settings(tmp_path: Path) -> None:
    assert carry_out("pwd", cwd=str(tmp_path)).output.strip() == str(tmp_path.resolve())


@pytest.mark.parametrize("line", ["no-such-command-anywhere", "/etc/passwd", "/", "''", "echo 'open"])
def test_a_command_that_cannot_be_started_is_bad_configuration_and_not_done(line: str) -> None:
    operation = carry_out(line)
    assert (operation.state, operation.error, operation.exit) == ("not_done", "bad_configuration", None)
    assert operation.text


def test_a_file_that_is_no_program_is_bad_configuration(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("no program\n")
    (tmp_path / "tool").chmod(0o755)
    assert carry_out(str(tmp_path / "tool")).error == "bad_configuration"


def test_a_directory_that_is_not_there_is_named() -> None:
    operation = carry_out("true", cwd="/no/such/place")
    assert (operation.error, "/no/such/place" in operation.text) == ("bad_configuration", True)


def test_what_a_shell_cannot_find_is_bad_configuration_too() -> None:
    operation = shell("no-such-command-anywhere")
    assert (operation.state, operation.error, operation.exit) == ("not_done", "bad_configuration", 127)


@pytest.mark.parametrize(
    "given", [{"expect": "("}, {"forbid": "["}, {"capture": {"a": "no group"}}, {"timeout": 0}, {"timeout": float("nan")}]
)
def test_a_command_with_a_mistake_is_not_begun(given: dict[str, Any], tmp_path: Path) -> None:
    operation = carry_out(Command("touch here", **given), cwd=str(tmp_path))
    assert (operation.state, operation.error, list(tmp_path.iterdir())) == ("not_done", "bad_configuration", [])


@pytest.mark.parametrize(
    "settings",
    [{"cap": 1}, {"grace": 0}, {"grace": True}, {"env": {"A=B": ""}}, {"env": {"A": "\0"}}, {"env": 1}, {"cwd": 1}, {"shel": True}],
)
def test_settings_with_a_mistake_are_refused_as_bad_configuration(settings: dict[str, Any]) -> None:
    run = here()
    with pytest.raises(HostRefused) as caught, Local().connect(Host("here", settings=settings), Login(Record("a", "machine")), run):
        pass
    assert caught.value.error == "bad_configuration"


# What is said to it


def test_a_huge_stdin_goes_in_while_more_comes_out() -> None:
    said = "0123456789abcde\n" * 500_000
    operation = carry_out(Command("od -An -v -tx1", stdin=said))  # three times as much: who waited for the one would never hear the other
    assert (operation.state, operation.truncated) == ("done", True)
    assert carry_out(Command("wc -c", stdin=said)).output.strip() == str(len(said))


def test_half_a_character_is_not_said() -> None:
    operation = carry_out(Command("cat", stdin=("user:", "\ud83d")))
    assert (operation.state, operation.error) == ("not_done", ErrorClass.BAD_CONFIGURATION)
    assert "half a character" in operation.text


def test_a_command_that_closes_its_stdin_early_may_do_so() -> None:
    said = "x" * 10_000_000
    assert carry_out(Command("head -c 3", stdin=said)).output == "xxx"
    assert shell("exec <&-; sleep 0.1; echo fine", stdin=said).output == "fine\n"


def test_a_command_that_is_told_nothing_reads_an_end_at_once() -> None:
    assert carry_out("cat").state == "done"
    assert carry_out(Command("cat", stdin="")).state == "done"


# What it says


def test_a_flood_is_cut_visibly_and_memory_stays_flat() -> None:
    run = here()
    run.keep(Secret(PASSWORD))
    tracemalloc.start()
    try:
        operation = shell("echo first; yes 0123456789abcdef | head -c 100000000; echo; echo last", run)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
    assert operation.truncated
    assert len(operation.output) < 66_000
    assert operation.output.startswith("first\n")
    assert operation.output.endswith("\nlast\n")
    assert f"[… {100_000_012 - 65_536} bytes left out …]" in operation.output


def test_output_and_errors_are_read_side_by_side() -> None:
    operation = shell("for i in 1 2 3; do head -c 100000 /dev/zero; head -c 100000 /dev/zero >&2; done", exits=(0,))
    assert (operation.state, operation.truncated) == ("done", True)
    assert "[… 234464 bytes left out …]" in operation.output
    assert "[… 234464 bytes left out …]" in operation.errors


def test_output_that_fits_is_kept_whole() -> None:
    operation = shell("head -c 65536 /dev/zero | tr '\\0' x")
    assert (operation.output, operation.truncated) == ("x" * 65_536, False)


def test_s01_a_secret_that_comes_in_pieces_is_scrubbed() -> None:
    drops = 'while c=$(dd bs=1 count=1 2>/dev/null) && [ -n "$c" ]; do printf %s "$c"; done'
    assert shell(drops, stdin=Secret(PASSWORD)).output == REPLACED


def test_s01_a_line_that_spells_a_secret_out_is_refused() -> None:
    operation = shell(f"for c in {' '.join(PASSWORD)}; do printf %s $c; done; cat >/dev/null", stdin=Secret(PASSWORD))
    assert operation.error == "bad_configuration"


def test_s01_a_secret_at_the_cut_leaves_no_half_of_itself() -> None:
    run = here(settings={"cap": 1024})
    operation = shell("head -c 500 /dev/zero | tr '\\0' x; cat; yes | head -c 9000", run, stdin=(Secret(PASSWORD), "-end"))
    assert operation.truncated
    assert "corr" not in operation.output
    assert REPLACED + "-end"[:4] in operation.output


def test_s01_errors_and_texts_are_scrubbed() -> None:
    operation = shell("cat >&2; exit 1", stdin=Secret(PASSWORD))
    assert (operation.errors, operation.text) == (REPLACED, f"it ended with 1 instead of 0: {REPLACED}")
    assert carry_out(Command("cat", stdin=Secret(PASSWORD), forbid="x", expect=PASSWORD)).text == f"'{REPLACED}' was not found"


def test_s01_output_beside_a_short_secret_is_withheld() -> None:
    operation = carry_out(Command("cat", stdin=(Secret("1234"), " and more")))
    assert (operation.output, operation.state) == (WITHHELD, "done")


def test_binary_output_becomes_text_that_any_store_takes() -> None:
    assert shell(r"printf 'a\377\000\376z'; printf '\303' >&2").output == "a���z"


def test_a_character_that_the_cut_goes_through_is_left_out() -> None:
    operation = carry_out(Command("cat", stdin="x" + "ü" * 2000), cap=1024)
    assert "�" not in operation.output
    assert operation.output.startswith("x" + "ü" * 255 + "\n[…")


# What counts as a success


def test_other_exit_codes_may_be_expected() -> None:
    assert shell("exit 3", exits=(0, 3)).state == "done"
    operation = shell("echo why >&2; exit 4", exits=(0, 3))
    assert (operation.state, operation.error, operation.exit, operation.text) == (
        "not_done",
        "failed",
        4,
        "it ended with 4 instead of 0 or 3: why",
    )


def test_a_shell_may_be_expected_to_find_nothing() -> None:
    assert shell("no-such-command-anywhere", exits=(127,)).state == "done"
    assert shell("no-such-command-anywhere", exits=(127,), forbid="not found").error == "failed"


def test_a_command_that_a_signal_ends_is_not_done() -> None:
    operation = shell("kill -SEGV $$")
    assert (operation.state, operation.signal, operation.exit, operation.text) == (
        "not_done",
        signal.SIGSEGV,
        None,
        "it was ended by SIGSEGV",
    )


def test_an_expected_pattern_has_to_be_found_in_output_or_errors() -> None:
    assert shell("echo one; echo two >&2", expect="^two$").state == "done"
    assert shell("echo one", expect="^two$").text == "'^two$' was not found"


def test_a_forbidden_pattern_must_not_be_found() -> None:
    assert shell("echo fine", forbid="(?i)error").state == "done"
    operation = shell("echo an ERROR >&2", forbid="(?i)error")
    assert (operation.state, operation.error) == ("not_done", "failed")


def test_a_forbidden_pattern_is_not_ruled_out_by_output_that_was_left_out() -> None:
    operation = shell("yes | head -c 9000", here(settings={"cap": 1024}), forbid="error")
    assert (operation.state, "cannot be ruled out" in operation.text) == ("not_done", True)


def test_values_are_captured_from_output_and_errors() -> None:
    operation = shell("echo used 81%; echo free 7 >&2", capture={"used": r"used (\d+)", "free": r"free (\d+)", "none": r"used(x)?"})
    assert operation.captured == {"used": "81", "free": "7", "none": ""}


def test_half_a_number_at_the_cut_is_no_number() -> None:
    said = "x" * 3000 + "1234567890\n" + "y" * 505
    operation = carry_out(Command("cat", stdin=said, capture={"number": r"(\d+)"}), cap=1024)
    assert "\n567890\n" in operation.output
    assert (operation.state, operation.captured) == ("not_done", {})


def test_a_command_that_says_nothing_to_capture_is_not_done() -> None:
    assert shell("echo none", capture={"used": r"(\d+)"}).text == "there was nothing to capture as 'used'"


def test_a04_what_is_captured_holds_no_piece_of_a_secret() -> None:
    operation = carry_out(Command("cat", stdin=("pw=", Secret(PASSWORD)), capture={"last": "(....)$", "all": "pw=(.*)"}))
    assert operation.captured == {"last": "ret]", "all": REPLACED}


# How it ends


def test_j10_a_timeout_ends_grandchildren_and_leaves_the_operation_unknown() -> None:
    operation = shell(f"{FOREVER} & echo $!; {FOREVER}", timeout=0.5)
    assert (operation.state, operation.error, operation.exit, operation.signal) == ("unknown", "timeout", None, signal.SIGTERM)
    assert operation.text == "it took longer than 0.5 s and was told to end; it was seen to end"
    assert ends(int(operation.output))


def test_j10_a_grandchild_that_let_go_of_the_pipes_ends_as_well(tmp_path: Path) -> None:
    run = late_once_there(tmp_path / "ready")
    operation = shell(f"(trap '' TERM; touch ready; exec {FOREVER}) >/dev/null 2>&1 & echo $!; {FOREVER}", run)
    assert ends(int(operation.output))


def test_j10_a_command_that_finishes_when_told_to_end_is_unknown_all_the_same(tmp_path: Path) -> None:
    operation = shell("trap 'exit 0' TERM; touch ready; while :; do sleep 0.01; done", late_once_there(tmp_path / "ready"))
    assert (operation.state, operation.exit) == ("unknown", 0)


def test_a_command_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    operation = shell("trap '' TERM; touch ready; while :; do sleep 1; done", late_once_there(tmp_path / "ready", grace=0.1))
    assert (operation.state, operation.signal) == ("unknown", signal.SIGKILL)


def test_a_command_that_is_held_still_is_killed(tmp_path: Path) -> None:
    def is_still() -> bool:
        return (tmp_path / "pid").exists() and state_of(int((tmp_path / "pid").read_text()))[0] == "T"

    run = here(settings={"cwd": str(tmp_path), "grace": 0.1}, late=is_still)
    operation = shell("echo $$ >p; mv p pid; kill -STOP $$", run)
    assert (operation.state, operation.signal) == ("unknown", signal.SIGKILL)


def test_j10_a_command_that_says_nothing_is_ended_after_its_idle_time() -> None:
    operation = shell(f"echo working; {FOREVER}", idle=0.3)
    assert (operation.state, operation.error, operation.output) == ("unknown", "timeout", "working\n")
    assert operation.text == "it said nothing for 0.3 s and was told to end; it was seen to end"


def test_a_full_disk_is_told_as_one() -> None:
    operation = shell("cat /proc/version >/dev/full")
    assert (operation.state, operation.error) == ("not_done", "no_space")
    assert operation.text.startswith("a disk of the machine is full: ")


def test_a_flood_does_not_keep_a_timeout_away() -> None:
    assert shell("yes", timeout=0.2).error == "timeout"


def test_the_time_that_the_job_has_left_bounds_every_command() -> None:
    assert shell(FOREVER, here(seconds_left=0.1)).error == "timeout"


def test_a_command_for_which_no_time_is_left_is_not_begun(tmp_path: Path) -> None:
    operation = carry_out("touch here", here(settings={"cwd": str(tmp_path)}, seconds_left=0))
    assert (operation.state, operation.error, list(tmp_path.iterdir())) == ("not_done", "timeout", [])


def test_j06_a_stop_lets_the_running_command_come_to_its_end(tmp_path: Path) -> None:
    run = here(settings={"cwd": str(tmp_path)}, stop=(tmp_path / "begun").exists)
    operation = shell("touch begun; sleep 0.3; touch ended", run)
    assert (operation.state, (tmp_path / "ended").exists()) == ("done", True)


def test_j06_after_a_stop_no_command_begins(tmp_path: Path) -> None:
    asked: list[Operation] = []
    run = here(settings={"cwd": str(tmp_path)}, stop=lambda: bool(asked))
    with run.connect() as connection:
        asked.extend(connection.commands([Command("touch one"), Command("touch two"), Command("touch three")], run))
    assert [operation.error for operation in asked] == [None, "stopped"]
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_command_that_leaves_a_child_with_its_output_is_done_and_the_child_ended() -> None:
    operation = shell(f"{FOREVER} & echo $!", here(settings={"grace": 0.1}))
    assert (operation.state, operation.exit) == ("done", 0)
    assert operation.text == "it left processes behind that held its output: its group was ended"
    assert ends(int(operation.output))


def test_a_child_that_went_its_own_way_with_the_output_does_not_hang_us() -> None:
    operation = shell(f"setsid {FOREVER} & echo $!", here(settings={"grace": 0.1}))
    pid = int(operation.output)
    try:
        assert (operation.state, is_alive(pid)) == ("done", True)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_service_that_lets_go_of_the_output_lives_on() -> None:
    operation = shell(f"{FOREVER} >/dev/null 2>&1 </dev/null & echo $!")
    pid = int(operation.output)
    try:
        assert (operation.state, operation.text, is_alive(pid)) == ("done", "", True)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_an_error_of_ours_while_it_runs_ends_it_and_goes_on(tmp_path: Path) -> None:
    def fail() -> bool:
        if (tmp_path / "pid").exists():
            raise RuntimeError("the store is away")
        return False

    run = here(settings={"cwd": str(tmp_path)}, late=fail)
    with pytest.raises(RuntimeError, match="the store is away"):
        shell(f"echo $$ >p; mv p pid; {FOREVER}", run)
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_j10_a_command_whose_end_somebody_else_reaped_is_unknown() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        operation = carry_out("true")
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert (operation.state, operation.exit, operation.text) == ("unknown", None, "nobody saw how it ended")


def test_nothing_of_a_command_is_left_in_this_process() -> None:
    def held() -> tuple[int, set[str]]:
        children = {path.name for path in Path("/proc").glob("[0-9]*") if state_of(path.name)[1] == os.getpid()}
        return len(list(Path("/proc/self/fd").iterdir())), children

    before = held()
    for line in ("true", "no-such-command-anywhere", "cat", "false"):
        carry_out(Command(line, stdin="x" * 100_000))
    shell(FOREVER, timeout=0.05)
    assert held() == before


def test_many_threads_run_commands_at_once() -> None:
    run = here()
    with run.connect() as connection, ThreadPoolExecutor(8) as threads:
        said = threads.map(lambda number: next(connection.commands([Command(f"echo {number}")], run)).output, range(40))
        assert list(said) == [f"{number}\n" for number in range(40)]


def test_without_a_door_on_the_process_its_end_is_seen_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert shell("exec >&- 2>&-; sleep 0.1; exit 7", exits=(7,)).state == "done"
