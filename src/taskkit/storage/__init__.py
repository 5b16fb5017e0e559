"""The port through which the engine keeps everything. A storage keeps and never decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from attrs import Attribute, field, frozen

from taskkit.checks import optional_a
from taskkit.errors import InvalidValue, Refused
from taskkit.facts import START, Fact, FactKeys, Fault, Head, Mark, around
from taskkit.instants import Clock, Instant
from taskkit.jobs import Cause, Job, Kind
from taskkit.states import State
from taskkit.storage.units import (
    LANDED,
    Absorb,
    Change,
    Expect,
    Free,
    Hold,
    Insert,
    Join,
    Keep,
    Landed,
    Move,
    Name,
    Refusal,
    Unit,
    Wait,
)


@frozen(slots=False)
class Document:
    """A small value that is kept under a name, with the revision at which it stands."""

    id: str
    revision: int
    body: Mapping[str, Any]
    group: str = ""


class Claimed(NamedTuple):
    """A job that this worker owns now, its causes, and the fired job that waits beside an occurrence."""

    job: Job
    causes: tuple[Cause, ...] = ()
    beside: Job | None = None


def _several(given: Any) -> frozenset[Any] | None:
    return None if given is None else frozenset((given,) if isinstance(given, str) else given)


def _words(kind: type[State | Kind]) -> Any:
    known = frozenset[Any](kind)

    def validate(instance: object, attribute: Attribute[Any], given: frozenset[Any] | None) -> None:
        if given is not None and not given <= known:
            strange = ", ".join(sorted(map(repr, given - known)))
            raise InvalidValue("looking for jobs", f"there is no {kind.__name__.lower()} {strange}", f"there are {', '.join(kind)}")

    return validate


_TEXT, _INSTANT = optional_a(str, "give a text"), optional_a(int, "give an instant, in whole microseconds")


@frozen
class Query:
    """Which jobs; what is None does not matter."""

    states: frozenset[State] | None = field(default=None, converter=_several, validator=_words(State))
    kinds: frozenset[Kind] | None = field(default=None, converter=_several, validator=_words(Kind))
    record: str | None = field(default=None, validator=_TEXT)
    line: str | None = field(default=None, validator=_TEXT)
    task: str | None = field(default=None, validator=_TEXT)
    trigger: str | None = field(default=None, validator=_TEXT)
    execution: str | None = field(default=None, validator=_TEXT)
    why: str | None = field(default=None, validator=_TEXT)
    host: str | None = field(default=None, validator=_TEXT)
    account: str | None = field(default=None, validator=_TEXT)
    since: Instant | None = field(default=None, validator=_INSTANT)  #: made at or after it
    until: Instant | None = field(default=None, validator=_INSTANT)  #: ended before it, or made before it and still open


@frozen
class Slice:
    """One page, and where the next begins; None after the last."""

    jobs: Sequence[Job]
    next: str | None = None


#: By due time; the newest first; by the time of start, from the first or from the last.
Order = Literal["due", "newest", "first_started", "last_started"]


class Storage(ABC):
    """What every backend does; the contracts are numbered in the documentation."""

    #: The store's own clock, where it has one: then it is the engine's (J4).
    clock: Clock | None = None
    #: The chain of facts that this process writes.
    chain: str
    #: How many jobs one thread claims, starts and ends together: with so many, what a write waits for costs each of them little.
    portion: int = 500

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` when others may have left something to do, where the store can tell; what is answered ends that.

        A hint: who misses one finds it at the next look.
        """
        return lambda: None

    def close(self) -> None:  # noqa: B027  most have nothing to give back
        """Give back what it holds, such as connections; it is not used any more."""

    @abstractmethod
    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        """In one transaction, in order; a refused unit refuses no other; one answer per unit. Returns after commit."""

    @abstractmethod
    def claim(self, now: Instant, *, worker: str, node: str, pools: Sequence[str], limit: int, lease: Instant) -> Sequence[Claimed]:
        """Jobs whose worker's lease ran out, then jobs that are due, both in order of due, with a new token and the lease."""

    @abstractmethod
    def job(self, id: str) -> Job | None: ...

    @abstractmethod
    def causes(self, job: str) -> Sequence[Cause]: ...

    @abstractmethod
    def seated(self, seat: tuple[str, ...]) -> Job | None:
        """The pending job that has this seat; the first of them, where one was sent back to a seat that is taken."""

    @abstractmethod
    def open_jobs(self, line: str, record: str | None) -> Sequence[Job]:
        """The jobs of a line and record that have not ended."""

    def open_at(self, places: Iterable[tuple[str, str | None]]) -> Mapping[tuple[str, str | None], Sequence[Job]]:
        """The same for each of several lines and records, in one go where the store lies elsewhere."""
        return {place: self.open_jobs(*place) for place in places}

    @abstractmethod
    def jobs(self, query: Query, *, order: Order = "newest", page: str | None = None, limit: int = 100) -> Slice:
        """A page; what is added or ends meanwhile neither repeats nor hides another job. By start, those that never began are left out."""

    @abstractmethod
    def count(self, query: Query) -> int: ...

    @abstractmethod
    def next_due(self, pools: Sequence[str]) -> Instant | None:
        """When a claim could find something, at the earliest."""

    @abstractmethod
    def fitting(self, keys: Iterable[str]) -> Sequence[Job]:
        """The waiting jobs that could hold what they want now, together, in order of due."""

    @abstractmethod
    def holders(self, key: str) -> Sequence[str]:
        """The jobs that hold it: for who looks at a store; the engine asks `write` for a hold, and hears whether it landed."""

    @abstractmethod
    def document(self, table: str, id: str) -> Document | None: ...

    def several(self, table: str, ids: Sequence[str]) -> Mapping[str, Document]:
        """Those of them that are there, in one go where the store lies elsewhere."""
        return {id: document for id in ids if (document := self.document(table, id)) is not None}

    def together(self, wanted: Mapping[str, Sequence[str] | None]) -> Mapping[str, Mapping[str, Document]]:
        """By table, those of these ids that are there, or the first thousand where none are named; in one go, as with `several`."""
        return {
            table: {document.id: document for document in self.documents(table)} if ids is None else self.several(table, ids)
            for table, ids in wanted.items()
        }

    @abstractmethod
    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        """By id, a page at a time."""

    @abstractmethod
    def put_blob(self, pieces: Iterable[bytes], *, job: str) -> str:
        """Keep pieces that a claimed job writes, unseen until a unit names them."""

    @abstractmethod
    def open_blob(self, id: str) -> Iterator[bytes]:
        """Its pieces; NotFound where no unit has named it."""

    @abstractmethod
    def sweep_blobs(self) -> int:
        """Remove what no unit has named and no claimed job may name yet; how many."""

    @abstractmethod
    def facts(
        self, after: Mark, *, kinds: frozenset[str] | None = None, record: str | None = None, limit: int = 1000
    ) -> tuple[Sequence[Fact], Mark]:
        """What landed after the mark, and the mark after it: nothing is lost, however late it commits."""

    def story(self, at: Instant, *, line: str | None, record: str | None, limit: int = 100) -> Sequence[Fact]:
        """The facts about exactly this line and this record around an instant, by time: those nearest before it, and from it on.

        At most `limit` of each. A store that has many facts finds them by an index.
        """
        found, mark = list[Fact](), START
        while True:
            some, reached = self.facts(mark, record=record)
            found += [fact for fact in some if (fact.line, fact.record) == (line, record)]
            if not some:
                return around(found, at, limit)
            mark = reached

    @abstractmethod
    def heads(self) -> Sequence[Head]: ...

    def key_facts(self, keys: FactKeys, current: str) -> None:  # noqa: B027  a store may do without
        """From now on, write a chain that is keyed with the current one of these keys, and check each chain with the one that began it."""

    def keyed(self) -> Mapping[str, int]:
        """How many chains of which facts are there need which key, by its id."""
        return {}

    def post(self, connection: Any, texts: Sequence[str]) -> None:
        """Leave texts for the engine by a connection of the product's own: they are there once its transaction has landed."""
        case = f"a {type(self).__name__} is in no database of the product's"
        raise Refused("posting by a connection", case, "emit without `connection`, or take a store that is")

    def posted(self, limit: int) -> Sequence[tuple[str, str]]:
        """What was left and not taken away: each text after its id, in order."""
        return ()

    def take_away(self, ids: Sequence[str]) -> None:  # noqa: B027  nothing was left
        """What was taken in is posted no more."""

    @abstractmethod
    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        """What is wrong with any chain, also against heads that were noted elsewhere; empty where all is well.

        As it stands at one moment, however long that takes, and without the whole of a chain in memory.
        """

    @abstractmethod
    def archive(self, upto: Mark) -> int:
        """Take away the facts up to a mark, in transactions after each of which a checkpoint stands in their place; how many."""

    @abstractmethod
    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        """Forget the ended jobs that any of the queries names, and the blobs that they named; how many by each query.

        Of a series none goes as long as one of its jobs stays (`Job.kept_with`). In short transactions: what a crash left goes with the
        next purge. Their fires stay kept for 90 days after their end.
        """


__all__ = [
    "LANDED",
    "Absorb",
    "Change",
    "Claimed",
    "Document",
    "Expect",
    "Free",
    "Hold",
    "Insert",
    "Join",
    "Keep",
    "Landed",
    "Move",
    "Name",
    "Order",
    "Query",
    "Refusal",
    "Slice",
    "Storage",
    "Unit",
    "Wait",
]
