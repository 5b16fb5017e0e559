"""`taskkit forecast`: what is going to run, told by the engine that a product makes, as tables, as JSON, or as a picture."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from taskkit.cli._explains import engine_at
from taskkit.cli._shows import plain, say
from taskkit.events.zones import zone_name
from taskkit.insight import Forecast, pictures
from taskkit.instants import shown


def run(place: str, days: int, tz: str, picture: str | None, *, lists: bool, as_json: bool) -> int:
    engine, tz = engine_at(place), zone_name(tz)
    now = shown(engine._ground.now())
    forecast = engine.forecast(None, now.add(days=days), progress=_progress if sys.stderr.isatty() else None)
    if picture is not None:
        Path(picture).write_text(pictures.page(forecast, tz=tz), encoding="utf-8")
    if as_json:
        say(json.dumps(forecast.document()))
    elif not (sys.stdout.isatty() and _tables(forecast, tz)):
        for line in str(forecast).splitlines():
            say(plain(line))
    if lists and not as_json:
        for one in forecast.runs:
            say(plain(one))
    if picture is not None:
        sys.stderr.write(f"as a picture: {plain(picture)}\n")
    return 0


def _progress(done: float, seconds: float) -> None:
    sys.stderr.write(f"\r{100 * done / seconds:3.0f} % of the time played" + ("\n" if done >= seconds else ""))


def _tables(forecast: Forecast, tz: str) -> bool:
    try:
        from rich.console import Console

        from taskkit.cli import _forecasts
    except ImportError:
        return False
    console = Console(highlight=False)
    console.print(_forecasts.months(forecast, tz=tz), "", _forecasts.worries(forecast, tz=tz))
    return True
