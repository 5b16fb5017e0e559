"""Where in a span the runs of many records start (T17)."""

from __future__ import annotations

from collections import Counter

import pendulum
import pytest

from taskkit import InvalidValue, OpenTime, Spread, TimeWindow

DUE = pendulum.datetime(2026, 6, 1, 22, tz="Europe/Berlin")
RECORDS = [f"record-{number}" for number in range(10_000)]


def test_t17_ten_thousand_records_lie_evenly_over_the_span() -> None:
    starts = [Spread(60).start(record, DUE) for record in RECORDS]
    minutes = Counter((start - DUE).in_minutes() for start in starts)
    assert set(minutes) == set(range(60))
    assert max(minutes.values()) < 2 * len(RECORDS) / 60
    assert max(Counter(starts).values()) < 20


def test_t17_a_record_keeps_its_place() -> None:
    assert all(Spread(60).start(record, DUE.add(days=1)) == Spread(60).start(record, DUE).add(days=1) for record in RECORDS[:100])
    assert Spread(60).start("record-1", DUE) == DUE.add(minutes=2, seconds=53)  # in every process, on every machine


def test_t17_the_window_shortens_the_span_and_moves_it_to_its_opening() -> None:
    window = TimeWindow("30-59 22 * * *", tz="Europe/Berlin")
    starts = [Spread(600).start(record, DUE, window) for record in RECORDS[:1000]]
    assert min(starts) < DUE.add(minutes=31)
    assert max(starts) > DUE.add(minutes=59)
    assert all(window.contains(start) for start in starts)
    assert all(Spread(10).start(record, DUE, window) < DUE.add(minutes=40) for record in RECORDS[:1000])


def test_t17_a_blackout_cuts_the_span_too() -> None:
    hours = OpenTime(None, TimeWindow("* 23 * * *", tz="Europe/Berlin"))
    assert all(hours.contains(Spread(600).start(record, DUE, hours)) for record in RECORDS[:500])


@pytest.mark.parametrize("minutes", [0, -1, 1.5, "60"])
def test_a_span_of_no_minutes_is_refused(minutes: object) -> None:
    with pytest.raises(InvalidValue, match="whole number of minutes"):
        Spread(minutes)  # type: ignore[arg-type]
