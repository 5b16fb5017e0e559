"""SFTP in a channel: one request after the other, none of which waits longer than it may, and nothing of it in logs.

Like `_exchanges`, it touches what paramiko keeps for itself: the calls that it offers open files with any mode, hide what a server can do,
and wait for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from attrs import frozen
from paramiko import Channel, Message, SFTPAttributes, SFTPClient, SFTPError, SSHException, sftp

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._endings import Patience
from taskkit.plugins.executors.ssh._channels import not_opened
from taskkit.plugins.executors.ssh._exchanges import Exchange, NotSaid, accepted
from taskkit.plugins.executors.ssh._questions import told_of
from taskkit.plugins.executors.ssh._settings import SshSettings

RENAME, SYNC, SPACE = "posix-rename@openssh.com", "fsync@openssh.com", "statvfs@openssh.com"
#: What every server takes in one (draft-ietf-secsh-filexfer-02, 3).
PIECE = 32_768
_VERSION = 3
_TICK = 0.25
_READ_ONLY = 1
_CLASSES = {
    sftp.SFTP_NO_SUCH_FILE: ErrorClass.BAD_CONFIGURATION,
    sftp.SFTP_BAD_MESSAGE: ErrorClass.BAD_CONFIGURATION,
    sftp.SFTP_PERMISSION_DENIED: ErrorClass.PERMISSION,
    sftp.SFTP_OP_UNSUPPORTED: ErrorClass.REFUSED,
}


class Fault(Exception):
    """Why a file was not moved."""

    #: Whether something was asked for that nobody answered.
    sent = False
    #: Whether it may have been done all the same (J10).
    unseen = False

    def __init__(self, error: ErrorClass, case: str) -> None:
        super().__init__(case)
        self.error, self.case = error, case


class Denied(Fault):
    """The server answered, and said no."""

    def __init__(self, code: int, case: str) -> None:
        super().__init__(_CLASSES.get(code, ErrorClass.FAILED), case)
        self.code = code


@frozen
class Room:
    """What a file system has left."""

    free: int
    full: bool
    read_only: bool


class Sftp(SFTPClient):
    """`over` is asked while nothing comes: why nobody waits any longer."""

    def __init__(self, channel: Channel, over: Callable[[], str | None]) -> None:
        self._over, self._doing, self._sent, self._heard = over, "beginning", False, False
        self.extensions: frozenset[str] = frozenset()
        self._plain = cast(Any, self)
        channel.settimeout(_TICK)
        super().__init__(channel)

    def ask(self, doing: str, kind: int, *given: Any, answer: int = sftp.CMD_STATUS) -> Message:
        self._doing, self._sent, self._heard = doing, False, False
        try:
            if self.sock.closed:
                raise EOFError
            self._look()
            self._sent = True
            told, message = self._plain._request(kind, *given)
        except (SSHException, EOFError, OSError):
            raise self._unanswered(ErrorClass.UNREACHABLE, "the connection was lost") from None
        except SFTPError:
            raise self._unanswered(ErrorClass.REFUSED, "the server said what is no SFTP") from None
        if told != answer:
            raise self._unanswered(ErrorClass.REFUSED, "the server said what is no answer")
        found: Message = message
        return found

    def look_at(self, doing: str, path: str) -> SFTPAttributes | None:
        """None where nothing is."""
        return self._found(doing, sftp.CMD_STAT, path)

    def look_at_entry(self, doing: str, path: str) -> SFTPAttributes | None:
        """A symbolic link itself."""
        return self._found(doing, sftp.CMD_LSTAT, path)

    def look_at_open(self, doing: str, handle: bytes) -> SFTPAttributes:
        return _attributes(self.ask(doing, sftp.CMD_FSTAT, handle, answer=sftp.CMD_ATTRS))

    def opened(self, doing: str, path: str, flags: int, mode: int | None = None) -> bytes:
        return self.ask(doing, sftp.CMD_OPEN, path, flags, _with(mode=mode), answer=sftp.CMD_HANDLE).get_string()

    def give(self, doing: str, handle: bytes, *, owner: tuple[int, int] | None = None, mode: int | None = None) -> None:
        self.ask(doing, sftp.CMD_FSETSTAT, handle, _with(owner=owner, mode=mode))

    def read(self, doing: str, handle: bytes, at: int) -> bytes:
        """Nothing at the end."""
        try:
            return self.ask(doing, sftp.CMD_READ, handle, sftp.int64(at), PIECE, answer=sftp.CMD_DATA).get_string()
        except Denied as denied:
            if denied.code == sftp.SFTP_EOF:
                return b""
            raise

    def room(self, folder: str) -> Room | None:
        """None where the server does not say."""
        if SPACE not in self.extensions:
            return None
        told = self.ask("asking for free space", sftp.CMD_EXTENDED, SPACE, folder, answer=sftp.CMD_EXTENDED_REPLY)
        _, size, _, _, free, files, _, entries, _, flags, _ = (told.get_int64() for _ in range(11))
        return Room(free * size, bool(files and not entries), bool(flags & _READ_ONLY))

    def removed(self, path: str, seconds: float) -> bool:
        """Whether it is gone; the time is its own, as that of the rest may be over."""
        until = time.monotonic() + seconds
        self._over = lambda: "it took too long" if time.monotonic() >= until else None
        try:
            self.ask("removing it", sftp.CMD_REMOVE, path)
        except Fault as fault:
            return isinstance(fault, Denied) and fault.code == sftp.SFTP_NO_SUCH_FILE
        return True

    def _found(self, doing: str, kind: int, path: str) -> SFTPAttributes | None:
        try:
            return _attributes(self.ask(doing, kind, path, answer=sftp.CMD_ATTRS))
        except Denied as denied:
            if denied.code == sftp.SFTP_NO_SUCH_FILE:
                return None
            raise

    def _unanswered(self, error: ErrorClass, case: str) -> Fault:
        fault = Fault(error, f"{self._doing}: {case}")
        fault.sent = self._sent
        return fault

    def _look(self) -> None:
        if case := self._over():
            raise self._unanswered(ErrorClass.TIMEOUT, case)

    # what paramiko does otherwise

    def _log(self, level: Any, msg: Any, *args: Any) -> None:
        """What silences the log of the wire does not silence this one."""

    def _send_version(self) -> int:
        asked = Message()
        asked.add_int(_VERSION)
        self._plain._send_packet(sftp.CMD_INIT, asked)
        kind, data = self._plain._read_packet()
        if kind != sftp.CMD_VERSION:
            raise SFTPError
        told = Message(data)
        version, found = told.get_int(), []
        while told.get_remainder():
            found.append(told.get_string().decode(errors="replace"))
            told.get_string()
        self.extensions = frozenset(found)
        return version

    def _read_packet(self) -> tuple[int, bytes]:
        """The first is what was asked for; what is none has no time of its own."""
        if self._heard:
            self._look()
        self._heard = True
        return cast(tuple[int, bytes], super()._read_packet())  # type: ignore[misc]

    def _read_all(self, n: int) -> bytes:
        found = bytearray()
        while len(found) < n:
            if found:
                self._look()  # who says a byte now and then would be waited for without an end
            try:
                piece = self.sock.recv(n - len(found))
            except TimeoutError:
                self._look()
                continue
            if not piece:
                raise EOFError
            found += piece
        return bytes(found)

    def _write_all(self, out: bytes) -> None:
        while out:
            try:
                sent = self.sock.send(out)
            except TimeoutError:
                self._look()
                continue
            if not sent:
                raise EOFError
            out = out[sent:]
            if out:
                self._look()

    def _convert_status(self, msg: Message) -> None:
        code, said = msg.get_int(), msg.get_string().decode(errors="replace")
        if code != sftp.SFTP_OK:
            raise Denied(code, f"{self._doing}: {said or f'the server says {code}'}")


@contextmanager
def session(exchange: Exchange, settings: SshSettings, patience: Patience, first_words: Callable[[], str]) -> Iterator[Sftp]:
    """In a channel of its own; Fault where the machine gives none. What it says instead can be asked for by `first_words` alone."""
    try:
        channel = exchange.opened(settings.connect_timeout)
    except (SSHException, EOFError, OSError) as error:
        judgement = not_opened(error)
        fault = Fault(judgement.error or ErrorClass.UNREACHABLE, judgement.text)
    else:
        try:
            yield _begun(exchange, channel, patience, first_words)
        finally:
            exchange.forget(channel)
        return
    raise fault


def _begun(exchange: Exchange, channel: Channel, patience: Patience, first_words: Callable[[], str]) -> Sftp:
    with suppress(NotSaid):  # then nobody is there any more
        exchange.begin(channel, "sftp", "subsystem")
    while not accepted(channel) and not channel.closed and exchange.alive:
        if case := patience.over():
            raise Fault(ErrorClass.TIMEOUT, f"beginning SFTP: {case}")
        exchange.line(channel).bell.wait(_TICK)
    if not exchange.alive:
        raise Fault(ErrorClass.UNREACHABLE, "beginning SFTP: the connection was lost")
    if not accepted(channel):
        raise Fault(
            ErrorClass.REFUSED, "the machine has no subsystem sftp, or not for this account; sshd_config: Subsystem sftp internal-sftp"
        )
    try:
        return Sftp(channel, patience.over)
    except (SSHException, SFTPError, EOFError, OSError):
        lost = not exchange.alive
    if lost:
        raise Fault(ErrorClass.UNREACHABLE, "beginning SFTP: the connection was lost")
    said = first_words()
    if error := told_of(" ".join(said.split())):
        raise Fault(error, f"beginning SFTP: it says {said.strip()!r}")
    case = "its subsystem sftp does not speak SFTP: look whether the program is there, and whether the account's shell says something first"
    raise Fault(ErrorClass.REFUSED, case)


def _attributes(told: Message) -> SFTPAttributes:
    """Without further ones: nobody asks for them, and of a wrong number of them paramiko would read for hours."""
    flags, rest = told.get_int(), told.get_remainder()
    plain = Message((flags & ~SFTPAttributes.FLAG_EXTENDED).to_bytes(4, "big") + rest)
    found: SFTPAttributes = cast(Any, SFTPAttributes)._from_msg(plain)
    return found


def _with(*, owner: tuple[int, int] | None = None, mode: int | None = None) -> SFTPAttributes:
    made = SFTPAttributes()
    made.st_mode = mode
    if owner is not None:
        made.st_uid, made.st_gid = owner
    return made
