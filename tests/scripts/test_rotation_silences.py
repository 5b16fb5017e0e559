"""One call of a rotation comes to nothing: a vault that does not answer, an executor that raises, an interrupt (S3, S4, J10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from taskkit.errors import HostRefused
from taskkit.jobs import Job
from taskkit.keyrings import Keyring
from taskkit.outcomes import ErrorClass
from taskkit.plugins.verbs import Probe
from taskkit.records import Record
from taskkit.scripts import FileOn, OtherRecord
from taskkit.states import State
from tests.scripts.test_rotation_upheavals import Upheaved

TWIN = Record("twin", "unix", fields={"host": "box", "user": "ops"}, secret_fields={"password"})
CALLS = {
    "records": ["get", "account"], "secrets": ["values", "keep"], "slots": ["propose", "adopt", "promote", "discard"],
    "rights": ["may"], "sessions": ["active"],
}  # fmt: skip
WAYS: dict[str, dict[str, Any]] = {
    "alone": {}, "by root": {"shadow": "root"}, "to others": {"dependents": [OtherRecord("twin")]}, "old": {"old_refused": "warn"},
}  # fmt: skip


class Silent(Upheaved):
    """From `counts` on, so many calls of vault and host later one raises, before or after it has done what it does."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(keyring=Keyring({"one": b"k" * 32}, "one"), **kwargs)
        self.vault.put(TWIN)
        self.vault.change_secret("twin", "password", "old-secret", at=self.clock.moment)
        self.calls, self.last = -1, 0
        self.called = ""
        for facet, names in CALLS.items():
            if (found := getattr(self.vault, facet)) is not None:
                self._listen(found, facet, [name for name in names if hasattr(found, name)])
        self._listen(self.box, "host", ["probe", "change"])

    def counts(self, last: int, error: type[BaseException] = ConnectionError, *, does: bool = False) -> None:
        self.calls, self.last, self.error, self.does, self.called = 0, last, error, does, ""

    def _listen(self, facet: Any, place: str, names: list[str]) -> None:
        for name in names:
            setattr(facet, name, self._heard(getattr(facet, name), f"{place}.{name}"))

    def _heard(self, do: Callable[..., Any], name: str) -> Callable[..., Any]:
        def heard(*args: Any, **kwargs: Any) -> Any:
            self.calls += self.calls >= 0
            if self.calls != self.last:
                return do(*args, **kwargs)
            self.calls, self.called = -1, name
            if self.does:
                do(*args, **kwargs)
            raise self.error

        return heard

    @property
    def holds(self) -> bool:
        """Whether somebody holds the account as long as its intent is open."""
        found = self.storage.document("intent", "ops")
        return found is None or bool(list(self.storage.holders("account:ops")))


def each(way: str, slots: bool, does: bool, before: Callable[[Silent, Any], str]) -> Iterator[tuple[Silent, Any, str]]:
    """Houses in which one call more has been answered, each time; with the job over which that happened."""
    for last in range(1, 100):
        house = Silent(slots=slots)
        task = house.rotates(**WAYS[way])
        job = before(house, task)
        house.counts(last, does=does)
        house.engine.drain(1)
        house.calls = -1
        if not house.called:
            assert last > 5
            return
        yield house, task, job


def begun(house: Silent, task: Any) -> str:
    return house.engine.demand(task.id, "ops")


def died(where: str) -> Callable[[Silent, Any], str]:
    def begin(house: Silent, task: Any) -> str:
        job = house.dies(where, task)
        house.clock.advance(seconds=61)
        return job

    return begin


def comes_to_a_good_end(house: Silent, task: Any, job: str) -> None:
    assert house.holds, house.called
    assert house.engine.job(job).state is not State.UNCERTAIN, (house.called, house.engine.job(job).text)
    house.pass_time(hours=3)
    assert house.is_settled, house.called
    assert house.rotated(task).state is State.COMPLETED  # nobody had to resume it
    assert house.is_settled


