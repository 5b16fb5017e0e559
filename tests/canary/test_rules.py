"""A canary sits wherever a product could put a secret near this library; it must not sing in an error, a text or a value.

Every new path that a secret takes gets its line here.
"""

from __future__ import annotations

import copy
import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from taskkit import Daily, Keyring, TaskkitError, from_document, to_document
from taskkit.plugins.executors.local import LocalSettings
from taskkit.plugins.manager import Plugins
from taskkit.plugins.verbs import Command, Host
from taskkit.scripts import Step

CANARY = "c4n4ry-Tr0ub4dor&3"

NEAR = {
    "beside a rule in a document": lambda: from_document({"kind": "daily", "password": CANARY}),
    "beside a member of a union": lambda: from_document({"kind": "any_of", "members": [{"kind": "daily", "secret": CANARY}]}),
    "beside a blackout": lambda: from_document({"kind": "open_time", "blackouts": [{"kind": "window", "secret": CANARY}]}),
    "in place of a document": lambda: from_document(CANARY),  # type: ignore[arg-type]
    "in a URL of no storage": lambda: Plugins().open_storage(f"nowhere://user:{CANARY}@host/vault"),
    "in what is no URL": lambda: Plugins().open_storage(CANARY),
    "in variables that are none": lambda: LocalSettings(env={"A=B": CANARY}),
    "beside an unknown setting": lambda: LocalSettings.of(Host("h", settings={"env": {"A": CANARY}, "other": CANARY})),
    "beside no command": lambda: Command("", stdin=CANARY),
    "beside no step": lambda: Step("", stdin=CANARY),
    "in place of an id of a key": lambda: Keyring({CANARY: bytes(32)}, CANARY),
    "in place of a key": lambda: Keyring({"a": CANARY.encode()}, "a"),
    "in place of the current key": lambda: Keyring({"a": bytes(32)}, CANARY),
    "in place of what is sealed": lambda: Keyring.generate("a").open(CANARY.encode(), "here"),
    "in place of a member": lambda: from_document({"kind": "any_of", "members": [CANARY]}),
}


@pytest.mark.parametrize("make", NEAR.values(), ids=NEAR)
def test_s01_no_error_repeats_what_was_put_beside_a_rule(make: Callable[[], Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(TaskkitError) as caught:
        make()
    told = "".join(traceback.format_exception(caught.value))
    said = [told, repr(caught.value), str(vars(caught.value)), caplog.text]
    assert not any(CANARY in text for text in said if text is not told)
    assert CANARY not in "".join(line for line in told.splitlines() if not line.startswith("    "))  # our own source may name it


def test_s01_a_value_holds_only_what_it_says() -> None:
    rule = Daily(at="02:30")
    for other in (copy.deepcopy(rule), from_document({**to_document(rule)})):
        assert other == rule
    with pytest.raises(AttributeError):
        rule.password = CANARY  # type: ignore[attr-defined]
