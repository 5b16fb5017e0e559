"""What is left of a secret that was typed where it is echoed: a line that scrolls shows a piece of it, which no scrubber knows (S1)."""

from __future__ import annotations

from collections.abc import Sequence

from taskkit.scrubbing import REPLACED
from taskkit.secrets import Secret

#: So many characters of a secret are a piece of it.
_PIECE = 4


class Echo:
    """Of what was typed last; asked of the lines that follow, in order. The first that holds no piece ends it: output comes then."""

    def __init__(self, typed: Sequence[Secret | str] = ()) -> None:
        self._secrets = tuple(part for part in typed if isinstance(part, Secret))

    def shown(self, line: str) -> str:
        """Withheld as a whole: what is left around a piece would give it away."""
        return REPLACED if any(_holds_piece(line, secret) for secret in self._secrets) else line

    def ended(self, line: str) -> str:
        """The same, of a line that is over."""
        shown = self.shown(line)
        if shown == line:
            self._secrets = ()
        return shown


def _holds_piece(line: str, secret: Secret) -> bool:
    """A whole secret is none: that is the scrubber's."""
    text = secret.reveal_bytes().decode(errors="replace")
    rest = line.replace(text, "\n")
    return any(text[at : at + _PIECE] in rest for at in range(len(text) - _PIECE + 1))
