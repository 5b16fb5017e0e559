"""What a dialogue types, with all places filled in: no value is more than an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from attrs import field, frozen

from taskkit.errors import InvalidValue
from taskkit.plugins.runs import Run
from taskkit.scripts._exchanges import KEYS, SILENCE, Cue
from taskkit.scripts._fields import Fields
from taskkit.scripts._templates import Place, pieces
from taskkit.secrets import Secret

if TYPE_CHECKING:
    from taskkit.scripts.dialogue import Dialogue

#: What a place may put into a line beside other text: nothing that ends a word, asks for help or begins a command.
_WORD = re.compile(r"[\w@%+=:,./-]+")
#: What pagers say of themselves, the same on most machines.
PAGER = Cue(r"/(?i)(?:-{2,}|<-+) ?\(?more(?: \d+%)?\)? ?(?:-{2,}|-+>)/", "<space>")


@frozen
class Answer:
    """What is typed, with all places filled in."""

    parts: tuple[Secret | str, ...] = field(repr=False)
    enter: bool

    @classmethod
    def of(cls, template: str, fields: Fields, any_value: bool) -> Self:
        """InvalidValue where a value would be more than an answer: a line end in it would be a command of its own."""
        if template in KEYS:
            return cls((KEYS[template],), False)
        parts, asked = fields.stdin(template) or (), pieces(template)
        for part, piece in zip(parts, asked, strict=True):
            text = part.reveal() if isinstance(part, Secret) else part
            if not text.isprintable():
                raise InvalidValue(f"filling in {piece}", "it holds control characters", "nobody can type it into a line")
            if isinstance(piece, Place) and isinstance(part, str) and len(asked) > 1 and not any_value and not _WORD.fullmatch(text):
                case = "beside other text it is more than a word: it could be read as a command"
                raise InvalidValue(f"filling in {piece}", case, "answer with it alone, or say values='any'")
        return cls(parts, True)

    @property
    def is_secret(self) -> bool:
        return any(isinstance(part, Secret) for part in self.parts)


def answers(dialogue: Dialogue, run: Run) -> Mapping[str, Answer]:
    """All answers, before anybody connects."""
    fields, cues = Fields(run), [*dialogue.cues, PAGER]
    made = {cue.answer: Answer.of(cue.answer, fields, dialogue.values == "any") for cue in cues if cue.answer is not None}
    for cue in (*dialogue.always, *(cue for cue in dialogue.cues if cue.prompt == SILENCE)):
        if cue.answer is not None and made[cue.answer].is_secret:
            raise InvalidValue(f"preparing {cue.prompt!r}", "a secret would be said again and again", "say it to one prompt")
    return made
