"""What vaults with slots keep: V20 to V27 of `docs/reference/contracts.md`."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pendulum
import pytest

from taskkit.errors import StaleToken
from taskkit.secrets import Secret
from taskkit.testing.contracts._deeds import OTHER, PASSWORD, RECORDS, SECRETS, Reader, VaultDeeds
from taskkit.testing.contracts._slot_walks import FIELD, Walk, changed, shown
from taskkit.vaults import Slots, Vault

CANDIDATE = "a-candidate-of-a-horse"
_WRITTEN = (CANDIDATE, "Grüße aus Zürich, 10 € 🐎", b"\x00\xff\xfe bytes that are no text", "long " * 800, " \"quotes' \\ and\n lines ")
#: Long before any clock that a vault may have.
_BEFORE = pendulum.datetime(2001, 1, 1, tz="UTC")


class SlotClauses(VaultDeeds):
    """A vault without slots is asked none of V20 to V27, and the report says so."""

    def _with_slots(self) -> tuple[Vault, Slots]:
        vault = self.vault(RECORDS, SECRETS)
        if vault.slots is None:
            pytest.skip("this vault offers no slots")
        return vault, vault.slots

    # candidates

    def test_v20_a_candidate_is_read_back_as_it_was_proposed_and_is_not_in_force(self) -> None:
        for written in _WRITTEN:
            vault, slots = self._with_slots()
            assert slots.adopt("root", 1) is None, "a candidate lies there that nobody proposed"
            assert slots.propose("root", {FIELD: Secret(written)}, "attempt-1", 1), "a candidate is refused where none lies"
            found, values = slots.adopt("root", 1), vault.secrets.values("root", Reader())
            assert found is not None, "the candidate is lost"
            assert found.attempt == "attempt-1", f"it is told to be of {found.attempt!r}"
            assert set(found.secrets) == set(values.pending) == {FIELD}, f"it has {[*found.secrets]}, pending is {[*values.pending]}"
            assert found.secrets[FIELD].same_as(Secret(written)), "the slot gives another secret than was proposed"
            assert values.pending[FIELD].same_as(Secret(written)), "another secret is pending than was proposed"
            assert values.current[FIELD].same_as(Secret(PASSWORD)), "a candidate is in force"
            assert not values.previous, "a candidate has made a previous secret"

    def test_v20_a_person_who_changes_the_secret_meanwhile_leaves_the_candidate(self) -> None:
        vault, slots = self._with_slots()
        slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 1)
        self.change_secret(vault, "root", FIELD, OTHER, pendulum.datetime(2026, 3, 2, tz="UTC"))
        assert shown(vault, "root") == (OTHER, CANDIDATE, PASSWORD), "a host may know the candidate, and the vault has lost it"
        assert slots.promote("root", "attempt-1", 1), "the candidate is not to be promoted any more"

    def test_v20_no_candidate_is_shown_by_a_repr_or_a_text(self) -> None:
        vault, slots = self._with_slots()
        slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 1)
        for one in (vault, slots, slots.adopt("root", 1), vault.secrets, vault.secrets.values("root", Reader())):
            for text in (repr(one), str(one), f"{one}", repr(getattr(one, "__dict__", ""))):
                assert CANDIDATE not in text, f"{type(one).__name__} shows a candidate"

    def test_v21_each_account_has_one_slot_and_the_candidate_of_another_attempt_stays(self) -> None:
        vault, slots = self._with_slots()
        assert slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 1)
        for token in (1, 2):
            assert not slots.propose("root", {FIELD: Secret("another-candidate")}, "attempt-2", token), "two candidates of one account"
            found = slots.adopt("root", token)
            assert found is not None, "the candidate is lost"
            assert (found.attempt, found.secrets[FIELD].reveal()) == ("attempt-1", CANDIDATE), "another candidate took its place"
        assert slots.adopt("lone", 1) is None, "the candidate of another account lies there"
        assert slots.propose("lone", {FIELD: Secret("another-candidate")}, "attempt-1", 1), "the slot of another account is taken"
        assert slots.discard("root", "attempt-1", 2)
        assert shown(vault, "lone") == (OTHER, "another-candidate", None), "another account lost its candidate"

    # their ends

    def test_v22_what_is_promoted_is_in_force_and_what_was_in_force_is_the_previous(self) -> None:
        vault, slots = self._with_slots()
        self.change_secret(vault, "root", FIELD, "before", _BEFORE)
        slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 1)
        assert not slots.promote("root", "attempt-2", 1), "an attempt without a candidate is promoted"
        assert shown(vault, "root")[:2] == ("before", CANDIDATE), "another attempt has promoted it"
        assert slots.promote("root", "attempt-1", 1), "a candidate is not promoted"
        assert shown(vault, "root") == (CANDIDATE, None, "before"), "in force, pending and previous are not what they should be"
        assert slots.adopt("root", 1) is None, "what was promoted is still a candidate"
        assert shown(vault, "lone") == (OTHER, None, None), "another account has changed"

    def test_v22_a_field_that_was_not_proposed_stays_in_force(self) -> None:
        vault, slots = self._with_slots()
        slots.propose("root", {FIELD: Secret(CANDIDATE), "key": Secret("a-new-key")}, "attempt-1", 1)
        slots.promote("root", "attempt-1", 1)
        slots.propose("root", {FIELD: Secret("the-next-one")}, "attempt-2", 1)
        slots.promote("root", "attempt-2", 1)
        values = vault.secrets.values("root", Reader())
        current = {name: secret.reveal() for name, secret in values.current.items()}
        assert current == {FIELD: "the-next-one", "key": "a-new-key"}, f"in force are {sorted(current)}, or others than were proposed"

    def test_v22_the_moment_of_the_change_is_that_of_the_promotion(self) -> None:
        vault, slots = self._with_slots()
        self.change_secret(vault, "root", FIELD, "before", _BEFORE)
        slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 1)
        slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-2", 1)
        slots.adopt("root", 1)
        assert vault.secrets.changed_at("root") == _BEFORE, "a candidate counts as a change"
        slots.discard("root", "attempt-1", 1)
        assert vault.secrets.changed_at("root") == _BEFORE, "what was discarded counts as a change"
        slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-3", 1)
        slots.promote("root", "attempt-3", 1)
        promoted = changed(vault)
        assert promoted > _BEFORE, f"it was promoted, and changed_at is {promoted}"
        assert slots.promote("root", "attempt-3", 1)
        assert changed(vault) == promoted, "it was promoted again, and changed_at has moved"

    def test_v23_what_is_discarded_is_no_candidate_any_more(self) -> None:
        vault, slots = self._with_slots()
        slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 1)
        assert slots.discard("root", "attempt-2", 1), "an attempt that has no candidate has one"
        assert shown(vault, "root") == (PASSWORD, CANDIDATE, None), "another attempt has discarded it"
        assert slots.discard("root", "attempt-1", 1), "a candidate is not discarded"
        assert shown(vault, "root") == (PASSWORD, None, None), "what was discarded is pending, in force or the previous"
        assert slots.adopt("root", 1) is None, "what was discarded is still a candidate"
        assert not slots.promote("root", "attempt-1", 1), "what was discarded is promoted"
        assert slots.propose("root", {FIELD: Secret("another-candidate")}, "attempt-3", 1), "the slot is taken by what was discarded"

    def test_v23_what_is_in_force_is_not_discarded_and_says_so(self) -> None:
        vault, slots = self._with_slots()
        slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 1)
        slots.promote("root", "attempt-1", 1)
        slots.propose("root", {FIELD: Secret("another-candidate")}, "attempt-2", 1)
        assert not slots.discard("root", "attempt-1", 1), "the vault says that it has discarded what is in force"
        assert shown(vault, "root") == (CANDIDATE, "another-candidate", PASSWORD), "what is in force was discarded"
        assert slots.promote("root", "attempt-2", 1)
        assert slots.discard("root", "attempt-1", 1), "it is in force no more, and the vault says that it is"
        assert not slots.promote("root", "attempt-1", 1), "it is in force no more, and the vault says that it is"
        assert shown(vault, "root") == ("another-candidate", None, CANDIDATE), "an old attempt has changed something"

    def test_v24_what_is_said_twice_is_once(self) -> None:
        vault, slots = self._with_slots()

        def twice(deed: Callable[[], bool], said: str) -> None:
            assert deed(), f"{said} is refused"
            before = shown(vault, "root"), vault.secrets.changed_at("root")
            assert deed(), f"{said} is refused the second time"
            assert (shown(vault, "root"), vault.secrets.changed_at("root")) == before, f"{said} changes something the second time"

        twice(lambda: slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 1), "propose")
        assert slots.propose("root", {FIELD: Secret("another-one")}, "attempt-1", 1), "an attempt is taken for another one"
        assert shown(vault, "root")[1] == CANDIDATE, "what an attempt proposed first is lost, and a host may know it"
        for _ in range(2):
            found = slots.adopt("root", 2)
            assert found is not None, "to adopt a candidate takes it away"
        twice(lambda: slots.promote("root", "attempt-1", 2), "promote")
        assert shown(vault, "root") == (CANDIDATE, None, PASSWORD), "promoted twice, what was in force before is lost"
        twice(lambda: slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 2), "propose, of what is in force,")
        slots.propose("root", {FIELD: Secret("another-one")}, "attempt-2", 2)
        twice(lambda: slots.discard("root", "attempt-2", 2), "discard")

    # tokens

    def test_v25_whoever_comes_with_a_lower_token_is_refused_and_nothing_changes(self) -> None:
        for first in _DEEDS:
            vault, slots = self._with_slots()
            slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 3)
            _DEEDS[first](slots, "root", 7)
            before = shown(vault, "root"), vault.secrets.changed_at("root")
            for name, deed in _DEEDS.items():
                for token in (3, 6):
                    try:
                        answer = deed(slots, "root", token)
                    except StaleToken:
                        continue
                    pytest.fail(f"{name} with the token {token} after {first} with 7 answers {answer}")
            assert (shown(vault, "root"), vault.secrets.changed_at("root")) == before, f"a lower token has changed something after {first}"
            assert slots.adopt("lone", 1) is None, "a token of one account is asked of another"
            slots.adopt("root", 7)

    # threads and restarts

    def test_v26_of_many_who_propose_at_once_one_has_the_slot(self) -> None:
        _, slots = self._with_slots()
        attempts = [f"attempt-{number}" for number in range(self.threads * 2)]
        with ThreadPoolExecutor(self.threads) as threads:
            answers = list(threads.map(lambda one: slots.propose("root", {FIELD: Secret(f"the horse of {one}")}, one, 1), attempts))
        won = [attempt for attempt, answer in zip(attempts, answers, strict=True) if answer]
        found = slots.adopt("root", 1)
        assert found is not None, "there is no candidate"
        assert won == [found.attempt], f"{won} were told to have the slot, and {found.attempt} has it"
        assert found.secrets[FIELD].reveal() == f"the horse of {found.attempt}", "the secret of one attempt lies there as that of another"

    def test_v26_of_many_who_promote_at_once_one_does_and_all_are_told_so(self) -> None:
        vault, slots = self._with_slots()
        slots.propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 1)
        with ThreadPoolExecutor(self.threads) as threads:
            answers = list(threads.map(lambda _: slots.promote("root", "attempt-1", 1), range(self.threads * 2)))
        assert all(answers), "it was promoted, and somebody is told that it was not"
        assert shown(vault, "root") == (CANDIDATE, None, PASSWORD), "promoted by many, what was in force before is lost"

    def test_v27_what_was_answered_is_there_when_the_vault_is_opened_again(self) -> None:
        vault, _ = self._with_slots()

        def again() -> Slots:
            nonlocal vault
            vault = self.reopen(vault)
            assert vault.slots is not None, "opened again, it has no slots"
            return vault.slots

        assert again().propose("root", {FIELD: Secret(CANDIDATE)}, "attempt-1", 3)
        assert not again().propose("root", {FIELD: Secret("another-one")}, "attempt-2", 3), "opened again, the slot is free"
        found = again().adopt("root", 5)
        assert found is not None, "opened again, the candidate is lost"
        assert (found.attempt, found.secrets[FIELD].reveal()) == ("attempt-1", CANDIDATE), "opened again, it is another candidate"
        with pytest.raises(StaleToken):
            again().promote("root", "attempt-1", 4)
        assert again().promote("root", "attempt-1", 5)
        assert again().promote("root", "attempt-1", 5), "opened again, what is in force has forgotten its attempt"
        promoted = vault.secrets.changed_at("root")
        again().propose("root", {FIELD: Secret("another-one")}, "attempt-2", 5)
        again().discard("root", "attempt-2", 5)
        again()
        assert shown(vault, "root") == (CANDIDATE, None, PASSWORD), "opened again, other secrets are there"
        assert vault.secrets.changed_at("root") == promoted, "opened again, it was changed at another moment"

    def test_v24_whatever_jobs_do_the_slots_are_what_their_promises_make_of_them(self) -> None:
        for seed in range(6):
            vault, slots = self._with_slots()
            walk = Walk(vault, slots, lambda account, secret, vault=vault: self._change(vault, account, secret), random.Random(seed))  # type: ignore[misc]
            for _ in range(80):
                walk.step()

    def _change(self, vault: Vault, account: str, secret: str) -> None:
        self.change_secret(vault, account, FIELD, secret, pendulum.datetime(2026, 3, 2, tz="UTC"))


_DEEDS: dict[str, Callable[[Slots, str, int], object]] = {
    "propose": lambda slots, account, token: slots.propose(account, {FIELD: Secret("another-one")}, "attempt-9", token),
    "adopt": lambda slots, account, token: slots.adopt(account, token),
    "promote": lambda slots, account, token: slots.promote(account, "attempt-1", token),
    "discard": lambda slots, account, token: slots.discard(account, "attempt-1", token),
}
