"""A second store, as plain as can be: one SQLite file, a connection for each handle, a transaction for each call. Slow, and plainly right.

It is there to keep the contract honest: what a store in memory keeps by nature, and this one does not, is no promise of stores.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from taskkit.errors import InvalidValue, NotFound
from taskkit.facts import Fact, Fault, Head, Mark, began, decoded, encoded, faults, linked
from taskkit.instants import DAY, Instant
from taskkit.jobs import Cause, Job, Kind
from taskkit.states import CLAIMED, FINAL, PENDING, State, Step
from taskkit.storage import Claimed, Document, Order, Query, Slice, Storage
from taskkit.storage.units import MOVES, Absorb, Expect, Free, Hold, Insert, Join, Keep, Landed, Move, Name, Refusal, Unit, Wait

#: What is asked of jobs in SQL; all of it is read out of their JSON.
_ASKED = ("state", "kind", "task", "line", "record", "execution", "why", "host", "account", "pool",
          "due", "lease", "created", "started", "ended", "token")  # fmt: skip
_TABLES = f"""
CREATE TABLE IF NOT EXISTS jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, seat TEXT, body TEXT,
    {", ".join(f"{name} AS (body ->> '{name}')" for name in _ASKED)}, trigger AS (coalesce(body ->> '$.via[0]', body ->> 'task')));
