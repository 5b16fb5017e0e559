"""The scripts that are shipped keep what every script keeps."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from attrs import frozen

from taskkit.outcomes import DONE, Effect, ErrorClass, NotDone, Outcome
from taskkit.plugins import Run, SecretChange, Verb
from taskkit.plugins.kinds import Executor, Script
from taskkit.records import Accounts
from taskkit.scripts import Check, CheckStatus, Commands, Dialogue, Step
from taskkit.secrets import Secret
from taskkit.testing import FakeExecutor, Remark, Replay, Transcript, Trial
from taskkit.testing.contracts import ScriptContract

STEPS = [Step("begin {user}"), Step("login", stdin="{password}"), Step("end", level="warning")]


class TestCommands(ScriptContract):
    def script(self) -> Script:
        return Commands("some", STEPS)


class TestCommandsThatMayBeSaidTwice(ScriptContract):
    def script(self) -> Script:
        return Commands("some", STEPS, effect=Effect.IDEMPOTENT)


class TestCommandsThatGoOn(ScriptContract):
    def script(self) -> Script:
        return Commands("some", [*STEPS, Step("once more", expect="ok", capture={"said": "(ok)"})], on_failure="go_on")

    def executor(self) -> Executor:
        return FakeExecutor(effect=Effect.BLIND)


class TestCheckStatus(ScriptContract):
    def script(self) -> Script:
        used = Check("df /", name="disk", capture={"used": "(ok)"})
        return CheckStatus("status", [used, Check("load", name="load"), Check("log in", name="login", stdin="{password}")])


NEW = Secret("a-new-secret-of-the-script")


@frozen
class Turn(Script):
    """Changes a secret by the verb that executors have for it."""

    kind = "turn"
    needs = frozenset({Verb.PROBE, Verb.CHANGE_SECRET})
    changes_secret = True
    effect = Effect.IDEMPOTENT
    name: str = "turn"
    turns: bool = True

    def accounts(self, run: Run) -> Accounts:
        assert run.record is not None
        return Accounts(writes={run.vault.records.account(run.record)})

    def perform(self, run: Run) -> Outcome:
        assert run.record is not None
        run.point("begin")
        found = run.probe(secret=run.keep(NEW))
        if found.works:
            return DONE
        if found.error is not ErrorClass.WRONG_CREDENTIALS:
            return NotDone(found.error or ErrorClass.FAILED, found.text)
        run.save({"began": True}, turned=self.turns)
        run.point("change")
        outcome = run.change(SecretChange("app", NEW, run.login(run.record).secret))
        run.point("changed")
        return outcome


class TestAChangeOfASecret(ScriptContract):
    def script(self) -> Script:
        return Turn()

    def executor(self) -> Executor:
        hosts = FakeExecutor()
        hosts.guard("10.0.0.5", "app", self.secrets["db-1"]["password"])
        return hosts

    def left(self, trial: Trial) -> Collection[object]:
        assert isinstance(trial.executor, FakeExecutor)
        found = trial.executor.secret("10.0.0.5", "app")
        return ["changed"] if found is not None and found.same_as(NEW) else []


@frozen
class Write(Script):
    """Changes a secret by the file in which a service looks it up."""

    kind = "write"
    needs = frozenset({Verb.FILES})
    changes_secret = True
    effect = Effect.IDEMPOTENT
    name: str = "write"

    def perform(self, run: Run) -> Outcome:
        run.save({"began": True}, turned=True)
        run.point("begun")
        with run.connect() as connection:
            put = connection.put("/etc/service/secret", run.keep(NEW), run)
        return DONE if put.state == "done" else NotDone(put.error or ErrorClass.FAILED, put.text)


class TestAChangeOfASecretInAFile(ScriptContract):
    def script(self) -> Script:
        return Write()

    def left(self, trial: Trial) -> Collection[object]:
        assert isinstance(trial.executor, FakeExecutor)
        return list(trial.executor.files("10.0.0.5"))


class _TooLate(TestAChangeOfASecret):
    __test__ = False

    def script(self) -> Script:
        return Turn(turns=False)


def test_p04_a_change_that_does_not_say_that_it_has_turned_is_found() -> None:
    with pytest.raises(AssertionError, match="a secret is changed, and what happens meanwhile joins"):
        _TooLate().test_sc09_it_says_that_it_has_turned_before_the_first_effect()


TALK = Transcript(
    [
        Remark("login: ", "app\n"), Remark("app\nPassword: ", "{password}\n"), Remark("\nrouter# ", "write memory\n"),
        Remark("write memory\n[OK]\nrouter# ", "exit\n"), Remark("exit\n"),
    ],
    closed=True,
)  # fmt: skip
LINES = "login: -> {user} ; Password: -> {password} ; # -> write memory ; expect /OK/ ; # -> exit"


class TestDialogue(ScriptContract):
    def script(self) -> Script:
        return Dialogue.of("talk", LINES)

    def executor(self) -> Executor:
        return Replay(TALK)

    def left(self, trial: Trial) -> Collection[object]:
        assert isinstance(trial.executor, Replay)
        return trial.executor.heard


class TestDialogueThatMayBeHeldTwice(TestDialogue):
    def script(self) -> Script:
        return Dialogue.of("talk", LINES, effect=Effect.IDEMPOTENT)
