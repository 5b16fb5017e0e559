"""A machine in a box has its own services, accounts and network; this machine knows nothing of them, and nothing of it stays."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tools.servers import SERVERS

from tests.servers.box import Box, boxed, visited
from tests.test_servers import HOME

DEMO = "[Service]\nUser=nobody\nExecStart=/bin/sleep infinity\n"
#: What this machine knows of accounts and what they may do.
KEPT = ("passwd", "shadow", "group", "gshadow", "subuid", "sudoers.d", "pam.d", "pam.d/common-password", "security/opasswd")

USES_IT = """
import os
import pathlib
import signal

def test_uses_it(box):
    box.account("ops")
    box.open()
    pathlib.Path(os.environ["HERE"], "told").write_text(f"{box.folder} {box.port}")
    os.kill(os.getpid(), getattr(signal, os.environ["THEN"]))
"""


def kept() -> dict[str, tuple[int, bytes]]:
    places = [Path("/etc", name) for name in KEPT if Path("/etc", name).exists()]
    return {str(place): (place.stat().st_mtime_ns, place.read_bytes() if place.is_file() else b"") for place in places}


def main_pid(box: Box, unit: str) -> int:
    return int(box.run("systemctl show --property=MainPID --value $1", unit))


def changed(box: Box, name: str, old: str, new: str) -> str:
    """What `passwd` says to who changes a password."""
    return box.run('runuser -u "$1" -- passwd 2>&1 || true', name, stdin=f"{old}\n{new}\n{new}\n")


def test_its_systemd_is_its_own_and_is_well(box: Box) -> None:
    assert box.run("systemctl is-system-running; cat /proc/1/comm; hostname").split() == ["running", "systemd", "box"]
    with box.unit("demo", DEMO) as unit:
        before = main_pid(box, unit)
        box.run("systemctl restart demo")
        assert before != main_pid(box, unit) != 0
        assert box.run("ps -o user= -p $1", str(main_pid(box, unit))).strip() == "nobody"
        assert "Started demo.service" in box.run("journalctl --unit=demo --output=cat")
    assert "demo" not in box.run("systemctl list-unit-files")


def test_this_machine_knows_nothing_of_its_accounts(standing_box: Box) -> None:
    before = kept()
    one, box = standing_box.account("taskkit-ops", sudo="ALL=(ALL) ALL", groups=["lockable"]), standing_box
    assert one.name in box.run("cat /etc/shadow")
    assert "password updated successfully" in changed(box, one.name, one.password.reveal(), "Another-horse-1")
    assert kept() == before
    assert subprocess.run(["/usr/bin/id", one.name], capture_output=True, check=False).returncode == 1
    box.drop(one)
    assert one.name not in box.run("cat /etc/shadow; ls /home /etc/sudoers.d")
    assert kept() == before


def test_who_a_test_lets_in_is_gone_after_it(standing_box: Box) -> None:
    stays = standing_box.account()
    with visited(standing_box) as box:
        box.account("visitor")
        assert "visitor" in box.run("cat /etc/passwd")
    assert {"visitor", stays.name} & set(standing_box.accounts) == {stays.name}
    assert "visitor" not in standing_box.run("cat /etc/passwd")
    standing_box.drop(stays)


def test_its_network_is_its_own_but_for_its_door(box: Box) -> None:
    assert [line.split()[0] for line in box.run("cat /proc/net/dev").splitlines()[2:]] == ["lo:"]
    assert box.run("cat /proc/net/tcp /proc/net/tcp6 | grep ' 0A '", check=False) == ""
    port = box.port
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert f"0100007F:{port:04X}" in listening
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        assert client.recv(8) == b"SSH-2.0-"


def test_a_new_password_goes_through_the_rules_of_the_test(box: Box) -> None:
    one = box.account()
    old = one.password.reveal()
    assert "You must choose a longer password." in changed(box, one.name, old, "Sh0rt-")
    with box.passwords("requisite pam_pwhistory.so remember=3", "required pam_unix.so use_authtok minlen=14 nodelay"):
        assert "updated successfully" in changed(box, one.name, old, "Second-horse-staple")
        assert "has been already used" in changed(box, one.name, "Second-horse-staple", old)
        assert "longer password" in changed(box, one.name, "Second-horse-staple", "Third-horse")
    assert "updated successfully" in changed(box, one.name, "Second-horse-staple", "Third-horse")


def test_deeds_are_done_to_an_account(box: Box) -> None:
    young = box.account(deeds=["chage --mindays 7", "chage --lastday 0"])
    assert "Minimum number of days between password change\t\t: 7" in box.run('chage --list "$1"', young.name)
    waits = box.account(deeds=["chage --mindays 7"])
    assert "You must wait longer" in changed(box, waits.name, waits.password.reveal(), "Another-horse-1")


def test_what_it_is_told_and_cannot_do_is_an_error(box: Box) -> None:
    with pytest.raises(RuntimeError, match="'exit 7' ended with 7 in the box"):
        box.run("exit 7")
    assert box.run("cat; exit 7", stdin="said", check=False) == "said"


def test_two_boxes_do_not_see_each_other(standing_box: Box) -> None:
    with boxed() as other, standing_box.unit("demo", DEMO) as unit, other.unit("demo", DEMO):
        for box in (standing_box, other):
            assert f"/{box.folder.name}/" in Path(f"/proc/{box.pid}/cgroup").read_text()
        before = main_pid(standing_box, unit)
        other.run("systemctl kill --signal=KILL demo; systemctl restart demo")
        assert main_pid(standing_box, unit) == before
        assert other.run("cat /proc/*/comm | grep --count sleep || true").strip() == "1"
        folder, port = other.folder, other.port
    assert remains(folder, port) == []
    assert standing_box.run("systemctl is-active demo", check=False).strip() == "inactive"


def test_where_no_box_can_be_the_test_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.servers.box.BOOT", "echo mount: permission denied >&2; exit 32")
    with pytest.raises(pytest.skip.Exception, match="no systemd-nspawn here: mount: permission denied"), boxed():
        pass
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(pytest.skip.Exception, match="takes root"), boxed():
        pass


def test_a_package_that_is_missing_is_an_error_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SERVERS, "box", replace(SERVERS["box"], files=("/nowhere/*/nspawn-of-nowhere",)))
    for ci, wanted in (("", pytest.skip.Exception), ("1", pytest.fail.Exception)):
        monkeypatch.setenv("TASKKIT_CI", ci)
        with pytest.raises(wanted, match=r"systemd-nspawn is not here: no /nowhere/\*/nspawn-of-nowhere, .*install"), boxed():
            pass


@pytest.mark.parametrize("then", ["SIGKILL", "SIGINT"])
def test_nothing_stays_whatever_the_tests_come_to(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    for name, value in {"PYTHONPATH": str(HOME), "HERE": str(pytester.path), "THEN": then}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile(USES_IT)
    pytester.runpytest_subprocess("-p", "tests.servers.box", "-p", "no:cacheprovider")
    folder, port = (pytester.path / "told").read_text().split()
    deadline = time.monotonic() + 20
    while left := remains(Path(folder), int(port)):
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def remains(folder: Path, port: int) -> list[str]:
    """Processes, mounts, control groups, the folder and the port."""
    found = [str(folder)] if folder.exists() else []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            told = (path / "cmdline").read_bytes() + (path / "mountinfo").read_bytes()
        except OSError:  # it has just ended
            continue
        if folder.name.encode() in told:
            found.append(str(path))
    # a group may go while it is looked into, which `Path.glob` does not bear
    found += [f"{above}/{folder.name}" for above, groups, _ in os.walk("/sys/fs/cgroup") if folder.name in groups]
    with socket.socket() as client:
        return [*found, *([str(port)] if client.connect_ex(("127.0.0.1", port)) == 0 else [])]
