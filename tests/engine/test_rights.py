"""Whose rights a run has, who may do what, and what is asked of the vault before (A1 to A4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import pendulum
import pytest

from taskkit.engine import RIGHTS, Engine
from taskkit.errors import NotAllowed, VaultAway
from taskkit.events import Daily
from taskkit.events.policies import OnDemand
from taskkit.outcomes import DONE, Done, Outcome
from taskkit.plugins.notifiers.inbox import Inbox
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Operation
from taskkit.records import RecordType
from taskkit.selections import Everything
from taskkit.states import State
from taskkit.targets import Target
from taskkit.tasks import ConsentRule, Task, of_record
from taskkit.vaults import Rights, Vault
from tests.engine.houses import UNIX, House, Play, hosts, scripted


def rotate(**settings: Any) -> Task:
    return Task("rotate", "work", [Daily(at="02:00"), OnDemand()], **settings)


def put(house: House, task: Task | None = None, list: str = UNIX, by: str | None = "anna") -> Task:
    return house.engine.put(task or rotate(), list=list, by=by)


def refused(action: Callable[[], object], right: str | None = None) -> None:
    with pytest.raises(NotAllowed, match=right):
        action()


# A1: as whom it runs


def test_a01_a_task_runs_as_its_creator() -> None:
    house = House(*hosts(1))
    task = put(house)
    assert (task.runs_as, task.owner) == ("anna", "anna")


@pytest.mark.parametrize(
    "change", [{"script": "other"}, {"target": Target.REFERENCED}, {"shadow": "h02"}], ids=["script", "target", "shadow"]
)
def test_a01_whoever_changes_what_it_does_answers_for_it(change: dict[str, Any]) -> None:
    house = House(*hosts(2))
    house.engine.define(house.Scripted("other"))
    task = put(house)
    changed = house.engine.edit(attrs.evolve(task, **change), by="bert")
    assert (changed.runs_as, changed.owner) == ("bert", "anna")


def test_a01_whoever_changes_the_selection_answers_for_it() -> None:
    house = House(*hosts(2))
    task = house.engine.put(Task("restart", "work", selection=Everything()), by="anna")
    assert house.engine.edit(attrs.evolve(task, selection=~Everything()), by="bert").runs_as == "bert"


@pytest.mark.parametrize(
    "change",
    [{"name": "x"}, {"policies": [Daily(at="03:00")]}, {"description": "x"}, {"active": False}, {"managers": {"bert"}}, {"tags": {"x"}}],
    ids=lambda change: next(iter(change)),
)
def test_a01_who_changes_anything_else_does_not(change: dict[str, Any]) -> None:
    house = House(*hosts(1))
    assert house.engine.edit(attrs.evolve(put(house), **change), by="bert").runs_as == "anna"


def test_a01_whoever_changes_the_settings_of_its_script_answers_for_it() -> None:
    house = House(*hosts(1))
    task = put(house)
    house.engine.define(house.Scripted("work", says="something else"), by="bert")
    assert house.engine.task(task.id).runs_as == "bert"
    (fact,) = house.engine.facts(kinds=["TaskEdited"])
    assert (fact.task, fact.who, fact.details) == (task.id, "bert", {"changed": ["settings"], "runs_as": "bert"})


def test_a01_defining_a_script_as_it_is_changes_nothing() -> None:
    house = House(*hosts(1))
    task = put(house)
    assert house.engine.define(house.Scripted("work"), by="bert") == 1
    assert house.engine.task(task.id) == task
    assert house.engine.task(task.id).revision == task.revision


def test_a01_whoever_changes_the_shadow_account_of_a_list_answers_for_its_tasks() -> None:
    house = House(*hosts(3))
    house.engine.define(house.Scripted("other"))
    plain, own = put(house), put(house, Task("other", "other", shadow="h03"))
    house.engine.set_shadow(UNIX, "h02", by="bert")
    assert house.engine.task(plain.id).runs_as == "bert"
    assert house.engine.task(own.id).runs_as == "anna"  # it has a shadow account of its own


def test_a01_demanding_never_changes_it() -> None:
    house = House(*hosts(1))
    task = put(house)
    house.engine.demand(task.id, "h01", by="bert")
    house.engine.drain()
    assert house.engine.task(task.id).runs_as == "anna"


def test_a01_nobody_makes_a_task_run_as_somebody_else() -> None:
    house = House(*hosts(1))
    task = put(house)
    house.vault.deny("eve", "system_administrator")
    house.engine.edit(attrs.evolve(task, managers={"eve"}), by="anna")
    task = house.engine.task(task.id)
    refused(lambda: house.engine.edit(attrs.evolve(task, runs_as="root"), by="eve"), "system_administrator")
    refused(lambda: house.engine.put(Task("mine", "work", runs_as="root"), by="eve"), "system_administrator")
    refused(lambda: house.engine.edit(attrs.evolve(task, name="x", runs_as="root"), by="eve"))
    assert house.engine.task(task.id).runs_as == "anna"


def test_a01_nobody_makes_a_task_run_as_nobody() -> None:
    """Without a person a task has the product's rights."""
    house = House(*hosts(1))
    assert house.engine.edit(attrs.evolve(put(house), runs_as=None), by="bert").runs_as == "bert"


