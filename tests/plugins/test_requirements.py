"""Which taskkit a plug-in is made for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from taskkit.errors import InvalidValue
from taskkit.plugins._requirements import unmet

NUMBERS = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda numbers: ".".join(map(str, numbers)))
PLAIN = st.builds("{}{}".format, st.sampled_from([">=", "<=", ">", "<", "==", "!=", " == "]), NUMBERS)
COMPATIBLE = st.builds("~={}".format, NUMBERS.filter(lambda text: "." in text))


@given(st.lists(PLAIN | COMPATIBLE, min_size=1, max_size=3), NUMBERS)
def test_comparisons_of_releases_mean_what_pep_440_says(comparisons: list[str], version: str) -> None:
    requires = ", ".join(comparisons)
    assert (not unmet(requires, version)) == SpecifierSet(requires).contains(version)


def test_what_is_not_met_is_named() -> None:
    assert unmet(">=0.1,<1,!=1.2", "1.2.0") == ["<1", "!=1.2"]


@pytest.mark.parametrize("version", ["0.2rc1", "0.2.dev3", "v0.2", "0.2+local", "0.2.post1"])
def test_a_pre_release_counts_as_its_release(version: str) -> None:
    assert not unmet("==0.2", version)


@pytest.mark.parametrize(
    "requires", ["", ">=0.1,", "0.1", "=0.1", "===0.1", ">=0.1rc1", "==0.1.*", ">= 1!2.0", "~=1", ">=0.1;python_version>'3'", "^1"]
)
def test_what_is_no_plain_comparison_is_refused(requires: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        unmet(requires, "0.1.0")
    assert repr(requires) in caught.value.tried
    assert caught.value.help


def test_a_requirement_is_a_text() -> None:
    with pytest.raises(InvalidValue, match="it is a tuple"):
        unmet((0, 1), "0.1.0")


def test_a_version_that_is_no_release_is_refused() -> None:
    with pytest.raises(InvalidValue, match="'unknown' is no release"):
        unmet(">=0.1", "unknown")
