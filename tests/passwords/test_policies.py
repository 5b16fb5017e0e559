"""What bars a password, what a host's objection leads to, and that nothing of a password is ever shown."""

from __future__ import annotations

import hmac
import itertools
import random
import traceback
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit import CharacterClass, Dice, FormerPasswords, Keyring, Objection, Passphrases, PasswordPolicy, Passwords, Secret
from taskkit.errors import InvalidValue, MissingKey, Refused
from taskkit.passwords import password_policy

PLAIN = "c4n4ry-Tr0ub4dor"
PIN = Passwords(4, lower=None, upper=None, symbols=None)
KEYS = Keyring({"a": bytes(range(32))}, "a")


class Counting(random.Random):
    """Draws one number after the other."""

    def __init__(self) -> None:
        super().__init__(0)
        self._next = itertools.count()

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        return next(self._next) % start


def pins(**given: Any) -> list[str]:
    rng = Counting()
    return [PIN.draw(rng=rng, **given).reveal() for _ in range(4)]


def told(error: BaseException) -> str:
    """What a tool says that shows the locals of every frame, but for those of tests."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown.stack = traceback.StackSummary.from_list([frame for frame in shown.stack if "tests" not in frame.filename])
    return "".join(shown.format())


# the user's name


@pytest.mark.parametrize("user", ["0001", "1000", "001"])
def test_the_name_of_the_user_is_in_none_nor_backwards(user: str) -> None:
    expected = [text for number in range(9999) if user not in (text := f"{number:04}") and user[::-1] not in text]
    assert pins(user=user) == expected[:4]


def test_a_name_is_found_whatever_its_case() -> None:
    policy = Passwords((1, 40), lower=0, upper=0, digits=0, symbols=0)
    said = ("it holds the user's name, or that backwards",)
    for text in ("xOrAcLex", "xELCARox", "oracle"):
        assert policy.faults(Secret(text), user="Oracle") == said
    assert policy.faults(Secret("oracl-e"), user="Oracle") == ()
    assert attrs.evolve(policy, without_user=False).faults(Secret("oracle"), user="Oracle") == ()


@given(st.text("ab-", min_size=3, max_size=5), st.integers(0, 99))
def test_what_is_drawn_never_holds_the_name(user: str, seed: int) -> None:
    policy = Passwords(8, only="abcABC1-")
    text = policy.draw(user=user, rng=Dice(seed)).reveal().lower()
    assert user not in text
    assert user[::-1] not in text


def test_names_of_one_or_two_characters_are_in_most_passwords_and_passed_over() -> None:
    assert pins(user="00") == pins()


# what was


def test_none_of_the_last_is_drawn_again() -> None:
    former = [Secret(text) for text in ("0000", "0002", "0004", "0001")]
    assert pins(former=former) == ["0001", "0003", "0005", "0006"]
    assert pins(former=FormerPasswords(former)) == pins(former=former)


def test_faults_tell_of_what_was_drawn_before() -> None:
    former = [Secret("1111"), Secret("2222")]
    assert PIN.faults(Secret("2222"), former=former) == ("it is one of the last 3",)
    assert attrs.evolve(PIN, history=1).faults(Secret("1111"), former=former) == ("it is the last one",)
    assert attrs.evolve(PIN, history=1).faults(Secret("2222"), former=former) == ()
    assert attrs.evolve(PIN, history=0).faults(Secret("1111"), former=former) == ()


def test_hashes_do_as_well_as_the_passwords_themselves() -> None:
    former = FormerPasswords(keyring=KEYS, account="db-1")
    kept = [former.print_of(Secret(text)) for text in ("0000", "0002")]
    known = FormerPasswords([Secret("0003"), *kept], keyring=KEYS, account="db-1")
    assert pins(former=known) == ["0001", "0004", "0005", "0006"]


def test_a_hash_depends_on_password_key_and_account() -> None:
    def hashed(text: str, keys: Keyring = KEYS, account: str = "db-1") -> str:
        return FormerPasswords(keyring=keys, account=account).print_of(Secret(text)).partition(":")[2]

    other = Keyring({"a": bytes(range(1, 33))}, "a")
    hashes = [hashed("0000"), hashed("0001"), hashed("0000", other), hashed("0000", account="db-2"), hashed("10000", account="db-")]
    assert len(set(hashes)) == 5


def test_a_hash_stays_what_it_is() -> None:
    """Products keep them for years."""
    kept = FormerPasswords(keyring=KEYS, account="db-1").print_of(Secret("0000"))
    assert kept == "a:a1b6564920c6d215e9203286e3dea226f72cd875930c1f3daea112341fc22346"
    message = b"\0\0\0\x04db-1" + b"0000"
    assert kept == f"a:{hmac.new(KEYS.derived('former passwords'), message, 'sha256').hexdigest()}"


def test_a_hash_of_an_older_key_is_compared_with_that_key() -> None:
    kept = FormerPasswords(keyring=KEYS).print_of(Secret("0000"))
    both = KEYS.add("b", Keyring.new_key())
    assert FormerPasswords([kept], keyring=both).holds(Secret("0000"), 1)
    assert not FormerPasswords([kept], keyring=both).holds(Secret("0001"), 1)
    assert FormerPasswords(keyring=both).print_of(Secret("0000")).startswith("b:")
    with pytest.raises(MissingKey) as caught:
        PIN.draw(former=FormerPasswords([kept], keyring=both.retired("a")))
    assert caught.value.missing == "a"


def test_s01_a_hash_that_cannot_be_checked_shows_no_candidate() -> None:
    former = FormerPasswords([FormerPasswords(keyring=KEYS).print_of(Secret("0000"))], keyring=Keyring.generate("b"))
    with pytest.raises(MissingKey) as caught:
        Passwords(6, only="Q", lower=None, digits=None, symbols=None).draw(former=former)
    assert "QQQQQQ" not in told(caught.value)


@pytest.mark.parametrize("given", [[PLAIN], PLAIN, PLAIN.encode(), [PLAIN.encode()], [Secret("x"), PLAIN], [f"a:{PLAIN}"]], ids=repr)
def test_s01_a_password_among_the_former_ones_is_refused_and_not_repeated(given: Any) -> None:
    uses: list[Callable[[], object]] = [
        lambda: FormerPasswords(given, keyring=KEYS),
        lambda: Passwords().draw(former=given),
        lambda: Passwords().faults(Secret("x"), former=given),
    ]
    for use in uses:
        with pytest.raises(InvalidValue, match="making FormerPasswords") as caught:
            use()
        assert PLAIN not in told(caught.value)


def test_hashes_need_a_keyring() -> None:
    kept = FormerPasswords(keyring=KEYS).print_of(Secret("0000"))
    with pytest.raises(InvalidValue, match="there are hashes and no keyring"):
        FormerPasswords([kept])
    with pytest.raises(Refused, match="there is no keyring"):
        FormerPasswords().print_of(Secret("0000"))
    with pytest.raises(InvalidValue, match="the keyring is a dict"):
        FormerPasswords(keyring={"a": b"key"})  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="the account is a int"):
        FormerPasswords(account=3)  # type: ignore[arg-type]


def test_s01_former_passwords_do_not_show() -> None:
    former = FormerPasswords([Secret(PLAIN), FormerPasswords(keyring=KEYS).print_of(Secret(PLAIN))], keyring=KEYS)
    assert repr(former) == "FormerPasswords(<2>)"
    assert not hasattr(former, "__dict__")


# drawing


def test_where_nothing_is_left_it_says_so() -> None:
    coin = Passwords(1, lower=None, upper=None, symbols=None, only="01")
    assert coin.draw(former=[Secret("0")]).reveal() == "1"
    with pytest.raises(Refused, match=r"in 1,000 tries each held the user's name or was a former one; allow more") as caught:
        coin.draw(former=[Secret("0"), Secret("1")])
    assert str(coin) in str(caught.value)


def test_s01_where_nothing_is_left_no_candidate_is_shown() -> None:
    policy = Passwords(6, only="Q", lower=None, digits=None, symbols=None)
    with pytest.raises(Refused) as caught:
        policy.draw(former=[Secret("QQQQQQ")])
    assert "QQQQQQ" not in told(caught.value)


def test_s01_what_is_drawn_is_a_secret() -> None:
    for policy in (Passwords(), Passphrases()):
        assert repr(policy.draw()) == "Secret(…)"
        assert not policy.draw().same_as(policy.draw())


def test_a_seed_decides_what_a_test_draws() -> None:
    for policy in (Passwords(), Passphrases()):
        assert policy.draw(rng=Dice(3)).same_as(policy.draw(rng=Dice(3)))
        assert not policy.draw(rng=Dice(3)).same_as(policy.draw(rng=Dice(4)))


def test_without_a_seed_the_system_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = random.SystemRandom.getrandbits

    def bits(self: random.SystemRandom, count: int) -> int:
        asked.append(count)
        return real(self, count)

    monkeypatch.setattr(random.SystemRandom, "getrandbits", bits)
    assert Passwords().faults(Passwords().draw()) == ()
    assert asked


@pytest.mark.parametrize("given", [PLAIN, PLAIN.encode(), None])
def test_s01_faults_are_looked_for_in_secrets_alone(given: Any) -> None:
    with pytest.raises(InvalidValue, match="make a Secret of it") as caught:
        Passwords().faults(given)
    assert PLAIN not in told(caught.value)


def test_s01_faults_show_nothing_of_a_password() -> None:
    for policy in (Passwords(30, runs=1, first="digits", last="digits"), Passphrases(2), PIN):
        found = policy.faults(Secret(PLAIN), user="canary", former=[Secret(PLAIN)])
        assert found
        assert not [piece for piece in (PLAIN, *PLAIN.split("-")) if piece in "".join(found)]


# warnings and objections


def test_a_weak_policy_is_accepted_with_a_warning() -> None:
    assert PIN.warning == "13 bits, fewer than 40: who gets hold of a hash of it finds it by trying"
    assert Passphrases(2).warning.startswith("33 bits")
    assert Passphrases(3).warning == Passwords(8).warning == ""


def test_too_simple_is_answered_with_more_of_each_class() -> None:
    policy = Passwords((12, 14), symbols=0, own=CharacterClass("marks", "!?", 0))
    harder = policy.stricter(Objection.TOO_SIMPLE)
    assert str(harder) == (
        "14 characters: lower (at least 2), upper (at least 2), digits (at least 2), symbols (at least 1) and marks (at least 1);"
        " begins with a letter"
    )
    assert PIN.stricter(Objection.TOO_SIMPLE) == attrs.evolve(PIN, digits=2)
    assert attrs.evolve(PIN, digits=4).stricter(Objection.TOO_SIMPLE) is None


def test_too_short_is_answered_with_the_longest() -> None:
    longer = Passwords((12, 14)).stricter(Objection.TOO_SHORT)
    assert longer == Passwords(14)
    assert Passwords(14).stricter(Objection.TOO_SHORT) is None


def test_phrases_get_longer_and_richer() -> None:
    assert Passphrases(5).stricter(Objection.TOO_SHORT) == Passphrases(6)
    richer = Passphrases(5, separator="", history=9).stricter(Objection.TOO_SIMPLE)
    assert richer == Passphrases(5, capital=True, digit=True, history=9)
    assert richer.stricter(Objection.TOO_SIMPLE) == attrs.evolve(richer, words=6)
    assert Passphrases(24).stricter(Objection.TOO_SHORT) is None


@pytest.mark.parametrize("policy", [Passwords(), Passphrases()], ids=str)
def test_of_what_was_there_another_one_is_drawn_and_what_is_too_young_has_to_wait(policy: PasswordPolicy) -> None:
    assert policy.stricter(Objection.IN_HISTORY) is policy
    assert policy.stricter(Objection.OTHER) is policy
    assert policy.stricter(Objection.TOO_YOUNG) is None
    assert policy.stricter("too_young") is None  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="too_long"):
        policy.stricter("too_long")  # type: ignore[arg-type]


@pytest.mark.parametrize("objection", Objection)
@pytest.mark.parametrize("policy", [Passwords(8), Passwords((8, 16), symbols=0), Passphrases(20), PIN], ids=str)
def test_what_a_stricter_policy_draws_the_first_one_allows(policy: PasswordPolicy, objection: Objection) -> None:
    for _ in range(40):
        harder = policy.stricter(objection)
        if harder is None or harder is policy:
            return
        if isinstance(policy, Passwords):
            assert policy.faults(harder.draw(rng=Dice(1))) == ()
        policy = harder
    pytest.fail("it never ends")


# documents


@pytest.mark.parametrize("policy", [Passwords(), Passphrases()])
def test_a_policy_is_taken_as_it_is(policy: PasswordPolicy) -> None:
    assert password_policy(policy) is policy


@pytest.mark.parametrize(
    ("given", "case"),
    [
        (None, "it is a NoneType"),
        ("passwords", "it is a str"),
        ({}, "there is no kind None"),
        ({"kind": "phrases"}, "there is no kind 'phrases'"),
        ({"kind": ["passwords"]}, "there is no kind"),
        ({"kind": "passwords", "lenght": 3}, "lenght"),
        ({"kind": "passwords", "own": [{"name": "hex"}]}, "characters"),
        ({"kind": "passwords", "own": [{"name": "hex", "characters": "a", "most": 2}]}, "most"),
        ({"kind": "passwords", "length": [1, 3]}, "no password is"),
        ({"kind": "passphrases", "words": "5"}, "whole number"),
    ],
)
def test_what_describes_no_policy_is_refused_with_the_reason(given: Any, case: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        password_policy(given)
    assert case in str(caught.value)
