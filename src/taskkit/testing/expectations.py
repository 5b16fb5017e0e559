"""What a test expects of an engine, in the words of the domain: `expect(engine).ran("nightly", on="db-1", times=2)`.

No test framework is needed: an expectation that is not met raises AssertionError, and tells what happened instead. A word that nobody
has heard of, a task, a record or a kind of fact, raises NotFound: what is misspelt never happens, and would let a test pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import pendulum

from taskkit.engine import Engine, Entry
from taskkit.errors import InvalidValue
from taskkit.facts import KINDS, Fact
from taskkit.instants import instant
from taskkit.jobs import Kind, Why
from taskkit.outcomes import ErrorClass
from taskkit.states import PENDING, State
from taskkit.tasks import Task
from taskkit.testing._histories import About, about, unheard


def expect(engine: Engine) -> Expectations:
    """Say what is expected of this engine; each word may follow another."""
    return Expectations(engine)


class Expectations:
    """Each word looks at once, and answers the same again, or raises."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ran(self, task: Task | str, *, on: str | None = None, times: int | None = None, since: datetime | None = None) -> Expectations:
        """It began and was done: so many times, or at least once."""
        __tracebackhide__ = True
        what = about(self._engine, task, on, since)
        ran = [entry for entry in what.entries() if entry.state is State.COMPLETED and entry.started and _is_since(entry.ended, since)]
        return self._counted(what, f"{what.name} ran", f"{what.name} did not run", ran, times)

    def failed(
        self,
        task: Task | str,
        *,
        on: str | None = None,
        error: ErrorClass | str | None = None,
        times: int | None = None,
        since: datetime | None = None,
    ) -> Expectations:
        """It ended in an error, of this class where one is named: so many times, or at least once."""
        __tracebackhide__ = True
        what = about(self._engine, task, on, since)
        failed = [entry for entry in what.entries() if entry.state is State.ERROR and _is_since(entry.ended, since)]
        failed = [entry for entry in failed if error is None or entry.error == error]
        of = f" ({ErrorClass(error)})" if error is not None else ""
        return self._counted(what, f"{what.name} failed{of}", f"{what.name} did not fail{of}", failed, times)

    def did_not_run(
        self, task: Task | str, *, on: str | None = None, because: str | None = None, since: datetime | None = None
    ) -> Expectations:
        """It did not even begin; and for this reason, where one is given: one of its jobs has it, or a happening that was passed over."""
        __tracebackhide__ = True
        what = about(self._engine, task, on, since)
        entries = [entry for entry in what.entries() if entry.ended is None or _is_since(entry.ended, since)]
        if began := [entry for entry in entries if _is_since(entry.started, since)]:
            self._fail(what, f"{what.name} began {_often(len(began))}{what}, and should not have")
        if because is not None and because not in (given := _reasons(what, entries)):
            instead = f"there it was {', '.join(given)}" if given else "there is no reason at all"
            self._fail(what, f"{what.name} did not run{what}, but not because of {because}: {instead}")
        return self

    def waits(self, task: Task | str, *, on: str | None = None, for_: str | None = None, until: datetime | None = None) -> Expectations:
        """It waits for something other than its time: for this, and until then, where they are given."""
        __tracebackhide__ = True
        what = about(self._engine, task, on)
        if until is not None:
            instant(until)
        waiting = [entry for entry in what.entries() if entry.state in PENDING and entry.why is not None]
        if not any(for_ in (None, entry.why) and until in (None, entry.due) for entry in waiting):
            wanted = (f" for {for_}" if for_ is not None else "") + (f" until {until}" if until is not None else "")
            instead = ", ".join(sorted({f"for {entry.why} until {entry.due}" for entry in waiting}))
            self._fail(what, f"{what.name} does not wait{wanted}{what}{f', but {instead}' if instead else ''}")
        return self

    def told(
        self,
        kind: str,
        *,
        task: Task | str | None = None,
        on: str | None = None,
        times: int | None = None,
        since: datetime | None = None,
        **details: Any,
    ) -> Expectations:
        """A fact of this kind was told, with these details: so many times, or at least once."""
        __tracebackhide__ = True
        what = about(self._engine, task, on, since)
        found, of = _facts(what, kind, details), _of(kind, what, details)
        return self._counted(what, f"{of} was told", f"{of} was not told", found, times)

    def did_not_tell(
        self, kind: str, *, task: Task | str | None = None, on: str | None = None, since: datetime | None = None, **details: Any
    ) -> Expectations:
        """No such fact was told."""
        __tracebackhide__ = True
        what = about(self._engine, task, on, since)
        if found := _facts(what, kind, details):
            self._fail(what, f"{_of(kind, what, details)} was told {_often(len(found))}{what}, and should not have been")
        return self

    def runs_next(self, task: Task | str, *, on: str | None = None, at: datetime | None) -> Expectations:
        """Its next run is at this moment; None: there is none until something happens."""
        __tracebackhide__ = True
        if at is not None:
            instant(at)
        found, what = self.next_run(task, on), about(self._engine, task, on)
        if found != at:
            instead = f"at {found}" if found is not None else "not at all"
            self._fail(what, f"{what.name} should run next {f'at {at}' if at is not None else 'not at all'}{what}, and runs {instead}")
        return self

    def next_run(self, task: Task | str, on: str | None = None) -> pendulum.DateTime | None:
        """When it is looked at next; None where nothing waits for its time. A run over many that has begun waits for its parts."""
        waiting = (entry for entry in about(self._engine, task, on).entries() if entry.state in PENDING and entry.kind is not Kind.RECOVERY)
        return min((entry.due for entry in waiting if entry.why != Why.CONDUCTING), default=None)

    def _counted(self, what: About, did: str, did_not: str, found: Sequence[object], times: int | None) -> Expectations:
        """So often as expected, or at least once."""
        __tracebackhide__ = True
        if times is not None and times < 1:
            raise InvalidValue("counting what was expected", f"{times} times is no count", "did_not_run and did_not_tell say never")
        wanted = f", not {_often(times)}" if times is not None else ""
        if not found:
            self._fail(what, f"{did_not}{what}{wanted}")
        if times is not None and len(found) != times:
            self._fail(what, f"{did} {_often(len(found))}{what}{wanted}")
        return self

    def _fail(self, what: About, sentence: str) -> NoReturn:
        __tracebackhide__ = True
        raise AssertionError(f"{sentence}\n{what.told()}")


def _is_since(moment: datetime | None, since: datetime | None) -> bool:
    return moment is not None and (since is None or moment >= since)


def _often(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _reasons(what: About, entries: Iterable[Entry]) -> list[str]:
    """Why jobs wait or ended, and why happenings were passed over."""
    passed = (str(fact.details["why"]) for fact in what.facts() if fact.kind == "HappeningPassed" and "why" in fact.details)
    return sorted({*passed, *(entry.why for entry in entries if entry.why is not None)})


def _facts(what: About, kind: str, details: Mapping[str, object]) -> list[Fact]:
    if kind not in KINDS:
        raise unheard("looking for what was told", kind, KINDS)
    wanted = details.items()
    return [fact for fact in what.facts() if fact.kind == kind and all(fact.details.get(name) == value for name, value in wanted)]


def _of(kind: str, what: About, details: Mapping[str, object]) -> str:
    said = ", ".join(f"{name}={value}" for name, value in details.items())
    return f"{kind}{f' ({said})' if said else ''}{f' of {what.name}' if what.name else ''}"
