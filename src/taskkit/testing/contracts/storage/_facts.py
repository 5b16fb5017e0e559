"""C14: no fact is lost to a reader (A6)."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from taskkit.facts import START, Fact, Head, Mark
from taskkit.storage import Expect, Storage
from taskkit.testing.contracts._contract import rounds
from taskkit.testing.contracts.storage._makings import NOW, Kit, hurried, lands, told


def tell(store: Storage, *kinds: str, at: int = NOW, record: str | None = None) -> Storage:
    for kind in kinds:
        lands(store, told(kind, at, record=record))
    return store


def kinds(found: Iterable[Fact]) -> list[str]:
    return [fact.kind for fact in found if fact.kind != "ChainBegan"]


def all_kinds(store: Storage) -> list[str]:
    return kinds(store.facts(START)[0])


def head(store: Storage, chain: str = "") -> Head:
    return next(head for head in store.heads() if head.chain == (chain or store.chain))


def portions(store: Storage, mark: Mark, limit: int, **wanted: object) -> tuple[list[Fact], Mark]:
    """All that a reader gets that reads a little at a time."""
    found: list[Fact] = []
    for _ in rounds():
        some, mark = store.facts(mark, limit=limit, **wanted)  # type: ignore[arg-type]
        assert len(some) <= limit
        found += some
        if not some:
            break
    return found, mark


class Facts(Kit):
    """A log that only grows, and its readers."""

    def test_c14_a_fact_comes_back_as_it_was_told_with_its_place(self) -> None:
        store = self.store()
        full = Fact("Painted", NOW, "j", "t", "l", "r", "bob", {"colour": "blaü\n", "coats": [1, {"a": None}], "well": True})
        lands(store, told("First"), told("Second"))
        store.write([(told("Third"),), ()])
        lands(store, full)
        found = list(store.facts(START)[0])
        assert found[-1] == full
        assert found[-1].details == full.details
        assert [(fact.chain, fact.position) for fact in found] == [(store.chain, place) for place in range(1, 6)]
        assert len({fact.hash for fact in found}) == 5
        assert head(store) == Head(store.chain, 5, found[-1].hash)
        assert kinds(found) == ["First", "Second", "Third", "Painted"]

    def test_c14_a_reader_goes_on_from_its_mark(self) -> None:
        store = tell(self.store(), "A", "B")
        found, mark = store.facts(START)
        assert kinds(found) == ["A", "B"]
        nothing, same = store.facts(mark)
        assert (list(nothing), dict(same)) == ([], dict(mark))
        tell(store, "C")
        found, later = store.facts(mark)
        assert kinds(found) == ["C"]
        assert kinds(store.facts(mark)[0]) == ["C"]
        assert kinds(store.facts(later)[0]) == []

    def test_c14_a_mark_is_a_value_of_its_own(self) -> None:
        store = tell(self.store(), "A")
        start: dict[str, int] = {}
        _, mark = store.facts(start)
        tell(store, "B")
        store.facts(mark)
        assert start == {}
        assert dict(mark) == {store.chain: 2}

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_c14_two_who_write_alternately_lose_nothing_to_a_reader(self, limit: int) -> None:
        store = self.store()
        handles, mark, found = [store, self.second_handle(store), self.second_handle(store)], START, list[Fact]()
        for number in range(30):
            tell(handles[number * 7 % 3], f"F{number}", at=NOW - number)
            if number % 4 == 0:
                some, mark = store.facts(mark, limit=limit)
                found += some
        rest, mark = portions(store, mark, limit)
        found += rest
        assert sorted(kinds(found)) == sorted(f"F{number}" for number in range(30))
        assert dict(mark) == {head.chain: head.position for head in store.heads()}
        for handle in handles:
            places = [fact.position for fact in found if fact.chain == handle.chain]
            assert places == list(range(1, len(places) + 1))

    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_c14_a_reader_of_some_kinds_gets_them_all_and_nothing_else(self, limit: int) -> None:
        store = self.store()
        other = self.second_handle(store)
        for handle in (store, other):
            tell(handle, *"ABCABC")
        found, mark = portions(store, START, limit, kinds=frozenset({"A", "C"}))
        assert sorted(kinds(found)) == sorted("ACAC" * 2)
        assert not store.facts(mark)[0] or limit == 1
        tell(other, "B", "A")
        assert kinds(store.facts(mark, kinds=frozenset({"A"}))[0]) == ["A"]

    def test_c14_the_mark_passes_what_the_reader_does_not_want(self) -> None:
        store = tell(self.store(), "A", "B", "B")
        found, mark = store.facts(START, kinds=frozenset({"A"}))
        assert kinds(found) == ["A"]
        assert dict(mark) == {store.chain: 4}
        assert not store.facts(START, kinds=frozenset())[0]
        assert dict(store.facts(START, kinds=frozenset())[1]) == {store.chain: 4}

    def test_c14_a_kind_is_a_whole_name(self) -> None:
        store = tell(self.store(), "Paint", "Painted", "Painter")
        assert kinds(store.facts(START, kinds=frozenset({"Paint"}))[0]) == ["Paint"]

    def test_c14_a_reader_of_a_record_gets_its_facts(self) -> None:
        store = tell(self.store(), "A", "B", record='r"1')
        tell(store, "C", "A", record="r2")
        lands(store, told("D", details={"record": 'r"1'}), told("E", who='r"1'))
        assert kinds(store.facts(START, record='r"1')[0]) == ["A", "B"]
        assert kinds(store.facts(START, record='r"1', kinds=frozenset({"A", "C"}))[0]) == ["A"]
        assert kinds(portions(store, START, 1, record="r2")[0]) == ["C", "A"]

    def test_c14_the_story_of_a_line_and_record_is_told_by_time_around_an_instant(self) -> None:
        store = self.store()
        other = self.second_handle(store)
        for number in (4, 1, 3, 2):
            handle = store if number % 2 else other
            lands(handle, told(f"F{number}", NOW + number, line="l", record="r"), told("Of another", NOW + number, line="m", record="r"))
            lands(handle, told("Of the line", NOW + number, line="l"), told("Of the record", NOW + number, record="r"))
        lands(store, told("Of all", NOW + 2))
        story = partial(store.story, line="l", record="r")
        assert kinds(story(NOW + 3)) == ["F1", "F2", "F3", "F4"]
        assert kinds(story(NOW + 3, limit=1)) == ["F2", "F3"]
        assert kinds(story(NOW, limit=2)) == ["F1", "F2"]
        assert kinds(story(NOW + 9, limit=1)) == ["F4"]
        assert [fact.at for fact in store.story(NOW + 3, line="l", record=None, limit=1)] == [NOW + 2, NOW + 3]
        assert kinds(store.story(NOW + 3, line=None, record="r")) == ["Of the record"] * 4
        assert kinds(store.story(NOW + 2, line=None, record=None)) == ["Of all"]
        assert not kinds(store.story(NOW, line="n", record="r"))
        lands(other, told("F5", NOW + 5, line="l", record="r"))
        assert kinds(story(NOW + 9, limit=2)) == ["F4", "F5"]
        assert story(NOW + 9, limit=1)[0].details == {}

    def test_c14_a_refused_unit_tells_nothing(self) -> None:
        store = tell(self.store(), "A")
        before = store.heads()
        store.write([(told("B"), Expect("colour", "nowhere", 7)), (told("C"),)])
        assert all_kinds(store) == ["A", "C"]
        assert head(store).position == before[0].position + 1

    def test_c14_several_who_tell_at_once_lose_nothing(self) -> None:
        store = self.store()

        def speak(name: int) -> None:
            handle = self.second_handle(store)
            for number in range(25):
                tell(handle, f"F{name}-{number}")

        with hurried(), ThreadPoolExecutor(4) as pool:
            list(pool.map(speak, range(4)))
        assert sorted(all_kinds(store)) == sorted(f"F{name}-{number}" for name in range(4) for number in range(25))
        assert not store.check()
