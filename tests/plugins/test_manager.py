"""Plug-ins: what is asked, what is refused at start and who is named, and what is to be had by name."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib.metadata import version
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from attrs import frozen

from taskkit.engine import Engine
from taskkit.errors import BrokenPlugin, InvalidValue, MissingPlugin, StorageAway
from taskkit.events.happenings import Happening
from taskkit.events.policies import POLICIES, Due, Policy
from taskkit.keyrings import Keyring
from taskkit.outcomes import DONE, Outcome
from taskkit.plugins import Executor, Exporter, Host, Login, Notifier, Plugins, Report, Run, Script, StorageKind, Verb, _sources, hookimpl
from taskkit.plugins.notifiers.inbox import Inbox
from taskkit.storage.memory import MemoryStorage
from taskkit.testing import MemoryVault

if TYPE_CHECKING:
    from somewhere import Unreadable  # type: ignore[import-not-found]

VERSION = version("taskkit")


class Ssh(Executor):
    name = "ssh"
    verbs = frozenset({Verb.COMMANDS})

    def connect(self, host: Host, login: Login, run: Run) -> AbstractContextManager[Any]:
        raise NotImplementedError


class Named(Executor):
    """An executor that is named when it is made."""

    name = "?"
    verbs = frozenset({Verb.COMMANDS})
    connect = Ssh.connect

    def __init__(self, **said: Any) -> None:
        self.__dict__.update(said)


@frozen
class Greet(Script):
    kind = "greet"
    name: str

    def perform(self, run: Run) -> Outcome:
        return DONE


@frozen
class Never(Policy):
    kind = "never"

    def wants(self, happening: Happening) -> Due | None:
        return None


class Tells(Notifier):
    name = "tells"
    wants = frozenset({"JobFailed"})

    def notify(self, facts: Any) -> None: ...


class Writes(Exporter):
    name = "writes"

    def export(self, facts: Any, to: Any) -> int:
        return 0


class Rows(Report):
    name = "rows"

    def rows(self, run: Run) -> Iterator[Mapping[str, Any]]:
        yield {}


def nothing() -> list[object]:
    return []


def module(name: str = "acme", /, **attributes: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(attributes)
    return made


def offering(hook: str, *offers: Any, name: str = "acme") -> ModuleType:
    """A plug-in with one hook."""
    return module(name, **{hook: hookimpl(lambda: offers)})


def start(*plugins: object, **choices: Any) -> Plugins:
    """With these plug-ins alone."""
    return Plugins(plugins, **{"guests": False, "discover": False, **choices})


def refused(*plugins: object, **choices: Any) -> BrokenPlugin:
    with pytest.raises(BrokenPlugin) as caught:
        start(*plugins, **choices)
    return caught.value


# what is there


ALL = {
    "taskkit_executors": Ssh(), "taskkit_scripts": Greet, "taskkit_policies": Never, "taskkit_exporters": Writes(),
    "taskkit_notifiers": Tells(), "taskkit_reports": Rows(), "taskkit_storages": StorageKind("scratch", lambda url: MemoryStorage()),
    "taskkit_keyrings": Keyring.generate("2026"),
}  # fmt: skip


def everything(**more: Any) -> ModuleType:
    return module(**{hook: hookimpl(lambda offer=offer: [offer]) for hook, offer in ALL.items()}, **more)


def test_each_kind_of_offer_is_to_be_had_by_its_name() -> None:
    plugins = start(everything())
    found = (
        plugins.executors, plugins.scripts, plugins.policies, plugins.exporters, plugins.notifiers, plugins.reports, plugins.storages
    )  # fmt: skip
    names = ("ssh", "greet", "never", "writes", "tells", "rows", "scratch")
    *named, keyring = ALL.values()
    assert found == tuple({name: offer} for name, offer in zip(names, named, strict=True))
    assert plugins.keyring is keyring
    lookups = (plugins.executor, plugins.script, plugins.policy, plugins.exporter, plugins.notifier, plugins.report)
    assert [look(name) for look, name in zip(lookups, names[:-1], strict=True)] == named[:-1]


def test_what_is_there_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        start(everything()).executors["other"] = Ssh()  # type: ignore[index]


def test_each_offer_says_which_plugin_answers_for_it() -> None:
    offered = start(everything(), offering("taskkit_executors", Named(name="telnet"), name="second")).offered()
    assert [(offer.kind, offer.name, offer.plugin) for offer in offered] == [
        ("executor", "ssh", "acme"), ("script", "greet", "acme"), ("policy", "never", "acme"), ("exporter", "writes", "acme"),
        ("notifier", "tells", "acme"), ("report", "rows", "acme"), ("storage", "scratch", "acme"), ("keyring", "2026", "acme"),
        ("executor", "telnet", "second"),
    ]  # fmt: skip


def test_a_storage_is_opened_by_its_url() -> None:
    urls: list[str] = []

    def opened(url: str) -> MemoryStorage:
        urls.append(url)
        return MemoryStorage()

    plugins = start(offering("taskkit_storages", StorageKind("scratch", opened)))
    assert isinstance(plugins.open_storage("Scratch://some/where"), MemoryStorage)
    assert urls == ["Scratch://some/where"]


@pytest.mark.parametrize("answer", [None, "raise", "a store"])
def test_what_opens_no_storage_is_named_without_the_rest_of_its_url(answer: str | None) -> None:
    def opened(url: str) -> Any:
        if answer == "raise":
            raise RuntimeError(f"no connection to {url}")
        return answer

    plugins = start(offering("taskkit_storages", StorageKind("scratch", opened)))
    password = "hunter2"  # noqa: S105  it is none
    with pytest.raises(BrokenPlugin, match="a URL that begins with 'scratch'") as caught:
        plugins.open_storage(f"scratch://me:{password}@host/db")
    told = "".join(traceback.format_exception(caught.value))
    assert f"me:{password}" not in told


def test_what_a_storage_says_itself_of_why_it_does_not_open_stays_so() -> None:
    def opened(url: str) -> Any:
        raise StorageAway("opening the store", "nobody answers", "start it")

    with pytest.raises(StorageAway):
        start(offering("taskkit_storages", StorageKind("scratch", opened))).open_storage("scratch:")


def test_a_storage_that_nobody_offers_is_named_without_the_rest_of_its_url() -> None:
    with pytest.raises(MissingPlugin, match="no storage 'postgres' is installed; there are scratch") as caught:
        start(everything()).open_storage("postgres://me:hunter2@host/db")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["hunter2/file", "hunter2", "hunter 2:file", ":hunter2", ""])
def test_a_url_without_a_scheme_opens_nothing_and_is_not_shown(url: str) -> None:
    with pytest.raises(InvalidValue, match="it begins with no scheme") as caught:
        start(everything()).open_storage(url)
    assert "hunter" not in str(caught.value)


def test_a_missing_executor_is_named_with_what_there_is_and_what_would_help() -> None:
    plugins = start(offering("taskkit_executors", Named(name="local"), Named(name="ldap")))
    with pytest.raises(MissingPlugin) as caught:
        plugins.executor("ssh")
    assert caught.value.case == "no executor 'ssh' is installed; there are ldap, local"
    assert caught.value.help == "install taskkit with its extra 'ssh'"
    with pytest.raises(MissingPlugin) as caught:
        plugins.executor("winrm")
    assert caught.value.help == "install a plug-in that offers it"


def test_without_its_library_our_executor_for_ssh_is_missing_and_says_what_brings_it() -> None:
    code = """
