"""A secret whose characters stand apart is found: in lines, in lists and dumps, quoted in other ways, coloured, in entities (S1)."""

from __future__ import annotations

import base64
import json
import pprint
import quopri
import re
import shlex
import shutil
import subprocess
import textwrap
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.scrubbing import Scrubber
from taskkit.secrets import Secret

HIDDEN = "[secret]"
LONG = "Zk3-mQ9/vT1+xW7_cR5.hN2bY8pL4sD6fG0jK9uE3oI7aA1qX5wV2tB8nM4zC6rP0yH9lU3dS7eF1gJ5kO2iT8-longer-than-a-line"
KEY = "-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(bytes(range(200))).decode() + "-----END PRIVATE KEY-----\n"
CERTIFICATE = f"-----BEGIN CERTIFICATE-----\nis none at all\n{LONG}\n-----END CERTIFICATE-----\n"


def b64(plain: str) -> str:
    return base64.b64encode(plain.encode()).decode()


def url64(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode()


def cut(text: str, width: int, between: str = "\n") -> str:
    return between.join(text[at : at + width] for at in range(0, len(text), width))


def dump(plain: str, *, of: str = "xxd") -> str:
    """As the programs of this name write it."""
    lines = []
    raw = plain.encode()
    for at in range(0, len(raw), 16):
        row = raw[at : at + 16]
        seen = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        if of == "xxd":
            lines.append(f"{at:08x}: {row.hex(' ', -2):39}  {seen}")
        elif of == "hexdump":
            lines.append(f"{at:08x}  {row[:8].hex(' '):23}  {row[8:].hex(' '):23}  |{seen}|")
        else:
            lines.append(f"{at:07o} {row.hex(' ')}")
    return "\n".join(lines)


#: How a text is broken over lines.
BROKEN: dict[str, Callable[[str], str]] = {
    "as base64 breaks": lambda text: cut(text, 76),
    "as PEM and openssl break": lambda text: cut(text, 64),
    "by Windows": lambda text: cut(text, 64, "\r\n"),
    "indented": lambda text: cut(text, 60, "\n        "),
    "indented by tabs": lambda text: cut(text, 60, "\n\t\t"),
    "as YAML folds": lambda text: "key: >-\n  " + cut(text, 50, "\n  "),
    "continued": lambda text: cut(text, 50, "\\\n"),
    "continued and indented": lambda text: cut(text, 50, " \\\n    "),
    "continued by cmd": lambda text: cut(text, 50, "^\r\n"),
    "continued by PowerShell": lambda text: cut(text, 50, "`\r\n"),
    "with soft breaks": lambda text: cut(text, 75, "=\r\n"),
    "added in a diff": lambda text: "+" + cut(text, 64, "\n+"),
    "taken away in a diff": lambda text: "-" + cut(text, 64, "\n-"),
    "in a comment": lambda text: "# " + cut(text, 64, "\n# "),
    "cited": lambda text: "> " + cut(text, 70, "\n> "),
    "as literals": lambda text: '"' + cut(text, 60, '"\n  "') + '"',
    "as literals that are added": lambda text: '"' + cut(text, 60, '" +\n  "') + '"',
    "in a list of JSON": lambda text: json.dumps([text[at : at + 30] for at in range(0, len(text), 30)], indent=2),
    "in a string of JSON": lambda text: json.dumps(cut(text, 64)),
    "in a string of JSON, by Windows": lambda text: json.dumps(cut(text, 64, "\r\n")),
    "in a query": lambda text: cut(text, 64, "%0D%0A"),
    "in HTML": lambda text: cut(text, 64, "<br>\n"),
    "as a terminal goes on": lambda text: cut(text, 80, " \r"),
    "by empty lines": lambda text: cut(text, 64, "\n\n"),
    "coloured": lambda text: cut(text, 20, "\x1b[01;31m\x1b[K"),
}


def apart(plain: str, text: str) -> None:
    """Nothing that is left can be told to be of the secret."""
    scrubbed = Scrubber(Secret(plain)).scrub(f"before\n{text}\nafter")
    assert HIDDEN in scrubbed
    assert scrubbed.startswith("before\n")
    assert scrubbed.endswith("\nafter")
    left = scrubbed.removeprefix("before").removesuffix("after").replace(HIDDEN, "").replace("key: >-", "")
    assert not re.search(r"[A-Za-z0-9]{2}", left), scrubbed


@pytest.mark.parametrize("breaks", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize(
    "form", [str, b64, lambda plain: plain.encode().hex(), lambda plain: b64(plain).replace("+", "-").replace("/", "_")]
)
def test_s01_a_secret_is_found_where_it_is_broken_over_lines(form: Callable[[str], str], breaks: Callable[[str], str]) -> None:
    for plain in (LONG, LONG.replace("-", "+"), "hünter22+" * 12):
        apart(plain, breaks(form(plain)))


@pytest.mark.parametrize("breaks", BROKEN.values(), ids=BROKEN)
def test_s01_a_short_secret_is_found_where_its_line_ends_within_it(breaks: Callable[[str], str]) -> None:
    for size in range(40, 90):
        scrubbed = Scrubber(Secret("hunter22")).scrub(breaks("." * size + "hunter22" + "." * 50))
        assert HIDDEN in scrubbed
        assert not re.search("hun|er22", scrubbed)


def test_s01_a_sentence_is_found_where_it_is_filled_anew() -> None:
    words = "correct horse battery staple"
    for width in range(12, 60):
        assert HIDDEN in (said := Scrubber(Secret(words)).scrub(textwrap.fill(f"they say {words} and go", width, subsequent_indent="  ")))
        assert not {"correct", "horse", "battery", "staple"} & {*said.split()}
    apart(words * 4, pprint.pformat(words * 4, width=50))


LISTED: dict[str, Callable[[str], str]] = {
    "hex in rows": lambda plain: cut(plain.encode().hex(), 60),
    "hex of openssl": lambda plain: "    " + cut(plain.encode().hex(":"), 45, "\n    "),
    "hex of C": lambda plain: ", ".join(f"0x{byte:02x}" for byte in plain.encode()),
    "hex of C in rows": lambda plain: "  " + ",\n  ".join(", ".join(f"0x{byte:02X}" for byte in row) for row in _rows(plain)),
    "hex in a string of C": lambda plain: "".join(f"\\x{byte:02x}" for byte in plain.encode()),
    "octal in a string of C": lambda plain: "".join(f"\\{byte:03o}" for byte in plain.encode()),
    "all in percents": lambda plain: "".join(f"%{byte:02x}" for byte in plain.encode()),
    "all in entities": lambda plain: "".join(f"&#{ord(char)};" for char in plain),
    "all in entities, hex": lambda plain: "".join(f"&#x{ord(char):04X};" for char in plain),
    "all in JSON": lambda plain: "".join(f"\\u{ord(char):04X}" for char in plain),
    "numbers": lambda plain: str([*plain.encode()]),
    "numbers, one in a line": lambda plain: json.dumps([*plain.encode()], indent=8),
    "numbers of Go": lambda plain: " ".join(map(str, plain.encode())),
    "characters": lambda plain: " ".join(plain),
    "characters, one in a line": lambda plain: "\n".join(plain),
    "characters of od": lambda plain: "   ".join(plain),
    "xxd": dump,
    "hexdump": lambda plain: dump(plain, of="hexdump"),
    "od": lambda plain: dump(plain, of="od"),
}


def _rows(plain: str) -> list[bytes]:
    raw = plain.encode()
    return [raw[at : at + 12] for at in range(0, len(raw), 12)]


@pytest.mark.parametrize("listed", LISTED.values(), ids=LISTED)
def test_s01_a_secret_is_found_where_it_is_listed_byte_by_byte(listed: Callable[[str], str]) -> None:
    for plain in ("hunter22", LONG, "correct horse battery"):
        scrubbed = Scrubber(Secret(plain)).scrub(f"before\n{listed(plain)}\nafter")
        assert HIDDEN in scrubbed
        left = re.sub(r"\b[0-9a-f]{7,8}\b:?|before|after|0x|secret|\s", "", scrubbed)
        assert not re.search(r"[A-Za-z0-9]{3}", left), scrubbed


@pytest.mark.parametrize("command", ["xxd", "xxd -p", "hexdump -C", "od -An -tx1", "od -tx1z", "od -c", "base64", "base32", "fold -w7"])
def test_s01_what_programs_of_this_machine_make_of_it_is_found(command: str) -> None:
    if shutil.which(command.split()[0]) is None:
        pytest.skip("it is not there")
    for plain in ("hunter22secret", LONG):
        said = subprocess.run(command.split(), input=f"{plain}\n".encode(), capture_output=True, check=True).stdout.decode()
        scrubbed = Scrubber(Secret(plain)).scrub(said)
        assert HIDDEN in scrubbed
        assert not re.search(r"[A-Za-z]{3}|(\b[0-9a-f]{2,4} ){3}", scrubbed.replace(HIDDEN, "")), scrubbed


#: As other programs write one particular secret.
WRITTEN = {
    "entities by name": ("p&ss<wörd\"'x", "p&amp;ss&lt;w&ouml;rd&quot;&apos;x"),
    "entities in decimals": ("p&ss<word'x", "p&#38;ss&#60;word&#39;x"),
    "entities in hex": ("p&ss<wörd'x", "p&#x26;ss&#x3C;w&#xF6;rd&#X27;x"),
    "entities with zeros": ("p&ss<word'x", "p&#0038;ss&#x00003c;word&#039;x"),
    "entities without an end": ("p&ss<word x", "p&ampss&ltword x"),
    "an entity first": ("&password1", "&#38;password1"),
    "a letter in an entity first": ("hunter22", "&#104;unter22"),
    "XML with quotes of both kinds": ("a'b\"c>d]]e1", "a&apos;b&quot;c&gt;d]]e1"),
    "PHP's var_export": ("It's\\12 ok", r"It\'s\\12 ok"),
    "PHP's json_encode": ("p/ss'wörd&12", r"p\/ss\u0027w\u00f6rd\u002612"),
    "PHP's serialize": ("pa\"ss'word", 's:10:"pa"ss\'word";'),
    "PHP's addslashes": ("pa\"ss'w\\rd", r"pa\"ss\'w\\rd"),
    "declare -p": ('pa"ss$w`o\\rd12', r'declare -- x="pa\"ss\$w\`o\\rd12"'),
    "set -x": ("it's mine 22", r"+ echo 'it'\''s mine 22'"),
    "printf %q": ("a b*c!d~e22", r"a\ b\*c\!d~e22"),
    "$'…' with hex": ("pä'ssw\x01rd22", r"p\xc3\xa4\'ssw\x01rd22"),
    "cmd": ("a&b|c<d22x", "a^&b^|c^<d22x"),
    "PowerShell": ('a$b"c`d22x', 'a`$b`"c``d22x'),
    "LDAP filter": ("pa*ss(w)\\12", r"pa\2ass\28w\29\5c12"),
    "LDAP name": ("pa,ss+w=rd;12", r"pa\,ss\+w\=rd\;12"),
    "LDAP name in hex": ("pässwörd12", r"p\c3\a4ssw\C3\B6rd12"),
    "quoted-printable": ("p=ss wörd12", "p=3Dss w=C3=B6rd12"),
    "JSON, case of hex mixed": ("pä<ssö12", r"p\u00E4\u003css\u00f612"),
    "JSON, more than one plane": ("pass😀word1", r"pass\uD83D\uDE00word1"),
    "a regular expression": ("a.b*c?d+22", r"a\.b\*c\?d\+22"),
    "NFD": ("pässwörd", "pa\u0308sswo\u0308rd"),
    "NFC": ("pa\u0308sswo\u0308rd", "pässwörd"),
    "hex of UTF-16": ("hunter22", "hunter22".encode("utf-16-le").hex(" ")),
    "hex of capitals and others": ("hunter22", "68 75 6E 74 65 72 32 32"),
}


@pytest.mark.parametrize(("plain", "written"), WRITTEN.values(), ids=WRITTEN)
def test_s01_a_secret_is_found_as_other_programs_write_it(plain: str, written: str) -> None:
    scrubbed = Scrubber(Secret(plain)).scrub(f"before {written} after")
    assert HIDDEN in scrubbed
    assert not set(re.findall(r"\w+", scrubbed)) - {"before", "secret", "after", "s", "10", "declare", "x", "echo"}, scrubbed


def test_s01_quoted_printable_breaks_its_lines() -> None:
    plain = "hünter=22 " * 20 + "more"
    apart(plain, quopri.encodestring(plain.encode()).decode())


@pytest.mark.parametrize("held", [KEY, KEY.replace("\n", "\r\n"), CERTIFICATE, KEY[:-40], "no key at all\n" + LONG + "\n"])
def test_s01_a_key_or_certificate_is_found_as_text_whether_it_can_be_read_or_not(held: str) -> None:
    body = [line for line in held.split() if len(line) > 30]
    shown = [
        held,
        cut(b64(held), 64),
        "".join(body),
        "+" + held.replace("\n", "\n+"),
        json.dumps({"key": held}),
        shlex.quote(held),
        body[0],
    ]
    for text in shown:
        scrubbed = Scrubber(Secret(held)).scrub(text)
        assert HIDDEN in scrubbed
        assert not any(line[at : at + 12] in scrubbed for line in body for at in range(len(line) - 12)), scrubbed


# What stays


@pytest.mark.parametrize(
    "near",
    [
        "hunter 22", "hunter-22", "hunter\t22", "hunter (22)", "hunt er22", "hunter\nis 22", "hunter. \n(22)", "Hunter\n22", "HUNTER22",
        "68 75 6e 74 65 72 32", "104 117 110 116 101 114 50", "hunter&22;", "hunter&amp;22", "h u n t e r 2", "hunter%2022",
    ],
)  # fmt: skip
def test_s01_what_is_nearly_a_secret_stays(near: str) -> None:
    assert Scrubber(Secret("hunter22")).scrub(f"before {near} after") == f"before {near} after"


def test_s01_what_lacks_the_marks_at_its_ends_is_nearly_a_secret() -> None:
    assert Scrubber(Secret(b"\xff\xfe no text")).scrub("it is no text") == "it is no text"
    assert Scrubber(Secret("!hunter 22?")).scrub("a hunter\n22 b") == "a hunter\n22 b"
    assert Scrubber(Secret("!hunter 22?")).scrub("a \\!hunter\n22\\? b") == "a \\[secret] b"


def test_s01_a_row_of_numbers_is_no_secret_of_digits() -> None:
    for text in ("1 2 3 4 5 6", "1, 2, 3, 4, 5, 6"):
        assert Scrubber(Secret("123456")).scrub(text) == text


def test_s01_what_stands_beside_a_broken_secret_stays() -> None:
    scrubber = Scrubber(Secret("hunter22"))
    assert scrubber.scrub("a: hunt\ner22, b\n+ c\n") == "a: [secret], b\n+ c\n"
    assert scrubber.scrub("\x1b[1ma\x1b[0m &amp; hun\x1b[31mter22\x1b[0m b") == "\x1b[1ma\x1b[0m &amp; [secret]\x1b[0m b"


# Pieces


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([*BROKEN.values(), *LISTED.values()]), st.text(" .\n", max_size=300), st.lists(st.integers(0, 3000), max_size=8))
def test_s01_in_pieces_what_stands_apart_is_found_as_it_is_whole(form: Callable[[str], str], before: str, places: list[int]) -> None:
    scrubber = Scrubber(Secret("hunter22-and-more-of-it"))
    text = f"{before}\n{form('hunter22-and-more-of-it')}\n{before * 9}"
    at = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    stream = scrubber.stream()
    assert "".join([*(stream.feed(text[start:end]) for start, end in pairwise(at)), stream.finish()]) == scrubber.scrub(text)
