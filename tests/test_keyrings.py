"""A keyring opens what it sealed, in its place and nowhere else, and shows no key (S6)."""

from __future__ import annotations

import base64
import copy
import os
import pickle
import socket
import stat
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from taskkit.errors import BadSeal, InvalidValue, MissingKey, Refused, TaskkitError
from taskkit.keyrings import Keyring, place_of
from taskkit.secrets import Secret

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
KEYS = Keyring({"a": KEY}, "a")
BOTH = Keyring({"a": KEY, "b": OTHER}, "b")
PLACES = st.text(min_size=1)


# sealing


@given(st.binary(), PLACES)
def test_s06_what_was_sealed_opens_in_its_place(plain: bytes, place: str) -> None:
    assert KEYS.open(KEYS.seal(plain, place), place) == plain


@given(st.binary(), PLACES, PLACES)
def test_s06_it_opens_in_no_other_place(plain: bytes, place: str, other: str) -> None:
    sealed = KEYS.seal(plain, place)
    if place != other:
        with pytest.raises(BadSeal):
            KEYS.open(sealed, other)


@given(st.lists(st.text() | st.integers()), st.lists(st.text() | st.integers()))
def test_s06_places_of_other_parts_are_other_places(parts: list[str | int], others: list[str | int]) -> None:
    assert (place_of(*parts) == place_of(*others)) == (parts == others)


def test_s06_no_bit_of_it_can_be_changed() -> None:
    sealed = KEYS.seal(b"plain", "here")
    for at in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises((BadSeal, MissingKey)):
            KEYS.open(bytes(changed), "here")


def test_s06_nothing_of_it_can_be_left_out_or_put_behind() -> None:
    sealed = KEYS.seal(b"plain", "here")
    for other in (*(sealed[:end] for end in range(len(sealed))), sealed + b"\0"):
        with pytest.raises(BadSeal):
            KEYS.open(other, "here")


@pytest.mark.parametrize("strange", [b"", b"plain", b"tks\x02\x01a" + bytes(28), "text", None, 7])
def test_s06_what_is_not_sealed_is_told_so(strange: Any) -> None:
    with pytest.raises(BadSeal, match="not the form"):
        KEYS.open(strange, "here")


def test_s06_the_form_is_as_it_is_written_down() -> None:
    """Products keep it for years."""
    sealed = KEYS.seal(b"plain", "here")
    assert sealed[:6] == b"tks\x01\x01a"
    assert len(sealed) == 6 + 12 + len(b"plain") + 16
    assert KEYS.open(bytes.fromhex(WRITTEN), "here") == b"kept since the first release"


WRITTEN = "746b73010161e46cca255f2c4d1f3617da1dfbe76b6b6b14d5ca15bc7f2b0b6b3bd81c6e8eea51c78991ef5ed0c8f07f773a04dc5781e3aa996f1221c7f1"


def test_s06_it_is_aes_256_gcm_with_a_key_that_has_no_other_use() -> None:
    sealed = KEYS.seal(b"plain", "here")
    with pytest.raises(Exception):  # noqa: B017, PT011  whatever the library raises
        AESGCM(KEY).decrypt(sealed[6:18], sealed[18:], sealed[:6] + b"here")
    drawn = Keyring._drawn(Secret(KEY), b"seal")
    assert len(drawn) == 32
    assert AESGCM(drawn).decrypt(sealed[6:18], sealed[18:], sealed[:6] + b"here") == b"plain"


def test_s06_the_same_never_looks_the_same_twice() -> None:
    assert len({KEYS.seal(b"plain", "here")[6:18] for _ in range(100)}) == 100


def test_s06_another_key_of_the_same_id_does_not_open_it() -> None:
    with pytest.raises(BadSeal, match="another key 'a'"):
        Keyring({"a": OTHER}, "a").open(KEYS.seal(b"plain", "here"), "here")


def test_s06_a_lost_key_is_named_beside_those_that_are_there() -> None:
    sealed = Keyring({"lost": KEY}, "lost").seal(b"plain", "here")
    with pytest.raises(MissingKey) as caught:
        BOTH.open(sealed, "here")
    assert (caught.value.missing, caught.value.there) == ("lost", ("a", "b"))
    assert "'lost' is missing; there are 'a', 'b'" in str(caught.value)


@pytest.mark.parametrize("error", [MissingKey("opening", "a", ["b"]), MissingKey("opening", "a"), BadSeal("opening", "damaged")])
def test_errors_of_keys_are_refusals_and_can_be_pickled(error: TaskkitError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, Refused)
    assert (str(again), vars(again)) == (str(error), vars(error))


