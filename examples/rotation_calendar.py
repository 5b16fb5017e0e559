"""The rotation rules of a vault, and when each of them is due next.

Four rules that such a product offers: a day of the month, a weekday, a random number of days, and a greatest age.
The first two need nothing but a moment. The last two look at a memory, which the product keeps for each record.
"""

from __future__ import annotations

import random

import pendulum

from taskkit import SUN, AnyOf, Interval, MaxAge, Memory, Nominal, RandomDays, every, on_the

ZONE = "Europe/Berlin"
NOW = pendulum.datetime(2026, 3, 16, 9, tz=ZONE)  # a product takes pendulum.now("UTC")

MONTHLY = on_the(20, at="03:00", tz=ZONE)
WEEKLY = every(SUN, at="02:30", tz=ZONE)
RANDOM = RandomDays(15, 30, at="04:00", tz=ZONE)
AGE = MaxAge(60, at="05:00", tz=ZONE)


def show(rule: Interval, memory: Memory) -> None:
    """The rule as a sentence, its next runs, and what the rule itself calls each of them."""
    print(rule)
    for occurrence in rule.upcoming(NOW, 3, memory):
        print(f"  {occurrence.instant:%a %d %b %Y %H:%M %z}   {occurrence.nominal}")


def main() -> None:
    empty = Memory()
    show(MONTHLY, empty)
    show(WEEKLY, empty)

    # The draw is made once, stored, and handed in until it is used up. Seeded here, so that this page always prints the same.
    draw = RANDOM.draw(random.Random(4))  # noqa: S311  a product calls draw() alone
    show(RANDOM, Memory(created=pendulum.datetime(2026, 1, 10, tz=ZONE), last_nominal=Nominal.parse(f"2026-02-25T04:00 {ZONE}"), draw=draw))

    # The last change that went well was in January: the password is 60 days old on 20 March, and due daily until it is changed.
    show(AGE, Memory(created=pendulum.datetime(2025, 6, 1, tz=ZONE), last_success=pendulum.datetime(2026, 1, 19, 5, 2, tz=ZONE)))

    both = AnyOf(MONTHLY, WEEKLY)
    april = pendulum.datetime(2026, 4, 1, tz=ZONE)
    print(f"{both}: {both.count_between(NOW, april)} runs before {april.format('D MMMM')}")


if __name__ == "__main__":
    main()
