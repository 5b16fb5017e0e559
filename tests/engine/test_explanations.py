"""Why it ran, why not, and when it will: every deferral, skip and miss has its explanation."""

from __future__ import annotations

import json
import random
from datetime import datetime
from typing import Any

import pendulum
import pytest

from taskkit.engine import Factor, Settings, Tense
from taskkit.engine._stories import ENDS
from taskkit.engine._words import FACTS, PASSED, WHYS, Words
from taskkit.errors import InvalidValue, NaiveMoment, NotAllowed, NotFound, VaultAway
from taskkit.events import Daily, Hourly, MaxAge, Minutely, OpenTime, RandomDays, TimeWindow
from taskkit.events.happenings import CheckedIn, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock, OnDemand
from taskkit.events.spreads import Spread
from taskkit.facts import KINDS, Fact
from taskkit.instants import instant
from taskkit.jobs import Why
from taskkit.outcomes import ErrorClass, NotDone
from taskkit.plugins.runs import Run
from taskkit.records import Record
from taskkit.selections import Everything
from taskkit.states import FINAL, State
from taskkit.targets import Target
from taskkit.tasks import Fallback, Task, of_type
from tests.engine.houses import START, UNIX, Crash, House, Play, hosts, kept, scripted
from tests.engine.nights import NIGHTLY, moody, with_task
from tests.engine.scenes import SCENES, Scene


def test_each_reason_to_wait_or_end_each_passed_happening_and_each_end_has_its_scene() -> None:
    passed = {f"passed {why}" for why in ("inactive", "suspended", "own_origin", "repeated", "ended", "no_record")}
    ends = {"completed", "error", "uncertain"}
    assert set(SCENES) >= {why.value for why in Why} | passed | ends
    assert {state.value for state in FINAL} <= ends | {"canceled", "missed", "merged", "expired"}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_a06_what_was_is_told_from_facts_alone(scene: Scene) -> None:
    house, task, record, at = scene.play()
    house.clock.advance(seconds=1)
    before = kept(house.storage)
    found = house.engine.explain(task, record, at)
    assert found.tense is Tense.PAST
    assert scene.past in found.answer
    assert found.find(scene.factor), str(found)
    assert json.loads(json.dumps(found.document()))["answer"] == found.answer
    assert kept(house.storage) == before


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_how_it_stands_now_is_told_from_jobs_gates_and_rules(scene: Scene) -> None:
    house, task, record, _ = scene.play()
    before = kept(house.storage)
    found = house.engine.explain(task, record)
    assert (found.tense, found.at) == (Tense.NOW, house.clock.moment)
    assert scene.now in found.answer, str(found)
    assert (found.run is not None) == found.answer.startswith("runs")
    assert kept(house.storage) == before


# words


def test_every_reason_and_every_fact_about_jobs_and_tasks_has_words() -> None:
    of_the_log = {"ChainBegan", "KeyTaken", "HistoryPurged", "Resealed", "NotifierFailed", "Reconciled"}
    of_others = {"ClockSkewed", "ClockRighted", "Defined", "Undefined", "ListEdited", "EngineFailed", "PluginAbandoned"}
    assert set(WHYS) == set(Why)
    assert set(PASSED) == {name.removeprefix("passed ") for name in SCENES if name.startswith("passed ")}
    assert set(FACTS) == KINDS - of_the_log - of_others
    assert set(ENDS) <= KINDS
    assert {factor for factor, _ in (*WHYS.values(), *PASSED.values(), *FACTS.values())} <= set(Factor)


def test_a_fact_of_an_older_version_that_lacks_details_is_told_all_the_same() -> None:
    _, task = with_task()
    for kind in FACTS:
        fact = Fact(kind, instant(START), "j1", task.id, task.line, "h01", None, {"why": "unheard of"})
        assert "{" not in Words(task).told(fact).text


# when it will


