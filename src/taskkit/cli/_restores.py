"""`taskkit store restored`, `aftermath` and `resume`: what is to be done with a store that came back, before the product starts.

It knows no vault, so that only the store's side is seen here. Whoever has the store may do all to it, so nobody is asked for rights.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from attrs import frozen

from taskkit.cli._jobs import with_task
from taskkit.cli._shows import plain, say
from taskkit.cli._stores import opened
from taskkit.documents import documents_of
from taskkit.engine._aftermaths import Aftermath
from taskkit.engine._catalog import Catalog
from taskkit.engine._ground import Ground, Settings
from taskkit.engine._passings import Passings
from taskkit.engine._pauses import ENGINE, Pauses
from taskkit.engine._restores import WHY, Restores
from taskkit.engine._rights import RightsDesk
from taskkit.errors import NotFound, Refused
from taskkit.instants import SystemClock
from taskkit.plugins import Plugins
from taskkit.records import Record
from taskkit.storage import Query, Storage
from taskkit.vaults import Records, Vault

ALL = "all"


class _NoRecords(Records):
    def get(self, id: str) -> Record | None:
        return None

    def all(self) -> Iterable[Record]:
        return ()


@frozen
class _Desk:
    """Those agents of an engine that need no vault."""

    storage: Storage
    pauses: Pauses
    passings: Passings
    restores: Restores


@contextmanager
def _desk(url: str, *, writes: bool) -> Iterator[_Desk]:
    storage = opened(url)
    try:
        if writes and storage.keyed():
            case = "its facts are keyed, and what this command writes would be told as a fault"
            raise Refused("changing a store from the command line", case, "call engine.restored(…) and engine.resume() in your product")
        clock, plugins = storage.clock or SystemClock(), Plugins()
        ground = Ground(
            storage=storage, vault=Vault(_NoRecords()), clock=clock, plugins=plugins, node="command line", settings=Settings(), rng=None
        )
        ground.documents = documents_of(plugins)
        ground.catalog = Catalog(ground)
        rights = RightsDesk(ground)
        pauses = Pauses(ground, rights)
        yield _Desk(storage, pauses, Passings(ground, rights), Restores(ground, rights, pauses))
    finally:
        storage.close()


def restored(url: str, by: str, why: str, *, as_json: bool) -> int:
    with _desk(url, writes=True) as desk:
        _show(desk.restores.say(by=by, why=why or WHY), as_json=as_json)
    return 0


def aftermath(url: str, *, as_json: bool) -> int:
    with _desk(url, writes=False) as desk:
        _show(desk.restores.aftermath(), as_json=as_json)
    return 0


def resume(url: str, by: str, passed_over: Sequence[str]) -> int:
    """What is passed over is so before anything may start."""
    with _desk(url, writes=True) as desk:
        for task in [None if name == ALL else _task(desk.storage, name) for name in passed_over]:
            desk.passings.say(task, "passing over what is due", by=by, why="")
        desk.pauses.resume(ENGINE, by=by)
        say("the engine works" + (f"; passed over is what was due of {', '.join(map(plain, passed_over))}" if passed_over else ""))
    return 0


def _task(storage: Storage, name: str) -> tuple[str, str]:
    """Its id and line: what it is made of may be nobody's business here, and its plug-ins missing."""
    id = with_task(storage, Query(task=name)).task or name
    kept = storage.document("task", id)
    if kept is None:
        raise NotFound(f"looking for the task {name!r}", "it was removed", "what it had open was canceled then")
    return id, str(kept.body["line"])


def _show(found: Aftermath, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(found.document(), indent=2))
        return
    for line in str(found).splitlines():
        say(plain(line))
