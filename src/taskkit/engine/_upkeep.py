"""What nobody asked for and must be right all the same: the vault's outbox, the daily comparison of vault and store, missing plug-ins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from taskkit.engine._attempts import sweep
from taskkit.engine._border import asked, plain, said_of
from taskkit.engine._catalog import DEFINITIONS, TASKS
from taskkit.engine._chores import Chores
from taskkit.engine._intake import Intake
from taskkit.engine._outboxes import OutboxReader
from taskkit.engine._pages import all_jobs
from taskkit.engine._restores import MARKS, RECONCILED
from taskkit.errors import MissingPlugin, Outdated, StorageAway, TaskkitError, VaultAway
from taskkit.events._tellings import all_kinds, read, written
from taskkit.events.documents import KINDS as INTERVALS
from taskkit.events.happenings import Happening
from taskkit.facts import Fact
from taskkit.instants import DAY, Instant, shown
from taskkit.records import RecordType
from taskkit.states import PENDING, State
from taskkit.storage import Document, Keep, Query

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_MANY = 500
#: Of what cannot be taken in just now, these: the vault or the store is away, or somebody was quicker.
_LATER = (VaultAway, StorageAway, Outdated)
_INSTEAD = "give CheckedIn(…), Unlocked(…) …, or a class of your own that this process has imported"


def _holds_up(error: Exception) -> bool:
    """What may be taken in later, and what nobody knows. A ValueError is known: it holds what no store keeps, such as half a character."""
    return isinstance(error, _LATER) or not isinstance(error, (TaskkitError, ValueError))


class Upkeep:
    def __init__(self, ground: Ground, chores: Chores, intake: Intake, outbox: OutboxReader) -> None:
        self._ground, self._chores, self._intake, self._outbox = ground, chores, intake, outbox
        self._storage = ground.storage
        self._begun = False
        self._away: dict[str, VaultAway] = {}  # by what was tried when it did not answer

    def unanswered(self) -> list[VaultAway]:
        """What the vault did not answer when it was asked last; it is asked again at the next tick."""
        return list(self._away.values())

    # plug-ins

    def check_plugins(self) -> None:
        """What is stored and cannot run here is named at once, all of it, and not at three in the morning."""
        tasks = list(self._ground.catalog.pages(TASKS))
        lacking = [problem for kept in self._ground.catalog.pages(DEFINITIONS) if kept.body and (problem := self._lacking(kept, tasks))]
        lacking += [problem for kept in tasks if (problem := self._strange(kept))]
        if lacking:
            raise MissingPlugin("starting the engine", "; ".join(lacking), "install the plug-ins, or remove what needs them")

    def _lacking(self, kept: Document, tasks: Sequence[Document]) -> str | None:
        kind, executor = kept.body.get("kind"), kept.body.get("executor")
        using = sorted(task.body["name"] for task in tasks if kept.id in (task.body["script"], task.group))
        needing = f", which {', '.join(using)} {'need' if len(using) > 1 else 'needs'}" if using else ""
        if kind not in self._ground.documents.definitions:
            return f"no plug-in offers the kind {kind!r} of the definition {kept.id!r}{needing}"
        if kind == RecordType.kind and executor is not None and executor not in self._ground.plugins.executors:
            return f"no executor {executor!r} is installed, for the record type {kept.id!r}{needing}"
        return None

    def _strange(self, kept: Document) -> str | None:
        known = {*self._ground.documents.policies, *INTERVALS}
        strange = sorted({str(policy["kind"]) for policy in kept.body.get("policies", ()) if policy["kind"] not in known})
        return f"no plug-in offers the policy {', '.join(strange)} of the task {kept.body['name']!r}" if strange else None

    # outbox

    def fetch(self) -> int:
        """Take in what the vault kept for us (P9)."""
        try:
            fetched = self._outbox.fetch(partial(self._take, "a happening"))
        except VaultAway as error:
            self._away["the outbox"] = error
            return 0
        self._away.pop("the outbox", None)
        return fetched

    # posted in the product's own transactions

    def post(self, connection: object, happenings: Sequence[object]) -> None:
        """They are taken in once the transaction has landed, as what happened now where they do not say when."""
        kinds, now = all_kinds(), shown(self._ground.now())
        at = [evolve(one, at=now) if isinstance(one, Happening) and one.at is None else one for one in happenings]
        self._storage.post(connection, [written(one, kinds, _INSTEAD) for one in at])

    def fetch_posted(self) -> int:
        kinds, posted = all_kinds(), self._storage.posted(_MANY)
        taken = self._take("a posted one", [read(0, text, kinds) for _, text in posted])
        if taken:
            self._storage.take_away([id for id, _ in posted[:taken]])
        return taken

    def _take(self, whence: str, happenings: Sequence[object]) -> int:
        """How many are done with. What cannot be taken in just now stays, and all that came after it: in order, and twice is once (P9).

        One that nobody can take in is told of and passed by: it must not hold up all that come after it.
        """
        self._away.pop(whence, None)
        untaken = {id(one.happening): one.error for one in self._intake.sift(happenings, _holds_up).untaken}
        for done, happening in enumerate(happenings):
            if (error := untaken.get(id(happening))) is None:
                continue
            if isinstance(error, VaultAway):
                self._away[whence] = error
            if _holds_up(error):
                if done or isinstance(error, _LATER):
                    return done
                raise error
            self._tell_of(happening, error)
        return len(happenings)

    def _tell_of(self, happening: object, error: Exception) -> None:
        told: dict[str, object] = {"error": type(error).__name__, "text": str(error)}
        record = None
        if isinstance(happening, Happening):
            told |= {"happening": said_of(happening, "id"), "kind": said_of(happening, "kind")}
            record = said_of(happening, "record") or None
        self._storage.write([(Fact("HappeningFailed", self._ground.now(), record=record, details=plain(told)),)])

    # vault and store

    def daily(self, now: Instant) -> int:
        """At start, and then once a day; without the vault it is tried again at the next tick."""
        kept = self._storage.document(MARKS, RECONCILED)
        if self._begun and kept is not None and abs(now - kept.body["at"]) < DAY:  # a clock that was ahead says nothing
            self._away.pop(RECONCILED, None)  # another process has done it
            return 0
        try:
            repaired = self.reconcile()
        except VaultAway as error:
            self._away[RECONCILED] = error
            return 0
        self._begun = True
        self._away.pop(RECONCILED, None)
        self._storage.write([(Keep(MARKS, RECONCILED, kept.revision if kept else 0, {"at": now}),)])
        return repaired

    def reconcile(self) -> int:
        """What the vault holds and the store does not plan, and the other way round (R8); how much was repaired."""
        # What waits comes first: the jobs of a record that is made meanwhile are not among them.
        waiting = list(all_jobs(self._storage, Query(states=PENDING)))
        records = {record.id: record for record in asked(lambda: list(self._ground.vault.records.all()), "reading all records")}
        repaired = sweep(self._ground, [*waiting, *all_jobs(self._storage, Query(states=State.QUEUED))])
        repaired += self._chores.compare(waiting, records)
        if repaired:
            self._storage.write([(Fact("Reconciled", self._ground.now(), details={"repaired": repaired}),)])
        return repaired