def test_a01_the_product_itself_may_say_as_whom() -> None:
    house = House(*hosts(1))
    task = put(house, rotate(runs_as="batch"), by=None)
    assert task.runs_as == "batch"
    house.engine.define(house.Scripted("other"))
    assert house.engine.edit(attrs.evolve(task, script="other")).runs_as == "batch"


# A1: rights are checked when it runs


def test_a01_a_lost_right_suspends_the_task_with_a_notice() -> None:
    inbox = Inbox("TaskSuspended")
    house = House(*hosts(1), notifiers=[_named(inbox)])
    task = put(house)
    house.vault.deny("anna", "task_execute", "h01")
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.performed == []
    entry = house.entries(states=State.CANCELED)[0]
    assert (entry.why, entry.text) == ("rights", "'anna', as whom it runs, lacks the right 'task_execute'")
    (notice,) = inbox.notices
    assert (notice.task, notice.record, notice.details) == (task.id, "h01", {"why": "rights"})
    house.vault.allow("anna", "task_execute", "h01")
    house.clock.advance(days=1)
    house.engine.drain()
    assert house.play.performed == []  # until somebody resumes it
    house.engine.resume_task(task.id, "h01")
    house.engine.drain()
    assert house.play.count("h01") == 1


def _named(inbox: Inbox) -> Inbox:
    inbox.name = "told"  # type: ignore[misc]
    return inbox


def test_a01_a_disabled_person_suspends_a_run_over_many_and_it_is_not_silently_empty() -> None:
    house = House(*hosts(2))
    house.vault.records.find = lambda selection, viewer: iter(())  # type: ignore[method-assign]  # what a vault shows to a disabled person
    task = house.engine.put(Task("restart", "work", selection=Everything()), by="anna")
    house.vault.disable("anna")
    id = house.engine.demand(task.id, by="bert")
    house.engine.drain()
    entry = house.engine.job(id)
    assert (entry.state, entry.why, entry.text) == (State.CANCELED, "rights", "'anna', as whom it runs, is not active")
    assert house.engine.overview(list=task.list).entries[0].status == "suspended"
    assert [fact.details["why"] for fact in house.engine.facts(kinds=["TaskSuspended"])] == ["rights"]


def test_r03_nobody_logs_in_with_a_shadow_account_on_whose_record_they_may_run_nothing() -> None:
    house = House(*hosts(2))
    put(house, rotate(shadow="h02"))
    house.vault.deny("anna", "task_execute", "h02")
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.count("h01") == 0
    entry = house.entries(record="h01", states=State.CANCELED)[0]
    assert (entry.why, entry.text) == ("rights", "'anna', as whom it runs, lacks the right 'task_execute' on 'h02'")


def test_a01_the_rights_are_the_persons_behind_the_task_and_not_the_demanders() -> None:
    house = House(*hosts(1))
    task = put(house)
    house.vault.deny("bert", "task_manage")
    house.engine.demand(task.id, "h01", by="bert")
    house.vault.deny("anna", "task_execute")
    house.engine.drain()
    assert house.play.performed == []


