"""Words of a text with their places, so that an error can point at one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from attrs import frozen

from taskkit.errors import InvalidValue, UnreadableText

_WORDS = re.compile(r"'[^']*'|\"[^\"]*\"|[,;]|[^\s,;]+")
_NUMBER = re.compile(r"[0-9]{1,9}")


@frozen
class Token:
    """One word, its lower case form to compare, and where it stands."""

    said: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.said.lower()

    @property
    def number(self) -> int | None:
        """The count that it says, of a length that anybody means."""
        return int(self.said) if _NUMBER.fullmatch(self.said) else None


class Cursor:
    """Reads the words of a text from left to right."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise InvalidValue("reading a rule", f"it is no text but a {type(text).__name__}", "as in 'daily 02:30 Europe/Berlin'")
        self.text = text
        self._tokens = [Token(match[0], match.start(), match.end()) for match in _WORDS.finditer(text)]
        self._tokens.append(Token("", len(text), len(text)))
        self._place = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._place]

    @property
    def done(self) -> bool:
        return self.next.said == ""

    def take(self) -> Token:
        token = self.next
        self._place += not self.done
        return token

    def take_if(self, *words: str) -> Token | None:
        """The next word, if it is one of these."""
        return self.take() if self.next.word in words else None

    def skip(self, *words: str) -> None:
        while self.take_if(*words):
            pass

    def mark(self) -> int:
        """A place to come `back` to."""
        return self._place

    def back(self, place: int) -> None:
        self._place = place

    def error(self, token: Token, case: str, help: str = "") -> UnreadableText:
        return UnreadableText(self.text, token.start, token.end, case, help)

    def unexpected(self, token: Token, expected: str, vocabulary: Iterable[str] = ()) -> UnreadableText:
        known = set(vocabulary)
        near = [] if token.word in known else get_close_matches(token.word, known, n=1, cutoff=0.7)
        case = f"{token.said!r} is not understood" if token.said else "the text ends too early"
        return self.error(token, f"{case} here", f"did you mean {near[0]!r}?" if near else f"expected {expected}")
