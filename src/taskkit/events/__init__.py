"""What makes a task due: intervals, windows, and the zones they live in."""

from taskkit.events._fields import Weekday
from taskkit.events.clocks import Daily, Monthly, Once, Weekly, every, on_the
from taskkit.events.documents import from_document, to_document
from taskkit.events.elapsed import Hourly, Minutely
from taskkit.events.hours import every_day, on_days, weekdays, weekends
from taskkit.events.intervals import Interval, Memory, Missed, Occurrence, Reason
from taskkit.events.nominals import Nominal
from taskkit.events.open_times import OpenTime
from taskkit.events.remembering import MaxAge, RandomDays
from taskkit.events.spreads import Spread
from taskkit.events.texts import parse, parse_interval, parse_window
from taskkit.events.unions import AnyOf
from taskkit.events.windows import Opening, TimeWindow, Window

MON, TUE, WED, THU, FRI, SAT, SUN = Weekday

__all__ = [
    "FRI",
    "MON",
    "SAT",
    "SUN",
    "THU",
    "TUE",
    "WED",
    "AnyOf",
    "Daily",
    "Hourly",
    "Interval",
    "MaxAge",
    "Memory",
    "Minutely",
    "Missed",
    "Monthly",
    "Nominal",
    "Occurrence",
    "Once",
    "OpenTime",
    "Opening",
    "RandomDays",
    "Reason",
    "Spread",
    "TimeWindow",
    "Weekday",
    "Weekly",
    "Window",
    "every",
    "every_day",
    "from_document",
    "on_days",
    "on_the",
    "parse",
    "parse_interval",
    "parse_window",
    "to_document",
    "weekdays",
    "weekends",
]
