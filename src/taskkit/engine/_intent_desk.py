"""Accounts of which nobody knows the secret for certain, for people: which they are, and what is to be done (S3, S4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from taskkit._doors import with_a_door
from taskkit.engine._intents import all_open, kept, read, spent
from taskkit.engine._rights import RightsDesk
from taskkit.engine._standings import Standings
from taskkit.engine._waits import written
from taskkit.errors import InvalidValue, NotFound, Outdated, TaskkitError
from taskkit.facts import Fact
from taskkit.intents import Intent, Ruling
from taskkit.records import AccountId
from taskkit.standings import TABLE as STANDINGS
from taskkit.standings import standing_id
from taskkit.states import State, Step
from taskkit.storage import Keep, Move, Unit
from taskkit.tries import TABLE as TRIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskkit.engine._ground import Ground

_TRIES = 8
#: Why a task waits whose job did not find out what became of it.
_UNKNOWN = "unknown"


@with_a_door
class IntentDesk:
    """`all()` lists the open intents, `say(…)` is what a person decides of one."""

    def __init__(self, ground: Ground, rights: RightsDesk, standings: Standings, wake: Callable[[], None]) -> None:
        self._ground, self._rights, self._standings, self._wake = ground, rights, standings, wake

    def all(self, *, user: str | None = None, uncertain: bool = False) -> list[Intent]:
        """Those that are open, as far as the person may see them; or only those that wait for a person."""
        catalog, rights = self._ground.catalog, self._rights
        found = (one for one in all_open(self._ground.storage) if one.is_uncertain or not uncertain)
        return [one for one in found if rights.sees(catalog.task(one.task), one.record, user)]

    def rule(self, account: AccountId, ruling: Ruling | str, *, by: str | None = None, why: str = "") -> None:
        """Try once more what is known, name the secret that is the live one, or give up the candidate for a new one.

        The recovery of the account does it at once. A task that waits because nobody knew goes on.
        """
        tried = f"saying what is to be done about the secret of {account!r}"
        try:
            said = Ruling(ruling)
        except ValueError:
            raise InvalidValue(tried, f"{ruling!r} is no ruling for it", f"say one of {', '.join(Ruling)}") from None
        for _ in range(_TRIES):
            intent = read(self._ground.storage, account)
            if intent is None:
                raise NotFound(tried, "nothing is open there", "engine.intents.all() tells what is")
            self._rights.demand(by, "task_manage", tried, intent.record)
            if written(self._ground, [self._said(intent, said, by, why)])[0]:
                self._resume(intent, by)
                self._wake()
                return
        raise Outdated(tried, "it moves too fast", "look at it again")

    def _said(self, intent: Intent, ruling: Ruling, by: str | None, why: str) -> Unit:
        now, recovery = self._ground.now(), self._ground.storage.job(intent.recovery)
        told = {"account": intent.account, "ruling": ruling.value, **({"why": why} if why else {})}
        fact = Fact("IntentRuled", now, intent.recovery, intent.task, intent.line, intent.record, by, told)
        woken: Unit = ()
        if recovery is not None and recovery.is_pending:  # one that is claimed reads it at its next look
            step = Step.WAKE if recovery.state is State.DEFERRED else Step.ADVANCE
            woken = (Move(recovery.id, step, recovery.revision, fields={"due": now}),)
        return kept(evolve(intent, ruling=ruling)), *self._anew(intent.account), *woken, fact

    def _anew(self, account: AccountId) -> Unit:
        """What was refused may let in by now, since somebody looked after it; it counts all the same (S5)."""
        found = spent(self._ground.storage, account)
        return (Keep(TRIES, account, found.revision, found.muted().body()),) if found.tries else ()

    def _resume(self, intent: Intent, by: str | None) -> None:
        """For the record of the job that did not find out, and for that of the account."""
        storage, job = self._ground.storage, self._ground.storage.job(intent.job)
        for record in dict.fromkeys((intent.record, job.record if job is not None else None)):
            found = storage.document(STANDINGS, standing_id(intent.line, record)) if record is not None else None
            if found is not None and found.body.get("suspended") == _UNKNOWN:
                try:
                    self._standings.resume(intent.task, record, by=by)
                except TaskkitError:  # the task is gone, or another's: what a person said of the account counts all the same
                    continue
