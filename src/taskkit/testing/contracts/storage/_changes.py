"""A store with something of everything in it, and one of each change that it may take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from taskkit.jobs import Job
from taskkit.states import State, Step
from taskkit.storage import Absorb, Change, Free, Hold, Insert, Join, Keep, Move, Name, Storage, Wait
from taskkit.testing.contracts.storage._makings import (
    HOUR,
    NOW,
    begun,
    cause,
    claimed,
    ended,
    fired,
    job,
    lands,
    occurrence,
    probed,
    told,
)


class Furnished(NamedTuple):
    """A store with something of everything in it."""

    store: Storage
    queued: Job
    running: Job
    blob: str


def furnished(store: Storage) -> Furnished:
    queued = claimed(probed(store), job("queued", record="r2"))
    running = begun(
        store, occurrence("running", "before", record="r"), Hold("running", NOW, ("account:a", "line:l/r"), (), (("host:h", 2),))
    )
    lands(store, Insert(occurrence("waiting", due=NOW + HOUR)))
    lands(store, Insert(fired("fired", due=NOW + HOUR), (cause("fired", "h1"), cause("fired", "h2"))))
    lands(store, Insert(job("writer", due=NOW + 2 * HOUR)), Wait(Hold("writer", NOW, ("account:b", "account:a"))))
    ended(store, job("ended"))
    lands(store, Keep("colour", "sky", 0, {"is": "blue"}, "cold"), Keep("colour", "sun", 0, {"is": "red"}, "warm"), told())
    return Furnished(store, queued, running, store.put_blob([b"ab", b"c"], job="running"))


CHANGES: dict[str, Callable[[Furnished], Sequence[Change]]] = {
    "insert": lambda one: [Insert(job("new", due=NOW - HOUR))],
    "insert with causes": lambda one: [Insert(fired("new", record="r9"), (cause("new", "h3"), cause("new", "h4")))],
    "insert with seat and fire": lambda one: [Insert(occurrence("new", "other", record="r9", execution="x"))],
    "insert of an ended job": lambda one: [Insert(job("new", state=State.MISSED, ended=NOW))],
    "insert of a running job": lambda one: [Insert(job("new", state=State.RUNNING, token=7, worker="b", lease=NOW))],
    "start": lambda one: [Move("queued", Step.START, token=one.queued.token, fields={"started": NOW})],
    "beat": lambda one: [Move("running", Step.BEAT, token=one.running.token, fields={"lease": NOW + HOUR})],
    "end": lambda one: [Move("running", Step.COMPLETE, token=one.running.token, fields={"ended": NOW})],
    "end of a waiting job": lambda one: [Move("waiting", Step.CANCEL, 1, fields={"ended": NOW, "fire": None})],
    "end of a job that waits for a key": lambda one: [Move("writer", Step.CANCEL, 1, fields={"ended": NOW})],
    "send back": lambda one: [Move("queued", Step.DEFER, token=one.queued.token, fields={"due": NOW + HOUR, "why": "busy"})],
    "bring forward": lambda one: [Move("waiting", Step.ADVANCE, 1, fields={"due": NOW - HOUR})],
    "another nominal": lambda one: [Move("waiting", Step.REPLAN, 1, fields={"fire": "later", "nominal": "later", "due": NOW + 2 * HOUR})],
    "another record": lambda one: [Move("fired", Step.REPLAN, 1, fields={"record": "r9"})],
    "another line": lambda one: [Move("waiting", Step.REPLAN, 1, fields={"line": "l9", "task": "t9"})],
    "another pool": lambda one: [Move("waiting", Step.REPLAN, 1, fields={"pool": "dmz"})],
    "another line at the end": lambda one: [Move("waiting", Step.CANCEL, 1, fields={"line": "l9", "record": "r9", "ended": NOW})],
    "join": lambda one: [Join(cause("fired", "h3", due=NOW))],
    "absorb": lambda one: [Join(cause("waiting", "h0")), Absorb("fired", "waiting")],
    "hold": lambda one: [Hold("queued", NOW, ("line:l/r2",), ("account:z",), (("host:h", 2),))],
    "hold something else": lambda one: [Hold("running", NOW, ("account:b",), ("account:c",), (("host:i", 1),))],
    "wait": lambda one: [Wait(Hold("queued", NOW, ("account:c",), ("account:b",), (("host:h", 2),)))],
    "wait for something else": lambda one: [Wait(Hold("writer", NOW, ("account:b",)))],
    "free": lambda one: [Free("running")],
    "free who waits": lambda one: [Free("writer")],
    "keep": lambda one: [Keep("shape", "sky", 0, {"is": "round"}, "warm")],
    "keep the next": lambda one: [Keep("colour", "sky", 1, {"is": "grey"}, "cold")],
    "keep in another group": lambda one: [Keep("colour", "sky", 1, {"is": "blue"}, "warm")],
    "remove": lambda one: [Keep("colour", "sky", 1, None)],
    "remove and keep anew": lambda one: [Keep("colour", "sky", 1, None), Keep("colour", "sky", 0, {"is": "grey"})],
    "tell": lambda one: [told("Rained", details={"much": True})],
    "name": lambda one: [Name(one.blob, "running")],
    "start and successor": lambda one: [
        Move("queued", Step.START, token=one.queued.token),
        Hold("queued", NOW, ("account:z",)),
        Move("fired", Step.MERGE, 1, fields={"ended": NOW, "into": "queued"}),
        Absorb("fired", "queued"),
        Insert(fired("new", due=NOW)),
        told("JobStarted"),
    ],
}  # fmt: skip
