"""Everything that taskkit keeps or says, as texts, each with the place where it stands."""

from __future__ import annotations

import copy
import gc
import io
import json
import logging
import os
import pickle
import threading
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest
from attrs import define, field

from taskkit.engine import Entry
from taskkit.errors import TaskkitError
from taskkit.facts import encoded
from taskkit.insight import pictures
from taskkit.jobs import Job
from taskkit.keyrings import Keyring
from taskkit.states import State
from taskkit.storage import Query
from taskkit.vaults import Vault
from tests.canary.nests import Nest
from tests.engine.houses import TABLES

Heard = list[tuple[str, str]]
_MOST = 100_000


@define
class Ear:
    """Listens while something is done, and gathers what is left of it afterwards."""

    place: Path
    caplog: pytest.LogCaptureFixture
    capfd: pytest.CaptureFixture[str]
    warned: list[warnings.WarningMessage] = field(factory=list)

    @contextmanager
    def listening(self) -> Iterator[None]:
        self.caplog.set_level(logging.DEBUG)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield
        self.warned += warned

    def heard(self, nest: Nest) -> Heard:
        """All texts, of all places."""
        pieces = [*_kept(nest), *_shown(nest), *_reached(nest), *_raised(nest.caught), ("handed", nest.handed), *self._outside()]
        return [(place, text) for place, value in pieces for text in _texts(value)]

    def _outside(self) -> Iterator[tuple[str, object]]:
        for record in self.caplog.records:
            yield "log", [record.getMessage(), str(vars(record))]
        yield "warnings", [str(warning) for warning in self.warned]
        yield "output", [*self.capfd.readouterr()]
        yield "environment", [*os.environ, *os.environ.values()]
        yield "names of threads", [thread.name for thread in threading.enumerate()]
        for file in self.place.rglob("*"):
            yield f"file {file.name}", [str(file), *([file.read_bytes()] if file.is_file() else [])]


def places(heard: Heard, *traces: str) -> dict[str, str]:
    """Where any of the traces stands, with what stands around it."""
    found: dict[str, str] = {}
    for place, text in heard:
        at = next((text.find(trace) for trace in traces if trace in text), -1)
        if at >= 0:
            found.setdefault(place, text[max(0, at - 60) : at + 60])
    return found


# what the store keeps


def _kept(nest: Nest) -> Iterator[tuple[str, object]]:
    storage = nest.storage
    for fact in storage.facts({}, limit=_MOST)[0]:
        yield "fact", [encoded(fact), json.dumps(fact.document()), fact.document(), repr(fact)]
    for job in storage.jobs(Query(), limit=_MOST).jobs:
        for name, value in zip(Job._fields, job, strict=True):
            yield f"job.{name}", value
        yield "causes", [repr(cause) for cause in storage.causes(job.id)]
        yield "blobs", [b"".join(storage.open_blob(blob)) for blob in job.blobs]
    for table in (*TABLES, "intent", "mark", "burst", "notifier", "sealed", "key"):
        yield f"table {table}", [(kept.id, kept.group, kept.body, repr(kept)) for kept in storage.documents(table, limit=_MOST)]


# what the engine shows


def _shown(nest: Nest) -> Iterator[tuple[str, object]]:
    engine = nest.engine
    for page in (engine.history(limit=_MOST), engine.overview(limit=_MOST, ended=True)):
        yield "views", [repr(page), page.document(), json.dumps(page.document())]
        yield "copies", [_pickled(entry) for entry in page.entries] + [repr(copy.deepcopy(entry)) for entry in page.entries]
    for entry in engine.history(limit=_MOST).entries:
        yield "a job's view", [repr(engine.execution(entry.id)), engine.pending_access(entry.id)]
        yield "a gathering", repr(engine.gathering(entry.id)) if entry.state is State.AWAITING_CONSENT else ""
    yield "explanations", [told for entry in engine.history(limit=_MOST).entries for told in _explained(nest, entry)]
    yield "spans", [span.to_json() for span in nest.spans.get_finished_spans()]
    with suppress(TaskkitError):
        ahead = engine.forecast(None, nest.clock.moment.add(days=2))
        yield "a forecast", [repr(ahead), str(ahead), json.dumps(ahead.document()), pictures.page(ahead)]
    with suppress(TaskkitError, LookupError):  # some tests put into the store what no engine would
        yield "an aftermath", [str(engine.aftermath()), json.dumps(engine.aftermath().document())]
    yield "health", [repr(engine.health()), json.dumps(engine.health().document())]
    yield "tasks", [*map(repr, engine.tasks()), *map(_pickled, engine.tasks()), repr(engine.pauses()), repr(engine.definitions())]
    yield "notices", [repr(notice) for notice in nest.inbox.notices]
    stream = io.BytesIO()
    engine.plugins.exporter("json_lines").export(engine.facts(limit=_MOST), stream)
    yield "JSON lines", stream.getvalue()


def _explained(nest: Nest, entry: Entry) -> Iterator[str]:
    """How it stands now, and how it stood when the job began or was made."""
    for at in (None, entry.started or entry.created):
        with suppress(TaskkitError):
            told = nest.engine.explain(entry.task, entry.record, at)
            yield from (repr(told), str(told), json.dumps(told.document()))


def _pickled(value: object) -> bytes:
    return pickle.dumps(value)


# what can be reached in memory


def _reached(nest: Nest) -> Iterator[tuple[str, object]]:
    """All that engine and store hold on to, whatever it is; the vault, the keys and the tests' own plug-ins are the product's."""
    for one in reached(nest.engine, nest.storage):
        if isinstance(one, str | bytes | bytearray):
            yield "memory", one
        elif type(one).__module__.startswith("taskkit"):
            yield f"repr of {type(one).__name__}", [repr(one), str(one), f"{one}"]


def reached(*roots: object) -> Iterator[object]:
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FrameType | CodeType) or type(one).__module__.startswith("tests."):
            continue
        seen[id(one)] = one
        yield one
        if not isinstance(one, Vault | Keyring):
            waiting += _inside(one)


def _inside(one: object) -> Iterable[object]:
    """A function's module is not what it holds."""
    return [one.__closure__, one.__defaults__, one.__kwdefaults__] if isinstance(one, FunctionType) else gc.get_referents(one)


# what came to the caller


def _raised(errors: Iterable[BaseException]) -> Iterator[tuple[str, object]]:
    for error in errors:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        yield "traceback", [*told.format()]
        for one in _chain(error):
            yield "raised", [str(one), repr(one), repr(vars(one)), *map(repr, one.args), *getattr(one, "__notes__", ())]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Also what `from None` only hides."""
    if error is not None:
        yield error
        yield from _chain(error.__cause__)
        yield from _chain(error.__context__)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes | bytearray):
        yield from (value.decode("utf-8", "replace"), value.decode("latin-1"))
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _texts(pair)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
    else:
        yield from (str(value), repr(value))
