"""Happenings as texts and back: the form in which they wait in a file or a database until an engine takes them in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
from attrs import frozen

from taskkit.errors import InvalidValue, TaskkitError
from taskkit.events.happenings import HAPPENINGS, Happening

Kinds = Mapping[str, type[Happening]]


@frozen
class UnreadHappening:
    """In the place of one that this process cannot read: an engine tells of it and passes it by."""

    number: int


def kinds_of(further: Iterable[type[Happening]]) -> Kinds:
    """Those of taskkit, and these; InvalidValue for what is no happening, or is of a kind that another class has."""
    kinds = {made.kind: made for made in HAPPENINGS}
    for made in further:
        tried = f"happenings=[{made.__name__ if isinstance(made, type) else type(made).__name__}]"
        if not (isinstance(made, type) and issubclass(made, Happening)):
            raise InvalidValue(tried, "it is no class of happenings", "give classes that inherit from taskkit.events.happenings.Happening")
        if not isinstance(kind := getattr(made, "kind", None), str):
            raise InvalidValue(tried, "it has no kind", "give the class a word of its own: kind = 'moved'")
        if (other := kinds.setdefault(kind, made)) is not made:
            raise InvalidValue(tried, f"its kind {kind!r} is that of {other.__name__}", "give the class a word of its own")
    return kinds


def all_kinds() -> Kinds:
    """Those of taskkit, and all that this process has imported."""
    return {made.kind: made for made in (*_below(Happening), *HAPPENINGS) if hasattr(made, "kind")}


def _below(made: type[Happening]) -> Iterable[type[Happening]]:
    for one in made.__subclasses__():
        yield from (*_below(one), one)


def written(happening: object, kinds: Kinds, instead: str) -> str:
    """`instead` says what helps where its kind is not known."""
    made = type(happening)
    if not isinstance(happening, Happening) or kinds.get(happening.kind) is not made:
        raise InvalidValue(f"telling a {made.__name__}", "its kind is not known here", instead)
    said = {one.alias: (getattr(happening, one.name), one.default) for one in attrs.fields(made) if one.init}
    body = {name: value for name, (value, default) in said.items() if value != default}
    if happening.at is not None:
        body["at"] = _in_utc(happening.at).isoformat()
    try:
        return json.dumps({"kind": made.kind, **body})
    except (TypeError, ValueError) as error:
        case = f"it holds what no document can: {type(error).__name__}"
    raise InvalidValue(f"telling a {made.__name__}", case, "its fields are texts, numbers and lists of them")


def _in_utc(moment: datetime) -> datetime:
    """As it is, where UTC has another year already, which the calendar has not."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return moment


def read(number: int, text: str, kinds: Kinds) -> Happening | UnreadHappening:
    body: dict[str, Any] = json.loads(text)
    made = kinds.get(body.pop("kind"))
    if made is None:
        return UnreadHappening(number)
    try:
        return made(**body | ({"at": datetime.fromisoformat(body["at"])} if "at" in body else {}))
    except (TaskkitError, TypeError, ValueError):  # written by another version; that it is told must not hold up all that come after it
        return UnreadHappening(number)
