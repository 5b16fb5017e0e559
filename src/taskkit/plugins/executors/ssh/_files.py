"""Files of a machine, fetched and put."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from paramiko import sftp

from taskkit.checks import is_whole
from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._endings import Patience
from taskkit.plugins.executors._expectations import Judgement
from taskkit.plugins.executors._sequences import MOST_TOLD, Result, not_any_more, told
from taskkit.plugins.executors.ssh._exchanges import Exchange
from taskkit.plugins.executors.ssh._replacements import Replacement, owner_of, permissions, regular
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.executors.ssh._sftp import Fault, Sftp, session
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Content, File, Operation
from taskkit.secrets import Secret

_HIGHEST_MODE = 0o7777
_HELP = {
    ErrorClass.BAD_CONFIGURATION: "look at the path",
    ErrorClass.PERMISSION: "it is done as the account that logged in, whatever `become` says",
    ErrorClass.UNREACHABLE: "try again",
    ErrorClass.TIMEOUT: "give it more time",
}


class Files:
    def __init__(self, exchange: Exchange, settings: SshSettings, first_words: Callable[[], str]) -> None:
        self._exchange, self._settings, self._first_words = exchange, settings, first_words

    def get(self, path: str, run: Run, most: int, timeout: float) -> File:
        try:
            if refusal := not_any_more(run):
                raise Fault(refusal.error or ErrorClass.STOPPED, refusal.text)
            with self._session(path, run, timeout) as opened:
                return _fetched(opened, path, most)
        except Fault as fault:
            case, error = run.scrub(fault.case)[:MOST_TOLD], fault.error
        raise HostRefused(run.scrub(f"getting {path!r}"), case, _HELP.get(error, ""), error=error)

    def put(self, path: str, content: Content, run: Run, mode: int | None, timeout: float) -> Operation:
        return told(f"put {path}", run, lambda: Result(self._put(path, content, run, mode, timeout)), not_any_more(run))

    def _put(self, path: str, content: Content, run: Run, mode: int | None, timeout: float) -> Judgement:
        try:
            raw = _joined(content, run)
            if mode is not None and not 0 <= mode <= _HIGHEST_MODE:
                raise Fault(ErrorClass.BAD_CONFIGURATION, f"{mode} is no mode: give one from 0 to 0o7777")
            with self._session(path, run, timeout) as opened:
                Replacement(opened, path, raw, mode).carry_out(self._settings.grace)
        except Fault as fault:
            return Judgement("unknown" if fault.unseen else "not_done", fault.error, fault.case)
        return Judgement("done")

    @contextmanager
    def _session(self, path: str, run: Run, timeout: float) -> Iterator[Sftp]:
        if not path or "\0" in path or not is_whole(path):
            raise Fault(ErrorClass.BAD_CONFIGURATION, "it is no path: give a text that is not empty, without NUL")
        if not timeout > 0:  # also what is no number at all
            raise Fault(ErrorClass.BAD_CONFIGURATION, f"{timeout} is no time: give seconds above 0")
        patience = Patience(run, min(timeout, run.seconds_left), None)
        with session(self._exchange, self._settings, patience, self._first_words) as opened:
            yield opened


def _fetched(opened: Sftp, path: str, most: int) -> File:
    if regular(opened.look_at("looking at it", path)) is None:  # before it is opened: a FIFO would never answer
        raise Fault(ErrorClass.BAD_CONFIGURATION, "there is no such file")
    handle = opened.opened("opening it", path, sftp.SFTP_FLAG_READ)
    found = opened.look_at_open("looking at it", handle)
    content = bytearray()
    while len(content) <= most and (piece := opened.read("reading", handle, len(content))):
        content += piece
    if len(content) > most:
        raise Fault(ErrorClass.BAD_CONFIGURATION, f"it holds more than {most} bytes, which is the most that was asked for")
    return File(bytes(content), permissions(found), *owner_of(found))


def _joined(content: Content, run: Run) -> bytes:
    """In one; the run scrubs what is secret of it from now on."""
    parts = content if isinstance(content, tuple) else (content,)
    for part in parts:
        if isinstance(part, Secret):
            run.keep(part)
    if any(isinstance(part, str) and not is_whole(part) for part in parts):
        raise Fault(ErrorClass.BAD_CONFIGURATION, "its content holds half a character (a lone surrogate): give bytes")
    return b"".join(_raw(part) for part in parts)


def _raw(part: Secret | str | bytes) -> bytes:
    return part.reveal_bytes() if isinstance(part, Secret) else part.encode() if isinstance(part, str) else part