@pytest.mark.parametrize("does", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("slots", [True, False], ids=["slots", "sealed"])
@pytest.mark.parametrize("way", WAYS)
def test_s03_one_call_that_is_not_answered_is_no_doubt(way: str, slots: bool, does: bool) -> None:
    for house, task, job in each(way, slots, does, begun):
        comes_to_a_good_end(house, task, job)


@pytest.mark.parametrize("where", ["intended", "applied", "verified", "settled"])
@pytest.mark.parametrize("way", WAYS)
def test_s04_nor_for_whoever_takes_over_and_the_account_stays_held(way: str, where: str) -> None:
    for house, task, job in each(way, True, False, died(where)):
        comes_to_a_good_end(house, task, job)


def test_s04_an_interrupt_right_after_an_intent_was_opened_leaves_the_account_held() -> None:
    house = Silent()
    task, write, opened = house.rotates(), house.engine.storage.write, list[str]()

    def interrupted(units: Any, **how: Any) -> Any:
        landed = write(units, **how)
        if not opened and house.storage.document("intent", "ops") is not None:
            opened.append("intent")
            raise KeyboardInterrupt
        return landed

    house.engine.storage.write = interrupted  # type: ignore[method-assign]
    house.engine.demand(task.id, "ops")
    with suppress(KeyboardInterrupt):
        house.engine.drain()
    assert house.engine.intents.all()
    assert house.holds
    house.pass_time(hours=1)
    assert house.is_settled


# what follows a change


class Looking(Silent):
    """The old one is tried at the end, and that breaks off."""

    def looks(self, how: str, error: BaseException, **said: Any) -> Any:
        probe, tried = self.box.probe, list[str]()

        def breaks(host: Any, login: Any, run: Any) -> Any:
            if login.secret.reveal() == "old-secret" and self.live != "old-secret" and not tried:
                tried.append(how)
                raise error
            return probe(host, login, run)

        self.box.probe = breaks  # type: ignore[method-assign]
        return self.rotated(self.rotates(old_refused=how, **said))


@pytest.mark.parametrize("error", [RuntimeError("boom"), HostRefused("logging in", "no route", error=ErrorClass.UNREACHABLE)], ids=repr)
def test_s02_that_nobody_can_try_the_old_one_is_told_and_no_doubt(error: Exception) -> None:
    house = Looking()
    job = house.looks("warn", error)
    assert job.state is State.COMPLETED
    assert "nobody can say whether it lets in" in job.result["warnings"][0]
    assert house.is_settled


def test_s05_an_account_that_is_locked_by_the_try_of_the_old_one_is_left_alone() -> None:
    house = Silent()
    probe, tried = house.box.probe, list[str]()

    def locks(host: Any, login: Any, run: Any) -> Any:
        if login.secret.reveal() == "old-secret" and house.live != "old-secret":
            tried.append("the old one")
            return Probe(ErrorClass.ACCOUNT_LOCKED, "locked")
        return probe(host, login, run)

    house.box.probe = locks  # type: ignore[method-assign]
    task = house.rotates(old_refused="warn")
    assert (house.rotated(task).state, tried) == (State.COMPLETED, ["the old one"])
    job = house.rotated(task)
    assert (job.state, job.why, len(job.operations)) == (State.DEFERRED, "tries_spared", 0)


def test_s02_a_vault_that_is_away_when_the_old_one_would_be_put_back_leaves_the_new_one_and_says_so() -> None:
    house, told = Silent(), list[str]()

    def look(point: str, job: Job) -> None:
        if point == "told" and not told:
            told.append(point)
            house.counts(1)

    house.engine = house.enter(points=look)
    house.box.script_files("box", ErrorClass.PERMISSION)
    job = house.rotated(house.rotates(dependents=[FileOn("root", "/etc/ops.conf")], on_failure="roll_back"))
    assert (house.called, job.state) == ("secrets.values", State.ERROR)
    assert "the old one could not be put in force again: asking the vault" in job.text
    assert house.live != "old-secret"
    assert house.is_settled
