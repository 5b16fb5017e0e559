"""One file in the place of another, or of none: whoever reads it finds the whole of the old or the whole of the new."""

from __future__ import annotations

import posixpath
import stat
from secrets import token_hex

from paramiko import SFTPAttributes, sftp

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh._sftp import PIECE, RENAME, SYNC, Denied, Fault, Sftp

#: Of a file that was not there before: what it holds may be secret.
_PRIVATE = 0o600
_LOOKING = "looking at it"
_NEW = sftp.SFTP_FLAG_WRITE | sftp.SFTP_FLAG_CREATE | sftp.SFTP_FLAG_EXCL


class Replacement:
    def __init__(self, opened: Sftp, path: str, content: bytes, mode: int | None) -> None:
        if RENAME not in opened.extensions:
            raise Fault(ErrorClass.REFUSED, f"the server has no {RENAME}, or does not allow it: without it no file is replaced in one step")
        self._sftp, self._content, self._written = opened, content, 0
        self._target = _led_to(opened, path)
        self._stands = regular(opened.look_at(_LOOKING, self._target))
        self._mode = mode if mode is not None else permissions(self._stands) if self._stands else _PRIVATE
        self._folder = posixpath.dirname(self._target)
        self._temporary = posixpath.join(self._folder, f".taskkit-{token_hex(8)}")

    def carry_out(self, grace: float) -> None:
        """Fault where it was not done; then nothing is left, or the fault says what."""
        handle = None
        try:
            handle = self._sftp.opened("creating a temporary file beside it", self._temporary, _NEW, _PRIVATE)
            self._fill(handle)
            self._dress(handle)
            self._end(handle)
            self._move()
        except Fault as fault:
            told = self._explained(fault)
            if (handle is not None or fault.sent) and not self._sftp.removed(self._temporary, grace):
                told.case += f"; the temporary file {self._temporary!r} may be left there"
            raise told from None
        except BaseException:
            self._sftp.removed(self._temporary, grace)
            raise

    def _fill(self, handle: bytes) -> None:
        while self._written < len(self._content):
            piece = self._content[self._written : self._written + PIECE]
            self._sftp.ask("writing", sftp.CMD_WRITE, handle, sftp.int64(self._written), piece)
            self._written += len(piece)

    def _dress(self, handle: bytes) -> None:
        """The owner first: a change of it takes bits of the mode away."""
        made = self._sftp.look_at_open(_LOOKING, handle)
        owner = owner_of(self._stands or made)
        if owner != owner_of(made):
            self._sftp.give(f"keeping its owner {owner[0]}:{owner[1]}", handle, owner=owner)
        self._sftp.give(f"giving it the mode {self._mode:04o}", handle, mode=self._mode)
        made = self._sftp.look_at_open(_LOOKING, handle)
        if (owner_of(made), permissions(made)) != (owner, self._mode):
            case = f"the machine does not let it have the owner {owner[0]}:{owner[1]} and the mode {self._mode:04o}"
            raise Fault(ErrorClass.PERMISSION, case)

    def _end(self, handle: bytes) -> None:
        if SYNC in self._sftp.extensions:
            self._sftp.ask("bringing it to the disk", sftp.CMD_EXTENDED, SYNC, handle)
        self._sftp.ask("closing it", sftp.CMD_CLOSE, handle)

    def _move(self) -> None:
        try:
            self._sftp.ask("putting it in its place", sftp.CMD_EXTENDED, RENAME, self._temporary, self._target)
        except Fault as fault:
            fault.unseen = fault.sent
            if fault.unseen:
                fault.case += ": nobody saw whether it was done"
            raise

    def _explained(self, fault: Fault) -> Fault:
        """A full disk and one that is only read have no code of their own."""
        if not isinstance(fault, Denied) or fault.code != sftp.SFTP_FAILURE:
            return fault
        try:
            room = self._sftp.room(self._folder or ".")
        except Fault:
            return fault
        if room and room.read_only:
            return Fault(ErrorClass.PERMISSION, f"{fault.case}: the file system there can only be read")
        if room and (room.full or room.free < max(1, len(self._content) - self._written)):
            left = "no further file fits" if room.full else f"{room.free} bytes are left"
            return Fault(ErrorClass.NO_SPACE, f"{fault.case}: the disk is full, {left}")
        return fault


def regular(found: SFTPAttributes | None) -> SFTPAttributes | None:
    """What was found; Fault where it is no file of bytes, or the server does not say."""
    if found is None:
        return None
    if found.st_mode is None or found.st_uid is None or found.st_gid is None:
        raise Fault(ErrorClass.REFUSED, "the server does not tell its mode and owner")
    if not stat.S_ISREG(found.st_mode):
        raise Fault(ErrorClass.BAD_CONFIGURATION, "it is no regular file")
    return found


def owner_of(found: SFTPAttributes) -> tuple[int, int]:
    return found.st_uid or 0, found.st_gid or 0


def permissions(found: SFTPAttributes) -> int:
    return stat.S_IMODE(found.st_mode or 0)


def _led_to(opened: Sftp, path: str) -> str:
    """The file itself; where there is a symbolic link, the one that it leads to."""
    if not _is_link(opened.look_at_entry(_LOOKING, path)):
        return path
    told = opened.ask("following the symbolic link", sftp.CMD_REALPATH, path, answer=sftp.CMD_NAME)
    told.get_int()
    try:
        place = told.get_string().decode()
    except UnicodeDecodeError:
        place = ""
    entry = opened.look_at_entry(_LOOKING, place) if place else None
    if entry is None or _is_link(entry):
        raise Fault(ErrorClass.BAD_CONFIGURATION, "it is a symbolic link that leads nowhere")
    return place


def _is_link(entry: SFTPAttributes | None) -> bool:
    return entry is not None and stat.S_ISLNK(entry.st_mode or 0)
