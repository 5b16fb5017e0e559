"""Zones as stretches of one offset, against the standard library: every zone, every change, gaps, folds and footers."""

from __future__ import annotations

import io
import random
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import islice
from pathlib import Path

import pendulum
import pytest
from pendulum.tz.timezone import FixedTimezone

from taskkit.errors import InvalidValue, UnknownZone
from taskkit.events import Daily, Interval, Nominal, Once, TimeWindow, Window, _tzif
from taskkit.events.zones import Zone, zone, zone_name
from tests.events.data.zone_files import write_zone, zone_data_from, zone_file
from tests.events.oracles import changes, mapped

ALL = sorted(zoneinfo.available_timezones())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def second(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1)


def instant(second: int) -> datetime:
    return _EPOCH + timedelta(seconds=second)


FIRST, END = second(datetime(1850, 1, 1, tzinfo=UTC)), second(datetime(2500, 1, 1, tzinfo=UTC))
Shown = tuple[datetime, int, timedelta | None]


def shown(moment: datetime) -> Shown:
    """Everything of a wall time that can differ."""
    return moment.replace(tzinfo=None, fold=0), moment.fold, moment.utcoffset()


def plain(moment: pendulum.DateTime) -> datetime:
    """Without what pendulum makes of it."""
    return datetime(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, tzinfo=moment.tzinfo, fold=moment.fold
    )


def differences(found: Zone, info: tzinfo, seconds: Iterator[int]) -> list[tuple[int, Shown, Shown]]:
    """Where the two do not show the same."""
    pairs = ((at, shown(plain(found.show(at))), shown(instant(at).astimezone(info))) for at in seconds)
    return [(at, ours, theirs) for at, ours, theirs in pairs if ours != theirs]


def around_changes(found: Zone, first: int, end: int) -> Iterator[int]:
    for stretch in found.changes(first, end):
        yield from (stretch.start - 1, stretch.start, stretch.start + 1)


def test_every_zone_shows_what_the_standard_library_shows_at_every_change_and_a_second_beside_it() -> None:
    end = second(datetime(2101, 1, 1, tzinfo=UTC))
    wrong = {name: differences(zone(name), zoneinfo.ZoneInfo(name), around_changes(zone(name), FIRST, end)) for name in ALL}
    assert {name: found[:3] for name, found in wrong.items() if found} == {}


def test_every_zone_shows_what_the_standard_library_shows_at_any_instant() -> None:
    rng = random.Random(1884)
    for name in ALL:
        moments = (rng.randrange(FIRST, END) for _ in range(200))
        assert differences(zone(name), zoneinfo.ZoneInfo(name), moments) == [], name


def test_every_change_that_the_standard_library_knows_is_the_begin_of_a_stretch() -> None:
    first, end = second(datetime(2000, 1, 1, tzinfo=UTC)), second(datetime(2041, 1, 1, tzinfo=UTC))
    for name in ALL:
        ours = [(stretch.start, stretch.before, stretch.offset) for stretch in zone(name).changes(first, end)]
        assert ours == [(second(at), before.total_seconds(), after.total_seconds()) for at, before, after in changes(name)], name


def test_what_a_zone_shows_is_the_instant_that_was_asked_for() -> None:
    rng = random.Random(1582)
    for name in ALL:
        since_2020 = islice(around_changes(zone(name), second(datetime(2020, 1, 1, tzinfo=UTC)), END), 100)
        for at in [*(rng.randrange(FIRST, END) for _ in range(20)), *since_2020]:
            moment = zone(name).show(at)
            assert plain(moment).astimezone(UTC) == instant(at)
            assert moment.timestamp() == at
            assert str(moment.tzinfo) == name


def test_stretches_adjoin_and_each_has_an_offset_of_its_own() -> None:
    for name in ALL:
        found = zone(name)
        stretch = found.stretch(FIRST)
        while stretch.end < END:
            following = found.next(stretch)
            assert (following.index, following.start, following.before) == (stretch.index + 1, stretch.end, stretch.offset), name
            assert following.offset == stretch.after != stretch.offset, name
            assert found.previous(following).start == stretch.start, name
            stretch = following


