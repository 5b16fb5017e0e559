"""Draws docs/_static/job-states.svg from the table of a job's life: `python tools/draw_states.py`.

Where boxes stand and which way arrows take is chosen here by hand. Which states, steps and arrows there are comes from the table: an arrow
without a way, or a way without an arrow, ends the script with its name. A step that all states of a group take to the same place is one
arrow, from the frame of the group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from taskkit.states import CLAIMED, FINAL, PENDING, TABLE, State

FILE = Path(__file__).resolve().parent.parent / "docs" / "_static" / "job-states.svg"

Point = tuple[int, int]
Arrow = tuple[str, str]

INK, QUIET, PAPER = "#22313f", "#55606a", "#fbfaf7"
GROUPS: Mapping[str, frozenset[State]] = {"pending": PENDING, "claimed": CLAIMED, "ended": FINAL}
#: Frame of each group: left, top, width, height, fill, line.
FRAMES = {
    "pending": (56, 166, 214, 326, "#eef3f8", "#9db4ca"),
    "claimed": (470, 226, 218, 314, "#edf4ee", "#93b8a1"),
    "ended": (860, 32, 194, 540, "#f3f1ec", "#c9c3b6"),
}
HEADS = {"pending": "pending: it waits", "claimed": "claimed: a worker owns it", "ended": "ended: for good"}
#: Box of each state: centre, width, height, fill, line.
BOXES = {
    State.AWAITING_CONSENT: (163, 208, 178, 52, "#ffffff", "#6f8fae"),
    State.SCHEDULED: (163, 318, 178, 62, "#ffffff", "#6f8fae"),
    State.DEFERRED: (163, 430, 178, 62, "#ffffff", "#6f8fae"),
    State.QUEUED: (579, 300, 170, 108, "#ffffff", "#2f6f4f"),
    State.RUNNING: (579, 424, 170, 62, "#ffffff", "#2f6f4f"),
    State.MERGED: (957, 70, 154, 44, "#ffffff", "#8a8f94"),
    State.CANCELED: (957, 138, 154, 44, "#ffffff", "#8a8f94"),
    State.EXPIRED: (957, 206, 154, 44, "#ffffff", "#8a8f94"),
    State.MISSED: (957, 274, 154, 44, "#ffffff", "#8a8f94"),
    State.COMPLETED: (957, 394, 154, 44, "#dcebdf", "#2f6f4f"),
    State.ERROR: (957, 456, 154, 44, "#f6d9d0", "#b3541e"),
    State.UNCERTAIN: (957, 518, 154, 44, "#e6dcf0", "#7a4fa3"),
}
#: The way of each arrow, and where its words begin.
WAYS: Mapping[Arrow, tuple[tuple[Point, ...], Point]] = {
    ("awaiting_consent", "scheduled"): (((163, 234), (163, 287)), (171, 264)),
    ("deferred", "scheduled"): (((163, 399), (163, 349)), (171, 379)),
    ("scheduled", "queued"): (((252, 308), (494, 308)), (292, 302)),
    ("queued", "scheduled"): (((494, 330), (252, 330)), (292, 346)),
    ("deferred", "queued"): (((252, 408), (400, 408), (400, 340), (494, 340)), (292, 402)),
    ("queued", "deferred"): (((494, 350), (434, 350), (434, 428), (252, 428)), (292, 424)),
    ("claimed", "deferred"): (((470, 446), (252, 446)), (292, 462)),
    ("claimed", "awaiting_consent"): (((470, 252), (400, 252), (400, 214), (252, 214)), (292, 230)),
    ("queued", "running"): (((579, 354), (579, 393)), (587, 378)),
    ("pending", "merged"): (((110, 166), (110, 70), (880, 70)), (300, 64)),
    ("pending", "canceled"): (((210, 166), (210, 138), (880, 138)), (300, 132)),
    ("awaiting_consent", "expired"): (((252, 200), (880, 200)), (300, 194)),
    ("queued", "merged"): (((540, 246), (540, 70), (880, 70)), (552, 64)),
    ("queued", "canceled"): (((540, 246), (540, 138), (880, 138)), (552, 132)),
    ("queued", "expired"): (((540, 246), (540, 200), (880, 200)), (552, 194)),
    ("queued", "missed"): (((664, 274), (880, 274)), (706, 268)),
    ("queued", "completed"): (((664, 326), (790, 326), (790, 384), (880, 384)), (706, 320)),
    ("running", "canceled"): (((664, 400), (826, 400), (826, 148), (880, 148)), (706, 394)),
    ("running", "completed"): (((664, 410), (880, 410)), (706, 426)),
    ("claimed", "error"): (((688, 456), (880, 456)), (706, 450)),
    ("claimed", "uncertain"): (((688, 518), (880, 518)), (706, 512)),
}


def _lifted() -> dict[str, dict[str, str]]:
    """Steps by group or state, each with the state that follows: what all of a group take to the same place is the group's."""
    found: dict[str, dict[str, str]] = {state.value: {step.value: after.value for step, after in TABLE[state].items()} for state in TABLE}
    for group in ("pending", "claimed"):
        members = [member.value for member in GROUPS[group]]
        common = set.intersection(*(set(found[member].items()) for member in members))
        away = {step: after for step, after in common if after not in members}
        for member in members:
            found[member] = {step: after for step, after in found[member].items() if step not in away}
        found[group] = {step: away[step] for step in _in_order(away)}
    return found


def _in_order(steps: Mapping[str, str]) -> list[str]:
    order = [step.value for taken in TABLE.values() for step in taken]
    return sorted(steps, key=order.index)


