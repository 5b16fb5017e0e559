"""Tasks as values: what they hold, what they refuse, and how their intervals become one."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest
from attrs import evolve

from taskkit.errors import InvalidValue, NeverFires
from taskkit.events import AnyOf, Daily, Monthly, OpenTime, Spread, TimeWindow, Weekly
from taskkit.events.policies import AfterCheckIn, OnDemand
from taskkit.selections import Everything
from taskkit.targets import Target
from taskkit.tasks import SYSTEM, ConsentRule, Fallback, Guard, Task, Waves, of_record, of_type

NOON = pendulum.datetime(2026, 3, 2, 12, tz="UTC")


def test_t09_the_intervals_of_a_task_are_one() -> None:
    task = Task("t", "s", [Daily(at="02:30"), OnDemand(), Weekly(on="sun", at="04:00")])
    assert task.interval == AnyOf(Daily(at="02:30"), Weekly(on="sun", at="04:00"))
    assert Task("t", "s", Daily()).interval == Daily()
    assert Task("t", "s", [OnDemand(), AfterCheckIn()]).interval is None


def test_a_changed_task_has_the_interval_of_its_policies() -> None:
    task = Task("t", "s", Daily(at="02:30"))
    assert evolve(task, policies=[Daily(at="03:30")]).interval == Daily(at="03:30")


def test_t16_an_interval_that_counts_from_nowhere_counts_from_the_moment_it_is_kept() -> None:
    kept = Task("t", "s", [Daily(3, at="02:30"), OnDemand()]).anchored(NOON)
    later = kept.anchored(NOON.add(days=1))
    assert later == kept != Task("t", "s", [Daily(3, at="02:30"), OnDemand()])


def test_a_task_is_demandable_where_it_says_so() -> None:
    assert Task("t", "s", OnDemand()).demandable
    assert not Task("t", "s", [Daily(), AfterCheckIn()]).demandable


def test_r01_a_task_belongs_to_the_system_a_type_or_a_record() -> None:
    assert (of_type("unix"), of_record("r1")) == ("type:unix", "record:r1")
    assert Task("t", "s").list == SYSTEM
    assert Task("t", "s").is_system
    assert not Task("t", "s", list=of_type("unix")).is_system


def test_the_revision_is_no_part_of_what_a_task_is() -> None:
    assert Task("t", "s", revision=1) == Task("t", "s", revision=2)


def test_a03_the_administrator_manages_a_task_unless_it_names_others() -> None:
    assert Task("t", "s").managers == {"administrator", "administrators"}
    assert Task("t", "s", managers="ops").managers == {"ops"}


def test_names_of_targets_are_taken_as_text() -> None:
    assert Task("t", "s", target="referenced").target is Target.REFERENCED


@pytest.mark.parametrize(
    ("changes", "case"),
    [
        ({"name": ""}, "it is no name"),
        ({"name": "a\nb"}, "it is no name"),
        ({"name": None}, "it is no name"),
        ({"script": 3}, "it is no name"),
        ({"policies": "daily"}, "'daily' is no policy"),
        ({"policies": [Daily(), None]}, "None is no policy"),
        ({"policies": [OnDemand]}, "is no policy"),
        ({"policies": TimeWindow("* 2 * * *")}, "is no policy"),
        ({"shadow": ""}, "it is no name"),
        ({"selection": "all"}, "it is a str"),
        ({"window": Daily()}, "give a TimeWindow"),
        ({"window": "* 2 * * *"}, "give a TimeWindow"),
        ({"spread": 30}, "give Spread"),
        ({"fallback": 3}, "it is a int"),
        ({"waves": None}, "it is a NoneType"),
        ({"deadline": 0}, "no number above 0"),
        ({"deadline": True}, "no number above 0"),
        ({"max_lateness": 0}, "no whole number"),
        ({"at_once": 0}, "no whole number"),
        ({"active": 1}, "it is a int"),
        ({"managers": None}, "give a text"),
        ({"tags": [1]}, "give a text"),
        ({"description": None}, "it is a NoneType"),
        ({"owner": ""}, "it is no name"),
        ({"pool": 3}, "it is no name"),
        ({"list": ""}, "it is no name"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused_when_it_is_made(changes: dict[str, Any], case: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Task(**{"name": "t", "script": "s"} | changes)
    assert case in str(caught.value)


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(InvalidValue, match="no such target; choose itself, referenced, shadow"):
        Task("t", "s", target="elsewhere")


def test_r05_a_window_that_never_opens_is_refused_before_there_is_a_task() -> None:
    with pytest.raises(NeverFires, match="it never opens"):
        Task("t", "s", window=TimeWindow("* 2 30 2 *"))
    with pytest.raises(NeverFires, match="its blackouts leave nothing of it"):
        Task("t", "s", window=OpenTime(TimeWindow("* 2 * * *"), TimeWindow("* 1-3 * * *")))


def test_t14_a_rule_that_never_fires_is_refused_before_there_is_a_task() -> None:
    with pytest.raises(NeverFires):
        Task("t", "s", Monthly(30, months="february", missing_day="skip"))


@pytest.mark.parametrize(
    ("make", "case"),
    [
        (lambda: Fallback(0), "no whole number"),
        (lambda: Fallback(cycles=0), "no whole number"),
        (lambda: Fallback(window="* 2 * * *"), "give a TimeWindow"),  # type: ignore[arg-type]
        (lambda: ConsentRule(0), "no whole number"),
        (lambda: ConsentRule(1, minutes=0), "no whole number"),
        (lambda: Waves(-1), "no whole number"),
        (lambda: Waves(size=0), "no whole number"),
        (lambda: Waves(halt=1.5), "no share"),
        (lambda: Guard(most=0), "no whole number"),
        (lambda: Guard(share=0), "no share"),
        (lambda: Guard(share=True), "no share"),
        (lambda: Guard(burst="many"), "no whole number"),  # type: ignore[arg-type]
        (lambda: Spread(0), "minutes"),
    ],
)
def test_what_surrounds_a_task_is_refused_when_it_is_made(make: Any, case: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        make()
    assert case in str(caught.value)


def test_what_surrounds_a_task_has_defaults_that_do_nothing() -> None:
    task = Task("t", "s", selection=Everything())
    assert (task.waves, task.guard) == (Waves(0, None, None), Guard(None, None, None))
    assert (task.window, task.spread, task.fallback, task.consent, task.max_lateness, task.at_once) == (None,) * 6
