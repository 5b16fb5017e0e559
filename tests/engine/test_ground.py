"""Settings are refused when they are made: what would never work, or work in circles, is no setting."""

from __future__ import annotations

from typing import Any

import pytest

from taskkit.engine import Limits, Settings
from taskkit.errors import InvalidValue


@pytest.mark.parametrize(
    "given",
    [
        {"poll": -1}, {"poll": 0}, {"poll": "x"}, {"poll": True}, {"poll": float("nan")}, {"poll": 1e9},
        {"pools": ()}, {"pools": ("",)}, {"pools": (1,)}, {"pools": None}, {"pools": ["local", ""]},
    ],
    ids=str,
)  # fmt: skip
def test_a_setting_that_cannot_work_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=next(iter(given))):
        Settings(**given)


@pytest.mark.parametrize("pools", [{"local": 0}, {"local": -1}, {"local": "x"}, {"local": None}, {"local": 1.5}, {"": 1}, {1: 1}, "local"])
def test_a_limit_that_lets_nothing_run_is_refused(pools: Any) -> None:
    with pytest.raises(InvalidValue, match=r"pools|mapping"):
        Limits(pools=pools)


def test_what_can_work_is_taken() -> None:
    assert Settings(poll=0.01, pools="dmz").pools == ("dmz",)
    assert Settings(poll=3600, pools=["a", "b"], limits=Limits(pools={"a": 1})).limits.pools == {"a": 1}
