"""By which rule a machine refused a new secret, by what it said: the words of PAM's modules, of shadow's and of BusyBox's programs.

They are asked to speak English: `LC_ALL=C`.
"""

from __future__ import annotations

import re

#: The first that fits counts: most modules say "BAD PASSWORD" or the like before whatever they find.
_RULES = (
    ("too_young", r"must wait longer|can ?not be changed (yet|now|so soon)|minimum (password )?age"),
    (
        "in_history",
        r"already (been )?used|(recently|previously) used|password history|is the same as|must be different|password has not been changed",
    ),
    ("too_short", r"too short|shorter than|longer password|at least \d+ characters|minimum length"),
    (
        "too_simple",
        r"bad password|bad: new|weak password|too (simple|simplistic|weak|similar)|similar to|simplistic|dictionary|palindrome"
        r"|case changes only|just (rotated|wrapped)|in some form|different characters|class(es)? consecutively|too many|too few"
        r"|monotonic|contains (less|more) than|easily guessed|not (contain )?enough",
    ),
    ("other", r"quality check|password policy|does not meet|rejected|shorter password|too long"),
)
_FOUND = [(word, re.compile(pattern, re.IGNORECASE)) for word, pattern in _RULES]
#: What stands beside it where the rule was obeyed, and not only warned of: nothing has been written by then. "password unchanged" is no
#: such word: shadow's passwd says so after every error of PAM, also of a module that comes after the writing.
_OBEYED = re.compile(r"token manipulation error|maximum number of (tries|retries)|preliminary check|is unchanged|try again", re.IGNORECASE)
#: Somebody else has the file, or the host cannot write to it at all.
_BUSY = re.compile(r"lock busy|try again later|file busy", re.IGNORECASE)
_NOBODY = re.compile(r"no such user|unknown user|user .* does not exist", re.IGNORECASE)
_PERMISSION = re.compile(r"permission denied|you may not (view or modify|change)|not authori[sz]ed|only root", re.IGNORECASE)


def rule_of(text: str) -> str | None:
    """A word of `passwords.Objection`."""
    return next((word for word, pattern in _FOUND if pattern.search(text)), None)


def is_obeyed(text: str) -> bool:
    return _OBEYED.search(text) is not None


def is_busy(text: str) -> bool:
    return _BUSY.search(text) is not None


def is_forbidden(text: str) -> bool:
    return _PERMISSION.search(text) is not None


def names_nobody(text: str) -> bool:
    return _NOBODY.search(text) is not None
