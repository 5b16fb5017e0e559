"""What becomes of a job by what its script answers, raises or says instead (J10): nothing that a script does goes unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from attrs import frozen

from taskkit.engine import Settings
from taskkit.errors import BrokenPlugin, HostRefused, InvalidValue, NotFound, StopAsked, VaultAway
from taskkit.events import Daily
from taskkit.events.policies import OnDemand
from taskkit.outcomes import DONE, Asks, Done, Effect, ErrorClass, NotDone, NotNow, Outcome, Unknown
from taskkit.plugins.kinds import Executor, Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Host, Login, Verb
from taskkit.records import Record, RecordType
from taskkit.secrets import Secret
from taskkit.states import State
from taskkit.tasks import Fallback, Task, of_type
from taskkit.testing import Trial
from tests.engine.houses import UNIX, House, Play, hosts, scripted

REPEATABLE = (Effect.IDEMPOTENT, Effect.VERIFIABLE)


def house_of(effect: Effect = Effect.IDEMPOTENT, **given: Any) -> House:
    play = Play()
    kind = scripted(play, "touchy", effect=effect)
    house = House(*hosts(2), play=play, scripts=[kind], **given)
    house.engine.define(kind("touch"))
    house.engine.put(Task("nightly", "touch", [Daily(at="02:00"), OnDemand()]), list=UNIX)
    house.clock.advance(hours=2)
    return house


def ended(house: House, record: str = "h01") -> Any:
    return next(entry for entry in house.entries(record=record))


# by effect


@pytest.mark.parametrize("effect", Effect)
def test_j10_an_unknown_end_is_repeated_only_where_the_effect_allows_it(effect: Effect) -> None:
    house = house_of(effect, settings=Settings(fallback=Fallback(minutes=30, cycles=1)))
    house.play.says("h01", Unknown("cut off"))
    house.engine.drain()
    house.clock.advance(hours=1)
    house.engine.drain()
    again = effect in REPEATABLE
    assert ended(house).state is (State.ERROR if again else State.UNCERTAIN)
    assert house.play.count("h01") == (2 if again else 1)
    assert house.kinds(kinds=["JobUncertain", "TaskSuspended"]) == ([] if again else house.kinds(kinds=["JobUncertain", "TaskSuspended"]))
    assert ("JobUncertain" in house.kinds()) == (not again)


@pytest.mark.parametrize("effect", Effect)
def test_j10_done_and_not_done_are_certain_whatever_the_effect(effect: Effect) -> None:
    house = house_of(effect)
    house.play.says("h01", Done({"rows": 3}))
    house.play.says("h02", NotDone(ErrorClass.REFUSED, "a policy says no"))
    house.engine.drain()
    assert (ended(house).state, ended(house).result) == (State.COMPLETED, {"rows": 3})
    failed = ended(house, "h02")
    assert (failed.state, failed.error, failed.text) == (State.ERROR, "refused", "a policy says no")


class Stubborn(Executor):
    """Vouches for its effect, and for nothing else."""

    name = "stubborn"
    verbs = frozenset({Verb.COMMANDS})
    effect = Effect.IDEMPOTENT

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[object]:
        yield object()


@pytest.mark.parametrize(("script", "state"), [(None, State.ERROR), (Effect.BLIND, State.UNCERTAIN)])
def test_j10_the_script_knows_its_effect_best_and_then_its_executor(script: Effect | None, state: State) -> None:
    play = Play()
    kind = scripted(play, "remote", effect=script, needs=frozenset({Verb.COMMANDS}))
    house = House(Record("h01", "box", fields={"host": "a"}), play=play, scripts=[kind], executors=[Stubborn()])
    house.engine.define(RecordType("box", executor="stubborn"))
    house.engine.define(kind("touch"))
    house.engine.put(Task("nightly", "touch", [Daily(at="02:00")]), list=of_type("box"))
    play.says("h01", Unknown("cut off"))
    house.clock.advance(hours=2)
    house.engine.drain()
    assert ended(house).state is state


def test_j10_what_nobody_vouches_for_is_blind() -> None:
    house = house_of(None)  # type: ignore[arg-type]
    house.play.says("h01", Unknown("cut off"))
    house.engine.drain()
    assert ended(house).state is State.UNCERTAIN


# what scripts do instead of answering


def raises(error: BaseException) -> Callable[[Run], Outcome]:
    def perform(run: Run) -> Outcome:
        raise error

    return perform


def touching(error: BaseException) -> Callable[[Run], Outcome]:
    """Something was kept, so something may have been begun."""

    def perform(run: Run) -> Outcome:
        run.save({"began": 1})
        raise error

    return perform


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("x"), RuntimeError("half way"), TimeoutError(), BrokenPlugin("a", "b"), ExceptionGroup("g", [OSError()])]
)
@pytest.mark.parametrize("effect", Effect)
def test_j10_a_script_that_raises_has_an_unknown_end(error: Exception, effect: Effect) -> None:
    house = house_of(effect)
    house.play.says("h01", raises(error))
    house.engine.drain()
    job = ended(house)
    assert job.state is (State.ERROR if effect in REPEATABLE else State.UNCERTAIN)
    assert job.error == "unknown"
    assert type(error).__name__ in job.text
    assert ended(house, "h02").state is State.COMPLETED


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()])
@pytest.mark.parametrize("effect", [Effect.IDEMPOTENT, Effect.BLIND])
def test_j10_what_ends_a_whole_process_ends_the_job_first_and_reaches_the_caller(error: BaseException, effect: Effect) -> None:
    """It may be a signal: the caller of `work` is who it was meant for. No job is left to be rescued for it."""
    house = house_of(effect)
    house.play.says("h01", raises(error))
    house.play.says("h02", raises(error))
    with pytest.raises(type(error)):
        house.engine.work()
    job = next(entry for entry in house.entries() if entry.error)
    assert job.state is (State.ERROR if effect is Effect.IDEMPOTENT else State.UNCERTAIN)
    assert type(error).__name__ in job.text
    others = [entry.state for entry in house.entries() if entry.started and not entry.error]
    assert set(others) <= {State.DEFERRED}
    house.play.answers.clear()
    house.clock.advance(seconds=Settings().lease + 1)
    house.engine.drain()
    assert {entry.state for entry in house.entries()} <= {State.ERROR, State.UNCERTAIN, State.COMPLETED, State.SCHEDULED}


class Strange(BaseException):
    """Something that no `except Exception` sees, and that no process ends of."""


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit(), Strange("x")], ids=repr)
@pytest.mark.parametrize("effect", [Effect.IDEMPOTENT, Effect.BLIND])
def test_j09_whatever_else_a_script_raises_is_its_own_end_and_neither_the_callers_nor_another_jobs(
    error: BaseException, effect: Effect
) -> None:
    """A script may use loops of its own: what these are canceled with is not meant for who calls `work`."""
    house = house_of(effect)
    house.play.says("h01", raises(error))
    house.engine.drain()
    assert ended(house).state is (State.ERROR if effect is Effect.IDEMPOTENT else State.UNCERTAIN)
    assert type(error).__name__ in ended(house).text
    assert ended(house, "h02").state is State.COMPLETED


def endless() -> dict[str, Any]:
    found: dict[str, Any] = {"deep": {}}
    found["deep"]["er"] = found
    return found


class Hostile(Mapping[str, Any]):
    """Says that it holds something, and raises when it is asked for it."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        raise self._error

    def __getitem__(self, name: str) -> Any:
        raise self._error


