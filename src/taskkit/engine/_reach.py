"""What a run reaches: the machines of its records, each by a log-in that is read for this run alone and counted (S5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import proxy

from attrs import evolve

from taskkit.checks import LONGEST_HOST, is_address
from taskkit.engine._border import changed
from taskkit.engine._budgets import Budget
from taskkit.errors import InvalidValue
from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown
from taskkit.plugins.kinds import Executor
from taskkit.plugins.verbs import Host, Login, Probe, SecretChange, Verb
from taskkit.records import AccountId, Record, RecordType
from taskkit.secrets import Secret

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._lookups import Kin
    from taskkit.engine._runs import JobRun

_PEN = Lock()  #: a script may have threads of its own
_HIGHEST_PORT = 65_535


class Reach:
    """Of one run, which each call names and it does not hold. It goes to the run's record by the run's executor, to others by their own."""

    def __init__(self, ground: Ground, kin: Kin) -> None:
        self._ground, self._kin = ground, kin
        self._types: dict[str, RecordType | None] = {}
        self._logins: dict[str, Login] = {}
        self._owners: dict[str, AccountId] = {}
        self._budgets: dict[AccountId, Budget] = {}

    @contextmanager
    def connect(self, run: JobRun, login: Record | None, to: Record | None) -> Iterator[Any]:
        """The record's host, or that of another one, as its shadow account or else as the record itself."""
        executor, record = self._reached(run, "connecting", to)
        run.point("connect")
        host, found = self.host(record), self.login(run, login or run.shadow or record)
        with ExitStack() as stack:
            with self._spends(run, found, "connecting"):
                connection = stack.enter_context(executor.connect(host, found, run))
            run.touch()
            yield connection

    def probe(self, run: JobRun, login: Record | None, secret: Secret | None, to: Record | None) -> Probe:
        """What a fresh log-in tells of the account's secret, or of this one in its place. It is one try (S5): who gives one counts it."""
        executor, record = self._reached(run, "trying a secret", to)
        run.point("probe")
        host, found = self.host(record), self._login(run, login or run.shadow or record, secret)
        if secret is not None:
            return executor.probe(host, found, run)
        with self._spends(run, found, "trying the log-in") as tell:
            probe = executor.probe(host, found, run)
            tell(probe.error)
        return probe

    def change(self, run: JobRun, change: SecretChange, login: Record | None, to: Record | None) -> Done | NotDone | Unknown:
        """Whatever the executor raises, it is an answer: that nothing was changed is believed only of a log-in that was refused (J10)."""
        executor, record = self._reached(run, "changing a secret", to)
        host, found = self.host(record), self._login(run, login or record, change.old if login in (None, record) else None)
        run.keep(change.new)
        with self._spends(run, found, "changing a secret") as tell:
            run.point("change")
            run.touch()
            outcome = changed(lambda: executor.change(host, found, change, run), run)
            tell(outcome.error if isinstance(outcome, NotDone) else None)
        return outcome

    def verbs(self, run: JobRun, to: Record | None) -> frozenset[Verb]:
        return self._reached(run, "looking what can be done", to)[0].verbs

    def host(self, record: Record) -> Host:
        """The machine that a record names, and what its type says about reaching it."""
        found = self._type(record)
        if found is None:
            return Host(record.fields.get("host", ""), record=record)
        host = found.host_of(record)
        if host and not is_address(host):
            case = f"its field {found.host!r} says {host[:80]!r}, which is no host"
            helps = f"give a name or an address of up to {LONGEST_HOST} characters"
            raise InvalidValue(f"looking where the record {record.id!r} is reached", case, helps)
        return Host(host, _port(record, found.port), found.settings, record=record)

    def login(self, run: JobRun, record: Record) -> Login:
        """The account's current secret, read for this run alone: what the vault hands out is scrubbed from all that the run says (S1)."""
        found, vault = self._type(record), run.vault
        account = vault.records.account(record)
        values = vault.secrets.values(account, run).current
        login = Login(record, secrets=values)
        if found is not None:
            secret, key = values.get(found.secret), values.get(found.key)
            login = Login(record, found.user_of(record), secret, key, secrets=values, secret_name=found.secret, passwords=found.passwords)
        self._logins[record.id], self._owners[record.id] = login, account
        return login

    def budget(self, run: JobRun, account: AccountId) -> Budget:
        """Of each account one, as all that this run hears of it is counted together (S5)."""
        with _PEN:
            if account not in self._budgets:
                self._budgets[account] = Budget(self._ground, proxy(run), account)
            return self._budgets[account]

    def _spends(self, run: JobRun, login: Login, tried: str) -> AbstractContextManager[Callable[[ErrorClass | None], None]]:
        return self.budget(run, self._owners[login.record.id]).spent(tried, login.secret)

    def _login(self, run: JobRun, record: Record, secret: Secret | None) -> Login:
        """With this secret in the place of the current one, where one is given: only it may let in then, beside what is known already."""
        found = self._logins.get(record.id) if secret is not None else None
        if found is None or found.record is not record:
            found = self.login(run, record)
        return found if secret is None else evolve(found, secret=run.keep(secret), by_secret=True)

    def _reached(self, run: JobRun, doing: str, to: Record | None) -> tuple[Executor, Record]:
        record, executor = to or run.record, run.executor
        if record is not None and record is not run.record:
            found = self._type(record)
            executor = self._ground.plugins.executor(found.executor) if found is not None and found.executor is not None else None
        if executor is None or record is None:
            tried = f"{doing} for {self._kin.script.name!r}"
            raise InvalidValue(tried, "its record's type names no executor", "name one in the record type")
        return executor, record

    def _type(self, record: Record) -> RecordType | None:
        """As it stood when the run's start looked it up, or else when this run first asked."""
        if record.type not in self._types:
            sort = self._kin.sorts.get(record.type)
            self._types[record.type] = self._ground.catalog.record_type(record.type) if sort is None else sort.found
        return self._types[record.type]


def _port(record: Record, field: str) -> int | None:
    """None where the record leaves it to the executor; what is no port is not taken for the usual one, where somebody else may listen."""
    said = record.fields.get(field, "").strip()
    if not said:
        return None
    if re.fullmatch(r"[0-9]{1,5}", said) and 1 <= int(said) <= _HIGHEST_PORT:
        return int(said)
    tried = f"looking where the record {record.id!r} is reached"
    raise InvalidValue(tried, f"its field {field!r} says {said[:80]!r}, which is no port", f"give 1 to {_HIGHEST_PORT}, or leave it empty")