@pytest.mark.parametrize("place", ["", None, 7, b"here"])
def test_a_place_is_a_text(place: Any) -> None:
    with pytest.raises(InvalidValue, match="give a text"):
        KEYS.seal(b"plain", place)
    with pytest.raises(InvalidValue, match="give a text"):
        KEYS.open(KEYS.seal(b"plain", "here"), place)


@pytest.mark.parametrize("plain", ["text", None, Secret("plain")])
def test_only_bytes_are_sealed(plain: Any) -> None:
    with pytest.raises(InvalidValue, match="give bytes"):
        KEYS.seal(plain, "here")


def test_half_a_character_is_a_place_as_well() -> None:
    assert KEYS.open(KEYS.seal(b"plain", "\ud800"), "\ud800") == b"plain"


def test_an_error_is_chained_to_nothing_and_its_frames_hold_no_key() -> None:
    sealed = KEYS.seal(b"the plain text", "here")
    with pytest.raises(BadSeal) as caught:
        KEYS.open(sealed, "there")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert repr(KEY) not in told
    assert repr(KEYS._drawn(Secret(KEY), b"seal")) not in told


# keys


def test_s06_keys_are_changed_by_adding_sealing_anew_and_retiring() -> None:
    sealed = KEYS.seal(b"plain", "here")
    both = KEYS.add("b", OTHER)
    assert (both.ids, both.current) == (("a", "b"), "b")
    assert not both.is_current(sealed)
    again = both.resealed(sealed, "here")
    assert (both.key_of(again), both.is_current(again)) == ("b", True)
    assert both.retired("a").open(again, "here") == b"plain"
    with pytest.raises(MissingKey):
        both.retired("a").open(sealed, "here")
    assert KEYS.ids == ("a",), "a keyring has changed"


def test_a_key_may_be_there_before_it_seals() -> None:
    """So that every process can open what the first one seals with it."""
    both = KEYS.add("b", OTHER, current=False)
    assert both.current == "a"
    assert both.with_current("b").key_of(both.with_current("b").seal(b"", "here")) == "b"


def test_the_current_key_is_not_retired() -> None:
    with pytest.raises(Refused, match="is the current one"):
        BOTH.retired("b")


def test_a_key_that_is_not_there_is_neither_retired_nor_made_current() -> None:
    for use in (BOTH.retired, BOTH.with_current):
        with pytest.raises(MissingKey):
            use("c")


def test_no_key_takes_the_place_of_another() -> None:
    with pytest.raises(Refused, match="there is one of this id"):
        KEYS.add("a", OTHER)


@pytest.mark.parametrize("key", [KEY, bytearray(KEY), memoryview(KEY), Secret(KEY)])
def test_a_key_comes_as_bytes_of_any_kind_or_as_a_secret(key: Any) -> None:
    assert Keyring({"a": key}, "a").open(KEYS.seal(b"plain", "here"), "here") == b"plain"


def test_a_key_that_its_owner_overwrites_stays_what_it_was() -> None:
    raw = bytearray(KEY)
    made = Keyring({"a": raw}, "a")
    raw[:] = bytes(32)
    assert made.open(KEYS.seal(b"plain", "here"), "here") == b"plain"


