"""What became of tasks, as a list that one can read: what an expectation looks at, and what it tells where it is not met."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from attrs import field, frozen

from taskkit.engine import Engine, Entry
from taskkit.errors import NotFound
from taskkit.facts import START, Fact, Mark
from taskkit.instants import NEVER, instant, shown
from taskkit.states import PENDING
from taskkit.tasks import Task

_PAGE = 1000
_JOBS, _FACTS, _WORDS = 20, 30, 90
_TIME = "YYYY-MM-DD HH:mm:ss"
_MICROSECONDS = 10**15  #: larger than any count


@frozen
class About:
    """What an expectation is about: a task or all of them, a record or all, since a moment or ever."""

    engine: Engine = field(repr=False)
    tasks: tuple[str, ...] = ()  #: their ids; none is all
    name: str = ""
    on: str | None = None
    since: datetime | None = None

    def __str__(self) -> str:
        """As it stands at the end of a sentence."""
        where = f" on {self.on}" if self.on is not None else ""
        return where + (f" since {self.since}" if self.since is not None else "")

    def entries(self) -> list[Entry]:
        """The jobs, the oldest first, however long ago; a run over many records is one, and its parts are those of their records."""
        found = [entry for task in self.tasks or (None,) for entry in _entries(self.engine, task, self.on)]
        if self.on is None and self.tasks:
            found = [entry for entry in found if entry.execution is None]
        return sorted(found, key=lambda entry: entry.created)

    def facts(self) -> list[Fact]:
        """What was told, in its order."""
        since = instant(self.since) if self.since is not None else 0
        return [fact for fact in _facts(self.engine, self.on) if fact.at >= since and (not self.tasks or fact.task in self.tasks)]

    def told(self) -> str:
        """All of it, to be read below the sentence that says what is wrong."""
        entries, facts = self.entries(), self.facts()
        if not entries and not facts and (self.tasks or self.on is not None):
            return f"nothing is known of that; in all there is this:\n{About(self.engine).told()}"
        numbers = {entry.id: number for number, entry in enumerate(entries, 1)}
        jobs = [f"{number:3}. {_of_job(entry)}" for number, entry in enumerate(entries, 1)]
        news = [f"  {shown(fact.at).format(_TIME)}  {_of_fact(fact, numbers)}" for fact in facts]
        return "\n".join((*_listed("its jobs" if self.tasks else "jobs", jobs, _JOBS), *_listed("what was told", news, _FACTS)))


def about(engine: Engine, task: Task | str | None, on: str | None, since: datetime | None = None) -> About:
    """NotFound where nobody has heard of the task or record: what is misspelt never happens, and a test must not pass by that."""
    if on is not None:
        _known(engine, on)
    if since is not None:
        instant(since)
    if task is None:
        return About(engine, on=on, since=since)
    if isinstance(task, Task) and task.id:
        engine.history(task=task.id, limit=1)  # it knows whose task that is
        return About(engine, (task.id,), repr(task.name), on, since)
    ids, name = _named(engine, task.name if isinstance(task, Task) else task)
    return About(engine, ids, repr(name), on, since)


def unheard(tried: str, what: str, there: Iterable[str]) -> NotFound:
    names = sorted(set(there))
    near = difflib.get_close_matches(what, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names) or 'none'}"
    return NotFound(tried, f"nobody has heard of {what!r}", hint)


def _named(engine: Engine, name: str) -> tuple[tuple[str, ...], str]:
    """The tasks of this name, or the one of this id; also those that are gone, as far as the history knows them."""
    names = {task.id: task.name for task in engine.tasks()}
    if not any(name in pair for pair in names.items()):
        names |= {entry.task: entry.task_name for entry in _entries(engine, None, None)}
    found = tuple(id for id, given in names.items() if name in (id, given))
    if not found:
        raise unheard("looking for what a task did", name, names.values())
    return found, names.get(name, name)


def _known(engine: Engine, record: str) -> None:
    records = engine._ground.vault.records
    if records.get(record) is None and not engine.history(record=record, limit=1).entries and not engine.facts(record=record, limit=1):
        raise unheard("looking for what happened on a record", record, (one.id for one in records.all()))


def _entries(engine: Engine, task: str | None, on: str | None) -> Iterator[Entry]:
    page: str | None = None
    while True:
        found = engine.history(task=task, record=on, page=page, limit=_PAGE)
        yield from found.entries
        page = found.next
        if page is None:
            return


def _facts(engine: Engine, on: str | None) -> Iterator[Fact]:
    mark: Mark = START
    while True:
        facts, mark = engine.facts_after(mark, record=on, limit=_PAGE)
        yield from facts
        if not facts:
            return


# sentences


def _listed(what: str, lines: Sequence[str], most: int) -> Iterator[str]:
    if lines:
        yield f"{what}, the oldest first, in UTC:"
    if len(lines) > most:
        yield f"  ({len(lines) - most} more before these)"
    yield from lines[-most:]


def _of_job(entry: Entry) -> str:
    about = f"{entry.task_name} on {entry.record}" if entry.record is not None else entry.task_name
    for_ = f" for {entry.nominal}" if entry.nominal is not None else ""
    return f"{about}, {entry.kind}{for_}: {entry.state}{_because(entry)}, {_when(entry)}"


def _because(entry: Entry) -> str:
    said = [word for word in (entry.why, entry.error, entry.text) if word]
    return f" ({_short(': '.join(said))})" if said else ""


def _when(entry: Entry) -> str:
    began = entry.started.format(_TIME) if entry.started is not None else "never began"
    if entry.ended is not None:
        return began if entry.ended == entry.started else f"{began}, ended {entry.ended.format(_TIME)}"
    if entry.state in PENDING:
        return f"due {entry.due.format(_TIME)}"
    return f"since {began}"


#: The line of the job says it, or nobody wants to know it; an occurrence's says by which policy, too.
_OF_THE_JOB = frozenset({"happening", "at", "wanted", "node"})
_OF_THE_OCCURRENCE = _OF_THE_JOB | {"nominal", "policy"}


def _of_fact(fact: Fact, numbers: Mapping[str, int]) -> str:
    number = numbers.get(fact.job or "")
    of = f" of job {number}" if number else f" on {fact.record}" if fact.record is not None else ""
    known = _OF_THE_OCCURRENCE if "nominal" in fact.details else _OF_THE_JOB
    details = ", ".join(f"{name}={_value(value)}" for name, value in fact.details.items() if name not in known)
    return f"{fact.kind}{of}{f' ({_short(details)})' if details else ''}"


def _value(value: object) -> object:
    """Instants are told as what they stand for."""
    return shown(value).format(_TIME) if isinstance(value, int) and _MICROSECONDS < value < NEVER else value


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _WORDS else f"{text[:_WORDS]} …"
