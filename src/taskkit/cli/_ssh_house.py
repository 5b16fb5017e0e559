"""The house in which passwords change over SSH: two machines that are played in this process, six accounts, a vault and a store in files.

No account of this machine is touched. All else is real: the connections, the time, and the processes that work.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pendulum
from attrs import frozen

from taskkit.engine import Engine, Settings
from taskkit.events.policies import OnDemand
from taskkit.jobs import Job
from taskkit.keyrings import Keyring
from taskkit.passwords import Passwords
from taskkit.records import Record, RecordType
from taskkit.scripts import PasswordReset
from taskkit.secrets import Secret
from taskkit.sqlite_vault import SqliteVault
from taskkit.tasks import Task, of_type
from taskkit.testing.machines import SshMachine

#: In seconds: so long a process that is gone keeps its job.
LEASE = 3
_PEOPLE, _SERVICES = ("ada", "ben", "cleo"), ("backup", "deploy", "mail")
_PASSWORDS = Passwords((18, 24))
_KEY = "demo"


@frozen
class Account:
    """One whose password changes: by itself in passwd's dialogue, or by root."""

    user: str
    machine: str
    by_root: bool

    @property
    def place(self) -> str:
        return f"{self.user} on {self.machine}"


ACCOUNTS = (*(Account(user, "north", by_root=False) for user in _PEOPLE), *(Account(user, "south", by_root=True) for user in _SERVICES))


def engine_of(folder: Path, key: Secret, points: Callable[[str, Job], None]) -> tuple[SqliteVault, Engine]:
    """What each process makes for itself, of the same files."""
    keyring = Keyring({_KEY: key}, _KEY)
    vault = SqliteVault(folder / "vault.db", keyring)
    store = f"sqlite:///{folder / 'jobs.db'}"
    return vault, Engine(vault, store, settings=Settings(lease=LEASE, workers=len(ACCOUNTS)), keyring=keyring, points=points)


class SshHouse:
    """Whoever sets `heard` is told each step of each job, from the thread that takes it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder, Keyring.new_key()
        self.heard: Callable[[str, Job], None] = lambda point, job: None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            first = {account.user: _PASSWORDS.draw(user=account.user) for account in ACCOUNTS}
            root = _PASSWORDS.draw(user="root")
            self.machines = {
                "north": stack.enter_context(SshMachine({user: first[user] for user in _PEOPLE}, shortest=8)),
                "south": stack.enter_context(SshMachine({"root": root, **{user: first[user] for user in _SERVICES}}, shortest=8)),
            }
            self.folder.mkdir(mode=0o700, parents=True)
            self.vault, self.engine = engine_of(self.folder, self.key, lambda point, job: self.heard(point, job))
            stack.callback(self.vault.close)
            stack.callback(self.engine.close)
            self._fill({**first, "root": root})
            self._tasks = self._set_up()
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _fill(self, passwords: dict[str, Secret]) -> None:
        for account in ACCOUNTS:
            kind = "service" if account.by_root else "person"
            self.vault.put(Record(account.user, kind, fields=self.machines[account.machine].fields(account.user)))
        self.vault.put(Record("root", "root", fields=self.machines["south"].fields("root")))
        for user, password in passwords.items():
            self.vault.change_secret(user, "password", password, at=pendulum.now())

    def _set_up(self) -> dict[bool, Task]:
        for name in ("person", "service", "root"):
            self.engine.define(RecordType(name, executor="ssh"))
        self.engine.define(PasswordReset("new password", passwords=_PASSWORDS))
        task = Task("new password", "new password", OnDemand())
        by_root = Task("new password by root", "new password", OnDemand(), shadow="root")
        put = self.engine.put
        return {False: put(task, list=of_type("person"), by="ann"), True: put(by_root, list=of_type("service"), by="ann")}

    def demand(self, account: Account) -> str:
        """The job of a new password."""
        return self.engine.demand(self._tasks[account.by_root].id, account.user, by="ann")

    # what is true of an account

    def machine(self, account: Account) -> SshMachine:
        return self.machines[account.machine]

    def kept(self, account: Account) -> dict[str, Secret]:
        """What lies in the slots of the vault."""
        values = self.vault.secrets.values(account.user, _Nobody())
        slots = {"current": values.current, "pending": values.pending, "previous": values.previous}
        return {name: found["password"] for name, found in slots.items() if "password" in found}

    def live(self, account: Account) -> str | None:
        """In which slot the password lies that the machine lets in with."""
        live = self.machine(account).password(account.user)
        return next((slot for slot, secret in self.kept(account).items() if secret.same_as(live)), None)


class _Nobody:
    viewer, token = None, 0
