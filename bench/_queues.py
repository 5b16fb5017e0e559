"""Queues that others wrote, each doing jobs that do nothing as its documentation says; who is not installed is left out."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Callable, Coroutine
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: Puts so many jobs, and gives what does them all.
Queue = Callable[[int], Callable[[], object]]
PEERS = ("litequeue", "huey", "pgqueuer", "asyncpg")
ABSENT = [name for name in PEERS if find_spec(name) is None]


def litequeue(folder: Path) -> Queue:
    """A transaction to lock, another to mark as done; WAL, synchronous NORMAL. Keeps the row."""
    module, numbers = import_module("litequeue"), itertools.count()

    def put(count: int) -> Callable[[], object]:
        queue = module.LiteQueue(str(folder / f"litequeue-{next(numbers)}.db"))
        for number in range(count):
            queue.put(json.dumps({"job": number}))

        def drain() -> None:
            done = 0
            while (message := queue.pop()) is not None:
                json.loads(message.data)
                claim = getattr(message, "claim_id", None)  # of its newer releases
                queue.done(message.message_id, **({} if claim is None else {"claim_id": claim}))
                done += 1
            _must_be(done, count)
            queue.close()

        return drain

    return put


def huey(folder: Path, *, fsync: bool | None) -> Queue:
    """Deletes the row when it takes it, and keeps what the function gave back. None is SQLite's own way: FULL."""
    module, numbers = import_module("huey"), itertools.count()

    def put(count: int) -> Callable[[], object]:
        name = folder / f"huey-{fsync}-{next(numbers)}.db"
        queue = module.SqliteHuey("bench", filename=str(name), results=True, store_none=True, fsync=fsync)
        task = queue.task()(_nothing)
        for number in range(count):
            task(number)

        def drain() -> None:
            done = 0
            while (job := queue.dequeue()) is not None:
                queue.execute(job)
                done += 1
            _must_be(done, count)
            queue.storage.close()

        return drain

    logging.getLogger("huey").setLevel(logging.WARNING)
    return put


def pgqueuer(url: str, *, batch: int) -> Queue:
    """Takes a batch, runs its jobs as coroutines and logs each; keeps rows of its log."""
    module, asyncpg = import_module("pgqueuer"), import_module("asyncpg")
    drains = import_module("pgqueuer.types").QueueExecutionMode.drain
    installed: list[bool] = []
    logging.getLogger("pgqueuer").setLevel(logging.WARNING)

    async def filled(count: int) -> None:
        connection = await asyncpg.connect(url)
        queries = module.Queries(module.AsyncpgDriver(connection))
        if not installed:
            await queries.install()
            installed.append(True)
        await queries.enqueue(["noop"] * count, [b"1"] * count, [0] * count)
        await connection.close()

    async def drained(count: int) -> None:
        connection, done = await asyncpg.connect(url), 0
        queue = module.PgQueuer(module.AsyncpgDriver(connection))

        @queue.entrypoint("noop")  # type: ignore[untyped-decorator, unused-ignore]
        async def noop(job: Any) -> None:
            nonlocal done
            done += 1

        await queue.qm.run(batch_size=batch, mode=drains)
        _must_be(done, count)
        await connection.close()

    def put(count: int) -> Callable[[], object]:
        _run(filled(count))
        return lambda: _run(drained(count))

    return put


def _nothing(number: int) -> None:
    return None


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


def _must_be(done: int, count: int) -> None:
    if done != count:
        raise RuntimeError(f"{done} of {count} jobs were done")
