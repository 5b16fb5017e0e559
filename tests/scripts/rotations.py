"""A house in which passwords are rotated: a played host that really knows one, a vault with slots, and an engine on a still clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taskkit.engine import Settings
from taskkit.events.policies import OnDemand
from taskkit.jobs import Job
from taskkit.records import Record, RecordType
from taskkit.scripts import PasswordReset
from taskkit.states import State
from taskkit.tasks import Task
from taskkit.testing.executors import FakeExecutor
from taskkit.testing.hosts import Reply
from taskkit.testing.houses import House as Passing
from tests.engine.houses import UNIX, House

OPS = Record("ops", "unix", fields={"host": "box", "user": "ops"}, secret_fields={"password"})
ROOT = Record("root", "unix", fields={"host": "box", "user": "root"}, secret_fields={"password"})


class RotationHouse(House):
    """`ops` on the host `box`, whose password is `old`, and `root` beside it."""

    def __init__(self, *, points: Callable[[str, Job], None] | None = None, **kwargs: Any) -> None:
        self.box = FakeExecutor()
        super().__init__(
            OPS, ROOT, executors=[self.box], secrets={"ops": {"password": "old-secret"}, "root": {"password": "root-secret"}},
            points=points, settings=Settings(lease=60), **kwargs,
        )  # fmt: skip
        self.box.clock = self.clock
        self.box.guard("box", "ops", "old-secret")
        self.box.guard("box", "root", "root-secret", root=True)
        self.engine.define(RecordType("unix", executor="fake"))

    def rotates(self, shadow: str | None = None, **settings: Any) -> Task:
        self.engine.define(PasswordReset("rotate", **settings))
        return self.engine.put(Task("rotation", "rotate", [OnDemand()], list=UNIX, shadow=shadow))

    def rotated(self, task: Task) -> Any:
        """The job of a demanded run, as it stands once nothing is due any more."""
        job = self.engine.demand(task.id, "ops")
        self.engine.drain()
        return self.engine.job(job)

    def pass_time(self, **span: float) -> None:
        """What is due meanwhile is done."""
        Passing(self.engine, self.clock).pass_time(**span)

    def goes_away_after_a_change(self) -> None:
        """The host takes the next new password, and nobody hears of it, nor of the host."""

        def gone() -> Reply:
            self.box.down("box")
            return Reply(seen=False)

        self.box.script_changes("box", gone)

    @property
    def live(self) -> str:
        """What the host takes for the password."""
        found = self.box.secret("box", "ops")
        assert found is not None
        return found.reveal()

    def kept(self, which: str = "current") -> str | None:
        """What the vault keeps."""
        found = getattr(self.vault.secrets.values("ops", _NOBODY), which).get("password")
        return None if found is None else found.reveal()

    @property
    def is_known(self) -> bool:
        """Whether some secret that the vault keeps is the live one."""
        former = [slot.secrets["password"].reveal() for slot in self.vault.former("ops") if "password" in slot.secrets]
        return self.live in {self.kept("current"), self.kept("pending"), self.kept("previous"), *former}

    def recoveries(self) -> list[Any]:
        return [
            job
            for job in self.engine.history(record="ops").entries
            if job.kind == "recovery" and job.state in (State.SCHEDULED, State.DEFERRED)
        ]


class _Nobody:
    viewer = None
    token = 0


_NOBODY = _Nobody()
