"""A house whose vault holds a canary: what goes in here must not come out anywhere (S1)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from taskkit.events import Daily
from taskkit.events.policies import OnDemand
from taskkit.facts import KINDS
from taskkit.outcomes import Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.notifiers.inbox import Inbox
from taskkit.plugins.notifiers.log import Log
from taskkit.plugins.runs import Run
from taskkit.records import Record, RecordType
from taskkit.secrets import Secret
from taskkit.tasks import Task, of_type
from taskkit.telemetry import Telemetry
from tests.canary.disguises import DISGUISES
from tests.engine.houses import House

#: With characters that every disguise writes in a way of its own.
CANARY = 'c4n4ry"Tr0€b/4dor&~o3?'
#: Is no secret: where the canary was said, this is found.
OPEN = "open-word-beside-it"

DISGUISED = {disguise(CANARY) for disguise in DISGUISES.values()}
#: Half of it is enough to be guessed from.
TRACES = DISGUISED | {CANARY[at : at + 8] for at in range(len(CANARY) - 7)}


def song(of: str) -> str:
    """Something that a careless program says about a secret."""
    return " ".join([OPEN, *(disguise(of) for disguise in DISGUISES.values())])


def plain(song: str) -> str:
    """Its beginning, for what adds a layer of its own: of two layers the library promises nothing."""
    return " ".join(song.split()[:2])


def by_login(run: Any) -> str:
    return str(run.login(run.record).secret.reveal())


def by_vault(run: Any) -> str:
    account = run.vault.records.account(run.record)
    return str(run.vault.secrets.values(account, run).current["password"].reveal())


def by_slot(run: Any) -> str:
    """It takes over the candidate of a job that died."""
    return str(run.vault.slots.adopt("h01", run.token).secrets["password"].reveal())


def by_proposal(run: Any) -> str:
    """It made one itself, and the vault keeps it first."""
    assert run.vault.slots.propose("h01", {"password": Secret(CANARY)}, "attempt-1", run.token)
    return CANARY


def by_keeping(run: Any) -> str:
    """A vault without slots gets what is in force already."""
    assert run.vault.secrets.keep("h01", {"password": Secret(CANARY)}, "attempt-1", run.token)
    return CANARY


def by_keep(run: Any) -> str:
    """What it got elsewhere, and said so."""
    return str(run.keep(Secret(CANARY)).reveal())


class Listener(Inbox):
    """An inbox for all that there is."""

    name = "listener"


class Nest(House):
    """A record whose secret is the canary, and a task over it.

    `sung` is what went in, `caught` what was raised to the caller, `handed` what executors handed to scripts.
    """

    def __init__(self, place: Path, *, executor: str | None = None, reach: Any = None, **given: Any) -> None:
        self.place, self.inbox = place, Listener(KINDS)
        self.sung: list[str] = []
        self.handed: list[str] = []
        self.caught: list[BaseException] = []
        fields = {"host": "host01", "user": "root", **given.pop("fields", {})}
        record, more = Record("h01", "unix", fields=fields, secret_fields=["password"]), given.pop("more_secrets", {})
        self.spans, tracers = InMemorySpanExporter(), TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        telemetry = Telemetry(tracers)
        notifiers = (self.inbox, Log(), telemetry, *given.pop("notifiers", ()))
        super().__init__(record, secrets={"h01": {"password": CANARY, **more}}, notifiers=notifiers, **given)
        telemetry.watch(self.engine)
        self.engine.define(RecordType("unix", executor=executor, settings=reach or {}))

    def sing(self, secret: str) -> str:
        """What carries it; noted, so that a way that carried nothing is seen."""
        self.sung.append(secret)
        return song(secret)

    def attempt(self, do: Callable[[], object]) -> None:
        try:
            do()
        except BaseException as error:  # it is searched as well
            self.caught.append(error)

    def says(self, answer: Callable[[Any, str], Outcome], read: Callable[[Any], str] = by_login) -> None:
        """A run reads the secret and answers so."""

        def perform(run: Run) -> Outcome:
            return answer(run, self.sing(read(run)))

        self.play.says("h01", perform)

    def work(self, script: Script | None = None, **given: Any) -> str:
        """Have the script performed on the record; the job."""
        if script is not None:
            self.engine.define(script)
        name = script.name if script is not None else "work"
        policies = given.pop("policies", [Daily(at="02:00"), OnDemand()])
        self.task = self.engine.put(Task("nightly", name, policies, **given), list=of_type("unix"), by="anna")
        job = self.engine.demand(self.task.id, "h01", by="bert")
        self.attempt(self.engine.drain)
        return job
