"""What a run says holds no secret: in no form, at no place, in pieces or whole."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from taskkit import _forms
from taskkit.disguises import forms_of
from taskkit.errors import InvalidValue, VaultAway
from taskkit.scrubbing import Scrubber, told
from taskkit.secrets import Secret

HIDDEN = "[secret]"
WITHHELD = "[output withheld: it may hold a short secret]"
HARD = "Tr0ub4dor&3 'x/\\\"y+<ß>"
KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "\n".join(base64.b64encode(bytes([n] * 48)).decode() for n in range(5)) + "\n-----END-----\n"
)

laws = settings(max_examples=200, deadline=None)


def lower_hex(quoted: str) -> str:
    return re.sub("%..", lambda found: found[0].lower(), quoted)


def upper_hex(escaped: str) -> str:
    return re.sub(r"\\u(....)", lambda found: "\\u" + found[1].upper(), escaped)


def b64(plain: str, encoding: str = "utf-8") -> str:
    return base64.b64encode(plain.encode(encoding)).decode()


def url64(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode()


#: Written down here a second time, on purpose: the forms that must not survive, as programs make them.
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "reversed": lambda plain: plain[::-1],
    "base64": b64,
    "base64 without padding": lambda plain: b64(plain).rstrip("="),
    "base64 for URLs": url64,
    "base64 for URLs without padding": lambda plain: url64(plain).rstrip("="),
    "base64 in a query": lambda plain: quote(b64(plain), safe=""),
    "base64 in a query, lower case": lambda plain: lower_hex(quote(b64(plain), safe="")),
    "base64 in JSON of PHP": lambda plain: b64(plain).replace("/", "\\/"),
    "base64 of Windows": lambda plain: b64(plain, "utf-16-le"),
    "quote": quote,
    "quote all": lambda plain: quote(plain, safe=""),
    "quote all, lower case": lambda plain: lower_hex(quote(plain, safe="")),
    "quote_plus": quote_plus,
    "quote_plus, lower case": lambda plain: lower_hex(quote_plus(plain)),
    "urlencode": lambda plain: urlencode({"": plain})[1:],
    "encodeURIComponent": lambda plain: quote(plain, safe="!*'()"),
    "hex": lambda plain: plain.encode().hex(),
    "HEX": lambda plain: plain.encode().hex().upper(),
    "he:x": lambda plain: plain.encode().hex(":"),
    "HE-X": lambda plain: plain.encode().hex("-").upper(),
    "JSON": lambda plain: json.dumps(plain)[1:-1],
    "JSON, not only ASCII": lambda plain: json.dumps(plain, ensure_ascii=False)[1:-1],
    "shlex.quote": lambda plain: shlex.quote(plain).removeprefix("'").removesuffix("'"),
    "bash": lambda plain: plain.replace("'", "'\\''"),
    "PowerShell": lambda plain: plain.replace("'", "''"),
    "repr": lambda plain: repr(plain)[1:-1],
    "repr of bytes": lambda plain: repr(plain.encode())[2:-1],
    "HTML": html.escape,
    "XML": lambda plain: html.escape(plain, quote=False),
    "a terminal": lambda plain: plain.replace("\r\n", "\n").replace("\n", "\r\n"),
    "UTF-8 read as latin-1": lambda plain: plain.encode().decode("latin-1"),
    "UTF-8 read as cp1252": lambda plain: plain.encode().decode("cp1252", errors="replace"),
}

#: Those of one particular secret, as other programs write them.
WRITTEN = {
    "JSON of PHP": ("pass/wörd", r"pass\/w\u00f6rd"),
    "JSON of Go": ("a<b>&'c/d", r"a\u003cb\u003e\u0026'c/d"),
    "JSON of PowerShell": ("a<b>&'c+d", r"a\u003cb\u003e\u0026\u0027c+d"),
    "JSON of .NET": ("a<b>&'+`\"ö", r"a\u003Cb\u003E\u0026\u0027\u002B\u0060\u0022\u00F6"),
    "JSON with a backslash before a u": ("a\\u00e4ö\\x", r"a\\u00e4\u00F6\\x"),
    "printf %q": ("a b'c$d", r"a\ b\'c\$d"),
    "XML of libxml": ("a'b\"cde", "a&apos;b&quot;cde"),
    "HTML of Java": ("a'b\"cde", "a&#39;b&quot;cde"),
    "repr beside both quotes": ("a'b c\\def", repr("x\"a'b c\\def")[3:-1]),
    "bytes beside both quotes": ("a'bc\\déf", repr("x\"a'bc\\déf".encode())[4:-1]),
    "printf %q of bash": ("a~b#c,d$e€f:~!", "a~b#c\\,d\\$e€f:\\~\\!"),
    "CSV": ('ab"cd"ef', 'ab""cd""ef'),
    "a command line of Windows": ('ab\\cd"ef', 'ab\\cd\\"ef'),
    "Python on a terminal of ASCII": ("pässwörd😀", r"p\xe4ssw\xf6rd\U0001f600"),
    "the same, quoted": ("p€\\ssw😀rd", ascii("p€\\ssw😀rd")[1:-1]),
    "XML of ASCII": ("päss<wörd", "p&#228;ss&lt;w&#246;rd"),
    "latin-1 read as UTF-8": ("pässwörd", "p\ufffdssw\ufffdrd"),
    "latin-1 read as UTF-8, kept": ("pässwörd", "p\udce4ssw\udcf6rd"),
    "a Windows console read as latin-1": ("pässwörd", "p\x84ssw\x94rd"),
    "the euro of Windows, in hex": ("100 €uro", "3130302080" + "75726f"),
    "UTF-16 read byte by byte": ("hunter22", "h\0u\0n\0t\0e\0r\0" + "2\0" + "2\0"),
    "UTF-16, big end first": ("hunter22", "\0h\0u\0n\0t\0e\0r\0" + "2\0" + "2"),
    "UTF-16 read as UTF-8": ("pässwörd", "p\0\ufffd\0s\0s\0w\0\ufffd\0r\0d\0"),
    "UTF-16 read as UTF-8, big end first": ("pässwörd", "\0p\0\ufffd\0s\0s\0w\0\ufffd\0r\0d"),
    "UTF-16 read byte by byte, big end first": ("ab €uro", "a\0b\0 \x20\xac\0u\0r\0o"),
    "printf %q of bash without a locale": ("pä'ss\twörd", r"p\303\244\'ss\tw\303\266rd"),
    "printf %q of bash with one": ("pä's\x1bs\x01wörd", r"pä\'s\Es\001wörd"),
    "sed without a locale": ("pä'ss\\wörd\x1b", r"p\303\244'ss\\w\303\266rd\033"),
    "a file of git": ('pä"sswörd', r"p\303\244\"ssw\303\266rd"),
    "a file of ls without a locale": ("pä'sswör\t\x01", r"p'$'\303\244'''\''ssw'$'\303\266''r'$'\t\001'"),
    "a directory's password": ("hunter22", base64.b64encode('"hunter22"'.encode("utf-16-le")).decode()),
    "without the file's last newline": ("hunter22\n", "hunter22"),
    "base64 without the file's last newline": ("hunter22\n", "aHVudGVyMjI="),
    "a key from a terminal": (KEY, KEY.replace("\n", "\r\n")),
    "a key in JSON": (KEY, json.dumps(KEY)[1:-1]),
    "a key, indented": (KEY, KEY.replace("\n", "\n    ")),
    "a key in lines of base64": (KEY, base64.encodebytes(KEY.encode()).decode()),
    "a key in short lines of base64": (KEY, "\n".join(b64(KEY)[at : at + 64] for at in range(0, len(b64(KEY)), 64))),
}

characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters, max_size=30)
plains = st.one_of(
    st.text(characters, min_size=6, max_size=24),
    st.text("ab'\"\\/ +&<%=\n", min_size=6, max_size=12),
    st.text("abAB09", min_size=6, max_size=12),
).filter(lambda plain: len(plain.strip()) >= 6)


def survivors(plain: str, scrubbed: str) -> list[str]:
    """The forms that are still there, outside of what stands in their place (for the secret may well be `secret`)."""
    kept = scrubbed.split(HIDDEN)
    return [name for name, form in FORMS.items() if any(form(plain) in piece for piece in kept)]


# Forms


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_s01_a_secret_is_replaced_in_every_form(form: Callable[[str], str]) -> None:
    for plain in ("hunter22secret", HARD, "pässwörd€", "abc'def\"", "ab\\cd\nef\\", "??>>~~ÿ", KEY, "\ufffd" * 6):
        assert Scrubber(Secret(plain)).scrub(f"before <{form(plain)}> after").replace(HIDDEN, "") in (
            "before <> after",
            "before <\n> after",
        )


@pytest.mark.parametrize(("plain", "written"), WRITTEN.values(), ids=WRITTEN)
def test_s01_a_secret_is_replaced_as_other_programs_write_it(plain: str, written: str) -> None:
    scrubbed = Scrubber(Secret(plain)).scrub(f"before {written} after")
    assert HIDDEN in scrubbed
    assert not set(re.findall(r"\w{4,}", scrubbed)) - {"before", "secret", "after"}


@pytest.mark.parametrize("ends", [bytes(range(128, 140)), b"\xff" * 6, b"\xc3\xa4abc\xe2\x82", b"\xffc4n4ry\xfe"])
def test_s01_a_key_that_is_no_text_is_replaced_in_every_form(ends: bytes) -> None:
    scrubber = Scrubber(Secret(ends))
    shown = [base64.b64encode(ends).decode(), ends.hex(), quote(ends), repr(ends)[2:-1], ends.decode("latin-1")]
    shown += [ends.decode(errors="surrogateescape"), ends.decode(errors="backslashreplace")]
    for form in shown:
        assert scrubber.scrub(f"({form})") == "([secret])"


@laws
@given(plains, texts, texts)
@example("secret", "the ", " is secret")
@example("[secret]", "[secret]", "")
@example("aaaaaa", "aaa", "aaa")
@example("\ufffd" * 6, "", "")
def test_s01_no_form_of_a_secret_survives_in_any_text(plain: str, before: str, after: str) -> None:
    scrubber = Scrubber(Secret(plain))
    for form in FORMS.values():
        assert survivors(plain, scrubber.scrub(before + form(plain) + after)) == []


@laws
@given(plains, st.lists(st.sampled_from(list(FORMS.values())), min_size=1, max_size=6), texts)
def test_s01_no_form_survives_among_others(plain: str, forms: list[Callable[[str], str]], between: str) -> None:
    scrubbed = Scrubber(Secret(plain)).scrub(between.join(form(plain) for form in forms))
    assert HIDDEN in scrubbed
    assert survivors(plain, scrubbed) == []


@laws
@given(plains, st.binary(max_size=12), st.binary(max_size=12), st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]))
def test_s01_base64_of_a_longer_text_gives_no_whole_character_of_the_secret(
    plain: str, before: bytes, after: bytes, encode: Callable[[bytes], bytes]
) -> None:
    encoded = encode(before + plain.encode() + after).decode()
    first, last = -(-8 * len(before) // 6), 8 * (len(before) + len(plain.encode())) // 6
    scrubbed = Scrubber(Secret(plain)).scrub(encoded)
    assert HIDDEN in scrubbed
    assert all(encoded[first:last] not in piece for piece in scrubbed.split(HIDDEN))
    if encoded.count(encoded[first:last]) == 1 and not after:  # nothing follows: the last character and the padding go too
        assert scrubbed.endswith(HIDDEN)


def test_s01_the_header_of_a_basic_login_keeps_the_user_only() -> None:
    for user in ("a", "ab", "abc"):
        header = "Authorization: Basic " + b64(f"{user}:hunter22")
        scrubbed = Scrubber(Secret("hunter22")).scrub(header)
        assert scrubbed.startswith("Authorization: Basic ")
        assert scrubbed.endswith(HIDDEN)
        assert base64.b64decode(scrubbed[21:-8] + "A" * (-len(scrubbed[21:-8]) % 4)).startswith(f"{user}:".encode())


# Places


def test_s01_a_text_without_secrets_is_the_same_text() -> None:
    text = "before " + "x" * 10
    assert Scrubber().scrub(text) is text
    assert Scrubber(Secret("hunter22")).scrub(text) == text
    assert Scrubber(Secret("hunter22")).scrub("") == ""


@pytest.mark.parametrize("near", ["hunter2", "unter22x", "Hunter22", "hunter 22", "22hunter", "68756e746572323", "aHVudGVyM"])
def test_s01_what_is_nearly_a_secret_stays(near: str) -> None:
    assert Scrubber(Secret("hunter22")).scrub(near) == near


def test_s01_an_encoding_that_loses_characters_makes_no_form() -> None:
    assert Scrubber(Secret("hunter€22")).scrub("hunter22 hunter€22") == "hunter22 [secret]"
    assert Scrubber(Secret(b"\xff" * 6)).scrub("\ufffd" * 6) == "\ufffd" * 6


@laws
@given(st.text("abcdefgh0123", min_size=6, max_size=20), st.text(characters, max_size=60))
def test_s01_a_text_that_holds_no_form_is_unchanged(plain: str, text: str) -> None:
    scrubber = Scrubber(Secret(plain))
    assume(not any(form in text for form in forms_of(plain.encode())))
    assert scrubber.scrub(text) == text


@laws
@given(plains, texts)
def test_s01_what_is_scrubbed_twice_is_scrubbed_once(plain: str, text: str) -> None:
    assume(not set(plain) & set(HIDDEN))
    scrubber = Scrubber(Secret(plain))
    once = scrubber.scrub(text + plain + text)
    assert scrubber.scrub(once) == once


def test_s01_secrets_that_overlap_go_as_one() -> None:
    scrubber = Scrubber(Secret("password1"), Secret("word12345"))
    assert scrubber.scrub("a password12345 b") == "a [secret] b"
    assert scrubber.scrub("a password1 b word12345 c") == "a [secret] b [secret] c"
    assert Scrubber(Secret("abcabc")).scrub("abcabcabcab") == "[secret]ab"


def test_s01_secrets_side_by_side_stay_two() -> None:
    assert Scrubber(Secret("hunter22")).scrub("hunter22hunter22") == "[secret][secret]"


def test_s01_of_two_secrets_one_inside_the_other_nothing_is_left() -> None:
    for secrets in ([Secret("hunter"), Secret("xhunter22")], [Secret("xhunter22"), Secret("hunter")]):
        assert Scrubber(*secrets).scrub("a xhunter22 b hunter c") == "a [secret] b [secret] c"


def test_s01_a_secret_is_scrubbed_from_when_it_was_added() -> None:
    scrubber = Scrubber()
    assert scrubber.scrub("hunter22") == "hunter22"
    scrubber.add(Secret("hunter22"))
    assert scrubber.scrub("hunter22 letmein!") == "[secret] letmein!"
    scrubber.add(Secret("letmein!"))
    assert scrubber.scrub("hunter22 letmein!") == "[secret] [secret]"


def test_s01_secrets_added_by_many_threads_are_all_kept() -> None:
    scrubber, plains = Scrubber(), [f"thread-{n:04}" for n in range(300)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda plain: scrubber.add(Secret(plain)), plains))
    finally:
        sys.setswitchinterval(interval)
    assert [plain for plain in plains if scrubber.scrub(plain) != HIDDEN] == []


# Short ones


@pytest.mark.parametrize("plain", ["a", "12345", "ßßßßß", b"\xff" * 5, "  ab \n", "1234 \r\n"])
def test_s01_beside_a_short_secret_the_whole_text_is_withheld(plain: str | bytes) -> None:
    scrubber = Scrubber(Secret("hunter22"), Secret(plain))
    assert scrubber.scrub("nothing in here") == WITHHELD
    assert scrubber.scrub(WITHHELD) == WITHHELD
    assert scrubber.scrub("") == ""


def test_s01_six_characters_are_not_short() -> None:
    assert Scrubber(Secret("123456")).scrub("a 123456 b") == "a [secret] b"
    assert Scrubber(Secret("ßßßßßß")).scrub("a ßßßßßß b") == "a [secret] b"


# Pieces


def streamed(scrubber: Scrubber, pieces: Iterable[str]) -> str:
    stream = scrubber.stream()
    return "".join([*map(stream.feed, pieces), stream.finish()])


def split(text: str, places: Iterable[int]) -> list[str]:
    at = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(at)]


places = st.lists(st.integers(0, 10_000), max_size=12)


@laws
@given(plains, st.lists(st.one_of(st.sampled_from(list(FORMS.values())), texts), max_size=6), places)
def test_s01_in_pieces_a_text_is_scrubbed_as_it_is_whole(plain: str, parts: list[Any], places: list[int]) -> None:
    scrubber = Scrubber(Secret(plain))
    text = "".join(part if isinstance(part, str) else part(plain) for part in parts)
    assert streamed(scrubber, split(text, places)) == scrubber.scrub(text)


@settings(laws, max_examples=400)
@given(st.lists(st.text("ab", min_size=6, max_size=9), min_size=1, max_size=3), st.text("ab", max_size=80), places)
def test_s01_in_pieces_overlapping_secrets_go_as_they_do_whole(plains: list[str], text: str, places: list[int]) -> None:
    scrubber = Scrubber(*map(Secret, plains))
    assert streamed(scrubber, split(text, places)) == streamed(scrubber, text) == scrubber.scrub(text)


def test_s01_no_piece_holds_a_secret_that_is_not_whole_yet() -> None:
    stream = Scrubber(Secret("hunter22")).stream()
    said = ["".join(map(stream.feed, f"{'x' * 100} hunt"))]
    assert "hunt" not in said[0]
    said += [*map(stream.feed, "er22 y"), stream.finish()]
    assert "".join(said) == f"{'x' * 100} [secret] y"


def test_s01_no_more_is_kept_back_than_a_form_may_need() -> None:
    scrubber = Scrubber(Secret("hunter22"))
    stream = scrubber.stream()
    most = stream.back
    assert max(map(len, forms_of(b"hunter22"))) < most < 1000
    assert stream.feed("x" * 1000) == "x" * (1000 - most)
    assert stream.feed("y") == "x"
    assert stream.finish() == "x" * (most - 1) + "y"


def test_s01_without_secrets_nothing_is_kept_back() -> None:
    stream = Scrubber().stream()
    assert [stream.feed("a"), stream.feed(""), stream.feed("b"), stream.finish()] == ["a", "", "b", ""]


def test_s01_an_endless_row_of_overlapping_secrets_is_one() -> None:
    stream = Scrubber(Secret("aaaaaa")).stream()
    said = "".join(stream.feed("a" * 7) for _ in range(100))
    assert len(stream._kept) == stream.back
    assert said + stream.feed("b") + stream.finish() == "[secret]b"


def test_s01_a_secret_added_amid_a_stream_is_scrubbed_from_there() -> None:
    scrubber = Scrubber()
    stream = scrubber.stream()
    assert stream.feed("hunter22 ") == "hunter22 "
    scrubber.add(Secret("hunter22"))
    assert stream.feed("hunt") + stream.feed("er22") + stream.finish() == HIDDEN


def test_s01_a_stream_beside_a_short_secret_says_once_that_it_is_withheld() -> None:
    scrubber = Scrubber(Secret("hunter22"), Secret("1234"))
    assert streamed(scrubber, ["", "a", "1234", "b"]) == WITHHELD
    assert streamed(scrubber, ["", ""]) == ""


def test_s01_a_short_secret_added_amid_a_stream_withholds_the_rest() -> None:
    scrubber = Scrubber(Secret("hunter22"))
    stream = scrubber.stream()
    assert stream.feed("12") == ""
    scrubber.add(Secret("1234"))
    assert [stream.finish(), stream.feed("34"), stream.finish()] == [WITHHELD, "", ""]


# Values


def test_s01_a_value_is_scrubbed_in_its_keys_and_values_at_any_depth() -> None:
    value = {"hunter22": ["hunter22", ("x hunter22", b"\xc3hunter22\xff", bytearray(b"hunter22"))], "n": {"deep": [{"er": "hunter22"}]}}
    scrubbed = {"[secret]": ["[secret]", ("x [secret]", b"\xc3[secret]\xff", b"[secret]")], "n": {"deep": [{"er": "[secret]"}]}}
    assert Scrubber(Secret("hunter22")).scrub_deep(value) == scrubbed


def test_s01_a_value_that_holds_no_secret_keeps_its_kinds() -> None:
    value = {"a": [1, 2.5, None, True, "x"], 3: ("y", b"\xff"), None: {}, False: []}
    for scrubber in (Scrubber(), Scrubber(Secret("hunter22"))):
        scrubbed = scrubber.scrub_deep(value)
        assert scrubbed == value
        assert [*map(type, scrubbed["a"])] == [int, float, type(None), bool, str]
        assert scrubbed is not value


def test_s01_bytes_are_scrubbed_whatever_stands_beside_the_secret() -> None:
    for held in (b"\xa4bcdefg", "äbcdefß".encode(), "äbcdefß".encode("latin-1"), b"c4n4ry\xe2\x82"):
        scrubber = Scrubber(Secret(held))
        for before, after in ((b"\xc3", b"\xac"), (b"\xe2\x82", b"\x82"), (b"", b"")):
            assert scrubber.scrub_deep(before + held + after) == before + b"[secret]" + after


def test_s01_keys_that_differ_in_their_secrets_only_are_both_kept() -> None:
    scrubber = Scrubber(Secret("hunter22"), Secret("letmein!"))
    assert scrubber.scrub_deep({"hunter22": 1, "letmein!": 2, "[secret] (2)": 3}) == {
        "[secret]": 1,
        "[secret] (2)": 2,
        "[secret] (2) (2)": 3,
    }
    withheld = Scrubber(Secret("1234")).scrub_deep({f"key {n}": None for n in range(20_000)})
    assert len(withheld) == 20_000


def test_s01_a_number_whose_digits_are_a_secret_is_replaced() -> None:
    scrubbed = Scrubber(Secret("12345678")).scrub_deep({"pin": 12345678, "count": 7, 12345678: 1.5})
    assert scrubbed == {"pin": HIDDEN, "count": 7, HIDDEN: 1.5}


def test_s01_beside_a_short_secret_numbers_are_withheld_too() -> None:
    assert Scrubber(Secret("1234")).scrub_deep([1234, "x", b"x", None, True]) == [WITHHELD, WITHHELD, WITHHELD.encode(), None, True]


def test_s01_what_is_not_json_like_becomes_its_scrubbed_text() -> None:
    class Odd:
        def __str__(self) -> str:
            return "odd hunter22"

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("hunter22")

    scrubber = Scrubber(Secret("hunter22"))
    assert scrubber.scrub_deep([Odd(), Broken(), {"hunter22"}, Secret("hunter22")]) == [
        "odd [secret]",
        "Broken",
        "{'[secret]'}",
        "Secret(…)",
    ]
    assert scrubber.scrub_deep({Odd(): 1, b"hunter22": 2}) == {"odd [secret]": 1, "b'[secret]'": 2}


# Errors


def test_s01_of_an_error_its_type_and_scrubbed_text_are_told() -> None:
    scrubber = Scrubber(Secret("hunter22"))
    assert told(ValueError("no hunter22 here"), scrubber) == "ValueError: no [secret] here"
    assert told(KeyError("hunter22"), scrubber) == "KeyError: '[secret]'"
    assert told(VaultAway("reading", "hunter22"), scrubber) == "VaultAway: reading: [secret]"
    assert told(TimeoutError(), scrubber) == "TimeoutError"
    assert told(KeyboardInterrupt(), scrubber) == "KeyboardInterrupt"
    assert told(ValueError("x"), Scrubber(Secret("1234"))) == f"ValueError: {WITHHELD}"


def test_s01_of_an_error_no_frame_no_cause_and_no_note_is_told() -> None:
    def foreign() -> None:
        try:
            raise RuntimeError("inner")
        except RuntimeError as inner:
            raise ValueError("outer") from inner

    with pytest.raises(ValueError, match="outer") as caught:
        foreign()
    caught.value.add_note("note")
    assert told(caught.value, Scrubber()) == "ValueError: outer"


def test_s01_an_error_that_cannot_be_read_is_told_by_its_type() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("hunter22")

    assert told(Broken(), Scrubber()) == "Broken"


# The scrubber itself


def test_s01_a_scrubber_shows_nothing_and_is_never_written_down() -> None:
    scrubber = Scrubber(Secret("hunter22"))
    stream = scrubber.stream()
    stream.feed("hunter22")
    assert "hunter" not in f"{scrubber} {scrubber!r} {stream} {stream!r}"
    for write in (pickle.dumps, copy.deepcopy):
        for holder in (scrubber, stream):
            with pytest.raises(TypeError, match="holds secrets"):
                write(holder)


def test_s01_a_scrubber_takes_secrets_only() -> None:
    with pytest.raises(InvalidValue, match="it was given a str") as caught:
        Scrubber("hunter22")  # type: ignore[arg-type]
    assert "hunter22" not in str(caught.value)


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Of which secrets all forms were worked out, in order."""
    found: list[bytes] = []

    def work_out(raw: bytes) -> set[str]:
        found.append(raw)
        return {raw.decode()}

    monkeypatch.setattr("taskkit._forms.forms_of", work_out)
    return found


