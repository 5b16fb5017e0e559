"""Where a way leads: a machine, as whom it is entered, and what is said about reaching it. A way over jump hosts has several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

from attrs import evolve, field, fields, frozen

from taskkit.errors import HostRefused, InvalidValue
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._sequences import MOST_TOLD
from taskkit.plugins.executors.ssh._settings import SshSettings
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Host, Login
from taskkit.records import Record

PORT = 22


@frozen
class Stop:
    host: Host
    login: Login
    record: Record | None
    settings: SshSettings
    #: Where the way goes on to, if this is a jump host.
    onwards: str | None = None
    port: int = field(init=False)

    @port.default
    def _port(self) -> int:
        return self.host.port or PORT

    @classmethod
    def of(cls, host: Host, login: Login, record: Record | None, seconds: float) -> Self:
        return cls(host, login, record, SshSettings.of(host).within(seconds))

    @property
    def name(self) -> str:
        """As known_hosts files write it."""
        address = self.host.address.lower()
        return address if self.port == PORT else f"[{address}]:{self.port}"

    @property
    def whom(self) -> str:
        """As errors call it."""
        return f"the jump host {self.name!r} on the way to {self.onwards!r}" if self.onwards else repr(self.name)

    def refusal(self, doing: str, case: str, help: str = "", *, error: ErrorClass) -> HostRefused:
        """What went wrong here; `doing` is followed by the machine."""
        return HostRefused(f"{doing} {self.whom}", case[:MOST_TOLD], help, error=error)


def way_to(host: Host, login: Login, run: Run) -> Sequence[Stop]:
    """All stops, the machine itself last; a way that comes back to where it was is refused."""
    left, itself = run.seconds_left, host.record or run.record
    stops = [Stop.of(host, login, itself, left)]
    for record in jump_hosts(itself, run, stops[0].name):
        stops.insert(0, evolve(Stop.of(_host(record, run), run.login(record), record, left), onwards=stops[0].name))
    return stops


def jump_hosts(record: Record | None, run: Run, name: str) -> Iterator[Record]:
    """The nearest first; `name` is that of the machine."""
    tried, passed = f"finding the way to {name!r}", [record.id] if record else []
    while record is not None:
        field = _field_of_jump(_host(record, run))
        if not (id := record.fields.get(field)):
            return
        passed.append(id)
        if id in passed[:-1]:
            case = f"its jump hosts go in a circle: {' ← '.join(passed)}"
            raise HostRefused(tried, case, "mend one of the records", error=ErrorClass.BAD_CONFIGURATION)
        record = run.vault.records.get(id)
        if record is None:
            case = f"the record {passed[-2]!r} names the jump host {id!r}, and there is no such record"
            raise HostRefused(tried, case, f"mend its field {field!r}", error=ErrorClass.BAD_CONFIGURATION)
        yield record


def _host(record: Record, run: Run) -> Host:
    try:
        return run.host(record)
    except InvalidValue as error:
        refusal = HostRefused(error.tried, error.case, error.help, error=ErrorClass.BAD_CONFIGURATION)
    raise refusal


def _field_of_jump(host: Host) -> str:
    """What the settings say; whether all of them fit is found when the machine is reached."""
    return str(host.settings.get("jump", fields(SshSettings).jump.default))
