"""Where plug-ins come from: our own guests, those that the product hands in, and entry points of what is installed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version

from attrs import field, frozen

from taskkit.errors import InvalidValue

GROUP = "taskkit"
GUESTS = "taskkit.plugins.guests"


@frozen
class Source:
    """One plug-in before it is loaded, and who answers for it."""

    name: str
    load: Callable[[], object] = field(repr=False, eq=False)
    distribution: str | None = None
    version: str | None = None
    #: Handed in, or wanted by its name: it is never left out.
    asked: bool = True

    def __str__(self) -> str:
        return who(self.name, self.distribution, self.version)


def who(plugin: str, distribution: str | None, version: str | None) -> str:
    """A plug-in, as errors name it."""
    of = f" of {distribution} {version or ''}".rstrip() if distribution else ""
    return f"plug-in {plugin!r}{of}"


def own_version() -> str | None:
    """None where taskkit runs from a copy that nobody installed."""
    try:
        return version(GROUP)
    except PackageNotFoundError:
        return None


def guests() -> Source:
    """Our own plug-ins, through the same door."""
    return Source("taskkit", lambda: import_module(GUESTS), "taskkit", own_version())


def given(plugins: Iterable[object]) -> Iterator[Source]:
    """Modules and objects; `(name, plug-in)` where two would have one name."""
    if isinstance(plugins, str) or not isinstance(plugins, Iterable):
        raise InvalidValue(
            "Plugins(…)", f"a {type(plugins).__name__} is no list of plug-ins", "hand in a list of them: Plugins([my_plugin])"
        )
    for plugin in plugins:
        match plugin:
            case ("", _):
                raise InvalidValue("Plugins([('', …)])", "a plug-in has no name", "hand in (name, plug-in)")
            case (str(name), handed):
                yield _handed(name, handed)
            case _:
                yield _handed(_name_of(plugin), plugin)


def _handed(name: str, plugin: object) -> Source:
    return Source(name, lambda: plugin)


def _name_of(plugin: object) -> str:
    if plugin is None or isinstance(plugin, str):
        raise InvalidValue(f"Plugins([{plugin!r}])", "it is no plug-in", "hand in a module, an object or (name, plug-in)")
    named = plugin if inspect.ismodule(plugin) or isinstance(plugin, type) else type(plugin)
    return named.__name__ if inspect.ismodule(named) else f"{named.__module__}.{named.__qualname__}"


def discovered(wanted: Collection[str] | None) -> list[Source]:
    """What is installed, in the order of names; those that are wanted, or else all."""
    found = [_entry(entry, wanted is not None) for entry in entry_points(group=GROUP) if wanted is None or entry.name in wanted]
    return sorted(found, key=lambda source: (source.name, source.distribution or ""))


def _entry(entry: EntryPoint, asked: bool) -> Source:
    return Source(entry.name, entry.load, _metadata(entry, "Name"), _metadata(entry, "Version"), asked)


def _metadata(entry: EntryPoint, key: str) -> str | None:
    """What a distribution says of itself; half removed ones say nothing."""
    metadata = entry.dist.metadata if entry.dist else None
    return metadata[key] if metadata and key in metadata else None
