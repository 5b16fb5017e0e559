"""What no store keeps, so that every store refuses it alike: NUL and halves of characters in texts, numbers of more than 64 bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from taskkit.checks import BEYOND, is_keepable, is_whole
from taskkit.errors import InvalidValue
from taskkit.facts import Fact
from taskkit.storage._alike import Unmade
from taskkit.storage.units import Hold, Insert, Join, Keep, Move, Unit, Wait

_TOLD = Fact._fields.index("details")


def must_be_keepable(units: Sequence[Unit]) -> None:
    """Nothing of the call lands where one of them holds such a thing. What only names something that is there need not be asked."""
    for unit in units:
        if not isinstance(unit, Unmade):  # of what is kept already
            for change in unit:
                if (values := _VALUES.get(type(change))) is not None:
                    _must_be(values(change))


def must_be_texts(*texts: str) -> None:
    """For what is kept beside units."""
    _must_be(texts)


def must_be_whole(text: str) -> None:
    """A document as it is written down: in there NUL has other signs, and so has a long number."""
    if not (text.isascii() or is_whole(text)):
        raise _refusal("a text holds half a character")


def askable(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """For a question in SQL: a text that no row holds equals nothing, as NULL does, and behind the longest number there is none."""
    return values if all(map(_is_askable, values)) else tuple([one if _is_askable(one) else _nearest(one) for one in values])


def _is_askable(value: object) -> bool:
    if isinstance(value, str):
        return is_keepable(value)
    return not isinstance(value, int) or -BEYOND <= value < BEYOND


def _nearest(value: Any) -> int | None:
    return None if isinstance(value, str) else min(max(-BEYOND, value), BEYOND - 1)


def _must_be(values: Iterable[Any]) -> None:
    """Most of a job is empty, and most hold nothing of the kind: all texts are looked at in one go."""
    there = [value for value in values if value]
    texts = [value for value in there if isinstance(value, str)]
    if not is_keepable("".join(texts)):
        raise _refusal("a text holds NUL or half a character")
    if len(texts) == len(there):
        return
    for value in there:
        if type(value) is int:
            if not -BEYOND <= value < BEYOND:
                raise _refusal("a number has more than 64 bits")
        elif not isinstance(value, str):
            _must_hold(value)


def _must_hold(value: Any) -> None:
    """What is kept as one text has NUL and long numbers in other signs; half a character has none."""
    if isinstance(value, str):
        must_be_whole(value)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            _must_hold(name)
            _must_hold(one)
    elif isinstance(value, list | tuple):
        for one in value:
            _must_hold(one)


def _refusal(case: str) -> InvalidValue:
    """It is not shown, as it may be anything."""
    return InvalidValue("writing to the store", case, "no store keeps it: nothing of what was to be written is there")


def _insert(change: Insert) -> Iterable[Any]:
    job, causes = change
    return job if job.via is None and not causes else chain(job, job.via or (), *causes)


def _hold(change: Hold) -> Iterable[Any]:
    return (change.wanted, *change.keys, *[most for _, most in change.slots])


def _keep(change: Keep) -> Iterable[Any]:
    """Without the body, which is asked when it is written: that may take its time, and be interrupted."""
    return () if change.body is None else (change.table, change.id, change.revision, change.group)


#: Of each change, what is kept of it.
_VALUES: Mapping[type[Any], Callable[[Any], Iterable[Any]]] = {
    Insert: _insert,
    Move: lambda change: change.fields.values(),
    Join: lambda change: change.cause,
    Hold: _hold,
    Wait: lambda change: _hold(change.hold),
    Keep: _keep,
    Fact: lambda change: change[:_TOLD],
}
