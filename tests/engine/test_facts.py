"""The log of facts (A6): every change tells one, in the same unit, with who and what; the chain of them is checked in one call."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any

import attrs
import pendulum
import pytest

from taskkit.engine import Engine
from taskkit.errors import InvalidValue, NotAllowed, Outdated
from taskkit.events import Daily, TimeWindow
from taskkit.events.happenings import ApprovalExpired, CheckedIn
from taskkit.events.policies import AfterCheckIn, AfterExpire, OnDemand
from taskkit.facts import START as BEGIN
from taskkit.facts import Fact, Head, Mark
from taskkit.instants import instant
from taskkit.outcomes import DONE, Asks, Effect, ErrorClass, NotDone, NotNow, Outcome, Unknown
from taskkit.plugins.exporters.json_lines import JsonLines
from taskkit.plugins.notifiers.inbox import Inbox
from taskkit.plugins.runs import Run
from taskkit.records import RecordType
from taskkit.selections import Everything
from taskkit.states import State
from taskkit.storage import Expect
from taskkit.storage.memory import MemoryStorage
from taskkit.tasks import ConsentRule, Fallback, Task, of_record
from taskkit.testing import MemoryVault, VirtualClock
from tests.engine.houses import START, UNIX, Crash, House, Play, hosts, scripted

FAILED = NotDone(ErrorClass.REFUSED, "no")


class Stage:
    """A house with a task, a waiting job and an engine to act on, and the facts that an action told."""

    def __init__(self) -> None:
        self.house = House(*hosts(3))
        self.engine = self.house.engine
        task = Task("rotate", "work", [Daily(at="02:00"), AfterCheckIn(), OnDemand()])
        self.task = self.engine.put(task, list=UNIX, by="anna")
        self.job = self.engine.history(record="h01").entries[0].id

    def told(self, action: Callable[[Stage], object]) -> list[Fact]:
        mark: Mark = self.engine.facts_after(BEGIN, limit=10_000)[1]
        action(self)
        return list(self.engine.facts_after(mark)[0])

    def consenting(self) -> str:
        self.engine.edit(attrs.evolve(self.engine.task(self.task.id), consent=ConsentRule(1, minutes=5)))
        return self.engine.demand(self.task.id, "h01", by="leo")

    def failed_run(self) -> str:
        self.house.play.says("h02", FAILED)
        id = self.engine.demand(self.engine.put(Task("restart", "work", selection=Everything())).id)
        self.engine.drain()
        return id


def _then(*actions: Callable[[Stage], object]) -> Callable[[Stage], object]:
    def act(on: Stage) -> object:
        return [action(on) for action in actions]

    return act


def _running(stage: Stage, act: Callable[[str], object]) -> object:
    def acting(run: Run) -> Outcome:
        act(run.job.id)
        return DONE

    stage.house.play.says("h01", acting)
    stage.engine.demand(stage.task.id, "h01", by="leo")
    return stage.engine.drain()


#: What somebody does, and the fact that tells of it.
BY_PEOPLE: dict[str, Callable[[Stage], object]] = {
    "TaskPut": lambda on: on.engine.put(Task("mail", "work"), by="ida"),
    "TaskEdited": lambda on: on.engine.edit(attrs.evolve(on.task, name="x"), by="ida"),
    "TaskEdited by activating": lambda on: on.engine.deactivate(on.task.id, by="ida"),
    "TaskEdited by handing over": lambda on: on.engine.hand_over("anna", "bert", by="ida"),
    "TaskRemoved": lambda on: on.engine.remove(on.task.id, by="ida"),
    "TaskSuspended": lambda on: on.engine.suspend_task(on.task.id, "h01", by="ida", why="x"),
    "TaskResumed": lambda on: on.engine.resume_task(on.task.id, "h01", by="ida"),
    "NextRunSet": lambda on: on.engine.set_next_run(on.task.id, START.add(days=3), "h01", by="ida"),
    "ListEdited": lambda on: on.engine.set_shadow(UNIX, "h03", by="ida"),
    "ListMadeUnique": lambda on: on.engine.make_unique("h02", by="ida"),
    "ListShared": _then(lambda on: on.engine.make_unique("h02"), lambda on: on.engine.share_again("h02", by="ida")),
    "Defined": lambda on: on.engine.define(on.house.Scripted("other"), by="ida"),
    "Defined a type": lambda on: on.engine.define(RecordType("windows"), by="ida"),
    "Undefined": _then(lambda on: on.engine.define(on.house.Scripted("other")), lambda on: on.engine.undefine("other", by="ida")),
    "Demanded": lambda on: on.engine.demand(on.task.id, "h01", by="ida"),
    "RunAsked": lambda on: on.engine.run_now(on.job, by="ida"),
    "JobCanceled": lambda on: on.engine.cancel(on.job, by="ida"),
    "StopAsked": lambda on: _running(on, lambda id: on.engine.request_stop(id, by="ida")),
    "ExecutionRerun": lambda on: on.engine.rerun(on.failed_run(), by="ida"),
    "Consented": lambda on: on.engine.consent(on.consenting(), by="ida"),
    "Declined": lambda on: on.engine.decline(on.consenting(), by="ida"),
    "Paused": lambda on: on.engine.pause("pool:dmz", by="ida", why="x"),
    "Resumed": _then(lambda on: on.engine.pause("pool:dmz"), lambda on: on.engine.resume("pool:dmz", by="ida")),
}


@pytest.mark.parametrize("name", BY_PEOPLE)
def test_a06_whatever_somebody_changes_is_a_fact_with_their_name(name: str) -> None:
    facts = Stage().told(BY_PEOPLE[name])
    assert ("ida", name.partition(" ")[0]) in {(fact.who, fact.kind) for fact in facts}


def _answer(outcome: Any) -> Callable[[Stage], object]:
    def act(on: Stage) -> object:
        on.house.play.says("h01", outcome)
        on.engine.emit(CheckedIn("h01", approval="a"))
        return on.engine.drain()

    return act


def _expired(on: Stage) -> object:
    on.consenting()
    on.house.clock.advance(minutes=6)
    return on.engine.tick()


def _late(on: Stage) -> object:
    on.engine.edit(attrs.evolve(on.task, max_lateness=5))
    on.house.clock.advance(hours=3)
    return on.engine.drain()


def _merged(on: Stage) -> object:
    on.engine.pause()
    on.engine.emit(CheckedIn("h01", approval="a"))
    on.house.clock.advance(hours=3)
    on.engine.resume()
    return on.engine.drain()


def _gave_up(on: Stage) -> object:
    on.engine.edit(attrs.evolve(on.task, fallback=Fallback(minutes=1, cycles=1)))
    on.house.play.always["h01"] = NotDone(ErrorClass.UNREACHABLE, "down")
    on.engine.emit(CheckedIn("h01", approval="a"))
    on.engine.drain()
    on.house.clock.advance(minutes=1)
    return on.engine.drain()


def _removed(on: Stage) -> object:
    on.house.vault.remove("h01")
    return on.engine.reconcile()


#: What happens by itself, and the fact that tells of it.
BY_ITSELF: dict[str, Callable[[Stage], object]] = {
    "JobMade": _answer(DONE),
    "JobStarted": _answer(DONE),
    "JobCompleted": _answer(DONE),
    "JobFailed": _answer(FAILED),
    "JobDeferred": _answer(lambda run: NotNow(run.now().add(minutes=5), "busy")),
    "JobStopped": _answer(NotDone(ErrorClass.STOPPED, "stopped")),
    "ConsentAsked": _answer(Asks("digest", "a plan")),
    "TaskSuspended": _answer(NotDone(ErrorClass.WRONG_CREDENTIALS, "no")),
    "HappeningJoined": lambda on: on.engine.emit(CheckedIn("h01", approval="a"), CheckedIn("h01", approval="b")),
    "HappeningPassed": _then(
        lambda on: on.engine.suspend_task(on.task.id, "h01"), lambda on: on.engine.emit(CheckedIn("h01", approval="a"))
    ),
    "JobMissed": _late,
    "JobMerged": _merged,
    "ConsentExpired": _expired,
    "FallbackEnded": _gave_up,
    "WaveBegan": lambda on: on.failed_run(),
    "JobCanceled": _removed,
    "Reconciled": _removed,
}


@pytest.mark.parametrize("name", BY_ITSELF)
def test_a06_whatever_becomes_of_a_job_is_a_fact(name: str) -> None:
    facts = [fact for fact in Stage().told(BY_ITSELF[name]) if fact.kind == name]
    assert facts
    assert all(fact.at >= 0 and fact.chain and fact.hash for fact in facts)


def test_a06_what_nobody_knows_is_a_fact() -> None:
    play = Play()
    blind = scripted(play, "blind", effect=Effect.BLIND)
    house = House(*hosts(1), scripts=[blind], play=play)
    house.engine.define(blind("blind"))
    play.says("h01", Unknown("nobody saw it"))
    house.engine.demand(house.engine.put(Task("t", "blind", [OnDemand()]), list=UNIX).id, "h01")
    house.engine.drain()
    (fact,) = house.engine.facts(kinds=["JobUncertain"])
    assert fact.details["text"] == "nobody saw it"


def test_a06_a_rescue_is_a_fact() -> None:
    on = Stage()

    def dying(run: Run) -> Outcome:
        raise Crash

    on.house.play.says("h01", dying)
    id = on.engine.demand(on.task.id, "h01")
    with pytest.raises(Crash):
        on.engine.drain()
    on.house.clock.advance(seconds=61)
    on.house.enter().drain()
    (fact,) = on.engine.facts(kinds=["JobRescued"])
    assert (fact.job, fact.record, fact.details) == (id, "h01", {"rescues": 1, "node": "n2"})
    assert on.engine.job(id).state is State.COMPLETED


def test_a06_a_change_of_rights_says_to_what() -> None:
    """Who manages it, as whom it runs, whose it is, whether it runs at all."""
    on = Stage()
    changed = attrs.evolve(on.task, managers={"mona", "ida"}, owner="mona", active=False)
    fact = on.told(lambda on: on.engine.edit(changed, by="ida"))[0]
    assert fact.details == {"changed": ["active", "managers", "owner"], "active": False, "managers": ["ida", "mona"], "owner": "mona"}


def test_a06_what_is_refused_tells_nothing() -> None:
    on = Stage()
    on.house.vault.deny("eve")

    def refused(on: Stage) -> None:
        with pytest.raises(NotAllowed):
            on.engine.remove(on.task.id, by="eve")
        with pytest.raises(NotAllowed):
            on.engine.cancel(on.job, by="eve")

    assert on.told(refused) == []


class Losing(MemoryStorage):
    """Once it is armed every unit is refused by its last change: as if somebody else were always quicker."""

    armed = False

    def write(self, units: Any, *, durable: bool = True) -> Any:
        late = (Expect("task", "none", 7),) if self.armed else ()
        return super().write([(*unit, *late) for unit in units], durable=durable)


def test_a06_a_fact_and_its_change_land_together_or_not_at_all() -> None:
    on = Stage()
    storage = Losing(on.house.storage._tables)
    losing = on.house.enter(storage=storage)
    storage.armed = True

    def act(on: Stage) -> None:
        with pytest.raises(Outdated):
            losing.cancel(on.job)

    assert on.told(act) == []
    assert on.engine.job(on.job).state is State.SCHEDULED


# documents


def test_a06_a_fact_is_a_document_of_plain_values() -> None:
    on = Stage()
    (fact,) = on.told(lambda on: on.engine.suspend_task(on.task.id, "h01", by="ida", why="ein Gerät ist aus"))
    document = fact.document()
    assert json.loads(json.dumps(document)) == document
    assert document == {
        "chain": fact.chain, "position": fact.position, "kind": "TaskSuspended", "at": "2026-03-02T00:00:00+00:00", "task": on.task.id,
        "line": on.task.line, "record": "h01", "who": "ida", "details": {"why": "ein Gerät ist aus"}, "hash": fact.hash,
    }  # fmt: skip


def test_a06_half_a_character_out_of_a_hosts_output_stops_no_fact() -> None:
    on = Stage()
    on.house.storage.write([(Fact("JobFailed", 1, details={"text": "half \udce4 character, and a whole ä"}),)])
    (fact,) = on.engine.facts(kinds=["JobFailed"])
    assert fact.details["text"] == "half \udce4 character, and a whole ä"
    assert on.engine.check() == []


def test_a06_an_exporter_writes_them_all() -> None:
    on = Stage()
    _answer(FAILED)(on)
    to = io.BytesIO()
    assert JsonLines().export(on.engine.facts(), to) == len(on.engine.facts())
    assert [json.loads(line)["hash"] for line in to.getvalue().splitlines()] == [fact.hash for fact in on.engine.facts()]


# reading


def test_a06_a_reader_goes_on_from_its_mark_and_misses_nothing_of_any_process() -> None:
    on = Stage()
    other, seen, mark = on.house.enter(), list[str](), on.engine.facts_after(BEGIN, limit=10_000)[1]
    for number in range(7):
        (other if number % 2 else on.engine).pause(f"host:{number}")
        facts, mark = on.engine.facts_after(mark, limit=1 + number % 2)
        seen += [fact.details["what"] for fact in facts if fact.kind == "Paused"]
    while True:
        facts, mark = on.engine.facts_after(mark, limit=2)
        seen += [fact.details["what"] for fact in facts if fact.kind == "Paused"]
        if not facts:
            break
    assert sorted(seen) == [f"host:{number}" for number in range(7)]


def test_a06_facts_are_read_by_record_and_by_kind() -> None:
    on = Stage()
    _answer(DONE)(on)
    assert {fact.record for fact in on.engine.facts(record="h01")} == {"h01"}
    assert {fact.kind for fact in on.engine.facts(kinds=["JobMade", "JobCompleted"])} == {"JobMade", "JobCompleted"}
    assert on.engine.facts(record="none") == []


# the chain


def tampered(house: House, place: int, change: Callable[[dict[int, str], int], object]) -> None:
    """Somebody changes the store behind the engine's back."""
    chain = house.storage._tables.chains._chains[house.engine.storage.chain]
    change(chain.texts, place + 1)