def test_a01_every_read_of_the_vault_for_a_task_names_the_viewer() -> None:
    seen: list[str | None] = []

    def reading(run: Run) -> Outcome:
        assert run.record is not None
        run.vault.secrets.values(run.record.id, run)
        seen.append(run.viewer)
        return DONE

    house = House(*hosts(2))
    house.play.always = {record.id: reading for record in hosts(2)}
    task = house.engine.put(Task("restart", "work", selection=Everything()), by="anna")
    house.engine.demand(task.id, by="bert")
    house.engine.drain()
    assert house.vault.records.read_by == ["anna"]
    assert house.vault.secrets.read_by == seen == ["anna", "anna"]


# A1: owners


def test_a01_tasks_are_listed_by_owner() -> None:
    house = House(*hosts(1))
    mine, theirs = house.engine.put(Task("mine", "work"), by="anna"), house.engine.put(Task("theirs", "work"), by="bert")
    assert [task.id for task in house.engine.tasks(owner="anna")] == [mine.id]
    assert [task.id for task in house.engine.tasks(owner="bert")] == [theirs.id]


def test_a01_tasks_are_handed_over_in_bulk() -> None:
    house = House(*hosts(1))
    for name in ("one", "two"):
        house.engine.put(Task(name, "work"), by="anna")
    lent = house.engine.put(Task("lent", "work", owner="carla", runs_as="anna"))
    other = house.engine.put(Task("other", "work"), by="dora")
    assert house.engine.hand_over("anna", "bert", by="root") == 3
    assert {task.name: task.runs_as for task in house.engine.tasks(owner="bert")} == {"one": "bert", "two": "bert"}
    assert (house.engine.task(lent.id).owner, house.engine.task(lent.id).runs_as) == ("carla", "bert")
    assert house.engine.task(other.id).runs_as == "dora"
    assert house.engine.tasks(owner="anna") == []
    assert [fact.who for fact in house.engine.facts(kinds=["TaskEdited"])] == ["root"] * 3


def test_a01_only_an_administrator_hands_over() -> None:
    """Who hands a task over makes it run with somebody else's rights."""
    house = House(*hosts(1))
    house.engine.put(Task("trap", "work"), by="eve")
    house.vault.deny("eve", "system_administrator")
    refused(lambda: house.engine.hand_over("eve", "root", by="eve"), "system_administrator")
    assert house.engine.tasks(owner="eve")[0].runs_as == "eve"


# A2: every right by its name


class Watching(Rights):
    """Allows all but what is named, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str | None]] = set()

    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        self.asked.add((right, record))
        return False


class Watched:
    """A house whose vault says no to everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.house = House(*hosts(2), scripts=[scripted(Play(), f"of_{right}", right=right) for right in sorted(RIGHTS)])
        self.rights, vault = Watching(), self.house.vault
        self.house.vault = Vault(vault.records, rights=self.rights)  # type: ignore[assignment]
        self.engine: Engine = self.house.enter()

    def asks(self, action: Callable[[Engine], object]) -> set[tuple[str, str | None]]:
        self.rights.asked.clear()
        with pytest.raises(NotAllowed):
            action(self.engine)
        return self.rights.asked


SCRIPT_RIGHTS = sorted(right for right in RIGHTS if right.startswith("manage_") and right != "manage_definitions")


@pytest.mark.parametrize("right", SCRIPT_RIGHTS)
def test_a02_the_right_of_its_kind_is_asked_of_who_manages_defines_and_runs_a_system_task(right: str) -> None:
    watched = Watched()
    made: Any = watched.engine.plugins.scripts[f"of_{right}"]
    assert watched.asks(lambda engine: engine.define(made("it"), by="eve")) == {(right, None)}
    watched.engine.define(made("it"))
    assert watched.asks(lambda engine: engine.put(Task("t", "it"), by="eve")) == {(right, None)}
    task = watched.engine.put(Task("t", "it", owner="eve"))
    assert (right, None) in watched.asks(lambda engine: engine.edit(attrs.evolve(task, name="x"), by="eve"))
    assert (right, None) in watched.asks(lambda engine: engine.demand(task.id, by="eve"))
    assert (right, None) in watched.asks(lambda engine: engine.undefine("it", by="eve"))


