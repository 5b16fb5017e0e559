"""What a machine says as it stands, for whoever decides by its words: beside a short secret all is withheld, words of rules, too.

Nothing of it is told: what is told has gone through the run's own scrubber, as everything does (S1).
"""

from __future__ import annotations

from typing import Any, cast

from taskkit.plugins.runs import Run
from taskkit.scrubbing import Stream
from taskkit.secrets import Secret

#: In the place of a secret, so that no word of its own is taken for one of a rule.
_GAP = "\0"


class Ears:
    """A run that hears what its streams are given."""

    def __init__(self, run: Run, *secrets: Secret) -> None:
        self._run, self._secrets, self._heard = run, secrets, list[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def scrub_stream(self) -> Stream:
        return _Ear(self._run.scrub_stream(), self._heard)

    @property
    def run(self) -> Run:
        return cast(Run, self)

    @property
    def text(self) -> str:
        """Without the secrets themselves."""
        text = "\n".join(self._heard)
        for secret in self._secrets:
            text = text.replace(secret.reveal_bytes().decode(errors="replace"), _GAP)
        return text


class _Ear(Stream):
    __slots__ = ("_heard",)

    def __init__(self, stream: Stream, heard: list[str]) -> None:
        super().__init__(stream._scrubber)
        self._heard = heard

    def feed(self, piece: str) -> str:
        self._heard.append(piece)
        return super().feed(piece)

    def leap(self, text: str) -> int:
        self._heard.append(text)
        return super().leap(text)

    def finish(self, last: str = "") -> str:
        self._heard.append(last)
        return super().finish(last)
