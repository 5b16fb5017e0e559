"""What every script keeps: SC1 to SC11 of `docs/reference/contracts.md`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import ClassVar

import attrs

from taskkit.documents import documents_of
from taskkit.outcomes import Asks, Done, Effect, ErrorClass, NotDone, NotNow, Unknown
from taskkit.plugins.kinds import Executor, Script
from taskkit.records import Accounts, Record
from taskkit.states import FINAL, State
from taskkit.testing.contracts._contract import Contract
from taskkit.testing.contracts._ears import heard
from taskkit.testing.contracts._trials import Asking, Tried, at
from taskkit.testing.executors import FakeExecutor
from taskkit.testing.trials import RECORD, Trial

_OUTCOMES = (Done, NotDone, Unknown, NotNow, Asks)
#: A point may be passed by any script; nobody passes more than that in a test.
_MOST_POINTS = 1000


class ScriptContract(Contract):
    """To inherit: `script` makes a definition that is done on a host that does as told; `left` tells what it has left behind.

    The run is the engine's own. The host is a fake one, which answers `ok`, unless `executor` gives another.
    """

    #: About which record it is; None for a script of the system.
    record: ClassVar[Record | None] = RECORD
    shadow: ClassVar[Record | None] = None
    #: What the vault holds, by account and name: none of it may be seen again.
    secrets: ClassVar[Mapping[str, Mapping[str, str]]] = {"db-1": {"password": "correct-horse-battery-staple"}}

    def script(self) -> Script:
        """A definition that is done, where nothing is in its way."""
        self._missing("script")

    def executor(self) -> Executor:
        """A new executor over hosts on which nothing was done yet."""
        return FakeExecutor()

    def left(self, trial: Trial) -> Collection[object]:
        """What the script has left on hosts, in the vault or wherever: the things there, in their order."""
        if not isinstance(trial.executor, FakeExecutor):
            self._missing("left")
        host = self.record.fields.get("host", "") if self.record else ""
        return trial.executor.deeds(host)

    # how it is tried here

    def _trial(self, points: Callable[[str], object] | None = None) -> Tried:
        return Tried(self.script(), self.record, self.executor(), shadow=self.shadow, secrets=self.secrets, points=points)

    def _undisturbed(self) -> tuple[Tried, list[str]]:
        """One that ends as it should, and the points that it passes."""
        passed: list[str] = []
        trial = self._trial(points=passed.append)
        trial.perform()
        return trial, passed

    def _at_each_point(self, then: Callable[[Tried], object]) -> Iterator[tuple[str, Tried]]:
        """At the first point of the first trial, at the second of the second … something happens."""
        for number in range(min(len(self._undisturbed()[1]), _MOST_POINTS)):
            trial = self._trial()
            trial.points = at(number, then, trial)
            trial.perform()
            trial.points = None
            yield f"point {number + 1}", trial

    # what it says of itself

    def test_sc01_it_is_a_value_that_a_plug_in_may_offer(self) -> None:
        script = self.script()
        assert attrs.has(type(script)), "it is no attrs class"
        assert script == self.script(), "two definitions that say the same are not equal"
        assert script.name, "it has no name"
        assert script.effect is None or isinstance(script.effect, Effect), f"its effect is {script.effect!r}"
        try:
            script.name = "another"
        except attrs.exceptions.FrozenInstanceError:
            return
        raise AssertionError("a definition can be changed")

    def test_sc02_it_goes_into_a_document_and_comes_back(self) -> None:
        script = self.script()
        documents = documents_of(self._trial().engine.plugins)
        written = json.loads(json.dumps(documents.write(script)))
        assert written["kind"] == type(script).kind, f"its document names the kind {written.get('kind')!r}"
        assert documents.definition(written) == script, "it comes back as another"

    # before the start

    def test_sc03_accounts_are_told_without_effects(self) -> None:
        trial = self._trial()
        script = self.script()
        asking = Trial(Asking(), self.record, executor=trial.executor, shadow=self.shadow, secrets=self.secrets)
        with asking.run() as run:
            told = [script.accounts(run) for _ in range(3)]
            assert all(isinstance(one, Accounts) for one in told), f"it answers {told}"
            assert told[0] == told[1] == told[2], "the same question has several answers"
            assert not run.memo, "it has saved something"
        assert asking.entry.operations == (), "it has told of operations"
        assert list(self.left(trial)) == [], f"it has left {self.left(trial)}"

    # what it answers

    def test_sc04_what_is_done_is_done(self) -> None:
        trial, _ = self._undisturbed()
        assert trial.entry.state is State.COMPLETED, f"it is {trial.entry.state}: {trial.entry.text}"
        if self.script().effect is not Effect.IDEMPOTENT or type(self.script()).changes_secret:
            assert len(list(self.left(trial))) > 0, "it says done, and has left nothing"

    def test_sc05_it_answers_with_an_outcome_whatever_the_host_says(self) -> None:
        for error in ErrorClass:
            trial = self._trial()
            trial.watched.down = error
            outcome = trial.perform()
            assert isinstance(outcome, _OUTCOMES), f"{error}: it answers with {outcome!r}"
            if not trial.watched.refused:
                continue  # it asks no host
            assert not isinstance(outcome, Done), f"{error}: the host is not reached, and it is done"
            assert isinstance(outcome, Unknown | NotNow) or getattr(outcome, "error", None) == error, f"{error}: it answers {outcome!r}"

    def test_sc06_asked_to_stop_it_begins_no_further_step(self) -> None:
        for where, trial in self._at_each_point(_stop):
            told = trial.watched.after
            assert told <= 1, f"{where}: after it was asked to stop it began {told} steps"
            assert trial.entry.state in FINAL, f"{where}: it is {trial.entry.state}"

    # killed, and overtaken

    def test_sc07_killed_at_any_point_another_process_ends_what_it_began(self) -> None:
        undisturbed, _ = self._undisturbed()
        wanted = list(self.left(undisturbed))
        may_go_on = _effect(undisturbed) in (Effect.IDEMPOTENT, Effect.VERIFIABLE)
        for where, trial in self._at_each_point(Trial.die):
            trial.take_over()
            trial.perform()
            state, left = trial.entry.state, list(self.left(trial))
            allowed = {State.COMPLETED} if may_go_on else {State.COMPLETED, State.UNCERTAIN}
            assert state in allowed, f"killed at {where} it is {state}: {trial.entry.text}"
            if state is State.COMPLETED and may_go_on:
                assert _things(left) == _things(wanted), f"killed at {where} it has left {left} instead of {wanted}"
            elif state is State.COMPLETED:
                assert left == wanted, f"killed at {where} it has left {left} instead of {wanted}"
            else:
                assert left == wanted[: len(left)], f"killed at {where} it has repeated something: {left}"

    def test_sc08_whoever_was_overtaken_leaves_the_job_alone(self) -> None:
        for where, trial in self._at_each_point(_overtake):
            told = trial.watched.after
            assert told <= 1, f"{where}: after the job was another's it began {told} steps"
            assert trial.answered is None, f"{where}: it answers for a job that is another's"

    def test_sc09_it_says_that_it_has_turned_before_the_first_effect(self) -> None:
        if not type(self.script()).changes_secret:
            return
        trial = self._trial()
        trial.points = lambda name: trial.clock.advance(seconds=1)
        trial.perform()
        first = trial.watched.turned[0] if trial.watched.turned else False
        assert first, "a secret is changed, and what happens meanwhile joins the run that will not look at it: save(…, turned=True)"

    # its effect, and what it says

    def test_sc10_what_is_called_idempotent_may_be_done_twice(self) -> None:
        trial, _ = self._undisturbed()
        if _effect(trial) is not Effect.IDEMPOTENT:
            return
        once = list(self.left(trial))
        trial.again().perform()
        assert trial.entry.state is State.COMPLETED, f"the second time it is {trial.entry.state}"
        assert _things(self.left(trial)) == _things(once), f"done twice it leaves {self.left(trial)}, and done once {once}"

    def test_sc11_no_secret_is_in_what_it_says_nor_in_a_line(self) -> None:
        with heard() as ear:
            trial, _ = self._undisturbed()
        self._tells_no_secret(trial, ear(), "")

    def test_sc11_no_secret_is_in_what_it_says_where_its_host_is_not_reached(self) -> None:
        for error in ErrorClass:
            trial = self._trial()
            trial.watched.down = error
            with heard() as ear:
                trial.perform()
            self._tells_no_secret(trial, ear(), f"{error}: ")

    def _tells_no_secret(self, trial: Tried, said: str, where: str) -> None:
        kept = trial.engine.storage.job(trial.job)
        told = {
            "its entry": repr(trial.entry.document()), "its memo": repr(kept and kept.memo), "facts": repr(trial.engine.facts()),
            "what it said here": said, "a line": "\n".join(trial.watched.lines),
        }  # fmt: skip
        for secret in (value for secrets in self.secrets.values() for value in secrets.values()):
            found = [place for place, text in told.items() if secret in text]
            assert not found, f"{where}a secret stands in {', '.join(found)}"


def _stop(trial: Tried) -> None:
    trial.watched.since = 0
    trial.engine.request_stop(trial.job)
    trial.clock.advance(seconds=1)


def _overtake(trial: Tried) -> None:
    """Another process has the job now, and does nothing with it."""
    trial.watched.since = 0
    before = trial.engine
    trial.take_over()._staff.turns.claim(1)
    trial.engine = before


def _effect(trial: Trial) -> Effect:
    kept = trial.engine.definition(trial.engine.task(trial.task).script)
    found: Effect = kept.effect or trial.executor.effect
    return found


def _things(left: Collection[object]) -> list[str]:
    """What is there, however often it was put there."""
    return sorted({repr(one) for one in left})
