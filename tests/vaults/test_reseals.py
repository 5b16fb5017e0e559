"""After all was sealed anew nothing is left that the old key opens; what does not open holds up nothing; jobs go on meanwhile (S6)."""

from __future__ import annotations

import base64
import random
from contextlib import suppress
from pathlib import Path

import pytest

from taskkit.engine._seals import SEALED
from taskkit.errors import BadSeal, Refused
from taskkit.events.policies import OnDemand
from taskkit.keyrings import Keyring, place_of
from taskkit.scripts import OtherRecord, PasswordReset
from taskkit.secrets import Secret
from taskkit.sqlite_vault import SqliteVault
from taskkit.states import State
from taskkit.storage import Keep
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import Task
from tests import test_seals
from tests.engine.houses import UNIX, Watched
from tests.scripts.rotations import RotationHouse
from tests.vaults.test_sqlite_vault import AT, KEYS, current

OLD = Keyring({"old0": bytes(range(32))}, "old0")
NEW = OLD.add("new1", bytes(range(1, 33)))
STRANGE = Keyring({"strange": bytes(range(2, 34))}, "strange")


@pytest.mark.parametrize("seed", [3, 4, 11])
def test_s06_after_all_was_sealed_anew_the_file_holds_nothing_that_the_old_key_opens(seed: int, tmp_path: Path) -> None:
    """A page of SQLite that is split keeps cells of before in its gaps, whatever `secure_delete` says."""
    rng = random.Random(seed)
    with SqliteVault(tmp_path / "vault.db", OLD) as vault:
        count = rng.randint(5, 300)
        for number in range(count):
            account, deed = f"acc{rng.randint(0, count // 3)}", rng.choice("cps")
            if deed == "c":
                vault.change_secret(account, rng.choice(["password", "key"]), f"secret-{number}" * rng.randint(1, 20), at=AT)
            elif deed == "s":
                if vault.slots.propose(account, {"password": Secret(f"slot-{number}")}, f"att{number}", 0):
                    vault.slots.promote(account, f"att{number}", 0)
            else:
                with suppress(Refused):
                    vault.propose_secret(account, "password", f"prop-{number}")
    with SqliteVault(tmp_path / "vault.db", NEW) as vault:
        assert vault.reseal()
    with SqliteVault(tmp_path / "vault.db", NEW.retired("old0")) as vault:
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"new1" in files
    assert files.count(b"tks\x01\x04old0") == 0


def test_s06_what_another_key_sealed_than_stands_beside_it_holds_up_nothing_else(tmp_path: Path) -> None:
    both = KEYS.add("two", bytes(range(1, 33)))
    with SqliteVault(tmp_path / "vault.db", KEYS) as vault:
        for number in range(5):
            vault.change_secret(f"a{number}", "password", f"horse-{number}", at=AT)
        moved = STRANGE.seal(b"horse", place_of("vault secret", "a2", "password", "current", 0))
        vault._file.write("UPDATE secrets SET sealed = ? WHERE account = 'a2'", moved)
    with SqliteVault(tmp_path / "vault.db", both) as vault:
        with pytest.raises(BadSeal, match="4 are sealed anew, and 1 do not open"):
            vault.reseal()
        assert vault._file.rows("SELECT account FROM secrets WHERE key = 'one'") == [("a2",)]
        assert current(vault, "a4") == {"password": "horse-4"}


def test_s06_what_another_key_sealed_than_stands_beside_it_holds_up_no_engine() -> None:
    storage = MemoryStorage()
    engine = test_seals.started(storage)
    for number in range(5):
        test_seals.keep(engine, f"intent {number}")
    sealed = STRANGE.seal(b"{}", place_of(SEALED, "intent 2"))
    test_seals.damage(storage, "intent 2", {"key": "2026", "sealed": base64.b64encode(sealed).decode()})
    newer = test_seals.started(storage, test_seals.BOTH)
    with pytest.raises(BadSeal, match="4 are sealed anew, and 1 do not open"):
        newer.reseal()


def test_s06_a_job_that_tells_another_record_goes_on_though_all_is_sealed_anew_meanwhile() -> None:
    house = RotationHouse(keyring=OLD.add("new1", bytes(range(1, 33)), current=False), slots=False)
    house.engine.define(PasswordReset("rotate", dependents=[OtherRecord("root")]))
    task = house.engine.put(Task("rotation", "rotate", [OnDemand()], list=UNIX))
    newer = test_seals.started(house.storage.join(), NEW, vault=house.vault, clock=house.clock, plugins=[house._offer])
    watched = Watched(house.storage.join())
    dropped = Keep(SEALED, "slot/root", 1, None)
    watched.before(lambda units: any(change == dropped for unit in units for change in unit), newer.reseal)
    engine = house.enter(storage=watched)
    job = engine.demand(task.id, "ops")
    engine.drain()
    assert [fact.kind for fact in newer.facts(kinds=["Resealed"])] == ["Resealed"]
    found = engine.job(job)
    assert (found.state, found.text) == (State.COMPLETED, "")
    assert list(house.storage.documents(SEALED)) == []


def test_s06_sealing_anew_is_no_part_of_a_deed_as_that_could_be_undone_and_leave_what_the_old_key_opens(tmp_path: Path) -> None:
    with SqliteVault(tmp_path / "vault.db", OLD) as vault:
        vault.change_secret("a", "password", "horse", at=AT)
    with SqliteVault(tmp_path / "vault.db", NEW) as vault:
        with pytest.raises(Refused, match="within `together`"), vault.together():
            vault.reseal()
        assert vault.reseal() == 1
