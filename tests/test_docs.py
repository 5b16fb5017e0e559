"""The documentation is honest: its code runs, its command lines answer as shown, and nothing public is left out."""

from __future__ import annotations

import argparse
import ast
import doctest
import importlib.util
import inspect
import re
import shlex
import textwrap
import warnings
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from enum import Enum
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from attrs import frozen

import taskkit
import taskkit.engine
import taskkit.engine._floor  # read here: pytest parses what is imported, and Python 3.11 may fail where a page's thread does so beside us
import taskkit.insight
import taskkit.passwords
import taskkit.plugins
import taskkit.scripts
import taskkit.testing
import taskkit.testing.contracts
import taskkit.testing.machines
from taskkit import errors
from taskkit.engine._gates import Gates
from taskkit.events.happenings import HAPPENINGS
from taskkit.events.policies import POLICIES
from taskkit.facts import KINDS as FACTS
from taskkit.outcomes import Effect, ErrorClass
from taskkit.plugins import specs
from taskkit.plugins.notifiers.log import Log
from taskkit.plugins.verbs import Verb
from taskkit.scripts import Health
from taskkit.selections import SELECTIONS
from taskkit.states import TABLE, State, Step
from taskkit.storage import Refusal

ROOT = Path(__file__).parent.parent
SOURCE = Path(taskkit.__file__).parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
FACES: list[ModuleType] = [
    taskkit, taskkit.engine, taskkit.insight, taskkit.plugins, taskkit.scripts, taskkit.testing, taskkit.testing.contracts,
    taskkit.testing.machines,
]  # fmt: skip
PAGES = [ROOT / "README.md", *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)]
KINDS: dict[str, type[Any]] = {
    made.kind: made
    for made in (getattr(taskkit, name) for name in taskkit.__all__)
    if isinstance(made, type) and issubclass(made, taskkit.Interval | taskkit.Window) and isinstance(getattr(made, "kind", None), str)
}
ERRORS = [name for name, made in vars(errors).items() if isinstance(made, type) and issubclass(made, Exception | Warning)]
RULES = [
    f"{letter}{number}" for letter, last in {"T": 17, "P": 9, "R": 10, "J": 14, "S": 7, "A": 8}.items() for number in range(1, last + 1)
]
HOOKS = [name for name in vars(specs) if name.startswith("taskkit_")]
#: Where the members of an enumeration stand, each as a term with what it means.
MEMBERS: dict[type[Enum], str] = {
    State: "jobs.md", Step: "jobs.md", taskkit.Kind: "jobs.md", taskkit.Why: "jobs.md", ErrorClass: "outcomes.md", Effect: "outcomes.md",
    taskkit.testing.Act: "simulation.md", taskkit.Target: "tasks.md", Verb: "plugins.md", Health: "scripts.md",
    taskkit.Tense: "explanations.md", taskkit.Factor: "explanations.md",
    taskkit.insight.ConcernKind: "forecast.md", taskkit.Objection: "passwords.md",
}  # fmt: skip
#: Pages on which each class stands with all of its public attributes.
OF_CLASSES = [
    f"{page}.md"
    for page in (
        "engine", "tasks", "records", "selections", "happenings", "policies", "vault", "outcomes", "facts", "storage", "plugins", "scripts",
        "testing", "simulation", "crash-kit", "keyrings", "passwords", "explanations", "forecast",
    )
]  # fmt: skip

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w{}]*)[^\n]*\n(?P<code>.*?)^(?P=indent)(?P=ticks)$", re.MULTILINE | re.DOTALL
)
#: As many letters as a block of code shows without being moved.
_TYPED = 120
_TOCTREE = re.compile(r"^:::\{toctree\}\n(.*?)^:::$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_CODE = re.compile(r"`(\w+)[^`]*`")
_SET = re.compile(r"^ {8}self\.([a-z]\w*)(?:: .*)? = ", re.MULTILINE)
_TERM = re.compile(r"^((?:`[^`\n]+`(?:, )?)+)\n: ", re.MULTILINE)


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


@pytest.mark.parametrize("page", PAGES[1:], ids=name)
def test_what_is_typed_fits_the_width_of_a_page(page: Path) -> None:
    """What is answered may be longer."""
    lines = [line for block in blocks(page) if block.language in ("python", "pycon", "console", "sh") for line in block.code.splitlines()
             if block.language == "python" or line.startswith((">>> ", "... ", "$ "))]  # fmt: skip
    assert [line for line in lines if len(line) > _TYPED and "  # " not in line] == []


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


