"""The files of keys: who may read them, what stands in those of keyrings, and how they are written without a moment open to others.

All functions answer an error instead of raising it, since their frames hold keys.
"""

from __future__ import annotations

import base64
import binascii
import errno
import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from taskkit._paths import unfit
from taskkit.errors import InvalidValue, Refused
from taskkit.secrets import Secret

#: What marks the line of the key that seals.
CURRENT = "current"
LARGEST = 65_536
HEADER = "# taskkit keyring: a line for each key, with its id and the key in base64; 'current' behind the one that seals\n"
_IRREGULAR = "it is no regular file"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: Without NONBLOCK a pipe in its place would hold up whoever opens it.
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


# reading


def contents_of(path: Path, what: str = "keyring") -> bytes | Refused | InvalidValue:
    """All of a file that is this user's or root's and nobody else's to read; what is looked at is the file that was opened."""
    tried = f"reading the {what} {str(path)!r}"
    if (trouble := unfit(path, tried)) is not None:
        return trouble
    try:
        opened = os.open(path, _READING)
    except OSError as error:
        return _unopened(tried, error, what)
    try:
        return _unfit(tried, path, os.fstat(opened), what) or _all_of(tried, opened)
    except OSError as error:
        return Refused(tried, error.strerror or type(error).__name__, "look at the disk")
    finally:
        os.close(opened)


def _unopened(tried: str, error: OSError, what: str) -> Refused:
    if error.errno == errno.ELOOP:
        return Refused(tried, "it is a symbolic link, and whoever may change that chooses the keys", "name the file itself")
    if error.errno == errno.ENXIO:
        return Refused(tried, _IRREGULAR, "name a file")
    advice = "let this user own and read it" if error.errno in (errno.EACCES, errno.EPERM) else "look whether its name is right"
    if error.errno == errno.ENOENT and what == "keyring":
        advice = "make one by Keyring.generate(…).write_file(…)"
    return Refused(tried, error.strerror or type(error).__name__, advice)


def _unfit(tried: str, path: Path, found: os.stat_result, what: str) -> Refused | None:
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        return Refused(tried, _IRREGULAR, "name a file")
    if found.st_uid not in (os.geteuid(), 0):
        return Refused(tried, f"it belongs to the user {found.st_uid}, who can change it", f"chown {os.geteuid()} {path}")
    if mode & _OTHERS:
        changed = "change its keys" if what == "keyring" else "make a new one where others may have read it"
        return Refused(tried, f"its mode is {mode:04o}: it is open to its group or to others", f"chmod 0600 {path}, and {changed}")
    if found.st_size > LARGEST:
        return Refused(tried, f"it has {found.st_size:,} bytes, and a {what} at most {LARGEST:,}", f"name the file of the {what}")
    return None


def _all_of(tried: str, opened: int) -> bytes | Refused:
    with open(opened, "rb", closefd=False) as file:
        found = file.read(LARGEST + 1)
    return found if len(found) <= LARGEST else Refused(tried, "it grows while it is read", "copy it, and name the copy")


def read_lines(path: Path, text: bytes) -> tuple[dict[str, Secret], str] | InvalidValue:
    """The keys and the id of the current one. Of what is wrong only the line's number is told: it may hold a key."""
    tried, found, current = f"reading the keyring {str(path)!r}", dict[str, Secret](), list[str]()
    for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        key = _key(words[1]) if len(words) in (2, 3) and words[2:] in ([], [CURRENT]) else None
        if key is None:
            return InvalidValue(f"{tried}, line {number}", "it is no key", "write: id, key in base64, and 'current' behind one of them")
        if words[0] in found:
            return InvalidValue(f"{tried}, line {number}", "its id stands in a line before, too", "each key has an id of its own")
        found[words[0]] = key
        current += words[:1] * (len(words) - 2)
    if len(current) != 1:
        return InvalidValue(tried, f"{len(current)} of its {len(found)} keys are current", "write 'current' behind one key")
    return found, current[0]


def _key(word: str) -> Secret | None:
    try:
        raw = base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Secret(raw) if raw else None


# writing


def lines_of(keys: Mapping[str, Secret], current: str) -> bytes:
    lines = (
        f"{id} {base64.b64encode(key.reveal_bytes()).decode()}{' ' + CURRENT if id == current else ''}\n"
        for id, key in sorted(keys.items())
    )
    return (HEADER + "".join(lines)).encode()


def placed(path: Path, text: Callable[[], bytes], *, replace: bool) -> Refused | InvalidValue | None:
    """Written beside it, forced to the disk and then given its name: a crash leaves the old file, or the new one."""
    tried = f"writing the keyring {str(path)!r}"
    written: str | None = None
    if (trouble := unfit(path, tried)) is not None:
        return trouble
    if len(text()) > LARGEST:
        return Refused(tried, f"it would have more than {LARGEST:,} bytes, and nobody would read it", "retire keys that nothing needs")
    try:
        if replace and path.exists() and not path.is_file():
            return Refused(tried, "what is there is no regular file", "name a file")
        opened, written = tempfile.mkstemp(prefix=".keyring.", dir=path.parent)  # with 0600, and never one that is there
        _fill(opened, text())
        (os.replace if replace else os.link)(written, path)
        _forced(path.parent)
    except FileExistsError:
        return Refused(tried, "there is one, whose keys may be nowhere else", "choose another name, or say replace=True")
    except OSError as error:
        return Refused(tried, error.strerror or type(error).__name__, "look at the folder and the disk")
    finally:
        if written is not None:
            with suppress(FileNotFoundError):
                Path(written).unlink()
    return None


def _fill(opened: int, text: bytes) -> None:
    with open(opened, "wb") as file:
        os.fchmod(opened, 0o600)  # whatever the process masks
        file.write(text)
        file.flush()
        os.fsync(opened)


def _forced(folder: Path) -> None:
    """The name, too, is on the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
