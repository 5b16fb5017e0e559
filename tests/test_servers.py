"""What the tests need is found, installed or named; a server of the tests is private, survives crashes, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tools import servers as tool

from tests import servers
from tests.servers.postgresql import Mode, Postgres, running

HOME = Path(__file__).parent.parent
#: What a package's set-up asks, and what the machine is told while apt-get runs.
APT_GET = """\
#!/bin/sh
echo "$DEBIAN_FRONTEND: $*" >>{here}/said
case "$1" in
install)
    {policy} postgresql start
    echo "may start: $?" >>{here}/said
    {then}
    ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian of our own, with nothing installed, on which we are root."""
    (tmp_path / "version").write_text("12.11\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'usr' / 'bin'}:/bin:/usr/bin")
    monkeypatch.delenv("DEBIAN_FRONTEND", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(tool, "DEBIAN", tmp_path / "version")
    monkeypatch.setattr(tool, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(
        tool,
        "SERVERS",
        {"tea": tool.Server("TeaServer", (f"{tmp_path}/*/tead", f"{tmp_path}/*/teapot"), ("tea-server", "tea-pots"), ("tea",))},
    )
    put(tmp_path / "usr" / "bin" / "systemctl", f'#!/bin/sh\necho "systemctl: $*" >>{tmp_path}/said\n')
    return tmp_path


def put(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def apt_get(machine: Path, then: str) -> None:
    put(machine / "usr" / "bin" / "apt-get", APT_GET.format(here=machine, policy=tool.POLICY, then=then))


def arriving(machine: Path) -> str:
    return f"mkdir {machine}/1; for name in tead teapot; do echo >{machine}/1/$name; chmod +x {machine}/1/$name; done"


def said(machine: Path) -> list[str]:
    return (machine / "said").read_text().splitlines() if (machine / "said").exists() else []


class TestTheTool:
    def test_a_server_that_is_there_is_named_with_its_newest_program(self, machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for version in ("9", "15", "14"):
            put(machine / version / "tead")
            put(machine / version / "teapot")
        apt_get(machine, "")
        assert tool.main() == 0
        assert capsys.readouterr().err == f"taskkit: TeaServer: {machine}/15/tead\n"
        assert said(machine) == []

    def test_a_server_may_be_on_the_path_alone(self, machine: Path) -> None:
        put(machine / "usr" / "bin" / "teapot")
        put(machine / "usr" / "bin" / "tead")
        assert tool.SERVERS["tea"].found() == machine / "usr" / "bin" / "tead"

    def test_half_a_server_is_missing(self, machine: Path) -> None:
        put(machine / "15" / "tead")
        assert tool.SERVERS["tea"].found() is None
        assert tool.SERVERS["tea"].lacking().startswith(f"TeaServer is not here: no {machine}/*/teapot, nor on the PATH; ")

    def test_root_installs_what_is_missing_and_says_so_before(self, machine: Path, capfd: pytest.CaptureFixture[str]) -> None:
        apt_get(machine, f"echo apt-get runs >&2; {arriving(machine)}")
        assert tool.main() == 0
        assert said(machine) == [
            "noninteractive: update -qq",
            "noninteractive: install -y --no-install-recommends -o DPkg::Lock::Timeout=120 tea-server tea-pots",
            "may start: 101",
            "systemctl: --quiet disable tea",
        ]
        assert capfd.readouterr().err.splitlines() == [
            "taskkit: the tests need TeaServer: installing tea-server tea-pots; nothing is started",
            "apt-get runs",
            f"taskkit: TeaServer: {machine}/1/tead",
        ]
        assert not tool.POLICY.exists()

    def test_the_policy_that_was_there_is_back_afterwards(self, machine: Path) -> None:
        (machine / "alternative").write_text("#!/bin/sh\nexit 104\n")
        tool.POLICY.symlink_to(machine / "alternative")
        apt_get(machine, "exit 100")
        assert tool.main() == 1
        assert "may start: 101" in said(machine)
        assert tool.POLICY.readlink() == machine / "alternative"
        assert (machine / "alternative").read_text() == "#!/bin/sh\nexit 104\n"
        assert sorted(path.name for path in machine.glob("policy*")) == ["policy-rc.d"]

    @pytest.mark.parametrize("before", [None, "#!/bin/sh\nexit 104\n"])
    def test_what_a_killed_run_left_is_put_right(self, machine: Path, before: str | None) -> None:
        apt_get(machine, arriving(machine))
        put(tool.POLICY, tool.NOTHING_STARTS)
        if before:
            put(machine / "policy-rc.d.before-taskkit", before)
        assert tool.main() == 0
        assert [path.read_text() for path in machine.glob("policy*")] == ([before] if before else [])

    def test_a_failed_installation_names_what_is_still_missing(self, machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
        apt_get(machine, "exit 100")
        assert tool.main() == 1
        told = capsys.readouterr().err
        assert "apt-get ended with 100" in told
        assert "TeaServer is not here" in told
        assert not tool.POLICY.exists()
        assert not [line for line in said(machine) if "systemctl" in line]

    def test_who_asks_it_to_end_waits_for_apt_get(self, machine: Path) -> None:
        apt_get(machine, f"kill -s TERM $PPID; sleep 0.2; {arriving(machine)}")
        with pytest.raises(SystemExit) as ended:
            tool.main()
        assert ended.value.code == 128 + signal.SIGTERM
        assert (machine / "1" / "teapot").exists()
        assert not tool.POLICY.exists()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

    def test_an_ordinary_user_gets_the_line_that_helps(
        self, machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        apt_get(machine, arriving(machine))
        assert tool.main() == 1
        assert "this installs tea-server, tea-pots: sudo python3 tools/servers.py" in capsys.readouterr().err
        assert said(machine) == []

    def test_root_of_another_system_is_told_what_to_install(self, machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
        apt_get(machine, arriving(machine))
        tool.DEBIAN.unlink()
        assert tool.main() == 1
        assert "install TeaServer, as your system does it, so that the PATH leads to tead, teapot" in capsys.readouterr().err
        assert said(machine) == []

    def test_it_needs_nothing_but_python(self) -> None:
        command = [sys.executable, "-I", "-S", str(HOME / "tools" / "servers.py")]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/nowhere"})  # nor is apt-get there
        assert ran.returncode in (0, 1)
        assert ran.stderr.startswith("taskkit: ")


NEEDS_IT = """
def test_needs_it(database):
    assert False, "not reached"
