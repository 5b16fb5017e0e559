"""How tasks are written down: document, names, what stood before. A change lands only where all that it was checked by still is so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve

from taskkit.engine._catalog import DEFINITIONS, PAST, REMOVED, TASKS, day_of, past_name, type_name
from taskkit.engine._chores import Chores
from taskkit.engine._waits import written
from taskkit.errors import Outdated
from taskkit.facts import Fact
from taskkit.storage import Change, Expect, Keep, Unit
from taskkit.tasks import SYSTEM, Task

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

NAMES, USES = "name", "use"
_TRIES = 16
#: Who may do what with a task: when this changes, the fact says to what.
_OF_RIGHTS = ("active", "managers", "owner", "runs_as")


class Ledger:
    def __init__(self, ground: Ground, chores: Chores) -> None:
        self._ground, self._chores = ground, chores
        self._storage, self._documents = ground.storage, ground.documents

    def land(self, tried: str, make: Callable[[], Unit]) -> None:
        """Write what `make` answers; where somebody else was quicker it is made, and checked, anew."""
        for _ in range(_TRIES):
            if written(self._ground, [make()])[0]:
                return
        raise Outdated(tried, "what it depends on changes too fast", "try again")

    def do_chores(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            self._chores.do_for(task.id)

    # tasks

    def added(self, task: Task) -> Unit:
        return self._kept(task, 0), *_named(task), *self._chosen(task)

    def changed(self, before: Task, after: Task, by: str | None, **told: Any) -> Unit:
        """At its next revision, with what stood before: a job that began goes on with that. Its jobs are planned anew after."""
        past = Keep(PAST, past_name(before.id, before.revision), 0, self._documents.write(before), day_of(self._ground.now()))
        chosen = self._chosen(after) if after.script != before.script else ()
        told = {**differences(before, after), **told}
        fact = Fact("TaskEdited", self._ground.now(), task=after.id, line=after.line, who=by, details=told)
        return (self._kept(after, before.revision), past, *_renamed(before, after), *chosen, self._chores.left(after.id), fact)

    def gone(self, task: Task) -> Unit:
        kept = Keep(REMOVED, task.id, 0, self._documents.write(task), day_of(self._ground.now()))
        free = (name._replace(body=None, revision=1) for name in _named(task))
        return Keep(TASKS, task.id, task.revision, None, task.list), kept, *free, self._chores.left(task.id)

    def decided(self, tasks: Iterable[Task], what: str, by: str | None) -> Unit:
        """What these tasks do was changed elsewhere: that person answers for it (A1), and what was consented to is void (A5)."""
        changes: list[Change] = []
        for task in tasks:
            changes += self.changed(task, task if by is None else evolve(task, runs_as=by), by, changed=[what])
        return tuple(changes)

    def _kept(self, task: Task, revision: int) -> Keep:
        return Keep(TASKS, task.id, revision, self._documents.write(task), task.list)

    # uses

    def used(self, name: str) -> Expect:
        """Nobody has chosen the definition since the tasks were looked through."""
        return Expect(USES, name, self._uses(name))

    def _chosen(self, task: Task) -> Iterable[Change]:
        """The definitions still stand as they were checked; who removes or changes one at the same time looks through the tasks again."""
        kind, _, name = task.list.partition(":")
        for chosen in (task.script, type_name(name)) if kind == "type" else (task.script,):
            kept = self._storage.document(DEFINITIONS, chosen)
            yield Expect(DEFINITIONS, chosen, kept.revision if kept else 0)
            yield Keep(USES, chosen, self._uses(chosen), {})

    def _uses(self, name: str) -> int:
        kept = self._storage.document(USES, name)
        return kept.revision if kept else 0


def names_of(task: Task) -> dict[str, str]:
    """What only one task of a list may have, also when two people put it at once: its name, and but for the system its script (R2)."""
    names = {f"{task.list}\nname\n{task.name}": "name"}
    return names if task.list == SYSTEM else names | {f"{task.list}\nscript\n{task.script}": "script"}


def _named(task: Task) -> tuple[Keep, ...]:
    return tuple(Keep(NAMES, name, 0, {"task": task.id}) for name in names_of(task))


def _renamed(before: Task, after: Task) -> tuple[Keep, ...]:
    old, new = ({name.id: name for name in _named(one)} for one in (before, after))
    gone = tuple(name._replace(revision=1, body=None) for id, name in old.items() if id not in new)
    return (*gone, *(name for id, name in new.items() if id not in old))


def differences(before: Task, after: Task) -> dict[str, Any]:
    old, new = asdict(before, recurse=False), asdict(after, recurse=False)
    changed = sorted(name for name in new if new[name] != old[name] and name not in ("revision", "interval"))
    told = {name: new[name] for name in _OF_RIGHTS if name in changed}
    return {"changed": changed, **{name: sorted(value) if isinstance(value, frozenset) else value for name, value in told.items()}}
