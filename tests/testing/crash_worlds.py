"""Worlds for crash kits: every way in which a vault keeps candidates, every store, and accounts of a real sshd."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from attrs import frozen

from taskkit.keyrings import Keyring
from taskkit.outcomes import Done, NotDone, Outcome, Unknown
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import SecretChange, Verb
from taskkit.records import Accounts, Record
from taskkit.scripts import PasswordReset
from taskkit.secrets import Secret
from taskkit.sqlite_vault import SqliteVault
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing import CrashKit, MemoryVault, RotationWorld, VirtualClock, played_world
from tests.plugins.executors.ssh.changing import lets_in
from tests.servers.doors import Door

KEYS = Keyring({"one": bytes(range(32))}, "one")
Secrets = Mapping[str, Mapping[str, str]]


def without_slots(records: Iterable[Record], secrets: Secrets, clock: VirtualClock) -> MemoryVault:
    return MemoryVault(records, secrets, slots=False, clock=clock)


def in_files(clock: VirtualClock, *, shadow: bool = False) -> RotationWorld:
    """The vault and the store are SQLite's."""
    folder = tempfile.TemporaryDirectory(prefix="taskkit-crashes-")
    stores: list[SqliteStorage] = []

    def opened() -> SqliteStorage:
        stores.append(SqliteStorage(Path(folder.name) / "jobs.db"))
        return stores[-1]

    def kept(records: Iterable[Record], secrets: Secrets, clock: VirtualClock) -> SqliteVault:
        vaults.append(SqliteVault(Path(folder.name) / "vault.db", KEYS))
        vaults[0].put(*records)
        for account, named in secrets.items():
            for name, value in named.items():
                vaults[0].change_secret(account, name, value, at=clock.moment)
        return vaults[0]

    def close() -> None:
        for store in stores:
            store.close()
        vaults[0].close()
        folder.cleanup()

    vaults: list[SqliteVault] = []
    made = played_world(clock, vault=kept, handles=opened, shadow=shadow)
    return RotationWorld(made.executor, made.record, made.lets_in, made.vault, made.shadow, handles=opened, keyring=KEYS, close=close)


def itself(name: str = "rotate", **said: str) -> PasswordReset:
    return PasswordReset(name, through="itself", **said)  # type: ignore[arg-type]


KITS: Mapping[str, Callable[[], CrashKit]] = {
    "itself": lambda: CrashKit(played_world),
    "shadow": lambda: CrashKit(partial(played_world, shadow=True)),
    "shadow in need": lambda: CrashKit(partial(played_world, shadow=True), script=itself()),
    "sealed": lambda: CrashKit(partial(played_world, vault=without_slots, keyring=KEYS)),
    "sealed, shadow": lambda: CrashKit(partial(played_world, vault=without_slots, keyring=KEYS, shadow=True)),
    "referenced": lambda: CrashKit(partial(played_world, referenced=True)),
    "SQLite": lambda: CrashKit(in_files),
    "naive": lambda: CrashKit(played_world, script=Naive("naive")),
}


@frozen
class Naive(Script):
    """As one would write it who has never seen a process die: first the host, then the vault."""

    kind = "naive"
    needs = frozenset({Verb.PROBE, Verb.CHANGE_SECRET})
    changes_secret = True
    name: str

    def accounts(self, run: Run) -> Accounts:
        assert run.record
        return Accounts(writes={run.record.id})

    def perform(self, run: Run) -> Outcome:
        assert run.record
        login = run.login(run.record)
        new = run.keep(Secret(f"new {run.token}"))
        outcome: Done | NotDone | Unknown = run.change(SecretChange(login.user, new, login.secret), run.record)
        if isinstance(outcome, Done):
            run.vault.secrets.keep(run.record.id, {"password": new}, run.job.id, run.token)
        return outcome


def of_sshd(hostel: Door, clock: VirtualClock, *, shadow: bool = False) -> RotationWorld:
    """A new account of the machine, with its own password or through root's key."""
    account, server = hostel.account(), hostel
    fields = {"host": server.address, "port": str(server.port), "host_key": server.host_key}
    record = Record("guest", "ssh", fields={**fields, "user": account.name}, secret_fields={"password"})
    root = Record("root", "ssh", fields={**fields, "user": "root"}, secret_fields={"key"})
    secrets = {"guest": {"password": account.password.reveal()}, "root": {"key": server.key.reveal()}}
    vault = MemoryVault([record, root], secrets, clock=clock)
    return RotationWorld(Ssh(), record, lambda secret: lets_in(hostel, account.name, secret) is True, vault, root if shadow else None)
