"""Tasks, definitions and selections as JSON: what a store keeps is read back as it was, or refused with the reason (R1, R9, R10)."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.checks import names as names_of
from taskkit.checks import several
from taskkit.documents import Documents
from taskkit.errors import InvalidValue, NarrowWindow, UnreadableDocument
from taskkit.events import Daily, MaxAge, OpenTime, RandomDays, Spread, TimeWindow
from taskkit.events.happenings import Happening
from taskkit.events.policies import NOW, POLICIES, AfterSession, AfterUnlock, Due, OnDemand, Policy
from taskkit.outcomes import ErrorClass
from taskkit.passwords import KINDS, CharacterClass, Passphrases, PasswordPolicy, Passwords, password_policy
from taskkit.plugins.forms import fill, form, troubles
from taskkit.plugins.kinds import Script
from taskkit.plugins.manager import Plugins
from taskkit.records import RecordType
from taskkit.scripts import Check, CheckStatus, CommandOn, Commands, Cue, Dialogue, Exchange, FileOn, OtherRecord, PasswordReset, Step
from taskkit.selections import SELECTIONS, AllOf, Contains, Everything, FieldIs, Listed, Not, OfType, OfVault, OneOf, Selection, Tagged
from taskkit.tasks import ConsentRule, Fallback, Guard, Task, TaskList, Waves
from tests.events.data.rules import rules, scenes

PLUGINS = Plugins(discover=False)
DOCUMENTS = Documents(PLUGINS.policies.values(), [*PLUGINS.scripts.values(), RecordType])
OFTEN = settings(max_examples=100, deadline=None)

names = st.text(string.ascii_letters + string.digits + " äß€漢-/:@\\'\"{}", min_size=1, max_size=20).filter(lambda text: text.strip())
texts = st.text(max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
mappings = st.dictionaries(texts, plain, max_size=3)
intervals = (
    scenes().flatmap(rules) | st.builds(RandomDays, low=st.integers(1, 9), high=st.integers(9, 40)) | st.builds(MaxAge, st.integers(1, 400))
)
windows = st.sampled_from(["* 22-23 * * 1-5", "* 1-4 * * *", "30-59 2 * * * | * 3 * * *"]).map(TimeWindow)
open_times = windows | st.builds(OpenTime, windows, st.lists(st.just(TimeWindow("* * 24 12 *", tz="Europe/Berlin")), max_size=2))
policies = st.one_of(
    *(st.builds(made) for made in POLICIES if made not in (AfterUnlock, AfterSession)),
    st.builds(AfterUnlock, st.integers(1, 1000)),
    st.integers(1, 100).map(lambda minutes: AfterUnlock(minutes, restart="extend", max_total=minutes * 3)),
    st.builds(AfterSession, last=st.just(True), max_defer=st.integers(1, 1000), then=st.sampled_from(["run", "give_up"])),
    st.builds(AfterSession, last=st.booleans()),
)
leaves = st.one_of(
    st.just(Everything()),
    st.builds(OfType, names),
    st.builds(Tagged, names),
    st.builds(FieldIs, names, texts),
    st.builds(Contains, names),
    st.builds(Listed, st.lists(names, max_size=3)),
    st.builds(OfVault, mappings),
)
selections = st.recursive(
    leaves,
    lambda inner: (
        st.builds(AllOf, st.lists(inner, min_size=1, max_size=3))
        | st.builds(OneOf, st.lists(inner, min_size=1, max_size=3))
        | st.builds(Not, inner)
    ),
    max_leaves=6,
)
optional_names = st.none() | names
shares = st.none() | st.floats(0.01, 1)
tasks = st.builds(
    Task,
    name=names,
    script=names,
    policies=st.lists(policies | intervals, max_size=4),
    target=st.sampled_from(["itself", "referenced", "shadow"]),
    shadow=optional_names,
    selection=st.none() | selections,
    window=st.none() | open_times,
    spread=st.none() | st.builds(Spread, st.integers(1, 600)),
    fallback=st.none() | st.builds(Fallback, st.integers(1, 600), st.integers(1, 9), window=st.none() | open_times),
    consent=st.none() | st.builds(ConsentRule, st.integers(1, 2), st.sets(names, min_size=2, max_size=4), minutes=st.integers(1, 99)),
    waves=st.builds(Waves, st.integers(0, 9), st.none() | st.integers(1, 99), shares),
    guard=st.builds(Guard, st.none() | st.integers(1, 99), shares, st.none() | st.integers(1, 9)),
    max_lateness=st.none() | st.integers(1, 999),
    deadline=st.integers(1, 999),
    at_once=st.none() | st.integers(1, 99),
    active=st.booleans(),
    pool=optional_names,
    managers=st.sets(names, max_size=3),
    tags=st.sets(names, max_size=3),
    description=texts,
    owner=optional_names,
    runs_as=optional_names,
    list=st.sampled_from(["system", "type:unix", "record:r1"]),
    id=names,
    line=names,
)
exits = st.lists(st.integers(0, 255), min_size=1, max_size=3)
steps = st.builds(
    Step,
    st.sampled_from(["df -h", "echo {user}", "id"]),
    stdin=st.none() | st.just("{password}\n"),
    timeout=st.floats(0.1, 999),
    shell=st.booleans(),
    exits=exits,
    expect=st.none() | st.just("ok"),
    forbid=st.none() | st.just("no"),
    level=st.sampled_from(["error", "warning"]),
)
checks = st.builds(Check, st.just("df"), name=names, capture=st.just({"free": r"(\d+)"}), warn_below=st.none() | st.floats(1, 9))
cues = st.one_of(
    st.builds(Cue, st.sampled_from(["#", "/[$%] $/"]), st.none() | st.just("show {user}"), then=st.sampled_from(["next", "end"])),
    st.builds(Cue, st.just("Password:"), st.just("{password}")),
    st.builds(Cue, st.just("% denied"), error=st.sampled_from(ErrorClass), text=texts),
)
exchanges = st.builds(
    Exchange,
    st.lists(cues, min_size=1, max_size=3),
    timeout=st.floats(0.1, 999),
    retries=st.integers(0, 5),
    expect=st.none() | st.just("ok"),
    forbid=st.none() | st.just("no"),
    level=st.sampled_from(["error", "warning"]),
)
fields = st.sampled_from(["host", "port", "user", "password", "key"])
definitions: st.SearchStrategy[Any] = st.one_of(
    st.builds(Commands, names, st.lists(steps, min_size=1, max_size=3)),
    st.builds(
        Dialogue,
        names,
        st.lists(exchanges, min_size=1, max_size=3),
        paging=st.booleans(),
        quiet=st.floats(0.1, 9),
        always=st.lists(st.just(Cue("--more--", "<space>")), max_size=1),
        values=st.sampled_from(["words", "any"]),
        effect=st.sampled_from(["blind", "idempotent"]),
    ),
    st.builds(CheckStatus, names, checks=st.lists(checks, min_size=0, max_size=2, unique_by=lambda check: check.name)),
    st.builds(
        RecordType,
        names,
        executor=optional_names,
        host=fields,
        port=fields,
        user=fields,
        secret=fields,
        key=fields,
        settings=mappings,
        passwords=st.none() | st.builds(Passwords, st.integers(16, 30)),
    ),
)


least = st.none() | st.integers(0, 2)
histories: Mapping[str, Any] = {"without_user": st.booleans(), "history": st.integers(0, 30)}
password_policies = st.one_of(
    st.builds(
        Passwords,
        st.integers(12, 20) | st.tuples(st.integers(10, 12), st.integers(12, 20)),
        lower=least,
        upper=least,
        digits=st.integers(0, 2),
        symbols=least,
        own=st.just([]) | st.builds(CharacterClass, st.just("hex"), st.text("abc123!", min_size=1).map("x".__add__), st.integers(0, 2)),
        without=st.just("") | st.just("0O1Il"),
        first=st.none() | st.just(()),
        runs=st.none() | st.just(3),
        **histories,
    ),
    st.builds(Passwords, only=st.just("abAB12-"), first=st.just(["lower", "digits"]), last=st.just(["upper", "digits"])),
    st.builds(
        Passphrases,
        st.integers(1, 9),
        source=st.just([]) | st.just(["cat", "dog", "öre"]),
        separator=st.sampled_from(["-", "", ". "]),
        capital=st.booleans(),
        digit=st.booleans(),
        **histories,
    ),
)


common: Mapping[str, Any] = {"retries": st.integers(0, 10), "required": st.booleans()}
restarts = steps.filter(lambda step: step.level == "error")
dependents = st.one_of(
    st.builds(OtherRecord, names, names, **common),
    st.builds(FileOn, names, names, st.just("user={user}\npassword={password}\n") | st.just("{{}}"), **common),
    st.builds(CommandOn, names, restarts, effect=st.sampled_from(["blind", "idempotent"]), **common),
)
definitions |= st.builds(
    PasswordReset,
    names,
    passwords=password_policies,
    attempts=st.integers(1, 10),
    through=st.sampled_from(["shadow", "itself"]),
    dependents=st.lists(dependents, max_size=3, unique_by=str),
    on_failure=st.sampled_from(["keep", "roll_back"]),
    old_refused=st.sampled_from(["no", "warn", "fail"]),
)


def there_and_back(document: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(document, allow_nan=False))


@OFTEN
@given(tasks)
def test_r01_a_task_comes_back_from_its_document_as_it_was(task: Task) -> None:
    back = DOCUMENTS.task(there_and_back(DOCUMENTS.write(task)), 7)
    assert back == task
    assert (back.revision, back.interval) == (7, task.interval)
    assert there_and_back(DOCUMENTS.write(back)) == there_and_back(DOCUMENTS.write(task))


@OFTEN
@given(selections)
def test_r09_a_selection_comes_back_from_its_document_as_it_was(selection: Selection) -> None:
    assert DOCUMENTS.task(there_and_back(DOCUMENTS.write(Task("n", "s", selection=selection))), 0).selection == selection


@OFTEN
@given(definitions)
def test_r10_a_definition_comes_back_from_its_document_as_it_was(definition: Any) -> None:
    document = there_and_back(DOCUMENTS.write(definition))
    assert document["kind"] == definition.kind
    assert DOCUMENTS.definition(document) == definition


def test_r10_every_definition_that_taskkit_brings_is_drawn_above() -> None:
    assert set(PLUGINS.scripts.values()) == {Commands, CheckStatus, Dialogue, PasswordReset}


def test_r09_every_selection_is_drawn_above() -> None:
    assert set(SELECTIONS) == {Everything, OfType, Tagged, FieldIs, Contains, Listed, AllOf, OneOf, Not, OfVault}


@given(st.builds(TaskList, names, optional_names, st.booleans()))
def test_r01_a_list_comes_back_from_its_document_as_it_was(value: TaskList) -> None:
    body = {"id": value.id, "shadow": value.shadow, "unique": value.unique}
    assert DOCUMENTS.read(TaskList, there_and_back(body)) == value


def test_what_is_the_default_is_not_written() -> None:
    assert DOCUMENTS.write(Task("night", "rotate", Daily())) == {"name": "night", "script": "rotate", "policies": [{"kind": "daily"}]}


def test_r05_a_narrow_window_is_spoken_of_once() -> None:
    with pytest.warns(NarrowWindow):
        window = TimeWindow("0 2 * * *")
    document = DOCUMENTS.write(Task("t", "s", window=window, fallback=Fallback(window=OpenTime(window))))
    assert DOCUMENTS.task(there_and_back(document), 0).window == window  # a warning is an error here


@frozen
class AfterLunch(Policy):
    """A third party's policy, with values of several kinds (P8)."""

    kind = "after_lunch"
    dishes: tuple[str, ...] = attrs.field(converter=several)
    menu: Mapping[str, Any] = attrs.field(factory=dict, hash=False)

    def wants(self, happening: Happening) -> Due | None:
        return NOW


