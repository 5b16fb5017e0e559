"""The door of what a product calls: all that is handed in is looked at, by the words of the signature, before anything is asked or done.

Who does something and why is kept, and so is refused where no store could keep it. What names something that is looked for may be any text:
what no store keeps is in none, and is not found there as any other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial, wraps
from types import FunctionType
from typing import Any, TypeVar

from taskkit.checks import BEYOND, LONGEST_NAME, is_keepable
from taskkit.errors import InvalidValue
from taskkit.instants import FIRST, NEVER, SECOND, instant

T = TypeVar("T")
#: What is the case, where something is; and what would help.
Trouble = tuple[str, str] | None
_KEPT = frozenset({"by", "user", "why", "to", "plan"})


def with_a_door(kind: type[T]) -> type[T]:
    """The class, each of whose public methods looks at what it is handed."""
    for name, method in list(vars(kind).items()):
        if not name.startswith("_") and isinstance(method, FunctionType):
            setattr(kind, name, _behind_a_door(method, f"{kind.__name__}.{name}"))
    return kind


def _behind_a_door(method: Callable[..., Any], called: str) -> Callable[..., Any]:
    told = [one for one in inspect.signature(method).parameters.values() if one.name != "self"]
    known = method.__globals__
    looks = {one.name: look for one in told if (look := _look(one.name, str(one.annotation), known)) is not None}
    if not looks:
        return method
    places = [one.name for one in told if one.kind is one.POSITIONAL_OR_KEYWORD]

    @wraps(method)
    def call(self: object, *args: Any, **named: Any) -> Any:
        for name, given in (*zip(places, args, strict=False), *named.items()):
            if (look := looks.get(name)) is not None and (trouble := look(given)) is not None:
                raise InvalidValue(f"{called}({name}={_shown(given)})", *trouble)
        return method(self, *args, **named)

    return call


def _shown(given: object) -> str:
    """Texts and numbers as they are, of all else its kind: that may hold anything."""
    return repr(given)[:LONGEST_NAME] if given is None or isinstance(given, str | int | float) else f"a {type(given).__name__}"


def _look(name: str, words: str, known: Mapping[str, Any]) -> Callable[[object], Trouble] | None:
    kind, _, rest = words.partition(" | ")
    look = _LOOKS.get("page" if name == "page" else "kept" if kind == "str" and name in _KEPT else kind)
    if look is None and (made := known.get(kind)) is not Any and isinstance(made, type):
        look = partial(_made, made)
    if look is None or rest not in ("", "None"):
        return None
    return look if not rest else lambda given: None if given is None else look(given)


def _made(kind: type[Any], given: object) -> Trouble:
    return None if isinstance(given, kind) else (f"it is a {type(given).__name__}", f"give a {kind.__name__}")


def _text(given: object) -> Trouble:
    return None if isinstance(given, str) else (f"it is a {type(given).__name__}", "give a text")


def _kept_text(given: object) -> Trouble:
    if isinstance(given, str) and not is_keepable(given):
        return "it holds NUL or half a character", "no store keeps these: leave them out"
    return _text(given)


def _number(given: object) -> Trouble:
    if type(given) is not int:
        return "it is no whole number", "give one"
    return None if -BEYOND <= given < BEYOND else ("it has more than 64 bits", "give one that is nearer to zero")


def _moment(given: object) -> Trouble:
    if FIRST <= instant(given) < NEVER + SECOND:  # type: ignore[arg-type]  # what is none is refused there
        return None
    return "it lies outside of the years 1 to 9999 in UTC", "give a time that people live to see"


def _place(given: object) -> Trouble:
    if not isinstance(given, Mapping):
        return f"it is a {type(given).__name__}", "give the mark that came with the facts before, or START"
    if all(isinstance(chain, str) and _number(position) is None for chain, position in given.items()):
        return None
    return "it is no mark", "give the mark that came with the facts before, or START"


def _page(given: object) -> Trouble:
    return None if _kept_text(given) is None else ("none begins there", "give the `next` of the page before")


#: By a kind of values, as signatures name it, or by what it is used for.
_LOOKS: Mapping[str, Callable[[object], Trouble]] = {
    "str": _text,
    "AccountId": _text,
    "kept": _kept_text,
    "page": _page,
    "int": _number,
    "datetime": _moment,
    "Mark": _place,
}
