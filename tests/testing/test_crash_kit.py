"""Rotations that go wrong at every call, in every way, and in every order of two workers: no password is lost (S3).

TASKKIT_ROTATIONS=all plays all of it, as `nox -s rotations` does; else some kits are played whole, and of the others a fixed share.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest

from taskkit.scripts.rotation import Rotation
from taskkit.testing import CrashKit, CrashReport, Orders, Verdict
from taskkit.testing.crash_kit import Step, entered
from taskkit.testing.orders import LOST, SWITCHED
from tests.servers.doors import Door
from tests.testing.crash_worlds import KITS, of_sshd

ALL = os.environ.get("TASKKIT_ROTATIONS") == "all"
#: Of how many plays one is played, where not all are; and of how many mishaps one follows each in an order.
SHARES = {"itself": 1, "shadow": 5, "shadow in need": 7, "sealed": 5, "sealed, shadow": 9, "referenced": 9, "SQLite": 13}
BEGINS, FOLLOWING = 3, 5
_PARTS = 8
POINTS = (
    "planned", "adopted", "intended", "proposed", "probe", "applying", "change", "applied", "verified", "promoted", "save", "saved",
    "settled",
)  # fmt: skip
Say = Callable[[str, object], None]


def part(name: str, number: int) -> CrashReport:
    kit = KITS[name]()
    plays = kit.plays[:: 1 if ALL else SHARES[name]]
    return kit.run(plays[number::_PARTS])


def orders(name: str, number: int) -> CrashReport:
    found = Orders(KITS[name]())
    begins = found.begins[:: 1 if ALL else BEGINS]
    return found.run(begins[number::_PARTS], every=1 if ALL else FOLLOWING)


def gathered(play: Callable[[str, int], CrashReport], name: str) -> CrashReport:
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return sum(pool.map(partial(play, name), range(_PARTS)), CrashReport(()))


@pytest.mark.parametrize("name", SHARES)
def test_s03_no_mishap_at_any_call_loses_a_password(name: str, record_property: Say) -> None:
    report = gathered(part, name)
    record_property("said", f"rotations, {name}: {report.summary}")
    report.check()
    assert report.lost == 0
    assert len(report.findings) > 20


@pytest.mark.parametrize("name", ["itself", "shadow", "sealed"] if ALL else ["itself"])
def test_s03_no_order_of_two_workers_loses_a_password(name: str, record_property: Say) -> None:
    report = gathered(orders, name)
    record_property("said", f"orders of two workers, {name}: {report.summary}")
    report.check()
    assert report.lost == 0
    assert len(report.findings) > 100


def test_s03_a_script_that_tells_the_host_first_loses_passwords() -> None:
    kit = KITS["naive"]()
    lost = [(place.what, mishap.name) for place, mishap in kit.plays if mishap.name == "killed after" and place.what == "host.change"]
    report = kit.run([play for play in kit.plays if (play[0].what, play[1].name) in lost])
    assert report.lost == len(lost) == 1
    assert str(report).splitlines()[1].endswith("X")
    with pytest.raises(AssertionError, match=r"dies after the call \(host.change\)"):
        report.check()


def test_a_report_can_be_read_and_written_as_json() -> None:
    kit = KITS["itself"]()
    report = kit.run(kit.plays[:3])
    counts = json.loads(json.dumps(report.document()))["counts"]
    assert counts == {verdict.value: 3 * (verdict is Verdict.KNOWN) for verdict in Verdict}
    assert "storage.write (claimed)" in str(report)
    assert "┌ killed before" in str(report)


def test_a_rotation_passes_all_points_that_its_protocol_names() -> None:
    points = {place.what.removeprefix("point ") for place in KITS["itself"]().places}
    assert points >= set(POINTS)


def test_a_play_is_the_same_each_time() -> None:
    kit = KITS["itself"]()
    (place, mishap) = kit.plays[40]
    heard = []
    for _ in range(2):
        with entered(kit, [kit.step(place, mishap)]) as play:
            play.found("", "")
            heard.append(play.heard)
    assert heard[0] == heard[1]


def test_s03_a_protocol_that_gives_candidates_up_too_soon_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker is late in the midst of its change, and the one that has replaced it cannot reach the host."""
    kit = KITS["itself"]()
    found = Orders(kit, most=2, bounds={SWITCHED: 1, LOST: 1})
    (change,) = [place.number for place in kit.places if place.what == "host.change"]
    late = [(Step(change, SWITCHED),)]
    assert found.run(late).lost == 0
    monkeypatch.setattr(Rotation, "_may_come", lambda rotation, attempt: False)
    assert found.run(late).lost > 0


# a real machine


def plays_of(kit: CrashKit) -> Iterator[tuple[object, object]]:
    """Each place once, and each mishap as often as that goes."""
    if ALL:
        yield from kit.plays
        return
    for number, place in enumerate(kit.places):
        fitting = [mishap for mishap in kit.mishaps if mishap.fits(place.what)]
        yield place, fitting[number % len(fitting)]


@pytest.mark.parametrize("shadow", [False, True])
def test_s03_no_mishap_loses_the_password_of_a_real_machine(with_pam: Door, shadow: bool, record_property: Say) -> None:
    kit = CrashKit(lambda clock: of_sshd(with_pam, clock, shadow=shadow))
    report = kit.run(plays_of(kit))  # type: ignore[arg-type]
    record_property("said", f"rotations of sshd{', shadow' if shadow else ''}: {report.summary}")
    report.check()
    assert report.lost == 0
