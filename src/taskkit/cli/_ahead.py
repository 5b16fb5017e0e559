"""`taskkit forecast`: what is going to run, told by the engine that a product makes, or by a store, as tables, as JSON, or as a picture."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from taskkit.cli._places import looking_at
from taskkit.cli._shows import plain, say
from taskkit.errors import Refused
from taskkit.events.zones import zone_name
from taskkit.insight import Forecast, pictures
from taskkit.instants import shown


def run(place: str, days: int, tz: str, picture: str | None, *, lists: bool, as_json: bool) -> int:
    tz = zone_name(tz)
    with looking_at(place, strict=False) as engine:
        now = shown(engine._ground.now())
        forecast = engine.forecast(None, now.add(days=days), progress=_progress if sys.stderr.isatty() else None)
    if picture is not None:
        _write(picture, pictures.page(forecast, tz=tz))
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


def _write(picture: str, page: str) -> None:
    try:
        Path(picture).write_text(page, encoding="utf-8")
    except OSError as error:
        helps = "its folder has to be there, and this account must be allowed to write in it"
        raise Refused(f"writing the picture to {picture!r}", str(error.strerror), helps) from None


def _progress(done: float, seconds: float) -> None:
    sys.stderr.write(f"\r{max(0.0, 100 * done / seconds):3.0f} % of the time played" + ("\n" if done >= seconds else ""))


def _tables(forecast: Forecast, tz: str) -> bool:
    try:
        from rich.console import Console
        from rich.text import Text

        from taskkit.cli import _forecasts
    except ImportError:
        return False
    console = Console(highlight=False)
    console.print(_forecasts.months(forecast, tz=tz), "", _forecasts.worries(forecast, tz=tz))
    for one in forecast.assumed:
        console.print(Text(f"assumed: {plain(one)}", style="dim"))
    return True
