"""The vault in one file keeps what every vault keeps, over restarts, beside other processes, and with nothing secret in plain (S6)."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pendulum
import pytest
from attrs import frozen

from taskkit.engine import Engine
from taskkit.errors import BadSeal, InvalidValue, MissingKey, NaiveMoment, NotFound, Refused, TaskkitError, UnknownMark, VaultAway
from taskkit.events.happenings import HAPPENINGS, CheckedIn, Demanded, Happening, RecordChanged, Unlocked
from taskkit.facts import Fact
from taskkit.keyrings import Keyring
from taskkit.records import Record, RecordType
from taskkit.secrets import Secret
from taskkit.selections import Everything
from taskkit.sqlite_vault import SqliteVault, _files, _outboxes, _secrets
from taskkit.testing.contracts import VaultContract
from tests.canary.nests import DISGUISED

AT = pendulum.datetime(2026, 3, 2, 9, 30, 15, 123456, tz="UTC")
LATER = AT.add(days=1)
KEYS = Keyring({"one": bytes(range(32))}, "one")
BOTH = KEYS.add("two", bytes(range(1, 33)))
CANARY = 'c4n4ry"Tr0€b/4dor&~o3?'
ROOT = Record("root", "unix", fields={"host": "10.0.0.1"}, secret_fields=["password"])
LONE = Record("lone", "unix", secret_fields=["password"])

Opens = Callable[..., SqliteVault]


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    """Opens the one file of the test, as often as it likes, and closes all at its end."""
    opened: list[SqliteVault] = []

    def make(keyring: Keyring = KEYS, name: str = "vault.db", **given: Any) -> SqliteVault:
        opened.append(SqliteVault(tmp_path / name, keyring, **given))
        return opened[-1]

    yield make
    for vault in opened:
        vault.close()


class TestSqliteVault(VaultContract):
    @pytest.fixture(autouse=True)
    def _files(self, opens: Opens) -> None:
        self._opens, self._made_before = opens, 0

    def vault(self, records: Sequence[Record], secrets: Mapping[str, Mapping[str, str]]) -> SqliteVault:
        self._made_before += 1
        made = self._opens(name=f"vault{self._made_before}.db")
        made.put(*records)
        for account, values in secrets.items():
            for name, value in values.items():
                made.change_secret(account, name, value, at=AT)
        made.back_up(Path(f"{made._file.path}.copy"))
        return made

    def reopen(self, vault: SqliteVault) -> SqliteVault:
        vault.close()
        return self._opens(name=Path(vault._file.path).name)

    def restore(self, vault: SqliteVault) -> None:
        with closing(sqlite3.connect(f"{vault._file.path}.copy")) as copy, closing(sqlite3.connect(vault._file.path)) as file:
            copy.backup(file)


class Reader:
    viewer: str | None = None
    token = 1


def current(vault: SqliteVault, account: str = "root") -> dict[str, str]:
    return {name: secret.reveal() for name, secret in vault.secrets.values(account, Reader()).current.items()}


def pending(vault: SqliteVault, account: str = "root") -> dict[str, str]:
    return {name: secret.reveal() for name, secret in vault.secrets.values(account, Reader()).pending.items()}


def previous(vault: SqliteVault, account: str = "root") -> dict[str, str]:
    return {name: secret.reveal() for name, secret in vault.secrets.values(account, Reader()).previous.items()}


def former(vault: SqliteVault, account: str = "root") -> list[tuple[str, str, bool, datetime | None]]:
    return [(one.name, one.secret.reveal(), one.discarded, one.ended) for one in vault.history(account)]


def sql(path: Path, *statements: str) -> list[Any]:
    """What somebody does who has the file."""
    found: list[Any] = []
    made = sqlite3.connect(path)
    try:
        for statement in statements:
            found = made.execute(statement).fetchall()
        made.commit()
    finally:
        made.close()
    return found


def contents(path: Path) -> list[str]:
    made = sqlite3.connect(path)
    try:
        return list(made.iterdump())
    finally:
        made.close()


def opened_by_us() -> list[str]:
    """The files that this process has open, where the system tells them."""
    descriptors = Path("/proc/self/fd")
    found = list(descriptors.iterdir()) if descriptors.exists() else []
    return [str(one.readlink()) for one in found if one.is_symlink()]


# secrets and their history


def test_s02_a_candidate_becomes_current_and_what_was_current_previous(opens: Opens) -> None:
    vault = opens()
    vault.change_secret("root", "password", "first-horse", at=AT)
    vault.propose_secret("root", "password", "second-horse")
    assert (current(vault), pending(vault), previous(vault)) == ({"password": "first-horse"}, {"password": "second-horse"}, {})
    assert vault.secrets.changed_at("root") == AT, "a candidate counts as a change"
    assert vault.promote_secret("root", "password", at=LATER)
    assert (current(vault), pending(vault), previous(vault)) == ({"password": "second-horse"}, {}, {"password": "first-horse"})
    assert vault.secrets.changed_at("root") == LATER


def test_s04_promote_and_discard_said_twice_are_once(opens: Opens) -> None:
    vault = opens()
    vault.change_secret("root", "password", "first-horse", at=AT)
    vault.propose_secret("root", "password", "second-horse")
    assert [vault.promote_secret("root", "password", at=LATER) for _ in range(2)] == [True, False]
    vault.propose_secret("root", "password", "third-horse")
    assert [vault.discard_secret("root", "password", at=LATER) for _ in range(2)] == [True, False]
    assert not vault.promote_secret("root", "password", at=LATER), "what was discarded is promoted"
    assert (current(vault), pending(vault)) == ({"password": "second-horse"}, {})


def test_s03_whatever_was_a_password_once_or_was_proposed_stays_in_the_history(opens: Opens) -> None:
    vault = opens()
    vault.change_secret("root", "password", "first", at=AT)
    vault.change_secret("root", "password", "second", at=LATER)
    vault.propose_secret("root", "password", "third")
    vault.propose_secret("root", "password", "fourth")
    vault.discard_secret("root", "password", at=AT)
    vault.propose_secret("root", "password", "fifth")
    vault.change_secret("root", "password", "sixth", at=LATER)
    vault.change_secret("root", "key", "another-field", at=AT)
    vault.change_secret("lone", "password", "another-account", at=AT)
    assert former(vault) == [
        ("password", "second", False, LATER),
        ("password", "fifth", True, LATER),
        ("password", "fourth", True, AT),
        ("password", "third", True, None),
        ("password", "first", False, LATER),
    ]
    assert previous(vault) == {"password": "second"}
    assert vault.history("nobody") == ()


def test_s03_what_was_discarded_is_never_the_previous_one(opens: Opens) -> None:
    vault = opens()
    vault.propose_secret("root", "password", "in-vain")
    vault.change_secret("root", "password", "first", at=AT)
    assert (current(vault), pending(vault), previous(vault)) == ({"password": "first"}, {}, {})
    vault.change_secret("root", "password", "second", at=AT)
    vault.propose_secret("root", "password", "in-vain-again")
    vault.discard_secret("root", "password")
    assert (current(vault), pending(vault), previous(vault)) == ({"password": "second"}, {}, {"password": "first"})


@pytest.mark.parametrize("value", ["text € with marks", b"\x00\xff\xfe", Secret(b"\xc3("), Secret("text"), "x" * 100_000])
def test_a_secret_comes_back_as_it_was_given(value: Any, opens: Opens) -> None:
    vault = opens()
    vault.change_secret("root", "password", value, at=AT)
    given = value if isinstance(value, Secret) else Secret(value)
    assert vault.secrets.values("root", Reader()).current["password"].same_as(given)


def test_what_is_no_secret_changes_nothing(opens: Opens) -> None:
    vault = opens()
    vault.change_secret("root", "password", "first", at=AT)
    wrong: list[Callable[[], object]] = [
        lambda: vault.change_secret("root", "password", "", at=AT),
        lambda: vault.change_secret("root", "password", "second", at=AT.naive()),
        lambda: vault.change_secret("root", "", "second", at=AT),
        lambda: vault.propose_secret("", "password", "second"),
        lambda: vault.propose_secret(None, "password", "second"),  # type: ignore[arg-type]
        lambda: vault.promote_secret("root", "password", at="now"),  # type: ignore[arg-type]
    ]
    for deed in wrong:
        with pytest.raises(InvalidValue):
            deed()
    assert (current(vault), pending(vault), former(vault)) == ({"password": "first"}, {}, [])
    assert issubclass(NaiveMoment, InvalidValue)


# over restarts


def test_all_that_it_holds_outlives_a_restart(opens: Opens) -> None:
    vault = opens()
    vault.put(ROOT, LONE)
    vault.change("lone", tags=["production"], name="The lone one")
    vault.put(Record("gone", "unix"))
    vault.remove("gone")
    vault.login("lone", "another")
    vault.hide("root", "anna")
    vault.hide("lone", "anna")
    vault.show("lone", "anna")
    vault.begin("root", "s-1", "bert")
    vault.begin("root", "s-2", "bert")
    vault.end("root", "s-2")
    vault.deny("bert", "task_execute", "root")
    vault.deny("bert", "task_manage")
    vault.allow("bert", "task_manage")
    vault.disable("eve")
    vault.disable("carl")
    vault.enable("carl")
    vault.group("admins", "anna", "bert")
    vault.group("admins", "anna", "carl")
    vault.change_secret("root", "password", "first-horse", at=AT)
    vault.propose_secret("root", "password", "second-horse")
    vault.tell(CheckedIn("root", approval="a-1"))
    told, mark = vault.outbox.since(None)
    vault.tell(Unlocked("root", user="anna"))
    later, _ = vault.outbox.since(mark)
    vault.close()

    again = opens()
    assert list(again.records.all()) == [ROOT, attrs.evolve(LONE, tags=["production"], name="The lone one")]
    assert [again.records.account(record) for record in again.records.all()] == ["root", "another"]
    assert [record.id for record in again.records.find(Everything(), "anna")] == ["lone"]
    assert [(one.id, one.record, one.user) for one in again.sessions.active("root")] == [("s-1", "root", "bert")]
    assert not again.rights.may("bert", "task_execute", "root")
    assert again.rights.may("bert", "task_manage", "root")
    assert [again.rights.active(user) for user in ("eve", "carl", "anna")] == [False, True, True]
    assert set(again.rights.members("admins")) == {"anna", "carl"}
    assert set(again.rights.members("anna")) == {"anna"}
    assert (current(again), pending(again)) == ({"password": "first-horse"}, {"password": "second-horse"})
    assert again.secrets.changed_at("root") == AT
    assert again.outbox.since(None)[0] == [*told, *later]
    assert again.outbox.since(mark) == (later, again.outbox.since(None)[1])
    again.login("lone", None)
    assert again.records.account(LONE) == "lone"


def test_a_session_that_begins_twice_is_one(opens: Opens) -> None:
    vault = opens()
    vault.put(ROOT)
    for _ in range(2):
        vault.begin("root", "s-1")
    assert len(vault.sessions.active("root")) == 1


def test_p02_a_session_that_ends_is_that_of_its_own_record(opens: Opens) -> None:
    vault = opens()
    vault.put(ROOT, LONE)
    vault.begin("root", "s-1")
    vault.begin("lone", "s-1")
    vault.end("root", "s-1")
    assert (vault.sessions.active("root"), len(vault.sessions.active("lone"))) == ((), 1)


def test_what_is_allowed_on_one_record_stays_denied_on_another(opens: Opens) -> None:
    vault = opens()
    vault.deny("bert", "task_execute", "root")
    vault.deny("bert", "task_execute", "lone")
    vault.allow("bert", "task_execute", "root")
    assert [vault.rights.may("bert", "task_execute", name) for name in ("root", "lone")] == [True, False]


def test_records_that_are_put_together_are_put_all_or_none(opens: Opens) -> None:
    vault = opens()
    odd: Any = None
    with pytest.raises(Exception, match="None"):
        vault.put(ROOT, odd)
    assert vault.records.get("root") is None


def test_what_is_not_there_is_told(opens: Opens) -> None:
    vault = opens()
    vault.put(Record("lost", "unix", reference="nowhere"))
    for deed in (
        lambda: vault.remove("none"),
        lambda: vault.change("none"),
        lambda: vault.begin("none", "s"),
        lambda: vault.begin("lost", "s"),
    ):
        with pytest.raises(NotFound):
            deed()


def test_the_secrets_of_a_record_that_is_removed_stay(opens: Opens) -> None:
    vault = opens()
    vault.put(ROOT)
    vault.change_secret("root", "password", "first", at=AT)
    vault.remove("root")
    assert current(vault) == {"password": "first"}


# the outbox

FIELDS: Mapping[str, Mapping[str, Any]] = {
    "record_changed": {"before": "a", "after": "b"}, "approved": {"approval": "a"}, "approval_expired": {"approval": "a"},
    "checked_in": {"approval": "a"}, "session_started": {"session": "s"}, "session_ended": {"session": "s"}, "unlocked": {"user": "anna"},
    "demanded": {"task": "t", "user": "anna"},
}  # fmt: skip


@pytest.mark.parametrize("made", HAPPENINGS, ids=lambda made: made.kind)
def test_every_kind_of_happening_comes_back_as_it_was_told(made: type[Happening], opens: Opens) -> None:
    vault = opens()
    full = made("root", at=AT.in_timezone("Europe/Berlin"), origin=("a", "b"), **FIELDS.get(made.kind, {}))
    bare = Demanded("root", task="t") if made is Demanded else made("root")
    vault.tell(full, bare)
    vault.close()
    assert opens().outbox.since(None)[0] == [full, bare]
    assert {field.name for field in attrs.fields(made)} <= {"record", "id", "at", "origin", *FIELDS.get(made.kind, {})}


@frozen
class Moved(Happening):
    kind: ClassVar[str] = "moved"
    to: Any = attrs.field(default="", kw_only=True)


def test_p08_a_kind_of_somebody_elses_is_kept_where_it_is_known(opens: Opens) -> None:
    with pytest.raises(InvalidValue, match="not known here"):
        opens().tell(Moved("root"))
    vault = opens(happenings=[Moved])
    moved = Moved("root", to="cellar")
    vault.tell(moved)
    assert vault.outbox.since(None)[0] == [moved]
    with pytest.raises(InvalidValue, match="no document"):
        vault.tell(Moved("root", to=object()))


@pytest.mark.parametrize("strange", ["a text", None, RecordChanged])
def test_what_is_no_happening_is_not_told(strange: Any, opens: Opens) -> None:
    vault = opens()
    with pytest.raises(InvalidValue):
        vault.tell(CheckedIn("root"), strange)
    assert vault.outbox.since(None) == ([], None), "half of it was told"


def test_p09_what_a_process_cannot_read_holds_up_nothing_that_comes_after_it(opens: Opens) -> None:
    told = CheckedIn("root")
    vault = opens(happenings=[Moved])
    vault.put(ROOT)
    vault.tell(Moved("root"), told)
    strange, *_ = opens().outbox.since(None)[0]
    assert not isinstance(strange, Happening)
    engine = Engine(vault := opens())
    engine.define(RecordType("unix"))
    engine.tick()
    facts: list[Fact] = list(engine.facts())
    assert [fact.kind for fact in facts if fact.kind.startswith("Happening")] == ["HappeningFailed"]
    assert vault.outbox.since(None)[0][1:] == [told]


@pytest.mark.parametrize("mark", ["", "-1", "one", "1.5", 7, "9" * 30, "²", "0-", "1-", "2-00", "1"])
def test_a_mark_of_another_outbox_is_refused(mark: Any, opens: Opens) -> None:
    vault = opens()
    vault.tell(CheckedIn("root"))
    for ask in (vault.outbox.since, lambda mark: vault.outbox.passed(mark, "one")):
        with pytest.raises(UnknownMark, match="never gave it"):
            ask(mark)


def test_p09_what_happened_is_told_if_and_only_if_it_is_kept(opens: Opens) -> None:
    vault, other = opens(), opens()

    def fail() -> None:
        with vault.together():
            vault.put(ROOT)
            vault.change_secret("root", "password", "first", at=AT)
            vault.tell(CheckedIn("root"))
            assert other.records.get("root") is None, "another one sees half of it"
            assert vault.records.get("root") == ROOT
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (vault.records.get("root"), current(vault), vault.outbox.since(None)) == (None, {}, ([], None))
    with vault.together():
        vault.put(ROOT)
        vault.tell(CheckedIn("root"))
    assert other.records.get("root") == ROOT
    assert len(other.outbox.since(None)[0]) == 1


def test_what_fails_among_several_deeds_is_undone_alone(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    vault.change_secret("root", "password", "first", at=AT)
    vault.propose_secret("root", "password", "second")
    sql(tmp_path / "vault.db", "UPDATE secrets SET sealed = zeroblob(60) WHERE slot = 'current'")
    with vault.together():
        vault.put(ROOT)
        with pytest.raises(BadSeal):  # after it has taken the candidate away
            vault.promote_secret("root", "password", at=AT)
        with pytest.raises(InvalidValue):
            vault.tell(CheckedIn("root"), "nothing")  # type: ignore[arg-type]
        vault.put(LONE)
    assert sql(tmp_path / "vault.db", "SELECT slot FROM secrets ORDER BY slot") == [("current",), ("pending",)]
    assert vault.outbox.since(None) == ([], None)
    assert [record.id for record in opens().records.all()] == ["root", "lone"]


def test_p09_a_reader_that_was_sent_back_is_at_that_place_from_then_on(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = opens()
    vault.tell(CheckedIn("root"))
    _, first = vault.outbox.since(None)
    vault.tell(CheckedIn("root"))
    _, second = vault.outbox.since(first)
    assert vault.outbox.passed(second, "one")
    monkeypatch.setattr(_outboxes, "_today", lambda: 40_000)  # on another day
    assert not vault.outbox.passed(first, "one")
    assert vault.outbox.passed(first, "one", back=True)
    assert vault.outbox.passed(first, "one"), "it is taken for an older one for ever"


def test_a_number_of_the_outbox_is_not_used_again(opens: Opens, tmp_path: Path) -> None:
    """A mark that was given stays good when somebody clears what was fetched."""
    vault = opens()
    vault.tell(CheckedIn("root"))
    _, mark = vault.outbox.since(None)
    sql(tmp_path / "vault.db", "DELETE FROM outbox")
    vault.tell(told := CheckedIn("root"))
    assert vault.outbox.since(mark)[0] == [told]


# nothing in plain


def traces(secret: str) -> set[bytes]:
    raw = secret.encode()
    return {raw[at : at + 8] for at in range(len(raw) - 7)} | {form.encode() for form in DISGUISED}


def found(folder: Path, traces: set[bytes]) -> list[str]:
    return [path.name for path in folder.iterdir() if any(trace in path.read_bytes() for trace in traces)]


def sung(vault: SqliteVault) -> None:
    vault.change_secret("root", "password", CANARY, at=AT)
    vault.propose_secret("root", "password", CANARY + "2")
    vault.promote_secret("root", "password", at=AT)
    vault.propose_secret("root", "password", CANARY + "3")
    vault.discard_secret("root", "password")
    vault.propose_secret("root", "password", CANARY + "4")
    vault.change_secret("lone", "password", CANARY + "5", at=AT)


def left(opens: Opens) -> None:
    """A file that nobody has open."""
    vault = opens()
    sung(vault)
    vault.close()


def test_s06_no_secret_is_in_plain_in_any_file(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    sung(vault)
    assert {path.name for path in tmp_path.iterdir()} == {"vault.db", "vault.db-wal", "vault.db-shm"}, "open, it has all of its files"
    assert found(tmp_path, traces(CANARY)) == []
    assert found(tmp_path, {b"password"}), "the search finds nothing at all"
    vault.close()
    opens(BOTH).reseal()
    assert found(tmp_path, traces(CANARY)) == []


@pytest.mark.tells
def test_s06_the_search_finds_what_is_not_sealed(opens: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Keyring, "seal", lambda keyring, plain, place: b"tks\x01\x03one" + plain)
    vault = opens()
    vault.propose_secret("root", "password", CANARY)
    assert found(tmp_path, traces(CANARY))


def test_s06_what_a_retired_key_had_sealed_is_gone_from_the_files(opens: Opens, tmp_path: Path) -> None:
    """Else whoever has the old key and a piece of the disk had the secrets."""
    vault = opens()
    sung(vault)
    mark = b"tks\x01\x03one"
    assert found(tmp_path, {mark})
    vault.close()
    vault = opens(BOTH)
    vault.reseal()
    assert found(tmp_path, {mark}) == []
    assert found(tmp_path, {b"tks\x01\x03two"})


def test_s06_its_files_are_its_owners_alone(opens: Opens, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        sung(opens())
    finally:
        os.umask(before)
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {
        "vault.db": 0o600, "vault.db-wal": 0o600, "vault.db-shm": 0o600,
    }  # fmt: skip


def test_s01_the_vault_shows_nothing(opens: Opens) -> None:
    vault = opens()
    sung(vault)
    shown = [
        repr(vault),
        str(vault.history("root")),
        repr(vars(vault)),
        repr(vault.secrets.values("root", Reader())),
        repr(attrs.asdict(vault)),
    ]
    assert not [text for text in shown if CANARY in text]


# keys


def test_s06_keys_are_changed_by_adding_sealing_anew_and_retiring(opens: Opens) -> None:
    vault = opens()
    sung(vault)
    before = former(vault)
    vault.close()
    vault = opens(BOTH)
    assert former(vault) == before, "it does not open what the old key sealed"
    assert vault.reseal() == 5
    assert vault.reseal() == 0
    vault.close()
    vault = opens(BOTH.retired("one"))
    assert (current(vault), pending(vault), former(vault)) == ({"password": CANARY + "2"}, {"password": CANARY + "4"}, before)


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_s06_sealing_anew_may_be_interrupted_and_said_again(batches: int, opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = opens()
    sung(vault)
    before = former(vault)
    vault.close()
    vault = opens(BOTH)
    monkeypatch.setattr(_secrets, "BATCH", 2)
    real, rows = _secrets.SealedSecrets._resealed, list[Any]()

    def dies(sealed: Any, row: Any) -> Any:
        rows.append(row)
        if len(rows) > 2 * batches + 1:  # in the middle of a portion: all of that one is undone
            raise KeyboardInterrupt
        return real(sealed, row)

    with monkeypatch.context() as patched:
        patched.setattr(_secrets.SealedSecrets, "_resealed", dies)
        if batches == 2:
            assert vault.reseal() == 5, "it has three portions, the last of one"
        else:
            with pytest.raises(KeyboardInterrupt):
                vault.reseal()
    assert former(vault) == before
    assert vault.reseal() == (0 if batches == 2 else 5 - 2 * batches)
    assert {key for (key,) in sql(Path(vault._file.path), "SELECT DISTINCT key FROM secrets")} == {"two"}


def test_s06_a_process_that_is_killed_while_it_seals_anew_leaves_all_that_opens(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    for number in range(40):
        vault.change_secret("root", f"field{number}", f"horse-{number}", at=AT)
    vault.close()
    BOTH.write_file(tmp_path / "keys")
    code = (
        "import os, sys\nfrom taskkit.sqlite_vault import SqliteVault, _secrets\nfrom taskkit.keyrings import Keyring\n"
        "real, rows, _secrets.BATCH = _secrets.SealedSecrets._resealed, [], 4\n"
        "def dies(sealed, row):\n    rows.append(row)\n    return os._exit(9) if len(rows) == 19 else real(sealed, row)\n"
        "_secrets.SealedSecrets._resealed = dies\nSqliteVault(sys.argv[1], Keyring.from_file(sys.argv[2])).reseal()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "vault.db", tmp_path / "keys"], check=False, capture_output=True)
    assert done.returncode == 9, done.stderr
    vault = opens(BOTH)
    assert current(vault) == {f"field{number}": f"horse-{number}" for number in range(40)}
    assert vault.reseal() == 40 - 16


def test_s06_what_does_not_open_holds_up_nothing_else_and_is_told(opens: Opens, tmp_path: Path) -> None:
    left(opens)
    sql(tmp_path / "vault.db", "UPDATE secrets SET sealed = zeroblob(60) WHERE slot = 'pending'")
    vault = opens(BOTH)
    with pytest.raises(BadSeal, match="4 are sealed anew, and 1 do not open"):
        vault.reseal()
    assert sql(tmp_path / "vault.db", "SELECT key, slot FROM secrets WHERE key = 'one'") == [("one", "pending")]
    vault.close()
    with pytest.raises(MissingKey):
        opens(BOTH.retired("one"))


def test_s06_a_key_that_has_only_sealed_anew_is_known_again(opens: Opens, tmp_path: Path) -> None:
    left(opens)
    vault = opens(BOTH)
    vault.reseal()
    vault.close()
    told = refused_and_untouched(opens, tmp_path / "vault.db", Keyring({"two": bytes(32)}, "two"), BadSeal)
    assert "the key 'two' is another one" in told


def test_s06_a_key_that_is_still_needed_is_known_again_after_sealing_anew(opens: Opens, tmp_path: Path) -> None:
    left(opens)
    sql(tmp_path / "vault.db", "UPDATE secrets SET sealed = zeroblob(60) WHERE slot = 'pending'")
    vault = opens(BOTH)
    with pytest.raises(BadSeal, match="1 do not open"):
        vault.reseal()
    vault.close()
    told = refused_and_untouched(opens, tmp_path / "vault.db", BOTH.retired("one").add("one", bytes(32), current=False), BadSeal)
    assert "the key 'one' is another one" in told


def test_s06_what_another_process_moves_while_it_is_sealed_anew_is_left_to_it(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    left(opens)
    vault, other = opens(BOTH), opens(BOTH)
    real = vault._file.writing

    def late() -> Any:
        monkeypatch.undo()
        assert other.promote_secret("root", "password", at=LATER)
        return real()

    monkeypatch.setattr(vault._file, "writing", late)
    assert vault.reseal() == 4, "the candidate is in force by then"
    assert (current(vault), pending(vault)) == ({"password": CANARY + "4"}, {})
    assert {key for (key,) in sql(Path(vault._file.path), "SELECT DISTINCT key FROM secrets")} == {"two"}


def refused_and_untouched(opens: Opens, path: Path, keyring: Keyring, error: type[TaskkitError]) -> str:
    before = contents(path)
    raw = path.read_bytes()
    with pytest.raises(error) as caught:
        opens(keyring)
    assert str(path) not in opened_by_us(), "it is left open"
    assert contents(path) == before
    assert path.read_bytes() == raw
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in told.stack if "taskkit" in frame.filename and "tests" not in frame.filename]
    assert CANARY not in str(ours) + str(caught.value)
    return str(caught.value)


def test_s06_a_vault_whose_key_is_missing_is_not_opened(opens: Opens, tmp_path: Path) -> None:
    left(opens)
    told = refused_and_untouched(opens, tmp_path / "vault.db", BOTH.retired("one"), MissingKey)
    assert "the key 'one' is missing; there is 'two'" in told


def test_s06_a_vault_is_not_opened_with_another_key_of_the_same_id(opens: Opens, tmp_path: Path) -> None:
    left(opens)
    wrong = Keyring({"one": bytes(32)}, "one")
    told = refused_and_untouched(opens, tmp_path / "vault.db", wrong, BadSeal)
    assert "the key 'one' is another one" in told


def test_s06_two_keys_of_one_id_never_seal_in_one_vault(opens: Opens) -> None:
    """Both were opened while nothing was sealed."""
    first, second = opens(), opens(Keyring({"one": bytes(32)}, "one"))
    first.propose_secret("root", "password", "first-horse")
    with pytest.raises(BadSeal, match="another one"):
        second.propose_secret("root", "password", "second-horse")
    assert pending(first) == {"password": "first-horse"}
    assert former(first) == []


def test_s06_what_another_process_sealed_with_a_new_key_is_told_as_missing(opens: Opens) -> None:
    old = opens()
    opens(BOTH).propose_secret("root", "password", "second-horse")
    with pytest.raises(MissingKey, match="'two' is missing"):
        pending(old)


MOVES: Mapping[str, str] = {
    "to another account": "UPDATE secrets SET account = 'other' WHERE IN FORCE",
    "to another field": "UPDATE secrets SET name = 'other' WHERE IN FORCE",
    "into force": "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE slot = 'pending') WHERE IN FORCE",
    "back into force": "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE slot = 'former') WHERE IN FORCE",
    "of another account": "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE account = 'lone') WHERE IN FORCE",
    "of another field": "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'key') WHERE IN FORCE",
    "another turn": "UPDATE secrets SET turn = 7 WHERE slot = 'former'",
    "a candidate in the past": "UPDATE secrets SET slot = 'former', turn = 9 WHERE slot = 'pending'",
    "a proof": "UPDATE secrets SET sealed = (SELECT proof FROM keys) WHERE IN FORCE",
    "cut off": "UPDATE secrets SET sealed = substr(sealed, 1, length(sealed) - 1)",
    "as text": "UPDATE secrets SET sealed = 'text'",
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_s06_what_was_moved_or_damaged_does_not_open(move: str, opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    vault.change_secret("root", "password", "first-horse", at=AT)
    vault.change_secret("root", "password", "second-horse", at=AT)
    vault.propose_secret("root", "password", "third-horse")
    vault.change_secret("root", "key", "a-key", at=AT)
    vault.change_secret("lone", "password", "lone-horse", at=AT)
    sql(tmp_path / "vault.db", move.replace("IN FORCE", "account = 'root' AND name = 'password' AND slot = 'current'"))
    account = "other" if "account = 'other'" in move else "root"
    with pytest.raises(BadSeal):
        vault.secrets.values(account, Reader())


def test_s06_what_does_not_open_is_not_thrown_away_by_a_change(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    sung(vault)
    sql(tmp_path / "vault.db", "UPDATE secrets SET sealed = zeroblob(60) WHERE slot = 'current'")
    before = contents(tmp_path / "vault.db")
    for deed in (lambda: vault.change_secret("root", "password", "new", at=AT), lambda: vault.promote_secret("root", "password", at=AT)):
        with pytest.raises(BadSeal):
            deed()
    assert contents(tmp_path / "vault.db") == before


# the file


def test_a_file_of_a_newer_release_is_refused_and_left_as_it_is(opens: Opens, tmp_path: Path) -> None:
    opens().close()
    sql(tmp_path / "vault.db", f"PRAGMA user_version = {_files.VERSION + 1}")
    told = refused_and_untouched(opens, tmp_path / "vault.db", KEYS, Refused)
    assert f"its form is {_files.VERSION + 1}, and this release knows {_files.VERSION}; update taskkit" in told


def test_a_file_of_an_older_release_gets_what_it_lacks(opens: Opens, tmp_path: Path) -> None:
    vault = opens()
    vault.put(ROOT)
    vault.tell(CheckedIn("root"))
    vault.close()
    for table in ("readers", "hosts"):
        sql(tmp_path / "vault.db", f"DROP TABLE {table}")
    sql(tmp_path / "vault.db", "PRAGMA user_version = 1")
    again = opens()
    _, mark = again.outbox.since(None)
    assert again.outbox.passed(mark or "", "one")
    assert again.hosts.trust("10.0.0.1", "ssh-ed25519 AAAA")
    assert again.records.get("root") == ROOT
    assert sql(tmp_path / "vault.db", "PRAGMA user_version") == [(_files.VERSION,)]


def test_a_file_of_another_program_is_refused_and_left_as_it_is(opens: Opens, tmp_path: Path) -> None:
    sql(tmp_path / "vault.db", "CREATE TABLE other (text)")
    assert "another program" in refused_and_untouched(opens, tmp_path / "vault.db", KEYS, Refused)


def test_what_is_no_database_is_refused_and_left_as_it_is(opens: Opens, tmp_path: Path) -> None:
    (tmp_path / "vault.db").write_text("something else, and long enough to be looked at by SQLite " * 10)
    with pytest.raises(Refused, match="no SQLite file"):
        opens()
    assert (tmp_path / "vault.db").read_text().startswith("something else")


@pytest.mark.parametrize("keyring", [None, bytes(32), {"one": bytes(32)}, "one"])
def test_without_a_keyring_no_file_is_made(keyring: Any, opens: Opens, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="its keyring is a"):
        opens(keyring)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="No such file"):
        SqliteVault(tmp_path / "nowhere" / "vault.db", KEYS)


def test_a_vault_that_was_closed_is_away(tmp_path: Path) -> None:
    with SqliteVault(tmp_path / "vault.db", KEYS) as vault:
        vault.put(ROOT)
    vault.close()
    for deed in (lambda: vault.put(ROOT), lambda: vault.records.get("root"), lambda: vault.reseal()):
        with pytest.raises(VaultAway, match="was closed"):
            deed()


def test_a_file_that_another_one_writes_to_for_too_long_is_away_and_nothing_is_half_done(opens: Opens) -> None:
    vault, other = opens(timeout=0.05), opens()
    with other.together():
        other.put(LONE)
        with pytest.raises(VaultAway, match="locked"):
            vault.put(ROOT)
        assert vault.records.get("lone") is None, "reading does not wait for writing"
    vault.put(ROOT)
    assert {record.id for record in vault.records.all()} == {"root", "lone"}


def test_what_cannot_be_opened_is_closed_again(opens: Opens, tmp_path: Path) -> None:
    left(opens)
    with pytest.raises(MissingKey):
        opens(BOTH.retired("one"))
    assert {path.name for path in tmp_path.iterdir()} == {"vault.db"}, "SQLite's other files go with the last connection"


def test_a_file_that_somebody_else_is_just_making_is_waited_for(opens: Opens, tmp_path: Path) -> None:
    """For the step to a log ahead SQLite does not wait by itself."""
    other = sqlite3.connect(tmp_path / "vault.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    later.start()
    try:
        opens().put(ROOT)
    finally:
        later.join()
        other.close()
    assert opens().records.get("root") == ROOT


# threads and processes


def test_a_deed_of_several_parts_keeps_others_from_writing_from_its_beginning(opens: Opens) -> None:
    """Else what it read first would be old when it writes, and SQLite would refuse it."""
    vault, other = opens(), opens(timeout=0.05)
    with vault.together():
        assert vault.records.get("root") is None
        with pytest.raises(VaultAway, match="locked"):
            other.put(ROOT)
        vault.put(LONE)
    assert [record.id for record in other.records.all()] == ["lone"]


def test_many_threads_write_at_once_and_nothing_is_lost(opens: Opens) -> None:
    vault = opens()

    def write(number: int) -> None:
        vault.put(Record(f"r{number}", "unix"))
        vault.change_secret("root", "password", f"horse-{number}", at=AT)
        vault.tell(CheckedIn(f"r{number}"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(64)))
    assert {record.id for record in vault.records.all()} == {f"r{number}" for number in range(64)}
    assert len(vault.outbox.since(None)[0]) == 64
    assert sorted([*(value for _, value, *_ in former(vault)), *current(vault).values()]) == sorted(
        f"horse-{number}" for number in range(64)
    )


def test_a_threads_transaction_is_its_own(opens: Opens) -> None:
    """What others write while it lasts waits for its end, and does not go with it when it is undone."""
    vault = opens()

    def fail(threads: ThreadPoolExecutor) -> None:
        with vault.together():
            vault.put(ROOT)
            threads.submit(vault.put, LONE)
            raise ZeroDivisionError

    with ThreadPoolExecutor(1) as threads, pytest.raises(ZeroDivisionError):
        fail(threads)
    assert [record.id for record in vault.records.all()] == ["lone"]


WRITER = """
import sys, pendulum
from taskkit import CheckedIn, Keyring, Record, SqliteVault
path, keys, name, start = sys.argv[1:]
from pathlib import Path
import time
keyring = Keyring.from_file(keys)
while not Path(start).exists():
    time.sleep(0.001)
