"""Ways in by what taskkit keeps of its own: sealed in its store, read, damaged, moved, sealed anew, and kept in vain.

The engine's keys sing as well, and so does what is handed in as a secret and is none.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from taskkit.engine import Engine
from taskkit.engine._seals import SEALED, Seals
from taskkit.keyrings import Keyring, place_of
from taskkit.outcomes import DONE, Done
from taskkit.plugins.manager import Plugins
from taskkit.plugins.specs import hookimpl
from taskkit.secrets import Secret
from taskkit.storage import Keep
from taskkit.storage.sqlite import SqliteStorage
from tests.canary.nests import CANARY, Nest, by_login
from tests.canary.says import Way
from tests.canary.sealed import KEY, OPENED

ONE = Keyring({"one": KEY}, "one")
TWO = ONE.add("two", KEY[::-1])


class Keeping(Nest):
    """Its engine has keys, and keeps the canary in a file: in an intent, as bytes, and in an earlier revision."""

    keyring: Keyring | None = ONE

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.filed = SqliteStorage(place / "jobs.db")
        OPENED.append(self.filed)
        self.storage = self.filed  # type: ignore[assignment]
        self.engine = self.keyed()
        self.furnish(self.engine)
        self.keep()
        self.sung.append(CANARY)

    @property
    def seals(self) -> Seals:
        return self.engine._ground.seals

    def keyed(self, keyring: Keyring | None = ONE) -> Engine:
        """A process with these keys, on the same store."""
        return Engine(self.vault, self.filed, plugins=[self._offer], clock=self.clock, node="n", keyring=keyring)

    def keep(self) -> None:
        secrets = {"password": Secret(CANARY), "key": Secret(CANARY)}
        units = [(self.seals.keep("intent", secrets, revision, "open"),) for revision in range(2)]
        units += [(self.seals.keep("export", CANARY.encode()),), (self.seals.keep("report", Secret(CANARY)),)]
        assert all(self.filed.write(units))

    def replace(self, id: str, sealed: bytes, table: str = SEALED) -> None:
        found = self.filed.document(table, id)
        body = {"key": "one", "sealed": base64.b64encode(sealed).decode()}
        assert self.filed.write([(Keep(table, id, found.revision if found else 0, body),)])[0]

    def sealed(self, id: str) -> bytes:
        found = self.filed.document(SEALED, id)
        assert found
        return base64.b64decode(found.body["sealed"])


def kept(use: Callable[[Keeping], object], errors: int = 0) -> Way:
    def go(place: Path) -> Nest:
        nest = Keeping(place)
        use(nest)
        assert len(nest.caught) == errors
        return nest

    return go


def told(place: Path) -> Nest:
    """A run reads it from there, and says it."""
    nest = Keeping(place)

    def look(run: Any) -> str:
        found = nest.seals.read("intent")
        assert found
        return str(run.keep(found.secrets["password"]).reveal())

    nest.engine.define(nest.Scripted("work"))
    nest.says(lambda run, song: Done({"said": song}), look)
    nest.work()
    return nest


def read(nest: Keeping) -> None:
    for id in ("intent", "export", "report"):
        found = nest.seals.read(id)
        assert found
        assert {secret.reveal() for secret in found.secrets.values()} == {CANARY}
        nest.handed += [repr(found), str(found)]
    nest.says(lambda run, song: DONE, by_login)


def refused(nest: Keeping) -> None:
    """What is no secret, what has no keys, and what came too late."""
    bare: Any = Engine(nest.vault, clock=nest.clock)._ground.seals
    tries: Sequence[Callable[[], object]] = [
        *(lambda seals=seals, place=place: seals.keep("x", wrong()[place]) for seals in (nest.seals, bare) for place in range(5)),
        lambda: bare.keep("x", {"password": Secret(CANARY)}),
        lambda: bare.keep("x", Secret(CANARY)),
        lambda: bare.keep("x", CANARY.encode()),
        lambda: Engine(nest.vault, clock=nest.clock, keyring=KEY),  # type: ignore[arg-type]
        lambda: Engine(nest.vault, clock=nest.clock, keyring={"one": KEY}),  # type: ignore[arg-type]
    ]
    for make in tries:
        nest.attempt(make)
    assert not nest.filed.write([(nest.seals.keep("intent", CANARY.encode()),)])[0]


def wrong() -> list[Any]:
    """What the test itself holds is not looked for, so nobody here holds it."""
    return [CANARY, {"password": CANARY}, {"password": CANARY.encode()}, [CANARY], {7: Secret(CANARY)}]


def unread(nest: Keeping) -> None:
    """What was moved or damaged does not open, for whomever."""
    nest.replace("moved", nest.sealed("intent"))
    nest.replace("damaged", nest.sealed("export")[:-1])
    nest.replace("none", b"")
    nest.replace("form", ONE.seal(CANARY.encode(), place_of(SEALED, "form")))
    nest.replace("names", ONE.seal(f'["{CANARY}"]'.encode(), place_of(SEALED, "names")))
    for id in ("moved", "damaged", "none", "form", "names"):
        nest.attempt(lambda id=id: nest.seals.read(id))  # type: ignore[misc]
    nest.engine = nest.keyed(TWO)
    nest.attempt(nest.engine.reseal)


def other_keys(nest: Keeping) -> None:
    nest.attempt(lambda: nest.keyed(None))
    nest.attempt(lambda: nest.keyed(Keyring({"two": KEY}, "two")))
    nest.attempt(lambda: nest.keyed(Keyring({"one": KEY[::-1]}, "one")))


def changed_keys(nest: Keeping) -> None:
    nest.engine = nest.keyed(TWO)
    assert nest.engine.reseal() == 3
    nest.handed += [repr(nest.engine.keys_in_use()), repr(nest.engine.check())]
    nest.engine = nest.keyed(TWO.retired("one"))
    nest.handed += [repr(nest.engine.keys_in_use()), repr(nest.engine.check())]


class Fetches:
    """A plug-in that meets something where it fetches the keys, and says them."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    @hookimpl
    def taskkit_keyrings(self) -> Any:
        return self._answer()


def fetched(nest: Keeping) -> None:
    def fails() -> Any:
        raise ConnectionError(CANARY)

    for answer in (
        fails,
        lambda: [KEY],
        lambda: [{"one": KEY}],
        lambda: CANARY,
        lambda: [ONE, TWO],
        lambda: [Keyring({"one": KEY[:24]}, "one")],
    ):
        nest.attempt(lambda answer=answer: Plugins([Fetches(answer)], discover=False))  # type: ignore[misc]
    del answer
    nest.engine = Engine(nest.vault, nest.filed, plugins=[nest._offer, Fetches(lambda: [ONE])], clock=nest.clock)


KEPT: Mapping[str, Way] = {"a secret of its own that a run says": told}
UNKEPT: Mapping[str, Way] = {
    "a secret of its own": kept(read),
    "what is no secret of its own": kept(refused, 15),
    "a secret of its own that does not open": kept(unread, 6),
    "a secret of its own with other keys": kept(other_keys, 3),
    "a secret of its own with new keys": kept(changed_keys),
    "keys of a plug-in": kept(fetched, 6),
}
