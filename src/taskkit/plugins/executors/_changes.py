"""What every executor that changes secrets looks at before it touches a host, and how refusals are told."""

from __future__ import annotations

from taskkit.outcomes import ErrorClass, NotDone
from taskkit.plugins.executors._sequences import not_any_more
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import SecretChange
from taskkit.secrets import Secret

#: Linux' PAM takes no more bytes than these in one answer.
MOST_BYTES = 511
_NO_USER = "a name of up to 256 printable characters, with no colon, no space and no dash in front"


def refused_by(rule: str, text: str) -> NotDone:
    """A rule of the host says no, and the host has taken nothing; `rule` is a word of `passwords.Objection`."""
    return NotDone(ErrorClass.REFUSED, text, {"refusal": rule})


def may_begin(change: SecretChange, run: Run) -> NotDone | None:
    """Why no host may hear of it; from here on the run scrubs both secrets."""
    for secret in filter(None, (change.new, change.old)):
        run.keep(secret)
    case = _case_of_user(change.user) or _case_of_secret(change.new)
    return NotDone(ErrorClass.BAD_CONFIGURATION, run.scrub(case)) if case else may_go_on(run)


def may_go_on(run: Run) -> NotDone | None:
    """Why the new secret may not be said any more: asked before it is, and never afterwards (J6)."""
    over = not_any_more(run)
    return NotDone(over.error or ErrorClass.STOPPED, over.text) if over else None


def _case_of_user(user: str) -> str:
    if 0 < len(user) <= 256 and user.isprintable() and ":" not in user and " " not in user and not user.startswith("-"):
        return ""
    return f"no secret is changed for {user!r}: it is no name of an account; give {_NO_USER}"


def _case_of_secret(secret: Secret) -> str:
    """A line is what hosts read: a terminal would take control characters for keys."""
    raw = secret.reveal_bytes()
    if any(byte < 32 or byte == 127 for byte in raw):
        return "the new secret holds a control character or the end of a line, which no host reads as part of it; give another"
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        del error
        return "the new secret is no text in UTF-8; give another"
    return "" if len(raw) <= MOST_BYTES else f"the new secret is longer than {MOST_BYTES} bytes, of which hosts drop the rest; give another"
