"""What every executor that runs commands keeps: E1 to E32 of `docs/reference/contracts.md`."""

from __future__ import annotations

import base64
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import attrs
import pytest

from taskkit.errors import HostRefused
from taskkit.outcomes import Effect, ErrorClass
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Login, Operation, Verb
from taskkit.secrets import Secret
from taskkit.testing.contracts._changes import ChangeClauses
from taskkit.testing.contracts._ears import heard
from taskkit.testing.contracts._files import FileClauses
from taskkit.testing.contracts._terminals import TerminalClauses
from taskkit.testing.contracts._words import PASSWORD
from taskkit.testing.trials import Trial

_STATES = {"done", "not_done", "unknown"}


class ExecutorContract(ChangeClauses, FileClauses, TerminalClauses):
    """To inherit: `executor` makes one and `host` names a host that answers; the rest says in the host's own words what is to be done.

    As they stand, the words are those of a POSIX shell. What an executor has not is closed with a reason.
    """

    # how it is asked here

    @contextmanager
    def _connected(self, executor: Executor | None = None, login: Login | None = None) -> Iterator[tuple[Any, Any, Trial]]:
        """A connection, the run that has it, and its trial."""
        executor = executor or self.executor()
        with _begun(executor) as (run, trial), executor.connect(self.host(), login or self.login(), run) as connection:
            yield connection, run, trial

    def _one(self, command: Command) -> Operation:
        with self._connected() as (connection, run, _):
            operations = list(connection.commands([command], run))
        assert len(operations) == 1, f"one command has {len(operations)} operations"
        operation: Operation = operations[0]
        assert operation.state in _STATES, f"its state is {operation.state!r}"
        return operation

    # what it says of itself

    def test_e01_it_says_what_it_is(self) -> None:
        executor = self.executor()
        assert isinstance(executor, Executor), "it is no Executor"
        assert executor.name, "it has no name"
        assert executor.name == executor.name.strip().lower(), f"{executor.name!r} is no word for record types"
        assert isinstance(executor.verbs, frozenset), "its verbs are no frozenset"
        assert Verb.COMMANDS in executor.verbs, "it does not run commands: this suite is not for it"
        assert isinstance(executor.effect, Effect), f"its effect is {executor.effect!r}"
        assert executor.settings is None or attrs.has(executor.settings), "its settings are no attrs class"

    def test_e02_settings_that_do_not_fit_are_refused_as_bad_configuration(self) -> None:
        executor = self.executor()
        host = attrs.evolve(self.host(), settings={"no such setting": 1})
        with _begun(executor) as (run, _), pytest.raises(HostRefused) as caught, executor.connect(host, self.login(), run):
            pass
        assert caught.value.error == ErrorClass.BAD_CONFIGURATION, f"the class is {caught.value.error}"

    # connecting

    def test_e03_a_host_that_is_down_is_refused_with_its_class(self) -> None:
        executor, host, reached = self.executor(), self.host_that_is_down(), list[object]()
        with _begun(executor) as (run, _), pytest.raises(HostRefused) as caught, executor.connect(host, self.login(), run) as connection:
            reached.append(connection)
        assert not reached, "a connection is there that cannot be"
        assert caught.value.error in (ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT), f"the class is {caught.value.error}"

    def test_e04_a_wrong_secret_is_told_as_one_and_costs_one_try(self) -> None:
        executor = self.executor()
        with _begun(executor) as (run, _), pytest.raises(HostRefused) as caught, executor.connect(self.host(), self.wrong_login(), run):
            pass
        assert caught.value.error == ErrorClass.WRONG_CREDENTIALS, f"the class is {caught.value.error}"
        with self._connected(executor) as (connection, run, _):  # a host that locks after the second wrong one lets the right one in
            assert next(iter(connection.commands([self.exits(0)], run))).state == "done", "it is let in no more"

    def test_e05_a_connection_is_closed_also_after_an_error(self) -> None:
        executor = self.executor()
        before = self.open_connections(executor)
        with self._connected(executor) as (connection, run, _):
            assert self.open_connections(executor) == before + 1, "one connection for one job and host"
            list(connection.commands([self.exits(0), self.exits(1), self.exits(0)], run))
            assert self.open_connections(executor) == before + 1, "each command has a connection of its own"
        assert self.open_connections(executor) == before, "it is open after its block"
        with suppress(_Mistake), self._connected(executor) as (connection, run, _):
            next(iter(connection.commands([self.exits(0), self.exits(0)], run)))
            raise _Mistake
        assert self.open_connections(executor) == before, "it is open after an error"

    # commands

    def test_e06_each_command_has_one_operation_in_order(self) -> None:
        with self._connected() as (connection, run, _):
            operations = list(connection.commands([self.says("one"), self.exits(3), self.says("three")], run))
        assert [operation.state for operation in operations] == ["done", "not_done", "done"], f"{operations}"
        assert [operation.output.strip() for operation in operations[::2]] == ["one", "three"], f"{operations}"
        assert all(operation.began <= operation.ended for operation in operations), "one ended before it began"

    def test_e07_the_next_command_waits_until_the_caller_wants_it(self) -> None:
        with self._connected() as (connection, run, _):
            operations = connection.commands([self.leaves("one"), self.leaves("two"), self.leaves("three")], run)
            next(operations)
            assert _names(self.left()) == ["one"], f"after the first command the host has {self.left()}"
            next(operations)
            if hasattr(operations, "close"):
                operations.close()
        assert _names(self.left()) == ["one", "two"], f"a caller that stopped after two finds {self.left()}"

    def test_e08_what_is_done_is_done_and_what_is_not_done_is_not(self) -> None:
        assert self._one(self.leaves("thing")).state == "done", "it was not done"
        assert _names(self.left()) == ["thing"], f"it says done, and the host has {self.left()}"
        failed = self._one(self.exits(3))
        assert failed.state == "not_done", f"a command that failed is {failed.state}"
        assert failed.exit == 3, f"its exit is {failed.exit}"
        assert failed.error in ErrorClass.__members__.values(), f"its error is {failed.error!r}"
        assert failed.text.strip() or failed.errors.strip(), "nothing tells why"

    def test_e09_success_is_what_the_command_calls_success(self) -> None:
        assert self._one(self.exits(3, exits=(0, 3))).state == "done", "an exit that is expected is no failure"
        assert self._one(self.exits(0, exits=(3,))).state == "not_done", "an exit that is not expected is no success"
        said = self.says("97 jobs in the queue")
        assert self._one(attrs.evolve(said, expect=r"\d+ jobs")).state == "done", "what is expected was there"
        said = self.says("97 jobs in the queue")
        assert self._one(attrs.evolve(said, expect="no jobs")).state == "not_done", "what is expected was not there"
        said = self.says("97 jobs in the queue")
        assert self._one(attrs.evolve(said, forbid="queue")).state == "not_done", "what is forbidden was there"
        said = self.says("97 jobs in the queue")
        captured = self._one(attrs.evolve(said, capture={"jobs": r"(\d+) jobs"})).captured
        assert dict(captured) == {"jobs": "97"}, f"captured is {dict(captured)}"

    def test_e10_output_is_scrubbed_of_every_secret_of_the_run(self) -> None:
        for text in (PASSWORD, base64.b64encode(PASSWORD.encode()).decode()):
            with self._connected() as (connection, run, _):
                run.keep(Secret(PASSWORD))
                command = attrs.evolve(self.repeats(f"before {text} after"), capture={"between": "before (.*) after"})
                [operation] = connection.commands([command], run)
            told = repr(attrs.asdict(operation))
            assert operation.state == "done", f"it is {operation.state}: {operation.text}"
            assert text not in told, "a secret stands in the operation"
            assert operation.output.startswith("before "), f"the output is {operation.output!r}"
            assert operation.output.rstrip().endswith(" after"), f"the output is {operation.output!r}"

    def test_e11_a_flood_is_capped_and_says_so(self) -> None:
        operation = self._one(self.floods(4 * self.most_output))
        assert len(operation.output) <= self.most_output + 200, f"{len(operation.output)} characters are kept"
        assert operation.truncated, "what was left out is not told"
        short = self._one(self.says("a word"))
        assert not short.truncated, "a short output is told to be cut"
        assert short.output.strip() == "a word", f"a short output is {short.output!r}"

    # time and stopping

    def test_e12_a_command_that_does_not_end_is_ended_and_nobody_calls_it_done(self) -> None:
        began = time.monotonic()
        operation = self._one(self.hangs())
        assert time.monotonic() - began < self.patience, "it was waited for"
        assert operation.state != "done", "nobody saw it end, and it is called done"
        assert operation.error == ErrorClass.TIMEOUT, f"its error is {operation.error}"
        assert operation.text.strip(), "nothing says whether its end was seen"

    def test_e13_after_the_deadline_and_after_a_stop_no_command_begins(self) -> None:
        with self._connected() as (connection, run, trial):
            operations = connection.commands([self.leaves("one"), self.leaves("two"), self.leaves("three")], run)
            next(operations)
            trial.engine.request_stop(trial.job)
            trial.clock.advance(seconds=1)
            rest = list(operations)
        assert _names(self.left()) == ["one"], f"after the stop the host has {self.left()}"
        assert all(operation.error == ErrorClass.STOPPED and operation.state == "not_done" for operation in rest), f"{rest}"
        with self._connected() as (connection, run, trial):
            trial.clock.advance(hours=2)
            late = list(connection.commands([self.leaves("late")], run))
        assert _names(self.left()) == ["one"], f"after the deadline the host has {self.left()}"
        assert all(operation.error in (ErrorClass.TIMEOUT, ErrorClass.STOPPED) for operation in late), f"{late}"

    # secrets

    def test_e14_a_secret_comes_by_stdin_and_stands_nowhere_else(self) -> None:
        secret = Secret("a-secret-for-stdin-only")
        with heard() as ear:
            operation = self._one(self.spies(secret))
        stdin, visible = self.spied()
        assert operation.state == "done", f"it is {operation.state}: {operation.text}"
        assert stdin.strip() == secret.reveal(), "it did not come by stdin"
        for place, text in {"the host": visible, "the operation": repr(attrs.asdict(operation)), "what was said here": ear()}.items():
            assert secret.reveal() not in text, f"the secret stands in {place}"
            assert PASSWORD not in text, f"the log-in's secret stands in {place}"

    def test_e15_a_line_that_holds_a_secret_of_the_run_is_not_said(self) -> None:
        with self._connected() as (connection, run, _):
            run.keep(Secret("a-name-that-is-secret"))
            [operation] = connection.commands([self.leaves("a-name-that-is-secret")], run)
        assert _names(self.left()) == [], "the host was told"
        assert operation.state == "not_done", f"it is {operation.state}"
        assert "a-name-that-is-secret" not in repr(attrs.asdict(operation)), "the secret stands in the operation"

    # many, and again

    def test_e16_many_jobs_are_on_hosts_at_once_and_none_hears_the_other(self) -> None:
        executor = self.executor()

        def ask(number: int) -> list[str]:
            with _begun(executor) as (run, _), executor.connect(self.host(), self.login(), run) as connection:
                commands = [self.repeats(f"answer {number} {turn}") for turn in range(3)]
                return [operation.output.strip() for operation in connection.commands(commands, run)]

        with ThreadPoolExecutor(self.threads) as threads:
            answers = list(threads.map(ask, range(self.threads)))
        wanted = [[f"answer {number} {turn}" for turn in range(3)] for number in range(self.threads)]
        assert answers == wanted, f"they heard {answers}"

    def test_e17_what_is_called_idempotent_may_be_done_twice(self) -> None:
        if self.executor().effect is not Effect.IDEMPOTENT:
            return
        self._one(self.leaves("thing"))
        once = sorted(self.left())
        self._one(self.leaves("thing"))
        assert sorted(self.left()) == once, (
            f"done twice it leaves {sorted(self.left())}, and done once {once}: its effect is not idempotent"
        )

    # what a secret is worth

    def test_e18_a_probe_tells_what_a_secret_is_worth_and_raises_nothing(self) -> None:
        executor = self.executor()
        if Verb.PROBE not in executor.verbs:
            return
        down = self.host_that_is_down()
        asked = {"right": (self.host(), self.login()), "wrong": (self.host(), self.wrong_login()), "down": (down, self.login())}
        with _begun(executor) as (run, _):
            found = {name: executor.probe(host, login, run) for name, (host, login) in asked.items()}
        assert found["right"].works, f"a right secret is told as {found['right'].error}: {found['right'].text}"
        assert found["wrong"].error == ErrorClass.WRONG_CREDENTIALS, f"a wrong secret is told as {found['wrong'].error}"
        assert found["down"].error in (ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT), f"a host that is down is told as {found['down'].error}"
        assert not found["right"].text, "what works has a text"
        assert all(found[name].text.strip() for name in ("wrong", "down")), "nothing tells why"

    def test_e19_a_probe_is_one_fresh_try_and_leaves_nothing_open(self) -> None:
        executor = self.executor()
        if Verb.PROBE not in executor.verbs:
            return
        before = self.open_connections(executor)
        with _begun(executor) as (run, _):
            assert not executor.probe(self.host(), self.wrong_login(), run).works, "a wrong secret works"
            assert executor.probe(self.host(), self.login(), run).works, "after one wrong try the host lets in no more: it was tried twice"
            assert not executor.probe(self.host(), self.wrong_login(), run).works, "it is told what was found before"
        assert self.open_connections(executor) == before, "a connection is open afterwards"


class _Mistake(Exception):
    """Of whoever has the connection."""


@contextmanager
def _begun(executor: Executor, secrets: Mapping[str, Mapping[str, str]] | None = None) -> Iterator[tuple[Run, Trial]]:
    trial = Trial(executor=executor, secrets=secrets)
    with trial.run() as run:
        yield run, trial


def _names(left: Collection[str]) -> list[str]:
    return sorted(set(left))