def test_a02_a_script_without_a_right_needs_none_on_the_systems_list() -> None:
    watched = Watched()
    task = watched.engine.put(Task("mail", "work"), by="eve")
    watched.engine.edit(attrs.evolve(task, name="letters"), by="eve")
    assert watched.rights.asked == set()


CALLS: list[tuple[str, str, str | None, Callable[[Engine, Task, str], object]]] = [
    ("system_administrator", "put on a type", None, lambda engine, task, job: engine.put(Task("x", "work"), list=UNIX, by="eve")),
    ("system_administrator", "edit on a type", None, lambda engine, task, job: engine.edit(attrs.evolve(task, name="x"), by="eve")),
    ("system_administrator", "remove from a type", None, lambda engine, task, job: engine.remove(task.id, by="eve")),
    ("system_administrator", "shadow of a type", None, lambda engine, task, job: engine.set_shadow(UNIX, "h02", by="eve")),
    ("system_administrator", "suspend", None, lambda engine, task, job: engine.suspend_task(task.id, by="eve")),
    ("system_administrator", "resume", None, lambda engine, task, job: engine.resume_task(task.id, by="eve")),
    ("system_administrator", "next run", None, lambda engine, task, job: engine.set_next_run(task.id, None, "h01", by="eve")),
    ("system_administrator", "hand over", None, lambda engine, task, job: engine.hand_over("a", "b", by="eve")),
    ("system_administrator", "pause", None, lambda engine, task, job: engine.pause("engine", by="eve", why="x")),
    ("system_administrator", "go on", None, lambda engine, task, job: engine.resume("engine", by="eve")),
    ("system_administrator", "record type", None, lambda engine, task, job: engine.define(RecordType("unix", host="at"), by="eve")),
    ("manage_definitions", "define", None, lambda engine, task, job: engine.define(engine.definition("work"), by="eve")),
    ("manage_definitions", "undefine", None, lambda engine, task, job: engine.undefine("work", by="eve")),
    ("manage_logbook", "facts", None, lambda engine, task, job: engine.facts(user="eve")),
    ("manage_logbook", "archive", None, lambda engine, task, job: engine.archive(pendulum.datetime(2026, 1, 1), list, by="eve")),
    ("task_manage", "make unique", "h02", lambda engine, task, job: engine.make_unique("h02", by="eve")),
    ("task_manage", "put on a record", "h01", lambda engine, task, job: engine.put(Task("x", "work"), list=of_record("h01"), by="eve")),
    ("task_execute", "demand", "h01", lambda engine, task, job: engine.demand(task.id, "h01", by="eve")),
    ("task_execute", "run now", "h01", lambda engine, task, job: engine.run_now(job, by="eve")),
    ("task_execute", "cancel", "h01", lambda engine, task, job: engine.cancel(job, by="eve")),
    ("task_execute", "stop", "h01", lambda engine, task, job: engine.request_stop(job, by="eve")),
    ("task_review", "facts of a record", "h01", lambda engine, task, job: engine.facts(record="h01", user="eve")),
]


@pytest.mark.parametrize(("right", "record", "call"), [(r, w, c) for r, _, w, c in CALLS], ids=[what for _, what, _, _ in CALLS])
def test_a02_the_vault_is_asked_by_name(right: str, record: str | None, call: Callable[[Engine, Task, str], object]) -> None:
    watched = Watched()
    task = watched.engine.put(rotate(), list=UNIX)
    (job,) = [entry.id for entry in watched.engine.history(record="h01").entries]
    assert (right, record) in watched.asks(lambda engine: call(engine, task, job))


def test_a02_force_run_and_task_review_are_asked_for_too() -> None:
    house = House(*hosts(1))
    task = put(house, rotate(consent=ConsentRule(1)))
    house.vault.deny("eve", "force_run")
    refused(lambda: house.engine.demand(task.id, "h01", by="eve", force=True), "force_run")
    refused(lambda: house.engine.run_now(house.entries()[0].id, by="eve", force=True), "force_run")
    id = house.engine.demand(task.id, "h01", by="eve")
    house.vault.deny("bert", "task_review", "h01")
    refused(lambda: house.engine.consent(id, by="bert"), "task_review")
    refused(lambda: house.engine.decline(id, by="bert"), "task_review")


