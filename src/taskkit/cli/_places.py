"""Where to look: the engine that a product makes, as `module:name`, or a store by its URL, of which no vault is here to be asked."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from taskkit.cli._stores import opened
from taskkit.engine import Engine
from taskkit.errors import InvalidValue
from taskkit.storage import Storage

_STORE = re.compile(r"(memory|sqlite|postgresql):|\w[\w+.-]*://")
_ENGINE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_place(text: str) -> bool:
    """Whether it is where jobs are, and no rule."""
    return _STORE.match(text) is not None or _ENGINE.fullmatch(text) is not None


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
    """The engine of this name in a module; the folder where the command is typed is looked into, too."""
    tried, (module, _, name) = f"taking the engine from {place!r}", place.partition(":")
    if not (module and name):
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
    if not isinstance(found, Engine):
        raise InvalidValue(tried, f"{name!r} is no engine there", "name one that stands in the module")
    return found
