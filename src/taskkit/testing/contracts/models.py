"""Several workers on one store, driven by Hypothesis against a model that is small enough to be believed.

    class OurModel(EngineModel):
        def open(self) -> Callable[[], Storage]: ...

    TestOurModel = OurModel.TestCase

The model knows who owns which job, what was told, which tasks are active, and which record has tasks of its own. It does not know how any
of it is kept.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, ClassVar

import pendulum
from attrs import evolve, frozen
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from taskkit.engine import Engine, Settings
from taskkit.errors import TaskkitError
from taskkit.events.clocks import Daily
from taskkit.events.elapsed import Hourly
from taskkit.events.happenings import CheckedIn, Happening, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock, OnDemand
from taskkit.instants import MINUTE
from taskkit.jobs import Job, Kind, Why
from taskkit.outcomes import DONE, Effect, ErrorClass, NotDone, Outcome
from taskkit.plugins import hookimpl
from taskkit.plugins.kinds import Script
from taskkit.plugins.manager import Plugins
from taskkit.plugins.runs import Run
from taskkit.records import Record, RecordType
from taskkit.states import FINAL, PENDING, Step
from taskkit.storage import Move, Query, Storage
from taskkit.tasks import Fallback, Task, of_record, of_type
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.laws import Laws
from taskkit.testing.simulations import Followed
from taskkit.testing.stories import Names
from taskkit.testing.vaults import MemoryVault

RECORDS = ("r0", "r1")
_UNIX = of_type("unix")
_HAPPENINGS: tuple[type[Any], ...] = (CheckedIn, Unlocked)
_HAPPENED = (AfterCheckIn(), AfterUnlock(20), OnDemand())
_RULES: tuple[Any, ...] = (Hourly(), Daily(at="03:00"), Hourly(2))
_START = pendulum.datetime(2026, 3, 2, tz="UTC")
_records, _few = st.sampled_from(RECORDS), st.integers(0, 7)


@frozen
class _Told(Script):
    """Does as the model says next."""

    kind = "told"
    effect = Effect.IDEMPOTENT
    failures: ClassVar[list[None]] = []
    name: str

    def perform(self, run: Run) -> Outcome:
        if self.failures:
            self.failures.pop()
            return NotDone(ErrorClass.TIMEOUT)
        return DONE


class _Offers:
    @hookimpl
    def taskkit_scripts(self) -> list[type[Script]]:
        return [_Told]


class EngineModel(RuleBasedStateMachine):
    """Two engines and some that die, on the store that `open` gives handles of."""

    def open(self) -> Callable[[], Storage]:
        """A new, empty store: what is answered opens a handle on it."""
        raise NotImplementedError(f"{type(self).__name__} has no `open()`: it has to answer a function that opens a handle on a new store")

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.laws, self.names = VirtualClock(_START), Laws(), Names()
        opened, vault, plugins = self.open(), MemoryVault([Record(name, "unix") for name in RECORDS]), _plugins()
        handles: list[Any] = [Followed(opened(), self.laws, self.names) for _ in range(3)]
        *workers, self.store = handles
        self.engines = [
            Engine(vault, handle, clock=self.clock, plugins=plugins, node=f"node-{number}", settings=Settings(lease=60), rng=_drawn(number))
            for number, handle in enumerate(workers)
        ]
        engine = self.engine = self.engines[0]
        engine.define(RecordType("unix"))
        engine.define(_Told("told"))
        self.line = engine.put(Task("work it", "told", (*_HAPPENED, _RULES[0]), fallback=Fallback(15, 2)), list=_UNIX).line
        _Told.failures.clear()
        self.told: list[Happening] = []
        self.dead: list[Job] = []
        self.active: dict[str, bool] = {_UNIX: True}  # the task of the type, and of each record that has its own

    # what people and the vault do

    @rule(kind=st.sampled_from(_HAPPENINGS), record=_records, who=st.integers(0, 1))
    def something_happens(self, kind: type[Any], record: str, who: int) -> None:
        self.told.append(kind(record))
        self.engines[who].emit(self.told[-1])

    @precondition(lambda self: bool(self.told))
    @rule(which=_few)
    def it_is_told_again(self, which: int) -> None:
        self.engine.emit(self.told[which % len(self.told)])

    @rule(record=_records)
    def somebody_demands(self, record: str) -> None:
        with suppress(TaskkitError):  # its task may be inactive
            self.engine.demand(self._task(record).id, record, by="ann")

    @rule(what=st.sampled_from(["run_now", "cancel"]), which=_few)
    def somebody_steers(self, what: str, which: int) -> None:
        pending = [job for job in self.jobs if job.state in PENDING]
        if pending:
            with suppress(TaskkitError):  # a retry waits for its time, a consent for people
                getattr(self.engine, what)(pending[which % len(pending)].id, by="ann")

    @rule(record=_records, which=_few)
    def the_rule_is_edited(self, record: str, which: int) -> None:
        self.engine.edit(evolve(self._task(record), policies=(*_HAPPENED, _RULES[which % len(_RULES)])))

    @rule(record=_records, active=st.booleans())
    def it_is_switched(self, record: str, active: bool) -> None:
        self.engine.edit(evolve(self._task(record), active=active))
        self.active[self._list(record)] = active

    @rule(record=_records)
    def a_record_gets_its_own(self, record: str) -> None:
        if self._list(record) == _UNIX:
            self.engine.make_unique(record)
            self.active[of_record(record)] = self.active[_UNIX]

    @rule(record=_records)
    def a_record_shares_again(self, record: str) -> None:
        if self._list(record) != _UNIX:
            self.engine.share_again(record)
            del self.active[of_record(record)]

    # what workers do

    @rule(who=st.integers(0, 1), most=st.integers(1, 3))
    def one_works(self, who: int, most: int) -> None:
        self.engines[who].work(most)

    @rule(who=st.integers(0, 1))
    def one_looks_around(self, who: int) -> None:
        self.engines[who].tick()

    @rule()
    def the_next_one_fails(self) -> None:
        _Told.failures.append(None)

    @rule(minutes=st.sampled_from([1, 5, 20, 60, 180]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)

    @rule(most=st.integers(1, 3))
    def one_claims_and_dies(self, most: int) -> None:
        now = self.clock.now()
        claimed = self.store.claim(now, worker="dead/1", node="dead", pools=["local"], limit=most, lease=now + MINUTE)
        self.dead += [one.job for one in claimed]

    @precondition(lambda self: bool(self.dead))
    @rule(which=_few)
    def one_comes_back_from_the_dead(self, which: int) -> None:
        """What it writes lands where the job is still its own, and nowhere else (J3)."""
        job = self.dead[which % len(self.dead)]
        kept = self.store.job(job.id)
        [answer] = self.store.write([(Move(job.id, Step.BEAT, token=job.token, fields={"lease": self.clock.now() + MINUTE}),)])
        is_its_own = kept is not None and kept.token == job.token
        _expect(bool(answer) == is_its_own, f"a late beat of {job.id} {'landed' if answer else 'was refused'}")

    # what always holds

    @invariant()
    def no_law_is_broken(self) -> None:
        _expect(not self.laws.broken, "; ".join(self.laws.broken))

    @invariant()
    def nobody_sits_on_another(self) -> None:
        """One occurrence waits for a line and record, and one job of happenings, beside those that came back from a worker that died."""
        waiting = [job for job in self.jobs if job.state in PENDING and job.seat is not None and job.why is None and not job.rescues]
        twice = [seat for seat, count in Counter(job.seat for job in waiting).items() if count > 1]
        _expect(not twice, f"two jobs wait at {twice}")

    def teardown(self) -> None:
        """Everybody lets go, everything comes due: then nothing is left over, nothing was lost, and nothing was done twice."""
        _Told.failures.clear()
        for _ in range(16):
            self.clock.advance(minutes=30)
            self._people_resume()
            self.engines[1].drain(500)
        self.laws.check(self.store)
        self._all_was_heard()
        self._what_is_active_goes_on()

    def _people_resume(self) -> None:
        """A task over which one worker after the other was lost waits for them (J4)."""
        for job in self.jobs:
            if job.why == Why.SUSPENDED and job.state in PENDING:
                self.engine.resume_task(job.task, job.record)

    def _all_was_heard(self) -> None:
        heard = Counter(cause.happening for job in self.jobs for cause in self.store.causes(job.id))
        passed = {fact.details["happening"] for fact in self.engine.facts(kinds=["HappeningPassed"], limit=1_000_000)}
        lost = [one.id for one in self.told if not heard[one.id] and one.id not in passed]
        _expect(not lost, f"lost: {lost}")
        twice = [id for id, count in heard.items() if count > 1 and id]
        _expect(not twice, f"heard twice: {twice}")

    def _what_is_active_goes_on(self) -> None:
        """One occurrence for each record whose task is active, and none for the others (J5, R1, R7)."""
        wanted = {record: int(self.active[self._list(record)]) for record in RECORDS}
        ahead = Counter(job.record for job in self.jobs if job.kind is Kind.OCCURRENCE and job.state not in FINAL)
        _expect({record: ahead[record] for record in RECORDS} == wanted, f"occurrences ahead: {dict(ahead)}, wanted {wanted}")
        open_still = [(job.kind, job.state, job.why) for job in self.jobs if job.state not in FINAL and job.kind is not Kind.OCCURRENCE]
        _expect(not open_still, f"not ended: {open_still}")

    # the model's own

    @property
    def jobs(self) -> list[Job]:
        return list(self.store.jobs(Query(), limit=1_000_000).jobs)

    def _list(self, record: str) -> str:
        own = of_record(record)
        return own if own in self.active else _UNIX

    def _task(self, record: str) -> Task:
        (task,) = self.engine.tasks(self._list(record))
        return task


@cache
def _plugins() -> Plugins:
    return Plugins([_Offers()], discover=False)


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def _drawn(number: int) -> random.Random:
    return random.Random(number)
