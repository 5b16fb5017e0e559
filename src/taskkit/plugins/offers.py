"""What an offer of each kind must be. It is looked at when the plug-in is asked: a mistake is found at start, and not in the night."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

import attrs
from attrs import field, frozen

from taskkit.errors import InvalidValue
from taskkit.events.policies import Policy
from taskkit.facts import KINDS
from taskkit.outcomes import Effect
from taskkit.plugins._shapes import fields_of
from taskkit.plugins.kinds import Executor, Exporter, Notifier, Report, Script
from taskkit.plugins.storages import StorageKind
from taskkit.plugins.verbs import Verb

#: What is wrong with an offer, and what would help.
Fault = tuple[str, str]
_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,99}")


@frozen
class Offer:
    """One thing that a plug-in offers, and who answers for it."""

    kind: str
    name: str
    plugin: str
    distribution: str | None = None
    version: str | None = None
    offered: Any = field(default=None, repr=False, eq=False)


@frozen
class OfferKind:
    """One hook: what its offers are called, where their name stands, what is looked at."""

    word: str
    #: The attribute that names an offer.
    key: str
    #: The faults of an offer, the first first: a later line may rely on the earlier ones.
    faults: Callable[[Any], Iterator[Fault]] = field(repr=False, eq=False)
    #: Of the hook and of the mapping in `Plugins`.
    plural: str = field(default=attrs.Factory(lambda kind: f"{kind.word}s", takes_self=True), kw_only=True)
    #: Whether there is one at most, whatever it is called.
    single: bool = field(default=False, kw_only=True)
    #: Whether the words of what goes wrong may hold a secret.
    quiet: bool = field(default=False, kw_only=True)

    def fault(self, offered: Any) -> Fault | None:
        return next(self.faults(offered), None)

    @property
    def hook(self) -> str:
        return f"taskkit_{self.plural}"


def _instance(offered: Any, wanted: type[Any]) -> Iterator[Fault]:
    if isinstance(offered, type):
        yield f"it offers the class {offered.__name__}, where an instance is wanted", f"offer {offered.__name__}()"
    if not isinstance(offered, wanted):
        yield f"it offers a {type(offered).__name__}, which is no {wanted.__name__}", f"inherit from taskkit.plugins.{wanted.__name__}"
    yield from _asynchronous(offered, wanted)


def _class(offered: Any, wanted: type[Any], where: str) -> Iterator[Fault]:
    if not isinstance(offered, type):
        shown = type(offered).__name__
        yield f"it offers a {shown}, where a class is wanted", f"offer {shown} itself: its values are made from settings"
    if not issubclass(offered, wanted):
        yield f"it offers {offered.__name__}, which is no {wanted.__name__}", f"inherit from {where}.{wanted.__name__}"
    if inspect.isabstract(offered):
        yield f"{offered.__name__} lacks {', '.join(sorted(offered.__abstractmethods__))}", "write what it inherits as abstract"
    yield from _asynchronous(offered, wanted)
    yield from _describable(offered)


def _asynchronous(offered: Any, wanted: type[Any]) -> Iterator[Fault]:
    """What nobody awaits is never done: a notifier would look as if it had told people."""
    for name in (name for name, value in vars(wanted).items() if not name.startswith("_") and inspect.isfunction(value)):
        method = getattr(offered, name)
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            yield f"{_shown(offered)}.{name} is asynchronous, and nobody awaits it", f"write `def {name}`, which answers once it is done"


def _named(offered: Any, key: str) -> Iterator[Fault]:
    name = getattr(offered, key, None)
    if not isinstance(name, str) or not _WORD.fullmatch(name):
        case = f"{_shown(offered)} has no {key}" if name is None else f"{_shown(offered)} has {key} = {name!r}, which is no word"
        yield case, "give small letters, digits, '_', '-' and '.', a letter first"


def _verbs(offered: Any, key: str) -> Iterator[Fault]:
    verbs = getattr(offered, key, None)
    if (not isinstance(verbs, frozenset) or not all(isinstance(verb, Verb) for verb in verbs)) and not _is_setting(offered, key):
        case = f"{_shown(offered)} has no {key}" if verbs is None else f"{_shown(offered)} has {key} = {verbs!r}"
        yield case, f"give a frozenset of Verb: {', '.join(verb.name for verb in Verb)}"


def _one_of(offered: Any, key: str, wanted: str, fits: Callable[[Any], bool]) -> Iterator[Fault]:
    given = getattr(offered, key, None)
    if not fits(given) and not _is_setting(offered, key):
        yield f"{_shown(offered)} has {key} = {given!r}", f"give {wanted}"


def _settings(offered: Any) -> Iterator[Fault]:
    if getattr(offered, "settings", None) is not None:
        yield from _describable(offered.settings)


def _is_setting(offered: Any, key: str) -> bool:
    """Whether each definition says it for itself, in a field."""
    return isinstance(offered, type) and attrs.has(offered) and key in attrs.fields_dict(offered)


def _describable(settings: Any) -> Iterator[Fault]:
    """Settings that no form can be built of would be found out when somebody opens it."""
    try:
        fields_of(settings)
    except InvalidValue as error:
        yield f"{error.tried}: {error.case}", error.help


def _executor(offered: Any) -> Iterator[Fault]:
    yield from _instance(offered, Executor)
    yield from _named(offered, "name")
    yield from _verbs(offered, "verbs")
    if not offered.verbs:
        yield f"{_shown(offered)} can do nothing: its verbs are empty", "name what it can do"
    yield from _one_of(offered, "effect", "an Effect", lambda given: isinstance(given, Effect))
    yield from _settings(offered)


def _script(offered: Any) -> Iterator[Fault]:
    yield from _class(offered, Script, "taskkit.plugins")
    yield from _named(offered, "kind")
    if "name" not in attrs.fields_dict(offered):
        yield f"{offered.__name__} has no field 'name', by which tasks choose it", "give it one: name: str"
    yield from _verbs(offered, "needs")
    yield from _one_of(offered, "spread", "'each' or 'once'", lambda given: given in ("each", "once"))
    yield from _one_of(offered, "effect", "an Effect, or None", lambda given: given is None or isinstance(given, Effect))
    yield from _one_of(offered, "right", "the name of a right, or None", lambda given: given is None or isinstance(given, str))


def _policy(offered: Any) -> Iterator[Fault]:
    yield from _class(offered, Policy, "taskkit.events.policies")
    yield from _named(offered, "kind")


def _notifier(offered: Any) -> Iterator[Fault]:
    yield from _with_settings(Notifier)(offered)
    wants = getattr(offered, "wants", None)
    if not isinstance(wants, frozenset) or not all(isinstance(kind, str) for kind in wants):
        yield f"{_shown(offered)} does not say which facts it wants", "give wants, a frozenset of kinds of facts"
    elif unknown := sorted(wants - KINDS):
        near = get_close_matches(unknown[0], KINDS, 1)
        hint = f"did you mean {near[0]!r}?" if near else "the reference of facts names them all"
        yield f"{_shown(offered)} wants {unknown[0]!r}, which no fact is", hint


def _storage(offered: Any) -> Iterator[Fault]:
    yield from _instance(offered, StorageKind)


def _keyring(offered: Any) -> Iterator[Fault]:
    from taskkit.keyrings import Keyring  # it loads what nobody needs who offers none

    if not isinstance(offered, Keyring):
        yield f"it offers a {type(offered).__name__}, which is no Keyring", "offer Keyring.from_file(…), or one of bytes"


def _with_settings(wanted: type[Any]) -> Callable[[Any], Iterator[Fault]]:
    def faults(offered: Any) -> Iterator[Fault]:
        yield from _instance(offered, wanted)
        yield from _named(offered, "name")
        yield from _settings(offered)

    return faults


def _shown(offered: Any) -> str:
    return offered.__name__ if isinstance(offered, type) else type(offered).__name__


OFFER_KINDS = (
    OfferKind("executor", "name", _executor),
    OfferKind("script", "kind", _script),
    OfferKind("policy", "kind", _policy, plural="policies"),
    OfferKind("exporter", "name", _with_settings(Exporter)),
    OfferKind("notifier", "name", _notifier),
    OfferKind("report", "name", _with_settings(Report)),
    OfferKind("storage", "scheme", _storage),
    OfferKind("keyring", "current", _keyring, single=True, quiet=True),
)
