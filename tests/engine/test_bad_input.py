"""What cannot work is refused with a clear error at the earliest moment, and nothing is half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import evolve, frozen

from taskkit.engine import Engine
from taskkit.errors import (
    Duplicate,
    InvalidValue,
    MissingPlugin,
    NotAllowed,
    NotFound,
    Outdated,
    Refused,
    TaskkitError,
    VaultAway,
)
from taskkit.events import Daily, Interval, OpenTime, TimeWindow
from taskkit.events.happenings import Happening
from taskkit.events.policies import NOW, AfterCheckIn, Due, OnDemand, Policy
from taskkit.plugins.verbs import Verb
from taskkit.records import Record, RecordType
from taskkit.scripts import CommandOn, Commands, Dialogue, Step
from taskkit.selections import Everything, Selection
from taskkit.storage.memory import MemoryStorage
from taskkit.targets import Target
from taskkit.tasks import SYSTEM, Task, of_record, of_type
from taskkit.testing import FakeExecutor
from taskkit.vaults import Records
from tests.engine.houses import UNIX, House, Play, kept, scripted

NIGHT = Daily(at="02:30")


@frozen
class AfterLunch(Policy):
    """A policy that no plug-in offers."""

    kind = "after_lunch"

    def wants(self, happening: Happening) -> Due | None:
        return NOW


@frozen
class Twins(Selection):
    """A selection that no store could read back."""

    kind = "twins"

    def matches(self, record: Record) -> bool:
        return True


@frozen
class Moonly(Daily):
    """An interval that no store could read back."""

    kind = "moonly"


@pytest.fixture
def house() -> House:
    play = Play()
    shell = scripted(play, "shell", needs=frozenset({Verb.COMMANDS}))
    records = [Record("h01", "unix"), Record("own", "unix"), Record("a", "unix", reference="b"), Record("b", "unix", reference="a")]
    made = House(*records, Record("lost", "unix", reference="nowhere"), scripts=[shell], executors=[FakeExecutor()], play=play)
    made.engine.define(RecordType("unix", executor="fake"))
    made.engine.define(RecordType("bare"))
    made.engine.define(shell("shell"))
    made.engine.put(Task("nightly", "work", NIGHT), list=UNIX)
    made.engine.make_unique("own")
    return made


@contextmanager
def refused(house: House, error: type[TaskkitError], match: str) -> Iterator[None]:
    """The error, and a store that is as it was."""
    before = kept(house.storage)
    with pytest.raises(error, match=match):
        yield
    assert kept(house.storage) == before


# putting

PUTS: list[tuple[Task, str, type[TaskkitError], str]] = [
    (Task("t", "nothing"), UNIX, NotFound, r"there is no script 'nothing'; there are shell, work: engine.define\(…\) makes one"),
    (Task("t", "type:unix"), UNIX, NotFound, "there is no script 'type:unix'"),
    (Task("t", "work"), "everywhere", InvalidValue, "there is no list 'everywhere'; use SYSTEM"),
    (Task("t", "work"), "system:", InvalidValue, "there is no list 'system:'"),
    (Task("t", "work"), of_type("linux"), NotFound, r"there is no record type 'linux'; first engine.define\(RecordType\('linux'"),
    (Task("t", "work"), of_type(""), NotFound, "there is no record type ''"),
    (Task("t", "work"), of_record("h99"), NotFound, "there is no record 'h99'"),
    (Task("t", "work"), of_record("h01"), InvalidValue, r"has its type's tasks; first engine.make_unique\('h01'\)"),
    (Task("t", "work"), of_record("a"), InvalidValue, "they go in a circle: a → b → a"),
    (Task("nightly", "shell"), UNIX, Duplicate, "the list 'type:unix' has a task of this name"),
    (Task("t", "work"), UNIX, Duplicate, "'nightly' carries out the script 'work' in this list; edit that task instead"),
    (Task("t", "work"), of_record("own"), Duplicate, "'nightly' carries out the script 'work'"),
    (Task("t", "shell"), of_type("bare"), InvalidValue, "records of type 'bare' have no executor"),
    (Task("t", "work", AfterCheckIn()), SYSTEM, InvalidValue, "after check-in .* nothing happens to the system; put it on the list"),
    (Task("t", "shell"), SYSTEM, InvalidValue, "'shell' works on records, and none are named; give selection"),
    (Task("t", "shell", target=Target.REFERENCED), SYSTEM, InvalidValue, "leave target away, or give selection"),
    (Task("t", "shell", selection=Everything()), UNIX, InvalidValue, "has no selection; put it on the system's list"),
    (Task("t", "shell", selection=Everything()), of_record("own"), InvalidValue, "has no selection"),
    (Task("t", "shell", shadow="nobody"), UNIX, NotFound, "there is no record 'nobody'"),
    (Task("t", "shell", shadow="a"), UNIX, InvalidValue, "they go in a circle"),
    (Task("t", "shell", shadow="lost"), UNIX, NotFound, "there is no record 'nowhere'"),
    (Task("t", "shell", AfterLunch()), UNIX, MissingPlugin, "no plug-in offers the policy AfterLunch; there are after_approval"),
    (Task("t", "shell", Moonly()), UNIX, InvalidValue, "its kind is not known here"),
    (Task("t", "work", selection=Twins()), SYSTEM, InvalidValue, "there is no kind 'twins'"),
    (Task("t", "shell", id="mine"), UNIX, InvalidValue, "it is kept already as 'mine'; use edit"),
]


@pytest.mark.parametrize(("task", "list", "error", "match"), PUTS, ids=[match[:40] for _, _, _, match in PUTS])
def test_a_task_that_cannot_work_is_not_put(house: House, task: Task, list: str, error: type[TaskkitError], match: str) -> None:
    with refused(house, error, match):
        house.engine.put(task, list=list)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"script": "nothing"}, NotFound, "there is no script 'nothing'"),
        ({"selection": Everything()}, InvalidValue, "has no selection"),
        ({"shadow": "nobody"}, NotFound, "there is no record 'nobody'"),
        ({"policies": [AfterLunch()]}, MissingPlugin, "no plug-in offers the policy"),
        ({"list": SYSTEM}, InvalidValue, "list and line stay as they are; put a new task"),
        ({"line": "another"}, InvalidValue, "list and line stay as they are"),
        ({"revision": 7}, Outdated, "it stands at revision 1, not 7; read it again"),
        ({"id": "unknown"}, NotFound, "there is no such task; it may have been removed"),
        ({"id": ""}, NotFound, "there is no such task"),
    ],
)
def test_an_edit_that_cannot_work_is_not_kept(house: House, changes: dict[str, Any], error: type[TaskkitError], match: str) -> None:
    task = house.engine.tasks(UNIX)[0]
    with refused(house, error, match):
        house.engine.edit(evolve(task, **changes))


def test_an_edit_to_a_name_or_script_that_is_taken_is_not_kept(house: House) -> None:
    other = house.engine.put(Task("other", "shell"), list=UNIX)
    with refused(house, Duplicate, "has a task of this name"):
        house.engine.edit(evolve(other, name="nightly"))
    with refused(house, Duplicate, "'nightly' carries out the script 'work'"):
        house.engine.edit(evolve(other, script="work"))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda engine: engine.task("x"), NotFound, "looking for the task 'x': there is no such task"),
        (lambda engine: engine.remove("x"), NotFound, "there is no such task"),
        (lambda engine: engine.activate("x"), NotFound, "there is no such task"),
        (lambda engine: engine.deactivate("x"), NotFound, "there is no such task"),
        (lambda engine: engine.demand("x", "h01"), NotFound, "there is no such task"),
        (lambda engine: engine.make_unique("x"), NotFound, "there is no record 'x'"),
        (lambda engine: engine.make_unique("a"), InvalidValue, "they go in a circle: a → b → a"),
        (lambda engine: engine.make_unique("own"), Duplicate, "they are; edit them"),
        (lambda engine: engine.share_again("x"), NotFound, "it has no tasks of its own"),
        (lambda engine: engine.share_again("h01"), NotFound, "it has no tasks of its own"),
        (lambda engine: engine.set_shadow("x", "h01"), InvalidValue, "there is no list 'x'"),
        (lambda engine: engine.set_shadow(UNIX, "x"), NotFound, "there is no record 'x'"),
        (lambda engine: engine.set_shadow(UNIX, "a"), InvalidValue, "they go in a circle"),
        (lambda engine: engine.undefine("x"), NotFound, "there is none of this name"),
        (lambda engine: engine.hand_over("nobody", ""), InvalidValue, "no name"),
        (lambda engine: engine.suspend_task("x"), NotFound, "there is no such task"),
        (lambda engine: engine.set_next_run("x", None), NotFound, "there is no such task"),
        (lambda engine: engine.upcoming("x"), NotFound, "there is no such task"),
        (lambda engine: engine.history(states="nope"), InvalidValue, "there is no state 'nope'; there are scheduled, "),
        (lambda engine: engine.history(states=["error", None]), InvalidValue, "no state None"),
        (lambda engine: engine.history(kinds="nope"), InvalidValue, "no kind 'nope'; there are occurrence, "),
    ],
)
def test_what_is_asked_of_nothing_is_refused(house: House, call: Callable[[Engine], object], error: type[TaskkitError], match: str) -> None:
    with refused(house, error, match):
        call(house.engine)


@pytest.mark.parametrize(
    ("record", "error", "match"),
    [
        (None, NotFound, "record"),
        ("h99", NotFound, "there is no record 'h99'"),
        ("own", NotFound, "it is no task of 'own'"),
        ("h01", Refused, r"it has no policy OnDemand\(\)"),
    ],
)
def test_a_demand_that_cannot_work_is_refused(house: House, record: str | None, error: type[TaskkitError], match: str) -> None:
    with refused(house, error, match):
        house.engine.demand(house.engine.tasks(UNIX)[0].id, record)


# rights

CALLS: list[Callable[[House], object]] = [
    lambda house: house.engine.put(Task("t", "shell"), list=UNIX, by="mallory"),
    lambda house: house.engine.put(Task("t", "shell"), list=of_record("own"), by="mallory"),
    lambda house: house.engine.edit(evolve(house.engine.tasks(UNIX)[0], description="mine"), by="mallory"),
    lambda house: house.engine.edit(evolve(house.engine.tasks(UNIX)[0], managers="mallory", description="mine"), by="mallory"),
    lambda house: house.engine.deactivate(house.engine.tasks(UNIX)[0].id, by="mallory"),
    lambda house: house.engine.remove(house.engine.tasks(UNIX)[0].id, by="mallory"),
    lambda house: house.engine.make_unique("h01", by="mallory"),
    lambda house: house.engine.share_again("own", by="mallory"),
    lambda house: house.engine.set_shadow(UNIX, "h01", by="mallory"),
    lambda house: house.engine.set_shadow(of_record("own"), "h01", by="mallory"),
    lambda house: house.engine.hand_over("anna", "mallory", by="mallory"),
    lambda house: house.engine.undefine("shell", by="mallory"),
    lambda house: house.engine.suspend_task(house.engine.tasks(UNIX)[0].id, by="mallory"),
]


@pytest.mark.parametrize("call", CALLS)
def test_a02_who_lacks_the_right_changes_nothing(house: House, call: Callable[[House], object]) -> None:
    house.vault.deny("mallory")
    with refused(house, NotAllowed, "'mallory' lacks the right"):
        call(house)


# the vault


class Away(Records):
    def __init__(self, records: Records) -> None:
        self.records = records

    def get(self, id: str) -> Record | None:
        raise ConnectionError("password=hunter2")

    def all(self) -> Any:
        raise ConnectionError("password=hunter2")


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.put(Task("t", "shell", shadow="h01"), list=UNIX),
        lambda engine: engine.put(Task("t", "shell"), list=of_record("own")),
        lambda engine: engine.make_unique("h01"),
        lambda engine: engine.set_shadow(UNIX, "h01"),
        lambda engine: engine.reconcile(),
    ],
)
def test_without_the_vault_nothing_changes_and_the_error_tells_no_secret(house: House, call: Callable[[Engine], object]) -> None:
    object.__setattr__(house.vault, "records", Away(house.vault.records))
    before = kept(house.storage)
    with pytest.raises(VaultAway) as caught:
        call(house.engine)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert kept(house.storage) == before


def test_without_the_vault_a_new_task_of_a_type_is_kept_and_planned_later(house: House) -> None:
    records = house.vault.records
    object.__setattr__(house.vault, "records", Away(records))
    task = house.engine.put(Task("t", "shell", NIGHT), list=UNIX)
    assert house.engine.task(task.id) == task
    object.__setattr__(house.vault, "records", records)
    house.engine.tick()
    assert {entry.record for entry in house.entries(task=task.id)} == {"h01", "a", "b", "lost"}


@pytest.mark.parametrize("word", ["nope", "", None, [], "verifiable"])
@pytest.mark.parametrize(
    "make",
    [
        lambda word: Commands("c", Step("true"), effect=word),
        lambda word: Dialogue.of("d", "# -> exit", effect=word),
        lambda word: CommandOn("h01", Step("true"), effect=word),
    ],
    ids=["commands", "dialogue", "dependent"],
)
def test_an_effect_that_there_is_none_of_is_told_with_those_that_fit(make: Callable[[Any], object], word: Any) -> None:
    with pytest.raises(InvalidValue, match="choose 'blind' or 'idempotent'"):
        make(word)


# half done


class Failing(MemoryStorage):
    """Its next write fails as a full disk does."""

    full = False

    def write(self, units: Any, *, durable: bool = True) -> Any:
        if self.full:
            raise OSError("no space left on device")
        return super().write(units, durable=durable)


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.put(Task("t", "shell", NIGHT), list=UNIX),
        lambda engine: engine.deactivate(engine.tasks(UNIX)[0].id),
        lambda engine: engine.remove(engine.tasks(UNIX)[0].id),
        lambda engine: engine.make_unique("h01"),
        lambda engine: engine.share_again("own"),
        lambda engine: engine.define(RecordType("new")),
        lambda engine: engine.undefine("shell"),
        lambda engine: engine.set_shadow(UNIX, "h01"),
    ],
)
def test_a_store_that_fails_has_nothing_half_done(house: House, call: Callable[[Engine], object]) -> None:
    handle = Failing(house.storage._tables)
    engine = house.enter(storage=handle)
    before = kept(house.storage)
    handle.full = True
    with pytest.raises(OSError, match="no space"):
        call(engine)
    handle.full = False
    assert kept(house.storage) == before
    call(engine)
    assert kept(house.storage) != before


# what is allowed, although it looks odd


@pytest.mark.parametrize(
    "task",
    [
        Task("no policies", "work"),
        Task("every minute of the night", "work", window=OpenTime(TimeWindow("* 22 * * *"), TimeWindow("* 22 1 * *"))),
        Task("quotes ' \" and {braces} / \\ ünïcode 漢字", "work", [AfterCheckIn(), OnDemand()]),
        Task("ended", "work", Daily(end="2020-01-01")),
        Task("long", "work", description="x" * 10_000),
    ],
)
def test_what_is_odd_and_works_is_kept(task: Task) -> None:
    house = House(Record("h01", "unix"))
    put = house.engine.put(task, list=UNIX)
    assert house.engine.task(put.id) == put
    assert evolve(put, id="", line="", list=SYSTEM, policies=()) == evolve(task, policies=())


def test_an_interval_is_an_interval() -> None:
    assert issubclass(Moonly, Interval)
