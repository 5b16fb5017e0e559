"""The service over HTTP: who may do what, what is told of errors, and how it begins and ends."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from taskkit import Engine, OnDemand, State, Task, errors, of_type
from taskkit.scripts import Commands, Step
from tests.examples import EXAMPLES, PATIENCE

pytest.importorskip("fastapi", reason="fastapi is not here: `make test` installs it")
pytest.importorskip("httpx", reason="httpx is not here: `make test` installs it")

BOB, ADA = {"X-User": "bob"}, {"X-User": "ada"}
Talk = Callable[[Any], Awaitable[None]]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(EXAMPLES)
    import fastapi_vault

    yield fastapi_vault
    sys.modules.pop("fastapi_vault")


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite://{tmp_path}/vault.db"


def played(service: ModuleType, store: str, talk: Talk) -> None:
    """A talk with the service, from its start to its end."""

    async def play() -> None:
        async with service.served(store) as client:
            await talk(client)

    asyncio.run(play())


async def task_of(client: Any) -> str:
    [task] = (await client.get("/records/web-1/tasks", headers=BOB)).json()
    assert (task["name"], task["when"]) == ("greet", ["after check-in", "on demand"])
    return str(task["id"])


def test_a_run_is_demanded_done_and_looked_up(service: ModuleType, store: str) -> None:
    async def talk(client: Any) -> None:
        asked = await client.post("/records/web-1/runs", json={"task": await task_of(client)}, headers=BOB)
        assert (asked.status_code, asked.headers["location"]) == (202, f"/jobs/{asked.json()['job']}")
        job = await service.ended(client, asked.json()["job"], "bob")
        assert (job["state"], job["result"]["captured"], job["demanded_by"]) == ("completed", {"said": "Hello www"}, "bob")

    played(service, store, talk)


def test_a_person_does_and_sees_what_the_vault_lets_them(service: ModuleType, store: str) -> None:
    async def talk(client: Any) -> None:
        task = await task_of(client)
        assert (await client.get("/records/db-1/tasks", headers=BOB)).json() == []
        refused = await client.post("/records/db-1/runs", json={"task": task}, headers=BOB)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        job = (await client.post("/records/db-1/runs", json={"task": task}, headers=ADA)).json()["job"]
        assert (await client.get(f"/jobs/{job}", headers=BOB)).status_code == 403
        assert (await client.get("/jobs", headers=BOB)).json() == {"entries": [], "next": None}
        assert [entry["id"] for entry in (await client.get("/jobs", headers=ADA)).json()["entries"]] == [job]
        assert (await client.get("/jobs")).status_code == 401

    played(service, store, talk)


def test_the_history_is_read_a_page_at_a_time(service: ModuleType, store: str) -> None:
    async def talk(client: Any) -> None:
        task, page = await task_of(client), ""
        jobs, pages = list[str](), list[list[str]]()
        for _ in range(5):
            job = (await client.post("/records/web-1/runs", json={"task": task}, headers=BOB)).json()["job"]
            jobs.append((await service.ended(client, job, "bob"))["id"])
        while page is not None and len(pages) < 4:
            asked = {"limit": 2, "record": "web-1", **({"page": page} if page else {})}
            found = (await client.get("/jobs", params=asked, headers=BOB)).json()
            pages.append([entry["id"] for entry in found["entries"]])
            page = found["next"]
        assert pages == [jobs[4:2:-1], jobs[2:0:-1], jobs[:1]]

    played(service, store, talk)


def test_p09_a_check_in_that_is_told_again_is_once_also_after_a_restart(service: ModuleType, store: str) -> None:
    told: list[Any] = []

    async def talk(client: Any) -> None:
        told.extend([(await client.post("/records/db-1/check-ins", json={"approval": "a-17"}, headers=BOB)).json() for _ in range(2)])
        await service.ended(client, told[0]["jobs"][0], "ada")
        assert len((await client.get("/jobs", headers=ADA)).json()["entries"]) == 1

    for _ in range(2):
        played(service, store, talk)
    assert len(told) == 4
    assert all(one == told[0] for one in told)


@pytest.mark.parametrize(
    ("asks", "status", "code"),
    [
        ("/jobs/nobody", 404, "not_found"), ("/jobs?task=nobody", 404, "not_found"), ("/jobs?limit=0", 422, "invalid_value"),
        ("/jobs?page=nothing", 422, "invalid_value"), ("/records/nobody/tasks", 404, "not_found"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_told_by_its_code(service: ModuleType, store: str, asks: str, status: int, code: str) -> None:
    async def talk(client: Any) -> None:
        refused = await client.get(asks, headers=ADA)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert set(refused.json()) == {"code", "tried", "case", "help"}

    played(service, store, talk)


def test_every_error_of_taskkit_has_a_status(service: ModuleType) -> None:
    kinds = [made for made in vars(errors).values() if isinstance(made, type) and issubclass(made, errors.TaskkitError)]
    told = {kind.code: service.status_of(kind.__new__(kind)) for kind in kinds}
    assert {code for code, status in told.items() if status == 500} == {
        "taskkit_error", "broken_plugin", "missing_plugin", "host_refused", "tries_spared", "stale_token", "stop_asked",
    }  # fmt: skip
    assert told["outdated"] == told["duplicate"] == told["illegal_step"] == 409
    assert told["unreadable_text"] == told["unknown_zone"] == 422
    assert told["storage_away"] == 503


def test_what_runs_comes_to_its_end_when_the_service_stops(
    service: ModuleType, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go, jobs = tmp_path / "begun", tmp_path / "go", list[str]()
    joins = asyncio.to_thread

    def told_to_stop(function: Any) -> Any:
        go.touch()
        return joins(function)

    async def play() -> None:
        app = service.create_app(store)
        async with app.router.lifespan_context(app):
            engine: Engine = app.state.engine
            engine.define(Commands("long", Step(f"touch {begun}; until test -e {go}; do sleep 0.01; done", shell=True)))  # noqa: S604
            task = engine.put(Task("long", "long", OnDemand()), list=of_type("unix"))
            jobs.append(engine.demand(task.id, "db-1"))
            until = time.monotonic() + PATIENCE
            while not begun.exists():
                assert time.monotonic() < until
            monkeypatch.setattr(asyncio, "to_thread", told_to_stop)

    asyncio.run(play())
    assert "taskkit" not in {thread.name for thread in threading.enumerate()}
    with Engine(service.Vault(service.OurRecords()), store) as engine:
        assert engine.job(jobs[0]).state == State.COMPLETED
