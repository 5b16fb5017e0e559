"""C17: keyed chains tell of changes also where they were made by somebody who has the store, and knows how hashes are made (A6)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from taskkit.facts import START, FactKey, Fault, began, encoded, linked
from taskkit.storage import Storage
from taskkit.testing.contracts.storage._chains import HARM, rehashed, replaced
from taskkit.testing.contracts.storage._facts import head, tell
from taskkit.testing.contracts.storage._makings import Kit, Rows, lands, told

KEYS: Mapping[str, FactKey] = {id: FactKey(id, id.encode() * 32) for id in "ab"}


def keyed(store: Storage, *ids: str) -> Storage:
    """With these keys, of which the last is the current one."""
    store.key_facts({id: KEYS[id] for id in ids}, ids[-1])
    return store


def vouching(store: Storage) -> Storage:
    """A fact that tells of all heads: who has the key stands for them."""
    lands(store, told("KeyTaken", details={"heads": {head.chain: [head.position, head.hash] for head in store.heads()}}))
    return store


def places(found: object) -> list[tuple[str, int]]:
    assert isinstance(found, list)
    return [(fault.chain, fault.position) for fault in found if isinstance(fault, Fault)]


def forged(rows: Rows, chain: str, key: FactKey | None = None) -> Rows:
    """Another fact, and all hashes after it, by whoever has no key or another one."""
    rows = rehashed(replaced(rows, 2, rows[2][1].replace("B", "X")), began(chain))
    if key is None:
        return rows
    found: Rows = []
    for position, text, _ in rows:
        found.append((position, text, linked(found[-1][2] if found else began(chain), text, key)))
    return found


class KeyedChains(Kit):
    """A chain that has a key is written and checked with it, and with that one alone."""

    def test_c17_what_nobody_touched_is_in_order(self) -> None:
        store = vouching(tell(keyed(self.store(), "a"), "A", "B"))
        other = tell(keyed(self.second_handle(store), "a"), "C")
        for handle in (store, other):
            assert not handle.check()
            assert not tell(handle, "D").check(handle.heads())

    def test_c17_each_hash_is_made_with_the_key(self) -> None:
        store = tell(keyed(self.store(), "a"), "A", "B")
        before = began(store.chain)
        for fact in store.facts(START)[0]:
            assert fact.hash == linked(before, encoded(fact), KEYS["a"]) != linked(before, encoded(fact))
            before = fact.hash

    @pytest.mark.parametrize("harm", HARM)
    def test_c17_a_fact_that_was_touched_is_found(self, harm: str) -> None:
        store = tell(keyed(self.store(), "a"), *"ABCD")
        self.rewrite(store, store.chain, HARM[harm])
        assert {fault.chain for fault in store.check()} == {store.chain}

    @pytest.mark.parametrize("by", [None, KEYS["b"]], ids=["no key", "another key"])
    def test_c17_a_chain_that_was_written_anew_with_all_its_hashes_is_found(self, by: FactKey | None) -> None:
        store = tell(keyed(self.store(), "a"), *"ABC")
        self.rewrite(store, store.chain, lambda rows: forged(rows, store.chain, by))
        assert {fault.chain for fault in store.check()} == {store.chain}

    def test_c17_each_chain_is_checked_with_the_key_that_began_it(self) -> None:
        store = tell(keyed(self.store(), "a"), "A", "B")
        other = tell(keyed(self.second_handle(store), "a", "b"), "C")
        assert not other.check(other.heads())
        tell(store, "D")
        assert not other.check()
        self.rewrite(store, store.chain, lambda rows: forged(rows, store.chain, KEYS["b"]))
        assert {fault.chain for fault in other.check()} == {store.chain}

    def test_c17_a_handle_that_has_told_already_begins_another_chain(self) -> None:
        store = tell(self.store(), "A")
        first = store.chain
        tell(keyed(store, "a"), "B")
        second = store.chain
        vouching(tell(keyed(store, "a", "b"), "C"))
        assert len({first, second, store.chain}) == 3
        assert {head.chain for head in store.heads()} == {first, second, store.chain}
        assert not store.check()

    def test_c17_a_chain_whose_key_is_missing_is_told_as_that_and_as_nothing_else(self) -> None:
        store = tell(keyed(self.store(), "a"), *"ABC")
        other = vouching(tell(keyed(self.second_handle(store), "b"), "D"))
        [fault] = other.check()
        assert (fault.chain, fault.position, fault.missing) == (store.chain, 1, "a")
        assert {fault.missing for fault in self.second_handle(store).check()} == {"a", "b"}

    def test_c17_without_its_key_a_chain_still_tells_what_is_missing(self) -> None:
        store = tell(keyed(self.store(), "a"), *"ABCD")
        noted = store.heads()
        other = keyed(self.second_handle(store), "b")
        self.rewrite(store, store.chain, lambda rows: [*rows[:2], *rows[3:-1]])
        assert [fault.position for fault in other.check(noted) if fault.missing is None] == [3, 5]

    def test_c17_what_was_written_without_a_key_is_as_good_as_who_vouches_for_it(self) -> None:
        store = tell(self.store(), "A", "B")
        other = tell(keyed(self.second_handle(store), "a"), "C")
        assert places(list(other.check())) == [(store.chain, 1)]
        vouching(other)
        assert not other.check()
        tell(store, "D")
        assert places(list(other.check())) == [(store.chain, 4)]
        assert not [fault for fault in store.check() if fault.missing is None]  # who has no key asks for none

    def test_c17_what_was_vouched_for_and_written_anew_is_found(self) -> None:
        store = tell(self.store(), *"ABC")
        other = vouching(keyed(self.second_handle(store), "a"))
        self.rewrite(store, store.chain, lambda rows: forged(rows, store.chain))
        assert {fault.chain for fault in other.check()} == {store.chain}

    def test_c17_a_new_keyed_chain_alone_vouches_for_nothing(self) -> None:
        """Else whoever adds a chain of their own has only to wait for the next start."""
        store = vouching(tell(keyed(self.store(), "a"), "A"))
        strange = tell(self.second_handle(store), "X")
        late = tell(keyed(self.second_handle(store), "a"), "B")
        assert places(list(late.check())) == [(strange.chain, 1)]

    def test_c17_a_fact_without_a_key_vouches_for_nothing(self) -> None:
        store = vouching(tell(self.store(), "A"))
        other = tell(keyed(self.second_handle(store), "a"), "B")
        assert places(list(other.check())) == [(store.chain, 1)]

    def test_c17_the_keys_that_chains_need_are_counted(self) -> None:
        store = tell(keyed(self.store(), "a"), "A")
        tell(self.second_handle(store), "B")
        for _ in range(2):
            tell(keyed(self.second_handle(store), "a", "b"), "C")
        assert dict(store.keyed()) == {"a": 1, "b": 2}
        store.archive({store.chain: 2})
        assert dict(store.keyed()) == {"b": 2}

    def test_c17_chains_go_on_behind_a_checkpoint(self) -> None:
        store = tell(keyed(self.store(), "a"), "A", "B")
        tell(store, "C")
        noted = head(store)
        store.archive({store.chain: 3})
        tell(store, "D")
        assert not store.check([noted])
        self.rewrite(store, store.chain, lambda rows: rehashed(rows, noted.hash))
        assert store.check()
