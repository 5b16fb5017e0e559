"""What the demo says of clocks is true: ours runs each day once, and what others lose or double is counted, not written down."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from taskkit.cli import main
from taskkit.cli._clocks import SCENES, Column, Scene, columns
from taskkit.cli._peers import PEERS


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.title)
def test_t06_ours_runs_each_nominal_day_once(scene: Scene) -> None:
    ours = columns(scene, [])[0]
    assert (ours.lost, ours.doubled) == (0, 0)
    assert len(ours.wanted) >= 3


def test_the_first_scenes_want_every_day_of_their_span() -> None:
    for scene in SCENES[:3]:
        start, _ = scene.span
        assert columns(scene, [])[0].wanted == {start.date() + timedelta(days=number) for number in range(scene.days)}


def test_runs_are_counted_by_the_day_that_the_wall_shows() -> None:
    zone = ZoneInfo("Europe/Berlin")
    monday, tuesday = datetime(2026, 1, 5, 2, 30, tzinfo=zone), datetime(2026, 1, 6, 2, 30, tzinfo=zone)
    column = Column("one", {monday.date(): [monday, monday]}, frozenset({monday.date(), tuesday.date()}))
    assert (column.lost, column.doubled) == (1, 1)
    assert "TWICE" in column.cell(monday.date(), "02:30").plain
    assert column.cell(tuesday.date(), "02:30").plain == "LOST"
    assert column.cell(date(2026, 1, 7), "02:30").plain == "LOST"


def test_every_installed_scheduler_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--clocks"]) == 0
    out = capsys.readouterr().out
    for peer in PEERS:
        assert f"{peer.label} {peer.version}" in out if peer.version else peer.package in out
    assert "LOST" in out
    assert "TWICE" in out
    assert "8,640" in out
