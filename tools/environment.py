"""Makes the private environment under .venv; needs nothing but Python. Run by make, as `environment.py demo` or `environment.py dev`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
VENV = HOME / ".venv"
WANTED = {"demo": ["-e", ".[cli,ssh]", "--group", "peers"], "dev": ["-e", ".[cli]", "--group", "dev"]}
NO_VENV = """\
Making .venv failed: this Python has no venv module. On Debian and Ubuntu, this line mends it:

    sudo apt-get install python3-venv

Or name another interpreter: make test PYTHON=/path/to/python3.12
"""


def main(kind: str) -> int:
    if sys.version_info < (3, 11):
        return fail(f"taskkit needs Python 3.11 or newer, this is {sys.version.split()[0]}: make {kind} PYTHON=/path/to/python3.11\n")
    try:
        import ensurepip  # noqa: F401  Debian takes it out of the standard library
        import venv
    except ImportError:
        return fail(NO_VENV)
    if not (VENV / "bin" / "python").exists():
        say(f"making a private environment in {VENV.name}")
        venv.create(VENV, with_pip=True)
    say("installing taskkit and what it needs")
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    for arguments in (["--upgrade", "pip>=25.1"], WANTED[kind]):  # 25.1 knows dependency groups
        if code := subprocess.call([*pip, *arguments], cwd=HOME):
            return code
    (VENV / kind).touch()
    return 0


def say(text: str) -> None:
    sys.stderr.write(f"taskkit: {text}\n")


def fail(text: str) -> int:
    sys.stderr.write(text)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