def test_p08_a_policy_of_a_third_party_comes_back_as_it_was() -> None:
    documents = Documents([*PLUGINS.policies.values(), AfterLunch], [])
    task = Task("t", "s", [AfterLunch(["soup", "fish"], {"sweet": ["ice"], "wine": {"red": 2}}), OnDemand()])
    assert documents.task(there_and_back(documents.write(task)), 0) == task


@frozen
class Listing(Script):
    """A third party's script, with values of several kinds."""

    kind = "listing"
    name: str
    codes: tuple[int, ...] = attrs.field(default=(), converter=several)
    where: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, hash=False)
    tags: frozenset[str] = attrs.field(default=frozenset(), converter=names_of)
    again: Listing | None = None

    def perform(self, run: Any) -> Any:
        raise NotImplementedError


def test_r10_a_script_of_a_third_party_comes_back_as_it_was() -> None:
    documents = Documents([], [Listing])
    script = Listing("outer", [1, 2], tags={"b", "a"}, again=Listing("inner"))
    assert documents.definition(there_and_back(documents.write(script))) == script


@frozen
class Rotating(Script):
    """A third party's script with a policy for passwords."""

    kind = "rotating"
    name: str
    passwords: PasswordPolicy = attrs.field(default=Passwords(), converter=password_policy)
    backup: Passphrases | None = None

    def perform(self, run: Any) -> Any:
        raise NotImplementedError


