"""How a password is changed so that it cannot be lost (S2, S3): plan, intent, probe, apply, verify, commit.

Each step may be the last that this process takes. Where it had come is therefore found out by looking: at the intent in the store, at the
candidate in the vault, and at what the host lets in. Whoever holds the account next does that before anything else (S4).

A candidate that may have been sent is not exchanged for another one: the same is sent again, so that a worker that was thought dead, and
sends it late, changes nothing. For that reason it is not thrown away for a day either, even where another secret was seen to let in, and a
rotation that has begun is ended by the recovery of the account, whatever becomes of its task.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn, Protocol

from pendulum import duration

from taskkit.errors import Refused, StaleToken, StorageAway, TaskkitError, TriesSpared
from taskkit.intents import Ruling
from taskkit.jobs import Kind
from taskkit.outcomes import Done, ErrorClass, NotDone, NotNow, Outcome, Unknown, class_of
from taskkit.passwords import FormerPasswords, Objection, Passwords
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import SecretChange, Verb
from taskkit.scripts._candidates import CHANGED, Attempt, Candidates
from taskkit.scripts._tries import SPARED, CannotSay, Spared, Tries, Which, tell
from taskkit.secrets import Secret
from taskkit.vaults import root

if TYPE_CHECKING:
    from taskkit.scripts.password_reset import PasswordReset

VERBS = frozenset({Verb.PROBE, Verb.CHANGE_SECRET})
#: How long the recovery of an account waits at first, and at most, until it looks at the host again (S5).
_FIRST_WAIT, _LAST_WAIT = duration(minutes=1), duration(hours=1)
#: Who sends a candidate later than this is no more reckoned with.
_LATEST = duration(days=1)
#: In the memo: since when the recovery of the account looks after what this job has begun, and may end it.
_HANDED = "handed"
_TRIED = "changing a password"
_UNSENT = NotDone(ErrorClass.STOPPED, "stopped before anything was sent")
_NOT_TAKEN = NotDone(ErrorClass.FAILED, "the host does not let in with what it was given")
_SAID = {Ruling.CANDIDATE: Which.CANDIDATE, Ruling.CURRENT: Which.CURRENT, Ruling.PREVIOUS: Which.PREVIOUS}


class _Ended(Exception):
    """How a rotation ends; without an outcome where a new secret is in force."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        super().__init__()
        self.outcome = outcome


class Draws(Protocol):
    """Where candidates come from: a policy of passwords, or what is known already."""

    def draw(self, *, user: str, former: FormerPasswords) -> Secret: ...
    def stricter(self, objection: Objection) -> Draws | None: ...