def walls_near(at: int, before: int, after: int) -> Iterator[int]:
    """Both rims of the gap or fold, a second beside them, and its middle."""
    low, high = sorted([at + before, at + after])
    yield from (low - 1, low, low + 1, (low + high) // 2, high - 1, high, high + 1)


def read_by_pep_495(wall: int, info: tzinfo) -> tuple[int, int]:
    naive = instant(wall).replace(tzinfo=info)
    first, last = (second(naive.replace(fold=fold).astimezone(UTC)) for fold in (0, 1))
    return first, max(first, last)  # a gap is read with the offset before it


def test_t04_t05_walls_in_gaps_and_folds_are_read_as_pep_495_says() -> None:
    first, end = second(datetime(1970, 1, 1, tzinfo=UTC)), second(datetime(2041, 1, 1, tzinfo=UTC))
    for name in ALL:
        for stretch in zone(name).changes(first, end):
            for wall in walls_near(stretch.start, stretch.before, stretch.offset):
                assert zone(name).readings(wall) == read_by_pep_495(wall, zoneinfo.ZoneInfo(name)), (name, instant(wall))


def test_t05_a_stretch_knows_what_the_wall_repeats() -> None:
    berlin = zone("Europe/Berlin")
    change = second(datetime(2026, 10, 25, 1, tzinfo=UTC))
    summer, winter = berlin.stretch(change - 1), berlin.stretch(change)
    assert [summer.will_repeat(change - at) for at in (3601, 3600, 1)] == [False, True, True]
    assert [winter.repeats(change + at) for at in (0, 3599, 3600)] == [True, True, False]


# Names


def daily(tz: str) -> Interval:
    return Daily(tz=tz)


def once(tz: str) -> Interval:
    return Once("2026-01-01", tz=tz)


def window(tz: str) -> Window:
    return TimeWindow("* * * * *", tz=tz)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/localtime", "Europe/../Europe/Berlin", "Europe//Berlin", "Europe/Berlin/", "", " ", ".", "Europe",
     "leapseconds", "tzdata.zi", "zone.tab", "Mars/Olympus", "Europe/Berlin\n", "+01:00", "UTC+1", "Zürich", "a\0b"],
)  # fmt: skip
@pytest.mark.parametrize("make", [zone, zone_name, daily, once, window])
def test_t01_a_name_that_is_no_zone_is_refused(name: str, make: Callable[[str], object]) -> None:
    with pytest.raises(UnknownZone):
        make(name)


MISSPELT = [("Europe/Berln", "Europe/Berlin"), ("america/new_york", "America/New_York"), ("Asia/Tokio", "Asia/Tokyo")]


@pytest.mark.parametrize(("name", "meant"), MISSPELT)
def test_t01_an_unknown_zone_is_refused_with_a_suggestion(name: str, meant: str) -> None:
    with pytest.raises(UnknownZone) as caught:
        Daily(tz=name)
    assert meant in caught.value.help
    assert name in caught.value.tried
    assert isinstance(caught.value, InvalidValue)


@pytest.mark.parametrize("tz", [zoneinfo.ZoneInfo("Europe/Berlin"), pendulum.timezone("Europe/Berlin"), "Europe/Berlin"])
def test_t01_a_zone_is_taken_by_its_name_in_whatever_form(tz: str) -> None:
    assert zone_name(tz) == "Europe/Berlin"
    assert Daily(tz=tz) == Daily(tz="Europe/Berlin")


@pytest.mark.parametrize("tz", [UTC, timezone.utc, zoneinfo.ZoneInfo("UTC"), pendulum.UTC, "UTC"])  # noqa: UP017
def test_t01_utc_is_a_zone_in_whatever_form(tz: str) -> None:
    assert Daily(tz=tz).tz == "UTC"


NO_ZONES = [timezone(timedelta(hours=1)), timezone(timedelta(hours=1), "CET"), FixedTimezone(3600), None, 1, b"UTC", object()]


@pytest.mark.parametrize("tz", NO_ZONES, ids=lambda tz: type(tz).__name__)
def test_t01_an_offset_or_anything_else_is_no_zone(tz: str) -> None:
    with pytest.raises(UnknownZone):
        Daily(tz=tz)


