"""Rules and windows as JSON documents and back: the form in which they are stored and sent.

A document names its kind and says what differs from the defaults, so it stays as small as the rule and readable for years.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from taskkit.errors import InvalidValue, UnreadableDocument
from taskkit.events._fields import Weekday
from taskkit.events.clocks import Daily, Monthly, Once, Weekly
from taskkit.events.elapsed import Hourly, Minutely
from taskkit.events.intervals import Interval
from taskkit.events.open_times import OpenTime
from taskkit.events.remembering import MaxAge, RandomDays
from taskkit.events.unions import AnyOf
from taskkit.events.windows import TimeWindow, Window

if TYPE_CHECKING:
    from cattrs import Converter

Document = dict[str, Any]
KINDS: dict[str, type[Interval | Window]] = {
    made.kind: made for made in (Minutely, Hourly, Daily, Weekly, Monthly, Once, RandomDays, MaxAge, AnyOf, TimeWindow, OpenTime)
}


def to_document(value: Interval | Window) -> Document:
    """What `json.dumps` takes."""
    if type(value) not in KINDS.values():
        tried = f"writing a {type(value).__name__} as a document"
        raise InvalidValue(tried, "its kind is not known here", f"known are {', '.join(KINDS)}")
    document: Document = _converter().unstructure(value)
    return document


def from_document(document: Mapping[str, Any]) -> Interval | Window:
    """The value of a document; UnreadableDocument says what is wrong with it."""
    if not isinstance(document, Mapping):
        raise UnreadableDocument("reading a rule", f"it is no object but a {type(document).__name__}", "give an object with 'kind'")
    kind = document.get("kind")
    made = KINDS.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise UnreadableDocument(f"reading a rule of kind {kind!r}", "there is no such kind", f"known are {', '.join(KINDS)}")
    known = {field.name for field in attrs.fields(made) if field.init}
    strange = document.keys() - known - {"kind"}
    if strange:
        raise UnreadableDocument(
            f"reading a rule of kind {kind!r}", f"it has no {', '.join(sorted(map(str, strange)))}", f"it takes {', '.join(sorted(known))}"
        )
    try:
        return _make(made, {name: value for name, value in document.items() if name != "kind"})
    except UnreadableDocument:
        raise
    except InvalidValue as error:
        raise UnreadableDocument(f"reading a rule of kind {kind!r}: {error.tried}", error.case, error.help) from error
    except TypeError as error:
        raise UnreadableDocument(f"reading a rule of kind {kind!r}", str(error), f"it takes {', '.join(sorted(known))}") from error


def _make(made: type[Interval | Window], said: dict[str, Any]) -> Interval | Window:
    build: Callable[..., Interval | Window] = made
    if made is AnyOf:
        return build(*_several("members", said))
    if made is OpenTime:
        window = said.get("window")
        return build(None if window is None else from_document(window), _several("blackouts", said))
    return build(**said)


def _several(name: str, said: dict[str, Any]) -> list[Interval | Window]:
    several = said.get(name, [])
    if not isinstance(several, list | tuple):
        raise UnreadableDocument(f"reading {name}", f"it is no list but a {type(several).__name__}", "give a list of objects")
    return [from_document(one) for one in several]


@cache
def _converter() -> Converter:
    from cattrs import Converter
    from cattrs.gen import make_dict_unstructure_fn

    converter = Converter()
    converter.register_unstructure_hook(Weekday, lambda day: day.name.lower())

    def write(made: type[Any]) -> Callable[[Any], Document]:
        fields = make_dict_unstructure_fn(made, converter, _cattrs_omit_if_default=True)
        return lambda value: {"kind": made.kind, **fields(value)}

    converter.register_unstructure_hook(Interval, to_document)  # members are written by what they are
    for made in KINDS.values():
        converter.register_unstructure_hook(made, write(made))
    return converter
