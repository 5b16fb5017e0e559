"""Where simulated processes play: one acts at a time, and each call of a port is a place at which the world may step in.

Every actor has a thread of its own, but a baton goes round: whoever has it acts, all others stand still. So the order is decided here and
nowhere else, and what was played once can be played again.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen

from taskkit.checks import whole
from taskkit.errors import InvalidValue
from taskkit.instants import MINUTE, Instant, shown

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from taskkit.testing.clocks import VirtualClock

T = TypeVar("T")


#: In seconds, of the machine's own time.
_GLANCE = 0.1


class Killed(BaseException):
    """The simulated process that gets this is dead: nothing that it still calls has an effect."""


class Act(StrEnum):
    """How the world steps in at a call."""

    SWITCH = "switch"  #: another process goes on first; `number` says which
    CRASH = "crash"  #: the process dies before the call
    DIE = "die"  #: the process dies after the call, and nobody hears its answer
    AWAY = "away"  #: the call fails, and nothing was done
    LOSE = "lose"  #: the call is done, and its answer is lost
    STALL = "stall"  #: the process stands still for `number` minutes, as under a debugger or on a machine that swaps
    JUMP = "jump"  #: the clock is set `number` minutes ahead, at once


@frozen
class Turn:
    """One time that the world steps in: `after` so many calls since the last time."""

    after: int = field(validator=whole(1, 1_000_000))
    act: Act = field(converter=Act)
    number: int = 0


#: How often the world does what, where a seed decides: most of its turns only change the order.
_OFTEN = {Act.SWITCH: 12, Act.CRASH: 2, Act.DIE: 2, Act.AWAY: 1, Act.LOSE: 1, Act.STALL: 2, Act.JUMP: 1}


def seeded(seed: int, every: float = 12.0) -> Iterator[Turn]:
    """Turns without end, on average one in `every` calls; the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311  it decides an order, not a secret
    acts, weights = list(_OFTEN), list(_OFTEN.values())
    while True:
        yield Turn(1 + int(rng.expovariate(1 / every)), rng.choices(acts, weights)[0], rng.randrange(12))


def turns(most: int = 12) -> SearchStrategy[list[Turn]]:
    """As Hypothesis draws them: it shrinks a failure to the fewest turns that still show it."""
    from hypothesis import strategies as st

    return st.lists(st.builds(Turn, st.integers(1, 60), st.sampled_from(Act), st.integers(0, 11)), max_size=most)


@frozen
class Line:
    """One line of a story."""

    at: Instant
    who: str
    text: str

    def __str__(self) -> str:
        return f"{shown(self.at):YYYY-MM-DD HH:mm:ss}  {self.who:8} {self.text}"