def test_t01_a_zone_without_a_name_is_refused() -> None:
    data = zone_file([(3600, False, "AAA")])
    with pytest.raises(UnknownZone):
        zone_name(zoneinfo.ZoneInfo.from_file(io.BytesIO(data)))


# Footers: the rule for the years after the last entry

FOOTERS = [
    "EST5EDT,M3.2.0,M11.1.0",  # a usual one, all times left to their defaults
    "AEST-10AEDT,M10.1.0,M4.1.0/3",  # southern
    "AAA-1BBB,J60/2,J300/3",  # 29 February not counted
    "AAA-1BBB,J61/3:30:15,J305",
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",  # the day before
    "AAA2BBB,M3.5.0/-50,M10.5.0/-1:30",
    "EET-2EEST,M3.4.4/50,M10.4.4/50",  # days after
    "AAA-1BBB,M2.5.0/167,M9.5.6/-167",
    "IST-1GMT0,M10.5.0,M3.5.0/1",  # summer is the standard
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",  # half an hour
    "AAA3BBB4,M3.2.0,M11.1.0",  # an hour back in summer
    "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3",  # two hours
    "AAA-1:02:03BBB-2:03:04,M2.1.1/0,M11.5.5/24",  # seconds
    "<+0545>-5:45",
    "AAA4:30:30",
    "<-12>12",
    "<+14>-14",
]  # fmt: skip
FOR_EVER = ["EST5EDT,0/0,J365/25", "AAA3BBB,J1/0,J365/25", "AAA-3BBB,0/0,J365/25"]  # summer begins when it ends
IN_2010 = second(datetime(2010, 1, 1, 12, tzinfo=UTC))
A, B = (-18_000, False, "AAA"), (-14_400, True, "BBB")


def both(data: bytes) -> tuple[Zone, tzinfo]:
    """Our reading of a file and the standard library's."""
    info = zoneinfo.ZoneInfo.from_file(io.BytesIO(data), key="Test/Footer")
    return Zone("Test/Footer", _tzif.parse(data), info), info


def from_2010(footer: str) -> bytes:
    """A file whose only entry begins what its footer goes on with."""
    alone = zoneinfo.ZoneInfo.from_file(io.BytesIO(zone_file([A], (), footer)))
    offset, summer = (instant(IN_2010).astimezone(alone).utcoffset(), instant(IN_2010).astimezone(alone).dst())
    assert offset is not None
    return zone_file([(3600, False, "OLD"), (int(offset.total_seconds()), bool(summer), "NEW")], [(IN_2010, 1)], footer)


def after_2010() -> Iterator[int]:
    rng = random.Random(2010)
    for year in [*range(2011, 2060), 2099, 2100, 2101, 2104, 2399, 2400]:
        begin = second(datetime(year, 1, 1, tzinfo=UTC))
        yield from (begin + hour * 3600 for hour in range(-48, 49))
        yield from (begin + rng.randrange(366 * 86_400) for _ in range(40))


@pytest.mark.parametrize("footer", FOOTERS)
def test_a_footer_is_read_as_the_standard_library_reads_it(footer: str) -> None:
    for data in (from_2010(footer), zone_file([A], (), footer)):
        ours, theirs = both(data)
        later, end = second(datetime(2010, 2, 1, tzinfo=UTC)), second(datetime(2110, 1, 1, tzinfo=UTC))
        assert differences(ours, theirs, after_2010()) == []
        assert differences(ours, theirs, around_changes(ours, later, end)) == []


@pytest.mark.parametrize(
    ("footer", "begins"),
    [
        ("AAA-1BBB,59/2,299/3", {2023: (3, 1, 1), 2024: (2, 29, 1)}),  # days from 0, 29 February is one
        ("AAA-1BBB,J60/2,J300/3", {2023: (3, 1, 1), 2024: (3, 1, 1)}),
        ("AAA-1BBB,J59/2,J300/3", {2023: (2, 28, 1), 2024: (2, 28, 1)}),
        ("AAA3BBB,0/2,99/3", {2023: (1, 1, 5), 2024: (1, 1, 5)}),
        ("AAA-1BBB,M2.5.4/2,M10.5.0/3", {2023: (2, 23, 1), 2024: (2, 29, 1)}),  # the fifth is the last
    ],
)
def test_a_footer_begins_on_the_day_that_it_says(footer: str, begins: dict[int, tuple[int, int, int]]) -> None:
    found, _ = both(zone_file([A], (), footer))
    for year, (month, day, hour) in begins.items():
        change = second(datetime(year, month, day, hour, tzinfo=UTC))
        assert found.stretch(change).start == change
        assert found.stretch(change).offset == found.stretch(change).before + 3600


