"""What makes or upgrades a store as a script, for those who let no program change their tables."""

from __future__ import annotations

from taskkit.errors import InvalidValue
from taskkit.storage.sql import _schema
from taskkit.storage.sql._statements import POSTGRESQL, SQLITE, Words, turn_of
from taskkit.storage.urls import must_be_plain

#: Fails, and all of the script with it, where the store is at another version.
_GUARD = """INSERT INTO "taskkit_numbers" ("name", "value")
    SELECT 'schema', 0 WHERE NOT EXISTS (SELECT 1 FROM "taskkit_numbers" WHERE "name" = 'schema' AND "value" = {since})"""


def sqlite_script(since: int = 0) -> str:
    told = _statements(SQLITE, since)
    return _lines("apply it with: sqlite3 -bail FILE", since, ["BEGIN IMMEDIATE", *told, "COMMIT"] if told else [])


def postgresql_script(schema: str, since: int = 0) -> str:
    must_be_plain(schema, "printing what makes a store")
    told = _statements(POSTGRESQL, since)
    begin = ["BEGIN", f"SELECT pg_advisory_xact_lock({turn_of(schema)})"]
    begin += [f'CREATE SCHEMA "{schema}"'] if not since else []
    begin += [f'SET LOCAL search_path = "{schema}"']
    rights = (
        f'-- what the account needs that works with it:\n--   GRANT USAGE ON SCHEMA "{schema}" TO account;\n'
        f'--   GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{schema}" TO account;\n'
    )
    return _lines("apply it with: psql -v ON_ERROR_STOP=1", since, [*begin, *told, "COMMIT"] if told else []) + rights


def _statements(words: Words, since: int) -> list[str]:
    """None where the store is at the newest version already."""
    schema = _schema.SCHEMA
    if not since:
        return schema.making(words)
    if not 0 < since <= schema.version:
        tried = f"printing what leads from version {since} to version {schema.version}"
        raise InvalidValue(tried, "there is no such step", f"give the version of the store, 1 to {schema.version}")
    return [_GUARD.format(since=since), *schema.upgrading(words, since)] if since < schema.version else []


def _lines(how: str, since: int, statements: list[str]) -> str:
    version, least = _schema.SCHEMA.version, _schema.SCHEMA.least
    what = f"from version {since} to version {version}" if since else f"a new store of version {version}"
    head = f"-- taskkit: {what}; {how}\n-- a taskkit that knows version {least} or later may work on it\n"
    return head + ("".join(f"{sql};\n" for sql in statements) or "-- nothing is to be done\n")