class Rotation:
    """One run of the protocol, for one account."""

    def __init__(self, reset: PasswordReset, run: Run, draws: Draws | None = None) -> None:
        if run.record is None:
            raise Refused(_TRIED, "there is no record", "put the task on the list of a type or record")
        self._reset, self._run = reset, run
        self._is_recovery = run.job.kind is Kind.RECOVERY
        self.record = run.record if self._is_recovery else root(run.vault.records, run.record)
        self.account = (run.job.account if self._is_recovery else None) or run.vault.records.account(self.record)
        login = run.login(self.record)
        self.secret_name, self._user = login.secret_name, login.user
        self._policy: Draws = draws or reset.passwords or login.passwords or Passwords()
        self._tries = Tries(run, self.account, self.record, login.secret_name, trusts=self._is_led or CHANGED in run.memo)
        self._candidates = Candidates(run, self.account, self.record.id, login.secret_name)
        self._attempt: Attempt | None = None
        #: What lets in, as far as this run has seen.
        self._old: Secret | None = None

    def perform(self) -> Outcome | None:
        """None once a new secret is in force, else how the run ends."""
        return None if CHANGED in self._run.memo else self.changed()

    def changed(self) -> Outcome | None:
        """As `perform`, whatever this run has put in force before."""
        try:
            return self._ended()
        except CannotSay as silent:
            return self._later(silent)
        except (StaleToken, StorageAway):
            raise
        except TaskkitError as error:
            if not self._candidates.has_looked:
                raise
            what, text = class_of(error) or ErrorClass.FAILED, self._run.scrub(str(error))
            return NotDone(what, text) if self._candidates.intent is None else self._later(CannotSay(what, text))

    def _ended(self) -> Outcome | None:
        try:
            self._plan()
            self._take_over()
            self._change()
        except _Ended as ended:
            return ended.outcome

    def _plan(self) -> None:
        """All that can fail without the host."""
        lacking = sorted(VERBS - self._run.verbs(self.record))
        if lacking:
            raise Refused(_TRIED, f"its executor cannot do {', '.join(lacking)}", "choose one that can in the record type")
        if not self._user:
            raise Refused(_TRIED, f"the record {self.record.id!r} names no user", "fill in the field that its type says")
        self._run.host(self.record)
        self._run.point("planned")

    # an intent that is open (S4)

    def _take_over(self) -> None:
        """What is open is resolved. Where a new secret is wanted still, the candidate is left as the attempt, to be sent once more."""
        self._attempt, ruling = self._candidates.adopted()
        if self._attempt is None and self._candidates.is_in_force():
            self._in_force()
        elif self._candidates.intent is not None:
            self._resolve(self._attempt, ruling)
        elif self._is_recovery and CHANGED not in self._run.memo:  # it has settled it before
            self._unchanged(Which.CURRENT)
        elif (since := self._run.memo.get(_HANDED)) and (by := self._run.intents.changed_by(self.account, datetime.fromisoformat(since))):
            raise _Ended(Done({"account": self.account, "changed": True, "by": by}))

    def _resolve(self, attempt: Attempt | None, ruling: Ruling | None) -> None:
        """Without an attempt it was kept nowhere, and sent nowhere; or the vault is an older one now, and the host may know it."""
        which = said = self._said(ruling)
        if said is None:
            which, self._old = self._tries.live(attempt.candidate if attempt is not None else None, leave=int(self._is_led))
        if which is Which.CANDIDATE and attempt is not None:
            self._commit(attempt)
        if which is None and self._run.shadow is None:
            self._doubt()
        if attempt is not None:
            attempt.is_doubtful = which is None
        if said is not None:
            self._leave(said)
        if ruling is Ruling.ANEW:
            self._forget()
        elif attempt is None and which is Which.CURRENT and self._is_recovery and CHANGED not in self._run.memo:
            self._unchanged(which)

    def _said(self, ruling: Ruling | None) -> Which | None:
        """What a person names; nothing where the vault does not know it."""
        which = _SAID.get(ruling) if ruling is not None else None
        if which is Which.CANDIDATE:
            return which if self._attempt is not None else None
        return which if which is not Which.PREVIOUS or which in self._tries.known() else None

    def _leave(self, which: Which) -> NoReturn:
        """So a person said: what lets in is in force, or comes into force."""
        previous = self._tries.known().get(Which.PREVIOUS)
        self._forget()
        if which is Which.PREVIOUS and previous is not None:
            self._commit(self._candidates.propose(previous))
        self._unchanged(which)

    # intent, probe, apply, verify

    def _change(self) -> NoReturn:
        self._tries.demand()  # or nobody could prove it
        attempt = self._attempt or self._drawn()
        if self._old is None and not self._is_through_shadow:
            self._prove(attempt)
        outcome: Outcome = _UNSENT
        for left in reversed(range(self._reset.attempts)):
            if self._run.stop_requested:
                break
            outcome = self._applied(attempt)
            if not isinstance(outcome, NotDone):
                self._verify(attempt)
            elif left and (stricter := self._stricter(outcome)) is not None:
                self._policy = stricter
                attempt = self._exchanged(attempt)
            else:
                break
        self._give_up(attempt, outcome if isinstance(outcome, NotDone) else _NOT_TAKEN)

    @property
    def _is_led(self) -> bool:
        """Whether the shadow account makes all changes: then the account's own log-in is only asked what has become of them."""
        return self._run.shadow is not None and self._reset.through == "shadow"

    @property
    def _is_through_shadow(self) -> bool:
        """Whether it makes this one: always, or where no known secret lets in."""
        return self._is_led or (self._run.shadow is not None and self._old is None)

    def _drawn(self) -> Attempt:
        known = self._tries.known(keep=self._old is None and not self._is_through_shadow)  # they are tried next
        former = self._run.intents.former(self.account, known.values())
        self._attempt = self._candidates.propose(self._policy.draw(user=self._user, former=former))
        return self._attempt

    def _prove(self, attempt: Attempt) -> None:
        """Before anything is sent: some known secret lets in, or another account can set it right."""
        _, self._old = self._tries.live(leave=int(self._run.shadow is not None))  # one proves what it sets right
        if self._old is None and self._run.shadow is None:
            case = "neither the secret in force nor the one before lets in: a shadow account could set it right"
            self._give_up(attempt, NotDone(ErrorClass.WRONG_CREDENTIALS, case))

    def _applied(self, attempt: Attempt) -> Done | NotDone | Unknown:
        self._run.point("applying")
        began, before, attempt.is_doubtful = self._run.now(), attempt.is_doubtful, True
        login = self._run.shadow if self._is_through_shadow else self.record
        try:
            outcome = self._run.change(SecretChange(self._user, attempt.candidate, self._old), login, to=self.record)
        except TriesSpared as spared:  # of the shadow account: nothing was sent
            attempt.is_doubtful = before
            raise Spared(spared.until) from None
        if isinstance(outcome, NotDone):
            attempt.is_doubtful = before
        else:
            self._tries.was_sent()
        attempt.may_come |= not isinstance(outcome, NotDone)  # one that has said yes may take its time
        tell(self._run, "change", outcome, began)
        self._run.point("applied")
        return outcome

    def _verify(self, attempt: Attempt) -> None:
        """A fresh log-in says whether the host has taken it. Where another one is live still, the same can be sent again."""
        which, self._old = self._tries.live(attempt.candidate, leave=int(self._is_led))
        if which is Which.CANDIDATE:
            self._run.point("verified")
            self._commit(attempt)
        if which is None and self._run.shadow is None:
            self._doubt()
        attempt.is_doubtful = which is None

    def _stricter(self, outcome: NotDone) -> Draws | None:
        """A policy by which the host may take the next one, where a rule of it refused this one."""
        said = outcome.result.get("refusal") if outcome.error is ErrorClass.REFUSED else None
        return self._policy.stricter(Objection(said)) if said in set(Objection) else None

    def _exchanged(self, attempt: Attempt) -> Attempt:
        self._see_it_dead(attempt)
        self._forget()
        return self._drawn()

    # how it ends

    def _commit(self, attempt: Attempt) -> NoReturn:
        """It is the live one."""
        self._candidates.put_in_force(attempt)
        self._in_force()

    def _in_force(self) -> NoReturn:
        self._candidates.settle(changed=True)
        raise _Ended

    def _unchanged(self, which: Which) -> NoReturn:
        self._candidates.settle(changed=False)
        raise _Ended(Done({"account": self.account, "changed": False, "live": which.value}))

    def _give_up(self, attempt: Attempt, outcome: NotDone) -> NoReturn:
        """Nothing was changed."""
        self._see_it_dead(attempt)
        if self._may_come(attempt):
            raise CannotSay(outcome.error, outcome.text)
        self._forget()
        self._candidates.settle(changed=False)
        raise _Ended(outcome)

    def _may_come(self, attempt: Attempt) -> bool:
        return attempt.may_come and self._candidates.age < _LATEST

    def _see_it_dead(self, attempt: Attempt) -> None:
        """A candidate that may have been sent is never thrown away before another one was seen to let in (S3)."""
        if attempt.is_doubtful:
            which, self._old = self._tries.live(attempt.candidate)
            if which is Which.CANDIDATE:
                self._commit(attempt)
            if which is None:
                self._doubt()

    def _forget(self) -> None:
        if self._attempt is not None:
            self._candidates.forget(self._attempt)
        self._attempt = None

    def _doubt(self) -> NoReturn:
        """No known secret lets in (S3)."""
        text = "neither the candidate nor the secret in force nor the one before lets in"
        if self._attempt is None:
            text = f"the vault does not know the candidate any more; {text}"
        self._candidates.doubt(text)
        raise _Ended(Unknown(f"{text}: all are kept, and somebody has to say what is to be done"))

    def _later(self, silent: CannotSay) -> Outcome:
        """Nobody can say now. What was never sent is forgotten; else the intent stays open, and the recovery of the account looks again."""
        attempt, now = self._attempt, self._run.now()
        if attempt is not None and not attempt.is_doubtful and not self._may_come(attempt):
            with suppress(TaskkitError):  # the vault may be what does not answer
                self._forget()
                self._candidates.settle(changed=False)
        reason = SPARED if isinstance(silent, Spared) else silent.error.value
        if self._is_recovery:
            return NotNow(silent.until or now + min(max(self._candidates.age, _FIRST_WAIT), _LAST_WAIT), reason)
        if isinstance(silent, Spared):
            if self._candidates.intent is not None:
                self._run.save({**self._run.memo, _HANDED: now.isoformat()})
            return NotNow(silent.until, reason)
        about = "" if self._candidates.intent is None else "; whether it was changed is found out by the recovery of the account"
        return NotDone(silent.error, silent.text + about)