CREATE INDEX IF NOT EXISTS places ON jobs (line, record, state);
CREATE INDEX IF NOT EXISTS dues ON jobs (state, due);
CREATE INDEX IF NOT EXISTS seats ON jobs (seat);
CREATE TABLE IF NOT EXISTS causes (number INTEGER PRIMARY KEY, job TEXT, fire TEXT, body TEXT, UNIQUE (job, fire));
CREATE TABLE IF NOT EXISTS fires (line TEXT, record TEXT, fire TEXT, job TEXT, ended INTEGER, PRIMARY KEY (line, record, fire));
CREATE INDEX IF NOT EXISTS fires_of_jobs ON fires (job);
CREATE TABLE IF NOT EXISTS holds (job TEXT, key TEXT, how TEXT, PRIMARY KEY (job, key, how));
CREATE TABLE IF NOT EXISTS waits (job TEXT, key TEXT, how TEXT, most INTEGER, wanted INTEGER, PRIMARY KEY (job, key, how));
CREATE TABLE IF NOT EXISTS documents (of TEXT, id TEXT, revision INTEGER, body TEXT, "group" TEXT, PRIMARY KEY (of, id));
CREATE TABLE IF NOT EXISTS blobs (id TEXT PRIMARY KEY, writer TEXT, name TEXT);
CREATE TABLE IF NOT EXISTS pieces (number INTEGER PRIMARY KEY, blob TEXT, piece BLOB);
CREATE TABLE IF NOT EXISTS chains (name TEXT PRIMARY KEY, position INTEGER, hash TEXT, absorbed TEXT);
CREATE TABLE IF NOT EXISTS facts (chain TEXT, position INTEGER, text TEXT, hash TEXT, PRIMARY KEY (chain, position));
CREATE TABLE IF NOT EXISTS tokens (last INTEGER);
"""
_DUE = (State.SCHEDULED, State.DEFERRED)
#: Steps after which a job still waits for the keys for which it waited.
_STILL = (Step.WAKE, Step.ADVANCE)
_UNCLAIMED = {"token": None, "lease": None, "worker": None}
_ORDERS: dict[Order, str] = {"newest": "0 * number", "due": "due", "first_started": "started", "last_started": "-started"}


class SqliteStorage(Storage):
    """A handle: `SqliteStorage(path)` opens another one on the same file. `disk` is how hard a durable write is pressed onto it."""

    def __init__(self, path: Path, *, disk: str = "FULL") -> None:
        self.path, self.chain, self._disk = path, os.urandom(6).hex(), disk
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        with self._transaction():
            for table in filter(str.strip, _TABLES.split(";")):
                self._db.execute(table)
        self._freed: list[str] = []
        self._apply: dict[type[Any], Callable[[Any], Refusal | None]] = {
            Expect: self._expect, Keep: self._keep, Insert: self._insert, Move: self._move, Join: self._join, Absorb: self._absorb,
            Hold: self._hold, Wait: self._wait, Free: self._release, Name: self._name, Fact: self._tell,
        }  # fmt: skip

    def join(self) -> SqliteStorage:
        return SqliteStorage(self.path, disk=self._disk)

    def close(self) -> None:
        self._db.close()

    def __del__(self) -> None:
        if hasattr(self, "_db"):
            self._db.close()

    @contextmanager
    def _transaction(self, how: str = "IMMEDIATE", *, ends: str = "COMMIT") -> Iterator[None]:
        with self._lock:
            self._db.execute(f"BEGIN {how}")
            try:
                yield
                self._db.execute(ends)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def _reading(self) -> Any:
        """A transaction in which all that is read stands side by side."""
        return self._transaction("DEFERRED")

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        return self._db.execute(sql, values).fetchall()

    def _row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
        return found

    def _jobs(self, where: str, *values: Any) -> list[Job]:
        return [_job(text) for (text,) in self._rows(f"SELECT body FROM jobs WHERE {where}", *values)]  # noqa: S608  our own words

    # writing

    def write(self, units: Sequence[Unit], *, durable: bool = True) -> Sequence[Landed]:
        with self._lock:
            self._db.execute(f"PRAGMA synchronous = {self._disk if durable else 'OFF'}")
            with self._transaction():
                return [self._land(unit) for unit in units]

    def _land(self, unit: Unit) -> Landed:
        self._freed.clear()
        self._db.execute("SAVEPOINT unit")
        refused = next(((why, change) for change in unit if (why := self._apply[type(change)](change))), None)
        if refused is not None:
            self._db.execute("ROLLBACK TO unit")
        self._db.execute("RELEASE unit")
        return Landed(*refused) if refused is not None else Landed(freed=tuple(dict.fromkeys(self._freed)))

    # jobs

    def _put(self, job: Job) -> None:
        self._db.execute("UPDATE jobs SET body = ?, seat = ? WHERE id = ?", (_text(job._asdict()), _seat(job.seat), job.id))

    def _get(self, id: str) -> Job | None:
        return next(iter(self._jobs("id = ?", id)), None)

    def _insert(self, change: Insert) -> Refusal | None:
        job = change.job
        if self._get(job.id) is not None:
            return Refusal.REVISION
        if job.state in PENDING and self._is_taken(job):
            return Refusal.SEAT
        self._db.execute("INSERT INTO jobs (id) VALUES (?)", (job.id,))
        self._put(job)
        if job.fire is not None and not self._keep_fire(job, job.fire):
            return Refusal.FIRE
        return None if all(self._add(job, cause) for cause in change.causes) else Refusal.FIRE

    def _is_taken(self, job: Job) -> bool:
        sitting = [] if job.seat is None else self._sitting(job.seat)
        return any(other.id != job.id for other in sitting)

    def _sitting(self, seat: tuple[str, ...]) -> list[Job]:
        return [job for job in self._jobs("seat = ? ORDER BY number", _seat(seat)) if job.state in PENDING]

    def _move(self, change: Move) -> Refusal | None:
        job = self._get(change.job)
        if job is None:
            return Refusal.ABSENT
        guard, given = (job.token, change.token) if job.state in CLAIMED else (job.revision, change.revision)
        if given is None or given != guard:
            return Refusal.REVISION if change.token is None else Refusal.TOKEN
        after = MOVES[job.state].get(change.step)
        if after is None:
            return Refusal.STEP
        if change.causes is not None and change.causes != len(self._causes(job.id)):
            return Refusal.TURNED
        left = _UNCLAIMED if job.state in CLAIMED and after not in CLAIMED else {}
        moved = job.with_({**change.fields, **left, "state": after, "revision": job.revision + 1})
        self._put(moved)
        refusal = self._placed(job, moved)
        self._settle(moved, change.step)
        return refusal

    def _placed(self, job: Job, moved: Job) -> Refusal | None:
        if job.state in PENDING and moved.state in PENDING and job.seat != moved.seat and self._is_taken(moved):
            return Refusal.SEAT
        if (job.line, job.record, job.fire) == (moved.line, moved.record, moved.fire):
            return None
        self._db.execute("DELETE FROM fires WHERE job = ?", (job.id,))
        stands_for = [*([] if moved.fire is None else [moved.fire]), *(cause.fire for cause in self._causes(job.id))]
        return None if all(self._keep_fire(moved, fire) for fire in stands_for) else Refusal.FIRE

    def _settle(self, moved: Job, step: Step) -> None:
        if moved.state in FINAL:
            self._free(moved.id)
        elif moved.state in PENDING and step not in _STILL:
            self._wait_no_more(moved.id)

    # fires and causes

    def _keep_fire(self, job: Job, fire: str) -> bool:
        kept = self._db.execute("INSERT OR IGNORE INTO fires VALUES (?, ?, ?, ?, NULL)", (job.line, job.record or "", fire, job.id))
        return kept.rowcount == 1

    def _add(self, job: Job, cause: Cause) -> bool:
        if not self._keep_fire(job, cause.fire):
            return False
        self._db.execute("INSERT INTO causes (job, fire, body) VALUES (?, ?, ?)", (job.id, cause.fire, _text(cause._asdict())))
        return True

    def _causes(self, job: str) -> tuple[Cause, ...]:
        return tuple(_cause(text) for (text,) in self._rows("SELECT body FROM causes WHERE job = ? ORDER BY number", job))

    def _join(self, change: Join) -> Refusal | None:
        cause = change.cause
        job = self._get(cause.job)
        if job is None:
            return Refusal.ABSENT
        if job.state in FINAL or (job.turned_at is not None and job.turned_at <= cause.at):
            return Refusal.TURNED
        if not self._add(job, cause):
            return Refusal.FIRE
        if job.state in PENDING and cause.due < job.due:
            self._put(job.with_({"due": cause.due, "wanted": min(job.wanted, cause.due)}))
        return None

    def _absorb(self, change: Absorb) -> Refusal | None:
        if self._get(change.job) is None or self._get(change.into) is None:
            return Refusal.ABSENT
        moved = self._causes(change.job) if change.job != change.into else ()
        self._db.execute("DELETE FROM causes WHERE job = ? AND ? <> ?", (change.job, change.job, change.into))
        for cause in moved:
            told = change.into, cause.fire, _text(cause._replace(job=change.into)._asdict())
            self._db.execute("INSERT INTO causes (job, fire, body) VALUES (?, ?, ?)", told)
            self._db.execute("UPDATE fires SET job = ? WHERE job = ? AND fire = ?", (change.into, change.job, cause.fire))
        return None

    # holds

    def _hold(self, change: Hold) -> Refusal | None:
        gone = self._gone(change.job)
        if gone is not None or not self._fits(change):
            return gone or Refusal.BUSY
        self._free(change.job)
        self._freed[:] = [key for key in self._freed if key not in change.writes]
        told = {(key, "slot") for key, _ in change.slots} | {(key, "write") for key in change.writes}
        told |= {(key, "use") for key in change.uses if key not in change.writes}
        self._db.executemany("INSERT INTO holds VALUES (?, ?, ?)", [(change.job, key, how) for key, how in told])
        return None

    def _wait(self, change: Wait) -> Refusal | None:
        hold = change.hold
        gone = self._gone(hold.job)
        if gone is not None:
            return gone
        self._free(hold.job)
        told = {(key, "write", 0) for key in hold.writes} | {(key, "use", 0) for key in hold.uses}
        told |= {(key, "slot", most) for key, most in hold.slots}
        self._db.executemany("INSERT INTO waits VALUES (?, ?, ?, ?, ?)", [(hold.job, *one, hold.wanted) for one in told])
        return None

    def _gone(self, id: str) -> Refusal | None:
        job = self._get(id)
        if job is None:
            return Refusal.ABSENT
        return Refusal.TURNED if job.state in FINAL else None

    def _release(self, change: Free) -> None:
        self._free(change.job)

    def _free(self, job: str) -> None:
        given = self._rows("DELETE FROM holds WHERE job = ? RETURNING key", job)
        self._note(given)
        self._wait_no_more(job)

    def _wait_no_more(self, job: str) -> None:
        self._note(self._rows("DELETE FROM waits WHERE job = ? RETURNING key", job))

    def _note(self, given: Iterable[tuple[Any, ...]]) -> None:
        self._freed += [key for (key,) in given if self._row("SELECT 1 FROM waits WHERE key = ?", key)]

    def _fits(self, hold: Hold) -> bool:
        held = "SELECT 1 FROM holds WHERE key = ? AND job <> ? AND how IN ('write', ?)"
        if any(self._row(held, key, hold.job, "use") for key in hold.writes) or any(
            self._row(held, key, hold.job, "") for key in hold.uses
        ):
            return False
        return self._has_slots(hold.job, hold.slots) and not self._is_barred(hold)

    def _has_slots(self, job: str, slots: Iterable[tuple[str, int]]) -> bool:
        taken = "SELECT count(*) FROM holds WHERE key = ? AND job <> ? AND how = 'slot'"
        return all(self._rows(taken, key, job)[0][0] < most for key, most in slots)

    def _is_barred(self, hold: Hold) -> bool:
        """By one who came before it, wants what it cannot hold beside it, and lacks no slot."""
        own = {(key, how) for key, how in self._rows("SELECT key, how FROM holds WHERE job = ?", hold.job)}
        new = [(key, "use") for key in hold.writes if (key, "write") not in own]
        new += [(key, "write") for key in hold.uses if own.isdisjoint({(key, "write"), (key, "use")})]
        ahead = "SELECT job FROM waits WHERE key = ? AND how IN ('write', ?) AND job <> ? AND (wanted, job) < (?, ?)"
        found = {one for key, how in new for (one,) in self._rows(ahead, key, how, hold.job, hold.wanted, hold.job)}
        slots = "SELECT key, most FROM waits WHERE job = ? AND how = 'slot'"
        return any(self._has_slots(one, self._rows(slots, one)) for one in found)

    def _waiting(self, job: str) -> Hold:
        rows = self._rows("SELECT key, how, most, wanted FROM waits WHERE job = ?", job)
        keys = {kind: tuple(key for key, how, _, _ in rows if how == kind) for kind in ("write", "use")}
        return Hold(job, rows[0][3], keys["write"], keys["use"], tuple((key, most) for key, how, most, _ in rows if how == "slot"))

    # documents, blobs and facts

    def _expect(self, change: Expect) -> Refusal | None:
        found = self._row("SELECT revision FROM documents WHERE of = ? AND id = ?", change.table, change.id)
        return None if (found or (0,))[0] == change.revision else Refusal.REVISION

    def _keep(self, change: Keep) -> Refusal | None:
        if refusal := self._expect(Expect(change.table, change.id, change.revision)):
            return refusal
        self._db.execute("DELETE FROM documents WHERE of = ? AND id = ?", (change.table, change.id))
        if change.body is not None:
            told = change.table, change.id, change.revision + 1, _text(dict(change.body)), change.group
            self._db.execute("INSERT INTO documents VALUES (?, ?, ?, ?, ?)", told)
        return None

    def _name(self, change: Name) -> Refusal | None:
        named = self._db.execute("UPDATE blobs SET name = ? WHERE id = ?", (change.job, change.blob))
        return None if named.rowcount else Refusal.ABSENT

    def _tell(self, fact: Fact) -> None:
        if self._row("SELECT 1 FROM chains WHERE name = ?", self.chain) is None:
            others = {head.chain: [head.position, head.hash] for head in self._heads()}
            self._db.execute("INSERT INTO chains VALUES (?, 0, ?, '[]')", (self.chain, began(self.chain)))
            self._link(encoded(Fact("ChainBegan", fact.at, details={"heads": others})))
        self._link(encoded(fact))

    def _link(self, text: str) -> None:
        head = self._head(self.chain)
        self._db.execute("INSERT INTO facts VALUES (?, ?, ?, ?)", (self.chain, head.position + 1, text, linked(head.hash, text)))

    def _head(self, chain: str) -> Head:
        last = self._row("SELECT position, hash FROM facts WHERE chain = ? ORDER BY position DESC LIMIT 1", chain)
        return self._base(chain) if last is None else Head(chain, *last)

    def _base(self, chain: str) -> Head:
        [(position, hash)] = self._rows("SELECT position, hash FROM chains WHERE name = ?", chain)
        return Head(chain, position, hash)

    def _heads(self) -> list[Head]:
        return [self._head(name) for (name,) in self._rows("SELECT name FROM chains ORDER BY name")]

    # claiming

    def claim(self, now: Instant, *, worker: str, node: str, pools: Sequence[str], limit: int, lease: Instant) -> Sequence[Claimed]:
        with self._transaction():
            here = f"pool IN {_marks(pools)} AND state IN {_marks(_DUE)} AND %s <= ? ORDER BY due, number"
            lost = self._jobs(here % "lease", *pools, *CLAIMED, now)
            due = self._jobs(here % "due", *pools, *_DUE, now)
            owner = {"worker": worker, "node": node, "lease": lease}
            return [self._claimed(job, owner, now) for job in (*lost, *due)[: max(0, limit)]]

    def _claimed(self, job: Job, owner: Mapping[str, Any], now: Instant) -> Claimed:
        is_lost = job.state in CLAIMED
        told = {"state": job.state if is_lost else State.QUEUED, "rescues": job.rescues + is_lost, "revision": job.revision + 1}
        claimed = job.with_({**owner, **told, "token": self._token(now)})
        self._put(claimed)
        return Claimed(claimed, self._causes(job.id), next(iter(self._sitting(("fired", job.line, job.record or ""))), None))

    def _token(self, now: Instant) -> int:
        token: int = max(now, *(last + 1 for (last,) in self._rows("SELECT last FROM tokens")), 0)
        self._db.execute("DELETE FROM tokens")
        self._db.execute("INSERT INTO tokens VALUES (?)", (token,))
        return token

    # reading

    def next_due(self, pools: Sequence[str]) -> Instant | None:
        first = f"pool IN {_marks(pools)} AND state IN (?, ?)"
        with self._reading():
            found = self._rows(f"SELECT min(due) FROM jobs WHERE {first}", *pools, *_DUE)  # noqa: S608  question marks alone
            found += self._rows(f"SELECT min(lease) FROM jobs WHERE {first}", *pools, *CLAIMED)  # noqa: S608
            dues: list[Instant] = [at for (at,) in found if at is not None]
            return min(dues, default=None)

    def job(self, id: str) -> Job | None:
        with self._reading():
            return self._get(id)

    def causes(self, job: str) -> Sequence[Cause]:
        with self._reading():
            return self._causes(job)

    def seated(self, seat: tuple[str, ...]) -> Job | None:
        with self._reading():
            return next(iter(self._sitting(seat)), None)

    def open_jobs(self, line: str, record: str | None) -> Sequence[Job]:
        with self._reading():
            return self._jobs(f"line = ? AND record IS ? AND state NOT IN {_marks(FINAL)} ORDER BY number", line, record, *FINAL)

    def jobs(self, query: Query, *, order: Order = "newest", page: str | None = None, limit: int = 100) -> Slice:
        where, values = _wanted(query)
        place = f"({_ORDERS[order]}, {'-' if order in ('newest', 'last_started') else ''}number)"
        after = (place + " > (?, ?)", _place(page)) if page is not None else (f"{_ORDERS[order]} IS NOT NULL", ())
        with self._reading():
            sql = f"SELECT body, {place[1:-1]} FROM jobs WHERE {where} AND {after[0]} ORDER BY {place[1:-1]} LIMIT ?"  # noqa: S608
            found = self._rows(sql, *values, *after[1], limit + 1)
        more = len(found) > limit > 0
        return Slice([_job(text) for text, *_ in found[:limit]], " ".join(map(str, found[limit - 1][1:])) if more else None)

    def count(self, query: Query) -> int:
        where, values = _wanted(query)
        with self._reading():
            return int(self._rows(f"SELECT count(*) FROM jobs WHERE {where}", *values)[0][0])  # noqa: S608

    def fitting(self, keys: Iterable[str]) -> Sequence[Job]:
        """Each takes what it wants, and then all is taken back."""
        wanted = tuple(keys)
        with self._transaction(ends="ROLLBACK"):
            waiting = f"SELECT DISTINCT wanted, job FROM waits WHERE key IN {_marks(wanted)} ORDER BY wanted, job"  # noqa: S608
            tried = [self._waiting(job) for _, job in self._rows(waiting, *wanted)]
            return [job for hold in tried if self._hold(hold) is None and (job := self._get(hold.job)) is not None]

    def holders(self, key: str) -> Sequence[str]:
        with self._reading():
            return [job for (job,) in self._rows("SELECT DISTINCT job FROM holds WHERE key = ?", key)]

    def document(self, table: str, id: str) -> Document | None:
        with self._reading():
            found = self._row('SELECT id, revision, body, "group" FROM documents WHERE of = ? AND id = ?', table, id)
            return None if found is None else _document(found)

    def documents(self, table: str, *, group: str | None = None, after: str = "", limit: int = 1000) -> Sequence[Document]:
        where = 'of = ? AND "group" = coalesce(?, "group") AND id > ? ORDER BY id LIMIT ?'
        sql = f'SELECT id, revision, body, "group" FROM documents WHERE {where}'  # noqa: S608
        with self._reading():
            return [_document(row) for row in self._rows(sql, table, group, after, limit)]

    # blobs

    def put_blob(self, pieces: Iterable[bytes], *, job: str) -> str:
        id, kept = os.urandom(12).hex(), [bytes(piece) for piece in pieces]
        with self._transaction():
            self._db.execute("INSERT INTO blobs VALUES (?, ?, NULL)", (id, job))
            self._db.executemany("INSERT INTO pieces (blob, piece) VALUES (?, ?)", [(id, piece) for piece in kept])
        return id

    def open_blob(self, id: str) -> Iterator[bytes]:
        with self._reading():
            if self._row("SELECT 1 FROM blobs WHERE id = ? AND name IS NOT NULL", id) is None:
                raise NotFound(f"opening the blob {id!r}", "there is none that a unit has named", "it may have been purged with its job")
            return iter([piece for (piece,) in self._rows("SELECT piece FROM pieces WHERE blob = ? ORDER BY number", id)])

    def sweep_blobs(self) -> int:
        with self._transaction():
            owned = "SELECT id FROM jobs WHERE state IN (?, ?)"
            return self._drop_blobs(f"name IS NULL AND writer NOT IN ({owned})", *CLAIMED)

    def _drop_blobs(self, where: str, *values: Any) -> int:
        gone = self._rows(f"DELETE FROM blobs WHERE {where} RETURNING id", *values)  # noqa: S608
        self._db.executemany("DELETE FROM pieces WHERE blob = ?", gone)
        return len(gone)

    # facts

    def facts(
        self, after: Mark, *, kinds: frozenset[str] | None = None, record: str | None = None, limit: int = 1000
    ) -> tuple[Sequence[Fact], Mark]:
        found: list[Fact] = []
        reached = dict(after)
        with self._reading():
            for head in self._heads():
                for fact in self._facts(head.chain, after.get(head.chain, 0)):
                    if (kinds is None or fact.kind in kinds) and (record is None or fact.record == record):
                        if len(found) == limit:
                            return found, reached
                        found.append(fact)
                    reached[head.chain] = fact.position
                reached[head.chain] = max(head.position, after.get(head.chain, 0))
        return found, reached

    def _facts(self, chain: str, after: int = 0) -> list[Fact]:
        rows = self._rows("SELECT text, chain, position, hash FROM facts WHERE chain = ? AND position > ? ORDER BY position", chain, after)
        return [decoded(*row) for row in rows]

    def heads(self) -> Sequence[Head]:
        with self._reading():
            return self._heads()

    def check(self, noted: Iterable[Head] = ()) -> Sequence[Fault]:
        with self._reading():
            chains = self._rows("SELECT name, absorbed FROM chains ORDER BY name")
            rows = {
                name: self._rows("SELECT position, text, hash FROM facts WHERE chain = ? ORDER BY position", name) for name, _ in chains
            }
            bases = {name: self._base(name) for name in rows}
        told = [Head(*head) for _, absorbed in chains for head in json.loads(absorbed)]
        told += [head for facts in rows.values() for _, text, _ in facts for head in _absorbed(text)]
        expected = [*told, *noted]
        found = [Fault(name, 1, "the chain is missing") for name in sorted({head.chain for head in expected} - set(rows))]
        for name, facts in rows.items():
            found += faults(name, facts, bases[name], [head for head in expected if head.chain == name])
        return found

    def archive(self, upto: Mark) -> int:
        with self._transaction():
            return sum(len(self._archived(head.chain, upto[head.chain])) for head in self._heads() if head.chain in upto)

    def _archived(self, chain: str, upto: int) -> list[Fact]:
        gone = [fact for fact in self._facts(chain) if fact.position <= upto]
        if gone:
            [(absorbed,)] = self._rows("SELECT absorbed FROM chains WHERE name = ?", chain)
            told = [*json.loads(absorbed), *([head.chain, head.position, head.hash] for fact in gone for head in _absorbed(encoded(fact)))]
            self._db.execute("DELETE FROM facts WHERE chain = ? AND position <= ?", (chain, gone[-1].position))
            self._db.execute(
                "UPDATE chains SET position = ?, hash = ?, absorbed = ? WHERE name = ?",
                (gone[-1].position, gone[-1].hash, json.dumps(told), chain),
            )
        return gone

    def purge(self, queries: Sequence[Query]) -> Sequence[int]:
        with self._transaction():
            [(now,)] = self._rows("SELECT max(coalesce(ended, created)) FROM jobs")
            named = [{job.id: job for job in self._over(query)} for query in queries]
            stay = {job.kept_with for job in self._jobs("TRUE") if not any(job.id in some for some in named)}
            gone = {
                id: (job, place) for place, some in reversed([*enumerate(named)]) for id, job in some.items() if job.kept_with not in stay
            }
            for job, _ in gone.values():
                self._db.execute("UPDATE fires SET job = NULL, ended = ? WHERE job = ?", (job.ended or job.created, job.id))
                self._db.execute("DELETE FROM causes WHERE job = ?", (job.id,))
                self._db.execute("DELETE FROM jobs WHERE id = ?", (job.id,))
                self._drop_blobs("name = ?", job.id)
            self._db.execute("DELETE FROM fires WHERE ended <= ?", ((now or 0) - 90 * DAY,))
            counts = Counter(place for _, place in gone.values())
            return [counts[place] for place in range(len(queries))]

    def _over(self, query: Query) -> list[Job]:
        where, values = _wanted(query)
        return self._jobs(f"{where} AND state IN {_marks(FINAL)}", *values, *FINAL)


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"keeping {value!r}: it is no JSON")


def _job(text: str) -> Job:
    told: dict[str, Any] = json.loads(text)
    for name in ("origin", "operations", "blobs"):
        told[name] = tuple(told[name])
    for name in ("via", "progress"):
        told[name] = None if told[name] is None else tuple(told[name])
    return Job(**{**told, "kind": Kind(told["kind"]), "state": State(told["state"])})


def _cause(text: str) -> Cause:
    told = json.loads(text)
    return Cause(**{**told, "origin": tuple(told["origin"]), "via": told["via"] and tuple(told["via"])})


def _document(row: tuple[Any, ...]) -> Document:
    id, revision, body, group = row
    return Document(id, revision, json.loads(body), group)


def _seat(seat: tuple[str, ...] | None) -> str | None:
    return None if seat is None else json.dumps(seat)


def _marks(values: Iterable[object]) -> str:
    return f"({', '.join('?' for _ in values)})"


def _wanted(query: Query) -> tuple[str, list[Any]]:
    """A query in the words of SQL."""
    told: list[tuple[str, Sequence[Any]]] = [("TRUE", ())]
    for name, several in (("state", query.states), ("kind", query.kinds)):
        told += [(f"{name} IN {_marks(several)}", tuple(several))] if several is not None else []
    for name in ("record", "line", "task", "trigger", "execution", "why", "host", "account"):
        value = getattr(query, name)
        told += [(f"{name} = ?", (value,))] if value is not None else []
    told += [("created >= ?", (query.since,))] if query.since is not None else []
    told += [("coalesce(ended, created) < ?", (query.until,))] if query.until is not None else []
    return " AND ".join(words for words, _ in told), [value for _, values in told for value in values]


def _place(page: str) -> tuple[int, int]:
    first, _, second = page.partition(" ")
    try:
        place = int(first), int(second)
        return place if max(map(abs, place)) < 2**63 else _place("")
    except ValueError:
        raise InvalidValue(f"looking for the page {page!r}", "none begins there", "give the `next` of the page before") from None


def _absorbed(text: str) -> list[Head]:
    """What the first fact of a chain tells of others; what cannot be read was changed, and its hash tells."""
    try:
        kind, *_, details = json.loads(text)
        return [Head(name, *head) for name, head in details["heads"].items()] if kind == "ChainBegan" else []
    except (ValueError, TypeError, LookupError, AttributeError):
        return []


__all__ = ["SqliteStorage"]
