"""C4: documents have revisions, groups and pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from taskkit.storage import Expect, Keep, Refusal, Storage
from taskkit.testing.contracts._contract import rounds
from taskkit.testing.contracts.storage._makings import Kit, hurried, lands, refusal


def body(store: Storage, id: str = "sky") -> Any:
    found = store.document("colour", id)
    return None if found is None else found.body


class Documents(Kit):
    """Small values under a name, at a revision."""

    def test_c04_a_document_comes_back_with_revision_and_group(self) -> None:
        store = self.store()
        assert store.document("colour", "sky") is None
        lands(store, Keep("colour", "sky", 0, {"is": "blue"}, "cold"))
        found = store.document("colour", "sky")
        assert found is not None
        assert (found.id, found.revision, found.group, dict(found.body)) == ("sky", 1, "cold", {"is": "blue"})
        assert store.document("shape", "sky") is None

    def test_c04_each_keep_is_the_next_revision(self) -> None:
        store = self.store()
        for revision in range(5):
            lands(store, Keep("colour", "sky", revision, {"is": revision}))
        found = store.document("colour", "sky")
        assert found is not None
        assert (found.revision, found.body) == (5, {"is": 4})

    @pytest.mark.parametrize("revision", [0, 1, 3])
    def test_c04_what_was_read_at_another_revision_is_refused(self, revision: int) -> None:
        store = self.store()
        lands(store, Keep("colour", "sky", 0, {"is": 1}), Keep("colour", "sky", 1, {"is": 2}))
        assert refusal(store, Keep("colour", "sky", revision, {"is": 3})) is Refusal.REVISION
        assert refusal(store, Keep("colour", "sky", revision, None)) is Refusal.REVISION
        assert refusal(store, Expect("colour", "sky", revision)) is Refusal.REVISION
        assert body(store) == {"is": 2}

    def test_c04_an_expected_revision_guards_its_unit(self) -> None:
        store = self.store()
        lands(store, Expect("colour", "sky", 0), Keep("colour", "sun", 0, {"is": "red"}))
        lands(store, Keep("colour", "sky", 0, {"is": "blue"}))
        lands(store, Expect("colour", "sky", 1))
        assert refusal(store, Expect("colour", "sun", 0)) is Refusal.REVISION
        assert refusal(store, Expect("shape", "sky", 1)) is Refusal.REVISION

    def test_c04_what_is_looked_up_together_is_what_stands(self) -> None:
        store = self.store()
        lands(store, *(Keep("colour", id, 0, {"is": id}) for id in ("sky", "sun")), Keep("shape", "sun", 0, {"is": "round"}))
        assert {*store.several("colour", ["sun", "moon"])} == {"sun"}
        found = store.together({"colour": ["sky", "moon"], "shape": None, "sound": None, "taste": []})
        assert {table: dict(kept) for table, kept in found.items() if kept} == {
            "colour": {"sky": store.document("colour", "sky")}, "shape": {"sun": store.document("shape", "sun")},
        }  # fmt: skip
        assert not any(store.together({}).values())

    def test_c04_a_removed_document_is_gone_and_can_be_made_anew(self) -> None:
        store = self.store()
        lands(store, Keep("colour", "sky", 0, {"is": 1}, "cold"), Keep("colour", "sky", 1, None))
        assert store.document("colour", "sky") is None
        assert list(store.documents("colour")) == list(store.documents("colour", group="cold")) == []
        lands(store, Expect("colour", "sky", 0), Keep("colour", "sky", 0, {"is": 2}))
        assert body(store) == {"is": 2}

    def test_c04_removing_what_is_not_there_is_refused_only_for_its_revision(self) -> None:
        store = self.store()
        lands(store, Keep("colour", "sky", 0, None))
        assert refusal(store, Keep("colour", "sky", 1, None)) is Refusal.REVISION

    def test_c04_a_body_is_kept_as_json_and_is_nobody_elses(self) -> None:
        store, lines = self.store(), ["a", {"b": [1, 2.5, None, True, "ü"]}]
        lands(store, Keep("colour", "sky", 0, {"lines": lines, "pair": (1, 2)}))
        lines.append("c")
        assert body(store) == {"lines": ["a", {"b": [1, 2.5, None, True, "ü"]}], "pair": [1, 2]}

    def test_c04_documents_come_by_id_a_page_at_a_time(self) -> None:
        store = self.store()
        ids = ["b", "a", "d/1", "c", "Z", "é"]
        lands(store, *(Keep("colour", id, 0, {"is": id}) for id in ids), Keep("shape", "x", 0, {}))
        found: list[str] = []
        for _ in rounds():
            page = store.documents("colour", after=found[-1] if found else "", limit=2)
            if not page:
                break
            assert len(page) <= 2
            found += [one.id for one in page]
        assert found == sorted(ids)

    def test_c04_a_group_holds_its_own_and_nothing_else(self) -> None:
        store = self.store()
        lands(
            store,
            *(Keep("colour", id, 0, {"is": id}, "warm" if id in "ace" else "cold") for id in "abcdef"),
            Keep("shape", "a", 0, {}, "warm"),
        )
        assert [one.id for one in store.documents("colour", group="warm")] == ["a", "c", "e"]
        assert [one.id for one in store.documents("colour", group="warm", after="a", limit=1)] == ["c"]
        assert list(store.documents("colour", group="")) == []
        assert list(store.documents("colour", group="none")) == []

    def test_c04_a_document_changes_its_group_with_its_revision(self) -> None:
        store = self.store()
        lands(store, Keep("colour", "sky", 0, {}, "warm"))
        lands(store, Keep("colour", "sky", 1, {}, "cold"))
        assert list(store.documents("colour", group="warm")) == []
        assert [one.revision for one in store.documents("colour", group="cold")] == [2]

    def test_c04_of_several_who_write_at_once_one_lands_for_each_revision(self) -> None:
        store = self.store()

        def count_up(name: int) -> int:
            handle, won = self.second_handle(store), 0
            while won < 20:
                found = handle.document("colour", "sky")
                revision = 0 if found is None else found.revision
                number = 0 if found is None else found.body["number"]
                won += bool(handle.write([(Keep("colour", "sky", revision, {"number": number + 1}),)])[0])
            return won

        with hurried(), ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(count_up, range(4))) == 80
        assert body(store) == {"number": 80}
