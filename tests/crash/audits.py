"""After the crash: a sane process does what is left, and then nobody's word is taken for anything."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise

from taskkit.engine import Engine
from taskkit.facts import START, Fact, Head
from taskkit.instants import MINUTE, Instant, SystemClock
from taskkit.jobs import Cause, Job, Kind
from taskkit.states import CLAIMED, FINAL, State
from taskkit.storage import Query
from taskkit.storage._fires import fire_key
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sql._store import SqlStorage
from taskkit.storage.sqlite import SqliteStorage
from tests.crash.ledger import Ledger, Line
from tests.crash.scripts import PORTIONS, RECORDS, SETTINGS, WANTED_BY, Offers, vault
from tests.crash.workers import happening, resume_all

_ALL = 1_000_000
_LOOKS = 20
_SAMPLE = 20
_ENDS = {
    "JobCompleted": State.COMPLETED, "JobSatisfied": State.COMPLETED, "JobFailed": State.ERROR, "JobCanceled": State.CANCELED,
    "JobStopped": State.CANCELED, "JobMissed": State.MISSED, "JobMerged": State.MERGED, "ConsentExpired": State.EXPIRED,
    "JobUncertain": State.UNCERTAIN,
}  # fmt: skip


class Ahead(SystemClock):
    """Goes ahead of the others, so that leases, retries and cadences need not be waited for."""

    def __init__(self) -> None:
        self.minutes = 0

    def now(self) -> Instant:
        return super().now() + self.minutes * MINUTE

    def monotonic(self) -> float:
        return super().monotonic() + self.minutes * 60


@contextmanager
def sane(url: str, ledger: Ledger, clock: SystemClock | None = None) -> Iterator[Engine]:
    """An engine in this process, on the clock of this machine."""
    scheme, _, path = url.partition(":")
    storage: SqlStorage = SqliteStorage(path) if scheme == "sqlite" else PostgresStorage(url, keeps_time=False)
    with storage:
        yield Engine(vault(), storage, settings=SETTINGS, plugins=[Offers(ledger)], node="sane", clock=clock)


def settle(url: str, ledger: Ledger) -> None:
    """What was being told is told again, and some of what was told before, too; and all that can be done is done."""
    clock = Ahead()
    with sane(url, ledger, clock) as engine:
        resume_all(engine)
        heard = {line["id"] for line in ledger.lines("told")}
        for number, line in enumerate([*ledger.lines("telling")]):
            if line["id"] not in heard or number % _SAMPLE == 0:
                ledger.note("told", id=line["id"], jobs=engine.emit(happening(line["kind"], line["record"], line["id"], line.get("task"))))
        for _ in range(_LOOKS):
            clock.minutes += 2
            engine.drain()
            if not resume_all(engine) and not _left(engine):
                return
        raise AssertionError(f"not settled: {_left(engine)}")


def _left(engine: Engine) -> list[Job]:
    """What has not ended, but for the next occurrences."""
    now = engine._ground.now()
    jobs = (job for state in State if state not in FINAL for job in engine.storage.jobs(Query(states=state), limit=_ALL).jobs)
    return [job for job in jobs if job.kind is not Kind.OCCURRENCE or job.state is not State.SCHEDULED or job.due <= now]


class Audit:
    """What is found wrong."""

    def __init__(self, url: str, ledger: Ledger, *, away: bool = False) -> None:
        """`away`: the store may have been away while it was used."""
        self.wrong: list[str] = []
        self._url, self._ledger, self._away = url, ledger, away
        with sane(url, ledger) as engine:
            self._storage = engine.storage
            self._tasks = {task.line: task for task in engine.tasks()}
            self.jobs = {job.id: job for job in self._storage.jobs(Query(), limit=_ALL).jobs}
            self.causes: dict[str, list[Cause]] = {id: list(self._storage.causes(id)) for id in self.jobs}
            self.facts: defaultdict[str | None, list[Fact]] = defaultdict(list)
            for fact in self._storage.facts(START, limit=_ALL)[0]:
                self.facts[fact.job].append(fact)
            self._look()

    def _look(self) -> None:
        for look in (self._store, self._ends, self._fires, self._happenings, self._cadences, self._work, self._doubts, self._promises):
            look()

    def check(self) -> Audit:
        assert not self.wrong, "\n".join([f"{len(self.wrong)} wrong:", *self.wrong[:40]])
        return self

    def _says(self, wrong: Iterable[str]) -> None:
        self.wrong += wrong

    # each look

    def _store(self) -> None:
        """The file, the chains, and that nobody who has ended has anything in hand."""
        noted = [Head(line["chain"], line["position"], line["hash"]) for line in self._ledger.lines("head")]
        self._says(f"A6: {fault}" for fault in self._storage.check(noted))
        if self._url.startswith("sqlite"):
            self._says(f"SQLite: {told}" for told in integrity(self._url))
        self._says(f"J1: {job.id} is {job.state} for ever" for job in self.jobs.values() if job.state in CLAIMED)
        held = self._rows("SELECT job, key, waits FROM taskkit_holds")
        self._says(f"R4: {job}, {self._state(job)}, {'waits for' if waits else 'holds'} {key}" for job, key, waits in held)

    def _ends(self) -> None:
        """Each ended job has one fact that says so, and the other way round: a unit lands as a whole (J2)."""
        for id, job in self.jobs.items():
            told = Counter(fact.kind for fact in self.facts[id] if fact.kind in _ENDS)
            ends = [state for kind, count in told.items() for state in [_ENDS[kind]] * count]
            if ends != ([job.state] if job.state in FINAL else []):
                self.wrong.append(f"J2: {id} is {job.state}, and its facts tell of {dict(told)}")
            if [fact.kind for fact in self.facts[id]].count("JobStarted") != (job.started is not None):
                self.wrong.append(f"J2: {id} started {job.started}, and its facts tell otherwise")
        self._says(f"J2: there is no {id}, of which facts tell" for id in self.facts if id is not None and id not in self.jobs)

    def _fires(self) -> None:
        """Each fire is kept once, has one job, and none is kept without its job (J5)."""
        kept = Counter[str]()
        for job in self.jobs.values():
            fires = {job.fire, *(cause.fire for cause in self.causes[job.id])}
            kept.update(fire_key(job, fire) for fire in fires if fire is not None)
        self._says(f"J5: the fire {fire!r} has {count} jobs" for fire, count in kept.items() if count > 1)
        stored = {fire for (fire,) in self._rows("SELECT fire FROM taskkit_fires")}
        self._says(f"J5: {fire!r} is kept for a job or not, and its job says otherwise" for fire in stored ^ kept.keys())

    def _happenings(self) -> None:
        """What was told joined a job, or is told as passed, for each task that wants it (P9)."""
        served = {(cause.happening, self._name(id)) for id, causes in self.causes.items() for cause in causes}
        passed = {
            (fact.details["happening"], self._tasks[fact.line].name)
            for facts in self.facts.values() for fact in facts
            if fact.kind == "HappeningPassed" and fact.details["why"] != "repeated" and fact.line is not None
        }  # fmt: skip
        names = {task.id: task.name for task in self._tasks.values()}
        for line in self._ledger.lines("telling"):
            wanted = (names[line["task"]],) if "task" in line else WANTED_BY[line["kind"]]
            self._says(
                f"P9: {line['kind']} {line['id']} is lost for {name!r}" for name in wanted if (line["id"], name) not in served | passed
            )
        for line in self._ledger.lines("told"):
            self._says(f"J14: {job!r} was the answer to {line['id']}, and is not there" for job in line["jobs"] if job not in self.jobs)

    def _cadences(self) -> None:
        """Each has its next occurrence, and no nominal time was left out or used twice (J5, J9, T15)."""
        occurrences: defaultdict[tuple[str, str | None], list[Job]] = defaultdict(list)
        for job in self.jobs.values():
            if job.kind is Kind.OCCURRENCE:
                occurrences[self._name(job.id), job.record].append(job)
        for place in [(task.name, record) for task in self._tasks.values() if task.interval is not None for record in RECORDS]:
            jobs = sorted(occurrences[place], key=lambda job: job.at or 0)
            if [job.state for job in jobs if job.state not in FINAL] != [State.SCHEDULED]:
                self.wrong.append(f"J9: the next occurrences of {place}: {[job.state for job in jobs if job.state not in FINAL]}")
            for one, after in pairwise(jobs):
                if (after.at or 0) != (one.missed_last or one.at or 0) + 60:
                    self.wrong.append(f"T15: {place}: {one.at} up to {one.missed_last} is followed by {after.at}")

    def _work(self) -> None:
        """What was really performed, how often, and for whom (J10, J13)."""
        performed: defaultdict[str, list[Line]] = defaultdict(list)
        for line in self._ledger.lines("performed"):
            performed[line["job"]].append(line)
        for id, job in self.jobs.items():
            self._says(f"J10: {id}: {wrong}" for wrong in _performed(self._script(job), job, performed[id]))
        saved: defaultdict[str, list[Line]] = defaultdict(list)
        for line in self._ledger.lines("saved"):
            saved[line["job"]].append(line)
        for id, lines in performed.items():
            for line in lines:
                if any(one["done"] > line["portion"] and one["token"] < line["token"] for one in saved[id]):
                    self.wrong.append(f"J13: {id}: portion {line['portion']} again, though it was kept under an older token")

    def _doubts(self) -> None:
        """Who is uncertain was blind, or lost too many workers, and its task waited for a person (J4, J7, J10)."""
        for id, job in self.jobs.items():
            if job.state is State.UNCERTAIN:
                if self._script(job) != "once" and job.rescues <= 3:
                    self.wrong.append(f"J10: {id} of {self._name(id)!r} is uncertain: {job.text}")
                if "TaskSuspended" not in [fact.kind for fact in self.facts[id]]:
                    self.wrong.append(f"J7: {id} is uncertain, and nothing waits for a person")
            elif job.state is State.ERROR and (self._script(job), job.error) != ("flaky", "unreachable"):
                self.wrong.append(f"J9: {id} of {self._name(id)!r} is {job.error}: {job.text}")
            elif job.state not in FINAL | {State.SCHEDULED}:
                self.wrong.append(f"J1: {id} is {job.state}")
        self._says(f"J7: {id} failed first, and was not tried again" for id in self._untried())

    def _untried(self) -> Iterator[str]:
        """A first failure is followed by another try, which may be the follow-up of several (J7)."""
        ends: defaultdict[tuple[str, str | None], int] = defaultdict(int)
        for job in self.jobs.values():
            if job.cycle or job.manual:
                ends[job.line, job.record] = max(ends[job.line, job.record], job.ended or 0)
        for id, job in self.jobs.items():
            if job.error == "unreachable" and not (job.cycle or job.manual) and ends[job.line, job.record] < (job.ended or 0):
                yield id

    def _promises(self) -> None:
        """No token was given twice (J3); nobody met what no process may meet."""
        tokens = Counter(token for line in self._ledger.lines("claimed") for token in line["tokens"].values())
        self._says(f"J3: the token {token} was given {count} times" for token, count in tokens.items() if count > 1)
        self._says(
            f"J3: {job}: what was written under the token {token} was let in, though another had claimed it" for job, token in self._late()
        )
        self._says(f"a process broke: {line['text']}" for line in self._ledger.lines("broken"))
        troubles = {name for fact in self._of("EngineFailed") for name in str(fact.details.get("error", "")).split(", ")}
        self._says(f"an engine failed: {name}" for name in troubles - ({"StorageAway"} if self._away else set()))
        self._says(f"an engine gave up a thread: {fact}" for fact in self._of("PluginAbandoned"))
        known = {"Outdated", "Refused", "IllegalStep"} | ({"StorageAway"} if self._away else set())
        self._says(f"refused: {line}" for line in self._ledger.lines("refused") if line["error"] not in known)

    def _late(self) -> Iterator[tuple[str, int]]:
        """What was begun to be saved when a newer claim was known, and was saved all the same."""
        newest, late = dict[str, int](), set[tuple[str, int, int]]()
        for line in self._ledger.lines("claimed", "saving", "saved"):
            if line["what"] == "claimed":
                newest.update({job: max(token, newest.get(job, 0)) for job, token in line["tokens"].items()})
                continue
            job, token = line["job"], line["token"]
            portion = job, token, line["done"]
            if line["what"] == "saved" and portion in late:
                yield job, token
            elif line["what"] == "saving" and token < newest.get(job, 0):
                late.add(portion)

    # what they look at

    def _of(self, kind: str) -> list[Fact]:
        return [fact for facts in self.facts.values() for fact in facts if fact.kind == kind]

    def _rows(self, sql: str) -> list[tuple[object, ...]]:
        assert isinstance(self._storage, SqlStorage)
        return self._storage._ask(lambda line: line.rows(sql))

    def _name(self, id: str) -> str:
        return self._tasks[self.jobs[id].line].name

    def _script(self, job: Job) -> str:
        return "conducts" if job.conducts else self._tasks[job.line].script

    def _state(self, id: object) -> str:
        return str(self.jobs[str(id)].state) if id in self.jobs else "gone"

    # what it saw

    def count(self, *states: State) -> int:
        return sum(job.state in states for job in self.jobs.values())

    @property
    def rescues(self) -> int:
        return len(self._of("JobRescued"))


def _performed(script: str, job: Job, lines: list[Line]) -> Iterator[str]:
    done, is_done = len(lines), job.state is State.COMPLETED
    if script == "once" and done > 1:
        yield f"what is blind was done {done} times"
    if script == "once" and job.state is State.COMPLETED and done != 1:
        yield f"what is blind is completed, and was done {done} times"
    if script in ("again", "flaky") and is_done and not done:
        yield "it is completed, and was not done"
    if script == "portions" and is_done and {line["portion"] for line in lines} != set(range(PORTIONS)):
        yield f"it is completed, and of its portions these were done: {[line['portion'] for line in lines]}"
    if job.started is None and lines:
        yield "it was done, and never began"


def integrity(url: str) -> list[str]:
    with closing(sqlite3.connect(url.partition(":")[2])) as db:
        return [told for (told,) in db.execute("PRAGMA integrity_check") if told != "ok"]
