"""What keeps a form from being accepted, told with the place where it stands: the errors of cattrs and of classes, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import attrs
from attrs import frozen

from taskkit.errors import TaskkitError
from taskkit.scrubbing import Scrubber, told


@frozen
class Trouble:
    """What keeps one field from being filled; `field` is its place, such as `commands[0].timeout`."""

    field: str
    case: str
    help: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.case}" if self.field else self.case


class Unfit(Exception):
    """What was given does not fit the shape, with what would help; the class itself has not been asked."""


def troubles_of(error: BaseException, place: str) -> Iterator[Trouble]:
    from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

    if isinstance(error, ClassValidationError):
        noted, bare = error.group_exceptions()
        for inner, note in noted:
            yield from _of_field(inner, _inside(place, _said(error.cl, note.name)))
        for inner in bare:
            yield from troubles_of(inner, place)
    elif isinstance(error, IterableValidationError):
        for inner, at in error.group_exceptions()[0]:
            yield from troubles_of(inner, f"{place}[{at.index!r}]")
    elif isinstance(error, ForbiddenExtraKeysError):
        yield from (_unknown(error.cl, str(name), place) for name in sorted(map(str, error.extra_fields)))
    else:
        yield _trouble(error, place)


def _of_field(error: Exception, place: str) -> Iterator[Trouble]:
    if isinstance(error, KeyError):  # of cattrs: nothing else raises one here
        yield Trouble(place, "it is missing", "give it")
    else:
        yield from troubles_of(error, place)


def _unknown(made: type[Any], name: str, place: str) -> Trouble:
    known = [attribute.alias or attribute.name for attribute in attrs.fields(made) if attribute.init]
    near = get_close_matches(name, known, 1)
    others = f"there are {', '.join(known)}" if known else f"{made.__name__} takes nothing"
    return Trouble(_inside(place, name), "there is no such field", f"did you mean {near[0]!r}?" if near else others)


def _trouble(error: BaseException, place: str) -> Trouble:
    if isinstance(error, Unfit):
        return Trouble(place, *error.args)
    if isinstance(error, TaskkitError):
        return Trouble(place, f"{error.tried}: {error.case}", error.help)
    # Validators of attrs add field and value to their text: the text alone is for people.
    text = error.args[0] if len(error.args) > 1 and isinstance(error.args[0], str) else told(error, Scrubber())
    return Trouble(place, text)


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _said(made: type[Any], name: str) -> str:
    """The name by which a field is given: without the underscore that it may wear inside."""
    attribute: attrs.Attribute[Any] = attrs.fields_dict(made)[name]
    return attribute.alias or name
