"""Slots beside people who change secrets by hand, in both vaults; and those of the vault in one file over kills, processes and damage."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from taskkit.errors import BadSeal, Refused, StaleToken
from taskkit.keyrings import Keyring
from taskkit.secrets import Secret
from taskkit.sqlite_vault import SqliteVault, _files
from taskkit.testing import MemoryVault, VirtualClock
from tests.vaults.test_sqlite_vault import AT, BOTH, CANARY, KEYS, LATER, Reader, found, sql, traces

Vaults = MemoryVault | SqliteVault
Opens = Callable[..., SqliteVault]


def new(text: str) -> dict[str, Secret]:
    return {"password": Secret(text)}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(LATER)


@pytest.fixture
def opens(tmp_path: Path, clock: VirtualClock) -> Iterator[Opens]:
    opened: list[SqliteVault] = []

    def make(keyring: Keyring = KEYS, name: str = "vault.db") -> SqliteVault:
        opened.append(SqliteVault(tmp_path / name, keyring, clock=clock))
        return opened[-1]

    yield make
    for vault in opened:
        vault.close()


@pytest.fixture(params=["memory", "file"])
def vault(request: pytest.FixtureRequest, opens: Opens, clock: VirtualClock) -> Any:
    made = MemoryVault(clock=clock) if request.param == "memory" else opens()
    made.change_secret("root", "password", "first-horse", at=AT)
    return made


def shown(vault: Any, account: str = "root") -> tuple[Any, ...]:
    values = vault.secrets.values(account, Reader())
    return tuple(one["password"].reveal() if "password" in one else None for one in (values.current, values.pending, values.previous))


def before(vault: Any) -> list[tuple[str | None, str]]:
    """Attempts and secrets of the past, the last first."""
    if isinstance(vault, MemoryVault):
        return [(one.attempt, secret.reveal()) for one in vault.former("root") for secret in one.secrets.values()]
    return [(one.attempt or "by hand", one.secret.reveal()) for one in vault.history("root")]


# by hand


def test_s03_a_person_who_changes_a_secret_leaves_the_candidate_of_a_job(vault: Any) -> None:
    vault.slots.propose("root", new("candidate"), "attempt-1", 1)
    vault.change_secret("root", "password", "by-anna", at=AT)
    assert shown(vault) == ("by-anna", "candidate", "first-horse")
    assert vault.slots.promote("root", "attempt-1", 1)
    assert shown(vault) == ("candidate", None, "by-anna")
    assert before(vault) == [("by hand", "by-anna"), ("by hand", "first-horse")]


def test_s04_what_a_person_put_in_force_is_of_no_attempt(vault: Any) -> None:
    vault.slots.propose("root", new("candidate"), "attempt-1", 1)
    vault.slots.promote("root", "attempt-1", 1)
    vault.change_secret("root", "password", "by-anna", at=AT)
    assert not vault.slots.promote("root", "attempt-1", 1)
    assert vault.slots.discard("root", "attempt-1", 1)
    assert before(vault) == [("attempt-1", "candidate"), ("by hand", "first-horse")]


def test_s04_no_person_proposes_in_the_place_of_a_job(vault: Any) -> None:
    vault.slots.propose("root", new("candidate"), "attempt-1", 1)
    with pytest.raises(Refused, match="the candidate of the attempt 'attempt-1' lies there"):
        vault.propose_secret("root", "password", "by-anna")
    assert shown(vault) == ("first-horse", "candidate", None)


def test_s04_what_a_person_proposed_is_a_candidate_that_jobs_find(vault: Any) -> None:
    vault.propose_secret("root", "password", "in-vain")
    vault.propose_secret("root", "password", "by-anna")
    vault.propose_secret("root", "key", "a-key")
    assert not vault.slots.propose("root", new("candidate"), "attempt-1", 1)
    adopted = vault.slots.adopt("root", 1)
    assert {name: one.reveal() for name, one in adopted.secrets.items()} == {"password": "by-anna", "key": "a-key"}
    assert adopted.attempt.startswith("by hand ")
    for _ in range(2):
        assert vault.slots.promote("root", adopted.attempt, 1)
        assert shown(vault) == ("by-anna", None, "first-horse")
    assert before(vault) == [("by hand", "first-horse"), ("by hand", "in-vain")]


def test_what_a_person_proposed_is_discarded_with_a_change_field_by_field(vault: Any) -> None:
    vault.propose_secret("root", "password", "in-vain")
    vault.propose_secret("root", "key", "a-key")
    vault.change_secret("root", "password", "by-anna", at=AT)
    assert shown(vault) == ("by-anna", None, "first-horse")
    assert vault.secrets.values("root", Reader()).pending["key"].reveal() == "a-key"
    vault.change_secret("root", "key", "another-key", at=AT)
    assert vault.slots.adopt("root", 1) is None
    assert ("by hand", "in-vain") in before(vault)


def test_s03_what_was_discarded_is_in_the_history_with_its_attempt(vault: Any) -> None:
    for attempt, end in (("attempt-1", vault.slots.discard), ("attempt-2", vault.slots.promote), ("attempt-3", vault.slots.promote)):
        vault.slots.propose("root", new(f"horse of {attempt}"), attempt, 1)
        assert end("root", attempt, 1)
    assert before(vault) == [("attempt-2", "horse of attempt-2"), ("by hand", "first-horse"), ("attempt-1", "horse of attempt-1")]


def test_s02_the_moment_of_a_promotion_is_the_vaults_own(vault: Any, clock: VirtualClock) -> None:
    vault.slots.propose("root", new("candidate"), "attempt-1", 1)
    clock.advance(hours=3)
    vault.slots.promote("root", "attempt-1", 1)
    assert vault.secrets.changed_at("root") == LATER.add(hours=3)
    if isinstance(vault, SqliteVault):
        assert vault.history("root")[0].ended == LATER.add(hours=3)


def test_s02_the_moment_of_kept_secrets_is_the_vaults_own(clock: VirtualClock) -> None:
    vault = MemoryVault(slots=False, clock=clock)
    assert vault.secrets.keep("root", new("candidate"), "attempt-1", 1)
    assert vault.secrets.changed_at("root") == LATER


class Unhurried(VirtualClock):
    """Lets others go on while it is asked, and counts how often that was."""

    asked = 0

    def now(self) -> int:
        self.asked += 1
        time.sleep(0.01)
        return super().now()


def test_s04_of_many_threads_that_promote_or_keep_in_memory_one_does() -> None:
    clock = Unhurried(LATER)
    vault = MemoryVault(clock=clock)
    assert vault.slots is not None
    vault.slots.propose("root", new("candidate"), "attempt-1", 1)
    deeds = [
        lambda _: vault.slots.promote("root", "attempt-1", 1),
        lambda _: vault.secrets.keep("root", new("the next one"), "attempt-2", 1),
    ]
    for number, deed in enumerate(deeds):
        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(deed, range(16)))
        assert clock.asked == number + 1
    assert shown(vault) == ("the next one", None, "candidate")


# in one file


def test_s04_what_is_done_together_with_a_promotion_is_undone_with_it(opens: Opens) -> None:
    vault, other = opens(), opens()
    vault.slots.propose("root", new("candidate"), "attempt-1", 1)

    def fail() -> None:
        with vault.together():
            assert vault.slots.promote("root", "attempt-1", 7)
            assert shown(other) == (None, "candidate", None), "another one sees half of it"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert shown(vault) == (None, "candidate", None)
    assert other.slots.promote("root", "attempt-1", 1), "the token of a deed that was undone has stayed"


def test_s04_who_was_refused_in_a_deed_of_several_parts_undoes_nothing_else(opens: Opens) -> None:
    vault = opens()
    vault.slots.adopt("root", 7)
    with vault.together():
        vault.change_secret("root", "password", "first-horse", at=AT)
        with pytest.raises(StaleToken):
            vault.slots.propose("root", new("candidate"), "attempt-1", 6)
    assert shown(vault) == ("first-horse", None, None)


def test_j03_a_token_that_one_process_brought_is_known_to_all(opens: Opens) -> None:
    vault, other = opens(), opens()
    assert vault.slots.propose("root", new("candidate"), "attempt-1", 3)
    assert other.slots.adopt("root", 5) is not None
    with pytest.raises(StaleToken, match="its token 3 is lower than 5"):
        vault.slots.promote("root", "attempt-1", 3)


KILLED = """
import os, shutil, sys
from pathlib import Path
from taskkit import Keyring, Secret, SqliteVault
from taskkit.sqlite_vault._files import File
folder, keys = Path(sys.argv[1]), Keyring.from_file(sys.argv[2])
deeds = {
    "propose": lambda slots: slots.propose("lone", {"password": Secret("third"), "key": Secret("fourth")}, "attempt-2", 9),
    "promote": lambda slots: slots.promote("root", "attempt-1", 9),
    "discard": lambda slots: slots.discard("root", "attempt-1", 9),
}
def dies(deed, place, path):
    writes, real = [], File._run if place < 0 else File.write
    def write(file, sql, *values):
        if place < 0 and sql == "COMMIT":
            real(file, sql)
            os._exit(8)
        writes.append(sql)
        if len(writes) == place:
            os._exit(9)
        return real(file, sql, *values)
    vault = SqliteVault(path, keys)
    setattr(File, "_run" if place < 0 else "write", write)
    deeds[deed](vault.slots)
    os._exit(7)
