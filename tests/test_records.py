"""What the vault holds, as taskkit sees it: records, their types, the accounts behind them (R8)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from taskkit.errors import InvalidValue, NotFound
from taskkit.records import Accounts, Record, RecordType
from taskkit.testing import MemoryVault
from taskkit.vaults import Rights, Vault, root


def test_r08_an_account_is_the_end_of_a_path_of_references() -> None:
    vault = MemoryVault([Record("a", "unix", reference="b"), Record("b", "unix", reference="c"), Record("c", "unix"), Record("d", "unix")])
    assert [vault.records.account(record) for record in vault.records.all()] == ["c", "c", "c", "d"]


def test_r08_the_vault_may_know_that_two_records_are_one_login() -> None:
    vault = MemoryVault([Record("a", "unix"), Record("b", "windows")])
    vault.records.logins = {"a": "CORP/admin", "b": "CORP/admin"}
    assert {vault.records.account(record) for record in vault.records.all()} == {"CORP/admin"}


@pytest.mark.parametrize(("path", "shown"), [("aa", "a → a"), ("aba", "a → b → a"), ("abcb", "a → b → c → b")])
def test_r08_references_that_go_in_a_circle_are_refused_and_shown(path: str, shown: str) -> None:
    vault = MemoryVault([Record(one, "unix", reference=other) for one, other in pairwise(path)])
    with pytest.raises(InvalidValue, match=f"in a circle: {shown}"):
        root(vault.records, vault.records.kept["a"])


def test_r08_a_reference_to_nothing_is_refused() -> None:
    vault = MemoryVault([Record("a", "unix", reference="b")])
    with pytest.raises(NotFound, match="following the references of 'a': there is no record 'b'"):
        vault.records.account(vault.records.kept["a"])


def test_r08_a_record_type_says_which_fields_are_host_and_user() -> None:
    type = RecordType("appliance", host="address", user="login")
    record = Record("a", "appliance", fields={"address": "10.0.0.1", "login": "admin", "host": "not this"})
    assert (type.host_of(record), type.user_of(record)) == ("10.0.0.1", "admin")
    assert (RecordType("unix").host_of(Record("b", "unix")), RecordType("unix").user_of(Record("b", "unix"))) == ("", "")


def test_r04_what_is_written_is_not_also_used() -> None:
    assert Accounts(writes=["a", "b"], uses=["b", "c"]) == Accounts(writes={"a", "b"}, uses={"c"})


@pytest.mark.parametrize("account", ["a\0b", "half \ud800", 7])
def test_r04_an_account_that_no_store_could_keep_is_refused(account: Any) -> None:
    for said in ({"writes": [account]}, {"uses": ["a", account]}):
        with pytest.raises(InvalidValue, match=r"making Accounts\(…\): the (account|id of an account) "):
            Accounts(**said)


def test_r04_an_account_may_be_named_as_other_systems_name_it() -> None:
    name = "CN=Ünïcode,\tOU=x\n" * 40
    assert Accounts(writes=[name]).writes == {name}


def test_a_record_does_not_change_with_what_it_was_made_of() -> None:
    fields = {"host": "a"}
    record = Record("r", "unix", fields=fields, tags=["x"])
    fields["host"] = "b"
    assert record.fields == {"host": "a"}
    assert record == Record("r", "unix", fields={"host": "a"}, tags="x")
    assert len({record, Record("r", "unix", fields={"host": "a"}, tags="x")}) == 1
    with pytest.raises(TypeError):
        record.fields["host"] = "c"  # type: ignore[index]


def test_a_record_is_shown_by_its_name_or_else_its_id() -> None:
    assert (str(Record("r1", "unix", name="Front door")), str(Record("r1", "unix"))) == ("Front door", "r1")


@pytest.mark.parametrize(
    ("make", "case"),
    [
        (lambda: Record("", "unix"), "it is no name"),
        (lambda: Record("r\n1", "unix"), "it is no name"),
        (lambda: Record("x" * 201, "unix"), "it is no name"),
        (lambda: Record(1, "unix"), "it is no name"),  # type: ignore[arg-type]
        (lambda: Record("r", ""), "it is no name"),
        (lambda: Record("r", "unix", fields={"port": 22}), "the field 'port' holds a int"),
        (lambda: Record("r", "unix", fields={"user": None}), "the field 'user' holds a NoneType"),
        (lambda: Record("r", "unix", fields={3: "x"}), "name of type int"),  # type: ignore[dict-item]
        (lambda: Record("r", "unix", fields=[("host", "a")]), "give a dict"),  # type: ignore[arg-type]
        (lambda: Record("r", "unix", secret_fields=[1]), "give a text"),  # type: ignore[list-item]
        (lambda: Record("r", "unix", tags=None), "give a text"),  # type: ignore[arg-type]
        (lambda: Record("r", "unix", tags=["", "x"]), "give a text"),
        (lambda: Record("r", "unix", reference=""), "it is no name"),
        (lambda: Record("r", "unix", pool=""), "it is no name"),
        (lambda: RecordType(""), "it is no name"),
        (lambda: RecordType("unix", executor=""), "it is no name"),
        (lambda: RecordType("unix", host=None), "it is no name"),  # type: ignore[arg-type]
        (lambda: RecordType("unix", settings="none"), "give a dict"),  # type: ignore[arg-type]
        (lambda: Vault({}), "it is a dict"),  # type: ignore[arg-type]
        (lambda: Vault(MemoryVault().records, rights=Rights), "it is a type"),  # type: ignore[arg-type]
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_made(make: Callable[[], Any], case: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        make()
    assert case in str(caught.value)
