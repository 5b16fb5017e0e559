"""Pictures of a forecast: whole by themselves, well-formed, right about the zone, and safe whatever records are called."""

from __future__ import annotations

import datetime
import importlib.util
import random
import re
from collections import Counter
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pendulum
import pytest
from attrs import evolve
from rich.console import Console, RenderableType

from taskkit.cli import _forecasts
from taskkit.engine import Settings
from taskkit.errors import InvalidValue, UnknownZone
from taskkit.events.clocks import Daily
from taskkit.events.elapsed import Minutely
from taskkit.events.remembering import RandomDays
from taskkit.events.windows import TimeWindow
from taskkit.insight import Forecast, pictures
from taskkit.insight._days import days_of
from taskkit.instants import HOUR
from taskkit.records import Record
from taskkit.tasks import Task
from tests.engine.houses import UNIX, House, hosts

EVIL = "<script>alert(1)</script> & \"x\" 'y'"
NIGHTLY = Task(EVIL, "work", Daily(at="02:00"), window=TimeWindow("0-29 2 * * *"))
DAY = datetime.date(2026, 3, 3)


def forecast(days: int = 4) -> Forecast:
    house = House(
        *(Record(f"r{number}", "unix", name=f"{EVIL} \x00\x1b[31m{number}") for number in range(5)),
        settings=Settings(workers=1),
        rng=random.Random(1),
    )
    house.engine.put(NIGHTLY, list=UNIX)
    house.engine.define(house.Scripted("other"))
    house.engine.put(Task("drawn", "other", RandomDays(1, 2, at="12:00")), list=UNIX)
    return house.engine.forecast(None, house.clock.moment.add(days=days), durations=600)


def drawings(found: Forecast, **said: Any) -> list[str]:
    return [pictures.months(found, **said), pictures.day(found, DAY, **said)]


def test_pictures_are_well_formed_and_need_nothing_else() -> None:
    found = forecast()
    for drawing in drawings(found):
        root = ElementTree.fromstring(drawing)  # noqa: S314  our own
        assert root.tag.endswith("svg")
    whole = pictures.page(found)
    for text in (whole, *drawings(found)):
        assert not re.search(r"(?:src|href)=|@import|url\((?!#)|<script", text)


def test_names_may_hold_anything() -> None:
    for text in (*drawings(forecast()), pictures.page(forecast(), title=EVIL)):
        assert "<script" not in text
        assert "&lt;script&gt;" in text
        assert not re.search("[\x00-\x08\x0b-\x1f]", text)


def test_a_month_tells_the_runs_of_each_day_and_what_is_not_drawn() -> None:
    root = ElementTree.fromstring(pictures.months(forecast()))  # noqa: S314
    texts = [one.text for one in root.iter() if one.tag.endswith("text")]
    assert {"March 2026", "2", "3", "4", "5"} <= set(texts)
    told = "".join(filter(None, (one.text for one in root.iter() if one.tag.endswith("title"))))
    assert "their day is not drawn yet" in told


def test_a_day_marks_a_window_that_is_too_small_and_when_it_is_shut() -> None:
    drawing = pictures.day(forecast(), DAY)
    assert "too late" in drawing
    assert "shut from 02:30 to 00:00" in drawing
    assert "at once" in drawing


def test_a_day_in_which_the_clock_changes_has_the_hours_that_it_has() -> None:
    found = forecast(days=30)
    hours = re.findall(r">(\d\d:\d\d)</text>", pictures.day(found, datetime.date(2026, 3, 29), tz="Europe/Berlin"))
    assert hours[:3] == ["00:00", "03:00", "05:00"]  # every second hour that passes