def test_a06_the_check_of_the_whole_chain_is_one_call_and_finds_nothing_where_all_is_well() -> None:
    on = Stage()
    _answer(FAILED)(on)
    on.house.enter().pause("pool:dmz")
    assert on.engine.check() == []


def test_a06_a_changed_fact_is_found() -> None:
    on = Stage()
    _answer(FAILED)(on)
    place = next(number for number, fact in enumerate(on.engine.facts()) if fact.kind == "JobFailed")
    tampered(on.house, place, lambda texts, at: texts.__setitem__(at, texts[at].replace("JobFailed", "JobCompleted")))
    (fault,) = on.engine.check()
    assert (fault.chain, fault.position) == (on.engine.storage.chain, place + 1)


def test_a06_a_removed_tail_is_found_against_the_heads_that_somebody_took_away() -> None:
    on = Stage()
    noted: Sequence[Head] = on.engine.heads()
    chain = on.house.storage._tables.chains._chains[on.engine.storage.chain]
    chain.texts.popitem()
    chain.hashes.popitem()
    assert on.engine.check() == []
    (fault,) = on.engine.check(noted)
    assert fault.case == f"the tail up to {noted[0].position} is missing"


# archive


def test_a06_old_facts_are_handed_over_and_archived_behind_a_checkpoint() -> None:
    on = Stage()
    before, taken = on.engine.facts(), list[Fact]()
    noted = on.engine.heads()
    on.house.clock.advance(days=400)
    on.engine.pause("pool:dmz")
    assert on.engine.archive(on.house.clock.moment.subtract(days=30), taken.extend) == len(before)
    assert taken == before
    assert [fact.kind for fact in on.engine.facts()] == ["Paused"]
    assert on.engine.check(noted) == []
    assert on.engine.archive(on.house.clock.moment.subtract(days=30), taken.extend) == 0


