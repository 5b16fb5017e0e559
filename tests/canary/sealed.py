"""Ways in by a vault in one file and by its keys: what is sealed, moved, damaged or locked, and keyrings that are none.

The keys sing, too: nothing may tell of them either.
"""

from __future__ import annotations

import base64
import pickle
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pendulum

from taskkit.keyrings import Keyring
from taskkit.outcomes import DONE, Done
from taskkit.secrets import Secret
from taskkit.sqlite_vault import SqliteVault
from taskkit.sqlite_vault._slots import FileSlots
from tests.canary.nests import CANARY, Nest, by_vault
from tests.canary.says import Way

KEY = CANARY.encode().ljust(32, b"#")
HALVED = f"{CANARY}\ud800"
TEXT = base64.b64encode(KEY).decode()
AT = pendulum.datetime(2026, 3, 2, tz="UTC")
#: To be closed at the end of each test.
OPENED: list[Any] = []


class Filed(Nest):
    """All that a vault in a file keeps of an account is the canary: in force, before, proposed and in vain."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        records, self.filed = self.vault.records.all(), self.opened()
        self.filed.put(*records)
        for name in ("password", "key"):
            for _ in range(2):
                self.filed.propose_secret("h01", name, CANARY)
                self.filed.promote_secret("h01", name, at=AT)
            self.filed.propose_secret("h01", name, CANARY)
            self.filed.discard_secret("h01", name)
            self.filed.propose_secret("h01", name, CANARY)
        self.slots = self.filed.slots
        for number, end in enumerate((self.slots.promote, self.slots.discard, self.slots.promote, None)):
            assert self.slots.propose("h02", {"password": Secret(CANARY)}, f"attempt-{number}", number)
            assert end is None or end("h02", f"attempt-{number}", number)
        self.sung.append(CANARY)
        self.vault = self.filed  # type: ignore[assignment]
        self.engine = self.enter()

    slots: FileSlots

    def opened(self, keyring: Keyring | None = None, **given: Any) -> SqliteVault:
        made = SqliteVault(self.place / "vault.db", keyring or Keyring({"one": KEY}, "one"), **given)
        OPENED.append(made)
        return made

    def changed(self, statement: str) -> None:
        """As somebody does who has the file."""
        made = sqlite3.connect(self.place / "vault.db")
        made.execute(statement)
        made.commit()
        made.close()


def read(place: Path) -> Nest:
    """A run reads it from there, and says it."""
    nest = Filed(place)
    nest.says(lambda run, song: Done({"said": song}), by_vault)
    nest.work()
    return nest


def filed(use: Callable[[Filed], object]) -> Way:
    def go(place: Path) -> Nest:
        nest = Filed(place)
        nest.attempt(lambda: use(nest))
        return nest

    return go


def unread(statement: str) -> Way:
    """What was moved or damaged does not open, for whomever."""

    def use(nest: Filed) -> None:
        nest.changed(statement)
        nest.says(lambda run, song: DONE, by_vault)
        nest.work()
        nest.attempt(lambda: nest.filed.secrets.values("h01", None))  # type: ignore[arg-type]
        nest.attempt(lambda: nest.filed.history("h01"))
        nest.attempt(lambda: nest.filed.change_secret("h01", "password", CANARY, at=AT))
        nest.attempt(lambda: nest.slots.adopt("h02", 9))
        nest.attempt(lambda: nest.slots.promote("h02", "attempt-3", 9))
        nest.attempt(nest.filed.reseal)
        assert len(nest.caught) >= 3

    return filed(use)


def locked(nest: Filed) -> None:
    late = nest.opened(timeout=0.01)
    with nest.filed.together():
        nest.attempt(lambda: late.change_secret("h01", "password", CANARY, at=AT))
        nest.attempt(lambda: late.propose_secret("h01", "password", CANARY))
        nest.attempt(lambda: late.propose_secret("h01", "password", Secret(CANARY)))
        nest.attempt(lambda: late.slots.propose("h02", {"password": Secret(CANARY)}, "attempt-4", 9))
    assert len(nest.caught) == 4


def no_secrets(nest: Filed) -> None:
    """What is none is held by no frame of who refuses it."""
    wrong: list[Callable[[], object]] = [
        lambda: nest.filed.change_secret("h01", "password", HALVED, at=AT),
        lambda: nest.filed.propose_secret("h01", "password", HALVED),
        lambda: nest.filed.change_secret("h01", "password", [CANARY], at=AT),  # type: ignore[arg-type]
        lambda: Secret(HALVED),
    ]
    for deed in wrong:
        nest.attempt(deed)
    assert len(nest.caught) == len(wrong)


def refused_candidates(nest: Filed) -> None:
    """They come too late, or are none, or lie where that of a job lies."""
    wrong: list[Callable[[], object]] = [
        lambda: nest.slots.propose("h02", {"password": Secret(CANARY)}, "attempt-4", 1),
        lambda: nest.slots.promote("h02", "attempt-3", 1),
        lambda: nest.slots.propose("h02", {"password": Secret(CANARY)}, "", 9),
        lambda: nest.filed.propose_secret("h02", "password", CANARY),
    ]
    for deed in wrong:
        nest.attempt(deed)
    assert len(nest.caught) == len(wrong)


def other_keys(nest: Filed) -> None:
    nest.filed.close()
    nest.attempt(lambda: nest.opened(Keyring({"other": KEY}, "other")))
    nest.attempt(lambda: nest.opened(Keyring({"one": KEY[::-1]}, "one")))
    nest.attempt(lambda: nest.filed.change_secret("h01", "password", CANARY, at=AT))
    assert len(nest.caught) == 3


def changed_keys(nest: Filed) -> None:
    nest.filed.close()
    newer = nest.opened(Keyring({"one": KEY, "two": KEY[::-1]}, "two"))
    assert newer.reseal() == 14


def wrong_keyrings(nest: Filed) -> None:
    ring = Keyring({"one": KEY}, "one")
    wrong: list[Callable[[], object]] = [
        lambda: Keyring({"one": KEY[:24]}, "one"),
        lambda: Keyring({"one": TEXT}, "one"),  # type: ignore[dict-item]
        lambda: Keyring({TEXT: KEY}, TEXT),
        lambda: Keyring({"one": KEY}, TEXT),
        lambda: Keyring({"one": KEY, "two": KEY}, "one"),
        lambda: ring.add("one", KEY),
        lambda: ring.add("two", KEY),
        lambda: ring.add("two", KEY[:24]),
        lambda: ring.retired("one"),
        lambda: ring.retired("two"),
        lambda: ring.open(ring.seal(CANARY.encode(), "here"), "there"),
        lambda: ring.open(Keyring({"two": KEY}, "two").seal(CANARY.encode(), "here"), "here"),
        lambda: ring.open(b"tks\x01" + bytes(40), "here"),
        lambda: ring.seal(CANARY.encode(), ""),
        lambda: ring.seal(CANARY, "here"),  # type: ignore[arg-type]
        lambda: ring.derived(""),
        lambda: pickle.dumps(ring),
        lambda: setattr(ring, "current", "two"),
    ]
    for make in wrong:
        nest.attempt(make)
    assert len(nest.caught) == len(wrong)


def files_of_keys(nest: Filed) -> None:
    """What is wrong with a file is told, and not what stands in it."""
    path = nest.place / "keys"
    lines = (f"one {TEXT}", f"{TEXT} one current", f"{TEXT} current", TEXT, f"one {TEXT[:-4]} current", f"one {KEY.hex()} current",
             f"one {TEXT} current\ntwo {TEXT}", f"one {TEXT} current\none {TEXT}", f"one {TEXT} {TEXT}")  # fmt: skip
    for line in lines:
        path.write_text(line)
        path.chmod(0o600)
        del line  # what the test itself holds is not looked for
        nest.attempt(lambda: Keyring.from_file(path))
    path.chmod(0o644)
    nest.attempt(lambda: Keyring.from_file(path))
    path.chmod(0o600)
    nest.attempt(lambda: Keyring({"one": KEY}, "one").write_file(path))
    nest.attempt(lambda: Keyring({"one": KEY}, "one").write_file(nest.place / "vault.db" / "keys"))
    path.unlink()  # what was in it belongs there
    assert len(nest.caught) == len(lines) + 3


SEALED: Mapping[str, Way] = {"a vault in a file": read}
UNSEALED: Mapping[str, Way] = {
    "a row that was moved": unread("UPDATE secrets SET name = name || '2'"),
    "a row in the place of another": unread("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'key')"),
    "a row that was damaged": unread("UPDATE secrets SET sealed = zeroblob(80)"),
    "a row whose key is missing": unread("UPDATE secrets SET sealed = replace(CAST(sealed AS BLOB), 'one', 'two')"),
    "a row that was given to another attempt": unread("UPDATE secrets SET attempt = 'attempt-9' WHERE attempt IS NOT NULL"),
    "candidates that are refused": filed(refused_candidates),
    "what is no secret of a vault": filed(no_secrets),
    "a vault that is locked": filed(locked),
    "a vault with other keys": filed(other_keys),
    "a vault with new keys": filed(changed_keys),
    "keyrings that are none": filed(wrong_keyrings),
    "files of keys that are none": filed(files_of_keys),
}
