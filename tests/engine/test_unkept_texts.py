"""What no store keeps is told alike on each of them: what is to be kept is refused, what is looked for is not found."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from taskkit.engine import Engine
from taskkit.errors import InvalidValue, NotFound, TaskkitError
from taskkit.events import Daily
from taskkit.events.happenings import CheckedIn
from taskkit.events.policies import OnDemand
from taskkit.facts import Fact
from taskkit.keyrings import Keyring
from taskkit.records import Record
from taskkit.secrets import Secret
from taskkit.sqlite_vault import SqliteVault
from taskkit.states import Step
from taskkit.storage import Hold, Insert, Keep, Move, Query, Storage
from taskkit.storage.memory import MemoryStorage
from taskkit.storage.postgresql import PostgresStorage
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import SYSTEM, Task
from taskkit.testing.contracts.storage._makings import job
from tests.engine.houses import START, UNIX, House, hosts

ODD = ("\ud800", "a\0b", "🔑\udc80")
NO_TEXTS = (5, b"x", [1])
LONG = 1 << 63
FAR = (
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=12))),
)  # fmt: skip


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "memory":
        yield MemoryStorage()
    elif request.param == "sqlite":
        with SqliteStorage(tmp_path / "s.db", relaxed=True) as sqlite:
            yield sqlite
    else:
        with PostgresStorage(request.getfixturevalue("database"), relaxed=True, keeps_time=False) as postgresql:
            yield postgresql


@frozen(eq=False)
class On:
    """An engine with a task, a job that waits, and something that is paused."""

    house: House
    engine: Engine
    task: Task
    job: str

    @property
    def calls(self) -> dict[str, dict[str, Any]]:
        """All public calls that take texts, numbers or moments, as they can be made."""
        task, job, nobody = {"task": self.task.id}, {"job": self.job}, {"by": None}
        about = {**task, "record": "h01"}
        asking: dict[str, Any] = {"record": None, "kinds": None, "limit": 10, "user": None}
        return {
            "put": {"task": Task("new", "work"), "list": SYSTEM, "next_run": None, **nobody},
            "edit": {"task": evolve(self.task, description="new"), **nobody},
            "activate": {**task, **nobody}, "deactivate": {**task, **nobody}, "remove": {**task, **nobody},
            "task": {"id": self.task.id}, "tasks": {"list": UNIX, "owner": None},
            "hand_over": {"owner": "ann", "to": "bob", **nobody}, "set_shadow": {"list": UNIX, "shadow": "h02", **nobody},
            "make_unique": {"record": "h01", **nobody}, "share_again": {"record": "h01", **nobody},
            "define": {"definition": self.house.Scripted("other"), **nobody},
            "undefine": {"name": "work", **nobody}, "definition": {"name": "work"},
            "demand": {**about, **nobody}, "work": {"limit": 1}, "drain": {"most": 1},
            "run_now": {**job, **nobody}, "cancel": {**job, **nobody}, "request_stop": {**job, **nobody},
            "rerun": {"execution": self.job, **nobody},
            "set_next_run": {**about, "at": None, **nobody}, "suspend_task": {**about, "why": "so", **nobody},
            "resume_task": {**about, **nobody}, "consent": {**job, "by": "ann", "plan": None}, "gathering": job,
            "decline": {**job, "by": "ann", "why": ""}, "pause": {"what": "host:a", "why": "", **nobody},
            "resume": {"what": "pool:dmz", **nobody}, "restored": {"why": "so", **nobody}, "pass_over": {**task, "why": "", **nobody},
            "aftermath": {"user": None}, "job": {"id": self.job, "user": None},
            "history": {**dict.fromkeys(("record", "task", "execution")), "since": None, "until": None, "user": None, "page": None,
                        "limit": 9},
            "overview": {"user": None, "list": None, "page": "", "limit": 5}, "explain": {**about, "at": None, "user": None},
            "upcoming": {**about, "count": 3}, "forecast": {"start": None, "end": START.add(days=1), "seed": 0, "user": None},
            "demandable": {"record": "h01", "user": None}, "execution": {"id": self.job, "user": None},
            "facts": asking, "facts_after": {"mark": {}, **asking},
            "archive": {"until": START, "take": lambda facts: None, **nobody}, "reseal": nobody, "pending_access": job,
        }  # fmt: skip

    def said(self, call: str, /, **said: Any) -> object:
        """The kind of answer, and whether there is anything in it; or of error."""
        try:
            answer = getattr(self.engine, call)(**{**self.calls[call], **said})
        except TaskkitError as error:
            return type(error)
        return type(answer), bool(getattr(answer, "entries", answer[0] if isinstance(answer, tuple) else answer))


@pytest.fixture
def on(storage: Storage) -> On:
    house = House(*hosts(2))
    engine = house.enter(storage=storage)
    house.furnish(engine)
    task = engine.put(Task("work it", "work", [Daily(at="02:00"), OnDemand()]), list=UNIX)
    engine.pause("pool:dmz")
    return On(house, engine, task, engine.demand(task.id, "h01"))


def parameters(*kinds: str) -> Iterator[tuple[str, str]]:
    """Of all public calls, by the words of their signatures."""
    for name, method in inspect.getmembers(Engine, inspect.isfunction):
        for one in inspect.signature(method).parameters.values():
            if not name.startswith("_") and str(one.annotation).removesuffix(" | None") in kinds:
                yield name, one.name


TEXTS = [*parameters("str")]
#: Who did it and why is kept, or may be; and a page is one that was told.
REFUSED = [(call, name) for call, name in TEXTS if name in ("by", "user", "why", "to", "plan", "page")]
SOUGHT = [one for one in TEXTS if one not in REFUSED]


def different(on: On, wanted: Callable[[str, str], object], those: list[tuple[str, str]], values: tuple[Any, ...]) -> dict[Any, object]:
    """Where something else is answered; and nothing is written meanwhile."""
    heads = on.engine.heads()
    found = {(call, name, ascii(odd)): on.said(call, **{name: odd}) for call, name in those for odd in values}
    assert on.engine.heads() == heads
    return {one: answer for one, answer in found.items() if answer != wanted(*one[:2])}


def test_what_is_looked_for_by_a_text_that_no_store_keeps_is_found_as_little_as_what_nobody_knows(on: On) -> None:
    assert len(SOUGHT) > 45
    assert different(on, lambda call, name: on.said(call, **{name: "nobody"}), SOUGHT, ODD) == {}


def test_what_is_to_be_kept_and_is_no_text_that_a_store_keeps_is_refused_and_nothing_is_done(on: On) -> None:
    assert len(REFUSED) > 35
    assert different(on, lambda call, name: InvalidValue, REFUSED, ODD) == {}


def test_what_is_no_text_is_refused_where_one_is_asked_for(on: On) -> None:
    assert different(on, lambda call, name: InvalidValue, TEXTS, NO_TEXTS) == {}


def test_what_is_no_task_is_none_to_be_kept(on: On) -> None:
    assert different(on, lambda call, name: InvalidValue, [("put", "task"), ("edit", "task")], ("work it", None)) == {}
    with pytest.raises(InvalidValue, match=r"Task\(id=5\): it is a int"):
        evolve(on.task, id=5)  # type: ignore[arg-type]


def test_an_intent_is_ruled_by_who_can_be_named(on: On) -> None:
    intents = on.engine.intents
    for odd in ODD:
        with pytest.raises(NotFound, match="nothing is open there"):
            intents.rule(odd, "probe")
        for said in ({"by": odd}, {"why": odd}):
            with pytest.raises(InvalidValue, match="it holds NUL or half a character"):
                intents.rule("a", "probe", **said)


def test_a_number_that_no_store_keeps_is_refused(on: On) -> None:
    numbers = [*parameters("int")]
    assert {name for _, name in numbers} >= {"limit", "count", "most", "seed"}
    assert different(on, lambda call, name: InvalidValue, numbers, (LONG, -LONG - 1, "3", 1.5, None)) == {}


def test_a_page_of_nothing_is_refused(on: On) -> None:
    pages = [("history", "limit"), ("overview", "limit"), ("facts", "limit"), ("facts_after", "limit"), ("upcoming", "count")]
    assert different(on, lambda call, name: InvalidValue, pages, (0, -1)) == {}


@pytest.mark.parametrize("call", ["history", "overview", "facts"])
def test_as_many_as_a_store_can_count_are_all(on: On, call: str) -> None:
    assert on.said(call, limit=LONG - 1) == on.said(call)


@pytest.mark.parametrize("page", [f"0:{LONG}", "1_0:1", f"-{1 << 70}:0", "1:2:3", "²:1"])
def test_a_marker_of_a_page_that_is_none_is_refused(on: On, page: str) -> None:
    with pytest.raises(InvalidValue, match="none begins there; give the `next`"):
        on.engine.history(page=page)


@pytest.mark.parametrize("mark", [5, {"chain": LONG}, {"chain": "1"}, {5: 1}], ids=str)
def test_a_mark_that_is_none_is_refused(on: On, mark: Any) -> None:
    with pytest.raises(InvalidValue, match="give the mark that came with the facts before"):
        on.engine.facts_after(mark)


def test_facts_of_no_kind_that_there_can_be_are_none(on: On) -> None:
    assert [on.engine.facts(kinds=[odd]) for odd in ODD] == [[]] * len(ODD)
    assert on.engine.facts(kinds=["TaskPut", "\ud800"]) == on.engine.facts(kinds="TaskPut") != []


def test_t01_a_moment_that_has_no_place_in_utc_is_refused(on: On) -> None:
    moments = [*parameters("datetime")]
    assert {name for _, name in moments} == {"next_run", "at", "since", "until", "start", "end"}
    assert different(on, lambda call, name: InvalidValue, moments, (*FAR, "2026-03-02", 5)) == {}


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)], ids=["first", "last"])
def test_t01_the_first_and_the_last_moment_can_be_asked_about(on: On, moment: datetime) -> None:
    is_last = moment.year > 1
    assert bool(on.engine.history(until=moment).entries) is is_last
    assert bool(on.engine.history(since=moment).entries) is not is_last
    assert on.engine.explain(on.task.id, "h01", moment).answer
    for zone in ("Pacific/Auckland", "Pacific/Pago_Pago"):  # one of them has another year
        script = on.house.Scripted(zone)
        on.engine.define(script)
        far = on.engine.put(Task(zone, zone, Daily(at="02:00", tz=zone)), list=SYSTEM)
        assert on.engine.explain(far.id, None, moment).at == moment.replace(microsecond=0)
    task = Task("late", "work", Daily(at="02:00"), max_lateness=527_040)
    if is_last:
        late = on.engine.put(task, list=SYSTEM, next_run=moment)
        on.engine.set_next_run(late.id, moment)
        assert [row.next_run for row in on.engine.overview().entries if row.id == late.id] == [moment]
        assert on.engine.explain(late.id).answer
        assert on.engine.forecast(None, START.add(days=2)).runs is not None


@pytest.mark.parametrize("moment", FAR, ids=["last", "first"])
def test_p09_what_happened_at_such_a_moment_is_told_and_taken_in(moment: datetime, tmp_path: Path) -> None:
    with SqliteVault(tmp_path / "vault.db", Keyring.generate("a")) as vault:
        vault.tell(CheckedIn("h01", at=moment))
        [told], _ = vault.outbox.since(None)
        assert told.at == moment


def test_every_public_call_is_asked(on: On) -> None:
    assert {call for call, _ in parameters("str", "int", "datetime", "Mark")} <= set(on.calls)


# names of machines


@pytest.mark.parametrize("what", ["host:", "host:\ud800", "host:a\0b", "pool:\ud800", f"host:{'ä' * 501}", f"pool:{'a' * 501}"], ids=ascii)
def test_j11_only_what_can_be_a_name_is_paused(on: On, what: str) -> None:
    with pytest.raises(InvalidValue, match="it is nothing that can be paused"):
        on.engine.pause(what)
    assert [pause.what for pause in on.engine.pauses()] == ["pool:dmz"]


def test_j11_a_host_of_the_longest_name_is_paused_and_resumed(on: On) -> None:
    what = f"host:{'ä🔑xy' * 125}"
    on.engine.pause(what)
    on.engine.resume(what)
    assert [pause.what for pause in on.engine.pauses()] == ["pool:dmz"]


@pytest.mark.parametrize("node", ["\ud800", "a\0b", "n" * 501, 5], ids=ascii)
def test_a_node_has_a_name_that_every_store_keeps(node: Any) -> None:
    with pytest.raises(InvalidValue, match="it is no name of a node"):
        Engine(House().vault, node=node)


@pytest.mark.parametrize("host", ["\ud800", "a\0b", "x" * 501], ids=ascii)
def test_a_record_whose_host_can_be_none_keeps_no_other_from_its_work(on: On, host: str) -> None:
    on.house.vault.put(Record("h02", "unix", fields={"host": host}))
    jobs = [on.engine.demand(on.task.id, name) for name in ("h02", "h01")]
    on.engine.drain()
    assert [on.engine.job(one).ended is not None for one in jobs] == [True, True]


# records that there are not


def test_t13_a_task_is_resumed_for_no_record_that_nobody_knows(on: On) -> None:
    for deed in (on.engine.resume_task, on.engine.suspend_task):
        with pytest.raises(NotFound, match="there is no record 'nobody'"):
            deed(on.task.id, "nobody")
    with pytest.raises(NotFound):
        on.engine.set_next_run(on.task.id, None, "nobody")


def test_t13_a_task_is_resumed_for_a_record_that_is_gone(on: On) -> None:
    on.engine.suspend_task(on.task.id, "h02")
    on.house.vault.remove("h02")
    on.engine.resume_task(on.task.id, "h02")
    assert [fact.record for fact in on.engine.facts(kinds=["TaskResumed"])] == ["h02"]


# the stores themselves

UNKEPT: dict[str, Callable[[Any], Any]] = {
    "the id of a job": lambda odd: Insert(job("new")._replace(id=odd)),
    "its record": lambda odd: Insert(job("new")._replace(record=odd)),
    "its text": lambda odd: Insert(job("new")._replace(text=odd)),
    "its origin": lambda odd: Insert(job("new")._replace(via=(odd, "r", 1))),
    "what a step says": lambda odd: Move("there", Step.DEFER, 1, fields={"why": odd}),
    "what is held": lambda odd: Hold("there", 1, (odd,)),
    "the id of a document": lambda odd: Keep("colour", odd, 0, {}),
    "its group": lambda odd: Keep("colour", "blue", 0, {}, odd),
    "who did it": lambda odd: Fact("Paused", 1, who=odd),
    "the record of a fact": lambda odd: Fact("Paused", 1, record=odd),
}
UNCOUNTED: dict[str, Callable[[int], Any]] = {
    "when a job is due": lambda odd: Insert(job("new")._replace(due=odd)),
    "what a step says": lambda odd: Move("there", Step.DEFER, 1, fields={"due": odd}),
    "slots": lambda odd: Hold("there", 1, (), (), (("host:a", odd),)),
    "when it happened": lambda odd: Fact("Paused", odd),
}


def refused(storage: Storage, change: Any) -> None:
    """As a whole, with what would have landed before it."""
    storage.write([[Insert(job("there"))]])
    with pytest.raises(InvalidValue, match="no store keeps it"):
        storage.write([[Keep("colour", "red", 0, {})], [change]])
    assert [one.id for one in storage.jobs(Query()).jobs] == ["there"]
    assert storage.documents("colour") == []
    assert storage.facts({})[0] == []


@pytest.mark.parametrize("change", UNKEPT.values(), ids=UNKEPT)
def test_a_store_refuses_a_text_that_none_keeps(storage: Storage, change: Callable[[Any], Any]) -> None:
    refused(storage, change("\ud800"))
    with pytest.raises(InvalidValue):
        storage.write([[change("a\0b")]])


@pytest.mark.parametrize("change", UNCOUNTED.values(), ids=UNCOUNTED)
def test_a_store_refuses_a_number_that_none_keeps(storage: Storage, change: Callable[[int], Any]) -> None:
    refused(storage, change(LONG))
    with pytest.raises(InvalidValue):
        storage.write([[change(-LONG - 1)]])


def test_a_store_refuses_half_a_character_in_a_document_and_keeps_nul_there(storage: Storage) -> None:
    """Kept as JSON, NUL has another form."""
    refused(storage, Keep("colour", "blue", 0, {"said": ["\ud800"]}))
    storage.write([[Keep("colour", "blue", 0, {"said": ["a\0b"], "long": 1 << 70})]])
    [found] = storage.documents("colour")
    assert found.body == {"said": ["a\0b"], "long": 1 << 70}


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_a_store_finds_nothing_by_a_text_that_none_keeps(storage: Storage, odd: str) -> None:
    storage.write([[Insert(job("there"))], [Keep("colour", "red", 0, {}), Fact("Paused", 1)]])
    texts = ("record", "line", "task", "trigger", "execution", "why", "host", "account")
    assert [storage.count(Query(**{name: odd})) for name in texts] == [0] * len(texts)  # type: ignore[arg-type]
    assert [storage.job(odd), storage.document("colour", odd), storage.next_due([odd])] == [None] * 3
    assert not any([storage.causes(odd), storage.holders(odd), storage.fitting([odd]), storage.open_jobs(odd, odd), storage.documents(odd)])
    assert [*storage.several("colour", [odd, "red"])] == ["red"]
    assert storage.next_due([odd, "local"]) is not None
    assert [fact.kind for fact in storage.facts({odd: 1}, kinds=frozenset({odd, "Paused"}))[0]] == ["Paused"]
    assert [bool(landed) for landed in storage.write([[Move(odd, Step.DEFER, 1)], [Keep("colour", odd, 1, None)]])] == [False] * 2
    with pytest.raises(InvalidValue):
        storage.documents("colour", after=odd)


@pytest.mark.parametrize("said", [{"record": 5}, {"why": b"x"}, {"since": 1.5}, {"until": "2026"}], ids=str)
def test_a_query_is_told_in_texts_and_instants(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=r"Query\(.*: it is a .*; give a"):
        Query(**said)


@pytest.mark.parametrize(("number", "all"), [(LONG, 1), (-LONG - 1, 0)])
def test_a_store_takes_a_number_that_none_keeps_for_the_last_one(storage: Storage, number: int, all: int) -> None:
    storage.write([[Insert(job("there"))], [Fact("Paused", 1)]])
    assert len(storage.jobs(Query(), limit=number).jobs) == storage.count(Query(until=number)) == all
    assert storage.count(Query(since=number)) == 1 - all
    assert len(storage.facts({}, limit=number)[0]) == 2 * all
    assert len(storage.facts({storage.chain: number})[0]) == 2 - 2 * all


# a vault in a file


def test_s04_a_vault_in_a_file_refuses_a_token_that_it_cannot_keep_and_knows_no_record_of_an_odd_name(tmp_path: Path) -> None:
    with SqliteVault(tmp_path / "vault.db", Keyring.generate("a")) as vault:
        with pytest.raises(InvalidValue, match="more than 64 bits"):
            vault.slots.propose("root", {"password": Secret("horse")}, "first", LONG)
        assert vault.slots.adopt("root", 1) is None
        assert [vault.records.get(odd) for odd in ODD] == [None] * len(ODD)
        with pytest.raises(NotFound):
            vault.change("\ud800", name="x")
