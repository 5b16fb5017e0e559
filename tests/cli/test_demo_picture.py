"""The picture of the README is of the demo as it is."""

from __future__ import annotations

import html
import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def texts(svg: str) -> list[str]:
    """What stands in it, whatever draws it."""
    return [html.unescape(text).replace("\xa0", " ").strip() for text in re.findall(r"<text [^>]*>(.*?)</text>", svg, re.DOTALL)]


def test_the_picture_of_the_readme_shows_what_the_demo_prints() -> None:
    path = ROOT / "docs" / "_static" / "demo.svg"
    spec = importlib.util.spec_from_file_location("draw_demo", ROOT / "tools" / "draw_demo.py")
    assert spec
    assert spec.loader
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    drawn, kept = drawing.draw(), path.read_text(encoding="utf-8")
    assert texts(kept) == texts(drawn), "the demo has changed: python tools/draw_demo.py draws it anew"
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", kept), "it needs nothing else"