def test_what_is_to_come_is_told_by_the_rules() -> None:
    house, task = with_task(task=Task("nightly", "work", Daily(at="02:30", tz="Europe/Berlin")))
    found = house.engine.explain(task.id, "h01", START.add(days=26, hours=12))
    assert (found.tense, found.answer) == (Tense.FUTURE, "nothing is due then; it runs Sun 2026-03-29 03:30 CEST")
    assert found.run == pendulum.datetime(2026, 3, 29, 3, 30, tz="Europe/Berlin")
    assert found.find(Factor.CLOCK)[0].text == "the clock leaves 02:30 out on that day"
    assert house.engine.explain(task.id, "h01", found.run).answer == "runs Sun 2026-03-29 03:30 CEST"


def test_t13_a_next_run_that_somebody_set_takes_the_place_of_those_before_it() -> None:
    house, task = with_task()
    house.engine.set_next_run(task.id, START.add(days=3), "h01")
    found = house.engine.explain(task.id, "h01", START.add(hours=5))
    assert found.run == START.add(days=3)
    assert [part.text for part in found.find(Factor.NEXT_RUN)] == ["somebody set its next run: Thu 2026-03-05 00:00 UTC"]
    assert house.engine.explain(task.id, "h01", START.add(days=3, hours=1)).run == START.add(days=3, hours=2, minutes=30)


def test_r05_a_blackout_that_puts_a_run_off_is_named_before_and_after() -> None:
    window = OpenTime(None, [TimeWindow("* * 3 3 *")])
    house, task = with_task(task=Task("nightly", "work", Daily(at="02:30"), window=window))
    at = START.add(days=1, hours=2, minutes=30)
    found = house.engine.explain(task.id, "h01", START.add(days=1))
    assert found.run == START.add(days=2)
    named = "all day, on day 3 of the month in March, UTC"
    assert {named in part.text for part in found.find(Factor.BLACKOUT)} == {True}
    house.clock.advance(days=1)
    house.engine.drain()
    house.clock.advance(days=1)
    house.engine.drain()
    house.clock.advance(hours=1)
    found = house.engine.explain(task.id, "h01", at)
    assert found.answer.startswith(f"waited until Wed 2026-03-04 00:00 UTC (in a blackout, {named}); then it ran")
    assert {named in part.text for part in found.find(Factor.BLACKOUT)} == {True}


def test_t04_a_wall_time_that_the_clock_leaves_out_is_told_before_and_after() -> None:
    rule = Daily(at="02:30", tz="Europe/Berlin")
    house, task = with_task(task=Task("nightly", "work", rule), start=pendulum.datetime(2026, 3, 28, 12, tz="UTC"))
    told = "the clock leaves 02:30 out on that day"
    assert [one.text for one in house.engine.explain(task.id, "h01").find(Factor.CLOCK)] == [told]
    house.clock.advance(days=2)
    house.engine.drain()
    ran = house.engine.explain(task.id, "h01", pendulum.datetime(2026, 3, 29, 3, 30, tz="Europe/Berlin"))
    assert [one.text for one in ran.find(Factor.CLOCK)] == [told]


def test_t17_a_place_in_the_spread_is_told_before_and_after() -> None:
    house, task = with_task(*hosts(9), task=Task("nightly", "work", Daily(at="02:00"), spread=Spread(60)))
    found = house.engine.explain(task.id, "h02")
    assert found.run is not None
    assert found.run > START.add(hours=2)
    assert found.find(Factor.SPREAD)
    house.clock.advance(seconds=(found.run - house.clock.moment).total_seconds())
    house.engine.drain()
    house.clock.advance(hours=1)
    ran = house.engine.explain(task.id, "h02", START.add(hours=2))
    assert ran.run == found.run
    assert "before its place in the spread" in ran.answer
    assert ran.find(Factor.SPREAD)


def test_t10_a_draw_is_told_and_nobody_can_say_what_follows_from_the_next() -> None:
    house, task = with_task(task=Task("some day", "work", RandomDays(2, 9, at="02:00")), rng=random.Random(7))
    found = house.engine.explain(task.id, "h01")
    (drawn, further) = found.find(Factor.DRAW)
    assert f"drawn: {drawn.details['draw']} days" in drawn.text
    assert further.text.startswith("the one after that is drawn when it runs")
    assert found.run is not None
    assert house.engine.explain(task.id, "h01", found.run.add(days=1)).answer == "nobody can say: its next time follows from its last run"


