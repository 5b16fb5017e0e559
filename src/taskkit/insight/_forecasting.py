"""Looking ahead: a twin of the engine plays what is to come, and what it wrote down is the forecast."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from attrs import field, frozen

from taskkit import checks
from taskkit.engine._entries import Reader
from taskkit.engine._rights import RightsDesk
from taskkit.errors import InvalidValue, NotFound
from taskkit.insight._concerns import Concerns, together
from taskkit.insight._durations import Durations, Estimates, Outcomes
from taskkit.insight._playing import Game, Station
from taskkit.insight._tallies import ENDS, Tally
from taskkit.insight._twins import Ear, Twin
from taskkit.insight.forecasts import Concern, Forecast
from taskkit.insight.runs import ForecastRun
from taskkit.instants import DAY, MINUTE, SECOND, Instant, instant, shown
from taskkit.plugins.kinds import Script
from taskkit.records import Record, RecordType
from taskkit.tasks import Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Settings
    from taskkit.engine.engine import Engine
    from taskkit.events.happenings import Happening
    from taskkit.vaults import Sessions

Groups = str | Callable[[Record], str | None]
Change = Task | Script | RecordType
Progress = Callable[[int, int], object]
_LONGEST = 400 * DAY
_TRIED = "forecasting"


@frozen
class Assumptions:
    """What nobody knows, and the caller says."""

    changes: Sequence[Change] = ()
    without: Sequence[str] = ()
    durations: Durations | None = None
    outcomes: Outcomes | None = None
    happenings: Sequence[tuple[datetime, Happening]] = ()
    sessions: Sessions | None = None
    nodes: int | Mapping[str, int] = 1
    settings: Settings | None = None
    groups: Groups | None = None
    seed: int = 0
    patience: float = field(default=60, validator=checks.number(-1, _LONGEST // MINUTE))
    full: float = field(default=0.9, validator=checks.number(0, 100))
    #: For whom it is: what they may see is told, and what would be changed is theirs to change. None is the product.
    user: str | None = None


class Forecasting:
    def __init__(self, engine: Engine, start: datetime | None, end: datetime, assumed: Assumptions, progress: Progress | None) -> None:
        self._engine, self._assumed, self._progress = engine, assumed, progress
        self._made = engine._ground.now()
        self._start, self._end = _span(start, end, self._made)
        self._played: Instant = 0

    def forecast(self) -> Forecast:
        assumed, tally = self._assumed, Tally(self._start, self._end)
        stations = _stations(assumed.nodes, assumed.settings or self._engine.settings)
        happenings = [(_later(at, self._made), happening) for at, happening in assumed.happenings]
        estimates = Estimates(self._engine.storage, assumed.durations, assumed.outcomes)
        asked = set[str]()
        ears: dict[str, Ear] = {**dict.fromkeys(ENDS, tally.ended), "ConsentAsked": lambda fact: asked.add(fact.job or "")}
        twin = Twin(self._engine, seed=assumed.seed, ears=ears, sessions=assumed.sessions, settings=assumed.settings)
        tally.tell_to(Reader(twin.ground, RightsDesk(twin.ground), assumed.user))
        game = Game(twin, stations, estimates, happenings, asked, tally.run, self._tick)
        game.begin()
        self._change(twin)
        tally.of(twin)
        game.play(self._end)
        self._told(self._end)
        return self._found(twin, game, stations, tally, estimates)

    def _change(self, twin: Twin) -> None:
        by = self._assumed.user
        for change in self._assumed.changes:
            if isinstance(change, Task):
                twin.edit(change, by) if change.id else twin.engine.put(change, by=by)
            elif isinstance(change, Script | RecordType):
                twin.engine.define(change, by=by)
            else:
                raise InvalidValue(
                    _TRIED, f"a {type(change).__name__} is no change", "give tasks, scripts and record types as they would be"
                )
        for task in self._assumed.without:
            twin.engine.remove(task, by=by)

    def _found(self, twin: Twin, game: Game, stations: Sequence[Station], tally: Tally, estimates: Estimates) -> Forecast:
        served = {pool for station in stations for pool in station.pools}
        idle = [*tally.idle, *tally.waiting(twin, served.__contains__, game.stands_still)]
        idle.sort(key=lambda one: (one._due, one.task_name, one.record or ""))
        runs, loads = tuple(sorted(tally.runs, key=attrgetter("start_at"))), tuple(tally.loads(stations))
        tasks = {task.id: task for task in twin.engine.tasks()}
        concerns = Concerns(tasks, self._end, round(self._assumed.patience * MINUTE), self._assumed.full)
        found = [*concerns.found(runs, idle, loads, stations), *self._together(twin, runs, tasks)]
        found.sort(key=lambda one: (one._since, one.kind, one.group or "", one.text))
        seen = {*(one.task for one in runs), *(one.task for one in idle)}
        windows = {id: task.window for id, task in tasks.items() if task.window is not None and id in seen}
        taken = (*self._engine._taken(), *estimates.assumed(runs))
        return Forecast(
            self._made, self._start, self._end, self._assumed.seed, runs, tuple(idle), loads, tuple(found), windows, tally.names, taken
        )  # fmt: skip

    def _together(self, twin: Twin, runs: Iterable[ForecastRun], tasks: Mapping[str, Task]) -> Iterator[Concern]:
        definitions = {task.script: twin.ground.catalog.definition(task.script) for task in tasks.values()}
        changing = {id for id, task in tasks.items() if (found := definitions[task.script]) is not None and found.value.changes_secret}
        records, groups = twin.vault.records, self._assumed.groups

        def group_of(name: str) -> str | None:
            record = records.get(name)
            if record is None:
                return None
            if callable(groups):
                return groups(record)
            if groups is not None:
                return record.fields.get(groups)
            with suppress(InvalidValue, NotFound):  # its references lead nowhere: its own run says so
                return records.account(record)
            return None

        return together((one for one in runs if one.task in changing), group_of)

    # how far it is

    def _tick(self, at: Instant) -> None:
        if at - self._played >= 60 * MINUTE:
            self._told(at)

    def _told(self, at: Instant) -> None:
        self._played = at
        if self._progress is not None:
            self._progress((at - self._made) // SECOND, (self._end - self._made) // SECOND)


def _span(start: datetime | None, end: datetime, now: Instant) -> tuple[Instant, Instant]:
    first, last = now if start is None else instant(start), instant(end)
    if first < now:
        raise InvalidValue(_TRIED, f"{shown(first)} has passed", "begin now or later; engine.history(…) tells what was")
    if last <= first:
        raise InvalidValue(
            _TRIED, f"it would end at {shown(last)}, and begin at {shown(first)}", "give an end that is later than the start"
        )
    if last - now > _LONGEST:
        days = (last - now) // DAY
        raise InvalidValue(
            _TRIED, f"{days} days are too long a way", f"look {_LONGEST // DAY} days ahead at most; engine.upcoming(…) looks further"
        )
    return first, last


def _later(moment: datetime, now: Instant) -> Instant:
    at = instant(moment)
    if at < now:
        raise InvalidValue(_TRIED, f"a happening at {shown(at)} has passed", "tell engine.emit(…) of what has happened")
    return at


def _stations(nodes: int | Mapping[str, int], settings: Settings) -> list[Station]:
    """So many nodes like this one; or by pool, so many that serve this pool alone."""
    if not isinstance(nodes, int | Mapping):
        raise InvalidValue(_TRIED, f"nodes={nodes!r} says not how many there are", "give a number, or one for each pool: {'local': 2}")
    several = {settings.pools: nodes} if isinstance(nodes, int) else {(pool,): number for pool, number in nodes.items()}
    for pools, number in several.items():
        if type(number) is not int or not 1 <= number <= 10_000:
            raise InvalidValue(_TRIED, f"{number!r} is no number of nodes for {', '.join(pools)}", "give a whole number from 1 on")
    return [Station(pools, settings.workers * number, settings.workers * number) for pools, number in several.items()]
