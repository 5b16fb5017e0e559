"""What vaults keep that have no slots and take new secrets all the same: V28 of `docs/reference/contracts.md`."""

from __future__ import annotations

import pytest

from taskkit.errors import StaleToken
from taskkit.secrets import Secret
from taskkit.testing.contracts._deeds import OTHER, PASSWORD, RECORDS, SECRETS, VaultDeeds
from taskkit.testing.contracts._slot_walks import FIELD, changed, shown
from taskkit.vaults import Secrets, Vault

_NEW = "a-new-horse"


class KeepClauses(VaultDeeds):
    def test_v28_new_secrets_that_are_kept_are_in_force_once(self) -> None:
        vault = self.vault(RECORDS, SECRETS)
        kept = vault.secrets.keep("root", {FIELD: Secret(_NEW)}, "attempt-1", 3)
        if not _keeps(vault):
            assert not kept, "it keeps no secrets, and says that it did"
            assert shown(vault, "root") == (PASSWORD, None, None), "it says that it keeps no secrets, and has changed them"
            return
        assert kept, "it does not keep them"
        for _ in range(2):
            assert shown(vault, "root") == (_NEW, None, PASSWORD), "what was kept is not in force, or what was before is lost"
            moment = changed(vault)
            assert vault.secrets.keep("root", {FIELD: Secret(_NEW)}, "attempt-1", 3), "said again, it is refused"
            assert changed(vault) == moment, "said again, it counts as another change"
        assert shown(vault, "lone") == (OTHER, None, None), "another account has changed"
        assert vault.secrets.keep("root", {FIELD: Secret("the-next-one")}, "attempt-2", 4), "the next ones are not kept"
        assert shown(vault, "root") == ("the-next-one", None, _NEW), "what was kept is not in force, or what was before is lost"

    def test_v28_a_lower_token_keeps_nothing(self) -> None:
        vault = self.vault(RECORDS, SECRETS)
        if not _keeps(vault):
            return
        vault.secrets.keep("root", {FIELD: Secret(_NEW)}, "attempt-1", 3)
        for attempt in ("attempt-1", "attempt-2"):
            try:
                answer = vault.secrets.keep("root", {FIELD: Secret("the-next-one")}, attempt, 2)
            except StaleToken:
                continue
            pytest.fail(f"a lower token keeps new secrets: it answers {answer}")
        assert shown(vault, "root") == (_NEW, None, PASSWORD), "a lower token has changed something"
        assert vault.secrets.keep("lone", {FIELD: Secret(_NEW)}, "attempt-3", 1), "a token of one account is asked of another"


def _keeps(vault: Vault) -> bool:
    return type(vault.secrets).keep is not Secrets.keep
