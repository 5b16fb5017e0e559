"""An open intent: an account whose secret may be about to change, or may have changed, and nobody has seen the end of it (S4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pendulum
from attrs import asdict, field, frozen

from taskkit.instants import Instant, shown
from taskkit.records import AccountId
from taskkit.tries import SpentTry

TABLE = "intent"
#: What is not kept in its body.
_BESIDE = ("account", "revision", "tries")


class Ruling(StrEnum):
    """What a person says about an account of which nobody knows the secret."""

    PROBE = "probe"  #: try what is known once more
    CANDIDATE = "candidate"  #: the new secret is the live one
    CURRENT = "current"  #: the one that is in force in the vault is
    PREVIOUS = "previous"  #: the one before it is
    ANEW = "anew"  #: give up the candidate, and draw another one


def _ruling(given: str | None) -> Ruling | None:
    return None if given is None else Ruling(given)


@frozen(slots=False)
class Intent:
    """It belongs to the account, not to the job that opened it: whoever holds the account next resolves it before anything else."""

    account: AccountId
    attempt: str
    record: str  #: the record whose account it is: the end of the path of references
    job: str  #: that drew the candidate, and knows best
    task: str
    line: str
    recovery: str  #: the job that resolves it where nobody else does
    opened: Instant
    print: str = ""  #: a keyed hash of the candidate, where there is a keyring
    #: Why nobody knows which secret is the live one; empty as long as nobody had to give up.
    doubt: str = ""
    ruling: Ruling | None = field(default=None, converter=_ruling)
    revision: int = field(default=0, eq=False)
    #: The log-ins of the account that were refused since it let in last; kept beside it (S5).
    tries: tuple[SpentTry, ...] = field(default=(), eq=False)

    @property
    def since(self) -> pendulum.DateTime:
        return shown(self.opened)

    @property
    def is_uncertain(self) -> bool:
        """Whether it waits for a person."""
        return bool(self.doubt) and self.ruling is None

    def body(self) -> dict[str, Any]:
        said = asdict(self, filter=lambda attribute, _: attribute.name not in _BESIDE)
        return {**said, "ruling": self.ruling and self.ruling.value}

    def document(self) -> dict[str, Any]:
        """What `json.dumps` takes."""
        tries = [one.document() for one in self.tries]
        return {"account": self.account, **self.body(), "opened": self.since.isoformat(), "tries": tries}


def intent_of(account: AccountId, body: Mapping[str, Any], revision: int) -> Intent:
    return Intent(account, **body, revision=revision)
