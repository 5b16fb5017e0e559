"""What an executor says of its steps is whole before anybody keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from taskkit.errors import InvalidValue, NaiveMoment
from taskkit.instants import shown
from taskkit.plugins.verbs import Operation
from taskkit.testing.contracts.storage._makings import NOW


@pytest.mark.parametrize("field", ["began", "ended"])
@pytest.mark.parametrize(
    ("given", "error"), [(shown(NOW).naive(), NaiveMoment), ("2026-03-01T00:00:00Z", InvalidValue), (1_772_000_000, InvalidValue)]
)
def test_a_step_begins_and_ends_at_an_instant(field: str, given: Any, error: type[Exception]) -> None:
    """One without a zone would be kept as it is, and read as another."""
    fields: dict[str, Any] = {"began": shown(NOW), "ended": shown(NOW)}
    assert Operation("look", "done", **fields).state == "done"
    with pytest.raises(error):
        Operation("look", "done", **{**fields, field: given})
