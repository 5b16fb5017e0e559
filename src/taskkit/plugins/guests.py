"""What taskkit itself offers, through the same door as everybody: this module is a plug-in.

Each hook imports when it is asked, so that nothing is loaded which a product does not use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskkit.errors import MissingPlugin
from taskkit.plugins.specs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskkit.events.policies import Policy
    from taskkit.plugins.kinds import Executor, Exporter, Notifier, Script
    from taskkit.plugins.storages import StorageKind
    from taskkit.storage import Storage


@hookimpl
def taskkit_executors() -> Iterable[Executor]:
    from taskkit.plugins.executors.local import Local

    return [Local(), *_ssh()]


def _ssh() -> Iterable[Executor]:
    """Where its extra is installed: a record type that names it without is told so."""
    try:
        from taskkit.plugins.executors.ssh import Ssh
    except ModuleNotFoundError as error:
        if error.name != "paramiko":
            raise
        return
    yield Ssh()


@hookimpl
def taskkit_scripts() -> Iterable[type[Script]]:
    from taskkit.scripts.check_status import CheckStatus
    from taskkit.scripts.commands import Commands
    from taskkit.scripts.dialogue import Dialogue
    from taskkit.scripts.password_reset import PasswordReset

    return [Commands, CheckStatus, Dialogue, PasswordReset]


@hookimpl
def taskkit_policies() -> Iterable[type[Policy]]:
    from taskkit.events.policies import POLICIES

    return POLICIES


@hookimpl
def taskkit_exporters() -> Iterable[Exporter]:
    from taskkit.plugins.exporters.json_lines import JsonLines

    return [JsonLines()]


@hookimpl
def taskkit_notifiers() -> Iterable[Notifier]:
    from taskkit.plugins.notifiers.inbox import Inbox

    return [Inbox()]


@hookimpl
def taskkit_storages() -> Iterable[StorageKind]:
    from taskkit.plugins.storages import StorageKind

    return [StorageKind("memory", _open_memory), StorageKind("sqlite", _open_sqlite), StorageKind("postgresql", _open_postgresql)]


def _open_memory(url: str) -> Storage:
    from taskkit.storage.memory import MemoryStorage

    return MemoryStorage()


def _open_sqlite(url: str) -> Storage:
    from taskkit.storage.sqlite import SqliteStorage

    return SqliteStorage.at(url)


def _open_postgresql(url: str) -> Storage:
    try:
        from taskkit.storage.postgresql import PostgresStorage
    except ImportError as error:
        tried = "opening a storage by a URL that begins with 'postgresql'"
        raise MissingPlugin(tried, f"there is no {error.name}", "install taskkit with its extra 'postgresql'") from None
    return PostgresStorage.at(url)
