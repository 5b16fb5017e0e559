"""The forms of a secret: what is quicker for plain ones finds the same (S1)."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from taskkit.disguises import _all_forms, _plain_forms, forms_of


@given(st.text(string.ascii_letters + string.digits + "_.~-", min_size=6, max_size=80))
def test_s01_a_plain_secret_has_the_forms_of_any_other(text: str) -> None:
    assert _plain_forms(text.encode()) == _all_forms(text.encode())


@given(st.text(min_size=6, max_size=40))
def test_s01_what_programs_quote_is_not_taken_for_plain(text: str) -> None:
    raw = text.encode(errors="surrogatepass")
    assert forms_of(raw) == _all_forms(raw)