for deed in deeds:
    place = -1
    while True:
        path = folder / f"{deed} {place}.db"
        shutil.copy(folder / "vault.db", path)
        child = os.fork()
        if not child:
            dies(deed, place, path)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(f"{deed}|{place}|{code}", flush=True)
        if code == 7:
            break
        place += 1 + (place < 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork there")
def test_s03_a_process_that_is_killed_at_any_write_of_a_deed_leaves_all_of_it_or_nothing(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    vault.change_secret("root", "password", "first", at=AT)
    assert vault.slots.propose("root", new("second"), "attempt-1", 1)
    vault.close()
    KEYS.write_file(tmp_path / "keys")
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path, tmp_path / "keys"], check=False, capture_output=True, text=True)
    assert done.stderr == ""
    deaths = [line.split("|") for line in done.stdout.splitlines()]
    nothing = (("first", "second", None), (None, None, None))
    whole = {"propose": (nothing[0], (None, "third", None)), "promote": (("second", None, "first"), nothing[1]),
             "discard": (("first", None, None), nothing[1])}  # fmt: skip
    for deed, place, code in deaths:
        again = opens(name=f"{deed} {place}.db")
        wanted = nothing if code == "9" else whole[deed]
        assert (shown(again), shown(again, "lone")) == wanted, f"{deed}, killed at its write {place}"
        known = {"first", "second"} | {secret for _, secret in before(again)}
        assert known == {"first", "second"}
        if code == "9":
            assert again.slots.promote("root", "attempt-1", 1), "the token of a deed that was killed has stayed"
    killed = Counter(deed for deed, _, code in deaths if code == "9")
    assert min(killed[deed] for deed in whole) >= 2
    assert [(deed, code) for deed, _, code in deaths if code != "9"] == [(deed, code) for deed in whole for code in ("8", "7")]