def test_a06_what_nobody_took_stays() -> None:
    """Where the hand-over fails, nothing is archived."""
    on = Stage()
    before = on.engine.facts()
    on.house.clock.advance(days=400)

    def full(facts: Sequence[Fact]) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        on.engine.archive(on.house.clock.moment, full)
    assert on.engine.facts() == before


OLD, MANY = instant(pendulum.datetime(2020, 1, 1, tz="UTC")), 1234


def with_old_facts(storage: MemoryStorage | None = None) -> tuple[Engine, list[Fact]]:
    """Two chains of them, each longer than a portion."""
    engine = Engine(MemoryVault(), storage or MemoryStorage(), clock=VirtualClock(START))
    other = Engine(MemoryVault(), engine.storage.join(), clock=VirtualClock(START))  # type: ignore[attr-defined]
    for place in range(MANY):
        for one in (engine, other):
            one.storage.write([(Fact("Paused", OLD + place, details={"what": f"host:{place}"}),)])
    return engine, list(engine.storage.facts({}, limit=10 * MANY)[0])


def names(facts: Iterable[Fact]) -> list[tuple[str, int]]:
    return [(fact.chain, fact.position) for fact in facts]


def test_j14_old_facts_go_in_portions_and_progress_hears_of_each() -> None:
    engine, before = with_old_facts()
    sizes, told, taken = list[int](), list[int](), list[Fact]()

    def take(facts: Sequence[Fact]) -> None:
        sizes.append(len(facts))
        taken.extend(facts)
        assert names(engine.storage.facts({}, limit=10 * MANY)[0]) == names(before[sum(told[-1:]) :])  # none is gone that was not taken
        assert engine.check() == []

    assert engine.archive(START, take, progress=told.append) == 2 * MANY + 2 == told[-1]
    assert names(taken) == names(before)
    assert max(sizes) <= 500
    assert told == [sum(sizes[: place + 1]) for place in range(len(sizes))]
    assert engine.facts() == []


