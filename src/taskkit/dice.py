"""Draws that a seed decides: who draws for the same with the same seed draws the same, in whatever order and process."""

from __future__ import annotations

import random


class Dice(random.Random):
    """An `rng` for an engine in a test: its random days are those of a forecast with this seed, whatever else is drawn before (T10).

    `process` tells the ids that several engines give apart.
    """

    def __init__(self, seed: int = 0, process: int | str = 0) -> None:
        super().__init__(f"{seed} {process}")
        self._seed = seed

    def of(self, what: str) -> random.Random:
        return random.Random(f"{self._seed} {what}")  # noqa: S311  it draws days, not secrets


def drawing(rng: random.Random, what: str) -> random.Random:
    """Where a draw for this comes from."""
    return rng.of(what) if isinstance(rng, Dice) else rng
