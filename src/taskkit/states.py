"""The life of a job, as one table (J1). Nothing outside this file decides what state follows."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from taskkit.errors import IllegalStep


class State(StrEnum):
    """Where a job stands."""

    SCHEDULED = "scheduled"  #: waits for its time; a claim moves it on
    DEFERRED = "deferred"  #: is due and waits for something else, named by its reason; a claim at its next look moves it on
    AWAITING_CONSENT = "awaiting_consent"  #: waits for people; their consent moves it on
    QUEUED = "queued"  #: claimed, nothing begun; the gates move it on, an expired lease sends it back
    RUNNING = "running"  #: something may have begun; its worker moves it on, or the one that rescues it
    COMPLETED = "completed"
    ERROR = "error"
    CANCELED = "canceled"
    MISSED = "missed"  #: was due longer ago than its task accepts
    MERGED = "merged"  #: another job does its work and has its causes
    EXPIRED = "expired"  #: the consents did not come in time
    UNCERTAIN = "uncertain"  #: nobody knows whether it was done, and saying it again could do harm


class Step(StrEnum):
    """What moves a job."""

    REPLAN = "replan"  #: an edit, a new list, or the vault changed what it was planned for
    ADVANCE = "advance"  #: somebody wants it now
    WAKE = "wake"  #: what it waited for may be there
    CLAIM = "claim"
    RESCUE = "rescue"  #: a claim after the lease of another ran out
    BEAT = "beat"  #: its worker is alive
    RELEASE = "release"  #: its worker stops before it began
    START = "start"
    SAVE = "save"  #: its worker keeps what has been done
    DEFER = "defer"
    ASK = "ask"  #: people have to consent
    CONSENT = "consent"
    EXPIRE = "expire"
    CANCEL = "cancel"
    MERGE = "merge"
    MISS = "miss"
    SATISFY = "satisfy"  #: another job has changed the account since
    COMPLETE = "complete"
    FAIL = "fail"
    STOP = "stop"  #: it was asked to stop, and did at a safe point
    DOUBT = "doubt"


_S, _T = State, Step
TABLE: Mapping[State, Mapping[Step, State]] = {
    _S.SCHEDULED: {
        _T.REPLAN: _S.SCHEDULED,
        _T.ADVANCE: _S.SCHEDULED,
        _T.CLAIM: _S.QUEUED,
        _T.CANCEL: _S.CANCELED,
        _T.MERGE: _S.MERGED,
    },
    _S.DEFERRED: {
        _T.REPLAN: _S.SCHEDULED,
        _T.ADVANCE: _S.DEFERRED,
        _T.WAKE: _S.DEFERRED,
        _T.CLAIM: _S.QUEUED,
        _T.CANCEL: _S.CANCELED,
        _T.MERGE: _S.MERGED,
    },
    _S.AWAITING_CONSENT: {
        _T.REPLAN: _S.AWAITING_CONSENT,  # what was consented to is void, the wait goes on
        _T.CONSENT: _S.SCHEDULED,
        _T.EXPIRE: _S.EXPIRED,
        _T.CANCEL: _S.CANCELED,
        _T.MERGE: _S.MERGED,
        # no ADVANCE: running it now would skip the consent
    },
    _S.QUEUED: {
        _T.RESCUE: _S.QUEUED,
        _T.BEAT: _S.QUEUED,
        _T.REPLAN: _S.SCHEDULED,
        _T.RELEASE: _S.DEFERRED,
        _T.START: _S.RUNNING,
        _T.DEFER: _S.DEFERRED,
        _T.ASK: _S.AWAITING_CONSENT,
        _T.EXPIRE: _S.EXPIRED,
        _T.CANCEL: _S.CANCELED,
        _T.MERGE: _S.MERGED,
        _T.MISS: _S.MISSED,
        _T.SATISFY: _S.COMPLETED,
        _T.FAIL: _S.ERROR,  # executor or script are missing: nothing begins
        _T.DOUBT: _S.UNCERTAIN,  # three workers died over it
    },
    _S.RUNNING: {
        _T.RESCUE: _S.RUNNING,
        _T.BEAT: _S.RUNNING,
        _T.SAVE: _S.RUNNING,
        _T.DEFER: _S.DEFERRED,
        _T.ASK: _S.AWAITING_CONSENT,
        _T.COMPLETE: _S.COMPLETED,
        _T.FAIL: _S.ERROR,
        _T.STOP: _S.CANCELED,
        _T.DOUBT: _S.UNCERTAIN,
        # no CANCEL: what runs is asked to stop and ends at a safe point
    },
    _S.COMPLETED: {},
    _S.ERROR: {},
    _S.CANCELED: {},
    _S.MISSED: {},
    _S.MERGED: {},
    _S.EXPIRED: {},
    _S.UNCERTAIN: {},
}
PENDING = frozenset({_S.SCHEDULED, _S.DEFERRED, _S.AWAITING_CONSENT})
CLAIMED = frozenset({_S.QUEUED, _S.RUNNING})
FINAL = frozenset(state for state, steps in TABLE.items() if not steps)
#: What sends a job back to wait, holding nothing.
SENT_BACK = frozenset({_T.DEFER, _T.RELEASE, _T.ASK})


def after(state: State, step: Step) -> State:
    """The state that follows; IllegalStep where the table has none."""
    try:
        return TABLE[state][step]
    except KeyError:
        can = ", ".join(TABLE[state]) or "nothing: it has ended"
        raise IllegalStep(f"{step} of a job", f"it is {state}", f"from there it takes {can}") from None
