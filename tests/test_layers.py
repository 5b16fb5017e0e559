"""Imports go down the floors only; the core does no I/O and asks no clock; a plain import stays small."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import taskkit
from taskkit import errors, events

SOURCE = Path(taskkit.__file__).parent
#: From the ground up: a module imports only what stands before it.
FLOORS = [
    name
    for storey in (
        "errors _paths secrets disguises _readings _joins _forms scrubbing checks _keys _key_files keyrings",
        "events._tzif events.zones events.moments events.nominals",
        "events._days events._plans events._wall_clock events._fields events._edges events._wording",
        "events.intervals events.elapsed events.clocks events.remembering events.unions",
        "events._cron events._patterns events._window_words events.windows events.open_times events.hours events.spreads",
        "events._tokens events._sentences events.texts events.documents events",
        "events.happenings events._tellings events.policies",
        "passwords._classes passwords._counting passwords._former passwords._policies passwords._characters passwords._phrases passwords",
        "instants _doors records selections targets tasks states jobs outcomes verdicts facts dice standings tries intents",
        "storage.units storage._alike storage storage._keepable storage._pages storage._journal storage._rows storage._jobs storage._fires",
        "storage._dues storage._holds",
        "storage._steps storage._documents storage._blobs storage._stories storage._chains storage._queries storage._wholes storage._rooms",
        "storage._nights",
        "storage._purges storage.memory",
        "storage.urls storage.sql storage.sql._tables storage.sql._lines storage.sql._clocks storage.sql._statements",
        "storage.sql._migrations storage.sql._schema storage.sql._scripts storage.sql._backups storage.sql._rows storage.sql._changes",
        "storage.sql._rooms storage.sql._claims storage.sql._known storage.sql._loading storage.sql._doubts storage.sql._saving",
        "storage.sql._scribe storage.sql._queries storage.sql._chains storage.sql._nights storage.sql._documents storage.sql._blobs",
        "storage.sql._purges storage.sql._links storage.sql._watches storage.sql._handles storage.sql._store",
        "storage.sqlite._words storage.sqlite._files storage.sqlite._disks storage.sqlite._lines storage.sqlite storage.postgresql._words",
        "storage.postgresql._lines storage.postgresql storage.integrity",
        "vaults sqlite_vault._files sqlite_vault._facets sqlite_vault._outboxes sqlite_vault._shelves sqlite_vault._secrets",
        "sqlite_vault._slots sqlite_vault._vaults sqlite_vault",
        "plugins.becoming plugins.verbs plugins.runs plugins.kinds plugins.storages",
        "plugins._troubles plugins._shapes plugins._filling plugins.forms plugins.specs",
        "plugins._requirements plugins._sources plugins.offers plugins._contracts plugins.manager plugins",
        "plugins.executors plugins.executors._circumstances plugins.executors._outputs plugins.executors._expectations",
        "plugins.executors._endings plugins.executors._processes plugins.executors._sequences plugins.executors._changes",
        "plugins.executors._crypts",
        "plugins.executors._screens plugins.executors._echoes plugins.executors._talks plugins.executors._ptys",
        "plugins.executors.ssh._circumstances",
        "plugins.executors.ssh._settings plugins.executors.ssh._stops plugins.executors.ssh._berths plugins.executors.ssh._known_hosts",
        "plugins.executors.ssh._certificates plugins.executors.ssh._host_keys plugins.executors.ssh._sockets",
        "plugins.executors.ssh._packets plugins.executors.ssh._inquiries",
        "plugins.executors.ssh._wires plugins.executors.ssh._links plugins.executors.ssh._keys plugins.executors.ssh._questions",
        "plugins.executors.ssh._logins plugins.executors.ssh._refusals plugins.executors.ssh._sessions plugins.executors.ssh._privileges",
        "plugins.executors.ssh._exchanges plugins.executors.ssh._talks plugins.executors.ssh._ttys plugins.executors.ssh._channels",
        "plugins.executors.ssh._ears",
        "plugins.executors.ssh._sftp plugins.executors.ssh._replacements plugins.executors.ssh._files",
        "plugins.executors.ssh._terminals plugins.executors.ssh._rules plugins.executors.ssh._passwd plugins.executors.ssh._changes",
        "plugins.executors.ssh",
        "plugins.executors.local plugins.exporters plugins.exporters.json_lines plugins.notifiers plugins.notifiers.inbox",
        "plugins.notifiers.log",
        "scripts._templates scripts._programs scripts._fields scripts._steps scripts._courses scripts._tries scripts._entrances",
        "scripts.commands scripts.check_status",
        "scripts._candidates scripts.rotation scripts.dependents scripts._heard scripts._sums scripts._groups scripts.password_reset",
        "scripts._exchanges scripts._lines scripts._answers scripts._talk_courses scripts._conversations scripts.dialogue scripts",
        "plugins.guests",
        "documents",
        "engine._ground engine._pages engine._catalog engine._cases engine._border engine._rights engine._waits engine._wakes",
        "engine._glances engine._pauses engine._passings",
        "engine._intents engine._budgets engine._seals engine._skews engine._vitals engine._jumps engine._executions engine._targets",
        "engine._fences",
        "engine._forks engine._access",
        "engine._occurrences engine._planner engine._replans engine._ages engine._votes engine._parts",
        "engine._crew engine._errands",
        "engine._leads engine._portions engine._fits engine._chores engine._ledger engine._checks engine._definitions",
        "engine._lists engine._keeper",
        "engine._successors engine._sealed_slots engine._run_intents engine._reach engine._sayings engine._runs engine._cohorts",
        "engine._lookups engine._merges engine._repeats engine._situations",
        "engine._gates engine._refusals engine._conductor",
        "engine._starter engine._retries engine._finisher engine._lifeline engine._ends engine._turns",
        "engine._floor",
        "engine._standings engine._intent_desk engine._wishes engine._fires engine._demands engine._intake",
        "engine._consents engine._entries engine._pasts engine._retention engine._notices engine._logbook",
        "engine._views engine._steering engine._attempts engine._aftermaths engine._restores engine._outboxes engine._upkeep",
        "engine._explanations engine._words engine._questions engine._stories engine._recollections engine._rules",
        "engine._sequels engine._obstacles",
        "engine._prospects engine._outlooks engine._explainer",
        "insight.runs insight.differences insight.forecasts insight._twin_vaults insight._twins insight._durations insight._draws",
        "insight._playing insight._tallies insight._concerns insight._forecasting",
        "engine._staff engine.engine engine",
        "taskkit telemetry",
        "testing.clocks testing._accounts testing.vaults testing.hosts testing.executors testing.stage testing.laws testing.stories",
        "testing.simulations testing._histories testing.expectations testing.houses testing._wrappings testing.transcripts testing.trials",
        "testing.worlds testing.crash_reports testing.mishaps testing._staged testing._plays testing.crash_kit testing.orders testing",
        "testing._logins testing.machines",
        "testing.contracts._contract testing.contracts.storage._makings testing.contracts.storage._changes",
        "testing.contracts.storage._moves",
        "testing.contracts.storage._units testing.contracts.storage._documents testing.contracts.storage._seats",
        "testing.contracts.storage._fires testing.contracts.storage._holds testing.contracts.storage._claims",
        "testing.contracts.storage._joins testing.contracts.storage._waits testing.contracts.storage._turns",
        "testing.contracts.storage._models testing.contracts.storage._queries testing.contracts.storage._blobs",
        "testing.contracts.storage._facts testing.contracts.storage._chains testing.contracts.storage._purges",
        "testing.contracts.storage._keys testing.contracts.storage._races",
        "testing.contracts.storage._walks testing.contracts.storage",
        "testing.contracts._ears testing.contracts._words testing.contracts._deeds testing.contracts._slot_walks",
        "testing.contracts._slots testing.contracts._keeping testing.contracts._trials",
        "testing.contracts._changes testing.contracts._files testing.contracts._terminals",
        "testing.contracts.executors testing.contracts.exporters testing.contracts.notifiers testing.contracts.policies",
        "testing.contracts.scripts testing.contracts.vaults testing.contracts.models testing.contracts",
        "testing._reports testing.pytest_plugin",
        "insight._svg insight._days insight._calendars insight._timelines insight.pictures insight",
        "insight._stand_ins insight._store_records insight._onlookers",
        "cli._rows cli._months cli._peers cli._next cli._forecasts cli._clocks cli._house cli._day cli._month",
        "cli._ssh_house cli._ssh_worker cli._rotation cli._demo",
        "cli._outputs cli._shows cli._stores cli._places cli._jobs cli._checks cli._restores cli._explains cli._executions",
        "cli._coming cli._ahead cli._intents cli._parsers cli._intent_options",
        "cli._plugins cli._hosts cli._tellers cli._transcripts cli._attempts cli._tries cli._try_options cli._arguments cli",
        "__main__",
    )
    for name in storey.split()
]
#: What only the doors of the operating system offer, and who may use it: zone data lies in files.
OUTSIDE = {"os", "io", "socket", "subprocess", "time", "threading", "logging", "pathlib", "sqlite3", "shutil", "tempfile"}
MAY_READ_FILES = {"events._tzif": {"pathlib"}}
CLOCKS = {"now", "utcnow", "today", "time", "monotonic"}


def modules() -> dict[str, Path]:
    found = {}
    for path in SOURCE.rglob("*.py"):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        found["taskkit" if name == "__init__" else name.removesuffix(".__init__")] = path
    return found


class _WithoutTypes(ast.NodeTransformer):
    """A type may be named upwards, where nothing is imported when the program runs."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(_WithoutTypes().visit(ast.parse(path.read_text()))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ([f"{node.module}.{name.name}" for name in node.names] if node.module.startswith("taskkit") else [node.module])
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def own(imported: str) -> str | None:
    """The floor that an import of ours stands on."""
    name = imported.removeprefix("taskkit.")
    while imported.startswith("taskkit") and name not in FLOORS:
        if "." not in name:
            return "taskkit"
        name = name.rpartition(".")[0]
    return name if imported.startswith("taskkit") else None


