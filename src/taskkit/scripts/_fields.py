"""What stands in the places of a text when a job runs: fields in plain, and secrets where they may be (S1)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from taskkit.errors import InvalidValue
from taskkit.plugins.runs import Run
from taskkit.records import EMPTY, Accounts, Record
from taskkit.scripts._programs import with_program
from taskkit.scripts._templates import PASSWORD, Place, pieces, places
from taskkit.secrets import Secret


class Fields:
    """The fields of a job's record and shadow record, and the secrets of their accounts, each read once.

    With `record`, of that one in the place of the job's; `known` are secrets of its account that go before those of the vault.
    """

    def __init__(self, run: Run, record: Record | None = None, known: Mapping[str, Secret] = EMPTY) -> None:
        self._run, self._own, self._known = run, record, known
        self._secrets: dict[bool, Mapping[str, Secret]] = {}

    def line(self, template: str) -> str:
        """A command line, each value quoted; InvalidValue for a secret, and for a field that is not there or is empty."""
        return "".join(piece if isinstance(piece, str) else shlex.quote(self._printable(piece)) for piece in pieces(template))

    def stdin(self, template: str | None) -> tuple[Secret | str, ...] | None:
        """What is said to a command, in parts; values stand there as they are."""
        return None if template is None else tuple(piece if isinstance(piece, str) else self._value(piece) for piece in pieces(template))

    def program(self, line: str, script: str, stdin: str | None) -> tuple[str, tuple[Secret | str, ...]]:
        """The line of an interpreter and what is said to it; without values in the program."""
        beside = self.stdin(stdin)
        filled = self.line(line)
        return (filled, (script,)) if beside is None else (with_program(filled, script), (script, *beside))

    def _printable(self, place: Place) -> str:
        if is_secret(place, self._record(place)):
            raise InvalidValue(f"filling in {place}", "it is a secret, and everybody can read a command line", "give it by stdin")
        value = self._plain(place)
        if not value.isprintable():  # it would end a line, a comment
            raise InvalidValue(f"filling in {place}", "the field holds control characters", "give it by stdin")
        return value

    def _value(self, place: Place) -> Secret | str:
        record = self._record(place)
        return self._secret(place) if is_secret(place, record) or place.field not in record.fields else self._plain(place)

    def _plain(self, place: Place) -> str:
        record = self._record(place)
        if place.field not in record.fields:
            raise InvalidValue(f"filling in {place}", f"record {str(record)!r} has no such field", "write {{ }} for braces")
        if not record.fields[place.field]:
            raise InvalidValue(f"filling in {place}", f"the field of record {str(record)!r} is empty")
        return record.fields[place.field]

    def _secret(self, place: Place) -> Secret:
        if not place.of_shadow and place.field in self._known:
            return self._known[place.field]
        if place.of_shadow not in self._secrets:
            vault, record = self._run.vault, self._record(place)
            self._secrets[place.of_shadow] = vault.secrets.values(vault.records.account(record), self._run).current
        secret = self._secrets[place.of_shadow].get(place.field)
        if secret is None:
            raise InvalidValue(
                f"filling in {place}", f"record {str(self._record(place))!r} has no such field, and the vault no such secret"
            )
        return self._run.keep(secret)

    def _record(self, place: Place) -> Record:
        own = None if place.of_shadow else self._own
        return own or _record(place, self._run) or _no_record(place)


def is_secret(place: Place, record: Record) -> bool:
    return place.field in record.secret_fields or place.field == PASSWORD


def with_secrets(accounts: Accounts, stdins: Iterable[str | None], run: Run) -> Accounts:
    """The same, and the accounts whose secrets are said to commands: nobody changes them meanwhile (R4)."""
    asked = {(place, record) for stdin in stdins for place in places(stdin) if (record := _record(place, run))}
    said = {run.vault.records.account(record) for place, record in asked if is_secret(place, record) or place.field not in record.fields}
    return Accounts(writes=accounts.writes, uses=accounts.uses | said)


def _record(place: Place, run: Run) -> Record | None:
    return run.shadow if place.of_shadow else run.record


def _no_record(place: Place) -> Record:
    raise InvalidValue(f"filling in {place}", f"the job has no {'shadow account' if place.of_shadow else 'record'}")