import sys
sys.modules["paramiko"] = None
from taskkit.errors import MissingPlugin
from taskkit.plugins import Plugins
plugins = Plugins(discover=False)
try:
    plugins.executor("ssh")
except MissingPlugin as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "looking for a plug-in's executor: no executor 'ssh' is installed; there are local; install taskkit with its extra 'ssh'"
    )


@pytest.mark.parametrize(("kind", "help"), [("gret", "did you mean 'greet'?"), ("rotate", "install a plug-in that offers it")])
def test_a_missing_script_is_named_with_what_would_help(kind: str, help: str) -> None:
    with pytest.raises(MissingPlugin) as caught:
        start(everything()).script(kind)
    assert (caught.value.case, caught.value.help) == (f"no script {kind!r} is installed; there are greet", help)


def test_where_there_is_none_that_is_said() -> None:
    for look in (start().executor, start().policy, start().report):
        with pytest.raises(MissingPlugin, match="'x' is installed; there is none"):
            look("x")


def test_plugins_are_asked_once_when_they_are_made() -> None:
    asked: list[str] = []

    class Counting:
        @hookimpl
        def taskkit_executors(self) -> list[Executor]:
            asked.append("once")
            return [Ssh()]

    plugins = start(Counting())
    assert plugins.executor("ssh") is plugins.executors["ssh"] is plugins.offered()[0].offered
    assert asked == ["once"]


def test_two_engines_share_nothing() -> None:
    one, other = start(everything()), start()
    assert one.executors
    assert not other.executors


def test_a_plugin_may_yield_what_it_offers_and_may_have_nothing_to_offer() -> None:
    class Yields:
        @hookimpl
        def taskkit_executors(self) -> Iterator[Executor]:
            yield Ssh()

        @hookimpl
        def taskkit_scripts(self) -> list[type[Script]]:
            return []

    assert list(start(Yields()).executors) == ["ssh"]


def test_a_hook_may_stand_under_another_name() -> None:
    plugin = module(some_executors=hookimpl(specname="taskkit_executors")(lambda: [Ssh()]))
    assert list(start(plugin).executors) == ["ssh"]


