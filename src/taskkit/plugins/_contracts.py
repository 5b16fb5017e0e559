"""What a plug-in must be, before it is asked: made for this taskkit, its hooks spelt right, marked and plain."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from taskkit.errors import InvalidValue
from taskkit.plugins._requirements import unmet
from taskkit.plugins._sources import own_version
from taskkit.plugins.offers import OFFER_KINDS, Fault

HOOKS = tuple(kind.hook for kind in OFFER_KINDS)
PREFIX = "taskkit_"
REQUIRES = f"{PREFIX}requires"
#: How an attribute of the plug-in is marked as a hook; None where it is not.
Marks = Callable[[str], Mapping[str, Any] | None]


def faults(plugin: object, marks: Marks) -> Iterator[Fault]:
    """What is wrong with it, the most telling first."""
    if isinstance(plugin, type):
        yield f"it is the class {plugin.__name__}, where a module or an instance is wanted", f"give {plugin.__name__}()"
    yield from _made_for_another(getattr(plugin, REQUIRES, None))  # first: one for a later taskkit may have hooks unknown here
    hooks = 0
    for attribute in dir(plugin):
        marked = marks(attribute)
        hooks += marked is not None
        yield from _unmarked(plugin, attribute) if marked is None else _marked(attribute, marked)
    if not hooks:
        yield "it has no hook", f"write one of {', '.join(HOOKS)}"


def _made_for_another(requires: object) -> Iterator[Fault]:
    if requires is None:
        return
    version = own_version()
    if version is None:
        yield f"it is made for taskkit {requires}, and nobody knows which one this is", "install taskkit, instead of a copy of its files"
        return
    try:
        not_met = unmet(requires, version)
    except InvalidValue as error:
        yield f"{error.tried}: {error.case}", error.help
    else:
        if not_met:
            yield f"it is made for taskkit {', '.join(not_met)}, and this is {version}", "install versions that fit together"


def _unmarked(plugin: object, attribute: str) -> Iterator[Fault]:
    if not attribute.startswith(PREFIX) or attribute == REQUIRES:
        return
    if attribute in HOOKS:
        yield f"its {attribute} is not marked as a hook", "put @hookimpl before it: from taskkit.plugins import hookimpl"
    elif not isinstance(inspect.getattr_static(plugin, attribute, None), ModuleType):  # an imported module may have such a name
        yield _misspelt(attribute)


def _marked(attribute: str, marked: Mapping[str, Any]) -> Iterator[Fault]:
    hook = marked.get("specname") or attribute
    if hook not in HOOKS and not marked.get("optionalhook"):  # which says on purpose: for another taskkit, perhaps
        yield _misspelt(hook)
    if marked.get("wrapper") or marked.get("hookwrapper"):
        yield f"its {hook} wraps what others answer", "answer what this one offers: each plug-in is asked by itself"


def _misspelt(name: str) -> Fault:
    meant = {known.removeprefix(PREFIX): known for known in (*HOOKS, REQUIRES)}  # the prefix alone makes no two names alike
    near = difflib.get_close_matches(name.removeprefix(PREFIX), meant, 1)
    return f"it has {name}, which is no hook", f"did you mean {meant[near[0]]}?" if near else f"the hooks are {', '.join(HOOKS)}"
