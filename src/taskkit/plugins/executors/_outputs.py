"""What a command says, as far as it is kept: its beginning and its end, decoded and scrubbed.

Scrubbed first and cut afterwards: the other way round, half a secret would stand where the cut goes through one.
"""

from __future__ import annotations

import codecs
import re
from collections import deque

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
#: Bytes that are looked at together, at the end or when it is time to leave some out.
_MOST_WAITING = 262_144
#: Bytes that a character takes at most.
_WIDEST = 4
_CONTINUATIONS = bytes(range(0x80, 0xC0))
_DECODER = codecs.getincrementaldecoder("utf-8")


class Recorder:
    """Takes the pieces of one stream and keeps no more than `cap` bytes of them, however much comes.

    Pieces wait as they came. Little is decoded and scrubbed in one at the end; of much, the beginning when it is there, and at the end what
    then stands last: the most is left out, and nobody has to look through it.
    """

    def __init__(self, stream: Stream, cap: int) -> None:
        self._stream, self._half = stream, cap // 2
        self._begin()

    def _begin(self) -> None:
        self._decoder = _DECODER("replace")
        self._head, self._tail, self._said = bytearray(), bytearray(), 0
        self._pieces, self._waiting, self._leapt = deque[bytes](), 0, False

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > _MOST_WAITING and self._waiting > 2 * self._needed + _MOST_WAITING:
            self._fill_head()
            self._leave_out()

    def forget(self) -> None:
        """What has come so far counts for nothing."""
        self._stream.forget()
        self._begin()

    def finish(self) -> Output:
        """All that was kept; no piece follows."""
        if not self._said and not self._waiting:
            return SILENCE
        if self._leapt:
            self._leave_out()
        last = b"".join(self._pieces)
        text = self._decoder.decode(last.lstrip(_CONTINUATIONS) if self._leapt else last, final=True)
        if self._leapt:
            self._said += self._stream.leap(text)
            text = ""
        self._keep(self._stream.finish(text))
        left_out = self._said - len(self._head) - len(self._tail)
        return Output(_text(self._head), _text(self._tail), left_out) if left_out else Output(_text(self._head + self._tail))

    @property
    def _needed(self) -> int:
        """So many bytes hold the end, and before it whatever may be the rest of a secret."""
        return self._half + _WIDEST * self._stream.back

    def _fill_head(self) -> None:
        while self._pieces and len(self._head) < self._half:
            self._keep(self._stream.feed(self._decoder.decode(self._taken())))

    def _leave_out(self) -> None:
        """All but what the end may need."""
        while self._pieces and self._waiting - len(self._pieces[0]) >= self._needed:
            if not self._leapt:
                self._leapt = True
                self._said += len(self._decoder.getstate()[0]) + len(self._stream.finish().encode())
                self._decoder.reset()
                self._tail.clear()
            self._said += len(self._taken())

    def _taken(self) -> bytes:
        piece = self._pieces.popleft()
        self._waiting -= len(piece)
        return piece

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
