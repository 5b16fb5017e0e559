"""Rotations of passwords that go wrong at every place, each in every way, to see that no password is ever lost (S3).

A first play shows which calls a rotation makes: each point that it names, each write of the store and of the vault, each log-in and change
on the host. Then it is played once more for each of these calls and each mishap, in a world of its own, and looked at once all is quiet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pendulum
from attrs import evolve, frozen

from taskkit.engine import Engine, Settings
from taskkit.engine._intents import read
from taskkit.errors import HostRefused, TaskkitError
from taskkit.events.policies import OnDemand
from taskkit.jobs import Kind
from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown, class_of
from taskkit.plugins.kinds import Executor, Script
from taskkit.plugins.manager import Plugins
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Host, Login, Probe, SecretChange
from taskkit.records import RecordType
from taskkit.scripts import PasswordReset
from taskkit.secrets import Secret
from taskkit.states import FINAL, State
from taskkit.storage import Query, Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task, of_type
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.crash_reports import CrashReport, Finding, Place, Verdict
from taskkit.testing.laws import Broken
from taskkit.testing.mishaps import MISHAPS, Deed, HidingRecords, Mishap, Outage, gone, unreachable
from taskkit.testing.simulations import Simulation, ported
from taskkit.testing.stage import Turn
from taskkit.testing.trials import Offering
from taskkit.testing.worlds import RotationWorld, World
from taskkit.vaults import Outbox, Records, Rights, Secrets, Sessions, Slots, Vault, root

_START = pendulum.datetime(2026, 3, 2, tz="UTC")
#: Where something may go wrong. Reads are no places of their own: nothing hangs on one that the call after it does not show.
_POINT = "point "
_CALLS = (_POINT, "storage.write", "slots.", "secrets.keep", "host.")
#: In minutes: when whoever was late or away is back at the latest, and how often it is looked once more whether all is quiet.
_PATIENCE, _THEN, _MOST = 46, 60, 24

#: Its number among all of a play, by whom, and what.
Call = tuple[int, str, str]


class CrashKit:
    """Of one executor, script and vault: `world` makes an account for each play, on the clock that it is given."""

    def __init__(self, world: World, *, script: Script | None = None, mishaps: Iterable[Mishap] = MISHAPS) -> None:
        self.world, self.script, self.mishaps = world, script or PasswordReset("rotate"), tuple(mishaps)
        self._places: Sequence[Place] = ()

    @property
    def places(self) -> Sequence[Place]:
        """The calls of a rotation in which nothing goes wrong."""
        self._places = self._places or self._learned()
        return self._places

    @property
    def plays(self) -> list[tuple[Place, Mishap]]:
        return [(place, mishap) for place in self.places for mishap in self.mishaps if mishap.fits(place.what)]

    def run(self, plays: Iterable[tuple[Place, Mishap]] | None = None) -> CrashReport:
        """All plays, or these."""
        return CrashReport([self.play(place, mishap) for place, mishap in (self.plays if plays is None else plays)])

    def play(self, place: Place, mishap: Mishap) -> Finding:
        with entered(self, [self.step(place, mishap)]) as play:
            return play.found(place.name, mishap.name)

    def step(self, place: Place, mishap: Mishap) -> Step:
        return Step(place.number, mishap)

    def _learned(self) -> Sequence[Place]:
        with entered(self, []) as play:
            finding = play.found("nothing", "none")
            if not finding.is_good or play.job_state is not State.COMPLETED:
                raise AssertionError(f"the rotation fails where nothing goes wrong: {play.job_state}, {finding}\n\n{play.story}")
            return list(_named(play.heard_until_quiet))


@frozen
class Step:
    """A mishap at the call of this number."""

    number: int
    mishap: Mishap


class Play:
    """One rotation, and what goes wrong in it."""

    def __init__(self, kit: CrashKit, steps: Sequence[Step], patience: int = _PATIENCE) -> None:
        self._patience = patience if steps else 1
        self.clock = VirtualClock(_START)
        self.world: RotationWorld = kit.world(self.clock)
        self.vault_away, self.store_away = Outage(self.clock, gone), Outage(self.clock, gone)
        self.host_away = Outage(self.clock, unreachable)
        self.records = HidingRecords(self.world.vault.records)
        opened = self.world.handles or MemoryStorage().join
        self.storage = opened()
        self.heard: list[Call] = []
        self._deeds = {step.number: step.mishap.deed for step in steps if step.mishap.deed is not None}
        self.heard_until_quiet: Sequence[Call] = ()
        self._calls = 0
        self.simulation = Simulation(
            turns=_turns(steps), vault=self._breakable(self.world.vault), handles=lambda: ported(Storage, opened(), self.store_away),
            plugins=Plugins([("crash-kit", Offering(kit.script, _on_stage(self.world.executor, self)))], discover=False, guests=False),
            settings=Settings(lease=60), clock=self.clock, keyring=self.world.keyring, heard=self._hear,
        )  # fmt: skip
        about = root(self.records, self.world.record)
        self.about, self.account = about.id, self.records.account(about)
        self._script = kit.script
        self.task = self._furnished(kit.script).id
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
            slots=None if vault.slots is None else ported(Slots, vault.slots, away),
        )  # fmt: skip

    def _hear(self, who: str, what: str) -> None:
        self._calls += 1
        self.heard.append((self._calls, who, what))
        deed = self._deeds.pop(self._calls, None)
        if deed is not None:
            deed(self)

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


@contextmanager
def entered(kit: CrashKit, steps: Sequence[Step], patience: int = _PATIENCE) -> Iterator[Play]:
    play = Play(kit, steps, patience)
    try:
        yield play
    finally:
        play.simulation.close()
        play.world.close()


def _turns(steps: Sequence[Step]) -> Iterator[Turn]:
    before = 0
    for step in steps:
        if step.mishap.act is not None:
            yield Turn(step.number - before, step.mishap.act, step.mishap.number)
            before = step.number


def at_work(heard: Iterable[Call]) -> Iterator[Call]:
    """What workers do between their claim of a rotation and their next one, in the order of their claims."""
    since: dict[str, list[Call]] = {}
    turning: set[str] = set()
    for call in heard:
        _, who, what = call
        if what == "storage.claim":
            since[who] = []
            turning.discard(who)
        elif what.startswith(_POINT) and who not in turning:
            turning.add(who)
            yield from (*since.get(who, ()), call)
        elif who in turning:
            yield call
        elif who in since:
            since[who].append(call)


def _named(heard: Sequence[Call]) -> Iterator[Place]:
    counts, after = Counter[str](), "claimed"
    for number, _, what in at_work(heard):
        if what.startswith(_CALLS):
            after = what.removeprefix(_POINT) if what.startswith(_POINT) else after
            name = what if what.startswith(_POINT) else f"{what} ({after})"
            counts[name] += 1
            yield Place(number, what, name if counts[name] == 1 else f"{name} {counts[name]}")


def _on_stage(executor: Executor, play: Play) -> Executor:
    """One that has a stage of its own says itself where the world may step in: where it has made sure that the job is its own still."""

    def called(what: str, do: Callable[[], Any]) -> Any:
        return play.simulation.call(f"host.{what}", lambda: play.host_away.call(what, lambda: told(what, do())))

    def told(what: str, answer: Any) -> Any:
        play.simulation.note(f"hears of the host: {what} {_answer(answer)}")
        return answer

    if hasattr(executor, "stage"):
        executor.stage = called
        return executor
    return _OnStage(executor, called)


def _answer(answer: object) -> str:
    """What a host may be quoted with: nothing but its class of error."""
    error = getattr(answer, "error", answer)
    return error.value if isinstance(error, ErrorClass) else "unknown" if isinstance(answer, Unknown) else "done"


class _OnStage(Executor):
    """Any other executor: the world may step in before and after each of its calls."""

    def __init__(self, executor: Executor, called: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._executor, self._called = executor, called
        self.name, self.verbs = executor.name, executor.verbs  # type: ignore[misc]
        self.effect, self.settings = executor.effect, executor.settings  # type: ignore[misc]

    def connect(self, host: Host, login: Login, run: Run) -> AbstractContextManager[Any]:
        return self._executor.connect(host, login, run)

    def probe(self, host: Host, login: Login, run: Run) -> Probe:
        try:
            found: Probe = self._called("log-in", lambda: self._executor.probe(host, login, run))
        except ConnectionError:
            return Probe(ErrorClass.UNREACHABLE, "the connection broke")
        except HostRefused as refused:
            return Probe(class_of(refused), str(refused))
        return found

    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Done | NotDone | Unknown:
        """A connection that breaks is for the border: nobody knows what became of it."""
        found: Done | NotDone | Unknown = self._called("change", lambda: self._executor.change(host, login, change, run))
        return found


class _Nobody:
    viewer = None
    token = 0


_NOBODY = _Nobody()
