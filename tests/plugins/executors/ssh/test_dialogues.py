"""Dialogues over a real sshd: with its shell, and with a router that runs in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from taskkit.errors import HostRefused
from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.verbs import Host, Login
from taskkit.records import Record
from taskkit.scripts import Dialogue
from taskkit.testing import Recording, Replay, Trial
from tests.servers.sshd import Sshd

ROUTER = Path(__file__).parents[3] / "servers" / "router.py"
START = f"/[#$] ?$/ -> exec {sys.executable} {ROUTER} --slow --colours"
TALK = f"""
    {START}
    login: -> app
    Password: -> {{password}}
    > -> show version
    capture version /Version ([^,]+),/
    > -> show interfaces
    capture last /^(.*29)$/
    > -> exit
"""


def trial(sshd: Sshd, text: str, executor: Ssh | Recording | None = None) -> Trial:
    fields = {"host": sshd.address, "port": str(sshd.port), "user": sshd.user, "host_key": sshd.host_key}
    record = Record("db-1", "unix", fields=fields, secret_fields=["password"])
    secrets = {"db-1": {"password": "correct-horse-battery-staple", "key": sshd.key.reveal()}}
    return Trial(Dialogue.of("talk", text), record, secrets=secrets, executor=executor or Ssh())


def test_a_whole_talk_with_a_router_behind_a_shell(sshd: Sshd) -> None:
    recording = Recording(Ssh())
    tried = trial(sshd, TALK, recording)
    assert tried.perform() == Done({"captured": {"version": "15.2(4)M7", "last": "interface Ethernet0/29"}, "warnings": []})
    assert "correct-horse" not in repr(tried.entry.document())
    replay = Replay(recording.transcript)
    again = Trial(Dialogue.of("talk", TALK), secrets={"db-1": {"password": "another"}}, executor=replay)
    assert isinstance(again.perform(), Done)
    replay.check()


def test_the_terminal_is_wide_and_high(sshd: Sshd) -> None:
    tried = trial(sshd, r"/[#$] ?$/ -> stty size; echo $TERM ; capture size /(500 500)/ ; expect /vt100/")
    assert tried.perform() == Done({"captured": {"size": "500 500"}, "warnings": []})


def test_a_connection_that_ends_in_the_middle_is_unknown(sshd: Sshd) -> None:
    assert isinstance(trial(sshd, r"/[#$] ?$/ -> kill -9 $PPID ; never -> x").perform(), Unknown)


def test_what_never_comes_is_not_done(sshd: Sshd) -> None:
    outcome = trial(sshd, "router> within 1 s -> show version").perform()
    assert isinstance(outcome, NotDone)
    assert outcome.error is ErrorClass.TIMEOUT


def test_s07_nobody_is_talked_with_whose_host_key_is_not_known(sshd: Sshd) -> None:
    record = Record("db-1", "unix", fields={"host": sshd.address})
    with Trial(executor=Ssh(), record=record).run() as run, pytest.raises(HostRefused):  # noqa: SIM117
        with Ssh().connect(Host(sshd.address, sshd.port), Login(record, sshd.user, key=sshd.key), run):
            pass
