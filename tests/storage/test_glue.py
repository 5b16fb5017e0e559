"""What a third party writes to prove its store: less than a kilobyte, and what it cannot prove is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskkit.testing.contracts import StorageContract

PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "write-a-storage.md"
GLUE = next(block for block in PAGE.read_text(encoding="utf-8").split("```") if "StorageContract)" in block).removeprefix("python\n")


def run(folder: Path, glue: str) -> tuple[str, dict[str, Any]]:
    """The clauses C4 and C15 of a suite that somebody has in a folder elsewhere; what is said, and the report."""
    (folder / "test_ours.py").write_text(glue, encoding="utf-8")
    told = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "c04 or c15 or closed", "--taskkit-report", "report.json"]
    done = subprocess.run(told, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout, json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_the_glue_of_the_page_is_short_and_closes_what_it_cannot_prove(tmp_path: Path) -> None:
    assert len(GLUE.encode()) < 1024
    said, report = run(tmp_path, GLUE)
    [told] = report["subjects"]
    assert (told["suite"], told["failed"], told["closed"]) == ("StorageContract", 0, 2), said
    assert {clause: one["outcome"] for clause, one in told["clauses"].items() if one["outcome"] != "not_run"} == {
        "C4": "passed",
        "C15": "closed",
        "C17": "closed",
    }
    assert told["clauses"]["C15"]["reason"].startswith("our chains are sealed")


def test_whoever_brings_no_rewrite_and_closes_nothing_is_told_what_is_missing(tmp_path: Path) -> None:
    said, _ = run(tmp_path, "\n".join(line for line in GLUE.splitlines() if "closed =" not in line))
    assert "bring it, or close C15 and C17, and say why" in said
    assert " failed" in said


def test_whoever_brings_nothing_is_told_what_is_missing() -> None:
    for ask in (StorageContract().store, lambda: StorageContract().second_handle(None)):  # type: ignore[arg-type]
        with pytest.raises(NotImplementedError, match=r"StorageContract has no `\w+\(\)`"):
            ask()
