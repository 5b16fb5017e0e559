"""What taskkit keeps of its own that is secret lies sealed in its store, its keys can be changed, and a lost one touches nothing (S6)."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from taskkit.engine import Engine, KeyUse
from taskkit.engine._seals import KEYS, SEALED, Seals
from taskkit.errors import BadSeal, InvalidValue, MissingKey, NotAllowed, Refused
from taskkit.facts import Fact
from taskkit.keyrings import Keyring, place_of
from taskkit.plugins import Plugins, hookimpl
from taskkit.secrets import Secret
from taskkit.storage import Expect, Keep, Landed, Storage, Unit
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing import MemoryVault, VirtualClock
from tests.engine.houses import START, Watched, kept, writes

OLD = Keyring.generate("2026")
BOTH = OLD.add("2027", Keyring.new_key())
NEW = BOTH.retired("2026")
PASSWORD = "correct horse"  # noqa: S105  looked for
NO_KEYRING = "there is no keyring; give Engine"


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as opened:
        if request.param == "memory":
            yield MemoryStorage()
        else:
            yield opened.enter_context(SqliteStorage(tmp_path / "jobs.db", relaxed=True))


def started(storage: Storage, keyring: Keyring | None = OLD, **given: Any) -> Engine:
    """A process with these keys."""
    given = {"vault": MemoryVault(), "clock": VirtualClock(START), "plugins": Plugins(discover=False), **given}
    return Engine(storage=storage, keyring=keyring, **given)


def seals(engine: Engine) -> Seals:
    return engine._ground.seals


def keep(engine: Engine, id: str = "intent", said: str = PASSWORD, **given: Any) -> Landed:
    [landed] = engine.storage.write([(seals(engine).keep(id, {"password": Secret(said)}, **given),)])
    return landed


def read(engine: Engine, id: str = "intent") -> str | None:
    found = seals(engine).read(id)
    return None if found is None else found.secrets["password"].reveal()


def all_of(storage: Storage) -> object:
    return kept(storage), [list(storage.documents(table, limit=10_000)) for table in (SEALED, KEYS, "mark", "notifier")], storage.heads()


def damage(storage: Storage, id: str = "intent", body: dict[str, Any] | None = None) -> None:
    found = storage.document(SEALED, id)
    assert found
    changed = {**found.body, "sealed": base64.b64encode(bytes(80)).decode()} if body is None else body
    assert storage.write([(Keep(SEALED, id, found.revision, changed, found.group),)])[0]


def bodies(storage: Storage) -> str:
    return str([list(storage.documents(table)) for table in (SEALED, KEYS)]) + str(storage.facts({})[0])


# keeping


@pytest.mark.parametrize("plain", [{"password": PASSWORD}, {"key": "k", "ключ": 'naïve "quote"\n', "": "x"}])
def test_s06_secrets_come_back_by_their_names_and_lie_in_the_store_in_no_plain_form(storage: Storage, plain: dict[str, str]) -> None:
    engine = started(storage)
    change = seals(engine).keep("intent", {name: Secret(said) for name, said in plain.items()}, group="of r1")
    assert storage.write([(change,)])[0]
    found = seals(engine).read("intent")
    assert found is not None
    assert {name: secret.reveal() for name, secret in found.secrets.items()} == plain
    assert (found.id, found.revision, found.group) == ("intent", 1, "of r1")
    forms = [form for said in plain.values() for form in (said, base64.b64encode(said.encode()).decode()) if len(form) > 4]
    assert not [form for form in forms if form in bodies(storage) + repr(change) + repr(found)]


@pytest.mark.parametrize("plain", [b"\x00\xff raw", Secret(b"\x00\xff raw")])
def test_s06_bytes_come_back_as_one_secret(storage: Storage, plain: Any) -> None:
    engine = started(storage)
    storage.write([(seals(engine).keep("export", plain),)])
    found = seals(engine).read("export")
    assert found is not None
    assert found.secret.reveal_bytes() == b"\x00\xff raw"


def test_s06_a_secret_lands_with_its_unit_or_not_at_all(storage: Storage) -> None:
    engine = started(storage)
    change = seals(engine).keep("intent", b"x")
    assert not storage.write([(change, Expect("colour", "sky", 7))])[0]
    assert seals(engine).read("intent") is None
    assert storage.write([(change, Fact("Painted", 0))])[0]


def test_s06_who_changed_it_first_has_changed_it(storage: Storage) -> None:
    engine = started(storage)
    assert keep(engine)
    assert not keep(engine, said="late")
    assert keep(engine, said="next", revision=1)
    assert read(engine) == "next"
    assert not storage.write([(seals(engine).drop("intent", 1),)])[0]
    assert storage.write([(seals(engine).drop("intent", 2),)])[0]
    assert (read(engine), storage.document(SEALED, "intent")) == (None, None)


def test_s06_what_was_moved_to_another_place_does_not_open(storage: Storage) -> None:
    engine = started(storage)
    keep(engine)
    found = storage.document(SEALED, "intent")
    assert found
    storage.write([(Keep(SEALED, "other", 0, found.body),), (Keep("elsewhere", "intent", 0, found.body),)])
    with pytest.raises(BadSeal, match="moved from another place"):
        seals(engine).read("other")
    assert read(engine) == PASSWORD
    proof = storage.document(KEYS, "2026")
    assert proof
    damage(storage, body=dict(proof.body))
    with pytest.raises(BadSeal, match="moved from another place"):
        seals(engine).read("intent")


@pytest.mark.parametrize("body", [None, {}, {"sealed": None}, {"sealed": "#"}, {"sealed": ""}, {"key": 5, "sealed": "AAAA"}])
def test_s06_what_was_damaged_does_not_open_and_keeps_nobody_from_starting(storage: Storage, body: dict[str, Any] | None) -> None:
    engine = started(storage)
    keep(engine)
    damage(storage, body=body)
    with pytest.raises(BadSeal):
        seals(engine).read("intent")
    assert started(storage).keys_in_use()["2026"].sealed == (body is None)  # where it says so, a copy of it needs its key


def test_s06_what_has_another_form_is_told_as_that(storage: Storage) -> None:
    engine = started(storage)
    for plain in (b"{", b"[]", b'{"a": 5}', b'{"a": "#"}', b'{"a": ""}'):
        sealed = base64.b64encode(OLD.seal(plain, place_of(SEALED, "new"))).decode()
        found = storage.document(SEALED, "new")
        storage.write([(Keep(SEALED, "new", found.revision if found else 0, {"key": "2026", "sealed": sealed}),)])
        with pytest.raises(BadSeal, match="it was written by a newer version") as caught:
            seals(engine).read("new")
        assert caught.value.__context__ is None


@pytest.mark.parametrize("plain", ["a text", {"password": "a text"}, {5: Secret("a text")}, {}, b"", None, 7])
def test_s06_what_is_no_secret_is_refused_and_not_shown(plain: Any) -> None:
    with pytest.raises(InvalidValue, match="it is neither bytes nor Secrets by name") as caught:
        seals(started(MemoryStorage())).keep("intent", plain)
    assert "a text" not in str(caught.value)


def test_s02_without_a_keyring_nothing_is_kept_or_read(storage: Storage) -> None:
    engine = started(storage, None)
    before = all_of(storage)
    for tried in (lambda: seals(engine).keep("intent", b"x"), lambda: seals(engine).keep("intent", None), engine.reseal):  # type: ignore[arg-type]
        with pytest.raises(Refused, match=NO_KEYRING):
            tried()
    assert all_of(storage) == before
    assert seals(engine).read("intent") is None
    storage.write([(Keep(SEALED, "intent", 0, {"key": "2026", "sealed": ""}),)])
    with pytest.raises(Refused, match=NO_KEYRING):
        seals(engine).read("intent")
    assert storage.write([(seals(engine).drop("intent", 1),)])[0]


# at the start


@pytest.mark.parametrize("keyring", [None, NEW], ids=["none", "others"])
def test_s06_a_missing_key_is_named_and_nothing_is_touched(storage: Storage, keyring: Keyring | None) -> None:
    keep(started(storage))
    before = all_of(storage)
    with pytest.raises(MissingKey, match="starting the engine: the key '2026' is missing") as caught:
        started(storage, keyring)
    assert (caught.value.missing, caught.value.there) == ("2026", keyring.ids if keyring else ())
    assert all_of(storage) == before
    assert read(started(storage)) == PASSWORD  # whoever finds it has lost nothing


def test_s06_another_key_of_the_same_id_is_refused_and_nothing_is_touched(storage: Storage) -> None:
    keep(started(storage))
    before = all_of(storage)
    for keyring in (Keyring.generate("2026"), Keyring.generate("2026").add("2027", Keyring.new_key())):
        with pytest.raises(BadSeal, match="the key '2026' is another one than that which sealed here"):
            started(storage, keyring)
    assert all_of(storage) == before


def test_s06_a_proof_of_another_key_proves_nothing(storage: Storage) -> None:
    started(storage, BOTH)
    proof = storage.document(KEYS, "2027")
    assert proof
    for body in (proof.body, {}):
        found = storage.document(KEYS, "2026")
        storage.write([(Keep(KEYS, "2026", found.revision if found else 0, body),)])
        with pytest.raises(BadSeal, match="the key '2026' is another one"):
            started(storage)


def test_s06_a_new_key_is_told_once(storage: Storage) -> None:
    for keyring in (OLD, OLD, BOTH, OLD, BOTH, NEW):
        engine = started(storage, keyring)
    assert sorted(fact.details["key"] for fact in engine.facts(kinds=["KeyTaken"])) == ["2026", "2027"]


def test_s06_two_that_begin_with_a_key_at_once_tell_it_once() -> None:
    storage = MemoryStorage()
    watched = Watched(storage)
    watched.before(writes(KEYS), lambda: started(storage.join()))
    engine = started(watched)
    assert [fact.details["key"] for fact in engine.facts(kinds=["KeyTaken"])] == ["2026"]
    keep(engine)


def test_s06_of_two_that_begin_with_two_keys_of_one_id_one_is_refused() -> None:
    storage = MemoryStorage()
    watched = Watched(storage)
    watched.before(writes(KEYS), lambda: started(storage.join(), Keyring.generate("2026")))
    with pytest.raises(BadSeal, match="the key '2026' is another one"):
        started(watched)


def test_s06_a_storage_that_was_opened_for_an_engine_that_cannot_start_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, closed = f"sqlite:///{tmp_path}/jobs.db", list[str]()
    with started(url) as engine:  # type: ignore[arg-type]
        keep(engine)
    close = SqliteStorage.close

    def noted(storage: SqliteStorage) -> None:
        closed.append("closed")
        close(storage)

    monkeypatch.setattr(SqliteStorage, "close", noted)
    with pytest.raises(MissingKey):
        started(url, None)  # type: ignore[arg-type]
    assert closed == ["closed"]


# whose keyring


class Offers:
    def __init__(self, *keyrings: Keyring) -> None:
        self._keyrings = keyrings

    @hookimpl
    def taskkit_keyrings(self) -> Sequence[Keyring]:
        return self._keyrings


def test_s06_the_keyring_of_a_plugin_seals_unless_one_is_handed_in() -> None:
    plugins = Plugins([Offers(OLD)], discover=False)
    assert list(started(MemoryStorage(), None, plugins=plugins).keys_in_use()) == ["2026"]
    assert list(started(MemoryStorage(), NEW, plugins=plugins).keys_in_use()) == ["2027"]
    assert started(MemoryStorage(), None).keys_in_use() == {}


@pytest.mark.parametrize("keyring", ["a text", b"a text", {"a text": b""}])
def test_s06_what_is_no_keyring_is_refused_and_not_shown(keyring: Any) -> None:
    with pytest.raises(InvalidValue, match=f"making an engine: its keyring is a {type(keyring).__name__}") as caught:
        started(MemoryStorage(), keyring)
    assert "a text" not in str(caught.value)


# other keys


def test_s06_keys_are_changed_step_by_step(storage: Storage) -> None:
    engine = started(storage)
    for number in range(250):
        assert keep(engine, f"intent {number}", group=f"group {number % 3}")
    before = {found.id: found.group for found in storage.documents(SEALED)}
    newer = started(storage, BOTH)
    assert newer.keys_in_use()["2026"].sealed == 250
    assert newer.reseal() == 250
    assert newer.reseal() == 0
    assert {found.id: found.group for found in storage.documents(SEALED)} == before
    assert {use.sealed for id, use in newer.keys_in_use().items() if id != "2027"} == {0}
    assert newer.keys_in_use()["2027"].sealed == 250
    newest = started(storage, NEW)
    assert {read(newest, id) for id in before} == {PASSWORD}


def test_s06_who_seals_anew_is_told_of_and_needs_the_right(storage: Storage) -> None:
    vault = MemoryVault()
    keep(started(storage))
    engine = started(storage, BOTH, vault=vault)
    vault.deny("eve", "system_administrator")
    with pytest.raises(NotAllowed, match="sealing all anew: 'eve' lacks the right"):
        engine.reseal(by="eve")
    engine.reseal(by="ada")
    engine.reseal(by="ada")
    [fact] = engine.facts(kinds=["Resealed"])
    assert (fact.who, dict(fact.details)) == ("ada", {"key": "2027", "count": 1})


class _Dies(MemoryStorage):
    """A store that breaks off after some writes."""

    def __init__(self, of: MemoryStorage, writes: int) -> None:
        super().__init__(of._tables)
        self.left = writes

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        if any(isinstance(change, Keep) and change.table == SEALED for unit in units for change in unit):
            self.left -= 1
            if self.left < 0:
                raise OSError("no space left")
        return super().write(units, durable=durable)


def test_s06_what_broke_off_goes_on_where_it_was() -> None:
    storage = MemoryStorage()
    for number in range(10):
        keep(started(storage), f"intent {number}")
    with pytest.raises(OSError, match="no space"):
        started(_Dies(storage, 4), BOTH).reseal()
    engine = started(storage, BOTH)
    assert {id: use.sealed for id, use in engine.keys_in_use().items()} == {"2026": 6, "2027": 4}
    assert all(read(engine, f"intent {number}") == PASSWORD for number in range(10))
    assert engine.reseal() == 6


@pytest.mark.parametrize(("meanwhile", "left"), [("changed", "newer"), ("dropped", None), ("sealed", PASSWORD)])
def test_s06_what_somebody_changes_meanwhile_is_not_written_over(meanwhile: str, left: str | None) -> None:
    storage = MemoryStorage()
    engine, watched = started(storage), Watched(storage)
    keep(engine)
    deeds: dict[str, Callable[[], object]] = {
        "changed": lambda: keep(engine, said="newer", revision=1),
        "dropped": lambda: storage.write([(seals(engine).drop("intent", 1),)]),
        "sealed": lambda: started(storage.join(), BOTH).reseal(),
    }
    newer = started(watched, BOTH)
    watched.before(writes(SEALED), deeds[meanwhile])
    assert newer.reseal() == (1 if meanwhile == "changed" else 0)
    assert read(newer) == left
    assert newer.keys_in_use().get("2026", KeyUse()).sealed == 0


def test_s06_a_damaged_one_is_told_at_the_end_and_keeps_its_key(storage: Storage) -> None:
    engine = started(storage)
    for number in range(5):
        keep(engine, f"intent {number}")
    for number in (1, 3):
        damage(storage, f"intent {number}")
    newer = started(storage, BOTH)
    with pytest.raises(BadSeal, match="sealing all anew: 3 are sealed anew, and 2 do not open, the first is 'intent 1'"):
        newer.reseal()
    assert {id: use.sealed for id, use in newer.keys_in_use().items()} == {"2026": 2, "2027": 3}
    with pytest.raises(MissingKey):
        started(storage, NEW)


def test_s06_with_a_key_missing_nothing_is_sealed_anew(storage: Storage) -> None:
    newer = started(storage, NEW)
    keep(started(storage))
    before = all_of(storage)
    with pytest.raises(MissingKey, match="sealing all anew: the key '2026' is missing"):
        newer.reseal()
    assert all_of(storage) == before


def test_s06_the_current_key_is_always_in_use(storage: Storage) -> None:
    engine = started(storage, BOTH)
    engine.storage.archive({head.chain: head.position for head in engine.heads()})
    assert engine.keys_in_use() == {"2027": KeyUse()}


def test_s06_nothing_of_a_secret_lies_in_the_files_of_a_store(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "jobs.db") as storage:
        engine = started(storage)
        keep(engine)
        keep(engine, said=f"{PASSWORD} again", revision=1)
        started(storage, BOTH).reseal()
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"intent" in files
    assert not [form for form in (PASSWORD.encode(), base64.b64encode(PASSWORD.encode())) if form in files]
    with sqlite3.connect(tmp_path / "jobs.db") as opened:
        assert opened.execute("SELECT count(*) FROM taskkit_documents WHERE place = 'sealed'").fetchone() == (1,)
    opened.close()
