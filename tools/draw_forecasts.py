"""Draws the pictures of docs/how-to/look-ahead.md from the code on that page: `python tools/draw_forecasts.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "how-to" / "look-ahead.md"
#: Each file, by the name that its picture has on the page.
FILES = {"month": DOCS / "_static" / "forecast-month.svg", "night": DOCS / "_static" / "forecast-day.svg"}


def draw() -> Mapping[Path, str]:
    space: dict[str, Any] = {}
    with redirect_stdout(StringIO()):
        for code in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            exec(compile(code, PAGE, "exec"), space)  # noqa: S102  our own page
    return {path: f"{space[name]}\n" for name, path in FILES.items()}


if __name__ == "__main__":
    for path, drawing in draw().items():
        path.write_text(drawing, encoding="utf-8")
