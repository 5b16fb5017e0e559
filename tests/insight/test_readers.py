"""Who sees what of a forecast: each is told of what they may see, and all is played (A2)."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Settings
from taskkit.errors import NotAllowed, VaultAway
from taskkit.events.clocks import Daily
from taskkit.events.policies import OnDemand
from taskkit.insight import ConcernKind, Forecast, pictures
from taskkit.outcomes import Outcome
from taskkit.plugins.runs import Run
from taskkit.selections import Everything
from taskkit.tasks import Task
from tests.engine.houses import UNIX, Crash, House, hosts
from tests.engine.nights import NIGHTLY

RIGHTS = ("task_execute", "task_manage", "task_review", "system_administrator")


def house(*, settings: Settings | None = None) -> House:
    """A nightly task on three hosts; eve has to do with the first of them alone."""
    made = House(*hosts(3), settings=settings)
    made.engine.put(NIGHTLY, list=UNIX)
    for right in RIGHTS:
        for record in ("h02", "h03"):
            made.vault.deny("eve", right, record)
    made.vault.deny("eve", "system_administrator")
    return made


def crash(run: Run) -> Outcome:
    raise Crash


def ahead(made: House, user: str | None, **said: Any) -> Forecast:
    return made.engine.forecast(None, made.clock.moment.add(days=2), durations=1800, user=user, **said)


def test_a02_a_person_is_told_of_the_runs_that_they_may_see_and_the_product_of_all() -> None:
    made = house()
    everything, hers = ahead(made, None), ahead(made, "eve")
    assert {one.record for one in everything.runs} == {"h01", "h02", "h03"}
    assert hers.runs == tuple(one for one in everything.runs if one.record == "h01") != ()


def test_a02_what_others_do_is_played_and_not_told() -> None:
    """With one worker hers waits for the others; neither loads nor names, concerns, pictures and documents tell of them."""
    made = house(settings=Settings(workers=1))
    made.vault.records.kept["h03"] = evolve(made.vault.records.kept["h03"], name="payroll")
    everything, hers = ahead(made, None, patience=10), ahead(made, "eve", patience=10)
    assert [one.start for one in hers.runs] == [one.start for one in everything.of(record="h01")]
    assert sum(load.busy for load in hers.loads) == 2 * 1800 < sum(load.busy for load in everything.loads)
    assert "payroll" in everything.names.values()
    told = str(hers.document()) + str(hers) + pictures.page(hers)
    assert not any(word in told for word in ("h02", "h03", "payroll"))
    assert {name for one in hers.worries(ConcernKind.STARVED) for name in one.records} <= {"h01"}


def test_a02_what_does_not_run_and_what_runs_already_is_told_to_who_may_see_it() -> None:
    made = house()
    made.engine.define(made.Scripted("other"))
    asked = made.engine.put(Task("asked", "other", OnDemand()), list=UNIX)
    made.play.says("h02", crash)
    made.engine.demand(asked.id, "h02")
    with pytest.raises(Crash):
        made.engine.drain()
    made.engine.suspend_task(next(task.id for task in made.engine.tasks(UNIX) if task.name == "nightly"), why="by hand")
    assert {one.record for one in ahead(made, None).idle} == {"h01", "h02", "h03"}
    assert {one.record for one in ahead(made, None).runs} == {"h02"}
    hers = ahead(made, "eve")
    assert ({one.record for one in hers.idle}, hers.runs) == ({"h01"}, ())


def test_a02_who_manages_a_task_or_asked_for_the_run_is_told_of_it() -> None:
    made = house()
    made.engine.define(made.Scripted("tour"))
    for name, managers in (("hers", ["eve"]), ("theirs", ["ann"])):
        made.engine.put(Task(name, "tour", Daily(at="05:00"), selection=Everything(), managers=managers))
    assert {one.task_name for one in ahead(made, "eve").runs if one.record != "h01"} == {"hers"}


def test_a02_a_change_is_played_for_who_may_make_it() -> None:
    made = house()
    [task] = made.engine.tasks(UNIX)
    later = evolve(task, policies=[Daily(at="04:00")])
    assert ahead(made, None, changes=[later]).runs[0].start.hour == 4
    for said in ({"changes": [later]}, {"without": [task.id]}, {"changes": [made.Scripted("new")]}):
        made.vault.deny("eve", "manage_definitions")
        with pytest.raises(NotAllowed, match="eve"):
            ahead(made, "eve", **said)
    assert ahead(made, "ann", changes=[later]).runs[0].start.hour == 4
    assert made.engine.task(task.id) == task


def test_a_vault_that_does_not_answer_is_told_of() -> None:
    made = house()

    def may(user: str | None, right: str, record: str | None = None) -> bool:
        raise ConnectionError("no route")

    made.vault.rights.may = may  # type: ignore[method-assign]
    with pytest.raises(VaultAway):
        ahead(made, "eve")
