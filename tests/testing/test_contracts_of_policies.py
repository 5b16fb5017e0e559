"""The policies that are shipped keep what every policy keeps."""

from __future__ import annotations

from collections.abc import Iterable

from taskkit.events.policies import (
    POLICIES,
    AfterApproval,
    AfterCheckIn,
    AfterDrift,
    AfterExpire,
    AfterSave,
    AfterSession,
    AfterUnlock,
    OnDemand,
    Policy,
)
from taskkit.testing.contracts import PolicyContract


class TestOurPolicies(PolicyContract):
    def policies(self) -> Iterable[Policy]:
        last = AfterSession(last=True, max_defer=30, then="give_up")
        unlocks = AfterUnlock(60), AfterUnlock(5, restart="extend", max_total=60)
        return (
            AfterApproval(),
            AfterSave(),
            AfterExpire(),
            AfterCheckIn(),
            AfterSession(),
            AfterSession(last=True),
            last,
            *unlocks,
            AfterDrift(),
            OnDemand(),
        )

    def test_all_that_are_shipped_are_tried(self) -> None:
        assert {type(policy) for policy in self.policies()} == set(POLICIES)