def test_a_plugin_may_have_a_hook_of_another_taskkit_if_it_says_so() -> None:
    plugin = module(taskkit_executors=hookimpl(lambda: [Ssh()]), taskkit_vaults=hookimpl(optionalhook=True)(lambda: 1 / 0))
    assert list(start(plugin).executors) == ["ssh"]


def test_a_plugin_may_import_modules_whose_names_begin_like_hooks() -> None:
    plugin = module(taskkit_executors=hookimpl(lambda: [Ssh()]), taskkit_acme=ModuleType("taskkit_acme"))
    assert list(start(plugin).executors) == ["ssh"]


# our own guests


def test_our_own_guests_come_through_the_same_door() -> None:
    plugins = Plugins(discover=False)
    ours = {"local", "ssh"} if importlib.util.find_spec("paramiko") else {"local"}
    assert (set(plugins.executors), set(plugins.scripts)) == (ours, {"commands", "check_status", "dialogue", "password_reset"})
    assert {*plugins.policies.values()} == {*POLICIES}
    assert (set(plugins.exporters), set(plugins.notifiers), set(plugins.storages)) == (
        {"json_lines"},
        {"inbox"},
        {"memory", "sqlite", "postgresql"},
    )
    assert {(offer.plugin, offer.distribution, offer.version) for offer in plugins.offered()} == {("taskkit", "taskkit", VERSION)}
    assert isinstance(plugins.open_storage("memory:"), MemoryStorage)


def test_each_engine_has_an_inbox_of_its_own() -> None:
    assert Plugins(discover=False).notifier("inbox") is not Plugins(discover=False).notifier("inbox")


def test_nobody_takes_the_name_of_a_guest() -> None:
    error = refused(offering("taskkit_executors", Named(name="local")), guests=True)
    assert str(error).startswith("asking plug-in 'acme' for taskkit_executors: executor 'local' is offered by plug-in 'taskkit' of taskkit")


# mistakes in a plug-in


@pytest.mark.parametrize(
    ("name", "meant"),
    [("taskkit_executers", "taskkit_executors"), ("taskkit_script", "taskkit_scripts"), ("taskkit_require", "taskkit_requires")],
)
@pytest.mark.parametrize("marked", [True, False])
def test_a_misspelt_hook_is_an_error_that_says_what_was_meant(name: str, meant: str, marked: bool) -> None:
    error = refused(module(taskkit_storages=hookimpl(nothing), **{name: hookimpl(nothing) if marked else "whatever it is"}))
    assert (error.tried, error.case) == ("starting plug-in 'acme'", f"it has {name}, which is no hook")
    assert error.help == f"did you mean {meant}?"


def test_a_misspelt_hook_that_nothing_resembles_is_an_error_that_lists_the_hooks() -> None:
    assert "taskkit_executors, taskkit_scripts" in refused(module(taskkit_zzz=list)).help


def test_whatever_is_marked_as_a_hook_is_looked_at() -> None:
    error = refused(module(executors=hookimpl(nothing)))
    assert (error.case, error.help) == ("it has executors, which is no hook", "did you mean taskkit_executors?")


def test_a_hook_that_is_not_marked_is_an_error() -> None:
    error = refused(module(taskkit_executors=lambda: [Ssh()]))
    assert error.case == "its taskkit_executors is not marked as a hook"
    assert "@hookimpl" in error.help


@pytest.mark.parametrize("handed", [Ssh(), ModuleType("acme"), Ssh, "acme", None])
def test_what_is_handed_in_is_a_list(handed: Any) -> None:
    with pytest.raises(InvalidValue, match="is no list of plug-ins"):
        Plugins(handed)
    with pytest.raises(InvalidValue, match="is no list of plug-ins"):
        Engine(MemoryVault(), plugins=handed)


def test_a_plugin_without_a_name_is_not_passed_over_in_silence() -> None:
    with pytest.raises(InvalidValue, match="a plug-in has no name"):
        start(("", everything()))


def test_a_plugin_without_a_hook_is_an_error() -> None:
    assert refused(module()).case == "it has no hook"


def test_a_hook_takes_no_arguments() -> None:
    error = refused(module(taskkit_executors=hookimpl(lambda config: [])))
    assert error.tried == "starting plug-in 'acme'"
    assert "config" in error.case
    assert error.help == "a hook takes no arguments"


@pytest.mark.parametrize("marker", [hookimpl(wrapper=True), hookimpl(hookwrapper=True)])
def test_no_plugin_wraps_the_answers_of_others(marker: Callable[..., Any]) -> None:
    def around() -> Iterator[Any]:
        return (yield)

    assert refused(module(taskkit_executors=marker(around))).case == "its taskkit_executors wraps what others answer"


