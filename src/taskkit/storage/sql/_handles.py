"""One process's hold of a database: its connections, what it knows by heart, and how it writes and claims."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, NamedTuple, Self, TypeVar

from taskkit.facts import FactKey, FactKeys, Head
from taskkit.instants import Instant
from taskkit.jobs import Job
from taskkit.records import EMPTY
from taskkit.states import Step
from taskkit.storage import Claimed, Storage
from taskkit.storage._alike import Start, Unmade
from taskkit.storage._keepable import must_be_keepable, must_be_texts
from taskkit.storage.sql import _chains, _claims
from taskkit.storage.sql._doubts import reassure
from taskkit.storage.sql._known import Known
from taskkit.storage.sql._lines import Line
from taskkit.storage.sql._links import Lines
from taskkit.storage.sql._loading import load
from taskkit.storage.sql._nights import Nights, Unlike
from taskkit.storage.sql._saving import save
from taskkit.storage.sql._scribe import Scribe
from taskkit.storage.sql._watches import Watch
from taskkit.storage.units import Insert, Keep, Landed, Move, Unit

T = TypeVar("T")


class _Written(NamedTuple):
    answers: Sequence[Landed]
    #: What was changed, as it stands now.
    jobs: Sequence[Job]
    head: Head | None


#: Such a step leaves a job where it is.
_STAYS = frozenset({Step.BEAT, Step.SAVE})


def _is_light(unit: Unit, *, starts: bool) -> bool:
    """Whether it is a heartbeat, progress or a document, and nothing that may have been told on, as a fact may; or, of `starts`, one."""
    if isinstance(unit, Unmade):
        return starts and isinstance(unit, Start)
    if starts and any(isinstance(change, Move) and change.step is Step.START for change in unit):
        return True
    return all(isinstance(change, Keep) or (isinstance(change, Move) and change.step in _STAYS) for change in unit)


def _is_doubtful(unit: Unit, answer: Landed) -> bool:
    """Whether it was refused at a new job or behind one: that this one was not asked for might be why."""
    is_behind = False
    for change in unit:
        is_behind = is_behind or isinstance(change, Insert)
        if is_behind and change is answer.change:
            return True
    return False


def _leaves_work(unit: Unit) -> bool:
    """Whether it makes a job that is due from its beginning."""
    if isinstance(unit, Unmade):
        return False
    return any(isinstance(change, Insert) and change.job.due <= change.job.created for change in unit)


class Handle(Storage):
    """It has one line for writing, and as many for reading as there are readers at one time.

    `relaxed`, only what says that it must be durable forces the disk; else all does but claims, heartbeats and progress, which may be
    lost without harm, and starts, where who works on them does not outlive the store.
    """

    #: Whether a power failure that takes what was written last stops all who work on it.
    stops_with_its_workers: ClassVar[bool] = False
    #: What a database raises where a key is there already.
    taken: ClassVar[type[Exception]]

    def __init__(self, *, relaxed: bool = False) -> None:
        self.chain, self._relaxed = os.urandom(6).hex(), relaxed
        self._keys: FactKeys = EMPTY
        self._key: FactKey | None = None
        self._known = Known()
        self._may_be_more = False  # after a claim that got as many as it wanted
        self._known_by: Line | None = None
        self._watchers: list[Callable[[], None]] = []
        self._scribe, self._lines = Scribe(self._write), Lines(self.line)
        try:
            if not self._ask(lambda line: line.is_made()):  # who finds all as it should be takes nobody's turn to write
                self._do(lambda line: line.make())
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def line(self) -> Line:
        """A new connection."""

    def close(self) -> None:
        """Give the connections back; the store is not used any more."""
        with self._scribe.pen:
            self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # connections

    def _ask(self, question: Callable[[Line], T]) -> T:
        """A single statement."""
        self._lines.must_be_ours()
        return self._lines.read(question, whole=False)

    def _look(self, question: Callable[[Line], T]) -> T:
        """Several statements about one state of the store."""
        self._lines.must_be_ours()
        return self._lines.read(question, whole=True)

    def _do(self, deed: Callable[[Line], T]) -> T:
        """A transaction that outlives the machine."""
        answer = self._commit(deed, durable=True)
        self._force()
        return answer

    def _force(self) -> None:
        """What has landed lies on the disk when this returns; where a commit sees to that by itself, it does already."""

    def _lasting(self, told: T) -> T:
        """What is told on must not be missing after a power failure, unless the store may lose some."""
        if not self._relaxed:
            self._force()
        return told

    def _commit(self, deed: Callable[[Line], T], *, durable: bool, then: Callable[[T], object] | None = None) -> T:
        """`then` keeps in mind what has changed, before anybody else writes."""
        self._lines.must_be_ours()
        with self._scribe.pen:
            self._known.open()
            answer = self._lines.write(lambda line: deed(self._met(line)), durable=durable)
            if then is not None:
                then(answer)
            self._known.settle()
        return answer

    def _met(self, line: Line) -> Line:
        """A server that crashed forgets what it had not forced to the disk: on a new connection, nothing counts that was known."""
        if line is not self._known_by:
            self._known_by = line
            self._known.forget()
        return line

    # writing

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        self._lines.must_be_ours()
        if not units:
            return ()
        must_be_keepable(units)
        durable = durable or not (self._relaxed or all(_is_light(unit, starts=self.stops_with_its_workers) for unit in units))
        answers = self._scribe.write(units, durable=durable)
        if durable:
            if self._watchers and any(answer and _leaves_work(unit) for unit, answer in zip(units, answers, strict=True)):
                for wake in list(self._watchers):  # a job is claimed while who told of it waits for the disk, as another process might do
                    wake()
            self._force()
        return answers

    def _write(self, units: Sequence[Unit], durable: bool) -> Sequence[Landed]:
        try:
            return self._commit(lambda line: self._land(line, units), durable=durable, then=self._keep).answers
        except (Unlike, self.taken):  # nothing has landed
            apart = [tuple(unit) for unit in units]
            return self._commit(lambda line: self._land(line, apart, trusts=False), durable=durable, then=self._keep).answers

    def _land(self, line: Line, units: Sequence[Unit], *, trusts: bool = True) -> _Written:
        rooms = self._known.rooms(line)
        reassure(line, units, self._known, rooms)
        nights = Nights(rooms, self._known)
        trusted = load(line, nights.apart(units), self._known, rooms, trusts=trusts)
        answers = nights.land(units)
        if trusted and any(not answer and _is_doubtful(unit, answer) for unit, answer in zip(units, answers, strict=True)):
            raise Unlike
        nights.save(line)
        changed = [*save(line, rooms), *nights.successors()]
        line.hint(changed)
        head = self._known.head
        if rooms.told:
            head = _chains.append(line, self.chain, head, rooms.told, self._key)
        return _Written(answers, changed, head)

    def _keep(self, written: _Written) -> None:
        self._known.head = written.head
        self._known.keep(written.jobs)
        self._known.lay_down()

    def key_facts(self, keys: FactKeys, current: str) -> None:
        with self._scribe.pen:
            self._keys, self._key, self._known.head, self.chain = keys, keys[current], None, os.urandom(6).hex()

    # claiming

    def claim(self, now: Instant, *, worker: str, node: str, pools: Sequence[str], limit: int, lease: Instant) -> Sequence[Claimed]:
        must_be_texts(worker, node)
        if limit <= 0 or not (self._may_be_more or self._known.is_due(now, pools) or self._is_due(now, pools)):
            return ()  # who only looks takes nobody's turn to write
        owner = {"worker": worker, "node": node, "lease": lease}
        keep = partial(self._known.claimed, now, pools)
        lent = self._commit(lambda line: _claims.claim(line, now, owner, pools, limit), durable=False, then=keep)
        found: Sequence[Claimed] = lent.jobs
        self._may_be_more = len(found) == limit
        return found

    def _is_due(self, now: Instant, pools: Sequence[str]) -> bool:
        first = self.next_due(pools)
        return first is not None and first <= now

    def next_due(self, pools: Sequence[str]) -> Instant | None:
        return self._ask(lambda line: _claims.next_due(line, pools))

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        watch = Watch(self.line, wake)
        self._watchers.append(wake)

        def end() -> None:
            self._watchers.remove(wake)
            watch.end()

        return end
