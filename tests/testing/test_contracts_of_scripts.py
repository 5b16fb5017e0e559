"""The scripts that are shipped keep what every script keeps."""

from __future__ import annotations

from taskkit.outcomes import Effect
from taskkit.plugins.kinds import Executor, Script
from taskkit.scripts import Check, CheckStatus, Commands, Step
from taskkit.testing import FakeExecutor
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
