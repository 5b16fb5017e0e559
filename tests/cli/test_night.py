"""The night of the demo is a true story: what it tells is what the engine did."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from taskkit.cli._night import Night, show


def told() -> str:
    console = Console(file=StringIO(), width=120, highlight=False)
    show(console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_night_is_told_from_facts() -> None:
    said = told()
    for line in (
        "19:10    web1  clear caches an hour after unlock: done",  # P3: the first unlock counts
        "19:30    db1   clean up after sessions: waits (session, looks again at 19:35)",  # P2
        "21:05    db1   clean up after sessions: done",
        "20:20    web2  restart at 02:30: waits (window, looks again at 22:00)",  # A5, R5
        "22:00    web2  restart at 02:30: done",
        "02:30    db2   restart at 02:30: failed (failed)",
        "03:00    db2   restart at 02:30: done (attempt 2)",  # J7
        "their chain is whole",
    ):
        assert line in said


def test_the_night_is_the_same_each_time() -> None:
    assert told() == told()


def test_each_night_leaves_an_occurrence_waiting_for_each_server() -> None:
    night = Night()
    for moment in night.moments():
        list(night.pass_until(moment.at))
        moment.do()
    waiting = [entry for entry in night.engine.history(limit=1000).entries if entry.ended is None]
    assert len(waiting) == 8
    assert night.engine.check() == []