def test_t11_what_counts_from_the_last_success_says_so() -> None:
    house, task = with_task(task=Task("fresh", "work", MaxAge(days=5)))
    assert [part.text for part in house.engine.explain(task.id, "h01").find(Factor.ANCHOR)] == [
        "it counts from its creation, as it has had no success"
    ]


def test_t15_what_will_end_as_missed_leaves_the_next_run_to_the_rules() -> None:
    house, task = with_task(task=Task("nightly", "work", Daily(at="02:30"), window=TimeWindow("* 2-4 * * *"), max_lateness=1))
    house.engine.set_next_run(task.id, START.add(hours=1), "h01")
    told = house.engine.explain(task.id, "h01")
    assert told.answer == "runs next Mon 2026-03-02 02:30 UTC"
    [late] = [one for one in told.find(Factor.MISS) if "it ends: missed" in one.text]
    assert late.at == START.add(hours=2)
    house.clock.jump(START.add(hours=2))
    house.engine.drain()
    house.clock.jump(START.add(hours=2, minutes=30))
    house.engine.drain()
    states = [(entry.state, entry.started) for entry in house.entries(record="h01") if entry.ended]
    assert states == [(State.MISSED, None), (State.COMPLETED, told.run)]


def test_t11_what_counts_from_a_success_is_not_known_while_a_run_comes_before_it() -> None:
    house, task = with_task(task=Task("nightly", "work", [MaxAge(1, at="02:30"), OnDemand()], window=TimeWindow("* 1-4 * * *")))
    house.engine.demand(task.id, "h01")
    house.engine.drain()
    told = {name: house.engine.explain(task.id, name, START.add(hours=2)) for name in ("h01", "h02")}
    assert told["h01"].answer == "nobody can say: its next time follows from its last run"
    assert told["h02"].run == START.add(days=1, hours=2, minutes=30)
    assert house.engine.explain(task.id, "h01").run == START.add(hours=1)


def test_t15_what_passes_before_another_starts_runs_with_it_and_is_not_promised() -> None:
    """At 04:00, 05:30, 07:00 … and at 05:00, 07:00 …: that of 05:30 is over before that of 05:00 has come to its place."""
    rules, spread = [Minutely(90, start="2026-03-02T04:00"), Hourly(2, start="2026-03-02T05:00")], Spread(80)
    house, task = with_task(Record("h02", "unix"), task=Task("often", "work", rules, spread=spread))
    starts = {name: START.add(hours=hours, seconds=int(spread.share("h02") * 4800)) for name, hours in (("five", 5), ("seven", 7))}
    told = house.engine.explain(task.id, "h02", START.add(hours=5, minutes=58))
    while house.clock.moment < START.add(hours=9):
        house.clock.advance(minutes=1)
        house.engine.drain()
    began = [str(entry.nominal)[11:16] for entry in house.entries() if entry.started]
    assert began[:3] == ["04:00", "05:00", "07:00"]
    assert (told.run, starts["five"] > START.add(hours=5, minutes=30)) == (starts["seven"], True)


def test_p04_a_job_of_a_happening_that_an_occurrence_does_before_is_not_promised() -> None:
    house, task = with_task(task=Task("nightly", "work", [Daily(at="02:00"), AfterUnlock(60)]))
    house.clock.advance(hours=1, minutes=30)
    house.engine.emit(Unlocked("h01"))
    told = house.engine.explain(task.id, "h01", START.add(hours=2, minutes=10))
    assert told.answer == "nothing is due then; it runs Tue 2026-03-03 02:00 UTC"
    house.clock.jump(START.add(hours=3))
    house.engine.drain()
    assert house.play.count("h01") == 1
    assert [fact.record for fact in house.engine.facts(kinds=["JobMerged"])] == ["h01"]


def test_j07_a_retry_whose_place_an_occurrence_takes_is_not_promised() -> None:
    house, task = with_task(task=Task("hourly", "work", [Hourly()], fallback=Fallback(45, 2)))
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE))
    house.clock.advance(hours=1, minutes=30)
    house.engine.drain()
    told = house.engine.explain(task.id, "h01", START.add(hours=2, minutes=10))
    assert told.run == START.add(hours=3)