@pytest.mark.parametrize(
    ("tz", "since", "hours"),
    [
        ("America/Havana", "2026-03-07", {"2026-03-08": 23}),  # it has no midnight
        ("America/Santiago", "2026-09-05", {"2026-09-06": 23}),
        ("America/Havana", "2026-10-31", {"2026-11-01": 25}),  # it has two
        ("Atlantic/Azores", "2026-10-24", {"2026-10-25": 25}),
        ("Africa/Cairo", "2026-10-28", {"2026-10-29": 25}),
        ("Pacific/Apia", "2011-12-29", {}),  # the 30th was skipped
        ("Europe/Berlin", "2026-03-28", {"2026-03-29": 23}),
    ],
)
def test_the_days_of_a_zone_follow_each_other_wherever_its_clock_changes(tz: str, since: str, hours: dict[str, int]) -> None:
    start = pendulum.parse(since)
    assert isinstance(start, pendulum.DateTime)
    house = House(*hosts(1), start=start)
    house.engine.put(Task("often", "work", Minutely(30)), list=UNIX)
    found = house.engine.forecast(None, start.add(days=3))
    days = days_of(found, tz)
    assert {day.date: day.count for day in days} == Counter(one.start.in_timezone(tz).date() for one in found.runs)
    assert all(day.until == following.since for day, following in pairwise(days))
    assert {str(day.date): (day.until - day.since) // HOUR for day in days if day.until - day.since != 24 * HOUR} == hours
    ElementTree.fromstring(pictures.months(found, tz=tz))  # noqa: S314  our own


def test_what_waits_since_before_the_forecast_is_marked_on_its_first_day() -> None:
    house = House(*hosts(1))
    task = house.engine.put(Task("nightly", "work", Daily(at="02:00")), list=UNIX)
    house.engine.suspend_task(task.id)
    house.clock.advance(days=3)
    found = house.engine.forecast(None, house.clock.moment.add(days=2))
    assert [one.kind for one in found.concerns] == ["waiting"]
    assert [len(day.concerns) for day in days_of(found, "UTC")] == [1, 0]


def test_a_window_that_closes_at_the_end_of_the_forecast_is_marked_on_its_last_day() -> None:
    house = House(*hosts(9), settings=Settings(workers=1))
    house.engine.put(Task("nightly", "work", Daily(at="22:00"), window=TimeWindow("* 22-23 * * *")), list=UNIX)
    found = house.engine.forecast(None, house.clock.moment.add(days=1), durations=3600)
    assert "window" in {one.kind for one in found.concerns}
    assert [len(day.concerns) for day in days_of(found, "UTC")] == [len(found.concerns)]


def test_the_page_shows_the_fullest_days_or_those_that_are_named() -> None:
    found = forecast(days=20)
    assert pictures.page(found).count("<svg") == 1 + 3
    assert pictures.page(found, days=[DAY]).count("<svg") == 1 + 1


def test_a_forecast_without_runs_has_pictures_too() -> None:
    house = House()
    found = house.engine.forecast(None, house.clock.moment.add(days=40))
    assert "March 2026" in pictures.page(found)
    assert "April 2026" in pictures.page(found)


def test_a_day_that_is_not_in_it_and_a_zone_that_is_none_are_refused() -> None:
    found = forecast()
    with pytest.raises(InvalidValue, match="reaches from 2026-03-02 to 2026-03-05"):
        pictures.day(found, datetime.date(2027, 1, 1))
    with pytest.raises(UnknownZone):
        pictures.months(found, tz="Europe/Nowhere")


# in a terminal


def shown(made: RenderableType) -> str:
    console = Console(file=StringIO(), width=400)
    console.print(made)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_terminal_shows_months_a_day_and_what_should_be_looked_at() -> None:
    found = forecast()
    assert re.search(r"March 2026.*2:3!", shown(_forecasts.months(found)), re.DOTALL)
    day = shown(_forecasts.day(found, DAY))
    assert "pool local" in day
    assert "script" in day
    assert "do not start before its window closes" in shown(_forecasts.worries(found))


def test_a_terminal_shows_two_of_them_compared() -> None:
    house = House(Record("[bold]r1", "unix"))
    task = house.engine.put(Task("nightly", "work", Daily(at="02:00")), list=UNIX)
    end = house.clock.moment.add(days=1)
    before = house.engine.forecast(None, end)
    after = house.engine.forecast(None, end, changes=[evolve(task, policies=Daily(at="03:00"))])
    told = shown(_forecasts.compared(after.against(before)))
    assert "0 appear, 0 vanish, 1 move, 0 stay" in told
    assert "2026-03-02 02:00 → 2026-03-02 03:00  nightly on [bold]r1" in told


def test_runs_that_take_no_time_need_no_more_workers_than_there_are() -> None:
    house = House(*hosts(9), settings=Settings(workers=4))
    house.engine.put(Task("nightly", "work", Daily(at="02:00")), list=UNIX)
    forecast = house.engine.forecast(None, house.clock.moment.add(days=1), durations=0)
    assert "4 of 4 workers" in pictures.day(forecast, house.clock.moment.date())


def test_the_pictures_of_the_docs_are_drawn_by_the_code_beside_them() -> None:
    root = Path(__file__).resolve().parents[2]
    spec = importlib.util.spec_from_file_location("draw_forecasts", root / "tools" / "draw_forecasts.py")
    assert spec
    assert spec.loader
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    for path, drawn in drawing.draw().items():
        assert path.read_text(encoding="utf-8") == drawn, "the page has changed: python tools/draw_forecasts.py draws it anew"
