"""README and tutorials can be typed into a fresh Python in an empty folder, as they stand, and answer as shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_docs import DOCS, ROOT, Block, blocks

PAGES = [ROOT / "README.md", *sorted((DOCS / "tutorial").glob("*.md"))]


def file_of(page: Path) -> str | None:
    """Where the first code of the page is to be kept, if it is."""
    found = re.search(r"^\$ python -i (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return found and found[1]


def code_of(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language in ("python", "pycon")]


def typed(code: list[Block]) -> Iterator[str]:
    """Line by line, with the empty line that ends a block; a pasted page has no more."""
    for block in code:
        if block.language == "python":
            yield f"{block.code}\n"
            continue
        lines = block.code.splitlines()
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            if line.startswith((">>> ", "... ")):
                yield f"{line[4:]}\n"
            if line.startswith("... ") and not following.startswith("... "):
                yield "\n"


def shown(page: Path) -> list[str]:
    """What the interpreter answers on the page; tracebacks go elsewhere."""
    answers: list[str] = []
    for block in blocks(page):
        if block.language == "pycon" and "Traceback" not in block.code:
            answers += [line for line in block.code.splitlines() if not line.startswith((">>> ", "... "))]
    return answers


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_for_first_use_can_be_typed_into_python(page: Path, tmp_path: Path) -> None:
    code, words = code_of(page), [sys.executable, "-q", "-i"]
    if file := file_of(page):
        (tmp_path / file).write_text(code.pop(0).code, encoding="utf-8")
        words.append(file)
    source = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        words, input="".join(typed(code)), capture_output=True, text=True, encoding="utf-8", timeout=120, cwd=tmp_path, check=False,
        env={**os.environ, "PYTHONPATH": source, "PYTHONIOENCODING": "utf-8", "PYTHON_BASIC_REPL": "1"},
    )  # fmt: skip
    expected = sum("Traceback" in block.code for block in blocks(page))
    assert done.stderr.count("Traceback") == expected, done.stderr
    said = iter(done.stdout.splitlines())
    for line in shown(page):
        pattern = re.escape(line).replace(re.escape("..."), ".*")
        assert any(re.fullmatch(pattern, given) for given in said), f"{line!r} does not follow:\n{done.stdout}"


def test_the_commands_for_a_store_can_be_typed_in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rich")
    from taskkit.cli import main

    [code] = [block.code for block in blocks(DOCS / "how-to" / "use-the-command-line.md") if "--folder" in block.code]
    monkeypatch.chdir(tmp_path)
    for line in code.splitlines():
        program, *words = shlex.split(line)
        assert program == "taskkit"
        assert main(words) == 0, line
        assert capsys.readouterr().out, line
