"""A forecast to look at: months with the load of their days, the time line of a day, and a page with both that needs nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import pendulum

from taskkit.errors import InvalidValue
from taskkit.events._wording import counted
from taskkit.events.zones import zone_name
from taskkit.insight._calendars import calendar_of
from taskkit.insight._days import Day, days_of
from taskkit.insight._svg import clean, element
from taskkit.insight._timelines import timeline_of
from taskkit.insight.forecasts import Concern, Forecast

_MOST_DAYS = 3
_MOST_LINES = 200
_PAGE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1180px;padding:0 1rem;background:#fff;color:#1f2328}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}p,details{margin:.4rem 0}li{margin:.25rem 0}.dim{color:#59636e}
@media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}.dim{color:#9198a1}}
"""


def months(forecast: Forecast, *, tz: str = "UTC") -> str:
    """An SVG: each month of the forecast, each day with how much runs, when, and whether something should be looked at."""
    return calendar_of(days_of(forecast, zone_name(tz)), forecast)


def day(forecast: Forecast, when: date, *, tz: str = "UTC") -> str:
    """An SVG: one day, by pool and task, with when windows are shut and which are too small."""
    wanted = when.date() if isinstance(when, datetime) else when
    days = days_of(forecast, zone_name(tz))
    found = next((one for one in days if one.date == wanted), None)
    if found is None:
        span = f"it reaches from {days[0].date} to {days[-1].date}"
        raise InvalidValue(f"drawing the day {wanted}", f"the forecast does not hold it: {span}", "draw one of these days")
    return timeline_of(found, forecast)


def page(forecast: Forecast, *, tz: str = "UTC", days: Iterable[date] = (), title: str = "What is going to run") -> str:
    """HTML that needs no other file, with the months, some days (the fullest, where none are named), and all that should be looked at."""
    tz = zone_name(tz)
    wanted = list(days) or [one.date for one in _fullest(days_of(forecast, tz))]
    lines = [element("h2", clean(f"{when:%A, %d %B %Y}")) + day(forecast, when, tz=tz) for when in wanted]
    span = f"{_moment(forecast.start, tz)} to {_moment(forecast.end, tz)}, {tz}; made {_moment(forecast.made, tz)}"
    body = (
        element("h1", clean(title)), element("p", clean(f"{counted(len(forecast.runs), 'run', ',')}, {span}"), class_="dim"),
        element("h2", "Months"), months(forecast, tz=tz), *lines, *_worries(forecast, tz),
        *_listed("Does not run", [str(one) for one in forecast.idle]), *_listed("Assumed", forecast.assumed),
    )  # fmt: skip
    head = element("meta", charset="utf-8") + element("title", clean(title)) + element("style", _PAGE)
    view = element("meta", name="viewport", content="width=device-width, initial-scale=1")
    return f"<!DOCTYPE html>\n{element('html', element('head', head, view), element('body', *body), lang='en')}\n"


def _fullest(days: Sequence[Day]) -> list[Day]:
    """Those with something to be looked at come first, then those with most to do; in their order."""
    ranked = sorted(days, key=lambda one: (not one.concerns, -one.busy, one.date))
    return sorted((one for one in ranked[:_MOST_DAYS] if one.count), key=lambda one: one.date)


def _worries(forecast: Forecast, tz: str) -> list[str]:
    """What comes again and again is one line, which opens."""
    if not forecast.concerns:
        return []
    alike = defaultdict[tuple[str, str | None, str | None], list[Concern]](list)
    for one in forecast.concerns:
        alike[one.kind, one.task, one.pool].append(one)
    lines = []
    for several in alike.values():
        told = [element("li", clean(f"{_moment(one.since, tz)}: {one.text}")) for one in several]
        first = f"{_moment(several[0].since, tz)}: {several[0].text}"
        rest = f", and {len(several) - 1} times more" if len(several) > 1 else ""
        summary = element("summary", clean(f"{first}{rest}; {several[0].help}"))
        lines.append(
            element("details", summary, element("ul", *told[:_MOST_LINES])) if rest else element("p", clean(f"{first}; {several[0].help}"))
        )
    return [element("h2", "To be looked at"), *lines]


def _listed(heading: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    more = [element("li", f"… and {len(lines) - _MOST_LINES:,} more")] if len(lines) > _MOST_LINES else []
    return [element("h2", heading), element("ul", *(element("li", clean(one)) for one in lines[:_MOST_LINES]), *more)]


def _moment(at: pendulum.DateTime, tz: str) -> str:
    return f"{at.in_timezone(tz):%Y-%m-%d %H:%M}"
