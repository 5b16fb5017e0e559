"""Tasks, definitions and lists as JSON documents and back: the form in which a storage keeps them.

What has kinds (policies, intervals, windows, selections, password policies, scripts) names its kind; the rest is plain fields.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import attrs

from taskkit.errors import NarrowWindow, TaskkitError, UnreadableDocument
from taskkit.events import documents as rules
from taskkit.events.intervals import Interval
from taskkit.events.policies import Policy
from taskkit.events.windows import Window
from taskkit.passwords import PasswordPolicy, password_policy
from taskkit.records import RecordType
from taskkit.scripts.dependents import Dependent, kind_of
from taskkit.selections import SELECTIONS, Selection
from taskkit.tasks import Task

if TYPE_CHECKING:
    from cattrs import Converter

    from taskkit.plugins.manager import Plugins

T = TypeVar("T")


class Documents:
    """Writes and reads values; knows the kinds that the plug-ins of one engine offer."""

    def __init__(self, policies: Iterable[type[Any]], definitions: Iterable[type[Any]]) -> None:
        self.policies = {made.kind: made for made in policies}
        self.definitions = {made.kind: made for made in definitions}
        self._selections = {made.kind: made for made in SELECTIONS}
        self._converter = self._make_converter()

    def write(self, value: Any) -> dict[str, Any]:
        """What `json.dumps` takes; a definition names its kind."""
        body: dict[str, Any] = self._converter.unstructure(value)
        return {"kind": value.kind, **body} if type(value) in self.definitions.values() else body

    def task(self, body: Mapping[str, Any], revision: int) -> Task:
        return attrs.evolve(self._read(Task, body, "a task"), revision=revision)

    def definition(self, body: Mapping[str, Any]) -> Any:
        made = _known(self.definitions, body.get("kind"), "a definition")
        return self._read(made, {name: value for name, value in body.items() if name != "kind"}, f"a definition of kind {made.kind!r}")

    def read(self, made: type[T], body: Mapping[str, Any]) -> T:
        return self._read(made, body, f"a {made.__name__}")

    def _read(self, made: type[T], body: Mapping[str, Any], what: str) -> T:
        try:
            return self._converter.structure(body, made)
        except Exception as error:
            raise UnreadableDocument(f"reading {what}", _case(error), "it was written by another version, or changed by hand") from None

    def _make_converter(self) -> Converter:
        from cattrs import Converter
        from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

        converter = Converter(forbid_extra_keys=True)
        for made in _PLAIN:
            converter.register_structure_hook(made, _plainly)
        converter.register_unstructure_hook_func(lambda made: getattr(made, "__origin__", made) is frozenset, sorted)
        converter.register_unstructure_hook(tuple, lambda given: [converter.unstructure(one) for one in given])
        converter.register_unstructure_hook_func(lambda made: made is MappingProxyType, _plain)
        converter.register_structure_hook_func(lambda made: getattr(made, "__origin__", None) is Mapping, lambda given, _: dict(given))
        converter.register_structure_hook_func(
            lambda made: getattr(made, "__origin__", made) is frozenset, lambda given, _: frozenset(given)
        )
        for base in (Interval, Window):
            converter.register_unstructure_hook_func(_is_a(base), rules.to_document)
        converter.register_structure_hook_func(_is_a(Interval), lambda given, _: rules.from_document(given))
        converter.register_structure_hook_func(_is_a(Window), lambda given, _: _window(given))
        converter.register_unstructure_hook_func(_is_a(Policy), self._kinded)
        converter.register_unstructure_hook_func(_is_a(Selection), self._kinded)
        converter.register_unstructure_hook_func(_is_a(PasswordPolicy), self._kinded)
        converter.register_structure_hook_func(_is_a(PasswordPolicy), _password_policy)
        converter.register_unstructure_hook_func(_is_a(Dependent), self._kinded)
        converter.register_structure_hook_func(lambda made: made is Dependent, lambda given, _: self._dependent(given))
        converter.register_structure_hook(Selection, lambda given, _: self._selection(given))
        converter.register_structure_hook(Policy | Interval, lambda given, _: self._policy(given))
        kept: dict[str, Any] = {name: override(omit=True) for name in ("revision", "interval")}
        converter.register_unstructure_hook(Task, make_dict_unstructure_fn(Task, converter, _cattrs_omit_if_default=True, **kept))
        converter.register_structure_hook(Task, make_dict_structure_fn(Task, converter, _cattrs_forbid_extra_keys=True, **kept))
        return converter

    def _kinded(self, value: Any) -> dict[str, Any]:
        said = ((one.name, getattr(value, one.name), one.default) for one in attrs.fields(type(value)) if one.init)
        return {"kind": value.kind, **{name: self._plain(given) for name, given, default in said if given != default}}

    def _plain(self, given: Any) -> Any:
        if isinstance(given, list | tuple):
            return [self._plain(one) for one in given]
        if isinstance(given, Mapping):
            return _plain(given)
        return given.value if isinstance(given, Enum) else self._converter.unstructure(given)

    def _policy(self, given: Any) -> Policy | Interval:
        if isinstance(given, Mapping) and given.get("kind") in self.policies:
            return _made(self.policies, given, "a policy")  # type: ignore[no-any-return]
        found = rules.from_document(given)
        if not isinstance(found, Interval):
            raise UnreadableDocument("reading a policy", f"{given.get('kind')!r} is none", f"known are {', '.join(self.policies)}")
        return found

    def _dependent(self, given: Mapping[str, Any]) -> Dependent:
        return self._converter.structure({name: value for name, value in given.items() if name != "kind"}, kind_of(given))

    def _selection(self, given: Mapping[str, Any]) -> Selection:
        said = dict(given)
        if "parts" in said:
            said["parts"] = [self._selection(one) for one in said["parts"]]
        if "part" in said:
            said["part"] = self._selection(said["part"])
        return _made(self._selections, said, "a selection")


#: Making a converter takes as long as a thousand jobs do.
_MADE: WeakKeyDictionary[Plugins, Documents] = WeakKeyDictionary()


def documents_of(plugins: Plugins) -> Documents:
    """With the kinds that these plug-ins offer; the same for every engine that has them."""
    if (found := _MADE.get(plugins)) is None:
        found = _MADE[plugins] = Documents(plugins.policies.values(), [*plugins.scripts.values(), RecordType])
    return found


def _window(given: Mapping[str, Any]) -> Interval | Window:
    """That it is narrow was said when it was first made."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NarrowWindow)
        return rules.from_document(given)


