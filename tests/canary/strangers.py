"""Ways in by policies, notifiers, stores and scripts before their start: of what they raise only the type may be told."""

from __future__ import annotations

import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from attrs import frozen

from taskkit.engine import Settings
from taskkit.events.happenings import CheckedIn, Happening
from taskkit.events.policies import Due, OnDemand, Policy
from taskkit.facts import Fact
from taskkit.outcomes import DONE, Outcome
from taskkit.plugins.kinds import Notifier, Script
from taskkit.plugins.runs import Run
from taskkit.records import Accounts
from taskkit.states import Step
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task, of_type
from tests.canary.nests import CANARY, Nest, by_vault
from tests.canary.says import Way
from tests.canary.vaults import Error, trap
from tests.engine.houses import Watched, steps

LONG = 30.0


@frozen
class Odd(Policy):
    """Kept in documents, so it has to be found by its name."""

    kind = "odd"
    does: ClassVar[Callable[[], Any]]

    def wants(self, happening: Happening) -> Due | None:
        return type(self).does()  # type: ignore[no-any-return]


def policy(make: Callable[[Nest], Any]) -> Way:
    def go(place: Path) -> Nest:
        nest = Nest(place, policies=[Odd])
        Odd.does = staticmethod(lambda: make(nest))
        nest.work(policies=[Odd(), OnDemand()])
        nest.engine.emit(CheckedIn("h01"))
        return nest

    return go


class Loud(Notifier):
    name = "loud"
    wants = frozenset({"JobStarted"})

    def __init__(self) -> None:
        self.does: Callable[[], object] = bool

    def notify(self, facts: Sequence[Fact]) -> None:
        self.does()


def notified(make: Error, *, threads: bool = False) -> Way:
    def go(place: Path) -> Nest:
        loud = Loud()
        nest = Nest(place, notifiers=[loud], settings=Settings(poll=0.02))
        loud.does = trap(nest, make)
        if threads:
            in_threads(nest, lambda: "NotifierFailed" in nest.kinds())
        else:
            nest.work()
        return nest

    return go


def in_threads(nest: Nest, over: Callable[[], object], first: Callable[[], object] = bool) -> None:
    """Work as a service does, until that is so."""
    task = nest.engine.put(Task("nightly", "work", OnDemand()), list=of_type("unix"))
    nest.engine.demand(task.id, "h01")
    first()
    stop = threading.Event()
    thread = threading.Thread(target=nest.attempt, args=(lambda: nest.engine.run(stop),))
    thread.start()
    try:
        until(over)
    finally:
        stop.set()
        thread.join(LONG)
    assert not thread.is_alive()


def until(over: Callable[[], object]) -> None:
    last = time.monotonic() + LONG
    while not over():
        assert time.monotonic() < last
        time.sleep(0.01)


def looked(make: Error) -> Way:
    """A script reads the secret when it is asked for its accounts, and fails over it."""

    def go(place: Path) -> Nest:
        box: list[Nest] = []

        @frozen
        class Looks(Script):
            kind = "looks"
            name: str

            def accounts(self, run: Run) -> Accounts:
                raise make(box[0].sing(by_vault(run)))

            def perform(self, run: Run) -> Outcome:
                return DONE

        nest = Nest(place, scripts=[Looks])
        box.append(nest)
        nest.work(Looks("look"))
        return nest

    return go


def said_in_threads(make: Error) -> Way:
    def go(place: Path) -> Nest:
        nest = Nest(place, settings=Settings(poll=0.02))

        def fail(run: Any, song: str) -> Outcome:
            raise make(song)

        nest.says(fail)
        in_threads(nest, lambda: "JobUncertain" in nest.kinds() or "JobFailed" in nest.kinds())
        return nest

    return go


def stored(place: Path) -> Nest:
    """The store fails once when the end of a job is written."""
    nest = Nest(place, settings=Settings(poll=0.02))
    storage = Watched(nest.storage)
    nest.engine = nest.enter(storage=storage)
    storage.before(steps(Step.COMPLETE), trap(nest))
    in_threads(nest, lambda: "JobCompleted" in nest.kinds())
    return nest


def unclaimed(place: Path) -> Nest:
    """The store fails once when jobs are claimed from it."""
    nest = Nest(place, settings=Settings(poll=0.02))
    nest.engine = nest.enter(storage=Unclaimed(nest))
    in_threads(nest, lambda: "EngineFailed" in nest.kinds())
    return nest


class Unclaimed(MemoryStorage):
    def __init__(self, nest: Nest) -> None:
        super().__init__(nest.storage._tables)
        self._nest = nest

    def claim(self, now: int, **given: Any) -> Any:
        if not self._nest.sung:
            trap(self._nest)()
        return super().claim(now, **given)


def unread(place: Path) -> Nest:
    """The store fails once when somebody looks for jobs in it."""
    nest = Nest(place, settings=Settings(poll=0.02))
    storage = Watched(nest.storage)
    nest.engine = nest.enter(storage=storage)
    in_threads(nest, lambda: "EngineFailed" in nest.kinds(), lambda: storage.before_looking(trap(nest)))
    return nest


STRANGERS: Mapping[str, Way] = {
    "a store that cannot be read": unread,
    "a store that cannot be claimed from": unclaimed,
    "a policy that fails": policy(lambda nest: trap(nest)()),
    "a policy that answers with a text": policy(lambda nest: nest.sing(CANARY)),
    "a notifier that fails": notified(ConnectionError),
    "a notifier that fails in a thread": notified(ConnectionError, threads=True),
    "a notifier that gives up its thread": notified(CancelledError, threads=True),
    "a script that gives up its thread": said_in_threads(CancelledError),
    "a script that exits in a thread": said_in_threads(SystemExit),
    "a store that fails": stored,
    "accounts that were not to be had": looked(OSError),
}
#: In a script's own words, scrubbed.
TOLD: Mapping[str, Way] = {
    "accounts that failed": looked(ValueError),
    "an error in a thread": said_in_threads(ValueError),
}
