"""Draws docs/_static/fences.svg from what the code of its page did: `python tools/draw_fences.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from taskkit.engine import Settings

DOCS = Path(__file__).resolve().parent.parent / "docs"
FILE = DOCS / "_static" / "fences.svg"
PAGE = DOCS / "explanation" / "leases-and-fences.md"

#: Second, node, number of the claim, what it does; the node is the store's own line where a lease ends.
Row = tuple[float, str, int, str]

INK, QUIET, PAPER, STORE, BAD = "#22313f", "#55606a", "#fbfaf7", "#2f6f4f", "#b3541e"
COLORS = {1: "#6f8fae", 2: "#7a4fa3"}
LANES = {"n1": 210, "store": 470, "n2": 730}
WIDE, TOP, ROW = 900, 92, 38


def story() -> list[Row]:
    """What the page tells, with the moment at which the first lease runs out."""
    space: dict[str, Any] = {"__name__": "__page__"}
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        exec(code, space)  # noqa: S102  our own page
    told: list[Row] = space["story"]
    return sorted([*told, (Settings().lease, "store", 1, "the lease of n1 runs out")], key=lambda row: row[0])


def draw() -> str:
    rows = story()
    high = TOP + ROW * len(rows) + 20
    return "\n".join(
        [*_head(rows, high), *_lanes(rows, high), *(line for place, row in enumerate(rows) for line in _row(place, row)), "</svg>", ""]
    )


def _head(rows: list[Row], high: int) -> Iterator[str]:
    said = "; ".join(f"{second:g} s: {what if node == 'store' else f'{node} {what}'}" for second, node, _, what in rows)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {high}" width="{WIDE}" height="{high}" role="img"'
    yield ' aria-labelledby="title desc" font-family="sans-serif" font-size="14">'
    yield '<title id="title">A worker that stood still comes back</title>'
    yield f'<desc id="desc">{said}.</desc>'
    for name, color in (("tip", QUIET), ("bad", BAD)):
        yield f'<defs><marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        yield f'<path d="M0 0.8 L9.5 5 L0 9.2 z" fill="{color}"/></marker></defs>'
    yield f'<rect width="{WIDE}" height="{high}" rx="8" fill="{PAPER}"/>'


def _lanes(rows: list[Row], high: int) -> Iterator[str]:
    for name, x in LANES.items():
        word, color = (f"worker {name}", INK) if name != "store" else ("store", STORE)
        yield f'<path d="M{x} 62 V{high - 14}" stroke="{color}" stroke-width="1.2" stroke-dasharray="2 4"/>'
        yield f'<text x="{x}" y="36" text-anchor="middle" font-size="16" font-weight="bold" fill="{color}">{word}</text>'
    for number, color in COLORS.items():
        own = [place for place, (_, node, claim, _) in enumerate(rows) if claim == number]
        first = own[0]
        last = next((place for place in own if rows[place][1] == "store"), own[-1])
        x = LANES[rows[first][1]]
        yield f'<rect x="{x - 7}" y="{_y(first)}" width="14" height="{_y(last) - _y(first)}" rx="5" fill="{color}" opacity="0.45"/>'


def _y(place: int) -> int:
    return TOP + place * ROW


def _row(place: int, row: Row) -> Iterator[str]:
    second, node, claim, what = row
    y, store = _y(place), LANES["store"]
    yield f'<text x="66" y="{y + 5}" text-anchor="end" fill="{QUIET}">{second:g} s</text>'
    if node == "store":
        yield f'<path d="M{LANES["n1"] + 12} {y} H{store - 60}" stroke="{QUIET}" stroke-width="1.2" stroke-dasharray="5 4"/>'
        yield _said(LANES["n1"] + 130, y - 7, what, QUIET)
        return
    x = LANES[node]
    side, anchor = (1, "start") if x < store else (-1, "end")
    refused, aside = what == "is refused", what in ("stands still", "comes back")
    if aside:
        yield f'<circle cx="{x}" cy="{y}" r="5" fill="{INK}"/>'
        yield f'<text x="{x + 14 * side}" y="{y + 5}" text-anchor="{anchor}" font-style="italic" fill="{INK}">{what}</text>'
        return
    color, tip = (BAD, "bad") if refused else (QUIET, "tip")
    yield f'<path d="M{x + 8 * side} {y} H{store - 8 * side}" fill="none" stroke="{color}" stroke-width="1.5" marker-end="url(#{tip})"/>'
    yield _said((x + store) // 2, y - 7, f"{what}: token {claim} is old" if refused else f"{what} (token {claim})", BAD if refused else INK)


def _said(x: int, y: int, text: str, color: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="middle" font-size="13" fill="{color}">{text}</text>'


if __name__ == "__main__":
    FILE.write_text(draw(), encoding="utf-8")
