"""What jobs hold while they run: accounts alone or beside others, slots by number; who waits is woken by who gives back (R4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from attrs import evolve, frozen

from taskkit.engine import Settings
from taskkit.engine._ground import Limits
from taskkit.events import Daily, MaxAge, TimeWindow
from taskkit.events.happenings import CheckedIn, SessionEnded, Unlocked
from taskkit.events.policies import AfterCheckIn, AfterSession, AfterUnlock, OnDemand
from taskkit.instants import SECOND
from taskkit.outcomes import DONE, Effect, ErrorClass, NotDone, NotNow, Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Verb
from taskkit.records import Accounts, Record, RecordType
from taskkit.selections import Everything
from taskkit.states import State, Step
from taskkit.storage import Move, Query, Slice, Wait
from taskkit.tasks import Fallback, Task
from taskkit.testing import FakeExecutor
from tests.engine.houses import START, UNIX, Crash, House, Play, Watched, hosts


def account(run: Run) -> str:
    assert run.record is not None
    return run.vault.records.account(run.record)


def touching(play: Play, kind: str, of: Callable[[Run], Accounts], *, changes: bool = False) -> Any:
    """A kind of script that holds these accounts."""

    @frozen
    class Touching(Script):
        name: str

        def accounts(self, run: Run) -> Accounts:
            return of(run)

        def perform(self, run: Run) -> Outcome:
            return play.perform(self, run)

    for name, value in {"kind": kind, "effect": Effect.IDEMPOTENT, "changes_secret": changes}.items():
        setattr(Touching, name, value)
    return Touching


def bank(*records: Record, settings: Settings | None = None, **said: Any) -> House:
    """`rotate` writes a record's account, `look` uses it, `both` writes one and uses `tool`; each has a task of that name."""
    play = Play()
    kinds = [
        touching(play, "rotate", lambda run: Accounts(writes={account(run)}), changes=True),
        touching(play, "look", lambda run: Accounts(uses={account(run)})),
        touching(play, "both", lambda run: Accounts(writes={account(run)}, uses={"tool"})),
    ]
    house = House(*(records or (Record("r1", "unix"),)), scripts=kinds, play=play, settings=settings)
    for kind in kinds:
        house.engine.define(kind(kind.kind))
        house.engine.put(Task(kind.kind, kind.kind, [OnDemand(), AfterCheckIn()], **said), list=UNIX)
    return house


def job_of(house: House, task: str, record: str = "r1") -> str:
    """Demanded; each a second after the one before, so that they are due in this order."""
    house.clock.advance(seconds=1)
    (found,) = [one.id for one in house.engine.tasks(UNIX) if one.name == task]
    return house.engine.demand(found, record)


def state(house: House, job: str) -> tuple[State, str | None]:
    entry = house.engine.job(job)
    return entry.state, entry.why


BUSY = State.DEFERRED, "busy"
COMPLETED = State.COMPLETED, None


def during(house: House, record: str, then: Callable[[], object], answer: Outcome = DONE) -> None:
    """While the next job of the record runs, another process does something."""

    def perform(run: Run) -> Outcome:
        then()
        return answer

    house.play.says(record, perform)


def while_running(house: House, *others: tuple[str, str]) -> list[tuple[State, str | None]]:
    """How jobs stand that are started by another process while a first one runs."""
    seen: list[tuple[State, str | None]] = []

    def start() -> None:
        for other in others:
            job = job_of(house, *other)
            house.enter().work()
            seen.append(state(house, job))

    during(house, "r1", start)
    house.engine.work(1)
    return seen


@pytest.mark.parametrize("account", ["a\0b", "half \ud800"])
def test_r04_a_job_of_an_account_that_no_store_could_keep_fails_alone(account: str) -> None:
    house = bank(Record("r1", "unix"), Record("r2", "unix"))
    house.vault.records.logins = {"r1": account}
    jobs = [job_of(house, "rotate", record) for record in ("r1", "r2")]
    house.engine.drain()
    assert [house.engine.job(job).state for job in jobs] == [State.ERROR, State.COMPLETED]
    entry = house.engine.job(jobs[0])
    assert entry.error == ErrorClass.BAD_CONFIGURATION
    assert "holds NUL or half a character" in entry.text


# who may run beside whom


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("rotate", "rotate", False), ("rotate", "look", False), ("look", "rotate", False), ("look", "look", True), ("both", "look", False),
    ],
)  # fmt: skip
def test_r04_writes_are_exclusive_and_uses_are_shared(first: str, second: str, together: bool) -> None:
    house = bank(Record("r1", "unix"), Record("r2", "unix", reference="r1"))
    job_of(house, first)
    assert while_running(house, (second, "r2")) == [COMPLETED if together else BUSY]


