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
        self._run, self._secrets, self._ears = run, secrets, list[_Ear]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def scrub_stream(self) -> Stream:
        self._ears.append(_Ear(self._run.scrub_stream()))
        return self._ears[-1]

    @property
    def run(self) -> Run:
        return cast(Run, self)

    @property
    def text(self) -> str:
        """Without the secrets themselves."""
        text = "\n".join(said for ear in self._ears for said in ear.heard)
        for secret in self._secrets:
            text = text.replace(secret.reveal_bytes().decode(errors="replace"), _GAP)
        return text


class _Ear(Stream):
    __slots__ = ("heard",)

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream._scrubber)
        self.heard: list[str] = []

    def feed(self, piece: str) -> str:
        self.heard.append(piece)
        return super().feed(piece)

    def leap(self, text: str) -> int:
        self.heard.append(text)
        return super().leap(text)

    def forget(self) -> None:
        self.heard.clear()
        super().forget()

    def finish(self, last: str = "") -> str:
        self.heard.append(last)
        return super().finish(last)