def test_a02_every_right_has_its_test() -> None:
    tested = {right for right, *_ in CALLS} | set(SCRIPT_RIGHTS) | {"force_run", "task_review"}
    assert tested == RIGHTS


def test_a02_a_vault_that_says_no_leaves_everything_as_it_was() -> None:
    watched = Watched()
    task = watched.engine.put(rotate(), list=UNIX)
    (job,) = [entry.id for entry in watched.engine.history(record="h01").entries]
    before = [fact.kind for fact in watched.engine.facts()], watched.engine.task(task.id), watched.engine.job(job)
    for _, _, _, call in CALLS:
        watched.asks(lambda engine, call=call: call(engine, task, job))  # type: ignore[misc]
    assert ([fact.kind for fact in watched.engine.facts()], watched.engine.task(task.id), watched.engine.job(job)) == before


def test_a02_who_manages_a_record_manages_how_tasks_stand_with_it() -> None:
    house = House(*hosts(2))
    task = put(house)
    house.vault.deny("rita", "system_administrator")
    house.vault.deny("rita", "task_manage", "h02")
    house.engine.suspend_task(task.id, "h01", by="rita")
    house.engine.set_next_run(task.id, None, "h01", by="rita")
    house.engine.resume_task(task.id, "h01", by="rita")
    for record in ("h02", None):
        refused(lambda record=record: house.engine.suspend_task(task.id, record, by="rita"))  # type: ignore[misc]


def test_a07_an_execution_is_shown_to_who_may_see_it() -> None:
    house = House(*hosts(1))
    id = house.engine.demand(house.engine.put(Task("restart", "work", selection=Everything()), by="anna").id, by="bert")
    house.engine.drain()
    house.vault.deny("eve")
    refused(lambda: house.engine.execution(id, user="eve"))
    assert house.engine.execution(id, user="bert") is not None


# A3: managers


def test_a03_managers_are_the_administrator_and_the_administrators_unless_others_are_named() -> None:
    assert put(House(*hosts(1))).managers == {"administrator", "administrators"}


def test_a03_a_manager_may_change_the_task_alone_or_by_a_group() -> None:
    house = House(*hosts(1))
    house.vault.rights.groups = {"operators": {"olga"}}
    task = put(house, rotate(managers={"mona", "operators"}))
    for user in ("mona", "olga", "eve"):
        house.vault.deny(user, "system_administrator")
    for user in ("mona", "olga"):
        task = house.engine.edit(attrs.evolve(task, description=f"by {user}"), by=user)
    refused(lambda: house.engine.edit(attrs.evolve(task, description="by eve"), by="eve"), "system_administrator")


def test_a03_a_task_of_the_system_is_changed_by_its_managers_only() -> None:
    house = House()
    house.vault.deny("eve", "system_administrator")
    task = house.engine.put(Task("mail", "work"), by="anna")
    for action in (
        lambda: house.engine.edit(attrs.evolve(task, name="x"), by="eve"),
        lambda: house.engine.remove(task.id, by="eve"),
        lambda: house.engine.deactivate(task.id, by="eve"),
        lambda: house.engine.suspend_task(task.id, by="eve"),
    ):
        refused(action)
    assert house.engine.edit(attrs.evolve(task, name="x"), by="anna").name == "x"


def test_a03_who_puts_a_task_proves_nothing_by_naming_themselves_its_manager() -> None:
    house = House(*hosts(1))
    house.vault.deny("eve", "system_administrator")
    refused(lambda: put(house, rotate(managers={"eve"}, owner="eve"), by="eve"), "system_administrator")
    assert house.engine.tasks() == []