with SqliteVault(path, keyring, timeout=60) as vault:
    for number in range(40):
        with vault.together():
            vault.put(Record(f"{name}{number}", "unix"))
            vault.tell(CheckedIn(f"{name}{number}", id=f"{name}{number}"))
        vault.change_secret("root", "password", f"horse-{name}{number}", at=pendulum.datetime(2026, 3, 2, tz="UTC"))
"""


def test_several_processes_make_the_file_and_write_to_it_at_once(opens: Opens, tmp_path: Path) -> None:
    KEYS.write_file(tmp_path / "keys")
    names, start = ("a", "b", "c"), tmp_path / "start"
    command = [sys.executable, "-W", "error", "-c", WRITER, str(tmp_path / "vault.db"), str(tmp_path / "keys")]
    running = [subprocess.Popen([*command, name, str(start)], stderr=subprocess.PIPE) for name in names]
    start.touch()
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()
    vault, wanted = opens(), {f"{name}{number}" for name in names for number in range(40)}
    assert {record.id for record in vault.records.all()} == wanted
    told = [happening.id for happening in vault.outbox.since(None)[0]]
    assert sorted(told) == sorted(wanted)
    for name in names:
        assert [id for id in told if id.startswith(name)] == [f"{name}{number}" for number in range(40)]
    known = {value for _, value, *_ in former(vault)} | set(current(vault).values())
    assert known == {f"horse-{one}" for one in wanted}


def test_a_reader_with_a_mark_misses_nothing_that_processes_tell_meanwhile(opens: Opens, tmp_path: Path) -> None:
    KEYS.write_file(tmp_path / "keys")
    vault, read, mark, start = opens(), list[str](), None, tmp_path / "start"
    command = [sys.executable, "-c", WRITER, str(tmp_path / "vault.db"), str(tmp_path / "keys")]
    running = [subprocess.Popen([*command, name, str(start)]) for name in ("a", "b")]
    start.touch()
    over = False
    while not over:
        over = all(process.poll() is not None for process in running)
        told, mark = vault.outbox.since(mark)
        read += [happening.id for happening in told]
    assert [process.returncode for process in running] == [0, 0]
    assert sorted(read) == sorted(f"{name}{number}" for name in ("a", "b") for number in range(40))


FORK = """
import os, sys, threading
from taskkit import Keyring, Record, SqliteVault
from taskkit.errors import VaultAway
vault = SqliteVault(sys.argv[1], Keyring.from_file(sys.argv[2]), timeout=0.5)
vault.put(Record("before", "unix"))
held, over = threading.Event(), threading.Event()
def hold():
    with vault.together():
        vault.put(Record("undecided", "unix"))
        held.set()
        over.wait(30)
