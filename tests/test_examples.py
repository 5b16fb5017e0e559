"""Each example runs as a reader would run it, says what its page promises, and is shown on a page of the documentation."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PAGES = {page: page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "examples").glob("*.md")}
PRINTING = [example for example in EXAMPLES if not example.name.startswith("test_")]
#: What an example embeds, where that is more than taskkit.
NEEDS = {"fastapi_vault.py": ("fastapi", "httpx")}


def page_of(example: str) -> str:
    """The page on which a file, named from the folder of examples, is shown."""
    [found] = [text for text in PAGES.values() if f"```{{literalinclude}} ../../examples/{example}\n" in text]
    return found


def run(*words: str | Path) -> str:
    command = [sys.executable, "-W", "error", *words]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=180, cwd=ROOT, check=False)
    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("example", PRINTING, ids=lambda example: example.name)
def test_an_example_runs_and_prints_what_its_page_shows(example: Path) -> None:
    """The lines of the page in their order; a page may leave out others."""
    for needed in NEEDS.get(example.name, ()):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not here: `make test` installs it")
    [shown] = re.findall(r"^It prints:\n\n```text\n(.*?)^```$", page_of(example.name), re.MULTILINE | re.DOTALL)
    said = iter([line.rstrip() for line in run(example).splitlines()])
    missing = [line for line in shown.splitlines() if line not in said]
    assert missing == [], "these come too early, or not at all"


def test_the_example_of_tests_is_green() -> None:
    assert re.search(r"^5 passed", run("-m", "pytest", "-q", "-p", "no:cacheprovider", "examples/test_a_task.py"), re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_says_what_it_shows(example: Path) -> None:
    assert page_of(example.name)
    assert ast.get_docstring(ast.parse(example.read_text(encoding="utf-8")))


def test_every_page_shows_a_file_and_stands_in_the_list() -> None:
    [(index, listed)] = [(page, text) for page, text in PAGES.items() if page.name == "index.md"]
    for page, text in PAGES.items():
        shown = re.findall(r"\{literalinclude\} \.\./\.\./examples/(\S+)", text)
        assert page == index or shown, page.name
        assert all((ROOT / "examples" / name).is_file() for name in shown), page.name
        assert page == index or f"]({page.name})" in listed, page.name
