"""What scripts of commands have in common: their steps, how these become commands, and what errors on the way become."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from attrs import Attribute, evolve, field, frozen
from attrs.validators import optional

from taskkit.checks import a, mapping, one_of, optional_a, refused, several
from taskkit.errors import BrokenPlugin, InvalidValue, TaskkitError
from taskkit.outcomes import ErrorClass, NotDone, class_of
from taskkit.plugins.becoming import Become, become_of
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Operation, RunsCommands, Verb
from taskkit.scripts._fields import Fields
from taskkit.scripts._programs import check_program
from taskkit.scripts._templates import check_line, pieces

LONGEST = 86_400.0
#: What a command takes over from its step.
_ALIKE = ("timeout", "idle", "shell", "exits", "expect", "forbid", "capture")
Validator = Callable[[Any, "Attribute[Any]", Any], None]


def _of_step(*checks: Validator) -> Validator:
    """The checks of a field, with errors that name the step."""

    def check(step: Step, attribute: Attribute[Any], given: Any) -> None:
        try:
            for one in checks:
                one(step, attribute, given)
        except InvalidValue as error:
            raise InvalidValue(f"step {str(step.line)[:80]!r}: {error.tried}", error.case, error.help) from None

    return check


def seconds(instance: object, attribute: Attribute[Any], given: object) -> None:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= LONGEST:
        raise refused(instance, attribute, given, "these are no seconds", f"give a number above 0 and up to {LONGEST:,.0f}")


def _codes(given: Iterable[int] | int) -> tuple[int, ...]:
    return several(given)


def _exits(step: Step, attribute: Attribute[Any], given: tuple[object, ...]) -> None:
    if not given or not all(type(code) is int and 0 <= code <= 255 for code in given):
        raise refused(step, attribute, given, "these are no exit codes", "give whole numbers from 0 to 255")


def _pattern(step: Step, attribute: Attribute[Any], given: str | None) -> None:
    try:
        re.compile(given or "")
    except (re.error, OverflowError, RecursionError) as error:
        raise refused(step, attribute, given, f"it is no regular expression: {error}") from None


def _captures(step: Step, attribute: Attribute[Any], given: Mapping[object, object]) -> None:
    for name, pattern in given.items():
        a(str)(step, attribute, name)
        a(str)(step, attribute, pattern)
        _pattern(step, attribute, str(pattern))
        if re.compile(str(pattern)).groups != 1:
            raise refused(
                step, attribute, pattern, "it does not have exactly one group", "put ( ) around what is captured, (?: ) elsewhere"
            )


def _kept(given: Any) -> Any:
    return mapping(given) if isinstance(given, Mapping) else given


def _line(step: Step, attribute: Attribute[Any], given: str) -> None:
    Command(given)
    check_line(given, step.shell)


def _template(step: Step, attribute: Attribute[Any], given: str | None) -> None:
    pieces(given or "")


def _program(step: Step, attribute: Attribute[Any], given: str | None) -> None:
    if given is not None and (not given.strip() or "\0" in given):
        raise refused(step, attribute, given, "it is no program", "give a text that is not empty, without NUL")
    check_program(step.line, given, step.stdin, shell=step.shell)


@frozen
class Step:
    """One command of a script, with places for fields: `{field}`, `{shadow.field}`, in `stdin` also `{password}`; none in `script`."""

    line: str = field(validator=_of_step(a(str), _line))
    stdin: str | None = field(default=None, validator=_of_step(optional_a(str), _template), kw_only=True)
    #: A program for the interpreter that the line names, said to it by stdin as it stands.
    script: str | None = field(default=None, validator=_of_step(optional_a(str), _program), kw_only=True)
    timeout: float = field(default=60.0, validator=_of_step(seconds), kw_only=True)
    idle: float | None = field(default=None, validator=_of_step(optional(seconds)), kw_only=True)
    shell: bool = field(default=False, validator=_of_step(a(bool)), kw_only=True)
    exits: tuple[int, ...] = field(default=(0,), converter=_codes, validator=_of_step(_exits), kw_only=True)
    expect: str | None = field(default=None, validator=_of_step(optional_a(str), _pattern), kw_only=True)
    forbid: str | None = field(default=None, validator=_of_step(optional_a(str), _pattern), kw_only=True)
    capture: Mapping[str, str] = field(factory=dict, converter=_kept, validator=_of_step(a(Mapping), _captures), kw_only=True, hash=False)
    #: What its failure is: that of the script, or something to mention.
    level: Literal["error", "warning"] = field(default="error", validator=_of_step(one_of("error", "warning")), kw_only=True)
    #: As whom, where not as its script, its record and their type say.
    become: Become | None = field(default=None, converter=become_of, validator=_of_step(optional_a(Become)), kw_only=True)


def needs_of(steps: Iterable[Step], become: Become | None = None) -> frozenset[Verb]:
    """What an executor has to be able to do for them."""
    return frozenset({Verb.COMMANDS, *(Verb.BECOME for said in (become, *(step.become for step in steps)) if said is not None)})


def prepared(steps: Iterable[Step], run: Run, become: Become | None = None) -> tuple[Command, ...]:
    """All commands with their fields filled in, before the first of them runs."""
    fields = Fields(run)
    return tuple(command(step, fields, become) for step in steps)


def command(step: Step, fields: Fields, become: Become | None = None) -> Command:
    """With its fields filled in; what its script says of as whom counts where it says nothing."""
    if step.script is None:
        line, stdin = fields.line(step.line), fields.stdin(step.stdin)
    else:
        line, stdin = fields.program(step.line, step.script, step.stdin)
    whom = become if step.become is None else step.become.over(become)
    return Command(line, stdin=stdin, become=whom, **{name: getattr(step, name) for name in _ALIKE})


def carried_out(connection: RunsCommands, command: Command, name: str, run: Run) -> Operation:
    """The command's operation, under a name that was not filled in."""
    operations = [*connection.commands([command], run)]
    if len(operations) != 1:
        raise BrokenPlugin(
            f"carrying out {name!r}", f"the executor told of {len(operations)} operations", "it has to tell of each command once"
        )
    return evolve(operations[0], name=name[:200])


def answer(error: Exception, run: Run) -> NotDone:
    """What an error becomes at the border: a class, and a scrubbed text without a frame (S1)."""
    text = str(error) if isinstance(error, TaskkitError) else ": ".join(filter(None, (type(error).__name__, str(error))))
    return NotDone(class_of(error) or ErrorClass.FAILED, run.scrub(text))
