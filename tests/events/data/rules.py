"""Rules, moments and spans to draw: over all kinds and zones, and more often than not close to a change of the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from attrs import frozen
from hypothesis import assume
from hypothesis import strategies as st

from taskkit.errors import InvalidValue
from taskkit.events import AnyOf, Daily, Hourly, Interval, Minutely, Monthly, Once, Weekday, Weekly
from tests.events.oracles import changes, changing_zones

Draw = Callable[[st.SearchStrategy[Any]], Any]
T = TypeVar("T")

_MINUTE = timedelta(minutes=1)
_FIRST, _END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


@frozen
class Scene:
    """A zone and a moment in it that matters."""

    zone: str
    moment: datetime

    @property
    def wall(self) -> datetime:
        """What the zone's clock shows one minute before, plus that minute: the begin of a gap, the end of a fold."""
        return (self.moment - _MINUTE).astimezone(ZoneInfo(self.zone)).replace(tzinfo=None, fold=0) + _MINUTE


@st.composite
def scenes(draw: Draw) -> Scene:
    zone = draw(st.sampled_from(changing_zones()))
    if draw(st.integers(0, 3)):
        return Scene(zone, draw(st.sampled_from(changes(zone))).instant)
    return Scene(zone, _FIRST + minutes(draw(st.integers(0, (_END - _FIRST) // _MINUTE))))


@st.composite
def moments_near(draw: Draw, scene: Scene, hours: int = 40) -> datetime:
    """Not always on a whole minute."""
    moment = scene.moment + minutes(draw(st.integers(-hours * 60, hours * 60)))
    return moment + timedelta(seconds=draw(st.sampled_from([0, 0, 0, 1, 30, 59])), microseconds=draw(st.sampled_from([0, 0, 1, 999_999])))


@st.composite
def times(draw: Draw, scene: Scene) -> list[str]:
    """One to three times of day, most of them where the clock changes."""
    distances = st.sampled_from([0, -1, 1, 30, -30, 60, -60]) | st.integers(-180, 180) | st.integers(0, 1439)
    found = draw(st.lists(distances, min_size=1, max_size=3, unique=True) | meeting(scene))
    return [f"{scene.wall + distance * _MINUTE:%H:%M}" for distance in found]


def meeting(scene: Scene) -> st.SearchStrategy[list[int]]:
    """A time in the gap or fold, and the one that it meets where the gap shifts it."""
    shown = scene.moment.astimezone(ZoneInfo(scene.zone)).replace(tzinfo=None, fold=0)
    wide = max(1, abs((shown - scene.wall) // _MINUTE))
    return st.integers(0, wide - 1).map(lambda place: [place, place + wide])


@st.composite
def edges(draw: Draw, scene: Scene, days: int) -> str | date | datetime:
    """A date, a wall time or an instant, up to so many days away."""
    close = st.sampled_from([0, -1, 1, -30, 30, -60, 60]) | st.integers(-2 * 1440, 2 * 1440)
    distance = minutes(draw(close | st.integers(-days * 1440, days * 1440)))
    form = draw(st.sampled_from(["date", "wall", "instant"]))
    if form == "date":
        return (scene.wall + distance).date()
    return f"{scene.wall + distance:%Y-%m-%dT%H:%M}" if form == "wall" else scene.moment + distance


@st.composite
def bounds(draw: Draw, scene: Scene) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if draw(st.booleans()):
        said["start"] = draw(edges(scene, 900))
    if not draw(st.integers(0, 2)):
        said["end"] = draw(edges(scene, draw(st.sampled_from([3, 900]))))
    return said


def some_of(given: Sequence[T], likely: T) -> st.SearchStrategy[list[T]]:
    """One or more, among them as a rule the likely one."""
    several = st.lists(st.sampled_from(given), min_size=1, max_size=4, unique=True)
    return several | several.map(lambda chosen: chosen if likely in chosen else [likely, *chosen])


CHOICES = {"gap": st.sampled_from(["shift", "skip"]), "fold": st.sampled_from(["first", "last", "both"])}


@st.composite
def clock_words(draw: Draw, scene: Scene) -> dict[str, Any]:
    """What all rules about days can be told."""
    return {"at": draw(times(scene)), "tz": scene.zone, **draw(st.fixed_dictionaries(CHOICES)), **draw(bounds(scene))}


def made(kind: Callable[..., Interval], **said: Any) -> Interval:
    """The rule, unless its words contradict each other or it never fires."""
    try:
        return kind(**said)
    except InvalidValue:
        assume(False)
        raise


@st.composite
def dailies(draw: Draw, scene: Scene) -> Interval:
    return made(Daily, every=draw(st.integers(1, 3) | st.integers(1, 40)), **draw(clock_words(scene)))


@st.composite
def weeklies(draw: Draw, scene: Scene) -> Interval:
    on = draw(some_of(list(Weekday), Weekday(scene.wall.weekday())))
    return made(Weekly, every=draw(st.integers(1, 3)), on=on, **draw(clock_words(scene)))


@st.composite
def monthlies(draw: Draw, scene: Scene) -> Interval:
    days = draw(some_of([*range(1, 32), *range(-28, 0)], scene.wall.day) | some_of([28, 29, 30, 31, -1], 31))
    months = draw(st.just(list(range(1, 13))) | some_of(list(range(1, 13)), scene.wall.month))
    missing = draw(st.sampled_from(["last", "skip", "next"]))
    every = draw(st.sampled_from([1, 1, 1, 2, 3, 5, 12, 18])) if len(months) == 12 else 1
    return made(Monthly, days=days, months=months, every=every, missing_day=missing, **draw(clock_words(scene)))


@st.composite
def elapsed(draw: Draw, scene: Scene) -> Interval:
    said = draw(bounds(scene)) | {"tz": scene.zone}
    if draw(st.booleans()):
        return made(Minutely, every=draw(st.integers(1, 90) | st.integers(1, 5000)), **said)
    return made(Hourly, every=draw(st.integers(1, 30)), **said)


@st.composite
def onces(draw: Draw, scene: Scene) -> Interval:
    seconds = timedelta(seconds=draw(st.sampled_from([0, 0, 30])))
    distance = draw(st.sampled_from([0, -1, 30, -30]) | st.integers(-2000, 2000)) * _MINUTE + seconds
    at = draw(st.sampled_from([f"{scene.wall + distance:%Y-%m-%dT%H:%M:%S}", scene.moment + distance]))
    return made(Once, at=at, tz=scene.zone, **draw(st.fixed_dictionaries(CHOICES)))


def clock_rules(scene: Scene) -> st.SearchStrategy[Interval]:
    return st.one_of(dailies(scene), weeklies(scene), monthlies(scene))


def single_rules(scene: Scene) -> st.SearchStrategy[Interval]:
    return st.one_of(clock_rules(scene), elapsed(scene), onces(scene))


@st.composite
def unions(draw: Draw, scene: Scene) -> AnyOf:
    """Two or three members; now and then in another zone, or an instant with seconds."""
    other = Scene(draw(st.sampled_from(changing_zones())), scene.moment)
    places = draw(st.lists(st.sampled_from([scene, scene, other]), min_size=2, max_size=3))
    return AnyOf(*(draw(single_rules(place)) for place in places))


def rules(scene: Scene) -> st.SearchStrategy[Interval]:
    return single_rules(scene) | unions(scene)


def with_rules(some: Callable[[Scene], st.SearchStrategy[T]] = rules) -> st.SearchStrategy[tuple[Scene, T]]:  # type: ignore[assignment]
    """A scene and a rule in it."""
    return scenes().flatmap(lambda scene: st.tuples(st.just(scene), some(scene)))
