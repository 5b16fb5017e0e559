"""A secret gets out by `.reveal()` and by nothing else."""

from __future__ import annotations

import copy
import inspect
import json
import logging
import pickle
import pprint
import sys
import traceback
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from taskkit.errors import InvalidValue
from taskkit.secrets import Secret

PLAIN = "c4n4ry-Tr0ub4dor&3"


@attrs.frozen
class Holder:
    held: Secret


def captured(secret: Secret) -> str:
    """What a tool says that shows the locals of every frame."""
    try:
        raise RuntimeError(secret)
    except RuntimeError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def slots(secret: Secret) -> str:
    return repr([getattr(secret, name) for name in Secret.__slots__])


SHOWN: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": format,
    "an f-string": lambda secret: f"{secret} {secret!r} {secret!s} {secret:>40} {secret:d}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "str.format": lambda secret: "{0} {0!r} {0:>40}".format(secret),  # noqa: UP032
    "inside a list": lambda secret: str([secret]),
    "inside a value": lambda secret: repr(Holder(secret)),
    "attrs.asdict": lambda secret: repr(attrs.asdict(Holder(secret))),
    "pprint": pprint.pformat,
    "JSON that takes everything": lambda secret: json.dumps(secret, default=str),
    "its members": lambda secret: repr(inspect.getmembers(secret)),
    "its slots": slots,
    "a traceback with locals": captured,
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize("plain", [PLAIN, PLAIN.encode()], ids=["text", "bytes"])
def test_s01_a_secret_never_shows(show: Callable[[Secret], str], plain: str | bytes) -> None:
    said = show(Secret(plain))
    assert PLAIN not in said
    assert PLAIN[2:8] not in said


@pytest.mark.parametrize("show", [repr, str, format, "{:>40}".format, "{!r}".format])
def test_s01_a_secret_says_the_same_whatever_it_holds(show: Callable[[Secret], str]) -> None:
    assert {show(Secret(plain)) for plain in ("a", PLAIN, b"\xff", "x" * 10_000)} == {"Secret(…)"}


def test_s01_the_size_of_a_secret_does_not_tell_its_length() -> None:
    assert sys.getsizeof(Secret("a")) == sys.getsizeof(Secret("x" * 10_000))


def test_s01_a_secret_in_a_log_line_does_not_show(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("taskkit").warning("logging in with %s, %r", Secret(PLAIN), Secret(PLAIN))
    assert caplog.messages == ["logging in with Secret(…), Secret(…)"]


def test_s01_a_secret_opens_by_reveal() -> None:
    for plain in (PLAIN, "pässwörd ", "\0\n", "🗝"):
        for secret in (Secret(plain), Secret(plain.encode())):
            assert secret.reveal() == plain
            assert secret.reveal_bytes() == plain.encode()


def test_s01_what_is_revealed_is_plain_text_whatever_it_was_made_of() -> None:
    class Told(str):
        __slots__ = ()

        def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
            return b"other"

    secret = Secret(Told(PLAIN))
    assert (secret.reveal(), type(secret.reveal())) == (PLAIN, str)


def test_s01_a_key_that_is_no_text_opens_as_bytes_only() -> None:
    secret = Secret(b"c4n4ry\xff\xfe")
    assert secret.reveal_bytes() == b"c4n4ry\xff\xfe"
    with pytest.raises(InvalidValue, match="use reveal_bytes") as caught:
        secret.reveal()
    assert silent(caught.value)


REFUSED: dict[str, Any] = {
    "no text": 12345678,
    "nothing": None,
    "a list": ["c4n4ry"],
    "a bytearray": bytearray(b"c4n4ry"),
    "half a character": "c4n4ry\ud800",
    "empty text": "",
    "no bytes": b"",
}


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED)
def test_s01_what_is_no_secret_is_refused_without_repeating_it(given: Any) -> None:
    with pytest.raises(InvalidValue, match="making a Secret") as caught:
        Secret(given)
    assert silent(caught.value)
    assert not given or str(given) not in str(caught.value)


def silent(error: BaseException) -> bool:
    """Whether neither the error nor one that it hides holds a part of the secret: a Unicode error has it as `object`."""
    return (
        error.__context__ is None
        and error.__cause__ is None
        and "c4n4ry" not in f"{error!r} {vars(error)}"
        and "12345678" not in str(error)
    )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_s01_a_secret_is_never_pickled(protocol: int) -> None:
    for holder in (Secret(PLAIN), [Secret(PLAIN)], Holder(Secret(PLAIN))):
        with pytest.raises(TypeError, match="pickling a Secret: it lives for one run"):
            pickle.dumps(holder, protocol)


def test_s01_a_secret_is_never_json() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps({"password": Secret(PLAIN)})


def test_s01_a_copy_of_a_secret_is_itself() -> None:
    secret = Secret(PLAIN)
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret


def test_s01_two_secrets_are_never_equal_by_accident() -> None:
    secret, other = Secret(PLAIN), Secret(PLAIN)
    assert secret == secret
    assert secret != other
    assert secret != PLAIN  # type: ignore[comparison-overlap]
    assert len({secret, other}) == 2
    assert Holder(secret) != Holder(other)


def test_s01_two_secrets_are_compared_on_purpose() -> None:
    assert Secret(PLAIN).same_as(Secret(PLAIN))
    assert Secret(PLAIN).same_as(Secret(PLAIN.encode()))
    assert Secret("pässwörd").same_as(Secret("pässwörd"))
    assert not Secret(PLAIN).same_as(Secret(PLAIN + "x"))
    assert not Secret(PLAIN).same_as(Secret(PLAIN.upper()))


def test_s01_a_secret_is_compared_with_a_secret_only() -> None:
    with pytest.raises(InvalidValue, match="the other is a str") as caught:
        Secret(PLAIN).same_as(PLAIN)  # type: ignore[arg-type]
    assert PLAIN not in str(caught.value)


def test_s01_a_secret_does_not_change() -> None:
    secret = Secret(PLAIN)
    for name in ("_open", "more", "__class__"):
        with pytest.raises(AttributeError, match="does not change"):
            setattr(secret, name, Secret)
        with pytest.raises(AttributeError, match="does not change"):
            delattr(secret, name)
    secret.__init__("other")  # type: ignore[call-arg]
    assert secret.reveal() == PLAIN
    assert not hasattr(secret, "__dict__")


USES: dict[str, Callable[[Any], object]] = {
    "len": len,
    "iter": iter,
    "bytes": bytes,
    "int": int,
    "an item": lambda secret: secret[0],
    "in": lambda secret: "a" in secret,
    "plus": lambda secret: "a" + secret,
    "order": lambda secret: secret < Secret("b"),
    "join": lambda secret: "".join([secret]),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_s01_a_secret_is_no_text_and_no_list(use: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError) as caught:
        use(Secret(PLAIN))
    assert PLAIN not in str(caught.value)


def test_s01_every_secret_is_true() -> None:
    assert all(map(bool, (Secret("0"), Secret(b"\0"), Secret(" "))))