def test_a_secret_that_is_there_already_is_not_worked_out_again(worked_out: list[bytes]) -> None:
    scrubber = Scrubber(Secret("hunter22"), Secret("hunter22"), Secret("hunter23"))
    scrubber.add(Secret("hunter23"))
    assert scrubber.scrub("hunter22 hunter23") == "[secret] [secret]"
    assert worked_out == [b"hunter22", b"hunter23"]


def test_a_secret_that_several_hold_is_worked_out_once_and_forgotten_with_the_last(worked_out: list[bytes]) -> None:
    scrubbers = [Scrubber(Secret("hunter24")) for _ in range(3)]
    assert [scrubber.scrub("hunter24") for scrubber in scrubbers] == ["[secret]"] * 3
    assert worked_out == [b"hunter24"]
    scrubbers.clear()
    assert not [found for found in _forms._SHARED.values() if "hunter24" in found.of]
    assert Scrubber(Secret("hunter24")).scrub("hunter24") == HIDDEN
    assert worked_out == [b"hunter24"] * 2


def test_what_no_form_has_room_in_is_said_without_working_out_any(worked_out: list[bytes]) -> None:
    scrubber = Scrubber(Secret("correct-horse-battery"))
    assert scrubber.scrub_deep({"name": "try candidate", "exit": 0}) == {"name": "try candidate", "exit": 0}
    stream = scrubber.stream()
    assert [stream.feed("1001"), stream.feed("\n"), stream.finish()] == ["", "", "1001\n"]
    assert not worked_out
    assert scrubber.scrub("correct-horse-battery") == HIDDEN


def test_s01_an_empty_piece_forgets_nothing_of_a_secret_that_is_being_hidden() -> None:
    """A decoder gives one for half a character, and at the end."""
    secret = Secret("correct-horse-battery")
    text = "well: " + secret.reveal() + "." * 50
    stream = Scrubber(secret).stream()
    assert stream.feed(text) + stream.feed("") + stream.finish() == Scrubber(secret).scrub(text)
