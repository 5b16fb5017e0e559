"""The fakes that are shipped: what hosts say, do and hide, what a vault in memory holds, and how one job is tried out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import pendulum
import pytest
from attrs import evolve

from taskkit.errors import HostRefused, Refused, StaleToken
from taskkit.events.happenings import CheckedIn
from taskkit.outcomes import ErrorClass
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Host, Login, Operation, SecretChange
from taskkit.records import Record
from taskkit.scripts import Commands, Step
from taskkit.secrets import Secret
from taskkit.selections import Everything
from taskkit.states import State
from taskkit.testing import FakeExecutor, MemoryVault, Reply, Trial, VirtualClock, running

START = pendulum.datetime(2026, 3, 2, tz="UTC")
HOST = "10.0.0.5"
PASSWORD = "correct-horse-battery"  # noqa: S105  what the fake host knows
SECRETS = {"db-1": {"password": PASSWORD}}


def said(trial: Trial, *replies: Reply | str | ErrorClass, timeout: float = 60.0, idle: float | None = None) -> list[Operation]:
    """What becomes of as many commands as there are replies."""
    trial.executor.script(HOST, *replies)  # type: ignore[attr-defined]
    with trial.run() as run, run.connect() as connection:
        found: list[Operation] = list(connection.commands([Command(f"c{n}", timeout=timeout, idle=idle) for n in range(len(replies))], run))
    return found


@pytest.mark.parametrize(
    ("reply", "state", "error", "done"),
    [
        (Reply(), "done", None, True),
        (Reply(does=False), "done", None, False),
        (Reply(exit=1), "not_done", "failed", True),
        (Reply(exit=1, does=False), "not_done", "failed", False),
        (Reply(seen=False), "unknown", "failed", True),
        (Reply(takes=inf), "unknown", "timeout", True),
        (Reply(takes=inf, does=False), "unknown", "timeout", False),
        (ErrorClass.BUSY, "not_done", "busy", False),
    ],
)
def test_a_host_says_one_thing_and_may_have_done_another(reply: Any, state: str, error: str | None, done: bool) -> None:
    trial = Trial()
    [operation] = said(trial, reply)
    assert (operation.state, operation.error) == (state, error)
    assert trial.executor.deeds(HOST) == (("c0",) if done else ())  # type: ignore[attr-defined]


def test_a_host_takes_its_time_on_the_virtual_clock() -> None:
    trial = Trial()
    operations = said(trial, Reply(takes=5), Reply(takes=inf), timeout=30)
    assert [operation.state for operation in operations] == ["done", "unknown"]
    assert [(operation.ended - operation.began).total_seconds() for operation in operations] == [5, 30]
    assert trial.clock.moment == START.add(seconds=35)


def test_a_host_that_says_nothing_is_not_waited_for_longer_than_its_idle_time() -> None:
    trial = Trial()
    [operation] = said(trial, Reply(takes=20), timeout=30, idle=10)
    assert (operation.state, operation.text) == ("unknown", "it said nothing for 10 s; nobody saw it end: it may still run")
    assert (operation.ended - operation.began).total_seconds() == 10


def test_the_time_that_a_job_has_left_bounds_a_host_that_hangs() -> None:
    trial = Trial(deadline=20)
    operations = said(trial, Reply(takes=inf), "never said")
    assert [(operation.state, operation.error) for operation in operations] == [("unknown", "timeout"), ("not_done", "timeout")]
    assert trial.clock.moment == START.add(seconds=20)


def test_a_host_hangs_until_it_is_told_to_go_on() -> None:
    trial = Trial()
    until = START.add(seconds=12)
    first, second = said(trial, Reply(until=lambda: bool(trial.clock.moment >= until)), Reply(until=lambda: False), timeout=30)
    assert (first.state, first.ended) == ("done", until)
    assert (second.state, second.error, second.ended) == ("unknown", "timeout", until.add(seconds=30))


def test_a_host_lets_in_whom_it_knows_and_locks_out_who_guesses() -> None:
    executor = FakeExecutor()
    executor.guard(HOST, "app", PASSWORD, locks_after=2)

    def refusal(secret: str) -> str | None:
        trial = Trial(executor=executor, secrets={"db-1": {"password": secret}})
        try:
            with trial.run() as run, run.connect():
                return None
        except HostRefused as error:
            return error.error

    assert [refusal(secret) for secret in (PASSWORD, "guess-1", PASSWORD, "guess-2", "guess-3", "guess-4", PASSWORD)] == [
        None, "wrong_credentials", None, "wrong_credentials", "wrong_credentials", "account_locked", "account_locked",
    ]  # fmt: skip
    executor.unlock(HOST, "app")
    assert refusal(PASSWORD) is None
    assert (executor.connections, executor.connected) == (0, 3)


def test_whom_a_guarded_host_does_not_know_it_does_not_let_in() -> None:
    executor = FakeExecutor()
    executor.guard(HOST, "root", PASSWORD)
    with pytest.raises(HostRefused) as caught, Trial(executor=executor, secrets=SECRETS).run() as run, run.connect():
        pass
    assert caught.value.error == "wrong_credentials"


def test_what_stood_in_the_stdin_is_kept_and_not_shown() -> None:
    trial = Trial()
    with trial.run() as run, run.connect() as connection:
        list(connection.commands([Command("log in", stdin=("app:", Secret(PASSWORD)))], run))
    [told] = trial.executor.said  # type: ignore[attr-defined]
    assert [part.reveal() if isinstance(part, Secret) else part for part in told.stdin] == ["app:", PASSWORD]
    assert PASSWORD not in repr(told)


# Changes of secrets

NEW = "brand-new-horse"


def guarded(**given: Any) -> FakeExecutor:
    executor = FakeExecutor(clock=VirtualClock(START))
    executor.guard(HOST, "app", PASSWORD, **given)
    executor.guard(HOST, "root", "root-horse", root=True)
    return executor


def changed(
    executor: FakeExecutor, *, user: str = "app", by: str = "app", secret: str = PASSWORD, new: str = NEW, old: str | None = None
) -> tuple[str, str | None, str | None]:
    """What is answered, of which class, by which rule."""
    login = Login(Record("db-1", "unix"), by, Secret(secret))
    with Trial(executor=executor, clock=executor.clock).run() as run:
        outcome = executor.change(Host(HOST), login, SecretChange(user, Secret(new), Secret(old) if old else None), run)
    return type(outcome).__name__, getattr(outcome, "error", None), outcome.result.get("refusal")


def lets_in(executor: FakeExecutor, secret: str, user: str = "app") -> bool | str | None:
    with Trial(executor=executor, clock=executor.clock).run() as run:
        found = executor.probe(Host(HOST), Login(Record("db-1", "unix"), user, Secret(secret)), run)
    return found.works or found.error


def test_a_secret_that_was_changed_lets_in_and_the_old_one_does_not() -> None:
    executor = guarded()
    assert changed(executor) == ("Done", None, None)
    assert (lets_in(executor, NEW), lets_in(executor, PASSWORD)) == (True, "wrong_credentials")
    kept = executor.secret(HOST, "app")
    assert kept is not None
    assert kept.same_as(Secret(NEW))


def test_root_changes_everybodys_secret_and_others_their_own_only() -> None:
    executor = guarded()
    executor.guard(HOST, "web", "web-horse")
    assert changed(executor, by="web", secret="web-horse") == ("NotDone", "permission", None)  # noqa: S106
    assert changed(executor, by="root", secret="root-horse", old="nobody looks") == ("Done", None, None)  # noqa: S106
    assert changed(executor, user="nobody", by="root", secret="root-horse") == ("NotDone", "bad_configuration", None)  # noqa: S106
    assert lets_in(executor, NEW) is True


@pytest.mark.parametrize(
    ("answer", "told", "taken"),
    [
        ("in_history", ("NotDone", "refused", "in_history"), False),
        (lambda: "too_young", ("NotDone", "refused", "too_young"), False),
        (ErrorClass.UNREACHABLE, ("NotDone", "unreachable", None), False),
        (Reply(seen=False, does=False), ("Unknown", None, None), False),
        (Reply(seen=False), ("Unknown", None, None), True),
        (Reply(takes=inf), ("Unknown", None, None), True),
        (Reply(takes=inf, does=False), ("Unknown", None, None), False),
        (Reply(does=False), ("Done", None, None), False),
        (Reply(exit=1), ("NotDone", "refused", "other"), True),
        (Reply(takes=5), ("Done", None, None), True),
    ],
)
def test_a_host_tells_one_thing_of_a_change_and_may_have_done_another(answer: Any, told: Any, taken: bool) -> None:
    executor = guarded()
    executor.script_changes(HOST, answer)
    assert changed(executor) == told
    assert lets_in(executor, NEW if taken else PASSWORD) is True
    assert lets_in(executor, PASSWORD if taken else NEW) == "wrong_credentials"


def test_s01_what_a_host_says_of_a_change_is_scrubbed() -> None:
    executor = guarded()
    executor.script_changes(HOST, Reply(exit=1, errors=f"not {NEW}, {PASSWORD}"))
    login = Login(Record("db-1", "unix"), "app", Secret(PASSWORD))
    with Trial(executor=executor).run() as run:
        outcome = executor.change(Host(HOST), login, SecretChange("app", Secret(NEW)), run)
    assert not [secret for secret in (NEW, PASSWORD) if secret in repr(outcome)]


def test_what_was_replaced_may_let_in_for_a_while() -> None:
    executor = guarded(keeps_old=90)
    changed(executor)
    assert (lets_in(executor, PASSWORD), lets_in(executor, NEW)) == (True, True)
    assert executor.clock is not None
    executor.clock.advance(seconds=90)
    assert (lets_in(executor, PASSWORD), lets_in(executor, NEW)) == ("wrong_credentials", True)


def test_an_expired_secret_lets_in_to_be_changed_only() -> None:
    executor = guarded(expired=True)
    assert lets_in(executor, PASSWORD) == "must_change"
    assert changed(executor) == ("Done", None, None)
    assert lets_in(executor, NEW) is True


def test_s05_a_change_with_a_wrong_secret_is_a_try() -> None:
    executor = guarded(locks_after=2)
    assert changed(executor, secret="guess-1") == ("NotDone", "wrong_credentials", None)  # noqa: S106
    assert changed(executor, old="guess-2") == ("NotDone", "wrong_credentials", None)
    assert changed(executor, secret="guess-3") == ("NotDone", "wrong_credentials", None)  # noqa: S106
    assert changed(executor) == ("NotDone", "account_locked", None)


@pytest.mark.parametrize("user", ["", "a:b", "-a", "a\nb", "a\0", "a b"])
def test_no_host_hears_of_a_name_that_is_none(user: str) -> None:
    executor = guarded()
    assert changed(executor, user=user) == ("NotDone", "bad_configuration", None)
    assert executor.secret(HOST, user) is None


@pytest.mark.parametrize("new", ["two\nlines", "a\0b", "bell\a", "x" * 512])
def test_no_host_hears_of_a_secret_that_is_no_line(new: str) -> None:
    executor = guarded()
    executor.stage = lambda what, do: pytest.fail(f"the host was asked: {what}")
    assert changed(executor, new=new) == ("NotDone", "bad_configuration", None)


def test_j10_the_world_steps_in_before_and_after_a_change() -> None:
    executor, calls = guarded(), list[str]()

    def lost(what: str, do: Any) -> Any:
        calls.append(what)
        answer = do()
        if what == "change":
            raise ConnectionError("the answer was lost")
        return answer

    executor.stage = lost
    assert changed(executor) == ("Unknown", None, None)
    assert calls == ["log-in", "change"]
    assert lets_in(executor, NEW) is True
    executor.stage = lambda what, do: (_ for _ in ()).throw(ConnectionError("away"))
    assert changed(executor, secret=NEW) == ("NotDone", "unreachable", None)


# The vault


def test_a_candidate_is_pending_until_it_is_in_force() -> None:
    vault, trial = MemoryVault([Record("db-1", "unix")], SECRETS), Trial()
    vault.propose_secret("db-1", "password", "candidate-horse")
    with trial.run() as run:
        before = vault.secrets.values("db-1", run)
        vault.change_secret("db-1", "password", "candidate-horse", at=START)
        after = vault.secrets.values("db-1", run)
    assert [kept["password"].reveal() for kept in (before.current, before.pending)] == [PASSWORD, "candidate-horse"]
    assert [kept["password"].reveal() for kept in (after.current, after.previous)] == ["candidate-horse", PASSWORD]
    assert (dict(before.previous), dict(after.pending)) == ({}, {})


def test_what_is_hidden_may_be_shown_again() -> None:
    vault = MemoryVault([Record("db-1", "unix"), Record("db-2", "unix")])
    vault.hide("db-1", "anna")
    assert [record.id for record in vault.records.find(Everything(), "anna")] == ["db-2"]
    vault.show("db-1", "anna")
    assert [record.id for record in vault.records.find(Everything(), "anna")] == ["db-1", "db-2"]


def test_a_broken_reference_of_one_record_hides_no_session_of_another() -> None:
    vault = MemoryVault([Record("db-1", "unix"), Record("lost", "unix")])
    vault.begin("lost", "s-1")
    vault.begin("db-1", "s-2")
    vault.put(evolve(vault.records.kept["lost"], reference="nowhere"))
    assert [session.id for session in vault.sessions.active("db-1")] == ["s-2"]


def test_what_is_told_while_the_outbox_is_read_comes_after_the_mark() -> None:
    vault = MemoryVault()
    vault.tell(CheckedIn("db-1", id="h1"))
    found, mark = vault.outbox.since(None)
    vault.tell(CheckedIn("db-1", id="h2"))
    assert [one.id for one in found] == ["h1"]
    assert [one.id for one in vault.outbox.since(mark)[0]] == ["h2"]


# Trials


def test_a_run_of_a_trial_is_the_engines_own() -> None:
    trial = Trial(secrets=SECRETS, points=(passed := list[str]()).append)
    with trial.run() as run:
        run.save({"done": 1})
        with pytest.raises(StaleToken):
            _lose(trial, run)
    assert passed[:2] == ["save", "saved"]
    assert trial.entry.state is State.RUNNING  # it is another's, and nobody has ended it


def _lose(trial: Trial, run: Any) -> None:
    trial.take_over()._staff.turns.claim(1)
    run.save({"done": 2})


def test_an_error_in_the_block_leaves_it_unknown_how_the_job_ended() -> None:
    trial = Trial()
    with pytest.raises(KeyError), trial.run():
        raise KeyError
    assert (trial.entry.state, trial.entry.text) == (State.ERROR, "the block raised")


def test_killed_in_the_block_the_job_is_left_as_it_was_and_taken_over() -> None:
    trial = Trial()
    with trial.run() as run:
        run.save({"done": 1})
        trial.die()
    assert str(trial.entry.state) == "running"
    trial.take_over()
    with trial.run() as run:
        assert (dict(run.memo), run.rescued) == ({"done": 1}, True)
    assert trial.entry.state is State.COMPLETED


def test_a_job_that_cannot_begin_says_why() -> None:
    trial = Trial()
    trial.engine.pause(why="maintenance")
    with pytest.raises(Refused), trial.run():
        pass
    assert trial.perform() is None


def test_a_script_of_the_system_is_tried_without_a_record() -> None:
    with running(record=None) as run:
        assert run.record is None


def test_a_job_may_be_tried_once_more() -> None:
    trial = Trial(Commands("look", Step("look")))
    trial.perform()
    first = trial.job
    trial.again().perform()
    assert trial.job != first
    assert trial.executor.deeds(HOST) == ("look", "look")  # type: ignore[attr-defined]


class Listening(FakeExecutor):
    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Any]:
        self.host = host
        with super().connect(host, login, run) as connection:
            yield connection


def test_executor_settings_and_clock_may_be_ones_own() -> None:
    clock, executor = VirtualClock(START.add(years=1)), Listening("mine")
    with Trial(executor=executor, clock=clock, settings={"region": "B"}).run() as run, run.connect():
        assert run.now() == START.add(years=1)
    assert executor.host == Host(HOST, settings={"region": "B"})
