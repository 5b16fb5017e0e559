"""Texts with places for fields: `{field}` of the record, `{shadow.field}` of its shadow account; `{{` and `}}` are braces.

What stands in a place of a command line comes from a record and is quoted for the shell. Quotes protect only where the text around them
lets them, so a place inside quotes, or where a shell reads a second time, is refused when the text is made. What a *command*
reads a second time (`eval`, `sh -c`, `ssh`) nobody can protect: there, values belong into stdin.
"""

from __future__ import annotations

import string

from attrs import frozen

from taskkit.errors import InvalidValue

#: What everybody calls the secret, also where a record does not name it.
PASSWORD = "password"  # noqa: S105  the name of a field
_SHADOW = "shadow."
#: Where a shell does not take single quotes at their word: substitution of old, text that follows, arithmetic, C strings.
_SECOND_READINGS = ("`", "<<", "$((", "$'")


@frozen
class Place:
    """Where a field of the record, or of its shadow account, is to stand."""

    field: str
    of_shadow: bool = False

    def __str__(self) -> str:
        return f"{{{_SHADOW if self.of_shadow else ''}{self.field}}}"


def pieces(template: str) -> tuple[str | Place, ...]:
    """Literal texts and places in turn."""
    found: list[str | Place] = []
    try:
        for literal, name, spec, conversion in string.Formatter().parse(template):
            found += [literal] if literal else []
            found += [] if name is None else [_place(name, spec, conversion)]
    except ValueError as error:
        case = error.case if isinstance(error, InvalidValue) else str(error)
        raise InvalidValue(f"the text {template!r}", case, "write {field} or {shadow.field}, and {{ }} for braces") from None
    return tuple(found)


def places(template: str | None) -> tuple[Place, ...]:
    return tuple(piece for piece in pieces(template or "") if isinstance(piece, Place))


def check_line(template: str, shell: bool) -> None:
    """Refuses a line in which the quotes around a value would not hold, or with a secret in it (S1)."""
    state = ""
    for piece in pieces(template):
        if isinstance(piece, str):
            state = _state_after(piece, state)
        elif state:
            raise InvalidValue(f"the line {template!r}", f"{piece} stands inside quotes", "leave them out: values are quoted for you")
    # Over the text as the shell will get it: {{ and }} are braces by then.
    bare = "".join(piece if isinstance(piece, str) else "x" for piece in pieces(template))
    if secret := next((place for place in places(template) if place.field == PASSWORD), None):
        raise InvalidValue(f"the line {template!r}", f"{secret} is a secret, and everybody can read a command line", "give it by stdin")
    second = next((mark for mark in _SECOND_READINGS if mark in bare), None)
    if shell and second and places(template):
        raise InvalidValue(f"the line {template!r}", f"quotes do not hold beside {second}", "use $( ), and stdin for text")


def _place(name: str, spec: str | None, conversion: str | None) -> Place:
    field = name.removeprefix(_SHADOW)
    if not field or field != field.strip() or spec or conversion:
        raise InvalidValue("a place", f"{{{name}…}} names no field")
    return Place(field, name.startswith(_SHADOW))


def _state_after(literal: str, state: str) -> str:
    """The open quote, the backslash that waits for its character, or nothing: how a shell stands after the text."""
    for char in literal:
        if state.endswith("\\"):
            state = state[:-1]
        elif char == "\\" and state != "'":
            state += char
        elif char == state:
            state = ""
        elif not state and char in "'\"":
            state = char
    return state
