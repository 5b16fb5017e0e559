"""For what a store names and no plug-in here offers: scripts, policies and executors of which the name is all that is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import AbstractContextManager
from typing import Any

import attrs
from attrs import frozen

from taskkit.engine._catalog import DEFINITIONS, PAST, REMOVED, TASKS, VERSIONS
from taskkit.engine._pages import all_documents
from taskkit.errors import MissingPlugin, VaultAway
from taskkit.events.documents import KINDS as INTERVALS
from taskkit.events.happenings import Happening
from taskkit.events.policies import Due, Policy
from taskkit.jobs import Why
from taskkit.outcomes import Outcome
from taskkit.plugins import Plugins
from taskkit.plugins.kinds import Executor, Script
from taskkit.plugins.runs import Run
from taskkit.plugins.specs import hookimpl
from taskkit.plugins.verbs import Host, Login, Verb
from taskkit.records import NO_ACCOUNTS, Accounts, RecordType
from taskkit.storage import Storage

_MISSING = MissingPlugin("running a job", "the plug-in that offers its script or executor is not here", "ask the engine of the product")


class _Unknown(Script):
    """Whether it has a job for each record is known by the jobs."""

    strict = True

    def accounts(self, run: Run) -> Accounts:
        """Who waits for an account waits for what only the plug-in knows."""
        if self.strict and run.job.why == Why.BUSY:
            raise VaultAway(f"asking {self.name!r} for its accounts", "its plug-in is not here", "ask the engine of the product")
        return NO_ACCOUNTS

    def perform(self, run: Run) -> Outcome:
        raise _MISSING


class _Unheard(Policy):
    def __str__(self) -> str:
        return f"{self.kind}, of a plug-in that is not here"

    def wants(self, happening: Happening) -> Due | None:
        return None


class _Unreached(Executor):
    verbs = frozenset(Verb)

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]  # each has its own

    def connect(self, host: Host, login: Login, run: Run) -> AbstractContextManager[Any]:
        raise _MISSING


@frozen
class StandIns:
    """A plug-in: what it offers says nothing, and does nothing."""

    scripts: Mapping[str, type[Script]]
    policies: Mapping[str, type[Policy]]
    executors: Mapping[str, Executor]

    @hookimpl
    def taskkit_scripts(self) -> Iterable[type[Script]]:
        return self.scripts.values()

    @hookimpl
    def taskkit_policies(self) -> Iterable[type[Policy]]:
        return self.policies.values()

    @hookimpl
    def taskkit_executors(self) -> Iterable[Executor]:
        return self.executors.values()

    def told(self) -> Iterator[str]:
        named = (("scripts of the kind", self.scripts), ("policies of the kind", self.policies), ("the executor", self.executors))
        missing = [f"{what} {', '.join(sorted(offers))}" for what, offers in named if offers]
        if missing:
            yield f"no plug-in here offers {'; '.join(missing)}: the accounts that it needs and the happenings that it wants are not known"


def stand_ins(storage: Storage, plugins: Plugins, *, strict: bool) -> StandIns:
    tasks, definitions = list(all_documents(storage, TASKS)), [kept for kept in all_documents(storage, DEFINITIONS) if kept.body]
    before = [kept for table in (REMOVED, PAST) for kept in all_documents(storage, table)]
    versions = [kept for kept in all_documents(storage, VERSIONS) if kept.body]
    used = [policy for kept in (*tasks, *before) for policy in kept.body.get("policies", ())]
    scripts = _fields(kept.body for kept in (*definitions, *versions) if kept.body.get("kind") not in {*plugins.scripts, RecordType.kind})
    policies = _fields(one for one in used if one.get("kind") not in {*plugins.policies, *INTERVALS})
    wanted = {str(kept.body["executor"]) for kept in definitions if kept.body.get("executor") and kept.body["kind"] == RecordType.kind}
    return StandIns(
        {kind: _made(kind, {"name", *names}, _Unknown, strict=strict) for kind, names in scripts.items()},
        {kind: _made(kind, names, _Unheard) for kind, names in policies.items()},
        {name: _Unreached(name) for name in wanted - set(plugins.executors)},
    )


def _fields(bodies: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """The names that are told of each kind."""
    found: dict[str, set[str]] = {}
    for body in bodies:
        found.setdefault(str(body.get("kind")), set()).update(name for name in body if name != "kind")
    return found


def _made(kind: str, names: Set[str], base: type[Any], **traits: Any) -> type[Any]:
    made = attrs.make_class(
        kind.title().replace("_", ""), {name: attrs.field(default=None, type=Any) for name in sorted(names)}, bases=(base,), frozen=True
    )
    for name, value in {"kind": kind, **traits}.items():
        setattr(made, name, value)
    return made
