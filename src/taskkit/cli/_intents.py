"""`taskkit intents`: accounts whose secret is being changed or is in doubt, and what a person says of one."""

from __future__ import annotations

import json

from taskkit.cli._jobs import names_of, utc
from taskkit.cli._places import engine_at, storage_at
from taskkit.cli._shows import plain, say, show
from taskkit.engine._intents import all_open
from taskkit.intents import Intent
from taskkit.storage import Storage

_HEADS = ("account", "record", "task", "since", "stands", "recovery", "looks again")


def run(place: str, *, uncertain: bool, as_json: bool) -> int:
    """1 where somebody has to say something."""
    with storage_at(place) as storage:
        found = [one for one in all_open(storage) if one.is_uncertain or not uncertain]
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
    return [one.account, one.record, names_of(storage)(one.task), utc(one.opened), stands, one.recovery, again]


def rule(place: str, account: str, ruling: str, by: str | None, why: str) -> int:
    engine_at(place).intents.rule(account, ruling, by=by, why=why)
    say(plain(f"{account}: {ruling}; its recovery does so now"))
    return 0
