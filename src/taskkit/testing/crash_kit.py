"""Rotations of passwords that go wrong at every place, each in every way, to see that no password is ever lost (S3).

A first play shows which calls a rotation makes: each point that it names, each write of the store and of the vault, each log-in and change
on the host. Then it is played once more for each of these calls and each mishap, in a world of its own, and looked at once all is quiet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from taskkit.plugins.kinds import Script
from taskkit.scripts import PasswordReset
from taskkit.states import State
from taskkit.testing._plays import PATIENCE, Call, Play, Step
from taskkit.testing.crash_reports import CrashReport, Finding, Place
from taskkit.testing.mishaps import MISHAPS, Mishap
from taskkit.testing.worlds import World

#: Where something may go wrong. Reads are no places of their own: nothing hangs on one that the call after it does not show.
_POINT = "point "
_CALLS = (_POINT, "storage.write", "slots.", "secrets.keep", "host.")


class CrashKit:
    """Of one executor, script and vault: `world` makes an account for each play, on the clock that it is given."""

    def __init__(self, world: World, *, script: Script | None = None, mishaps: Iterable[Mishap] = MISHAPS) -> None:
        self.world, self.script, self.mishaps = world, script or PasswordReset("rotate"), tuple(mishaps)
        self._places: Sequence[Place] = ()

    @property
    def places(self) -> Sequence[Place]:
        """The calls of a rotation in which nothing goes wrong."""
        self._places = self._places or self._learned()
        return self._places

    @property
    def plays(self) -> list[tuple[Place, Mishap]]:
        return [(place, mishap) for place in self.places for mishap in self.mishaps if mishap.fits(place.what)]

    def run(self, plays: Iterable[tuple[Place, Mishap]] | None = None) -> CrashReport:
        """All plays, or these."""
        return CrashReport([self.play(place, mishap) for place, mishap in (self.plays if plays is None else plays)])

    def play(self, place: Place, mishap: Mishap) -> Finding:
        with entered(self, [self.step(place, mishap)]) as play:
            return play.found(place.name, mishap.name)

    def step(self, place: Place, mishap: Mishap) -> Step:
        return Step(place.number, mishap)

    def _learned(self) -> Sequence[Place]:
        with entered(self, []) as play:
            finding = play.found("nothing", "none")
            if not finding.is_good or play.job_state is not State.COMPLETED:
                raise AssertionError(f"the rotation fails where nothing goes wrong: {play.job_state}, {finding}\n\n{play.story}")
            return list(_named(play.heard_until_quiet))


@contextmanager
def entered(kit: CrashKit, steps: Sequence[Step], patience: int = PATIENCE) -> Iterator[Play]:
    with ExitStack() as ends:
        yield Play(kit.world, kit.script, steps, patience, ends)


def at_work(heard: Iterable[Call]) -> Iterator[Call]:
    """What workers do between their claim of a rotation and their next one, in the order of their claims."""
    since: dict[str, list[Call]] = {}
    turning: set[str] = set()
    for call in heard:
        _, who, what = call
        if what == "storage.claim":
            since[who] = []
            turning.discard(who)
        elif what.startswith(_POINT) and who not in turning:
            turning.add(who)
            yield from (*since.get(who, ()), call)
        elif who in turning:
            yield call
        elif who in since:
            since[who].append(call)


def _named(heard: Sequence[Call]) -> Iterator[Place]:
    counts, after = Counter[str](), "claimed"
    for number, _, what in at_work(heard):
        if what.startswith(_CALLS):
            after = what.removeprefix(_POINT) if what.startswith(_POINT) else after
            name = what if what.startswith(_POINT) else f"{what} ({after})"
            counts[name] += 1
            yield Place(number, what, name if counts[name] == 1 else f"{name} {counts[name]}")
