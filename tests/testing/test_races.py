"""Lease races by the thousand, each with a world that kills, stalls and loses: whatever the order, every law holds (J2 to J5).

TASKKIT_RACES says how many; a nox session plays a hundred thousand.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from taskkit.testing import Act
from tests.testing.races import checked, seed

SOME, ALL = 1_500, 100_000
RACES = int(os.environ.get("TASKKIT_RACES", SOME))
_PORTION = 50
Places = Counter[tuple[str, str]]


def portion(first: int) -> tuple[int, Places]:
    """Some races, one after the other; how many, and where the world stepped in."""
    places: Places = Counter()
    numbers = range(first, min(first + _PORTION, RACES))
    for number in numbers:
        places.update({(what, act.value): count for (what, act), count in checked(seed(number)).places.items()})
    return len(numbers), places


def test_no_race_breaks_a_law(record_property: Callable[[str, object], None]) -> None:
    races, places = 0, Places()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for count, found in pool.map(portion, range(0, RACES, _PORTION)):
            races, places = races + count, places + found
    acts = Counter[str]()
    for (_, act), count in places.items():
        acts[act] += count
    died = {what for what, act in places if act in (Act.CRASH, Act.DIE)}
    deaths = f"processes died {acts['crash'] + acts['die']:,} times at {len(died)} places"
    record_property("said", f"races: {races:,} of {ALL:,}, in which {deaths}")
    record_property("said", f"races: {', '.join(f'{act} {count:,}' for act, count in sorted(acts.items()))}")
    assert races == RACES
    assert died >= PLACES
    assert set(acts) == {act.value for act in Act}


#: Where a process must have died at least once, or the proof is none.
PLACES = {
    "storage.write", "storage.claim", "storage.job", "storage.jobs", "records.get", "records.all", "point begin", "point save",
    "point saved", "point end",
}  # fmt: skip


@pytest.mark.parametrize("number", range(3))
def test_a_race_is_the_same_each_time(number: int) -> None:
    first, second = checked(seed(number)), checked(seed(number))
    assert first.turns == second.turns
    assert first.places == second.places
