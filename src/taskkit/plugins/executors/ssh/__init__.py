"""Machines that are reached by SSH: a connection for each job and host, checked against the host key that is known (S7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial

from taskkit.errors import HostRefused
from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown, class_of
from taskkit.plugins.executors._changes import may_begin
from taskkit.plugins.executors._sequences import in_one_line, in_order
from taskkit.plugins.executors.ssh._berths import Berths
from taskkit.plugins.executors.ssh._changes import Changes
from taskkit.plugins.executors.ssh._channels import Channels
from taskkit.plugins.executors.ssh._exchanges import Exchange
from taskkit.plugins.executors.ssh._files import Files
from taskkit.plugins.executors.ssh._links import linked
from taskkit.plugins.executors.ssh._logins import HELP, let_in
from taskkit.plugins.executors.ssh._privileges import Standing, standing
from taskkit.plugins.executors.ssh._questions import told_of
from taskkit.plugins.executors.ssh._refusals import Refusals
from taskkit.plugins.executors.ssh._sessions import first_words
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.executors.ssh._stops import Stop, jump_hosts, way_to
from taskkit.plugins.executors.ssh._terminals import opened
from taskkit.plugins.executors.ssh._wires import Wire
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Content, File, Host, Login, Operation, Probe, SecretChange, Terminal, Verb
from taskkit.records import Record

__all__ = ["Ssh", "SshSettings"]
_MOST_TOLD = 500


class Ssh(Executor):
    """Runs commands on the machine that a record names, as the account of the record or its shadow."""

    name = "ssh"
    verbs = frozenset({Verb.COMMANDS, Verb.BECOME, Verb.DIALOGUE, Verb.FILES, Verb.PROBE, Verb.CHANGE_SECRET})
    settings = SshSettings

    def __init__(self) -> None:
        self._berths, self._refusals = Berths(), Refusals()

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[SshConnection]:
        with self._logged_in(host, login, run) as (wire, stop):
            yield SshConnection(wire, stop.settings, standing(stop.settings, login, run), login)

    def probe(self, host: Host, login: Login, run: Run) -> Probe:
        """Log in afresh, and begin a session: that the password has to be changed is told there, as a rule."""
        try:
            with self._logged_in(host, login, run) as (wire, stop):
                said = in_one_line(first_words(wire, stop.settings), run)
        except HostRefused as refused:
            return Probe(class_of(refused), run.scrub(str(refused)))
        error = told_of(said)
        return Probe(error, f"beginning a session on {stop.whom}: it says {said[:_MOST_TOLD]!r}; {HELP[error]}") if error else Probe()

    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Done | NotDone | Unknown:
        """By the way that the settings name. A password that has to be changed before anything else is changed, too."""
        if (misfit := may_begin(change, run)) is not None:
            return misfit
        try:
            with self._logged_in(host, login, run) as (wire, stop):
                return Changes(wire, stop.settings, login).carry_out(change, run)
        except HostRefused as refused:
            return NotDone(class_of(refused) or ErrorClass.FAILED, run.scrub(str(refused)))

    def way(self, record: Record, run: Run) -> Iterable[Record]:
        """The jump hosts, as far as they are known: what is wrong with the way is told when it is gone."""
        with suppress(HostRefused):
            yield from jump_hosts(record, run, record.id)

    @contextmanager
    def _logged_in(self, host: Host, login: Login, run: Run) -> Iterator[tuple[Wire, Stop]]:
        for secret in filter(None, (login.secret, login.key)):
            run.keep(secret)
        with ExitStack() as stack:
            wire: Wire | None = None
            for stop in way_to(host, login, run):
                if stop.onwards:
                    self._refusals.check(stop, run)
                stack.enter_context(self._berths.one(stop))
                wire = stack.enter_context(linked(stop, wire, run))
                enter = partial(let_in, wire, stop, run)
                if stop.onwards:
                    self._refusals.log_in(stop, run, enter)
                else:
                    enter()
            assert wire is not None  # noqa: S101
            yield wire, stop


class SshConnection:
    """What `Ssh.connect` gives."""

    def __init__(self, wire: Wire, settings: SshSettings, as_whom: Standing, login: Login) -> None:
        self._wire, self._settings = wire, settings
        exchange = Exchange(wire)
        self._channels = Channels(exchange, settings, as_whom, login)
        self._files = Files(exchange, settings, partial(first_words, wire, settings))

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        """Run one after the other; the first that may not begin any more is told, and is the last."""
        return in_order(sequence, run, self._channels.carry_out)

    def terminal(self, run: Run) -> AbstractContextManager[Terminal]:
        """A shell of its own."""
        return opened(self._wire, self._settings)

    def get(self, path: str, run: Run, *, most: int = 1_048_576, timeout: float = 60.0) -> File:
        """By SFTP, as the account that logged in."""
        return self._files.get(path, run, most, timeout)

    def put(self, path: str, content: Content, run: Run, *, mode: int | None = None, timeout: float = 60.0) -> Operation:
        """By SFTP, as the account that logged in; what a symbolic link leads to is replaced."""
        return self._files.put(path, content, run, mode, timeout)