class Actor:
    """One thread of a simulated process. `mortal` is whether the world may kill it; `lot` is what dies with it."""

    def __init__(self, stage: Stage, name: str, play: Callable[[], object], *, lot: Lot) -> None:
        self.stage, self.name, self.lot, self._play = stage, name, lot, play
        self.wakes: Instant = stage.clock.now()
        self.acted = 0
        self.ended = False
        self.go = _shut()
        self._thread = threading.Thread(target=self._run, name=f"taskkit-simulated-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.go.acquire()
        try:
            if not self.lot.is_dead:
                self._play()
        except Killed:
            pass
        except BaseException as error:
            self.stage.error = self.stage.error or error
        finally:
            self.ended = True
            self.stage.leave(self)

    def join(self) -> None:
        self._thread.join()

    @property
    def is_here(self) -> bool:
        return threading.current_thread() is self._thread


class Lot:
    """What lives and dies together: the threads of one process."""

    def __init__(self, *, mortal: bool = True) -> None:
        self.mortal, self.is_dead = mortal, False


class Stage:
    """Has the baton, the clock, and what was told."""

    def __init__(self, clock: VirtualClock, turns: Iterable[Turn], heard: Callable[[str, str], object] = lambda who, what: None) -> None:
        self.clock, self._turns, self._heard = clock, iter(turns), heard
        self.story: list[Line] = []
        self.taken: list[Turn] = []  #: the turns that were played
        self.places: Counter[tuple[str, Act]] = Counter()
        self.error: BaseException | None = None
        self._actors: list[Actor] = []
        self._on: Actor | None = None
        self._until: Instant = 0
        self._acts = count(1)
        self._director = _shut()
        self._next = next(self._turns, None)
        self._left = self._next.after if self._next else 0

    # the director

    def enter(self, name: str, play: Callable[[], object], lot: Lot) -> Actor:
        actor = Actor(self, name, play, lot=lot)
        self._actors.append(actor)
        return actor

    def play(self, until: Instant) -> None:
        """From event to event, up to this instant."""
        self._leads("playing a simulation")
        self._until = until
        self._give(self._following(), None)
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    def close(self) -> None:
        """Everybody leaves the stage."""
        self._leads("closing a simulation")
        for actor in self._actors:
            actor.lot.is_dead, actor.wakes = True, 0
        gone = list(self._actors)
        while self._actors:
            self.error = None
            self._give(self._following(), None)
        for actor in gone:
            actor.join()

    def _give(self, to: Actor | None, by: Actor | None) -> None:
        """Hand the baton on, and wait until it comes back."""
        self._on = to
        (to.go if to else self._director).release()
        if by is None:
            self._await()
            return
        by.go.acquire()
        if by.lot.is_dead:
            raise Killed

    def _await(self) -> None:
        """Until the baton is back; whoever is interrupted meanwhile takes it back first, so that nobody acts beside who comes next."""
        try:
            self._director.acquire()
        except BaseException as error:
            self.error = error
            while not self._director.acquire(timeout=_GLANCE) and self._on is not None:
                pass
            self.error = None
            raise

    def _leads(self, tried: str) -> None:
        if any(actor.is_here for actor in self._actors):
            case = "one of its own deeds or scripts asks for that, and would wait for itself for ever"
            raise InvalidValue(tried, case, "call at(…) before, or spend(…) in a script")

    def leave(self, actor: Actor) -> None:
        self._actors.remove(actor)
        following = self._following()
        self._on = following
        (following.go if following else self._director).release()

    def _following(self, number: int = 0) -> Actor | None:
        """Whose turn it is: as a rule whoever has waited longest; time passes only where nobody can act now. None: the director's."""
        if self.error is not None:
            return None
        ready = self._ready()
        if not ready:
            wakes = min((actor.wakes for actor in self._actors), default=self._until + 1)
            self.clock.pass_to(min(wakes, self._until))
            ready = self._ready()
        if not ready:
            return None
        chosen = sorted(ready, key=_acted)[number % len(ready)]
        chosen.acted = next(self._acts)
        return chosen

    def _ready(self) -> list[Actor]:
        now = self.clock.now()
        return [actor for actor in self._actors if actor.wakes <= now]

    # the actors

    def sleep(self, until: Instant) -> None:
        if (actor := self._on) is not None:
            actor.wakes = until
            self._switch(actor)

    def _switch(self, actor: Actor, number: int = 0) -> None:
        following = self._following(number)
        if following is not actor:
            self._give(following, actor)
        elif actor.lot.is_dead:
            raise Killed

    def tell(self, text: str) -> None:
        self.story.append(Line(self.clock.now(), self._on.name if self._on else "test", text))

    def call(self, what: str, do: Callable[[], T]) -> T:
        """A call of a port by whoever acts."""
        actor = self._on
        if actor is None:
            return do()
        if actor.lot.is_dead:
            raise Killed
        if self.error is not None:  # the test was interrupted
            self._give(None, actor)
        self._heard(actor.name, what)
        turn = self._turn()
        if turn is None:
            return do()
        return self._intervened(actor, turn, what, do)

    def alive(self, do: T) -> T:
        """What only the living do."""
        if self._on is not None and self._on.lot.is_dead:
            raise Killed
        return do

    def _turn(self) -> Turn | None:
        self._left -= 1
        if self._next is None or self._left > 0:
            return None
        turn = self._next
        self._next = next(self._turns, None)
        self._left = self._next.after if self._next else 0
        self.taken.append(turn)
        return turn

    def _intervened(self, actor: Actor, turn: Turn, what: str, do: Callable[[], T]) -> T:
        act = turn.act if actor.lot.mortal or turn.act not in (Act.CRASH, Act.DIE) else Act.SWITCH
        self.places[what, act] += 1
        if act is not Act.SWITCH:
            self.tell(f"{_SAID[act].format(number=turn.number)} ({what})")
        if act is Act.CRASH:
            self._kill(actor)
        if act is Act.AWAY:
            raise ConnectionError("the other side is away")
        if act is Act.JUMP:
            self.clock.advance(minutes=turn.number)
        if act is Act.STALL:
            self._stall(actor, self.clock.now() + turn.number * MINUTE)
        if act is Act.SWITCH:
            self._switch(actor, turn.number)
        answer = do()
        if act is Act.DIE:
            self._kill(actor)
        if act is Act.LOSE:
            raise ConnectionError("the answer was lost")
        return answer

    def _stall(self, actor: Actor, until: Instant) -> None:
        """The whole process, its heartbeat too."""
        for other in self._actors:
            if other.lot is actor.lot and other.lot.mortal:
                other.wakes = max(other.wakes, until)
        self.sleep(until)

    def _kill(self, actor: Actor) -> None:
        """Its other threads notice when it would be their turn."""
        actor.lot.is_dead = True
        for other in self._actors:
            if other.lot is actor.lot:
                other.wakes = 0
        raise Killed


_SAID = {
    Act.CRASH: "dies before the call", Act.DIE: "dies after the call", Act.AWAY: "finds the other side away",
    Act.LOSE: "loses the answer", Act.STALL: "stands still for {number} minutes", Act.JUMP: "the clock jumps {number} minutes ahead",
}  # fmt: skip


def _shut() -> threading.Lock:
    """A door that is shut: who acquires it waits until somebody else releases it. A semaphore takes thrice the time."""
    door = threading.Lock()
    door.acquire()
    return door


def _acted(actor: Actor) -> int:
    return actor.acted
