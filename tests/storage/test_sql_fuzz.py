"""The store in a file and the store of this process, told the same, say the same: many units in each write, all about a few things."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from taskkit.facts import START
from taskkit.instants import DAY
from taskkit.jobs import Job, Kind
from taskkit.states import CLAIMED, FINAL, PENDING, TABLE, State, Step
from taskkit.storage import Absorb, Change, Expect, Free, Hold, Insert, Join, Keep, Landed, Move, Name, Order, Query, Storage, Unit, Wait
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import NOW, cause, job, opened, told
from tests.servers.postgresql import Postgres

STEPS = 70
LINES, RECORDS, POOLS = ("l", "m"), (None, "r", "s"), ("local", "dmz")
ACCOUNTS, SLOTS = ("account:a", "account:b", "account:c"), ("host:h", "pool:p")
KINDS = (Kind.OCCURRENCE, Kind.OCCURRENCE, Kind.FIRED, Kind.FIRED, Kind.FALLBACK, Kind.DEMAND, Kind.PART)
STATES = (State.SCHEDULED, State.SCHEDULED, State.SCHEDULED, State.DEFERRED, State.AWAITING_CONSENT, State.RUNNING, State.COMPLETED)
ORDERS: tuple[Order, ...] = ("due", "newest", "first_started", "last_started")


Durable = SqliteStorage | PostgresStorage


class Pair:
    """Two stores. The plain one hears unit after unit, so that each is made of what is there by then; the other hears all in one write."""

    #: How many units are in a write, and how often one of them fails at its end.
    sizes: Sequence[int] = (1, 2, 3, 5, 8)
    fails = 0.1

    def __init__(self, plain: MemoryStorage, durable: Durable, seed: int) -> None:
        self.plain, self.durable, self.rng = plain, durable, random.Random(seed)
        self.durable.chain = self.plain.chain
        self.others = self.plain.join(), self.durable.join()
        self.others[1].chain = self.others[0].chain
        self.now, self.made, self.blobs = NOW, 0, list[tuple[str, str]]()

    # changes

    def some(self) -> str:
        """One of those made last, so that all that follows is about few."""
        return f"j{self.rng.randint(max(1, self.made - 7), self.made + 1)}"

    def fire(self) -> str:
        return f"f{self.rng.randint(0, 25)}"

    def insert(self) -> Change:
        rng, again = self.rng, self.rng.random() < 0.08
        self.made += not again
        id, kind = self.some() if again else f"j{self.made}", rng.choice(KINDS)
        causes = tuple(cause(id, self.fire(), at=self.now, due=self.now + rng.randint(-3, 3)) for _ in range(rng.choice((0, 0, 1, 2))))
        state = rng.choice(STATES)
        fields: dict[str, Any] = {"state": state, "pool": rng.choice(POOLS), "due": self.now + rng.randint(-3, 3)}
        fields["fire"] = self.fire() if kind is Kind.OCCURRENCE else None
        if state in CLAIMED:
            fields |= {"token": self.now, "lease": self.now + rng.randint(0, 4), "worker": "w", "started": self.now}
        if state in FINAL:
            fields["ended"] = self.now
        if rng.random() < 0.15:
            fields["via"] = (rng.choice("tu"), rng.choice(RECORDS), 1)
        if rng.random() < 0.2:
            fields |= {"execution": rng.choice("xy"), "memo": {"a": [1, None]}, "origin": ("t", "u")}
        if rng.random() < 0.3:
            fields["series"] = self.some()
        return Insert(job(id, kind=kind, line=rng.choice(LINES), record=rng.choice(RECORDS), **fields), causes)

    def fields(self, of: Job | None) -> dict[str, Any]:
        rng, fields = self.rng, dict[str, Any]()
        told: dict[str, Sequence[Any]] = {
            "due": (self.now + rng.randint(-2, 5),), "fire": (None, self.fire(), self.fire()), "line": LINES, "record": RECORDS,
            "pool": POOLS, "kind": (Kind.FIRED, Kind.OCCURRENCE, Kind.DEMAND), "execution": ("x", None), "started": (self.now, None),
            "turned_at": (self.now, None), "why": ("busy", None), "account": ACCOUNTS, "memo": ({"b": {}}, None), "text": ("said", ""),
            "operations": (({"ok": True},), ()), "progress": ((1, 2, "x"), None), "via": (None, ("u", "r", 2)),
            "series": (None, self.some()),
        }  # fmt: skip
        for name, values in told.items():
            if rng.random() < 0.1:
                fields[name] = rng.choice(values)
        if of is not None and of.state in CLAIMED and rng.random() < 0.3:
            fields["lease"] = self.now + rng.randint(0, 5)
        return fields

    def move(self) -> Change:
        rng, id = self.rng, self.some()
        of, fields = self.plain.job(id), {}
        fields = self.fields(of)
        if of is None:
            return Move(id, Step.CANCEL, 1, fields=fields)
        step = rng.choice(list(TABLE[of.state]) if TABLE[of.state] and rng.random() < 0.93 else list(Step))
        if TABLE[of.state].get(step) in FINAL:
            fields["ended"] = self.now
        stale, causes = rng.random() < 0.05, None
        if rng.random() < 0.2:
            causes = len(self.plain.causes(id)) + (rng.random() < 0.2)
        if of.state in CLAIMED:
            return Move(id, step, token=(of.token or 0) - stale, fields=fields, causes=causes)
        return Move(id, step, of.revision - stale, fields=fields, causes=causes)

    def join(self) -> Change:
        return Join(cause(self.some(), self.fire(), at=self.now, due=self.now + self.rng.randint(-4, 4)))

    def absorb(self) -> Change:
        """By a job of the same line and record: nobody else stands for its fires."""
        one, other = (self.plain.job(self.some()) for _ in range(2))
        if one is None or other is None:
            return Absorb(self.some(), self.some())
        return Absorb(one.id, other.id if (one.line, one.record) == (other.line, other.record) else one.id)

    def hold(self) -> Change:
        rng = self.rng
        writes, uses = (tuple(rng.sample(ACCOUNTS, rng.choice((0, 0, 1, 1, 2)))) for _ in range(2))
        slots = tuple((key, rng.randint(1, 2)) for key in rng.sample(SLOTS, rng.choice((0, 1, 1, 2))))
        hold = Hold(self.some(), self.now + rng.randint(-2, 2), writes, uses, slots)
        return rng.choice((hold, hold, Wait(hold), Wait(hold), Free(hold.job)))

    def keep(self) -> Change:
        rng, id = self.rng, self.rng.choice("xyz")
        found = self.plain.document("colour", id)
        revision = (0 if found is None else found.revision) - (rng.random() < 0.05)
        if rng.random() < 0.3:
            return Expect("colour", id, revision)
        return Keep("colour", id, revision, None if rng.random() < 0.3 else {"is": rng.random(), "of": ["a"]}, rng.choice(("", "warm")))

    def tell(self) -> Change:
        return told(self.rng.choice(("Painted", "Rained")), self.now, record=self.rng.choice(RECORDS))

    def change(self) -> Change:
        do: tuple[Callable[[], Change], ...] = (self.insert, self.insert, self.move, self.move, self.move, self.move, self.join, self.join,
                                                self.absorb, self.hold, self.hold, self.hold, self.keep, self.keep, self.tell)  # fmt: skip
        return self.rng.choice(do)()

    # steps

    def step(self) -> None:
        rare = (self.blob, self.purge, self.archive, self.sweep, self.again)
        self.rng.choice((self.write,) * 12 + (self.claim,) * 2 + (self.other,) * 4 + rare)()

    def write(self) -> None:
        rng = self.rng
        units, expected = list[Unit](), list[Landed]()
        for _ in range(rng.choice(self.sizes)):
            unit = tuple(self.change() for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))))
            if rng.random() < self.fails:
                unit = (*unit, Expect("colour", "nowhere", 7))
            units.append(unit)
            expected += self.plain.write([unit])
        answers = self.durable.write(units)
        assert [(one.refusal, one.change) for one in answers] == [(one.refusal, one.change) for one in expected], units
        assert [sorted(one.freed) for one in answers] == [sorted(one.freed) for one in expected], units

    def claim(self) -> None:
        self.now += self.rng.randint(0, 4)
        told: dict[str, Any] = {"pools": self.rng.sample(POOLS, self.rng.randint(1, 2)), "limit": self.rng.randint(0, 4)}
        told |= {"worker": "w", "node": "n", "lease": self.now + self.rng.randint(1, 5)}
        assert list(self.durable.claim(self.now, **told)) == list(self.plain.claim(self.now, **told)), told

    def blob(self) -> None:
        of = self.some()
        ids = tuple(store.put_blob([b"a", b"bc"], job=of) for store in (self.plain, self.durable))
        self.blobs.append((ids[0], ids[1]))
        if self.rng.random() < 0.7:
            one, other = (store.write([(Name(id, of), Name(id, of))]) for store, id in zip((self.plain, self.durable), ids, strict=True))
            assert [bool(answer) for answer in one] == [bool(answer) for answer in other]

    def query(self) -> Query:
        rng, fields = self.rng, dict[str, Any]()
        for name, values in {
            "states": (FINAL, PENDING, State.DEFERRED, frozenset({State.CANCELED, State.QUEUED}), frozenset()), "kinds": KINDS,
            "record": RECORDS, "line": LINES, "trigger": ("t", "u"), "execution": ("x",), "account": ACCOUNTS, "why": ("busy",),
            "since": (self.now - 3,), "until": (self.now - 1, self.now),
        }.items():  # fmt: skip
            if rng.random() < 0.2:
                fields[name] = rng.choice(values)
        return Query(**fields)

    def purge(self) -> None:
        queries = [self.query() for _ in range(self.rng.choice((1, 1, 2, 3)))]
        assert self.durable.purge(queries) == self.plain.purge(queries), queries
        self.sweep()
        if self.rng.random() < 0.1:
            self.now += 50 * DAY

    def archive(self) -> None:
        """In both stores a chain has the same name."""
        upto = {head.chain: head.position - self.rng.randint(-1, 9) for head in self.plain.heads() if self.rng.random() < 0.7}
        assert self.plain.archive(upto) == self.durable.archive(upto), upto

    def sweep(self) -> None:
        """The one removes a blob with the job that named it, the other then: how many there are may be another number."""
        self.plain.sweep_blobs()
        self.durable.sweep_blobs()

    def other(self) -> None:
        """Another process, which knows what stood when it wrote last."""
        (self.plain, self.durable), self.others = self.others, (self.plain, self.durable)

    def again(self) -> None:
        """Processes that begin."""
        self.durable.close()
        self.plain, self.durable = self.plain.join(), self.durable.join()
        self.durable.chain = self.plain.chain

    # reading

    def agree(self) -> None:
        one, other = self.read(self.plain), self.read(self.durable)
        for name, value in one.items():
            assert other[name] == value, name
        for blob, its in self.blobs:
            assert opened(self.plain, blob) == opened(self.durable, its)
        query, order, limit = self.query(), self.rng.choice(ORDERS), self.rng.choice((1, 3, 50))
        page: list[str | None] = [None, None]
        while True:
            some = [
                store.jobs(query, order=order, page=at, limit=limit) for store, at in zip((self.plain, self.durable), page, strict=True)
            ]
            assert list(some[0].jobs) == list(some[1].jobs), (query, order)
            page = [one.next for one in some]
            assert (page[0] is None) == (page[1] is None), (query, order)
            if page[0] is None:
                break
        assert self.plain.count(query) == self.durable.count(query), query
        keys = self.rng.sample((*ACCOUNTS, *SLOTS), self.rng.randint(1, 3))
        assert list(self.plain.fitting(keys)) == list(self.durable.fitting(keys)), keys

    @staticmethod
    def read(store: Storage) -> dict[str, Any]:
        jobs = list(store.jobs(Query(), limit=10_000).jobs)
        places = [(line, record) for line in LINES for record in RECORDS]
        seats = sorted({one.seat for one in jobs if one.seat is not None})
        return {
            "jobs": jobs,
            "causes": [list(store.causes(one.id)) for one in jobs],
            "open": [list(store.open_jobs(*place)) for place in places],
            "seated": [store.seated(seat) for seat in seats],
            "due": [store.next_due(pools) for pools in (["local"], ["dmz"], ["dmz", "local"])],
            "holders": [sorted(store.holders(key)) for key in (*ACCOUNTS, *SLOTS)],
            "documents": list(store.documents("colour")),
            "warm": list(store.documents("colour", group="warm", after="x")),
            "facts": sorted((fact.chain, fact.position, (*fact,)) for fact in store.facts(START, limit=10_000)[0]),
            "told of r": sorted((*fact,) for fact in store.facts(START, kinds=frozenset({"Rained"}), record="r")[0]),
            "heads": sorted(store.heads(), key=lambda head: head.chain),
            "faults": list(store.check(store.heads())),
        }


class Calm(Pair):
    """One process, and jobs at many places: most of what it writes about it knows by heart, and new jobs are added without a question."""

    sizes, fails = (1, 1, 2, 3), 0.02

    def step(self) -> None:
        self.rng.choice((self.write, self.write, self.claim))()

    def change(self) -> Change:
        do: tuple[Callable[[], Change], ...] = (self.insert, self.insert, self.advance, self.advance, self.advance, self.tell)
        return self.rng.choice(do)()

    def insert(self) -> Change:
        """Mostly beside a job that is at work, where no other waits; what it stands for may be kept already."""
        rng, made = self.rng, [one.id for one in self.plain.jobs(Query(), limit=1000).jobs]
        self.made += 1
        at_work = [one.record for one in self.open() if one.state in CLAIMED]
        record = rng.choice(at_work) if at_work and rng.random() < 0.7 else f"p{rng.randint(1, 20)}"
        kind, id = rng.choice((Kind.OCCURRENCE, Kind.OCCURRENCE, Kind.RECOVERY)), f"j{self.made}"
        id = rng.choice(made) if made and rng.random() < 0.05 else id
        fire = rng.choice((None, f"f{rng.randint(0, 9)}", f"f{rng.randint(0, 9999)}")) if kind is Kind.OCCURRENCE else None
        return Insert(job(id, kind=kind, record=record, fire=fire, due=self.now))

    def advance(self) -> Change:
        """Mostly what a worker does with a job that it has; now and then what it stands for becomes another."""
        rng, jobs = self.rng, self.open()
        some = jobs if rng.random() < 0.1 else [one for one in jobs if one.state in CLAIMED]
        if not some:
            return self.tell()
        of = rng.choice(some)
        if of.state in PENDING:
            return Move(of.id, Step.REPLAN, of.revision, fields={"due": self.now, "fire": f"f{rng.randint(0, 40)}"})
        ends = of.state is State.RUNNING
        return Move(of.id, Step.COMPLETE if ends else Step.START, token=of.token, fields={"ended" if ends else "started": self.now})

    def open(self) -> list[Job]:
        return [one for one in self.plain.jobs(Query(), limit=1000).jobs if one.state not in FINAL]


def _agree(durable: Durable, seed: int, *, every: int = 1, of: type[Pair] = Pair) -> None:
    pair = of(MemoryStorage(), durable, seed)
    try:
        for step in range(STEPS):
            pair.step()
            if step % every == 0:
                pair.agree()
    finally:
        pair.durable.close()
        pair.others[1].close()


@pytest.mark.parametrize("seed", [*range(8), 10, 116, 309, 480])
def test_c01_c02_c05_to_c11_in_whatever_writes_the_stores_answer_alike(seed: int, tmp_path: Path) -> None:
    """J2, J3, J5, P4, R4, A6."""
    _agree(SqliteStorage(tmp_path / "db", relaxed=True), seed)


@pytest.mark.parametrize("seed", [0, 10, 19, 26, 32, 36])
def test_j02_j05_p4_what_is_added_without_a_question_is_refused_as_where_all_is_asked(seed: int, tmp_path: Path) -> None:
    _agree(SqliteStorage(tmp_path / "db", relaxed=True), seed, every=5, of=Calm)


@pytest.mark.parametrize("seed", [3, 10])
def test_c01_c02_c05_to_c11_on_a_server_they_do_so_too(seed: int, postgres: Postgres) -> None:
    with postgres.database() as url:
        _agree(PostgresStorage(url, relaxed=True, keeps_time=False), seed, every=7)