ROTATING = Documents([], [Rotating])


@OFTEN
@given(password_policies)
def test_r10_a_password_policy_comes_back_from_the_document_of_its_script_as_it_was(policy: PasswordPolicy) -> None:
    script = Rotating("nightly", policy, Passphrases(6))
    assert ROTATING.definition(there_and_back(ROTATING.write(script))) == script


def test_r10_every_password_policy_is_drawn_above() -> None:
    assert set(KINDS.values()) == {Passwords, Passphrases}


def test_a_password_policy_says_its_kind_and_what_is_no_default() -> None:
    policy = Passwords(20, symbols=None, own=CharacterClass("marks", "!?"), first=["lower"])
    assert ROTATING.write(Rotating("nightly", policy))["passwords"] == {
        "kind": "passwords", "length": [20, 20], "symbols": None, "first": ["lower"],
        "own": [{"name": "marks", "characters": "!?", "least": 1}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "case"),
    [
        ({"passwords": {"kind": "passwords", "length": 3}}, "no password is at most 3 long"),
        ({"passwords": {"kind": "words"}}, "there is no kind 'words'"),
        ({"passwords": {"kind": "passwords", "lenght": 20}}, "lenght"),
        ({"passwords": 20}, "it is a int"),
        ({"backup": {"kind": "passwords"}}, "it is Passwords"),
    ],
)
def test_r10_a_password_policy_that_cannot_be_read_is_refused_with_the_reason(changes: dict[str, Any], case: str) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        ROTATING.definition({"kind": "rotating", "name": "nightly", **changes})
    assert case in str(caught.value)


