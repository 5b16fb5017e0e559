"""Worlds in which passwords are rotated: an account on a host, where its secrets are kept, and a way to ask what lets in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import field, frozen

from taskkit.keyrings import Keyring
from taskkit.plugins.kinds import Executor
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.storage import Storage
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.executors import FakeExecutor
from taskkit.testing.vaults import MemoryVault
from taskkit.vaults import Vault


def _nothing() -> None:
    """There is nothing to tidy up."""


@frozen
class RotationWorld:
    """One account, made for one rotation: `lets_in` asks the host itself, past everything that is tested."""

    executor: Executor
    #: What the rotation is about; another one's account, where it refers to that.
    record: Record
    lets_in: Callable[[Secret], bool]
    vault: Vault
    shadow: Record | None = None
    #: What record types say of the executor.
    settings: Mapping[str, Any] = field(factory=dict)
    #: Opens a new handle on the one store, as each process does; without it the store is in memory.
    handles: Callable[[], Storage] | None = None
    keyring: Keyring | None = None
    close: Callable[[], object] = _nothing


#: What a crash kit is made of: each play has a world of its own.
World = Callable[[VirtualClock], RotationWorld]

_OPS = Record("ops", "played", fields={"host": "box", "user": "ops"}, secret_fields={"password"})
_ROOT = Record("root", "played", fields={"host": "box", "user": "root"}, secret_fields={"password"})
_OTHER = Record("ops-too", "played", fields={"host": "box", "user": "ops"}, reference="ops")
_SECRETS = {"ops": {"password": "old-secret"}, "root": {"password": "root-secret"}}


def played_world(
    clock: VirtualClock,
    *,
    shadow: bool = False,
    referenced: bool = False,
    vault: Callable[[Iterable[Record], Mapping[str, Mapping[str, str]], VirtualClock], Vault] | None = None,
    handles: Callable[[], Storage] | None = None,
    keyring: Keyring | None = None,
) -> RotationWorld:
    """The account `ops` of a played host; with a `shadow` account, or about a record that refers to it."""
    box = FakeExecutor(clock=clock)
    box.guard("box", "ops", "old-secret")
    box.guard("box", "root", "root-secret", root=True)
    records = (_OPS, _ROOT, _OTHER)
    kept = vault(records, _SECRETS, clock) if vault is not None else MemoryVault(records, _SECRETS, clock=clock)

    def lets_in(secret: Secret) -> bool:
        found = box.secret("box", "ops")
        return found is not None and found.same_as(secret)

    about, root = _OTHER if referenced else _OPS, _ROOT if shadow else None
    return RotationWorld(box, about, lets_in, kept, root, handles=handles, keyring=keyring)
