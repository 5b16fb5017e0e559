"""`taskkit intents`: accounts whose secret is being changed or is in doubt, and what a person says of one."""

from __future__ import annotations

import json

from taskkit.cli._jobs import names_of, utc
from taskkit.cli._outputs import heard_or_not
from taskkit.cli._places import engine_at, storage_at
from taskkit.cli._shows import plain, say, show
from taskkit.engine._intents import all_open, spent
from taskkit.intents import Intent, Ruling
from taskkit.storage import Storage

_HEADS = ("account", "record", "task", "since", "stands", "refused", "recovery", "looks again")

#: How many refused log-ins are told of an account.
_SHOWN = 4


def run(place: str, *, uncertain: bool, as_json: bool) -> int:
    """1 where somebody has to say something."""
    with storage_at(place) as storage:
        found = [one for one in all_open(storage) if one.is_uncertain or not uncertain]
        with heard_or_not():
            if as_json:
                say(json.dumps([one.document() for one in found], indent=2))
            elif found:
                show(_HEADS, [_row(storage, one) for one in found])
            else:
                say("no account is in doubt" if uncertain else "no account's secret is being changed")
    return int(any(one.is_uncertain for one in found))


def _row(storage: Storage, one: Intent) -> list[str]:
    recovery = storage.job(one.recovery)
    again = "" if one.is_uncertain or recovery is None else utc(recovery.due)
    stands = f"uncertain: {one.doubt}" if one.is_uncertain else f"{one.ruling}, as somebody said" if one.ruling else "open"
    refused = ", ".join(f"{spent.which} {spent.when:%H:%M}" for spent in one.tries[-_SHOWN:])
    return [one.account, one.record, names_of(storage)(one.task), utc(one.opened), stands, refused, one.recovery, again]


def rule(place: str, account: str, ruling: str, by: str | None, why: str) -> int:
    engine = engine_at(place)
    engine.intents.rule(account, ruling, by=by, why=why)
    now = engine._ground.now()
    free = spent(engine.storage, account).free(now) if ruling in (Ruling.PROBE, Ruling.ANEW) else now
    when = "now" if free <= now else f"at {utc(free)}, as log-ins were refused just before, and one more may lock the account"
    say(plain(f"{account}: {ruling}; its recovery does so {when}"))
    return 0
