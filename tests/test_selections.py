"""Which records a task is about: filters and their combinations (R9)."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import and_, or_
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit.errors import InvalidValue
from taskkit.records import Record
from taskkit.selections import AllOf, Contains, Everything, FieldIs, Listed, Not, OfType, OfVault, OneOf, Selection, Tagged

WEB = Record("web", "unix", fields={"host": "Web-01.Example", "zone": "dmz"}, name="Shop front", tags=["prod", "shop"])
DB = Record("db", "oracle", fields={"host": "db-01", "zone": ""}, tags="prod")
BARE = Record("bare", "unix")
ALL = [WEB, DB, BARE]


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Everything(), "web db bare"),
        (OfType("unix"), "web bare"),
        (OfType("uni"), ""),
        (Tagged("prod"), "web db"),
        (Tagged("PROD"), ""),
        (FieldIs("zone", "dmz"), "web"),
        (FieldIs("zone", ""), "db"),
        (FieldIs("nowhere", ""), ""),
        (Contains("example"), "web"),
        (Contains("FRONT"), "web"),
        (Contains("-01"), "web db"),
        (Contains("unix"), ""),
        (Listed(["web", "gone"]), "web"),
        (Listed("db"), "db"),
        (Listed(()), ""),
        (OfType("unix") & Tagged("prod"), "web"),
        (OfType("unix") | Tagged("prod"), "web db bare"),
        (~OfType("unix"), "db"),
        (~(OfType("unix") & Tagged("prod")), "db bare"),
        (OfType("unix") & ~Tagged("prod") | Listed("db"), "db bare"),
    ],
)
def test_r09_a_selection_finds_what_it_says(selection: Selection, found: str) -> None:
    assert [record.id for record in ALL if selection.matches(record)] == found.split()


some = st.sampled_from([Everything(), OfType("unix"), Tagged("prod"), Contains("-01"), Listed("db"), Listed(())])


def test_r09_a_chain_of_a_thousand_selections_is_no_deeper_than_one_of_two() -> None:
    tags: list[Selection] = [Tagged(f"t{number}") for number in range(1000)]
    one_of_all, all_of_them = reduce(or_, tags), reduce(and_, tags)
    assert (one_of_all, all_of_them) == (OneOf(tags), AllOf(tags))
    last = Record("x", "unix", tags=["t999"])
    assert one_of_all.matches(last)
    assert not all_of_them.matches(last)


@given(some, some, st.sampled_from(ALL))
def test_r09_combined_selections_follow_the_laws_of_logic(one: Selection, other: Selection, record: Record) -> None:
    assert (one & other).matches(record) == (one.matches(record) and other.matches(record)) == (other & one).matches(record)
    assert (~(one | other)).matches(record) == (~one & ~other).matches(record)
    assert ~~one == one


def test_r09_a_filter_in_the_vaults_words_is_the_vaults_to_read() -> None:
    with pytest.raises(InvalidValue, match="only the vault can read it"):
        OfVault({"query": "tag = prod"}).matches(WEB)


def test_a_selection_is_a_value() -> None:
    assert OfType("unix") & Tagged("prod") == OfType("unix") & Tagged("prod")
    assert {OfType("unix"), OfType("unix"), OfVault({"a": 1})} == {OfType("unix"), OfVault({"a": 1})}
    words = {"a": 1}
    selection = OfVault(words)
    words["a"] = 2
    assert selection.words == {"a": 1}


@pytest.mark.parametrize(
    ("make", "case"),
    [
        (lambda: OfType(""), "it is no name"),
        (lambda: Tagged(3), "it is no name"),  # type: ignore[arg-type]
        (lambda: FieldIs("zone", None), "it is a NoneType"),  # type: ignore[arg-type]
        (lambda: Contains(" "), "it is no name"),
        (lambda: Listed(["web", 3]), "it is no name"),
        (lambda: AllOf(()), "all records or none"),
        (lambda: OneOf([]), "all records or none"),
        (lambda: AllOf([OfType("unix"), "prod"]), "'prod' is no selection"),
        (lambda: Not("prod"), "it is a str"),  # type: ignore[arg-type]
        (lambda: OfType("unix") & "prod", "'prod' is no selection"),  # type: ignore[operator]
        (lambda: OfVault("tag = prod"), "it is a str"),  # type: ignore[arg-type]
    ],
)
def test_r09_a_selection_that_makes_no_sense_is_refused_when_it_is_made(make: Callable[[], Any], case: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        make()
    assert case in str(caught.value)
