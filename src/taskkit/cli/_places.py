"""Where to look: the engine that a product makes, as `module:name`, or a store by its URL, of which no vault is here to be asked."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType

from taskkit.cli._stores import opened, without_urls
from taskkit.engine import Engine
from taskkit.errors import InvalidValue
from taskkit.storage import Storage
from taskkit.tasks import of_record

_STORE = re.compile(r"(?i:memory|sqlite|postgresql):|\w[\w+.-]*://")
_ENGINE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_engine(text: str) -> bool:
    return _ENGINE.fullmatch(text) is not None


def is_place(text: str) -> bool:
    """Whether it is where jobs are, and no rule."""
    return _STORE.match(text) is not None or is_engine(text)


@contextmanager
def storage_at(place: str) -> Iterator[Storage]:
    if _STORE.match(place) is None:
        yield engine_at(place).storage
        return
    storage = opened(place)
    try:
        yield storage
    finally:
        storage.close()


@contextmanager
def looking_at(place: str, *, strict: bool) -> Iterator[Engine]:
    """What can be asked. Over a store alone a `strict` one says what it cannot know; another one says what it takes for true."""
    if _STORE.match(place) is None:
        yield engine_at(place)
        return
    from taskkit.insight._onlookers import Onlooker

    with storage_at(place) as storage:
        yield Onlooker(storage, strict=strict)


def engine_at(place: str) -> Engine:
    """The engine of this name in a module, or what makes one; the folder where the command is typed is looked into, too."""
    tried, (module, _, name) = f"taking the engine from {without_urls(place)!r}", place.partition(":")
    if not _ENGINE.fullmatch(place):
        raise InvalidValue(tried, "it names no engine", "give module:name, as in app:engine, or the URL of a store")
    sys.path.insert(0, "")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):  # what the module itself lacks
            raise
        raise InvalidValue(tried, f"there is no module {error.name!r}", "type the command where it can be imported") from None
    finally:
        sys.path.remove("")
    if isinstance(found, FunctionType) and not _needs_nothing(found):
        raise InvalidValue(tried, f"{name!r} wants to be given something", "name a function that makes one out of nothing")
    made = found() if isinstance(found, FunctionType) else found
    if not isinstance(made, Engine):
        case = f"{name!r} makes a {type(made).__name__}" if made is not found else f"{name!r} is no engine there"
        raise InvalidValue(tried, case, "name one that stands in the module, or a function that makes one out of nothing")
    return made


def _needs_nothing(function: FunctionType) -> bool:
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    return True


def task_at(engine: Engine, text: str, record: str | None) -> str:
    """A task by its name is one of the record's own where it has some; anything else is an id, also of a task that was removed."""
    tasks = engine.tasks()
    if any(task.id == text for task in tasks):
        return text
    named = [task for task in tasks if task.name == text]
    found = [task for task in named if record is not None and task.list == of_record(record)] or named
    if len(found) > 1:
        raise InvalidValue(f"looking for the task {text!r}", f"there are several: {', '.join(task.id for task in found)}", "give an id")
    return found[0].id if found else text
