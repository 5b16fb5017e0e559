"""What the contracts of stores are told with: jobs and causes with few words, and short ways to write and claim."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from taskkit.facts import START, Fact
from taskkit.instants import MINUTE, NEVER, SECOND
from taskkit.jobs import Cause, Job, Kind
from taskkit.states import FINAL, State, Step
from taskkit.storage import Change, Claimed, Expect, Hold, Insert, Landed, Move, Query, Refusal, Storage
from taskkit.testing.contracts._contract import Contract, rounds

NOW = 1_772_409_600 * SECOND
HOUR = 60 * MINUTE
#: Rows of a chain as they are kept: position, text, hash.
Rows = list[tuple[int, str, str]]


class Kit(Contract):
    """What a backend brings: everything else is here."""

    def store(self) -> Storage:
        """A new, empty store."""
        raise NotImplementedError(f"{type(self).__name__} has no `store()`: it has to answer a new, empty store")

    def second_handle(self, store: Storage) -> Storage:
        """Another handle on the same store, as a second process would have it."""
        raise NotImplementedError(f"{type(self).__name__} has no `second_handle()`: it has to answer another handle on the given store")

    def rewrite(self, store: Storage, chain: str, edit: Callable[[Rows], Rows | None]) -> None:
        """Change the rows of a chain behind the store's back, in their order; None removes the chain."""
        raise NotImplementedError(f"{type(self).__name__} has no `rewrite()`: bring it, or close C15 and C17, and say why")


def job(id: str, **fields: Any) -> Job:
    """A job that is due now and has no seat."""
    told: dict[str, Any] = {
        "kind": Kind.DEMAND,
        "task": "t",
        "line": "l",
        "planned_for": 1,
        "record": None,
        "due": NOW,
        "created": NOW,
    } | fields
    return Job(id=id, **{"wanted": told["due"], **told})


def occurrence(id: str, nominal: str = "2026-03-02T00:00 UTC", **fields: Any) -> Job:
    return job(id, **{"kind": Kind.OCCURRENCE, "record": "r", "nominal": nominal, "fire": nominal, **fields})


def fired(id: str, **fields: Any) -> Job:
    return job(id, **{"kind": Kind.FIRED, "record": "r", **fields})


def cause(of: str, fire: str, *, at: int = NOW, due: int | None = None, **fields: Any) -> Cause:
    return Cause(of, fire, "checked_in", "after check-in", at, at if due is None else due, **fields)


def told(kind: str = "Painted", at: int = NOW, **fields: Any) -> Fact:
    return Fact(kind, at, **fields)


def write(store: Storage, *changes: Change) -> Landed:
    [answer] = store.write([changes])
    return answer


def lands(store: Storage, *changes: Change) -> None:
    assert write(store, *changes).refusal is None


def refusal(store: Storage, *changes: Change) -> Refusal | None:
    return write(store, *changes).refusal


def claim(store: Storage, now: int = NOW, *, pools: Sequence[str] = ("local",), limit: int = 100, lease: int = MINUTE) -> list[Claimed]:
    return list(store.claim(now, worker="a/1", node="a", pools=pools, limit=limit, lease=now + lease))


def claimed(store: Storage, of: Job) -> Job:
    """Put the job and claim it, alone among what is due."""
    lands(store, Insert(of))
    [one] = [one.job for one in claim(store, max(NOW, of.due), pools=[of.pool]) if one.job.id == of.id]
    return one


def begun(store: Storage, of: Job, hold: Hold | None = None) -> Job:
    """Put the job, claim and start it."""
    one = claimed(store, of)
    lands(store, Move(of.id, Step.START, token=one.token, fields={"started": NOW}), *(() if hold is None else (hold,)))
    return kept(store, of.id)


def ended(store: Storage, of: Job, at: int = NOW) -> Job:
    lands(store, Insert(of))
    lands(store, Move(of.id, Step.CANCEL, of.revision, fields={"ended": at}))
    return kept(store, of.id)


def kept(store: Storage, id: str) -> Job:
    found = store.job(id)
    assert found is not None
    return found


def move(of: Job, step: Step, **fields: Any) -> Move:
    """The step as whoever has read the job would write it: by its token where it is claimed, by its revision elsewhere."""
    by: dict[str, Any] = {"token": of.token} if of.state in (State.QUEUED, State.RUNNING) else {"revision": of.revision}
    return Move(of.id, step, **by, fields=fields)


def to_final(of: Job) -> Move:
    step = {State.QUEUED: Step.CANCEL, State.RUNNING: Step.COMPLETE}.get(of.state, Step.CANCEL)
    return move(of, step, ended=NOW)


@contextmanager
def hurried() -> Iterator[None]:
    """Threads take turns as often as they can: what is not locked breaks soon."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def pages(store: Storage, query: Query, order: Any = "newest", limit: int = 3) -> list[str]:
    """The ids of all pages, one after the other."""
    found: list[str] = []
    page: str | None = None
    for _ in rounds():
        some = store.jobs(query, order=order, page=page, limit=limit)
        assert len(some.jobs) <= limit
        found += [one.id for one in some.jobs]
        page = some.next
        if page is None:
            break
    return found


TABLES = ("colour", "shape")
KEYS = ("account:a", "account:b", "account:c", "host:h", "line:l/r")
#: What no store accepts: there is no such document.
POISON = Expect("colour", "nowhere", 7)


def seen(store: Storage, blobs: Sequence[str] = ()) -> dict[str, Any]:
    """Everything that a reader can see."""
    jobs = {one.id: one for one in store.jobs(Query(), limit=10_000).jobs}
    seats = {one.seat for one in jobs.values() if one.seat is not None}
    places = {(one.line, one.record) for one in jobs.values()}
    return {
        "jobs": jobs,
        "order": pages(store, Query(), limit=7),
        "due": pages(store, Query(), "due", limit=7),
        "open": {place: [one.id for one in store.open_jobs(*place)] for place in sorted(places, key=str)},
        "count": store.count(Query(states=FINAL)),
        "causes": {id: list(store.causes(id)) for id in jobs},
        "seated": {seat: (one.id if (one := store.seated(seat)) else None) for seat in seats},
        "next_due": {pool: store.next_due([pool]) for pool in ("local", "dmz")},
        "holders": {key: sorted(store.holders(key)) for key in KEYS},
        "fitting": [one.id for one in store.fitting(KEYS)],
        "barred": {key: isinstance(write(store, Hold("probe", NEVER, (), (key,)), POISON).change, Hold) for key in KEYS},
        "documents": {table: list(store.documents(table)) for table in TABLES},
        "groups": {(table, group): list(store.documents(table, group=group)) for table in TABLES for group in ("", "warm", "cold")},
        "blobs": {blob: opened(store, blob) for blob in blobs},
        "facts": [(one, one.chain, one.position, one.hash) for one in store.facts(START, limit=100_000)[0]],
        "heads": sorted(store.heads(), key=lambda head: head.chain),
    }


def probed(store: Storage) -> Storage:
    """With a job that tries what could be held; `seen` needs it."""
    lands(store, Insert(job("probe", due=NEVER, line="probe")))
    return store


def opened(store: Storage, blob: str) -> bytes | None:
    try:
        return b"".join(store.open_blob(blob))
    except LookupError:
        return None