@pytest.mark.parametrize("portion", range(6))
@pytest.mark.parametrize("after", [False, True])
def test_a06_whoever_dies_between_two_portions_loses_no_fact(portion: int, after: bool) -> None:
    """Handed over twice at the most, and only those of one portion."""
    engine, before = with_old_facts()
    noted, taken, calls = engine.heads(), list[Fact](), count()

    def take(facts: Sequence[Fact]) -> None:
        dies = next(calls) == portion
        if dies and not after:
            raise OSError("no space left")
        taken.extend(facts)
        if dies:
            raise OSError("no power")

    if portion * 500 >= len(before):
        engine.archive(START, take)
    else:
        with pytest.raises(OSError, match="no "):
            engine.archive(START, take)
        assert engine.check(noted) == []
        assert names(engine.storage.facts({}, limit=10 * MANY)[0]) == names(before[portion * 500 :])
        engine.archive(START, take)
    twice = len(taken) - len(before)
    assert list(dict.fromkeys(names(taken))) == names(before)
    assert 0 <= twice <= 500
    assert (twice > 0) == (after and portion * 500 < len(before))
    assert engine.check(noted) == []


async def awaited(facts: Sequence[Fact]) -> None: ...


def drawn(facts: Sequence[Fact]) -> Iterator[Fact]:
    yield from facts


