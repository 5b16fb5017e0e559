"""Passwords that are drawn, refused, sent and replaced in a rotation are found nowhere, also where its worker dies (S1)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from taskkit.engine import Engine, Settings
from taskkit.keyrings import Keyring
from taskkit.records import Record
from taskkit.scripts import PasswordReset
from taskkit.scripts._candidates import Candidates
from taskkit.secrets import Secret
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing import FakeExecutor, MemoryVault, Reply
from tests.canary.disguises import DISGUISES
from tests.canary.nests import CANARY, Nest
from tests.canary.sealed import KEY, OPENED
from tests.canary.searches import Ear, Heard, places
from tests.engine.houses import Crash
from tests.scripts.test_rotation import POINTS
from tests.servers.doors import Door

SHADOW = "sh4dow's-0wn&secret?"
KEYS = Keyring({"one": KEY}, "one")
ROTATE = PasswordReset("rotate")


class Box(FakeExecutor):
    """The machine: what it knows is its own."""


class Rotating(Nest):
    """Its store is a file; the old secret is the canary."""

    def __init__(self, place: Path, *, slots: bool = True) -> None:
        self.box, self.seen = Box(), [CANARY, SHADOW]
        self.filed = SqliteStorage(place / "jobs.db")
        OPENED.append(self.filed)
        super().__init__(place, executor="fake", executors=[self.box], slots=slots, keyring=KEYS, settings=Settings(lease=60))
        note(self.vault, self.seen)
        self.storage = self.filed  # type: ignore[assignment]
        self.box.clock = self.clock
        self.box.guard("host01", "root", CANARY)
        self.box.guard("host01", "shadow", SHADOW, root=True)
        self.vault.put(Record("s01", "unix", fields={"host": "host01", "user": "shadow"}, secret_fields=["password"]))
        self.vault.change_secret("s01", "password", SHADOW, at=self.clock.moment)

    def enter(self, *, storage: Any = None, **given: Any) -> Engine:
        return super().enter(storage=storage or self.filed, **given)

    def rotated(self, **given: Any) -> None:
        self.work(ROTATE, **given)

    @property
    def live(self) -> str:
        found = self.box.secret("host01", "root")
        assert found is not None
        return found.reveal()


def note(vault: MemoryVault, seen: list[str]) -> None:
    """What is proposed or kept is looked for."""
    facet: Any = vault.slots or vault.secrets
    name = "keep" if vault.slots is None else "propose"
    said = getattr(facet, name)

    def noted(account: str, secrets: Mapping[str, Secret], *more: Any) -> Any:
        seen.extend(secret.reveal() for secret in secrets.values())
        return said(account, secrets, *more)

    setattr(facet, name, noted)


def traces(secrets: Iterable[str]) -> set[str]:
    """Half of each is enough to be guessed from."""
    return {disguise(secret) for secret in secrets for disguise in DISGUISES.values()} | {
        secret[at : at + 8] for secret in secrets for at in range(len(secret) - 7)
    }


@contextmanager
def watched(found: Heard) -> Iterator[None]:
    """What anybody sees of processes meanwhile."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.005):
            for file in ("cmdline", "environ"):
                for process in Path("/proc").glob(f"[0-9]*/{file}"):
                    try:
                        found.append((f"{process}", process.read_text(errors="replace")))
                    except OSError:
                        continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def plainly(nest: Rotating) -> None:
    nest.rotated()


def through_its_shadow(nest: Rotating) -> None:
    nest.rotated(shadow="s01")


def refused(nest: Rotating) -> None:
    nest.box.script_changes("host01", "too_simple", "in_history")
    nest.rotated()


def lost(nest: Rotating) -> None:
    nest.box.script_changes("host01", Reply(seen=False), Reply(seen=False, does=False))
    nest.rotated()


def doubted(nest: Rotating) -> None:
    def gone() -> bool:
        nest.box.guard("host01", "root", "nobody-knows")
        return True

    nest.box.script_changes("host01", Reply(seen=False, until=gone))
    nest.rotated()


HOW = [plainly, through_its_shadow, refused, lost, doubted]


@pytest.mark.parametrize("slots", [True, False], ids=["slots", "sealed"])
@pytest.mark.parametrize("how", HOW)
def test_s01_nothing_tells_the_passwords_of_a_rotation(ear: Ear, how: Callable[[Rotating], None], slots: bool) -> None:
    with ear.listening():
        nest = Rotating(ear.place, slots=slots)
        how(nest)
    assert how is doubted or nest.live in nest.seen[2:] or not slots
    assert places(ear.heard(nest), *traces({*nest.seen, nest.live} - {"nobody-knows"})) == {}


@pytest.mark.parametrize("where", POINTS)
def test_s01_a_worker_that_dies_leaves_no_password_behind(ear: Ear, where: str) -> None:
    def crash(point: str, job: object) -> None:
        if point == where:
            raise Crash

    with ear.listening():
        nest = Rotating(ear.place, slots=where != "proposed")
        nest.engine, engine = nest.enter(points=crash), nest.engine
        nest.work(ROTATE)
        before = ear.heard(nest)
        nest.engine = engine
        for minutes in (2, 20, 20):  # whoever goes on may have to spare tries
            nest.clock.advance(minutes=minutes)
            nest.attempt(nest.engine.drain)
    assert isinstance(nest.caught[0], Crash)
    assert nest.live == nest.seen[-1]
    assert places([*before, *ear.heard(nest)], *traces(nest.seen)) == {}


@pytest.mark.parametrize("shadow", [None, "s01"])
def test_s01_no_process_of_a_real_machine_shows_them(with_pam: Door, ear: Ear, shadow: str | None) -> None:
    account, server, heard = with_pam.account(), with_pam, Heard()
    reached = {"host": server.address, "port": str(server.port), "host_key": server.host_key}
    with ear.listening():
        nest = Nest(ear.place, executor="ssh", fields={**reached, "user": account.name})
        seen = [account.password.reveal()]
        note(nest.vault, seen)
        nest.vault.change_secret("h01", "password", seen[0], at=nest.clock.moment)
        nest.vault.put(Record("s01", "unix", fields={**reached, "user": "root"}, secret_fields=["key"]))
        nest.vault.change_secret("s01", "key", server.key.reveal(), at=nest.clock.moment)
        with watched(heard):
            nest.work(ROTATE, shadow=shadow)
    assert [entry.state for entry in nest.entries(kinds="demand")] == ["completed"]
    assert len(seen) == 2
    assert any("sshd" in text for _, text in heard)
    assert places([*heard, *ear.heard(nest), ("log of the machine", server.log)], *traces(seen)) == {}


def test_what_is_said_of_a_candidate_is_found(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search is one that finds."""
    said = Candidates.propose

    def careless(self: Any, candidate: Secret) -> Any:
        self._run.point(candidate.reveal())
        self._run.progress(1, 2, candidate.reveal()[:12])
        return said(self, candidate)

    monkeypatch.setattr(Candidates, "propose", careless)
    with ear.listening():
        nest = Rotating(ear.place)
        nest.rotated()
    assert places(ear.heard(nest), *traces(nest.seen[2:]))