def test_r04_two_accounts_are_nobodys_business() -> None:
    house = bank(Record("r1", "unix"), Record("r2", "unix"))
    job_of(house, "rotate")
    assert while_running(house, ("rotate", "r2"), ("look", "r2")) == [COMPLETED, COMPLETED]  # one after the other


def test_r04_the_account_is_the_root_of_the_references_or_what_the_vault_says() -> None:
    house = bank(Record("r1", "unix", reference="mid"), Record("mid", "unix", reference="r3"), Record("r3", "unix"), Record("r4", "unix"))
    house.vault.records.logins = {"r4": "r3"}
    job_of(house, "rotate")
    assert while_running(house, ("rotate", "r3"), ("look", "r4"), ("look", "mid")) == [BUSY] * 3


class OverAGate(FakeExecutor):
    def way(self, record: Record, run: Run) -> Iterable[Record]:
        return filter(None, [run.vault.records.get(record.fields["jump"])]) if "jump" in record.fields else ()


def test_r04_the_account_of_a_machine_over_which_another_is_reached_is_used() -> None:
    """Nobody changes it as long as somebody is behind it, whatever the script says of accounts."""
    play = Play()
    look = touching(play, "look", lambda run: Accounts(uses={account(run)}))
    look.needs = frozenset({Verb.COMMANDS})
    rotate = touching(play, "rotate", lambda run: Accounts(writes={account(run)}), changes=True)
    records = Record("r1", "unix", fields={"jump": "gate"}), Record("r2", "unix", fields={"jump": "gate"}), Record("gate", "unix")
    house = House(*records, scripts=[look, rotate], executors=[OverAGate("gated")], play=play)
    house.engine.define(RecordType("unix", executor="gated"))
    for kind in (look, rotate):
        house.engine.define(kind(kind.kind))
        house.engine.put(Task(kind.kind, kind.kind, OnDemand()), list=UNIX)
    job_of(house, "look")
    assert while_running(house, ("rotate", "gate"), ("rotate", "r2")) == [BUSY, COMPLETED]


def test_r04_an_executor_that_cannot_say_its_way_fails_the_job_and_no_other() -> None:
    class Lost(FakeExecutor):
        def way(self, record: Record, run: Run) -> Iterable[Record]:
            raise RuntimeError(record.id)

    play = Play()
    look = touching(play, "look", lambda run: Accounts(uses={account(run)}))
    look.needs = frozenset({Verb.COMMANDS})
    house = House(Record("r1", "unix"), scripts=[look], executors=[Lost("lost")], play=play)
    house.engine.define(RecordType("unix", executor="lost"))
    house.engine.define(look("look"))
    house.engine.put(Task("look", "look", OnDemand()), list=UNIX)
    job = job_of(house, "look")
    house.engine.drain()
    entry = house.engine.job(job)
    assert (entry.state, entry.error) == (State.ERROR, ErrorClass.BAD_CONFIGURATION)
    assert "asking 'lost' for its way" in entry.text


def test_r04_all_or_none_is_held() -> None:
    """`both` wants an account that is free and one that is taken: it holds neither, and waits for both."""
    house = bank(Record("r1", "unix"), Record("r2", "unix"))
    house.vault.records.logins = {"r1": "tool"}
    job_of(house, "rotate")
    seen: list[object] = []

    def start() -> None:
        waits = job_of(house, "both", "r2")
        other = house.enter()
        other.work()
        seen.extend([other.storage.holders("account:r2"), state(house, waits)])

    during(house, "r1", start)
    house.engine.work(1)
    assert seen == [[], BUSY]
    house.engine.drain()
    assert house.play.performed == [("rotate", "r1"), ("both", "r2")]


def test_r04_accounts_are_resolved_after_the_claim_and_not_when_it_was_planned() -> None:
    house = bank(Record("r1", "unix"), Record("r2", "unix"))
    job_of(house, "rotate")
    planned = job_of(house, "rotate", "r2")
    house.vault.change("r2", reference="r1")
    seen: list[object] = []

    def start() -> None:
        house.enter().work()
        seen.append(state(house, planned))

    during(house, "r1", start)
    house.engine.work(1)
    assert seen == [BUSY]


# slots


def test_r04_slots_count_per_host() -> None:
    records = [Record(f"r{number}", "unix", fields={"host": "one" if number < 4 else "two"}) for number in range(1, 6)]
    house = bank(*records, settings=Settings(limits=Limits(host=2)))
    job_of(house, "look", "r1")
    assert while_running(house, ("look", "r2"), ("look", "r4"), ("look", "r5")) == [COMPLETED] * 3
    seen: list[tuple[State, str | None]] = []

    def third() -> None:
        job = job_of(house, "look", "r3")
        house.enter().work()
        seen.append(state(house, job))

    def second() -> None:
        during(house, "r2", third)
        job_of(house, "look", "r2")
        house.enter().work()

    during(house, "r1", second)
    job_of(house, "look", "r1")
    house.engine.work(1)
    assert seen == [BUSY]
    house.engine.drain()
    assert [record for _, record in house.play.performed].count("r3") == 1


