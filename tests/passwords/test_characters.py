"""Passwords of characters: each that is drawn keeps what its policy demands, all are as likely, and what cannot be is refused early."""

from __future__ import annotations

import string
from collections import Counter
from functools import cache
from itertools import groupby, product
from math import cbrt, log2, sqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit import LOOK_ALIKES, CharacterClass, Dice, Passwords, Secret
from taskkit.errors import InvalidValue
from taskkit.passwords import SYMBOLS
from taskkit.passwords._counting import MOST_STEPS, Demands, Spellings

#: Small enough to write all passwords down.
ALPHABET = "abC1-"
OFTEN = settings(max_examples=150, deadline=None)


@st.composite
def demands(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of a policy, possible or not."""
    shortest = draw(st.integers(1, 4))
    least = st.none() | st.integers(0, 2)
    marks = st.text(ALPHABET, min_size=1, max_size=3)
    own = [CharacterClass(name, draw(marks), draw(st.integers(0, 2))) for name in ("hex", "odd")[: draw(st.integers(0, 2))]]
    found: dict[str, Any] = {
        "length": (shortest, draw(st.integers(shortest, 4))),
        "lower": draw(least), "upper": draw(least), "digits": draw(least), "symbols": draw(least), "own": own,
        "only": ALPHABET if draw(st.booleans()) else draw(marks), "without": draw(st.sampled_from(["", "a", "1-"])),
        "runs": draw(st.none() | st.integers(1, 3)), "history": 0, "without_user": False,
    }  # fmt: skip
    classes = [name for name in ("lower", "upper", "digits", "symbols") if found[name] is not None] + [one.name for one in own]
    if classes:
        found["first"] = draw(st.none() | st.frozensets(st.sampled_from(classes), max_size=2))
        found["last"] = draw(st.frozensets(st.sampled_from(classes), max_size=2))
    return found


def classes_of(said: dict[str, Any]) -> dict[str, tuple[set[str], int]]:
    ours = {"lower": string.ascii_lowercase, "upper": string.ascii_uppercase, "digits": string.digits, "symbols": SYMBOLS}
    found = {name: (set(known), said[name]) for name, known in ours.items() if said[name] is not None}
    return found | {one.name: (set(one.characters), one.least) for one in said["own"]}


def allowed(text: str, said: dict[str, Any]) -> bool:
    """The demands once more, said by somebody else."""
    classes = classes_of(said)
    first = {"lower", "upper"} & set(classes) if said["first"] is None else said["first"]
    return (
        said["length"][0] <= len(text) <= said["length"][1]
        and all(sum(one in known for one in text) >= least for known, least in classes.values())
        and all(any(one in known for known, _ in classes.values()) for one in text)
        and all(one in said["only"] and one not in said["without"] for one in text)
        and (not first or any(text[0] in classes[name][0] for name in first))
        and (not said["last"] or any(text[-1] in classes[name][0] for name in said["last"]))
        and (said["runs"] is None or all(len([*run]) <= said["runs"] for _, run in groupby(text)))
    )


@cache
def texts() -> tuple[str, ...]:
    return tuple("".join(told) for length in range(1, 5) for told in product(ALPHABET, repeat=length))


def all_of(said: dict[str, Any]) -> set[str]:
    return {text for text in texts() if allowed(text, said)}


def made(said: dict[str, Any]) -> Passwords | None:
    try:
        return Passwords(**said)
    except InvalidValue as error:
        assert "no password is" in str(error) or "no class of characters" in str(error)  # noqa: PT017  nothing else is refused here
        return None


@OFTEN
@given(demands())
def test_a_policy_counts_the_passwords_that_it_allows_and_is_refused_where_there_is_none(said: dict[str, Any]) -> None:
    policy = made(said)
    assert (policy.possible if policy else 0) == (len(all_of(said)) if classes_of(said) else 0)


@OFTEN
@given(demands())
def test_each_number_names_another_password_and_each_password_has_one(said: dict[str, Any]) -> None:
    if policy := made(said):
        assert {policy._numbered(number) for number in range(policy.possible)} == all_of(said)


@OFTEN
@given(demands())
def test_what_a_policy_allows_has_no_faults_and_all_else_has(said: dict[str, Any]) -> None:
    if policy := made(said):
        rightly = all_of(said)
        assert [text for text in texts() if (text in rightly) == bool(policy.faults(Secret(text)))] == []


@OFTEN
@given(demands(), st.integers(0, 9))
def test_what_is_drawn_has_no_faults(said: dict[str, Any], seed: int) -> None:
    if policy := made(said):
        assert policy.faults(policy.draw(rng=Dice(seed))) == ()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(8, 40), st.tuples(*[st.integers(0, 2)] * 4), st.none() | st.integers(1, 3), st.sampled_from(["", LOOK_ALIKES]),
    st.integers(0, 99),
)  # fmt: skip
def test_what_is_drawn_of_everyday_policies_has_no_faults(
    length: int, least: tuple[int, int, int, int], runs: int | None, without: str, seed: int
) -> None:
    lower, upper, digits, symbols = least
    policy = Passwords(length, lower=lower, upper=upper, digits=digits, symbols=symbols, runs=runs, without=without)
    rng = Dice(seed)
    assert [policy.faults(policy.draw(user="oracle", rng=rng), user="oracle") for _ in range(5)] == [()] * 5


@OFTEN
@given(demands())
def test_what_cannot_go_together_is_named_and_nothing_besides(said: dict[str, Any]) -> None:
    if not classes_of(said) or made(said):
        return
    named = conflict(said)
    others = [part for part in RELAXED if part not in {word_of(told, said) for told in named}]
    alone = relaxed(said, *others)
    assert conflict(alone) == named
    for told in named:
        assert Passwords(**relaxed(alone, word_of(told, said))).possible


def conflict(said: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidValue) as caught:
        Passwords(**said)
    return caught.value.case.removeprefix("no password is ").split(", ")


def word_of(told: str, said: dict[str, Any]) -> str:
    """Which demand a part of the message tells of."""
    known = classes_of(said)
    return next((name for name in known if told.startswith("with at") and told.endswith(f" of {name}")), "") or next(
        word for word in RELAXED if told.startswith(word)
    )


#: The beginnings of what is said of each demand, and the names of classes.
RELAXED = ("at least", "at most", "beginning", "ending", "with no", "of", "without", "lower", "upper", "digits", "symbols", "hex", "odd")


def relaxed(said: dict[str, Any], *words: str) -> dict[str, Any]:
    low, high = said["length"]
    changed: dict[str, dict[str, Any]] = {
        "beginning": {"first": ()}, "ending": {"last": ()}, "with no": {"runs": None}, "of": {"only": ""}, "without": {"without": ""},
        **{name: {name: 0} for name in ("lower", "upper", "digits", "symbols") if said[name]},
    }  # fmt: skip
    own = [CharacterClass(one.name, one.characters, 0) if one.name in words else one for one in said["own"]]
    length = (1 if "at least" in words else low, 20 if "at most" in words else high)
    found = {**said, "own": own, "length": length}
    for word in words:
        found |= changed.get(word, {})
    return found


def likely(statistic: float, cells: int) -> bool:
    """Whether a chi-square of so many cells is within what even draws show but once in ten thousand times (Wilson and Hilferty)."""
    freedom = cells - 1
    return abs(cbrt(statistic / freedom) - (1 - 2 / (9 * freedom))) / sqrt(2 / (9 * freedom)) < 3.72


@pytest.mark.parametrize(
    "policy",
    [
        Passwords((3, 4), symbols=None, only="abcXY12", runs=1, last="digits"),
        Passwords(4, lower=0, upper=0, digits=2, symbols=None, only="abCD12", first=()),
        Passwords((2, 4), lower=1, upper=None, digits=0, symbols=0, only="ab1-", runs=2, own=CharacterClass("marks", "1-", 1)),
    ],
    ids=str,
)
def test_all_passwords_are_as_likely_in_a_hundred_thousand_draws(policy: Passwords) -> None:
    rng, drawn = Dice(20260321), 100_000
    seen = Counter(policy.draw(rng=rng).reveal() for _ in range(drawn))
    expected = drawn / policy.possible
    assert expected > 50
    cells = [seen[policy._numbered(number)] for number in range(policy.possible)]
    assert sum(cells) == drawn
    assert likely(sum((found - expected) ** 2 / expected for found in cells), policy.possible)


def test_the_default_is_drawn_even_at_each_place() -> None:
    """Of a place in the middle any character is known to be as likely as any other of its class."""
    policy, rng = Passwords(), Dice(7)
    seen = Counter[str]()
    for _ in range(10_000):
        text = policy.draw(rng=rng).reveal()
        seen[text[5]] += 1
    for known in (string.ascii_lowercase, string.ascii_uppercase, string.digits, SYMBOLS):
        cells = [seen[one] for one in known]
        expected = sum(cells) / len(cells)
        assert likely(sum((found - expected) ** 2 / expected for found in cells), len(cells))


def test_the_default_is_sensible() -> None:
    policy = Passwords()
    assert str(policy) == "24 characters: lower, upper, digits and symbols, at least 1 each; begins with a letter"
    assert 144 < policy.entropy < 24 * log2(66)
    assert policy.warning == ""
    assert not set(SYMBOLS) & set("\"'`\\:$%&;<>|()[]{}*?!#=@/,+^ \t\n")


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Passwords(20), "20 characters: lower, upper, digits and symbols, at least 1 each; begins with a letter"),
        (Passwords((16, 20), digits=2), "16 to 20 characters: lower (at least 1), upper (at least 1), digits (at least 2) and symbols"
         " (at least 1); begins with a letter"),
        (Passwords(12, lower=None, upper=None, symbols=None), "12 characters: digits, at least 1"),
        (Passwords(12, lower=None, upper=None, symbols=None, digits=0, runs=1), "12 characters: digits; no character twice in a row"),
        (Passwords(9, without=LOOK_ALIKES, last=["digits"], runs=2), "9 characters: lower, upper, digits and symbols, at least 1 each;"
         " without 0O1Il; begins with a letter; ends with a digit; no character more than 2 times in a row"),
        (Passwords(40, lower=None, upper=None, digits=None, symbols=None, own=CharacterClass("hex", "0123456789abcdef"), history=12),
         "40 characters: hex, at least 1; unlike the last 12"),
        (Passwords(9, symbols=0, only="abAB12-", first=("symbols", "digits"), without_user=False, history=0), "9 characters: lower (at"
         " least 1), upper (at least 1), digits (at least 1) and symbols; of abAB12- only; begins with a digit or a symbol; perhaps with"
         " the user's name in it; perhaps one that was"),
        (Passwords(1, upper=None, digits=None, symbols=None), "1 character: lower, at least 1; begins with a small letter"),
    ],
)  # fmt: skip
def test_a_policy_is_a_sentence(policy: Passwords, said: str) -> None:
    assert str(policy) == said


@pytest.mark.parametrize(
    ("said", "case"),
    [
        ({"length": 6, "lower": 2, "upper": 2, "digits": 3, "symbols": 0},
         "no password is at most 6 long, with at least 2 of lower, with at least 2 of upper, with at least 3 of digits"),
        ({"without": string.digits}, "no password is with at least 1 of digits, without '0123456789'"),
        ({"only": "abc"}, "no password is with at least 1 of symbols, of 'abc' only"),
        ({"length": 2, "lower": 0, "upper": 0, "symbols": 0, "digits": 2, "first": "lower"},
         "no password is at most 2 long, with at least 2 of digits, beginning with a small letter"),
        ({"lower": 0, "upper": 0, "without": string.ascii_letters}, "no password is beginning with a letter, without 'abc"),
        ({"length": 1, "digits": 0, "symbols": 0, "upper": 0, "lower": 0, "last": "digits", "first": "lower"},
         "no password is at most 1 long, beginning with a small letter, ending with a digit"),
        ({"upper": 0, "lower": 1, "digits": 0, "symbols": 0, "only": "a", "runs": 2, "length": (5, 9)},
         "no password is at least 5 long, with no character more than 2 times in a row, of 'a' only"),
        ({"first": "hex"}, "it is to begin with 'hex', and has no such class"),
        ({"symbols": None, "last": "symbols"}, "it is to end with 'symbols', and has no such class"),
        ({"lower": None, "upper": None, "digits": None, "symbols": None}, "there is no class of characters"),
        ({"own": CharacterClass("lower", "xyz")}, "there are two classes 'lower'"),
        ({"own": [CharacterClass("a", "xyz"), CharacterClass("a", "xyz")]}, "there are two classes 'a'"),
        ({"own": ["xyz"]}, "one of its own classes is a str"),
        ({"length": 200, "lower": 20, "upper": 20, "digits": 20, "symbols": 20}, "there is too much to count"),
        ({"length": 0}, "it is no length"),
        ({"length": (9, 8)}, "it is no length"),
        ({"length": "20"}, "it is no length"),
        ({"length": True}, "it is no length"),
        ({"length": 257}, "it is no length"),
        ({"length": (1, 2, 3)}, "it is no length"),
        ({"lower": -1}, "whole number"),
        ({"runs": 0}, "whole number"),
        ({"without": "\n"}, "cannot be printed"),
        ({"only": 3}, "it is a int"),
        ({"history": -1}, "whole number"),
        ({"without_user": 1}, "it is a int"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_when_it_is_made_with_what_cannot_go_together(said: dict[str, Any], case: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Passwords(**said)
    assert case in caught.value.case


@pytest.mark.parametrize("said", [{}, {"runs": 1}, {"runs": 50}, {"only": "aB"}, {"only": "a", "runs": 3}], ids=str)
@pytest.mark.parametrize("length", [1, 5])
def test_what_cannot_be_is_refused_soon(length: int, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is asked for: so many steps take a second or so."""
    counted = list[int]()

    def count(demands: Demands) -> Spellings:
        counted.append(demands.steps)
        return Spellings(demands)

    monkeypatch.setattr("taskkit.passwords._characters.Spellings", count)
    with pytest.raises(InvalidValue, match="no password is"):
        Passwords(length, lower=20, upper=20, digits=20, symbols=20, **said)
    assert sum(counted) < 3 * MOST_STEPS


@pytest.mark.parametrize(
    "said", [{"name": ""}, {"characters": ""}, {"characters": "a\n"}, {"characters": 3}, {"least": -1}, {"least": 1.5}]
)
def test_a_class_without_name_or_characters_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="CharacterClass"):
        CharacterClass(**{"name": "hex", "characters": "abc", **said})


