"""Stores that are broken, each in its own way, and the clause of the contract that catches each of them.

Every one is the memory store with a single mistake, of those that authors of backends make.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from taskkit.errors import InvalidValue
from taskkit.facts import Fact, FactKeys, Fault, Head, Mark
from taskkit.instants import MINUTE, NEVER, Instant
from taskkit.jobs import Cause, Job
from taskkit.states import FINAL, PENDING, State, Step
from taskkit.storage import Claimed, Document, Order, Query, Slice, Storage
from taskkit.storage._purges import Purge
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.units import LANDED, Absorb, Change, Free, Hold, Insert, Join, Keep, Landed, Move, Name, Refusal, Unit, Wait
from taskkit.testing import Broken as Lawless
from taskkit.testing.contracts import StorageContract
from taskkit.testing.contracts.storage import Rows
from tests.storage.sqlite_store import SqliteStorage
from tests.storage.test_memory import TestMemoryStorage as OfMemory
from tests.testing import races


class Broken(MemoryStorage):
    """Each says which clause must catch it."""

    clause: ClassVar[str]

    def __init__(self, _tables: Any = None) -> None:
        super().__init__(_tables)
        self._apply = {**self._rooms.apply}
        self.harm()

    def harm(self) -> None:
        """Break the rooms behind the handle."""

    def join(self) -> Broken:
        return type(self)(self._tables)

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        """Each handle breaks what it writes itself."""
        with self._lock:
            sound, self._rooms.apply = self._rooms.apply, self._apply
            try:
                return super().write(units, durable=durable)
            finally:
                self._rooms.apply = sound

    def patch(self, kind: type[Any], change: Callable[[Any], Refusal | None]) -> Callable[[Any], Refusal | None]:
        """Do something else for this kind of change; answers what was done before."""
        before, self._apply[kind] = self._rooms.apply[kind], change
        return before

    def steps(self) -> Any:
        """The room that moves jobs."""
        return self._rooms.apply[Insert].__self__  # type: ignore[attr-defined]


class Rewriting(Broken):
    """Writes something else than it was told."""

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        return super().write([tuple(map(self.changed, unit)) for unit in units], durable=durable)

    def changed(self, change: Any) -> Change:
        raise NotImplementedError


class Insisting(Broken):
    """Lets something of a refused unit land."""

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        answers = super().write(units, durable=durable)
        for unit, answer in zip(units, answers, strict=True):
            if not answer and (kept := self.kept(unit)):
                super().write([kept])
        return answers

    def kept(self, unit: Unit) -> Unit:
        raise NotImplementedError


class Looking(Broken):
    """Looks whether a change would land, and makes it then, without a lock in between: on the way to a server much can happen."""

    looks_at: ClassVar[type[Any]]

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        self.seen = [change for unit in units for change in unit if isinstance(change, self.looks_at) and self.would_land(change)]
        time.sleep(0)  # it lets others go on
        return super().write(units, durable=durable)

    def would_land(self, change: Any) -> bool:
        with self._lock:
            refusal = self._rooms.apply[type(change)](change)
            self._rooms.journal.take_back()
            self._jobs.lay_down()
            return refusal is None

    def harm(self) -> None:
        def made(change: Any) -> Refusal | None:
            refusal = before(change)
            return self.forced(change) if refusal is not None and any(change is one for one in self.seen) else refusal

        before = self.patch(self.looks_at, made)

    def forced(self, change: Any) -> Refusal | None:
        raise NotImplementedError


# C1 to C3: units


class LandsHalfOfAUnit(Insisting):
    clause = "C1"

    def kept(self, unit: Unit) -> Unit:
        return unit[:1]


class TellsOfRefusedUnits(Insisting):
    clause = "C1"

    def kept(self, unit: Unit) -> Unit:
        return tuple(change for change in unit if isinstance(change, Fact))


class KeepsWhatWasHeldByARefusedUnit(Insisting):
    clause = "C1"

    def kept(self, unit: Unit) -> Unit:
        return tuple(change for change in unit if isinstance(change, Hold | Wait | Free))


class WritesEachUnitInATransactionOfItsOwn(Broken):
    clause = "C1"

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        return [super(WritesEachUnitInATransactionOfItsOwn, self).write([unit])[0] for unit in units]


class ReadsWhatHasNotLanded(Broken):
    clause = "C1"

    def job(self, id: str) -> Job | None:
        return self._jobs.get(id)

    def causes(self, job: str) -> Sequence[Cause]:
        return self._rooms.fires.causes(job)

    def document(self, table: str, id: str) -> Document | None:
        return self._rooms.documents.get(table, id)

    def holders(self, key: str) -> Sequence[str]:
        return self._rooms.holds.holders(key)


class ReplacesAJobOfTheSameId(Broken):
    clause = "C1"

    def harm(self) -> None:
        def insert(change: Insert) -> Refusal | None:
            return None if (refusal := before(change)) is Refusal.REVISION else refusal

        before = self.patch(Insert, insert)


class RefusesAllBehindARefusedUnit(Broken):
    clause = "C2"

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        answers: list[Landed] = []
        for unit in units:
            answers += super().write([unit]) if all(answers) else [Landed(answers[-1].refusal, answers[-1].change)]
        return answers


class WritesTheLastUnitFirst(Broken):
    clause = "C2"

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        return list(super().write(units[::-1], durable=durable))[::-1]


class AnswersBeforeTheCommit(Broken):
    """What is not durable is kept back until the next write."""

    clause = "C3"

    def harm(self) -> None:
        self.late: list[Unit] = []

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        if not durable:
            self.late += units
            return [LANDED for _ in units]
        late, self.late = self.late, []
        return super().write([*late, *units])[len(late) :]


class WritesTheChainOfAnother(Broken):
    clause = "C3"

    def harm(self) -> None:
        self.chain = "one-for-all"


class RemembersWhatItHasRead(Broken):
    """Until it has written by itself."""

    clause = "C3"

    def harm(self) -> None:
        self.known: dict[str, Sequence[Cause]] = {}

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        answers = super().write(units, durable=durable)
        if any(answers):
            self.known.clear()
        return answers

    def causes(self, job: str) -> Sequence[Cause]:
        if job not in self.known:
            self.known[job] = super().causes(job)
        return self.known[job]


# C4: documents


class KeepsDocumentsWithoutLooking(Rewriting):
    clause = "C4"

    def changed(self, change: Any) -> Change:
        if isinstance(change, Keep):
            found = self._rooms.documents.get(change.table, change.id)
            return change._replace(revision=found.revision if found else 0)
        return change  # type: ignore[no-any-return]


class HidesADocumentBetweenPages(Broken):
    clause = "C4"

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        found = super().documents(table, group=group, after=after, limit=limit + 1)
        return found[1:] if after else found[:limit]


class HasTheLastDocumentAgainAndAgain(Broken):
    clause = "C4"

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        return super().documents(table, group=group, after=after, limit=limit) or super().documents(table, group=group)[-1:]


# C5 and C6: seats and fires


class GivesASeatTwice(Broken):
    clause = "C5"

    def harm(self) -> None:
        self.steps()._is_taken = lambda job: False


class SeatsWhomItSawComeFirst(Looking):
    clause = "C5"
    looks_at = Insert

    def forced(self, change: Insert) -> None:
        self._jobs.add(change.job)


class RefusesWhatAWorkerSendsBack(Broken):
    """To a seat that was taken meanwhile."""

    clause = "C5"

    def harm(self) -> None:
        def move(change: Move) -> Refusal | None:
            job = self._jobs.get(change.job)
            refusal = before(change)
            moved = self._jobs.get(change.job)
            if refusal is None and job and moved and job.state not in PENDING and moved.state in PENDING and moved.seat:
                return Refusal.SEAT if len(self._jobs.sitting(moved.seat)) > 1 else None
            return refusal

        before = self.patch(Move, move)


class KeepsAFireTwice(Broken):
    clause = "C6"

    def harm(self) -> None:
        self._rooms.fires.keep = lambda job, fire: True  # type: ignore[method-assign]


class KeepsWhatItSawUnknown(Looking):
    clause = "C6"
    looks_at = Insert

    def forced(self, change: Insert) -> None:
        self._jobs.add(change.job)


class ForgetsTheFiresOfPurgedJobs(Broken):
    clause = "C6"

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        found = super().purge(queries)
        self._rooms.fires.expire(NEVER)
        return found


class LeavesFiresWhereTheJobWas(Broken):
    clause = "C6"

    def harm(self) -> None:
        self._rooms.fires.move = lambda job, moved: True  # type: ignore[method-assign]


# C7 and C8: steps and tokens


class ForgetsTheToken(Rewriting):
    """Whoever has claimed it once may write."""

    clause = "C7"

    def changed(self, change: Any) -> Change:
        if isinstance(change, Move) and change.token is not None and (job := self._jobs.get(change.job)) is not None:
            return change._replace(token=job.token if job.token is not None else change.token)
        return change  # type: ignore[no-any-return]


class ForgetsTheRevision(Rewriting):
    clause = "C7"

    def changed(self, change: Any) -> Change:
        if isinstance(change, Move) and change.revision is not None and (job := self._jobs.get(change.job)) is not None:
            return change._replace(revision=job.revision)
        return change  # type: ignore[no-any-return]


class MovesWhatItReadBefore(Looking):
    clause = "C7"
    looks_at = Move

    def forced(self, change: Move) -> Refusal | None:
        job = self._jobs.get(change.job)
        return None if job is None else self.steps().move(change._replace(revision=job.revision))


class MovesWhatHasEnded(Broken):
    clause = "C7"

    def harm(self) -> None:
        def move(change: Move) -> Refusal | None:
            return None if (refusal := before(change)) is Refusal.STEP else refusal

        before = self.patch(Move, move)


class LeavesTheTokenOfWhoIsDone(Broken):
    clause = "C7"

    def harm(self) -> None:
        def move(change: Move) -> Refusal | None:
            job = self._jobs.get(change.job)
            refusal = before(change)
            if refusal is None and job is not None and (moved := self._jobs.get(change.job)) is not None:
                self._jobs.put(moved.with_({"token": job.token}))
            return refusal

        before = self.patch(Move, move)


class HandsOutATokenTwice(Broken):
    clause = "C8"

    def claim(self, *args: Any, **kwargs: Any) -> Sequence[Claimed]:
        self._rooms.dues._token = 0
        return super().claim(*args, **kwargs)


# C9: claims


class GivesAJobToTwoClaims(Broken):
    """Whoever comes next gets it as well."""

    clause = "C9"
    given: Sequence[Claimed] = ()

    def claim(self, now: Instant, **how: Any) -> Sequence[Claimed]:
        self.given = super().claim(now, **how) or self.given
        return self.given


class RescuesNobody(Broken):
    clause = "C9"

    def harm(self) -> None:
        self._rooms.dues._lost = lambda now, pools: []  # type: ignore[method-assign]


class RescuesTheLiving(Broken):
    """Half a minute too early."""

    clause = "C9"

    def harm(self) -> None:
        before = type(self._rooms.dues)._lost
        self._rooms.dues._lost = lambda now, pools: before(self._rooms.dues, now + MINUTE // 2, pools)  # type: ignore[method-assign]


class TakesMoreThanItsLimit(Broken):
    clause = "C9"

    def claim(self, now: Instant, *, limit: int, **how: Any) -> Sequence[Claimed]:
        return super().claim(now, limit=limit + 1, **how)


class ClaimsInAnyPool(Broken):
    clause = "C9"

    def claim(self, now: Instant, *, pools: Sequence[str], **how: Any) -> Sequence[Claimed]:
        return super().claim(now, pools=[*pools, *self._rooms.dues._heaps], **how)


class ClaimsTheLatestFirst(Broken):
    clause = "C9"

    def claim(self, now: Instant, **how: Any) -> Sequence[Claimed]:
        return super().claim(now, **how)[::-1]


class ForgetsLeasesWhenItIsAskedWhatIsNext(Broken):
    clause = "C9"

    def next_due(self, pools: Sequence[str]) -> Instant | None:
        found = self.jobs(Query(states=(State.SCHEDULED, State.DEFERRED)), limit=10_000).jobs
        return min((job.due for job in found if job.pool in pools), default=None)


# C10: joins


class TouchesTheRevisionAtAJoin(Broken):
    clause = "C10"

    def harm(self) -> None:
        def join(change: Join) -> Refusal | None:
            refusal = before(change)
            if refusal is None and (job := self._jobs.get(change.cause.job)) is not None:
                self._jobs.put(job.with_({"revision": job.revision + 1}))
            return refusal

        before = self.patch(Join, join)


class JoinsWhatHasTurned(Broken):
    clause = "C10"

    def harm(self) -> None:
        def join(change: Join) -> Refusal | None:
            refusal, job = before(change), self._jobs.get(change.cause.job)
            if refusal is Refusal.TURNED and job is not None:
                return None if self._rooms.fires.add(job, change.cause) else Refusal.FIRE
            return refusal

        before = self.patch(Join, join)


class EndsWithoutTheCausesThatWereJudged(Rewriting):
    clause = "C10"

    def changed(self, change: Any) -> Change:
        return change._replace(causes=None) if isinstance(change, Move) else change


class EndsWithTheCausesThatItCounted(Looking):
    clause = "C10"
    looks_at = Move

    def forced(self, change: Move) -> Refusal | None:
        return self.steps().move(change._replace(causes=None))  # type: ignore[no-any-return]


class ForgetsCausesAtAbsorb(Broken):
    clause = "C10"

    def harm(self) -> None:
        def absorb(change: Absorb) -> Refusal | None:
            fires, refusal = self._rooms.fires, before(change)
            if refusal is None:
                kept = tuple(row for row in fires.of_jobs.get(change.into, ()) if row[1] not in self.gone)
                self._rooms.journal.put(fires.of_jobs, change.into, kept)
            return refusal

        self.gone = {"h0", "h1", "h2"}
        before = self.patch(Absorb, absorb)


class LosesTheCausesOfWhoAbsorbsItself(Broken):
    clause = "C10"

    def harm(self) -> None:
        def absorb(change: Absorb) -> Refusal | None:
            if change.job == change.into:
                self._rooms.journal.drop(self._rooms.fires.of_jobs, change.job)
            return before(change)

        before = self.patch(Absorb, absorb)


# C11: holds


class LetsAWaitingWriterStarve(Broken):
    clause = "C11"

    def harm(self) -> None:
        self._rooms.holds._is_barred = lambda hold: False  # type: ignore[method-assign]


class PromotesAWaitingJobTwice(Broken):
    """Two who wait for one slot are both told that they fit."""

    clause = "C11"

    def fitting(self, keys: Iterable[str]) -> Sequence[Job]:
        return list({job.id: job for key in keys for job in self._first_of(key)}.values())

    def _first_of(self, key: str) -> Iterator[Job]:
        for id, hold in self._rooms.holds._waiting.get(key, {}).items():
            if self._rooms.holds._fits(hold) and (job := self._jobs.get(id)) is not None:
                yield job


class SaysThatItHoldsWhatItDoesNot(Broken):
    clause = "C11"

    def harm(self) -> None:
        def hold(change: Hold) -> Refusal | None:
            return None if (refusal := before(change)) is Refusal.BUSY else refusal

        before = self.patch(Hold, hold)


class HoldsOnForWhoHasEnded(Broken):
    clause = "C11"

    def harm(self) -> None:
        holds, before = self._rooms.holds, type(self._rooms.holds).free

        def free(id: str) -> None:
            job = self._jobs.get(id)
            if job is None or job.state not in FINAL:
                before(holds, id)

        holds.free = free  # type: ignore[method-assign, assignment]


class TellsNobodyWhatIsFree(Broken):
    clause = "C11"

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        return [Landed(answer.refusal, answer.change) for answer in super().write(units, durable=durable)]


class HoldsWhatItSawFree(Looking):
    clause = "C11"
    looks_at = Hold

    def forced(self, change: Hold) -> None:
        self._rooms.holds.free(change.job)
        self._rooms.holds.grant(change)


class CountsSlotsOnce(Broken):
    clause = "C11"

    def harm(self) -> None:
        self._rooms.holds._has_slots = lambda hold: True  # type: ignore[method-assign]


# C12: queries


class HasPagesThatRepeat(Broken):
    """It counts how many came before."""

    clause = "C12"

    def jobs(self, query: Query, *, order: Order = "newest", page: str | None = None, limit: int = 100) -> Slice:
        try:
            first = int(page or 0)
        except ValueError:
            raise InvalidValue("looking for a page", "there is none", "") from None
        found = super().jobs(query, order=order, limit=100_000).jobs
        return Slice(found[first : first + limit], str(first + limit) if len(found) > first + limit else None)


class HasAlwaysOneMorePage(Broken):
    clause = "C12"

    def jobs(self, query: Query, *, order: Order = "newest", page: str | None = None, limit: int = 100) -> Slice:
        found = super().jobs(query, order=order, page=page, limit=limit)
        return Slice(found.jobs, found.next or page)


class TakesAnyPage(Broken):
    clause = "C12"

    def jobs(self, query: Query, *, order: Order = "newest", page: str | None = None, limit: int = 100) -> Slice:
        try:
            return super().jobs(query, order=order, page=page, limit=limit)
        except InvalidValue:
            return super().jobs(query, order=order, limit=limit)


class CountsNoFurtherThanAPage(Broken):
    clause = "C12"

    def count(self, query: Query) -> int:
        return len(super().jobs(query).jobs)


# C13: blobs


class KeepsABlobOfARefusedUnit(Insisting):
    clause = "C13"

    def kept(self, unit: Unit) -> Unit:
        return tuple(change for change in unit if isinstance(change, Name) and change.blob in self._rooms.blobs._pieces)


class ShowsBlobsAtOnce(Broken):
    clause = "C13"

    def put_blob(self, pieces: Iterable[bytes], *, job: str) -> str:
        id = super().put_blob(pieces, job=job)
        self._rooms.blobs.named[id] = job
        return id


class SweepsWhatIsBeingWritten(Broken):
    clause = "C13"

    def sweep_blobs(self) -> int:
        return self._rooms.blobs.sweep(lambda job: False)


class KeepsWhatBrokeOff(Broken):
    """Each piece is kept when it comes."""

    clause = "C13"

    def put_blob(self, pieces: Iterable[bytes], *, job: str) -> str:
        id, kept = super().put_blob([], job=job), list[bytes]()
        self._rooms.blobs._pieces[id] = kept
        for piece in pieces:
            kept.append(bytes(piece))
        return id


# C14 and C15: facts


class LosesALateCommit(Broken):
    """Its mark is one number for all chains, as a sequence of the database would be: who commits late has a smaller one."""

    clause = "C14"

    def facts(self, after: Mark, *, limit: int = 1000, **wanted: Any) -> tuple[Sequence[Fact], Mark]:
        found, mark = super().facts(after, limit=limit, **wanted)
        return found, {chain: max(mark.values()) for chain in mark}


class HasFactsWithGaps(Broken):
    """A unit that is refused uses up a number."""

    clause = "C14"

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        answers = super().write(units, durable=durable)
        if not all(answers) and (chain := self._tables.chains._chains.get(self.chain)) is not None:
            chain.last += 1
        return answers


class ForgetsTheLimitOfAReader(Broken):
    """It goes on behind what it did not hand over."""

    clause = "C14"

    def facts(self, after: Mark, *, limit: int = 1000, **wanted: Any) -> tuple[Sequence[Fact], Mark]:
        found, mark = super().facts(after, limit=100_000, **wanted)
        return found[:limit], mark


class TellsALateReaderTheLastFactAgain(Broken):
    clause = "C14"

    def facts(self, after: Mark, *, limit: int = 1000, **wanted: Any) -> tuple[Sequence[Fact], Mark]:
        found, mark = super().facts(after, limit=limit, **wanted)
        return found or super().facts({}, limit=100_000, **wanted)[0][-1:], mark


class DoesNotNoticeAnEdit(Broken):
    clause = "C15"

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        return [fault for fault in super().check(noted) if "changed" not in fault.case]


class DoesNotLookAtNotedHeads(Broken):
    clause = "C15"

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        return super().check()


class ForgetsOtherChainsInItsArchive(Broken):
    clause = "C15"

    def archive(self, upto: Mark) -> int:
        gone = super().archive(upto)
        for chain in self._tables.chains._chains.values():
            chain.absorbed = []
        return gone


class BeginsAnewBehindItsArchive(Broken):
    """The checkpoint is lost."""

    clause = "C15"

    def archive(self, upto: Mark) -> int:
        gone = super().archive(upto)
        for name, chain in self._tables.chains._chains.items():
            chain.base = Head(name, chain.base.position, "") if gone else chain.base
        return gone


class ArchivesOldChainsWhole(Broken):
    """Whatever the mark says of them."""

    clause = "C15"

    def archive(self, upto: Mark) -> int:
        return super().archive(dict.fromkeys(upto, NEVER))


class ArchivesTheYoungToo(Broken):
    """One position for all chains."""

    clause = "C15"

    def archive(self, upto: Mark) -> int:
        return super().archive(dict.fromkeys((head.chain for head in self.heads()), max(upto.values(), default=0)))


class ChecksTheBeginAlone(Broken):
    """A page of each chain."""

    clause = "C15"

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        return [fault for fault in super().check(noted) if fault.position <= 100]


# C16: purges


class PurgesOpenJobs(Broken):
    clause = "C16"

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        opened = [job for query in queries for job in self.jobs(query, limit=10_000).jobs if job.state in PENDING]
        self.write([(Move(job.id, Step.CANCEL, job.revision, fields={"ended": job.created}),) for job in opened])
        return super().purge(queries)


class PurgesHowOldItIsOrNot(Broken):
    clause = "C16"

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        return super().purge([Query(states=query.states, line=query.line, record=query.record) for query in queries])


class TearsSeriesApart(Broken):
    """Each job is purged by itself."""

    clause = "C16"

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        known = Purge(self._lock, self._rooms, queries)
        known._goes_whole = lambda series, known: True  # type: ignore[method-assign]
        return known.carry_out()


class PurgesWhatOneOfTheQueriesHolds(Broken):
    """A query after the other: a series that takes several of them stays for ever."""

    clause = "C16"

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        return [count for query in queries for count in super(PurgesWhatOneOfTheQueriesHolds, self).purge([query])]


class PurgesTheFactsToo(Broken):
    clause = "C16"

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        self.archive({head.chain: head.position for head in self.heads()})
        return super().purge(queries)


# C17: keys


class TakesNoKey(Broken):
    clause = "C17"

    def key_facts(self, keys: FactKeys, current: str) -> None:
        """Leaves all as it was."""


class ChecksWithTheKeyOfToday(Broken):
    """As if all chains had been begun with it."""

    clause = "C17"

    def key_facts(self, keys: FactKeys, current: str) -> None:
        super().key_facts(dict.fromkeys(keys, keys[current]), current)


class GoesOnInItsChain(Broken):
    """With another key."""

    clause = "C17"

    def key_facts(self, keys: FactKeys, current: str) -> None:
        chain = self.chain
        super().key_facts(keys, current)
        self.chain = chain


class TakesEveryKeyForMissing(Broken):
    clause = "C17"

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        return [fault for fault in MemoryStorage(self._tables).check(noted) if fault.missing is None]


# whoever catches them


def subjects(base: type[Broken] = Broken) -> Iterator[type[Broken]]:
    for found in base.__subclasses__():
        yield from [found] if hasattr(found, "clause") else subjects(found)


SABOTAGED = list(subjects())


def suite_of(made: Callable[[], MemoryStorage]) -> StorageContract:
    """The suite as a third party would inherit it, for one subject."""

    class Suite(StorageContract):
        def store(self) -> Storage:
            return made()

        def second_handle(self, store: Storage) -> Storage:
            return OfMemory().second_handle(store)

        def rewrite(self, store: Storage, chain: str, edit: Callable[[Rows], Rows | None]) -> None:
            OfMemory().rewrite(store, chain, edit)

    return Suite()


def cases(test: Any) -> Iterator[Mapping[str, Any]]:
    """With what pytest would call it."""
    several: list[list[Mapping[str, Any]]] = []
    for mark in getattr(test, "pytestmark", ()):
        names, values = mark.args
        names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
        several.append([dict(zip(names, [value] if len(names) == 1 else value, strict=True)) for value in values])
    for chosen in itertools.product(*several):
        yield {name: value for one in chosen for name, value in one.items()}


def failures(suite: StorageContract, clause: str) -> Iterator[str]:
    """The tests of the clause that do not hold, races first; what breaks down in another way than by an assertion does not count."""
    for name in sorted(suite.clauses()[clause], key=lambda name: "at_once" not in name):
        test = getattr(suite, name)
        if hasattr(test, "hypothesis"):  # it would look for the shortest example
            continue
        for given in cases(test):
            try:
                test(**given)
            except (AssertionError, pytest.fail.Exception):
                yield name
                break
            except Exception:
                break


@pytest.mark.parametrize("broken", SABOTAGED, ids=lambda broken: f"{broken.clause}-{broken.__name__}")
def test_a_broken_store_is_caught_by_its_clause(broken: type[Broken]) -> None:
    assert next(failures(suite_of(broken), broken.clause), None) is not None


@pytest.mark.parametrize("clause", StorageContract.clauses())
def test_a_store_that_is_whole_is_not_caught(clause: str) -> None:
    assert list(failures(suite_of(MemoryStorage), clause)) == []


@pytest.mark.parametrize("broken", [LandsHalfOfAUnit, TellsOfRefusedUnits])
def test_a_walk_catches_it_and_tells_how_short_the_way_is(broken: type[Broken]) -> None:
    with pytest.raises(AssertionError) as caught:
        suite_of(broken).test_c01_a_short_walk_does_not_lead_there_either()
    told = "".join(caught.value.__notes__)
    assert len(re.findall(r"\d+", re.search(r"turns=\[(.*?)\]", told)[1])) == 1  # type: ignore[index]


class ClaimsWithoutATransaction(SqliteStorage):
    """Reads what is due, and says then that it is taken: another process reads it in between."""

    clause = "C9"

    def claim(self, now: Instant, **how: Any) -> Sequence[Claimed]:
        with self._loose():
            return super().claim(now, **how)

    @contextmanager
    def _loose(self) -> Iterator[None]:
        self._transaction = lambda: nullcontext()  # type: ignore[method-assign, assignment, misc]
        try:
            yield
        finally:
            del self._transaction


class LetsUnitsOfOneWriteRunTogether(SqliteStorage):
    """One transaction, and no savepoint for each unit."""

    clause = "C1"

    def _land(self, unit: Unit) -> Landed:
        refused = next(((why, change) for change in unit if (why := self._apply[type(change)](change))), None)
        return LANDED if refused is None else Landed(*refused)


class NumbersTheFactsOfAllChains(SqliteStorage):
    """As a sequence of the database does: who commits late has a smaller number than what was read."""

    clause = "C14"

    def facts(self, after: Mark, *, limit: int = 1000, **wanted: Any) -> tuple[Sequence[Fact], Mark]:
        found, mark = super().facts(after, limit=limit, **wanted)
        return found, {chain: max(mark.values()) for chain in mark}


@pytest.mark.parametrize("broken", [ClaimsWithoutATransaction, LetsUnitsOfOneWriteRunTogether, NumbersTheFactsOfAllChains])
def test_a_broken_database_is_caught_by_its_clause(broken: Any, tmp_path: Path) -> None:
    numbers = itertools.count()

    class Suite(StorageContract):
        def store(self) -> Storage:
            made: Storage = broken(tmp_path / f"{next(numbers)}.db", disk="OFF")
            return made

        def second_handle(self, store: Any) -> Storage:
            made: Storage = broken(store.path, disk="OFF")
            return made

    assert next(failures(Suite(), broken.clause), None) is not None


class MovesByAnyToken(SqliteStorage):
    def _move(self, change: Move) -> Refusal | None:
        job = self._get(change.job)
        is_owned = job is not None and job.token is not None and change.token is not None
        return super()._move(change._replace(token=job.token) if job is not None and is_owned else change)


class GivesTokensThatDoNotGrow(SqliteStorage):
    def _token(self, now: Instant) -> int:
        return now


@pytest.mark.parametrize("broken", [MovesByAnyToken, GivesTokensThatDoNotGrow])
def test_a_race_of_engines_on_a_broken_database_breaks_a_law(broken: Any, tmp_path: Path) -> None:
    def play() -> None:
        for number in range(60):
            races.checked(races.seed(number), partial(broken, tmp_path / f"{number}.db", disk="OFF"))

    with pytest.raises(Lawless, match=r"\(J3\)"):
        play()


def test_each_clause_catches_somebody() -> None:
    assert {broken.clause for broken in SABOTAGED} == set(StorageContract.clauses())
    assert len(SABOTAGED) >= 50
