"""A name with NUL or half a character is in no store: whoever asks for it finds nothing, among few and among many (C1, C4, C11)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from taskkit.errors import InvalidValue
from taskkit.storage import Change, Hold, Insert, Keep, Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing.contracts.storage._makings import NOW, job, lands, told

_ODD = ["x\0y", "x\ud800"]
_SEVERAL = ["a", "b", "c", "x"]


@pytest.fixture(params=[MemoryStorage, SqliteStorage])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param is MemoryStorage:
        yield MemoryStorage()
    else:
        with SqliteStorage(tmp_path / "db") as kept:
            yield kept


@pytest.mark.parametrize("odd", _ODD, ids=repr)
@pytest.mark.parametrize("several", [_SEVERAL, _SEVERAL[-1:]], ids=["many", "few"])
def test_c04_an_odd_name_is_not_found_among_others(store: Storage, several: list[str], odd: str) -> None:
    lands(store, *(Keep("hosts", name, 0, {}) for name in several))
    assert sorted(store.several("hosts", [*several, odd])) == sorted(several)
    assert store.document("hosts", odd) is None


@pytest.mark.parametrize("odd", _ODD, ids=repr)
def test_c01_what_would_be_kept_by_an_odd_name_is_refused_with_all_beside_it(store: Storage, odd: str) -> None:
    lands(store, Insert(job("p")))
    changes: list[Change] = [Keep("hosts", odd, 0, {}), Insert(job(odd)), Hold("p", NOW, (odd,)), Hold("p", NOW, slots=((odd, 1),))]
    for change in changes:
        with pytest.raises(InvalidValue, match="no store keeps it"):
            store.write([(told("Rained"),), (change,)])
    assert (store.heads(), store.holders(odd)) == ([], [])


def test_c04_half_a_character_in_a_document_is_refused_with_all_beside_it(store: Storage) -> None:
    with pytest.raises(InvalidValue, match="half a character"):
        store.write([(told("Rained"),), (Keep("hosts", "a", 0, {"is": ["x\ud800"]}),)])
    assert (store.heads(), store.document("hosts", "a")) == ([], None)
    lands(store, Keep("hosts", "a", 0, {"is": ["x\0y"]}))
    found = store.document("hosts", "a")
    assert found is not None
    assert found.body == {"is": ["x\0y"]}
