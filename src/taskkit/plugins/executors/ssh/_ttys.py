"""A command with a terminal, for rules of sudo that want one (`requiretty`): what it says on its errors comes with its output.

The terminal is asked to be a plain pipe: it echoes nothing, and no letter means anything to it. That it is one, our shell says with a mark;
before that nothing is said to it, and what it says is not the command's. A terminal knows no end of input, so that our shell reads as many
bytes as there are, and hands them on by a pipe.
"""

from __future__ import annotations

import shlex
import struct

from paramiko import Channel

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._endings import Patience
from taskkit.plugins.executors._expectations import Judgement
from taskkit.plugins.executors._ptys import COLUMNS, ROWS, TERM
from taskkit.plugins.executors.ssh._exchanges import Exchange
from taskkit.plugins.executors.ssh._privileges import Spoken, new_mark
from taskkit.plugins.executors.ssh._questions import told_of
from taskkit.plugins.executors.ssh._talks import Keeper, Sieve, Talk, Told

#: Switched off (RFC 4254, 8): changes of letters on the way in and out, signals, lines, echo.
_OFF = (34, 35, 36, 38, 39, 40, 50, 51, 53, 54, 55, 56, 59, 60, 61, 62, 70, 72)
_MODES = b"".join(struct.pack(">BI", mode, 0) for mode in _OFF) + b"\0"
#: With this our shell ends where it has no terminal, or cannot make a pipe of it.
_NONE = 126
_BEGUN = """stty raw -echo 2>/dev/null || exit 126
printf '%s\\n' "$1"
case $2 in 0) exec /bin/sh -c "$3" </dev/null ;; esac
head -c "$2" | /bin/sh -c "$3"
"""


class TerminalTalk(Talk):
    """What stands in the stdin is said once the terminal is known to echo nothing (S1)."""

    def __init__(self, exchange: Exchange, channel: Channel, patience: Patience, spoken: Spoken, out: Keeper) -> None:
        self._mark, self._spoken = new_mark(), spoken
        self._begun = Sieve(f"{self._mark}\n".encode(), out, forgets=True)
        exchange.give_terminal(channel, TERM, COLUMNS, ROWS, _MODES)
        super().__init__(exchange, channel, patience, spoken.stdin or b"", self._begun.feed, self._begun.feed)

    @property
    def line(self) -> str:
        return shlex.join(["/bin/sh", "-c", _BEGUN, "sh", self._mark, str(len(self._spoken.stdin or b"")), self._spoken.line])

    def finish(self) -> bool:
        """Whether the command was begun; where it was not, what came instead is told as its output."""
        self._begun.finish()
        return self._begun.found

    def _feed(self) -> bool:
        return self._begun.found and super()._feed()


def not_begun(told: Told, said: str) -> Judgement | None:
    """Why it certainly was not; None where the mark may have been on its way."""
    if (error := told_of(said)) is not None:
        return Judgement("not_done", error, f"it was not begun, as the machine wants something first; it says {said[:200]!r}")
    if told.end.exit == _NONE:
        case = "the machine gives no terminal, or lacks stty; look at PermitTTY, and at the options of the key"
        return Judgement("not_done", ErrorClass.PERMISSION, f"it was not begun: {case}")
    return None
