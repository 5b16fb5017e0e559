"""The canary goes in by every way that a product or plug-in has, and is found nowhere in what taskkit keeps, shows or says (S1).

Every new path that a secret takes gets its line among the ways. The same ways with the scrubber taken out show that each really
carries the secret, and that the search would find it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from taskkit.engine import _border, _seals
from taskkit.errors import VaultAway
from taskkit.keyrings import Keyring
from taskkit.scrubbing import REPLACED, Scrubber
from tests.canary.hosts import PARROTS, REAL, REFUSED, SILENT
from tests.canary.keepings import KEPT, UNKEPT
from tests.canary.machines import DROPPED, ECHOED
from tests.canary.nests import CANARY, OPEN, TRACES, Nest
from tests.canary.says import SAYS, UNSAID, Way
from tests.canary.sealed import SEALED, UNSEALED
from tests.canary.searches import Ear, Heard, places
from tests.canary.strangers import STRANGERS, TOLD
from tests.canary.vaults import AWAY, REASONED, SWALLOWED, VAULTS

TELLING: Mapping[str, Way] = {
    **SAYS,
    **{name: way for name, way in PARROTS.items() if name not in SILENT},
    **TOLD,
    **REAL,
    **ECHOED,
    **SEALED,
    **KEPT,
}
QUIET: Mapping[str, Way] = {
    **{name: way for name, way in PARROTS.items() if name in SILENT},
    **REFUSED,
    **DROPPED,
    **UNSAID,
    **STRANGERS,
    **VAULTS,
    **AWAY,
    **REASONED,
    **UNSEALED,
    **UNKEPT,
}


def gone(way: Way, ear: Ear) -> Heard:
    with ear.listening():
        nest = way(ear.place)
    assert has_carried(nest)
    return ear.heard(nest)


def has_carried(nest: Nest) -> bool:
    """What went through a real command is known by what stands in its place."""
    return CANARY in nest.sung or any(REPLACED in said for said in nest.sung)


@pytest.mark.parametrize("way", TELLING.values(), ids=TELLING)
def test_s01_what_is_said_is_told_without_the_secret(way: Way, ear: Ear) -> None:
    heard = gone(way, ear)
    assert places(heard, OPEN)
    assert places(heard, *TRACES) == {}


@pytest.mark.parametrize("way", QUIET.values(), ids=QUIET)
def test_s01_of_what_is_raised_elsewhere_the_type_alone_is_told(way: Way, ear: Ear) -> None:
    assert places(gone(way, ear), OPEN, *TRACES) == {}


# that these ways carry it, and that it would be found


@pytest.mark.tells
@pytest.mark.parametrize("way", TELLING.values(), ids=TELLING)
def test_each_way_is_found_where_nothing_is_scrubbed(way: Way, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scrubber, "add", lambda scrubber, secret: None)
    with ear.listening():
        nest = way(ear.place)
    assert places(ear.heard(nest), *TRACES)


FOUND = {name: way for name, way in {**VAULTS, **AWAY}.items() if not any(use in name for use in SWALLOWED)}


@pytest.mark.tells
@pytest.mark.parametrize("way", FOUND.values(), ids=FOUND)
def test_each_error_of_a_vault_is_found_where_its_text_is_told(way: Way, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_border, "_away", lambda tried, error: VaultAway(tried, str(error)))
    monkeypatch.setattr(Scrubber, "add", lambda scrubber, secret: None)
    assert places(gone(way, ear), *TRACES)


SEALINGS = {
    name: way
    for name, way in {**SEALED, **UNSEALED, **KEPT, **UNKEPT}.items()
    if name in ("a vault in a file", "a vault with new keys", *KEPT, "a secret of its own", "a secret of its own with new keys")
}


@pytest.mark.tells
@pytest.mark.parametrize("way", SEALINGS.values(), ids=SEALINGS)
def test_each_value_that_lies_in_a_file_is_found_where_nothing_is_sealed(way: Way, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    def seal(keyring: Keyring, plain: bytes, place: str) -> bytes:
        return b"tks\x01\x03" + keyring.current.encode() + bytes(12) + plain.ljust(16)

    monkeypatch.setattr(Keyring, "seal", seal)

    def encode(raw: bytes) -> bytes:
        return raw.decode("latin-1").encode()

    monkeypatch.setattr(Keyring, "open", lambda keyring, sealed, place: sealed[20:].rstrip())
    monkeypatch.setattr(_seals, "base64", SimpleNamespace(b64encode=encode, b64decode=lambda text, validate: text.encode("latin-1")))
    assert {place for place in places(gone(way, ear), *TRACES) if place.startswith("file")}