def words_of(parser: argparse.ArgumentParser, *before: str) -> Iterator[tuple[str, str]]:
    """Each command as it is typed, with each of its options; none stands for the command itself."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, command in action.choices.items():
                yield " ".join((*before, word)), ""
                yield from words_of(command, *before, word)
        elif before and action.option_strings and action.dest != "help":
            yield " ".join(before), action.option_strings[-1]


@without_a_command_line
def test_every_command_and_option_is_documented() -> None:
    """Of two commands, the pages of their how-to tell more."""
    from taskkit.cli import _parser

    pages = {"explain": "find-out-why.md", "forecast": "look-ahead.md"}
    lines = {page: (DOCS / "how-to" / page).read_text(encoding="utf-8") for page in ("use-the-command-line.md", *pages.values())}
    for command, option in words_of(_parser()):
        told = lines["use-the-command-line.md"] + lines[pages.get(command, "use-the-command-line.md")]
        assert f"`taskkit {command}" in told or f"$ taskkit {command}" in told, command
        assert re.search(rf"{option}\b", told), f"nobody tells of {option} of taskkit {command}"


def part(page: Path, name: str) -> str:
    """The text of a page below the heading of a name, as code or else as words, with what is below smaller headings."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = list(re.finditer(r"^(#+) (.*)$", text, re.MULTILINE))
    as_code = [found for found in headings if name in _CODE.findall(found[2])]
    for found in as_code or [found for found in headings if found[2] == name]:
        following = re.search(rf"^#{{1,{len(found[1])}}} ", text[found.end() :], re.MULTILINE)
        return text[found.end() :][: following.start()] if following else text[found.end() :]
    raise AssertionError(f"{page.name} has no heading for {name}")


def terms(text: str) -> set[str]:
    """What is defined in lists: the first word of each piece of code before a colon."""
    return {word for found in _TERM.findall(text) for word in _CODE.findall(found)}


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.__name__)
def test_every_name_of_a_face_is_documented(face: ModuleType) -> None:
    known = set[str]().union(*map(documented, REFERENCE.glob("*.md")))
    assert set(face.__all__) <= known, f"no heading of docs/reference names {sorted(set(face.__all__) - known)}"


def test_no_two_faces_have_one_name_for_two_things() -> None:
    """In whatever order somebody imports from them."""
    found: dict[str, set[int]] = {}
    for face in FACES:
        for name in face.__all__:
            found.setdefault(name, set()).add(id(getattr(face, name)))
    assert [name for name, things in found.items() if len(things) > 1] == []


_IMPORTS = re.compile(r"\bfrom (taskkit[\w.]*) import ([\w, ]+)")


def test_what_a_face_offers_no_page_takes_from_another_room() -> None:
    """But for the steps of jobs: the `Step` of the faces is that of scripts."""
    offered = {one for face in FACES for one in face.__all__} - {"Step"}
    rooms = {face.__name__ for face in FACES}
    taken = ((name(page), *found.groups()) for page in PAGES for found in _IMPORTS.finditer(page.read_text(encoding="utf-8")))
    around = [
        (page, room, one) for page, room, names in taken if room not in rooms for one in re.split(r", ?| as \w+", names) if one in offered
    ]
    assert around == []


_INSTALLS = re.compile(r"\b(?:pip|pipx|uv|poetry|pdm|conda)\b[^\n`]*\b(?:install|add)\b[^\n`]*(?<![\w./-])taskkit\b(?!/)")


def test_nobody_is_told_to_install_what_another_project_has_put_on_the_index() -> None:
    """Until this project has a name there, it is installed from a checkout."""
    texts = {name(page): page.read_text(encoding="utf-8") for page in (*PAGES, *ROOT.glob("*.md"), *SOURCE.rglob("*.py"))}
    assert [page for page, text in texts.items() if _INSTALLS.search(text)] == []
    assert _INSTALLS.search("$ pip install -U 'taskkit[cli]'")
    assert not _INSTALLS.search('pip install "path/to/taskkit[cli]"')


