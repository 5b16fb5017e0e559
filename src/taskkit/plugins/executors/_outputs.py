"""What a command says, as far as it is kept: decoded and scrubbed as it comes, then its beginning and its end.

Scrubbed first and cut afterwards: the other way round, half a secret would stand where the cut goes through one.
"""

from __future__ import annotations

import codecs
import re

from attrs import frozen

from taskkit.scrubbing import Stream


@frozen
class Output:
    """The beginning and the end of what was said; `left_out` bytes stood between them."""

    head: str
    tail: str = ""
    left_out: int = 0

    def __str__(self) -> str:
        return f"{self.head}\n[… {self.left_out} bytes left out …]\n{self.tail}" if self.left_out else self.head

    def search(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """A match in the beginning or in the end; none bridges what was left out."""
        return pattern.search(self.head) or pattern.search(self.tail)

    def read(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """A match in whole lines only: half a number would be another number."""
        return self._whole_lines().search(pattern) if self.left_out else self.search(pattern)

    def _whole_lines(self) -> Output:
        return Output(self.head[: self.head.rfind("\n") + 1], self.tail.partition("\n")[2])


SILENCE = Output("")
#: Characters that are looked at together, when it is time to leave some out.
_MOST_WAITING = 262_144


class Recorder:
    """Takes the pieces of one stream and keeps no more than `cap` bytes of them, however much comes.

    When the beginning is full, what comes is scrubbed at the end alone: the most of much is left out, and nobody has to look through it.
    """

    def __init__(self, stream: Stream, cap: int) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stream, self._half = stream, cap // 2
        self._head, self._tail, self._said = bytearray(), bytearray(), 0
        self._later, self._waiting, self._leapt = list[str](), 0, False

    def feed(self, piece: bytes) -> None:
        text = self._decoder.decode(piece)
        if len(self._head) < self._half:
            self._keep(self._stream.feed(text))
            return
        self._later.append(text)
        self._waiting += len(text)
        if self._waiting > 2 * (self._half + self._stream.back) + _MOST_WAITING:
            self._leave_out()

    def finish(self) -> Output:
        """All that was kept; no piece follows."""
        self._later.append(self._decoder.decode(b"", final=True))
        if self._leapt:
            self._leave_out()
        later = "".join(self._later)
        if self._leapt:
            self._said += self._stream.leap(later)
            later = ""
        self._keep(self._stream.feed(later) + self._stream.finish())
        left_out = self._said - len(self._head) - len(self._tail)
        return Output(_text(self._head), _text(self._tail), left_out) if left_out else Output(_text(self._head + self._tail))

    def _leave_out(self) -> None:
        """All but what the end may need, and what stands before that and may be the beginning of a secret in it."""
        if not self._leapt:
            self._leapt = True
            self._said += len(self._stream.finish().encode())
            self._tail.clear()
        text = "".join(self._later)
        cut = max(0, len(text) - self._half - self._stream.back)
        self._said += len(text[:cut].encode())
        self._later, self._waiting = [text[cut:]], len(text) - cut

    def _keep(self, text: str) -> None:
        said = text.encode()
        self._said += len(said)
        room = self._half - len(self._head)
        self._head += said[:room]
        self._tail += said[room:]
        del self._tail[: max(0, len(self._tail) - self._half)]


def _text(kept: bytearray) -> str:
    # The cut may have gone through a character; and a NUL, harmless here, is one that databases refuse.
    return kept.decode(errors="ignore").replace("\0", "\ufffd")