def test_t15_what_was_missed_is_counted() -> None:
    house, task = with_task()
    house.clock.advance(days=3, hours=3)
    house.engine.drain()
    house.clock.advance(hours=1)
    found = house.engine.explain(task.id, "h01", START.add(days=1))
    (missed,) = found.find(Factor.MISS)
    assert missed.text == "it stands for 4 occurrences, the first Mon 2026-03-02 02:30 UTC"
    assert "4350 minutes after it was due" not in found.answer  # it waited then
    assert found.answer.startswith("waited until Thu 2026-03-05 03:00 UTC")


def test_p04_a_happening_that_joined_is_told_with_the_job() -> None:
    house, task = with_task(task=Task("after", "work", [AfterUnlock(minutes=30)]))
    house.engine.emit(Unlocked("h01", id="u1"))
    house.clock.advance(minutes=5)
    house.engine.emit(Unlocked("h01", id="u2"))
    assert "runs next Mon 2026-03-02 00:30 UTC" in house.engine.explain(task.id, "h01").answer
    house.clock.advance(minutes=25)
    house.engine.drain()
    house.clock.advance(minutes=1)
    found = house.engine.explain(task.id, "h01", START.add(minutes=10))
    assert [part.text for part in found.find(Factor.JOIN)] == ["Mon 2026-03-02 00:05 UTC: unlocked joined it"]


def test_j07_a_retry_is_told_with_its_series() -> None:
    house, task = with_task(task=Task("nightly", "work", Daily(at="02:30"), fallback=Fallback(minutes=10, cycles=2)))
    house.play.says("h01", *[NotDone(ErrorClass.UNREACHABLE, "no route")] * 3)
    house.clock.advance(hours=2, minutes=30)
    house.engine.drain()
    found = house.engine.explain(task.id, "h01")
    assert found.run == START.add(hours=2, minutes=40)
    assert found.find(Factor.RETRY)[0].text.startswith("it is try 2 of")
    for _ in range(2):
        house.clock.advance(minutes=10)
        house.engine.drain()
    house.clock.advance(minutes=1)
    past = house.engine.explain(task.id, "h01", START.add(hours=2, minutes=50))
    assert [part.text.partition(" of the job")[0] for part in past.find(Factor.RETRY)] == [
        "it was try 3", "Mon 2026-03-02 02:50 UTC: the last of 2 retries failed"
    ]  # fmt: skip


def test_j04_a_rescue_is_told() -> None:
    house, task = with_task(task=Task("nightly", "work", Daily(at="02:00")))

    def dying(run: Run) -> Any:
        raise Crash

    house.play.says("h01", dying)
    house.clock.advance(hours=2)
    with pytest.raises(Crash):
        house.engine.work()
    assert house.engine.explain(task.id, "h01").answer == "runs since Mon 2026-03-02 02:00 UTC"
    house.clock.advance(seconds=61)
    house.enter().drain()
    house.clock.advance(seconds=1)
    found = house.engine.explain(task.id, "h01", START.add(hours=2))
    assert found.find(Factor.NODE)[0].text.endswith("its worker was lost; another went on with it")


# targets, lists, runs over many


def test_r02_a_target_is_followed_before_and_after() -> None:
    house = House(Record("site", "web", reference="base"), Record("base", "unix"))
    house.engine.put(Task("unix", "work", [Daily(at="04:00"), OnDemand()]), list=UNIX)
    task = house.engine.put(Task("web nightly", "work", Daily(at="02:30"), target=Target.REFERENCED), list=of_type("web"))
    assert house.engine.explain(task.id, "site").run == START.add(hours=2, minutes=30)
    assert house.engine.explain(task.id, "site", START.add(hours=3)).run == START.add(days=1, hours=2, minutes=30)
    for hours in (2.5, 1.5, 1):
        house.clock.advance(minutes=int(hours * 60))
        house.engine.drain()
    found = house.engine.explain(task.id, "site", START.add(hours=2, minutes=30))
    assert found.answer.startswith("ran: it began Mon 2026-03-02 02:30 UTC")
    assert found.find(Factor.TARGET)[0].text == "its target referenced leads to base: its jobs run there"
    assert house.engine.explain(task.id, "site", START.add(hours=4)).answer == "nothing of it was due, waited or ran then"


