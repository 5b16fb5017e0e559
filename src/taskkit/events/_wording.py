"""Small words of rules in English: lists, ordinals, counts."""

from __future__ import annotations

from collections.abc import Iterable


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def ordinal(number: int) -> str:
    """`1st`; from the end, `last` and `2nd last`."""
    if number < 0:
        return "last" if number == -1 else f"{ordinal(-number)} last"
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def counted(count: int, unit: str, form: str = "") -> str:
    """`1 day`, `5 days`; with the form of a comma `2,000 days`."""
    return f"{count:{form}} {unit}{'' if count == 1 else 's'}"


def every(count: int, unit: str) -> str:
    """`every day`, `every 5 days`."""
    return f"every {unit}" if count == 1 else f"every {counted(count, unit)}"


def choices_text(*choices: tuple[str, str, str]) -> str:
    """Name, choice and default each: what differs from its default is said."""
    return "".join(f", {name} {choice}" for name, choice, usual in choices if choice != usual)