@pytest.mark.parametrize(
    ("result", "text"),
    [(endless(), "cannot be kept: RecursionError"), (Hostile(OSError("x")), "raised OSError"), (Hostile(Strange()), "raised Strange")],
    ids=["endless", "raises", "raises oddly"],
)
@pytest.mark.parametrize(
    "outcome", [Done, partial(NotDone, ErrorClass.FAILED, "no"), partial(Unknown, "cut off")], ids=["done", "not done", "unknown"]
)
def test_j09_a_result_that_cannot_be_kept_is_an_unknown_end_and_stops_no_other_job(outcome: Any, result: Any, text: str) -> None:
    house = house_of(Effect.BLIND)
    house.play.says("h01", lambda run: outcome(result=result))
    house.engine.drain()
    assert ended(house).state is State.UNCERTAIN
    assert text in ended(house).text
    assert ended(house, "h02").state is State.COMPLETED


NONSENSE: list[Any] = [None, True, 7, "done", {"state": "done"}, object(), Done, State.COMPLETED, Effect.BLIND, [Done()]]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("effect", [Effect.IDEMPOTENT, Effect.BLIND])
def test_j10_nonsense_is_an_unknown_end(nonsense: Any, effect: Effect) -> None:
    house = house_of(effect)
    house.play.says("h01", lambda run: nonsense)
    house.engine.drain()
    assert ended(house).state is (State.ERROR if effect is Effect.IDEMPOTENT else State.UNCERTAIN)
    assert "no outcome" in ended(house).text
    assert ended(house, "h02").state is State.COMPLETED