def test_every_module_has_its_floor() -> None:
    assert sorted(modules()) == sorted(FLOORS)


@pytest.mark.parametrize("name", FLOORS)
def test_a_module_imports_only_from_the_floors_below(name: str) -> None:
    used = {floor for imported in imports(modules()[name]) if (floor := own(imported))}
    assert used <= set(FLOORS[: FLOORS.index(name)])


@pytest.mark.parametrize("name", [name for name in FLOORS if name.startswith("events") or name == "errors"])
def test_the_core_does_no_io(name: str) -> None:
    used = {imported.partition(".")[0] for imported in imports(modules()[name])}
    assert used & OUTSIDE <= MAY_READ_FILES.get(name, set())


@pytest.mark.parametrize("name", [name for name in FLOORS if name.startswith("events") or name == "errors"])
def test_the_core_asks_no_clock(name: str) -> None:
    tree = ast.parse(modules()[name].read_text())
    called = {node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    assert not called & CLOCKS


def test_a_plain_import_loads_no_guest() -> None:
    guests = ["croniter", "cattrs", "rich", "cryptography", "paramiko", "ldap3", "psycopg", "sqlite3", "apscheduler"]
    code = f"import sys, taskkit; print([name for name in {guests!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_face_shows_the_errors_and_the_events_and_what_is_read_when_first_used() -> None:
    raised = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, (Exception, Warning))}
    late = {name for names in taskkit._ROOMS.values() for name in names.split()}
    assert set(taskkit.__all__) == raised | set(events.__all__) | late
    assert all(hasattr(taskkit, name) for name in taskkit.__all__)
    assert list(taskkit.__all__) == sorted(set(taskkit.__all__), key=lambda name: (not name.isupper(), not name[0].isupper(), name))
