"""What a store in a database knows by heart from one write to the next: it spares questions, and nobody is told what is not so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from taskkit.facts import START
from taskkit.instants import MINUTE
from taskkit.jobs import Kind
from taskkit.states import Step
from taskkit.storage import Expect, Free, Hold, Insert, Keep, Move, Refusal, Unit, Wait
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sql import _known
from taskkit.storage.sql._lines import Line, Question, Row
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import NOW, claim, job, kept, lands, occurrence, refusal, told

Durable = SqliteStorage | PostgresStorage


@pytest.fixture
def other(store: Durable) -> Iterator[Durable]:
    with store.join() as opened:
        yield opened


def warm(store: Durable) -> None:
    """It has written twice, and nobody else meanwhile."""
    for _ in range(3):
        lands(store, told())
    assert store._known.has_holds


class Asked:
    """What the line that writes is asked of the tables."""

    def __init__(self, line: Line) -> None:
        self.questions: list[str] = []
        self._ask, line.ask = line.ask, self.ask  # type: ignore[method-assign]

    def ask(self, questions: Iterable[Question]) -> list[list[Row]]:
        several = list(questions)
        self.questions += [question.sql for question in several if question.these != ()]
        return self._ask(several)


def test_what_the_last_write_knew_is_not_asked_again(store: Durable) -> None:
    lands(store, Insert(job("a")), Keep("colour", "x", 0, {"is": "red"}))
    [claimed] = claim(store)
    warm(store)
    lands(store, Expect("colour", "x", 1), Expect("colour", "y", 0))
    assert store._lines._writer is not None
    asked = Asked(store._lines._writer)
    token = claimed.job.token
    lands(store, Expect("colour", "x", 1), Expect("colour", "y", 0), Move("a", Step.START, token=token, fields={"started": NOW}),
          Hold("a", NOW, ("account:a",)))  # fmt: skip
    lands(store, Move("a", Step.COMPLETE, token=token, fields={"ended": NOW}))
    assert asked.questions == []


def test_j3_a_job_that_another_process_has_rescued_since_is_its_own(store: Durable, other: Durable) -> None:
    lands(store, Insert(job("a")))
    [first] = claim(store)
    warm(store)
    [second] = claim(other, NOW + MINUTE * 10)
    assert refusal(store, Move("a", Step.START, token=first.job.token, fields={"started": NOW})) is Refusal.TOKEN
    assert refusal(store, Move("a", Step.START, token=first.job.token, fields={"started": NOW})) is Refusal.TOKEN
    lands(other, Move("a", Step.START, token=second.job.token, fields={"started": NOW}))
    assert kept(store, "a").token == second.job.token


def test_j3_what_stood_when_another_wrote_is_not_taken_for_what_stands_a_write_later(store: Durable, other: Durable) -> None:
    """The first write of this one sees that somebody has written, and looks only at what it is about itself."""
    lands(store, Insert(job("a")))
    [first] = claim(store)
    warm(store)
    claim(other, NOW + MINUTE * 10)
    lands(store, told())
    lands(store, told())
    assert refusal(store, Move("a", Step.START, token=first.job.token, fields={"started": NOW})) is Refusal.TOKEN


def test_r4_who_holds_it_meanwhile_is_seen(store: Durable, other: Durable) -> None:
    lands(store, Insert(job("a")), Insert(job("b")), Insert(job("c")))
    warm(store)
    lands(other, Hold("b", NOW, ("account:a",)))
    assert refusal(store, Hold("a", NOW, ("account:a",))) is Refusal.BUSY
    warm(store)
    lands(other, Free("b"), Wait(Hold("c", NOW - 1, ("account:a",))))
    assert refusal(store, Hold("a", NOW, ("account:a",))) is Refusal.BUSY
    warm(store)
    lands(other, Free("c"))
    lands(store, Hold("a", NOW, ("account:a",)))


def test_j2_a_document_that_moved_on_meanwhile_is_seen(store: Durable, other: Durable) -> None:
    lands(store, Keep("colour", "x", 0, {"is": "red"}))
    warm(store)
    lands(store, Expect("colour", "x", 1), Expect("colour", "y", 0))
    lands(other, Keep("colour", "x", 1, {"is": "blue"}), Keep("colour", "y", 0, {"is": "green"}))
    assert refusal(store, Expect("colour", "x", 1)) is Refusal.REVISION
    assert refusal(store, Expect("colour", "y", 0)) is Refusal.REVISION
    lands(store, Expect("colour", "x", 2), Expect("colour", "y", 1))
    lands(store, Keep("colour", "x", 2, {"is": "white"}))
    lands(store, Expect("colour", "x", 3))


def test_j2_at_what_a_document_stands_that_was_changed_here_is_not_asked_again(store: Durable, other: Durable) -> None:
    warm(store)
    lands(store, Keep("colour", "x", 0, {"is": "red"}), Keep("colour", "y", 0, {"is": "red"}))
    assert store._lines._writer is not None
    asked = Asked(store._lines._writer)
    lands(store, Keep("colour", "x", 1, {"is": "blue"}, "cold"), Keep("colour", "y", 1, None))
    assert refusal(store, Keep("colour", "x", 1, {"is": "green"})) is Refusal.REVISION
    assert refusal(store, Keep("colour", "y", 2, {"is": "green"})) is Refusal.REVISION
    lands(store, Expect("colour", "x", 2), Keep("colour", "y", 0, {"is": "white"}))
    assert asked.questions == []
    assert [(one.id, one.revision, one.body) for one in store.documents("colour")] == [("x", 2, {"is": "blue"}), ("y", 1, {"is": "white"})]
    assert [one.id for one in store.documents("colour", group="cold")] == ["x"]
    lands(other, Keep("colour", "x", 2, {"is": "black"}))
    assert refusal(store, Expect("colour", "x", 2)) is Refusal.REVISION


def test_j2_a_document_that_was_refused_with_its_unit_stands_as_before(store: Durable) -> None:
    lands(store, Keep("colour", "x", 0, {"is": "red"}))
    warm(store)
    assert refusal(store, Keep("colour", "x", 1, {"is": "blue"}), Expect("colour", "y", 1)) is Refusal.REVISION
    lands(store, Expect("colour", "x", 1))
    assert [one.body for one in store.documents("colour")] == [{"is": "red"}]


def test_p4_of_a_new_job_that_has_no_seat_and_no_fire_nothing_is_asked(store: Durable) -> None:
    warm(store)
    assert store._lines._writer is not None
    asked = Asked(store._lines._writer)
    lands(store, Insert(job("a", kind=Kind.RECOVERY, fire=None)))
    assert asked.questions == []
    lands(store, Insert(job("b", kind=Kind.OCCURRENCE, fire=None)))
    assert len(asked.questions) == 2
    assert refusal(store, Insert(job("c", kind=Kind.OCCURRENCE, fire=None))) is Refusal.SEAT


def test_j02_a_name_that_is_taken_is_seen_although_nobody_asked_for_it(store: Durable) -> None:
    lands(store, Insert(job("a", kind=Kind.RECOVERY, fire=None)))
    warm(store)
    before = store.facts(START)[0]
    assert refusal(store, told(), Insert(job("a", kind=Kind.RECOVERY, fire=None))) is Refusal.REVISION
    twice = [(Insert(job("b", kind=Kind.RECOVERY, fire=None)), told()) for _ in range(2)]
    assert [one.refusal for one in store.write(twice)] == [None, Refusal.REVISION]
    assert len(store.facts(START)[0]) == len(before) + 1
    assert store.check() == []


def test_j05_beside_a_job_that_was_claimed_alone_another_waits_without_a_question(store: Durable) -> None:
    lands(store, Insert(occurrence("a", "first", record="r")), Insert(occurrence("b", "second", record="s")))
    found = claim(store)
    warm(store)
    assert store._lines._writer is not None
    asked = Asked(store._lines._writer)
    moves = [Move(one.job.id, Step.START, token=one.job.token, fields={"started": NOW}) for one in found]
    lands(store, moves[0], Insert(occurrence("c", "third", record="r")))
    assert asked.questions == []
    assert refusal(store, Insert(occurrence("d", "fourth", record="r"))) is Refusal.SEAT
    assert asked.questions != []
    lands(store, moves[1])


def test_j05_what_was_kept_before_is_seen_although_nobody_asked_for_it(store: Durable) -> None:
    alone(store)
    assert refusal(store, told(), Insert(occurrence("c", "first", record="r"))) is Refusal.FIRE
    assert store.check() == []


def test_j05_what_is_refused_is_refused_for_the_same_as_where_all_is_asked(store: Durable) -> None:
    """What it stands for comes before the seat, which is taken in the same write."""
    alone(store)
    answers = store.write([(Insert(occurrence("d", "next", record="r")),), (Insert(occurrence("e", "first", record="r")),)])
    assert [one.refusal for one in answers] == [None, Refusal.FIRE]


def test_j05_what_is_kept_and_given_up_in_one_write_was_kept_before_all_the_same(store: Durable) -> None:
    alone(store)
    units: list[Unit] = [(Insert(occurrence("d", "first", record="r")),), (Move("d", Step.REPLAN, 1, None, {"fire": "other"}),)]
    assert [one.refusal for one in store.write(units)] == [Refusal.FIRE, Refusal.ABSENT]


def test_r04_a_start_that_is_refused_is_not_tried_again(store: Durable) -> None:
    """What was refused before its successor came was refused for what is known; nothing that is known is forgotten."""
    lands(store, Insert(occurrence("a", "first", record="r")), Insert(occurrence("b", "first", record="s")))
    first, second = claim(store)
    warm(store)
    lands(store, Move("a", Step.START, token=first.job.token, fields={"started": NOW}), Hold("a", NOW, ("account:x",)))
    assert store._lines._writer is not None
    asked = Asked(store._lines._writer)
    move, hold = Move("b", Step.START, token=second.job.token, fields={"started": NOW}), Hold("b", NOW, ("account:x",))
    assert refusal(store, move, hold, told(), Insert(occurrence("c", "next", record="s"))) is Refusal.BUSY
    assert asked.questions == []
    assert store._known.has_holds


def alone(store: Durable) -> None:
    """A job is claimed at a place that is known to be free."""
    lands(store, Insert(occurrence("a", "first", record="r")))
    claim(store)
    warm(store)
    assert ("l", "r") in store._known.alone


def test_j05_where_another_waits_since_then_it_is_seen(store: Durable, other: Durable) -> None:
    lands(store, Insert(occurrence("a", "first", record="r")))
    claim(store)
    warm(store)
    lands(other, Insert(occurrence("b", "second", record="r")))
    assert refusal(store, Insert(occurrence("c", "third", record="r"))) is Refusal.SEAT


def test_r04_what_a_job_gives_back_it_gives_back_as_a_whole(store: Durable) -> None:
    lands(store, Insert(job("a")), Insert(job("b", record="b", fire="b")))
    first, second = claim(store)
    hold = Hold("a", NOW, ("account:a",), ("account:b",), (("host:h", 2),))
    lands(store, Move("a", Step.START, token=first.job.token, fields={"started": NOW}), hold)
    lands(store, Move("b", Step.START, token=second.job.token, fields={"started": NOW}), Hold("b", NOW, (), (), (("host:h", 2),)))
    lands(store, Move("a", Step.COMPLETE, token=first.job.token, fields={"ended": NOW}))
    assert [list(store.holders(key)) for key in ("account:a", "account:b", "host:h")] == [[], [], ["b"]]
    lands(store, Free("b"), Hold("b", NOW, ("account:a",)))
    assert [list(store.holders(key)) for key in ("account:a", "host:h")] == [["b"], []]


def test_j2_what_broke_off_is_not_known(store: Durable, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have landed, or not: whoever goes on looks."""
    lands(store, Insert(job("a")))
    warm(store)
    keep = _known.Known.keep

    def broken(known: _known.Known, jobs: Any) -> None:
        keep(known, [one.with_({"token": 1}) for one in jobs])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_known.Known, "keep", broken)
        with pytest.raises(KeyboardInterrupt):
            claim(store)
    token = kept(store, "a").token
    lands(store, Move("a", Step.START, token=token, fields={"started": NOW}))
    assert [fact.kind for fact in store.facts(START)[0]][-1] == "Painted"


def test_r4_more_holds_than_are_kept_in_mind_are_asked_for(store: Durable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_known, "_MOST_HOLDS", 1)
    lands(store, Insert(job("a")), Insert(job("b")), Insert(job("c")))
    lands(store, Hold("b", NOW, ("account:b",)), Hold("c", NOW, ("account:c",)))
    for _ in range(3):
        lands(store, told())
        assert refusal(store, Hold("a", NOW, ("account:b",))) is Refusal.BUSY
    assert not store._known.has_holds
    lands(store, Free("b"), Hold("a", NOW, ("account:b",)))
