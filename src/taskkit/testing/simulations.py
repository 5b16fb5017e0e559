"""Several processes on one store, one vault and one clock, in an order that a seed decides, with a world that steps in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pendulum

from taskkit.dice import Dice
from taskkit.engine import Engine, Settings
from taskkit.errors import StorageAway, VaultAway
from taskkit.events.happenings import Happening
from taskkit.instants import MINUTE, SECOND, Instant
from taskkit.jobs import Job
from taskkit.plugins.manager import Plugins
from taskkit.states import FINAL
from taskkit.storage import Claimed, Landed, Query, Storage, Unit
from taskkit.storage.memory import MemoryStorage
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.laws import Broken, Laws
from taskkit.testing.stage import Act, Lot, Stage, Turn
from taskkit.testing.stories import Names, claims, writes
from taskkit.testing.vaults import MemoryVault
from taskkit.vaults import Hosts, Outbox, Records, Rights, Secrets, Sessions, Slots, Vault

if TYPE_CHECKING:
    from taskkit.keyrings import Keyring

T = TypeVar("T")
_AWAY = (ConnectionError, StorageAway, VaultAway)
#: Reads that change nothing and on which nothing hangs alone: whoever steps in does so at the write that follows.
_QUIET = frozenset({"document", "documents", "facts", "heads", "next_due", "since"})
_POLL, _LOOK = MINUTE, 10 * MINUTE
_REBOOT = 3 * MINUTE
_START = pendulum.datetime(2026, 3, 2, tz="UTC")


class Simulation:
    """Play it with `run`, look at it with `check`, read it with `story`.

    `turns` says when the world steps in, and how: a seed's (`seeded`), those of a failed run, or what Hypothesis draws. `handles` gives a
    new handle on the one store, as each process opens one. `seed` draws random days, as that of a forecast does. `heard` is told
    of each call right before it: by whom, and of what.
    """

    def __init__(
        self,
        *,
        turns: Iterable[Turn] = (),
        vault: Vault | None = None,
        handles: Callable[[], Storage] | None = None,
        plugins: Plugins | Iterable[object] = (),
        processes: int = 2,
        start: datetime = _START,
        settings: Settings | None = None,
        batch: int = 5,
        seed: int = 0,
        clock: VirtualClock | None = None,
        keyring: Keyring | None = None,
        heard: Callable[[str, str], object] = lambda who, what: None,
    ) -> None:
        self.clock = clock or VirtualClock(start)
        self.vault = vault or MemoryVault(clock=self.clock)
        self._handles, self._opened = handles or MemoryStorage().join, list[Storage]()
        self.storage = self._handle()
        self._names = Names()
        self.laws = Laws()
        self._stage = Stage(self.clock, turns, heard)
        self._settings, self._batch = settings or Settings(), batch
        self._plugins = plugins if isinstance(plugins, Plugins) else Plugins(plugins)
        self._numbers, self._seed, self._keyring = 0, seed, keyring
        self._world = Lot(mortal=False)
        self.engine = self._engine("test", self._world)
        for number in range(processes):
            self._start(f"node-{number + 1}")

    # what a test does

    def at(self, deed: Callable[[], object], *, days: float = 0, hours: float = 0, minutes: float = 0) -> None:
        """Do something when so much time has passed, whatever else happens then; again, where the other side was away."""
        due = self.clock.now() + round((days * 1440 + hours * 60 + minutes) * MINUTE)
        self._stage.enter("world", lambda: self._do(deed, due), self._world)

    def tell(self, happening: Happening, *, days: float = 0, hours: float = 0, minutes: float = 0) -> None:
        """Tell the engine of something that happens then; told again until it was heard (P9)."""
        self.at(lambda: self.engine.emit(happening), days=days, hours=hours, minutes=minutes)

    def spend(self, *, hours: float = 0, minutes: float = 0) -> None:
        """Called by a script or an executor: what it does takes so much time, and the others go on meanwhile."""
        self._stage.call("spend", lambda: None)
        self._stage.sleep(self.clock.now() + round((hours * 60 + minutes) * MINUTE))

    def call(self, what: str, do: Callable[[], Any]) -> Any:
        """Called by an executor around what it does on a host: a place at which the world may step in (`FakeExecutor.stage`)."""
        return self._stage.call(what, do)

    def note(self, text: str) -> None:
        """One more line of the story."""
        self._stage.tell(text)

    def run(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> Simulation:
        """Play on for so much time."""
        try:
            self._stage.play(self.clock.now() + round((days * 1440 + hours * 60 + minutes) * MINUTE))
        except Exception as error:
            raise self._told(error) from error
        return self

    def check(self) -> None:
        """Whether every law holds; Broken, with the story, where one does not."""
        try:
            self.laws.check(self.storage)
        except Broken as broken:
            raise self._told(broken) from None

    def close(self) -> None:
        """Everybody leaves the stage, and the handles on the store are given back."""
        self._stage.close()
        for handle in self._opened:
            handle.close()

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def turns(self) -> Sequence[Turn]:
        """Those that were played: with these it is played again."""
        return tuple(self._stage.taken)

    @property
    def places(self) -> Mapping[tuple[str, Act], int]:
        """Where the world has stepped in, how, and how often."""
        return self._stage.places

    @property
    def story(self) -> str:
        return "\n".join(map(str, self._stage.story))

    def _told(self, error: Exception) -> Broken:
        again = ", ".join(f"Turn({turn.after}, {turn.act.value!r}, {turn.number})" for turn in self.turns)
        return Broken(f"{error or type(error).__name__}\n\n{self.story}\n\nto play it again: turns=[{again}]")

    # processes

    def _start(self, name: str) -> None:
        lot = Lot()
        self._stage.enter(name, lambda: self._live(name, lot), lot)
        self._stage.enter(f"{name}+", lambda: self._watch(name, lot), self._world)

    def _live(self, name: str, lot: Lot) -> None:
        """A process: it looks, works, and waits until something may be due."""
        stage = self._stage
        while True:
            try:
                engine = self._engine(name, lot)
                break
            except _AWAY:
                stage.sleep(self.clock.now() + SECOND)
        self._stage.enter(f"{name}*", lambda: self._beat(engine), lot)
        looks = 0
        while True:
            try:
                if self.clock.now() >= looks:
                    engine.tick()
                    looks = self.clock.now() + _LOOK
                if not engine.work(self._batch):
                    stage.sleep(self._wakes(engine))
            except _AWAY:  # a store that is away now may be back soon
                stage.sleep(self.clock.now() + SECOND)

    def _wakes(self, engine: Engine) -> Instant:
        now, due = self.clock.now(), engine.storage.next_due(self._settings.pools)
        return now + _POLL if due is None else min(now + _POLL, due if due > now else now + SECOND)

    def _beat(self, engine: Engine) -> None:
        """The heart of a process, as long as it lives (J3)."""
        while True:
            self._stage.sleep(self.clock.now() + self._settings.lease_length // 3)
            try:
                engine.beat()
            except _AWAY:
                continue

    def _watch(self, name: str, lot: Lot) -> None:
        """Whoever runs the processes starts a dead one again."""
        while not lot.is_dead:
            self._stage.sleep(self.clock.now() + _REBOOT)
        self._start(name)

    def _engine(self, name: str, lot: Lot) -> Engine:
        self._numbers += 1
        stage, vault = self._stage, self.vault
        seen = Vault(
            ported(Records, vault.records, stage),
            secrets=ported(Secrets, vault.secrets, stage),
            sessions=ported(Sessions, vault.sessions, stage),
            rights=ported(Rights, vault.rights, stage),
            outbox=ported(Outbox, vault.outbox, stage),
            hosts=ported(Hosts, vault.hosts, stage),
            slots=None if vault.slots is None else ported(Slots, vault.slots, stage),
        )
        storage = ported(Storage, Followed(self._handle(), self.laws, self._names, stage.tell), stage)
        rng = Dice(self._seed, self._numbers)
        return Engine(
            seen, storage, clock=self.clock, plugins=self._plugins, node=name, settings=self._settings, rng=rng, points=self._point,
            keyring=self._keyring,
        )  # fmt: skip

    def _handle(self) -> Storage:
        self._opened.append(made := self._handles())
        return made

    def _point(self, name: str, job: Job) -> None:
        self._stage.call(f"point {name}", lambda: None)

    def _do(self, deed: Callable[[], object], due: Instant) -> None:
        self._stage.sleep(due)
        while True:
            try:
                deed()
                return
            except _AWAY:
                self._stage.sleep(self.clock.now() + SECOND)


class Followed:
    """A handle on the store whose writes and claims the laws follow, and the story tells."""

    def __init__(self, handle: Storage, laws: Laws, names: Names, tell: Callable[[str], object] = lambda line: None) -> None:
        self._handle, self._laws, self._names, self._tell = handle, laws, names, tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        answers = self._handle.write(units, durable=durable)
        self._laws.landed(units, answers)
        for line in writes(self._names, units, answers):
            self._tell(line)
        return answers

    def claim(self, *args: Any, **kwargs: Any) -> Sequence[Claimed]:
        claimed = self._handle.claim(*args, **kwargs)
        self._laws.claimed(claimed)
        for line in claims(self._names, claimed):
            self._tell(line)
        return claimed

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        before = self._ended()
        try:
            return self._handle.purge(queries)
        finally:
            self._laws.forgotten(before - self._ended())

    def _ended(self) -> set[str]:
        return {job.id for job in self._handle.jobs(Query(states=FINAL), limit=1_000_000).jobs}


class Passing(Protocol):
    """What calls of a port pass on their way."""

    def call(self, what: str, do: Callable[[], T]) -> T: ...
    def alive(self, do: T) -> T: ...


def ported(port: type[Any], target: Any, stage: Passing) -> Any:
    """The same port, each of whose calls passes the stage."""

    def passing(name: str) -> Callable[..., Any]:
        what = f"{port.__name__.lower()}.{name}"

        def call(self: object, *args: Any, **kwargs: Any) -> Any:
            return answered(lambda: stage.call(what, lambda: getattr(target, name)(*args, **kwargs)), name)

        return call

    def quiet(name: str) -> Callable[..., Any]:
        return lambda self, *args, **kwargs: answered(lambda: stage.alive(getattr(target, name))(*args, **kwargs), name)

    def answered(ask: Callable[[], Any], name: str) -> Any:
        """A store that is away says so by the error that stores have for that."""
        try:
            return ask()
        except ConnectionError as error:
            if port is not Storage:
                raise
            case = str(error)
        raise StorageAway(f"asking the store ({name})", case, "it is asked again")

    names = [name for name, value in vars(port).items() if callable(value) and not name.startswith("_")]
    names = [name for name in names if getattr(type(target), name, None) is not getattr(port, name)]  # what it leaves as it is, stays so
    methods = {name: quiet(name) if name in _QUIET else passing(name) for name in names}
    if "close" in methods:  # whoever is away can be left
        methods["close"] = lambda self: target.close()
    made: Any = type(f"Staged{port.__name__}", (port,), methods)()
    if port is Storage:
        made.chain = target.chain
    if port is Secrets:
        made.keeps = target.keeps
    return made