"""
WITHOUT_IT = """
from dataclasses import replace
from tools.servers import SERVERS

SERVERS["postgresql"] = replace(SERVERS["postgresql"], files=("/nowhere/*/postgres-of-nowhere",))
"""
USES_IT = """
import os
import pathlib
import signal
import pytest

@pytest.mark.parametrize("number", range(4))
def test_uses_it(postgres, database, number):
    here = pathlib.Path(os.environ["HERE"])
    (here / str(number)).write_text("\\n".join([str(postgres.folder), str(postgres.port), *map(str, postgres.pids)]))
    if os.environ["THEN"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    assert number != 1
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """A run of pytest with the fixtures, in a process of its own."""

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess("-p", "tests.servers.postgresql", "-p", "no:cacheprovider", "-rA", *arguments)

    monkeypatch.setenv("PYTHONPATH", str(HOME))
    monkeypatch.setenv("HERE", str(pytester.path))
    monkeypatch.setenv("THEN", "end")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("TASKKIT_CI", raising=False)
    return run


class TestAMissingServer:
    def test_is_a_skip_with_its_reason(self, pytester: pytest.Pytester, inner: Callable[..., pytest.RunResult]) -> None:
        pytester.makeconftest(WITHOUT_IT)
        pytester.makepyfile(NEEDS_IT)
        run = inner()
        run.assert_outcomes(skipped=1)
        run.stdout.fnmatch_lines(["SKIPPED*PostgreSQL is not here: no /nowhere/?/postgres-of-nowhere, nor on the PATH; *install*"])

    def test_is_an_error_in_ci(
        self, pytester: pytest.Pytester, inner: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TASKKIT_CI", "1")
        pytester.makeconftest(WITHOUT_IT)
        pytester.makepyfile(NEEDS_IT)
        run = inner()
        run.assert_outcomes(errors=1)
        run.stdout.fnmatch_lines(["PostgreSQL is not here: no /nowhere/?/postgres-of-nowhere, nor on the PATH; *install*"])


def put_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('safe')")


def rows(url: str) -> list[tuple[str]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT word FROM kept").fetchall()


def names(server: Postgres) -> list[str]:
    with psycopg.connect(server.url) as connection:
        return [name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test%'").fetchall()]


def listening(pids: list[int]) -> set[str]:
    """Where these processes listen: an address and a port as the kernel writes them, or the path of a socket."""
    found = set()
    sockets = {link.readlink().name for pid in pids for link in Path(f"/proc/{pid}/fd").iterdir() if "socket:" in str(link.readlink())}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1])
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "00010000" and f"socket:[{fields[6]}]" in sockets:
            found.add(" ".join(fields[7:]))
    return found


class TestPostgreSQL:
    def test_a_fresh_database_is_empty_and_writes_to_disk(self, database: str) -> None:
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == ("on",)
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)

    def test_two_databases_do_not_see_each_other_and_both_go(self, postgres: Postgres) -> None:
        before = names(postgres)
        with postgres.database() as one, postgres.database() as other:
            put_row(one)
            put_row(other)
            assert rows(one) == rows(other) == [("safe",)]
            assert len(names(postgres)) == len(before) + 2
        assert names(postgres) == before

    def test_a_database_goes_although_somebody_is_connected(self, postgres: Postgres) -> None:
        with postgres.database() as url:
            left = psycopg.connect(url)
        with left, pytest.raises(psycopg.OperationalError):
            left.execute("SELECT 1")

    def test_a_test_that_left_it_stopped_harms_no_other(self, postgres: Postgres) -> None:
        before = names(postgres)
        with postgres.database():
            postgres.stop()
        assert names(postgres) == before

    @pytest.mark.parametrize("mode", ["smart", "fast", "immediate", "kill"])
    def test_a_restart_keeps_what_was_committed_and_the_port(self, postgres: Postgres, mode: Mode) -> None:
        with postgres.database() as url:
            put_row(url)
            before = postgres.pids
            known = len(postgres.log)
            postgres.restart(mode)
            assert not set(before) & set(postgres.pids)
            assert rows(url) == [("safe",)]
        recovered = "automatic recovery in progress" in postgres.log[known:]
        assert recovered == (mode in ("immediate", "kill"))

    def test_a_stopped_server_refuses_until_it_is_started(self, postgres: Postgres, database: str) -> None:
        put_row(database)
        postgres.stop()
        assert postgres.pids == []
        with pytest.raises(psycopg.OperationalError, match="refused"):
            psycopg.connect(database)
        postgres.start()
        running_now = postgres.pids[0]
        postgres.start()
        assert postgres.pids[0] == running_now
        assert rows(database) == [("safe",)]

    def test_it_comes_back_although_its_process_was_killed(self, postgres: Postgres) -> None:
        with postgres.database() as url:
            put_row(url)
            os.kill(postgres.pids[0], signal.SIGKILL)
            while postgres.pids:
                time.sleep(0.001)
            postgres.start()
            assert rows(url) == [("safe",)]

    def test_it_listens_on_loopback_alone(self, postgres: Postgres) -> None:
        assert listening(postgres.pids[:1]) == {f"0100007F:{postgres.port:04X}"}

    def test_it_runs_under_an_ordinary_account(self, postgres: Postgres) -> None:
        for pid in postgres.pids:
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
            assert "0" not in status["Uid"].split() + status["Gid"].split() + status["Groups"].split()

    def test_a_port_that_was_taken_meanwhile_is_given_up(self, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            ports = iter([taken.getsockname()[1], servers.free_port()])
            monkeypatch.setattr(servers, "free_port", lambda: next(ports))
            with running(postgres.program) as server:
                assert server.port != taken.getsockname()[1]
                assert names(server) == []

    def test_what_keeps_it_from_starting_is_told(self, postgres: Postgres) -> None:
        with running(postgres.program) as another:
            another.stop()
            (another.folder / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
            with pytest.raises(RuntimeError, match="no_such_setting"):
                another.start()

    def test_a_connection_can_be_cut(self, postgres: Postgres, database: str) -> None:
        with psycopg.connect(database, autocommit=True) as one, psycopg.connect(database, autocommit=True) as other:
            assert postgres.connections(database) == [one.info.backend_pid, other.info.backend_pid]
            postgres.kill_connection(one)
            assert postgres.connections(database) == [other.info.backend_pid]
            with pytest.raises(psycopg.OperationalError):
                one.execute("SELECT 1")
            assert other.execute("SELECT 1").fetchone() == (1,)
            postgres.kill_connection(other.info.backend_pid)
            assert postgres.connections(database) == []

    def test_each_worker_has_its_own_and_nothing_stays_when_tests_fail(
        self, postgres: Postgres, pytester: pytest.Pytester, inner: Callable[..., pytest.RunResult]
    ) -> None:
        pytester.makepyfile(USES_IT)
        inner("-n", "2").assert_outcomes(passed=3, failed=1)
        told = [(pytester.path / str(number)).read_text().split() for number in range(4)]
        folders = {folder for folder, *_ in told}
        assert len(folders) == 2
        assert str(postgres.folder) not in folders
        assert [what for lines in told for what in remains(*lines)] == []

    def test_nothing_stays_when_the_tests_are_killed(
        self, pytester: pytest.Pytester, inner: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("THEN", "kill")
        pytester.makepyfile(USES_IT)
        assert inner().ret == -signal.SIGKILL
        told = (pytester.path / "0").read_text().split()
        deadline = time.monotonic() + 20
        while left := remains(*told):
            assert time.monotonic() < deadline, left
            time.sleep(0.01)


def lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # it has just ended
        return False


def remains(folder: str, port: str, *pids: str) -> list[str]:
    alive = [pid for pid in pids if lives(pid)]
    with socket.socket() as client:
        open_still = client.connect_ex(("127.0.0.1", int(port))) == 0
    return [*alive, *([folder] if Path(folder).exists() else []), *([port] if open_still else [])]