@pytest.mark.parametrize("made", [lambda: Done("three"), lambda: NotNow("soon"), lambda: NotDone("exploded"), lambda: Asks(1, 2)])  # type: ignore[arg-type]
def test_j10_an_answer_that_cannot_be_made_is_an_unknown_end(made: Callable[[], Outcome]) -> None:
    house = house_of(Effect.BLIND)
    house.play.says("h01", lambda run: made())
    house.engine.drain()
    assert ended(house).state in (State.UNCERTAIN, State.ERROR)
    assert ended(house).state is not State.RUNNING
    assert ended(house, "h02").state is State.COMPLETED


class Odd:
    def __str__(self) -> str:
        return "odd \0 \ud800"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"n": 1, "f": 0.5, "t": True, "none": None}, {"n": 1, "f": 0.5, "t": True, "none": None}),
        ({"when": pytest, "raw": b"ab\xff"}, None),
        ({"nan": float("nan"), "inf": float("inf")}, {"nan": "nan", "inf": "inf"}),
        ({"pair": (1, 2), "deep": {"a": [(3,)]}}, {"pair": [1, 2], "deep": {"a": [[3]]}}),
        ({"nul": "a\0b", "half": "\ud800x"}, {"nul": "a\ufffdb", "half": "?x"}),
        ({1: "one", None: "none"}, {"1": "one", "None": "none"}),
        ({"odd": Odd()}, {"odd": "odd \ufffd ?"}),
    ],
    ids=["plain", "foreign", "not finite", "tuples", "text", "keys", "object"],
)
def test_j08_a_result_is_kept_as_every_store_can_keep_it(given: Any, kept: Any) -> None:
    house = house_of()
    house.play.says("h01", lambda run: Done(given))
    house.engine.drain()
    found = ended(house).result
    assert found == kept if kept is not None else all(isinstance(value, str) for value in found.values())


# what an error says about the work


