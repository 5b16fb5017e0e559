"""Scripts and record types: named, versioned, edited in one place, chosen by tasks (R8, R10)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import evolve, field, frozen

from taskkit.engine import Engine
from taskkit.errors import InUse, InvalidValue, MissingPlugin, NotAllowed, NotFound
from taskkit.events import Daily
from taskkit.events.happenings import Happening
from taskkit.events.policies import Due, OnDemand, Policy
from taskkit.outcomes import DONE, Effect, Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.manager import Plugins
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Verb
from taskkit.records import Record, RecordType
from taskkit.states import State
from taskkit.storage import Keep, Query
from taskkit.tasks import Task, of_record, of_type
from taskkit.testing import FakeExecutor
from tests.engine.houses import UNIX, Crash, House, Offer, Play, Watched, kept, scripted, writes


class Prober(FakeExecutor):
    """Another executor, which can do something else."""

    verbs = frozenset({Verb.PROBE})


@pytest.fixture
def house() -> House:
    """`shell` needs commands; records of type unix are reached by `fake`, which has them, and `probe` has not."""
    play = Play()
    shell = scripted(play, "shell", needs=frozenset({Verb.COMMANDS}))
    made = House(Record("h01", "unix"), scripts=[shell], executors=[FakeExecutor(), Prober("probe")], play=play)
    made.engine.define(RecordType("unix", executor="fake"))
    made.engine.define(shell("shell"))
    return made


def shell_of(house: House) -> Any:
    return house.engine.plugins.script("shell")


@contextmanager
def nothing_changed(house: House) -> Iterator[None]:
    before = kept(house.storage)
    yield
    assert kept(house.storage) == before


# versions


def test_r10_a_definition_is_versioned_and_edited_in_one_place(house: House) -> None:
    assert house.engine.definition("shell") == shell_of(house)("shell")
    assert house.engine.define(shell_of(house)("shell", says="more")) == 2
    assert house.engine.define(shell_of(house)("shell", says="most")) == 3
    assert house.engine.definition("shell") == shell_of(house)("shell", says="most")
    assert [fact.details["version"] for fact in house.engine.facts(kinds=["Defined"]) if fact.details["name"] == "shell"] == [1, 2, 3]


def test_r10_the_same_definition_again_is_no_new_version(house: House) -> None:
    with nothing_changed(house):
        assert house.engine.define(shell_of(house)("shell")) == 1


def test_r10_a_job_keeps_the_version_that_it_ran(house: House) -> None:
    task = house.engine.put(Task("t", "shell", OnDemand()), list=UNIX)
    first = house.engine.demand(task.id, "h01")
    house.engine.drain()
    house.engine.define(shell_of(house)("shell", says="more"))
    second = house.engine.demand(task.id, "h01")
    house.engine.drain()
    assert [house.engine.job(job).script_version for job in (first, second)] == [1, 2]


def test_r10_a_job_that_waits_runs_the_definition_as_it_is_then(house: House) -> None:
    house.engine.put(Task("t", "shell", Daily(at="02:30")), list=UNIX)
    said: list[str] = []
    play = house.play

    def look(run: Run) -> Outcome:
        said.append(run.task.script)
        return DONE

    play.says("h01", look)
    house.engine.define(shell_of(house)("shell", says="more"))
    house.clock.advance(hours=3)
    house.engine.drain()
    assert [entry.script_version for entry in house.entries() if entry.ended] == [2]


def test_r10_a_rescued_run_goes_on_with_the_version_that_it_began() -> None:
    ran: list[str] = []

    @frozen
    class Telling(Script):
        kind = "telling"
        effect = Effect.IDEMPOTENT
        name: str
        says: str = field(default="")

        def perform(self, run: Run) -> Outcome:
            ran.append(self.says)
            if len(ran) == 1:
                raise Crash
            return DONE

    house = House(Record("h01", "unix"), scripts=[Telling])
    house.engine.define(Telling("telling", "old"))
    job = house.engine.demand(house.engine.put(Task("t", "telling", OnDemand()), list=UNIX).id, "h01")
    with pytest.raises(Crash):
        house.engine.work()
    house.engine.define(Telling("telling", "new"))
    house.clock.advance(minutes=2)
    house.enter().drain()
    assert ran == ["old", "old"]
    assert house.engine.job(job).script_version == 1


def test_r10_versions_go_on_after_a_removal(house: House) -> None:
    house.engine.define(shell_of(house)("shell", says="more"))
    house.engine.undefine("shell")
    assert house.engine.definition("shell") is None
    assert "shell" not in house.engine.definitions()
    assert house.engine.define(shell_of(house)("shell")) == 4  # the removal counts as one
    assert house.engine.definition("shell") == shell_of(house)("shell")


def test_r10_scripts_and_record_types_have_names_of_their_own(house: House) -> None:
    house.engine.define(shell_of(house)("unix"))
    assert house.engine.definition("unix") == shell_of(house)("unix")
    assert house.engine.definition("type:unix") == RecordType("unix", executor="fake")
    with nothing_changed(house), pytest.raises(InvalidValue, match="'type:unix' would stand where record types do"):
        house.engine.define(shell_of(house)("type:unix"))


# in use


def test_r10_what_is_in_use_is_not_removed_and_the_tasks_are_named(house: House) -> None:
    house.engine.put(Task("weekly", "shell"), list=UNIX)
    house.engine.put(Task("daily", "work"), list=UNIX)
    house.engine.define(RecordType("linux", executor="fake"))
    house.engine.put(Task("other", "shell"), list=of_type("linux"))
    with nothing_changed(house):
        with pytest.raises(InUse, match="removing the definition 'shell': it is chosen by other, weekly; give these tasks another first"):
            house.engine.undefine("shell")
        with pytest.raises(InUse, match="it is chosen by daily, weekly"):
            house.engine.undefine("type:unix")


def test_r10_a_record_type_is_in_use_by_the_tasks_of_unique_records(house: House) -> None:
    house.engine.put(Task("daily", "work"), list=UNIX)
    house.engine.make_unique("h01")
    house.engine.remove(house.engine.tasks(UNIX)[0].id)
    with nothing_changed(house), pytest.raises(InUse, match="it is chosen by daily"):
        house.engine.undefine("type:unix")


def test_r10_a_record_type_that_is_called_like_a_list_is_not_in_use_by_it(house: House) -> None:
    house.engine.define(RecordType("system"))
    house.engine.put(Task("report", "work"))
    house.engine.undefine("type:system")


def test_r10_what_is_not_there_cannot_be_removed(house: House) -> None:
    house.engine.undefine("shell")
    with nothing_changed(house):
        for name in ("shell", "unix", "nothing"):
            with pytest.raises(NotFound, match="there is none of this name"):
                house.engine.undefine(name)


def test_r10_after_its_last_task_a_definition_can_go(house: House) -> None:
    task = house.engine.put(Task("weekly", "shell"), list=UNIX)
    house.engine.edit(evolve(task, script="work"))
    house.engine.undefine("shell")
    house.engine.remove(task.id)
    house.engine.undefine("work")
    house.engine.undefine("type:unix")
    assert house.engine.definitions() == {}


def test_r10_a_task_put_while_its_script_is_removed_finds_it_gone(house: House) -> None:
    handle = Watched(house.storage)
    handle.before(writes("task"), lambda: house.engine.undefine("shell"))
    with pytest.raises(NotFound, match="there is no script 'shell'"):
        house.enter(storage=handle).put(Task("t", "shell", Daily()), list=UNIX)
    assert house.engine.tasks() == []
    assert house.storage.jobs(Query()).jobs == []


def test_r10_a_script_is_not_removed_while_a_task_is_put_that_chooses_it(house: House) -> None:
    handle = Watched(house.storage)
    handle.before(writes("definition"), lambda: house.engine.put(Task("t", "shell"), list=UNIX))
    with pytest.raises(InUse, match="it is chosen by t"):
        house.enter(storage=handle).undefine("shell")
    assert house.engine.definition("shell") is not None


def test_r10_a_script_is_not_removed_while_a_task_is_edited_to_choose_it(house: House) -> None:
    task = house.engine.put(Task("t", "work"), list=UNIX)
    handle = Watched(house.storage)
    handle.before(writes("definition"), lambda: house.engine.edit(evolve(task, script="shell")))
    with pytest.raises(InUse, match="it is chosen by t"):
        house.enter(storage=handle).undefine("shell")


def test_r10_a_type_that_loses_its_executor_while_a_task_is_put_on_it_keeps_it(house: House) -> None:
    handle = Watched(house.storage)
    handle.before(writes("definition"), lambda: house.engine.put(Task("t", "shell"), list=UNIX))
    with pytest.raises(InvalidValue, match="records of type 'unix' have no executor"):
        house.enter(storage=handle).define(RecordType("unix"))
    assert house.engine.definition("type:unix").executor == "fake"


def test_r10_two_who_define_at_once_make_two_versions(house: House) -> None:
    handle = Watched(house.storage)
    handle.before(writes("definition"), lambda: house.engine.define(shell_of(house)("shell", says="quick")))
    assert house.enter(storage=handle).define(shell_of(house)("shell", says="slow")) == 3
    assert house.engine.definition("shell").says == "slow"


# what fits together


def test_r08_an_unknown_executor_is_named_at_once(house: House) -> None:
    with nothing_changed(house), pytest.raises(MissingPlugin, match=r"no executor 'sssh' is installed; there are .*fake, .*probe"):
        house.engine.define(RecordType("linux", executor="sssh"))


@pytest.mark.parametrize(
    ("type", "error", "match"),
    [
        (RecordType("linux"), InvalidValue, "records of type 'linux' have no executor; name one in the record type"),
        (RecordType("linux", executor="probe"), MissingPlugin, "'probe' cannot do commands, which 'shell' needs; these can: fake"),
    ],
)
def test_r08_a_script_that_its_executor_cannot_do_is_refused_at_once(house: House, type: RecordType, error: Any, match: str) -> None:
    house.engine.define(type)
    with nothing_changed(house), pytest.raises(error, match=match):
        house.engine.put(Task("t", "shell"), list=of_type("linux"))


def test_r08_a_script_that_no_executor_can_do_is_refused_at_once(house: House) -> None:
    play = Play()
    kind = scripted(play, "dial", needs=frozenset({Verb.READ_DIRECTORY}))
    made = House(Record("h01", "unix"), scripts=[kind], executors=[FakeExecutor()], play=play)
    made.engine.define(RecordType("unix", executor="fake"))
    made.engine.define(kind("dial"))
    with (
        nothing_changed(made),
        pytest.raises(MissingPlugin, match="cannot do read_directory, which 'dial' needs; no installed executor can"),
    ):
        made.engine.put(Task("t", "dial"), list=UNIX)


def test_r08_a_record_type_is_not_changed_so_that_its_tasks_cannot_run(house: House) -> None:
    house.engine.put(Task("t", "shell"), list=UNIX)
    with nothing_changed(house):
        with pytest.raises(InvalidValue, match="defining 'unix' for the task 't': records of type 'unix' have no executor"):
            house.engine.define(RecordType("unix"))
        with pytest.raises(MissingPlugin, match="the executor 'probe' cannot do commands"):
            house.engine.define(RecordType("unix", executor="probe"))


def test_r10_a_script_is_not_changed_so_that_its_tasks_cannot_run(house: House) -> None:
    house.engine.define(RecordType("bare"))
    house.engine.put(Task("t", "work"), list=of_type("bare"))
    with nothing_changed(house), pytest.raises(InvalidValue, match=r"defining 'work' for the task 't': records of .* no executor"):
        house.engine.define(shell_of(house)("work"))


def test_r08_the_tasks_of_a_unique_record_must_suit_its_type(house: House) -> None:
    house.engine.make_unique("h01")
    house.engine.define(RecordType("unix", executor="probe"))
    with nothing_changed(house), pytest.raises(MissingPlugin, match="the executor 'probe' cannot do commands"):
        house.engine.put(Task("t", "shell"), list=of_record("h01"))


def test_r08_a_record_types_fields_reach_the_executor(house: House) -> None:
    hosts: list[tuple[Any, ...]] = []

    class Listening(FakeExecutor):
        def connect(self, host: Any, login: Any, run: Run) -> Any:
            hosts.append((host.address, host.port, dict(host.settings), login.user, login.secret and login.secret.reveal()))
            return super().connect(host, login, run)

    @frozen
    class Connects(Script):
        kind = "connects"
        needs = frozenset({Verb.COMMANDS})
        name: str

        def perform(self, run: Run) -> Outcome:
            with run.connect():
                return DONE

    record = Record("r1", "appliance", fields={"address": "10.0.0.1", "ssh": "2222", "login": "admin"})
    made = House(record, scripts=[Connects], executors=[Listening()], secrets={"r1": {"pin": "s3cret!"}})
    type = RecordType("appliance", executor="fake", host="address", port="ssh", user="login", secret="pin", settings={"strict": True})  # noqa: S106
    made.engine.define(type)
    made.engine.define(Connects("connects"))
    made.engine.demand(made.engine.put(Task("t", "connects", OnDemand()), list=of_type("appliance")).id, "r1")
    made.engine.drain()
    assert hosts == [("10.0.0.1", 2222, {"strict": True}, "admin", "s3cret!")]


# who and what


def test_a02_who_lacks_the_right_defines_nothing(house: House) -> None:
    house.vault.deny("mallory")
    with nothing_changed(house):
        with pytest.raises(NotAllowed):
            house.engine.define(shell_of(house)("mine"), by="mallory")
        with pytest.raises(NotAllowed):
            house.engine.define(RecordType("mine"), by="mallory")
        with pytest.raises(NotAllowed):
            house.engine.undefine("shell", by="mallory")


@frozen
class Odd(Script):
    kind = "odd"
    name: str
    holds: Any = None

    def perform(self, run: Run) -> Outcome:
        return DONE


@pytest.mark.parametrize(
    ("value", "case"),
    [
        (Odd(""), "'' is no name"),
        (Odd("a\nb"), "is no name"),
        (Odd(None), "None is no name"),  # type: ignore[arg-type]
        (Odd("x", {1, 2}), "no document can hold it"),
        (Odd("x", float("nan")), "no document can hold it"),
        (Odd("x", "half a character \ud800"), "no document can hold it"),
        (Odd("x", (1, 2)), "does not come back"),
        (Odd("x", {1: "a"}), "does not come back"),
        (RecordType("x", settings={"when": Daily}), "no document can hold it"),
    ],
)
def test_r10_a_definition_that_no_store_could_keep_is_refused_at_once(value: Any, case: str) -> None:
    made = House(scripts=[Odd])
    with nothing_changed(made), pytest.raises(InvalidValue) as caught:
        made.engine.define(value)
    assert case in str(caught.value)


def test_r10_a_kind_that_no_plugin_offers_is_refused_at_once(house: House) -> None:
    with nothing_changed(house):
        for value in (Odd("x"), Task("t", "work"), "shell", None):
            with pytest.raises(MissingPlugin, match="no plug-in offers this kind"):
                house.engine.define(value)  # type: ignore[arg-type]


# at start


def started(house: House, *plugins: Offer) -> Engine:
    return Engine(house.vault, house.storage.join(), plugins=Plugins(plugins, discover=False), clock=house.clock)


def test_r10_what_is_stored_and_cannot_run_here_is_named_at_the_start_with_its_tasks(house: House) -> None:
    house.engine.put(Task("weekly", "shell"), list=UNIX)
    house.engine.put(Task("daily", "work"), list=UNIX)
    with pytest.raises(MissingPlugin) as caught:
        started(house)
    assert "no plug-in offers the kind 'shell' of the definition 'shell', which weekly needs" in caught.value.case
    assert "no plug-in offers the kind 'scripted' of the definition 'work', which daily needs" in caught.value.case
    assert "no executor 'fake' is installed, for the record type 'type:unix', which daily, weekly need" in caught.value.case


@frozen
class AfterLunch(Policy):
    kind = "after_lunch"

    def wants(self, happening: Happening) -> Due | None:
        return None


def test_p08_a_policy_that_is_not_installed_any_more_is_named_at_the_start_with_its_task() -> None:
    house = House(policies=[AfterLunch])
    house.engine.define(RecordType("unix"))
    house.engine.put(Task("siesta", "work", [AfterLunch(), Daily()]), list=UNIX)
    with pytest.raises(MissingPlugin, match="no plug-in offers the policy after_lunch of the task 'siesta'"):
        started(house, Offer([house.Scripted]))
    assert started(house, Offer([house.Scripted], policies=[AfterLunch])).tasks() == house.engine.tasks()


def test_r10_what_was_removed_is_missed_by_nobody(house: House) -> None:
    for name in ("shell", "work", "type:unix"):
        house.engine.undefine(name)
    assert started(house).definitions() == {}


def test_r10_an_executor_that_is_gone_does_not_hinder_an_engine_that_serves_other_types(house: House) -> None:
    house.engine.define(RecordType("unix"))
    offer = Offer([house.Scripted, shell_of(house)])
    assert started(house, offer).definitions().keys() == house.engine.definitions().keys()


def test_r10_a_script_that_was_removed_by_force_fails_the_job_and_nothing_else(house: House) -> None:
    """A store that somebody changed by hand: the job ends with an error that says what to do."""
    house.engine.put(Task("t", "shell", Daily(at="02:30")), list=UNIX)
    document = house.storage.document("definition", "shell")
    assert document is not None
    house.storage.write([(Keep("definition", "shell", document.revision, None),)])
    house.clock.advance(hours=3)
    house.engine.drain()
    entry = house.entries()[0]
    assert (entry.state, entry.error) == (State.ERROR, "bad_configuration")
    assert "there is no script 'shell'; define it again" in entry.text
    assert house.entries()[-1].state is State.SCHEDULED  # the cadence goes on (J9)
