"""What became of each clause of each contract in a test session: a line for each subject, and a file for machines.

Where tests run in several processes, they are told to the one that reports with the result of each test.
"""

from __future__ import annotations

import json
import platform
import sys
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from taskkit.testing.contracts import Contract

FORMAT = 1
OUTCOMES = ("passed", "failed", "closed", "not_run")
Result = tuple[str, str]
_CONTRACTS, _CARRIED = "taskkit.testing.contracts._contract", "taskkit_contract"


class Reports:
    """A plug-in of its own for each session."""

    def __init__(self, config: pytest.Config) -> None:
        self._file: str | None = config.getoption("taskkit_report", None)
        self._unwritten = ""
        self._works_for_another = hasattr(config, "workerinput")
        self._root = config.invocation_params.dir
        #: How many of each name there are at each place: a class may stand in several modules.
        self._tests: Counter[tuple[str, str]] = Counter()
        self._subjects: dict[str, Subject] = {}  #: by their places

    # where tests are collected and run

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """What a subject does not keep is not asked of it."""
        closed = []
        for item in items:
            if (subject := _subject(item)) is not None:
                self._tests[_place(item), _test(item)] += 1
                closed += [item] if _clause(item) in _closed(subject) else []
        if closed:
            config.hook.pytest_deselected(items=closed)
            gone = set(closed)
            items[:] = [item for item in items if item not in gone]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """What a result carries is of JSON: another process may read it."""
        report = yield
        if (subject := _subject(item)) is not None:
            place = _place(item)
            report.__dict__[_CARRIED] = {
                "suite": _suite(subject, item).__name__, "subject": subject.__name__, "place": place,
                "clause": _clause(item), "closed": _closed(subject),
                "clauses": {clause: sum(self._tests[place, test] or 1 for test in tests) for clause, tests in subject.clauses().items()},
            }  # fmt: skip
        return report

    # where results are heard

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if (told := report.__dict__.get(_CARRIED)) is not None:
            self._subjects.setdefault(told["place"], Subject(told)).hear(report, told["clause"])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What was proved is told in the terminal also where no file can be written; the session does not pass for good then."""
        if self._file is None or self._works_for_another:
            return
        path = self._root / self._file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(self.document(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            self._unwritten = f"--taskkit-report: {path} cannot be written: {error.strerror}"
            session.exitstatus = session.exitstatus or pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._subjects or self._unwritten:
            terminalreporter.section("contracts of taskkit")
        for subject in self._in_order():
            terminalreporter.write_line(subject.line())
        if self._unwritten:
            terminalreporter.write_line(self._unwritten, red=True)

    def document(self) -> dict[str, Any]:
        """The file's content; keys stay, and new ones may come."""
        versions = {name: version(name) for name in ("taskkit", "pytest")}
        return {
            "format": FORMAT, **versions, "python": platform.python_version(),
            "subjects": [subject.document() for subject in self._in_order()],
        }  # fmt: skip

    def _in_order(self) -> list[Subject]:
        return [self._subjects[place] for place in sorted(self._subjects)]


