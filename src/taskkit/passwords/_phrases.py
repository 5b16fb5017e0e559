"""Passwords of words: from a list that a product gives, or made of syllables that can be spoken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar, overload

from attrs import Attribute, evolve, field, frozen

from taskkit.checks import a, refused, several, whole
from taskkit.errors import InvalidValue
from taskkit.passwords._policies import PasswordPolicy

MOST_WORDS = 24
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aeiou"
_DIGITS = "0123456789"


class _Syllables(Sequence[str]):
    """All words of two syllables, a consonant, a vowel and so on with a consonant at the end: `bakud`. None is kept."""

    _places = (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS, _CONSONANTS)

    def __len__(self) -> int:
        return len(_CONSONANTS) ** 3 * len(_VOWELS) ** 2

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        if not 0 <= at < len(self):
            raise IndexError(at)
        said = ""
        for letters in reversed(self._places):
            at, which = divmod(at, len(letters))
            said = letters[which] + said
        return said

    def __contains__(self, given: object) -> bool:
        fits = isinstance(given, str) and len(given) == len(self._places)
        return fits and all(one in letters for one, letters in zip(str(given), self._places, strict=True))


SYLLABLES = _Syllables()


def _list(instance: object, attribute: Attribute[Any], given: tuple[Any, ...]) -> None:
    tried, said = f"{type(instance).__name__}({attribute.name}=…)", [one for one in given if isinstance(one, str)]
    wrong = len(given) - sum(one.isalpha() for one in said)
    if wrong:
        raise InvalidValue(tried, f"{wrong:,} of {len(given):,} are no words", "give words of letters only: marks and digits stand between")
    if given and len({one.lower() for one in said}) < max(2, len(said)):
        raise InvalidValue(tried, "one word is there twice, or alone", "give each word once, whatever its case, and more than one")


def _separator(instance: object, attribute: Attribute[Any], given: str) -> None:
    a(str)(instance, attribute, given)
    if len(given) > 3 or not given.isprintable() or any(one.isalnum() for one in given):
        raise refused(instance, attribute, given, "it could be a part of a word", "give up to 3 marks, such as '-', or ''")


@frozen
class Passphrases(PasswordPolicy):
    """Words with a separator between them, perhaps each with a capital, perhaps with a digit at the end."""

    kind: ClassVar[str] = "passphrases"
    words: int = field(default=5, validator=whole(1, MOST_WORDS))
    #: The words to draw from; none for made-up ones of two syllables.
    source: tuple[str, ...] = field(
        default=(), converter=several, validator=_list, kw_only=True, repr=lambda given: f"<{len(given):,} words>"
    )
    separator: str = field(default="-", validator=_separator, kw_only=True)
    capital: bool = field(default=False, validator=a(bool), kw_only=True)
    digit: bool = field(default=False, validator=a(bool), kw_only=True)

    def __attrs_post_init__(self) -> None:
        forms = sorted(map(self._form, self.source))
        if not self.separator and any(longer.startswith(shorter) for shorter, longer in pairwise(forms)):
            case = "some words begin with others, so two phrases could be the same text"
            raise InvalidValue("making Passphrases without a separator", case, "give a separator, or a list without such words")

    def _form(self, word: str) -> str:
        return word[:1].upper() + word[1:] if self.capital else word

    def _words(self) -> Sequence[str]:
        return self.source or SYLLABLES

    @property
    def possible(self) -> int:
        return int(len(self._words()) ** self.words) * (len(_DIGITS) if self.digit else 1)

    def _numbered(self, number: int) -> str:
        number, digit = divmod(number, len(_DIGITS)) if self.digit else (number, 0)
        said: list[str] = []
        for _ in range(self.words):
            number, which = divmod(number, len(self._words()))
            said.append(self._form(self._words()[which]))
        return self.separator.join(said) + (_DIGITS[digit] if self.digit else "")

    def _broken(self, text: str) -> Iterator[str]:
        if self.digit and text[-1] not in _DIGITS:
            yield "it does not end with a digit"
        said = _split(text[:-1] if self.digit and text[-1] in _DIGITS else text, self)
        if len(said) != self.words:
            yield f"it has not {self.words} words" + (" with the separator between them" if self.separator else "")
        if not all(one in _forms(self) for one in said):
            yield "it holds what is no word of the list" + (", with a capital" if self.capital else "")

    def _simple(self) -> PasswordPolicy | None:
        """With what there is beside words, and then with a word more."""
        richer = evolve(self, capital=True, digit=True, separator=self.separator or "-")
        return richer if richer != self else self._short()

    def _short(self) -> PasswordPolicy | None:
        return evolve(self, words=self.words + 1) if self.words < MOST_WORDS else None

    def __str__(self) -> str:
        of = f"a list of {len(self.source):,}" if self.source else "two syllables each"
        parts = [f"joined by {self.separator}" if self.separator else "in one"]
        parts += ["each with a capital"] if self.capital else []
        parts += ["a digit at the end"] if self.digit else []
        return "; ".join([f"{self.words} word{'' if self.words == 1 else 's'} of {of}: {', '.join(parts)}", *self._said_of_others()])


class _Forms:
    """What words may look like in a phrase, and how long."""

    def __init__(self, words: Sequence[str], capital: bool) -> None:
        self._words, self._capital = words, capital
        self._known = frozenset(words) if not isinstance(words, _Syllables) else None
        self.lengths = sorted({len(one) for one in words}) if self._known else [len(words[0])]

    def __contains__(self, given: str) -> bool:
        if self._known is not None:
            return given in self._known
        return given.lower() in self._words and given == (given.capitalize() if self._capital else given.lower())


@lru_cache(maxsize=16)
def _forms(policy: Passphrases) -> _Forms:
    return _Forms([policy._form(word) for word in policy.source] or SYLLABLES, policy.capital)


def _split(text: str, policy: Passphrases) -> list[str]:
    """Its words; without a separator from the front, as none begins another, and what is left as one."""
    if policy.separator:
        return text.split(policy.separator)
    forms, said = _forms(policy), list[str]()
    while text:
        length = next((length for length in forms.lengths if text[:length] in forms), len(text))
        said.append(text[:length])
        text = text[length:]
    return said
