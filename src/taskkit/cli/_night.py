"""A night in a small vault, on virtual time: what people do, what the engine makes of it, told from its facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pendulum
from attrs import field, frozen
from rich.console import Console
from rich.table import Table
from rich.text import Text

from taskkit.engine import Engine, Settings
from taskkit.events import Daily, Hourly, TimeWindow
from taskkit.events.happenings import CheckedIn, SessionEnded, Unlocked
from taskkit.events.policies import AfterSession, AfterUnlock, OnDemand
from taskkit.facts import Fact, Mark
from taskkit.instants import shown
from taskkit.outcomes import Effect
from taskkit.records import Record, RecordType
from taskkit.scripts import Check, CheckStatus, Commands, Step
from taskkit.states import State
from taskkit.tasks import ConsentRule, Fallback, Task, of_type
from taskkit.testing import MemoryVault, VirtualClock

ZONE = "Europe/Berlin"
_STYLES = {"JobCompleted": "green", "JobFailed": "red", "JobDeferred": "yellow", "ConsentAsked": "yellow", "JobUncertain": "bold red"}
_TOLD = {
    "JobCompleted": "done", "JobFailed": "failed", "JobDeferred": "waits", "ConsentAsked": "asks for consent", "Consented": "consented",
    "HappeningJoined": "one more reason for the job that waits", "Demanded": "asked for",
}  # fmt: skip


@frozen
class Moment:
    """Something that people do, and when."""

    at: str
    told: str
    do: Callable[[], object] = field(repr=False)


class Night:
    """The vault, its tasks and what happens from 18:00 to 08:00. Commands run on this machine and change nothing."""

    def __init__(self) -> None:
        self.clock = VirtualClock(pendulum.datetime(2026, 3, 27, 18, tz=ZONE))
        servers = ("web1", "web2", "db1", "db2")
        self.vault = MemoryVault([Record(name, "server", fields={"host": name, "user": "root", "answers": "yes"}) for name in servers])
        self.engine = Engine(self.vault, clock=self.clock, settings=Settings(fallback=Fallback(minutes=30, cycles=2)))
        self._define()
        self.tasks = {task.name: task for task in self._put()}
        self._mark: Mark = {}
        self.told: list[Fact] = []

    def _define(self) -> None:
        engine = self.engine
        engine.define(RecordType("server", executor="local"))
        uptime = Check("cat /proc/loadavg", name="load", capture={"load": r"^(\S+)"}, number="load", error_above=10_000)
        engine.define(CheckStatus("status", [uptime]))
        restart = [Step("test {answers} = yes"), Step("echo restarted the service on {host}", capture={"said": "(.*)"})]
        engine.define(Commands("restart", restart, effect=Effect.IDEMPOTENT))
        engine.define(Commands("clean up", [Step("echo cleaned up after the session on {host}")], effect=Effect.IDEMPOTENT))
        engine.define(Commands("clear caches", [Step("echo cleared what {user} left on {host}")], effect=Effect.IDEMPOTENT))

    def _put(self) -> Iterator[Task]:
        night = TimeWindow("* 22-23,0-5 * * *", tz=ZONE)
        servers = of_type("server")
        yield self.engine.put(Task("status each 3 hours", "status", Hourly(every=3)), list=servers, by="ann")
        restart = Task(
            "restart at 02:30", "restart", [Daily(at="02:30", tz=ZONE), OnDemand()], window=night, consent=ConsentRule(1, {"bob"})
        )
        yield self.engine.put(restart, list=servers, by="ann")
        yield self.engine.put(Task("clean up after sessions", "clean up", AfterSession(last=True)), list=servers, by="ann")
        yield self.engine.put(Task("clear caches an hour after unlock", "clear caches", AfterUnlock(minutes=60)), list=servers, by="ann")

    def moments(self) -> list[Moment]:
        engine, vault = self.engine, self.vault
        vault.begin("db1", "s1")
        vault.begin("db1", "s2")
        restart = self.tasks["restart at 02:30"].id
        return [
            Moment("18:10", "carl unlocks web1", lambda: engine.emit(Unlocked("web1", user="carl"))),
            Moment("18:40", "dora unlocks it, too: the first unlock counts", lambda: engine.emit(Unlocked("web1", user="dora"))),
            Moment("19:30", "a session on db1 ends, another goes on", lambda: self._end("s1")),
            Moment("20:15", "carl wants web2 restarted, outside the window", lambda: engine.demand(restart, "web2", by="carl")),
            Moment("20:20", "bob consents", self._consent),
            Moment("21:05", "the last session on db1 ends", lambda: self._end("s2")),
            Moment("22:30", "web1 is checked in: no task wants that", lambda: engine.emit(CheckedIn("web1"))),
            Moment("02:20", "db2 stops answering", lambda: vault.change("db2", fields=self._answers("db2", "no"))),
            Moment("02:50", "db2 answers again", lambda: vault.change("db2", fields=self._answers("db2", "yes"))),
            Moment("08:00", "the night is over", lambda: None),
        ]

    def _answers(self, name: str, answer: str) -> dict[str, str]:
        return {"host": name, "user": "root", "answers": answer}

    def _end(self, session: str) -> None:
        self.vault.end("db1", session)
        self.engine.emit(SessionEnded("db1", session=session))

    def _consent(self) -> None:
        waiting = next(entry for entry in self.engine.history(states=State.AWAITING_CONSENT).entries)
        self.engine.consent(waiting.id, by="bob")

    def pass_until(self, at: str) -> Iterator[Fact]:
        """Jump from due job to due job; the facts that are worth telling."""
        hour, minute = map(int, at.split(":"))
        end = self.clock.moment.in_timezone(ZONE).replace(hour=hour, minute=minute, second=0)
        end = end if end >= self.clock.moment else end.add(days=1)
        while True:
            self.engine.drain()
            yield from self.news()
            due = self.engine.storage.next_due(self.engine.settings.pools)
            if due is None or shown(due) > end:
                break
            self.clock.jump(max(shown(due), self.clock.moment))
        self.clock.jump(end)

    def news(self) -> list[Fact]:
        facts, self._mark = self.engine.storage.facts(self._mark)
        self.told += facts
        return [fact for fact in facts if fact.kind in _TOLD]


def show(console: Console) -> None:
    """The night, line by line; then how the tasks stand, and whether the log is whole."""
    console.print(Text("One night in a small vault (memory store, virtual time, harmless commands on this machine)\n", style="bold"))
    night = Night()
    night.news()
    for moment in night.moments():
        for fact in night.pass_until(moment.at):
            console.print(line(night, fact))
        console.print(Text(f"{moment.at}  {moment.told}", style="bold"))
        moment.do()
    console.print(_overview(night.engine))
    jobs = night.engine.history(limit=1000).entries
    ended = sum(entry.ended is not None for entry in jobs)
    faults = night.engine.check()
    chain = "whole" if not faults else f"broken: {faults}"
    console.print(f"{ended} jobs ended, {len(jobs) - ended} wait. {len(night.told)} facts; their chain is {chain}.\n")


def line(night: Night, fact: Fact) -> Text:
    """One fact as people read it."""
    task = next((name for name, task in night.tasks.items() if task.id == fact.task), "")
    entry = night.engine.job(fact.job) if fact.job else None
    told = _TOLD[fact.kind]
    details = [str(fact.details[name]) for name in ("why", "error") if name in fact.details]
    if entry is not None and fact.kind == "JobDeferred":
        details.append(f"looks again at {entry.due.in_timezone(ZONE):%H:%M}")
    if entry is not None and entry.attempt > 1 and fact.kind in ("JobCompleted", "JobFailed"):
        details.append(f"attempt {entry.attempt}")
    if fact.who and fact.kind != "JobCompleted":
        details.append(f"by {fact.who}")
    text = Text(f"{shown(fact.at).in_timezone(ZONE):%H:%M}    ", style="dim")
    text.append(f"{fact.record or '':5} {task}: ")
    return text.append(told, style=_STYLES.get(fact.kind, "")).append(f" ({', '.join(details)})" if details else "", style="dim")


def _overview(engine: Engine) -> Table:
    table = Table(header_style="dim", title="How the tasks stand in the morning", title_justify="left")
    for name in ("task", "status", "first run", "last run", "next run", "last result"):
        table.add_column(name)
    for row in engine.overview().entries:
        times = (f"{at.in_timezone(ZONE):%a %H:%M}" if at else "-" for at in (row.first_run, row.last_run, row.next_run))
        table.add_row(
            row.name, row.status, *times, Text(row.last_result or "-", style="green" if row.last_result == "completed" else "red")
        )
    return table
