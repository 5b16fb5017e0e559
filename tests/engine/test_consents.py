"""Consent to a run (A5) and guards (A8): people decide, about what they saw, and nobody about their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from taskkit.engine import Engine
from taskkit.errors import NotAllowed, NotFound, Outdated, Refused
from taskkit.events import Daily, TimeWindow
from taskkit.events.happenings import CheckedIn, RecordChanged, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterUnlock, OnDemand
from taskkit.jobs import Kind
from taskkit.outcomes import DONE, Asks, ErrorClass, NotDone, Outcome
from taskkit.plugins.runs import Run
from taskkit.selections import Everything
from taskkit.states import State
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import ConsentRule, Fallback, Guard, Task, of_type
from tests.engine.houses import START, Crash, House, hosts

BOARD = ("bert", "carla", "dora")


def asking(house: House, needed: int = 1, people: Any = (), **settings: Any) -> str:
    """A demanded run that waits for consent; the job."""
    task = Task("seal", "work", [OnDemand()], consent=ConsentRule(needed, people, minutes=60), **settings)
    kept = house.engine.put(task, list=of_type("unix"), by="anna")
    return house.engine.demand(kept.id, "h01", by="miguel")


def state(house: House, id: str) -> State:
    return house.engine.job(id).state


class Meddling(MemoryStorage):
    """Lets somebody else in right before its next write."""

    def __init__(self, handle: MemoryStorage) -> None:
        super().__init__(handle._tables)
        self.meddle: Callable[[], object] | None = None

    def write(self, units: Any, *, durable: bool = True) -> Any:
        meddle, self.meddle = self.meddle, None
        if meddle is not None:
            meddle()
        return super().write(units, durable=durable)


def meddled(house: House) -> tuple[Engine, Meddling]:
    storage = Meddling(house.storage.join())
    return house.enter(storage=storage), storage


# k of n


def test_a05_a_demanded_run_waits_until_k_of_n_have_consented() -> None:
    house = House(*hosts(1))
    id = asking(house, 2, BOARD)
    house.engine.drain()
    assert (state(house, id), house.engine.job(id).why, house.play.performed) == (State.AWAITING_CONSENT, "consent", [])
    assert house.engine.consent(id, by="bert").given == ("bert",)
    house.engine.drain()
    assert state(house, id) is State.AWAITING_CONSENT
    assert house.engine.consent(id, by="dora").is_complete
    house.engine.drain()
    assert (state(house, id), house.play.count("h01")) == (State.COMPLETED, 1)


def test_a05_only_those_who_were_named_may() -> None:
    house = House(*hosts(1))
    id = asking(house, 2, BOARD)
    with pytest.raises(NotAllowed, match="none of those who may"):
        house.engine.consent(id, by="eve")
    with pytest.raises(NotAllowed):
        house.engine.decline(id, by="eve")
    assert "consent" not in house.engine.job(id, user="eve").actions
    assert house.engine.job(id, user="carla").actions[-2:] == ("consent", "decline")


def test_a05_a_group_is_named_and_its_members_may() -> None:
    house = House(*hosts(1))
    house.vault.rights.groups = {"board": {"bert", "carla"}}
    id = asking(house, 2, ["board"])
    with pytest.raises(NotAllowed):
        house.engine.consent(id, by="dora")
    house.engine.consent(id, by="bert")
    house.engine.consent(id, by="carla")
    house.engine.drain()
    assert state(house, id) is State.COMPLETED


def test_a05_who_leaves_the_group_may_no_longer() -> None:
    house = House(*hosts(1))
    house.vault.rights.groups = {"board": {"bert", "carla"}}
    id = asking(house, 1, ["board"])
    house.vault.rights.groups["board"].discard("carla")
    with pytest.raises(NotAllowed):
        house.engine.consent(id, by="carla")


def test_a05_where_nobody_is_named_who_may_review_the_record_may_consent() -> None:
    house = House(*hosts(1))
    house.vault.deny("eve", "task_review", "h01")
    id = asking(house)
    with pytest.raises(NotAllowed, match="task_review"):
        house.engine.consent(id, by="eve")
    assert house.engine.consent(id, by="bert").is_complete


def test_a05_nobody_consents_to_their_own() -> None:
    house = House(*hosts(1))
    id = asking(house, 1, ("miguel", "bert"))
    with pytest.raises(NotAllowed, match="nobody consents to their own"):
        house.engine.consent(id, by="miguel")
    assert "consent" not in house.engine.job(id, user="miguel").actions


def test_a05_who_brings_a_planned_run_forward_asks_for_it_and_does_not_consent() -> None:
    house = House(*hosts(1))
    task = Task("rotate", "work", [Daily(at="02:00")], consent=ConsentRule(1))
    house.engine.put(task, list=of_type("unix"), by="anna")
    (planned,) = house.entries()
    house.engine.run_now(planned.id, by="miguel")
    house.engine.drain()
    assert state(house, planned.id) is State.AWAITING_CONSENT
    with pytest.raises(NotAllowed, match="their own"):
        house.engine.consent(planned.id, by="miguel")
    house.engine.consent(planned.id, by="bert")
    house.engine.drain()
    assert state(house, planned.id) is State.COMPLETED


def test_a05_a_run_that_nobody_demanded_needs_no_consent() -> None:
    house = House(*hosts(1))
    house.engine.put(Task("rotate", "work", [Daily(at="02:00")], consent=ConsentRule(1)), list=of_type("unix"))
    house.clock.advance(hours=3)
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_a05_each_person_has_one_vote() -> None:
    house = House(*hosts(1))
    id = asking(house, 2, BOARD)
    house.engine.consent(id, by="bert")
    with pytest.raises(Refused, match="has done so"):
        house.engine.consent(id, by="bert")
    assert house.engine.gathering(id).given == ("bert",)


def test_a05_a_job_that_waits_for_no_consent_takes_none() -> None:
    house = House(*hosts(1))
    id = asking(house)
    house.engine.consent(id, by="bert")
    with pytest.raises(Refused, match="waits for no consent"):
        house.engine.consent(id, by="carla")
    with pytest.raises(Refused, match="waits for no consent"):
        house.engine.gathering(id)
    with pytest.raises(NotFound):
        house.engine.consent("none", by="bert")


# two at once


def test_a05_two_votes_at_once_cannot_both_be_the_first() -> None:
    house = House(*hosts(1))
    id = asking(house, 2, BOARD)
    other, storage = meddled(house)
    storage.meddle = lambda: house.engine.consent(id, by="bert")
    assert other.consent(id, by="carla").given == ("bert", "carla")
    assert [fact.details["given"] for fact in house.engine.facts(kinds=["Consented"])] == [1, 2]
    house.engine.drain()
    assert house.play.count("h01") == 1


def test_a05_two_last_votes_at_once_make_one_run() -> None:
    house = House(*hosts(1))
    id = asking(house, 1, BOARD)
    other, storage = meddled(house)
    storage.meddle = lambda: house.engine.consent(id, by="bert")
    with pytest.raises(Refused, match="waits for no consent"):
        other.consent(id, by="carla")
    house.engine.drain()
    assert house.play.count("h01") == 1
    assert len(house.engine.facts(kinds=["Consented"])) == 1


def test_a05_a_vote_and_a_refusal_at_once_are_the_one_or_the_other() -> None:
    house = House(*hosts(1))
    id = asking(house, 1, BOARD)
    other, storage = meddled(house)
    storage.meddle = lambda: house.engine.decline(id, by="bert")
    with pytest.raises(Refused):
        other.consent(id, by="carla")
    house.engine.drain()
    assert (state(house, id), house.play.performed) == (State.CANCELED, [])


def test_a05_a_vote_that_comes_with_the_expiry_counts_for_nothing_and_says_nothing() -> None:
    house = House(*hosts(1))
    id = asking(house, 2, BOARD)
    other, storage = meddled(house)

    def expire() -> None:
        house.clock.advance(minutes=61)
        house.engine.tick()

    storage.meddle = expire
    with pytest.raises(Refused):
        other.consent(id, by="carla")
    assert state(house, id) is State.EXPIRED
    assert house.engine.facts(kinds=["Consented"]) == []


# what it is bound to


def test_a05_an_edit_voids_what_was_consented_to_so_far() -> None:
    house = House(*hosts(1))
    id = asking(house, 2, BOARD)
    house.engine.consent(id, by="bert")
    task = house.engine.task(house.engine.job(id).task)
    house.engine.edit(attrs.evolve(task, description="other"), by="anna")
    assert house.engine.gathering(id).given == ()
    house.engine.consent(id, by="carla")
    assert state(house, id) is State.AWAITING_CONSENT
    house.engine.consent(id, by="bert")  # once more, to what it is now
    house.engine.drain()
    assert state(house, id) is State.COMPLETED


def test_a05_an_edit_after_the_last_consent_asks_again_before_it_runs() -> None:
    house = House(*hosts(1))
    id = asking(house, 1, BOARD, window=TimeWindow("0-29 4 * * *"))
    house.engine.consent(id, by="bert")
    house.engine.drain()
    assert house.engine.job(id).why == "window"
    task = house.engine.task(house.engine.job(id).task)
    house.engine.edit(attrs.evolve(task, description="other"), by="anna")
    house.clock.advance(hours=4)
    house.engine.drain()
    assert (state(house, id), house.play.performed) == (State.AWAITING_CONSENT, [])
    house.engine.consent(id, by="bert")
    house.engine.drain()
    assert state(house, id) is State.COMPLETED


@pytest.mark.parametrize("what", ["definition", "shadow"])
def test_a05_what_decides_about_the_run_from_elsewhere_voids_the_consent_too(what: str) -> None:
    house = House(*hosts(2))
    id = asking(house, 1, BOARD, window=TimeWindow("0-29 4 * * *"))
    house.engine.consent(id, by="bert")
    if what == "definition":
        house.engine.define(house.Scripted("work", says="rm -rf /"), by="eve")
    else:
        house.engine.set_shadow(of_type("unix"), "h02", by="eve")
    house.clock.advance(hours=4)
    house.engine.drain()
    assert (state(house, id), house.play.performed) == (State.AWAITING_CONSENT, [])


def test_a05_a_vote_lands_only_while_the_task_is_as_it_was_read() -> None:
    house = House(*hosts(1))
    id = asking(house, 1, BOARD)
    other, storage = meddled(house)
    task = house.engine.task(house.engine.job(id).task)
    storage.meddle = lambda: house.engine.edit(attrs.evolve(task, description="other"), by="anna")
    plan = other.gathering(id).plan
    storage.meddle = lambda: house.engine.edit(attrs.evolve(task, description="other"), by="anna")
    with pytest.raises(Outdated, match="changed since you looked"):
        other.consent(id, by="carla", plan=plan)
    assert state(house, id) is State.AWAITING_CONSENT


def test_a05_who_hands_in_the_plan_consents_to_what_they_saw() -> None:
    house = House(*hosts(1))
    id = asking(house, 1, BOARD)
    seen = house.engine.gathering(id).plan
    task = house.engine.task(house.engine.job(id).task)
    house.engine.edit(attrs.evolve(task, description="other"), by="anna")
    with pytest.raises(Outdated):
        house.engine.consent(id, by="bert", plan=seen)
    assert house.engine.consent(id, by="bert", plan=house.engine.gathering(id).plan).is_complete


def test_a05_used_votes_are_used_up_when_the_job_asks_again() -> None:
    house = House(*hosts(1))
    house.play.says("h01", Asks("plan 1", "three lines"), Asks("plan 2", "four lines"))
    id = asking(house, 1, BOARD)
    for _ in range(3):
        house.engine.consent(id, by="bert")
        house.engine.drain()
    assert (state(house, id), house.play.count("h01")) == (State.COMPLETED, 3)


def test_a05_whoever_consented_may_do_so_again_when_the_record_has_changed() -> None:
    house = House(*hosts(2))
    id = asking(house, 2, BOARD, window=TimeWindow("0-29 4 * * *"))
    for person in ("bert", "carla"):
        house.engine.consent(id, by=person)
    house.engine.emit(RecordChanged("h01"))  # what it was planned for is not what it was
    house.clock.advance(hours=4)
    house.engine.drain()
    assert (state(house, id), house.engine.gathering(id).given) == (State.AWAITING_CONSENT, ())
    for person in ("carla", "bert"):
        house.engine.consent(id, by=person)
    house.engine.drain()
    assert state(house, id) is State.COMPLETED


def test_a05_a_shown_plan_is_consented_to_by_its_digest() -> None:
    seen: list[str | None] = []

    def planning(run: Run) -> Outcome:
        seen.append(run.consented)
        return DONE if run.consented == "sha256:abc" else Asks("sha256:abc", "12 accounts will change")

    house = House(*hosts(1))
    house.play.always["h01"] = planning
    task = house.engine.put(Task("sync", "work", [OnDemand()]), list=of_type("unix"))
    id = house.engine.demand(task.id, "h01", by="miguel")
    house.engine.drain()
    found = house.engine.gathering(id)
    assert (found.needed, found.summary, "sha256:abc" in found.plan) == (1, "12 accounts will change", True)
    house.engine.consent(id, by="bert")
    house.engine.drain()
    assert (seen, state(house, id)) == ([None, "sha256:abc"], State.COMPLETED)


# time, and no


def test_a05_the_gathering_expires() -> None:
    house = House(*hosts(1))
    id = asking(house, 2, BOARD)
    house.engine.consent(id, by="bert")
    house.clock.advance(minutes=59)
    house.engine.drain()
    assert state(house, id) is State.AWAITING_CONSENT
    house.clock.advance(minutes=1)
    house.engine.drain()
    entry = house.engine.job(id)
    assert (entry.state, entry.why, entry.ended) == (State.EXPIRED, "no_consent", house.clock.moment)


def test_a05_its_expiry_limits_the_gathering_and_not_the_wait_for_a_window() -> None:
    house = House(*hosts(1))
    id = asking(house, 1, BOARD, window=TimeWindow("0-29 4 * * *"))
    house.engine.consent(id, by="bert")
    house.clock.advance(hours=3)  # longer than the sixty minutes
    house.engine.drain()
    assert (state(house, id), house.engine.job(id).why) == (State.DEFERRED, "window")
    house.clock.advance(hours=1)
    house.engine.drain()
    assert state(house, id) is State.COMPLETED


def test_a05_one_refusal_ends_it_and_says_why() -> None:
    house = House(*hosts(1))
    id = asking(house, 2, BOARD)
    house.engine.consent(id, by="bert")
    house.engine.decline(id, by="carla", why="not before the audit")
    house.engine.drain()
    entry = house.engine.job(id)
    assert (entry.state, entry.why, entry.text) == (State.CANCELED, "no_consent", "not before the audit")
    fact = house.engine.facts(kinds=["Declined"])[0]
    assert (fact.who, fact.details) == ("carla", {"why": "not before the audit"})


@pytest.mark.parametrize("end", ["declined", "expired"])
def test_j09_a_planned_run_that_got_no_consent_ends_no_cadence(end: str) -> None:
    house = House(*hosts(1))
    task = house.engine.put(Task("rotate", "work", [Daily(at="02:00")], consent=ConsentRule(1)), list=of_type("unix"))
    (planned,) = house.entries()
    house.engine.run_now(planned.id, by="miguel")
    house.engine.drain()
    if end == "declined":
        house.engine.decline(planned.id, by="bert")
    else:
        house.clock.advance(days=1)
        house.engine.tick()
    (after,) = house.entries(task=task.id, states=State.SCHEDULED)
    assert after.due == START.add(days=1, hours=2)


def test_p04_a_demand_that_waits_for_consent_holds_up_nobody_else() -> None:
    house = House(*hosts(1))
    task = Task("rotate", "work", [OnDemand(), AfterCheckIn()], consent=ConsentRule(1))
    kept = house.engine.put(task, list=of_type("unix"))
    id = house.engine.demand(kept.id, "h01", by="miguel")
    house.engine.emit(CheckedIn("h01", approval="a1"))
    house.engine.drain()
    assert (state(house, id), house.play.count("h01")) == (State.AWAITING_CONSENT, 1)


def test_a06_whoever_is_asked_is_told() -> None:
    house = House(*hosts(1))
    id = asking(house)
    (fact,) = house.engine.facts(kinds=["ConsentAsked"])
    assert (fact.job, fact.record, fact.who) == (id, "h01", "miguel")


def test_j06_who_may_force_a_run_needs_no_consent_and_that_is_a_fact() -> None:
    house = House(*hosts(2))
    task = house.engine.put(Task("seal", "work", selection=Everything(), consent=ConsentRule(1)), by="anna")
    id = house.engine.demand(task.id, by="miguel", force=True)
    house.engine.drain()
    assert (state(house, id), len(house.play.performed)) == (State.COMPLETED, 2)
    (fact,) = house.engine.facts(kinds=["Demanded"])
    assert (fact.who, fact.details["forced"]) == ("miguel", True)


# bursts (A8)


def burst(house: House) -> Task:
    task = Task("rotate", "work", [AfterCheckIn()], guard=Guard(burst=2))
    return house.engine.put(task, list=of_type("unix"))


def test_a08_a_burst_starts_so_many_and_asks_about_the_rest() -> None:
    house = House(*hosts(4))
    burst(house)
    ids = house.engine.emit(*(CheckedIn(record.id, approval=record.id) for record in hosts(4)))
    house.engine.drain()
    assert [state(house, id) for id in ids] == [State.COMPLETED] * 2 + [State.AWAITING_CONSENT] * 2
    assert house.engine.job(ids[2]).asks == "more runs within a minute than 2"
    house.engine.consent(ids[2], by="bert")
    house.engine.drain()
    assert (house.play.count("h03"), house.play.count("h04")) == (1, 0)


def test_a08_a_minute_later_it_is_another_burst() -> None:
    house = House(*hosts(4))
    burst(house)
    house.engine.emit(*(CheckedIn(record.id, approval=record.id) for record in hosts(3)))
    house.clock.advance(seconds=61)
    (id,) = house.engine.emit(CheckedIn("h04", approval="h04"))
    assert state(house, id) is State.SCHEDULED


def test_a08_two_processes_together_start_no_more_than_one() -> None:
    house = House(*hosts(4))
    burst(house)
    house.engine.emit(CheckedIn("h01", approval="1"))
    other, storage = meddled(house)
    storage.meddle = lambda: house.engine.emit(CheckedIn("h02", approval="2"))
    (id,) = other.emit(CheckedIn("h03", approval="3"))
    assert state(house, id) is State.AWAITING_CONSENT
    assert len(house.entries(states=State.SCHEDULED)) == 2


def test_p03_a_consent_lets_no_job_run_before_its_time() -> None:
    house = House(*hosts(2))
    house.engine.put(Task("rotate", "work", AfterUnlock(minutes=60), guard=Guard(burst=1)), list=of_type("unix"))
    ids = house.engine.emit(*(Unlocked(record.id) for record in hosts(2)))
    house.clock.advance(minutes=1)
    house.engine.consent(ids[1], by="bert")
    house.engine.drain()
    assert (state(house, ids[1]), house.engine.job(ids[1]).due) == (State.SCHEDULED, START.add(minutes=60))
    house.clock.advance(minutes=59)
    house.engine.drain()
    assert state(house, ids[1]) is State.COMPLETED


# the flow


def test_flow_a_system_script_with_memo_shows_its_plan_gets_consent_and_goes_on_after_a_crash() -> None:
    """A directory sync: it reads, shows what it would do, waits for two people, and does it in portions, over a crash in the middle."""
    applied: list[str] = []
    crash = [True]

    def sync(run: Run) -> Outcome:
        memo = dict(run.memo)
        if "plan" not in memo:
            memo["plan"] = ["add anna", "add bert", "drop eve"]
            run.save(memo)
        if run.consented != "digest of the plan":
            return Asks("digest of the plan", "add 2, drop 1")
        for number, change in enumerate(memo["plan"]):
            if number < memo.get("done", 0):
                continue
            applied.append(change)
            memo["done"] = number + 1
            run.save(memo)
            if crash and number == 1:
                crash.clear()
                raise Crash
        return DONE

    house = House()
    house.play.always[None] = sync
    task = Task("sync", "work", consent=ConsentRule(2, BOARD))
    id = house.engine.demand(house.engine.put(task, by="anna").id, by="anna")
    for person in ("bert", "carla"):  # to the run
        house.engine.consent(id, by=person)
    house.engine.drain()
    assert (state(house, id), house.engine.job(id).asks, applied) == (State.AWAITING_CONSENT, "add 2, drop 1", [])
    for person in ("carla", "dora"):  # to the plan that was shown
        house.engine.consent(id, by=person)
    with pytest.raises(Crash):
        house.engine.drain()
    assert applied == ["add anna", "add bert"]
    house.clock.advance(seconds=61)
    house.enter().drain()
    assert (state(house, id), applied) == (State.COMPLETED, ["add anna", "add bert", "drop eve"])
    assert [fact.kind for fact in sorted(house.engine.facts(), key=lambda fact: fact.at) if fact.kind.startswith("Consent")] == [
        "ConsentAsked", "Consented", "Consented", "ConsentAsked", "Consented", "Consented",
    ]  # fmt: skip
    assert house.engine.check() == []


# whose own it is


def test_a05_nobody_lets_the_burst_pass_that_they_made_themselves() -> None:
    """A8: eve's happenings made it, or joined it; then it is somebody else who looks at it."""
    house = House(*hosts(3))
    house.engine.put(Task("rotate", "work", [AfterUnlock(minutes=1)], guard=Guard(burst=1)), list=of_type("unix"))
    ids = house.engine.emit(*(Unlocked(record.id, user=user) for record, user in zip(hosts(3), ("bert", "eve", "dora"), strict=True)))
    house.clock.advance(seconds=1)
    assert house.engine.emit(Unlocked("h03", user="eve")) == [ids[2]]
    for id in ids[1:]:
        assert house.engine.job(id).state is State.AWAITING_CONSENT
        with pytest.raises(NotAllowed, match="nobody consents to their own"):
            house.engine.consent(id, by="eve")
        assert "consent" not in house.engine.job(id, user="eve").actions
        assert "consent" in house.engine.job(id, user="anna").actions
    house.engine.consent(ids[1], by="anna")
    assert state(house, ids[1]) is State.SCHEDULED


