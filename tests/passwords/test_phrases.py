"""Passwords of words: all phrases are as likely, no two are the same text, and lists that would make them so are refused."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import log2
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit import Dice, Passphrases, Secret
from taskkit.errors import InvalidValue
from taskkit.passwords._phrases import SYLLABLES
from tests.passwords.test_characters import likely

ANIMALS = ("cat", "dog", "Bird", "öre")
OFTEN = settings(max_examples=60, deadline=None)
words = st.lists(st.text("abAB", min_size=1, max_size=3), min_size=2, max_size=4)


@st.composite
def phrases(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "words": draw(st.integers(1, 3)), "source": draw(words), "separator": draw(st.sampled_from(["-", "", ". "])),
        "capital": draw(st.booleans()), "digit": draw(st.booleans()),
    }  # fmt: skip


def made(said: dict[str, Any]) -> Passphrases | None:
    try:
        return Passphrases(**said)
    except InvalidValue:
        return None


@OFTEN
@given(phrases())
def test_no_two_phrases_are_the_same_text_and_none_has_faults(said: dict[str, Any]) -> None:
    if policy := made(said):
        texts = [policy._numbered(number) for number in range(policy.possible)]
        assert len(set(texts)) == policy.possible == len(said["source"]) ** said["words"] * (10 if said["digit"] else 1)
        assert [text for text in texts[:200] if policy.faults(Secret(text))] == []


@OFTEN
@given(phrases())
def test_a_list_without_a_separator_is_refused_exactly_where_a_word_begins_another(said: dict[str, Any]) -> None:
    forms = [word[0].upper() + word[1:] if said["capital"] else word for word in said["source"]]
    alike = len({word.lower() for word in said["source"]}) < len(said["source"])
    unclear = not said["separator"] and any(one != other and one.startswith(other) for one, other in product(forms, forms))
    assert (made(said) is None) == (alike or unclear)


@given(st.integers(0, len(SYLLABLES) - 1))
def test_made_up_words_are_known_again_and_none_comes_twice(number: int) -> None:
    word = SYLLABLES[number]
    assert word in SYLLABLES
    assert len(word) == 5
    assert word.isalpha()


def test_each_made_up_word_is_another_one() -> None:
    assert len({*SYLLABLES}) == len(SYLLABLES) == 102_400
    assert SYLLABLES[:2] == ["babab", "babad"]
    assert "babaa" not in SYLLABLES
    assert "baba" not in SYLLABLES


def test_all_phrases_are_as_likely_in_a_hundred_thousand_draws() -> None:
    policy, rng = Passphrases(3, source=ANIMALS, capital=True, digit=True), Dice(5)
    seen = Counter(policy.draw(rng=rng).reveal() for _ in range(100_000))
    expected = 100_000 / policy.possible
    assert expected > 50
    assert likely(sum((seen[policy._numbered(number)] - expected) ** 2 / expected for number in range(policy.possible)), policy.possible)


def test_the_entropy_is_that_of_words_and_digit_alone() -> None:
    assert Passphrases(6, source=ANIMALS).entropy == 12
    assert Passphrases(6, source=ANIMALS, capital=True, separator="").entropy == 12
    assert Passphrases(2, digit=True).entropy == pytest.approx(2 * log2(102_400) + log2(10))


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Passphrases(), "5 words of two syllables each: joined by -"),
        (Passphrases(6, source=ANIMALS, separator="", capital=True, digit=True),
         "6 words of a list of 4: in one, each with a capital, a digit at the end"),
        (Passphrases(1, history=0), "1 word of two syllables each: joined by -; perhaps one that was"),
    ],
)  # fmt: skip
def test_a_policy_of_words_is_a_sentence(policy: Passphrases, said: str) -> None:
    assert str(policy) == said


def test_the_words_of_a_list_are_not_shown() -> None:
    assert "source=<4 words>" in repr(Passphrases(source=ANIMALS))


@pytest.mark.parametrize(
    ("said", "case"),
    [
        ({"words": 0}, "whole number"),
        ({"words": 25}, "whole number"),
        ({"source": "cat"}, "twice, or alone"),
        ({"source": ["cat", "Cat"]}, "twice, or alone"),
        ({"source": ["cat", "t-shirt", "b2", 3]}, "3 of 4 are no words"),
        ({"source": ["cat", ""]}, "1 of 2 are no words"),
        ({"separator": "x"}, "part of a word"),
        ({"separator": "1"}, "part of a word"),
        ({"separator": "----"}, "part of a word"),
        ({"separator": "\n"}, "part of a word"),
        ({"separator": None}, "NoneType"),
        ({"source": ["cat", "cattle"], "separator": ""}, "some words begin with others"),
        ({"capital": "yes"}, "it is a str"),
        ({"digit": 1}, "it is a int"),
    ],
)  # fmt: skip
def test_what_makes_no_phrases_is_refused(said: dict[str, Any], case: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Passphrases(**said)
    assert case in caught.value.case


def test_faults_say_what_a_phrase_breaks() -> None:
    def faults(policy: Passphrases, text: str) -> tuple[str, ...]:
        return policy.faults(Secret(text))

    policy = Passphrases(2, source=ANIMALS, capital=True, digit=True)
    assert faults(policy, "Cat-Bird7") == ()
    assert faults(policy, "Cat-Bird") == ("it does not end with a digit",)
    assert faults(policy, "Cat-Bird-Dog7") == ("it has not 2 words with the separator between them",)
    assert faults(policy, "Cat-bird7") == ("it holds what is no word of the list, with a capital",)
    assert faults(policy, "7") == (
        "it has not 2 words with the separator between them",
        "it holds what is no word of the list, with a capital",
    )
    assert faults(Passphrases(2, capital=True), "Bakud-Horap") == ()
    assert faults(Passphrases(2, capital=True), "Bakud-horap") == ("it holds what is no word of the list, with a capital",)
    assert faults(Passphrases(2, capital=True), "Bakud-HOrap") == ("it holds what is no word of the list, with a capital",)
    assert faults(Passphrases(2, separator=""), "bakudhorap") == ()
    assert faults(Passphrases(2, separator=""), "bakudhorapx") == ("it has not 2 words", "it holds what is no word of the list")
    assert faults(Passphrases(2, source=ANIMALS, separator=""), "catöre") == ()
