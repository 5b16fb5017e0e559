"""What holds for the whole run."""

from __future__ import annotations

import os

import pytest

pytest_plugins = [
    "pytester", "tests.servers.postgresql", "tests.servers.sshd", "tests.servers.box", "tests.servers.accounts",
    "tests.servers.dropbear", "tests.canary.watch",
]  # fmt: skip


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Three for two processors, where nobody says otherwise: many tests wait for a machine, or for a lease to run out."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else -(-3 * (os.cpu_count() or 1) // 2)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a long proof counted, in every run."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "said":
                terminalreporter.write_line(value)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is an error: what it needs has to be installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("TASKKIT_CI") and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(skipped)} skipped, which CI takes as an error", red=True)  # type: ignore[union-attr]