def test_characters_in_two_classes_count_for_both() -> None:
    policy = Passwords(3, lower=3, upper=None, digits=None, symbols=None, own=CharacterClass("vowels", "aeiou", 3))
    assert policy.possible == 5**3


def faults(policy: Passwords, text: str) -> list[str]:
    found = policy.faults(Secret(text))
    assert not [part for part in found if text in part]
    return [*found]


def test_faults_say_what_is_broken_and_not_by_what() -> None:
    policy = Passwords((8, 10), digits=2, symbols=0, last="digits", runs=2, without="l")
    assert faults(policy, "Abcdef12") == []
    assert faults(policy, "Abc12") == ["it is shorter than 8 characters"]
    assert faults(policy, "Abcdefghij12") == ["it is longer than 10 characters"]
    assert faults(policy, "abcdef12") == ["it has fewer than 1 of upper"]
    assert faults(policy, "Abcdefg1") == ["it has fewer than 2 of digits"]
    assert faults(policy, "Abc l f12") == ["it holds characters that are not allowed"]
    assert faults(policy, "1Abcdef2") == ["it does not begin with a letter"]
    assert faults(policy, "Abc12def") == ["it does not end with a digit"]
    assert faults(policy, "Abbbcd12") == ["it has a character more than 2 times in a row"]
    assert policy.faults(Secret(b"\xff\xfe")) == ("it is no text",)


def test_nearly_all_passwords_of_a_range_have_its_longest_length() -> None:
    rng, policy = Dice(1), Passwords((8, 12))
    assert Counter(len(policy.draw(rng=rng).reveal()) for _ in range(200))[12] > 180