def test_a_form_with_a_password_policy_takes_its_document() -> None:
    said = {"kind": "passwords", "length": 20, "own": [{"name": "marks", "characters": "!?"}]}
    assert fill(Rotating, {"name": "nightly", "passwords": said}).passwords == Passwords(20, own=CharacterClass("marks", "!?"))
    assert fill(RecordType, {"name": "unix", "passwords": said}).passwords == Passwords(20, own=CharacterClass("marks", "!?"))
    for made in Rotating, RecordType:
        [trouble] = troubles(made, {"name": "nightly", "passwords": {"kind": "passwords", "length": 3}})
        assert (trouble.field, "no password is at most 3 long" in trouble.case) == ("passwords", True)


def test_the_form_of_a_password_policy_is_filled_in() -> None:
    shapes = {setting.name: setting.shape.type for setting in form(Passwords).settings}
    assert (shapes["length"], shapes["lower"], shapes["own"], shapes["first"]) == ("list", "whole", "list", "list")
    said = {"length": [16, 20], "lower": None, "own": [{"name": "marks", "characters": "!?", "least": 2}], "first": ["upper"]}
    assert fill(Passwords, said) == Passwords((16, 20), lower=None, own=CharacterClass("marks", "!?", 2), first="upper")
    assert fill(Passwords, {"length": 20}) == Passwords(20)
    assert fill(Passphrases, {"words": 6, "source": ["cat", "dog"]}) == Passphrases(6, source=["cat", "dog"])


@pytest.mark.parametrize(
    ("changes", "case"),
    [
        ({"policies": [{"kind": "after_dinner"}]}, "no such kind"),
        ({"policies": [{"kind": "window", "expression": "* 2 * * *"}]}, "'window' is none"),
        ({"policies": [{"kind": "after_unlock"}]}, "minutes"),
        ({"policies": [{"kind": "daily", "often": 3}]}, "it has no often"),
        ({"policies": [3]}, "object"),
        ({"policies": "daily"}, ""),
        ({"selection": {"kind": "all"}}, "no kind 'all'"),
        ({"selection": {"kind": "not", "part": {"kind": "of_tipe"}}}, "no kind 'of_tipe'"),
        ({"selection": {"kind": "of_type", "tipe": "unix"}}, "tipe"),
        ({"window": {"kind": "daily"}}, "it is a Daily"),
        ({"target": "elsewhere"}, "elsewhere"),
        ({"active": "yes"}, "no bool"),
        ({"deadline": "60"}, "no float"),
        ({"colour": "red"}, "colour"),
        ({"script": None}, "no str"),
        ({"name": ""}, "no name"),
    ],
)
def test_a_task_that_was_changed_by_hand_is_refused_with_the_reason(changes: dict[str, Any], case: str) -> None:
    document = there_and_back(DOCUMENTS.write(Task("night", "rotate", Daily()))) | changes
    with pytest.raises(UnreadableDocument, match="reading a task") as caught:
        DOCUMENTS.task(document, 1)
    assert case in caught.value.case


@pytest.mark.parametrize(
    ("document", "case"),
    [
        ({"name": "x"}, "there is no kind None"),
        ({"kind": "comands", "name": "x"}, "there is no kind 'comands'"),
        ({"kind": ["commands"], "name": "x"}, "there is no kind"),
        ({"kind": "commands"}, "name"),
        ({"kind": "record_type", "name": "unix", "exec": "ssh"}, "exec"),
    ],
)
def test_r10_a_definition_that_cannot_be_read_is_refused_with_the_reason(document: dict[str, Any], case: str) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        DOCUMENTS.definition(document)
    assert case in str(caught.value)


def test_a_misspelt_kind_is_answered_with_the_right_one() -> None:
    with pytest.raises(UnreadableDocument, match="did you mean 'commands'") as caught:
        DOCUMENTS.definition({"kind": "comands", "name": "x"})
    assert isinstance(caught.value, InvalidValue)
