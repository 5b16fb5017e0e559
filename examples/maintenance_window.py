"""A maintenance window with blackouts: may a job start now, and if not, when?

A window tells when a job may start. It does not stop a job that runs.
"""

from __future__ import annotations

import pendulum

from taskkit import OpenTime, TimeWindow, every_day, weekdays

ZONE = "Europe/Berlin"

NIGHTS = TimeWindow(weekdays("22:00", "05:59"), tz=ZONE)  # Monday to Friday from 22:00, each until 06:00 the next morning
FREEZE = TimeWindow("* * 24-31 12 *", tz=ZONE)  # no changes from Christmas to the new year
BACKUP = TimeWindow(every_day("01:00", "01:29"), tz=ZONE)  # the host is busy with its backup
ALLOWED = OpenTime(NIGHTS, [FREEZE, BACKUP])


def start_of(due: pendulum.DateTime) -> pendulum.DateTime:
    """The due time itself while the window is open, else its next opening."""
    opening = ALLOWED.next_opening(due)
    assert opening is not None  # noqa: S101  what never opens cannot be made
    return opening


def main() -> None:
    print(ALLOWED.description)
    for due in (
        pendulum.datetime(2026, 12, 21, 22, 15, tz=ZONE),
        pendulum.datetime(2026, 12, 22, 1, 10, tz=ZONE),
        pendulum.datetime(2026, 12, 22, 12, tz=ZONE),
        pendulum.datetime(2026, 12, 23, 23, 59, tz=ZONE),
        pendulum.datetime(2026, 12, 24, 0, 0, tz=ZONE),
    ):
        start = start_of(due)
        said = "starts at once" if start == due else f"waits until {start:%a %d %b %Y %H:%M}"
        print(f"due {due:%a %d %b %Y %H:%M}: {said}")

    print("open on 22 and 23 December:")
    for opening in ALLOWED.openings(pendulum.datetime(2026, 12, 22, tz=ZONE), pendulum.datetime(2026, 12, 24, tz=ZONE)):
        print(f"  {opening.opens:%a %H:%M} to {opening.closes:%a %H:%M}")


if __name__ == "__main__":
    main()
