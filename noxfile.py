"""Everything that can be run: `nox -l` lists it. Interpreters that are not found are named and left out."""

from __future__ import annotations

import shutil
import subprocess

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["lint", "types", "docs", "tests"]
nox.options.reuse_existing_virtualenvs = True

WANTED = ["3.11", "3.12", "3.13", "3.14"]


def works(python: str) -> bool:
    """A shim on the path may stand for an interpreter that is not there."""
    found = shutil.which(f"python{python}")
    return bool(found) and subprocess.run([str(found), "-c", ""], capture_output=True, check=False).returncode == 0


FOUND = [python for python in WANTED if works(python)]


def install(session: nox.Session, *groups: str) -> None:
    """Into the session's own environment; `--no-venv`, as make does it, uses the one that is there."""
    if session.virtualenv.is_sandboxed:
        session.install("--quiet", "--upgrade", "pip>=25.1")  # the first that knows dependency groups
        session.install("--quiet", "-e", ".[cli]", *(part for group in groups for part in ("--group", group)))


@nox.session(python=FOUND)
def tests(session: nox.Session) -> None:
    """The whole suite on every interpreter that is found."""
    absent = [python for python in WANTED if python not in FOUND]
    if absent:
        session.warn(f"not found, so not tested: {', '.join(absent)}")
    install(session, "test", "peers", "examples")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: rules and layout."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict."""
    install(session, "types", "test", "docs", "peers", "examples", "nox")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, warnings as errors."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html")


@nox.session
def examples(session: nox.Session) -> None:
    """The examples and the code of README and docs."""
    install(session, "test", "examples")
    session.run("pytest", "tests/test_examples.py", "tests/examples", "tests/test_docs.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Ratios against peers and against hand-written arithmetic, in one run."""
    install(session, "peers")
    for name in ("intervals", "jobs", "year", "forecast", "explain", "ssh", "storages"):
        session.run("python", f"bench/{name}.py", *session.posargs)


@nox.session
def sweep(session: nox.Session) -> None:
    """Every distinct change of every zone, ±36 hours, over a grid of rules: minutes, not seconds."""
    install(session, "test")
    session.run("pytest", "-m", "sweep", *session.posargs, env={"TASKKIT_SWEEP": "full"})


@nox.session
def races(session: nox.Session) -> None:
    """A hundred thousand lease races of simulated processes that die, stall and lose answers."""
    install(session, "test")
    session.run("pytest", "tests/testing/test_races.py", *session.posargs, env={"TASKKIT_RACES": "100000"})


@nox.session
def crashes(session: nox.Session) -> None:
    """A thousand processes that are killed on durable stores, and servers, connections and disks that fail under others."""
    install(session, "test")
    session.run("pytest", "tests/crash", "-m", "sweep or not sweep", *session.posargs, env={"TASKKIT_KILLS": "1000"})


@nox.session
def rotations(session: nox.Session) -> None:
    """Rotations that go wrong at each call, in each way, and in all orders of two workers; also on a real sshd, in pieces: hours."""
    install(session, "test")
    session.run("pytest", "tests/testing/test_crash_kit.py", *session.posargs, env={"TASKKIT_ROTATIONS": "all"})


@nox.session
def cuts(session: nox.Session) -> None:
    """SSH connections that are cut after each single byte of both ways: an hour, not minutes."""
    install(session, "test")
    session.run("pytest", "tests/plugins/executors/ssh/test_faults.py", *session.posargs, env={"TASKKIT_CUTS": "100000"})


@nox.session
def explained(session: nox.Session) -> None:
    """What is said about tomorrow, over five thousand random days: each is explained, played and compared."""
    install(session, "test")
    tests = "tests/engine/test_explained_days.py"
    session.run("pytest", tests, "-m", "sweep or not sweep", *session.posargs, env={"TASKKIT_EXPLAINED": "5000"})


@nox.session
def mutation(session: nox.Session) -> None:
    """How many small mistakes in intervals and windows the fast tests notice; stops after its time."""
    install(session, "test", "mutation")
    session.run("python", "tools/mutation.py", *session.posargs)
