"""A whole package of a third party: built by its own backend, installed, found by its entry point, proved by its own tests."""

from __future__ import annotations

import ast
import importlib
import json
import re
from pathlib import Path

import pytest

from tests.examples import EXAMPLES, copied, environment, python

pytest.importorskip("hatchling", reason="hatchling is not here, which builds the example: `make test` installs it")

PAGE = EXAMPLES.parent / "docs" / "examples" / "third-party-package.md"
CONTRACT = re.compile(r"^class TestDoorman\(ExecutorContract\):\n(?:(?: .*)?\n)+", re.MULTILINE)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied("taskkit-doorman", tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def installed(package: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process for which the package is installed; without a network, as its backend is here."""
    site = tmp_path_factory.mktemp("site")
    quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    python("-W", "default", "-m", "pip", "install", *quiet, *offline, "--target", site, package, cwd=package, env=environment())
    return environment(site)


def test_its_own_tests_prove_the_contract_of_executors_without_a_gap(package: Path, installed: dict[str, str], tmp_path: Path) -> None:
    said = python("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--taskkit-report={tmp_path}/report", cwd=package, env=installed)
    [subject] = json.loads((tmp_path / "report").read_text())["subjects"]
    told = {name: subject[name] for name in ("suite", "passed", "failed", "closed", "not_run")}
    assert told == {"suite": "ExecutorContract", "passed": 32, "failed": 0, "closed": 0, "not_run": 0}
    [shown] = re.findall(r"^ExecutorContract on .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert shown in said.splitlines()


def test_it_is_found_by_its_entry_point_and_by_nothing_else(installed: dict[str, str], tmp_path: Path) -> None:
    asks = "from taskkit.plugins import Plugins; print('doorman' in Plugins().executors)"
    assert python("-c", asks, cwd=tmp_path, env=installed) == "True\n"
    assert python("-c", asks, cwd=tmp_path, env=environment()) == "False\n"


def test_what_its_readme_shows_runs(package: Path, installed: dict[str, str], tmp_path: Path) -> None:
    [shown] = re.findall(r"```python\n(.*?)```", (package / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    said = python("-c", shown, cwd=tmp_path, env=installed)
    assert said == "error: connecting to '10.0.0.9': there is no secret for 'app'; give one in the vault\n"


def test_the_contract_costs_less_than_a_kilobyte_of_glue(package: Path) -> None:
    found = CONTRACT.search((package / "tests" / "test_doorman.py").read_text(encoding="utf-8"))
    assert found
    assert found[0].count("def ") >= 10, "the pattern does not find all of it"
    assert len(found[0].rstrip().encode()) < 1024


def test_it_stands_on_nothing_but_the_faces_of_taskkit(package: Path) -> None:
    trees = [ast.parse(page.read_text(encoding="utf-8")) for page in package.rglob("*.py")]
    asked = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    faces = [node for node in asked if str(node.module).split(".")[0] == "taskkit"]
    assert {str(node.module).removeprefix("taskkit") for node in faces} == {"", ".plugins", ".scripts", ".testing", ".testing.contracts"}
    for node in faces:
        assert {alias.name for alias in node.names} <= set(importlib.import_module(str(node.module)).__all__), node.module
