"""Passwords of characters: lengths, classes, and what may stand where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from typing import Any, ClassVar

from attrs import Attribute, evolve, field, frozen
from attrs.validators import optional

from taskkit.checks import a, names, optional_whole, refused, several
from taskkit.errors import InvalidValue
from taskkit.events._wording import listed
from taskkit.passwords._classes import LONGEST, OURS, CharacterClass, printable
from taskkit.passwords._counting import MOST_STEPS, Demands, Spellings
from taskkit.passwords._policies import PasswordPolicy, shown

_LETTERS = frozenset({"lower", "upper"})
_ONE = {"lower": "a small letter", "upper": "a capital", "digits": "a digit", "symbols": "a symbol"}


def _range(given: Any) -> tuple[Any, ...]:
    found = several(given)
    return found * 2 if len(found) == 1 else found


def _lengths(instance: object, attribute: Attribute[Any], given: tuple[Any, ...]) -> None:
    if len(given) != 2 or not all(type(one) is int for one in given) or not 1 <= given[0] <= given[1] <= LONGEST:
        raise refused(instance, attribute, given, "it is no length", f"give 1 to {LONGEST}, or two such as (16, 20)")


def _classes(given: Any) -> tuple[Any, ...]:
    found = (given,) if isinstance(given, Mapping) else several(given)
    return tuple(_class(one) if isinstance(one, Mapping) else one for one in found)


def _class(given: Mapping[str, Any]) -> CharacterClass:
    try:
        return CharacterClass(**given)
    except TypeError as error:
        raise InvalidValue("reading a CharacterClass", str(error), "give name, characters and perhaps least") from None


def _some_names(given: Any) -> frozenset[str] | None:
    return None if given is None else names(given)


def _least() -> Any:
    return field(default=1, validator=optional_whole(0, LONGEST), kw_only=True)


@frozen
class Passwords(PasswordPolicy):
    """Characters of classes, with a least number of each; a class whose number is None is not in it."""

    kind: ClassVar[str] = "passwords"
    length: tuple[int, ...] = field(default=(24, 24), converter=_range, validator=_lengths)
    lower: int | None = _least()
    upper: int | None = _least()
    digits: int | None = _least()
    symbols: int | None = _least()
    own: tuple[CharacterClass, ...] = field(default=(), converter=_classes, kw_only=True)
    only: str = field(default="", validator=printable, kw_only=True)
    without: str = field(default="", validator=printable, kw_only=True)
    #: Classes; None stands for a letter, where there are letters.
    first: frozenset[str] | None = field(default=None, converter=_some_names, validator=optional(a(frozenset)), kw_only=True)
    last: frozenset[str] = field(default=frozenset(), converter=names, kw_only=True)
    runs: int | None = field(default=None, validator=optional_whole(1, LONGEST), kw_only=True)

    def __attrs_post_init__(self) -> None:
        known = self._known()
        strange = sorted((self.last | (self.first or frozenset())) - known.keys())
        if strange:
            place = "begin" if strange[0] in (self.first or ()) else "end"
            case = f"it is to {place} with {strange[0]!r}, and has no such class"
            raise InvalidValue("making Passwords", case, f"there are {', '.join(known)}")
        if self._demands().steps > MOST_STEPS:
            raise InvalidValue("making Passwords", "there is too much to count", "ask for less of each class, for shorter ones or no runs")
        if not self.possible:
            raise InvalidValue("making Passwords", f"no password is {', '.join(self._conflict())}", "let go of one of these")

    def _known(self) -> dict[str, tuple[str, int]]:
        """The characters of each class that is in it, and how many of them are needed."""
        found = {name: (characters, least) for name, characters in OURS.items() if (least := getattr(self, name)) is not None}
        for one in self.own:
            if not isinstance(one, CharacterClass):
                raise InvalidValue("making Passwords", f"one of its own classes is a {type(one).__name__}", "give CharacterClass(…)")
            if one.name in found:
                advice = f"give {one.name}=None as well" if one.name in OURS else "give each class a name of its own"
                raise InvalidValue("making Passwords", f"there are two classes {one.name!r}", advice)
            found[one.name] = (one.characters, one.least)
        if not found:
            raise InvalidValue("making Passwords", "there is no class of characters", "give the least number of one: lower=0")
        return found

    def _begins(self) -> frozenset[str]:
        return _LETTERS & self._known().keys() if self.first is None else self.first

    def _demands(self, *, dropped: frozenset[str] = frozenset()) -> Demands:
        """What is to be counted, perhaps without some of the demands that `_told` names."""
        known = self._known()
        least = {name: 0 if name in dropped else least for name, (_, least) in known.items()}
        shortest, longest = self.length
        usable = frozenset("".join(characters for characters, _ in known.values()))
        usable = usable & frozenset(self.only) if self.only and "only" not in dropped else usable
        usable = usable if "without" in dropped else usable - frozenset(self.without)
        runs = None if "runs" in dropped else self.runs
        if "longest" in dropped:
            least = {name: min(count, _enough(usable, known[name][0], runs)) for name, count in least.items()}
            longest += 2 * sum(least.values()) + 2
        else:  # one more than there is room for is as impossible as any other number, and soon counted
            least = {name: min(count, longest + 1) for name, count in least.items()}
        classes = tuple((usable & frozenset(characters), least[name]) for name, (characters, _) in known.items())

        def at(place: str, wanted: frozenset[str]) -> frozenset[str]:
            anything = place in dropped or not wanted
            return usable if anything else usable & frozenset("".join(known[name][0] for name in wanted))

        return Demands(
            1 if "shortest" in dropped else shortest,
            longest,
            classes,
            at("first", self._begins()),
            at("last", self.last),
            runs,
        )

    def _conflict(self) -> Iterator[str]:
        """Demands that cannot go together, in words, and none that could be left out of them."""
        told, dropped = self._told(), frozenset[str]()
        for name in told:
            if not Spellings(self._demands(dropped=dropped | {name})).count:
                dropped |= {name}
        return (words for name, words in told.items() if name not in dropped)

    def _told(self) -> dict[str, str]:
        """Each demand in words."""
        shortest, longest = self.length
        told = {"shortest": f"at least {shortest} long", "longest": f"at most {longest} long"}
        told |= {name: f"with at least {least} of {name}" for name, (_, least) in self._known().items() if least}
        told |= {"first": f"beginning with {_any_of(self._begins())}"} if self._begins() else {}
        told |= {"last": f"ending with {_any_of(self.last)}"} if self.last else {}
        told |= {"runs": f"with no character {_more_than(self.runs)}"} if self.runs else {}
        told |= {"only": f"of {self.only!r} only"} if self.only else {}
        return told | ({"without": f"without {self.without!r}"} if self.without else {})

    @property
    def possible(self) -> int:
        return _spellings(self).count

    def _numbered(self, number: int) -> str:
        return _spellings(self).spelled(number)

    def _broken(self, text: str) -> Iterator[str]:
        demands, (shortest, longest) = self._demands(), self.length
        if len(text) < shortest:
            yield f"it is shorter than {shortest} characters"
        if len(text) > longest:
            yield f"it is longer than {longest} characters"
        for (characters, least), name in zip(demands.classes, self._known(), strict=True):
            if sum(one in characters for one in text) < least:
                yield f"it has fewer than {least} of {name}"
        if not frozenset(text) <= frozenset[str]().union(*(characters for characters, _ in demands.classes)):
            yield "it holds characters that are not allowed"
        if text[0] not in demands.begins and self._begins():
            yield f"it does not begin with {_any_of(self._begins())}"
        if text[-1] not in demands.ends and self.last:
            yield f"it does not end with {_any_of(self.last)}"
        if self.runs and max(len([*run]) for _, run in groupby(text)) > self.runs:
            yield f"it has a character {_more_than(self.runs)}"

    def _simple(self) -> PasswordPolicy | None:
        """As long as it may be, with one more of each class."""
        more = {name: least + 1 for name in OURS if (least := getattr(self, name)) is not None}
        own = [evolve(one, least=one.least + 1) for one in self.own]
        return self._changed(length=self.length[1], own=own, **more)

    def _short(self) -> PasswordPolicy | None:
        shortest, longest = self.length
        return self._changed(length=longest) if shortest < longest else None

    def _changed(self, **changes: Any) -> PasswordPolicy | None:
        try:
            return evolve(self, **changes)
        except InvalidValue:
            return None

    def __str__(self) -> str:
        parts = [self._classes_said()]
        parts += [f"without {self.without}"] if self.without else []
        parts += [f"of {self.only} only"] if self.only else []
        parts += [f"begins with {_any_of(self._begins())}"] if self._begins() else []
        parts += [f"ends with {_any_of(self.last)}"] if self.last else []
        parts += [f"no character {_more_than(self.runs)}"] if self.runs else []
        unit = "character" if self.length == (1, 1) else "characters"
        return f"{shown(self.length)} {unit}: {'; '.join([*parts, *self._said_of_others()])}"

    def _classes_said(self) -> str:
        needed = {name: least for name, (_, least) in self._known().items()}
        alike = {*needed.values()}
        if len(alike) == 1:
            [least] = alike
            behind = f", at least {least}{' each' if len(needed) > 1 else ''}" if least else ""
            return f"{listed(needed)}{behind}"
        return listed(f"{name} (at least {least})" if least else name for name, least in needed.items())


def _enough(usable: frozenset[str], characters: str, runs: int | None) -> int:
    """Where texts are as long as they like, one that has so many of a class can be made to have any number: between two others that differ,
    more fit in. Only of one character there is no text that is longer than its run.
    """
    return 1 if runs is None or len(usable) > 1 or usable.isdisjoint(characters) else runs + 1


def _any_of(classes: frozenset[str]) -> str:
    if classes == _LETTERS:
        return "a letter"
    return " or ".join(_ONE.get(name, f"one of {name}") for name in sorted(classes))


def _more_than(runs: int) -> str:
    return "twice in a row" if runs == 1 else f"more than {runs} times in a row"


@lru_cache(maxsize=16)
def _spellings(policy: Passwords) -> Spellings:
    """Counting takes longer than drawing, and one policy draws for thousands of records."""
    return Spellings(policy._demands())
