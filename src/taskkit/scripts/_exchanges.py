"""The lines of a dialogue: what a machine asks, what it is answered, and where that leads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from attrs import Attribute, field, frozen

from taskkit.checks import a, mapping, one_of, optional_a, refused, several, whole
from taskkit.errors import InvalidValue
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._expectations import compiled
from taskkit.scripts._steps import seconds
from taskkit.scripts._templates import pieces

#: What a prompt may be beside words and patterns: nothing came in time, and the machine closed the connection.
SILENCE, CLOSED = "<silence>", "<closed>"
#: Stands before what is looked for in all that was said since the last answer, and not where the machine waits.
_SAID = "<said> "
#: Keys that are pressed and nothing else, not even Enter.
KEYS: Mapping[str, str] = {
    "<space>": " ", "<tab>": "\t", "<esc>": "\x1b", **{f"<ctrl-{chr(code + 96)}>": chr(code) for code in range(1, 27)},
}  # fmt: skip
_KEY = re.compile(r"<[a-z][a-z0-9-]*>")
_NAME = re.compile(r"[\w-]+")
_NEXT, _AGAIN, END = "next", "again", "end"


def is_pattern(prompt: str) -> bool:
    said = prompt.removeprefix(_SAID)
    return len(said) > 2 and said[0] == said[-1] == "/"


def _prompt(instance: object, attribute: Attribute[Any], given: object) -> None:
    if not isinstance(given, str) or not given.removeprefix(_SAID).strip() or not given.isprintable():
        raise refused(instance, attribute, given, "it is no prompt", "give what stands in one line, or /a pattern/")
    if is_pattern(given):
        compiled(given.removeprefix(_SAID)[1:-1])


def _answer(instance: object, attribute: Attribute[Any], given: str | None) -> None:
    if given is None:
        return
    if not given.isprintable():
        raise refused(instance, attribute, given, "it holds control characters", "answer one line at a time; keys are <ctrl-c>, <esc>")
    pieces(given)
    if _KEY.fullmatch(given) and given not in KEYS:
        raise refused(instance, attribute, given, "there is no such key", "there are <enter>, <space>, <tab>, <esc>, <ctrl-a> to <ctrl-z>")


def _then(instance: object, attribute: Attribute[Any], given: str) -> None:
    if given not in (_NEXT, _AGAIN, END) and not (given[:1] == "@" and _NAME.fullmatch(given[1:])):
        raise refused(instance, attribute, given, "it leads nowhere", "choose 'next', 'again', 'end' or '@' with the name of an exchange")


def _pressed(given: Any) -> Any:
    return "" if given == "<enter>" else given


def _optional_class(given: Any) -> ErrorClass | None:
    try:
        return None if given is None else ErrorClass(given)
    except ValueError:
        known = ", ".join(ErrorClass)
        raise InvalidValue(f"Cue(error={str(given)[:80]!r})", "there is no such class", f"there are {known}") from None


@frozen
class Cue:
    """What the machine says, and what follows from it: an answer, an error, another place in the dialogue."""

    prompt: str = field(validator=_prompt)
    answer: str | None = field(default=None, converter=_pressed, validator=[optional_a(str), _answer])
    then: str = field(default=_NEXT, validator=[a(str), _then], kw_only=True)
    error: ErrorClass | None = field(default=None, converter=_optional_class, kw_only=True)
    text: str = field(default="", validator=a(str), kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.error is None and self.text:
            raise InvalidValue(f"Cue({self.prompt!r})", "it has a text and fails with nothing", "give an error class")
        if self.error is not None and (self.answer is not None or self.then != _NEXT):
            raise InvalidValue(f"Cue({self.prompt!r})", "it fails, and goes on", "leave the answer and `then` away, or the error")
        if self.prompt.startswith(_SAID) and self.answer is not None:
            raise InvalidValue(f"Cue({self.prompt!r})", "nobody answers what is no prompt", "lead to an exchange that waits for one")
        if self.prompt == CLOSED and self.answer is not None:
            raise InvalidValue(f"Cue({self.prompt!r})", "nobody hears the answer any more", "leave it away")

    @property
    def is_message(self) -> bool:
        """Whether it is looked for in all that was said since the last answer, and not where the machine waits."""
        return self.error is not None or self.prompt.startswith(_SAID)

    @property
    def stands(self) -> Callable[[str], bool]:
        """Whether it is there: in the line where the machine waits, or as a message anywhere."""
        if self.prompt in (SILENCE, CLOSED):
            return lambda text: False
        if is_pattern(self.prompt):
            found = compiled(self.prompt.removeprefix(_SAID)[1:-1]).search
            return lambda text: found(text) is not None
        literal = self.prompt.removeprefix(_SAID).rstrip()
        return lambda text: literal in text if self.is_message else text.endswith(literal)


def _cues(given: Iterable[Cue] | Cue) -> tuple[Cue, ...]:
    return several(given)


def some_cues(instance: object, attribute: Attribute[Any], given: tuple[object, ...]) -> None:
    for one in given:
        if not isinstance(one, Cue):
            raise refused(instance, attribute, given, f"it is a {type(one).__name__}", "give Cue(…)")


def _at_least_one(instance: object, attribute: Attribute[Any], given: tuple[object, ...]) -> None:
    if not given:
        raise refused(instance, attribute, given, "there is nothing to wait for", "give at least one Cue")


def _optional_name(instance: object, attribute: Attribute[Any], given: str) -> None:
    if given and not _NAME.fullmatch(given):
        raise refused(instance, attribute, given, "it is no name", "give a word of letters, digits, _ and -")


def _pattern(instance: object, attribute: Attribute[Any], given: str | None) -> None:
    if given is not None:
        compiled(given)


def _captures(instance: object, attribute: Attribute[Any], given: Mapping[object, object]) -> None:
    for name, pattern in given.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise refused(instance, attribute, name, "it is no name", "give a word of letters, digits, _ and -")
        a(str)(instance, attribute, pattern)
        compiled(str(pattern), groups=1)


def _kept(given: Any) -> Any:
    return mapping(given) if isinstance(given, Mapping) else given


@frozen
class Exchange:
    """One turn of a dialogue: it waits for one of several cues, and looks at what is said to the answer."""

    cues: tuple[Cue, ...] = field(converter=_cues, validator=[_at_least_one, some_cues])
    name: str = field(default="", validator=[a(str), _optional_name], kw_only=True)
    #: How long it is waited for one of the cues.
    timeout: float = field(default=30.0, validator=seconds, kw_only=True)
    #: How often it may be come back to.
    retries: int = field(default=0, validator=whole(0, 1000), kw_only=True)
    expect: str | None = field(default=None, validator=[optional_a(str), _pattern], kw_only=True)
    forbid: str | None = field(default=None, validator=[optional_a(str), _pattern], kw_only=True)
    capture: Mapping[str, str] = field(factory=dict, converter=_kept, validator=[a(Mapping), _captures], kw_only=True, hash=False)
    level: Literal["error", "warning"] = field(default="error", validator=one_of("error", "warning"), kw_only=True)