@pytest.mark.parametrize(
    "error",
    [ValueError("\0 \ud800"), StopAsked("waiting", "\0 \ud800"), InvalidValue("asking", "\0 \ud800")],
    ids=lambda e: type(e).__name__,
)
def test_j08_what_an_error_says_is_kept_as_every_store_can_keep_it(error: Exception) -> None:
    house = house_of()
    house.play.says("h01", raises(error))
    house.engine.drain()
    assert "\ufffd ?" in ended(house).text


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (HostRefused("logging in", "no", error="wrong_credentials"), (State.ERROR, "wrong_credentials")),
        (HostRefused("logging in", "no", error="unheard of"), (State.ERROR, "failed")),
        (StopAsked("waiting", "anna asked"), (State.CANCELED, "stopped")),
        (VaultAway("reading", "timeout"), (State.ERROR, "timeout")),
        (InvalidValue("connecting", "no executor"), (State.ERROR, "bad_configuration")),
        (NotFound("reading", "no such record"), (State.ERROR, "bad_configuration")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_j10_an_error_of_ours_before_anything_was_touched_is_certain(error: Exception, found: tuple[State, str]) -> None:
    house = house_of(Effect.BLIND)
    house.play.says("h01", raises(error))
    house.engine.drain()
    assert (ended(house).state, ended(house).error) == found


@pytest.mark.parametrize("error", [VaultAway("writing", "timeout"), InvalidValue("half", "way")], ids=lambda error: type(error).__name__)
def test_j10_after_something_was_begun_they_are_certain_of_nothing(error: Exception) -> None:
    house = house_of(Effect.BLIND)
    house.play.says("h01", touching(error))
    house.engine.drain()
    assert (ended(house).state, ended(house).error) == (State.UNCERTAIN, "unknown")


def test_j10_a_vault_that_does_not_answer_a_script_is_away_and_not_the_scripts_failure() -> None:
    """Whatever the vault raises: a script that asks it and does nothing else has not begun."""
    house = house_of(Effect.BLIND)

    def reads(run: Run) -> Outcome:
        house.vault.records.all = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
        list(run.vault.records.all())
        return DONE

    house.play.says("h01", reads)
    house.engine.drain()
    assert (ended(house).state, ended(house).error) == (State.ERROR, "timeout")


def test_j10_an_answer_of_the_vault_that_breaks_off_is_away_too() -> None:
    house = house_of(Effect.BLIND)

    def some() -> Iterator[Record]:
        yield from hosts(1)
        raise ConnectionError

    def reads(run: Run) -> Outcome:
        house.vault.records.all = some  # type: ignore[method-assign]
        assert next(iter(run.vault.records.all())).id == "h01"
        return Done({"seen": len(list(run.vault.records.all()))})

    house.play.says("h01", reads)
    house.engine.drain()
    assert (ended(house).state, ended(house).error) == (State.ERROR, "timeout")


def test_j10_asking_a_facet_that_changes_something_is_a_touch() -> None:
    house = house_of(Effect.BLIND)

    def fails(*asked: object) -> bool:
        raise ConnectionError

    def promotes(run: Run) -> Outcome:
        assert run.vault.slots is not None
        run.vault.slots.promote("h01", "attempt", run.token)
        return Done()

    house.vault.slots.promote = fails  # type: ignore[union-attr, method-assign]
    house.play.says("h01", promotes)
    house.engine.drain()
    assert ended(house).state is State.UNCERTAIN


# what is never told


def test_s01_what_a_script_says_when_it_breaks_holds_no_secret() -> None:
    house = house_of(Effect.BLIND)

    def leaks(run: Run) -> Outcome:
        run.keep(Secret("hunter2-hunter2"))
        raise RuntimeError("logged in with hunter2-hunter2")

    def waits(run: Run) -> Outcome:
        run.keep(Secret("hunter2-hunter2"))
        return NotNow(run.now().add(minutes=5), "hunter2-hunter2 is in use")

    house.play.says("h01", leaks)
    house.play.says("h02", waits)
    house.engine.drain()
    told = "".join(str(entry) for entry in house.entries()) + "".join(str(fact.document()) for fact in house.engine.facts())
    assert "hunter2" not in told


# stops


def test_j06_a_job_that_answers_stopped_is_canceled_and_not_tried_again() -> None:
    house = house_of(settings=Settings(fallback=Fallback(minutes=30)))

    def stops(run: Run) -> Outcome:
        house.engine.request_stop(run.job.id, by="anna")
        assert run.stop_requested
        return NotDone(ErrorClass.STOPPED, "by anna")

    house.play.says("h01", stops)
    house.engine.drain()
    house.clock.advance(hours=3)
    house.engine.drain()
    assert (ended(house).state, house.play.count("h01")) == (State.CANCELED, 1)
    assert house.kinds(kinds=["JobStopped"]) == ["JobStopped"]


@frozen
class Slow(Script):
    """Counts what it does until its time is over."""

    kind = "slow"
    effect = Effect.IDEMPOTENT
    name: str

    def perform(self, run: Run) -> Outcome:
        assert run.seconds_left <= 90
        steps = 0
        while not run.stop_requested:
            steps += 1
            run.now()
            _house[0].clock.advance(seconds=30)
        return NotDone(ErrorClass.STOPPED, f"after {steps} steps")


_house: list[House] = []


def test_j06_a_deadline_is_in_seconds_and_asks_to_stop() -> None:
    house = House(*hosts(1), scripts=[Slow])
    _house[:] = [house]
    house.engine.define(Slow("slow"))
    house.engine.put(Task("nightly", "slow", [Daily(at="02:00")], deadline=90), list=UNIX)
    house.clock.advance(hours=2)
    house.engine.drain()
    assert house.entries()[0].text == "after 3 steps"


@pytest.mark.parametrize("deadline", [0, -1, True, "90", None, float("nan"), 8 * 86_400])
def test_j06_a_deadline_is_a_number_of_seconds(deadline: Any) -> None:
    with pytest.raises(InvalidValue):
        Task("nightly", "slow", deadline=deadline)
    assert Task("nightly", "slow", deadline=0.5).deadline == 0.5


def test_j10_to_know_a_host_key_touches_nothing_and_to_trust_one_does() -> None:
    trial = Trial()
    with trial.run() as run:
        seen: Any = run
        run.vault.hosts.known("10.0.0.5")
        assert not seen.touched
        assert run.vault.hosts.trust("10.0.0.5", "ssh-ed25519 AAAA")
        assert seen.touched
