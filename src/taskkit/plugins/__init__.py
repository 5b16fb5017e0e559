"""The doors for plug-ins: what one offers, how it is found, and what its settings look like.

A face that opens on demand: the core imports what plug-ins are made of from its rooms, and must not load pluggy by that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskkit.plugins.becoming import Become
    from taskkit.plugins.forms import Form, Setting, Shape, Trouble, fill, form, troubles
    from taskkit.plugins.kinds import Executor, Exporter, Notifier, Report, Script, Sequel
    from taskkit.plugins.manager import Plugins
    from taskkit.plugins.offers import Offer
    from taskkit.plugins.runs import Budget, Intents, Run
    from taskkit.plugins.specs import hookimpl
    from taskkit.plugins.storages import StorageKind
    from taskkit.plugins.verbs import (
        Command,
        Connection,
        Content,
        File,
        HoldsDialogue,
        Host,
        Login,
        MovesFiles,
        Operation,
        Probe,
        RunsCommands,
        SecretChange,
        Terminal,
        Verb,
    )

__all__ = [
    "Become",
    "Budget",
    "Command",
    "Connection",
    "Content",
    "Executor",
    "Exporter",
    "File",
    "Form",
    "HoldsDialogue",
    "Host",
    "Intents",
    "Login",
    "MovesFiles",
    "Notifier",
    "Offer",
    "Operation",
    "Plugins",
    "Probe",
    "Report",
    "Run",
    "RunsCommands",
    "Script",
    "SecretChange",
    "Sequel",
    "Setting",
    "Shape",
    "StorageKind",
    "Terminal",
    "Trouble",
    "Verb",
    "fill",
    "form",
    "hookimpl",
    "troubles",
]

_ROOMS = {
    "becoming": ("Become",),
    "forms": ("Form", "Setting", "Shape", "Trouble", "fill", "form", "troubles"),
    "kinds": ("Executor", "Exporter", "Notifier", "Report", "Script", "Sequel"),
    "manager": ("Plugins",),
    "offers": ("Offer",),
    "runs": ("Budget", "Intents", "Run"),
    "specs": ("hookimpl",),
    "storages": ("StorageKind",),
    "verbs": ("Command", "Connection", "Content", "File", "HoldsDialogue", "Host", "Login", "MovesFiles", "Operation", "Probe",
              "RunsCommands", "SecretChange", "Terminal", "Verb"),
}  # fmt: skip
_ROOM = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_ROOM[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
