"""Files by SFTP: fetched whole, and replaced in one step."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import HostRefused
from taskkit.plugins.executors.ssh._replacements import Replacement
from taskkit.plugins.executors.ssh._sftp import PIECE, RENAME, SPACE, SYNC, Sftp
from taskkit.plugins.verbs import Content, File, Operation
from taskkit.secrets import Secret
from tests import servers
from tests.plugins.executors.ssh.reach import shell, there
from tests.runs import WatchedRun
from tests.servers.box import Box
from tests.servers.doors import Door
from tests.servers.sshd import Sshd, running
from tests.test_docs import DOCS, blocks

HIDDEN = Secret("correct-horse-battery")


def put(run: WatchedRun, path: Path | str, content: Content, **given: Any) -> Operation:
    with run.connect() as connection:
        told: Operation = connection.put(str(path), content, run, **given)
    return told


def get(run: WatchedRun, path: Path | str, **given: Any) -> File:
    with run.connect() as connection:
        found: File = connection.get(str(path), run, **given)
    return found


def not_got(run: WatchedRun, path: Path | str, **given: Any) -> HostRefused:
    with pytest.raises(HostRefused) as caught:
        get(run, path, **given)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return caught.value


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Putting


def test_a_file_that_was_not_there_is_put_and_nobody_else_may_read_it(sshd: Sshd, tmp_path: Path) -> None:
    told = put(there(sshd), tmp_path / "new", "täglich\n")
    assert (told.state, told.error, told.text, told.name) == ("done", None, "", f"put {tmp_path}/new")
    assert (tmp_path / "new").read_text() == "täglich\n"
    assert (tmp_path / "new").stat().st_mode & 0o7777 == 0o600
    assert names(tmp_path) == ["new"]


def test_a_file_is_replaced_by_another_with_the_mode_of_the_old(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_text("old")
    path.chmod(0o2754)
    before = path.stat()
    with path.open() as reader:
        assert put(there(sshd), path, b"new\0\xff").state == "done"
        assert reader.read() == "old"
    assert path.read_bytes() == b"new\0\xff"
    assert path.stat().st_ino != before.st_ino
    assert path.stat().st_mode == before.st_mode


def test_a_mode_that_is_given_counts(sshd: Sshd, tmp_path: Path) -> None:
    for _ in range(2):
        assert put(there(sshd), tmp_path / "conf", b"x", mode=0o666).state == "done"
        assert (tmp_path / "conf").stat().st_mode & 0o7777 == 0o666


@pytest.mark.parametrize("size", [0, 32_768, 1_000_001])
def test_files_of_any_size_come_there_and_back(sshd: Sshd, tmp_path: Path, size: int) -> None:
    content = (b"0123456789abcde\n" * (size // 16 + 1))[:size]
    run = there(sshd)
    with run.connect() as connection:
        assert connection.put(f"{tmp_path}/large", content, run).state == "done"
        assert connection.get(f"{tmp_path}/large", run).content == content


def test_s01_secrets_in_the_content_are_told_to_nobody(sshd: Sshd, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    run = there(sshd)
    told = put(run, tmp_path / "conf", ("password = ", HIDDEN, b"\n"))
    assert told.state == "done"
    assert (tmp_path / "conf").read_text() == "password = correct-horse-battery\n"
    assert run.scrub("it is correct-horse-battery") != "it is correct-horse-battery"
    refused = put(run, f"{tmp_path}/correct-horse-battery/conf", HIDDEN)
    found = get(run, tmp_path / "conf")
    for said in (repr(told), repr(refused), repr(found), caplog.text, str(not_got(run, f"{tmp_path}/correct-horse-battery"))):
        assert "correct-horse" not in said
    assert not [record for record in caplog.records if record.name.startswith(("taskkit-ssh", "paramiko"))]


def test_nobody_else_may_read_it_while_it_is_written(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    fill = Replacement._fill

    def look(replacement: Replacement, handle: bytes) -> None:
        [path] = tmp_path.iterdir()
        seen.append(path.stat().st_mode & 0o7777)
        fill(replacement, handle)

    monkeypatch.setattr(Replacement, "_fill", look)
    assert put(there(sshd), tmp_path / "conf", HIDDEN, mode=0o644).state == "done"
    assert seen == [0o600]


def test_it_is_on_the_disk_before_it_takes_its_place(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = watched(monkeypatch)
    assert put(there(sshd), tmp_path / "conf", "x").state == "done"
    assert [given[0] for given in asked if given and given[0] in (SYNC, RENAME)] == [SYNC, RENAME]


def test_what_a_symbolic_link_leads_to_is_replaced_and_the_link_stays(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "real").write_text("old")
    (tmp_path / "link").symlink_to("place/real")
    assert put(there(sshd), tmp_path / "link", "new").state == "done"
    assert (tmp_path / "place" / "real").read_text() == "new"
    assert (tmp_path / "link").readlink() == Path("place/real")
    assert (names(tmp_path), names(tmp_path / "place")) == (["link", "place"], ["real"])


def test_a_link_that_leads_nowhere_a_directory_and_a_device_are_not_replaced(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    for path, case in ((tmp_path / "link", "leads nowhere"), (tmp_path, "no regular file"), (tmp_path / "fifo", "no regular file")):
        told = put(there(sshd), path, "x")
        assert (told.state, told.error) == ("not_done", "bad_configuration")
        assert case in told.text
        assert not (tmp_path / "nowhere").exists()
    assert names(tmp_path) == ["fifo", "link"]


@pytest.mark.parametrize(
    ("path", "given"),
    [("", {}), ("a\0b", {}), ("\ud800", {}), ("x", {"mode": 0o10000}), ("x", {"timeout": 0}), ("x", {"content": "\ud800"})],
    ids=["empty", "nul", "half", "mode", "timeout", "content"],
)
def test_what_cannot_be_said_is_not_begun(sshd: Sshd, path: str, given: dict[str, Any]) -> None:
    told = put(there(sshd), path, **{"content": "x", **given})
    assert (told.state, told.error) == ("not_done", "bad_configuration")


def test_a_directory_that_is_not_there(sshd: Sshd, tmp_path: Path) -> None:
    told = put(there(sshd), tmp_path / "no" / "conf", "x")
    assert (told.state, told.error) == ("not_done", "bad_configuration")
    assert told.text == "creating a temporary file beside it: No such file"


# Owners, rights and room


def test_root_keeps_the_owner_of_what_stood_there(walled: Door, tmp_path: Path) -> None:
    run = there(walled, "root", {"key": walled.key})
    path = walled.shared / "owned"
    path.write_text("old")
    os.chown(path, 1234, 2345)
    path.chmod(0o6750)
    assert put(run, path, "new").state == "done"
    found = path.stat()
    assert (path.read_text(), found.st_uid, found.st_gid, found.st_mode & 0o7777) == ("new", 1234, 2345, 0o6750)
    assert get(run, path) == File(b"new", 0o6750, 1234, 2345)


def test_an_owner_that_cannot_be_kept_changes_nothing(walled: Door) -> None:
    folder = walled.shared / "of-root"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "conf").write_text("old")
    told = put(there(walled, "plain"), folder / "conf", HIDDEN)
    assert (told.state, told.error) == ("not_done", "permission")
    assert told.text == "keeping its owner 0:0: Permission denied"
    assert ((folder / "conf").read_text(), names(folder)) == ("old", ["conf"])


def test_a_directory_that_the_account_may_not_write(walled: Door) -> None:
    folder = walled.shared / "closed"
    folder.mkdir()
    told = put(there(walled, "plain"), folder / "conf", "x")
    assert (told.state, told.error, names(folder)) == ("not_done", "permission", [])
    assert told.text == "creating a temporary file beside it: Permission denied"
    (folder / "secret").write_text("x")
    (folder / "secret").chmod(0o600)
    refused = not_got(there(walled, "plain"), folder / "secret")
    assert (refused.error, refused.case) == ("permission", "opening it: Permission denied")


@contextmanager
def small(box: Box, options: str) -> Iterator[tuple[Sshd, str]]:
    """A server that sees a small file system in memory, and where."""
    box.run('mkdir /srv/small && mount -t tmpfs -o "$1" tmpfs /srv/small', options)
    try:
        yield box.door, "/srv/small"
    finally:
        box.run("umount /srv/small && rmdir /srv/small")


def test_a_full_disk_is_told_as_one_and_nothing_is_left(box: Box) -> None:
    with small(box, "size=64k") as (server, folder):
        assert put(there(server), f"{folder}/conf", "old").state == "done"
        told = put(there(server), f"{folder}/conf", b"x" * 200_000)
        assert (told.state, told.error) == ("not_done", "no_space")
        assert told.text.startswith("writing: Failure: the disk is full")
        assert get(there(server), f"{folder}/conf").content == b"old"
        assert shell(there(server), f"ls -A {folder}").output == "conf\n"


def test_a_disk_without_room_for_one_more_file_is_full(box: Box) -> None:
    with small(box, "nr_inodes=2") as (server, folder):
        assert put(there(server), f"{folder}/conf", "old").state == "done"
        told = put(there(server), f"{folder}/conf", "new")
        assert (told.state, told.error) == ("not_done", "no_space")
        assert told.text.startswith("creating a temporary file beside it: Failure: the disk is full, no further file fits")


def test_a_disk_that_can_only_be_read_is_told_as_one(box: Box) -> None:
    with small(box, "ro") as (server, folder):
        told = put(there(server), f"{folder}/conf", "x")
        assert (told.state, told.error) == ("not_done", "permission")
        assert told.text == "creating a temporary file beside it: Failure: the file system there can only be read"


# Getting


def test_a_file_is_fetched_with_its_mode_and_owner(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "conf").write_bytes(b"\0\xff")
    (tmp_path / "conf").chmod(0o640)
    (tmp_path / "link").symlink_to("conf")
    assert get(there(sshd), tmp_path / "link") == File(b"\0\xff", 0o640, os.getuid(), os.getgid())


def test_a_file_that_is_larger_than_what_was_asked_for_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 1001)
    assert len(get(there(sshd), tmp_path / "log", most=1001).content) == 1001
    refused = not_got(there(sshd), tmp_path / "log", most=1000)
    assert (refused.error, "1000 bytes" in str(refused)) == ("bad_configuration", True)


def test_no_more_is_read_of_a_file_than_is_needed_to_refuse_it(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").write_bytes(b"x" * 1_000_000)
    asked = watched(monkeypatch)
    not_got(there(sshd), tmp_path / "log", most=1000)
    assert len([given for given in asked if PIECE in given]) == 1


def test_a_file_that_says_no_size_is_fetched_whole(sshd: Sshd) -> None:
    assert get(there(sshd), "/proc/self/status").content.startswith(b"Name:")
    assert not_got(there(sshd), "/proc/self/status", most=10).error == "bad_configuration"


def test_what_is_not_there_or_no_file_is_refused_at_once(sshd: Sshd, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, case in ((tmp_path / "no", "there is no such file"), (tmp_path, "no regular file"), (tmp_path / "fifo", "no regular file")):
        refused = not_got(there(sshd), path)
        assert (refused.error, case in str(refused)) == ("bad_configuration", True)
        assert str(path) in str(refused)


# Servers that do otherwise


def test_a_machine_without_the_subsystem_is_refused_with_help(tmp_path: Path) -> None:
    with running(servers.program("sshd"), config="Subsystem other internal-sftp\n") as server:
        told = put(there(server), tmp_path / "conf", "x")
        assert (told.state, told.error, names(tmp_path)) == ("not_done", "refused", [])
        assert "Subsystem sftp internal-sftp" in told.text
        assert not_got(there(server), tmp_path / "conf").error == "refused"


@pytest.mark.parametrize("program", ["/bin/echo this is no SFTP, whatever the client may think", "/no/such/program", "/bin/true"])
def test_a_subsystem_that_does_not_speak_sftp_is_refused(tmp_path: Path, program: str) -> None:
    with running(servers.program("sshd"), config=f"Subsystem sftp {program}\n") as server:
        told = put(there(server), tmp_path / "conf", "x")
        assert (told.state, told.error) == ("not_done", "refused")
        assert "does not speak SFTP" in told.text


def test_j10_a_server_that_says_nothing_is_waited_for_no_longer_than_was_said(tmp_path: Path) -> None:
    with running(servers.program("sshd"), config="Subsystem sftp /bin/sleep 5\n") as server:
        told = put(there(server), tmp_path / "conf", "x", timeout=0.5)
        assert (told.state, told.error) == ("not_done", "timeout")
        assert told.text.endswith("it took longer than 0.5 s")


def test_a_server_that_only_reads_is_told(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("old")
    with running(servers.program("sshd"), config="Subsystem sftp internal-sftp -R\n") as server:
        told = put(there(server), tmp_path / "conf", "x")
        assert (told.state, told.error, names(tmp_path)) == ("not_done", "refused", ["conf"])
        assert "does not allow it" in told.text
        assert get(there(server), tmp_path / "conf").content == b"old"


def lacking(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    send = Sftp._send_version

    def version(sftp: Sftp) -> int:
        found = send(sftp)
        sftp.extensions -= {name}
        return found

    monkeypatch.setattr(Sftp, "_send_version", version)


def test_without_a_way_to_replace_in_one_step_nothing_is_written(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, RENAME)
    told = put(there(sshd), tmp_path / "conf", "x")
    assert (told.state, told.error, names(tmp_path)) == ("not_done", "refused", [])
    assert RENAME in told.text


def test_without_fsync_it_is_done_all_the_same(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, SYNC)
    asked = watched(monkeypatch)
    assert put(there(sshd), tmp_path / "conf", "x").state == "done"
    assert not [given for given in asked if SYNC in given]


def test_without_a_word_about_its_room_a_full_disk_is_a_failure(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, SPACE)
    with small(box, "size=64k") as (server, folder):
        told = put(there(server), f"{folder}/conf", b"x" * 200_000)
        assert (told.state, told.error, told.text) == ("not_done", "failed", "writing: Failure")


def test_a_password_that_has_expired_is_told_as_one(walled: Door) -> None:
    told = put(there(walled, "aged"), walled.shared / "aged", "x")
    assert (told.state, told.error) == ("not_done", "must_change")


# Ends that nobody waited for


def watched(monkeypatch: pytest.MonkeyPatch, at: str = "", then: Any = None) -> list[tuple[Any, ...]]:
    """What was asked for; `then` is done with the connection right after the request at which it says so was sent."""
    asked: list[tuple[Any, ...]] = []
    ask, send, now = Sftp.ask, Sftp._write_all, [""]

    def asking(self: Sftp, doing: str, kind: int, *given: Any, **named: Any) -> Any:
        asked.append(given)
        now[0] = doing
        return ask(self, doing, kind, *given, **named)

    def sending(self: Sftp, out: bytes) -> None:
        send(self, out)
        if at and now[0].startswith(at):
            then(self)

    monkeypatch.setattr(Sftp, "ask", asking)
    monkeypatch.setattr(Sftp, "_write_all", sending)
    return asked


def cut(sftp: Sftp) -> None:
    """What the server may have answered by then is lost, too."""
    channel: Any = sftp.get_channel()
    channel.get_transport().close()
    channel.in_buffer.empty()


@pytest.mark.parametrize("at", ["creating", "writing", "giving it the mode", "bringing", "closing"])
def test_j10_a_connection_that_is_lost_before_the_last_step_has_done_nothing(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    (tmp_path / "conf").write_text("old")
    watched(monkeypatch, at, cut)
    told = put(there(sshd), tmp_path / "conf", "new")
    assert (told.state, told.error) == ("not_done", "unreachable")
    assert "may be left there" in told.text
    assert (tmp_path / "conf").read_text() == "old"


def test_j10_a_connection_that_is_lost_while_it_takes_its_place_leaves_it_unknown(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched(monkeypatch, "putting it", cut)
    told = put(there(sshd), tmp_path / "conf", "new")
    assert (told.state, told.error) == ("unknown", "unreachable")
    assert "nobody saw whether it was done" in told.text


def test_j10_a_connection_that_is_lost_before_the_last_step_is_said_has_done_nothing(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Replacement._move

    def moving(replacement: Replacement) -> None:
        cut(replacement._sftp)
        move(replacement)

    monkeypatch.setattr(Replacement, "_move", moving)
    told = put(there(sshd), tmp_path / "conf", "new")
    assert (told.state, told.error) == ("not_done", "unreachable")
    assert not (tmp_path / "conf").exists()


def test_j04_once_the_time_is_over_it_does_not_take_its_place(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over: list[bool] = []
    watched(monkeypatch, "closing", lambda sftp: over.append(True))
    (tmp_path / "conf").write_text("old")
    told = put(there(sshd, late=lambda: bool(over)), tmp_path / "conf", "new")
    assert (told.state, told.error) == ("not_done", "timeout")
    assert ((tmp_path / "conf").read_text(), names(tmp_path)) == ("old", ["conf"])


def test_j10_an_answer_that_does_not_come_in_time_leaves_it_unknown(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server says then is not heard any more."""
    over: list[bool] = []
    send = Sftp._write_all

    def sending(self: Sftp, out: bytes) -> None:
        if RENAME.encode() in out:
            over.append(True)
        else:
            send(self, out)

    monkeypatch.setattr(Sftp, "_write_all", sending)
    told = put(there(sshd, late=lambda: bool(over)), tmp_path / "conf", "new")
    assert (told.state, told.error, names(tmp_path)) == ("unknown", "timeout", [])


