"""Settings described as data, and values made of what was filled in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, NewType, TypeVar

import attrs
import pytest
from attrs import field, frozen

from taskkit.errors import InvalidValue
from taskkit.events import Daily, MaxAge, Weekly
from taskkit.plugins import Setting, Verb, fill, form, troubles
from taskkit.secrets import Secret

if TYPE_CHECKING:
    from somewhere import Unreadable  # type: ignore[import-not-found]

SomeText = NewType("SomeText", str)
T = TypeVar("T")


NOBODY_READS = Secret("nobody reads this")


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Size(StrEnum):
    S = "small"


class Foreign:
    """What only a product can make."""


@frozen
class Inner:
    """A group inside another."""

    host: str
    port: int = 22
    shown: str = field(init=False, default="")


@frozen
class Node:
    """Holds values of itself."""

    name: str
    children: tuple[Node, ...] = ()


@frozen
class All:
    """One field of each shape.

    And more to say.
    """

    kind: ClassVar[str] = "all"
    text: str
    whole: int = 3
    number: float = 1.5
    either: int | float = 1
    flag: bool = False
    literal: Literal["a", "b"] = "a"
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    size: Size = Size.S
    choices: Literal["a"] | Colour = "a"
    verbs: frozenset[Verb] = frozenset({Verb.PROBE, Verb.COMMANDS})
    words: tuple[str, ...] = ("x", "y")
    loose: list = field(factory=list)  # type: ignore[type-arg]
    sequence: Sequence[int] = ()
    several: Collection[AbstractSet[str]] = ()
    mapping: Mapping[str, int] = field(factory=lambda: {"a": 1})
    secret: Secret | None = None
    said: str | Secret = NOBODY_READS
    group: Inner = Inner("h")
    groups: tuple[Inner, ...] = (Inner("h", 1),)
    moment: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    anything: Any = None
    foreign: Foreign | None = None
    place: tuple[str, int] = ("a", 1)
    one_of: str | Inner | None = "x"
    optional: int | None = None
    new: SomeText = SomeText("new")
    noted: Annotated[int, "in seconds"] = field(default=7, metadata={"help": "How long."})
    _hidden: str = "worn inside"
    computed: int = field(init=False, default=9)


def setting(name: str, cls: type[Any] = All) -> Setting:
    return next(one for one in form(cls).settings if one.name == name)


SHAPES = {
    "text": "text", "whole": "whole", "number": "number", "either": "number", "flag": "flag", "literal": "choice", "colour": "choice",
    "level": "choice", "size": "choice", "choices": "choice", "verbs": "list of choice", "words": "list of text", "loose": "list of any",
    "sequence": "list of whole", "several": "list of list of text", "mapping": "mapping of whole", "secret": "secret", "said": "secret",
    "group": "group", "groups": "list of group", "moment": "moment", "anything": "any", "foreign": "other", "place": "other",
    "one_of": "other", "optional": "whole", "new": "text", "noted": "whole", "hidden": "text",
}  # fmt: skip


def test_each_field_that_is_given_has_its_word_and_no_other_is_asked() -> None:
    def words(shape: Any) -> str:
        return f"{shape.type} of {words(shape.of)}" if shape.of else str(shape.type)

    assert {one.name: words(one.shape) for one in form(All).settings} == SHAPES


def test_a_form_says_its_kind_and_the_first_line_of_its_class() -> None:
    assert (form(All).kind, form(All).help) == ("all", "One field of each shape.")
    assert (form(Inner).kind, form(Inner).help) == ("Inner", "A group inside another.")


def test_what_has_no_default_is_required() -> None:
    assert [one.name for one in form(All).settings if one.required] == ["text"]


def test_help_is_in_the_metadata_of_a_field() -> None:
    assert setting("noted").help == "How long."
    assert setting("text").help == ""


DEFAULTS = {
    "whole": 3, "colour": "red", "level": "low", "verbs": ["commands", "probe"], "words": ["x", "y"], "loose": [], "mapping": {"a": 1},
    "group": {"host": "h", "port": 22}, "groups": [{"host": "h", "port": 1}], "moment": "2026-01-01T00:00:00+00:00",
    "hidden": "worn inside", "said": None, "foreign": None, "text": None,
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default_is_plain_data_and_never_a_secret(name: str) -> None:
    assert setting(name).default == DEFAULTS[name]


@frozen
class Community:
    word: Secret | str = "public"
    port: int = 161


@frozen
class Poll:
    community: Secret | str = "public"
    others: tuple[Secret | str, ...] = ("public",)
    by_site: Mapping[str, Secret | str] = field(factory=lambda: {"lab": "public"})
    group: Community = Community()


def test_s01_a_text_in_the_place_of_a_secret_is_not_told_as_its_default() -> None:
    assert "public" not in json.dumps(form(Poll).document())
    assert setting("group", Poll).default == {"word": None, "port": 161}
    assert [setting(name, Poll).default for name in ("others", "by_site")] == [[None], {"lab": None}]


def test_a_default_is_told_as_the_class_keeps_it() -> None:
    assert setting("at", Weekly).default == ["00:00"]


@frozen
class Computed:
    low: int = 1
    high: int = attrs.Factory(lambda made: made.low + 1, takes_self=True)


def test_a_default_that_hangs_on_other_fields_is_not_told() -> None:
    assert setting("high", Computed) == Setting("high", setting("low", Computed).shape, required=False)


CHOICES = {"literal": ["a", "b"], "colour": ["red", "green"], "level": ["low", "high"], "size": ["small"], "choices": ["a", "red", "green"]}


@pytest.mark.parametrize("name", CHOICES)
def test_choices_are_told_by_words(name: str) -> None:
    assert [word for word, _ in setting(name).shape.choices] == CHOICES[name]


def test_what_may_be_left_empty_says_so() -> None:
    assert {one.name for one in form(All).settings if one.shape.empty} == {"secret", "anything", "foreign", "optional", "one_of"}


def test_a_document_is_json_and_holds_the_forms_of_groups() -> None:
    document = form(All).document()
    assert json.loads(json.dumps(document)) == document
    told = {one["name"]: one for one in document["settings"]}
    assert told["literal"] == {
        "name": "literal", "type": "choice", "empty": False, "choices": ["a", "b"], "required": False, "default": "a", "help": ""
    }  # fmt: skip
    assert [one["name"] for one in told["groups"]["of"]["form"]["settings"]] == ["host", "port"]


def test_a_class_that_holds_values_of_itself_has_an_end() -> None:
    children = form(Node).document()["settings"][1]
    assert children["of"] == {"type": "group", "empty": False, "form": "Node"}
    made = fill(Node, {"name": "a", "children": [{"name": "b", "children": [{"name": "c"}]}]})
    assert made == Node("a", (Node("b", (Node("c"),)),))


@frozen
class Unread:
    fine: int = 1
    unreadable: Unreadable = None


def test_a_type_that_cannot_be_read_is_named_with_its_field() -> None:
    with pytest.raises(InvalidValue) as caught:
        form(Unread)
    assert (caught.value.tried, caught.value.case[:40]) == ("describing Unread", "the type of its field 'unreadable' canno")
    assert "Unreadable" in caught.value.case
    assert caught.value.__context__ is None


def test_what_is_no_attrs_class_has_no_form() -> None:
    for wrong in (int, Inner("h")):
        with pytest.raises(InvalidValue, match="it is no attrs class"):
            form(wrong)  # type: ignore[arg-type]


@frozen
class Untyped:
    nothing = field(default=1)  # type: ignore[var-annotated]


@frozen
class Open(Generic[T]):
    anything: T


def test_a_field_without_a_type_takes_anything() -> None:
    assert [one.shape.type for cls in (Untyped, Open) for one in form(cls).settings] == ["any", "any"]
    assert fill(Untyped, {"nothing": [1]}) == Untyped([1])
    assert fill(Open, {"anything": None}) == Open(None)


# filling in

GIVEN = {
    "text": "t", "whole": 4, "number": 2, "either": 2, "flag": True, "literal": "b", "colour": "green", "level": "high", "size": "small",
    "choices": "red", "verbs": ["probe"], "words": ["a"], "loose": [1, "x"], "sequence": [1], "several": [["a"], ["b"]],
    "mapping": {"k": 2}, "secret": "s3cret", "said": "also", "group": {"host": "g"}, "groups": [{"host": "g", "port": 2}],
    "moment": "2026-03-29T02:30:00+01:00", "anything": {"what": ["ever"]}, "optional": 5, "new": "n", "noted": 8, "hidden": "h",
}  # fmt: skip


def test_plain_data_becomes_the_value() -> None:
    made = fill(All, GIVEN)
    assert (made.text, made.whole, made.flag, made.literal, made.optional, made.new, made.noted) == ("t", 4, True, "b", 5, "n", 8)
    assert (made.colour, made.level, made.size, made.choices) == (Colour.GREEN, Level.HIGH, Size.S, Colour.RED)
    assert (made.verbs, made.words, made.loose) == (frozenset({Verb.PROBE}), ("a",), [1, "x"])
    assert (made.sequence, made.several) == ((1,), (frozenset({"a"}), frozenset({"b"})))
    assert (made.mapping, made.group, made.groups) == ({"k": 2}, Inner("g"), (Inner("g", 2),))
    assert made.moment == datetime.fromisoformat("2026-03-29T02:30:00+01:00")
    assert (made.anything, made._hidden) == ({"what": ["ever"]}, "h")


def test_a_number_is_kept_in_the_type_that_the_class_names() -> None:
    made = fill(All, GIVEN)
    assert (type(made.number), type(made.either)) == (float, int)


def test_a_text_for_a_secret_becomes_one() -> None:
    made = fill(All, GIVEN)
    assert isinstance(made.said, Secret)
    assert made.secret
    assert (made.secret.reveal(), made.said.reveal()) == ("s3cret", "also")


def test_what_is_left_out_has_its_default() -> None:
    assert fill(All, {"text": "t"}) == All("t")


def test_values_that_were_made_already_are_taken_as_they_are() -> None:
    foreign, secret, inner = Foreign(), Secret("s3cret"), Inner("g")
    given = {"text": "t", "foreign": foreign, "secret": secret, "group": inner, "groups": (inner,), "colour": Colour.GREEN, "one_of": inner}
    made = fill(All, given)
    assert (made.foreign, made.secret, made.group, made.groups, made.colour) == (foreign, secret, inner, (inner,), Colour.GREEN)
    assert fill(All, made) is made  # type: ignore[arg-type]


def test_none_is_a_value_where_the_field_may_be_empty_and_nowhere_else() -> None:
    assert fill(All, {"text": "t", "optional": None, "foreign": None}) == All("t")
    assert [str(one) for one in troubles(All, {"text": None})] == ["text: it is empty, and not a text"]


WRONG: dict[str, tuple[str, object, str]] = {
    "a number for a text": ("text", 5, "it is a whole number, and not a text"),
    "a text for a whole number": ("whole", "5", "it is a text, and not a whole number"),
    "a flag for a whole number": ("whole", True, "it is a flag, and not a whole number"),
    "a broken number for a whole one": ("whole", 5.0, "it is a number, and not a whole number"),
    "a flag for a number": ("number", True, "it is a flag, and not a number"),
    "no number": ("number", float("nan"), "it is a number, and not a finite one"),
    "a text for a flag": ("flag", "no", "it is a text, and not a flag"),
    "a number for a flag": ("flag", 0, "it is a whole number, and not a flag"),
    "an unknown choice": ("literal", "c", "there is no such choice"),
    "a choice of another type": ("level", 1, "there is no such choice"),
    "a list for a choice": ("colour", ["red"], "there is no such choice"),
    "a text for a list": ("words", "abc", "it is a text, and not a list"),
    "a mapping for a list": ("words", {}, "it is a mapping, and not a list"),
    "a list for a mapping": ("mapping", [], "it is a list, and not a mapping"),
    "a number for a secret": ("secret", 1234, "it is a whole number, and not a secret"),
    "an empty secret": ("secret", "", "making a Secret: it is empty"),
    "a text for a group": ("group", "host", "it is a text, and not the fields of Inner"),
    "a text that is no moment": ("moment", "soon", "it is a text, and not a moment"),
    "a moment without a zone": ("moment", "2026-03-29T02:30:00", "it is a text, and not a moment"),
    "plain data for what only a product can make": ("foreign", "x", "it is a text, and not a value of Foreign"),
    "plain data for one of several": ("one_of", 5, "it is a whole number, and not a value of str or Inner"),
}


@pytest.mark.parametrize("what", WRONG)
def test_nothing_is_converted_by_force(what: str) -> None:
    name, given, case = WRONG[what]
    (trouble,) = troubles(All, {"text": "t", name: given})
    assert (trouble.field, trouble.case) == (name, case)
    assert trouble.help


def test_the_error_names_the_field_the_case_and_what_would_help() -> None:
    with pytest.raises(InvalidValue) as caught:
        fill(All, {"text": "t", "whole": "5"})
    error = caught.value
    assert (error.tried, error.case, error.help) == (
        "filling in All", "whole: it is a text, and not a whole number", "give a whole number"
    )  # fmt: skip
    assert error.__context__ is None


def test_the_first_advice_that_there_is_helps() -> None:
    with pytest.raises(InvalidValue) as caught:
        fill(Group, {"checked": {"count": -1}, "inner": 5})
    assert caught.value.case == "checked: count must be positive; inner: it is a whole number, and not the fields of Inner"
    assert caught.value.help == "give its fields and their values"


def test_all_troubles_are_told_at_once_each_with_its_place() -> None:
    given = {"whole": "x", "words": ["a", 5], "mapping": {"k": "v"}, "groups": [{"host": "a"}, {"port": "b"}, 7], "hidden": 1}
    assert [one.field for one in troubles(All, given)] == [
        "text", "whole", "words[1]", "mapping['k']", "groups[1].host", "groups[1].port", "groups[2]", "hidden"
    ]  # fmt: skip


def test_what_is_missing_is_named() -> None:
    assert [str(one) for one in troubles(All, {})] == ["text: it is missing"]


def test_an_unknown_field_is_refused_with_the_nearest_name_inside_groups_too() -> None:
    found = troubles(All, {"text": "t", "wohle": 1, "group": {"host": "h", "prot": 1, "xyz": 2}})
    assert [(one.field, one.help) for one in found] == [
        ("group.prot", "did you mean 'port'?"),
        ("group.xyz", "there are host, port"),
        ("wohle", "did you mean 'whole'?"),
    ]


def test_a_form_that_is_no_mapping_is_refused() -> None:
    (trouble,) = troubles(All, ["text"])  # type: ignore[arg-type]
    assert str(trouble) == "it is a list, and not the fields of All"


def test_what_was_given_is_not_shown_as_it_may_be_a_secret() -> None:
    given = {"whole": "hunter2!", "literal": "hunter2!", "words": "hunter2!", "group": {"host": "h", "port": "hunter2!"}}
    with pytest.raises(InvalidValue) as caught:
        fill(All, {"text": "t", **given})
    assert "hunter2" not in str(caught.value)


def positive(instance: object, attribute: Any, value: int) -> None:
    if value <= 0:
        raise ValueError(f"{attribute.name} must be positive", attribute, value)


def never_five(instance: object, attribute: Any, value: int) -> None:
    if value == 5:
        raise ValueError(5, "is odd")


def tuple_of(given: Any) -> tuple[Any, ...]:
    return tuple(given)


def halves(given: Any) -> tuple[str, ...]:
    return tuple(given.split("/")) if isinstance(given, str) else given


@frozen
class Checked:
    count: int = field(default=1, validator=positive)
    names: tuple[str, ...] = field(default=(), converter=tuple_of)
    numbers: tuple[int, ...] = field(default=(), converter=tuple_of)
    path: tuple[str, ...] = field(default="a/b", converter=halves)
    odd: int = field(default=0, validator=never_five)
    bound: int = field(default=0, converter=attrs.Converter(lambda value, made: value, takes_self=True))  # type: ignore[misc]
    lower: str = field(default="", converter=attrs.Converter(str.lower))  # type: ignore[misc]


@frozen
class Group:
    checked: Checked
    inner: Inner


def test_a_class_says_itself_what_it_refuses() -> None:
    assert [str(one) for one in troubles(Checked, {"count": -1})] == ["count must be positive"]
    assert [str(one) for one in troubles(Checked, {"odd": 5})] == ["ValueError: (5, 'is odd')"]
    (trouble,) = troubles(MaxAge, {"days": 0})
    assert trouble.case.startswith("days=0: it is no whole number of days")


def test_a_converter_of_the_class_reads_what_the_type_alone_would_refuse() -> None:
    assert fill(Checked, {"path": "x/y"}).path == ("x", "y")
    assert fill(Daily, {"at": "6:00"}) == Daily(at="06:00")
    assert fill(Weekly, {"on": ["mon", "Friday"]}) == Weekly(on=["mon", "fri"])
    assert setting("path", Checked).default == ["a", "b"]


def test_a_converter_cannot_smuggle_in_what_does_not_fit_the_type() -> None:
    (trouble,) = troubles(Checked, {"numbers": "12"})
    assert str(trouble) == "numbers: it is a text, and not a list"


def test_a_converter_of_ours_says_in_its_own_words_why_not() -> None:
    (trouble,) = troubles(Daily, {"at": "25:00"})
    assert (trouble.field, trouble.case) == ("at", "at='25:00': it is no time of day")


def test_a_converter_that_looks_at_the_value_around_is_left_to_the_class() -> None:
    assert fill(Checked, {"bound": 5, "lower": "ABC"}) == Checked(bound=5, lower="abc")
    assert [one.field for one in troubles(Checked, {"bound": "x", "lower": 5})] == ["bound", "lower"]


@frozen
class Raises:
    one: int = 1

    def __attrs_post_init__(self) -> None:
        raise KeyError("foreign")


def test_whatever_a_class_raises_is_told_as_trouble() -> None:
    assert [str(one) for one in troubles(Raises, {"one": 2})] == ["KeyError: 'foreign'"]


@pytest.mark.parametrize("make", [lambda: form(All), lambda: fill(Inner, {"host": "h"})], ids=["form", "fill"])
def test_forms_are_cheap_to_ask_for_again(make: Callable[[], object]) -> None:
    assert make() == make()


def test_importing_forms_does_not_load_cattrs() -> None:
    code = "import sys, taskkit.plugins.forms as forms; forms.form(forms.Setting); print('cattrs' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