WRONG: Mapping[str, Callable[[], object]] = {
    "too short": lambda: Keyring({"a": KEY[:31]}, "a"),
    "too long": lambda: Keyring({"a": KEY + b"!"}, "a"),
    "a short secret": lambda: Keyring({"a": Secret(KEY[:16])}, "a"),
    "a text": lambda: Keyring({"a": KEY.hex()}, "a"),  # type: ignore[dict-item]
    "no key": lambda: Keyring({"a": None}, "a"),  # type: ignore[dict-item]
    "none": lambda: Keyring({}, "a"),
    "no mapping": lambda: Keyring([("a", KEY)], "a"),  # type: ignore[arg-type]
    "no current one": lambda: Keyring({"a": KEY}, "b"),
    "its own key as current": lambda: Keyring({"a": KEY}, KEY),  # type: ignore[arg-type]
    "an empty id": lambda: Keyring({"": KEY}, ""),
    "an id with a space": lambda: Keyring({"a b": KEY}, "a b"),
    "an id of two lines": lambda: Keyring({"a\n": KEY}, "a\n"),
    "base64 as an id": lambda: Keyring({base64.b64encode(KEY).decode(): KEY}, "a"),
    "bare base64 as an id": lambda: Keyring({base64.urlsafe_b64encode(KEY).decode().rstrip("="): KEY}, "a"),
    "hex as an id": lambda: Keyring({KEY.hex(): KEY}, "a"),
    "bytes as an id": lambda: Keyring({KEY: KEY}, "a"),  # type: ignore[dict-item]
    "one key twice": lambda: Keyring({"a": KEY, "b": KEY}, "a"),
    "a short key to add": lambda: KEYS.add("b", KEY[:31]),
    "the same key to add": lambda: KEYS.add("b", KEY),
    "no purpose": lambda: KEYS.derived(""),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_what_is_no_keyring_is_refused_without_its_keys(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidValue) as caught:
        make()
    ours = [
        frame
        for frame in traceback.walk_tb(caught.tb)
        if "taskkit" in frame[0].f_code.co_filename and "tests" not in frame[0].f_code.co_filename
    ]
    said = [str(caught.value), repr(vars(caught.value)), *(repr(frame.f_locals) for frame, _ in ours)]
    assert ours
    for shown in (
        KEY.hex(),
        repr(KEY)[2:-1],
        base64.b64encode(KEY).decode().rstrip("="),
        base64.urlsafe_b64encode(KEY).decode().rstrip("="),
    ):
        assert not [text for text in said if shown[:20] in text]


def test_a_new_key_is_another_one() -> None:
    assert not Keyring.new_key().same_as(Keyring.new_key())
    assert Keyring.generate("x").ids == ("x",)


# derived keys


def test_a_derived_key_is_the_same_again_and_another_for_another_purpose_or_key() -> None:
    assert KEYS.derived("facts") == Keyring({"a": KEY}, "a").derived("facts")
    assert len({KEYS.derived("facts"), KEYS.derived("mail"), BOTH.derived("facts"), KEYS._drawn(Secret(KEY), b"seal"), KEY}) == 5
    assert len(KEYS.derived("facts")) == 32
    assert BOTH.derived("facts", "a") == KEYS.derived("facts"), "the key of a former current one is lost"


def test_a_derived_key_is_as_it_was_written_down() -> None:
    """Chains of facts are checked after years."""
    assert KEYS.derived("facts").hex() == "bf23b8885602a7fc695466da04c71c9cb87b3a7b9269da6da64f9dd288cc3133"


def test_what_is_derived_is_never_what_seals() -> None:
    seals = KEYS._drawn(Secret(KEY), b"seal")
    assert seals not in {KEYS.derived(purpose) for purpose in ("seal", ":seal", "\0seal")}


def test_a_derived_key_needs_a_key_that_is_there() -> None:
    with pytest.raises(MissingKey):
        KEYS.derived("facts", "c")


@pytest.mark.parametrize("id", [base64.b64encode(KEY).decode(), "", None, KEY])
def test_s01_a_key_in_the_place_of_an_id_is_not_repeated(id: Any) -> None:
    for use in (KEYS.retired, KEYS.with_current, lambda id: KEYS.derived("facts", "" if id is None else id)):
        with pytest.raises(InvalidValue, match="no id, and is not shown") as caught:
            use(id)
        assert not id or str(id) not in str(caught.value)


# what it does not show


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda given: repr(dir(given)), lambda given: repr(given._keys)])
def test_s01_a_keyring_shows_its_ids_alone(show: Callable[[object], str]) -> None:
    shown = show(BOTH)
    assert not [form for form in (KEY.hex(), repr(KEY)[2:-1], base64.b64encode(KEY).decode()) if form in shown]
    assert repr(BOTH) == "Keyring(a, b; current b)"


def test_s01_a_keyring_is_not_pickled_and_a_copy_is_itself() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="write_file"):
            pickle.dumps(KEYS, protocol)
    assert copy.copy(KEYS) is KEYS
    assert copy.deepcopy([KEYS])[0] is KEYS


def test_a_keyring_does_not_change() -> None:
    with pytest.raises(AttributeError):
        KEYS.current = "b"
    with pytest.raises(AttributeError):
        del KEYS.current
    with pytest.raises(TypeError):
        KEYS._keys["b"] = Secret(OTHER)  # type: ignore[index]
    assert not hasattr(KEYS, "__dict__")


def test_keyrings_are_not_compared_by_their_keys() -> None:
    assert Keyring({"a": KEY}, "a") != KEYS
    assert len({KEYS, Keyring({"a": KEY}, "a")}) == 2


# files


