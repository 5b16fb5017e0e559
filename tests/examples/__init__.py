"""Examples that are more than a page: each is run as its reader would run it, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import taskkit

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
SOURCE = Path(taskkit.__file__).parent.parent
#: Seconds, for what takes some: a machine may be slow.
PATIENCE = 120


def copied(name: str, to: Path) -> Path:
    """A copy to work in, so that nothing is left in the checkout, and two tests do not meet there."""
    return shutil.copytree(EXAMPLES / name, to / name, ignore=shutil.ignore_patterns("__pycache__", "*.db*"))


def environment(*paths: Path, **more: str) -> dict[str, str]:
    """Ours, and what is imported from these folders first."""
    given = os.environ.get("PYTHONPATH", "")
    found = os.pathsep.join([*map(str, (*paths, SOURCE)), *([given] if given else [])])
    return {**os.environ, "PYTHONPATH": found, "PYTHONDONTWRITEBYTECODE": "1", **more}


def python(*words: str | Path, cwd: Path, env: dict[str, str]) -> str:
    """What it prints on both ways; warnings are errors there, too."""
    command = [sys.executable, "-W", "error", *words]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=cwd, env=env, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def started(*words: str | Path, cwd: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed where it has not ended before."""
    command = [sys.executable, "-W", "error", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd, env=env) as process:
        try:
            yield process
        finally:
            process.kill()
