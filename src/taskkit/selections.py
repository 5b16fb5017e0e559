"""Which records a task is about (R9). The vault evaluates a selection when the job runs; `matches` is what a small vault may use for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from taskkit.checks import a, mapping, named, several
from taskkit.errors import InvalidValue
from taskkit.records import Record


@frozen
class Selection(ABC):
    """A filter over records; combine them with `&`, `|` and `~`."""

    #: The word that names the kind in documents.
    kind: ClassVar[str]

    @abstractmethod
    def matches(self, record: Record) -> bool: ...

    def __and__(self, other: Selection) -> Selection:
        return AllOf((*_parts(self, AllOf), other))

    def __or__(self, other: Selection) -> Selection:
        return OneOf((*_parts(self, OneOf), other))

    def __invert__(self) -> Selection:
        return Not(self)


@frozen
class Everything(Selection):
    """All records that the viewer may see."""

    kind = "everything"

    def matches(self, record: Record) -> bool:
        return True


@frozen
class OfType(Selection):
    kind = "of_type"
    type: str = field(validator=named)

    def matches(self, record: Record) -> bool:
        return record.type == self.type


@frozen
class Tagged(Selection):
    kind = "tagged"
    tag: str = field(validator=named)

    def matches(self, record: Record) -> bool:
        return self.tag in record.tags


@frozen
class FieldIs(Selection):
    """A field in plain has this value."""

    kind = "field_is"
    name: str = field(validator=named)
    value: str = field(validator=a(str))

    def matches(self, record: Record) -> bool:
        return record.fields.get(self.name) == self.value


@frozen
class Contains(Selection):
    """The name or a field in plain contains the text, in whatever case."""

    kind = "contains"
    text: str = field(validator=named)

    def matches(self, record: Record) -> bool:
        sought = self.text.casefold()
        return any(sought in value.casefold() for value in (record.name, *record.fields.values()))


def _names(instance: object, attribute: Any, given: tuple[object, ...]) -> None:
    for one in given:
        named(instance, attribute, one)


@frozen
class Listed(Selection):
    """Exactly these records."""

    kind = "listed"
    records: tuple[str, ...] = field(converter=several, validator=_names)

    def matches(self, record: Record) -> bool:
        return record.id in self.records


def _selections(instance: object, attribute: Any, given: tuple[object, ...]) -> None:
    if not given:
        raise InvalidValue(f"{type(instance).__name__}()", "of nothing it is all records or none", "say Everything(), or Listed([])")
    for one in given:
        if not isinstance(one, Selection):
            raise InvalidValue(f"{type(instance).__name__}(…)", f"{one!r} is no selection", "give OfType(…), Tagged(…) …")


@frozen
class AllOf(Selection):
    kind = "all_of"
    parts: tuple[Selection, ...] = field(converter=several, validator=_selections)

    def matches(self, record: Record) -> bool:
        return all(part.matches(record) for part in self.parts)


@frozen
class OneOf(Selection):
    kind = "one_of"
    parts: tuple[Selection, ...] = field(converter=several, validator=_selections)

    def matches(self, record: Record) -> bool:
        return any(part.matches(record) for part in self.parts)


def _parts(selection: Selection, made: type[AllOf | OneOf]) -> tuple[Selection, ...]:
    """A long chain stays flat: how deep a document may be has an end."""
    return selection.parts if isinstance(selection, made) else (selection,)


@frozen
class Not(Selection):
    kind = "not"
    part: Selection = field(validator=a(Selection))

    def matches(self, record: Record) -> bool:
        return not self.part.matches(record)

    def __invert__(self) -> Selection:
        return self.part


@frozen
class OfVault(Selection):
    """A filter in the vault's own words; only the vault can read it."""

    kind = "of_vault"
    words: Mapping[str, Any] = field(converter=mapping, hash=False)

    def matches(self, record: Record) -> bool:
        raise InvalidValue("evaluating a selection of the vault", "only the vault can read it", "let Records.find answer it")


SELECTIONS: tuple[type[Selection], ...] = (Everything, OfType, Tagged, FieldIs, Contains, Listed, AllOf, OneOf, Not, OfVault)