@pytest.mark.parametrize("take", [awaited, drawn, partial(map, print)])
def test_a06_what_only_answers_who_would_take_them_has_taken_nothing(take: Any) -> None:
    engine, before = with_old_facts()
    with pytest.raises(InvalidValue, match="`take` answered a "):
        engine.archive(START, take)
    assert names(engine.storage.facts({}, limit=10 * MANY)[0]) == names(before)


def test_a06_who_takes_them_hears_of_each_once_whatever_becomes_of_what_was_handed_over() -> None:
    engine, before = with_old_facts()
    taken = list[Fact]()

    def take(facts: Any) -> None:
        taken.extend(facts)
        for change in ("clear", "reverse"):
            if hasattr(facts, change):
                getattr(facts, change)()

    assert engine.archive(START, take) == len(before)
    assert engine.archive(START, take) == 0
    assert names(taken) == names(before)


def test_a06_what_lands_while_old_facts_go_stays() -> None:
    """Whatever time it tells: a notifier may not have been handed it."""
    engine, before = with_old_facts()
    late, calls = engine.storage.join(), count()  # type: ignore[attr-defined]

    def take(facts: Sequence[Fact]) -> None:
        late.write([(Fact("Resumed", OLD),)])
        engine.storage.write([(Fact("Resumed", OLD),)])
        assert next(calls) < 10, "it never comes to an end"

    assert engine.archive(START, take) == len(before)
    kinds = {fact.kind for fact in engine.facts()}
    assert kinds == {"ChainBegan", "Resumed"}
    assert len(engine.facts()) == 2 * next(calls) + 1
    assert engine.check() == []


