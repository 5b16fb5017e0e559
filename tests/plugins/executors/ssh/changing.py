"""Ways to change the passwords of a private machine's accounts, and to look what it lets in afterwards."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from taskkit.outcomes import Done, NotDone, Unknown
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.verbs import Host, Login, SecretChange
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.testing.trials import Trial
from tests.servers.doors import Account, Door

NEW = Secret("Brand-new-Horse-battery-1")
WRONG = Secret("no-such-password-anywhere")


@frozen
class Changed:
    """What was answered, and the run that was told."""

    outcome: Done | NotDone | Unknown
    trial: Trial

    @property
    def told(self) -> tuple[str, str | None, str | None]:
        """What, of which class, by which rule."""
        return type(self.outcome).__name__, getattr(self.outcome, "error", None), self.outcome.result.get("refusal")

    @property
    def text(self) -> str:
        return "" if isinstance(self.outcome, Done) else self.outcome.text


def record(hostel: Door) -> Record:
    return Record("db-1", "trial", fields={"host_key": hostel.host_key})


def root(hostel: Door, user: str = "root") -> Login:
    """Let in by the server's key."""
    return Login(record(hostel), user, key=hostel.key)


def itself(hostel: Door, account: Account) -> Login:
    return Login(record(hostel), account.name, account.password)


def change(
    hostel: Door,
    login: Login,
    user: str,
    new: Secret = NEW,
    *,
    old: Secret | None = None,
    port: int | None = None,
    secrets: dict[str, Secret] | None = None,
    **settings: Any,
) -> Changed:
    """`secrets` are those of the log-in's account in the vault."""
    executor, kept = Ssh(), {name: secret.reveal() for name, secret in (secrets or {}).items()}
    trial = Trial(executor=executor, record=login.record, secrets={login.record.id: kept})
    host = Host(hostel.address, port or hostel.port, settings)
    with trial.run() as run:
        return Changed(executor.change(host, login, SecretChange(user, new, old), run), trial)


def changed_itself(hostel: Door, account: Account, new: Secret = NEW, **given: Any) -> Changed:
    return change(hostel, itself(hostel, account), account.name, new, **given)


def lets_in(hostel: Door, user: str, secret: Secret) -> bool | str | None:
    """True, or the class of what the machine says."""
    executor = Ssh()
    with Trial(executor=executor, record=record(hostel)).run() as run:
        found = executor.probe(Host(hostel.address, hostel.port, {}), Login(record(hostel), user, secret, by_secret=True), run)
    return found.works or found.error
