"""Notices that are kept in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from taskkit.errors import InvalidValue
from taskkit.facts import Fact
from taskkit.plugins.notifiers.inbox import DISTURBING, Inbox


def fact(kind: str = "JobFailed", at: int = 0) -> Fact:
    return Fact(kind, at)


def test_what_was_told_is_kept_in_its_order() -> None:
    inbox = Inbox()
    inbox.notify([fact(at=1), fact(at=2)])
    inbox.notify([fact(at=3)])
    assert [notice.at for notice in inbox.notices] == [1, 2, 3]


def test_it_wants_what_somebody_has_to_look_at() -> None:
    assert Inbox().wants == Inbox.wants == DISTURBING
    told = "ClockSkewed FallbackEnded JobFailed JobMissed JobUncertain PluginAbandoned RestoreNoticed TaskSuspended"
    assert frozenset(told.split()) == DISTURBING


def test_each_inbox_may_want_something_else() -> None:
    one, other = Inbox(["JobCompleted"]), Inbox("JobFailed")
    assert (one.wants, other.wants) == (frozenset({"JobCompleted"}), frozenset({"JobFailed"}))
    assert Inbox.wants == DISTURBING


def test_the_oldest_notices_make_room() -> None:
    inbox = Inbox(most=2)
    inbox.notify([fact(at=number) for number in range(5)])
    assert [notice.at for notice in inbox.notices] == [3, 4]


def test_what_was_asked_for_does_not_change_later() -> None:
    inbox = Inbox()
    inbox.notify([fact()])
    before = inbox.notices
    inbox.notify([fact()])
    assert len(before) == 1


def test_what_is_taken_is_kept_no_longer() -> None:
    inbox = Inbox()
    inbox.notify([fact(at=7)])
    assert [notice.at for notice in inbox.take()] == [7]
    assert inbox.take() == inbox.notices == ()


def test_threads_may_tell_and_take_at_once_and_nothing_is_lost_or_said_twice() -> None:
    inbox = Inbox(most=100_000)
    with ThreadPoolExecutor(8) as pool:
        for worker in range(4):
            for number in range(250):
                pool.submit(inbox.notify, [fact(at=1000 * worker + number)])
        taken = [pool.submit(inbox.take) for _ in range(200)]
    found = [notice.at for takes in taken for notice in takes.result()] + [notice.at for notice in inbox.notices]
    assert sorted(found) == sorted(1000 * worker + number for worker in range(4) for number in range(250))


def test_an_inbox_may_keep_the_last_notice_alone() -> None:
    inbox = Inbox(most=1)
    inbox.notify([fact(at=1), fact(at=2)])
    assert [notice.at for notice in inbox.notices] == [2]


@pytest.mark.parametrize("most", [0, -1, True, 1.5, None])
def test_an_inbox_has_a_bound(most: object) -> None:
    with pytest.raises(InvalidValue, match="it is no whole number from 1"):
        Inbox(most=most)  # type: ignore[arg-type]