def test_a03_a_manager_who_changes_the_script_needs_the_right_of_the_new_one() -> None:
    play = Play()
    seal = scripted(play, "seal", right="manage_seal_templates")
    house = House(scripts=[seal], play=play)
    house.engine.define(seal("seal all"))
    house.vault.deny("mona", "manage_seal_templates")
    task = house.engine.put(Task("mail", "work", managers={"mona"}), by="anna")
    refused(lambda: house.engine.edit(attrs.evolve(task, script="seal all"), by="mona"), "manage_seal_templates")


def test_a03_the_owner_manages_the_task() -> None:
    house = House()
    house.vault.deny("anna", "system_administrator")
    task = house.engine.put(Task("mail", "work"), by="anna")
    assert house.engine.deactivate(task.id, by="anna").active is False


# A4: the effect, and never the secret


def test_a04_who_may_execute_gets_the_effect_and_the_scrubbed_result_and_never_the_secret() -> None:
    def telling(run: Run) -> Outcome:
        assert run.record is not None
        secret = run.keep(run.vault.secrets.values(run.record.id, run).current["password"])
        word = secret.reveal()
        moment = run.now()
        run.operation(Operation("login", "done", moment, moment, output=f"welcome, {word}"))
        run.save({"note": word})
        run.progress(1, 2, word)
        return Done({"said": f"the password is {word}"})

    house = House(*hosts(1), secrets={"h01": {"password": "hunter2-and-more"}})
    for right in ("task_manage", "system_administrator", "task_review"):
        house.vault.deny("leo", right)
    house.play.says("h01", telling)
    task = put(house)
    id = house.engine.demand(task.id, "h01", by="leo")
    house.engine.drain()
    entry = house.engine.job(id, user="leo")
    assert (entry.state, entry.operations[0]["name"]) == (State.COMPLETED, "login")
    everything = [str(entry), str(house.engine.storage.job(id)), *(str(fact.document()) for fact in house.engine.facts())]
    assert not any("hunter2" in text for text in everything)
    assert house.engine.demandable("h01", user="leo") == [task]


def test_a04_who_may_not_execute_is_offered_nothing_and_sees_nothing() -> None:
    house = House(*hosts(1))
    task = put(house)
    house.vault.deny("eve")
    assert house.engine.demandable("h01", user="eve") == []
    assert house.engine.history(user="eve").entries == ()
    refused(lambda: house.engine.job(house.entries()[0].id, user="eve"))
    refused(lambda: house.engine.demand(task.id, "h01", by="eve"), "task_execute")


def test_a04_who_may_execute_on_one_record_has_no_right_on_another() -> None:
    house = House(*hosts(2))
    task = put(house)
    for right in ("task_execute", "task_manage", "task_review"):
        house.vault.deny("leo", right, "h02")
    house.vault.deny("leo", "system_administrator")
    house.engine.demand(task.id, "h01", by="leo")
    refused(lambda: house.engine.demand(task.id, "h02", by="leo"), "task_execute")
    assert {entry.record for entry in house.engine.history(user="leo").entries} == {"h01"}


def test_a04_who_may_execute_a_task_may_not_change_it() -> None:
    house = House(*hosts(1))
    task = put(house)
    for right in ("task_manage", "system_administrator"):
        house.vault.deny("leo", right)
    refused(lambda: house.engine.edit(attrs.evolve(task, name="x"), by="leo"))
    refused(lambda: house.engine.make_unique("h01", by="leo"), "task_manage")


def test_a_vault_that_does_not_answer_about_a_right_is_no_yes() -> None:
    class Away(Rights):
        def may(self, user: str | None, right: str, record: str | None = None) -> bool:
            raise ConnectionError("10.0.0.1")

        def members(self, group: str) -> Iterable[str]:
            raise ConnectionError("10.0.0.1")

    house = House(*hosts(1))
    task = put(house)
    house.vault = Vault(house.vault.records, rights=Away())  # type: ignore[assignment]
    engine = house.enter()
    with pytest.raises(VaultAway, match="ConnectionError") as caught:
        engine.demand(task.id, "h01", by="anna")
    assert "10.0.0.1" not in str(caught.value)
    house.clock.advance(hours=3)
    engine.drain()
    assert (house.play.performed, house.entries()[0].why) == ([], "vault_away")
