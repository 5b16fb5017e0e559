"""The scripts that are shipped keep what every script keeps."""

from __future__ import annotations

from collections.abc import Collection

from taskkit.outcomes import Effect
from taskkit.plugins.kinds import Executor, Script
from taskkit.scripts import Check, CheckStatus, Commands, Dialogue, Step
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
