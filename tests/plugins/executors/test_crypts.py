"""Hashes of passwords are those that every `crypt` makes."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.plugins.executors._crypts import sha512_crypt
from taskkit.secrets import Secret


@pytest.mark.parametrize(
    ("password", "salt", "rounds", "wanted"),
    [
        ("Hello world!", "saltstring", 5000,
         "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"),
        ("Hello world!", "saltstringsaltstring", 10000,
         "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."),
        ("This is just a test", "toolongsaltstring", 5000,
         "$6$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0"),
    ],
)  # fmt: skip
def test_the_hashes_of_the_specification(password: str, salt: str, rounds: int, wanted: str) -> None:
    assert sha512_crypt(Secret(password), salt, rounds).reveal() == wanted


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not here")
@given(
    password=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=150),
    salt=st.from_regex(r"\A[./0-9A-Za-z]{1,16}\Z"),
)
@settings(max_examples=25, deadline=None)
def test_another_program_makes_the_same(password: str, salt: str) -> None:
    command = ["openssl", "passwd", "-6", "-salt", salt, "-stdin"]
    said = subprocess.run(command, input=password.encode(), capture_output=True, check=True).stdout.decode().strip()
    assert sha512_crypt(Secret(password), salt).reveal() == said


def test_a_salt_is_used_once_and_the_hash_is_a_secret() -> None:
    first, second = (sha512_crypt(Secret("correct-horse")) for _ in range(2))
    assert first.reveal() != second.reveal()
    assert (first.reveal()[:3], len(first.reveal())) == ("$6$", 106)
    assert repr(first) == "Secret(…)"
