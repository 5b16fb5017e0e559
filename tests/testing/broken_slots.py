"""Slots that break one promise each, as do vaults that keep secrets without any, beside the clause that notices."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from taskkit.errors import StaleToken
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.testing import MemoryVault
from taskkit.testing._accounts import Account, KeepingSecrets, MemorySlots
from taskkit.vaults import Slot, Vault
from tests.testing.test_contracts_of_vaults import TestMemoryVault as Sound

# candidates


class TakesSecretsForText(MemorySlots):
    def propose(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        read = {name: Secret(secret.reveal_bytes().decode("utf-8", "replace")) for name, secret in secrets.items()}
        return super().propose(account, read, attempt, token)


class StripsWhatItIsGiven(MemorySlots):
    def propose(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        return super().propose(account, {name: Secret(one.reveal_bytes()[:255]) for name, one in secrets.items()}, attempt, token)


class SaysThatItKeepsACandidate(MemorySlots):
    def propose(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        return True


class PutsACandidateInForce(MemorySlots):
    def propose(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        return super().propose(account, secrets, attempt, token) and super().promote(account, attempt, token)


class ForgetsTheAttempt(MemorySlots):
    def adopt(self, account: str, token: int) -> Slot | None:
        found = super().adopt(account, token)
        return None if found is None else evolve(found, attempt="unknown")


class ShowsCandidates(MemorySlots):
    def __repr__(self) -> str:
        found = self._secrets.of("root").slot
        return repr(None if found is None else {name: one.reveal() for name, one in found.secrets.items()})


class ThrowsTheCandidateAwayWithAChange(KeepingSecrets):
    def change(self, account: str, *given: Any) -> None:
        self.of(account).drop()
        super().change(account, *given)


class HidesWhatIsPending(KeepingSecrets):
    def values(self, account: str, run: Any) -> Any:
        return evolve(super().values(account, run), pending={})


class GivesTheSlotToTheLast(MemorySlots):
    def propose(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        found = self._asked(account, token, "proposing")
        found.slot = Slot(attempt, secrets)
        return True


class HasOneSlotForAll(MemorySlots):
    def _asked(self, account: str, token: int, verb: str) -> Account:
        return super()._asked("root", token, verb)


# their ends


class LosesWhatWasInForce(MemorySlots):
    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        done = super().promote(account, attempt, token)
        self._secrets.of(account).previous.clear()
        return done


class LeavesTheCandidateThere(MemorySlots):
    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        before = self._secrets.of(account).slot
        done = super().promote(account, attempt, token)
        self._secrets.of(account).slot = before
        return done


class PromotesWhateverLiesThere(MemorySlots):
    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        found = self._secrets.of(account).slot
        return super().promote(account, found.attempt if found else attempt, token)


class PutsAllFieldsInTheirPlace(MemorySlots):
    """What was not proposed is gone."""

    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        found = self._secrets.of(account)
        candidate = found.slot
        done = super().promote(account, attempt, token)
        if candidate is not None:
            for name in found.current.keys() - candidate.secrets.keys():
                del found.current[name]
        return done


class CountsACandidateAsAChange(MemorySlots):
    def propose(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        self._secrets.changed[account] = self._secrets.now()
        return super().propose(account, secrets, attempt, token)


class DoesNotKnowWhenItPromoted(MemorySlots):
    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        before = self._secrets.changed.get(account)
        done = super().promote(account, attempt, token)
        if before is not None:
            self._secrets.changed[account] = before
        return done


class CountsEachPromotion(MemorySlots):
    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        done = super().promote(account, attempt, token)
        self._secrets.changed[account] = self._secrets.now()
        return done


class DiscardsWhateverLiesThere(MemorySlots):
    def discard(self, account: str, attempt: str, token: int) -> bool:
        found = self._secrets.of(account).slot
        return super().discard(account, found.attempt if found else attempt, token)


class KeepsWhatWasDiscarded(MemorySlots):
    def discard(self, account: str, attempt: str, token: int) -> bool:
        return attempt not in self._asked(account, token, "discarding").attempts.values()


class SaysThatItDiscarded(MemorySlots):
    def discard(self, account: str, attempt: str, token: int) -> bool:
        super().discard(account, attempt, token)
        return True


class TakesWhatIsInForceBack(MemorySlots):
    def discard(self, account: str, attempt: str, token: int) -> bool:
        found = self._asked(account, token, "discarding")
        if attempt in found.attempts.values():
            found.current.update(found.previous)
        return super().discard(account, attempt, token)


class RemembersAllThatItPromoted(MemorySlots):
    """What was in force once is taken for what is."""

    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        promoted: set[str] = vars(self).setdefault("promoted", set())
        if super().promote(account, attempt, token):
            promoted.add(attempt)
        return attempt in promoted


# twice


class ProposesOnce(MemorySlots):
    def propose(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        return self._secrets.of(account).slot is None and super().propose(account, secrets, attempt, token)


class TakesTheLatestOfAnAttempt(MemorySlots):
    def propose(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        found = self._secrets.of(account)
        if found.slot is not None and found.slot.attempt == attempt:
            found.slot = Slot(attempt, secrets)
        return super().propose(account, secrets, attempt, token)


class ProposesWhatIsInForce(MemorySlots):
    def propose(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        self._secrets.of(account).attempts = {}
        return super().propose(account, secrets, attempt, token)


class HandsItsCandidateOver(MemorySlots):
    def adopt(self, account: str, token: int) -> Slot | None:
        found = super().adopt(account, token)
        self._secrets.of(account).slot = None
        return found


class PromotesOnce(MemorySlots):
    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        return self._secrets.of(account).slot is not None and super().promote(account, attempt, token)


class PromotesAgain(MemorySlots):
    """What is in force becomes its own previous."""

    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        done, found = super().promote(account, attempt, token), self._secrets.of(account)
        again: set[str] = vars(self).setdefault("again", set())
        if done and attempt in again:
            found.previous = dict(found.current)
        again.add(attempt)
        return done


class DiscardsOnce(MemorySlots):
    def discard(self, account: str, attempt: str, token: int) -> bool:
        return self._secrets.of(account).slot is not None and super().discard(account, attempt, token)


class ForgetsWhatAPersonDid(KeepingSecrets):
    """What is in force keeps its attempt where a person changed it since."""

    def change(self, account: str, *given: Any) -> None:
        attempts = dict(self.of(account).attempts)
        super().change(account, *given)
        self.of(account).attempts = attempts


# tokens


class LooksAtNoToken(MemorySlots):
    def _asked(self, account: str, token: int, verb: str) -> Account:
        return super()._asked(account, 0, verb)


class LooksAtNoTokenToAdopt(MemorySlots):
    def adopt(self, account: str, token: int) -> Slot | None:
        return self._secrets.of(account).slot


class AnswersLateOnesWithFalse(MemorySlots):
    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        try:
            return super().promote(account, attempt, token)
        except StaleToken:
            return False


class NotesTheTokenOfAProposalOnly(MemorySlots):
    def adopt(self, account: str, token: int) -> Slot | None:
        before = self._secrets.of(account).token
        found = super().adopt(account, token)
        self._secrets.of(account).token = before
        return found


class ChangesBeforeItLooks(MemorySlots):
    def discard(self, account: str, attempt: str, token: int) -> bool:
        self._secrets.of(account).drop()
        return super().discard(account, attempt, token)


class HasOneTokenForAll(MemorySlots):
    def _asked(self, account: str, token: int, verb: str) -> Account:
        highest = vars(self).setdefault("highest", [0])
        self._secrets.of(account).token = highest[0] = max(highest[0], self._secrets.of(account).token)
        found = super()._asked(account, token, verb)
        highest[0] = max(highest[0], token)
        return found


# threads


def meet(slots: MemorySlots) -> None:
    """Two of them have looked before either of them does anything."""
    both: threading.Barrier = vars(slots).setdefault("both", threading.Barrier(2))
    if threading.current_thread() is not threading.main_thread():
        both.wait(60)


class LooksBeforeItKeeps(MemorySlots):
    def propose(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int) -> bool:
        found = self._asked(account, token, "proposing")
        free = found.slot is None
        meet(self)
        if free:
            found.slot = Slot(attempt, secrets)
        return free


class LooksBeforeItPromotes(MemorySlots):
    def promote(self, account: str, attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        found = self._asked(account, token, "promoting")
        candidate = found.slot
        meet(self)
        if candidate is not None:
            found.put_in_force(candidate.secrets, attempt)
            found.slot = None
        return attempt in found.attempts.values()


# over restarts


def reopened(name: str, forget: Any) -> type[Sound]:
    """A vault in memory that loses something when it is opened again."""

    def reopen(self: Sound, vault: Any) -> Vault:
        found = vault.secrets.of("root")
        for one, value in forget(found).items():
            setattr(found, one, value)
        return vault  # type: ignore[no-any-return]

    return type(name, (Sound,), {"reopen": reopen, "closed": {}})


# without slots


class SaysThatItKeeps(KeepingSecrets):
    def keep(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        return True


class KeepsThemAgain(KeepingSecrets):
    def keep(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        self.of(account).attempts.clear()
        return super().keep(account, secrets, attempt, token)


class KeepsWhatIsLate(KeepingSecrets):
    def keep(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        return super().keep(account, secrets, attempt, max(token, self.of(account).token))


class TellsWhatIsLateThatItWasKept(KeepingSecrets):
    def keep(self, account: str, secrets: Mapping[str, Secret], attempt: str, token: int, origin: Sequence[str] = ()) -> bool:
        return attempt in self.of(account).attempts.values() or super().keep(account, secrets, attempt, token)


def suite(name: str, made: type[Any]) -> type[Sound]:
    def vault(self: Sound, records: Sequence[Record], secrets: Mapping[str, Mapping[str, str]]) -> MemoryVault:
        broken = MemoryVault(records, secrets)
        getattr(broken, name).__class__ = made
        return broken

    return type(made.__name__, (Sound,), {"vault": vault})


BROKEN = (
    ("V20", suite("slots", TakesSecretsForText)),
    ("V20", suite("slots", StripsWhatItIsGiven)),
    ("V20", suite("slots", SaysThatItKeepsACandidate)),
    ("V20", suite("slots", PutsACandidateInForce)),
    ("V20", suite("slots", ForgetsTheAttempt)),
    ("V20", suite("slots", ShowsCandidates)),
    ("V20", suite("secrets", ThrowsTheCandidateAwayWithAChange)),
    ("V20", suite("secrets", HidesWhatIsPending)),
    ("V21", suite("slots", GivesTheSlotToTheLast)),
    ("V21", suite("slots", HasOneSlotForAll)),
    ("V22", suite("slots", LosesWhatWasInForce)),
    ("V22", suite("slots", LeavesTheCandidateThere)),
    ("V22", suite("slots", PromotesWhateverLiesThere)),
    ("V22", suite("slots", PutsAllFieldsInTheirPlace)),
    ("V22", suite("slots", CountsACandidateAsAChange)),
    ("V22", suite("slots", DoesNotKnowWhenItPromoted)),
    ("V22", suite("slots", CountsEachPromotion)),
    ("V23", suite("slots", DiscardsWhateverLiesThere)),
    ("V23", suite("slots", KeepsWhatWasDiscarded)),
    ("V23", suite("slots", SaysThatItDiscarded)),
    ("V23", suite("slots", TakesWhatIsInForceBack)),
    ("V23", suite("slots", RemembersAllThatItPromoted)),
    ("V24", suite("slots", ProposesOnce)),
    ("V24", suite("slots", TakesTheLatestOfAnAttempt)),
    ("V24", suite("slots", ProposesWhatIsInForce)),
    ("V24", suite("slots", HandsItsCandidateOver)),
    ("V24", suite("slots", PromotesOnce)),
    ("V24", suite("slots", PromotesAgain)),
    ("V24", suite("slots", DiscardsOnce)),
    ("V24", suite("secrets", ForgetsWhatAPersonDid)),
    ("V25", suite("slots", LooksAtNoToken)),
    ("V25", suite("slots", LooksAtNoTokenToAdopt)),
    ("V25", suite("slots", AnswersLateOnesWithFalse)),
    ("V25", suite("slots", NotesTheTokenOfAProposalOnly)),
    ("V25", suite("slots", ChangesBeforeItLooks)),
    ("V25", suite("slots", HasOneTokenForAll)),
    ("V26", suite("slots", LooksBeforeItKeeps)),
    ("V26", suite("slots", LooksBeforeItPromotes)),
    ("V27", reopened("ForgetsCandidates", lambda account: {"slot": None})),
    ("V27", reopened("ForgetsTokens", lambda account: {"token": 0})),
    ("V27", reopened("ForgetsWhoseItIs", lambda account: {"attempts": {}})),
    ("V27", reopened("ForgetsThePrevious", lambda account: {"previous": {}})),
    ("V28", suite("secrets", SaysThatItKeeps)),
    ("V28", suite("secrets", KeepsThemAgain)),
    ("V28", suite("secrets", KeepsWhatIsLate)),
    ("V28", suite("secrets", TellsWhatIsLateThatItWasKept)),
)