def test_an_error_of_ours_leaves_nothing_behind(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(sftp: Sftp) -> None:
        raise RuntimeError("the store is away")

    watched(monkeypatch, "giving it the mode", fail)
    with pytest.raises(RuntimeError, match="the store is away"):
        put(there(sshd), tmp_path / "conf", "new")
    assert names(tmp_path) == []


def test_j06_who_was_asked_to_stop_or_has_no_time_begins_nothing(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("old")
    over: list[bool] = []
    ends: list[tuple[dict[str, Any], str]] = [({"stop": lambda: bool(over)}, "stopped"), ({"late": lambda: bool(over)}, "timeout")]
    for named, error in ends:
        over.clear()
        run = there(sshd, **named)
        with run.connect() as connection:
            over.append(True)
            told = connection.put(f"{tmp_path}/conf", "new", run)
            with pytest.raises(HostRefused) as caught:
                connection.get(f"{tmp_path}/conf", run)
        assert (told.state, told.error, caught.value.error) == ("not_done", error, error)
    assert (tmp_path / "conf").read_text() == "old"


def test_a_session_ends_with_each_file(sshd: Sshd, tmp_path: Path) -> None:
    """There may be a hundred at once."""
    run = there(sshd)
    with run.connect() as connection:
        assert {connection.put(f"{tmp_path}/conf", str(number), run).state for number in range(120)} == {"done"}
        assert connection._files._exchange._lines == {}
    assert (tmp_path / "conf").read_text() == "119"


def test_the_script_of_the_docs_puts_a_password(walled: Door) -> None:
    [code] = [block.code for block in blocks(DOCS / "how-to" / "reach-machines-by-ssh.md") if "class PutPassword" in block.code]
    page: dict[str, Any] = {}
    exec(code, page)  # noqa: S102  our own page
    folder = walled.shared / "app"
    folder.mkdir()
    folder.chmod(0o777)
    run = there(walled, "plain")
    assert page["PutPassword"]("put", f"{folder}/db.conf").perform(run) == page["Done"]()
    assert (folder / "db.conf").read_text() == f"password = {walled.password('plain').reveal()}\n"
    assert (folder / "db.conf").stat().st_mode & 0o7777 == 0o600
    assert [told.state for told in run.operations] == ["done"]
    assert page["PutPassword"]("put", "/etc/passwd").perform(run).error == "permission"
