"""With a keyring, facts are told in chains that nobody can write anew who has the store and not the key (A6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from taskkit.engine import Engine, KeyUse
from taskkit.facts import Fact, FactKey, began, encoded, linked
from taskkit.keyrings import Keyring
from taskkit.plugins import Plugins
from taskkit.storage import Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing import MemoryVault, VirtualClock
from taskkit.testing.contracts.storage import Rows
from tests.engine.houses import START
from tests.storage.sqlite_store import SqliteStorage as WithoutKeys
from tests.storage.test_memory import TestMemoryStorage as OfMemory
from tests.storage.test_sqlite_storage import rewritten

OLD = Keyring.generate("2026")
BOTH = OLD.add("2027", Keyring.new_key())
NEW = BOTH.retired("2026")


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as opened:
        if request.param == "memory":
            yield MemoryStorage()
        else:
            yield opened.enter_context(SqliteStorage(tmp_path / "jobs.db", relaxed=True))


def started(storage: Any, keyring: Keyring | None = OLD) -> Engine:
    """A process on a handle of its own, with something to tell."""
    engine = Engine(MemoryVault(), storage.join(), clock=VirtualClock(START), plugins=Plugins(discover=False), keyring=keyring)
    engine.pause(f"pool:{engine.storage.chain}", by="ada")
    return engine


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Handles of files are given back."""
    with ExitStack() as opened:
        join = SqliteStorage.join
        monkeypatch.setattr(SqliteStorage, "join", lambda storage: opened.enter_context(join(storage)))
        yield


def rewrite(storage: Storage, chain: str, edit: Callable[[Rows], Rows | None], *, unkeyed: bool = False) -> None:
    """What somebody does who has the store."""
    if isinstance(storage, MemoryStorage):
        OfMemory().rewrite(storage, chain, edit)
        if unkeyed:
            storage._tables.chains._chains[chain].key = None
        return
    assert isinstance(storage, SqliteStorage)
    storage._do(partial(rewritten, chain=chain, edit=edit))
    if unkeyed:
        storage._do(lambda line: line.run("UPDATE taskkit_chains SET key = NULL WHERE chain = ?", chain))


def forged(chain: str, rows: Rows, key: FactKey | None = None) -> Rows:
    """It was not ada; and all hashes, as the library makes them."""
    found: Rows = []
    for position, text, _ in rows:
        text = text.replace('"ada"', '"eve"')
        found.append((position, text, linked(found[-1][2] if found else began(chain), text, key)))
    return found


def test_a06_whoever_writes_a_chain_anew_without_the_key_is_found(storage: Any) -> None:
    engine = started(storage)
    assert engine.check() == []
    rewrite(storage, engine.storage.chain, partial(forged, engine.storage.chain))
    assert [fact.who for fact in engine.facts() if fact.kind == "Paused"] == ["eve"]
    assert {fault.chain for fault in engine.check()} == {fault.chain for fault in started(storage).check()} == {engine.storage.chain}


def test_a06_without_a_keyring_that_is_found_against_a_noted_head_alone(storage: Any) -> None:
    engine = started(storage, None)
    noted = engine.heads()
    rewrite(storage, engine.storage.chain, partial(forged, engine.storage.chain))
    assert engine.check() == []
    assert engine.check(noted)
    assert dict(engine.storage.keyed()) == {}


def test_a06_whoever_also_says_that_the_chain_has_no_key_is_found(storage: Any) -> None:
    engine = started(storage)
    rewrite(storage, engine.storage.chain, partial(forged, engine.storage.chain), unkeyed=True)
    assert {fault.chain for fault in engine.check()} == {engine.storage.chain}
    later = started(storage)  # its chain begins with the heads as they are now, and vouches for none
    assert {fault.chain for fault in later.check()} == {engine.storage.chain}


def test_a06_whoever_adds_a_chain_of_their_own_is_found(storage: Any) -> None:
    started(storage)
    strange = started(storage, None).storage.chain
    assert [(fault.chain, fault.position, fault.missing) for fault in started(storage).check()] == [(strange, 1, None)]