def test_r02_a_shadow_account_and_a_target_that_is_not_there_are_told() -> None:
    house = House(Record("site", "web"), Record("base", "unix"))
    there = house.engine.put(Task("unix", "work", [OnDemand()]), list=UNIX)
    shadow = house.engine.put(Task("of its shadow", "work", [AfterCheckIn()], target=Target.SHADOW, shadow="base"), list=of_type("web"))
    (job,) = house.engine.emit(CheckedIn("site"))
    house.engine.drain()
    assert house.engine.job(job).task == there.id
    house.clock.advance(seconds=1)
    found = house.engine.explain(shadow.id, "site", START)
    assert found.answer.startswith("ran")
    assert [part.details["via"] for part in found.find(Factor.TARGET)[1:]] == [[shadow.id, "site"]]
    lone = House(Record("site", "web"))
    task = lone.engine.put(Task("alone", "work", Daily(at="02:30"), target=Target.REFERENCED), list=of_type("web"))
    assert lone.engine.explain(task.id, "site").find(Factor.TARGET)[0].text == "its target is not there, so it is for the record itself"
    lone.clock.advance(hours=2, minutes=30)
    lone.engine.drain()
    lone.clock.advance(minutes=1)
    past = lone.engine.explain(task.id, "site", START.add(hours=2, minutes=30))
    assert past.find(Factor.TARGET)[0].text == "its target was not there, so it was for the record itself"


def test_r01_a_copy_tells_what_the_tasks_of_the_type_did_on_the_record() -> None:
    house, task = with_task()
    house.clock.advance(hours=3)
    house.engine.drain()
    (copy,) = house.engine.make_unique("h01", by="ida")
    house.clock.advance(hours=1)
    assert house.engine.explain(copy.id, at=START.add(hours=3)).answer.startswith(
        "ran: it began Mon 2026-03-02 03:00 UTC, 30 minutes after"
    )
    assert house.engine.explain(copy.id).run == START.add(days=1, hours=2, minutes=30)
    assert house.engine.explain(task.id, "h01").answer == "does not run: it is none of the tasks of 'h01'"


def test_r06_a_part_tells_of_the_run_over_many_and_the_run_of_its_waves() -> None:
    house = House(*hosts(2))
    task = house.engine.put(Task("all", "work", [Daily(at="02:00")], selection=Everything()))
    house.clock.advance(minutes=1)
    house.engine.drain()  # the first run of a new task
    assert house.engine.explain(task.id).run == START.add(hours=2)
    part = house.engine.explain(task.id, "h01")
    assert (part.run, part.answer.endswith("as a whole: runs next Mon 2026-03-02 02:00 UTC")) == (None, True)
    assert "nobody can say" in house.engine.explain(task.id, "h01", START.add(days=2)).answer
    house.clock.advance(hours=2)
    house.engine.drain()
    house.clock.advance(minutes=1)
    past = house.engine.explain(task.id, "h01", START.add(hours=2, minutes=1))
    assert past.answer.startswith("ran: it began Mon 2026-03-02 02:01 UTC")
    assert {"2 parts were made" in one.text for one in past.find(Factor.PART)} == {True, False}


@pytest.mark.parametrize("answer", ["raise", 5, ["a text"]])
def test_what_a_script_cannot_say_of_its_sequels_spoils_nothing_else(answer: Any) -> None:
    def sequels(script: Any) -> Any:
        if answer == "raise":
            raise RuntimeError("who knows")
        return answer

    kind = scripted(Play(), "followed", sequels=sequels)
    house = House(*hosts(1), scripts=[kind])
    house.engine.define(kind("followed"))
    task = house.engine.put(Task("nightly", "followed", [Daily(at="02:00")]), list=UNIX)
    found = house.engine.explain(task.id, "h01")
    assert found.run == START.add(hours=2)
    assert [one.text.startswith("nobody can say what follows once it is done: ") for one in found.find(Factor.SEQUEL)] == [True]


# what is kept no more


