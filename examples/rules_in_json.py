"""Rules stored as JSON and loaded again; what cannot be read is refused with a sentence for the person who wrote it.

A settings page has two ways in: a text that somebody types, and a document that another program sends.
"""

from __future__ import annotations

import json
import sqlite3

import pendulum

from taskkit import Interval, UnreadableDocument, UnreadableText, from_document, parse_interval, to_document

TYPED = [
    "every 2 weeks on mon, wed at 09:00 Europe/Berlin from 2026-03-02",
    "every month on the last day at 23:30 Europe/Berlin",
    "every wek on monday",
    "daily 02:30 Europe/Berln",
]
SENT = [
    '{"kind": "hourly", "every": 6}',
    '{"kind": "monthly", "days": [32]}',
    '{"kind": "daily", "evry": 2}',
]


def save(store: sqlite3.Connection, rule: Interval) -> None:
    store.execute("INSERT INTO rules VALUES (?)", [json.dumps(to_document(rule))])


def load(document: str) -> Interval:
    """The rule of a document; a window is no answer to the question how often."""
    found = from_document(json.loads(document))
    if not isinstance(found, Interval):
        raise UnreadableDocument("reading a rule", f"{found} is a window", "give an interval")
    return found


def main() -> None:
    store = sqlite3.connect(":memory:")
    store.execute("CREATE TABLE rules (document TEXT)")

    for text in TYPED:
        try:
            save(store, parse_interval(text))
        except UnreadableText as error:
            print(f"refused: {error.text!r}: look at {error.text[error.start : error.end]!r}: {error.case}; {error.help}")
    for document in SENT:
        try:
            save(store, load(document))
        except UnreadableDocument as error:
            print(f"refused: {document}: {error.case}; {error.help}")

    now = pendulum.datetime(2026, 3, 16, 13, tz="Europe/Berlin")
    for (document,) in store.execute("SELECT document FROM rules"):
        rule = load(document)
        print(document)
        print(f"  {rule}: next {rule.next_after(now):%a %d %b %Y %H:%M %Z}")
    store.close()


if __name__ == "__main__":
    main()
