"""The plug-in for pytest, seen from the sessions of those who have taskkit installed: fixtures, contracts and their report."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import taskkit.events.policies
import taskkit.scripts
import taskkit.testing
import taskkit.testing.contracts
from taskkit.testing import pytest_plugin
from taskkit.testing._reports import Reports

for _name in taskkit.testing.__all__:  # what a session within this one reads first, it forgets again
    getattr(taskkit.testing, _name)

DOCS = Path(__file__).parents[2] / "docs"
SUITES = """
    import pytest
    from taskkit.testing.contracts import Contract

    class BoxContract(Contract):
        keeps = True
        late = []

        def test_c01_what_was_put_is_there(self):
            pass

        @pytest.mark.parametrize("size", [1, 2])
        def test_c02_it_keeps_all_sizes(self, size):
            assert self.keeps or size == 1, "it lost a large one\\nfor good"

        def test_c02_and_names_them(self):
            pass

        def test_c10_it_can_be_emptied(self):
            assert self.late == [], "it is not empty"
    """
HOUSE = """
    import pendulum
    import pytest
    from taskkit import *
    from taskkit.scripts import Commands, Step
    from taskkit.testing import MemoryVault, expect

    @pytest.fixture
    def taskkit_vault():
        return MemoryVault([Record("db-1", "unix", fields={"host": "10.0.0.1", "user": "app"})])

    @pytest.fixture
    def engine(taskkit_engine):
        taskkit_engine.define(RecordType("unix", executor="fake"))
        taskkit_engine.define(Commands("rotate", Step("rotate {user}")))
        taskkit_engine.put(Task("nightly", "rotate", [Daily(at="02:30")]), list=of_type("unix"))
        return taskkit_engine
    """


@pytest.fixture
def suites(pytester: pytest.Pytester) -> pytest.Pytester:
    """A session with a suite of three clauses, the second of which has three tests."""
    pytester.makepyfile(suites=SUITES)
    return pytester


@pytest.fixture
def house(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(HOUSE)
    return pytester


def subject(name: str, *lines: str) -> str:
    body = "\n".join(f"    {line}" for line in lines or ("pass",))
    return f"import pytest\nfrom suites import BoxContract\n\nclass {name}(BoxContract):\n{body}\n"


def reported(pytester: pytest.Pytester, *arguments: str) -> tuple[pytest.RunResult, dict[str, Any]]:
    result = pytester.runpytest("--taskkit-report=report.json", *arguments)
    return result, json.loads((pytester.path / "report.json").read_text())


def lines(result: pytest.RunResult) -> list[str]:
    """What the summary says of contracts."""
    return [line for line in result.outlines if line.startswith("BoxContract on ")]


# being loaded


def test_a_session_that_does_not_use_it_reads_next_to_nothing() -> None:
    code = "import pytest, sys; before = set(sys.modules); import taskkit.testing.pytest_plugin; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if "." not in name or name.startswith("taskkit.")] == [
        "taskkit", "taskkit.errors", "taskkit.testing", "taskkit.testing._reports", "taskkit.testing.pytest_plugin",
    ]  # fmt: skip


def test_it_is_there_where_taskkit_is_installed_and_can_be_left_out(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_one(taskkit_engine): pass")
    pytester.runpytest().assert_outcomes(passed=1)
    left_out = pytester.runpytest("-p", "no:taskkit")
    left_out.assert_outcomes(errors=1)
    left_out.stdout.fnmatch_lines(["*fixture 'taskkit_engine' not found*"])


@pytest.mark.parametrize("by_name", [False, True])
def test_it_warns_of_nothing_and_the_asserts_of_suites_are_rewritten(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, by_name: bool
) -> None:
    """Also where no plug-in is loaded but those that are named."""
    named = ("-p", "taskkit.testing.pytest_plugin") if by_name else ()
    if by_name:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        import sys
        import taskkit.testing.contracts

        def test_one():
            rooms = [name for name in sys.modules if name.startswith("taskkit.testing.contracts")]
            loaders = {name: type(sys.modules[name].__spec__.loader).__name__ for name in rooms}
            assert rooms and set(loaders.values()) == {"AssertionRewritingHook"}, loaders
        """
    )
    pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider", *named).assert_outcomes(passed=1)


