"""A day in the demo's house, on virtual time: what people do, what the engine makes of it, told from its facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import field, frozen
from rich.console import Console
from rich.text import Text

from taskkit.cli._house import RENEW, RESTART, ZONE, House
from taskkit.engine import Entry
from taskkit.events.happenings import CheckedIn, SessionEnded, Unlocked
from taskkit.facts import START as BEGIN
from taskkit.facts import Fact
from taskkit.instants import shown
from taskkit.jobs import Kind, Why
from taskkit.states import State

_STYLES = {"JobCompleted": "green", "JobFailed": "red", "JobDeferred": "yellow", "ConsentAsked": "yellow", "JobUncertain": "bold red"}
_TOLD = {
    "JobCompleted": "done", "JobFailed": "failed", "JobDeferred": "waits", "ConsentAsked": "asks for consent", "Consented": "consented",
    "HappeningJoined": "one more reason for the job that waits", "Demanded": "asked for", "WaveBegan": "begins {records} of {of}",
}  # fmt: skip


@frozen
class Moment:
    """Something that people do, and when."""

    at: str
    told: str
    do: Callable[[], object] = field(repr=False)


class Day:
    """From Friday, 18:00, to Saturday, 08:00."""

    def __init__(self, house: House) -> None:
        self.house, self.engine = house, house.engine
        self._mark = BEGIN
        self._first_check = house.clock.moment.add(hours=1)
        self._names = {task.id: name for name, task in house.tasks.items()}
        self.news()

    def moments(self) -> list[Moment]:
        house, vault = self.house, self.house.vault
        vault.begin("db-1", "s1", "carl")
        vault.begin("db-1", "s2", "dora")
        return [
            Moment("18:10", "carl unlocks db-3", lambda: self.engine.emit(Unlocked("db-3", user="carl"))),
            Moment("18:40", "dora unlocks it, too: the first unlock counts", lambda: self.engine.emit(Unlocked("db-3", user="dora"))),
            Moment("19:30", "carl's session on db-1 ends, dora's goes on", lambda: self._end("s1")),
            Moment("20:15", "carl wants db-4 renewed, outside the window", lambda: self._demand("db-4")),
            Moment("20:20", "bob consents", self._consent),
            Moment("21:05", "dora's session on db-1 ends", lambda: self._end("s2")),
            Moment("22:30", "app-3 is checked in: it logs in with the account of db-2", lambda: vault.tell(CheckedIn("app-3"))),
            Moment("02:20", "db-2 stops answering", lambda: house.answers("db-2", well=False)),
            Moment("02:50", "db-2 answers again", lambda: house.answers("db-2", well=True)),
            Moment("05:50", "something is wrong with web-07", lambda: house.stumbles("web-07")),
            Moment("07:00", "ann runs what failed again", self._rerun),
            Moment("08:00", "the day begins", lambda: None),
        ]

    def _end(self, session: str) -> None:
        self.house.vault.end("db-1", session)
        self.engine.emit(SessionEnded("db-1", session=session))

    def _demand(self, record: str) -> None:
        self.engine.demand(self.house.tasks[RENEW].id, record, by="carl")

    def _consent(self) -> None:
        waiting = next(entry for entry in self.engine.history(states=State.AWAITING_CONSENT).entries)
        self.engine.consent(waiting.id, by="bob")

    def _rerun(self) -> None:
        found = self.engine.history(task=self.house.tasks[RESTART].id, states=State.ERROR).entries
        self.engine.rerun(next(entry.id for entry in found if entry.execution is None), by="ann")

    def pass_until(self, at: str) -> Iterator[Fact]:
        """Jump from due job to due job; the facts that are worth telling."""
        hour, minute = map(int, at.split(":"))
        clock = self.house.clock
        end = clock.moment.in_timezone(ZONE).replace(hour=hour, minute=minute, second=0)
        end = end if end >= clock.moment else end.add(days=1)
        while True:
            self.engine.drain()
            yield from self.news()
            due = self.engine.storage.next_due(self.engine.settings.pools)
            if due is None or shown(due) > end:
                break
            clock.jump(max(shown(due), clock.moment))
        clock.jump(end)

    def news(self) -> list[Fact]:
        facts, self._mark = self.engine.facts_after(self._mark)
        return [fact for fact in facts if fact.kind in _TOLD]

    def line(self, fact: Fact) -> Text | None:
        """One fact as people read it; none where all goes on as it always does."""
        entry = self.engine.job(fact.job) if fact.job else None
        if self._is_routine(fact, entry):
            return None
        details = [str(fact.details[name]) for name in ("why", "text") if name in fact.details and fact.kind != "ConsentAsked"]
        if entry is not None and fact.kind == "JobDeferred":
            details.append(f"looks again at {entry.due.in_timezone(ZONE):%H:%M}")
        if entry is not None and entry.attempt > 1 and fact.kind in ("JobCompleted", "JobFailed"):
            details.append(f"attempt {entry.attempt}")
        if fact.who and fact.kind != "JobCompleted":
            details.append(f"by {fact.who}")
        text = Text().append(f"{shown(fact.at).in_timezone(ZONE):%H:%M}    ", style="dim")
        text.append(f"{fact.record or '':8} {self._names.get(fact.task or '', '')}: ")
        return text.append(_TOLD[fact.kind].format_map(fact.details), style=_STYLES.get(fact.kind, "")).append(
            f" ({', '.join(details)})" if details else "", style="dim"
        )

    def _is_routine(self, fact: Fact, entry: Entry | None) -> bool:
        if fact.details.get("why") == Why.CONDUCTING:
            return True
        if entry is None or fact.kind != "JobCompleted":
            return False
        is_checked = entry.record is not None and entry.record.startswith("switch") and entry.started != self._first_check
        return is_checked or (entry.kind is Kind.PART and entry.demanded_by is None)


def show(console: Console, house: House) -> None:
    """The day, line by line."""
    day = Day(house)
    for moment in day.moments():
        for fact in day.pass_until(moment.at):
            if (line := day.line(fact)) is not None:
                console.print(line, no_wrap=True, overflow="ellipsis")
        console.print(Text(f"{moment.at}  {moment.told}", style="bold"))
        moment.do()