def arrows() -> dict[Arrow, list[str]]:
    """All arrows between boxes and frames, each with its steps."""
    found: dict[Arrow, list[str]] = {}
    for source, steps in _lifted().items():
        for step, after in steps.items():
            if source != after:
                found.setdefault((source, after), []).append(step)
    return found


def loops() -> dict[str, list[str]]:
    """The steps that leave a state as it is."""
    return {state.value: [step.value for step, after in steps.items() if after is state] for state, steps in TABLE.items()}


def draw() -> str:
    """The picture; SystemExit where table and ways do not fit together."""
    known = arrows()
    for missing in sorted(known.keys() - WAYS.keys()):
        raise SystemExit(f"{missing[0]} → {missing[1]} ({', '.join(known[missing])}) has no way: add it to WAYS in {Path(__file__).name}")
    for left in sorted(WAYS.keys() - known.keys()):
        raise SystemExit(f"{left[0]} → {left[1]} is no arrow of the table: take its way out of WAYS in {Path(__file__).name}")
    if missing_boxes := set(TABLE) ^ set(BOXES):
        raise SystemExit(f"BOXES and the table differ in {', '.join(sorted(missing_boxes))}")
    return "\n".join([*_head(known), *_frames(), *_arrows(known), *_boxes(), "</svg>", ""])


def _head(known: Mapping[Arrow, list[str]]) -> Iterator[str]:
    said = "; ".join(f"{source} to {after}: {', '.join(steps)}" for (source, after), steps in sorted(known.items()))
    yield '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1084 580" width="1084" height="580" role="img"'
    yield ' aria-labelledby="title desc" font-family="sans-serif" font-size="13">'
    yield '<title id="title">The states of a job</title>'
    yield f'<desc id="desc">{said}.</desc>'
    yield '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    yield f'<path d="M0 0.8 L9.5 5 L0 9.2 z" fill="{QUIET}"/></marker></defs>'
    yield f'<rect width="1084" height="580" rx="8" fill="{PAPER}"/>'


def _frames() -> Iterator[str]:
    for group, (left, top, width, height, fill, line) in FRAMES.items():
        yield f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="14" fill="{fill}" stroke="{line}" stroke-width="1.2"/>'
        x, y = left + width // 2, top + height - 11
        yield f'<text x="{x}" y="{y}" text-anchor="middle" font-size="12.5" font-style="italic" fill="{QUIET}">{HEADS[group]}</text>'


def _arrows(known: Mapping[Arrow, list[str]]) -> Iterator[str]:
    yield f'<g fill="none" stroke="{QUIET}" stroke-width="1.4">'
    for points, _ in WAYS.values():
        yield f'<path d="{_rounded(points)}" marker-end="url(#tip)"/>'
    yield "</g>"
    yield from _beginning()
    yield f'<g fill="{INK}" font-size="12.5">'
    for arrow, (_, (x, y)) in WAYS.items():
        yield f'<text x="{x}" y="{y}">{", ".join(known[arrow])}</text>'
    yield "</g>"


def _beginning() -> Iterator[str]:
    """A new job waits for its time, or for people."""
    yield f'<circle cx="36" cy="132" r="5.5" fill="{INK}"/>'
    yield f'<path d="M41 135 L72 163" fill="none" stroke="{QUIET}" stroke-width="1.4" marker-end="url(#tip)"/>'
    yield f'<text x="24" y="116" font-size="12.5" fill="{INK}">a new job</text>'


def _boxes() -> Iterator[str]:
    said = loops()
    for state, (x, y, width, height, fill, line) in BOXES.items():
        yield (
            f'<rect x="{x - width // 2}" y="{y - height // 2}" width="{width}" height="{height}" rx="8" fill="{fill}"'
            f' stroke="{line}" stroke-width="1.6"/>'
        )
        steps = ", ".join(said[state.value])
        base = y - 4 if steps else y + 5
        yield f'<text x="{x}" y="{base}" text-anchor="middle" font-size="15" font-weight="bold" fill="{INK}">{state.value}</text>'
        if steps:
            yield f'<text x="{x + 8}" y="{y + 15}" text-anchor="middle" font-size="12" fill="{QUIET}">{steps}</text>'
            yield _turn(x - 8 - round(3.05 * len(steps)) - 2, y + 11)


def _turn(x: int, y: int) -> str:
    """A small arrow in a circle: these steps leave the state as it is."""
    return (
        f'<path d="M{x + 4} {y - 3} A4.6 4.6 0 1 0 {x + 4.6:g} {y + 1}" fill="none" stroke="{QUIET}" stroke-width="1.3"/>'
        f'<path d="M{x + 5.6:g} {y - 6} L{x + 5:g} {y - 1.6:g} L{x + 1:g} {y - 3.4:g} z" fill="{QUIET}"/>'
    )


def _rounded(points: tuple[Point, ...], radius: int = 12) -> str:
    """A way with round corners: where two ways join, the curve shows which comes from where."""
    told = [f"M{points[0][0]} {points[0][1]}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        into, out = _towards(corner, before, radius), _towards(corner, after, radius)
        told.append(f"L{into[0]} {into[1]} Q{corner[0]} {corner[1]} {out[0]} {out[1]}")
    told.append(f"L{points[-1][0]} {points[-1][1]}")
    return " ".join(told)


def _towards(corner: Point, end: Point, radius: int) -> Point:
    """So far from the corner towards an end; ways go straight up, down, left or right."""
    (x, y), (other_x, other_y) = corner, end
    far = min(radius, max(abs(other_x - x), abs(other_y - y)) // 2)
    return x + far * ((other_x > x) - (other_x < x)), y + far * ((other_y > y) - (other_y < y))


if __name__ == "__main__":
    FILE.write_text(draw(), encoding="utf-8")
