"""What is done beside the jobs: each errand fails alone, and nothing that comes in holds up what comes after it (P9, J9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from attrs import frozen

from taskkit.errors import InvalidValue, NotAllowed, StorageAway
from taskkit.events.happenings import CheckedIn, Demanded, Happening
from taskkit.events.policies import NOW, AfterCheckIn, Due, OnDemand, Policy
from taskkit.plugins.kinds import Notifier
from taskkit.records import Record
from taskkit.states import State
from taskkit.storage import Keep
from taskkit.tasks import of_type
from tests.engine.houses import Crash, House, hosts, raises_over
from tests.engine.stores import Interleaved


def fires(house: House) -> list[str | None]:
    return [entry.record for entry in house.entries()]


@pytest.mark.parametrize("strange", [{"kind": "checked_in"}, None, "checked_in", CheckedIn])
def test_p09_what_is_no_happening_is_told_and_passed_by(strange: Any) -> None:
    house = House(*hosts(2))
    house.put(AfterCheckIn())
    house.vault.outbox.kept += [CheckedIn("h01"), strange, CheckedIn("h02")]
    for _ in range(3):
        house.engine.tick()
    assert fires(house) == ["h01", "h02"]
    (failed,) = house.engine.facts(kinds=["HappeningFailed"])
    assert (failed.details["error"], type(strange).__name__ in failed.details["text"]) == ("InvalidValue", True)


@pytest.mark.parametrize("answers", [1, 2])
def test_p09_what_comes_while_the_store_goes_is_not_passed_by(answers: int) -> None:
    """It did not take this one, and takes a fact that tells of it: a connection that broke is there again at once."""
    house = House(*hosts(3))
    house.put(AfterCheckIn())
    calls = [0]

    def go(answer: Any) -> None:
        calls[0] += 1
        if calls[0] == answers:
            raise StorageAway("using the store", "the connection broke")

    engine = house.enter(storage=Interleaved(house.storage.join(), open_at=go))
    house.vault.outbox.kept += [CheckedIn("h01"), CheckedIn("h02"), CheckedIn("h02"), CheckedIn("h03")]
    for _ in range(3):
        engine.tick()
    assert fires(house) == ["h01", "h02", "h03"]
    assert house.engine.facts(kinds=["HappeningFailed"]) == []


def test_p09_what_comes_after_the_one_at_which_the_store_went_waits_for_it() -> None:
    house = House(*hosts(2))
    task = house.put(AfterCheckIn(), OnDemand())
    gone = [StorageAway("using the store", "the connection broke")]

    def go(answer: Any) -> None:
        if gone:
            raise gone.pop()

    engine = house.enter(storage=Interleaved(house.storage.join(), open_at=go))
    house.vault.tell(CheckedIn("h01"), Demanded("h02", task=task.id))
    engine.tick()
    assert fires(house) == []
    engine.tick()
    assert fires(house) == ["h01", "h02"]


def test_p09_the_trouble_of_one_that_is_taken_in_with_others_is_not_theirs() -> None:
    house = House(*hosts(2), Record("w", "win"))
    house.put(AfterCheckIn())
    house.put(AfterCheckIn(), list=of_type("win"))
    kept = house.storage.document("definition", "type:win")
    assert kept is not None
    house.storage.write([(Keep("definition", kept.id, kept.revision, {**kept.body, "of another version": 1}),)])
    house.vault.tell(CheckedIn("h01"), CheckedIn("w"), CheckedIn("h02"))
    house.enter().tick()
    assert fires(house) == ["h01", "h02"]
    assert [fact.record for fact in house.engine.facts(kinds=["HappeningFailed"])] == ["w"]


def test_p09_while_one_has_to_wait_those_before_it_are_not_taken_in_again_and_again() -> None:
    house = House(*hosts(3))
    task = house.put(AfterCheckIn(), OnDemand())
    get = house.vault.records.get
    raises_over(house, "h03", ConnectionError())
    house.vault.tell(CheckedIn("h01"), CheckedIn("gone"), Demanded("h02", task="none"), CheckedIn("h03"), Demanded("h02", task=task.id))
    for _ in range(3):
        house.engine.tick()
    assert fires(house) == ["h01"]
    house.vault.records.get = get  # type: ignore[method-assign]
    house.vault.tell(CheckedIn("h01"))
    house.engine.tick()
    assert fires(house) == ["h01", "h03", "h02"]
    assert house.kinds(kinds=["HappeningPassed", "HappeningFailed", "HappeningJoined"]) == [
        "HappeningPassed", "HappeningFailed", "HappeningJoined",
    ]  # fmt: skip


def test_p09_one_id_at_two_records_is_two_fires_also_where_one_of_them_has_to_wait() -> None:
    house = House(*hosts(2))
    house.put(AfterCheckIn())
    get = house.vault.records.get
    raises_over(house, "h02", ConnectionError())
    house.vault.outbox.kept += [CheckedIn("h01", id="event 7"), CheckedIn("h02", id="event 7")]
    for _ in range(3):
        house.engine.tick()
    house.vault.records.get = get  # type: ignore[method-assign]
    house.engine.tick()
    assert fires(house) == ["h01", "h02"]


def test_p09_what_is_no_happening_is_told_once_while_one_after_it_has_to_wait() -> None:
    house = House(*hosts(2))
    house.put(AfterCheckIn())
    raises_over(house, "h02", ConnectionError())
    strange: Any = {"kind": "checked_in"}
    house.vault.outbox.kept += [CheckedIn("h01"), strange, CheckedIn("h02")]
    for _ in range(3):
        house.engine.tick()
    assert house.kinds(kinds=["HappeningFailed"]) == ["HappeningFailed"]


def test_p09_while_one_raises_what_nobody_knows_the_others_leave_no_fact_each_second() -> None:
    house = House(*hosts(3))
    house.put(AfterCheckIn(), OnDemand())
    mistaken = [True]

    def go(answer: Any) -> None:
        if mistaken[0] and any(record == "h02" for _, record in answer):
            raise AttributeError("a mistake")

    engine = house.enter(storage=Interleaved(house.storage.join(), open_at=go))
    house.vault.tell(CheckedIn("h01"), Demanded("h02", task="none"), CheckedIn("h02"), CheckedIn("h03"))
    raised = list[Exception]()
    for _ in range(4):
        try:
            engine.tick()
        except AttributeError as error:
            raised.append(error)
    assert raised
    told = {"kinds": ["HappeningPassed", "HappeningFailed", "HappeningJoined"]}
    assert (fires(house), house.kinds(**told)) == (["h01"], ["HappeningFailed"])
    mistaken[0] = False
    engine.tick()
    assert (fires(house), house.kinds(**told)) == (["h01", "h02", "h03"], ["HappeningFailed"])


def test_p09_what_is_told_again_after_all_was_taken_in_is_taken_in_again() -> None:
    """A store that came back from a backup under a process that works on has forgotten it."""
    house = House(*hosts(2))
    house.put(AfterCheckIn())
    get = house.vault.records.get
    raises_over(house, "h02", ConnectionError())
    house.vault.tell(CheckedIn("h01"), CheckedIn("h02"))
    house.engine.tick()
    house.vault.records.get = get  # type: ignore[method-assign]
    taken: list[object] = []

    def take(happenings: Sequence[object]) -> int:
        taken.extend(happenings)
        return len(happenings)

    reader = house.engine._staff.upkeep._outbox
    house.engine.tick()
    kept = house.storage.document("mark", "outbox")
    assert kept is not None
    house.storage.write([(Keep("mark", "outbox", kept.revision, {**kept.body, "mark": None}),)])
    house.vault.outbox.readers.clear()
    reader.fetch(take)
    assert len(taken) == 2


@frozen
class Nameless(Happening):
    pass


@frozen
class Torn(Happening):
    kind = "torn"

    @property
    def identity(self) -> str:
        raise KeyError


@frozen
class Odd(Happening):
    kind = "odd"
    said: Any = "7"
    user: Any = None

    @property
    def identity(self) -> Any:
        return self.said


@frozen
class Always(Policy):
    kind = "always"

    def wants(self, happening: Happening) -> Due | None:
        return NOW


STRANGE = {
    "no kind": Nameless("h01"),
    "no kind, no record": Nameless("gone"),
    "no identity": Torn("h01"),
    "no text": Odd("h01", said=7),
    "NUL": Odd("h01", said="a\0b"),
    "half a character": Odd("h01", said="\ud800"),
    "a number as a user": Odd("h01", user=0),
}


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_p09_what_says_of_itself_what_no_store_keeps_is_told_and_passed_by(strange: Happening) -> None:
    house = House(*hosts(3), policies=[Always])
    house.put(Always())
    house.vault.outbox.kept += [CheckedIn("h02"), strange, CheckedIn("h03")]
    house.engine.tick()
    assert fires(house) == ["h02", "h03"]
    [failed] = house.engine.facts(kinds=["HappeningFailed"])
    assert failed.details["error"] == "InvalidValue"


def test_p09_what_waits_is_taken_in_together() -> None:
    house, calls = House(*hosts(60)), list[Any]()
    house.put(AfterCheckIn())
    engine = house.enter(storage=Interleaved(house.storage.join(), open_at=calls.append))
    house.vault.outbox.kept += [CheckedIn(record.id) for record in hosts(60)]
    engine.tick()
    assert len(fires(house)) == 60
    assert len(calls) == 1


def _breaking() -> Iterator[Happening]:
    yield CheckedIn("h01")
    raise ConnectionError("db secret=hunter2 down")


@pytest.mark.parametrize("answer", [lambda mark: None, lambda mark: (None, mark), lambda mark: (_breaking(), "9")])
def test_p09_an_outbox_that_answers_something_else_is_a_vault_that_is_away(answer: Callable[[Any], Any]) -> None:
    house = House(*hosts(1))
    house.put(AfterCheckIn())
    house.vault.outbox.since = answer  # type: ignore[method-assign, assignment]
    assert house.engine.tick() == 0
    house.vault.outbox.since = lambda mark: (iter([CheckedIn("h01")]), "1")  # type: ignore[method-assign, assignment, return-value]
    house.engine.tick()
    assert fires(house) == ["h01"]


class Told(Notifier):
    name = "told"
    wants = frozenset({"TaskPut"})

    def __init__(self) -> None:
        self.heard: list[str] = []

    def notify(self, facts: Iterable[Any]) -> None:
        self.heard += [fact.kind for fact in facts]


ERRANDS = ("upkeep.fetch", "chores.do_all", "consents.expire", "upkeep.daily", "retention.daily", "notices.send")


def agent(house: House, errand: str) -> tuple[Any, str]:
    name, _, method = errand.partition(".")
    return getattr(house.engine._staff, name), method


@pytest.mark.parametrize("failing", ERRANDS)
def test_j09_an_errand_that_fails_keeps_no_other_from_its_turn(failing: str) -> None:
    """The first error is raised when all had their turn."""
    house, done = House(*hosts(1)), list[str]()

    def noting(errand: str) -> Callable[..., int]:
        def do(*_: Any) -> int:
            done.append(errand)
            if errand == failing:
                raise AttributeError(errand)
            return 1

        return do

    for errand in ERRANDS:
        setattr(*agent(house, errand), noting(errand))
    with pytest.raises(AttributeError, match=failing):
        house.engine.tick()
    assert done == list(ERRANDS)


def test_j09_what_ends_the_process_ends_the_tick() -> None:
    told = Told()
    house = House(*hosts(1), notifiers=[told])
    house.put(AfterCheckIn())

    def die() -> int:
        raise Crash

    house.engine._staff.chores.do_all = die  # type: ignore[method-assign]
    with pytest.raises(Crash):
        house.engine.tick()
    assert told.heard == []


def test_p09_one_that_is_refused_keeps_none_out_of_those_that_are_told_with_it() -> None:
    house = House(*hosts(2))
    task = house.put(AfterCheckIn(), OnDemand())
    house.vault.deny("eve", "task_execute")
    told = [CheckedIn("h01"), Demanded("h01", task=task.id, user="eve"), CheckedIn("h02")]
    with pytest.raises(NotAllowed):
        house.engine.emit(*told)
    assert fires(house) == ["h01", "h02"]
    made = {entry.record: entry.id for entry in house.engine.history(states=State.SCHEDULED).entries}
    assert house.engine.emit(told[0], told[2]) == [made["h01"], made["h02"]]  # twice is once, and has the same answer


@pytest.mark.parametrize("given", [[CheckedIn("h01")], None, {"kind": "checked_in"}])
def test_p09_what_is_no_happening_is_refused_with_what_would_help(given: Any) -> None:
    house = House(*hosts(1))
    house.put(AfterCheckIn())
    with pytest.raises(InvalidValue, match=r"emit\(\*happenings\)"):
        house.engine.emit(given)
