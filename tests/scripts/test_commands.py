"""The script `Commands`: what it fills in, in which order it goes, and what it answers after every kind of end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from taskkit.errors import HostRefused, InvalidValue, NotFound, StaleToken, StopAsked, VaultAway
from taskkit.outcomes import Done, Effect, ErrorClass, NotDone, Outcome, Unknown
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Host, Login, Operation, Verb
from taskkit.records import Record
from taskkit.scripts import Commands, Step
from taskkit.scrubbing import REPLACED
from taskkit.secrets import Secret
from tests.runs import WatchedRun

PASSWORD = "correct-horse-battery"  # noqa: S105  what no test may find again
RECORD = Record(
    "db", "database", fields={"host": "db 1", "user": "app", "none": "", "lines": "a\nb", "pin": "****"}, secret_fields=["password", "pin"]
)
SHADOW = Record("root", "machine", fields={"user": "root"}, secret_fields=["password"])
SECRETS = {"db": {"password": Secret(PASSWORD), "pin": Secret("pin-of-the-database")}, "root": {"password": Secret("shadow-password")}}


def run_of(record: Record | None = RECORD, shadow: Record | None = SHADOW, **given: Any) -> WatchedRun:
    return WatchedRun(record, shadow, secrets=SECRETS, **given)


def commands(*steps: Step | str, **given: Any) -> Commands:
    return Commands("some", [step if isinstance(step, Step) else Step(step) for step in steps], **given)


def result(*warnings: str, **captured: str) -> Mapping[str, Any]:
    return {"captured": captured, "warnings": list(warnings)}


class Prepared(Executor):
    """An executor whose operations and errors a test has prepared, in order."""

    name = "prepared"
    verbs: ClassVar[frozenset[Verb]] = frozenset({Verb.COMMANDS})

    def __init__(self, *ends: str | Exception | None) -> None:
        self.ends = list(ends)
        self.lines: list[str] = []

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[Prepared]:
        if self.ends and self.ends[0] == "no connection":
            raise HostRefused("connecting", "nobody answers", error="unreachable")
        yield self
        if self.ends and self.ends[0] == "no farewell":
            raise OSError("connection lost")

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        for command in sequence:
            self.lines.append(command.line)
            end = self.ends.pop(0) if self.ends else "done"
            if isinstance(end, Exception):
                raise end
            if end is None:
                return
            state, _, error = end.partition(" ")
            yield Operation(command.line, state, run.now(), run.now(), error=error or None, text="told")  # type: ignore[arg-type]


# How it is made


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"line": ""}, "step ''"),
        ({"line": "ls", "expect": "("}, "step 'ls'"),
        ({"line": "ls", "forbid": "["}, "step 'ls'"),
        ({"line": "ls", "exits": ()}, "step 'ls'"),
        ({"line": "ls", "exits": (256,)}, "step 'ls'"),
        ({"line": "ls", "exits": (-1,)}, "step 'ls'"),
        ({"line": "ls", "exits": (True,)}, "step 'ls'"),
        ({"line": "ls", "timeout": 0}, "step 'ls'"),
        ({"line": "ls", "timeout": float("nan")}, "step 'ls'"),
        ({"line": "ls", "capture": {"a": "("}}, "step 'ls'"),
        ({"line": "ls", "capture": {"a": "no group"}}, "step 'ls'"),
        ({"line": "ls", "capture": {"a": "(two) (groups)"}}, "step 'ls'"),
        ({"line": "ls", "capture": ["a"]}, "step 'ls'"),
        ({"line": "ls", "level": "fatal"}, "step 'ls'"),
        ({"line": "ls", "shell": "yes"}, "step 'ls'"),
        ({"line": "ls", "stdin": "{"}, "step 'ls'"),
        ({"line": "ls {"}, "step 'ls {'"),
        ({"line": "ls {}"}, "step 'ls {}'"),
        ({"line": "ls {shadow.}"}, "step 'ls {shadow.}'"),
        ({"line": "ls {host!r}"}, "step 'ls {host!r}'"),
        ({"line": "ls {host:>9}"}, "step 'ls {host:>9}'"),
        ({"line": "ls '{host}'"}, "step \"ls '{host}'\""),
        ({"line": 'ls "{host}"'}, "step 'ls \"{host}\"'"),
        ({"line": "ls \\{host}"}, "step 'ls"),
        ({"line": "ls `echo {host}`", "shell": True}, "step 'ls"),
        ({"line": "cat <<E\n{host}\nE", "shell": True}, "step 'cat"),
        ({"line": "echo $(( {host} ))", "shell": True}, "step 'echo"),
        ({"line": "echo $'\\' {host} '", "shell": True}, "step"),
    ],
)
def test_a_step_with_a_mistake_is_refused_by_name_when_it_is_made(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Step(**given)
    assert caught.value.tried.startswith(named)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"commands": []}, "Commands"),
        ({"commands": ["ls"]}, "Commands: step 1"),
        ({"commands": [Step("a", capture={"x": "(.)"}), Step("b", capture={"x": "(.)"})]}, "Commands: step 2 'b'"),
        ({"commands": [Step("ls")], "on_failure": "panic"}, "Commands"),
        ({"commands": [Step("ls")], "effect": "verifiable"}, "Commands"),
        ({"commands": [Step("ls")], "name": ""}, "Commands"),
    ],
)
def test_a_definition_with_a_mistake_is_refused_when_it_is_made(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Commands(**{"name": "some", **given})
    assert caught.value.tried.startswith(named)


def test_a_definition_is_blind_unless_it_says_otherwise() -> None:
    assert commands("ls").effect is Effect.BLIND
    assert commands("ls", effect="idempotent").effect is Effect.IDEMPOTENT
    assert Commands.kind == "commands"
    assert Commands.needs == {Verb.COMMANDS}


# What it fills in


def test_fields_of_record_and_shadow_stand_in_the_line_as_one_word_each(tmp_path: Path) -> None:
    run = run_of()
    assert commands(Step("printf <%s> {host} --user={shadow.user} {{}}", capture={"said": "(.*)"})).perform(run) == Done(
        result(said="<db 1><--user=root><{}>")
    )
    assert run.operations[0].name == "printf <%s> {host} --user={shadow.user} {{}}"


def test_a_value_cannot_break_out_of_its_place_in_a_shell(tmp_path: Path) -> None:
    for value in ("$(touch broken)", "`touch broken`", "'; touch broken; '", '"; touch broken; "', "x' 'y", "\\"):
        run = run_of(Record("a", "b", fields={"x": value}), settings={"cwd": str(tmp_path)})
        line = "set -- {x} a={x}$HOME; printf '%s' \"$1\"; echo $(printf %s {x})"
        script = commands(Step(line, shell=True, capture={"said": r"\A(.*)"}))  # noqa: S604  that a shell is harmless is what is tested
        assert script.perform(run) == Done(result(said=value * 2))
    assert list(tmp_path.iterdir()) == []


def test_s01_secrets_and_fields_stand_in_stdin_as_they_are(tmp_path: Path) -> None:
    run = run_of(settings={"cwd": str(tmp_path)})
    outcome = commands(Step("tee said", stdin="{user}:{password}\n{pin} {shadow.password} {{}}", capture={"all": "(.*)"})).perform(run)
    assert (tmp_path / "said").read_text() == f"app:{PASSWORD}\npin-of-the-database shadow-password {{}}"
    assert outcome == Done(result(all=f"app:{REPLACED}"))
    assert run.operations[0].output == f"app:{REPLACED}\n{REPLACED} {REPLACED} {{}}"
    assert run.secrets.asked == ["db", "root", "root"]  # the last time to log in


def test_s01_text_around_a_secret_is_not_taken_for_one() -> None:
    outcome = commands(Step("cat", stdin="{password}\nrestarted", expect="^restarted$")).perform(run_of())
    assert isinstance(outcome, Done)


def test_s01_a_secret_in_a_line_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    run = run_of(settings={"cwd": str(tmp_path)})
    outcome = commands("touch begun", "echo {pin}").perform(run)
    assert isinstance(outcome, NotDone)
    assert (outcome.error, "{pin}" in outcome.text) == (ErrorClass.BAD_CONFIGURATION, True)
    assert (list(tmp_path.iterdir()), run.connections, run.saved) == ([], 0, [])


@pytest.mark.parametrize("line", ["echo {password}", "echo {shadow.password}"])
def test_s01_a_field_called_password_is_a_secret_for_everybody_and_refused_when_the_step_is_made(line: str) -> None:
    with pytest.raises(InvalidValue, match="everybody can read a command line"):
        Step(line)


@pytest.mark.parametrize(
    "step", [Step("echo {nowhere}"), Step("echo {none}"), Step("echo {lines}"), Step("cat", stdin="{nowhere}"), Step("cat", stdin="{none}")]
)
def test_a_place_without_a_value_is_named_and_nothing_runs(step: Step) -> None:
    run = run_of()
    outcome = commands("true", step).perform(run)
    assert isinstance(outcome, NotDone)
    assert outcome.error is ErrorClass.BAD_CONFIGURATION
    assert (step.stdin or step.line.split()[1]) in outcome.text
    assert run.connections == 0


@pytest.mark.parametrize(("place", "lacking"), [("{user}", "record"), ("{shadow.user}", "shadow account")])
def test_a_place_of_a_record_that_the_job_does_not_have_is_named(place: str, lacking: str) -> None:
    outcome = commands(f"echo {place}").perform(WatchedRun())
    assert outcome == NotDone(ErrorClass.BAD_CONFIGURATION, f"filling in {place}: the job has no {lacking}", result())


def test_r04_the_accounts_whose_secrets_are_said_are_held_beside_the_one_that_logs_in() -> None:
    run = run_of()
    assert commands("echo {user}").accounts(run).uses == {"root"}
    assert commands(Step("cat", stdin="{user}")).accounts(run).uses == {"root"}
    assert commands(Step("cat", stdin="{password}")).accounts(run).uses == {"root", "db"}
    assert commands(Step("cat", stdin="{shadow.password}")).accounts(run).uses == {"root"}


def test_r08_a_secret_is_read_from_the_account_that_the_record_refers_to() -> None:
    record = Record("alias", "database", reference="db")
    run = run_of(record, None, others=[RECORD])
    assert isinstance(commands(Step("cat", stdin="{pin}", expect=r"\A\[secret\]\Z")).perform(run), Done)
    assert run.secrets.asked == ["db", "db"]  # the second time to log in


# How it goes


def test_steps_run_in_order_and_what_they_capture_is_the_result() -> None:
    run = run_of()
    outcome = commands(Step("echo 1", capture={"one": r"(\d)"}), "true", Step("echo 2", capture={"two": r"(\d)"})).perform(run)
    assert outcome == Done(result(one="1", two="2"))
    assert run.told == [(1, 3), (2, 3), (3, 3)]
    assert [operation.state for operation in run.operations] == ["done"] * 3
    assert run.connections == 1


def test_j13_a_memo_is_kept_before_and_after_each_step() -> None:
    run = run_of()
    commands(Step("echo 1", capture={"one": r"(\d)"}), "true").perform(run)
    assert [(memo["done"], memo["began"]) for memo in run.saved] == [(0, 1), (1, None), (1, 2), (2, None)]
    assert run.saved[-1]["captured"] == {"one": "1"}


def test_j13_a_rescue_goes_on_after_the_last_step_that_ended(tmp_path: Path) -> None:
    script = commands("touch one", Step("echo 2", capture={"two": r"(\d)"}), "touch three")
    first = run_of(settings={"cwd": str(tmp_path)})
    script.perform(first)
    (tmp_path / "one").unlink()
    rescue = run_of(settings={"cwd": str(tmp_path)}, memo=first.saved[3])
    assert script.perform(rescue) == Done(result(two="2"))
    assert [path.name for path in tmp_path.iterdir()] == ["three"]
    assert rescue.told == [(3, 3)]


def test_j13_a_rescue_after_the_last_step_reaches_for_nothing() -> None:
    script = commands("true", "false")
    first = run_of()
    outcome = script.perform(first)
    rescue = run_of(memo=first.saved[-1])
    assert script.perform(rescue) == outcome
    assert rescue.connections == 0


def test_j10_a_step_that_had_begun_and_whose_end_nobody_saw_is_not_repeated() -> None:
    run = run_of(memo={"done": 1, "began": 2})
    assert commands("true", "touch x").perform(run) == Unknown("step 2 'touch x' had begun, and nobody saw it end", result())
    assert run.connections == 0


def test_j10_a_step_that_had_begun_is_said_again_where_the_definition_allows() -> None:
    run = run_of(memo={"done": 1, "began": 2})
    assert commands("false", "true", effect="idempotent").perform(run) == Done(result())
    assert len(run.operations) == 1


def test_a_failure_stops_the_rest_unless_told_to_go_on() -> None:
    run = run_of()
    failed = "step 1 'false': it ended with 1 instead of 0"
    assert commands("false", "true").perform(run) == NotDone(ErrorClass.FAILED, failed, result())
    assert len(run.operations) == 1
    run = run_of()
    outcome = commands("false", "true", Step("sh -c 'exit 2'"), on_failure="go_on").perform(run)
    assert outcome == NotDone(ErrorClass.FAILED, failed + "; step 3 \"sh -c 'exit 2'\": it ended with 2 instead of 0", result())
    assert run.told == [(1, 3), (2, 3), (3, 3)]


def test_a_failure_of_the_level_warning_is_mentioned_and_no_failure() -> None:
    assert commands(Step("false", level="warning"), "true").perform(run_of()) == Done(
        result("step 1 'false': it ended with 1 instead of 0")
    )


def test_j10_an_unknown_end_stops_everything_and_is_told_whatever_the_level() -> None:
    run = run_of()
    outcome = commands(Step("sleep 300", timeout=0.1, level="warning"), "true", on_failure="go_on").perform(run)
    assert isinstance(outcome, Unknown)
    assert outcome.text.startswith("step 1 'sleep 300': it took longer than 0.1 s")
    assert len(run.operations) == 1
    assert run.saved[-1]["began"] == 1


def test_j06_a_stop_is_honoured_between_steps() -> None:
    run: WatchedRun = run_of(stop=lambda: bool(run.operations))
    assert commands("true", "true").perform(run) == NotDone(ErrorClass.STOPPED, "stopped after 1 of 2 steps", result())
    assert run.saved[-1]["began"] is None


def test_j06_a_stop_that_the_executor_hears_first_is_a_stop() -> None:
    executor = Prepared("not_done stopped")
    outcome = commands("true", "next", on_failure="go_on").perform(run_of(executor=executor))
    assert isinstance(outcome, NotDone)
    assert (outcome.error, executor.lines) == (ErrorClass.STOPPED, ["true"])


def test_j07_a_host_that_is_busy_is_tried_again_only_before_anything_was_done() -> None:
    def error(*ends: str, **given: Any) -> ErrorClass:
        outcome = commands("true", "true", **given).perform(run_of(executor=Prepared(*ends)))
        assert isinstance(outcome, NotDone)
        return outcome.error

    assert error("not_done busy") is ErrorClass.BUSY
    assert error("done", "not_done busy") is ErrorClass.FAILED
    assert error("not_done busy", "done", on_failure="go_on") is ErrorClass.FAILED
    assert error("done", "not_done busy", effect="idempotent") is ErrorClass.BUSY
    assert error("done", "not_done account_locked") is ErrorClass.ACCOUNT_LOCKED


# What others raise


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (HostRefused("connecting", "no", error="wrong_credentials"), ErrorClass.WRONG_CREDENTIALS),
        (HostRefused("connecting", "no", error="nonsense"), ErrorClass.FAILED),
        (VaultAway("reading", "no answer"), ErrorClass.TIMEOUT),
        (NotFound("reading", "there is no account"), ErrorClass.BAD_CONFIGURATION),
        (StopAsked("saving", "somebody asked"), ErrorClass.STOPPED),
        (KeyError(PASSWORD), ErrorClass.FAILED),
    ],
)
def test_s01_what_is_raised_before_a_step_becomes_a_class_and_a_scrubbed_text(raised: Exception, error: ErrorClass) -> None:
    class Failing(WatchedRun):
        def connect(self, login: Record | None = None, *, to: Record | None = None) -> Any:
            raise raised

    run = Failing(RECORD)
    run.keep(Secret(PASSWORD))
    outcome = commands("true").perform(run)
    assert isinstance(outcome, NotDone)
    assert outcome.error is error
    assert PASSWORD not in outcome.text


def test_a_host_that_cannot_be_reached_after_a_rescue_is_not_tried_again_blindly() -> None:
    def perform(done: int) -> Outcome:
        return commands("true", "true").perform(run_of(executor=Prepared("no connection"), memo={"done": done}))

    assert perform(0) == NotDone(ErrorClass.UNREACHABLE, "connecting: nobody answers", result())
    assert perform(1) == NotDone(ErrorClass.FAILED, "connecting: nobody answers", result())


def test_j10_what_is_raised_while_a_step_runs_leaves_it_unknown() -> None:
    run = run_of(executor=Prepared(OSError(f"lost at {PASSWORD}")))
    run.keep(Secret(PASSWORD))
    outcome = commands("true").perform(run)
    assert outcome == Unknown(f"step 1 'true' had begun: OSError: lost at {REPLACED}", result())


def test_j10_a_word_that_is_no_state_leaves_a_step_unknown() -> None:
    outcome = commands("true").perform(run_of(executor=Prepared("finished")))
    assert isinstance(outcome, Unknown)
    assert "Operation(state='finished'): there is no such choice" in outcome.text


def test_j10_an_executor_that_does_not_tell_how_a_step_ended_leaves_it_unknown() -> None:
    outcome = commands("true").perform(run_of(executor=Prepared(None)))
    assert isinstance(outcome, Unknown)
    assert "the executor told of 0 operations" in outcome.text


def test_j13_a_step_whose_end_could_not_be_kept_is_unknown() -> None:
    class Full(WatchedRun):
        def save(self, memo: Mapping[str, Any], *, turned: bool = False) -> None:
            if memo["done"]:
                raise OSError("the disk is full")

    assert isinstance(commands("true").perform(Full(RECORD)), Unknown)


def test_j13_a_step_whose_beginning_could_not_be_kept_does_not_begin() -> None:
    class Lost(WatchedRun):
        def save(self, memo: Mapping[str, Any], *, turned: bool = False) -> None:
            raise StaleToken("saving", "a newer claim owns the job")

    run = Lost(RECORD)
    with pytest.raises(StaleToken):  # the job is another's, and so is what it ends with
        commands("true").perform(run)
    assert run.operations == []


def test_a_farewell_that_fails_does_not_undo_the_work() -> None:
    executor = Prepared("done", "no farewell")
    assert commands("true").perform(run_of(executor=executor)) == Done(result())