def test_a_class_is_no_plugin() -> None:
    class Plugin:
        @hookimpl
        def taskkit_executors(self) -> list[Executor]:
            return [Ssh()]

    error = refused(Plugin)
    assert (error.case, error.help) == ("it is the class Plugin, where a module or an instance is wanted", "give Plugin()")


@pytest.mark.parametrize("given", [None, "acme"])
def test_what_is_no_plugin_at_all_is_refused(given: object) -> None:
    with pytest.raises(InvalidValue, match="it is no plug-in"):
        start(given)


@pytest.mark.parametrize("requires", [f">={VERSION},<999", f"~={VERSION}", f"=={VERSION}"])
def test_a_plugin_for_this_taskkit_is_taken(requires: str) -> None:
    assert start(everything(taskkit_requires=requires)).executors


@pytest.mark.parametrize(
    ("requires", "case"),
    [
        (">=0,<0.0.1,>=999", f"it is made for taskkit <0.0.1, >=999, and this is {VERSION}"),
        ("==0.1.*", "reading taskkit_requires = '==0.1.*': '==0.1.*' is no comparison"),
        (1, "reading taskkit_requires: it is a int"),
    ],
)
def test_a_plugin_for_another_taskkit_is_an_error(requires: object, case: str) -> None:
    new_hook = hookimpl(nothing)  # which it may well have, and which is not what is wrong
    error = refused(everything(taskkit_requires=requires, taskkit_new_hook=new_hook))
    assert (error.tried, error.case) == ("starting plug-in 'acme'", case)
    assert error.help


def test_a_copy_of_taskkit_that_nobody_installed_cannot_say_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sources, "GROUP", "taskkit-that-nobody-installed")
    error = refused(everything(taskkit_requires=">=0.1"))
    assert error.case == "it is made for taskkit >=0.1, and nobody knows which one this is"
    assert Plugins(discover=False).offered()[0].version is None


# mistakes in an offer


class Abstract(Executor):
    name = "abstract"
    verbs = Ssh.verbs


@frozen
class NoName(Script):
    kind = "no_name"

    def perform(self, run: Run) -> Outcome:
        return DONE


class NoAttrs(Script):
    kind = "no_attrs"

    def perform(self, run: Run) -> Outcome:
        return DONE


@frozen
class NoKind(Greet):
    kind = ""


@frozen
class Unperformed(Script):
    kind = "unperformed"
    name: str


@frozen
class Unread(Greet):
    kind = "unread"
    what: Unreadable = None


@frozen
class WantsNothing(Policy):
    kind = "wants_nothing"


class WantsAText(Tells):
    wants = "JobFailed"  # type: ignore[assignment]


class UnreadTells(Tells):
    settings = Unread


@frozen
class NoWord(Never):
    kind = "two words"


class NoRows(Rows):
    name = None  # type: ignore[assignment]


class AsyncTells(Tells):
    async def notify(self, facts: Any) -> None: ...  # type: ignore[override]


class AsyncRows(Rows):
    async def rows(self, run: Run) -> Any:
        yield {}


def spread(**said: Any) -> type[Script]:
    return type("Spread", (Greet,), {"kind": "spread", **said})


async def later(*_: Any) -> Any: ...


