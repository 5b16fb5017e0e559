"""What a terminal shows, as a reader sees it, however what was said is cut into packets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.plugins.executors._screens import WIDEST, Screen


def shown(*pieces: str) -> list[str]:
    lines: list[str] = []
    screen = Screen(lines.append)
    for piece in pieces:
        screen.feed(piece)
    return [*lines, screen.line]


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("one\r\ntwo", ["one", "two"]),
        ("one\ntwo\n", ["one", "two", ""]),
        ("progress 10%\rprogress 99%", ["progress 99%"]),
        ("abc\b\bX", ["aXc"]),
        ("\b\bx", ["x"]),
        ("\x1b[1;32mrouter\x1b[0m# ", ["router# "]),
        ("\x1b]0;a title\x07router>", ["router>"]),
        ("\x1b]0;a title\x1b\\router>", ["router>"]),
        ("\x1bP+q\x1b\\x", ["x"]),
        ("\x1b(Bx\x1b=\x1b>y\x1b7", ["xy"]),
        ("\x1b[?2004hls\x1b[?2004l", ["ls"]),
        (" --More-- \b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\bnext", ["next      "]),
        ("--More--\r\x1b[Knext", ["next"]),
        ("abcdef\x1b[3D\x1b[K", ["abc"]),
        ("abcdef\x1b[4G\x1b[1K", ["   def"]),
        ("abcdef\x1b[2K", ["      "]),
        ("abcdef\x1b[6D\x1b[2P", ["cdef"]),
        ("abcdef\x1b[6D\x1b[2X", ["  cdef"]),
        ("ef\x1b[2D\x1b[2@cd", ["cdef"]),
        ("a\x1b[3Cb", ["a   b"]),
        ("a\x1b[2J\x1b[Hb", ["b"]),
        ("first\x1b[5;1Hsecond", ["first", "second"]),
        ("a\tb", ["a       b"]),
        ("a\0b\x07c\x7fd", ["abcd"]),
        ("\x1b[99999999999999999999Cx", [" " * WIDEST, "x"]),
        ("\x1b[12\x18x", ["x"]),
        ("ü\u20acx\b y", ["ü\u20ac y"]),
    ],
)
def test_a_line_is_read_as_it_stands_in_the_end(said: str, read: list[str]) -> None:
    assert [line.rstrip() for line in shown(said)] == [line.rstrip() for line in read]


CONTROLS = ["\r", "\n", "\b", "\t", "\x1b", "\x1b[", "\x1b[K", "\x1b[2J", "\x1b[5;1H", "\x1b[3D", "\x1b]0;", "\x07", "\x1b\\"]
WORDS = st.sampled_from(["router# ", "--More--", "2", "m", *CONTROLS])


@settings(deadline=None)
@given(st.lists(WORDS | st.text(max_size=5), max_size=20).map("".join), st.data())
def test_it_makes_no_difference_how_it_was_cut(said: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=8)))
    pieces = [said[start:end] for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True)]
    assert shown(*pieces) == shown(said)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(blacklist_categories=["Cc", "Cs"]), max_size=50))
def test_what_has_no_controls_is_shown_as_it_is(said: str) -> None:
    assert shown(said) == [said]


def test_what_was_read_is_not_read_again_where_a_prompt_is_painted_anew() -> None:
    screen = Screen(lambda line: None)
    screen.feed("router# ")
    screen.read()
    screen.feed("show ver\rrouter# show version")
    assert screen.line == "show version"
    assert screen.rubbed == 0


def test_what_was_read_and_rubbed_out_is_read_anew() -> None:
    screen = Screen(lambda line: None)
    screen.feed(" --More-- ")
    screen.read()
    screen.feed("\b" * 10 + " " * 10 + "\b" * 10 + "router#")
    assert screen.line.rstrip() == "router#"
    assert screen.rubbed == 10


def test_a_line_without_an_end_goes_on_in_the_next() -> None:
    assert [len(line) for line in shown("x" * (2 * WIDEST + 1))] == [WIDEST, WIDEST, 1]


def test_an_escape_that_does_not_end_is_none_in_the_end() -> None:
    assert shown("\x1b]0;" + "x" * 5000, "# ")[0].endswith("# ")
