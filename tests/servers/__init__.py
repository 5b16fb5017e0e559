"""Real servers for the tests: each private, on loopback, in a folder of its own. One that is missing is a skip, and in CI an error."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from tools.servers import Server

#: Ends when its input does, which is when the process that started it has ended, in whatever way: then no server and no folder stays.
#: The folder is the working directory of its server; the number alone could be another's by now. Its file `last` says what else is to go.
WARDEN = """\
cat >/dev/null
folder=$1
pid=$(cat "$folder/pid")
ours() { case "$(readlink "/proc/$pid/cwd")" in "$folder" | "$folder"/*) return 0 ;; *) return 1 ;; esac; }
for signal in QUIT KILL; do
    if ours; then kill -s "$signal" "$pid"; fi
    tries=0
    while ours && [ "$tries" -lt 100 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
done
if [ -f "$folder/last" ]; then /bin/sh "$folder/last"; fi
rm -rf "$folder"
"""


def program(name: str) -> Path:
    """Where a server of the table in `tools/servers.py` is; without it, the test ends here."""
    from tools.servers import SERVERS  # not above: a copy of the tests without the tools can still run what needs no server

    return SERVERS[name].found() or missing(SERVERS[name])


def missing(server: Server) -> NoReturn:
    if os.environ.get("TASKKIT_CI"):
        pytest.fail(server.lacking(), pytrace=False)
    pytest.skip(server.lacking())


@contextmanager
def folder(name: str, owner: str | None = None) -> Iterator[Path]:
    """A folder that is gone afterwards, and with it the server whose process id stands in its file `pid`, also when we are killed."""
    # pytest's own folders are closed to other accounts, and so may be what TMPDIR says
    place = Path(tempfile.mkdtemp(prefix=f"taskkit-{name}-", dir="/tmp" if owner else None)).resolve()  # noqa: S108
    if owner:
        shutil.chown(place, owner)
    command = ["/bin/sh", "-c", WARDEN, "taskkit-warden", str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", start_new_session=True):
        yield place


def free_port() -> int:
    """Free now; who binds it has to be ready to ask again.

    None that the system gives to clients: one that calls again and again while its server is down would at last be connected to
    itself, and hold the port.
    """
    while True:
        port = 20000 + secrets.randbelow(10000)
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
