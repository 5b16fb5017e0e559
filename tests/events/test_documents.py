"""Rules and windows as JSON: the stored form is stable, and what is stored is read back or refused with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
from attrs import frozen
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskkit import (
    MON,
    SUN,
    AnyOf,
    Daily,
    Hourly,
    Interval,
    InvalidValue,
    MaxAge,
    Minutely,
    Monthly,
    NarrowWindow,
    Once,
    OpenTime,
    RandomDays,
    TimeWindow,
    UnreadableDocument,
    Weekly,
    Window,
    every,
    from_document,
    to_document,
)

BERLIN = "Europe/Berlin"
ignore_narrow = pytest.mark.filterwarnings("ignore::taskkit.errors.NarrowWindow")

#: A stored document outlives releases: a change here breaks what somebody has in a database.
STORED: list[tuple[Interval | Window, dict[str, Any]]] = [
    (Minutely(), {"kind": "minutely"}),
    (Minutely(5, start="2026-01-01T00:00Z"), {"kind": "minutely", "every": 5, "start": "2026-01-01T00:00:00Z"}),
    (Hourly(2, tz=BERLIN, end="2026-12-31"), {"kind": "hourly", "every": 2, "tz": BERLIN, "end": "2026-12-31"}),
    (Daily(), {"kind": "daily"}),
    (
        Daily(2, at=["2:30", "14:30"], tz=BERLIN, gap="skip", fold="both", start="2026-01-01", end="2027-01-01 10:00"),
        {
            "kind": "daily", "every": 2, "at": ["02:30", "14:30"], "tz": BERLIN, "gap": "skip", "fold": "both",
            "start": "2026-01-01", "end": "2027-01-01T10:00",
        },
    ),
    (Weekly(2, on=[MON, "wed"], at="09:00"), {"kind": "weekly", "every": 2, "on": ["mon", "wed"], "at": ["09:00"]}),
    (every(SUN), {"kind": "weekly", "on": ["sun"]}),
    (
        Monthly([-1, 1], months="june", missing_day="next"),
        {"kind": "monthly", "days": [1, -1], "months": [6], "missing_day": "next"},
    ),
    (Monthly(31, every=5), {"kind": "monthly", "days": [31], "every": 5}),
    (Monthly(20, tz=BERLIN), {"kind": "monthly", "days": [20], "tz": BERLIN}),
    (Once("2026-03-29 02:30", tz=BERLIN, fold="last"), {"kind": "once", "at": "2026-03-29T02:30", "tz": BERLIN, "fold": "last"}),
    (RandomDays(15, 30), {"kind": "random", "low": 15, "high": 30}),
    (MaxAge(90, again=2), {"kind": "max_age", "days": 90, "again": 2}),
    (AnyOf(Daily(), every(SUN)), {"kind": "any_of", "members": [{"kind": "daily"}, {"kind": "weekly", "on": ["sun"]}]}),
    (TimeWindow("* 22-23 * * 1-5", tz=BERLIN), {"kind": "window", "expression": "* 22-23 * * 1-5", "tz": BERLIN}),
    (TimeWindow("* 22 * * *"), {"kind": "window", "expression": "* 22 * * *"}),
    (OpenTime(), {"kind": "open_time"}),
    (
        OpenTime(TimeWindow("* 22 * * *"), TimeWindow("* * 24 12 *", tz=BERLIN)),
        {
            "kind": "open_time",
            "window": {"kind": "window", "expression": "* 22 * * *"},
            "blackouts": [{"kind": "window", "expression": "* * 24 12 *", "tz": BERLIN}],
        },
    ),
]  # fmt: skip
KINDS = {document["kind"] for _, document in STORED}


@pytest.mark.parametrize(("value", "document"), STORED, ids=lambda one: str(one) if not isinstance(one, dict) else "")
def test_the_stored_form_of_a_value_is_stable(value: Interval | Window, document: dict[str, Any]) -> None:
    assert json.loads(json.dumps(to_document(value))) == document
    assert from_document(document) == value


@pytest.mark.parametrize("value", [value for value, _ in STORED], ids=str)
def test_a_value_survives_json(value: Interval | Window) -> None:
    again = from_document(json.loads(json.dumps(to_document(value))))
    assert type(again) is type(value)
    assert again == value
    assert hash(again) == hash(value)
    assert str(again) == str(value)


def test_the_kind_stands_first_and_defaults_are_left_out() -> None:
    assert next(iter(to_document(Daily(tz=BERLIN)))) == "kind"
    assert to_document(Daily(1, at="00:00", tz="UTC", gap="shift", fold="first")) == {"kind": "daily"}


def test_every_kind_has_a_stored_form_here() -> None:
    with pytest.raises(UnreadableDocument) as caught:
        from_document({"kind": "no such"})
    assert set(caught.value.help.removeprefix("known are ").split(", ")) == KINDS


def test_a_document_may_be_any_mapping_and_is_not_changed() -> None:
    stored = {"kind": "daily", "every": 2}
    assert from_document(MappingProxyType(stored)) == Daily(2)
    assert stored == {"kind": "daily", "every": 2}


def test_a_document_may_be_written_by_hand() -> None:
    assert from_document({"kind": "weekly", "on": "monday", "at": "9:00"}) == every(MON, at="09:00")
    assert from_document({"kind": "monthly", "days": 20, "months": ["jan", 6]}) == Monthly(20, months=[1, 6])
    assert from_document({"kind": "daily", "start": "2026-01-01 10:00"}) == Daily(start="2026-01-01T10:00")


def test_a_narrow_window_is_read_with_its_warning() -> None:
    with pytest.warns(NarrowWindow):
        assert from_document({"kind": "window", "expression": "0 22 * * *"})


def test_a_kind_of_somebody_else_is_not_written() -> None:
    @frozen
    class Fortnightly(Daily):
        kind: ClassVar[str] = "fortnightly"

    with pytest.raises(InvalidValue, match="not known here"):
        to_document(Fortnightly(14))


@frozen
class StrictDaily(Daily):
    """Of the same kind as its base, and yet another type."""


def test_a_subclass_is_not_written_as_its_base() -> None:
    with pytest.raises(InvalidValue, match="not known here"):
        to_document(StrictDaily())


@pytest.mark.parametrize(
    ("document", "clues"),
    [
        ({}, ["None", "no such kind", "daily"]),
        ({"kind": "fortnightly"}, ["fortnightly", "no such kind", "daily", "open_time"]),
        ({"kind": "Daily"}, ["Daily", "no such kind"]),
        ({"kind": None}, ["None", "no such kind"]),
        ({"kind": ["daily"]}, ["['daily']", "no such kind"]),
        ({"kind": {}}, ["{}", "no such kind"]),
        (None, ["None", "NoneType", "'kind'"]),
        ([], ["list", "'kind'"]),
        ("daily", ["str", "'kind'"]),
        (5, ["int"]),
        ({"kind": "daily", "evry": 2}, ["daily", "evry", "every"]),
        ({"kind": "daily", "on": ["mon"]}, ["'daily'", "no on", "it takes"]),
        ({"kind": "daily", "_fixed": None}, ["_fixed"]),
        ({"kind": "window", "expression": "* 22 * * *", "_pattern": None}, ["_pattern"]),
        ({"kind": "window", "expression": "* 22 * * *", "expressions": []}, ["expressions"]),
        ({"kind": "open_time", "_shut": []}, ["_shut"]),
        ({"kind": "daily", "every": "2"}, ["daily", "every='2'", "whole number of days"]),
        ({"kind": "daily", "every": 2.0}, ["every=2.0"]),
        ({"kind": "daily", "every": True}, ["every=True"]),
        ({"kind": "daily", "every": None}, ["every=None"]),
        ({"kind": "daily", "every": 0}, ["every=0"]),
        ({"kind": "daily", "at": 9}, ["at=9", "no time of day"]),
        ({"kind": "daily", "at": []}, ["at=[]"]),
        ({"kind": "daily", "at": [["09:00"]]}, ["no time of day"]),
        ({"kind": "daily", "at": {}}, ["at={}"]),
        ({"kind": "daily", "at": None}, ["at=None"]),
        ({"kind": "daily", "tz": None}, ["None", "Europe/Berlin"]),
        ({"kind": "daily", "tz": 1}, ["1"]),
        ({"kind": "daily", "tz": "Europe/Berlim"}, ["Europe/Berlim", "did you mean"]),
        ({"kind": "daily", "tz": "A" * 300}, ["AAA"]),
        ({"kind": "daily", "gap": "jump"}, ["gap='jump'", "'skip'"]),
        ({"kind": "daily", "gap": []}, ["gap=[]"]),
        ({"kind": "daily", "start": 20260101}, ["start=20260101"]),
        ({"kind": "daily", "start": "2026-02-30"}, ["2026-02-30"]),
        ({"kind": "daily", "start": "2026-12-31", "end": "2026-01-01"}, ["end lies before the start"]),
        ({"kind": "weekly"}, ["weekly", "on"]),
        ({"kind": "weekly", "on": [0]}, ["on=0", "no weekday"]),
        ({"kind": "weekly", "on": []}, ["on=[]"]),
        ({"kind": "weekly", "on": {"mon": 1, "nope": 2}}, ["nope"]),
        ({"kind": "monthly", "days": [0]}, ["days=0"]),
        ({"kind": "monthly", "days": [1.5]}, ["days=1.5"]),
        ({"kind": "monthly"}, ["monthly", "days"]),
        ({"kind": "monthly", "days": [30], "months": [2], "missing_day": "skip"}, ["no occurrence"]),
        ({"kind": "once"}, ["once", "at"]),
        ({"kind": "once", "at": None}, ["at=None"]),
        ({"kind": "random", "low": 15}, ["random", "high"]),
        ({"kind": "random", "low": 30, "high": 15}, ["RandomDays(15, 30)"]),
        ({"kind": "random", "low": "1", "high": 15}, ["low='1'"]),
        ({"kind": "max_age"}, ["max_age", "days"]),
        ({"kind": "max_age", "days": 90, "again": 0}, ["again=0"]),
        ({"kind": "any_of"}, ["any_of", "at least one"]),
        ({"kind": "any_of", "members": []}, ["at least one"]),
        ({"kind": "any_of", "members": None}, ["NoneType"]),
        ({"kind": "any_of", "members": 5}, ["int"]),
        ({"kind": "any_of", "members": "daily"}, ["str"]),
        ({"kind": "any_of", "members": {"kind": "daily"}}, ["reading"]),
        ({"kind": "any_of", "members": [{"kind": "daily"}, {"kind": "nope"}]}, ["nope", "no such kind"]),
        ({"kind": "any_of", "members": [{"kind": "daily", "every": 0}]}, ["'daily'", "every=0"]),
        ({"kind": "any_of", "members": [{"kind": "any_of", "members": [{"kind": "weekly", "on": "nope"}]}]}, ["weekly", "on='nope'"]),
        ({"kind": "any_of", "members": [{"kind": "open_time"}]}, ["any_of", "intervals"]),
        ({"kind": "window"}, ["window", "expression"]),
        ({"kind": "window", "expression": None}, ["None"]),
        ({"kind": "window", "expression": "* 22 * *"}, ["it has 4"]),
        ({"kind": "window", "expression": "* * 30 2 *"}, ["never opens"]),
        ({"kind": "window", "expression": "* *,3 * * r"}, ["window"]),
        ({"kind": "open_time", "window": {"kind": "window", "expression": "* 22 * *"}}, ["it has 4"]),
        ({"kind": "open_time", "window": {"kind": "daily"}}, ["Daily", "TimeWindow"]),
        ({"kind": "open_time", "window": {"kind": "open_time"}}, ["OpenTime", "TimeWindow"]),
        ({"kind": "open_time", "window": 0}, ["reading"]),
        ({"kind": "open_time", "window": False}, ["reading"]),
        ({"kind": "open_time", "window": ""}, ["reading"]),
        ({"kind": "open_time", "window": {}}, ["reading"]),
        ({"kind": "open_time", "window": []}, ["reading"]),
        ({"kind": "open_time", "blackouts": 5}, ["int"]),
        ({"kind": "open_time", "blackouts": None}, ["NoneType"]),
        ({"kind": "open_time", "blackouts": [{"kind": "daily"}]}, ["blackouts", "TimeWindow"]),
        ({"kind": "open_time", "blackouts": [{"kind": "open_time"}]}, ["blackouts", "TimeWindow"]),
        ({"kind": "open_time", "blackouts": [{"kind": "window", "expression": "* * * * *"}]}, ["never opens"]),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused_with_its_reason(document: Any, clues: list[str]) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        from_document(document)
    assert [clue for clue in clues if clue not in str(caught.value)] == []
    assert caught.value.tried.startswith("reading ")
    assert caught.value.case


# Anything that JSON can say.

WORDS = st.sampled_from(
    [
        "daily", "mon", "monday", "09:00", "25:00", "UTC", BERLIN, "Europe/Nowhere", "2026-01-01", "2026-01-01T10:00Z", "9999-12-31",
        "9999-12-31T23:59-05:00", "0001-01-01", "0001-01-01T00:00+05:00", "june", "skip", "both", "next", "* 22 * * *", "* * 30 2 *",
        "* *,3 * * *", "", "²",
    ]
)  # fmt: skip
FIELDS = (
    "every", "at", "tz", "start", "end", "gap", "fold", "on", "days", "months", "missing_day", "low", "high", "again", "members",
    "expression", "window", "blackouts", "_fixed", "strange",
)  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-40, 400), st.integers(), st.floats(), WORDS, st.text(max_size=8))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", *FIELDS]), inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.recursive(
    st.fixed_dictionaries({"kind": st.sampled_from(sorted(KINDS))}),
    lambda inner: st.builds(
        lambda kind, said: {**said, "kind": kind},
        st.sampled_from(sorted(KINDS)),
        st.dictionaries(st.sampled_from(FIELDS), inner | st.lists(inner, max_size=2) | JSON, max_size=4),
    ),
    max_leaves=5,
)

REQUIRED: dict[str, dict[str, Any]] = {
    "weekly": {"on": ["mon"]}, "monthly": {"days": [1]}, "once": {"at": "2026-03-29"}, "random": {"low": 1, "high": 2},
    "max_age": {"days": 9}, "any_of": {"members": [{"kind": "daily"}]}, "window": {"expression": "* 22 * * *"},
}  # fmt: skip


def fields_of(kind: str) -> list[str]:
    with pytest.raises(UnreadableDocument) as caught:
        from_document({"kind": kind, "strange": 1})
    return caught.value.help.removeprefix("it takes ").split(", ")


@settings(max_examples=600, deadline=None)
@given(DOCUMENTS | JSON)
@example({"kind": "open_time", "window": {"kind": "daily"}})
@ignore_narrow
def test_any_json_is_read_or_refused(document: Any) -> None:
    check_read_or_refused(document)


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=120, deadline=None)
@given(data=st.data())
@ignore_narrow
def test_any_value_in_a_field_of_a_good_document_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    said = {**REQUIRED.get(kind, {}), data.draw(st.sampled_from(fields_of(kind))): data.draw(JSON)}
    check_read_or_refused({"kind": kind, **said})


def check_read_or_refused(document: Any) -> None:
    try:
        value = from_document(document)
    except UnreadableDocument:
        return
    assert isinstance(document, Mapping)
    assert from_document(json.loads(json.dumps(to_document(value)))) == value
