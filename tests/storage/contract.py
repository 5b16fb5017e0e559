"""The contract of a store: whoever inherits it and brings a `store()` has proved a backend.

class TestMine(StorageContract):
    def store(self) -> Storage: ...
    def second_handle(self, store: Storage) -> Storage: ...
    def rewrite(self, store: Storage, chain: str, edit: Callable[[Rows], Rows | None]) -> None: ...
"""

from __future__ import annotations

from tests.storage.contracts.blobs import Blobs
from tests.storage.contracts.chains import Archives, Checks
from tests.storage.contracts.claims import Claims
from tests.storage.contracts.documents import Documents
from tests.storage.contracts.facts import Facts
from tests.storage.contracts.holds import Holds
from tests.storage.contracts.joins import Joins
from tests.storage.contracts.makings import Rows
from tests.storage.contracts.moves import Moves
from tests.storage.contracts.purges import Purges
from tests.storage.contracts.queries import Queries
from tests.storage.contracts.seats import Fires, Seats
from tests.storage.contracts.units import Units
from tests.storage.contracts.walks import Walks


class StorageContract(Units, Documents, Seats, Fires, Moves, Claims, Joins, Holds, Queries, Blobs, Facts, Checks, Archives, Purges, Walks):
    """C1 to C16, each clause by a test that names it."""


__all__ = ["Rows", "StorageContract"]
