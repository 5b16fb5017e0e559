"""Where jobs are worked on in threads: one dispatcher claims and hands out, a crew performs, a lifeline beats.

A claimed batch is opened by one thread of the crew (gates, one unit for each start, one write for all), then its jobs are performed by
as many threads as there are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field

from taskkit.engine._cases import Case
from taskkit.engine._crew import Crew
from taskkit.engine._ends import Ends
from taskkit.engine._errands import Errands
from taskkit.engine._finisher import Finisher
from taskkit.engine._lifeline import Lifeline
from taskkit.engine._refusals import given_back
from taskkit.engine._starter import Starter
from taskkit.engine._turns import Turns
from taskkit.engine._vitals import Ailment, Condition
from taskkit.facts import Fact
from taskkit.instants import DAY, MINUTE, SECOND, Instant, shown
from taskkit.jobs import Job, Why
from taskkit.outcomes import NotNow, Unknown
from taskkit.storage import Claimed

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_BLINK = 0.1


@define(eq=False)
class Opening:
    """A claimed batch whose gates are to be asked."""

    claimed: Sequence[Claimed]
    #: What has started of it, and nobody performs yet.
    started: list[Case] = field(factory=list)
    #: Whose questions are being answered just now.
    asked: Job | None = None


Piece = Opening | Case
T = TypeVar("T")


class _GivenUp(Exception):
    """The thread that gets this was given up: others have taken over what it had."""


class Floor:
    def __init__(
        self, ground: Ground, *, turns: Turns, starter: Starter, finisher: Finisher, lifeline: Lifeline,
        errands: Sequence[tuple[str, Callable[[], int]]],
    ) -> None:  # fmt: skip
        self._ground, self._turns, self._starter, self._lifeline = ground, turns, starter, lifeline
        settings, monotonic = ground.settings, ground.clock.monotonic
        self._crew: Crew[Piece] = Crew(
            "worker", self._work, most=settings.workers, abandoned=settings.abandoned, monotonic=monotonic, on_failure=self._failed
        )
        self._errands = Errands(ground, errands, self.wake)
        self._news = threading.Event()
        self._ends = Ends(finisher, lifeline, self.wake)
        self._complaints: set[str] = set()
        self._claimed_at: Instant = 0
        self._stop = threading.Event()

    def wake(self) -> None:
        self._news.set()

    def run(self, stop: threading.Event) -> None:
        self._stop = stop
        watcher = threading.Thread(target=self._pass_on, args=(stop,), name="taskkit-stop", daemon=True)
        watcher.start()
        end_watch = self._ground.storage.watch(self.wake)
        try:
            while not stop.is_set():
                self._news.clear()
                if not self._try(self._turn):
                    self._ground.clock.wait(self._news, self._pause())
        finally:
            stop.set()
            end_watch()
            self._end()

    def _end(self) -> None:
        """Nothing more is claimed; what runs ends, at its deadline at the latest. A store or vault that stays away is not waited for."""
        pause, monotonic = min(_BLINK, self._ground.settings.poll), self._ground.clock.monotonic
        until: float | None = None
        while self._crew.is_at_work() or ((self._ends.are_left or self._errands.are_out()) and (until is None or monotonic() < until)):
            self._news.clear()
            self._try(self._look_after, pause)
            if until is None and not self._crew.is_at_work():
                until = monotonic() + self._ground.settings.vault_timeout
            if self._crew.is_at_work() or self._ends.are_left or self._errands.are_out():
                self._ground.clock.wait(self._news, pause)
        self._ends.leave()
        self._crew.stop()
        self._errands.stop()

    def _pass_on(self, stop: threading.Event) -> None:
        """A stop ends the dispatcher's wait, too."""
        stop.wait()
        self._news.set()

    def ailments(self) -> Iterator[Ailment]:
        """What is wrong with the threads of this process."""
        abandoned, most = self._crew.abandoned, self._ground.settings.abandoned
        if abandoned:
            condition = Condition.STUCK if abandoned >= most else Condition.LAGGING
            yield Ailment("threads", condition, f"{abandoned} of at most {most} threads hang past their deadlines and were given up")
        for name in self._errands.failing():
            yield Ailment("errand", Condition.LAGGING, f"the errand {name!r} fails: the facts tell of its error")
        if self._complaints:
            yield Ailment("engine", Condition.LAGGING, f"the last look into the store failed: {', '.join(sorted(self._complaints))}")

    # the dispatcher

    def _try(self, do: Callable[[], T], pause: float | None = None) -> T | None:
        """A store that is away now may be back soon: the leases decide what becomes of the jobs meanwhile."""
        try:
            done = do()
            if self._complaints:
                self._tell("EngineFailed", {"error": ", ".join(sorted(self._complaints))})
                self._complaints.clear()
        except Exception as error:
            self._complaints.add(type(error).__name__)
            self._ground.clock.wait(self._news, self._ground.settings.poll if pause is None else pause)
            return None
        return done

    def _turn(self) -> bool:
        """Whether there may be more to claim at once; where fewer came than were asked for, nothing else is due."""
        self._look_after()
        self._errands.send_out()
        if self._stop.is_set() or not (free := self._crew.free):
            return False
        self._claimed_at = self._ground.now()
        if claimed := self._turns.claim(free):
            self._hand_out(claimed)
        return len(claimed) >= free

    def _hand_out(self, claimed: Sequence[Claimed]) -> None:
        self._lifeline.hold([one.job for one in claimed])
        self._crew.give(Opening(claimed), len(claimed))

    def _look_after(self) -> None:
        for piece in self._crew.give_up_late():
            self._try(partial(self._give_up, piece))
        for piece in self._crew.left():
            self._leave(piece)
        self._errands.look_after()
        self._ends.write()

    def _pause(self) -> float:
        """Until something is due, at most as long as the store may hold news from others."""
        most, pools = self._ground.settings.poll, self._turns.looked_in
        if not pools or not self._crew.free:  # what is paused is due and not claimed: nobody runs in circles for it (J11)
            return most
        due = self._try(lambda: self._ground.storage.next_due(pools))
        if due is None or due <= self._claimed_at:  # what was due at the claim and not given is another's
            return most
        return min(most, max(0.0, (due - self._ground.now()) / SECOND))

    # the crew's work

    def _work(self, piece: Piece) -> None:
        if isinstance(piece, Opening):
            self._open(piece)
        else:
            self._perform(piece)

    def _open(self, piece: Opening) -> None:
        if self._stop.is_set():
            self._give_back(piece)
            return
        try:
            for case in self._starter.start(piece.claimed, partial(self._watch, piece)):
                piece.started.append(case)
        except _GivenUp:
            return
        except Exception:
            self._hand_on(piece)
            raise
        except BaseException as error:  # no signal comes to this thread: it is the plug-in's, and no trouble of the others (J9)
            self._hand_on(piece)
            if piece.asked is None:
                raise
            self._open_without(piece, f"whoever was asked raised {type(error).__name__}")
            return
        mine = piece.started[0] if piece.started else None
        self._hand_on(piece, mine)
        self._lifeline.let_go([one.job for one in piece.claimed])
        if mine is not None:
            self._crew.turn_to(mine)
            self._perform(mine)
        else:
            self._news.set()

    def _hand_on(self, piece: Opening, but: Case | None = None) -> None:
        """What has started is no part of its batch any more: it is performed, whatever becomes of the others."""
        if not piece.started:
            return
        running = {case.job.id for case in piece.started}
        piece.claimed = [one for one in piece.claimed if one.job.id not in running]
        self._lifeline.follow(piece.started)
        for case in piece.started:
            if case is not but:
                self._crew.give(case)
        piece.started.clear()

    def _give_back(self, piece: Opening) -> None:
        now = self._ground.now()
        self._lifeline.let_go([one.job for one in piece.claimed])
        self._ground.storage.write([given_back(one.job, now + SECOND) for one in piece.claimed])

    def _watch(self, piece: Opening, job: Job | None) -> None:
        """Each job's questions to the vault have their time; what hangs is known by name, and the others start without it."""
        self._hand_on(piece)
        piece.asked = job
        until = None if job is None else self._ground.clock.monotonic() + self._ground.settings.vault_timeout
        if not self._crew.limit(until):
            raise _GivenUp

    def _perform(self, case: Case) -> None:
        self._crew.limit(self._ground.clock.monotonic() + case.task.deadline)
        outcome = self._turns.perform(case)
        self._crew.limit(None)
        if outcome is None:
            self._lifeline.let_go([case.job])
            return
        self._ends.add(case, outcome)
        if self._ends.are_many or not self._crew.is_waiting():
            self._ends.write()

    # what goes wrong

    def _failed(self, piece: Piece, error: BaseException) -> None:
        """Ours, not the plug-in's: what it raises is an outcome by then. The leases run out, and others take over."""
        if isinstance(piece, Opening):
            self._lifeline.let_go([one.job for one in piece.claimed])
        self._tell("EngineFailed", {"error": type(error).__name__, "jobs": [job.id for job in _jobs(piece)]})

    def _give_up(self, piece: Piece) -> None:
        """Its thread hangs past the deadline: what it had goes on without it, and what it still writes is refused."""
        if isinstance(piece, Case):
            text = f"it did not end within its {piece.task.deadline:g} seconds, and its thread was given up"
            self._ends.add(piece, Unknown(text))
        else:
            self._open_without(piece)
        told = {"jobs": [job.id for job in _jobs(piece)], "abandoned": self._crew.abandoned, "most": self._ground.settings.abandoned}
        self._tell("PluginAbandoned", told)

    def _leave(self, piece: Piece) -> None:
        """Nobody here is left to begin it: others do, once its leases have run out, or at once where nothing has begun."""
        if isinstance(piece, Opening):
            self._try(partial(self._give_back, piece))
        else:
            self._ends.add(piece, NotNow(shown(self._ground.now() + SECOND), Why.RELEASED.value))

    def _open_without(self, piece: Opening, text: str = "the vault did not answer in time") -> None:
        """The one whose questions hang waits, longer each time; the others are opened by another thread."""
        stuck, now = piece.asked, self._ground.now()
        if others := [one for one in piece.claimed if stuck is None or one.job.id != stuck.id]:
            self._crew.give(Opening(others), len(others))
        if stuck is not None:
            self._lifeline.let_go([stuck])
            waits = stuck.waits + 1 if stuck.why == Why.VAULT_AWAY else 0
            due = now + min(MINUTE << min(waits, 12), DAY)
            self._ground.storage.write([given_back(stuck, due, Why.VAULT_AWAY, waits=waits, text=text)])

    def _tell(self, kind: str, details: dict[str, object]) -> None:
        self._ground.storage.write([(Fact(kind, self._ground.now(), details=details),)])


def _jobs(piece: Piece) -> list[Job]:
    return [one.job for one in piece.claimed] if isinstance(piece, Opening) else [piece.job]
