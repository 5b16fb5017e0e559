"""The canary goes to a real machine, where it opens the log-in, sudo and su and is read by commands; it comes out nowhere (S1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from taskkit.plugins.verbs import Command
from taskkit.scripts import Commands, Step
from taskkit.scrubbing import REPLACED, Scrubber
from taskkit.secrets import Secret
from tests.canary.nests import CANARY, OPEN, TRACES, Nest
from tests.canary.searches import Ear, Heard, places
from tests.plugins.executors.ssh.reach import carry_out, there
from tests.servers.doors import Door

SINGER = "singer"
#: What a careless command says: all that it was told, and all that anybody can see of it.
CARELESS = f"echo {OPEN}; tee /dev/stderr; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true"
LOUD = Step(CARELESS, stdin="{password}\n", shell=True)  # noqa: S604  what a shell does is looked at
PROGRAM = Step("/bin/sh -s", script=CARELESS, stdin="{password}\n")


@pytest.fixture
def singer(walled: Door) -> Door:
    """A machine with an account that the canary opens."""
    change = Command("sudo -n chpasswd", stdin=(f"{SINGER}:", Secret(CANARY), "\n"))
    assert carry_out(there(walled, "free"), change).state == "done"
    return walled


SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "the password of the log-in": {},
    "the password of sudo": {"become": "sudo"},
    "the password of su": {"become": "su", "become_user": SINGER, "become_secret": "password"},
}


def sung(server: Door, ear: Ear, step: Step, settings: Mapping[str, Any], user: str = SINGER, **secrets: str) -> tuple[Nest, Heard]:
    fields = {"host": server.address, "port": str(server.port), "user": user, "host_key": server.host_key}
    with ear.listening():
        nest = Nest(ear.place, executor="ssh", reach=settings, fields=fields, more_secrets=secrets)
        nest.work(Commands("look", step))
        nest.sung += [str(told) for entry in nest.entries() for told in entry.operations]
    return nest, [*ear.heard(nest), ("log of the machine", server.log)]


@pytest.mark.parametrize("step", [LOUD, PROGRAM], ids=["a command", "a program"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_s01_what_a_machine_says_is_told_without_the_secret(singer: Door, ear: Ear, step: Step, settings: Mapping[str, Any]) -> None:
    nest, heard = sung(singer, ear, step, settings)
    assert any(REPLACED in said for said in nest.sung)
    assert places(heard, OPEN)
    assert places(heard, *TRACES) == {}


@pytest.mark.tells
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_each_way_is_found_where_nothing_is_scrubbed(
    singer: Door, ear: Ear, settings: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scrubber, "add", lambda scrubber, secret: None)
    _, heard = sung(singer, ear, LOUD, settings)
    assert places(heard, *TRACES)


@pytest.mark.parametrize("become", ["sudo", "su"])
def test_s01_a_wrong_password_is_in_no_refusal(walled: Door, ear: Ear, become: str) -> None:
    settings = {"become": become, "become_user": "root", "become_secret": "password"}
    nest, heard = sung(walled, ear, LOUD, settings, "app", key=walled.key.reveal())
    [entry] = nest.entries(states="error")
    assert entry.error == "wrong_credentials"
    assert places(heard, *TRACES) == {}
