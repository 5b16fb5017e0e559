"""Passwords change over SSH in front of your eyes: one step by step, six at once, and one whose process is killed in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from taskkit.cli._ssh_house import ACCOUNTS, LEASE, Account, SshHouse
from taskkit.cli._ssh_worker import Worker
from taskkit.errors import Refused
from taskkit.instants import shown
from taskkit.jobs import Job
from taskkit.states import FINAL, State

_TRIED = "showing how passwords change over SSH"
PATIENCE = 30.0
_LOOK = 0.05
_LAST = "applied"
#: What each step is called, by the point of the protocol at which it is done.
_STEPS = {
    "planned": ("plan", "what can fail without the machine is looked at first"),
    "intended": ("intent", "store: about to change; a recovery job looks after the account"),
    "proposed": ("", "vault: the new one lies in the pending slot, and was read back"),
    "operation:try current": ("probe", "a log-in with the password in force"),
    "operation:change": ("apply", "the machine is told the new one"),
    "operation:try candidate": ("verify", "a fresh log-in with the new one"),
    "promoted": ("commit", "vault: the new one is in force, and the one before it is kept"),
    "settled": ("settle", "store: the intent is closed, and the recovery job with it"),
}
_FOUND = {
    **_STEPS,
    "adopted": ("intent", "found open; the new one lies in the vault's pending slot"),
    "operation:try candidate": ("probe", "nobody is asked what happened: a log-in with the new one says it"),
}
_TOLD = {
    "Demanded": "asked for by {who}",
    "JobStarted": "begun",
    "IntentOpened": "intent opened, before anything was sent",
    "JobRescued": "process gone: another one takes over",
    "JobMerged": "recovery job ended: nothing is left to do",
    "IntentSettled": "intent settled: the password was changed",
    "JobCompleted": "done",
}


def show(console: Console, folder: Path) -> None:
    """Refused where anything comes otherwise than it is told here."""
    with Worker(PATIENCE) as worker, SshHouse(folder) as house:
        _one(console, house, ACCOUNTS[0])
        _all(console, house)
        job = over_a_death(console, house, worker, ACCOUNTS[1])
        _history(console, house, ACCOUNTS[1], job)
        count(console, house)


# one, step by step


def _one(console: Console, house: SshHouse, account: Account) -> None:
    _scene(console, f"{account.place}: a new password, in the dialogue of passwd")
    with _heard(house, lambda point, _: _say(console, _STEPS, point)):
        job = house.demand(account)
        house.engine.drain()
    _see(house, account, job)


def _say(console: Console, steps: Mapping[str, tuple[str, str]], point: str) -> None:
    if point in steps:
        name, text = steps[point]
        _line(console, name, text, "cyan")


def _line(console: Console, name: str, text: str, style: str) -> None:
    console.print(Text().append(f"  {name:9}", style=style).append(text))


def _scene(console: Console, text: str) -> None:
    console.print(Text(text, style="bold"))


@contextmanager
def _heard(house: SshHouse, heard: Callable[[str, Job], None]) -> Iterator[None]:
    before, house.heard = house.heard, heard
    try:
        yield
    finally:
        house.heard = before


def _see(house: SshHouse, account: Account, job: str) -> None:
    entry = house.engine.job(job)
    if entry.state is not State.COMPLETED or house.live(account) != "current":
        raise _wrong(f"the job of {account.place} is {entry.state.value}: {entry.text or entry.why or 'nobody says why'}")


def _wrong(case: str) -> Refused:
    return Refused(_TRIED, case, "run it once more; if it stays so, it is a mistake of ours")


# all at once


def _all(console: Console, house: SshHouse) -> None:
    _scene(console, "\nAll six at once: three by passwd, three by root with chpasswd")
    with _Bars(console) as bars, _heard(house, bars.heard), _working(house):
        jobs = {account: house.demand(account) for account in ACCOUNTS}
        _wait(lambda: all(house.engine.job(job).state in FINAL for job in jobs.values()), "six new passwords")
    for account, job in jobs.items():
        _see(house, account, job)


@contextmanager
def _working(house: SshHouse) -> Iterator[None]:
    stop = threading.Event()
    crew = threading.Thread(target=house.engine.run, args=(stop,))
    crew.start()
    try:
        yield
    finally:
        stop.set()
        crew.join()


def _wait(over: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not over():
        if time.monotonic() > until:
            raise _wrong(f"after {PATIENCE:g} s there is still no end of {what}")
        time.sleep(_LOOK)


class _Bars:
    """A bar for each account on a terminal; elsewhere a line when it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (TextColumn("  {task.description:16}"), BarColumn(24), TextColumn("{task.fields[step]}"))
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._bars: dict[str, TaskID] = {}
        self._places = {account.user: account.place for account in ACCOUNTS}

    def __enter__(self) -> _Bars:
        self._progress.start()
        for user, place in self._places.items():
            self._bars[user] = self._progress.add_task(place, total=len(_STEPS), step="")
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def heard(self, point: str, job: Job) -> None:
        if point not in _STEPS or job.record is None:
            return
        is_last = point == "settled"
        bar, step = self._bars[job.record], "changed" if is_last else _STEPS[point][0] or "intent"
        self._progress.update(bar, completed=len(_STEPS) if is_last else list(_STEPS).index(point), step=step)
        if is_last and not self._console.is_terminal:
            self._console.print(Text(f"  {self._places[job.record]:16}changed"))


