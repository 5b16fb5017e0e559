"""Scalable vector graphics as text: elements, escaped, and the colours that all pictures share, for light and dark surroundings."""

from __future__ import annotations

import re
from html import escape

#: What no XML may hold, however it is written.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
#: One hue that only grows darker (or lighter, in the dark), and one that stands apart from it also for who sees no red or green.
STYLE = """
.tk{--paper:#fff;--ink:#1f2328;--dim:#59636e;--line:#d1d9e0;--warn:#b34700;--on:#fff;
--h0:#f6f8fa;--h1:#dbe9f7;--h2:#afd0ee;--h3:#74abdf;--h4:#2f7cc0;--h5:#0f5291}
@media (prefers-color-scheme:dark){.tk{--paper:#0d1117;--ink:#e6edf3;--dim:#9198a1;--line:#3d444d;--warn:#ffa657;--on:#0d1117;
--h0:#161b22;--h1:#0e2a47;--h2:#124272;--h3:#1c62a3;--h4:#5aa2e0;--h5:#a8d3fa}}
.tk text{font:12px system-ui,sans-serif;fill:var(--ink)}.tk .dim{fill:var(--dim)}.tk .on{fill:var(--on)}
.tk .big{font-size:15px;font-weight:600}.tk .end{text-anchor:end}.tk .mid{text-anchor:middle}
.tk .warn{fill:var(--warn)}.tk .sign{fill:var(--warn);stroke:var(--paper);stroke-width:3;paint-order:stroke;stroke-linejoin:round}
.tk .mark{fill:none;stroke:var(--warn);stroke-width:2}.tk .bar{fill:var(--h4)}.tk .paper{fill:var(--paper)}
.tk .grid{stroke:var(--line)}.tk .cell{stroke:var(--line)}.tk .hatch{stroke:var(--dim);opacity:.55}
.tk .bound{stroke:var(--dim);stroke-dasharray:3 3}.tk .tick{stroke:var(--ink);stroke-width:1.5}
.tk .h0{fill:var(--h0)}.tk .h1{fill:var(--h1)}.tk .h2{fill:var(--h2)}.tk .h3{fill:var(--h3)}.tk .h4{fill:var(--h4)}.tk .h5{fill:var(--h5)}
"""


def clean(text: str) -> str:
    """As it may stand in a picture or a page."""
    return escape(_FORBIDDEN.sub("\ufffd", text), quote=True)


def element(name: str, /, *inside: str, **said: object) -> str:
    """`inside` is markup already; what is said of the element is not. A trailing underscore keeps a name from being Python's."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in said.items() if value is not None)
    return f"<{name}{told}>{''.join(inside)}</{name}>" if inside else f"<{name}{told}/>"


def title(text: str) -> str:
    """What a pointer that rests on the element above is told."""
    return element("title", clean(text))


def text(x: float, y: float, said: str, style: str | None = None) -> str:
    return element("text", clean(said), x=x, y=y, class_=style)


def box(x: float, y: float, width: float, height: float, style: str, *inside: str, **said: object) -> str:
    return element("rect", *inside, x=x, y=y, width=max(0.0, width), height=max(0.0, height), class_=style, **said)


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=style)


def warning(x: float, y: float, told: str) -> str:
    """A triangle with a bang: a shape, so that nobody has to tell its colour."""
    shape = element("path", d=f"M{_value(x)} {_value(y)}l8 14h-16z", class_="sign")
    bang = element("text", "!", x=x, y=y + 12.5, class_="mid on", style="font-size:10px;font-weight:700")
    return element("g", title(told), shape, bang)


def picture(name: str, told: str, width: float, height: float, *inside: str, hatch: str = "") -> str:
    """The whole of it; who reads it aloud is told what it is. `hatch` names the pattern of what is shut."""
    pattern = ""
    if hatch:
        stroke = element("path", d="M-2 2l4-4M0 8l8-8M6 10l4-4", class_="hatch")
        pattern = element("defs", element("pattern", stroke, id=hatch, width=8, height=8, patternUnits="userSpaceOnUse"))
    return element(
        "svg", element("title", clean(name)), element("desc", clean(told)), element("style", STYLE), pattern,
        box(0, 0, width, height, "paper"), *inside,
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_value(width)} {_value(height)}", width="100%", role="img", class_="tk",
        style=f"max-width:{_value(width)}px",
    )  # fmt: skip


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else clean(str(value))
