"""Rotations that go wrong at every call, in every way, and in every order of two workers: no password is lost (S3).

TASKKIT_ROTATIONS=all plays all of it, as `nox -s rotations` does; else some kits are played whole, and of the others a fixed share.
All of a real machine are played in pieces, each a test of its own, which says what it counted: `-k "real_machine and shadow-3"` is one.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest
from attrs import evolve, frozen

from taskkit.engine._budgets import Budget
from taskkit.errors import MissingPlugin
from taskkit.outcomes import DONE, Effect, ErrorClass, NotDone, Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Verb
from taskkit.scripts._candidates import Candidates
from taskkit.scripts.rotation import Rotation
from taskkit.storage.memory import MemoryStorage
from taskkit.testing import (
    CrashKit,
    CrashReport,
    FakeExecutor,
    Finding,
    Mishap,
    Orders,
    Place,
    RotationWorld,
    Verdict,
    VirtualClock,
    played_world,
)
from taskkit.testing._plays import Step
from taskkit.testing._wrappings import Wrapping
from taskkit.testing.crash_kit import entered
from taskkit.testing.orders import LOST, SWITCHED
from tests.servers.doors import Door
from tests.testing.crash_worlds import KITS, of_sshd

ALL = os.environ.get("TASKKIT_ROTATIONS") == "all"
#: Of how many plays one is played, where not all are; and of how many mishaps one follows each in an order.
SHARES = {"itself": 1, "shadow": 9, "shadow in need": 9, "sealed": 9, "sealed, shadow": 11, "referenced": 11, "SQLite": 13}
BEGINS, FOLLOWING = 4, 6
_PARTS = 8
#: In how many pieces all plays of a real machine are played.
PIECES = 12 if ALL else 1
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


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as made:
        yield made


def gathered(pool: ProcessPoolExecutor, play: Callable[[str, int], CrashReport], name: str) -> CrashReport:
    return sum(pool.map(partial(play, name), range(_PARTS)), CrashReport(()))


@pytest.mark.parametrize("name", SHARES)
def test_s03_no_mishap_at_any_call_loses_a_password(name: str, pool: ProcessPoolExecutor, record_property: Say) -> None:
    report = gathered(pool, part, name)
    record_property("said", f"rotations, {name}: {report.summary}")
    report.check()
    assert report.lost == 0
    assert len(report.findings) > 20


@pytest.mark.parametrize("name", ["itself", "shadow", "sealed"] if ALL else ["itself"])
def test_s03_no_order_of_two_workers_loses_a_password(name: str, pool: ProcessPoolExecutor, record_property: Say) -> None:
    report = gathered(pool, orders, name)
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


def test_what_is_wrong_in_one_of_several_reports_stands_in_the_matrix_of_all() -> None:
    good, wrong = (CrashReport([Finding("host.change", "late", verdict)]) for verdict in (Verdict.KNOWN, Verdict.LOST))
    for report in (good + wrong, wrong + good):
        assert "host.change  X" in str(report)
        assert "lost 1; 1 bad" in str(report)


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


class RunsCommandsOnly(FakeExecutor):
    verbs = frozenset({Verb.COMMANDS})


def test_what_cannot_be_played_leaves_nothing_behind() -> None:
    closed: list[str] = []

    def world(clock: VirtualClock) -> RotationWorld:
        return evolve(played_world(clock), executor=RunsCommandsOnly(clock=clock), close=lambda: closed.append("world"))

    before = set(threading.enumerate())
    with pytest.raises(MissingPlugin, match="change_secret"):
        _ = CrashKit(world).places
    assert set(threading.enumerate()) <= before
    assert closed == ["world"]


@frozen
class ByFile(Script):
    """Changes the secret by a file of the host, over a connection."""

    kind = "by_file"
    needs = frozenset({Verb.FILES})
    changes_secret = True
    effect = Effect.IDEMPOTENT
    name: str

    def perform(self, run: Run) -> Outcome:
        with run.connect() as connection:
            put = connection.put("/etc/secret", "old-secret", run)
        return DONE if put.state == "done" else NotDone(ErrorClass.FAILED, put.text)


def test_the_world_steps_in_at_each_log_in_of_an_executor_without_a_stage() -> None:
    def world(clock: VirtualClock) -> RotationWorld:
        made = played_world(clock)
        return evolve(made, executor=Wrapping(made.executor))

    kit = CrashKit(world, script=ByFile("by file"))
    logins = [(place, mishap) for place, mishap in kit.plays if place.what == "host.log-in"]
    assert {mishap.name for _, mishap in logins} >= {"killed after", "answer lost", "host away"}
    kit.run(logins).check()


def test_a_play_gives_back_every_handle() -> None:
    opened, closed = list[MemoryStorage](), list[MemoryStorage]()

    def world(clock: VirtualClock) -> RotationWorld:
        store = MemoryStorage()

        class Handle(MemoryStorage):
            def __init__(self) -> None:
                super().__init__(store._tables)
                opened.append(self)

            def close(self) -> None:
                closed.append(self)

        return played_world(clock, handles=Handle)

    assert CrashKit(world).places
    assert {*map(id, opened)} == {*map(id, closed)}


def test_s03_a_protocol_that_gives_candidates_up_too_soon_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker is late in the midst of its change, and the one that has replaced it, and spares no tries, cannot reach the host."""
    monkeypatch.setattr(Budget, "left", property(lambda budget: 2))
    kit = KITS["itself"]()
    found = Orders(kit, most=2, bounds={SWITCHED: 1, LOST: 1})
    (change,) = [place.number for place in kit.places if place.what == "host.change"]
    late = [(Step(change, SWITCHED),)]
    assert found.run(late).lost == 0
    monkeypatch.setattr(Rotation, "_may_come", lambda rotation, attempt: False)
    assert found.run(late).lost > 0


def test_s04_an_intent_that_nobody_settles_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kit = KITS["itself"]()
    plays = kit.plays[:1]
    monkeypatch.setattr(Candidates, "settle", lambda candidates, *, changed: None)
    (finding,) = kit.run(plays).findings
    assert not finding.is_good
    assert finding.verdict is Verdict.OPEN
    assert finding.sign == "o"


# a real machine


def plays_of(kit: CrashKit) -> Iterator[tuple[Place, Mishap]]:
    """Each place once, and each mishap as often as that goes."""
    if ALL:
        yield from kit.plays
        return
    for number, place in enumerate(kit.places):
        fitting = [mishap for mishap in kit.mishaps if mishap.fits(place.what)]
        yield place, fitting[number % len(fitting)]


@pytest.mark.parametrize("piece", range(1, PIECES + 1))
@pytest.mark.parametrize("through", ["itself", "shadow"])
def test_s03_no_mishap_loses_the_password_of_a_real_machine(with_pam: Door, through: str, piece: int, record_property: Say) -> None:
    kit = CrashKit(lambda clock: of_sshd(with_pam, clock, shadow=through == "shadow"))
    report = kit.run(list(plays_of(kit))[piece - 1 :: PIECES])
    record_property("said", f"rotations of sshd, {through}, {piece} of {PIECES}: {report.summary}")
    report.check()
    assert report.lost == 0
