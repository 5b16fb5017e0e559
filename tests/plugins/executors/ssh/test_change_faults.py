"""A network that fails while a password is changed: what is answered is true of what the machine lets in afterwards.

TASKKIT_CUTS says at how many bytes of each way the connection is cut.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from taskkit.outcomes import Done, NotDone
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.verbs import Host, Login
from taskkit.testing.trials import Trial
from tests.plugins.executors.ssh.changing import NEW, Changed, change, itself, lets_in, record, root
from tests.servers.doors import Account, Door
from tests.servers.faults import Fault, Way, road

CUTS = int(os.environ.get("TASKKIT_CUTS", 10))
PATIENCE = 30.0
SHORT: dict[str, Any] = {
    "banner_timeout": 2.0, "auth_timeout": 2.0, "connect_timeout": 2.0, "keepalive": 0.2, "idle_timeout": 1.0, "change_timeout": 20.0,
}  # fmt: skip
Going = Callable[[Door, Account], tuple[Login, dict[str, Any]]]


def by_dialogue(hostel: Door, account: Account) -> tuple[Login, dict[str, Any]]:
    return itself(hostel, account), {}


def by_root(hostel: Door, account: Account) -> tuple[Login, dict[str, Any]]:
    return root(hostel), {}


def by_sudo(hostel: Door, account: Account) -> tuple[Login, dict[str, Any]]:
    return itself(hostel, hostel.account(sudo="ALL=(root) ALL")), {"become": "sudo"}


def tried(hostel: Door, going: Going, account: Account, fault: Fault | None = None) -> tuple[Changed, Counter[Way]]:
    login, settings = going(hostel, account)
    with road(hostel.port, fault) as way:
        found = change(hostel, login, account.name, port=way.port, **SHORT, **settings)
    assert eventually(lambda: not at_work(hostel)), at_work(hostel)
    return found, way.passed


def at_work(hostel: Door) -> str:
    """Whoever is still let in there, and what was begun for them: passwd may have lost its parent."""
    return hostel.box.run("exec pgrep -af 'passwd|sudo|sshd: [a-z0-9]+[ @]'", check=False)


def eventually(found: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE
    while not found() and time.monotonic() < until:
        time.sleep(0.02)
    return found()


def truth(hostel: Door, account: Account, found: Changed) -> str:
    """How it ended, which is true of what the machine lets in."""
    taken = lets_in(hostel, account.name, NEW) is True
    if isinstance(found.outcome, Done):
        assert taken, "it is called done, and the machine has not taken it"
        return "done"
    if isinstance(found.outcome, NotDone):
        assert not taken, f"it is called not done, and the machine has taken it: {found.text}"
        return "not done"
    return f"unknown, {'taken' if taken else 'not taken'}"


def bytes_of_a_log_in(hostel: Door, account: Account) -> Counter[Way]:
    executor, login = Ssh(), itself(hostel, account)
    with road(hostel.port) as way:
        with Trial(executor=executor, record=record(hostel)).run() as run, executor.connect(Host("127.0.0.1", way.port), login, run):
            pass
        return way.passed


@pytest.mark.parametrize("way", ["to", "back"])
@pytest.mark.parametrize("going", [by_dialogue, by_root, by_sudo])
def test_j10_a_change_whose_connection_is_cut_at_any_byte_ends_as_what_is_true(
    with_pam: Door, going: Going, way: Way, record_property: Any
) -> None:
    first = bytes_of_a_log_in(with_pam, with_pam.account())[way]
    whole, last = tried(with_pam, going, with_pam.account())
    assert isinstance(whole.outcome, Done)
    ends: Counter[str] = Counter()
    for number in range(CUTS):
        account = with_pam.account()
        at = first + (last[way] - first) * number // CUTS
        how = ("ended", "reset", "silent")[number % 3]
        found, _ = tried(with_pam, going, account, Fault(way, at, how))  # type: ignore[arg-type]
        ends[truth(with_pam, account, found)] += 1
    told = ", ".join(f"{end} {count}" for end, count in sorted(ends.items()))
    record_property("said", f"changes: {going.__name__} {way} at {ends.total()} of {last[way] - first:,} bytes: {told}")
    assert ends["not done"]
    assert sum(count for end, count in ends.items() if end.startswith("unknown"))


def test_a_change_over_a_slow_line_is_only_slow(with_pam: Door) -> None:
    account = with_pam.account()
    found, _ = tried(with_pam, by_dialogue, account, Fault(piece=1))
    assert truth(with_pam, account, found) == "done"
    account = with_pam.account()
    found, _ = tried(with_pam, by_dialogue, account, Fault(delay=0.05))
    assert truth(with_pam, account, found) == "done"