thread = threading.Thread(target=hold)
thread.start()
held.wait(30)
child = os.fork()
if not child:
    try:
        vault.records.all()
    except VaultAway as error:
        os._exit(0 if "forked in the midst" in str(error) else 1)
    os._exit(2)
_, status = os.waitpid(child, 0)
over.set()
thread.join()
assert os.waitstatus_to_exitcode(status) == 0, status
child = os.fork()
if not child:
    vault.put(Record("of the child", "unix"))
    os._exit(0)
os.waitpid(child, 0)
vault.put(Record("after", "unix"))
assert [record.id for record in vault.records.all()] == ["before", "undecided", "of the child", "after"]
vault.close()
"""


def test_a_child_has_a_connection_and_a_lock_of_its_own(tmp_path: Path) -> None:
    """Or is told that it can have none, where another thread was in the midst of a deed that came to no end."""
    KEYS.write_file(tmp_path / "keys")
    command = [sys.executable, "-c", FORK, str(tmp_path / "vault.db"), str(tmp_path / "keys")]
    done = subprocess.run(command, timeout=60, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_a_name_that_no_file_can_have_is_told_as_that(opens: Opens, name: str) -> None:
    with pytest.raises(InvalidValue, match=r"opening the vault .* no file can have this name"):
        opens(name=name)
