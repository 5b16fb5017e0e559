"""Dialogues as text: what is read, what is written, and where an error points."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.errors import InvalidValue, UnreadableText
from taskkit.outcomes import ErrorClass
from taskkit.scripts import Cue, Exchange
from taskkit.scripts._exchanges import KEYS, is_pattern
from taskkit.scripts._lines import Talked, read, written


def test_the_line_that_administrators_know() -> None:
    assert read("login: -> {user} ; Password: -> {password} ; # -> show version") == Talked(
        (Exchange(Cue("login:", "{user}")), Exchange(Cue("Password:", "{password}")), Exchange(Cue("#", "show version")))
    )


def test_a_text_of_several_lines_says_all_that_a_dialogue_has() -> None:
    text = """
        login: within 10 s -> {user}

        @word Password: within 2.5 s retry 2 -> {password}
        or <silence> -> <enter> => again
        or <closed> => fail unreachable
        > -> <ctrl-z>
        or Login incorrect => fail wrong_credentials "it is no longer right"
        or /bu[sz]y/ => @word
        # -> show version | include Version ; sh -> "a ; b" => end
        capture version /Version (\\S+)/
        expect /Version/
        forbid "/a ; b/"
        warn
        always /^% .*denied/ => fail permission
        always [confirm] -> ""
    """
    said = read(text)
    assert said.exchanges == (
        Exchange(Cue("login:", "{user}"), timeout=10),
        Exchange(
            [Cue("Password:", "{password}"), Cue("<silence>", "", then="again"), Cue("<closed>", error=ErrorClass.UNREACHABLE)],
            name="word", timeout=2.5, retries=2,
        ),
        Exchange(
            [
                Cue(">", "<ctrl-z>"), Cue("Login incorrect", error="wrong_credentials", text="it is no longer right"),
                Cue("/bu[sz]y/", then="@word"),
            ]
        ),
        Exchange(Cue("#", "show version | include Version")),
        Exchange(Cue("sh", "a ; b", then="end"), capture={"version": r"Version (\S+)"}, expect="Version", forbid="a ; b", level="warning"),
    )  # fmt: skip
    assert said.always == (Cue("/^% .*denied/", error="permission"), Cue("[confirm]", ""))
    assert read(written(said.exchanges, said.always)) == said


@pytest.mark.parametrize(
    "prompt", [">", "#", "<HUAWEI>", "[admin@MikroTik] >", "/ #", "$", "or", "a -> b", "x; y", ";", "; x", 'say "what"', "login: "]
)
def test_prompts_of_real_machines_come_back(prompt: str) -> None:
    exchange = Exchange([Cue(prompt, "x"), Cue(prompt, prompt.replace("<HUAWEI>", ""))])
    assert read(written([exchange], exchange.cues)) == Talked((exchange,), exchange.cues)


@pytest.mark.parametrize(
    ("text", "place", "case"),
    [
        ("", "", "there is no prompt"),
        ("login: -> a ;  -> b", "-> b", None),
        ("login: ->", "", "there is no answer"),
        ("login: -> {user", "{user", "expected '}'"),
        ("login: -> a => home", "home", "leads nowhere"),
        ("a -> b ; c => fail badly", "fail badly", "there is no such class"),
        ("a -> b => fail busy", "fail busy", "it fails, and goes on"),
        ("or a -> b", "or a -> b", "there is no prompt before it"),
        ("warn", "warn", "there is no prompt before it"),
        ("a -> b ; or c within 3 s -> d", "or c within 3 s -> d", "stand with the first prompt"),
        ("a -> b ; capture x (\\S+)", "(\\S+)", "there is no pattern"),
        ("a -> b ; capture x /none/", "capture x /none/", "groups"),
        ("a -> b ; capture x /(a)/ ; capture x /(b)/", "capture x /(b)/", "captured already"),
        ("/(/ -> b", "/(/", "unterminated"),
        ("a -> <ctrl-7>", "<ctrl-7>", "there is no such key"),
        ("a -> <return>", "<return>", "there is no such key"),
        ('a -> "b" c', " c", "is not understood here"),
        ('a -> "\\q"', '"\\q"', "quoted as in JSON"),
        ("a within 5 minutes -> b", " within 5 minutes -> b", "is not understood here"),
    ],
)
def test_an_error_points_at_the_place(text: str, place: str, case: str | None) -> None:
    if case is None:  # odd, and no mistake
        assert read(text)
        return
    with pytest.raises(UnreadableText) as caught:
        read(text)
    assert case in caught.value.case
    assert caught.value.text[caught.value.start : caught.value.end] == place


def test_an_error_in_a_later_line_names_it_and_shows_that_line() -> None:
    with pytest.raises(UnreadableText) as caught:
        read("login: -> a\n# -> b => nowhere")
    assert str(caught.value).splitlines()[1:] == ["  # -> b => nowhere", "            ^^^^^^^"]
    assert "line 2" in caught.value.case


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidValue):
        read(7)  # type: ignore[arg-type]


# there and back

ODD = [
    "or x",
    "always",
    "a -> b",
    "a => b",
    "x ; y",
    "a within 3 s",
    "b retry 4",
    '"',
    "\\",
    "@x y",
    "/x -> y/",
    "expect /a/",
    "warn",
    " # ",
]
TEXTS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]).filter(str.isprintable), min_size=1, max_size=12) | st.sampled_from(
    ODD
)
PROMPTS = TEXTS.filter(lambda text: bool(text.strip()) and not is_pattern(text)) | st.sampled_from(["/a[bc] -> d/", "<other>"])
ANSWERS = TEXTS.map(lambda text: text.replace("{", "").replace("}", "") + "{user}") | st.sampled_from([*KEYS, "", "{shadow.password}"])
CUES = st.one_of(
    st.builds(Cue, PROMPTS, ANSWERS, then=st.sampled_from(["next", "again", "end", "@a-b"])),
    st.builds(Cue, PROMPTS, error=st.sampled_from(ErrorClass), text=st.text(max_size=20)),
    st.builds(Cue, st.sampled_from(["<closed>", "<said> a ; b", "<said> /a/", "<silence>"]), then=st.sampled_from(["end", "@x"])),
)
PATTERNS = st.sampled_from(["a", "x ; y", "/", "a -> b", '"', "\\s+$", "a\nb", " "])
EXCHANGES = st.builds(
    Exchange, st.lists(CUES, min_size=1, max_size=3), name=st.sampled_from(["", "a", "b-1"]), retries=st.integers(0, 3),
    timeout=st.sampled_from([30.0, 0.001, 2.5, 86_400.0]), expect=st.none() | PATTERNS, forbid=st.none() | PATTERNS,
    capture=st.dictionaries(st.sampled_from(["a", "b_1"]), PATTERNS.map(lambda text: f"({text})")),
    level=st.sampled_from(["error", "warning"]),
)  # fmt: skip
ALWAYS = st.builds(Cue, PROMPTS, ANSWERS)


@settings(deadline=None)
@given(st.lists(EXCHANGES, min_size=1, max_size=4), st.lists(ALWAYS, max_size=2))
def test_what_is_written_is_read_as_it_was(exchanges: list[Exchange], always: list[Cue]) -> None:
    assert read(written(exchanges, always)) == Talked(tuple(exchanges), tuple(always))


@settings(deadline=None)
@given(st.lists(EXCHANGES, min_size=1, max_size=4))
def test_one_line_says_the_same_as_several(exchanges: list[Exchange]) -> None:
    assert read(written(exchanges).replace("\n", " ; ")) == read(written(exchanges))


MARKS = st.sampled_from(["a", " -> ", " => ", " ; ", '"', "/", "or ", "within 3 s", "{", "\n", "fail "])


@settings(deadline=None)
@given(st.text(max_size=60) | st.lists(MARKS).map("".join))
def test_whatever_is_written_is_read_or_refused_with_a_place(text: str) -> None:
    with suppress(UnreadableText):
        assert read(text)
        return
    with pytest.raises(UnreadableText) as caught:
        read(text)
    start, end, length = caught.value.start, caught.value.end, len(caught.value.text)
    assert 0 <= start <= end <= length
