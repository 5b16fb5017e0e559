"""One play: a rotation in a world of its own, what goes wrong in it, and what is left once all is quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pendulum
from attrs import evolve, frozen

from taskkit.engine import Engine, Settings
from taskkit.engine._intents import read
from taskkit.errors import TaskkitError
from taskkit.events.policies import OnDemand
from taskkit.jobs import Kind
from taskkit.plugins.kinds import Script
from taskkit.plugins.manager import Plugins
from taskkit.records import RecordType
from taskkit.secrets import Secret
from taskkit.states import FINAL, State
from taskkit.storage import Query, Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task, of_type
from taskkit.testing._staged import on_stage, quoted
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.crash_reports import Finding, Verdict
from taskkit.testing.laws import Broken
from taskkit.testing.mishaps import Deed, HidingRecords, Mishap, Outage, gone, unreachable
from taskkit.testing.simulations import Simulation, ported
from taskkit.testing.stage import Turn
from taskkit.testing.trials import Offering
from taskkit.testing.worlds import RotationWorld, World
from taskkit.vaults import Hosts, Outbox, Records, Rights, Secrets, Sessions, Slots, Vault, root

_START = pendulum.datetime(2026, 3, 2, tz="UTC")
#: In minutes: when whoever was late or away is back at the latest.
PATIENCE = 46
#: After how many minutes it is looked once more whether all is quiet, and how often.
_THEN, _MOST = 60, 24

#: Its number among all of a play, by whom, and what.
Call = tuple[int, str, str]


@frozen
class Step:
    """A mishap at the call of this number."""

    number: int
    mishap: Mishap


class Play:
    """One rotation, and what goes wrong in it."""

    def __init__(self, world: World, script: Script, steps: Sequence[Step], patience: int, ends: ExitStack) -> None:
        """Whatever it opens is given back by `ends`, also where it cannot begin."""
        self._patience = patience if steps else 1
        self.clock = VirtualClock(_START)
        self.world: RotationWorld = world(self.clock)
        ends.callback(self.world.close)
        self.vault_away, self.store_away = Outage(self.clock, gone), Outage(self.clock, gone)
        self.host_away = Outage(self.clock, unreachable)
        self.records = HidingRecords(self.world.vault.records)
        opened = self.world.handles or MemoryStorage().join
        self.storage = opened()
        ends.callback(self.storage.close)
        self.heard: list[Call] = []
        self._deeds = {step.number: step.mishap.deed for step in steps if step.mishap.deed is not None}
        self.heard_until_quiet: Sequence[Call] = ()
        self._calls = 0
        self.simulation = Simulation(
            turns=_turns(steps), vault=self._breakable(self.world.vault), handles=lambda: ported(Storage, opened(), self.store_away),
            plugins=Plugins([("crash-kit", Offering(script, on_stage(self.world.executor, self._called)))], discover=False, guests=False),
            settings=Settings(lease=60), clock=self.clock, keyring=self.world.keyring, heard=self._hear,
        )  # fmt: skip
        ends.callback(self.simulation.close)
        about = root(self.records, self.world.record)
        self.about, self.account = about.id, self.records.account(about)
        self._script = script
        self.task = self._furnished(script).id
        self.job = self.engine.demand(self.task, self.world.record.id)

    @property
    def engine(self) -> Engine:
        return self.simulation.engine

    def _furnished(self, script: Script) -> Task:
        types = {one.type for one in (self.world.record, self.world.shadow) if one is not None}
        for name in sorted(types):
            self.engine.define(RecordType(name, executor=self.world.executor.name, settings=self.world.settings))
        return self._put(script)

    def _put(self, script: Script) -> Task:
        self.engine.define(script)
        shadow = self.world.shadow.id if self.world.shadow is not None else None
        return self.engine.put(Task(script.name, script.name, OnDemand(), shadow=shadow), list=of_type(self.world.record.type))

    # the world, which may be away

    def _breakable(self, vault: Vault) -> Vault:
        away = self.vault_away
        return Vault(
            ported(Records, self.records, away),
            secrets=ported(Secrets, vault.secrets, away), sessions=ported(Sessions, vault.sessions, away),
            rights=ported(Rights, vault.rights, away), outbox=ported(Outbox, vault.outbox, away),
            hosts=ported(Hosts, vault.hosts, away),
            slots=None if vault.slots is None else ported(Slots, vault.slots, away),
        )  # fmt: skip

    def _hear(self, who: str, what: str) -> None:
        self._calls += 1
        self.heard.append((self._calls, who, what))
        deed = self._deeds.pop(self._calls, None)
        if deed is not None:
            deed(self)

    def _called(self, what: str, do: Callable[[], Any]) -> Any:
        """A call on the host; the story tells what was heard of it."""

        def told() -> Any:
            answer = do()
            self.simulation.note(f"hears of the host: {what} {quoted(answer)}")
            return answer

        return self.simulation.call(f"host.{what}", lambda: self.host_away.call(what, told))

    def soon(self, deed: Deed, minutes: float = 0) -> None:
        self.simulation.at(lambda: deed(self), minutes=minutes)

    # its end

    def found(self, place: str, mishap: str) -> Finding:
        """Once all is quiet."""
        troubles: list[str] = []
        verdict = Verdict.OPEN
        try:
            self._quieten()
            self.heard_until_quiet = tuple(self.heard)
            verdict = self._verdict()
            troubles += self._troubles(verdict)
            if verdict is Verdict.KNOWN:
                troubles += self._after()
            self.simulation.check()
        except (Broken, TaskkitError) as error:
            troubles.append(f"{type(error).__name__}: {str(error).splitlines()[0]}")
        return Finding(place, mishap, verdict, tuple(troubles), self.story if troubles or verdict is not Verdict.KNOWN else "")

    @property
    def story(self) -> str:
        return self.simulation.story

    @property
    def job_state(self) -> State:
        return State(self.engine.job(self.job).state)

    def _quieten(self) -> None:
        self.simulation.run(minutes=self._patience)
        for _ in range(_MOST):
            if self._is_quiet():
                return
            self.simulation.run(minutes=_THEN)

    def _is_quiet(self) -> bool:
        intent = read(self.storage, self.account)
        open_ = [job for job in self._jobs() if job.state not in FINAL]
        return (intent is None and not open_) or (intent is not None and intent.is_uncertain)

    def _jobs(self) -> Sequence[Any]:
        return self.storage.jobs(Query(), limit=10_000).jobs

    def _verdict(self) -> Verdict:
        intent, kept = read(self.storage, self.account), self._kept()
        live = [which for which, secret in kept if self.world.lets_in(secret)]
        if not live:
            return Verdict.LOST
        if intent is not None:
            return Verdict.UNCERTAIN if intent.is_uncertain else Verdict.OPEN
        return Verdict.KNOWN if "current" in live else Verdict.WRONG

    def _kept(self) -> Iterator[tuple[str, Secret]]:
        """What the vault keeps of the account, and what lies sealed in the store."""
        values = self.world.vault.secrets.values(self.account, _NOBODY)
        for which, secrets in (("current", values.current), ("pending", values.pending), ("previous", values.previous)):
            yield from ((which, secret) for secret in secrets.values())
        if self.world.keyring is not None:
            found = self.engine._ground.seals.read(f"slot/{self.account}")
            yield from (("sealed", secret) for secret in (found.secrets.values() if found else ()))

    def _troubles(self, verdict: Verdict) -> Iterator[str]:
        intent, jobs = read(self.storage, self.account), self._jobs()
        waiting = {job.id for job in jobs if job.kind is Kind.RECOVERY and job.state not in FINAL}
        if intent is not None and intent.recovery not in waiting:
            yield "no recovery job looks after the open intent (S4)"
        if intent is None and waiting:
            yield "a recovery job waits, and no intent is open (S4)"
        for job in jobs:
            if job.state not in FINAL and job.id not in waiting:
                yield f"a job of kind {job.kind} is {job.state}, and nothing holds it up any more (J1)"
        if verdict is Verdict.UNCERTAIN and len(list(self._kept())) < 2:
            yield "it is uncertain, and not all that may let in is kept (S3)"

    def _after(self) -> Iterator[str]:
        """Nothing holds the account any more: it can be rotated again, and nothing late comes between."""
        afterwards: Script = evolve(self._script, name="afterwards")  # type: ignore[misc]  # every script is an attrs class
        job = self.engine.demand(self._put(afterwards).id, self.world.record.id)
        self.simulation.run(minutes=5)
        entry = self.engine.job(job)
        if entry.state is not State.COMPLETED:
            yield f"the account cannot be rotated any more: {entry.state} {entry.why or entry.error} {entry.text} (R4)"
        elif self._verdict() is not Verdict.KNOWN:
            yield f"after another rotation it is {self._verdict()}"


def _turns(steps: Sequence[Step]) -> Iterator[Turn]:
    before = 0
    for step in steps:
        if step.mishap.act is not None:
            yield Turn(step.number - before, step.mishap.act, step.mishap.number)
            before = step.number


class _Nobody:
    viewer = None
    token = 0


_NOBODY = _Nobody()