def test_r04_slots_count_per_task() -> None:
    house = bank(*(Record(f"r{number}", "unix") for number in range(1, 5)), at_once=2)
    jobs = [job_of(house, "look", f"r{number}") for number in range(1, 5)]
    house.engine.work()
    assert [state(house, job) for job in jobs] == [COMPLETED] * 2 + [BUSY] * 2
    house.engine.drain()
    assert [state(house, job) for job in jobs] == [COMPLETED] * 4


def test_r04_slots_count_per_pool() -> None:
    records = [Record(f"r{number}", "unix", pool="dmz" if number == 3 else None) for number in range(1, 4)]
    house = bank(*records, settings=Settings(pools=("local", "dmz"), limits=Limits(pools={"local": 1})))
    jobs = [job_of(house, "look", f"r{number}") for number in range(1, 4)]
    house.engine.work()
    assert [state(house, job) for job in jobs] == [COMPLETED, BUSY, COMPLETED]


# waiting and waking


def test_r04_a_waiting_writer_bars_new_users() -> None:
    house = bank()
    job_of(house, "look")
    seen: list[Any] = []

    def start() -> None:
        writer = job_of(house, "rotate")
        house.enter().work()
        user = job_of(house, "look")
        house.enter().work()
        seen.extend(state(house, job) for job in (writer, user))

    during(house, "r1", start)
    house.engine.work(1)
    assert seen == [BUSY, BUSY]
    house.engine.drain()
    assert [script for script, _ in house.play.performed] == ["look", "rotate", "look"]


def test_r04_a_waiting_writer_bars_nobody_who_came_before_it() -> None:
    """A user that was due before the writer is claimed after it: it need not wait for the writer's turn."""
    house = bank(Record("r1", "unix"), Record("r2", "unix", reference="r1"), Record("r3", "unix", reference="r1", pool="dmz"))
    dmz, seen = Settings(pools=("dmz",)), list[Any]()

    def start() -> None:
        early, writer = job_of(house, "look", "r3"), job_of(house, "rotate", "r2")
        house.enter().work()
        house.enter(settings=dmz).work()
        seen.extend([state(house, writer), state(house, early)])

    during(house, "r1", start)
    job_of(house, "look")
    house.engine.work(1)
    assert seen == [BUSY, COMPLETED]


def test_r04_a_user_that_waits_is_not_put_off_by_writers_that_come_later() -> None:
    """The writer became due while the one before it ran, and is claimed in the same batch as the user that was woken then."""
    house = bank(Record("r1", "unix"), Record("r2", "unix", reference="r1"), Record("r3", "unix", reference="r1"))
    job_of(house, "rotate")

    def start() -> None:
        job_of(house, "look", "r2")
        house.enter().work()
        job_of(house, "rotate", "r3")
        house.clock.advance(seconds=30)  # so the writer is due for longer than the user, which is due when it is woken

    during(house, "r1", start)
    house.engine.work(1)
    house.engine.drain()
    assert house.play.performed == [("rotate", "r1"), ("look", "r2"), ("rotate", "r3")]


def test_r04_two_that_change_what_the_other_logs_in_with_do_not_wait_for_each_other_for_ever() -> None:
    play = Play()
    other = {"r1": "r2", "r2": "r1"}
    kind = touching(play, "both", lambda run: Accounts(writes={account(run)}, uses={other.get(account(run), "none")}), changes=True)
    house = House(Record("r1", "unix"), Record("r2", "unix"), Record("r3", "unix"), scripts=[kind], play=play)
    house.vault.records.logins = {"r3": "r2"}
    house.engine.define(kind("both"))
    house.engine.put(Task("both", "both", [OnDemand()]), list=UNIX)
    (task,) = house.engine.tasks(UNIX)
    first = house.engine.demand(task.id, "r3")

    def start() -> None:
        for record in ("r1", "r2"):
            house.clock.advance(seconds=1)
            house.engine.demand(task.id, record)
        house.enter().work()

    during(house, "r3", start)
    house.engine.work(1)
    house.engine.drain()
    assert state(house, first) == COMPLETED
    assert play.performed == [("both", "r3"), ("both", "r1"), ("both", "r2")]


