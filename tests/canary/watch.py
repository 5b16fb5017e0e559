"""Over the whole run: no secret that a test makes is found in what this test leaves behind (S1).

Looked through after each test: all log lines, what was printed, the errors that taskkit made, commands that it started with their
environments, and its stores, in memory and in files with their journals. A test that puts a secret somewhere on purpose says so
with the mark `tells`.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import taskkit
from taskkit.errors import TaskkitError
from taskkit.facts import encoded
from taskkit.secrets import Secret
from taskkit.storage import Query, memory
from taskkit.storage.memory import MemoryStorage
from tests.canary.disguises import DISGUISES

SOURCE = str(Path(taskkit.__file__).parent)
#: A shorter one is a word that tests use for other things, too.
SHORTEST = 8
_ALL = 1_000_000
_MANY, _STORES_KEPT, _TOLD = 100, 8, 10_000
_STORES = (".db", ".db-wal", ".db-journal", ".sqlite", ".sqlite-wal")


class Watch(logging.Handler):
    """What one test has made so far."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.secrets: dict[bytes, None] = {}
        self.told: dict[tuple[str, str], None] = {}
        self.stores: deque[Any] = deque(maxlen=_STORES_KEPT)

    def begin(self) -> None:
        self.secrets.clear()
        self.told.clear()
        self.stores.clear()

    def emit(self, record: logging.LogRecord) -> None:
        self.tell("log", self.format(record))

    def tell(self, place: str, text: str) -> None:
        """What is told again and again is looked through once; of very much, the first."""
        if len(self.told) < _TOLD:
            self.told[place, text] = None

    # what is found

    def found(self, item: pytest.Item, report: pytest.TestReport) -> list[str]:
        """Where which form of a secret stands."""
        forms: dict[str, str] = {}
        for secret in self.texts():
            for name, disguise in DISGUISES.items():
                forms.setdefault(disguise(secret), name)
        if not forms:
            return []
        places = [*self.told, *report.sections, *(place for store in self.stores for place in _kept(store)), *_files(item), *_environment()]
        whole = {name: "\n".join(text for other, text in places if other == name) for name in dict.fromkeys(name for name, _ in places)}
        return [
            f"{place}: {name} in {_around(text, form)!r}" for place, text in whole.items() for form, name in forms.items() if form in text
        ]

    def texts(self) -> list[str]:
        """Those that can stand in a text, and are no mere words; of a test that makes very many, the last."""
        texts = (secret.decode(errors="replace") for secret in [*self.secrets][-_MANY:])
        return [
            text for text in texts if len(text.strip()) >= SHORTEST and text.isprintable() and not text.isalpha() and "\ufffd" not in text
        ]


def _around(text: str, form: str) -> str:
    at = text.index(form)
    return text[max(0, at - 60) : at + len(form) + 60]


def _kept(tables: Any) -> Iterator[tuple[str, str]]:
    storage = MemoryStorage(tables)
    yield "facts", "\n".join(map(encoded, storage.facts({}, limit=_ALL)[0]))
    yield "jobs", "\n".join(map(repr, storage.jobs(Query(), limit=_ALL).jobs))
    for table in [*tables.rooms.documents.tables]:
        yield f"documents of {table}", "\n".join(repr(document.body) for document in storage.documents(table, limit=_ALL))
    for blob in [*tables.rooms.blobs.named]:
        yield "blobs", b"".join(storage.open_blob(blob)).decode("latin-1")


def _files(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """Stores, with their journals: whatever begins as one, or stands beside it."""
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    for file in sorted(folder.rglob("*")) if isinstance(folder, Path) else ():
        if file.name.endswith(_STORES) and file.is_file():
            raw = file.read_bytes()
            yield f"file {file.name}", raw.decode("latin-1")
            yield f"file {file.name}", raw.decode("utf-8", "replace")


def _environment() -> Iterator[tuple[str, str]]:
    yield "environment", "\n".join(f"{name}={value}" for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST")


# what is heard


WATCH = Watch()


def _is_ours(frame: FrameType | None) -> bool:
    """Whether taskkit is on the way to it, and not a test alone."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(SOURCE):
            return True
        frame = frame.f_back
    return False


def _commands(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and _is_ours(sys._getframe(1)):
        program, words, _, environment = arguments
        WATCH.tell("command", repr([program, words]))
        WATCH.tell("environment of a command", repr(environment))


def _heed(error: TaskkitError, _: object) -> None:
    """What a test's own plug-in says in an error is no word of taskkit's, until that takes it over."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_name == "__init__":
        frame = frame.f_back
    if frame is not None and frame.f_code.co_filename.startswith(SOURCE):
        WATCH.tell("error", " ".join(map(str, error.args)))


def _noting(made: Callable[..., Any], note: Callable[[Any, Any], None]) -> Callable[..., Any]:
    def noted(self: Any, *given: Any, **named: Any) -> Any:
        try:
            answer = made(self, *given, **named)
        except BaseException:
            del given, named  # who dumps the locals of this frame shows no more than without the watch
            raise
        note(self, answer)
        return answer

    return noted


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tells: it puts a secret where none may be, on purpose; the watch over all tests looks away")
    logging.getLogger().addHandler(WATCH)
    logging.getLogger().setLevel(logging.DEBUG)
    sys.addaudithook(_commands)
    secret: Any = Secret
    secret.__new__ = _noting(Secret.__new__, lambda _, made: WATCH.secrets.setdefault(made.reveal_bytes()))
    errors: Any = TaskkitError
    errors.__init__ = _noting(TaskkitError.__init__, _heed)
    tables: Any = memory._Tables
    tables.__init__ = _noting(memory._Tables.__init__, lambda made, _: WATCH.stores.append(made))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    WATCH.begin()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call" and report.passed and item.get_closest_marker("tells") is None:
        report.user_properties.append(("watched", [len(WATCH.texts()), len(WATCH.told)]))
        if found := WATCH.found(item, report):
            report.outcome = "failed"
            report.longrepr = "\n".join(["a secret of this test got out (S1):", *dict.fromkeys(found)])
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = [
        value
        for reports in (terminalreporter.stats.get("passed", []), terminalreporter.stats.get("failed", []))
        for report in reports
        for name, value in report.user_properties
        if name == "watched"
    ]
    if counts:
        secrets, texts = (sum(column) for column in zip(*counts, strict=True))
        terminalreporter.write_line(
            f"watched for secrets: {len(counts):,} tests with {secrets:,} secrets and {texts:,} lines, errors and commands"
        )
