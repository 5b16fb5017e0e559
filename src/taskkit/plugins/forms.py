"""Settings described as data, so that a product can build a form of them, and values made of what was filled in.

Executors, scripts, policies, exporters: whatever has settings has them as the fields of an attrs class. A field's `help` is in its
metadata: `field(default=60.0, metadata={"help": "How long one command may take, in seconds."})`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import attrs
from attrs import NOTHING, frozen

from taskkit.errors import InvalidValue
from taskkit.plugins._filling import converter_of, filled
from taskkit.plugins._shapes import ANYTHING, Shape, fields_of, said
from taskkit.plugins._troubles import Trouble

__all__ = ["Form", "Setting", "Shape", "Trouble", "fill", "form", "troubles"]
T = TypeVar("T")
Document = dict[str, Any]


@frozen
class Setting:
    """One field of a form."""

    name: str
    shape: Shape
    required: bool
    #: What holds where it is left out, as plain data; None also where that is not to be told, or depends on other fields.
    default: Any = None
    help: str = ""


@frozen
class Form:
    """What the settings of a kind are, in the order in which they are asked."""

    kind: str
    help: str
    settings: tuple[Setting, ...]
    made: type[Any]

    def document(self) -> Document:
        """What `json.dumps` takes."""
        return _document(self, frozenset({self.made}))


def form(cls: type[Any]) -> Form:
    """The form of an attrs class."""
    settings = tuple(_setting(attribute, shape) for attribute, shape in fields_of(cls))
    kind = getattr(cls, "kind", None)
    first = inspect.cleandoc(cls.__dict__.get("__doc__") or "").partition("\n")[0]
    return Form(kind if isinstance(kind, str) else cls.__name__, first, settings, cls)


def fill(cls: type[T], given: Mapping[str, Any]) -> T:
    """The value that was filled in; InvalidValue names the fields that do not fit."""
    value, found = filled(cls, given)
    if found:
        advice = next((trouble.help for trouble in found if trouble.help), "")
        raise InvalidValue(f"filling in {cls.__name__}", "; ".join(map(str, found)), advice)
    made: T = value
    return made


def troubles(cls: type[Any], given: Mapping[str, Any]) -> tuple[Trouble, ...]:
    """What keeps a form from being accepted, field by field; nothing where `fill` would make the value."""
    return filled(cls, given)[1]


def _setting(attribute: attrs.Attribute[Any], shape: Shape) -> Setting:
    required = attribute.default is NOTHING
    default = None if required else _plain(_default(attribute), shape)
    return Setting(attribute.alias or attribute.name, shape, required, default, str(attribute.metadata.get("help", "")))


def _default(attribute: attrs.Attribute[Any]) -> Any:
    """As the class keeps it: what is written as `default="6:00"` may be kept as a list."""
    default: Any = attribute.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # typed as a function, and is a class
        default = None if default.takes_self else default.factory()
    read = converter_of(attribute)
    return read(default) if read and default is not None else default


def _plain(value: Any, shape: Shape) -> Any:
    """As data for JSON; what stands in the place of a secret is not told, nor what only the product can make."""
    if shape.type == "secret":
        return None
    if isinstance(value, Enum):
        return said(value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    each = shape.of or ANYTHING
    if isinstance(value, Mapping):
        return {str(name): _plain(one, each) for name, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(one, each) for one in value), key=str)
    if isinstance(value, list | tuple):
        return [_plain(one, each) for one in value]
    return _plain_group(value) if attrs.has(type(value)) else None


def _plain_group(value: Any) -> Document | None:
    try:
        fields = fields_of(type(value))
    except InvalidValue:  # nobody can read which of its fields are secret
        return None
    return {attribute.alias or attribute.name: _plain(getattr(value, attribute.name), shape) for attribute, shape in fields}


def _document(described: Form, outer: frozenset[Any]) -> Document:
    settings = [
        {
            "name": setting.name,
            **_shape_document(setting.shape, outer),
            "required": setting.required,
            "default": setting.default,
            "help": setting.help,
        }
        for setting in described.settings
    ]
    return {"kind": described.kind, "help": described.help, "settings": settings}


def _shape_document(shape: Shape, outer: frozenset[Any]) -> Document:
    told: Document = {"type": shape.type, "empty": shape.empty}
    if shape.type == "choice":
        told["choices"] = [said for said, _ in shape.choices]
    elif shape.of:
        told["of"] = _shape_document(shape.of, outer)
    elif shape.type == "group":
        again = shape.made in outer  # a class that holds values of itself: its form is the one around it
        told["form"] = shape.made.__name__ if again else _document(form(shape.made), outer | {shape.made})
    return told
