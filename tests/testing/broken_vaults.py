"""Vaults that break one promise each, beside the clause that notices."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pendulum

from taskkit.errors import TaskkitError, UnknownMark
from taskkit.events.happenings import Happening, Unlocked
from taskkit.records import Record
from taskkit.selections import Selection
from taskkit.testing import MemoryVault
from taskkit.testing._accounts import KeepingSecrets
from taskkit.testing.vaults import _Hosts, _Outbox, _Records, _Rights, _Sessions
from taskkit.vaults import Session, Values
from tests.testing.test_contracts_of_vaults import TestMemoryVault as Sound


def suite(name: str, made: type[Any]) -> type[Sound]:
    """A vault in memory with one facet that breaks something."""

    def vault(self: Sound, records: Sequence[Record], secrets: Mapping[str, Mapping[str, str]]) -> MemoryVault:
        broken = MemoryVault(records, secrets)
        facet = getattr(broken, name)
        facet.__class__, facet.vault = made, broken
        return broken

    return type(made.__name__, (Sound,), {"vault": vault})


class RaisesForTheUnknown(_Records):
    def get(self, id: str) -> Record | None:
        return self.kept[id]


class ComesInAnyOrder(_Records):
    turn = 0

    def all(self) -> Iterable[Record]:
        self.turn += 1
        found = list(super().all())
        return found[self.turn % len(found) :] + found[: self.turn % len(found)]


class TurnsRoundWithEachChange(_Records):
    """As a table without an order gives rows."""

    def all(self) -> Iterable[Record]:
        found = list(super().all())
        return found[::-1] if any(record.name for record in found) else found


class FindsOneTooFew(_Records):
    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        found = list(super().find(selection, viewer))
        return iter(found[:3])


class ShowsEverythingToEverybody(_Records):
    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        return super().find(selection, None)


class HidesFromTheProduct(_Records):
    def find(self, selection: Selection, viewer: str | None) -> Iterator[Record]:
        return (record for record in super().find(selection, viewer) if viewer or record.id not in {id for _, id in self.hidden})


class KeepsACache(_Records):
    def get(self, id: str) -> Record | None:
        cache: dict[str, Record | None] = vars(self).setdefault("cache", {})
        return cache.setdefault(id, super().get(id))


class GivesEachRecordAnAccount(_Records):
    def account(self, record: Record) -> str:
        return record.id


class WalksInCircles(_Records):
    def account(self, record: Record) -> str:
        try:
            return super().account(record)
        except TaskkitError:
            return record.id


class BelongsToOneThread(_Records):
    """As a connection of sqlite3 does."""

    def get(self, id: str) -> Record | None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("made in another thread")
        return super().get(id)


class HandsOutText(KeepingSecrets):
    def values(self, account: str, run: Any) -> Values:
        return Values({name: secret.reveal() for name, secret in super().values(account, run).current.items()})


class HandsOutItsOwn(KeepingSecrets):
    def values(self, account: str, run: Any) -> Any:
        return SimpleNamespace(current=self.of(account).current)


class KnowsNoZone(KeepingSecrets):
    def changed_at(self, account: str) -> datetime | None:
        changed = super().changed_at(account)
        return None if changed is None else changed.replace(tzinfo=None)


class KeepsTheOldOneInForce(KeepingSecrets):
    def values(self, account: str, run: Any) -> Values:
        values = super().values(account, run)
        return Values({**values.current, **values.previous})


class ShowsItsSecrets(KeepingSecrets):
    def __repr__(self) -> str:
        return repr([{name: secret.reveal() for name, secret in self.of(account).current.items()} for account in ("root", "lone")])


class CountsAReadAsAnUnlock(KeepingSecrets):
    vault: MemoryVault

    def values(self, account: str, run: Any) -> Values:
        self.vault.tell(Unlocked(account))
        return super().values(account, run)


class ReadsSecretsInOneThread(KeepingSecrets):
    def values(self, account: str, run: Any) -> Values:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("made in another thread")
        return super().values(account, run)


class KnowsWhoHasWorkedOnly(_Sessions):
    """An account with which nobody has worked yet is none to it."""

    def active(self, account: str) -> Sequence[Session]:
        if not any(self._account(record) == account for record in self.open):
            raise KeyError(account)
        return super().active(account)


class ForgetsTheOtherRecords(_Sessions):
    """The session of the second record of an account."""

    def active(self, account: str) -> Sequence[Session]:
        return [session for session in super().active(account) if session.record == account]


class KeepsTheAccountOfTheBegin(_Sessions):
    def active(self, account: str) -> Sequence[Session]:
        was = {"web": "root", "app": "root"}
        return [one for sessions in self.open.values() for one in sessions if was.get(one.record, one.record) == account]


class LooksAtNoRecord(_Rights):
    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        return not any((user, right) == denied[:2] for denied in self.denied) and user not in self.disabled


class LetsTheDisabledGoOn(_Rights):
    def may(self, user: str | None, right: str, record: str | None = None) -> bool:
        return not {(user, right, record), (user, right, None)} & self.denied


class LosesOne(_Outbox):
    """What is told between the question and the mark."""

    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        found, following = super().since(mark)
        return found[:2], following


class RepeatsOne(_Outbox):
    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        place = self._place(mark) - 1
        return super().since(self._mark(place) if place > 0 else None)


class ForgetsWhatWasRead(_Outbox):
    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        found = list(self.kept)
        self.kept.clear()
        return found, "read"


class TellsTheNewestFirst(_Outbox):
    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        found, following = super().since(mark)
        return found[::-1], following


class GivesEachReadingANewHappening(_Outbox):
    """Another id each time: twice would be twice."""

    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        found, following = super().since(mark)
        return [type(one)(one.record, at=pendulum.datetime(2026, 3, 2, tz="UTC")) for one in found], following


class KnowsEachNumber(_Outbox):
    """A place without a sign of what stands there."""

    def _mark(self, place: int) -> str:
        return str(place)


class TakesWhatIsBeyondForTheEnd(_Outbox):
    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        try:
            return super().since(mark)
        except UnknownMark:
            return (), mark


class BeginsAnewWithoutAWord(_Outbox):
    def since(self, mark: str | None) -> tuple[Sequence[Happening], str | None]:
        try:
            return super().since(mark)
        except UnknownMark:
            return super().since(None)


class NotesWhateverItIsTold(_Outbox):
    def passed(self, mark: str | None, reader: str, *, back: bool = False) -> bool:
        return super().passed(mark, reader, back=True)


class NeverLetsAReaderBack(_Outbox):
    def passed(self, mark: str | None, reader: str, *, back: bool = False) -> bool:
        return super().passed(mark, reader)


class KnowsOneReader(_Outbox):
    def passed(self, mark: str | None, reader: str, *, back: bool = False) -> bool:
        return super().passed(mark, "", back=back)


class ForgetsTheFurthest(_Outbox):
    """It goes back, and says so at the second time only."""

    def passed(self, mark: str | None, reader: str, *, back: bool = False) -> bool:
        answer = super().passed(mark, reader, back=back)
        return answer or not super().passed(mark, reader, back=True)


class BelievesWhoeverComesLast(_Hosts):
    def trust(self, address: str, key: str) -> bool:
        self.kept[address] = [key]
        return True


class BelievesAnother(_Hosts):
    def trust(self, address: str, key: str) -> bool:
        super().trust(address, key)
        self.kept[address] = list(dict.fromkeys([*self.kept[address], key]))
        return True


class KnowsMachinesByTheirNameAlone(_Hosts):
    def known(self, address: str) -> Sequence[str]:
        return super().known(address.strip("[]").partition("]")[0])


class SaysThatItKeepsThem(_Hosts):
    def trust(self, address: str, key: str) -> bool:
        return not self.known(address)


SOUND = (Sound,)
BROKEN = (
    ("V1", suite("records", RaisesForTheUnknown)),
    ("V2", suite("records", ComesInAnyOrder)),
    ("V2", suite("records", TurnsRoundWithEachChange)),
    ("V3", suite("records", FindsOneTooFew)),
    ("V4", suite("records", ShowsEverythingToEverybody)),
    ("V4", suite("records", HidesFromTheProduct)),
    ("V5", suite("records", KeepsACache)),
    ("V6", suite("records", GivesEachRecordAnAccount)),
    ("V7", suite("records", WalksInCircles)),
    ("V8", suite("secrets", HandsOutText)),
    ("V8", suite("secrets", HandsOutItsOwn)),
    ("V9", suite("secrets", KnowsNoZone)),
    ("V9", suite("secrets", KeepsTheOldOneInForce)),
    ("V10", suite("secrets", ShowsItsSecrets)),
    ("V11", suite("secrets", CountsAReadAsAnUnlock)),
    ("V12", suite("sessions", KnowsWhoHasWorkedOnly)),
    ("V12", suite("sessions", ForgetsTheOtherRecords)),
    ("V12", suite("sessions", KeepsTheAccountOfTheBegin)),
    ("V13", suite("rights", LooksAtNoRecord)),
    ("V13", suite("rights", LetsTheDisabledGoOn)),
    ("V14", suite("outbox", RepeatsOne)),
    ("V14", suite("outbox", ForgetsWhatWasRead)),
    ("V14", suite("outbox", TellsTheNewestFirst)),
    ("V14", suite("outbox", GivesEachReadingANewHappening)),
    ("V15", suite("outbox", LosesOne)),
    ("V17", suite("outbox", KnowsEachNumber)),
    ("V17", suite("outbox", TakesWhatIsBeyondForTheEnd)),
    ("V17", suite("outbox", BeginsAnewWithoutAWord)),
    ("V18", suite("outbox", NotesWhateverItIsTold)),
    ("V18", suite("outbox", NeverLetsAReaderBack)),
    ("V18", suite("outbox", KnowsOneReader)),
    ("V18", suite("outbox", ForgetsTheFurthest)),
    ("V19", suite("hosts", BelievesWhoeverComesLast)),
    ("V19", suite("hosts", BelievesAnother)),
    ("V19", suite("hosts", KnowsMachinesByTheirNameAlone)),
    ("V19", suite("hosts", SaysThatItKeepsThem)),
    ("V16", suite("records", BelongsToOneThread)),
    ("V16", suite("secrets", ReadsSecretsInOneThread)),
)
