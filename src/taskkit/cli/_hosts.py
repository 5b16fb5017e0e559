"""Where something is tried, as whom and with what. Secrets are asked for or stand in files: nothing that was typed holds one (S1)."""

from __future__ import annotations

import getpass
import json
import re
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from taskkit._key_files import contents_of
from taskkit.errors import InvalidValue, Refused
from taskkit.records import Record

#: The one record that there is.
ID = "try"
KEY = "key"
_LAST_PORT = 65_535
_SECRETS = frozenset({"password", "passphrase", KEY})
_PLACE = re.compile(r"([\w-]+)(?:://(?:([^@/]*)@)?(\[[0-9A-Fa-f:.]+\]|[^:/@\[\]]+)(?::(\d{1,5}))?/?)?")


@frozen
class Machine:
    """An executor by its name, and what the place says of the machine."""

    executor: str
    fields: Mapping[str, str]

    def record(self, fields: Mapping[str, str], secrets: Iterable[str]) -> Record:
        return Record(ID, ID, fields={**self.fields, **fields}, secret_fields=secrets)


def machine_at(place: str) -> Machine:
    """Errors show no place: somebody may have typed a password in it."""
    found, tried = _PLACE.fullmatch(place), "reading where it is to be tried"
    if found is None:
        raise InvalidValue(tried, "it is no place", "give local, or an executor and a machine, as in ssh://ops@10.0.0.5:22")
    executor, user, address, port = found.groups()
    if user is not None and ":" in user:
        raise InvalidValue(tried, "there is a password in it, which whoever lists processes reads", "leave it out, and say --ask password")
    if port is not None and not 1 <= int(port) <= _LAST_PORT:
        raise InvalidValue(tried, f"there is no port {port}", f"give one from 1 to {_LAST_PORT:,}")
    fields = {"user": user, "host": address and address.strip("[]"), "port": port}
    return Machine(executor, {name: value for name, value in fields.items() if value})


def fields_of(pairs: Sequence[tuple[str, str]], asked: Sequence[str]) -> dict[str, str]:
    for name, _ in pairs:
        if name in _SECRETS or name in asked:
            case = "it is a secret, and whoever lists processes reads what is typed"
            raise InvalidValue(f"setting the field {name!r}", case, "give --key FILE" if name == KEY else f"say --ask {name}")
    return dict(pairs)


def settings_of(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {name: _read(value) for name, value in pairs}


def secrets_of(asked: Sequence[str], place: str, key: str | None, *, by_stdin: bool) -> dict[str, str]:
    """By the names of their fields."""
    if by_stdin and not asked:
        raise InvalidValue("reading secrets from standard input", "none is asked for", "say which, as in --ask password")
    found = {} if key is None else {KEY: _key_in(key)}
    return found | {name: _line(name) if by_stdin else _typed(name, place) for name in dict.fromkeys(asked)}


def _read(value: str) -> Any:
    """A number, a list or whatever JSON knows, or else a text."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _key_in(path: str) -> str:
    found = contents_of(Path(path).expanduser(), "private key")
    if not isinstance(found, bytes):
        raise found
    return found.decode("utf-8", "replace")


def _line(name: str) -> str:
    line = sys.stdin.readline()
    if not line.strip("\r\n"):
        raise InvalidValue(f"reading the secret {name!r} from standard input", "there is no line for it", "give one for each --ask")
    return line.rstrip("\r\n")


def _typed(name: str, place: str) -> str:
    """Where nobody can keep it from being shown while it is typed, it is not asked for."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            typed = getpass.getpass(f"{name} for {place}: ")
    except (getpass.GetPassWarning, EOFError):
        raise InvalidValue(f"asking for the secret {name!r}", "there is no terminal", "give it by standard input, with --stdin") from None
    except KeyboardInterrupt:
        raise Refused(f"asking for the secret {name!r}", "it was broken off", "nothing was said to anybody") from None
    if not typed:
        raise InvalidValue(f"asking for the secret {name!r}", "nothing was typed", "type it, or leave --ask away")
    return typed