def classes_of(page: Path) -> Iterator[type[Any]]:
    """What the faces export, where it stands in a heading of the page; `Step` is the one of scripts, as jobs' steps are in no face."""
    told = documented(page)
    seen: set[str] = set()
    for face in FACES:
        for name in sorted(told & set(face.__all__) - seen):
            made = getattr(face, name)
            seen.add(name)
            if isinstance(made, type) and not issubclass(made, Enum | Exception):
                yield made


CLASSES = [
    pytest.param(REFERENCE / page, made, id=f"{page}:{made.__name__}") for page in OF_CLASSES for made in classes_of(REFERENCE / page)
]


def attributes(made: type[Any]) -> set[str]:
    """The public attributes that a class brings, beside those of its bases."""
    inherited = {name for base in made.__mro__[1:] for name in (*vars(base), *vars(base).get("__annotations__", {}))}
    own = {name for name in (*vars(made), *vars(made).get("__annotations__", {})) if not name.startswith("_")} - inherited
    fields = {field.alias for field in attrs.fields(made) if field.init and not field.inherited} if attrs.has(made) else set()
    return {name for name in own | fields | set(_SET.findall(inspect.getsource(made))) if name}


@pytest.mark.parametrize(("page", "made"), CLASSES)
def test_every_public_attribute_of_a_class_is_documented(page: Path, made: type[Any]) -> None:
    told = {word for code in re.findall(r"`([^`]+)`", part(page, made.__name__)) for word in re.findall(r"\w+", code)}
    assert attributes(made) <= told, f"{page.name} does not tell of {sorted(attributes(made) - told)} of {made.__name__}"


@pytest.mark.parametrize(("page", "made"), CLASSES)
def test_no_page_tells_of_an_attribute_that_is_not_there(page: Path, made: type[Any]) -> None:
    known = {name for base in made.__mro__ for name in (*vars(base), *vars(base).get("__annotations__", {}))} | attributes(made)
    known |= {"str", "kind"} | set(inspect.signature(made).parameters)
    own = part(page, made.__name__) if made is taskkit.Engine else sections_of(page, made)
    assert terms(own) <= known, f"{page.name} tells of {sorted(terms(own) - known)}, which {made.__name__} has not"


@pytest.mark.parametrize(("page", "made"), CLASSES)
def test_methods_are_shown_with_the_parameters_that_they_have(page: Path, made: type[Any]) -> None:
    own = part(page, made.__name__) if made is taskkit.Engine else sections_of(page, made)
    for name, told in re.findall(r"`(\w+)\((.*?)\)`", " ".join(_TERM.findall(own))):
        known = inspect.signature(getattr(made, name)).parameters if name in dir(made) else {}
        said = [word.partition("=")[0].strip(" *") for word in re.split(r",\s*(?![^()]*\))", told)]
        assert [word for word in said if word] == [word for word in known if word != "self"] or not known, f"{page.name}: {name}({told})"