WRONG: dict[str, tuple[str, Any, str]] = {
    "a connection that is awaited": ("executors", Named(name="a", connect=later), "Named.connect is asynchronous, and nobody awaits it"),
    "a script that is awaited": ("scripts", spread(perform=later), "Spread.perform is asynchronous, and nobody awaits it"),
    "a policy that is awaited": ("policies", type("Late", (Never,), {"wants": later}), "Late.wants is asynchronous"),
    "a notifier that is awaited": ("notifiers", AsyncTells(), "AsyncTells.notify is asynchronous, and nobody awaits it"),
    "a report that is awaited": ("reports", AsyncRows(), "AsyncRows.rows is asynchronous, and nobody awaits it"),
    "a class for an instance": ("executors", Ssh, "it offers the class Ssh, where an instance is wanted"),
    "something else": ("executors", "ssh", "it offers a str, which is no Executor"),
    "nothing": ("executors", None, "it offers a NoneType, which is no Executor"),
    "no name": ("executors", Named(name=None), "Named has no name"),
    "a name of two words": ("executors", Named(name="my ssh"), "Named has name = 'my ssh', which is no word"),
    "a name in capitals": ("executors", Named(name="SSH"), "Named has name = 'SSH', which is no word"),
    "no verbs": ("executors", Named(name="a", verbs=None), "Named has no verbs"),
    "verbs in a list": ("executors", Named(name="a", verbs=[Verb.PROBE]), "Named has verbs = [<Verb.PROBE: 'probe'>]"),
    "unknown verbs": ("executors", Named(name="a", verbs=frozenset({"fly"})), "Named has verbs = frozenset({'fly'})"),
    "an executor that can do nothing": ("executors", Named(name="a", verbs=frozenset()), "Named can do nothing: its verbs are empty"),
    "an unknown effect": ("executors", Named(name="a", effect="blind"), "Named has effect = 'blind'"),
    "settings that are no class": ("executors", Named(name="a", settings=Greet("x")), "describing Greet(name='x'): it is no attrs class"),
    "settings that no form shows": ("executors", Named(name="a", settings=Unread), "describing Unread: the type of its field 'what'"),
    "an instance for a class": ("scripts", Greet("x"), "it offers a Greet, where a class is wanted"),
    "a class of another kind": ("scripts", Never, "it offers Never, which is no Script"),
    "a script without perform": ("scripts", Unperformed, "Unperformed lacks perform"),
    "a script that is no attrs class": ("scripts", NoAttrs, "describing <class 'tests.plugins.test_manager.NoAttrs'>: it is no attrs"),
    "a script without a kind": ("scripts", NoKind, "NoKind has kind = '', which is no word"),
    "a script without a name": ("scripts", NoName, "NoName has no field 'name', by which tasks choose it"),
    "a script that no form shows": ("scripts", Unread, "describing Unread: the type of its field 'what'"),
    "a script that needs what no verb is": ("scripts", spread(needs={"commands"}), "Spread has needs = {'commands'}"),
    "an unknown spread": ("scripts", spread(spread="all"), "Spread has spread = 'all'"),
    "an unknown effect of a script": ("scripts", spread(effect="blind"), "Spread has effect = 'blind'"),
    "a right that is no name": ("scripts", spread(right=5), "Spread has right = 5"),
    "an instance for a policy": ("policies", Never(), "it offers a Never, where a class is wanted"),
    "a policy of another kind": ("policies", Greet, "it offers Greet, which is no Policy"),
    "a policy that wants nothing": ("policies", WantsNothing, "WantsNothing lacks wants"),
    "a policy without a kind": ("policies", NoWord, "NoWord has kind = 'two words', which is no word"),
    "a notifier of another kind": ("notifiers", Writes(), "it offers a Writes, which is no Notifier"),
    "a notifier without settings that a form shows": ("notifiers", UnreadTells(), "describing Unread: the type of its field 'what'"),
    "an exporter of another kind": ("exporters", Tells(), "it offers a Tells, which is no Exporter"),
    "a class for an exporter": ("exporters", Writes, "it offers the class Writes, where an instance is wanted"),
    "a notifier that wants a text": ("notifiers", WantsAText(), "WantsAText does not say which facts it wants"),
    "a notifier that wants what nobody tells": ("notifiers", Inbox(["JobFailed", "JobFaild"]), "Inbox wants 'JobFaild', which no fact is"),
    "a report without a name": ("reports", NoRows(), "NoRows has no name"),
    "a key for a keyring": ("keyrings", b"hunter2", "it offers a bytes, which is no Keyring"),
    "a storage of another kind": ("storages", ("scratch", MemoryStorage), "it offers a tuple, which is no StorageKind"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_offer_that_breaks_the_contract_is_an_error_that_names_its_plugin(what: str) -> None:
    plural, offer, case = WRONG[what]
    error = refused(offering(f"taskkit_{plural}", offer))
    assert error.tried == f"asking plug-in 'acme' for taskkit_{plural}"
    assert error.case.startswith(case)
    assert error.help


def test_what_each_definition_says_in_a_field_is_no_mistake() -> None:
    @frozen
    class Chosen(Greet):
        kind = "chosen"
        effect: str = "blind"  # type: ignore[assignment, misc]

    assert start(offering("taskkit_scripts", Chosen)).scripts == {"chosen": Chosen}


@pytest.mark.parametrize("answer", [None, Ssh(), "ssh", {"ssh": Ssh()}, 5])
def test_a_hook_answers_a_list(answer: object) -> None:
    error = refused(module(taskkit_executors=hookimpl(lambda: answer)))
    assert error.case == f"it answers a {type(answer).__name__}, which is no list"


def test_a_storage_kind_is_looked_at_when_it_is_made() -> None:
    with pytest.raises(InvalidValue, match="it is no scheme of a URL"):
        StorageKind("my scheme", lambda url: MemoryStorage())
    with pytest.raises(InvalidValue, match="it is a MemoryStorage; give a function"):
        StorageKind("memory", MemoryStorage())  # type: ignore[arg-type]


# duplicates


def test_two_offers_of_one_name_are_an_error_that_names_both_plugins() -> None:
    error = refused(offering("taskkit_executors", Ssh(), name="first"), offering("taskkit_executors", Ssh(), name="second"))
    assert error.tried == "asking plug-in 'second' for taskkit_executors"
    assert error.case == "executor 'ssh' is offered by plug-in 'first' already"


@pytest.mark.parametrize("ids", [("2026", "2026"), ("2026", "2027")])
def test_two_keyrings_are_an_error_that_names_both_plugins_whatever_they_are_called(ids: tuple[str, str]) -> None:
    first, second = (
        offering("taskkit_keyrings", Keyring.generate(id), name=name) for id, name in zip(ids, ("first", "second"), strict=True)
    )
    error = refused(first, second)
    assert error.tried == "asking plug-in 'second' for taskkit_keyrings"
    assert error.case == "a keyring is offered by plug-in 'first' already, and there is one for all"


def test_a_plugin_offers_one_keyring_or_none() -> None:
    assert start(offering("taskkit_keyrings")).keyring is None
    error = refused(offering("taskkit_keyrings", *map(Keyring.generate, ("2026", "2027"))))
    assert error.case == "a keyring is offered by plug-in 'acme' already, and there is one for all"


def test_one_plugin_offers_a_name_once() -> None:
    def for_ever() -> Iterator[Executor]:
        while True:
            yield Ssh()

    assert refused(module(taskkit_executors=hookimpl(for_ever))).case == "executor 'ssh' is offered by plug-in 'acme' already"


def test_a_plugin_that_offers_without_end_is_an_error() -> None:
    def for_ever() -> Iterator[Executor]:
        for number in count():
            yield Named(name=f"ssh{number}")

    assert refused(module(taskkit_executors=hookimpl(for_ever))).case == "it offers 1,000 and does not end"


def test_plugins_that_call_themselves_equal_are_an_error_and_none_is_dropped() -> None:
    @frozen
    class Equal:
        @hookimpl
        def taskkit_executors(self) -> list[Executor]:
            return []

    assert "already registered" in refused(("one", Equal()), ("other", Equal())).case


def test_kinds_may_share_a_name() -> None:
    plugin = module(taskkit_executors=hookimpl(lambda: [Named(name="rows")]), taskkit_reports=hookimpl(lambda: [Rows()]))
    assert len(start(plugin).offered()) == 2


def test_two_plugins_of_one_name_are_an_error_unless_they_are_told_apart() -> None:
    first, second = offering("taskkit_executors", Ssh()), offering("taskkit_executors", Named(name="telnet"))
    error = refused(first, second)
    assert (error.tried, error.case) == ("starting plug-in 'acme'", "plug-in 'acme' has the same name")
    assert set(start(first, ("other", second)).executors) == {"ssh", "telnet"}


def test_the_same_plugin_twice_is_once() -> None:
    plugin = everything()
    assert len(start(plugin, plugin, ("again", plugin)).offered()) == len(ALL)


# foreign code that raises


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


RAISED: list[tuple[BaseException, str]] = [
    (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    (Unprintable(), "Unprintable"),
    (SystemExit(3), "SystemExit: 3"),
    (BrokenPlugin("a", "b"), "BrokenPlugin: a: b"),
    (ValueError("x" * 10_000), "ValueError: " + "x" * 488),
]


def raising(error: BaseException) -> Callable[..., Any]:
    def foreign_frame(*_: object) -> Any:
        raise error

    return foreign_frame


def without_foreign_frames(error: BaseException) -> bool:
    """Neither in its own stack nor in that of an error behind it, hidden or not."""
    frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    behind = error.__cause__ or error.__context__
    return "foreign_frame" not in frames and behind is None


@pytest.mark.parametrize(("raised", "case"), RAISED)
def test_a_plugin_that_raises_when_asked_is_told_by_type_and_text(raised: BaseException, case: str) -> None:
    error = refused(module(taskkit_scripts=hookimpl(lambda: raising(raised)())))
    assert (error.tried, error.case) == ("asking plug-in 'acme' for taskkit_scripts", case)
    assert without_foreign_frames(error)


KEYLESS: dict[str, Callable[[str], object]] = {
    "ConnectionError": lambda key: throw(ConnectionError(key)),
    "KeyError": lambda key: (throw(KeyError(key)) for _ in "once"),
    "SystemExit": lambda key: throw(SystemExit(key)),
    "Refused: reading the keyring '/nowhere/keys': No such file or directory; make one": lambda key: Keyring.from_file("/nowhere/keys"),
}


def throw(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize("case", KEYLESS)
def test_what_goes_wrong_where_keys_are_fetched_is_told_by_its_type_unless_the_words_are_ours(case: str) -> None:
    error = refused(module(taskkit_keyrings=hookimpl(lambda: KEYLESS[case]("hunter2"))))
    assert error.case.startswith(case)
    assert "hunter2" not in "".join(traceback.format_exception(error))


def test_a_plugin_that_raises_while_it_yields_is_told_by_type_and_text() -> None:
    def yields() -> Iterator[Executor]:
        yield Ssh()
        raising(OSError("the disk is full"))()

    error = refused(module(taskkit_executors=hookimpl(yields)))
    assert error.case == "OSError: the disk is full"
    assert without_foreign_frames(error)


def test_an_offer_that_raises_when_looked_at_is_told_by_type_and_text() -> None:
    class Raises(Ssh):
        name: ClassVar[Any] = property(raising(OSError("no name today")))

    error = refused(offering("taskkit_executors", Raises()))
    assert error.case == "OSError: no name today"
    assert without_foreign_frames(error)


def test_a_plugin_that_raises_when_looked_at_is_told_by_type_and_text() -> None:
    class Raises:
        taskkit_requires = property(raising(OSError("not today")))

    error = refused(("acme", Raises()))
    assert (error.tried, error.case) == ("starting plug-in 'acme'", "OSError: not today")
    assert without_foreign_frames(error)


def test_somebody_who_interrupts_is_heard() -> None:
    with pytest.raises(KeyboardInterrupt):
        start(module(taskkit_executors=hookimpl(lambda: raising(KeyboardInterrupt())())))


# entry points


SOURCE = """
from taskkit.plugins import Executor, Verb, hookimpl

class Acme(Executor):
    name = {offered!r}
    verbs = frozenset({{Verb.COMMANDS}})
    def connect(self, host, login, run): ...

@hookimpl
def taskkit_executors():
    return [Acme()]
"""


class Site:
    """A folder for installed distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, distribution: str, entries: dict[str, str], source: str | None = None, *, metadata: bool = True) -> None:
        """A distribution as pip leaves it: a module and a `.dist-info` folder."""
        info = self.folder / f"{distribution}-1.2.dist-info"
        info.mkdir()
        if metadata:
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        lines = "\n".join(f"{name} = {value}" for name, value in entries.items())
        (info / "entry_points.txt").write_text(f"[taskkit]\n{lines}\n")
        if source is not None:
            (self.folder / f"{distribution}_module.py").write_text(source)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        if name.endswith("_module"):
            del sys.modules[name]


def test_what_is_installed_is_found_with_its_distribution(site: Site) -> None:
    site.install("acme", {"acme-executors": "acme_module"}, SOURCE.format(offered="acme"))
    (offer,) = Plugins(guests=False).offered()
    assert (offer.name, offer.plugin, offer.distribution, offer.version) == ("acme", "acme-executors", "acme", "1.2")


def test_what_is_installed_is_left_alone_where_nothing_is_to_be_discovered(site: Site) -> None:
    site.install("acme", {"acme": "acme_module"}, SOURCE.format(offered="acme"))
    assert not start().executors
    assert "acme_module" not in sys.modules


def test_only_what_is_wanted_by_name_is_loaded(site: Site) -> None:
    site.install("acme", {"acme": "acme_module"}, SOURCE.format(offered="acme"))
    site.install("evil", {"evil": "evil_module"}, "raise SystemExit('never loaded')")
    assert list(start(discover="acme").executors) == list(start(discover=["acme"]).executors) == ["acme"]
    with pytest.raises(MissingPlugin, match="no plug-in 'acne' is installed"):
        start(discover=["acme", "acne"])


def test_an_entry_point_may_name_an_object(site: Site) -> None:
    source = SOURCE.format(offered="acme") + "class Plugin:\n    taskkit_executors = staticmethod(taskkit_executors)\nplugin = Plugin()\n"
    site.install("acme", {"acme": "acme_module:plugin"}, source)
    assert list(start(discover=True).executors) == ["acme"]


def test_a_half_removed_distribution_still_has_a_name_for_its_plugin(site: Site) -> None:
    site.install("acme", {"acme": "acme_module"}, SOURCE.format(offered="acme"), metadata=False)
    (offer,) = start(discover=True).offered()
    assert (offer.plugin, offer.distribution, offer.version) == ("acme", None, None)


BROKEN = {
    "a module that is not there": (None, "acme_module", "loading", "ModuleNotFoundError: No module named 'acme_module'"),
    "a module that needs another": ("import nowhere_to_be_found", "acme_module", "loading", "ModuleNotFoundError: No module named 'now"),
    "a module that raises": ("1 / 0", "acme_module", "loading", "ZeroDivisionError: division by zero"),
    "a module that ends the process": ("raise SystemExit(1)", "acme_module", "loading", "SystemExit: 1"),
    "a module that is no Python": ("def", "acme_module", "loading", "SyntaxError: "),
    "a name that is not in it": ("", "acme_module:plugin", "loading", "AttributeError: module 'acme_module' has no attribute 'plugin'"),
    "a module without a hook": ("", "acme_module", "starting", "it has no hook"),
    "a misspelt hook": ("def taskkit_executers(): ...", "acme_module", "starting", "it has taskkit_executers, which is no hook"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_plugin_that_is_installed_fails_the_start_and_names_its_distribution(what: str, site: Site) -> None:
    source, entry, doing, case = BROKEN[what]
    site.install("acme", {"acme": entry}, source)
    error = refused(discover=True)
    assert error.tried == f"{doing} plug-in 'acme' of acme 1.2"
    assert error.case.startswith(case)
    assert error.__context__ is None
    assert not any("acme_module" in frame.filename for frame in traceback.extract_tb(error.__traceback__))


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_plugin_can_be_left_out_as_a_whole(what: str, site: Site) -> None:
    source, entry, _, case = BROKEN[what]
    site.install("acme", {"acme": entry}, source)
    site.install("other", {"other": "other_module"}, SOURCE.format(offered="other"))
    plugins = start(discover=True, broken="leave_out")
    assert list(plugins.executors) == ["other"]
    (error,) = plugins.broken
    assert "plug-in 'acme' of acme 1.2" in error.tried
    assert error.case.startswith(case)
    with pytest.raises(MissingPlugin) as caught:
        plugins.executor("acme-ssh")
    assert "left out as broken" in caught.value.help
    assert "plug-in 'acme' of acme 1.2" in caught.value.help


def test_of_a_plugin_that_is_left_out_nothing_stays(site: Site) -> None:
    source = SOURCE.format(offered="acme") + "@hookimpl\ndef taskkit_scripts():\n    return [Acme]\n"
    site.install("acme", {"acme": "acme_module"}, source)
    plugins = start(discover=True, broken="leave_out")
    assert (len(plugins.broken), plugins.offered()) == (1, ())


def test_the_name_of_a_plugin_that_is_left_out_is_free_for_another(site: Site) -> None:
    source = SOURCE.format(offered="acme") + "@hookimpl\ndef taskkit_scripts():\n    return [Acme]\n"
    site.install("acme", {"ssh": "acme_module"}, source)
    site.install("zeta", {"ssh": "zeta_module"}, SOURCE.format(offered="zeta"))
    plugins = start(discover=True, broken="leave_out")
    assert (len(plugins.broken), list(plugins.executors)) == (1, ["zeta"])


def test_what_was_handed_in_or_wanted_by_name_is_never_left_out(site: Site) -> None:
    site.install("acme", {"acme": "acme_module"}, "")
    assert refused(discover="acme", broken="leave_out").case == "it has no hook"
    assert refused(module("mine"), broken="leave_out").tried == "starting plug-in 'mine'"


def test_two_distributions_with_one_name_of_a_plugin_are_an_error_that_names_both(site: Site) -> None:
    site.install("acme", {"ssh": "acme_module"}, SOURCE.format(offered="one"))
    site.install("zeta", {"ssh": "zeta_module"}, SOURCE.format(offered="two"))
    error = refused(discover=True)
    assert (error.tried, error.case) == ("starting plug-in 'ssh' of zeta 1.2", "plug-in 'ssh' of acme 1.2 has the same name")
    assert list(start(discover=True, broken="leave_out").executors) == ["one"]


def test_a_plugin_that_is_installed_and_handed_in_is_there_once(site: Site) -> None:
    site.install("acme", {"acme": "acme_module"}, SOURCE.format(offered="acme"))
    import acme_module  # type: ignore[import-not-found]

    (offer,) = start(acme_module, discover=True).offered()
    assert offer.plugin == "acme_module"


# the face


def loaded_by(code: str) -> str:
    told = f"import sys; {code}; print(sorted({{'pluggy', 'cattrs', 'taskkit.plugins.manager'}} & set(sys.modules)))"
    return subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.strip()


def test_the_core_imports_the_kinds_without_pluggy() -> None:
    assert loaded_by("import taskkit.plugins.kinds, taskkit.plugins.runs, taskkit.plugins.verbs") == "[]"
    assert loaded_by("from taskkit.plugins import Executor, Script, StorageKind, Offer") == "[]"


def test_asking_for_plugins_loads_no_cattrs() -> None:
    code = "from taskkit.plugins import Plugins; Plugins(discover=False, guests=False)"
    assert loaded_by(code) == "['pluggy', 'taskkit.plugins.manager']"


def test_the_face_shows_what_it_promises() -> None:
    import taskkit.plugins as face
    from taskkit.plugins import kinds, runs, verbs

    told = {name for room in (kinds, runs, verbs) for name, made in vars(room).items() if getattr(made, "__module__", "") == room.__name__}
    assert list(face.__all__) == sorted(face.__all__)
    assert {name for name in told if name[0] != "_"} <= set(face.__all__) <= set(dir(face))
    assert all(getattr(face, name) for name in face.__all__)
    with pytest.raises(AttributeError, match=r"module 'taskkit\.plugins' has no attribute 'Nothing'"):
        face.Nothing  # noqa: B018