def test_j08_a_purged_history_changes_nothing_of_what_is_told() -> None:
    house, task = with_task(settings=Settings(retention={State.COMPLETED: 10}))
    house.clock.advance(hours=2, minutes=30)
    house.engine.drain()
    house.clock.advance(minutes=1)
    before = house.engine.explain(task.id, "h01", START.add(hours=2, minutes=30))
    house.engine.pause()
    house.clock.advance(days=20)
    house.engine.tick()
    assert house.engine.history(states=State.COMPLETED).entries == ()
    assert house.engine.explain(task.id, "h01", START.add(hours=2, minutes=30)) == before


def test_a06_of_archived_facts_it_says_that_nobody_knows() -> None:
    house, task = with_task()
    house.clock.advance(days=1)
    house.engine.drain()
    at = START.add(hours=12)
    house.clock.advance(days=9)
    house.engine.archive(START.add(days=5), list)
    assert house.engine.explain(task.id, "h01", at).answer == "nobody can say: facts of that time are not kept any more"
    house.engine.pause()
    assert house.engine.explain(task.id, "h01", START.subtract(days=9)).answer.startswith("nobody can say")


def test_what_was_before_the_task_was_put_there_says_so() -> None:
    house = House(*hosts(1))
    house.clock.advance(days=1)
    task = house.engine.put(NIGHTLY, list=UNIX, by="ida")
    found = house.engine.explain(task.id, "h01", START)
    assert found.answer == "the task was not there yet: Tue 2026-03-03 00:00 UTC: the task was put there by ida"


def test_r07_a_task_and_a_record_that_are_gone_have_a_past() -> None:
    house, task = with_task()
    house.clock.advance(hours=3)
    house.engine.drain()
    house.engine.remove(task.id)
    house.vault.remove("h01")
    house.clock.advance(hours=3)
    assert house.engine.explain(task.id, "h01", START.add(hours=3)).answer.startswith("ran: it began Mon 2026-03-02 03:00 UTC")
    assert house.engine.explain(task.id, "h01", START.add(hours=4)).answer.startswith(
        "did not run: Mon 2026-03-02 03:00 UTC: the task was removed"
    )


def test_the_past_needs_no_vault() -> None:
    house = House(Record("site", "web", reference="base"), Record("base", "unix"))
    task = house.engine.put(Task("web nightly", "work", Daily(at="02:30"), target=Target.REFERENCED), list=of_type("web"))
    house.clock.advance(hours=3)
    house.engine.drain()
    moody(house).away = True
    house.clock.advance(hours=1)
    assert house.engine.explain(task.id, "site", START.add(hours=3)).answer.startswith("ran")
    with pytest.raises(VaultAway):
        house.engine.explain(task.id, "site")


# pools, people, bad input


def test_j11_a_pool_that_is_not_this_nodes_is_told() -> None:
    house, task = with_task(task=Task("far", "work", Daily(at="02:30"), pool="dmz"))
    assert house.engine.explain(task.id, "h01").find(Factor.NODE)[0].details == {"pool": "dmz"}
    house.engine.pause("pool:dmz", by="ida", why="moving")
    assert "pool:dmz stands still since Mon 2026-03-02 00:00 UTC, by ida (moving)" in house.engine.explain(task.id, "h01").answer


def test_a02_who_may_not_see_the_task_is_told_nothing() -> None:
    house, task = with_task()
    house.vault.deny("eve")
    with pytest.raises(NotAllowed):
        house.engine.explain(task.id, "h01", user="eve")
    assert house.engine.explain(task.id, "h01", user="anna").run is not None


def test_what_cannot_be_explained_is_refused() -> None:
    house, task = with_task()
    with pytest.raises(NotFound, match="no such task"):
        house.engine.explain("nonsense", "h01")
    with pytest.raises(InvalidValue, match="runs of its own"):
        house.engine.explain(task.id)
    with pytest.raises(NaiveMoment):
        house.engine.explain(task.id, "h01", datetime(2026, 3, 2))  # noqa: DTZ001
    assert house.engine.explain(task.id, "h99").answer == "does not run: the vault has no record 'h99'"
    assert house.engine.explain(task.id, "h99", START.add(days=2)).run is None