def text(path: Path, *lines: str, mode: int = 0o600) -> Path:
    path.write_text("\n".join(lines) + "\n")
    path.chmod(mode)
    return path


A, B = (f"{id} {base64.b64encode(key).decode()}" for id, key in (("a", KEY), ("b", OTHER)))


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    BOTH.write_file(tmp_path / "keys")
    again = Keyring.from_file(tmp_path / "keys")
    assert (again.ids, again.current) == (BOTH.ids, BOTH.current)
    assert again.open(BOTH.seal(b"plain", "here"), "here") == b"plain"
    assert again.derived("facts", "a") == KEYS.derived("facts")


def test_a_file_may_be_written_by_hand(tmp_path: Path) -> None:
    found = Keyring.from_file(text(tmp_path / "keys", "# of the test", "", f"  {B}\tcurrent ", A))
    assert (found.ids, found.current) == (("a", "b"), "b")


def test_a_file_is_written_for_its_owner_alone_whatever_the_process_masks(tmp_path: Path) -> None:
    for number, mask in enumerate((0o000, 0o022, 0o777)):
        before = os.umask(mask)
        try:
            KEYS.write_file(tmp_path / f"keys{number}")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / f"keys{number}").stat().st_mode) == 0o600


def test_a_file_is_at_no_moment_open_to_others_and_forced_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []

    def watched(name: str) -> None:
        real = getattr(os, name)

        def call(*args: Any) -> Any:
            seen.extend((name, stat.S_IMODE(path.lstat().st_mode)) for path in tmp_path.iterdir())
            return real(*args)

        monkeypatch.setattr(os, name, call)

    for name in ("fchmod", "fsync", "link"):
        watched(name)
    KEYS.write_file(tmp_path / "keys")
    assert {mode for _, mode in seen} == {0o600}
    assert [name for name, _ in seen][:2] == ["fchmod", "fsync"]
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_keys_that_are_there_are_not_overwritten_by_accident(tmp_path: Path) -> None:
    KEYS.write_file(tmp_path / "keys")
    with pytest.raises(Refused, match="may be nowhere else"):
        Keyring.generate("new").write_file(tmp_path / "keys")
    assert Keyring.from_file(tmp_path / "keys").ids == ("a",)
    BOTH.write_file(tmp_path / "keys", replace=True)
    assert Keyring.from_file(tmp_path / "keys").ids == ("a", "b")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / "keys").symlink_to(tmp_path / "elsewhere")
    BOTH.write_file(tmp_path / "keys", replace=True)
    assert (tmp_path / "elsewhere").read_text() == "kept"
    assert Keyring.from_file(tmp_path / "keys").ids == ("a", "b")


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_what_fails_while_it_is_written_leaves_what_was_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    KEYS.write_file(tmp_path / "keys")

    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(Refused, match="No space left") as caught:
        BOTH.write_file(tmp_path / "keys", replace=True)
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert base64.b64encode(OTHER).decode() not in told
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]
    assert Keyring.from_file(tmp_path / "keys").ids == ("a",)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="No such file"):
        KEYS.write_file(tmp_path / "nowhere" / "keys")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777, 0o660])
def test_a_file_that_is_open_to_others_is_refused_with_the_line_that_helps(mode: int, tmp_path: Path) -> None:
    path = text(tmp_path / "keys", f"{A} current", mode=mode)
    with pytest.raises(Refused, match=f"its mode is {mode:04o}.*chmod 0600 {path}"):
        Keyring.from_file(path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_its_owner_alone_is_read(mode: int, tmp_path: Path) -> None:
    assert Keyring.from_file(text(tmp_path / "keys", f"{A} current", mode=mode)).ids == ("a",)


def _owned(owner: int, user: int) -> Callable[[pytest.MonkeyPatch], None]:
    real = os.fstat

    def fstat(opened: int) -> os.stat_result:
        found = list(real(opened))
        found[stat.ST_UID] = owner
        return os.stat_result(found)

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "fstat", fstat)
        monkeypatch.setattr(os, "geteuid", lambda: user)

    return patch


