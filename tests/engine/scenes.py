"""One scene for each reason why a job waits or ends, why a happening makes no run, and how a job ends: played by a real engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pendulum
from attrs import evolve, frozen

from taskkit.engine import Factor
from taskkit.engine._refusals import given_back
from taskkit.events import Daily, OpenTime, TimeWindow
from taskkit.events.happenings import CheckedIn, SessionEnded
from taskkit.events.policies import AfterCheckIn, AfterSession, OnDemand
from taskkit.events.spreads import Spread
from taskkit.jobs import Why
from taskkit.outcomes import Effect, ErrorClass, NotDone, NotNow, Unknown
from taskkit.plugins.runs import Run
from taskkit.records import Accounts
from taskkit.selections import Everything
from taskkit.storage import Hold
from taskkit.tasks import ConsentRule, Fallback, Guard, Task
from tests.engine.houses import UNIX, Crash, House, Play, does, hosts, scripted

F = Factor
NIGHT = TimeWindow("* 2-4 * * *")
#: What was played: the house, the task and the record to ask about, and the moment to ask about where that is not the last.
Played = tuple[House, str, str | None, pendulum.DateTime]


@frozen
class Scene:
    play: Callable[[], Played]
    factor: Factor
    #: What the answer says about the moment, later on and at once.
    past: str
    now: str


SCENES: dict[str, Scene] = {}


def scene(name: str, factor: Factor, past: str, now: str) -> Callable[[Callable[[], Played]], Callable[[], Played]]:
    def keep(play: Callable[[], Played]) -> Callable[[], Played]:
        SCENES[name] = Scene(play, factor, past, now)
        return play

    return keep


def checked_in(
    *, drains: bool = True, house: House | None = None, before: Callable[[House, Task], object] | None = None, **said: Any
) -> Played:
    """Somebody checks h01 in, at midnight."""
    house = house or House(*hosts(1))
    task = house.engine.put(Task("after", "work", said.pop("policies", [AfterCheckIn(), OnDemand()]), **said), list=UNIX)
    if before is not None:
        before(house, task)
    house.engine.emit(CheckedIn("h01", id="c1"))
    if drains:
        house.engine.drain()
    return house, task.id, "h01", house.clock.moment


def nightly(*, drains: bool = True, house: House | None = None, **said: Any) -> Played:
    """Two in the night, when its task is due on h01."""
    house = house or House(*hosts(1))
    task = house.engine.put(
        Task("nightly", said.pop("script", "work"), said.pop("policies", [Daily(at="02:00"), OnDemand()]), **said), list=UNIX
    )
    house.clock.advance(hours=2)
    if drains:
        house.engine.drain()
    return house, task.id, "h01", house.clock.moment


def later(played: Played, **time: int) -> Played:
    """Time passes, and what is due then is looked at."""
    house, task, record, at = played
    house.clock.advance(**time)
    house.engine.drain()
    return house, task, record, at


def after(played: Played, then: Callable[[House, str], object]) -> Played:
    """Somebody does something, and what is due then is looked at."""
    house, task, record, _ = played
    then(house, task)
    house.engine.drain()
    return house, task, record, house.clock.moment


# why it waits


@scene(Why.WINDOW, F.WINDOW, "has not run yet (outside its window)", "runs next Mon 2026-03-02 02:00 UTC")
def outside_the_window() -> Played:
    return checked_in(window=NIGHT)


@scene("blackout", F.BLACKOUT, "in a blackout, all day, on day 2 of the month in March", "runs next Tue 2026-03-03 02:00 UTC")
def in_a_blackout() -> Played:
    return checked_in(window=OpenTime(NIGHT, [TimeWindow("* * 2 3 *")]))


@scene(Why.SPREAD, F.SPREAD, "before its place in the spread", "runs next")
def late_before_its_place() -> Played:
    house = House(*hosts(3))
    played = nightly(house=house, spread=Spread(120), drains=False)
    house.engine.pause()
    house.clock.advance(hours=5)
    house.engine.resume()
    house.engine.drain()
    (job,) = house.entries(record="h02", states="deferred")
    assert job.why == "spread"
    return house, played[1], "h02", house.clock.moment


@scene(Why.SUSPENDED, F.SUSPENSION, "has not run yet (task suspended)", "does not run: the task is suspended for h01")
def suspended_while_it_waits() -> Played:
    return after(checked_in(drains=False), lambda house, task: house.engine.suspend_task(task, "h01", by="mona", why="under repair"))


@scene(Why.CONSENT, F.CONSENT, "has not run yet (people have to consent first)", "0 of 2 consents were given")
def waits_for_people() -> Played:
    house, task, record, _ = checked_in(policies=[OnDemand()], consent=ConsentRule(2))
    house.engine.demand(task, "h01", by="leo")
    house.engine.drain()
    return house, task, record, house.clock.moment


@scene(Why.SESSION, F.SESSION, "a session on the account", "a session on the account")
def in_session() -> Played:
    house = House(*hosts(1))
    house.vault.begin("h01", "s1")
    house, task, record, at = checked_in(house=house, policies=[AfterSession(last=True)])
    house.engine.emit(SessionEnded("h01", session="s0"))
    house.engine.drain()
    return house, task, record, at


def rotating(house: House | None = None) -> House:
    """A house with a script that writes to the account of its record."""
    play = Play()
    kind = scripted(play, "rotate", changes_secret=True, accounts=lambda self, run: Accounts(writes=[run.record.id]))
    house = House(*hosts(1), play=play, scripts=[kind])
    house.engine.define(kind("rotate"))
    return house


@scene(Why.BUSY, F.HOLD, "has not run yet (what it needs is held by others", "account:h01 is held by job")
def while_another_holds_the_account() -> Played:
    house = rotating()
    far = house.engine.put(Task("other", "work", [Daily(at="05:00")]), list=UNIX)
    (other,) = house.storage.open_jobs(far.line, "h01")
    assert house.storage.write([(Hold(other.id, 1, ("account:h01",)),)])[0]
    return nightly(house=house, script="rotate")


@scene(Why.HOST_PAUSED, F.PAUSE, "has not run yet (its host stands still)", "its host stands still")
def while_the_host_stands_still() -> Played:
    return checked_in(before=lambda house, task: house.engine.pause("host:host01", by="ida"))


@scene(Why.VAULT_AWAY, F.VAULT, "has not run yet (no answer from the vault", "no answer")
def while_the_vault_is_away() -> Played:
    house = House(*hosts(1))
    house.vault.begin("h01", "s1")

    def raises(*args: Any) -> Any:
        raise ConnectionError

    house.vault.sessions.active = raises  # type: ignore[method-assign,assignment]
    played = checked_in(house=house, policies=[AfterSession(last=True)], drains=False)
    house.engine.emit(SessionEnded("h01", session="s0"))
    house.engine.drain()
    return played


def over_many(**said: Any) -> Played:
    """A run over two hosts."""
    house = said.pop("house", None) or House(*hosts(2))
    task = house.engine.put(Task("all", "work", said.pop("policies", []), selection=Everything(), **said))
    house.engine.demand(task.id)
    return house, task.id, None, house.clock.moment


@scene(Why.CONDUCTING, F.PART, "ran: it began Mon 2026-03-02 00:00 UTC", "runs since Mon 2026-03-02 00:00 UTC")
def while_its_parts_work() -> Played:
    house = House(*hosts(2))
    house.play.always["h02"] = lambda run: NotNow(run.now().add(minutes=30), "busy elsewhere")
    played = over_many(house=house)
    house.engine.drain()
    return played


@scene(Why.NOT_NOW, F.SCRIPT, "ran: it began Mon 2026-03-02 00:00 UTC and has not ended yet", "runs next")
def put_off_by_the_script() -> Played:
    house = House(*hosts(1))
    house.play.says("h01", lambda run: NotNow(run.now().add(minutes=30)))
    return checked_in(house=house)


@scene(Why.RELEASED, F.JOB, "has not run yet", "runs next")  # nothing had happened, so no fact tells of it
def given_back_by_a_worker() -> Played:
    house, task, record, at = checked_in(drains=False)
    now = house.clock.now()
    (claimed,) = house.storage.claim(now, worker="w", node="n9", pools=["local"], limit=1, lease=now + 60_000_000)
    assert house.storage.write([given_back(claimed.job, now + 600_000_000)])[0]
    return house, task, record, at


# why it ended without a run


@scene(Why.LATE, F.MISS, "it was missed Mon 2026-03-02 05:00 UTC (later than its task accepts: 180 minutes late)", "runs next Tue")
def too_late() -> Played:
    return later(nightly(drains=False, max_lateness=5), hours=3)


@scene(Why.PASSED_OVER, F.MISS, "it was missed Mon 2026-03-02 02:00 UTC (passed over by somebody", "runs next Tue")
def passed_over() -> Played:
    return after(nightly(drains=False), lambda house, task: house.engine.pass_over(task, by="ida", why="restored"))


@scene(Why.INACTIVE, F.ACTIVATION, "did not run: it was canceled Mon 2026-03-02 02:00 UTC (task not active)", "the task is not active")
def deactivated() -> Played:
    return after(nightly(drains=False), lambda house, task: house.engine.deactivate(task, by="ida"))


@scene(Why.EDITED, F.EDIT, "did not run: it was canceled Mon 2026-03-02 00:01 UTC (task edited)", "it runs after check-in")
def edited_while_a_retry_waits() -> Played:
    house = House(*hosts(1))
    house.play.says("h01", NotDone(ErrorClass.UNREACHABLE, "no route"))
    played = checked_in(house=house, policies=[AfterCheckIn()], fallback=Fallback(minutes=10, cycles=2))
    house.clock.advance(minutes=1)
    return after(played, lambda house, task: house.engine.edit(evolve(house.engine.task(task), description="other"), by="ida"))


@scene(
    Why.ENDED,
    F.END,
    "it was canceled Mon 2026-03-02 02:00 UTC (rules of the task at their end)",
    "nothing is planned: it runs after check-in",
)
def its_last_rule_taken_away() -> Played:
    played = nightly(drains=False)
    return after(played, lambda house, task: house.engine.edit(evolve(house.engine.task(task), policies=[AfterCheckIn()])))


class Crooked:
    """Raises before it starts."""

    @staticmethod
    def accounts(self: Any, run: Run) -> Accounts:
        raise RuntimeError("broken")


@scene(
    Why.MISFIT,
    F.SCRIPT,
    "did not run: it failed Mon 2026-03-02 02:00 UTC (it cannot be carried out as it is set up",
    "waits: it cannot be carried out",
)
def that_cannot_be_carried_out() -> Played:
    play = Play()
    kind = scripted(play, "crooked", accounts=Crooked.accounts)
    house = House(*hosts(1), play=play, scripts=[kind])
    house.engine.define(kind("crooked"))
    return nightly(house=house, script="crooked")


@scene(Why.REMOVED, F.EDIT, "it was canceled Mon 2026-03-02 02:00 UTC (task removed)", "does not run: the task was removed")
def removed_while_it_waits() -> Played:
    return after(nightly(drains=False), lambda house, task: house.engine.remove(task, by="ida"))


@scene(Why.RECORD_REMOVED, F.RECORD, "(record removed)", "does not run: the vault has no record 'h01'")
def whose_record_is_gone() -> Played:
    def gone(house: House, task: str) -> None:
        house.vault.remove("h01")
        house.engine.reconcile()

    return after(nightly(drains=False), gone)


@scene(Why.RIGHTS, F.RIGHTS, "(a right is missing to the person as whom it runs: 'anna'", "does not run: the task is suspended")
def without_a_right() -> Played:
    house = House(*hosts(1))
    task = house.engine.put(Task("nightly", "work", [Daily(at="02:00")]), list=UNIX, by="anna")
    house.vault.deny("anna")
    house.clock.advance(hours=2)
    house.engine.drain()
    return house, task.id, "h01", house.clock.moment


@scene(Why.SATISFIED, F.SATISFIED, "did not run: it was not needed Mon 2026-03-02 02:00 UTC (account changed since", "runs next Tue")
def changed_since() -> Played:
    house = rotating()
    house.vault.secrets.changed["h01"] = house.clock.moment.add(hours=2)
    return nightly(house=house, script="rotate")


@scene(Why.GAVE_UP, F.SESSION, "(sessions for longer than it may wait", "nothing is planned")
def given_up() -> Played:
    house = House(*hosts(1))
    house.vault.begin("h01", "s1")
    task = house.engine.put(Task("quiet", "work", [AfterSession(last=True, max_defer=12, then="give_up")]), list=UNIX)
    house.engine.emit(SessionEnded("h01"))
    house.engine.drain()
    return later((house, task.id, "h01", house.clock.moment), minutes=12)


@scene(Why.BY_PERSON, F.STOP, "did not run: it was canceled Mon 2026-03-02 02:00 UTC (canceled by somebody)", "runs next Tue")
def canceled_by_somebody() -> Played:
    return after(nightly(drains=False), lambda house, task: house.engine.cancel(house.entries(states="scheduled")[0].id, by="ida"))


@scene(Why.ASKED_TO_STOP, F.STOP, "did not run: it was canceled", "runs next Tue")
def asked_to_stop_before_it_began() -> Played:
    house, task, record, _ = nightly(drains=False)
    now = house.clock.now()
    (claimed,) = house.storage.claim(now, worker="w", node="n9", pools=["local"], limit=1, lease=now + 60_000_000)
    house.engine.request_stop(claimed.job.id, by="ida")
    house.clock.advance(minutes=2)
    house.engine.drain()
    return house, task, record, house.clock.moment


@scene(Why.LIST_CHANGED, F.EDIT, "(other tasks for the record)", "does not run: the task was removed")
def of_a_list_that_is_gone() -> Played:
    house, _, record, _ = nightly(drains=False)
    (copy,) = house.engine.make_unique("h01", by="ida")
    (job,) = house.entries(states="scheduled")
    house.engine.run_now(job.id)
    house.engine.edit(evolve(copy, policies=[Daily(at="07:00")]))
    house.engine.share_again("h01", by="ida")
    return house, copy.id, record, house.clock.moment


@scene(Why.RESCUES, F.NODE, "became uncertain", "does not run: the task is suspended for h01")
def over_which_workers_were_lost() -> Played:
    played = nightly(drains=False)
    house = played[0]

    def dies(run: Run) -> Any:
        raise Crash

    house.play.says("h01", *[dies] * 8)
    for _ in range(8):
        with suppress(Crash):
            house.enter().work()
        house.clock.advance(seconds=61)
    return played


@scene(Why.GUARD, F.CONSENT, "has not run yet", "0 of 1 consents were given")
def of_a_burst() -> Played:
    house = House(*hosts(5))
    task = house.engine.put(Task("after", "work", [AfterCheckIn()], guard=Guard(burst=3)), list=UNIX)
    house.engine.emit(*(CheckedIn(f"h0{number}") for number in range(1, 6)))
    house.engine.drain()
    return house, task.id, "h05", house.clock.moment


@scene(Why.MERGED, F.MERGE, "ran: it began Mon 2026-03-02 03:00 UTC", "runs next Tue")
def done_by_another() -> Played:
    house = House(*hosts(1))
    task = house.engine.put(Task("both", "work", [Daily(at="02:00"), AfterCheckIn()]), list=UNIX)
    house.engine.pause(by="ida")
    house.engine.emit(CheckedIn("h01"))
    house.clock.advance(hours=3)
    house.engine.resume(by="ida")
    house.engine.drain()
    return house, task.id, "h01", house.clock.moment


@scene(Why.NO_CONSENT, F.CONSENT, "did not run: it got no consent in time", "nothing is planned: it runs on demand")
def without_consent() -> Played:
    house, task, record, _ = waits_for_people()
    house.clock.advance(days=1)
    house.engine.drain()
    return house, task, record, house.clock.moment


@scene("declined", F.CONSENT, "did not run: it was declined", "nothing is planned: it runs on demand")
def declined() -> Played:
    played = waits_for_people()
    return after(played, lambda house, task: house.engine.decline(house.entries()[0].id, by="carla", why="not before the audit"))


# why a happening made no run


@scene("passed inactive", F.ACTIVATION, "UTC: checked in made no run: the task was not active", "the task is not active")
def a_happening_for_an_inactive_task() -> Played:
    return checked_in(before=lambda house, task: house.engine.deactivate(task.id))


@scene("passed suspended", F.SUSPENSION, "checked in made no run: the task was suspended", "does not run: the task is suspended")
def a_happening_for_a_suspended_task() -> Played:
    return checked_in(before=lambda house, task: house.engine.suspend_task(task.id, "h01", why="x"))


@scene("passed own_origin", F.HAPPENING, "checked in made no run: the task itself had led to it", "nothing is planned")
def a_happening_of_its_own() -> Played:
    house = House(*hosts(1))
    task = house.engine.put(Task("after", "work", [AfterCheckIn()]), list=UNIX)
    house.engine.emit(CheckedIn("h01", origin=(task.line,)))
    return house, task.id, "h01", house.clock.moment


@scene("passed repeated", F.HAPPENING, "ran: it began Mon 2026-03-02 00:00 UTC", "nothing is planned")
def a_happening_told_twice() -> Played:
    house, task, record, at = checked_in()
    house.engine.emit(CheckedIn("h01", id="c2", approval="a"), CheckedIn("h01", id="c2", approval="a"))
    house.engine.emit(CheckedIn("h01", id="c2", approval="a"))
    house.engine.drain()
    return house, task, record, at


@scene("passed ended", F.END, "checked in made no run: the policies that want it have ended", "nothing is planned")
def a_happening_after_the_end() -> Played:
    return checked_in(house=ending(), policies=[Ending()])


@scene("passed no_record", F.RECORD, "checked in made no run: the vault had no such record", "does not run: the vault has no record 'h09'")
def a_happening_without_a_record() -> Played:
    house, task, _, at = checked_in(drains=False)
    house.engine.emit(CheckedIn("h09"))
    return house, task, "h09", at


@frozen
class Ending(AfterCheckIn):
    """Its time is over."""

    kind = "ending"

    def has_ended(self, moment: Any) -> bool:
        return True


def ending() -> House:
    return House(*hosts(1), policies=[Ending])


# how it ended


@scene("completed", F.RESULT, "ran: it began Mon 2026-03-02 02:00 UTC and completed Mon 2026-03-02 02:00 UTC", "runs next Tue")
def completed() -> Played:
    return nightly()


@scene("error", F.RESULT, "and failed Mon 2026-03-02 02:00 UTC", "runs next Tue 2026-03-03 02:00 UTC")
def failed() -> Played:
    house = House(*hosts(1))
    house.play.says("h01", NotDone(ErrorClass.FAILED, "exit 1"))
    return nightly(house=house)


@scene("uncertain", F.RESULT, "and became uncertain Mon 2026-03-02 02:00 UTC", "does not run: the task is suspended for h01")
def uncertain() -> Played:
    play = Play()
    kind = scripted(play, "blind", effect=Effect.BLIND)
    house = House(*hosts(1), play=play, scripts=[kind])
    house.engine.define(kind("blind"))
    play.says("h01", Unknown("nobody saw it"))
    return nightly(house=house, script="blind")


@scene("stopped", F.STOP, "and stopped Mon 2026-03-02 02:00 UTC", "runs next Tue")
def stopped() -> Played:
    house = House(*hosts(1))
    stop = does(lambda run: house.engine.request_stop(run.job.id, by="ida"), NotDone(ErrorClass.STOPPED, "stopped"))
    house.play.says("h01", stop)
    return nightly(house=house)