def test_r04_a_writer_that_waits_for_a_slot_bars_nobody() -> None:
    """A night's changes, a few at once, take hours: nobody waits for those that are not begun."""
    records = [Record(f"r{number}", "unix", fields={"host": "one"} if number < 3 else {}) for number in range(1, 4)]
    house = bank(Record("r3", "unix", reference="r2"), *records[:2], settings=Settings(limits=Limits(host=1)))
    seen: list[Any] = []

    def start() -> None:
        writer, user = job_of(house, "rotate", "r2"), job_of(house, "look", "r3")
        house.enter().work()
        seen.extend([state(house, writer), state(house, user)])

    during(house, "r1", start)
    job_of(house, "look", "r1")
    house.engine.work(1)
    assert seen == [BUSY, COMPLETED]


# who waits and cannot come


LOOK = 60
DMZ = Settings(pools=("dmz",), look=LOOK, lease=3600)


def apart() -> House:
    """All records are one account; r2 has a pool and a host of its own."""
    two = Record("r2", "unix", reference="r1", pool="dmz", fields={"host": "two"})
    return bank(Record("r1", "unix"), two, Record("r3", "unix", reference="r1"), settings=Settings(lease=3600, look=LOOK))


def while_r2_waits(house: House, then: Callable[[], list[str]]) -> list[Any]:
    """How the jobs stand that `then` made, while r1 is used and a change of r2 waits for that."""
    seen: list[Any] = []

    def start() -> None:
        job_of(house, "rotate", "r2")
        house.enter(settings=DMZ).work()
        seen.extend(state(house, job) for job in then())

    during(house, "r1", start)
    job_of(house, "look")
    house.engine.work(1)
    return seen


@pytest.mark.parametrize("what", ["pool:dmz", "host:two"])
def test_r04_a_writer_that_stands_still_bars_nobody(what: str) -> None:
    house = apart()

    def pause() -> list[str]:
        house.engine.pause(what)
        users = [job_of(house, "look", "r3")]
        house.enter().work()
        return users

    assert while_r2_waits(house, pause) == [COMPLETED]
    writer = next(entry for entry in house.entries(record="r2"))
    assert (writer.state, writer.why) == (State.DEFERRED, "released")
    house.engine.resume(what)
    house.clock.advance(seconds=LOOK)
    house.enter(settings=DMZ).drain()
    assert house.engine.job(writer.id).state is State.COMPLETED


@pytest.mark.parametrize("what", ["pool:local", "host:one", "pool:other", "engine"])
def test_r04_a_writer_keeps_its_place_while_something_else_stands_still(what: str) -> None:
    house = apart()

    def pause() -> list[str]:
        house.engine.pause(what)
        return []

    while_r2_waits(house, pause)
    (writer,) = house.entries(record="r2")
    assert writer.why == "busy"


def test_r04_who_is_woken_by_a_pause_is_not_left_to_the_timer() -> None:
    house = apart()

    def pause() -> list[str]:
        users = [job_of(house, "look", "r3")]
        house.enter().work()
        assert state(house, users[0]) == BUSY
        house.engine.pause("pool:dmz")
        house.enter().work()
        return users

    assert while_r2_waits(house, pause) == [COMPLETED]