class Subject:
    """One class of tests, and what became of each of its clauses."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._suite, self._name, self._place = told["suite"], told["subject"], told["place"]
        self._clauses: Mapping[str, int] = told["clauses"]  #: how many tests each has
        self._closed: Mapping[str, str] = told["closed"]
        self._results: dict[str | None, dict[str, Result]] = {}

    def hear(self, report: pytest.TestReport, clause: str | None) -> None:
        """A test tells up to three times, and a repeated one again: the worst of its last run counts."""
        results = self._results.setdefault(clause, {})
        if report.when == "setup":
            results[report.nodeid] = ("not_run", "it was broken off")
        if report.failed:
            results[report.nodeid] = ("failed", _reason(report))
        elif report.skipped:
            results[report.nodeid] = ("not_run", _reason(report))
        elif report.when == "call":
            results[report.nodeid] = ("passed", "")

    def became(self) -> dict[str, Result]:
        """Of each clause: passed, failed, closed or not run, and why."""
        return {clause: self._of(clause, count) for clause, count in self._clauses.items()}

    def _of(self, clause: str, count: int) -> Result:
        if clause in self._closed:
            return "closed", self._closed[clause]
        results = self._results.get(clause, {}).values()
        for outcome in ("failed", "not_run"):
            if found := [result for result in results if result[0] == outcome]:
                return found[0]
        return ("passed", "") if len(results) >= count else ("not_run", f"{len(results)} of its {count} tests ran")

    def document(self) -> dict[str, Any]:
        became = self.became()
        counts = Counter(outcome for outcome, _ in became.values())
        others = self._results.get(None, {})
        return {
            "suite": self._suite, "subject": self._name, "place": self._place, **{outcome: counts[outcome] for outcome in OUTCOMES},
            "clauses": {clause: _told(result) for clause, result in became.items()},
            "others": {test.removeprefix(f"{self._place}::"): _told(others[test]) for test in sorted(others)},
        }  # fmt: skip

    def line(self) -> str:
        """As people read it."""
        by: dict[str, list[str]] = {outcome: [] for outcome in OUTCOMES}
        for clause, (outcome, reason) in self.became().items():
            by[outcome].append(f"{clause}: {reason}" if outcome == "closed" else clause)
        kept = len(by["passed"])
        said = [f"{kept} clause{'s' if kept != 1 else ''} kept", f"{len(by['closed'])} closed{_these(by['closed'])}"]
        said += [f"{len(by[name])} {word}{_these(by[name])}" for name, word in (("failed", "failed"), ("not_run", "not run")) if by[name]]
        if others := [test for test, (outcome, _) in self._results.get(None, {}).items() if outcome == "failed"]:
            said.append(f"{len(others)} beside them failed")
        return f"{self._suite} on {self._name}: {', '.join(said)}"


def _subject(item: pytest.Item) -> type[Contract] | None:
    """The class of a contract's test; whoever has not read the contracts has none."""
    contracts, made = sys.modules.get(_CONTRACTS), getattr(item, "cls", None)
    return made if contracts and isinstance(made, type) and issubclass(made, contracts.Contract) else None


def _suite(subject: type[Contract], item: pytest.Item) -> type[Contract]:
    """The nearest class that pytest collects no tests of: what the subject, or a subject that it inherits from, has to prove."""
    contract, module = sys.modules[_CONTRACTS].Contract, item.getparent(pytest.Module)
    suites = [made for made in subject.__mro__ if issubclass(made, contract) and made is not contract]
    return next((made for made in suites if module is None or not module.classnamefilter(made.__name__)), subject)


def _closed(subject: type[Contract]) -> Mapping[str, str]:
    found: Mapping[str, str] = sys.modules[_CONTRACTS].closed_of(subject)
    return found


def _test(item: pytest.Item) -> str:
    return getattr(item, "originalname", None) or item.name


def _place(item: pytest.Item) -> str:
    return item.nodeid.partition(f"::{_test(item)}")[0]


def _clause(item: pytest.Item) -> str | None:
    found: str | None = sys.modules[_CONTRACTS].clause_of(_test(item))
    return found


def _reason(report: pytest.TestReport) -> str:
    """The first line of what was raised, or why it was left out."""
    told: Any = report.longrepr
    if (expected := getattr(report, "wasxfail", None)) is not None:
        return f"expected to fail: {expected}"
    crash = getattr(told, "reprcrash", None)
    said = str(crash.message if crash else told[2] if isinstance(told, tuple) else told or "")
    return said.splitlines()[0] if said else ""


def _told(result: Result) -> dict[str, str]:
    return dict(zip(("outcome", "reason"), result, strict=True))


def _these(clauses: Sequence[str]) -> str:
    return f" ({', '.join(clauses)})" if clauses else ""
