"""A real vault, as small as can be: one SQLite file for demonstrations, tests and small products, with sealed secrets (S6)."""

from taskkit.sqlite_vault._secrets import Former
from taskkit.sqlite_vault._vaults import SqliteVault

__all__ = ["Former", "SqliteVault"]
