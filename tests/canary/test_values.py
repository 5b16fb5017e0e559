"""Values that hold a secret show nothing of it, however they are shown, and are never written down (S1)."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict

from taskkit.errors import InvalidValue
from taskkit.keyrings import Keyring
from taskkit.plugins.verbs import Command, Host, Login
from taskkit.records import Record
from taskkit.scrubbing import Scrubber
from taskkit.secrets import Secret
from taskkit.sqlite_vault import Former, SqliteVault
from taskkit.testing import MemoryVault
from taskkit.vaults import Slot, Values
from tests.canary.nests import CANARY, TRACES
from tests.canary.sealed import AT, KEY, OPENED


def kept() -> MemoryVault:
    """All that it keeps: in force, before, discarded and proposed."""
    made = MemoryVault([Record("h01", "unix")], {"h01": {"password": CANARY}})
    assert made.slots is not None
    for number, end in enumerate((made.slots.promote, made.slots.discard, None)):
        assert made.slots.propose("h01", {"password": Secret(CANARY)}, f"attempt-{number}", number)
        assert end is None or end("h01", f"attempt-{number}", number)
    return made


def filed() -> SqliteVault:
    """In a folder of its own, as the tests of values have none."""
    made = SqliteVault(Path(tempfile.mkdtemp()) / "vault.db", Keyring({"one": KEY}, "one"))
    OPENED.append(made)
    made.change_secret("h01", "password", CANARY, at=AT)
    assert made.slots.propose("h01", {"password": Secret(CANARY)}, "attempt-1", 1)
    return made


VALUES: Mapping[str, Callable[[], Any]] = {
    "a secret": lambda: Secret(CANARY),
    "a login": lambda: Login(Record("h01", "unix"), "root", Secret(CANARY), Secret(CANARY)),
    "a command": lambda: Command("cat", stdin=("user:", Secret(CANARY))),
    "an account's values": lambda: Values({"password": Secret(CANARY)}, {"password": Secret(CANARY)}, {"key": Secret(CANARY)}),
    "a scrubber": lambda: Scrubber(Secret(CANARY)),
    "a vault": lambda: MemoryVault([Record("h01", "unix")], {"h01": {"password": CANARY}}),
    "a vault with candidates": kept,
    "a candidate": lambda: Slot("attempt-1", {"password": Secret(CANARY)}),
    "what was in force before": lambda: kept().former("h01"),
    "a keyring": lambda: Keyring({"one": KEY}, "one"),
    "a former secret": lambda: Former("password", Secret(CANARY)),
    "a vault in a file": filed,
    "several": lambda: [Host("host01", settings={"key": Secret(CANARY)}), {"a": (Secret(CANARY),)}],
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


SHOWS: Mapping[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda value: f"{value}",
    "percent": lambda value: f"{value!s} {value!r} {value!a}",
    "pprint": pprint.pformat,
    "json": lambda value: json.dumps(value, default=repr),
    "its fields": lambda value: repr(asdict(value)) if hasattr(value, "__attrs_attrs__") else repr(getattr(value, "__dict__", "")),
    "an error": lambda value: repr(ValueError(value)),
}


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("show", SHOWS.values(), ids=SHOWS)
def test_s01_what_holds_a_secret_does_not_show_it(make: Callable[[], Any], show: Callable[[Any], str]) -> None:
    shown = show(make())
    assert not [trace for trace in TRACES if trace in shown]


@pytest.mark.parametrize("name", [name for name in VALUES if name != "a scrubber"])
def test_s01_a_copy_shows_no_more_than_the_value(name: str) -> None:
    shown = repr(copy.copy(VALUES[name]()))
    assert not [trace for trace in TRACES if trace in shown]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_s01_a_scrubber_is_not_copied(copied: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as caught:
        copied(Scrubber(Secret(CANARY)))
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_s01_what_holds_a_secret_is_never_pickled(make: Callable[[], Any], protocol: int) -> None:
    with pytest.raises(TypeError) as caught:
        pickle.dumps(make(), protocol)
    assert CANARY not in str(caught.value)


BY_NAME = [Values, lambda given: Slot("attempt-1", given), lambda given: Login(Record("h01", "unix"), secrets=given)]


@pytest.mark.parametrize("make", BY_NAME)
def test_s01_a_secret_in_the_place_of_secrets_by_name_is_not_in_the_refusal(make: Callable[[Any], object]) -> None:
    with pytest.raises(InvalidValue) as caught:
        make(CANARY)
    assert not [trace for trace in TRACES if trace in f"{caught.value} {caught.value!r} {vars(caught.value)}"]