@pytest.mark.parametrize(("owner", "user", "fits"), [(1000, 1000, True), (0, 1000, True), (1001, 1000, False), (1000, 0, False)])
def test_a_file_belongs_to_this_user_or_to_root(owner: int, user: int, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = text(tmp_path / "keys", f"{A} current")
    _owned(owner, user)(monkeypatch)
    if fits:
        assert Keyring.from_file(path).ids == ("a",)
        return
    with pytest.raises(Refused, match=f"belongs to the user {owner}.*chown {user}"):
        Keyring.from_file(path)


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    KEYS.write_file(tmp_path / "keys")
    (tmp_path / "link").symlink_to(tmp_path / "keys")
    with pytest.raises(Refused, match="symbolic link"):
        Keyring.from_file(tmp_path / "link")


def test_what_is_looked_at_is_the_file_that_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever puts another file in its place between the look and the reading has won nothing."""
    path = text(tmp_path / "keys", f"{A} current", mode=0o644)
    real = os.open

    def opened(name: Any, *args: Any) -> int:
        found = real(name, *args)
        path.unlink()
        text(path, f"{B} current")
        return found

    monkeypatch.setattr(os, "open", opened)
    with pytest.raises(Refused, match="mode is 0644"):
        Keyring.from_file(path)


def _pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(("make", "case"), [(_pipe, "no regular file"), (Path.mkdir, "no regular file"), (_socket, "reading the keyring")])
def test_what_is_no_regular_file_is_refused_at_once(make: Callable[[Path], object], case: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("keys"))
    raised: list[BaseException] = []

    def read() -> None:
        try:
            Keyring.from_file("keys")
        except Refused as error:
            raised.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(10)
    assert case in str(raised[0])


def test_no_file_is_told_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"No such file.*Keyring\.generate"):
        Keyring.from_file(tmp_path / "keys")


LINES: Mapping[str, tuple[str, ...]] = {
    "nothing": (),
    "no current one": (A, B),
    "two current ones": (f"{A} current", f"{B} current"),
    "an id twice": (f"{A} current", A),
    "a key twice": (f"{A} current", A.replace("a ", "b ", 1)),
    "another word behind it": (f"{A} actual",),
    "a word too many": (f"{A} current key",),
    "an id alone": ("a",),
    "id and key in the wrong order": (" ".join(reversed(A.split())) + " current",),
    "the key alone": (A.split()[1],),
    "a short key": (f"a {base64.b64encode(KEY[:16]).decode()} current",),
    "hex": (f"a {KEY.hex()} current",),
    "half a key": (f"a {A.split()[1][:-3]} current",),
    "no text": ("\udcff\udcfe",),
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_a_file_of_another_form_is_refused_without_its_keys(lines: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes("\n".join(lines).encode(errors="surrogateescape"))
    path.chmod(0o600)
    with pytest.raises(InvalidValue, match="reading the keyring") as caught:
        Keyring.from_file(path)
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    told = "\n".join(line for line in told.splitlines() if not line.lstrip().startswith("lines ="))  # the test's own
    for line in lines:
        assert not [word for word in line.split() if len(word) > 12 and word in told]


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    path = text(tmp_path / "keys", f"{A} current", "#" * 100_000)
    with pytest.raises(Refused, match=r"100,0\d\d bytes"):
        Keyring.from_file(path)


@pytest.mark.skipif(sys.platform != "linux", reason="counts what Linux tells of a process")
def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    KEYS.write_file(tmp_path / "keys")
    bad = text(tmp_path / "bad", A, mode=0o644)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        Keyring.from_file(tmp_path / "keys")
        KEYS.write_file(tmp_path / "keys", replace=True)
        with pytest.raises(Refused):
            Keyring.from_file(bad)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", b"keys", None, 7])
@pytest.mark.parametrize("deed", [Keyring.from_file, lambda name: Keyring.generate("one").write_file(name)], ids=["read", "write"])
def test_what_is_no_name_of_a_file_is_told_as_that(deed: Callable[[Any], object], name: Any) -> None:
    with pytest.raises(InvalidValue, match=r"no file can have this name|is no name of a file"):
        deed(name)


@pytest.mark.parametrize(
    "deed", [Keyring.from_file, Keyring.generate("one").write_file, partial(Keyring.generate("one").write_file, replace=True)]
)
def test_a_name_that_is_too_long_is_told_as_that_and_one_that_just_fits_is_not(deed: Callable[[Any], object], tmp_path: Path) -> None:
    with pytest.raises(Refused, match="File name too long"):
        deed(tmp_path / ("n" * 300))
    Keyring.generate("one").write_file(tmp_path / ("n" * 255))
    assert Keyring.from_file(tmp_path / ("n" * 255)).current == "one"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_not_replaced(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "keys")
    with pytest.raises(Refused, match="what is there is no regular file"):
        Keyring.generate("one").write_file(tmp_path / "keys", replace=True)
    assert not (tmp_path / "keys").is_file()
