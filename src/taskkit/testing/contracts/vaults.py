"""What every vault keeps, whose facets an engine asks: V1 to V19 of `docs/reference/contracts.md`; those of slots stand apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pendulum
import pytest
from attrs import evolve

from taskkit.errors import InvalidValue, NotFound, UnknownMark
from taskkit.events.happenings import CheckedIn, Happening, SessionEnded, Unlocked
from taskkit.records import AccountId, Record
from taskkit.secrets import Secret
from taskkit.selections import Everything, OfType, Tagged
from taskkit.testing.contracts._contract import rounds
from taskkit.testing.contracts._deeds import OTHER, PASSWORD, RECORDS, SECRETS, Reader
from taskkit.testing.contracts._keeping import KeepClauses
from taskkit.testing.contracts._slots import SlotClauses
from taskkit.vaults import Hosts, Outbox, Vault


class VaultContract(SlotClauses, KeepClauses):
    """To inherit: `vault` makes one; the other methods do to it what its people do. What it has not is closed with a reason."""

    def _made(self) -> Vault:
        return self.vault(RECORDS, SECRETS)

    # records

    def test_v01_a_record_is_found_as_it_is_and_an_unknown_one_is_none(self) -> None:
        vault = self._made()
        for record in RECORDS:
            assert vault.records.get(record.id) == record, f"get({record.id!r}) is not the record that the vault holds"
        assert vault.records.get("nobody") is None, "get of an unknown record is not None"

    def test_v02_all_records_come_once_in_an_order_that_stays(self) -> None:
        vault = self._made()
        ids = [record.id for record in vault.records.all()]
        assert sorted(ids) == sorted(record.id for record in RECORDS), f"all() gives {ids}"
        assert all([record.id for record in vault.records.all()] == ids for _ in range(5)), "all() comes in another order"

    def test_v02_the_order_of_the_others_stays_when_one_changes(self) -> None:
        vault = self._made()
        before = [record.id for record in vault.records.all()]
        self.put(vault, evolve(RECORDS[1], name="changed"))
        after = [record.id for record in vault.records.all()]
        assert [id for id in after if id != "app"] == [id for id in before if id != "app"], f"{before} became {after}"

    def test_v03_what_is_found_is_what_the_selection_matches(self) -> None:
        vault = self._made()
        unix, production = OfType("unix"), Tagged("production")
        for selection in (Everything(), unix, production, unix & production, unix | production, ~unix, ~(unix | production)):
            found = sorted(record.id for record in vault.records.find(selection, None))
            assert found == sorted(record.id for record in RECORDS if selection.matches(record)), f"{selection} finds {found}"

    def test_v04_a_person_finds_only_what_they_may_see_and_the_product_finds_all(self) -> None:
        vault = self._made()
        self.hide(vault, "root", "anna")
        assert {record.id for record in vault.records.find(Everything(), "anna")} == {"app", "web", "lone"}, "anna finds what is hidden"
        assert {record.id for record in vault.records.find(OfType("unix"), "anna")} == {"lone"}, "anna finds what is hidden, by its type"
        assert {record.id for record in vault.records.find(Everything(), "bert")} == {record.id for record in RECORDS}, "bert lacks one"
        assert {record.id for record in vault.records.find(Everything(), None)} == {record.id for record in RECORDS}, (
            "the product lacks one"
        )

    def test_v05_what_changed_is_seen_at_once(self) -> None:
        vault = self._made()
        for record in (*vault.records.all(), *vault.records.find(Everything(), None)):  # whoever keeps what it read has read it all
            vault.records.get(record.id)
        vault.records.get("new")
        changed, new = evolve(RECORDS[3], tags=["production"]), Record("new", "unix")
        self.put(vault, changed)
        self.put(vault, new)
        self.remove(vault, "web")
        assert vault.records.get("lone") == changed, "get gives a record as it was"
        assert vault.records.get("new") == new, "get does not know a new record"
        assert vault.records.get("web") is None, "get gives a record that was removed"
        assert {record.id for record in vault.records.find(Tagged("production"), None)} == {"root", "lone"}, "find looks at what was"
        assert {record.id for record in vault.records.all()} == {"root", "app", "lone", "new"}, "all gives what was"

    # accounts

    def test_v06_records_that_refer_to_one_another_have_one_account(self) -> None:
        vault = self._made()
        root, app, web, lone = (vault.records.account(record) for record in RECORDS)
        assert root == app == web, f"one login has the accounts {root!r}, {app!r} and {web!r}"
        assert lone != root, f"two logins have the account {lone!r}"

    def test_v07_a_circle_of_references_is_refused(self) -> None:
        one, other = Record("one", "unix", reference="other"), Record("other", "unix", reference="one")
        vault = self.vault((one, other), {})
        with pytest.raises(InvalidValue):
            vault.records.account(one)

    def test_v07_a_reference_to_nowhere_is_refused(self) -> None:
        lost = Record("lost", "unix", reference="nowhere")
        vault = self.vault((lost,), {})
        with pytest.raises(NotFound):
            vault.records.account(lost)

    # secrets

    def test_v08_an_account_has_its_secrets_by_name_and_an_unknown_one_has_none(self) -> None:
        vault = self._made()
        values = vault.secrets.values(vault.records.account(RECORDS[2]), Reader())
        assert set(values.current) == {"password"}, f"there are {sorted(values.current)}"
        assert isinstance(values.current["password"], Secret), "a secret is handed out that is no Secret"
        assert values.current["password"].same_as(Secret(PASSWORD)), "it is another secret"
        assert not vault.secrets.values("nobody", Reader()).current, "an unknown account has a secret"

    def test_v08_what_a_reader_does_with_the_values_changes_nothing(self) -> None:
        vault = self._made()
        current: Any = vault.secrets.values("lone", Reader()).current
        try:
            current["password"] = Secret("overwritten-by-a-reader")
        except TypeError:
            return
        again = vault.secrets.values("lone", Reader()).current
        assert again["password"].same_as(Secret(OTHER)), "a reader changed the secret of the vault"

    def test_v09_a_changed_secret_is_in_force_at_once_and_the_vault_knows_when_it_was_set(self) -> None:
        vault = self._made()
        at = pendulum.datetime(2026, 3, 2, 9, tz="UTC")
        self.change_secret(vault, "lone", "password", "a-brand-new-horse", at)
        assert vault.secrets.values("lone", Reader()).current["password"].same_as(Secret("a-brand-new-horse")), "the old one is in force"
        changed = vault.secrets.changed_at("lone")
        assert changed is not None, "the vault does not know when"
        assert changed.tzinfo is not None, "changed_at is a moment without a zone"
        assert changed == at, f"changed_at is {changed} instead of {at}"
        assert vault.secrets.changed_at("nobody") is None, "an unknown account was changed"

    def test_v10_no_secret_is_shown_by_a_repr_or_a_text(self) -> None:
        vault = self._made()
        values = vault.secrets.values("root", Reader())
        shown = [vault, values, vault.records, vault.secrets, vault.sessions, vault.rights, vault.outbox, vault.hosts, *vault.records.all()]
        for one in shown:
            for text in (repr(one), str(one), f"{one}", repr(getattr(one, "__dict__", ""))):
                assert PASSWORD not in text, f"{type(one).__name__} shows a secret"
                assert OTHER not in text, f"{type(one).__name__} shows a secret"

    def test_v11_to_read_a_secret_is_no_unlock(self) -> None:
        vault = self._made()
        _, mark = vault.outbox.since(None)
        before = vault.secrets.changed_at("root")
        for _ in range(3):
            vault.secrets.values("root", Reader("anna"))
        told, _ = vault.outbox.since(mark)
        assert [one for one in told if isinstance(one, Unlocked)] == [], "an unlock was told"
        assert vault.secrets.changed_at("root") == before, "the secret counts as changed"

    # sessions and rights

    def test_v12_sessions_count_over_all_records_of_the_account(self) -> None:
        vault = self._made()
        assert all(not _sessions(vault, vault.records.account(record)) for record in RECORDS), "somebody works, and nobody has begun"
        self.begin(vault, "web", "s-1")
        self.begin(vault, "root", "s-2")
        self.begin(vault, "lone", "s-3")
        account = vault.records.account(RECORDS[1])
        assert _sessions(vault, account) == {("s-1", "web"), ("s-2", "root")}, f"active are {_sessions(vault, account)}"
        self.end(vault, "root", "s-2")
        assert _sessions(vault, account) == {("s-1", "web")}, f"active are {_sessions(vault, account)}"
        self.end(vault, "web", "s-1")
        assert _sessions(vault, account) == set(), f"active are {_sessions(vault, account)}"
        assert _sessions(vault, "lone") == {("s-3", "lone")}, "another account's session has ended with it"

    def test_v12_a_record_that_refers_to_another_by_now_takes_its_sessions_along(self) -> None:
        vault = self._made()
        self.begin(vault, "lone", "s-1")
        self.put(vault, evolve(RECORDS[3], reference="root"))
        assert _sessions(vault, vault.records.account(RECORDS[0])) == {("s-1", "lone")}, "a session is lost"

    def test_v13_a_right_is_denied_to_whom_and_where_it_was(self) -> None:
        vault = self._made()
        self.deny(vault, "bob", "task_execute", "root")
        self.deny(vault, "eve", "task_manage", None)
        asked = {(user, right, record): vault.rights.may(user, right, record) for user, right, record in _QUESTIONS}
        assert asked == _ANSWERS, f"wrong are {[question for question, answer in asked.items() if answer != _ANSWERS[question]]}"

    def test_v13_who_is_disabled_is_not_active_and_may_nothing(self) -> None:
        vault = self._made()
        assert vault.rights.active("bob"), "bob is not active"
        self.disable(vault, "bob")
        assert not vault.rights.active("bob"), "bob is active"
        assert not vault.rights.may("bob", "task_execute", "root"), "bob may"
        assert vault.rights.active("anna"), "anna is not active"

    # outbox

    def test_v14_the_outbox_tells_in_order_and_the_same_again_from_the_same_mark(self) -> None:
        vault = self._made()
        told = _happenings(6)
        self.tell(vault, *told[:3])
        first, mark = vault.outbox.since(None)
        assert list(first) == told[:3], f"it tells {first}"
        assert mark is None or isinstance(mark, str), "a mark is no text"
        self.tell(vault, *told[3:])
        for _ in range(2):
            again, _ = vault.outbox.since(None)
            assert list(again[:3]) == told[:3], "from the same mark it tells something else"
            following, last = vault.outbox.since(mark)
            assert list(following) == told[3:], f"after the mark it tells {following}"
        assert list(vault.outbox.since(last)[0]) == [], "what was told is told again"

    def test_v15_no_happening_is_lost_however_it_is_read(self) -> None:
        vault = self._made()
        told, read, mark = _happenings(12), list[Happening](), None
        for number, happening in enumerate(told):
            self.tell(vault, happening)
            if number % 3 == 2:
                mark = _read_on(vault, mark, read)
        for _ in rounds():
            before, mark = mark, _read_on(vault, mark, read)
            if mark == before:
                break
        assert read == told, f"lost or repeated: {[one.id for one in read]} of {[one.id for one in told]}"

    def test_v17_a_mark_that_a_restored_vault_has_lost_is_told_and_never_taken_for_another(self) -> None:
        vault = self._made()
        told = _happenings(6)
        self.tell(vault, *told[:3])
        _, mark = vault.outbox.since(None)
        if mark is None:
            return  # it remembers nothing, so it loses nothing
        self.restore(vault)
        self._is_lost(vault, mark, "before anything is told again")
        self.tell(vault, *told[3:5])
        self._is_lost(vault, mark, "while less was told than before")
        self.tell(vault, *told[5:], *_more(3))
        self._is_lost(vault, mark, "once as much was told as before")
        following, _ = vault.outbox.since(None)
        assert list(following[:3]) == told[3:], f"from the begin it tells {following}"

    def _is_lost(self, vault: Vault, mark: str, when: str) -> None:
        asks: list[Callable[[], object]] = [lambda: vault.outbox.since(mark)]
        if _notes_readers(vault):
            asks.append(lambda: vault.outbox.passed(mark, "one"))
        for ask in asks:
            try:
                answer = ask()
            except UnknownMark:
                continue
            pytest.fail(f"a mark from before the restore is known {when}: it answers {answer}")

    def test_v18_a_reader_that_comes_back_from_further_behind_is_told_so_until_it_says_that_it_knows(self) -> None:
        vault = self._made()
        if not _notes_readers(vault):
            return
        marks, outbox = [None, *self._marks(vault, 3)], vault.outbox
        for mark in (*marks, marks[-1]):
            assert outbox.passed(mark, "one"), "a reader that goes on is told that it came back"
        assert outbox.passed(marks[1], "other"), "a reader is taken for another one"
        for mark in (*marks[:-1], marks[1]):
            assert not outbox.passed(mark, "one"), "a reader that was further before is not told so"
        assert outbox.passed(marks[1], "one", back=True), "a reader that knows it may not go back"
        assert outbox.passed(marks[2], "one"), "a reader that went back may not go on"
        assert not outbox.passed(marks[1], "one"), "it is not noted where a reader goes on that went back"
        assert len(outbox.since(marks[1])[0]) == 2, "what a reader has passed is gone at once"

    def _marks(self, vault: Vault, count: int) -> list[str | None]:
        found = list[str | None]()
        for happening in _happenings(count):
            self.tell(vault, happening)
            found.append(vault.outbox.since(found[-1] if found else None)[1])
        return found

    # hosts

    def test_v19_a_host_key_is_kept_where_none_is_known_and_no_other_takes_its_place(self) -> None:
        vault = self._made()
        if not _keeps_hosts(vault):
            assert not vault.hosts.trust("10.0.0.1", _KEYS[0]), "it keeps no host key, and says that it did"
            return
        assert list(vault.hosts.known("10.0.0.1")) == [], "it knows the key of a machine that nobody has met"
        for _ in range(2):
            assert vault.hosts.trust("10.0.0.1", _KEYS[0]), "the first key of a machine is not kept, or not known the second time"
        assert not vault.hosts.trust("10.0.0.1", _KEYS[1]), "another key is believed of a machine whose key is known"
        assert list(vault.hosts.known("10.0.0.1")) == [_KEYS[0]], f"it knows {vault.hosts.known('10.0.0.1')}"
        assert list(vault.hosts.known("[10.0.0.1]:2222")) == [], "another port is taken for the same machine"

    def test_v19_of_many_who_meet_a_machine_at_once_one_key_is_believed(self) -> None:
        vault = self._made()
        if not _keeps_hosts(vault):
            return
        keys = [f"ssh-ed25519 {number}" for number in range(self.threads)]
        with ThreadPoolExecutor(self.threads) as threads:
            believed = [key for key, kept in zip(keys, threads.map(lambda key: vault.hosts.trust("met", key), keys), strict=True) if kept]
        assert believed == list(vault.hosts.known("met")), f"believed were {believed}, and known is {vault.hosts.known('met')}"

    # threads

    def test_v16_many_threads_ask_at_once_and_each_gets_its_answer(self) -> None:
        vault = self._made()
        self.begin(vault, "web", "s-1")

        def ask(number: int) -> object:
            record = RECORDS[number % len(RECORDS)]
            account = vault.records.account(record)
            found = [one.id for one in vault.records.find(OfType(record.type), None)]
            secrets = {name: secret.reveal() for name, secret in vault.secrets.values(account, Reader()).current.items()}
            told = [one.id for one in vault.outbox.since(None)[0]]
            return (
                record.id, vault.records.get(record.id), account, found, len(_sessions(vault, account)), vault.rights.may("anna", "x"),
                vault.rights.active("anna"), secrets, vault.secrets.changed_at(account), told, [*vault.hosts.known("10.0.0.1")],
            )  # fmt: skip

        with ThreadPoolExecutor(self.threads) as threads:
            answers = list(threads.map(ask, range(self.threads * 25)))
        wanted = [ask(number) for number in range(len(RECORDS))]
        assert all(answer == wanted[number % len(RECORDS)] for number, answer in enumerate(answers)), "threads got other answers"


_QUESTIONS = [
    (user, right, record) for user in ("bob", "eve", "anna") for right in ("task_execute", "task_manage") for record in ("root", "lone")
]
_ANSWERS = {
    question: question != ("bob", "task_execute", "root") and question[:2] != ("eve", "task_manage") for question in _QUESTIONS
}  # fmt: skip


def _sessions(vault: Vault, account: AccountId) -> set[tuple[str, str]]:
    return {(session.id, session.record) for session in vault.sessions.active(account)}


def _happenings(count: int) -> list[Happening]:
    at = pendulum.datetime(2026, 3, 2, tz="UTC")
    kinds: Iterable[type[Happening]] = (CheckedIn, SessionEnded)
    made: Iterator[Happening] = (kind("lone", id=f"h-{number}-{kind.kind}", at=at) for number in range(count) for kind in kinds)
    return [happening for happening, _ in zip(made, range(count), strict=False)]


def _notes_readers(vault: Vault) -> bool:
    return type(vault.outbox).passed is not Outbox.passed


_KEYS = ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFuZA==", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG90aGVy")


def _keeps_hosts(vault: Vault) -> bool:
    return type(vault.hosts).trust is not Hosts.trust


def _more(count: int) -> list[Happening]:
    return [CheckedIn("lone", id=f"later-{number}", at=pendulum.datetime(2026, 3, 3, tz="UTC")) for number in range(count)]


def _read_on(vault: Vault, mark: str | None, read: list[Happening]) -> str | None:
    """As an engine: what was read is kept with the mark after it."""
    found, following = vault.outbox.since(mark)
    read.extend(found)
    return following
