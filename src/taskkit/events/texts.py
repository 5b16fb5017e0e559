"""Rules and windows as people write them, read into values: the other half of `str(value)`.

every 2 weeks on mon,wed at 09:00 Europe/Berlin        daily 02:30 Europe/Berlin
every month on the 1st and last day in June at 03:00   every 15 to 30 days
90 days after the last success, again after 2 days     once at 2026-03-29 02:30
window '* 22-23 * * 1-5', Europe/Berlin                every 5 minutes; every Sunday
"""

from __future__ import annotations

from typing import TypeVar

from taskkit.errors import InvalidValue
from taskkit.events._sentences import VOCABULARY, Sentence, read_zone
from taskkit.events._tokens import Cursor
from taskkit.events.intervals import Interval
from taskkit.events.open_times import OpenTime
from taskkit.events.unions import AnyOf
from taskkit.events.windows import TimeWindow, Window

T = TypeVar("T")


def parse(text: str) -> Interval | Window:
    """The interval or window that the text says; UnreadableText points at the word that is wrong."""
    cursor = Cursor(text)
    if cursor.next.word in ("window", "always"):
        return _window(cursor)
    rules = [Sentence(cursor).read()]
    while cursor.take_if(";"):
        rules.append(Sentence(cursor).read())
    if not cursor.done:
        raise cursor.unexpected(cursor.next, "the end or ';'", VOCABULARY)
    return rules[0] if len(rules) == 1 else AnyOf(*rules)


def parse_interval(text: str) -> Interval:
    """The same where only an interval will do."""
    return _only(Interval, text)  # type: ignore[type-abstract]


def parse_window(text: str) -> Window:
    """The same where only a window will do."""
    return _only(Window, text)  # type: ignore[type-abstract]


def _only(kind: type[T], text: str) -> T:
    found = parse(text)
    if not isinstance(found, kind):
        raise Cursor(text).error(
            Cursor(text).next, f"this is no {kind.__name__.lower()}", "windows begin with 'window' or 'always', intervals do not"
        )
    return found


def _window(cursor: Cursor) -> Window:
    first = cursor.take()
    window = _one_window(cursor) if first.word == "window" else None
    blackouts = []
    while cursor.take_if("except"):
        if not cursor.take_if("window"):
            raise cursor.unexpected(cursor.next, "'window'", ["window"])
        blackouts.append(_one_window(cursor))
    if not cursor.done:
        raise cursor.unexpected(cursor.next, "a zone, 'except window …' or the end")
    if window is not None and not blackouts:
        return window
    try:
        return OpenTime(window, blackouts)
    except InvalidValue as error:
        raise cursor.error(first, error.case, error.help) from error


def _one_window(cursor: Cursor) -> TimeWindow:
    token = cursor.take()
    if len(token.said) < 2 or token.said[0] not in "'\"" or token.said[-1] != token.said[0]:
        raise cursor.error(token, "a cron expression in quotes must follow 'window'", "as in window '* 22-23 * * 1-5'")
    cursor.skip(",")
    tz = "UTC" if cursor.done or cursor.next.word == "except" else read_zone(cursor, cursor.take())
    try:
        return TimeWindow(token.said[1:-1], tz=tz)
    except InvalidValue as error:
        raise cursor.error(token, error.case, error.help) from error
