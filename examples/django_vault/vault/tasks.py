"""The vault as taskkit sees it, and the engine over it. Nothing else in this project knows how the two meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache, wraps
from threading import Lock
from typing import ParamSpec, TypeVar

from django.apps import apps
from django.contrib.auth.models import User
from django.core.signals import request_started
from django.db import close_old_connections, connection
from django.db.models.signals import post_delete, post_migrate, post_save
from django.dispatch import receiver

import taskkit
from taskkit import (
    AfterCheckIn,
    AfterSave,
    CheckedIn,
    Duplicate,
    Engine,
    Happening,
    OfType,
    OnDemand,
    RecordChanged,
    RecordCreated,
    RecordRemoved,
    RecordSaved,
    RecordType,
    Selection,
    Task,
    of_type,
)
from taskkit.scripts import Commands, Step
from vault.models import Record

P = ParamSpec("P")
T = TypeVar("T")


def in_any_thread(look: Callable[P, T]) -> Callable[P, T]:
    """taskkit asks from threads of its own: what Django does at both ends of a request is done at both ends of a look."""

    @wraps(look)
    def looked(*args: P.args, **kwargs: P.kwargs) -> T:
        close_old_connections()
        try:
            return look(*args, **kwargs)
        finally:
            close_old_connections()  # in a transaction it closes nothing

    return looked


def seen(row: Record) -> taskkit.Record:
    reference = None if row.reference_id is None else str(row.reference_id)
    return taskkit.Record(str(row.pk), row.type, name=row.name, fields={"host": row.host, "user": row.user}, reference=reference)


class OurRecords(taskkit.Records):
    @in_any_thread
    def get(self, id: str) -> taskkit.Record | None:
        row = Record.objects.filter(pk=id).first() if id.isdecimal() else None
        return None if row is None else seen(row)

    @in_any_thread
    def all(self) -> Iterable[taskkit.Record]:
        return [seen(row) for row in Record.objects.order_by("pk")]

    def find(self, selection: Selection, viewer: str | None) -> Iterator[taskkit.Record]:
        """The commonest question is answered by the database; here everybody may see every record."""
        return iter(self._of_type(selection.type)) if isinstance(selection, OfType) else super().find(selection, viewer)

    @in_any_thread
    def _of_type(self, type: str) -> list[taskkit.Record]:
        return [seen(row) for row in Record.objects.filter(type=type).order_by("pk")]


class OurRights(taskkit.Rights):
    """Rights are Django's permissions, and groups are its groups."""

    @in_any_thread
    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        found = User.objects.filter(username=user).first()
        return user is None or (found is not None and found.has_perm(f"vault.{right}"))

    @in_any_thread
    def members(self, group: str) -> Iterable[str]:
        return [group, *User.objects.filter(groups__name=group).values_list("username", flat=True)]

    @in_any_thread
    def active(self, user: str) -> bool:
        return User.objects.filter(username=user, is_active=True).exists()


_opening = Lock()


def opened() -> Engine:
    """An engine over Django's own database. To open one takes a turn to write, which nobody gets within a transaction of one's own."""
    return Engine(taskkit.Vault(OurRecords(), rights=OurRights()), f"sqlite://{connection.settings_dict['NAME']}")


@cache
def _engine() -> Engine:
    return opened()


def engine() -> Engine:
    """One for each process, opened when it is first asked for: after every fork."""
    with _opening:
        return _engine()


@receiver(request_started)
def before_the_first_request(**_: object) -> None:
    """And so before any transaction."""
    engine()


@receiver(post_migrate, sender=apps.get_app_config("vault"))
def furnish(**_: object) -> None:
    """taskkit's tables come with Django's, and with them what it is to do; what is there already stays."""
    with opened() as made, suppress(Duplicate):
        made.define(RecordType("unix", executor="local"))
        made.define(Commands("greet", Step("echo Hello {user}", capture={"said": "(Hello .*)"})))
        made.put(Task("greet", "greet", [AfterSave(), AfterCheckIn(), OnDemand()]), list=of_type("unix"))


def leave() -> None:
    """Close it; whoever asks next opens another."""
    engine().close()
    _engine.cache_clear()


def tell(*happenings: Happening) -> None:
    """In the transaction in which it happens: taken in once that has landed, and never where it is rolled back."""
    engine().emit(*happenings, connection=connection)


def check_in(row: Record, approval: str) -> None:
    tell(CheckedIn(str(row.pk), approval=approval))


@receiver(post_save, sender=Record)
def saved(instance: Record, created: bool, **_: object) -> None:
    id = str(instance.pk)
    tell(*([RecordCreated(id)] if created else [RecordChanged(id), RecordSaved(id)]))


@receiver(post_delete, sender=Record)
def removed(instance: Record, **_: object) -> None:
    tell(RecordRemoved(str(instance.pk)))
