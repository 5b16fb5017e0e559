"""What a terminal shows of all that a machine says, as a reader sees it: overwritten, rubbed out, without colours and cursors.

One character after the other decides, so that it makes no difference how what was said is cut into packets. Lines only: a program
that paints a whole screen is read as the lines that it paints.
"""

from __future__ import annotations

import re
from collections.abc import Callable

#: A line that is longer goes on in the next, as on every terminal.
WIDEST = 65_536
_TAB = 8
#: An escape that is not over by then is none, and nothing of it is said.
_LONGEST_ESCAPE = 4096
_PLAIN = re.compile(r"[^\x00-\x1f\x7f\x80-\x9f]+")
_NUMBERS = re.compile(r"\d+")
_FAR = 6  #: digits of a number that anybody means


class Screen:
    """`line` is what stands in the last line since what was said before it was read; each line that ended goes to `ended`."""

    def __init__(self, ended: Callable[[str], object]) -> None:
        self._ended = ended
        self._line = ""
        self._at = 0  # the column of the cursor
        self._read = 0  # so much of the line has been read
        #: How many columns that had been read are there to be read again, as the machine rubbed out what it had said.
        self.rubbed = 0
        self._escape = ""

    @property
    def line(self) -> str:
        return self._line[self._read :]

    def feed(self, text: str) -> None:
        place = 0
        while place < len(text):
            if self._escape:
                self._go_on_with_escape(text[place])
                place += 1
            elif plain := _PLAIN.match(text, place):
                self._write(plain[0])
                place = plain.end()
            else:
                self._control(text[place])
                place += 1

    def read(self) -> None:
        """What stands there by now is read: `line` begins behind it."""
        self._read, self.rubbed = self._at, 0

    def rub_out(self) -> None:
        """What stands in the last line is no more there for a reader; the cursor stays where it is."""
        self._line = self._line[: self._read].ljust(len(self._line))

    # what is said

    def _write(self, text: str) -> None:
        while text:
            room = WIDEST - self._at
            if not room:
                self._end_line()
                continue
            self._put(text[:room])
            text = text[room:]

    def _put(self, text: str) -> None:
        end = self._at + len(text)
        if self._at < self._read:  # what is written over with the same, a prompt that is painted anew, has been read all the same
            here = zip(self._line[self._at : self._read], text, strict=False)
            self._unread(next((self._at + number for number, (old, new) in enumerate(here) if old != new), self._read))
        self._line = self._line[: self._at] + text + self._line[end:]
        self._at = end

    def _control(self, char: str) -> None:
        if char == "\x1b":
            self._escape = char
        elif char in "\n\v\f":
            self._end_line()
        elif char == "\r":
            self._at = 0
        elif char == "\b":
            self._at = max(0, self._at - 1)
        elif char == "\t":
            self._move_to((self._at // _TAB + 1) * _TAB)

    def _end_line(self) -> None:
        self._ended(self.line.rstrip())
        self._line, self._at, self._read = "", 0, 0

    def _leave_line(self) -> None:
        if self.line.strip():
            self._end_line()
        else:
            self._line, self._at, self._read = "", 0, 0

    def _move_to(self, column: int) -> None:
        self._at = min(max(0, column), WIDEST)
        self._line = self._line.ljust(self._at)

    # escapes

    def _go_on_with_escape(self, char: str) -> None:
        if char in "\x18\x1a":  # taken back
            self._escape = ""
            return
        self._escape += char
        said = self._escape
        if said[1] == "[":
            if len(said) > 2 and "@" <= char <= "~":
                self._obey(char, said[2:-1])
                self._escape = ""
        elif said[1] in "]PX^_":  # titles and the like, up to a bell or a string terminator
            self._escape = "" if char == "\a" or said.endswith("\x1b\\") else said
        elif not " " <= char <= "/":
            self._escape = ""
        if len(self._escape) > _LONGEST_ESCAPE:
            self._escape = ""

    def _obey(self, order: str, given: str) -> None:
        number = max(1, int(found[0][:_FAR])) if (found := _NUMBERS.search(given)) else 1
        if order == "C":
            self._move_to(self._at + number)
        elif order == "D":
            self._move_to(self._at - number)
        elif order in "G`":
            self._move_to(number - 1)
        elif order in "KJ":
            self._erase(given)
        elif order in "PX":
            self._take_away(number, close=order == "P")
        elif order == "@":
            self._rest(" " * min(number, WIDEST) + self._line[self._at :])
        elif order in "BEHdf":  # elsewhere on the screen
            self._leave_line()

    def _erase(self, given: str) -> None:
        if given in ("", "0"):
            self._rest("")
        else:
            end = self._at if given == "1" else len(self._line)
            self._line = " " * end + self._line[end:]
            self._unread(0)

    def _take_away(self, number: int, *, close: bool) -> None:
        self._rest(("" if close else " " * min(number, WIDEST)) + self._line[self._at + number :])

    def _rest(self, text: str) -> None:
        """What stands from the cursor on."""
        self._line = (self._line[: self._at] + text)[:WIDEST]
        self._unread(self._at)

    def _unread(self, column: int) -> None:
        if column < self._read:
            self.rubbed += self._read - column
            self._read = column
