"""Where the candidate of an account is kept, and what is noted of it: in the vault, in the store, and in this order (S2, S4)."""

from __future__ import annotations

from attrs import define
from pendulum import Duration

from taskkit.errors import Refused
from taskkit.intents import Intent, Ruling
from taskkit.plugins.runs import Run
from taskkit.records import AccountId
from taskkit.secrets import Secret
from taskkit.vaults import Slot

#: In the memo: the attempt that has put its candidate in force.
CHANGED = "changed"
#: The name of an attempt: the job, its token, and a number.
_PARTS = 3
_MEND = "the vault has to be mended"


@define
class Attempt:
    """A candidate that is kept, under the name of its attempt."""

    name: str
    candidate: Secret
    #: Whether it may have been sent, and nobody has seen since that it is not the live one.
    is_doubtful: bool = False
    #: Whether it may be carried out yet: a worker that is thought dead may wake up and send it, a slow host may come to its end.
    may_come: bool = False


def attempt_to_tell(attempt: str, field: str) -> str:
    """Under which name what uses the account gets its new secret."""
    return f"{attempt}/{field}"


def is_left(slot: Slot) -> bool:
    """Whether somebody who told of another account's secret came to no end here. No host was told: nothing is lost with it."""
    attempt, _, field = slot.attempt.rpartition("/")
    return field in slot.secrets and attempt.count("/") == _PARTS - 1


class Candidates:
    """Of one account, for one run."""

    def __init__(self, run: Run, account: AccountId, record: str, name: str) -> None:
        self._run, self._slots, self._account, self._record, self._name = run, run.slots, account, record, name
        last = str(run.memo.get(CHANGED, "")).rpartition("/")[2]
        self._drawn = int(last) if last.isdecimal() else 0  # what a person proposed has no number
        self.intent: Intent | None = None
        #: Whether it is known which intent is open.
        self.has_looked = False

    def adopted(self) -> tuple[Attempt | None, Ruling | None]:
        """What is open, this run's from now on, and what a person said of it; also what only the vault knows of, as after a restore."""
        self.intent, self.has_looked = self._run.intents.read(self._account), True
        ruling = None if self.intent is None else self.intent.ruling
        slot = self._slots.adopt(self._account, self._run.token)
        if slot is not None and is_left(slot) and (self.intent is None or self.intent.attempt != slot.attempt):
            self._slots.discard(self._account, slot.attempt, self._run.token)
            slot = None
        self._run.point("adopted")
        if slot is None or self._name not in slot.secrets:
            self._refuse_strange(slot)
            return None, ruling
        candidate = self._run.keep(slot.secrets[self._name])
        if self.intent is None or self.intent.attempt != slot.attempt:
            self._intend(slot.attempt, candidate)
        return Attempt(slot.attempt, candidate, is_doubtful=True, may_come=True), ruling

    def _refuse_strange(self, slot: Slot | None) -> None:
        """It would come into force untried."""
        if slot is not None and self.intent is not None and slot.attempt == self.intent.attempt:
            case = f"it was kept under another name than {self._name!r}"
            raise Refused("looking for the candidate", case, "let the record's type name the field of its secret as before")

    @property
    def age(self) -> Duration:
        """For how long something has been open."""
        now = self._run.now()
        return now - (now if self.intent is None else self.intent.since)

    def propose(self, candidate: Secret) -> Attempt:
        """Kept for good and read back, before any host hears of it."""
        self._drawn += 1
        name = f"{self._run.job.id}/{self._run.token}/{self._drawn}"
        self._run.keep(candidate)
        self._intend(name, candidate)
        self._run.point("intended")
        is_kept = self._slots.propose(self._account, {self._name: candidate}, name, self._run.token)
        kept = self._slots.adopt(self._account, self._run.token) if is_kept else None
        if kept is None or kept.attempt != name or not kept.secrets[self._name].same_as(candidate):
            raise Refused("keeping a new password", "the vault does not give it back as it was given", _MEND)
        self._run.point("proposed")
        return Attempt(name, candidate)

    def _intend(self, attempt: str, candidate: Secret) -> None:
        self.intent = self._run.intents.open(self._account, self._record, attempt, candidate)

    def is_in_force(self) -> bool:
        """Where no candidate lies there any more: whether the one that the intent is about has come into force."""
        return self.intent is not None and self._is_promoted(self.intent.attempt)

    def put_in_force(self, attempt: Attempt) -> None:
        if not self._is_promoted(attempt.name):  # the vault has lost it: it is here still
            self._slots.propose(self._account, {self._name: attempt.candidate}, attempt.name, self._run.token)
            if not self._is_promoted(attempt.name):
                raise Refused("putting a new password in force", "the vault does not take it", _MEND)
        self._run.point("promoted")

    def _is_promoted(self, attempt: str) -> bool:
        """With the path that led here, so that what the vault tells of it does not come back (P5)."""
        return self._slots.promote(self._account, attempt, self._run.token, self._run.origin)

    def forget(self, attempt: Attempt) -> None:
        """It is not the live one, and never will be."""
        self._slots.discard(self._account, attempt.name, self._run.token)
        self._run.point("discarded")

    def settle(self, *, changed: bool) -> None:
        """The account is nobody's trouble any more."""
        if self.intent is not None:
            attempt = self.intent.attempt
            memo = {**self._run.memo, CHANGED: attempt} if changed else self._run.memo
            self._run.intents.settle(self._account, attempt, memo, changed=changed)
            self.intent = None
            self._run.point("settled")

    def doubt(self, text: str) -> None:
        """All are kept, and a person has to say something."""
        self._run.intents.doubt(self._account, text)
        self._run.point("doubted")
