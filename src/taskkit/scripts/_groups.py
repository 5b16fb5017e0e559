"""How all that uses an account hears of its new password: one after the other, with a memo between them (S2, J13).

None is told twice of the same password where that could do harm: one that had begun, and was not seen to end, is told again only where that
may be said twice (J10). Where a required one has failed and the task wants it so, the old password comes into force again by the
same protocol, and whoever had heard of the new one hears of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from taskkit.errors import NotAllowed, NotFound, Refused, StaleToken, StorageAway, TaskkitError, TriesSpared, VaultAway
from taskkit.jobs import Kind, Why
from taskkit.outcomes import RETRIED, Done, Effect, ErrorClass, NotDone, NotNow, Outcome, Unknown, class_of
from taskkit.passwords import FormerPasswords, Objection
from taskkit.plugins.runs import Budget, Run
from taskkit.plugins.verbs import Operation, Probe
from taskkit.records import Record
from taskkit.scripts._candidates import CHANGED
from taskkit.scripts._heard import REFUSED, Heard
from taskkit.scripts._steps import answer
from taskkit.scripts._sums import Sum
from taskkit.scripts._tries import RIGHT, SPARED, CannotSay, Which, probed, tell
from taskkit.scripts.dependents import Dependent, News
from taskkit.scripts.rotation import Rotation
from taskkit.secrets import Secret

if TYPE_CHECKING:
    from taskkit.scripts.password_reset import PasswordReset

_TRIED = "telling what uses an account of its new password"
#: In minutes, at most, between two tries of one that failed.
_LONGEST_WAIT = 60
_EXECUTE = "task_execute"
#: Why a job waits for a further try.
AGAIN = "dependent"
#: Templates are tried with it before there is a new password.
_ANY = Secret("any other one")


def vault_away(run: Run) -> NotNow:
    """What has been changed stays so: whoever has to hear of it hears later."""
    return NotNow(run.now().add(minutes=1), Why.VAULT_AWAY.value)


@frozen
class _Known:
    """Draws one secret, and no other."""

    secret: Secret = field(repr=False)

    def draw(self, *, user: str, former: FormerPasswords) -> Secret:
        return self.secret

    def stricter(self, objection: Objection) -> None:
        return None


class Group:
    """All dependents of one account, for one run."""

    def __init__(self, reset: PasswordReset, run: Run, rotation: Rotation) -> None:
        self._reset, self._run = reset, run
        self._record, self._account, self._name = rotation.record, rotation.account, rotation.secret_name
        self._heard = Heard.of(run.memo)
        self._sum = Sum(reset, rotation.account, self._heard)

    # before anything is changed

    def fit(self) -> None:
        """Raises where one of them could not be told. Not asked once anything may have been changed: then it fails alone."""
        if self._run.job.kind is Kind.RECOVERY or self._run.rescued or CHANGED in self._run.memo:
            return
        news = News(self._run, self._record, _ANY, self._name, "none")
        for one in self._reset.dependents:
            record = self._found(one)
            if one.writes and self._run.vault.records.account(record) == self._account:
                raise Refused(_TRIED, f"{one} is of the account itself", "leave it out: the vault has it already")
            if lacking := sorted(one.needs - self._run.verbs(record)) if one.needs else []:
                case = f"{one}: the executor of its record cannot do {', '.join(lacking)}"
                raise Refused(_TRIED, case, "choose one that can in the record type")
            if one.needs:
                self._run.host(record)
            one.fit(news)

    def _found(self, one: Dependent) -> Record:
        vault, viewer = self._run.vault, self._run.viewer
        record = vault.records.get(one.record)
        if record is None:
            raise NotFound(_TRIED, f"{one}: there is no record {one.record!r}", "name one that is there")
        if viewer is not None and not vault.rights.may(viewer, _EXECUTE, record.id):
            raise NotAllowed(_TRIED, f"{one}: {viewer!r}, as whom it runs, lacks the right {_EXECUTE!r} on {record.id!r}")
        return record

    # once a new one is in force

    def perform(self) -> Outcome:
        try:
            outcome = self._performed()
        except VaultAway:
            outcome = vault_away(self._run)
        return evolve(outcome, result=self._sum.so_far) if isinstance(outcome, NotNow) else outcome

    def _performed(self) -> Outcome:
        heard = self._heard
        while True:
            if heard.undoes is None or heard.stays:
                if (outcome := self._tell_all(heard.told, heard.untold(self._reset.dependents))) is not None:
                    return outcome
                if not self._is_to_be_undone:
                    return self._look_back() or self._sum.outcome()
                self._keep(undoes=self._run.memo[CHANGED])
            if heard.undoes == self._run.memo[CHANGED] and (outcome := self._put_back()) is not None:
                return outcome
            if not heard.stays:
                return self._tell_all(heard.back, self._to_tell_back()) or self._sum.taken_back()

    @property
    def _is_to_be_undone(self) -> bool:
        return (
            self._reset.on_failure == "roll_back"
            and not self._heard.stays
            and bool(self._heard.lacking(self._reset.dependents, "not_done"))
        )

    def _to_tell_back(self) -> list[Dependent]:
        """Those that were told of the one that is in force no more, also where they failed over it: a service that did not come up."""
        return [one for one in self._reset.dependents if self._heard.has_begun(one) and str(one) not in self._heard.back]

    def _tell_all(self, told: dict[str, list[str]], those: list[Dependent]) -> Outcome | None:
        """None once all are over, or one has failed for which all are taken back."""
        for one in those:
            while str(one) not in told:
                if self._run.stop_requested and self._heard.began is None:
                    return self._sum.stopped()
                if (outcome := self._tell(one, told)) is not None:
                    return outcome
            self._run.progress(len(told), len(self._reset.dependents))
            if told is self._heard.told and self._is_to_be_undone:
                break
        return None

    def _tell(self, one: Dependent, told: dict[str, list[str]]) -> Outcome | None:
        """One try."""
        heard, name = self._heard, str(one)
        if heard.began == name and one.effect is not Effect.IDEMPOTENT:
            said = Operation(name[:200], "unknown", self._run.now(), self._run.now(), text="it had begun, and nobody saw it end")
        else:
            self._keep(began=name)
            self._run.point("telling")
            try:
                said = self._said(one, name)
            except TriesSpared as spared:
                self._keep(began=None)
                return NotNow(spared.until, spared.code)
        self._run.operation(said)
        if said.error == ErrorClass.STOPPED:
            self._keep(began=None)
            return self._sum.stopped()
        again = self._is_worth_another(one, said)
        heard.began, heard.tries = None, heard.tries + 1 if again else 0
        text = self._run.scrub(said.text)
        if not again:
            told[name] = [said.state, text, said.error or ""]
        self._run.intents.told(self._account, name, said.state, text, self._memo)
        self._run.point("told")
        if not again or self._reset.on_failure == "roll_back":  # who may have to take it back lets nobody else change it meanwhile
            return None
        return NotNow(self._run.now().add(minutes=min(2 ** (heard.tries - 1), _LONGEST_WAIT)), AGAIN)

    def _said(self, one: Dependent, name: str) -> Operation:
        began = self._run.now()
        try:
            record = self._found(one)
            login = self._run.login(self._record)
            if login.secret is None:
                raise Refused(_TRIED, "the vault does not know it any more", "the vault has to be mended")
            news = News(self._run, self._record, login.secret, login.secret_name, self._run.memo[CHANGED])
            return evolve(one.tell(news, record), name=name[:200])
        except (StaleToken, StorageAway):
            raise
        except Exception as error:  # whatever the vault or an executor raises becomes an operation here
            if isinstance(error, TriesSpared) and self._reset.on_failure != "roll_back":
                raise
            said = answer(error, self._run)
            state = "not_done" if one.effect is Effect.IDEMPOTENT or class_of(error) is not None else "unknown"
            return Operation(name[:200], state, began, self._run.now(), error=said.error, text=said.text)  # type: ignore[arg-type]

    def _is_worth_another(self, one: Dependent, said: Operation) -> bool:
        """By the same rule as for jobs (J7, J10)."""
        if said.state == "done" or self._heard.tries >= one.retries:
            return False
        if one.effect is Effect.IDEMPOTENT:
            return said.state == "unknown" or said.error in RETRIED
        return said.state == "not_done" and said.error in RETRIED and said.error != ErrorClass.FAILED

    # back to the old one

    def _put_back(self) -> Outcome | None:
        """None where the old one is in force again, or never will be."""
        rotation = self._backwards()
        if isinstance(rotation, str):
            self._keep(stays=rotation)
            return None
        self._run.point("undoing")
        if (outcome := rotation.changed()) is None:
            return None
        text = outcome.text if isinstance(outcome, NotDone | Unknown) else "the one in force was left as it is"
        if isinstance(outcome, Unknown):
            return evolve(outcome, result=self._sum.result)
        if isinstance(outcome, NotNow) and self._run.intents.read(self._account) is None:
            return outcome
        if self._run.intents.read(self._account) is not None:
            case = f"{self._sum.text('not_done')}; putting the old one in force again was begun: {text}"
            return NotDone(ErrorClass.FAILED, case, self._sum.result)
        self._keep(stays=self._run.scrub(text))
        return None

    def _backwards(self) -> Rotation | str:
        """Or why there is none."""
        try:
            if (previous := self._old()) is not None:
                return Rotation(self._reset, self._run, _Known(previous))
        except VaultAway as away:
            return str(away)
        return "the vault knows none that was in force before"

    def _old(self) -> Secret | None:
        return self._run.vault.secrets.values(self._account, self._run).previous.get(self._name)

    # whether the old one is refused

    def _look_back(self) -> NotNow | None:
        """It is tried once (S5)."""
        if self._reset.old_refused == "no" or self._heard.old or (old := self._old()) is None:
            return None
        budget = self._run.intents.budget(self._account)
        if not budget.left:
            return NotNow(budget.free, SPARED)
        began, probe = self._run.now(), self._tried(old, budget)
        said: Done | NotDone = NotDone(probe.error or ErrorClass.FAILED, probe.text)
        if probe.error is ErrorClass.WRONG_CREDENTIALS:
            budget.refused(Which.PREVIOUS, old, tells=False)
            said, found = Done(), REFUSED
        elif probe.error in RIGHT:
            said, found = NotDone(ErrorClass.FAILED, "it still lets in"), "it still lets in"
        else:
            found = f"nobody can say whether it lets in: {probe.text}"
            if probe.error is ErrorClass.ACCOUNT_LOCKED:
                budget.locked()
        tell(self._run, "try the old one", said, began)
        self._keep(old=self._run.scrub(found) if found != REFUSED else found)
        return None

    def _tried(self, old: Secret, budget: Budget) -> Probe:
        try:
            return probed(self._run, self._record, old, budget)
        except (StaleToken, StorageAway, VaultAway):
            raise
        except CannotSay as silent:
            return Probe(silent.error, silent.text)
        except TaskkitError as error:
            return Probe(class_of(error) or ErrorClass.FAILED, self._run.scrub(str(error)))

    def _keep(self, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self._heard, name, value)
        self._run.intents.note(self._memo)

    @property
    def _memo(self) -> dict[str, Any]:
        return {CHANGED: self._run.memo[CHANGED], **self._heard.memo}