def test_a06_only_a_run_from_the_begin_of_a_chain_is_archived() -> None:
    """What stays must still follow from the checkpoint; nothing behind it is handed over."""
    engine = Engine(MemoryVault(), clock=VirtualClock(START))
    now = instant(START)
    for at in (OLD, OLD + 5, now, OLD, now):
        engine.storage.write([(Fact("Paused", at),)])
    taken: list[Fact] = []
    assert engine.archive(START, taken.extend) == 3
    assert [fact.position for fact in taken] == [1, 2, 3]
    assert [fact.position for fact in engine.facts()] == [4, 5, 6]
    assert engine.check() == []


# the flow


def test_flow_one_happening_through_every_room_to_its_fact() -> None:
    """Somebody checks a record in; another happening of the same approval is the same fire; the job waits for its window, runs, fails at a
    locked account, suspends its task, and somebody lets it go on: all of that is read from the facts alone."""
    inbox = Inbox(["JobFailed", "TaskSuspended"])
    inbox.name = "pager"  # type: ignore[misc]
    house = House(*hosts(2), notifiers=[inbox])
    policies = [AfterCheckIn(), AfterExpire()]
    task = house.engine.put(Task("rotate", "work", policies, window=TimeWindow("0-29 4 * * *")), list=UNIX, by="anna")
    house.play.says("h01", NotDone(ErrorClass.ACCOUNT_LOCKED, "too many tries"))
    (job,) = house.engine.emit(CheckedIn("h01", id="c1", approval="a1"))  # vault → intake
    house.engine.drain()  # → claim → gates: outside its window
    house.engine.emit(ApprovalExpired("h01", id="e1", approval="a1"))  # the same fire
    house.clock.advance(hours=4)
    house.engine.drain()  # → start → script → end
    house.engine.resume_task(task.id, "h01", by="mona")
    told, wanted = [(fact.kind, dict(fact.details)) for fact in house.engine.facts(record="h01")], instant(START)
    assert told[:4] == [
        ("JobMade", {"happening": "c1", "kind": "checked_in", "policy": "after check-in", "wanted": wanted}),
        ("JobDeferred", {"due": told[1][1]["due"], "node": "n1", "wanted": wanted, "why": "window"}),
        ("HappeningPassed", {"happening": "e1", "kind": "approval_expired", "why": "repeated"}),
        ("JobStarted", {"node": "n1", "wanted": wanted}),
    ]  # fmt: skip
    failed, suspended = ("JobFailed", {"error": "account_locked", "text": "too many tries"}), ("TaskSuspended", {"why": "account_locked"})
    assert told[4:] in ([failed, suspended, ("TaskResumed", {})], [suspended, failed, ("TaskResumed", {})])  # the two are of one unit
    about = {(fact.job, fact.task, fact.line) for fact in house.engine.facts(record="h01") if fact.kind.startswith("Job")}
    assert about == {(job, task.id, task.line)}
    assert {fact.kind for fact in inbox.notices} == {"JobFailed", "TaskSuspended"}  # → notice
    assert house.engine.job(job).error == "account_locked"  # → history
    assert house.engine.check() == []
    assert of_record("h01") not in {found.list for found in house.engine.tasks()}
