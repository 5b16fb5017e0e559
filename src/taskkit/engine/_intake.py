"""Happenings come in here: what they change in what is planned, and which tasks want them (P1, P9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from taskkit.engine._border import account_of, record_of, said_of
from taskkit.engine._catalog import LISTS, list_of
from taskkit.engine._chores import Chores
from taskkit.engine._demands import Demands
from taskkit.engine._fires import Fires
from taskkit.engine._planner import Planner
from taskkit.engine._rights import RightsDesk
from taskkit.engine._targets import Targets
from taskkit.engine._wishes import Failure, Wish, asked_of, chosen, must_be_sayable
from taskkit.errors import InvalidValue, NotFound, StorageAway, VaultAway
from taskkit.events.happenings import Demanded, Happening, RecordChanged, RecordCreated, RecordRemoved, SessionEnded
from taskkit.facts import Fact
from taskkit.instants import Instant, instant
from taskkit.jobs import Why
from taskkit.records import Record
from taskkit.states import State
from taskkit.storage import Document, Query
from taskkit.tasks import Task, of_record

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._pauses import Pauses


#: Before these, what was wished for until now is granted: they make jobs, or look for those that are there.
_MOVING = (RecordCreated, RecordChanged, RecordRemoved, Demanded)
#: Whoever is away for one of them is so for all.
_AWAY = (StorageAway, VaultAway)
#: For so many happenings is looked up at once whether their records have lists of their own.
_AHEAD = 100


@define
class Sitting:
    """What is granted in one write: one wish for each place, as each is judged by what is there before."""

    wishes: dict[tuple[str, str | None], Wish] = field(factory=dict)
    #: The lists that were read for it, and those that records have of their own; None for who has none.
    lists: dict[str, Sequence[Task]] = field(factory=dict)
    own: dict[str, Document | None] = field(factory=dict)
    #: What is to be taken in from here on.
    ahead: Sequence[object] = ()

    def close(self) -> Sequence[Wish]:
        """What was wished for in it; the next one is open."""
        wishes, self.wishes, self.lists, self.own = list(self.wishes.values()), {}, {}, {}
        return wishes

    @property
    def next_records(self) -> Iterable[str]:
        """Those of which happenings follow that change no list."""
        for happening in takewhile(lambda one: not isinstance(one, _MOVING), self.ahead):
            if record := said_of(happening, "record"):
                yield record


@frozen
class Untaken:
    happening: object
    error: Exception


@define
class Sifted:
    """What becomes of several happenings: the jobs that they made or joined, and what could not be taken in.

    At an error that holds up the others it is over: what follows is left.
    """

    holds_up: Callable[[Exception], bool]
    jobs: list[str] = field(factory=list)
    untaken: list[Untaken] = field(factory=list)
    over: bool = False

    def lacks(self, happenings: Iterable[object], error: Exception) -> None:
        self.untaken += [Untaken(happening, error) for happening in happenings]
        self.over |= self.holds_up(error)


class Intake:
    def __init__(self, ground: Ground, planner: Planner, targets: Targets, chores: Chores, rights: RightsDesk, pauses: Pauses) -> None:
        self._ground, self._targets, self._chores, self._pauses, self._storage = ground, targets, chores, pauses, ground.storage
        self._fires = Fires(ground, planner)
        self.demands = Demands(ground, targets, rights, self._fires)

    def take(self, happenings: Iterable[object]) -> list[str]:
        """The jobs that they made or joined, in the order of what happened. One that is refused keeps none of the others out."""
        sifted = self.sift(happenings, lambda error: False)
        if sifted.untaken:
            raise sifted.untaken[0].error
        return sifted.jobs

    def sift(self, happenings: Iterable[object], holds_up: Callable[[Exception], bool]) -> Sifted:
        """Take in what can be taken in; the errors of the others are told, not raised."""
        sifted, sitting, told = Sifted(holds_up), Sitting(), list(happenings)
        for number, happening in enumerate(told):
            sitting.ahead = told[number : number + _AHEAD]
            if isinstance(happening, _MOVING):  # it finds what was wished for before
                self._grant(sitting.close(), sifted)
            if sifted.over:
                break
            try:
                for wish in self._wished(happening, sitting):
                    if (place := wish.place) in sitting.wishes or len(sitting.wishes) == self._storage.portion:
                        self._grant(sitting.close(), sifted)
                    sitting.wishes[place] = wish
                if isinstance(happening, Demanded):
                    sifted.jobs.append(self.demands.told(happening))
            except Exception as error:
                self._grant(sitting.close(), sifted)
                sifted.lacks([happening], error)
        self._grant(sitting.close(), sifted)
        return sifted

    def _grant(self, wishes: Sequence[Wish], sifted: Sifted) -> None:
        if sifted.over or not wishes:
            return
        try:
            sifted.jobs += self._fires.grant(wishes)
        except Exception as error:
            if isinstance(error, _AWAY) or len(wishes) == 1:
                sifted.lacks([wish.happening for wish in wishes], error)
            else:  # the trouble of one of them is not the others'
                for wish in wishes:
                    self._grant([wish], sifted)

    def _wished(self, happening: object, sitting: Sitting) -> list[Wish]:
        if not isinstance(happening, Happening):
            instead = "give CheckedIn(…), Unlocked(…) …, several of them as emit(*happenings)"
            raise InvalidValue(f"taking in a {type(happening).__name__}", "it is no happening", instead)
        must_be_sayable(happening)
        if isinstance(happening, Demanded):
            return []
        now = self._ground.now()
        at = now if happening.at is None else instant(happening.at)
        if isinstance(happening, RecordRemoved):
            self._chores.settle(happening.record)  # one that was told before, or late, may be there anew
            return []
        record = record_of(self._ground.vault, happening.record, "reading the record of a happening")
        if record is None:
            self._fires.unknown(happening, now)
            return []
        if isinstance(happening, RecordCreated):
            self._chores.plan(record)
        elif isinstance(happening, RecordChanged):
            self._chores.settle(record.id)
        elif isinstance(happening, SessionEnded):
            self._wake_for_quiet(record)
        return [wish for task in self._effective(record, sitting) for wish in self._wishes(task, record, happening, at, now)]

    def _effective(self, record: Record, sitting: Sitting) -> Sequence[Task]:
        lists, own = sitting.lists, of_record(record.id)
        if own not in sitting.own:
            ids = [own, *map(of_record, sitting.next_records)]
            sitting.own = {**sitting.own, **dict.fromkeys(ids), **self._storage.several(LISTS, ids)}
        id = list_of(record, sitting.own[own])
        tasks = lists.get(id)
        if tasks is None:
            lists[id] = tasks = self._ground.catalog.tasks_in(id)
        return tasks

    # what happens to records

    def _wake_for_quiet(self, record: Record) -> None:
        """A session ended on one record of the account: those that wait for quiet on any of them look again (P2)."""
        with suppress(InvalidValue, NotFound):  # its references lead nowhere: the start of its jobs says so, this happening is taken in
            account = account_of(self._ground.vault, record)
            self._pauses.wake(Query(states=State.DEFERRED, why=Why.SESSION, account=account))

    # wishes

    def _wishes(self, task: Task, record: Record, happening: Happening, at: Instant, now: Instant) -> Iterator[Wish]:
        """At most one: what several policies of a task want of one happening is one fire."""
        answers = list(asked_of(task, happening, at))
        for failure in (one for one in answers if isinstance(one, Failure)):
            told = {"policy": failure.policy, "error": failure.error, "happening": happening.id, "kind": happening.kind}
            self._storage.write([(Fact("PolicyFailed", now, None, task.id, task.line, record.id, None, told),)])
        if wanted := [one for one in answers if not isinstance(one, Failure)]:
            due, policies, ended = chosen(wanted)
            yield Wish(self._targets.aim(task, record), task, policies, due, happening, at, ended)
