"""As whom commands are carried out: who stands nearer to the command counts, and what one executor cannot do is refused early."""

from __future__ import annotations

from typing import Any

import pytest

from taskkit.documents import documents_of
from taskkit.engine import Engine
from taskkit.errors import InvalidValue, MissingPlugin
from taskkit.events.policies import OnDemand
from taskkit.outcomes import ErrorClass
from taskkit.plugins import Become, Plugins, Verb, fill, form
from taskkit.plugins.becoming import become_of
from taskkit.plugins.executors.local import Local
from taskkit.plugins.verbs import Command
from taskkit.records import Record, RecordType
from taskkit.scripts import Check, CheckStatus, CommandOn, Commands, Step
from taskkit.tasks import Task, of_type
from taskkit.testing import FakeExecutor, MemoryVault, Trial

TEXTS = {
    "sudo": Become("sudo"),
    "su:postgres:its_secret": Become("su", "postgres", "its_secret"),
    ":postgres": Become(user="postgres"),
    "itself": Become("itself"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_says_it_and_comes_back(text: str) -> None:
    assert become_of(text) == TEXTS[text]
    assert str(TEXTS[text]) == text


@pytest.mark.parametrize("text", ["", "doas", "sudo:-u", "sudo:a:b:c", "itself:root", "sudo:a\nb"])
def test_what_says_nothing_that_is_known_is_refused_when_it_is_made(text: str) -> None:
    with pytest.raises(InvalidValue):
        Step("id", become=text)


#: From the nearest to the furthest, and what comes of them.
ORDERS: dict[str, tuple[str, str, str]] = {
    "who says by what says all of it": ("sudo", "su:duty:its_secret", "sudo"),
    "and nobody further away is asked": ("itself", "sudo:duty", "itself"),
    "who names an account goes the same way": (":duty", "sudo:root:sudo_secret", "sudo:duty:sudo_secret"),
    "but su wants the secret of that account": (":duty", "su:root:root_secret", "su:duty"),
    "which may be named beside it": (":duty:its_secret", "su:root:root_secret", "su:duty:its_secret"),
    "a secret alone is for the same account": ("::other", "su:root:root_secret", "su:root:other"),
    "from further away somebody stays itself": (":duty", "itself", ":duty"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_what_is_said_near_to_the_command_counts(name: str) -> None:
    near, far, found = (become_of(text) for text in ORDERS[name])
    assert near is not None
    assert near.over(far) == found


def test_a_step_counts_before_its_script() -> None:
    hosts = FakeExecutor()
    script = Commands("look", [Step("id"), Step("id -n", become=":duty"), Step("id -g", become="itself")], become="sudo")
    assert Trial(script, executor=hosts).perform() is not None
    assert [said.become for said in hosts.said] == [Become("sudo"), Become("sudo", "duty"), Become("itself")]


def test_checks_say_it_too() -> None:
    hosts = FakeExecutor()
    Trial(CheckStatus("look", [Check("id", name="id"), Check("up", name="up", become=":duty")], become="sudo"), executor=hosts).perform()
    assert [said.become for said in hosts.said] == [Become("sudo"), Become("sudo", "duty")]


@pytest.mark.parametrize(
    ("script", "needs"),
    [
        (Commands("a", Step("id")), {Verb.COMMANDS}),
        (Commands("a", Step("id", become="sudo")), {Verb.COMMANDS, Verb.BECOME}),
        (Commands("a", Step("id"), become="sudo"), {Verb.COMMANDS, Verb.BECOME}),
        (CheckStatus("a", Check("id", name="id", become="sudo")), {Verb.COMMANDS, Verb.BECOME}),
        (CheckStatus("a", become="sudo"), {Verb.PROBE}),
        (CommandOn("r2", Step("id", become="sudo")), {Verb.COMMANDS, Verb.BECOME}),
        (CommandOn("r2", Step("id")), {Verb.COMMANDS}),
    ],
)
def test_it_takes_a_verb_of_the_executor(script: Any, needs: set[Verb]) -> None:
    assert script.needs == needs


def test_an_executor_that_lets_nobody_become_another_is_refused_when_the_task_is_put() -> None:
    engine = Engine(MemoryVault([Record("r1", "here")]))
    engine.define(RecordType("here", executor="local"))
    engine.define(Commands("root", Step("id", become="sudo")))
    with pytest.raises(MissingPlugin, match="the executor 'local' cannot do become, which 'root' needs; these can: ssh"):
        engine.put(Task("root", "root", OnDemand()), list=of_type("here"))


def test_and_says_nothing_to_the_machine_where_it_is_asked_all_the_same() -> None:
    with Trial(None, executor=Local()).run() as run, run.connect() as connection:
        (told,) = connection.commands([Command("id", become="sudo")], run)
    assert (told.state, told.error) == ("not_done", ErrorClass.BAD_CONFIGURATION)
    assert "lets nobody become another" in told.text


def test_forms_describe_it_as_data_and_take_it_back() -> None:
    told = next(setting for setting in form(Commands).settings if setting.name == "become")
    assert not told.required
    assert [one.name for one in form(Become).settings] == ["by", "user", "secret"]
    given = {"name": "root", "commands": [{"line": "id", "become": {"by": "sudo"}}], "become": {"user": "duty"}}
    assert fill(Commands, given) == Commands("root", Step("id", become="sudo"), become=":duty")


def test_documents_keep_it() -> None:
    documents = documents_of(Plugins())
    for script in (
        Commands("root", [Step("id", become="su:duty:its_secret"), Step("id")], become="sudo"),
        CheckStatus("look", Check("id", name="id", become="itself"), become=":duty"),
    ):
        assert documents.definition(documents.write(script)) == script


def test_a_definition_from_before_says_nothing_of_it() -> None:
    documents = documents_of(Plugins())
    body = documents.write(Commands("root", Step("id")))
    del body["become"], body["commands"][0]["become"]
    assert documents.definition(body) == Commands("root", Step("id"))
