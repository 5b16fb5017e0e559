"""All agents of an engine, one duty each, and whom each of them has to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from taskkit.engine._attempts import Attempts
from taskkit.engine._checks import Checks
from taskkit.engine._chores import Chores
from taskkit.engine._conductor import Conductor
from taskkit.engine._consents import Consents
from taskkit.engine._definitions import Definitions
from taskkit.engine._entries import Entries
from taskkit.engine._explainer import Explainer
from taskkit.engine._finisher import Finisher
from taskkit.engine._fits import Fits
from taskkit.engine._gates import Gates
from taskkit.engine._intake import Intake
from taskkit.engine._intent_desk import IntentDesk
from taskkit.engine._keeper import Keeper
from taskkit.engine._ledger import Ledger
from taskkit.engine._lifeline import Lifeline
from taskkit.engine._lists import Lists
from taskkit.engine._logbook import Logbook
from taskkit.engine._lookups import Lookups
from taskkit.engine._notices import Notices
from taskkit.engine._outboxes import OutboxReader
from taskkit.engine._parts import Parts
from taskkit.engine._passings import Passings
from taskkit.engine._pauses import Pauses
from taskkit.engine._planner import Planner
from taskkit.engine._portions import Portions
from taskkit.engine._prospects import Prospects
from taskkit.engine._refusals import Refusals
from taskkit.engine._replans import Replans
from taskkit.engine._restores import Restores
from taskkit.engine._retention import Retention
from taskkit.engine._rights import RightsDesk
from taskkit.engine._skews import Skew
from taskkit.engine._standings import Standings
from taskkit.engine._starter import Starter
from taskkit.engine._steering import Steering
from taskkit.engine._targets import Targets
from taskkit.engine._turns import Turns
from taskkit.engine._upkeep import Upkeep
from taskkit.engine._views import Views
from taskkit.engine._vitals import Pulse
from taskkit.engine._waits import Waits
from taskkit.jobs import Job

if TYPE_CHECKING:
    from taskkit.engine._floor import Floor
    from taskkit.engine._ground import Ground
    from taskkit.instants import Clock

Point = Callable[[str, Job], None]


class Staff:
    """`clock` is that of this machine, where the engine goes by the store's."""

    def __init__(self, ground: Ground, rights: RightsDesk, *, wake: Callable[[], None], points: Point | None, clock: Clock | None) -> None:
        self._ground, self._rights = ground, rights
        self._targets = Targets(ground)
        self._planner = Planner(ground, self._targets)
        self._replans = Replans(ground, self._planner, self._targets)
        self.pauses = Pauses(ground, rights)
        self._for_plans()
        self._for_work(points)
        self._for_people()
        self._for_upkeep(wake, clock)

    def floor(self, errands: Sequence[tuple[str, Callable[[], int]]]) -> Floor:
        """Where jobs are worked on in threads."""
        from taskkit.engine._floor import Floor

        return Floor(self._ground, turns=self.turns, starter=self.starter, finisher=self.finisher, lifeline=self.lifeline, errands=errands)

    def _for_plans(self) -> None:
        """What is to be done: tasks, lists and definitions, and what happens."""
        ground, rights, planner, replans, targets = self._ground, self._rights, self._planner, self._replans, self._targets
        self._fits = Fits(ground, replans, targets)
        self.chores = Chores(ground, self._fits, Portions(ground, planner, replans))
        ledger, checks = Ledger(ground, self.chores), Checks(ground)
        self.keeper = Keeper(ground, self.chores, ledger, checks, rights)
        self.lists = Lists(ground, planner, replans, self.chores, ledger, checks, rights)
        self.definitions = Definitions(ground, ledger, checks, rights)
        self.intake = Intake(ground, planner, targets, self.chores, rights, self.pauses)
        ground.emit = self.intake.take

    def _for_work(self, points: Point | None) -> None:
        """From claimed to ended."""
        ground = self._ground
        self._parts = Parts(ground, self._planner, self._targets)
        self.conductor = Conductor(ground, self._planner, self._parts, points)
        self.passings = Passings(ground, self._rights)
        self._gates = Gates(ground, self._rights, self.pauses, self.passings)
        refusals = Refusals(ground, self._planner, self._replans, self._fits)
        self._lookups = Lookups(ground, self._targets)
        self.starter = Starter(ground, self._lookups, self._gates, refusals, points)
        self.finisher, self.lifeline = Finisher(ground, self._planner), Lifeline(ground)
        self.turns = Turns(ground, self.pauses, self.starter, self.conductor, self.finisher, self.lifeline)

    def _for_people(self) -> None:
        """Who steers, consents and looks."""
        ground, rights, planner = self._ground, self._rights, self._planner
        self.consents = Consents(ground, rights, planner, self.pauses)
        self.entries = Entries(ground, rights, self.consents)
        self.retention = Retention(ground, self.consents)
        self.views = Views(ground, planner, rights, self.retention)
        self.steering = Steering(ground, planner, rights, self._parts, self.lifeline)
        self.standings = Standings(ground, planner, self._replans, self._targets, rights)
        self.attempts = Attempts(ground, self.intake, self.pauses, self.turns, self.starter, self.finisher, self.lifeline, self.steering)
        prospects = Prospects(ground, self._lookups, self._gates, self.consents)
        self.explainer = Explainer(ground, planner, self._targets, rights, self.pauses, prospects)

    def _for_upkeep(self, wake: Callable[[], None], clock: Clock | None) -> None:
        """What goes on beside the jobs, and after a fall."""
        ground, rights = self._ground, self._rights
        self.intents = IntentDesk(ground, rights, self.standings, wake)
        self.restores, self.waits = Restores(ground, rights, self.pauses), Waits(ground)
        self.upkeep = Upkeep(ground, self.chores, self.intake, OutboxReader(ground, self.restores))
        self.skew = Skew(ground, clock)
        self.pulse = Pulse(ground, self.pauses, self.skew, self.upkeep)
        self.notices = Notices(ground)
        self.logbook = Logbook(ground, rights, self.notices)
