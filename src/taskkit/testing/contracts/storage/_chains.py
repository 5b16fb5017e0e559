"""C15: chains tell of changes, also behind a checkpoint (A6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from taskkit.facts import START, began, linked
from taskkit.storage import Storage
from taskkit.testing.contracts._contract import rounds
from taskkit.testing.contracts.storage._facts import all_kinds, head, kinds, portions, tell
from taskkit.testing.contracts.storage._makings import Kit, Rows, told


def replaced(rows: Rows, place: int, text: str | None = None, hash: str | None = None) -> Rows:
    position, old, was = rows[place]
    return [*rows[:place], (position, old if text is None else text, was if hash is None else hash), *rows[place + 1 :]]


def rehashed(rows: Rows, start: str) -> Rows:
    """As somebody would write them who knows how hashes are made."""
    found: Rows = []
    for position, text, _ in rows:
        found.append((position, text, linked(found[-1][2] if found else start, text)))
    return found


HARM: dict[str, Callable[[Rows], Rows]] = {
    "changed text": lambda rows: replaced(rows, 2, rows[2][1].replace("B", "X")),
    "changed first": lambda rows: replaced(rows, 0, rows[0][1].replace("ChainBegan", "ChainBegun")),
    "changed last": lambda rows: replaced(rows, len(rows) - 1, rows[-1][1].replace("D", "X")),
    "unreadable": lambda rows: replaced(rows, 2, "{"),
    "unreadable first": lambda rows: replaced(rows, 0, '["ChainBegan",'),
    "changed hash": lambda rows: replaced(rows, 2, hash="0" * 64),
    "removed": lambda rows: [*rows[:2], *rows[3:]],
    "removed and closed up": lambda rows: [*rows[:2], *((position - 1, text, hash) for position, text, hash in rows[3:])],
    "renumbered": lambda rows: [*rows[:2], *((position + 1, text, hash) for position, text, hash in rows[2:])],
    "removed first": lambda rows: rows[1:],
    "reordered": lambda rows: [*rows[:2], (rows[2][0], *rows[3][1:]), (rows[3][0], *rows[2][1:]), *rows[4:]],
    "texts reordered": lambda rows: replaced(replaced(rows, 2, rows[3][1]), 3, rows[2][1]),
    "added": lambda rows: [*rows[:2], (rows[2][0], *rows[1][1:]), *((position + 1, text, hash) for position, text, hash in rows[2:])],
}  # fmt: skip


class Checks(Kit):
    """A changed or removed fact is found; a removed tail is found against a head that was noted elsewhere."""

    def test_c15_what_nobody_touched_is_in_order(self) -> None:
        store = self.store()
        assert not store.check()
        for number, handle in enumerate([store, self.second_handle(store), store, self.second_handle(store)]):
            tell(handle, *"ABC"[number % 2 :])
            assert not store.check(store.heads())

    @pytest.mark.parametrize("harm", HARM)
    @pytest.mark.parametrize("second", [False, True])
    def test_c15_a_fact_that_was_touched_is_found(self, harm: str, second: bool) -> None:
        store = tell(self.store(), *"ABCD")
        other = tell(self.second_handle(store), *"ABCD")
        chain = other.chain if second else store.chain
        self.rewrite(store, chain, HARM[harm])
        assert {fault.chain for fault in other.check()} == {chain}

    def test_c15_a_removed_tail_is_found_against_a_noted_head_alone(self) -> None:
        store = tell(self.store(), *"ABCD")
        noted = store.heads()
        self.rewrite(store, store.chain, lambda rows: rows[:-2])
        assert not store.check()
        [fault] = store.check(noted)
        assert (fault.chain, fault.position) == (store.chain, 4)

    def test_c15_of_several_heads_that_were_noted_each_is_looked_for(self) -> None:
        store = tell(self.store(), "A")
        early = head(store)
        late = head(tell(store, "B", "C"))
        self.rewrite(store, store.chain, lambda rows: rows[:3])
        assert not store.check([early])
        assert store.check([early, late]) == store.check([late, early]) == store.check([late])
        assert len(store.check([late])) == 1

    def test_c15_a_tail_that_was_written_anew_is_not_what_was_noted(self) -> None:
        store = tell(self.store(), *"ABC")
        noted = head(store)
        self.rewrite(store, store.chain, lambda rows: rehashed(replaced(rows, 2, rows[2][1].replace("B", "X")), began(store.chain)))
        assert {fault.chain for fault in store.check([noted])} == {store.chain}

    def test_c15_a_newer_chain_tells_of_a_removed_tail(self) -> None:
        store = tell(self.store(), *"ABCD")
        other = tell(self.second_handle(store), "E")
        self.rewrite(store, store.chain, lambda rows: rows[:-1])
        assert [fault.chain for fault in other.check()] == [store.chain]

    def test_c15_a_newer_chain_tells_of_a_removed_tail_also_where_an_older_head_was_noted(self) -> None:
        store = tell(self.store(), "A")
        noted = store.heads()
        tell(store, "B")
        other = tell(self.second_handle(store), "E")
        self.rewrite(store, store.chain, lambda rows: rows[:-1])
        assert [fault.chain for fault in other.check(noted)] == [store.chain]

    def test_c15_a_missing_chain_is_found_by_a_newer_one(self) -> None:
        store = tell(self.store(), "A")
        other = tell(self.second_handle(store), "B")
        self.rewrite(store, store.chain, lambda rows: None)
        assert [fault.chain for fault in other.check()] == [store.chain]

    def test_c15_a_missing_chain_is_found_against_its_noted_head(self) -> None:
        store = tell(self.store(), "A")
        other = tell(self.second_handle(store), "B")
        noted = other.heads()
        self.rewrite(store, other.chain, lambda rows: None)
        assert not store.check()
        assert [fault.chain for fault in store.check(noted)] == [other.chain]

    def test_c15_a_new_chain_absorbs_the_heads_that_stand(self) -> None:
        store = tell(self.store(), "A", "B")
        heads = store.heads()
        other = tell(self.second_handle(store), "C")
        begun = next(fact for fact in store.facts(START)[0] if fact.chain == other.chain)
        assert (begun.kind, begun.position) == ("ChainBegan", 1)
        assert begun.details["heads"] == {head.chain: [head.position, head.hash] for head in heads}


class Archives(Kit):
    """C15 too: old facts go away behind a checkpoint."""

    def _grown(self) -> tuple[Storage, Storage]:
        """Two chains of five facts each, behind what tells that they began."""
        store = self.store()
        other = self.second_handle(store)
        for number in range(5):
            for handle, name in ((store, "A"), (other, "B")):
                tell(handle, f"{name}{number}")
        return store, other

    def test_c15_facts_up_to_the_mark_are_gone_and_no_others(self) -> None:
        store, other = self._grown()
        assert store.archive({store.chain: 3}) == 3
        assert sorted(all_kinds(store)) == ["A2", "A3", "A4", "B0", "B1", "B2", "B3", "B4"]
        assert other.archive({store.chain: 4, other.chain: 2}) == 3
        assert sorted(all_kinds(store)) == ["A3", "A4", "B1", "B2", "B3", "B4"]

    def test_c15_what_is_archived_twice_is_archived_once(self) -> None:
        store, other = self._grown()
        mark = {store.chain: 4, other.chain: 3}
        assert (store.archive(mark), other.archive(mark), store.archive({store.chain: 2, other.chain: 3})) == (7, 0, 0)
        assert sorted(all_kinds(store)) == ["A3", "A4", "B2", "B3", "B4"]

    def test_c15_a_mark_behind_the_end_and_a_chain_that_is_not_there_are_no_harm(self) -> None:
        store, other = self._grown()
        heads = store.heads()
        assert store.archive({store.chain: 10**9, "nowhere": 7}) == 6
        assert store.archive({}) == 0
        assert set(store.heads()) == set(heads)
        tell(store, "A5")
        assert head(store).position == 7
        assert not other.check([*heads, *store.heads()])

    def test_c15_after_each_portion_all_is_in_order_and_what_is_left_can_be_read(self) -> None:
        """Whoever archives may die between any two of them."""
        store, other = self._grown()
        third = tell(self.second_handle(store), "C")
        heads = store.heads()
        for _ in rounds():
            portion = store.facts(START, limit=2)[0]
            if not portion:
                break
            assert other.archive({fact.chain: fact.position for fact in portion}) == len(portion)
            assert not third.check(heads)
            assert set(store.heads()) == set(heads)

    def test_c15_a_long_chain_is_archived_and_checked_to_its_end(self) -> None:
        """However many a store reads, or takes away, at once."""
        store = self.store()
        for _ in range(3):
            store.write([(told("A"),) for _ in range(900)])
        other = tell(self.second_handle(store), "B")
        assert not other.check(other.heads())
        assert store.archive({store.chain: 1200}) == 1200
        assert not other.check(other.heads())
        assert len(kinds(store.facts(START, limit=10_000)[0])) == 1502
        self.rewrite(store, store.chain, lambda rows: replaced(rows, 1400, rows[1400][1].replace("A", "X")))
        assert [(fault.chain, fault.position) for fault in other.check()] == [(store.chain, 2601)]
        assert store.archive({store.chain: 2701}) == 1501
        assert not other.check(other.heads())

    def test_c15_a_checkpoint_keeps_heads_and_check_as_they_were(self) -> None:
        store, other = self._grown()
        heads = store.heads()
        for place in range(7):
            store.archive({store.chain: place, other.chain: place - 1})
            assert set(store.heads()) == set(heads)
            assert not store.check(heads)
        assert all_kinds(store) == ["B4"]

    def test_c15_a_mark_from_before_the_checkpoint_still_works(self) -> None:
        store, other = self._grown()
        _, mark = store.facts(START, limit=2)
        store.archive({store.chain: 4, other.chain: 4})
        expected = ["A3", "A4", "B3", "B4"]
        assert sorted(all_kinds(store)) == expected
        assert sorted(kinds(portions(store, mark, 1)[0])) == expected
        _, last = store.facts(mark)
        tell(other, "B5")
        assert kinds(store.facts(last)[0]) == ["B5"]

    def test_c15_chains_go_on_behind_a_checkpoint(self) -> None:
        store, other = self._grown()
        before = head(store)
        store.archive({head.chain: head.position for head in store.heads()})
        tell(store, "A9")
        tell(self.second_handle(store), "C")
        assert head(store).position == before.position + 1
        assert not store.check([before, *store.heads()])
        assert sorted(kinds(store.facts({store.chain: before.position, other.chain: 99})[0])) == ["A9", "C"]

    def test_c15_heads_that_were_noted_before_the_checkpoint_are_no_fault(self) -> None:
        store = tell(self.store(), "A")
        noted = store.heads()
        tell(store, "B")
        store.archive({store.chain: 3})
        tell(store, "C")
        assert not store.check(noted)

    @pytest.mark.parametrize("place", [0, 1])
    def test_c15_what_was_touched_behind_the_checkpoint_is_found(self, place: int) -> None:
        store, _ = self._grown()
        store.archive({store.chain: 4})
        self.rewrite(store, store.chain, lambda rows: replaced(rows, place, rows[place][1].replace("A", "X")))
        assert {fault.chain for fault in store.check()} == {store.chain}

    def test_c15_what_is_missing_right_behind_the_checkpoint_is_found(self) -> None:
        store, _ = self._grown()
        store.archive({store.chain: 4})
        self.rewrite(store, store.chain, lambda rows: rows[1:])
        assert {fault.chain for fault in store.check()} == {store.chain}

    def test_c15_a_missing_chain_is_found_also_when_the_fact_that_told_of_it_was_archived(self) -> None:
        store, other = self._grown()
        store.archive({store.chain: 4, other.chain: 4})
        self.rewrite(store, store.chain, lambda rows: None)
        assert [fault.chain for fault in other.check()] == [store.chain]