RACER = """
import json, sys, time
from pathlib import Path
from taskkit import Keyring, Secret, SqliteVault
path, keys, name, start = sys.argv[1:]
keyring = Keyring.from_file(keys)
while not Path(start).exists():
    time.sleep(0.001)
with SqliteVault(path, keyring, timeout=60) as vault:
    print(json.dumps([n for n in range(40) if vault.slots.propose(f"a{n}", {"password": Secret(f"{name} {n}")}, f"{name} {n}", 1)]))
"""


def test_s04_of_processes_that_propose_at_once_one_has_the_slot_of_each_account(opens: Opens, tmp_path: Path) -> None:
    opens().close()
    KEYS.write_file(tmp_path / "keys")
    names, start = ("x", "y", "z"), tmp_path / "start"
    command = [sys.executable, "-W", "error", "-c", RACER, str(tmp_path / "vault.db"), str(tmp_path / "keys")]
    running = [subprocess.Popen([*command, name, str(start)], stdout=subprocess.PIPE, text=True) for name in names]
    start.touch()
    told = {name: json.loads(process.communicate(timeout=120)[0]) for name, process in zip(names, running, strict=True)}
    vault = opens()
    for number in range(40):
        [winner] = [name for name in names if number in told[name]]
        assert shown(vault, f"a{number}") == (None, f"{winner} {number}", None)
        assert [vault.slots.promote(f"a{number}", f"{name} {number}", 1) for name in names] == [name == winner for name in names]


