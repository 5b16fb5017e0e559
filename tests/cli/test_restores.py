"""A store that came back, from the command line: as the documentation says it, before the product starts (J11, T15)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskkit.cli import main
from taskkit.engine import Engine
from taskkit.keyrings import Keyring
from taskkit.storage.sqlite import SqliteStorage
from taskkit.testing import MemoryVault
from tests.engine.products import Product

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """Two days after the backup, stopped, with the backup in its place."""
    made = Product(tmp_path)
    made.live(hours=3)
    made.back_up("store")
    made.live(hours=24)
    made.live(hours=24)
    made.put_back("store")
    made.stop()
    yield made
    made.stop()


def said(capsys: Capsys, product: Product, *arguments: str, code: int = 0) -> str:
    command, *others = arguments
    assert main(["store", command, f"sqlite:{product.folder / 'store.db'}", *others]) == code
    found = capsys.readouterr()
    return found.out + found.err


def test_j11_what_is_said_before_the_product_starts_keeps_it_still(product: Product, capsys: Capsys) -> None:
    told = said(capsys, product, "restored", "--by", "ada", "--why", "the disk was full").splitlines()
    assert told[0].endswith("UTC: ada says: the disk was full")
    assert told[1:3] == ["the last that the store knew before: 2026-03-02 03:00:00 UTC", "the engine stands still"]
    assert [line.split(":")[0].strip() for line in told[3:]] == ["nightly"]
    product.start()
    assert product.live() == 0
    [pause] = product.engine.pauses()
    assert (pause.by, pause.why) == ("ada", "the disk was full")
    product.stop()
    assert said(capsys, product, "resume", "--by", "ada") == "the engine works\n"
    product.start()
    assert product.live() == 3


@pytest.mark.parametrize("name", ["nightly", "all"])
def test_t15_what_was_due_can_be_passed_over_as_it_is_resumed(name: str, product: Product, capsys: Capsys) -> None:
    said(capsys, product, "restored", "--by", "ada")
    assert said(capsys, product, "resume", "--by", "ada", "--pass-over", name).endswith(f"passed over is what was due of {name}\n")
    product.start()
    assert product.live() == 0
    assert product.ends(product.nightly)[-3:] == [("missed", "passed_over")] * 3
    [fact] = product.engine.facts(kinds=["PassedOver"])
    assert (fact.who, fact.task) == ("ada", product.nightly.id if name == "nightly" else None)


def test_to_look_changes_nothing(product: Product, capsys: Capsys) -> None:
    before = (product.folder / "store.db").read_bytes()
    found = json.loads(said(capsys, product, "aftermath", "--json"))
    assert (found["paused"], found["restore"], found["happenings"]) == (False, None, None)
    assert [(one["name"], one["due"]) for one in found["tasks"]] == [("nightly", 3)]
    assert said(capsys, product, "aftermath").splitlines()[0] == "the engine works"
    assert (product.folder / "store.db").read_bytes() == before


def test_an_unknown_task_resumes_nothing(product: Product, capsys: Capsys) -> None:
    said(capsys, product, "restored", "--by", "ada")
    assert "there is none of this id or name" in said(capsys, product, "resume", "--by", "ada", "--pass-over", "typo", code=1)
    assert "the engine stands still" in said(capsys, product, "aftermath")


def test_what_does_not_stand_still_is_not_resumed(product: Product, capsys: Capsys) -> None:
    assert "it is not paused" in said(capsys, product, "resume", "--by", "ada", code=1)


def test_a06_a_store_with_keyed_facts_is_left_to_who_has_the_key(tmp_path: Path, capsys: Capsys) -> None:
    with SqliteStorage(tmp_path / "store.db") as storage:
        Engine(MemoryVault(), storage, keyring=Keyring({"one": bytes(range(32))}, "one")).pause("pool:dmz")
    for command in ("restored", "resume"):
        assert main(["store", command, f"sqlite:{tmp_path / 'store.db'}", "--by", "ada"]) == 1
        assert "call engine.restored(…)" in capsys.readouterr().err
    assert main(["store", "aftermath", f"sqlite:{tmp_path / 'store.db'}"]) == 0
