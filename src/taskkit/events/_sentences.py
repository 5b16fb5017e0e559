"""One rule as a sentence, read word by word into an interval.

every 2 weeks on mon,wed at 09:00 Europe/Berlin
^ how often   ^ clauses, in any order, each at most once
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from taskkit.errors import InvalidValue, UnknownZone
from taskkit.events._fields import MONTH_NAMES, WEEKDAY_NAMES, Weekday, month_named, weekday_named
from taskkit.events._tokens import Cursor, Token
from taskkit.events.clocks import Daily, Monthly, Once, Weekly
from taskkit.events.elapsed import Hourly, Minutely
from taskkit.events.intervals import Interval
from taskkit.events.remembering import MaxAge, RandomDays
from taskkit.events.zones import is_zone, zone_name

_UNITS: dict[str, type[Interval]] = {"minute": Minutely, "hour": Hourly, "day": Daily, "week": Weekly, "month": Monthly}
_SHORT: dict[str, type[Interval]] = {"minutely": Minutely, "hourly": Hourly, "daily": Daily, "weekly": Weekly, "monthly": Monthly}
_TIME = re.compile(r"\d{1,2}:\d\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\S+)?", re.IGNORECASE)
_ORDINAL = re.compile(r"(\d{1,2})(st|nd|rd|th)?")
_CLAUSES = ["on", "in", "at", "from", "until", "gap", "fold", "missing", "again"]
VOCABULARY = [
    *_CLAUSES, *_SHORT, *_UNITS, *(f"{unit}s" for unit in _UNITS), *(name.lower() for name in WEEKDAY_NAMES + MONTH_NAMES),
    *(name[:3].lower() for name in WEEKDAY_NAMES + MONTH_NAMES),
    "every", "once", "window", "always", "other", "last", "days", "weekday", "starting", "ending",
]  # fmt: skip
_KEYWORDS: dict[type[Interval], frozenset[str]] = {
    Minutely: frozenset({"every", "tz", "start", "end"}),
    Daily: frozenset({"every", "at", "tz", "start", "end", "gap", "fold"}),
    Once: frozenset({"at", "tz", "gap", "fold"}),
}
_KEYWORDS[Hourly] = _KEYWORDS[Minutely]
_KEYWORDS[Weekly] = _KEYWORDS[Daily] | {"on"}
_KEYWORDS[Monthly] = _KEYWORDS[Daily] | {"days", "months", "missing_day"}
_KEYWORDS[RandomDays] = _KEYWORDS[Daily] - {"every"} | {"low", "high"}
_KEYWORDS[MaxAge] = _KEYWORDS[Daily] - {"every"} | {"days", "again"}

T = TypeVar("T")


class Sentence:
    """One rule: its kind, and what was said of it, each with the word that said it."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.kind: type[Interval] | None = None
        self.said: dict[str, Any] = {}
        self.places: dict[str, Token] = {}

    def read(self) -> Interval:
        first = self.cursor.next
        self._head()
        while not self.cursor.done and self.cursor.next.said != ";":
            self._clause()
        return self._make(first)

    def _make(self, first: Token) -> Interval:
        kind = self.kind
        if kind is None:
            raise self.cursor.error(first, "it does not say how often", "begin with 'every', 'daily', 'once' or 'on'")
        for name, token in self.places.items():
            if name not in _KEYWORDS[kind]:
                raise self.cursor.error(
                    token,
                    f"{token.said!r} says nothing about this kind of rule",
                    f"{kind.__name__} takes {', '.join(sorted(_KEYWORDS[kind]))}",
                )
        missing = {Weekly: "on", Monthly: "days", Once: "at"}.get(kind)
        if missing and missing not in self.said:
            raise self.cursor.error(
                self.cursor.next,
                f"it does not say {missing!r}",
                {"on": "as in 'on monday'", "days": "as in 'on the 15th'", "at": "as in 'at 2026-03-29 02:30'"}[missing],
            )
        try:
            return kind(**self.said)
        except InvalidValue as error:
            token = next((token for name, token in self.places.items() if error.tried.startswith(f"{name}=")), first)
            raise self.cursor.error(token, error.case, error.help) from error

    def _say(self, name: str, value: object, token: Token) -> None:
        if name in self.said:
            raise self.cursor.error(token, "this was said before", "say it once")
        self.said[name], self.places[name] = value, token

    # how often

    def _head(self) -> None:
        cursor = self.cursor
        if token := cursor.take_if("every"):
            self._every(token)
        elif token := cursor.take_if(*_SHORT):
            self.kind = _SHORT[token.word]
        elif cursor.take_if("once"):
            self.kind = Once
            cursor.skip("at", "on")
            self._say("at", *self._date())
        elif (days := cursor.next.number) is not None:
            self.kind = MaxAge
            self._say("days", days, cursor.take())
            for words in (("days", "day"), ("after",), ("last",), ("success",)):
                cursor.skip("the")
                if not cursor.take_if(*words):
                    raise cursor.unexpected(cursor.next, f"{words[0]!r}, as in '90 days after the last success'", words)
        elif cursor.next.word != "on":
            raise cursor.unexpected(cursor.next, "'every', 'daily', 'once' or 'on'", VOCABULARY)

    def _every(self, every: Token) -> None:
        cursor = self.cursor
        token = cursor.next
        if cursor.take_if("other"):
            self._unit(2, token)
        elif (count := token.number) is not None:
            cursor.take()
            if cursor.take_if("to"):
                self._random_days(count, token)
            else:
                self._unit(count, token)
        elif cursor.take_if("weekday"):
            self.kind = Weekly
            self._say("on", list(Weekday)[:5], token)
        elif weekday_named(token.word) is not None:
            self._on(every)
        elif _ORDINAL.fullmatch(token.word) or token.word == "last":
            self._month_days(token)
        else:
            self._unit(1, None)

    def _random_days(self, low: int, token: Token) -> None:
        high = self.cursor.take()
        if high.number is None or not self.cursor.take_if("days", "day"):
            wrong = high if high.number is None else self.cursor.next
            raise self.cursor.unexpected(wrong, "as in 'every 15 to 30 days'", ["days"])
        self.kind = RandomDays
        self._say("low", low, token)
        self._say("high", high.number, high)

    def _unit(self, count: int, token: Token | None) -> None:
        unit = self.cursor.take()
        name = unit.word.removesuffix("s")
        if name not in _UNITS:
            raise self.cursor.unexpected(unit, "minutes, hours, days, weeks, months or a weekday", VOCABULARY)
        self.kind = _UNITS[name]
        if token:
            self._say("every", count, token)

    # what else was said

    def _clause(self) -> None:
        cursor = self.cursor
        token = cursor.take()
        clauses: dict[str, Callable[[Token], None]] = {
            "on": self._on, "at": self._at, "in": self._in, "of": self._in, "from": self._start, "starting": self._start,
            "until": self._end, "ending": self._end, "again": self._again,
        }  # fmt: skip
        if token.said == ",":
            return
        if token.word in clauses:
            clauses[token.word](token)
        elif token.word in ("gap", "fold"):
            self._say(token.word, cursor.take().word, token)
        elif token.word == "missing":
            cursor.skip("day")
            self._say("missing_day", cursor.take().word, token)
        elif _TIME.fullmatch(token.word):
            self._times(token, token)
        elif "/" in token.said or token.word == "utc" or is_zone(token.said):
            self._zone(token)
        else:
            raise cursor.unexpected(token, "on, at, in, from, until, a time or a zone", VOCABULARY)

    def _on(self, token: Token) -> None:
        cursor = self.cursor
        cursor.skip("the")
        if weekday_named(cursor.next.word) is None:
            self._month_days(token)
        else:
            self.kind = self.kind or Weekly
            self._say("on", self._list(weekday_named), token)

    def _month_days(self, token: Token) -> None:
        cursor = self.cursor
        self.kind = self.kind or Monthly
        self._say("days", self._list(self._month_day), token)
        cursor.skip("day", "days")
        if cursor.take_if("of"):
            cursor.skip("the", "each", "every")
            if not cursor.take_if("month"):
                self._in(token)

    def _month_day(self, word: str) -> int | None:
        if word in ("the", "day", "days"):
            return self._month_day(self.cursor.take().word)
        if word == "last":
            return -1
        match = _ORDINAL.fullmatch(word)
        if match is None:
            return None
        return -int(match[1]) if self.cursor.take_if("last") else int(match[1])

    def _at(self, token: Token) -> None:
        self._times(token, self.cursor.take())

    def _times(self, token: Token, first: Token) -> None:
        times = [first.said]
        while self._goes_on(lambda word: _TIME.fullmatch(word)):
            times.append(self.cursor.take().said)
        self._say("at", times, first)

    def _in(self, token: Token) -> None:
        word = self.cursor.next
        if token.word == "in" and ("/" in word.said or word.word == "utc" or is_zone(word.said)):
            self._zone(self.cursor.take())
        elif month_named(word.word) is None:
            raise self.cursor.unexpected(word, "a month or a zone", VOCABULARY)
        else:
            self._say("months", self._list(month_named), token)

    def _zone(self, token: Token) -> None:
        self._say("tz", read_zone(self.cursor, token), token)

    def _start(self, token: Token) -> None:
        self._say("start", *self._date())

    def _end(self, token: Token) -> None:
        self._say("end", *self._date())

    def _again(self, token: Token) -> None:
        self.cursor.skip("after", "every")
        count = self.cursor.take()
        if count.number is None or not self.cursor.take_if("day", "days"):
            raise self.cursor.unexpected(count, "as in 'again after 2 days'")
        self._say("again", count.number, count)

    def _date(self) -> tuple[str, Token]:
        """A date, with its time of day where one follows."""
        token = self.cursor.take()
        if not _DATE.fullmatch(token.said):
            raise self.cursor.unexpected(token, "a date, as in 2026-03-29 or 2026-03-29T02:30")
        if "T" in token.said.upper():
            return token.said.upper(), token
        time = self.cursor.take_if("at") and self.cursor.take() if self.kind is Once else None
        if time is None and _TIME.fullmatch(self.cursor.next.word):
            time = self.cursor.take()
            if self.kind not in (Once, Minutely, Hourly):
                wanted = f"say 'at {time.said}', or {token.said}T{time.said:0>5} for the start"
                raise self.cursor.error(time, "this may be the time of the runs or of the date before it", wanted)
        return (f"{token.said}T{time.said:0>5}" if time else token.said), token

    def _list(self, read: Callable[[str], T | None]) -> list[T]:
        """One or several, with commas and 'and'."""
        found: list[T] = []
        while True:
            token = self.cursor.take()
            value = read(token.word)
            if value is None:
                raise self.cursor.unexpected(token, "a weekday, a day of the month or a month", VOCABULARY)
            found.append(value)
            if not self._goes_on(
                lambda word: weekday_named(word) is not None or month_named(word) or _ORDINAL.fullmatch(word) or word in ("last", "the")
            ):
                return found

    def _goes_on(self, fits: Callable[[str], object]) -> bool:
        """Past a comma or an 'and', if what follows belongs to the list."""
        place = self.cursor.mark()
        comma, conjunction = self.cursor.take_if(","), self.cursor.take_if("and")
        if (comma or conjunction) and fits(self.cursor.next.word):
            return True
        if conjunction:
            raise self.cursor.unexpected(self.cursor.next, "another one after 'and'", VOCABULARY)
        self.cursor.back(place)
        return False


def read_zone(cursor: Cursor, token: Token) -> str:
    """The zone of this word, with an error that points at it."""
    try:
        return zone_name("UTC" if token.word == "utc" else token.said)
    except UnknownZone as error:
        raise cursor.error(token, error.case, error.help) from error
