"""Ways in by the vault, outside of any script: of what it raises only the type may be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from taskkit.errors import NotFound, VaultAway
from taskkit.events import Daily
from taskkit.events.happenings import CheckedIn, SessionEnded
from taskkit.events.policies import AfterSession, OnDemand
from taskkit.outcomes import DONE, Outcome
from taskkit.secrets import Secret
from taskkit.selections import Everything
from taskkit.tasks import Task, of_type
from tests.canary.nests import CANARY, Nest
from tests.canary.says import Way

Error = Callable[[str], BaseException]


def trap(nest: Nest, make: Error = ConnectionError) -> Callable[..., Any]:
    """Raises what carries the secret, with a cause that does, as a driver of a database would."""

    def fail(*args: object, **given: object) -> Any:
        try:
            raise KeyError(nest.sing(CANARY))
        except KeyError as error:
            raise make(nest.sing(CANARY)) from error

    return fail


def trapped(method: str, use: Callable[[Nest], object], make: Error = ConnectionError) -> Way:
    """A method of the vault fails while the engine is used so, and goes on failing while it works."""

    def go(place: Path) -> Nest:
        nest = Nest(place)
        nest.engine.define(nest.Scripted("further"))
        nest.task = nest.engine.put(Task("nightly", "work", [AfterSession(), OnDemand()]), list=of_type("unix"), by="anna")
        nest.engine.demand(nest.task.id, "h01", by="anna")
        facet, name = method.split(".")
        setattr(getattr(nest.vault, facet), name, trap(nest, make))
        nest.attempt(lambda: use(nest))
        nest.attempt(nest.engine.drain)
        return nest

    return go


def many(nest: Nest) -> None:
    """A run over many records finds them when it starts."""
    task = nest.engine.put(Task("many", "work", OnDemand(), selection=Everything()))
    nest.engine.demand(task.id)
    nest.engine.work()


def logs_in(nest: Nest) -> None:
    nest.says(lambda run, song: DONE)
    nest.engine.work()


def changes(nest: Nest) -> None:
    """A run proposes a secret, and the vault fails."""

    def propose(run: Any, song: str) -> Outcome:
        run.vault.slots.propose("h01", {"password": Secret(CANARY)}, "attempt-1", run.token)
        return DONE

    nest.says(propose)
    nest.engine.work()


def keeps(nest: Nest) -> None:
    def keep(run: Any, song: str) -> Outcome:
        run.vault.secrets.keep("h01", {"password": Secret(CANARY)}, "attempt-1", run.token)
        return DONE

    nest.says(keep)
    nest.engine.work()


def away(song: str) -> Exception:
    return VaultAway("reading", song, song)


USES: Mapping[str, tuple[str, Callable[[Nest], object]]] = {
    "a happening": ("records.get", lambda nest: nest.engine.emit(CheckedIn("h01"))),
    "a demand": ("records.get", lambda nest: nest.engine.demand(nest.task.id, "h01", by="anna")),
    "a start": ("records.get", lambda nest: nest.engine.work()),
    "a login": ("secrets.values", logs_in),
    "a candidate": ("slots.propose", changes),
    "a new secret": ("secrets.keep", keeps),
    "an account": ("records.account", logs_in),
    "the end of a session": ("records.account", lambda nest: nest.engine.emit(SessionEnded("h01", session="s1"))),
    "a right to put": ("rights.may", lambda nest: nest.engine.put(Task("other", "further", OnDemand()), by="anna")),
    "a right to look": ("rights.may", lambda nest: nest.engine.history(user="anna")),
    "a person": ("rights.active", lambda nest: nest.engine.work()),
    "a new task": ("records.find", lambda nest: nest.engine.put(Task("other", "further", Daily()), list=of_type("unix"))),
    "a selection": ("records.find", many),
    "a comparison": ("records.all", lambda nest: nest.engine.reconcile()),
    "the outbox": ("outbox.since", lambda nest: nest.engine.tick()),
}
#: Where the engine tries again by itself and tells nobody why.
SWALLOWED = ("a new task", "a selection", "the outbox")
VAULTS: Mapping[str, Way] = {f"a vault that fails at {name}": trapped(*use) for name, use in USES.items()}
AWAY: Mapping[str, Way] = {f"a vault that says at {name} that it is away": trapped(*use, away) for name, use in USES.items()}
#: An error of taskkit's own is the vault's word to people; what led to it is not.
REASONED: Mapping[str, Way] = {
    "a vault that finds nothing, for reasons of its own": trapped(*USES["a happening"], lambda song: NotFound("reading", "no record"))
}