@pytest.mark.parametrize("version", [b"\0", b"2", b"3", b"4"])
def test_files_of_all_versions_are_read(version: bytes) -> None:
    entries = [(1268438400, 1), (1289095200, 0)]
    ours, theirs = both(zone_file([A, B], entries, "AAA5" if version > b"\0" else "", version=version))
    moments = (at + beside for at, _ in entries for beside in (-86_400, -1, 0, 1, 86_400))
    assert differences(ours, theirs, moments) == []


def test_before_the_first_entry_the_first_standard_offset_holds() -> None:
    ours, theirs = both(zone_file([B, A], [(1268438400, 1)], "AAA5"))
    assert differences(ours, theirs, iter([FIRST, 0, 1268438399, 1268438400])) == []
    assert ours.stretch(0).offset == A[0]


def test_after_the_last_entry_of_a_file_without_a_footer_its_offset_goes_on() -> None:
    ours, _ = both(zone_file([A, B], [(1268438400, 1)], ""))
    assert ours.stretch(END).offset == B[0]


@pytest.fixture
def own_zones(tmp_path: Path) -> Iterator[Path]:
    with zone_data_from(tmp_path):
        yield tmp_path


@pytest.mark.parametrize("footer", FOOTERS)
def test_t03_no_day_is_lost_in_the_years_of_a_footer(own_zones: Path, footer: str) -> None:
    write_zone(own_zones, "Test/Footer", from_2010(footer))
    rule = Daily(7, tz="Test/Footer", at=["00:30", "02:30", "23:45"], fold="both")
    for year in (2030, 2043, 2093, 2143):  # where more years are laid out
        lo, hi = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 8, 1, 1, tzinfo=UTC)
        expected = mapped(rule, lo, hi)
        assert [moment.astimezone(UTC) for moment in rule.between(lo, hi)] == expected
        assert rule.count_between(lo, hi) == len(expected)


@pytest.mark.parametrize("footer", FOR_EVER)
def test_t03_no_day_is_lost_where_summer_lasts_for_ever(own_zones: Path, footer: str) -> None:
    offset = both(zone_file([A], (), footer))[0].stretch(IN_2010).offset
    write_zone(own_zones, "Test/Summer", zone_file([(offset - 3600, False, "AAA"), (offset, True, "BBB")], [(IN_2010, 1)], footer))
    rule = Daily(tz="Test/Summer", at="12:00")
    for year in (2011, 2043, 2093, 2143):
        noon = datetime(year, 1, 1, 12, tzinfo=UTC) - timedelta(seconds=offset)
        days = [noon + timedelta(days=day) for day in range(3000)]
        assert list(rule.between(noon, days[-1])) == days[:-1]
        assert rule.count_between(noon, days[-1]) == len(days) - 1


def test_t01_a_file_that_is_no_zone_file_is_no_zone(own_zones: Path) -> None:
    write_zone(own_zones, "Test/Text", b"TZi, but not quite")
    with pytest.raises(UnknownZone):
        zone("Test/Text")


def test_t01_a_zone_of_ones_own_is_found(own_zones: Path) -> None:
    write_zone(own_zones, "Test/Own", zone_file([(12_600, False, "OWN")], (), "OWN-3:30"))
    found = Daily(tz="Test/Own", at="12:00").occurrence_after(datetime(2026, 1, 1, tzinfo=UTC))
    assert found is not None
    assert found.instant.astimezone(UTC) == datetime(2026, 1, 1, 8, 30, tzinfo=UTC)
    assert found.nominal == Nominal.parse("2026-01-01T12:00 Test/Own")
