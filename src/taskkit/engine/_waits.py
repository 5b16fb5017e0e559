"""Who waits for an account or a slot is woken by whoever gives it back: in order of due, as many as fit (R4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from taskkit.engine._pauses import wake_fitting
from taskkit.storage import Landed, Unit

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground


def written(ground: Ground, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
    """Write, and wake those who waited for what the units gave back."""
    answers = ground.storage.write(units, durable=durable)
    with suppress(Exception):  # what has landed has landed; for those who wait, the timer is the net
        wake(ground, (key for answer in answers for key in answer.freed))
    return answers


def wake(ground: Ground, keys: Iterable[str]) -> None:
    """Those that fit now. Whoever waits longer is woken when one of these gives back, or by the timer."""
    if freed := dict.fromkeys(keys):
        wake_fitting(ground, freed)
