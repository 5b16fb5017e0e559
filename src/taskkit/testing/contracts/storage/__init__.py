"""The contract of a store, C1 to C17: whoever inherits it and brings a `store()` has proved a backend."""

from taskkit.testing.contracts.storage._blobs import Blobs
from taskkit.testing.contracts.storage._chains import Archives, Checks
from taskkit.testing.contracts.storage._claims import Claims
from taskkit.testing.contracts.storage._documents import Documents
from taskkit.testing.contracts.storage._facts import Facts
from taskkit.testing.contracts.storage._fires import Fires
from taskkit.testing.contracts.storage._holds import Holds
from taskkit.testing.contracts.storage._joins import Joins
from taskkit.testing.contracts.storage._keys import KeyedChains
from taskkit.testing.contracts.storage._makings import Rows
from taskkit.testing.contracts.storage._models import Models
from taskkit.testing.contracts.storage._moves import Moves
from taskkit.testing.contracts.storage._purges import Purges, Series
from taskkit.testing.contracts.storage._queries import Queries
from taskkit.testing.contracts.storage._races import Races
from taskkit.testing.contracts.storage._seats import Seats
from taskkit.testing.contracts.storage._turns import Turns
from taskkit.testing.contracts.storage._units import Units
from taskkit.testing.contracts.storage._waits import Waits
from taskkit.testing.contracts.storage._walks import Walks


class StorageContract(
    Units,
    Documents,
    Seats,
    Fires,
    Moves,
    Claims,
    Joins,
    Holds,
    Waits,
    Turns,
    Models,
    Queries,
    Blobs,
    Facts,
    Checks,
    Archives,
    KeyedChains,
    Purges,
    Series,
    Races,
    Walks,
):
    """C1 to C17, each clause by tests that name it. A backend brings `store` and `second_handle`, and `rewrite` or a closed C15 and C17."""


__all__ = ["Rows", "StorageContract"]