def test_every_fixture_and_option_says_what_it_is_for(pytester: pytest.Pytester) -> None:
    shown = pytester.runpytest("--fixtures", "-q").stdout.str()
    names = [name for name in vars(pytest_plugin) if name.startswith("taskkit_")]
    assert len(names) == 8
    for name in names:
        assert f"{name} -- " in shown
    assert "no docstring available" not in shown.partition("taskkit_clock")[2].partition("fixtures defined from")[0]
    pytester.runpytest("--help").stdout.fnmatch_lines(["*--taskkit-report=FILE*"])


# fixtures


def test_an_engine_over_fakes_is_at_hand(house: pytest.Pytester) -> None:
    house.makepyfile(
        """
        import pendulum
        from taskkit import *
        from taskkit.testing import expect

        def test_the_night(engine, taskkit_house, taskkit_hosts, taskkit_clock, taskkit_storage):
            taskkit_house.pass_time(days=1)
            expect(engine).ran("nightly", on="db-1", times=1)
            assert [said.line for said in taskkit_hosts.said] == ["rotate app"]
            assert taskkit_clock.moment == pendulum.datetime(2026, 3, 3, tz="UTC")
            assert engine.storage is taskkit_storage

        def test_the_next_test_knows_nothing_of_it(engine, taskkit_hosts):
            expect(engine).did_not_run("nightly")
            assert taskkit_hosts.said == []
        """
    )
    house.runpytest().assert_outcomes(passed=2)