def _password_policy(given: Any, made: type[PasswordPolicy]) -> PasswordPolicy:
    found = password_policy(given)
    if not isinstance(found, made):
        raise UnreadableDocument(f"reading {made.__name__}", f"it is {type(found).__name__}")
    return found


#: What JSON has: taken as it is or refused, and never made of something else, as "false" would be made True.
_PLAIN: Mapping[type[Any], tuple[type[Any], ...]] = {bool: (bool,), str: (str,), int: (int,), float: (float, int)}


def _plainly(given: Any, made: type[T]) -> T:
    wanted = next(wanted for plain, wanted in _PLAIN.items() if issubclass(made, plain))
    if not isinstance(given, wanted) or (isinstance(given, bool) and made is not bool):
        raise UnreadableDocument("reading a value", f"{str(given)[:80]!r} is a {type(given).__name__}, and no {wanted[0].__name__}")
    return given if made in (str, int, bool) else made(given)  # type: ignore[call-arg]


def _is_a(base: type[Any]) -> Callable[[Any], bool]:
    return lambda made: isinstance(made, type) and issubclass(made, base)


def _known(kinds: Mapping[str, type[T]], kind: object, what: str) -> type[T]:
    if not isinstance(kind, str) or kind not in kinds:
        near = difflib.get_close_matches(str(kind), kinds, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(kinds))}"
        raise UnreadableDocument(f"reading {what}", f"there is no kind {kind!r}", hint)
    return kinds[kind]


def _made(kinds: Mapping[str, type[T]], given: Mapping[str, Any], what: str) -> T:
    made = _known(kinds, given.get("kind"), what)
    try:
        return made(**{name: value for name, value in given.items() if name != "kind"})
    except TypeError as error:
        raise UnreadableDocument(f"reading {what} of kind {given['kind']!r}", str(error)) from None


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) if isinstance(value, Mapping) else value for name, value in given.items()}


def _case(error: BaseException) -> str:
    """The first cause in a tree of errors, without values."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) if isinstance(error, TaskkitError) else f"{type(error).__name__}: {str(error)[:200]}"
