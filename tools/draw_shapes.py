"""Draws docs/_static/shapes-of-work.svg from the jobs that the code of its page makes: `python tools/draw_shapes.py`."""

from __future__ import annotations

import doctest
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"
FILE = DOCS / "_static" / "shapes-of-work.svg"
PAGE = DOCS / "explanation" / "three-shapes-of-work.md"

INK, QUIET, PAPER, LINE = "#22313f", "#55606a", "#fbfaf7", "#2f6f4f"
WIDE, HIGH, PANEL, BOX = 1050, 236, 350, 92
TOP, BELOW = 96, 180

#: Kind, record or none, state.
Job = tuple[str, str | None, str]


def played() -> dict[str, Any]:
    """The page, from its first line to its last."""
    space: dict[str, Any] = {"__name__": "__page__"}
    with redirect_stdout(io.StringIO()):
        for language, code in re.findall(r"^```(python|pycon)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for source in [code] if language == "python" else [found.source for found in doctest.DocTestParser().get_examples(code)]:
                exec(compile(source, PAGE, "exec" if language == "python" else "single"), space)  # noqa: S102  our own page
    return space


def draw() -> str:
    space = played()
    each, over, [about] = ([*space["jobs"](space[name])] for name in ("each", "over", "about"))
    names = sorted({record for _, record, _ in each if record})
    planned = [job for job in each if job[2] == "scheduled"]
    material = space["engine"].job(space["job"]).result["listed"]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}" role="img"',
        ' aria-labelledby="title desc" font-family="sans-serif" font-size="13">',
        '<title id="title">Three shapes of work</title>',
        f'<desc id="desc">For each record: {len(planned)} jobs. Over many: a conductor and its parts. About many: one job.</desc>',
        f'<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0.8 L9.5 5 L0 9.2 z" fill="{QUIET}"/></marker></defs>',
        f'<rect width="{WIDE}" height="{HIGH}" rx="8" fill="{PAPER}"/>',
        *(f'<path d="M{PANEL * place} 24 V{HIGH - 24}" stroke="#d9d5cc"/>' for place in (1, 2)),
        *_each(planned),
        *_over([job for job in over if job[0] == "part"]),
        *_about(about, material),
    ]
    if names != sorted(material):
        raise SystemExit("the shapes of the page are about different records")
    return "\n".join([*lines, "</svg>", ""])


def _places(left: int, count: int) -> list[int]:
    gap = PANEL // count
    return [left + gap * place + gap // 2 for place in range(count)]


def _each(jobs: Sequence[Job]) -> Iterator[str]:
    yield _text(PANEL // 2, 40, "for each record", INK, size=16, weight="bold")
    for x, (kind, record, _) in zip(_places(0, len(jobs)), jobs, strict=True):
        yield from _box(x, BELOW, str(record), kind)


def _over(parts: Sequence[Job]) -> Iterator[str]:
    middle = PANEL + PANEL // 2
    yield _text(middle, 40, "over many records", INK, size=16, weight="bold")
    yield from _box(middle, TOP, "conductor", "one for the night")
    for x, (kind, record, _) in zip(_places(PANEL, len(parts)), parts, strict=True):
        yield f'<path d="M{middle} {TOP + 23} L{x} {BELOW - 25}" stroke="{QUIET}" stroke-width="1.4" marker-end="url(#tip)"/>'
        yield from _box(x, BELOW, str(record), kind)


def _about(job: Job, material: Sequence[str]) -> Iterator[str]:
    middle = 2 * PANEL + PANEL // 2
    yield _text(middle, 40, "about many records", INK, size=16, weight="bold")
    yield from _box(middle, TOP, "job", job[0])
    for x, record in zip(_places(2 * PANEL, len(material)), material, strict=True):
        yield f'<path d="M{x} {BELOW - 14} L{middle} {TOP + 25}" stroke="{QUIET}" stroke-width="1.2" stroke-dasharray="3 3"/>'
        yield _text(x, BELOW + 4, record, QUIET)


def _box(x: int, y: int, name: str, below: str) -> Iterator[str]:
    wide = max(BOX, 8 * len(below))
    yield f'<rect x="{x - wide // 2}" y="{y - 22}" width="{wide}" height="44" rx="8" fill="#ffffff" stroke="{LINE}" stroke-width="1.6"/>'
    yield _text(x, y - 3, name, INK, weight="bold")
    yield _text(x, y + 14, below, QUIET, size=12)


def _text(x: int, y: int, text: str, color: str, *, size: int = 13, weight: str = "normal") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="middle" font-size="{size}" font-weight="{weight}" fill="{color}">{text}</text>'


if __name__ == "__main__":
    FILE.write_text(draw(), encoding="utf-8")
