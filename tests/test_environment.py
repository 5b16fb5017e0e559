"""The set-up that make runs says what is missing and which line mends it."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parent.parent / "tools" / "environment.py"


def test_a_missing_venv_module_gets_the_line_that_mends_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert runpy.run_path(str(TOOL))["main"]("dev") == 1
    assert "apt-get install python3-venv" in capsys.readouterr().err


def test_an_old_python_is_told_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(TOOL))["main"]
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    assert main("dev") == 1
    assert "needs Python 3.11" in capsys.readouterr().err
