"""The plug-ins of one engine, asked once and looked at one by one, so that a mistake names its plug-in.

No other file sees pluggy (`specs` marks the hooks with it); there is no global manager. What a plug-in raises, when it is loaded
or asked, becomes a BrokenPlugin of type and text: no stack frame of it comes along.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pluggy

from taskkit.errors import BrokenPlugin, MissingPlugin, TaskkitError
from taskkit.plugins import _sources, specs
from taskkit.plugins._contracts import faults
from taskkit.plugins._sources import Source
from taskkit.plugins.offers import OFFER_KINDS, Offer, OfferKind
from taskkit.plugins.storages import scheme_of
from taskkit.scrubbing import Scrubber, told
from taskkit.storage import Storage

if TYPE_CHECKING:
    from taskkit.events.policies import Policy
    from taskkit.keyrings import Keyring
    from taskkit.plugins.kinds import Executor, Exporter, Notifier, Report, Script
    from taskkit.plugins.storages import StorageKind

_MOST_OFFERS = 1000
_LONGEST_TEXT = 500
#: Executors of ours that come with an extra of their name.
_OF_EXTRAS = frozenset({"ssh"})
T = TypeVar("T")


class Plugins:
    """Executors, scripts, policies and the rest by their names, as the plug-ins of one engine offer them."""

    def __init__(
        self,
        given: Iterable[object] = (),
        *,
        discover: bool | str | Iterable[str] = True,
        guests: bool = True,
        broken: Literal["raise", "leave_out"] = "raise",
    ) -> None:
        """Modules and objects, or `(name, plug-in)`; with `discover` the entry points too: all of them, or those of these names.

        Whatever breaks the contract is a BrokenPlugin. With `broken="leave_out"` a plug-in that was merely found is left out as a whole
        and stands in `broken`; one that was handed in, or wanted by name, still raises.
        """
        self._manager = pluggy.PluginManager(specs.NAMESPACE)
        self._manager.add_hookspecs(specs)
        self._admitted: dict[str, tuple[Source, object]] = {}
        self._offers: dict[tuple[str, str], Offer] = {}
        self.broken: tuple[BrokenPlugin, ...] = ()
        for source in _found(given, discover, guests):
            self._try(source, leave_out=broken == "leave_out" and not source.asked)
        self.executors: Mapping[str, Executor] = self._by_name("executor")
        self.scripts: Mapping[str, type[Script]] = self._by_name("script")
        self.policies: Mapping[str, type[Policy]] = self._by_name("policy")
        self.exporters: Mapping[str, Exporter] = self._by_name("exporter")
        self.notifiers: Mapping[str, Notifier] = self._by_name("notifier")
        self.reports: Mapping[str, Report] = self._by_name("report")
        self.storages: Mapping[str, StorageKind] = self._by_name("storage")
        #: What is sealed is sealed with this, where a plug-in offers one.
        self.keyring: Keyring | None = next(iter(self._by_name("keyring").values()), None)

    # what is there

    def executor(self, name: str) -> Executor:
        return self._find("executor", self.executors, name)

    def script(self, kind: str) -> type[Script]:
        return self._find("script", self.scripts, kind)

    def policy(self, kind: str) -> type[Policy]:
        return self._find("policy", self.policies, kind)

    def exporter(self, name: str) -> Exporter:
        return self._find("exporter", self.exporters, name)

    def notifier(self, name: str) -> Notifier:
        return self._find("notifier", self.notifiers, name)

    def report(self, name: str) -> Report:
        return self._find("report", self.reports, name)

    def open_storage(self, url: str) -> Storage:
        """The storage of a URL, by the plug-in that offers its scheme."""
        kind = self._find("storage", self.storages, scheme_of(url))
        tried = f"opening a storage by a URL that begins with {kind.scheme!r}"
        try:
            storage: object = kind.open(url)
        except TaskkitError:
            raise
        except Exception as error:
            case = type(error).__name__  # its text may hold the URL
        else:
            if isinstance(storage, Storage):
                return storage
            case = f"its plug-in answers a {type(storage).__name__}, which is no Storage"
        raise BrokenPlugin(tried, case, "its author has to mend it")

    def offered(self) -> Sequence[Offer]:
        """All that is there, and which plug-in answers for it."""
        return tuple(self._offers.values())

    def _by_name(self, word: str) -> Mapping[str, Any]:
        return MappingProxyType({name: offer.offered for (kind, name), offer in self._offers.items() if kind == word})

    def _find(self, word: str, there: Mapping[str, T], name: str) -> T:
        if name in there:
            return there[name]
        known = f"there are {', '.join(sorted(there))}" if there else "there is none"
        raise MissingPlugin(f"looking for a plug-in's {word}", f"no {word} {name!r} is installed; {known}", self._advice(word, there, name))

    def _advice(self, word: str, there: Mapping[str, object], name: str) -> str:
        near = difflib.get_close_matches(name, there, 1)
        if word == "executor" and name in _OF_EXTRAS:
            return f"install taskkit with its extra {name!r}"
        if near:
            return f"did you mean {near[0]!r}?"
        left_out = f"; left out as broken: {', '.join(error.tried for error in self.broken)}" if self.broken else ""
        return f"install a plug-in that offers it{left_out}"

    # how it got there

    def _try(self, source: Source, *, leave_out: bool) -> None:
        try:
            self._admit(source)
        except BrokenPlugin as error:
            if not leave_out:
                raise
            self.broken += (error.with_traceback(None),)

    def _admit(self, source: Source) -> None:
        """All that a plug-in offers, or nothing of it."""
        plugin = _crossing(f"loading {source}", source.load)
        if any(plugin is other for _, other in self._admitted.values()):
            return  # installed and handed in as well, or under two names: twice is once
        self._check(source, plugin)
        try:
            self._register(source, plugin)
            offers = self._fresh(source)
        except BrokenPlugin:
            if self._manager.has_plugin(source.name):
                self._manager.unregister(name=source.name)
            raise
        self._admitted[source.name] = source, plugin
        self._offers |= offers

    def _check(self, source: Source, plugin: object) -> None:
        tried = f"starting {source}"
        if source.name in self._admitted:
            other, _ = self._admitted[source.name]
            raise BrokenPlugin(tried, f"{other} has the same name", "hand in (name, plug-in), or uninstall one of the two")
        if fault := _crossing(tried, lambda: next(faults(plugin, partial(self._manager.parse_hookimpl_opts, plugin)), None)):
            raise BrokenPlugin(tried, *fault)

    def _register(self, source: Source, plugin: object) -> None:
        tried = f"starting {source}"
        if refused := _crossing(tried, partial(self._enter, source.name, plugin)):
            raise BrokenPlugin(tried, refused, "a hook takes no arguments")

    def _enter(self, name: str, plugin: object) -> str:
        """Why pluggy does not take it, or nothing."""
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            return str(error).splitlines()[-1]
        return ""

    def _fresh(self, source: Source) -> dict[tuple[str, str], Offer]:
        """What the plug-in offers, each under a name that is not taken."""
        fresh: dict[tuple[str, str], Offer] = {}
        for kind in OFFER_KINDS:
            for offer in self._ask(source, kind):
                key = kind.word, "" if kind.single else offer.name
                if other := self._offers.get(key) or fresh.get(key):
                    raise BrokenPlugin(f"asking {source} for {kind.hook}", *_twice(kind, other))
                fresh[key] = offer
        return fresh

    def _ask(self, source: Source, kind: OfferKind) -> Iterator[Offer]:
        tried = f"asking {source} for {kind.hook}"
        for hook in getattr(self._manager.hook, kind.hook).get_hookimpls():
            if hook.plugin_name != source.name:
                continue
            for offered in _answer(tried, hook.function, quiet=kind.quiet):
                if fault := _crossing(tried, partial(kind.fault, offered)):
                    del offered  # who dumps the locals of this frame shows no key that was offered by mistake
                    raise BrokenPlugin(tried, *fault)
                name = _crossing(tried, partial(getattr, offered, kind.key))
                yield Offer(kind.word, name, source.name, source.distribution, source.version, offered)


def _twice(kind: OfferKind, other: Offer) -> tuple[str, str]:
    by = _sources.who(other.plugin, other.distribution, other.version)
    if kind.single:
        return f"a {kind.word} is offered by {by} already, and there is one for all", "uninstall one of the two"
    return f"{kind.word} {other.name!r} is offered by {by} already", "uninstall one of the two, or give it another name"


def _found(given: Iterable[object], discover: bool | str | Iterable[str], guests: bool) -> Iterator[Source]:
    if guests:
        yield _sources.guests()
    yield from _sources.given(given)
    if discover is False:
        return
    wanted = None if discover is True else frozenset([discover] if isinstance(discover, str) else discover)
    found = _sources.discovered(wanted)
    if missing := sorted((wanted or frozenset()) - {source.name for source in found}):
        tried, case = "starting plug-ins by name", f"no plug-in {', '.join(map(repr, missing))} is installed"
        raise MissingPlugin(tried, case, f"install it: it is an entry point of the group {_sources.GROUP!r}")
    yield from found


def _answer(tried: str, hook: Callable[[], object], *, quiet: bool) -> Iterator[object]:
    answer = _listed(tried, hook, quiet=quiet)
    offers = _crossing(tried, lambda: iter(answer))
    end = object()
    for _ in range(_MOST_OFFERS):
        if (offered := _crossing(tried, lambda: next(offers, end), quiet=quiet)) is end:
            return
        yield offered
    raise BrokenPlugin(tried, f"it offers {_MOST_OFFERS:,} and does not end", "yield each offer once")


def _listed(tried: str, hook: Callable[[], object], *, quiet: bool) -> Iterable[object]:
    answer = _crossing(tried, hook, quiet=quiet)
    if isinstance(answer, Iterable) and not isinstance(answer, str | bytes | Mapping):
        return answer
    case = f"it answers a {type(answer).__name__}, which is no list"
    del answer  # as above
    raise BrokenPlugin(tried, case, "answer a list, or yield what it offers")


def _crossing(tried: str, ask: Callable[[], T], *, quiet: bool = False) -> T:
    """What foreign code answers; whatever it raises is told as type and text, outside of its stack (S1). Quiet, words are told if ours."""
    try:
        return ask()
    except (Exception, SystemExit) as error:
        is_told = not quiet or isinstance(error, TaskkitError)
        case = told(error, Scrubber())[:_LONGEST_TEXT] if is_told else type(error).__name__
    raise BrokenPlugin(tried, case)
