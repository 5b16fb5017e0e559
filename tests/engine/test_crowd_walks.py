"""Several people over the same jobs, in whatever order: no run starts without the consent that it needs, nor by its own (A5, J6)."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from attrs import evolve

from taskkit.errors import TaskkitError
from taskkit.events import Daily, TimeWindow
from taskkit.events.happenings import RecordChanged, Unlocked
from taskkit.events.policies import AfterUnlock, OnDemand
from taskkit.instants import SECOND
from taskkit.jobs import Job, Kind
from taskkit.outcomes import DONE, Asks, ErrorClass, NotDone, NotNow, Outcome
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.selections import Everything
from taskkit.states import FINAL, PENDING, State
from taskkit.storage import Query
from taskkit.tasks import ConsentRule, Fallback, Task, Waves
from tests.engine.houses import House, hosts

_PEOPLE = "ann", "bob", "cid", "dora"
_NIGHT = TimeWindow("0-59 2-5 * * *", tz="UTC")


class Crowd:
    """A task on two records and a run over both, and what people were seen to say about their jobs."""

    def __init__(self) -> None:
        self.house, self.plans = House(*hosts(2)), 0
        said: dict[str, Any] = {"consent": ConsentRule(1, minutes=600), "fallback": Fallback(15, 2), "window": _NIGHT}
        task = self.house.put(Daily(at="03:00"), AfterUnlock(30), OnDemand(), **said)
        sweep = self.house.engine.put(Task("sweep", "work", OnDemand(), selection=Everything(), waves=Waves(1, 2), **said))
        self.tasks = task.id, sweep.id
        self.house.play.always = {"h01": self.perform, "h02": self.perform}
        self.asked: defaultdict[str, set[str]] = defaultdict(set)
        self.forced: set[str] = set()
        self.votes: defaultdict[str, list[tuple[str, int, str]]] = defaultdict(list)
        self.reruns: dict[str, str] = {}
        self.answer, self.broken = 0, list[str]()

    # what is known

    @property
    def jobs(self) -> list[Job]:
        return list(self.house.storage.jobs(Query(), limit=10_000).jobs)

    def job(self, id: str) -> Job:
        (found,) = (job for job in self.jobs if job.id == id)
        return found

    def kin(self, id: str) -> set[str]:
        """Whoever asked for one of these asked for this one."""
        found, left = set[str](), [id]
        while left:
            if (one := left.pop()) not in found:
                found.add(one)
                job = self.job(one)
                left += [*filter(None, (job.series, job.execution)), *(other.id for other in self.jobs if other.into == one)]
        return found

    def is_own(self, id: str, person: str) -> bool:
        return any(person in self.asked[one] for one in self.kin(id))

    def consents(self, job: Job, plan: str = "") -> set[str]:
        revision = self.house.engine.task(job.task).revision
        return {person for person, at, seen in self.votes[job.id] if at == revision and plan in seen}

    # what must hold

    def perform(self, run: Run) -> Outcome:
        job = self.job(run.job.id)
        self.broken += [f"{law}: {job.kind} {job.id} for {job.record}" for law, holds in self.laws(job, run) if not holds]
        return DONE if run.consented is not None and run.consented.startswith("plan ") else self.answers()

    def laws(self, job: Job, run: Run) -> Iterator[tuple[str, bool]]:
        is_forced, decides = bool(self.forced & self.kin(job.id)), self.job(job.execution) if job.execution is not None else job
        yield "a demanded run has a consent", is_forced or not decides.is_demanded or bool(self.consents(decides))
        yield "whoever runs it again is none of them", is_forced or self.reruns.get(job.id) not in self.consents(decides)
        if (plan := run.consented or "").startswith("plan "):
            yield "somebody consented to the plan that is carried out", bool(self.consents(job, plan))
        if job.kind is not Kind.PART or job.id in self.reruns:
            second = self.house.clock.now() // SECOND
            yield "it starts in its window", is_forced or _NIGHT.open_from(second) == second
        if job.execution is None or job.id in self.reruns:
            yield "it is not suspended", not self.is_suspended(job)

    def is_suspended(self, job: Job) -> bool:
        task, planner = self.house.engine.task(job.task), self.house.engine._staff._planner
        return planner.suspension(task, job.record) is not None

    def answers(self) -> Outcome:
        now, self.plans = self.house.clock.moment, self.plans + 1
        asks = Asks(f"plan {self.plans}.", "a plan", now.add(hours=5))
        return (DONE, NotDone(ErrorClass.TIMEOUT), NotDone(ErrorClass.FAILED), asks, NotNow(now.add(minutes=45), "in use"))[self.answer % 5]

    # what people do

    def note(self, ids: Iterable[str], who: str, force: bool = False) -> None:
        for id in ids:
            self.asked[id].add(who)
            self.forced |= {id} if force else set()

    def one(self, number: int, wanted: Callable[[Job], bool]) -> Job | None:
        found = [job for job in self.jobs if wanted(job)]
        return found[number % len(found)] if found else None

    def demand(self, number: int, who: str) -> None:
        force = number % 7 == 0
        task, record = ((self.tasks[0], "h01"), (self.tasks[0], "h02"), (self.tasks[1], None))[number % 3]
        self.note([self.house.engine.demand(task, record, by=who, force=force)], who, force)

    def run(self, number: int, who: str) -> None:
        if (job := self.one(number, lambda job: job.state in PENDING)) is not None:
            self.house.engine.run_now(job.id, by=who, force=number % 7 == 0)
            self.note([job.id], who, number % 7 == 0)

    def consent(self, number: int, who: str) -> None:
        if (job := self.one(number, lambda job: job.state is State.AWAITING_CONSENT)) is not None:
            plan = self.house.engine.gathering(job.id).plan
            is_own = self.is_own(job.id, who)
            assert ("consent" in self.house.engine.job(job.id, user=who).actions) is not is_own
            self.house.engine.consent(job.id, by=who, plan=plan)
            assert not is_own
            self.votes[job.id].append((who, self.house.engine.task(job.task).revision, plan))

    def decline(self, number: int, who: str) -> None:
        if (job := self.one(number, lambda job: job.state is State.AWAITING_CONSENT)) is not None:
            self.house.engine.decline(job.id, by=who)

    def cancel(self, number: int, who: str) -> None:
        if (job := self.one(number, lambda job: job.state in PENDING)) is not None:
            self.house.engine.cancel(job.id, by=who)

    def rerun(self, number: int, who: str) -> None:
        if (job := self.one(number, lambda job: job.conducts and job.ended is not None)) is not None:
            parts = self.house.engine.rerun(job.id, by=who, force=number % 7 == 0)
            self.note(parts, who, number % 7 == 0)
            self.reruns |= dict.fromkeys(parts, who)

    def suspend(self, number: int, who: str) -> None:
        self.house.engine.suspend_task(self.tasks[number % 2], (None, "h01")[number // 2 % 2], by=who)

    def resume(self, number: int, who: str) -> None:
        for task in self.tasks:
            for record in (None, "h01", "h02"):
                self.house.engine.resume_task(task, record, by=who)

    def edit(self, number: int, who: str) -> None:
        task = self.house.engine.task(self.tasks[number % 2])
        self.house.engine.edit(evolve(task, description=f"{task.revision}"), by=who)

    def change(self, number: int, who: str) -> None:
        self.house.vault.put(Record("h01", "unix", fields={"host": f"web{number}"}))
        self.house.engine.emit(RecordChanged("h01"))

    def unlock(self, number: int, who: str) -> None:
        self.note(self.house.engine.emit(Unlocked(("h01", "h02")[number % 2], user=who)), who)

    def wait(self, number: int, who: str) -> None:
        self.house.clock.advance(minutes=(1, 10, 30, 120, 400)[number % 5])

    def work(self, number: int, who: str) -> None:
        self.answer = number
        self.house.engine.drain(50)

    def settle(self) -> None:
        """In the end, all are told what became of what they asked for."""
        asked = [job.id for job in self.jobs if job.state not in FINAL and job.kind is not Kind.OCCURRENCE]
        self.resume(0, "zoe")
        self.answer = 0
        for _ in range(70):
            self.house.engine.drain()
            self.house.clock.advance(hours=1)
        assert [job.id for job in self.jobs if job.id in asked and job.state not in FINAL] == []


_DEEDS = (
    Crowd.demand, Crowd.run, Crowd.run, Crowd.consent, Crowd.consent, Crowd.consent, Crowd.decline, Crowd.cancel, Crowd.rerun, Crowd.rerun,
    Crowd.suspend, Crowd.resume, Crowd.edit, Crowd.change, Crowd.unlock, Crowd.wait, Crowd.wait, Crowd.work, Crowd.work, Crowd.work,
)  # fmt: skip


def walked(seed: int, steps: int = 150) -> Crowd:
    crowd, rng = Crowd(), random.Random(seed)
    for _ in range(steps):
        with suppress(TaskkitError):
            rng.choice(_DEEDS)(crowd, rng.randrange(42), rng.choice(_PEOPLE))
    crowd.settle()
    return crowd


@pytest.mark.parametrize("seed", range(12))
def test_a05_whatever_people_do_no_run_goes_without_the_consent_of_others_that_it_needs(seed: int) -> None:
    assert walked(seed).broken == []
