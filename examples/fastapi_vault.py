"""A vault with an interface over HTTP: FastAPI on top, taskkit beside it in threads, both over one store that outlives the process.

By itself this page talks to the service once and prints what it hears. As a service: `uvicorn fastapi_vault:app`.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from taskkit import (
    AfterCheckIn,
    CheckedIn,
    Duplicate,
    Engine,
    NotFound,
    OnDemand,
    Record,
    Records,
    RecordType,
    Rights,
    Settings,
    Task,
    TaskkitError,
    Vault,
    of_type,
)
from taskkit.scripts import Commands, Step

RECORDS = {
    "db-1": Record("db-1", "unix", fields={"host": "10.0.0.5", "user": "app"}),
    "web-1": Record("web-1", "unix", fields={"host": "10.0.0.6", "user": "www"}),
}
#: Who may do what: a right of all records, or of one.
GRANTS = {"ada": {"system_administrator", "task_execute"}, "bob": {"task_execute web-1"}}
#: What a client is told, by the stable code of the error.
STATUS = {
    "invalid_value": 422, "refused": 409, "not_found": 404, "not_allowed": 403, "vault_away": 503, "storage_away": 503, "unknown_mark": 503,
    "taskkit_error": 500,
}  # fmt: skip


class OurRecords(Records):
    def get(self, id: str) -> Record | None:
        return RECORDS.get(id)

    def all(self) -> Iterable[Record]:
        return RECORDS.values()


class OurRights(Rights):
    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        return user is None or not GRANTS.get(user, set()).isdisjoint({right, f"{right} {record}"})

    def active(self, user: str) -> bool:
        return user in GRANTS


def furnish(engine: Engine) -> None:
    """The same at each start: what is there already stays, also where two processes start at once."""
    engine.define(RecordType("unix", executor="local"))
    engine.define(Commands("greet", Step("echo Hello {user}", capture={"said": "(Hello .*)"})))
    with suppress(Duplicate):
        engine.put(Task("greet", "greet", [AfterCheckIn(), OnDemand()]), list=of_type("unix"))


@asynccontextmanager
async def working(app: FastAPI) -> AsyncIterator[None]:
    """The engine works from the first request to the last; then nothing more is begun, and what runs comes to its end."""
    with Engine(Vault(OurRecords(), rights=OurRights()), app.state.store, settings=Settings(workers=4)) as engine:
        furnish(engine)
        app.state.engine, stop = engine, threading.Event()
        thread = threading.Thread(target=engine.run, args=[stop], name="taskkit")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            await asyncio.to_thread(thread.join)


def the_engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def the_user(x_user: Annotated[str | None, Header()] = None) -> str:
    """Whatever lets people in stands before this service and says who they are; nobody else may reach it."""
    if not x_user:
        raise HTTPException(401, "who are you?")
    return x_user


Works = Annotated[Engine, Depends(the_engine)]
User = Annotated[str, Depends(the_user)]


class Demand(BaseModel):
    task: str


class CheckIn(BaseModel):
    approval: str


def create_app(store: str) -> FastAPI:
    app = FastAPI(title="A vault", lifespan=working)
    app.state.store = store

    # Plain functions: FastAPI calls them in threads, and so the engine, which waits for its store, holds up no event loop.

    @app.get("/records/{record}/tasks")
    def tasks(record: str, engine: Works, user: User) -> list[dict[str, Any]]:
        """What this person may run on the record now."""
        must_be_there(record)
        return [{"id": task.id, "name": task.name, "when": list(map(str, task.policies))} for task in engine.demandable(record, user)]

    @app.post("/records/{record}/runs", status_code=202)
    def run(record: str, wanted: Demand, engine: Works, user: User, response: Response) -> dict[str, str]:
        job = engine.demand(wanted.task, record, by=user)
        response.headers["Location"] = f"/jobs/{job}"
        return {"job": job}

    @app.post("/records/{record}/check-ins", status_code=202)
    def check_in(record: str, given: CheckIn, engine: Works, user: User) -> dict[str, list[str]]:
        """The product's own affair, so nobody's right is asked here. A client that heard no answer says it again: twice is once."""
        must_be_there(record)
        return {"jobs": engine.emit(CheckedIn(record, approval=given.approval))}

    @app.get("/jobs")
    def history(
        engine: Works, user: User, record: str | None = None, task: str | None = None, page: str | None = None, limit: int = 20
    ) -> dict[str, Any]:
        """The newest first, those that this person may see; `next` is the `page` of what follows."""
        return engine.history(record=record, task=task, user=user, page=page, limit=min(limit, 100)).document()

    @app.get("/jobs/{job}")
    def job(job: str, engine: Works, user: User) -> dict[str, Any]:
        return engine.job(job, user=user).document()

    @app.exception_handler(TaskkitError)
    def refused(request: Request, error: TaskkitError) -> JSONResponse:
        return JSONResponse({"code": error.code, "tried": error.tried, "case": error.case, "help": error.help}, status_of(error))

    return app


def status_of(error: TaskkitError) -> int:
    """Its own, or that of what it is a kind of."""
    return next(STATUS[kind.code] for kind in type(error).__mro__ if issubclass(kind, TaskkitError) and kind.code in STATUS)


def must_be_there(record: str) -> None:
    if record not in RECORDS:
        raise NotFound(f"looking for the record {record!r}", "there is none", "look at its name")


app = create_app(os.environ.get("VAULT_STORE", "sqlite:vault.db"))


@asynccontextmanager
async def served(store: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service in this process, without any network; also for tests."""
    app = create_app(store)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://vault") as client:
        yield client


async def ended(client: httpx.AsyncClient, job: str, user: str) -> dict[str, Any]:
    """The job, asked for until it has ended."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found: dict[str, Any] = (await client.get(f"/jobs/{job}", headers={"X-User": user})).json()
        if found["ended"]:
            return found
    raise TimeoutError(f"the job {job} has not ended")


async def talk(client: httpx.AsyncClient) -> None:
    bob = {"X-User": "bob"}
    [task] = (await client.get("/records/web-1/tasks", headers=bob)).json()
    print(f"{task['name']}: {', '.join(task['when'])}")

    asked = await client.post("/records/web-1/runs", json={"task": task["id"]}, headers=bob)
    job = await ended(client, asked.json()["job"], "bob")
    print(f"{asked.status_code} {', '.join(job['reasons'])}: {job['state']}, {job['result']['captured']['said']}")

    refused = await client.post("/records/db-1/runs", json={"task": task["id"]}, headers=bob)
    print(f"{refused.status_code} {refused.json()['code']}: {refused.json()['case']}")

    told = [await client.post("/records/db-1/check-ins", json={"approval": "a-17"}, headers=bob) for _ in range(2)]
    print(f"{told[0].status_code} told twice, one job: {told[0].json() == told[1].json()}")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with served(f"sqlite://{folder}/vault.db") as client:
            await talk(client)


if __name__ == "__main__":
    asyncio.run(main())
