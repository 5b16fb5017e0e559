"""What was said between a dialogue and a machine: recorded once against the real one, replayed in tests without it.

A transcript holds what a reader saw, not what came over the wire: there, a secret may stand letter by letter between backspaces, where
nobody finds it. Of what was typed it holds the places of secrets, and of what the machine said nothing that the run scrubs.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, Self

from attrs import asdict, field, frozen

from taskkit.checks import a, optional_a, several
from taskkit.errors import InvalidValue, UnreadableDocument
from taskkit.outcomes import Effect
from taskkit.plugins.executors._echoes import Echo
from taskkit.plugins.executors._outputs import Recorder
from taskkit.plugins.executors._screens import Screen
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Host, Login, Terminal, Verb
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.testing._wrappings import Wrapping

VERSION = 1
_FORM = "taskkit transcript"
#: How many bytes of one remark are kept, whatever floods come.
_CAP = 1_048_576


@frozen
class Remark:
    """What the machine said until it was told something, and what that was; None where it was told nothing more."""

    says: str = field(validator=a(str))
    hears: str | None = field(default=None, validator=optional_a(str))


def _remarks(given: Sequence[Remark]) -> tuple[Remark, ...]:
    return several(given)


@frozen
class Transcript:
    """One dialogue from the first word to the last; it holds no secret."""

    remarks: tuple[Remark, ...] = field(converter=_remarks)
    #: Whether the machine closed the connection in the end.
    closed: bool = field(default=False, validator=a(bool))

    def document(self) -> dict[str, Any]:
        return {"form": _FORM, "version": VERSION, "closed": self.closed, "remarks": [asdict(remark) for remark in self.remarks]}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """UnreadableDocument where it is none, or of a version that is not known here."""
        tried = "reading a transcript"
        if not isinstance(document, Mapping) or document.get("form") != _FORM:
            raise UnreadableDocument(tried, "it is none", "record it again")
        if document.get("version") != VERSION:
            raise UnreadableDocument(tried, f"its version is {document.get('version')!r}, and known is {VERSION}", "record it again")
        try:
            return cls([Remark(**remark) for remark in document["remarks"]], document["closed"])
        except (InvalidValue, KeyError, TypeError) as error:
            raise UnreadableDocument(tried, f"{type(error).__name__}: {error}", "record it again") from None

    def write(self, path: Path | str) -> None:
        Path(path).write_text(json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path | str) -> Self:
        try:
            return cls.of(json.loads(Path(path).read_text(encoding="utf-8")))
        except ValueError as error:
            if isinstance(error, UnreadableDocument):
                raise
            raise UnreadableDocument(f"reading the transcript {str(path)!r}", str(error), "record it again") from None


# recording


class Recording(Wrapping):
    """Another executor, and what is said over its terminals: `transcript` is that of the last one."""

    def __init__(self, executor: Executor) -> None:
        super().__init__(executor)
        self.transcript = Transcript([])

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[_RecordedConnection]:
        with self.executor.connect(host, login, run) as connection:
            yield _RecordedConnection(connection, self)


class _RecordedConnection:
    def __init__(self, connection: Any, recording: Recording) -> None:
        self._connection, self._recording = connection, recording

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @contextmanager
    def terminal(self, run: Run) -> Iterator[Terminal]:
        with self._connection.terminal(run) as terminal:
            recorded = _RecordedTerminal(terminal, run)
            try:
                yield recorded
            finally:
                self._recording.transcript = recorded.transcript


class _RecordedTerminal:
    def __init__(self, terminal: Terminal, run: Run) -> None:
        self._terminal, self._run = terminal, run
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._echo = Echo()
        self._screen = Screen(lambda line: self._recorder.feed(f"{self._echo.ended(line)}\n".encode()))
        self._recorder = Recorder(run.scrub_stream(), _CAP)
        self._remarks: list[Remark] = []
        self._closed = False

    def send(self, *parts: Secret | str) -> None:
        self._remarks.append(Remark(self._said(), shown(parts, self._run)))
        self._echo = Echo(parts)
        self._terminal.send(*parts)

    def receive(self, seconds: float) -> bytes | None:
        piece = self._terminal.receive(seconds)
        self._closed = piece is None
        self._screen.feed(self._decoder.decode(piece or b""))
        return piece

    @property
    def transcript(self) -> Transcript:
        return Transcript([*self._remarks, Remark(self._said())], self._closed)

    def _said(self) -> str:
        self._recorder.feed(self._echo.shown(self._screen.line).encode())
        said = "\b" * self._screen.rubbed + str(self._recorder.finish())
        self._recorder = Recorder(self._run.scrub_stream(), _CAP)
        self._screen.read()
        return said


def shown(parts: Sequence[Secret | str], run: Run) -> str:
    """What was typed, with the places of secrets in their stead."""
    return "".join(place_of(part, run) if isinstance(part, Secret) else run.scrub(part) if part.strip() else part for part in parts)


def place_of(secret: Secret, run: Run) -> str:
    """How a dialogue names it."""
    for record, of_whom in ((run.record, ""), (run.shadow, "shadow.")):
        for name, known in _secrets(record, run).items():
            if known.same_as(secret):
                return f"{{{of_whom}{name}}}"
    return "{a secret}"


def _secrets(record: Record | None, run: Run) -> Mapping[str, Secret]:
    return run.vault.secrets.values(run.vault.records.account(record), run).current if record else {}


# replaying


@frozen
class Drift:
    """One step of a transcript beside what is done now: what the machine says, what it was told then, what it is told now."""

    step: int
    says: str
    recorded: str | None = None
    now: str | None = None
    #: Whether the dialogue waits on, as it does not know this prompt.
    waits: bool = False

    @property
    def has_drifted(self) -> bool:
        return self.recorded != self.now or self.waits

    def __str__(self) -> str:
        at = repr(self.says.rpartition("\n")[2].strip()) if self.says else "nothing"
        if not self.has_drifted:
            return f"  {self.step}. {at}: {_typed(self.now)}"
        now = "the dialogue waits for another prompt" if self.waits and self.now is None else f"now it is {_typed(self.now)}"
        return f"! {self.step}. {at}: recorded was {_typed(self.recorded)}, {now}"


class Replay(Executor):
    """An executor for unit tests that says what a machine once said, whatever it is told, and notes where it is told something else."""

    name = "replay"
    verbs = frozenset({Verb.DIALOGUE})
    effect = Effect.BLIND

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        #: What was typed over all terminals, with places for secrets.
        self.heard: list[str] = []
        self._last: _ReplayedTerminal | None = None

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Replay]:
        for secret in filter(None, (login.secret, login.key)):
            run.keep(secret)
        yield self

    @contextmanager
    def terminal(self, run: Run) -> Iterator[Terminal]:
        self._last = _ReplayedTerminal(self.transcript, self.heard, run)
        yield self._last

    @property
    def steps(self) -> tuple[Drift, ...]:
        """Step by step, what was typed over the last terminal, beside what was recorded."""
        typed = self._last.typed if self._last else []
        waited = self._last.waited if self._last else set[int]()
        beside = enumerate(zip_longest(self.transcript.remarks, typed))
        return tuple(
            Drift(number + 1, one.says if one else "", one.hears if one else None, now, number in waited) for number, (one, now) in beside
        )

    @property
    def drift(self) -> tuple[Drift, ...]:
        """The steps that are others now."""
        return tuple(step for step in self.steps if step.has_drifted)

    def check(self) -> None:
        """AssertionError with the whole story where the dialogue is another than when it was recorded."""
        if self.drift:
            raise AssertionError("\n".join(["the dialogue has drifted from its transcript:", *map(str, self.steps)]))


class _ReplayedTerminal:
    def __init__(self, transcript: Transcript, heard: list[str], run: Run) -> None:
        self._transcript, self._heard, self._run = transcript, heard, run
        self.typed: list[str] = []
        #: The steps at which somebody waited on, though there was nothing more to come.
        self.waited: set[int] = set()
        self._said, self._silences = False, 0

    def send(self, *parts: Secret | str) -> None:
        self.typed.append(shown(parts, self._run))
        self._heard.append(self.typed[-1])
        self._said, self._silences = False, 0

    def receive(self, seconds: float) -> bytes | None:
        at, remarks = len(self.typed), self._transcript.remarks
        if not self._said and at < len(remarks) and remarks[at].says:
            self._said = True
            return remarks[at].says.replace("\n", "\r\n").encode()
        self._silences += 1
        if self._silences > 1:  # the first only shows that the machine waits
            self.waited.add(at)
        return None if self._transcript.closed and at >= len(remarks) - 1 else b""


def _typed(text: str | None) -> str:
    return "nothing" if text is None else repr(text.removesuffix("\n")) if text != "\n" else "<enter>"
