"""Exporters and notifiers that break one promise each, beside the clause that notices."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, ClassVar

from taskkit.facts import Fact
from taskkit.plugins.exporters.json_lines import JsonLines
from taskkit.plugins.kinds import Exporter, Notifier
from taskkit.testing.contracts import ExporterContract, NotifierContract


def exporting(made: Callable[[], Exporter]) -> type[ExporterContract]:
    def read(self: ExporterContract, written: bytes) -> Sequence[Mapping[str, Any]]:
        return [json.loads(line) for line in written.decode().split("\n")[:-1]]

    return type(getattr(made, "__name__", "Broken"), (ExporterContract,), {"exporter": lambda self: made(), "read": read})


class LosesTheLast(JsonLines):
    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        return super().export(list(facts)[:-1], to) + 1


class WritesOneTwice(JsonLines):
    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        found = list(facts)
        super().export(found[:1], to)
        return super().export(found, to)


class CountsWrongly(JsonLines):
    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        return super().export(facts, to) - 1


class ClosesTheStream(JsonLines):
    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        with to:
            return super().export(facts, to)


class NeedsAFirst(JsonLines):
    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        found = list(facts)
        found[0].document()
        return super().export(found, to)


class GathersThemAll(JsonLines):
    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        return super().export(list(facts), to)


class EscapesNothing(Exporter):
    name = "by_hand"

    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        return sum(1 for fact in facts if to.write(self.line(fact)))

    def line(self, fact: Fact) -> bytes:
        return f'{{"position": {fact.position}, "kind": "{fact.kind}", "record": "{fact.record}"}}\n'.encode()


class StopsAtHalfACharacter(Exporter):
    name = "strict"

    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        return sum(1 for fact in facts if to.write(json.dumps(fact.document(), ensure_ascii=False).encode() + b"\n"))


class RemembersWhatItWrote(JsonLines):
    """Of an export that broke off, nothing is written again."""

    def __init__(self) -> None:
        self.written: set[int] = set()

    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        count = 0
        for fact in facts:
            count += 1
            if fact.position not in self.written:
                self.written.add(fact.position)
                super().export([fact], to)
        return count


class HasOneStream(JsonLines):
    to: IO[bytes]

    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        self.to = to
        return sum(1 for fact in facts if super(HasOneStream, self).export([fact], self.to))


class Mail(Notifier):
    """Tells by mails, one for each batch; the server may be away. It breaks nothing, and what follows breaks one thing of it."""

    name = "mail"
    wants = frozenset({"JobFailed", "TaskSuspended"})

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.away = False

    def notify(self, facts: Sequence[Fact]) -> None:
        self.send("\n".join(f"{fact.kind} {fact.task}" for fact in facts))

    def send(self, text: str) -> None:
        if self.away:
            raise ConnectionError("no mail server")
        self.sent.append(text)


class Notifying(NotifierContract):
    made: ClassVar[Callable[[], Mail]] = Mail

    def notifier(self) -> Mail:
        return type(self).made()

    def told(self, notifier: Mail) -> Sequence[str]:
        return notifier.sent

    def breaks(self, notifier: Mail) -> None:
        notifier.away = True

    def mends(self, notifier: Mail) -> None:
        notifier.away = False


def notifying(made: type[Mail]) -> type[Notifying]:
    return type(made.__name__, (Notifying,), {"made": made})


class WantsWhatNobodyTells(Mail):
    wants = frozenset({"JobFialed"})


class TellsOnlyTheFirst(Mail):
    def notify(self, facts: Sequence[Fact]) -> None:
        super().notify(facts[:1])


class TellsTheNewestFirst(Mail):
    def notify(self, facts: Sequence[Fact]) -> None:
        super().notify(facts[::-1])


class TellsEverythingAgain(Mail):
    """A digest of all that it has ever heard."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[Fact] = []

    def notify(self, facts: Sequence[Fact]) -> None:
        self.facts += facts
        super().notify(self.facts)


class SwallowsTheError(Mail):
    def notify(self, facts: Sequence[Fact]) -> None:
        with suppress(ConnectionError):
            super().notify(facts)


class RefusesARepetition(Mail):
    """As a table does whose key is chain and position."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[str, int]] = set()

    def notify(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if (fact.chain, fact.position) in self.seen:
                raise KeyError("duplicate key")
            self.seen.add((fact.chain, fact.position))
        super().notify(facts)


class HasRoomForAHundred(Mail):
    def send(self, text: str) -> None:
        super().send("\n".join(text.split("\n")[:100]))


class TrustsItsTexts(Mail):
    def notify(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            json.dumps(fact.details, ensure_ascii=False).encode("utf-8")
        super().notify(facts)


SOUND = (exporting(JsonLines), Notifying)
BROKEN = (
    ("X1", exporting(LosesTheLast)),
    ("X1", exporting(WritesOneTwice)),
    ("X1", exporting(CountsWrongly)),
    ("X1", exporting(ClosesTheStream)),
    ("X2", exporting(NeedsAFirst)),
    ("X3", exporting(GathersThemAll)),
    ("X4", exporting(EscapesNothing)),
    ("X4", exporting(StopsAtHalfACharacter)),
    ("X5", exporting(RemembersWhatItWrote)),
    ("X6", exporting(HasOneStream)),
    ("N1", notifying(WantsWhatNobodyTells)),
    ("N2", notifying(TellsOnlyTheFirst)),
    ("N2", notifying(TellsTheNewestFirst)),
    ("N3", notifying(TellsEverythingAgain)),
    ("N4", notifying(SwallowsTheError)),
    ("N5", notifying(RefusesARepetition)),
    ("N6", notifying(HasRoomForAHundred)),
    ("N7", notifying(TrustsItsTexts)),
)
