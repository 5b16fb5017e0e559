"""The forms of a secret: what is quicker for plain ones finds the same (S1)."""

from __future__ import annotations

import string

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from taskkit.disguises import _all_forms, _plain_forms, forms_of, is_short, least_of


@given(st.text(string.ascii_letters + string.digits + "_.~-", min_size=6, max_size=80))
def test_s01_a_plain_secret_has_the_forms_of_any_other(text: str) -> None:
    assert _plain_forms(text.encode()) == _all_forms(text.encode())


@given(st.text(min_size=6, max_size=40))
def test_s01_what_programs_quote_is_not_taken_for_plain(text: str) -> None:
    raw = text.encode(errors="surrogatepass")
    assert forms_of(raw) == _all_forms(raw)


printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=6, max_size=120)


@settings(max_examples=300, deadline=None)
@given(st.one_of(printable, st.text(min_size=6, max_size=40)))
def test_s01_no_form_is_shorter_than_what_is_said_without_working_them_out(text: str) -> None:
    raw = text.encode(errors="surrogatepass")
    assume(not is_short(raw))
    assert least_of(raw) <= min(map(len, _all_forms(raw)))


def test_s01_what_is_said_of_the_shortest_form_is_worth_something() -> None:
    assert least_of(b"rIn5LZ6gT3H9U3ceh2jmvO_2") == 24
    assert least_of(b"correct horse battery") == 21
    assert least_of(b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n") == 6
