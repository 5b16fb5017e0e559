"""`taskkit plugins`: what is installed, from where, what each plug-in offers, and what is broken."""

from __future__ import annotations

import inspect
import json
from typing import Any

from taskkit.cli._shows import plain, say, show
from taskkit.errors import BrokenPlugin
from taskkit.outcomes import Effect
from taskkit.plugins import Plugins
from taskkit.plugins.kinds import Executor, Script
from taskkit.plugins.offers import Offer
from taskkit.plugins.storages import StorageKind

#: What a kind says; a few leave it to each definition, in a field.
_OF_SCRIPTS: dict[str, type] = {"needs": frozenset, "effect": Effect, "spread": str}
_HEADS = ("plug-in", "from", "kind", "name", "what it is")


def run(*, as_json: bool) -> int:
    """1 where one is broken: it is told, and left out."""
    plugins = Plugins(broken="leave_out")
    offers = sorted(plugins.offered(), key=lambda offer: (offer.plugin, offer.kind, offer.name))
    if as_json:
        say(json.dumps({"offers": [_told(offer) for offer in offers], "broken": list(map(_fault, plugins.broken))}, indent=2))
    else:
        show(_HEADS, [(offer.plugin, _source(offer), offer.kind, offer.name, _about(offer)) for offer in offers])
        for error in plugins.broken:
            say(plain(f"broken: {error}"))
    return 1 if plugins.broken else 0


def _source(offer: Offer) -> str:
    return " ".join(filter(None, (offer.distribution, offer.version)))


def _about(offer: Offer) -> str:
    """The first line that its author wrote; what it can do, where that has words."""
    offered: Any = offer.offered
    if isinstance(offered, StorageKind):
        return f"Opens URLs that begin with {offer.name}:"
    about = inspect.getdoc(offered if isinstance(offered, type) else type(offered)) or ""
    first = about.splitlines()[0] if about else ""
    return f"{', '.join(sorted(offered.verbs))}: {first}" if isinstance(offered, Executor) else first


def _told(offer: Offer) -> dict[str, Any]:
    offered: Any = offer.offered
    told: dict[str, Any] = {"plugin": offer.plugin, "distribution": offer.distribution, "version": offer.version}
    told |= {"kind": offer.kind, "name": offer.name, "about": _about(offer)}
    if isinstance(offered, Executor):
        told |= {"verbs": sorted(offered.verbs), "effect": offered.effect.value}
    elif isinstance(offered, type) and issubclass(offered, Script):
        told |= {name: said if isinstance(said := getattr(offered, name), kinds) else None for name, kinds in _OF_SCRIPTS.items()}
        told["needs"] = None if told["needs"] is None else sorted(told["needs"])
    return told


def _fault(error: BrokenPlugin) -> dict[str, str]:
    return {"tried": error.tried, "case": error.case, "help": error.help}
