"""The audit can fail: processes that make a mistake are killed, and it sees which rule they broke."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from tests.crash.audits import Audit, sane, settle
from tests.crash.fleets import fleet
from tests.crash.harms import HARMS
from tests.crash.scripts import found

_ROUNDS = 5


@pytest.mark.sweep
@pytest.mark.parametrize("harm", HARMS)
def test_a_fleet_that_makes_a_mistake_is_found_out(harm: str, file_url: str, tmp_path: Path) -> None:
    _, told, place = HARMS[harm]
    with fleet(file_url, tmp_path) as ships:
        with sane(file_url, ships.ledger) as engine:
            found(engine)
        ships.harm, ships.places = harm, (place,)
        seen: list[str] = []
        for _ in range(_ROUNDS):
            with suppress(AssertionError):
                ships.rage(6)
            ships.close()
            with suppress(AssertionError):
                settle(file_url, ships.ledger)
            seen = Audit(file_url, ships.ledger).wrong
            if any(wrong.startswith(told) for wrong in seen):
                return
        pytest.fail(f"it was not seen; what was seen: {seen[:5]}")