def sections_of(page: Path, made: type[Any]) -> str:
    """The text right below the heading of a class, without what is below smaller ones."""
    return re.split(r"^#+ ", part(page, made.__name__), maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize(("members", "page"), MEMBERS.items(), ids=lambda given: getattr(given, "__name__", given))
def test_every_member_is_documented(members: type[Enum], page: str) -> None:
    assert terms(sections_of(REFERENCE / page, members)) == {member.value for member in members}


@pytest.mark.parametrize("made", [*HAPPENINGS, *POLICIES, *SELECTIONS], ids=lambda made: made.__name__)
def test_every_kind_stands_with_its_class(made: type[Any]) -> None:
    pages = [page for page in REFERENCE.glob("*.md") if made.__name__ in documented(page)]
    assert any(f"ind `{made.kind}`" in part(page, made.__name__) for page in pages), f"nobody tells that {made.__name__} is {made.kind!r}"


def test_every_hook_is_documented() -> None:
    assert set(HOOKS) <= documented(REFERENCE / "plugins.md")


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_documented_with_its_code(name: str) -> None:
    text, made = part(REFERENCE / "errors.md", name), getattr(errors, name)
    assert f"`{made.code}`" in text if issubclass(made, errors.TaskkitError) else text


def gates() -> list[str]:
    """The gates in their order, as they are listed: each with whether it may refuse."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(Gates._of))).body
    listed = [node for node in ast.walk(tree) if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) == 2]
    gates = sorted((node.lineno, node.col_offset, ast.unparse(node.elts[0])) for node in listed)
    return [gate.removeprefix("self._") for *_, gate in gates if gate.startswith("self._")]


@pytest.mark.parametrize(
    ("page", "after"), [(REFERENCE / "rules.md", "in this order: "), (DOCS / "explanation" / "how-things-flow.md", " gates: ")], ids=str
)
def test_j12_the_gates_are_told_in_the_order_in_which_they_are_asked(page: Path, after: str) -> None:
    told = re.split(r"[.├]", page.read_text(encoding="utf-8").partition(after)[2])[0]
    words = [word.strip(" │\n") for word in told.split(",")]
    assert [word[:4] for word in words] == [gate[:4] for gate in (*gates(), "holds")]


def constants(tree: ast.AST) -> Iterator[str]:
    return (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))


def source(but: str = "") -> Iterator[ast.Module]:
    paths = (path for path in SOURCE.rglob("*.py") if but not in path.relative_to(SOURCE).parts)
    return (ast.parse(path.read_text(encoding="utf-8")) for path in paths)


def facts_written() -> set[str]:
    """Kinds of facts: what `Fact(…)` is given, and in rooms that tell facts, capitalized words that are handed on or stand in a table.

    What contracts of stores tell is no fact of the engine's.
    """
    found: set[str] = set()
    for tree in source(but="testing"):
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        told = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Fact"]
        found |= {word for call in told if call.args for word in constants(call.args[0])}
        if told:
            handed = [argument for call in calls for argument in call.args]
            tables = [value for node in ast.walk(tree) if isinstance(node, ast.Dict) for value in node.values]
            words = {value for node in (*handed, *tables) if isinstance(node, ast.Constant) and isinstance(value := node.value, str)}
            found |= {word for word in words if re.fullmatch(r"(?:[A-Z][a-z]+)+", word)}
    return found


def test_every_kind_of_fact_is_documented() -> None:
    told = terms(part(REFERENCE / "facts.md", "Kinds of facts"))
    assert told == facts_written()
    assert told == FACTS


def codes() -> Mapping[str, set[str]]:
    """The words of the page of codes, by what stands before them, without links."""
    text = (REFERENCE / "codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*?) \| (`.*`) \|$", text, re.MULTILINE)
    return {re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", label): set(re.findall(r"`([^`]+)`", words)) for label, words in rows}


CODES: dict[str, set[str]] = {
    "state of a job": set(State),
    "kind of a job": set(taskkit.Kind),
    "why a job waits, or ended without running": set(taskkit.Why),
    "step of a job": set(Step),
    "error class of an outcome": set(ErrorClass),
    "effect of a script or executor": set(Effect),
    "verb of an executor": set(Verb),
    "target of a task": set(taskkit.Target),
    "health that a check found": set(Health),
    "kind of a concern": set(taskkit.insight.ConcernKind),
    "refusal of a unit": set(Refusal),
    "objection of a host against a new password": set(taskkit.Objection),
    "kind of a password policy": set(taskkit.passwords.KINDS),
    "tense of an explanation": set(taskkit.Tense),
    "factor of an explanation": set(taskkit.Factor),
    "kind of a happening": {made.kind for made in HAPPENINGS},
    "kind of a policy": {made.kind for made in POLICIES},
    "kind of an interval or window": set(KINDS),
    "kind of a selection": {made.kind for made in SELECTIONS},
    "kind of a script": set(taskkit.plugins.Plugins(discover=False).scripts),
    "code of an error": {made.code for made in vars(errors).values() if isinstance(made, type) and issubclass(made, errors.TaskkitError)},
    "right": set(taskkit.RIGHTS),
}


@pytest.mark.parametrize("label", CODES)
def test_every_code_is_listed(label: str) -> None:
    assert codes()[label] == CODES[label]


def test_every_other_code_is_a_word_of_the_source() -> None:
    said = {word for tree in source() for word in constants(tree)}
    others = {label: words for label, words in codes().items() if label not in CODES}
    assert {"state of an operation", "action that a person may take", "status of a task in the overview"} <= set(others)
    assert {word for words in others.values() for word in words} <= said


def test_every_contract_that_a_test_of_stores_cites_is_documented() -> None:
    told = re.findall(r"^- \*\*(C\d+)\. ", (REFERENCE / "storage.md").read_text(encoding="utf-8"), re.MULTILINE)
    pages = [*(ROOT / "tests" / "storage").rglob("*.py"), *(SOURCE / "testing" / "contracts" / "storage").rglob("*.py")]
    cited = {found for page in pages for found in re.findall(r"\bC\d+\b", page.read_text(encoding="utf-8"))}
    assert told == [f"C{number}" for number in range(1, len(told) + 1)]
    assert cited <= set(told)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_that_counts_the_clauses_of_a_suite_counts_all_of_them(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for suite, counts in re.findall(r"^(\w+Contract) on \w+: (.*)$", text, re.MULTILINE):
        told = [int(number) for number in re.findall(r"(\d+) (?:clauses? kept|closed|failed|not run)", counts)]
        assert sum(told) == len(getattr(taskkit.testing.contracts, suite).clauses()), counts
    for number in re.findall(r"contract of executors has (\w+) clauses", text):
        assert number == str(len(taskkit.testing.contracts.ExecutorContract.clauses()))


def test_the_verbs_of_the_fake_executor_are_told() -> None:
    page = (REFERENCE / "testing.md").read_text(encoding="utf-8")
    [told] = re.findall(r"^`FakeExecutor\(.*?It has the verbs (.*?)\.", page, re.MULTILINE | re.DOTALL)
    assert set(_CODE.findall(told)) == set(taskkit.testing.FakeExecutor().verbs)


def drawing(tool: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(tool, ROOT / "tools" / f"{tool}.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_picture_of_the_states_is_drawn_from_the_table() -> None:
    states = drawing("draw_states")
    drawn = states.FILE.read_text(encoding="utf-8")
    assert drawn == states.draw(), "the table has changed: python tools/draw_states.py draws it anew"
    assert all(f">{state.value}</text>" in drawn for state in TABLE)


def test_t04_the_picture_of_clock_changes_shows_what_zone_and_rule_answer() -> None:
    clocks = drawing("draw_clocks")
    drawn = clocks.FILE.read_text(encoding="utf-8")
    assert drawn == clocks.draw(), "zone data or rules have changed: python tools/draw_clocks.py draws it anew"
    assert ">runs at 03:30</text>" in drawn


def test_j03_the_picture_of_leases_shows_what_the_code_of_its_page_did() -> None:
    fences = drawing("draw_fences")
    drawn = fences.FILE.read_text(encoding="utf-8")
    assert drawn == fences.draw(), "the page or the engine has changed: python tools/draw_fences.py draws it anew"
    assert "is refused: token 1 is old" in drawn


def test_r06_the_picture_of_the_shapes_of_work_shows_the_jobs_of_its_page() -> None:
    shapes = drawing("draw_shapes")
    drawn = shapes.FILE.read_text(encoding="utf-8")
    assert drawn == shapes.draw(), "the page or the engine has changed: python tools/draw_shapes.py draws it anew"
    assert drawn.count(">occurrence</text>") == drawn.count(">part</text>") == 3


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
    face = {name: getattr(taskkit, name) for name in taskkit.__all__}  # it reads most of them when they are first used
    for text, value in rows:
        assert taskkit.parse(text) == eval(value, face), text  # noqa: S307  our own page
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


def test_every_how_to_stands_in_a_table_of_the_index() -> None:
    """Whoever wants to do something reads these tables, and not the list at the side."""
    rows = re.findall(r"^\|.*$", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = set(re.findall(r"\]\(how-to/([\w-]+\.md)", "\n".join(rows)))
    assert {page.name for page in (DOCS / "how-to").glob("*.md")} - told == set()


def test_what_the_log_leaves_out_is_told() -> None:
    told = part(DOCS / "how-to" / "watch-over-it.md", "Read it in the log")
    [left_out] = re.findall(r"^.*left out: (.*?)\.", told, re.MULTILINE | re.DOTALL)
    assert set(_CODE.findall(left_out)) == FACTS - Log.wants


def test_every_page_is_reached_from_the_index() -> None:
    listed: set[Path] = set()
    for page in PAGES[1:]:
        for toctree in _TOCTREE.findall(page.read_text(encoding="utf-8")):
            entries = [entry for entry in toctree.split("\n") if entry and not entry.startswith(":")]
            listed.update(page.parent / f"{entry}.md" for entry in entries)
    assert listed == set(PAGES[1:]) - {DOCS / "index.md"}
