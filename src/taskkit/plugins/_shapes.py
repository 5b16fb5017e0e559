"""What a field of settings looks like to somebody who fills it in: the types of Python, in a dozen words."""

from __future__ import annotations

import inspect
import math
import sys
import types
from collections.abc import Collection, Mapping, Set
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import evolve, field, frozen

from taskkit.errors import InvalidValue
from taskkit.secrets import Secret

#: `any`: whatever JSON holds; `other`: a value that only the product can make, such as a Selection.
Word = Literal["text", "number", "whole", "flag", "choice", "moment", "list", "mapping", "secret", "group", "any", "other"]


@frozen
class Shape:
    """What fits into one field."""

    type: Word
    #: Of a choice: what is said, and what it means.
    choices: tuple[tuple[Any, Any], ...] = ()
    #: Of a list or mapping: what each of its values is.
    of: Shape | None = None
    #: Of a list, group or other value: what it becomes.
    made: Any = None
    #: Whether it may be None.
    empty: bool = field(default=False, kw_only=True)


ANYTHING = Shape("any", empty=True)
_PLAIN: dict[Any, Shape] = {
    str: Shape("text"),
    int: Shape("whole"),
    float: Shape("number", made=float),
    bool: Shape("flag"),
    datetime: Shape("moment"),
    Secret: Shape("secret", made=Secret),
    Any: ANYTHING,
    object: ANYTHING,
}


def shape_of(hint: Any) -> Shape:
    """The shape of a type as it stands in an annotation."""
    hint = _bare(hint)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union(get_args(hint))
    if origin is Literal:
        return Shape("choice", tuple((said, said) for said in get_args(hint)))
    return _PLAIN.get(hint) or _of_class(origin or hint, get_args(hint))


def _bare(hint: Any) -> Any:
    """Without the names that a type may have."""
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif isinstance(hint, NewType):
            hint = hint.__supertype__
        elif hasattr(hint, "__value__"):  # `type Name = …` of Python 3.12
            hint = hint.__value__
        else:
            return hint


def _union(args: tuple[Any, ...]) -> Shape:
    shapes = [shape_of(arg) for arg in args if arg is not types.NoneType]
    words, empty = {shape.type for shape in shapes}, types.NoneType in args
    if len(shapes) == 1:
        return evolve(shapes[0], empty=empty)
    if "secret" in words:  # whoever takes a secret or a text is better given a secret
        return Shape("secret", made=Secret, empty=empty)
    if words <= {"whole", "number"}:
        return Shape("number", empty=empty)
    if words == {"choice"}:
        return Shape("choice", tuple(choice for shape in shapes for choice in shape.choices), empty=empty)
    classes = tuple(found for arg in args if isinstance(found := get_origin(arg) or arg, type) and found is not types.NoneType)
    return Shape("other", made=classes, empty=empty)


def _of_class(made: Any, args: tuple[Any, ...]) -> Shape:
    if not isinstance(made, type):
        return ANYTHING  # a type variable, or what Python will invent
    if issubclass(made, Enum):
        return Shape("choice", tuple((said(member), member) for member in made))
    if issubclass(made, Mapping):
        return Shape("mapping", of=shape_of(args[1] if len(args) == 2 else Any))
    if issubclass(made, Collection) and not issubclass(made, str | bytes | bytearray) and not attrs.has(made):
        return _list(made, args)
    return Shape("group" if attrs.has(made) and not inspect.isabstract(made) else "other", made=made)


def _list(made: type[Any], args: tuple[Any, ...]) -> Shape:
    each = [arg for arg in args if arg is not ...]
    if len(each) > 1:
        return Shape("other", made=made)  # a tuple in which each place has a meaning of its own
    becomes = next((kind for kind in (frozenset, set, list) if issubclass(made, kind)), frozenset if issubclass(made, Set) else tuple)
    return Shape("list", of=shape_of(each[0] if each else Any), made=becomes)


def said(member: Enum) -> str:
    """The word for a member: its value where that is a text, or else its name, since numbers say nothing to people."""
    return member.value if isinstance(member.value, str) else member.name.lower()


def fields_of(cls: type[Any]) -> list[tuple[attrs.Attribute[Any], Shape]]:
    """What is given to make a value of an attrs class."""
    if not isinstance(cls, type) or not attrs.has(cls):
        raise InvalidValue(f"describing {cls!r}", "it is no attrs class", "decorate the class with @attrs.frozen")
    return [(attribute, shape_of(_hint(cls, attribute))) for attribute in attrs.fields(cls) if attribute.init]


def _hint(cls: type[Any], attribute: attrs.Attribute[Any]) -> Any:
    """Its annotation, read where it was written: one that nobody can read spoils no other, as `get_type_hints(cls)` would have it."""
    if attribute.type is None:
        return Any
    owner = next(made for made in cls.__mro__ if _wrote(made, attribute.name))
    names = vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}
    holder = types.SimpleNamespace(__annotations__={attribute.name: attribute.type})
    try:
        return get_type_hints(holder, names, dict(vars(owner)), include_extras=True)[attribute.name]
    except Exception as error:  # an annotation may hold any expression
        case = f"the type of its field {attribute.name!r} cannot be read: {error}"
    raise InvalidValue(f"describing {cls.__name__}", case, "import what the annotation names, outside of `if TYPE_CHECKING:`")


def _wrote(made: type[Any], name: str) -> bool:
    own = made.__dict__.get("__attrs_attrs__", ())
    return any(attribute.name == name and not attribute.inherited for attribute in own)


def finite(given: object) -> bool:
    """Whether it is a number that can be counted with and written as JSON."""
    return isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
