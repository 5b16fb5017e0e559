"""As whom, said by a command, by a record and by its type: on accounts of a private machine, with its own sudo and su."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.verbs import Command
from taskkit.records import Record
from taskkit.secrets import Secret
from tests.plugins.executors.ssh.reach import carry_out, there
from tests.runs import WatchedRun
from tests.servers.doors import Door
from tests.servers.sshd import Sshd

WRONG = Secret("no-such-password-anywhere")


def said(server: Door, text: str, user: str = "app", *, field: str = "becomes", secrets: Any = None, **settings: Any) -> WatchedRun:
    """A run whose record has a field that says as whom; `field` is what its type calls it."""
    found = secrets or server.secrets(user)
    fields = {"host": server.address, "port": str(server.port), "user": user, "host_key": server.host_key, field: text}
    record = Record("db-1", "machine", fields=fields)
    return WatchedRun(record, executor=Ssh(), secrets={"db-1": found}, settings={"become_field": "becomes", **settings})


def who(run: WatchedRun, become: str | None = None) -> tuple[str, Any, str]:
    told = carry_out(run, Command("/usr/bin/id -un", become=become))
    return told.state, told.error, told.output.strip() or told.text


def test_a_record_counts_before_its_type_and_a_command_before_both(walled: Door) -> None:
    assert who(said(walled, "sudo:duty", become="sudo")) == ("done", None, "duty")
    assert who(said(walled, ":duty", become="sudo")) == ("done", None, "duty")
    assert who(said(walled, "itself", become="sudo")) == ("done", None, "app")
    assert who(said(walled, "", become="sudo")) == ("done", None, "root")
    assert who(said(walled, "sudo:duty"), "sudo") == ("done", None, "root")
    assert who(said(walled, "sudo:duty"), "itself") == ("done", None, "app")
    assert who(said(walled, "sudo"), ":duty") == ("done", None, "duty")


def test_su_takes_the_secret_that_is_named_beside_it(walled: Door) -> None:
    secrets = {**walled.secrets("plain"), "its_secret": walled.password("duty")}
    run = said(walled, "", "plain", secrets=secrets)
    assert who(run, "su:duty:its_secret") == ("done", None, "duty")
    told = carry_out(run, Command("id", become="su:duty:none_such"))
    assert (told.state, told.error) == ("not_done", "bad_configuration")
    assert "the vault has no secret 'none_such' for it" in told.text


def test_s05_a_secret_for_one_account_is_not_tried_on_another(walled: Door) -> None:
    run = said(walled, "su:root:its_secret", "plain", secrets={**walled.secrets("plain"), "its_secret": WRONG})
    state, error, text = who(run, ":duty")
    assert (state, error) == ("not_done", "bad_configuration")
    assert "the vault has no secret None for it" in text


def test_a_field_that_the_type_does_not_name_makes_nobody_another(walled: Door) -> None:
    assert who(said(walled, "sudo", field="become")) == ("done", None, "app")


@pytest.mark.parametrize(("text", "case"), [("doas", "doas"), (":duty", "nobody says by what"), ("sudo:-x", "it would be an option")])
def test_what_a_record_says_is_looked_at_before_anything_is_said_to_the_machine(sshd: Sshd, text: str, case: str) -> None:
    run = there(sshd)
    record = run.record
    assert record is not None
    host = evolve(run.host(record), settings={"become_field": "as_whom"}, record=evolve(record, fields={**record.fields, "as_whom": text}))
    with pytest.raises(HostRefused, match=case) as refused, Ssh().connect(host, run.login(record), run):
        pass
    assert refused.value.error is ErrorClass.BAD_CONFIGURATION


def test_a_command_that_names_an_account_and_nobody_a_way_is_not_said(sshd: Sshd) -> None:
    told = carry_out(there(sshd), Command("id", become=":duty"))
    assert (told.state, told.error) == ("not_done", "bad_configuration")
    assert "nobody says by what" in told.text


def test_s07_another_record_is_reached_with_its_own_host_key(sshd: Sshd) -> None:
    """And with its own jump hosts: what stands in the record of the job says nothing about it."""
    fields = {"host": sshd.address, "port": str(sshd.port), "user": sshd.user}
    own = Record("db-2", "machine", fields={**fields, "host_key": sshd.host_key})
    of_the_job = Record("db-1", "machine", fields={**fields, "jump": "nowhere"})
    run = WatchedRun(of_the_job, others=[own], executor=Ssh(), secrets={"db-2": sshd.secrets(sshd.user)})
    with run.connect(own, to=own) as connection:
        (told,) = connection.commands([Command("echo hello")], run)
    assert told.output == "hello\n"