def test_a05_a_part_is_as_much_the_demanders_own_as_the_run_over_many() -> None:
    house = House(*hosts(1))
    task = house.engine.put(Task("seal", "work", selection=Everything()))
    house.play.says("h01", Asks("digest", "a plan"))
    house.engine.demand(task.id, by="eve")
    house.engine.drain()
    (part,) = house.entries(record="h01")
    with pytest.raises(NotAllowed, match="nobody consents to their own"):
        house.engine.consent(part.id, by="eve")
    house.engine.consent(part.id, by="anna")


def test_a05_a_retry_is_as_much_the_demanders_own_as_the_first_try() -> None:
    house = House(*hosts(1))
    task = house.engine.put(Task("seal", "work", [OnDemand()], fallback=Fallback(10)), list=of_type("unix"))
    house.play.says("h01", NotDone(ErrorClass.TIMEOUT), Asks("digest", "a plan"))
    house.engine.demand(task.id, "h01", by="eve")
    house.engine.drain()
    house.clock.advance(minutes=10)
    house.engine.drain()
    retry = house.entries()[-1]
    assert (retry.kind, retry.state) == (Kind.FALLBACK, State.AWAITING_CONSENT)
    with pytest.raises(NotAllowed, match="nobody consents to their own"):
        house.engine.consent(retry.id, by="eve")
    house.engine.consent(retry.id, by="anna")