def test_a06_a_store_that_gets_a_keyring_later_keys_what_comes(storage: Any) -> None:
    before = started(storage, None)
    engine = started(storage)
    assert engine.check() == []
    assert dict(engine.storage.keyed()) == {"2026": 1}
    rewrite(storage, before.storage.chain, partial(forged, before.storage.chain))
    assert [(fault.chain, fault.case) for fault in engine.check()] == [(before.storage.chain, "it is not the fact that was noted")]


def test_a06_an_engine_on_a_handle_that_was_used_before_begins_a_chain_of_its_own() -> None:
    storage = MemoryStorage()
    for number, keyring in enumerate((None, OLD, BOTH)):
        engine = Engine(MemoryVault(), storage, clock=VirtualClock(START), keyring=keyring)
        engine.pause(f"pool:{number}")
    assert engine.check() == []
    assert dict(storage.keyed()) == {"2026": 1, "2027": 1}


def test_a06_after_a_change_of_keys_old_chains_are_checked_with_the_old_key(storage: Any) -> None:
    old, engine = started(storage), started(storage, BOTH)
    noted = engine.heads()
    assert engine.check(noted) == []
    assert engine.keys_in_use() == {"2026": KeyUse(0, 1), "2027": KeyUse(0, 1)}
    old.pause("pool:dmz")  # it goes on with the key that it began with
    assert engine.check(noted) == []
    rewrite(storage, old.storage.chain, lambda rows: forged(old.storage.chain, rows, FactKey("2027", BOTH.derived("facts", "2027"))))
    assert {fault.chain for fault in engine.check()} == {old.storage.chain}


def test_a06_a_chain_whose_key_was_retired_is_told_as_that(storage: Any) -> None:
    old, engine = started(storage), started(storage, NEW)
    [fault] = engine.check(engine.heads())
    assert (fault.chain, fault.position, fault.missing) == (old.storage.chain, 1, "2026")
    assert fault.case == "its key '2026' is missing, so nobody can check its hashes"
    assert {fault.missing for fault in started(storage, None).check()} == {"2026", "2027"}


def test_a06_archived_facts_need_no_key(storage: Any) -> None:
    started(storage)
    engine = started(storage, BOTH)
    engine.archive(START.add(days=1), lambda facts: None)
    assert engine.keys_in_use() == {"2027": KeyUse()}
    assert started(storage, NEW).check() == []


def test_a06_the_key_of_facts_is_for_nothing_else(storage: Any) -> None:
    engine = started(storage)
    key, before = FactKey("2026", OLD.derived("facts", "2026")), began(engine.storage.chain)
    for fact in engine.facts():
        assert fact.hash == linked(before, encoded(fact), key)
        before = fact.hash
    assert OLD.derived("facts") != OLD.derived("other")


def test_a06_a_storage_that_takes_no_keys_goes_on_without(tmp_path: Path) -> None:
    with ExitStack() as opened:
        storage = WithoutKeys(tmp_path / "jobs.db", disk="OFF")
        opened.callback(storage._db.close)
        engine = Engine(MemoryVault(), storage, clock=VirtualClock(START), plugins=Plugins(discover=False), keyring=OLD)
        engine.pause("pool:dmz")
        storage.write([(engine._ground.seals.keep("intent", b"x"),)])
        assert engine.check() == []
        assert engine.keys_in_use() == {"2026": KeyUse(1, 0)}


def test_a06_a_key_of_facts_shows_its_id_alone() -> None:
    key = FactKey("2026", b"k" * 32)
    assert repr(key) == "FactKey('2026')"
    assert linked("", "x", key) == linked("", "x", FactKey("2027", b"k" * 32)) != linked("", "x", FactKey("2026", b"l" * 32))


def test_a06_facts_of_several_threads_stay_in_order(storage: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    engine = started(storage)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: engine.storage.write([(Fact(f"F{number}", 0),)]), range(60)))
    assert engine.check(engine.heads()) == []
