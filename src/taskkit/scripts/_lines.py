"""Dialogues as administrators write them: `prompt -> answer`, each in a line of its own or all in one with ` ; ` between.

login: -> {user}
Password: within 10 s -> {password}
# -> show version
or Login incorrect => fail wrong_credentials "the password is no longer right"
capture version /Version (\\S+)/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from attrs import evolve, frozen

from taskkit.errors import InvalidValue, UnreadableText
from taskkit.scripts._exchanges import Cue, Exchange

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_DIVISION = re.compile(rf"{_QUOTED.pattern}|\s;(?=\s|$)")
_PROMPT_ENDS = re.compile(r"\s+(?:->|=>|within\s+[\d.]|retry\s+\d)|\s*$")
_ANSWER_ENDS = re.compile(r"\s+=>(?=\s)|\s*$")
_FIRST = re.compile(r"(?:(or|always|@[\w-]+)\s+)?")
_WITHIN, _RETRY = re.compile(r"\s+within\s+(\d+(?:\.\d+)?)\s*s\b"), re.compile(r"\s+retry\s+(\d+)\b")
_ARROW, _LEADS = re.compile(r"\s+->"), re.compile(r"\s+=>\s+")
_FAIL = re.compile(r"fail\s+(\w+)")
_LOOKS = re.compile(r"(capture)\s+([\w-]+)\s+|(expect|forbid)\s+(?=[\"/])|(warn)\s*$")
_SHAPE = "write prompt -> answer, or prompt => fail class, in quotes where a mark of the text stands in it"
#: What would be read as something else, at the beginning of a prompt or anywhere.
_MARKS = re.compile(
    r'^(?:or|always|capture|expect|forbid|warn|@[\w-]+)(?:\s|$)|"|^\s|\s$|\n|(?:^|\s);(?:\s|$)|\s[-=]>|\s(?:within\s+[\d.]|retry\s+\d)'
)


@frozen
class Talked:
    """What a text says."""

    exchanges: tuple[Exchange, ...]
    always: tuple[Cue, ...] = ()


def read(text: str) -> Talked:
    """UnreadableText points at the place that was not understood."""
    if not isinstance(text, str):
        raise InvalidValue(
            "reading a dialogue", f"it is no text but a {type(text).__name__}", "as in 'login: -> {user} ; # -> show version'"
        )
    exchanges: list[Exchange] = []
    always: list[Cue] = []
    for part in _parts(text):
        try:
            _take(part, exchanges, always)
        except UnreadableText:
            raise
        except InvalidValue as error:
            raise part.unreadable(part.start, len(part.text), error.case, error.help) from error
    if not exchanges:
        raise UnreadableText(text, 0, len(text), "there is no prompt", _SHAPE)
    return Talked(tuple(exchanges), tuple(always))


def written(exchanges: Iterable[Exchange], always: Iterable[Cue] = ()) -> str:
    """What `read` reads; a line for each cue."""
    return "\n".join([line for exchange in exchanges for line in _exchange(exchange)] + [f"always {_cue(cue)}" for cue in always])


# reading


class _Part:
    """One part of a line, read from left to right; `text` is the whole line up to its end, so that an error can show it."""

    def __init__(self, text: str, start: int, number: int) -> None:
        self.text, self.number = text, number
        self.start = self.at = start + len(text[start:]) - len(text[start:].lstrip())

    @property
    def rest(self) -> str:
        return self.text[self.at :].strip()

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        if found := pattern.match(self.text, self.at):
            self.at = found.end()
        return found

    def word(self, ends: re.Pattern[str]) -> str:
        """What is quoted, or else all up to one of the marks."""
        if quoted := self.take(_QUOTED):
            try:
                return str(json.loads(quoted[0]))
            except ValueError:
                raise self.unreadable(quoted.start(), quoted.end(), "what is quoted is quoted as in JSON", r'as in "\"" and "\\"') from None
        found = ends.search(self.text, self.at)
        end = found.start() if found else len(self.text)
        said, self.at = self.text[self.at : end], end
        return said.strip()

    @contextmanager
    def pointing_at(self, start: int) -> Iterator[None]:
        """A mistake in the value stands between there and here."""
        end = self.at
        try:
            yield
        except InvalidValue as error:
            raise self.unreadable(start, end, error.case, error.help) from error

    def unreadable(self, start: int, end: int, case: str, help: str = "") -> UnreadableText:
        return UnreadableText(self.text, start, end, f"line {self.number}: {case}" if self.number > 1 else case, help)


def _parts(text: str) -> Iterator[_Part]:
    for number, line in enumerate(text.split("\n"), 1):
        start = 0
        for end in [*_divisions(line), len(line)]:
            if line[start:end].strip():
                yield _Part(line[:end], start, number)
            start = end + 2


def _divisions(line: str) -> Iterator[int]:
    at = 0
    while found := _DIVISION.search(line, at):
        if found[0][0] != '"':
            yield found.start()
        at = found.end()


def _take(part: _Part, exchanges: list[Exchange], always: list[Cue]) -> None:
    if found := part.take(_LOOKS):
        _look(part, found, exchanges)
        return
    first = part.take(_FIRST)
    head = first[1] if first and first[1] else ""
    given: dict[str, Any] = {}
    prompt = _prompt(part, given)
    cue = _rest_of_cue(part, prompt)
    if given and head in ("or", "always"):
        raise part.unreadable(part.start, len(part.text), "time and retries stand with the first prompt", "write them there")
    if head == "always":
        always.append(cue)
    elif head == "or":
        _last(part, exchanges, lambda last: evolve(last, cues=(*last.cues, cue)))
    else:
        exchanges.append(Exchange(cue, name=head[1:], **given))


def _prompt(part: _Part, given: dict[str, Any]) -> str:
    start = part.at
    prompt = part.word(_PROMPT_ENDS)
    if not prompt:
        raise part.unreadable(start, part.at, "there is no prompt", _SHAPE)
    with part.pointing_at(start):
        Cue(prompt)
    if found := part.take(_WITHIN):
        given["timeout"] = float(found[1])
    if found := part.take(_RETRY):
        given["retries"] = int(found[1])
    return prompt


def _rest_of_cue(part: _Part, prompt: str) -> Cue:
    answer, made = None, dict[str, Any]()
    if part.take(_ARROW):
        part.take(re.compile(r"\s*"))
        start = part.at
        answer = part.word(_ANSWER_ENDS)
        if not answer and part.text[start : part.at] != '""':
            raise part.unreadable(start, part.at, "there is no answer", "write <enter> where only that key is pressed")
        with part.pointing_at(start):
            Cue(prompt, answer)
    if part.take(_LEADS):
        start = part.at
        made = _led(part)
        with part.pointing_at(start):
            Cue(prompt, answer, **made)
    if part.rest:
        raise part.unreadable(part.at, len(part.text), f"{part.rest[:40]!r} is not understood here", _SHAPE)
    return Cue(prompt, answer, **made)


def _led(part: _Part) -> dict[str, Any]:
    start = part.at
    if failed := part.take(_FAIL):
        part.take(re.compile(r"\s+"))
        text = part.word(re.compile(r"\s*$")) if part.rest else ""
        return {"error": failed[1], "text": text}
    where = part.word(re.compile(r"\s*$"))
    if not re.fullmatch(r"next|again|end|@[\w-]+", where):
        raise part.unreadable(start, part.at, f"{where!r} leads nowhere", "write end, again, @name, or fail with an error class")
    return {"then": where}


def _look(part: _Part, found: re.Match[str], exchanges: list[Exchange]) -> None:
    if found[4]:
        _last(part, exchanges, lambda last: evolve(last, level="warning"))
        return
    start = part.at
    pattern = part.word(re.compile(r"\s*$"))
    if part.rest or len(pattern) < 3 or not pattern[0] == pattern[-1] == "/":
        raise part.unreadable(start, len(part.text), "there is no pattern", "write it between / and /")
    inner = pattern[1:-1]
    if found[1]:
        if exchanges and found[2] in exchanges[-1].capture:
            raise part.unreadable(part.start, len(part.text), f"{found[2]!r} is captured already", "give each value a name of its own")
        _last(part, exchanges, lambda last: evolve(last, capture={**last.capture, found[2]: inner}))
    elif found[3] == "expect":
        _last(part, exchanges, lambda last: evolve(last, expect=inner))
    else:
        _last(part, exchanges, lambda last: evolve(last, forbid=inner))


def _last(part: _Part, exchanges: list[Exchange], change: Callable[[Exchange], Exchange]) -> None:
    if not exchanges:
        raise part.unreadable(part.start, len(part.text), "there is no prompt before it", "begin with prompt -> answer")
    exchanges[-1] = change(exchanges[-1])


# writing


def _exchange(exchange: Exchange) -> Iterator[str]:
    first, *others = exchange.cues
    name = f"@{exchange.name} " if exchange.name else ""
    within = f" within {_number(exchange.timeout)} s" if exchange.timeout != 30 else ""
    retry = f" retry {exchange.retries}" if exchange.retries else ""
    yield name + _cue(first, within + retry)
    yield from (f"or {_cue(other)}" for other in others)
    yield from (f"capture {called} {_quoted(f'/{pattern}/')}" for called, pattern in exchange.capture.items())
    for look in ("expect", "forbid"):
        if (pattern := getattr(exchange, look)) is not None:
            yield f"{look} {_quoted(f'/{pattern}/')}"
    if exchange.level == "warning":
        yield "warn"


def _cue(cue: Cue, given: str = "") -> str:
    said = "" if cue.answer is None else f" -> {_quoted(cue.answer) if cue.answer else '<enter>'}"
    if cue.error is not None:
        leads = f" => fail {cue.error}" + (f" {json.dumps(cue.text, ensure_ascii=False)}" if cue.text else "")
    else:
        leads = f" => {cue.then}" if cue.then != "next" else ""
    return f"{_quoted(cue.prompt)}{given}{said}{leads}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if _MARKS.search(text) or text != text.strip() else text


def _number(seconds: float) -> str:
    return format(Decimal(repr(float(seconds))), "f").removesuffix(".0")