def test_r04_a_writer_whose_pool_has_no_node_loses_its_place_when_nobody_came_for_it() -> None:
    house = apart()

    def leave() -> list[str]:
        users, other = [job_of(house, "look", "r3")], house.enter()
        for _ in range(4):
            other.drain()
            assert state(house, users[0]) == BUSY
            house.clock.advance(seconds=LOOK // 2 - 10)
        house.clock.advance(seconds=2 * LOOK)
        other.drain()
        return users

    assert while_r2_waits(house, leave) == [COMPLETED]
    house.enter(settings=DMZ).drain()
    assert house.play.performed[-1] == ("rotate", "r2")


class Looked(Watched):
    """Notes who looks for those that wait."""

    looks = 0

    def jobs(self, query: Query, **said: Any) -> Slice:
        self.looks += query.why == "busy"
        return super().jobs(query, **said)


def test_r04_those_that_do_not_come_are_looked_for_from_time_to_time_and_not_at_each_tick() -> None:
    house = apart()
    handle = Looked(house.storage)
    engine = house.enter(storage=handle)
    for _ in range(2 * LOOK):
        engine.tick()
        house.clock.advance(seconds=1)
    engine.tick()
    assert handle.looks == 2


def test_r04_a_writer_that_is_looked_at_keeps_its_place_for_as_long_as_it_takes() -> None:
    house = apart()

    def wait() -> list[str]:
        users, other, dmz = [job_of(house, "look", "r3")], house.enter(), house.enter(settings=DMZ)
        for _ in range(30):
            dmz.drain()
            other.drain()
            house.clock.advance(seconds=LOOK)
        return users

    assert while_r2_waits(house, wait) == [BUSY]
    assert house.kinds().count("JobDeferred") == 2


def test_r04_who_lost_its_place_has_it_again_when_it_comes() -> None:
    """Its place is by the time since it is wanted, so whoever came after it waits for it again."""
    house = apart()

    def pause() -> list[str]:
        house.engine.pause("pool:dmz")
        house.engine.resume("pool:dmz")
        house.clock.advance(seconds=LOOK)
        house.enter(settings=DMZ).work()
        users = [job_of(house, "look", "r3")]
        house.enter().work()
        return users

    assert while_r2_waits(house, pause) == [BUSY]
    house.enter(settings=Settings(pools=("local", "dmz"), look=LOOK)).drain()
    assert house.play.performed == [("look", "r1"), ("rotate", "r2"), ("look", "r3")]


def test_r04_a_writer_that_waits_for_something_else_by_now_bars_nobody() -> None:
    """The writer is put off until its window opens: users do not wait for that."""
    house = bank(Record("r1", "unix"), Record("r2", "unix", reference="r1"))
    (rotate,) = [task for task in house.engine.tasks(UNIX) if task.name == "rotate"]
    first, users = job_of(house, "look"), list[str]()

    def start() -> None:
        job_of(house, "rotate", "r2")
        house.enter().work()
        house.engine.suspend_task(rotate.id, "r2")

    during(house, "r1", start)
    house.engine.work(1)
    house.engine.drain()
    assert state(house, first) == COMPLETED
    users.append(job_of(house, "look", "r1"))
    house.engine.drain()
    assert [state(house, user) for user in users] == [COMPLETED]


def test_r04_an_edit_that_puts_off_a_waiting_writer_lets_users_in() -> None:
    house = bank(Record("r1", "unix"), Record("r2", "unix", reference="r1"))
    (rotate,) = [task for task in house.engine.tasks(UNIX) if task.name == "rotate"]
    seen: list[Any] = []

    def start() -> None:
        job_of(house, "rotate", "r2")
        other = house.enter()
        other.work()
        user = job_of(house, "look", "r2")
        other.work()
        seen.append(state(house, user))
        other.edit(evolve(rotate, window=TimeWindow("* 5 * * *")))
        other.drain()
        seen.append(state(house, user))

    during(house, "r1", start)
    job_of(house, "look")
    house.engine.work(1)
    assert seen == [BUSY, COMPLETED]


def test_r04_the_release_wakes_in_order_of_due_as_many_as_fit() -> None:
    house = bank()
    job_of(house, "rotate")
    order: list[str] = []

    def start() -> None:
        for name in ("look", "both", "look", "rotate"):
            job_of(house, name)
        house.enter().work()

    during(house, "r1", start)
    house.engine.work(1)
    while house.engine.work(1):
        order = [script for script, _ in house.play.performed]
    assert order == ["rotate", "look", "both", "look", "rotate"]


def test_r04_many_users_are_woken_at_once_and_writers_one_by_one() -> None:
    house = bank(*(Record(f"r{number}", "unix", reference=None if number == 1 else "r1") for number in range(1, 8)))
    job_of(house, "rotate")

    def start() -> None:
        for number in range(2, 8):
            job_of(house, "look", f"r{number}")
        house.enter().work()

    during(house, "r1", start)
    house.engine.work(1)
    due = [job for job in house.storage.jobs(Query(states=State.DEFERRED)).jobs if job.due <= house.clock.now()]
    assert len(due) == 6
    assert house.enter().work() == 6  # together


def test_r04_a_long_timer_is_the_net() -> None:
    house = bank(settings=Settings(look=300))
    job_of(house, "rotate")
    jobs: list[str] = []

    def start() -> None:
        jobs.append(job_of(house, "look"))
        house.enter().work()
        (job,) = house.storage.jobs(Query(states=State.DEFERRED)).jobs
        assert job.due == house.clock.now() + 300 * SECOND

    during(house, "r1", start)
    house.engine.work(1)
    assert len(jobs) == 1


def test_r04_what_is_released_while_a_job_begins_to_wait_is_not_missed() -> None:
    """The holder ends between the refused start and the note that somebody waits."""
    house = bank()
    job_of(house, "rotate")
    handle = Watched(house.storage)
    other = house.enter(storage=handle)
    ends: list[Callable[[], object]] = []

    def start() -> None:
        job_of(house, "look")
        ends.append(lambda: None)
        handle.before(lambda units: any(isinstance(change, Wait) for unit in units for change in unit), release)
        other.work()

    def release() -> None:
        holder = house.storage.holders("account:r1")
        (job,) = [house.storage.job(id) for id in holder]
        assert job is not None
        house.storage.write([(Move(job.id, Step.COMPLETE, token=job.token, fields={"ended": house.clock.now()}),)])

    during(house, "r1", start)
    house.engine.work(1)
    assert house.engine.work() == 1  # without waiting for the timer
    assert [script for script, _ in house.play.performed] == ["rotate", "look"]


def test_r04_who_is_woken_and_does_not_take_it_leaves_it_to_the_next() -> None:
    house = bank(Record("r1", "unix"), Record("r2", "unix", reference="r1"), Record("r3", "unix", reference="r1"))
    job_of(house, "rotate")
    jobs: list[str] = []

    def start() -> None:
        jobs.extend(job_of(house, "both", f"r{number}") for number in (2, 3))
        house.enter().work()
        house.vault.remove("r2")

    during(house, "r1", start)
    house.engine.work(1)
    house.engine.drain()
    assert state(house, jobs[0]) == (State.CANCELED, "record_removed")
    assert state(house, jobs[1]) == COMPLETED  # not five minutes later


def test_r04_a_waiting_job_that_is_canceled_lets_the_next_in() -> None:
    house = bank()
    jobs: list[str] = []

    def start() -> None:
        jobs.append(job_of(house, "rotate"))
        house.enter().work()
        jobs.append(job_of(house, "look"))
        house.enter().work()
        house.engine.cancel(jobs[0])
        house.enter().work()

    job_of(house, "look")
    during(house, "r1", start)
    house.engine.work(1)
    house.engine.drain()
    assert [state(house, job) for job in jobs] == [(State.CANCELED, "by_person"), COMPLETED]


# the end of holds


@pytest.mark.parametrize(
    "answer",
    [DONE, NotDone(ErrorClass.FAILED, "no"), NotDone(ErrorClass.WRONG_CREDENTIALS, "no")],
)
def test_r04_holds_end_in_the_unit_that_ends_the_job(answer: Outcome) -> None:
    house = bank()
    job_of(house, "rotate")
    house.play.says("r1", answer)
    house.engine.work()
    assert house.storage.holders("account:r1") == []


def test_r04_holds_end_where_the_job_is_sent_back_to_wait() -> None:
    house = bank()
    job_of(house, "rotate")
    later = house.clock.moment.add(hours=1)
    house.play.says("r1", NotNow(later))
    house.engine.work()
    assert house.storage.holders("account:r1") == []
    look = job_of(house, "look")
    house.engine.drain()
    assert state(house, look) == COMPLETED


def test_r04_holds_outlive_a_worker_until_its_job_is_rescued_and_its_end_wakes_who_waits() -> None:
    house = bank()
    first = job_of(house, "rotate")

    def die(run: Run) -> Outcome:
        raise Crash

    house.play.says("r1", die)
    with pytest.raises(Crash):
        house.engine.work()
    other = house.enter()
    look = job_of(house, "look")
    other.work()
    assert state(house, look) == BUSY
    house.clock.advance(minutes=2)
    other.drain()
    assert [state(house, job) for job in (first, look)] == [COMPLETED, COMPLETED]


# satisfied


def sharing(count: int, policies: Any, **said: Any) -> House:
    """So many records of one account, each with the same nightly change."""
    play = Play()
    kind = touching(play, "rotate", lambda run: Accounts(writes={account(run)}), changes=True)
    records = [Record("root", "unix"), *(Record(f"r{number:02}", "unix", reference="root") for number in range(1, count))]
    house = House(*records, scripts=[kind], play=play)
    house.engine.define(kind("rotate"))
    house.engine.put(Task("rotate", "rotate", policies, **said), list=UNIX)
    return house


def by_state(house: House) -> dict[tuple[State, str | None], int]:
    found: dict[tuple[State, str | None], int] = {}
    for entry in house.entries():
        if entry.ended:
            found[entry.state, entry.why] = found.get((entry.state, entry.why), 0) + 1
    return found


def test_r04_fifty_records_on_one_account_make_one_change_a_night() -> None:
    house = sharing(50, Daily(at="02:30"))
    for night in range(1, 4):
        house.clock.advance(days=1)
        house.engine.drain()
        assert len(house.play.performed) == night
        assert by_state(house) == {COMPLETED: night, (State.COMPLETED, "satisfied"): 49 * night}
    changes = {entry.id for entry in house.entries() if entry.state is State.COMPLETED and entry.why is None}
    assert {entry.into for entry in house.entries() if entry.why == "satisfied"} == changes
    assert house.engine.check() == []


def test_r04_a_job_is_satisfied_only_where_all_its_reasons_lie_before_the_change() -> None:
    house = sharing(2, [Daily(at="02:30"), AfterCheckIn()])
    house.clock.advance(hours=3)
    house.engine.work(1)
    house.clock.advance(seconds=1)
    house.engine.emit(CheckedIn("r01"))  # after the change: joins nothing that lies before it
    house.engine.drain()
    assert len(house.play.performed) == 2


def test_r04_one_later_reason_among_earlier_ones_is_enough_for_a_change() -> None:
    house = sharing(2, [AfterUnlock(60), AfterCheckIn(), OnDemand()])
    house.engine.emit(Unlocked("r01"))
    house.clock.advance(minutes=10)
    house.engine.demand(house.engine.tasks(UNIX)[0].id, "root")
    house.engine.drain()
    house.clock.advance(minutes=10)
    house.engine.emit(CheckedIn("r01"))  # joins the job that waits for the unlock
    assert len(house.entries(record="r01")) == 1
    house.engine.drain()
    assert [record for _, record in house.play.performed] == ["root", "r01"]


def test_r04_a_demanded_change_is_made() -> None:
    house = sharing(3, [Daily(at="02:30"), OnDemand()])
    house.clock.advance(hours=3)
    house.engine.drain()
    assert len(house.play.performed) == 1
    house.engine.demand(house.engine.tasks(UNIX)[0].id, "r01")
    house.engine.drain()
    assert len(house.play.performed) == 2


def test_r04_what_was_brought_forward_by_hand_is_made() -> None:
    house = sharing(2, Daily(at="02:30"))
    house.clock.advance(hours=3)
    house.engine.work(1)
    (other,) = [entry for entry in house.entries() if entry.ended is None and entry.due <= house.clock.moment]
    house.engine.run_now(other.id)
    house.engine.drain()
    assert len(house.play.performed) == 2


def test_r04_a_change_that_somebody_made_in_the_vault_satisfies_too() -> None:
    house = sharing(2, Daily(at="02:30"))
    house.clock.advance(hours=3)
    house.vault.secrets.changed["root"] = house.clock.moment
    house.engine.drain()
    assert house.play.performed == []
    assert by_state(house) == {(State.COMPLETED, "satisfied"): 2}
    assert {entry.into for entry in house.entries() if entry.ended} == {None}


def test_r04_a_change_that_failed_satisfies_nobody() -> None:
    house = sharing(2, Daily(at="02:30"))
    for name in ("root", "r01"):
        house.play.always[name] = NotDone(ErrorClass.FAILED, "no")
    house.clock.advance(hours=3)
    house.engine.drain()
    assert len(house.play.performed) == 2


def test_r04_a_retry_is_satisfied_by_a_change_after_the_failure() -> None:
    house = sharing(3, Daily(at="02:30"), fallback=Fallback(10, 3))
    for name in ("root", "r01", "r02"):
        house.play.says(name, NotDone(ErrorClass.UNREACHABLE, "down"))
    house.clock.advance(hours=3)
    house.engine.drain()
    assert len(house.play.performed) == 3
    house.clock.advance(minutes=11)
    house.engine.drain()
    assert len(house.play.performed) == 4
    assert by_state(house)[State.COMPLETED, "satisfied"] == 2


def changed_in_a_downtime(house: House, *, hours: int, then_days: int) -> None:
    """By somebody else, so many hours after it began."""
    house.engine.pause()
    house.clock.advance(hours=hours)
    house.vault.secrets.changed["root"] = house.clock.moment
    house.clock.advance(days=then_days)
    house.engine.resume()
    house.engine.drain()


def test_r04_a_change_between_two_nights_that_wait_together_is_not_for_the_second() -> None:
    """T15: the job stands for all of them, so the last of its reasons counts."""
    house = sharing(1, Daily(at="02:30"))
    changed_in_a_downtime(house, hours=12, then_days=2)
    assert len(house.play.performed) == 1
    assert [entry.missed for entry in house.entries(states=State.COMPLETED)] == [3]


def test_r04_a_change_between_two_nights_is_not_for_the_parts_of_the_second() -> None:
    play = Play()
    kind = touching(play, "rotate", lambda run: Accounts(writes={account(run)}), changes=True)
    house = House(*hosts(2), scripts=[kind], play=play)
    house.engine.define(kind("rotate"))
    house.engine.put(Task("rotate", "rotate", Daily(at="02:30"), selection=Everything()), next_run=START.add(hours=2))
    house.engine.pause()
    house.clock.advance(hours=12)
    house.vault.secrets.changed |= dict.fromkeys(("h01", "h02"), house.clock.moment)
    house.clock.advance(days=1)
    house.vault.secrets.changed["h02"] = house.clock.moment
    house.engine.resume()
    house.engine.drain()
    assert [record for _, record in play.performed] == ["h01"]


def test_t11_a_change_that_satisfied_a_job_counts_its_age_anew() -> None:
    """R4: else each record of an account would have it changed once more, one a day."""
    house = sharing(4, MaxAge(30))
    for _ in range(65):
        house.clock.advance(days=1)
        house.engine.drain()
    assert len(house.play.performed) == 2
    assert by_state(house) == {COMPLETED: 2, (State.COMPLETED, "satisfied"): 6}
    assert {entry.due for entry in house.entries(states=State.SCHEDULED)} == {START.add(days=90)}


def test_t11_an_age_counts_from_the_change_and_not_from_when_a_job_found_it_made() -> None:
    house = sharing(1, MaxAge(30))
    house.clock.advance(days=29)
    changed_in_a_downtime(house, hours=48, then_days=5)
    assert by_state(house) == {(State.COMPLETED, "satisfied"): 1}
    assert [entry.due for entry in house.entries(states=State.SCHEDULED)] == [START.add(days=61)]


def test_t11_what_a_happening_wanted_and_somebody_did_counts_the_age_anew_too() -> None:
    house = sharing(1, [MaxAge(30), AfterUnlock(60)])
    house.clock.advance(days=20)
    house.engine.emit(Unlocked("root"))
    house.clock.advance(minutes=30)
    house.vault.secrets.changed["root"] = house.clock.moment
    house.clock.advance(minutes=30)
    house.engine.drain()
    assert by_state(house) == {(State.COMPLETED, "satisfied"): 1}
    assert [entry.due for entry in house.entries(states=State.SCHEDULED)] == [START.add(days=50)]


def test_r04_a_script_that_changes_no_secret_is_never_satisfied() -> None:
    play = Play()
    kind = touching(play, "look", lambda run: Accounts(uses={account(run)}))
    house = House(Record("root", "unix"), Record("r1", "unix", reference="root"), scripts=[kind], play=play)
    house.engine.define(kind("look"))
    house.engine.put(Task("look", "look", Daily(at="02:30")), list=UNIX)
    house.vault.secrets.changed["root"] = house.clock.moment.add(hours=3)
    house.clock.advance(hours=4)
    house.engine.drain()
    assert len(play.performed) == 2


def test_r04_satisfied_jobs_plan_what_follows() -> None:
    house = sharing(3, Daily(at="02:30"))
    house.clock.advance(hours=3)
    house.engine.drain()
    assert len([entry for entry in house.entries() if entry.state is State.SCHEDULED]) == 3


# the vault at the worst moment


def test_r04_references_in_a_circle_are_an_error_of_the_job_and_hold_nothing() -> None:
    house = bank(Record("r1", "unix"), Record("r2", "unix"))
    job = job_of(house, "rotate")
    house.vault.change("r1", reference="r2")
    house.vault.change("r2", reference="r1")
    house.engine.drain()
    entry = house.engine.job(job)
    assert (entry.state, entry.error) == (State.ERROR, "bad_configuration")
    assert "in a circle" in entry.text
    assert house.storage.holders("account:r1") == house.storage.holders("account:r2") == []


def test_r04_a_vault_that_does_not_know_the_account_now_is_asked_again() -> None:
    play = Play()
    away = [True]

    def accounts(run: Run) -> Accounts:
        if away[0]:
            raise ConnectionError("no route")
        return Accounts(writes={account(run)})

    kind = touching(play, "rotate", accounts)
    house = House(Record("r1", "unix"), scripts=[kind], play=play)
    house.engine.define(kind("rotate"))
    task = house.engine.put(Task("rotate", "rotate", OnDemand()), list=UNIX)
    job = house.engine.demand(task.id, "r1")
    house.engine.drain()
    assert state(house, job) == (State.DEFERRED, "vault_away")
    away[0] = False
    house.clock.advance(minutes=1)
    house.engine.drain()
    assert state(house, job) == COMPLETED


@pytest.mark.parametrize("given", [None, {"r1"}, ValueError("no")])
def test_r04_a_script_that_does_not_say_what_it_holds_fails_and_runs_nothing(given: Any) -> None:
    play = Play()

    def accounts(run: Run) -> Accounts:
        if isinstance(given, Exception):
            raise given
        return given  # type: ignore[no-any-return]

    kind = touching(play, "rotate", accounts)
    house = House(Record("r1", "unix"), scripts=[kind], play=play)
    house.engine.define(kind("rotate"))
    job = house.engine.demand(house.engine.put(Task("rotate", "rotate", OnDemand()), list=UNIX).id, "r1")
    house.engine.drain()
    assert house.engine.job(job).state is State.ERROR
    assert "its author has to mend it" in house.engine.job(job).text
    assert play.performed == []


def test_p02_a_job_that_waits_for_a_session_holds_no_account() -> None:
    play = Play()
    kind = touching(play, "rotate", lambda run: Accounts(writes={account(run)}), changes=True)
    house = House(Record("r1", "unix"), scripts=[kind], play=play)
    house.engine.define(kind("rotate"))
    house.engine.put(Task("rotate", "rotate", [AfterSession(last=True), OnDemand()]), list=UNIX)
    house.vault.begin("r1", "s1")
    house.engine.emit(SessionEnded("r1", session="s0"))
    house.engine.drain()
    assert house.storage.holders("account:r1") == []
    job = house.engine.demand(house.engine.tasks(UNIX)[0].id, "r1")
    house.engine.drain()
    assert state(house, job) == COMPLETED