MOVES = {
    "the attempt of a candidate": "UPDATE secrets SET attempt = 'attempt-9' WHERE slot = 'pending'",
    "the attempt of what is in force": "UPDATE secrets SET attempt = 'attempt-9' WHERE slot = 'current'",
    "a candidate of nobody": "UPDATE secrets SET attempt = NULL WHERE slot = 'pending'",
    "into force": "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE slot = 'pending') WHERE slot = 'current'",
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_s06_a_secret_that_was_given_to_another_attempt_does_not_open(move: str, opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    vault.slots.propose("root", new("first"), "attempt-1", 1)
    vault.slots.promote("root", "attempt-1", 1)
    vault.slots.propose("root", new("second"), "attempt-2", 1)
    sql(tmp_path / "vault.db", move)
    with pytest.raises(BadSeal):
        shown(vault)
    with pytest.raises(BadSeal) if "pending'" in move.rpartition("WHERE")[2] else nullcontext():
        vault.slots.adopt("root", 1)


def test_s04_who_adopts_again_by_the_highest_token_writes_nothing(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = opens()
    vault.slots.propose("root", new("first"), "attempt-1", 5)
    monkeypatch.setattr(vault._file, "writing", None)
    slot = vault.slots.adopt("root", 5)
    assert slot is not None
    assert (slot.attempt, slot.secrets["password"].reveal()) == ("attempt-1", "first")
    monkeypatch.undo()
    with pytest.raises(StaleToken):
        vault.slots.adopt("root", 4)
    assert vault.slots.adopt("root", 6) is not None
    with pytest.raises(StaleToken):
        vault.slots.adopt("root", 5)


def test_s06_no_candidate_is_in_plain_in_any_file(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    for number, end in enumerate((vault.slots.promote, vault.slots.discard, vault.slots.promote, None)):
        assert vault.slots.propose("root", new(f"{CANARY}{number}"), f"attempt-{number}", number)
        assert end is None or end("root", f"attempt-{number}", number)
    assert found(tmp_path, traces(CANARY)) == []
    assert found(tmp_path, {b"attempt-3"}), "the search finds nothing at all"
    vault.close()
    assert opens(BOTH).reseal() == 4
    assert found(tmp_path, traces(CANARY)) == []
    again = opens(BOTH.retired("one"))
    assert shown(again) == (f"{CANARY}2", f"{CANARY}3", f"{CANARY}0")
    assert again.slots.promote("root", "attempt-2", 3)


#: As tables of secrets were before the form 5.
_NUMBERED = (
    """CREATE TABLE older (number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, name TEXT NOT NULL, slot TEXT NOT NULL,
        turn INTEGER NOT NULL, key TEXT NOT NULL, sealed BLOB NOT NULL, ended INTEGER, attempt TEXT, UNIQUE (account, name, slot, turn))""",
    """INSERT INTO older SELECT row_number() OVER (ORDER BY coalesce(number, 99)), account, name, slot, turn, key, sealed, ended, attempt
        FROM secrets""",
    "DROP TABLE secrets",
    "ALTER TABLE older RENAME TO secrets",
    "PRAGMA user_version = 4",
)


def test_s04_a_file_of_an_older_release_gets_slots_and_keeps_its_candidates(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    vault.change_secret("root", "password", "first", at=AT)
    vault.change_secret("root", "password", "second", at=AT)
    with vault._sealed.changing("root"):
        vault._sealed._keep("root", "password", "pending", Secret("third"))  # as they did: of no attempt
    vault.close()
    sql(tmp_path / "vault.db", *_NUMBERED, "ALTER TABLE secrets DROP COLUMN attempt", "DROP TABLE tokens", "PRAGMA user_version = 3")
    again = opens()
    assert sql(tmp_path / "vault.db", "PRAGMA user_version") == [(_files.VERSION,)]
    assert shown(again) == ("second", "third", "first")
    assert not again.slots.propose("root", new("fourth"), "attempt-1", 1)
    adopted = again.slots.adopt("root", 1)
    assert adopted is not None
    assert again.slots.promote("root", adopted.attempt, 1)
    assert again.slots.propose("root", new("fourth"), "attempt-1", 1)
    assert shown(again) == ("third", "fourth", "second")


def test_s03_a_file_of_an_older_release_keeps_its_history_in_order_and_goes_on_with_it(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    for number in range(3):
        vault.change_secret("root", "password", f"password-{number}", at=AT)
        if number != 1:  # so that the second to end is of another turn than the first of its name
            vault.change_secret("root", "key", f"key-{number}", at=AT)
        assert vault.slots.propose("other", new(f"other-{number}"), f"attempt-{number}", number)
        assert vault.slots.promote("other", f"attempt-{number}", number)
    before = [(account, told(vault, account)) for account in ("root", "other")]
    vault.close()
    sql(tmp_path / "vault.db", *_NUMBERED)
    again = opens()
    assert [(account, told(again, account)) for account in ("root", "other")] == before
    assert sql(tmp_path / "vault.db", "SELECT count(*) FROM sqlite_master WHERE name IN ('numbered', 'older')") == [(0,)]
    again.change_secret("root", "password", "password-3", at=AT)
    again.change_secret("root", "key", "key-3", at=AT)
    assert told(again, "root") == ["key-2", "password-2", *before[0][1]]
    again.close()
    assert opens(BOTH).reseal() == 10


def told(vault: Any, account: str) -> list[str]:
    """All that is in the history of an account."""
    return [one.secret.reveal() for one in vault.history(account)]


def test_s04_two_who_open_a_file_of_an_older_release_at_once_both_have_slots(opens: Opens, tmp_path: Path) -> None:
    """Whoever comes second finds it done."""
    opens().close()
    sql(tmp_path / "vault.db", "PRAGMA user_version = 3")
    assert opens().slots.propose("root", new("first"), "attempt-1", 1)
    assert sql(tmp_path / "vault.db", "PRAGMA user_version") == [(_files.VERSION,)]


def test_s04_a_backup_has_the_candidates_too(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    vault.slots.propose("root", new("first"), "attempt-1", 3)
    vault.back_up(tmp_path / "copy.db")
    shutil.move(tmp_path / "copy.db", tmp_path / "moved.db")
    with closing(sqlite3.connect(tmp_path / "moved.db")) as copy:
        assert copy.execute("SELECT token FROM tokens").fetchall() == [(3,)]
    assert shown(opens(name="moved.db")) == (None, "first", None)


def test_s04_what_is_in_force_is_not_proposed_again(opens: Opens) -> None:
    vault = opens()
    candidate = {"password": Secret("new-horse")}
    assert vault.slots.propose("root", candidate, "j/1/1", 1)
    assert vault.slots.promote("root", "j/1/1", 1)
    assert vault.slots.propose("root", candidate, "j/1/1", 1)
    assert vault.slots.adopt("root", 1) is None


def test_s04_what_a_person_has_left_of_a_candidate_is_not_put_in_force_by_a_job_that_adopted_it_whole(opens: Opens) -> None:
    vault = opens()
    vault.propose_secret("root", "password", "new-horse")
    vault.propose_secret("root", "key", "new-key")
    adopted = vault.slots.adopt("root", 1)
    assert adopted is not None
    vault.discard_secret("root", "key")
    assert not vault.slots.promote("root", adopted.attempt, 1)
    left = vault.slots.adopt("root", 1)
    assert left is not None
    assert (set(left.secrets), left.attempt != adopted.attempt) == ({"password"}, True)


def test_s06_the_proof_of_a_key_that_was_undone_with_a_deed_is_left_by_the_next(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    with vault.together():
        with pytest.raises(Refused), vault._sealed.changing("root"):
            raise Refused("trying", "it is a trial", "nothing")
        vault.change_secret("root", "password", "first-horse", at=AT)
    assert len(sql(tmp_path / "vault.db", "SELECT * FROM keys")) == 1