# one whose process is killed


def over_a_death(console: Console, house: SshHouse, worker: Worker, account: Account) -> str:
    """The job that a process began and another one ended."""
    _scene(console, f"\n{account.place} once more: the process that works is killed in the middle")
    job = house.demand(account)
    _work_until_killed(console, house, worker)
    _look(console, house, account)
    _take_over(console, house, account, job)
    return job


def _work_until_killed(console: Console, house: SshHouse, worker: Worker) -> None:
    said = [""]
    for line in worker.steps(house, _LAST):
        said.append(line)
        _say(console, _STEPS, line)
    if not worker.was_killed or said[-1] != _LAST:
        raise _wrong(f"the process that was to be killed ended by itself, and said last {' '.join(said[-5:])!r}")
    _line(console, "killed", "SIGKILL: nobody saw how the change ended", "bold red")


def _look(console: Console, house: SshHouse, account: Account) -> None:
    """What is true now, with the eyes of who owns both the machine and the vault."""
    live = house.live(account)
    if live != "pending" or not house.engine.intents.all():
        raise _wrong(f"{account.place} was to have the password that is pending, and has {live or 'one that nobody knows'}")
    for name, text in (
        (account.machine, "has the new password"),
        ("vault", "still says the old one; the new one lies in its pending slot"),
        ("store", "has an open intent, and a job whose process is gone"),
    ):
        _line(console, name, text, "yellow")


def _take_over(console: Console, house: SshHouse, account: Account, job: str) -> None:
    _scene(console, f"A second process takes over, as soon as the lease of {LEASE} s is over")

    def over() -> bool:
        house.engine.drain()
        return house.engine.job(job).state in FINAL and not house.engine.intents.all()

    with _heard(house, lambda point, _: _say(console, _FOUND, point)), console.status("waiting for the lease"):
        _wait(over, f"what was begun for {account.place}")
    _see(house, account, job)


def _history(console: Console, house: SshHouse, account: Account, job: str) -> None:
    """Each process writes a chain of facts of its own."""
    _scene(console, "What an auditor sees of it")
    facts = sorted((fact for fact in house.engine.facts(record=account.user) if fact.kind in _TOLD), key=lambda fact: fact.at)
    begin = next(place for place, fact in enumerate(facts) if fact.job == job)
    ours = facts[begin].chain
    for fact in facts[begin:]:
        at, process = shown(fact.at).in_timezone("local"), "second" if fact.chain == ours else "killed"
        clock = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
        told = _TOLD[fact.kind].format(who=fact.who)
        console.print(Text().append(f"  {clock}  {process}  ", style="dim").append(f"{fact.kind:14} {told}"))


# all in all


def count(console: Console, house: SshHouse) -> None:
    """Each account is logged in to with what the vault keeps, by paramiko alone."""
    let_in = [account for account in ACCOUNTS if house.machine(account).lets_in(account.user, house.kept(account)["current"])]
    refused = sum(not right for machine in house.machines.values() for _, right in machine.tried)
    text = f"{len(let_in)} of {len(ACCOUNTS)} let in with what the vault keeps; {refused or 'no'} log-in was refused on the way"
    if len(let_in) < len(ACCOUNTS) or refused:
        raise _wrong(text)
    if faults := house.engine.check():
        raise _wrong(f"the chain of facts is broken: {faults}")
    console.print(Text(f"\n{text}.", style="bold green"))
