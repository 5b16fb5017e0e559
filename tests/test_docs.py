"""The documentation is honest: its code runs, its command lines answer as shown, and nothing public is left out."""

from __future__ import annotations

import ast
import doctest
import importlib.util
import re
import shlex
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import attrs
import pytest
from attrs import frozen

import taskkit
from taskkit import errors

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = [ROOT / "README.md", *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)]
KINDS: dict[str, type[Any]] = {
    made.kind: made for made in (getattr(taskkit, name) for name in taskkit.__all__) if isinstance(getattr(made, "kind", None), str)
}
ERRORS = [name for name, made in vars(errors).items() if isinstance(made, type) and issubclass(made, Exception | Warning)]
RULES = [*(f"T{number}" for number in range(1, 18)), "R5"]

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w{}]*)[^\n]*\n(?P<code>.*?)^(?P=indent)(?P=ticks)$", re.MULTILINE | re.DOTALL
)
_TOCTREE = re.compile(r"^:::\{toctree\}\n(.*?)^:::$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_CODE = re.compile(r"`(\w+)[^`]*`")


@frozen
class Block:
    """One fenced block, and the line of its page on which its text begins."""

    language: str
    code: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(found["language"], found["code"], text.count("\n", 0, found.start("code")) + 1)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def sections(page: Path) -> dict[str, str]:
    """The text below each heading, by heading."""
    without_code = _FENCE.sub("", page.read_text(encoding="utf-8"))
    parts = _HEADING.split(without_code)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def documented(page: Path) -> set[str]:
    """The names that stand as code in the headings of a page: the convention for what is documented there."""
    return {found for heading in sections(page) for found in _CODE.findall(heading)}


def run(block: Block, page: Path, space: dict[str, Any]) -> Iterator[str]:
    """Run statement by statement: what a `print` says is compared with the comment behind it."""
    text = "\n" * (block.line - 1) + block.code  # blank lines in front, so that a traceback names the line of the page
    lines = text.splitlines()
    for statement in ast.parse(text, str(page)).body:
        with redirect_stdout(StringIO()) as said:
            exec(compile(ast.Module([statement], []), page, "exec", dont_inherit=True), space)  # noqa: S102  our own pages
        line = lines[(statement.end_lineno or 1) - 1]
        _, told, comment = line.rpartition("  # ")
        if told and line.startswith("print(") and said.getvalue().strip() != comment:
            yield f"{name(page)}:{statement.lineno} says {said.getvalue().strip()!r}, not {comment!r}\n"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_code_of_a_page_runs_and_answers_as_shown(page: Path) -> None:
    space: dict[str, Any] = {"__name__": "__page__"}
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    complaints: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in blocks(page):
            if block.language == "python":
                complaints += run(block, page, space)
            elif block.language == "pycon":
                example = doctest.DocTestParser().get_doctest(block.code, space, name(page), str(page), block.line - 1)
                runner.run(example, out=complaints.append, clear_globs=False)
                space.update(example.globs)
    assert not complaints, "".join(complaints)


@frozen
class Command:
    """One command line, what the page shows below it, and the exit code that it tells."""

    line: int
    arguments: tuple[str, ...]
    shown: tuple[str, ...]
    code: int


def commands(page: Path) -> Iterator[Command]:
    for block in blocks(page):
        if block.language not in ("", "console"):
            continue
        entries: list[tuple[int, str, list[str]]] = []
        for number, line in enumerate(block.code.splitlines(), block.line):
            if line.startswith("$ "):
                entries.append((number, line[2:], []))
            elif entries:
                entries[-1][2].append(line)
        for place, (number, said, shown) in enumerate(entries):
            if said.split()[0] != "taskkit":
                continue
            after = entries[place + 1] if place + 1 < len(entries) else None
            code = int(after[2][0]) if after and after[1] == "echo $?" else 0
            yield Command(number, tuple(shlex.split(said)[1:]), tuple(shown), code)


COMMANDS = [pytest.param(command, id=f"{name(page)}:{command.line}") for page in PAGES for command in commands(page)]
without_a_command_line = pytest.mark.skipif(importlib.util.find_spec("taskkit.cli") is None, reason="taskkit.cli is not there yet")


@without_a_command_line
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_line_answers_as_shown(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    from taskkit.cli import main

    try:
        code = main(command.arguments)
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else 1
    said = capsys.readouterr()
    assert code == command.code, said.err
    answer = iter((said.out + said.err).splitlines())
    for line in command.shown:
        if line.strip() != "...":
            assert any(given.rstrip() == line.rstrip() for given in answer), f"{line!r} does not follow:\n{said.out}{said.err}"


def test_every_name_of_the_face_is_documented() -> None:
    known = set[str]().union(*map(documented, REFERENCE.glob("*.md")))
    assert set(taskkit.__all__) <= known, f"no heading of docs/reference names {sorted(set(taskkit.__all__) - known)}"


def test_every_error_is_documented() -> None:
    assert set(ERRORS) <= documented(REFERENCE / "errors.md")


@pytest.mark.parametrize("number", RULES)
def test_every_rule_has_a_section(number: str) -> None:
    found = [text for heading, text in sections(REFERENCE / "rules.md").items() if heading.split(".")[0] == number]
    assert len(found) == 1
    assert found[0].strip()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_document_is_documented_with_its_fields(kind: str) -> None:
    text = sections(REFERENCE / "documents.md")[f"`{kind}`"]
    told = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    known = {field.name for field in attrs.fields(KINDS[kind]) if field.init}
    assert told == known


def test_every_example_of_a_text_means_the_value_beside_it() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", (REFERENCE / "texts.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows
    for text, value in rows:
        assert taskkit.parse(text) == eval(value, vars(taskkit)), text  # noqa: S307  our own page
        assert taskkit.parse(str(taskkit.parse(text))) == taskkit.parse(text)


@pytest.mark.parametrize("made", [taskkit.Interval, taskkit.Window], ids=lambda made: made.__name__)
def test_every_question_is_documented(made: type[object]) -> None:
    page = REFERENCE / ("intervals.md" if made is taskkit.Interval else "windows.md")
    asked = {name for name, found in vars(made).items() if not name.startswith("_") and (callable(found) or isinstance(found, property))}
    told = set(re.findall(r"`(\w+)", page.read_text(encoding="utf-8")))
    assert asked <= told, f"{page.name} does not mention {sorted(asked - told)}"


def test_the_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", PAGES[0].read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_every_page_is_reached_from_the_index() -> None:
    listed: set[Path] = set()
    for page in PAGES[1:]:
        for toctree in _TOCTREE.findall(page.read_text(encoding="utf-8")):
            entries = [entry for entry in toctree.split("\n") if entry and not entry.startswith(":")]
            listed.update(page.parent / f"{entry}.md" for entry in entries)
    assert listed == set(PAGES[1:]) - {DOCS / "index.md"}