def test_what_an_engine_stands_on_can_be_given(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pendulum
        import pytest
        from taskkit import *
        from taskkit.outcomes import DONE
        from taskkit.plugins import hookimpl
        from taskkit.plugins.kinds import Script
        from taskkit.storage.memory import MemoryStorage
        from taskkit.testing import FakeExecutor, MemoryVault, VirtualClock
        from attrs import frozen

        STORAGE, VAULT = MemoryStorage(), MemoryVault([Record("db-1", "unix")])

        @frozen
        class Touch(Script):
            kind = "touch"
            name: str

            def perform(self, run):
                return DONE

        class Offers:
            @hookimpl
            def taskkit_scripts(self):
                return [Touch]

        @pytest.fixture
        def taskkit_clock():
            return VirtualClock(pendulum.datetime(2030, 1, 1, tz="UTC"))

        @pytest.fixture
        def taskkit_vault():
            return VAULT

        @pytest.fixture
        def taskkit_storage():
            return STORAGE

        @pytest.fixture
        def taskkit_plugins():
            return [Offers()]

        @pytest.fixture
        def taskkit_settings():
            return Settings(lease=33)

        @pytest.fixture
        def taskkit_hosts():
            return FakeExecutor("other")

        def test_one(taskkit_engine, taskkit_house):
            assert taskkit_house.engine is taskkit_engine and taskkit_engine.storage is STORAGE
            assert taskkit_engine.settings.lease == 33 and taskkit_house.clock.moment.year == 2030
            assert "other" in taskkit_engine.plugins.executors and "fake" not in taskkit_engine.plugins.executors
            taskkit_engine.define(RecordType("unix"))
            taskkit_engine.define(Touch("touch"))
            task = taskkit_engine.put(Task("t", "touch", OnDemand()), list=of_type("unix"))
            job = taskkit_engine.demand(task.id, "db-1")
            taskkit_engine.drain()
            assert taskkit_engine.job(job).started.year == 2030
        """
    )
    pytester.runpytest().assert_outcomes(passed=1)


def test_ids_and_draws_are_the_same_in_each_test(house: pytest.Pytester) -> None:
    house.makepyfile(
        """
        import pytest
        seen = []

        @pytest.mark.parametrize("time", [1, 2])
        def test_one(engine, time):
            seen.append([engine.tasks()[0].id, engine._ground.rng.random()])
            assert seen[0] == seen[-1]
        """
    )
    house.runpytest().assert_outcomes(passed=2)


def test_an_engine_that_still_runs_is_stopped_behind_its_test(house: pytest.Pytester) -> None:
    house.makepyfile(
        """
        import threading
        import time

        def alive():
            return [thread.name for thread in threading.enumerate() if thread.name.startswith("taskkit")]

        def test_leaves_it_running(engine):
            threading.Thread(target=engine.run, name="taskkit-run", daemon=True).start()
            while engine._floor is None:
                time.sleep(0.001)
            assert alive()

        def test_it_runs_no_more():
            for thread in threading.enumerate():
                if thread.name.startswith("taskkit"):
                    thread.join(5)
            assert alive() == []
        """
    )
    house.runpytest().assert_outcomes(passed=2)


def test_an_engine_that_does_not_stop_fails_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest_plugin, "_PATIENCE", 0.05)
    hangs: Any = SimpleNamespace(_floor=SimpleNamespace(_stop=threading.Event()))
    with pytest.raises(pytest.fail.Exception, match="still runs"):
        pytest_plugin._stop(hangs)
    assert hangs._floor._stop.is_set()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ('ran("nightly", on="db-1", times=2)', "'nightly' ran once on db-1, not 2 times"),
        ('failed("nightly")', "'nightly' did not fail"),
        ('did_not_run("nightly")', "'nightly' began once, and should not have"),
        ('waits("nightly", for_=Why.SESSION)', "'nightly' does not wait for session"),
        ('told("JobFailed")', "JobFailed was not told"),
        ('did_not_tell("JobCompleted")', "JobCompleted was told once, and should not have been"),
        ('runs_next("nightly", at=None)', "'nightly' should run next not at all, and runs at 2026-03-03 02:30:00+00:00"),
    ],
)
def test_an_expectation_that_is_not_met_fails_where_the_test_says_it(house: pytest.Pytester, word: str, said: str) -> None:
    house.makepyfile(
        f"""
        from taskkit import *
        from taskkit.testing import expect

        def test_one(engine, taskkit_house):
            taskkit_house.pass_time(days=1)
            expect(engine).{word}
        """
    )
    result = house.runpytest()
    result.assert_outcomes(failed=1)
    shown = result.stdout.str()
    assert f"E       AssertionError: {said}" in shown
    assert "E         1. nightly on db-1, occurrence for 2026-03-02T02:30 UTC: completed, 2026-03-02 02:30:00" in shown
    assert "expectations.py" not in shown  # what is shown is the test


# contracts


def test_what_a_subject_keeps_is_told_in_one_line(suites: pytest.Pytester) -> None:
    suites.makepyfile(subject("TestBox"))
    result = suites.runpytest()
    result.assert_outcomes(passed=6)
    assert lines(result) == ["BoxContract on TestBox: 3 clauses kept, 0 closed"]
    result.stdout.fnmatch_lines(["*contracts of taskkit*"])


def test_a_closed_clause_is_left_out_and_not_skipped(suites: pytest.Pytester) -> None:
    suites.makepyfile(subject("TestBox", 'closed = {"C2": "it is flat"}', "keeps = False"))
    result, report = reported(suites)
    result.assert_outcomes(passed=3, deselected=3)
    assert lines(result) == ["BoxContract on TestBox: 2 clauses kept, 1 closed (C2: it is flat)"]
    assert report["subjects"][0]["clauses"]["C2"] == {"outcome": "closed", "reason": "it is flat"}


def test_only_the_subject_that_closes_a_clause_does_not_keep_it(suites: pytest.Pytester) -> None:
    suites.makepyfile(subject("TestBox") + 'class TestFlat(BoxContract):\n    closed = {"C10": "it is full"}\n')
    result = suites.runpytest()
    result.assert_outcomes(passed=11, deselected=1)
    assert lines(result) == [
        "BoxContract on TestBox: 3 clauses kept, 0 closed",
        "BoxContract on TestFlat: 2 clauses kept, 1 closed (C10: it is full)",
    ]


def test_the_report_has_all_of_it_for_machines(suites: pytest.Pytester) -> None:
    suites.makepyfile(test_box=subject("TestBox", "keeps = False", 'closed = {"C1": "it is sealed"}'))
    result, report = reported(suites)
    result.assert_outcomes(passed=4, failed=1, deselected=1)

    check = {"outcome": "passed", "reason": ""}
    assert report == {
        "format": 1,
        "taskkit": version("taskkit"),
        "pytest": pytest.__version__,
        "python": sys.version.split()[0],
        "subjects": [
            {
                "suite": "BoxContract", "subject": "TestBox", "place": "test_box.py::TestBox",
                "passed": 1, "failed": 1, "closed": 1, "not_run": 0,
                "clauses": {
                    "C1": {"outcome": "closed", "reason": "it is sealed"},
                    "C2": {"outcome": "failed", "reason": "AssertionError: it lost a large one"},
                    "C10": {"outcome": "passed", "reason": ""},
                },
                "others": {"test_what_is_closed_is_a_clause_and_has_a_reason": check},
            }
        ],
    }  # fmt: skip
    assert lines(result) == ["BoxContract on TestBox: 1 clause kept, 1 closed (C1: it is sealed), 1 failed (C2)"]
    assert list(report["subjects"][0]["clauses"]) == ["C1", "C2", "C10"]


def test_the_report_is_written_beside_where_pytest_was_called(suites: pytest.Pytester) -> None:
    suites.makepyfile(subject("TestBox"))
    suites.runpytest("--taskkit-report", "out/of/it.json")
    assert json.loads((suites.path / "out/of/it.json").read_text())["subjects"][0]["passed"] == 3


@pytest.mark.parametrize("keeps", [True, False])
def test_where_no_report_can_be_written_the_results_are_told_all_the_same(suites: pytest.Pytester, keeps: bool) -> None:
    suites.makepyfile(subject("TestBox", f"keeps = {keeps}"))
    suites.mkdir("taken")
    result = suites.runpytest("--taskkit-report=taken")
    assert result.ret == (pytest.ExitCode.USAGE_ERROR if keeps else pytest.ExitCode.TESTS_FAILED)
    kept = 3 if keeps else 2
    result.stdout.fnmatch_lines(
        [f"BoxContract on TestBox: {kept} clause* kept*", "--taskkit-report: */taken cannot be written: *", "*passed*"]
    )
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_without_contracts_the_report_is_empty_and_the_summary_silent(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("class Contract:\n    closed = {'C1': ''}\nclass TestOne(Contract):\n    def test_c01_one(self): pass")
    result, report = reported(pytester)
    result.assert_outcomes(passed=1)
    assert report["subjects"] == []
    assert "contracts of taskkit" not in result.stdout.str()


@pytest.mark.parametrize(
    ("lines_of_it", "became", "said"),
    [
        (["def test_c10_it_can_be_emptied(self): pytest.skip('no lid')"], "not_run", "Skipped: no lid"),
        (["@pytest.mark.xfail(reason='a known hole')", "def test_c10_a(self): assert 0"], "not_run", "expected to fail: a known hole"),
        (["@pytest.fixture", "def lid(self): raise OSError('no lid')", "def test_c10_a(self, lid): pass"], "failed", "OSError: no lid"),
        (
            ["@pytest.fixture", "def lid(self):", "    yield", "    raise OSError('it bit')", "def test_c10_a(self, lid): pass"],
            "failed",
            "OSError: it bit",
        ),
        (["def test_c10_a(self): pytest.fail('it is stuck')"], "failed", "Failed: it is stuck"),
    ],
)  # fmt: skip
def test_what_was_not_proved_is_not_kept(suites: pytest.Pytester, lines_of_it: list[str], became: str, said: str) -> None:
    suites.makepyfile(subject("TestBox", *lines_of_it))
    result, report = reported(suites)
    assert report["subjects"][0]["clauses"]["C10"] == {"outcome": became, "reason": said}
    assert lines(result) == [f"BoxContract on TestBox: 2 clauses kept, 0 closed, 1 {became.replace('_', ' ')} (C10)"]


def test_a_clause_of_which_a_test_was_left_out_is_not_kept(suites: pytest.Pytester) -> None:
    suites.makepyfile(test_box=subject("TestBox"))
    _, report = reported(suites, "-k", "sizes or c10")
    assert report["subjects"][0]["clauses"] == {
        "C1": {"outcome": "not_run", "reason": "0 of its 1 tests ran"},
        "C2": {"outcome": "not_run", "reason": "2 of its 3 tests ran"},
        "C10": {"outcome": "passed", "reason": ""},
    }
    _, others = reported(suites, "--deselect", "test_box.py::TestBox::test_c02_it_keeps_all_sizes[2]")
    assert others["subjects"][0]["clauses"]["C2"] == {"outcome": "not_run", "reason": "2 of its 3 tests ran"}
    _, named = reported(suites, "test_box.py::TestBox::test_c02_and_names_them")
    assert named["subjects"][0]["clauses"]["C2"]["outcome"] == "not_run"


def test_a_clause_whose_test_was_broken_off_is_not_kept(suites: pytest.Pytester) -> None:
    suites.makepyfile(subject("TestBox", "def test_c10_it_can_be_emptied(self): pytest.exit('enough')"))
    _, report = reported(suites)
    assert report["subjects"][0]["clauses"]["C10"] == {"outcome": "not_run", "reason": "it was broken off"}


def test_who_closes_without_a_reason_or_what_is_no_clause_fails(suites: pytest.Pytester) -> None:
    suites.makepyfile(subject("TestBox", 'closed = {"C2": " ", "C77": "who knows"}'))
    result, report = reported(suites)
    result.assert_outcomes(passed=2, failed=1, deselected=3)
    assert lines(result) == ["BoxContract on TestBox: 2 clauses kept, 1 closed (C2:  ), 1 beside them failed"]
    assert report["subjects"][0]["others"]["test_what_is_closed_is_a_clause_and_has_a_reason"]["outcome"] == "failed"


@pytest.mark.parametrize(
    ("closed", "said", "left_out"),
    [
        ("{'C10'}", "closed is a set: give each clause with its reason", 0),
        ("None", "closed is a NoneType: give each clause with its reason", 0),
        ("{'C1': None}", "closed without a reason, or no clauses of this suite: {'C1': None}", 1),
        ("{'C1': object}", "closed without a reason, or no clauses of this suite: {'C1': <class 'object'>}", 1),
    ],
)
def test_who_declares_what_is_closed_in_another_way_is_told_how(suites: pytest.Pytester, closed: str, said: str, left_out: int) -> None:
    """No other test of the session is broken off by that."""
    suites.makepyfile(subject("TestBox", f"closed = {closed}"))
    result, report = reported(suites)
    result.assert_outcomes(passed=5 - left_out, failed=1, deselected=left_out)
    told = report["subjects"][0]["others"]["test_what_is_closed_is_a_clause_and_has_a_reason"]
    assert told["outcome"] == "failed"
    assert said in told["reason"]


def test_a_suite_is_named_where_tests_have_names_of_another_form(suites: pytest.Pytester) -> None:
    suites.makeini("[pytest]\npython_classes = *Spec")
    suites.makepyfile(subject("BoxSpec") + "class BigBoxSpec(BoxSpec): pass\n")
    _, report = reported(suites)
    named = {(one["suite"], one["subject"]) for one in report["subjects"]}
    assert named == {("BoxContract", "BoxSpec"), ("BoxContract", "BigBoxSpec")}


def test_a_suite_is_named_however_far_it_is_inherited(suites: pytest.Pytester) -> None:
    suites.makepyfile(subject("TestBox") + "class TestBigBox(TestBox):\n    def test_beside(self): pass\n")
    suites.makepyfile(
        test_own="from taskkit.testing.contracts import Contract\nclass TestOwn(Contract):\n    def test_x01_one(self): pass\n"
    )
    _, report = reported(suites)
    assert [(one["suite"], one["subject"]) for one in report["subjects"]] == [
        ("BoxContract", "TestBigBox"),
        ("BoxContract", "TestBox"),
        ("TestOwn", "TestOwn"),
    ]
    assert report["subjects"][0]["others"]["test_beside"]["outcome"] == "passed"


def test_subjects_of_one_name_are_told_apart_by_their_places(suites: pytest.Pytester) -> None:
    suites.makepyfile(test_a=subject("TestBox"), test_b=subject("TestBox", "keeps = False"))
    _, report = reported(suites)
    assert [(one["place"], one["failed"]) for one in report["subjects"]] == [("test_a.py::TestBox", 0), ("test_b.py::TestBox", 1)]


def test_a_subject_that_another_module_imports_is_one_of_its_own_there(suites: pytest.Pytester) -> None:
    """Whoever inherits from it imports it, and pytest collects its tests there once more."""
    suites.makepyfile(test_a=subject("TestBox"), test_b="from test_a import TestBox\nclass TestBigBox(TestBox): pass\n")
    _, report = reported(suites)
    places = {one["place"]: (one["passed"], one["not_run"]) for one in report["subjects"]}
    assert places == {"test_a.py::TestBox": (3, 0), "test_b.py::TestBigBox": (3, 0), "test_b.py::TestBox": (3, 0)}


# several processes


def test_with_several_processes_the_report_is_the_same(suites: pytest.Pytester) -> None:
    suites.makepyfile(
        test_a=subject("TestBox", "keeps = False", "late = [1]"), test_b=subject("TestFlat", 'closed = {"C10": "it is full"}')
    )
    alone = reported(suites, "-p", "no:xdist")[1]
    result = suites.runpytest_subprocess("-n", "2", "--dist=load", "--taskkit-report=several.json")
    result.assert_outcomes(passed=9, failed=2)
    assert json.loads((suites.path / "several.json").read_text()) == alone
    assert lines(result) == [
        "BoxContract on TestBox: 1 clause kept, 0 closed, 2 failed (C2, C10)",
        "BoxContract on TestFlat: 2 clauses kept, 1 closed (C10: it is full)",
    ]


def test_one_of_several_processes_writes_no_report_of_its_own(tmp_path: Path) -> None:
    place = SimpleNamespace(dir=tmp_path)
    worker: Any = SimpleNamespace(getoption=lambda *_: "report.json", invocation_params=place, workerinput={})
    session: Any = SimpleNamespace(exitstatus=0)
    Reports(worker).pytest_sessionfinish(session)
    assert list(tmp_path.iterdir()) == []
    alone: Any = SimpleNamespace(getoption=lambda *_: "report.json", invocation_params=place)
    Reports(alone).pytest_sessionfinish(session)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


# what is written of it


def test_the_tests_of_the_how_to_page_pass(pytester: pytest.Pytester) -> None:
    page = (DOCS / "how-to" / "test-your-tasks.md").read_text(encoding="utf-8")
    code = "\n\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    (pytester.path / "test_page.py").write_text(code, encoding="utf-8")
    tests = code.count("def test_")
    assert tests >= 8
    pytester.runpytest("-W", "error").assert_outcomes(passed=tests)


def test_all_of_it_is_documented(suites: pytest.Pytester) -> None:
    page = (DOCS / "reference" / "pytest.md").read_text(encoding="utf-8")
    told = {word for term in re.findall(r"^(`[^\n]+`)\n: ", page, re.MULTILINE) for word in re.findall(r"`(\w+)`", term)}
    suites.makepyfile(subject("TestBox"))
    _, report = reported(suites)
    fixtures = {name for name in vars(pytest_plugin) if name.startswith("taskkit_")}
    assert told == fixtures | set(report) - {"subjects"} | set(report["subjects"][0])
    assert "## `--taskkit-report=FILE`" in page
    shown = json.loads(re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0])
    assert list(shown) == list(report)
    assert list(shown["subjects"][0]) == list(report["subjects"][0])


def test_it_is_an_entry_point_of_the_package() -> None:
    text = (DOCS.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points.pytest11]\ntaskkit = "taskkit.testing.pytest_plugin"\n' in text
