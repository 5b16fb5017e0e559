"""`taskkit plugins` tells what is installed, and names what is broken."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from taskkit.cli import main
from taskkit.cli._arguments import PLUGINS_EXAMPLES

Capsys = pytest.CaptureFixture[str]
BLUE = """
from taskkit.plugins import hookimpl
from taskkit.testing import FakeExecutor

@hookimpl
def taskkit_executors():
    return [FakeExecutor("blue")]
"""

EACH = """
from attrs import frozen
from taskkit.outcomes import DONE
from taskkit.plugins import Script, Verb, hookimpl

@frozen
class Chosen(Script):
    kind = "chosen"
    name: str
    needs: frozenset[Verb] = frozenset()
    spread: str = "each"
    effect: str = "blind"

    def perform(self, run):
        return DONE

@hookimpl
def taskkit_scripts():
    return [Chosen]
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution with two plug-ins: one offers an executor, one does not load."""
    info = tmp_path / "colours-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: colours\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[taskkit]\nblue = colours_blue\nred = colours_red\n")
    (tmp_path / "colours_red.py").write_text("raise RuntimeError('out of paint')\n")
    (tmp_path / "colours_blue.py").write_text(BLUE)
    for name in ("colours_blue", "colours_red"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_what_is_installed_is_told_with_its_source(installed: Path, capsys: Capsys) -> None:
    (installed / "colours_red.py").write_text(BLUE.replace("blue", "red"))
    assert main(["plugins"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:5] == ["blue", "colours", "1.2", "executor", "blue"] for line in lines)
    assert any(line.split()[3:5] == ["executor", "local"] for line in lines)


def test_what_is_broken_is_named_and_the_rest_is_told(installed: Path, capsys: Capsys) -> None:
    assert main(["plugins"]) == 1
    out = capsys.readouterr().out
    assert "broken: loading plug-in 'red' of colours 1.2: RuntimeError" in out
    assert "check_status" in out


def test_programs_get_what_each_offer_can_do(installed: Path, capsys: Capsys) -> None:
    assert main(["plugins", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    offers = {(offer["kind"], offer["name"]): offer for offer in told["offers"]}
    assert offers["executor", "blue"]["verbs"] == ["become", "change_secret", "commands", "files", "probe"]
    assert offers["script", "check_status"]["effect"] == "idempotent"
    assert offers["script", "commands"]["effect"] is None
    assert ["out of paint" in fault["case"] for fault in told["broken"]] == [True]


def test_what_is_left_to_each_definition_is_told_as_that(installed: Path, capsys: Capsys) -> None:
    (installed / "colours_red.py").write_text(EACH)
    assert main(["plugins", "--json"]) == 0
    [chosen] = [offer for offer in json.loads(capsys.readouterr().out)["offers"] if offer["name"] == "chosen"]
    assert (chosen["needs"], chosen["spread"], chosen["effect"]) == (None, None, None)


@pytest.mark.parametrize("line", [line.strip() for line in PLUGINS_EXAMPLES.splitlines() if line.startswith("  taskkit")])
def test_every_example_of_the_help_runs(line: str, capsys: Capsys) -> None:
    assert main(line.split()[1:]) == 0
    assert "json_lines" in capsys.readouterr().out
