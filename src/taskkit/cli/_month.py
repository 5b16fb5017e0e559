"""A month in the demo's house: people come and go, hosts stumble, and the clock changes once; seen as it passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pendulum
from attrs import define, field
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from taskkit.cli._house import ZONE, House
from taskkit.events.happenings import CheckedIn, SessionEnded, Unlocked
from taskkit.facts import Mark
from taskkit.instants import shown

_COUNTED = {"JobCompleted": "done", "JobFailed": "failed", "JobDeferred": "put off", "JobMissed": "missed", "HappeningJoined": "joined"}
_DATABASES = ("db-1", "db-2", "db-3", "db-4")


@define
class Month:
    """Each day has its happenings, by the seed of the house."""

    house: House
    #: What facts told, by kind.
    counts: Counter[str] = field(factory=Counter)
    _mark: Mark = field(init=False)

    @_mark.default
    def _from_now(self) -> Mark:
        return {head.chain: head.position for head in self.house.engine.heads()}

    def days(self, count: int) -> Iterator[pendulum.DateTime]:
        """Live through so many, one after the other."""
        for _ in range(count):
            end = self.house.clock.moment.in_timezone(ZONE).add(days=1)
            for hours in sorted(self.house.rng.sample(range(1, 23), 3)):
                self._pass(max(self.house.clock.moment, end.subtract(hours=24 - hours)))
                self._something_happens()
            self._pass(end)
            self._count()
            yield end

    def _pass(self, end: pendulum.DateTime) -> None:
        engine, clock = self.house.engine, self.house.clock
        while True:
            engine.drain()
            due = engine.storage.next_due(engine.settings.pools)
            if due is None or shown(due) > end:
                break
            clock.jump(max(shown(due), clock.moment))
        clock.jump(end)

    def _something_happens(self) -> None:
        house, database = self.house, self.house.rng.choice(_DATABASES)
        match house.rng.randrange(5):
            case 0:
                house.engine.emit(CheckedIn(database))
            case 1:
                house.engine.emit(Unlocked(database, user="carl"))
            case 2:
                house.vault.begin(database, "m")
                house.vault.end(database, "m")
                house.engine.emit(SessionEnded(database, session="m"))
            case 3:
                house.stumbles(f"web-{house.rng.randint(1, 20):02}")
            case _:
                house.vault.tell(CheckedIn(f"app-{house.rng.randint(1, 3)}"))

    def _count(self) -> None:
        while True:
            facts, self._mark = self.house.engine.facts_after(self._mark)
            self.counts.update(fact.kind for fact in facts)
            if not facts:
                return

    def told(self) -> str:
        return ", ".join(f"{self.counts[kind]:,} {word}" for kind, word in _COUNTED.items())


def show(console: Console, house: House, days: int) -> Month:
    """A bar on a terminal; elsewhere a line for every tenth day, and for the last."""
    month = Month(house)
    columns = (
        TextColumn("{task.description:11}"),
        BarColumn(24),
        TaskProgressColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=days, told="")
        for number, day in enumerate(month.days(days), 1):
            progress.update(bar, advance=1, description=f"{day:%a %d %b}", told=month.told())
            if not console.is_terminal and (number % 10 == 0 or number == days):
                console.print(f"{day:%a %d %b}  {month.told()}")
    return month
