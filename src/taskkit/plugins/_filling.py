"""Values out of plain data, by cattrs, strictly: a text is no number, and what is not understood is told with the place where it stands.

Shapes are what cattrs takes for types here: its own hooks for `int`, `str` and their kin convert whatever they can (`bool("no")` is true)
and cannot be replaced for enumerations that inherit from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from taskkit.errors import TaskkitError
from taskkit.plugins._shapes import Shape, fields_of, finite
from taskkit.plugins._troubles import Trouble, Unfit, troubles_of
from taskkit.secrets import Secret

if TYPE_CHECKING:
    from cattrs import BaseConverter

Hook = Callable[[Any, Any], Any]


@frozen(eq=False)
class _Read:
    """A field whose class reads what it is given by a converter of its own."""

    shape: Shape
    read: Callable[[Any], Any]


def filled(cls: type[Any], given: object) -> tuple[Any, tuple[Trouble, ...]]:
    """The value, or what is in its way."""
    try:
        return _structured(given, Shape("group", made=cls)), ()
    except Exception as error:  # validators are foreign code
        return None, tuple(troubles_of(error, ""))


@cache
def _converter() -> BaseConverter:
    from cattrs import BaseConverter

    converter = BaseConverter(detailed_validation=True)
    converter.register_structure_hook_factory(lambda asked: isinstance(asked, Shape), lambda shape: _hook(shape, converter))
    converter.register_structure_hook_func(lambda asked: isinstance(asked, _Read), _read)
    return converter


def _structured(given: object, asked: Any) -> Any:
    return _converter().structure(given, asked)


def _hook(shape: Shape, converter: BaseConverter) -> Hook:
    builders = {"list": _list, "mapping": _mapping}
    fill = builders[shape.type](shape, converter) if shape.type in builders else _SINGLE[shape.type]
    return lambda given, asked: None if given is None and asked.empty else fill(given, asked)


_WORDS = {
    type(None): "empty", str: "a text", bool: "a flag", int: "a whole number", float: "a number",
    list: "a list", tuple: "a list", dict: "a mapping",
}  # fmt: skip


def _refused(given: object, wanted: str, advice: str) -> Unfit:
    """Of what was given it shows the type only: it may be a secret in the wrong field."""
    shown = _WORDS.get(type(given)) or f"a value of type {type(given).__name__}"
    return Unfit(f"it is {shown}, and not {wanted}", advice)


# single values


def _text(given: Any, shape: Shape) -> str:
    if not isinstance(given, str):
        raise _refused(given, "a text", "give a text")
    return given


def _whole(given: Any, shape: Shape) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise _refused(given, "a whole number", "give a whole number")
    return given


def _number(given: Any, shape: Shape) -> float:
    if not finite(given):
        raise _refused(given, "a finite one" if isinstance(given, float) else "a number", "give a number")
    return shape.made(given) if shape.made else given  # type: ignore[no-any-return]


def _flag(given: Any, shape: Shape) -> bool:
    if not isinstance(given, bool):
        raise _refused(given, "a flag", "give true or false")
    return given


def _choice(given: Any, shape: Shape) -> Any:
    for said, meant in shape.choices:
        if given is meant or (type(given) is type(said) and given == said):  # True is no 1
            return meant
    raise Unfit("there is no such choice", f"choose {' or '.join(repr(said) for said, _ in shape.choices)}")


def _moment(given: Any, shape: Shape) -> datetime:
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise _refused(given, "a moment", "give date, time and offset, such as '2026-03-29T02:30:00+01:00'")
    return moment


def _secret(given: Any, shape: Shape) -> Secret:
    if not isinstance(given, str | Secret):
        raise _refused(given, "a secret", "give a text or a Secret")
    return given if isinstance(given, Secret) else Secret(given)


def _other(given: Any, shape: Shape) -> Any:
    made = shape.made if isinstance(shape.made, tuple) else (shape.made,)
    if not isinstance(given, made):
        names = " or ".join(one.__name__ for one in made)
        raise _refused(given, f"a value of {names}", f"make a value of {names}: plain data do not tell it")
    return given


# values of several


def _list(shape: Shape, converter: BaseConverter) -> Hook:
    from cattrs.cols import list_structure_factory

    several: Any = list.__class_getitem__(shape.of)  # a shape stands where cattrs looks for a type
    structure: Hook = list_structure_factory(several, converter)

    def fill(given: Any, asked: Any) -> Any:
        if not isinstance(given, list | tuple | set | frozenset):
            raise _refused(given, "a list", "give a list")
        return asked.made(structure(given, asked))

    return fill


def _mapping(shape: Shape, converter: BaseConverter) -> Hook:
    from cattrs.cols import mapping_structure_factory

    named: Any = dict.__class_getitem__((Shape("text"), shape.of))
    structure: Hook = mapping_structure_factory(named, converter)

    def fill(given: Any, asked: Any) -> Any:
        if not isinstance(given, Mapping):
            raise _refused(given, "a mapping", "give names and values")
        return structure(given, asked)

    return fill


# groups


def _group(given: Any, shape: Shape) -> Any:
    if isinstance(given, shape.made):
        return given
    if not isinstance(given, Mapping):
        raise _refused(given, f"the fields of {shape.made.__name__}", "give its fields and their values")
    return _builder(shape.made)(given, shape.made)


@cache
def _builder(made: type[Any]) -> Hook:
    """Written when the first value is made, not before: a class may hold values of itself."""
    from cattrs.gen import make_dict_structure_fn_from_attrs

    fields = [attribute.evolve(type=_typed(attribute, shape)) for attribute, shape in fields_of(made)]
    open_types = {parameter.__name__: object for parameter in getattr(made, "__parameters__", ())}  # cattrs asks; shapes have said it
    return make_dict_structure_fn_from_attrs(
        fields, made, _converter(), open_types, _cattrs_forbid_extra_keys=True, _cattrs_use_alias=True, _cattrs_detailed_validation=True
    )


def _typed(attribute: attrs.Attribute[Any], shape: Shape) -> Shape | _Read:
    read = converter_of(attribute)
    return _Read(shape, read) if read else shape


def converter_of(attribute: attrs.Attribute[Any]) -> Callable[[Any], Any] | None:
    """What the class reads the field by; None also where that takes the value around it."""
    read: Any = attribute.converter
    if not isinstance(attribute.converter, attrs.Converter):
        alone: Callable[[Any], Any] | None = read
    else:
        alone = None if read.takes_self or read.takes_field else read.converter
    return alone


def _read(given: Any, asked: _Read) -> Any:
    """By its shape; or else what the class's own converter makes of it, if that fits: `at="6:00"` where a list of texts is kept."""
    refused: Exception
    try:
        return _structured(given, asked.shape)
    except Exception as error:
        refused = error
    try:
        return _structured(asked.read(given), asked.shape)
    except Exception as error:
        refused = error if isinstance(error, TaskkitError) else refused  # the class's own words tell more
    raise refused


_SINGLE: dict[str, Hook] = {
    "text": _text, "whole": _whole, "number": _number, "flag": _flag, "choice": _choice, "moment": _moment, "secret": _secret,
    "other": _other, "group": _group, "any": lambda given, shape: given,
}  # fmt: skip
