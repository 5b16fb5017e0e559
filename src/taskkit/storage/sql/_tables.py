"""What is kept in which tables, as data: each database makes its own statements of it."""

from __future__ import annotations

from attrs import Factory, field, frozen

TEXT, WHOLE, BYTES = "text", "whole", "bytes"


@frozen
class Index:
    """Columns by which rows are found; `where` says in literal words which rows are meant, as partial indexes want it."""

    name: str
    columns: tuple[str, ...]
    where: str = ""


@frozen(cache_hash=True)
class Table:
    """Its columns with their types, in the order of its rows; the first `keys` of them tell one row from another."""

    name: str
    columns: dict[str, str] = field(hash=False)
    keys: int = 1
    #: A number that grows with each new row, and is no part of what is written.
    counted: bool = False
    indexes: tuple[Index, ...] = ()
    names: tuple[str, ...] = field(init=False, default=Factory(lambda self: tuple(self.columns), takes_self=True))
    key: tuple[str, ...] = field(init=False, default=Factory(lambda self: self.names[: self.keys], takes_self=True))


def _all(type: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, type)


#: Where a job stands for those who look for one: it waits for its time, for people, is claimed, or has ended.
DUE, ASKED, LENT, OVER = range(4)
JOBS = Table(
    "taskkit_jobs",
    {
        **_all(TEXT, "id", "kind", "state", "task", "line", "record", "pool", "via", "host"),
        **_all(WHOLE, "planned_for", "due", "wanted", "created", "at"),
        **_all(TEXT, "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account"),
        **_all(WHOLE, "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version"),
        "rest": TEXT,  # what few jobs have, as JSON
        **_all(TEXT, "place", "trigger"),  # line and record in one; whose policy made it
        **_all(WHOLE, "phase", "over"),  # when it ended; none while it is open
    },
    counted=True,
    indexes=(
        Index("taskkit_jobs_due", ("pool", "due", "number"), f"phase = {DUE}"),
        Index("taskkit_jobs_lent", ("lease",), f"phase = {LENT}"),
        Index("taskkit_jobs_open", ("place",), "over IS NULL"),
        Index("taskkit_jobs_of_lines", ("line", "number")),
        Index("taskkit_jobs_of_records", ("record", "number"), "record IS NOT NULL"),
        Index("taskkit_jobs_of_series", ("series",), "series IS NOT NULL"),
        Index("taskkit_jobs_of_executions", ("execution", "number"), "execution IS NOT NULL"),
        Index("taskkit_jobs_over", ("over",), "over IS NOT NULL"),
        Index("taskkit_jobs_triggered", ("trigger", "number"), "over IS NULL"),
    ),
)
#: All that a task, a line and a record have stood for; `ended` where the job is no more, and the fire is forgotten some time after that.
FIRES = Table("taskkit_fires", {"fire": TEXT, "ended": WHOLE}, indexes=(Index("taskkit_fires_left", ("ended",), "ended IS NOT NULL"),))
CAUSES = Table("taskkit_causes", {"job": TEXT, "place": WHOLE, "cause": TEXT, "via": TEXT}, keys=2)
#: What a job holds, or waits for: accounts that it writes or uses, slots of which there are `most`.
HOLDS = Table(
    "taskkit_holds",
    {"job": TEXT, "key": TEXT, "how": TEXT, "most": WHOLE, "wanted": WHOLE, "waits": WHOLE},
    keys=3,
    indexes=(Index("taskkit_holds_of_keys", ("key",)), Index("taskkit_holds_waiting", ("key",), "waits = 1")),
)
DOCUMENTS = Table(
    "taskkit_documents",
    {"place": TEXT, "id": TEXT, "revision": WHOLE, "body": TEXT, "family": TEXT},
    keys=2,
    indexes=(Index("taskkit_documents_of_families", ("place", "family", "id")),),
)
BLOBS = Table(
    "taskkit_blobs", {"id": TEXT, "writer": TEXT, "job": TEXT}, indexes=(Index("taskkit_blobs_of_jobs", ("job",), "job IS NOT NULL"),)
)
PIECES = Table("taskkit_pieces", {"blob": TEXT, "place": WHOLE, "piece": BYTES}, keys=2)
#: Where each chain begins and ends; what archived facts told of other chains, as JSON; and the id of the key that makes its hashes.
CHAINS = Table(
    "taskkit_chains",
    {"chain": TEXT, "position": WHOLE, "hash": TEXT, "first": WHOLE, "first_hash": TEXT, "absorbed": TEXT, "key": TEXT},
)
FACTS = Table(
    "taskkit_facts",
    {"chain": TEXT, "position": WHOLE, "at": WHOLE, "kind": TEXT, "record": TEXT, "line": TEXT, "told": TEXT, "hash": TEXT},
    keys=2,
    indexes=(Index("taskkit_facts_stories", ("record", "line", "at")),),
)
#: What the product's own transactions leave for the engine.
INBOX = Table("taskkit_inbox", {"id": TEXT, "told": TEXT}, counted=True)
#: Single numbers: the schema's version, the last token.
NUMBERS = Table("taskkit_numbers", {"name": TEXT, "value": WHOLE})

TABLES = (JOBS, FIRES, CAUSES, HOLDS, DOCUMENTS, BLOBS, PIECES, CHAINS, FACTS, INBOX, NUMBERS)
