"""What policies want, what they refuse to be, and what happenings are made of: the values, without an engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pendulum
import pytest
from attrs import frozen

from taskkit import (
    SUN,
    AfterApproval,
    AfterCheckIn,
    AfterExpire,
    AfterSave,
    AfterSession,
    AfterUnlock,
    ApprovalExpired,
    Approved,
    CheckedIn,
    Daily,
    Demanded,
    Hourly,
    InvalidValue,
    MaxAge,
    Minutely,
    Monthly,
    NaiveMoment,
    Once,
    OnDemand,
    RandomDays,
    RecordChanged,
    RecordCreated,
    RecordRemoved,
    RecordSaved,
    SessionEnded,
    SessionStarted,
    Task,
    Unlocked,
    Weekly,
)
from taskkit.documents import Documents
from taskkit.events.happenings import HAPPENINGS, Happening
from taskkit.events.policies import NOW, POLICIES, Due, Policy

MADE: dict[type[Happening], Happening] = {made: made("r1", task="t1") if made is Demanded else made("r1") for made in HAPPENINGS}
#: All policy events of the manuals, and all intervals, as one task may have them.
TWELVE = (
    AfterApproval(), AfterSave(), AfterExpire(), AfterCheckIn(), AfterSession(), AfterSession(last=True), AfterUnlock(60),
    Monthly(days=20), Weekly(on=SUN), OnDemand(), Daily(every=3), RandomDays(15, 30),
)  # fmt: skip
INTERVALS = (
    Minutely(), Minutely(5), Hourly(12), Daily(every=5, end="2027-01-01"), Weekly(every=2, on=["mon", "wed"]),
    Monthly(days=[1, -1], months=["june", "december"]), Once("2026-05-01 12:00"), MaxAge(90),
)  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (AfterApproval(), {Approved}),
        (AfterSave(), {RecordCreated, RecordSaved}),
        (AfterExpire(), {ApprovalExpired}),
        (AfterCheckIn(), {CheckedIn}),
        (AfterSession(), {SessionEnded}),
        (AfterSession(last=True, max_defer=5), {SessionEnded}),
        (AfterUnlock(60), {Unlocked}),
        (OnDemand(), {Demanded}),
    ],
)
def test_p01_a_policy_wants_its_happenings_and_no_other(policy: Policy, wanted: set[type[Happening]]) -> None:
    assert {made for made, happening in MADE.items() if policy.wants(happening) is not None} == wanted


def test_p01_no_policy_wants_what_only_changes_the_plan() -> None:
    for happening in (RecordChanged("r1", before="a", after="b"), RecordRemoved("r1"), SessionStarted("r1")):
        assert not any(policy.wants(happening) for policy in TWELVE if isinstance(policy, Policy))


@pytest.mark.parametrize("policy", [AfterApproval(), AfterSave(), AfterExpire(), AfterCheckIn(), AfterSession(), OnDemand()])
def test_p01_the_plain_ones_are_due_at_once_and_wait_for_nothing(policy: Policy) -> None:
    due = next(due for happening in MADE.values() if (due := policy.wants(happening)))
    assert (due.after, due.quiet, due.extends) == (0, False, None)


def test_p01_every_policy_event_of_the_manuals_stands_in_one_task_and_comes_back_from_its_document() -> None:
    documents = Documents(POLICIES, ())
    task = Task("all", "work", (*TWELVE, *INTERVALS))
    assert documents.task(documents.write(task), 0) == task


def test_p01_every_policy_reads_aloud() -> None:
    told = [str(policy) for policy in TWELVE]
    assert told == [
        "after approval", "after creating or saving", "after the approval expires", "after check-in", "after a session",
        "after the last session", "60 minutes after unlock", "every month on the 20th at 00:00, UTC", "every Sunday at 00:00, UTC",
        "on demand", "every 3 days at 00:00, UTC", "every 15 to 30 days at 00:00, UTC",
    ]  # fmt: skip


def test_p02_the_last_session_is_waited_for_in_seconds_from_the_happening() -> None:
    due = AfterSession(last=True, max_defer=30, then="give_up").wants(SessionEnded("r1"))
    assert due == Due(quiet=True, max_defer=1800, then="give_up")
    assert AfterSession(last=True).wants(SessionEnded("r1")) == Due(quiet=True)


def test_p03_an_unlock_is_due_after_so_many_minutes_and_extends_up_to_a_total() -> None:
    assert AfterUnlock(60).wants(Unlocked("r1")) == Due(3600)
    assert AfterUnlock(60, restart="extend", max_total=90).wants(Unlocked("r1")) == Due(3600, extends=5400)


def test_p03_what_taskkit_itself_read_is_no_unlock() -> None:
    assert AfterUnlock(60).wants(Unlocked("r1", origin=["line"])) is None


def test_p06_check_in_and_expiry_of_one_approval_are_one_fire_and_its_granting_is_another() -> None:
    ends = CheckedIn("r1", approval="a1"), ApprovalExpired("r1", approval="a1")
    assert ends[0].identity == ends[1].identity != CheckedIn("r1", approval="a2").identity
    assert Approved("r1", approval="a1").identity not in {ends[0].identity, ends[0].id}
    assert CheckedIn("r1", id="x").identity == "x"


def test_p09_each_telling_is_a_happening_of_its_own_unless_the_vault_says_otherwise() -> None:
    assert CheckedIn("r1").id != CheckedIn("r1").id
    assert CheckedIn("r1", id="x").identity == CheckedIn("r1", id="x").identity


def given(made: Any, *said: Any, **named: Any) -> Callable[[], object]:
    """What no type would let pass, made when it is called."""
    return lambda: made(*said, **named)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (given(AfterUnlock, 0), "minutes=0: it is no whole number of minutes from 1 to 527,040"),
        (given(AfterUnlock, -5), "minutes=-5"),
        (given(AfterUnlock, 1.5), "minutes=1.5"),
        (given(AfterUnlock, True), "minutes=True"),
        (given(AfterUnlock, "60"), "minutes='60'"),
        (given(AfterUnlock, 527_041), "minutes=527041"),
        (given(AfterUnlock, 60, restart="again"), "choose 'keep' or 'extend'"),
        (given(AfterUnlock, 60, restart="extend"), "restart='extend' and max_total belong together"),
        (given(AfterUnlock, 60, max_total=90), "restart='extend' and max_total belong together"),
        (given(AfterUnlock, 60, restart="extend", max_total=59), "give 60 or more"),
        (given(AfterUnlock, 60, restart="extend", max_total="90"), "no number of minutes"),
        (given(AfterUnlock, 60, restart="extend", max_total=527_041), "no number of minutes"),
        (given(AfterSession, max_defer=5), "add last=True"),
        (given(AfterSession, last=True, max_defer=0), "max_defer=0"),
        (given(AfterSession, last=True, max_defer=True), "max_defer=True"),
        (given(AfterSession, last=True, then="give_up"), "without max_defer it never gives up"),
        (given(AfterSession, last=True, max_defer=5, then="wait"), "choose 'run' or 'give_up'"),
        (given(AfterSession, last=1), "last=1"),
        (given(RandomDays, 0, 3), "low=0"),
        (given(RandomDays, 5, 4), "the first number is the larger"),
        (given(Daily, every=0), "every=0"),
        (given(Monthly, days=32), "no month has such a day"),
        (given(Minutely, 0), "every=0"),
        (given(Due, -1), "after=-1"),
        (given(Due, 0.5), "after=0.5"),
        (given(Due, fire=""), "nothing can be known again by it"),
        (given(Due, quiet="yes"), "quiet='yes'"),
        (given(Due, max_defer=0), "max_defer=0"),
        (given(Due, then="stop"), "choose 'run' or 'give_up'"),
        (given(Due, extends=0), "extends=0"),
        (given(Task, "t", "work", ["after_check_in"]), "is no policy"),
        (given(Task, "t", "work", [AfterCheckIn]), "is no policy"),
    ],
)
def test_p01_what_makes_no_sense_is_refused_when_it_is_made(make: Callable[[], object], told: str) -> None:
    with pytest.raises(InvalidValue, match=r".") as caught:
        make()
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        given(CheckedIn, ""),
        given(CheckedIn, None),
        given(CheckedIn, "r1", id=""),
        given(CheckedIn, "r1", id=7),
        given(CheckedIn, "r1", approval=None),
        given(CheckedIn, "r1", origin=[7]),
        given(SessionEnded, "r1", session=5),
        given(Unlocked, "r1", user=5),
        given(Demanded, "r1", task=""),
        given(CheckedIn, "r1", at="2026-03-01"),
    ],
)
def test_p09_a_happening_that_says_nothing_sensible_is_refused_when_it_is_made(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidValue):
        make()


def test_p09_a_happening_at_a_naive_time_is_refused() -> None:
    with pytest.raises(NaiveMoment):
        CheckedIn("r1", at=datetime(2026, 3, 1))  # noqa: DTZ001  that is what is refused


def test_p09_only_a_demand_may_be_about_no_record() -> None:
    assert Demanded("", task="t1").record == ""


def test_p05_an_origin_is_a_path_of_lines_also_where_it_is_one_text() -> None:
    assert CheckedIn("r1", origin="abc").origin == ("abc",)
    assert CheckedIn("r1", origin=["a", "b"]).origin == ("a", "b")


def test_p08_a_policy_of_somebody_else_needs_a_kind_and_one_answer() -> None:
    @frozen
    class Exported(Happening):
        kind = "exported"
        pages: int = 1

    @frozen
    class AfterExport(Policy):
        kind = "after_export"
        pages: int = 10

        def wants(self, happening: Happening) -> Due | None:
            return NOW if isinstance(happening, Exported) and happening.pages >= self.pages else None

    assert AfterExport().wants(Exported("r1", 10)) is NOW
    assert AfterExport().wants(Exported("r1", 9)) is None
    assert not AfterExport().has_ended(pendulum.datetime(2026, 3, 1, tz="UTC"))
    documents = Documents([*POLICIES, AfterExport], ())
    task = Task("t", "work", [AfterExport(3)])
    assert documents.task(documents.write(task), 0) == task
