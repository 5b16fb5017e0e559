"""What uses an account hears of its new password, whatever befalls the telling (S2, J10, J13)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from taskkit.engine import Factor
from taskkit.errors import InvalidValue
from taskkit.events.policies import OnDemand
from taskkit.jobs import Kind
from taskkit.keyrings import Keyring
from taskkit.outcomes import ErrorClass
from taskkit.plugins import specs
from taskkit.plugins.forms import fill, form, troubles
from taskkit.records import Record, RecordType
from taskkit.scripts import CommandOn, FileOn, OtherRecord, PasswordReset, Step
from taskkit.states import State
from taskkit.tasks import Task
from taskkit.testing.hosts import Reply
from tests.engine.houses import UNIX, Crash, Offer
from tests.scripts.rotations import RotationHouse

WEB = Record("web", "unix", fields={"host": "web", "user": "app"}, secret_fields={"password"})
TWIN = Record("twin", "unix", fields={"host": "box", "user": "ops"}, secret_fields={"password"})
COPY = OtherRecord("twin")
FILE = FileOn("web", "/etc/app.conf")
RESTART = CommandOn("web", Step("systemctl restart app"))
ALL = (COPY, FILE, RESTART)
NAMES = ["password of record twin", "file /etc/app.conf of web", "command 'systemctl restart app' on web"]


class Group(RotationHouse):
    """`twin` holds the same password as `ops`, and a service on `web` uses it."""

    def furnish(self, engine: Any) -> None:
        self.vault.put(WEB)
        self.vault.put(TWIN)
        self.vault.change_secret("web", "password", "web-secret", at=self.clock.moment)
        self.vault.change_secret("twin", "password", "old-secret", at=self.clock.moment)
        super().furnish(engine)

    def hears(self, *dependents: Any, **settings: Any) -> Any:
        return self.rotated(self.rotates(dependents=dependents or ALL, **settings))

    def twin(self) -> str:
        return self.vault.secrets.values("twin", self).current["password"].reveal()

    viewer, token = None, 0

    @property
    def file(self) -> str:
        return self.box.files("web").get("/etc/app.conf", b"").decode()

    @property
    def is_told(self) -> bool:
        return self.twin() == self.live and self.file == f"user=ops\npassword={self.live}\n" and bool(self.box.deeds("web"))


class Sealing(Offer):
    @specs.hookimpl
    def taskkit_keyrings(self) -> list[Keyring]:
        return [Keyring({"one": b"k" * 32}, "one")]


class SlotlessGroup(Group):
    """The vault keeps new secrets, and has no slots: candidates lie sealed in the store."""

    def enter(self, **said: Any) -> Any:
        object.__setattr__(self.vault, "slots", None)
        self._offer.__class__ = Sealing
        return super().enter(**said)


@pytest.fixture
def house() -> Group:
    return Group()


def test_s02_all_that_uses_the_account_hears_of_the_new_password_in_order(house: Group) -> None:
    job = house.hears()
    assert job.state is State.COMPLETED, job
    assert house.is_told
    assert [one["name"] for one in job.operations][-3:] == NAMES
    assert job.result == {"account": "ops", "changed": True, "dependents": dict.fromkeys(NAMES, "done")}
    assert house.box.deeds("web") == ("systemctl restart app",)


def test_s01_no_secret_is_in_what_is_told_of_it(house: Group) -> None:
    job = house.hears(FILE, CommandOn("web", Step("tee /run/key", stdin="{password}")))
    house.box.script("web", Reply(repeats=True))
    told = json.dumps([job.result, list(job.operations), [dict(fact.details) for fact in house.engine.facts(limit=1000)]], default=str)
    assert house.live not in told
    (said,) = [said for said in house.box.said if said.line == "tee /run/key"]
    assert [part.reveal() for part in said.stdin if not isinstance(part, str)] == [house.live]


def test_a06_explain_tells_which_dependents_heard(house: Group) -> None:
    task = house.rotates(dependents=ALL)
    ran = house.clock.moment
    house.rotated(task)
    house.pass_time(minutes=1)
    told = str(house.engine.explain(task.id, "ops", ran))
    assert all(f"was told to {name}: done" in told for name in NAMES)


@pytest.mark.parametrize(
    ("dependent", "case"),
    [
        (FileOn("nobody", "/x"), "no record 'nobody'"),
        (FileOn("web", "/x", "{shoe_size}"), "no such field"),
        (CommandOn("web", Step("tee /x", stdin="{pin}")), "no such field"),
        (CommandOn("web", Step("echo {token}")), "is a secret"),
        (OtherRecord("ops", "other"), "of the account itself"),
        (FileOn("paper", "/x"), "cannot do files"),
        (FileOn("hatch", "/x"), "'2222 or so', which is no port"),
        (CommandOn("hatch", Step("true")), "'2222 or so', which is no port"),
    ],
)
def test_s02_what_could_not_be_told_is_refused_before_anything_is_changed(house: Group, dependent: Any, case: str) -> None:
    house.vault.put(Record("ops", "unix", fields={"host": "box", "user": "ops", "token": "t"}, secret_fields={"password", "token"}))
    house.engine.define(RecordType("page", executor="local"))
    house.vault.put(Record("paper", "page", fields={"host": "h"}))
    house.vault.put(Record("hatch", "unix", fields={"host": "h", "user": "app", "port": "2222 or so"}))
    job = house.hears(dependent)
    assert (job.state, job.error) == (State.ERROR, "bad_configuration"), job
    assert case in job.text
    assert house.live == house.kept() == "old-secret"
    assert not house.engine.intents.all()


def test_a01_the_person_behind_the_task_needs_the_right_to_each_record(house: Group) -> None:
    house.engine.define(PasswordReset("rotate", dependents=ALL))
    task = house.engine.put(_task(), list="type:unix", by="anna")
    house.vault.deny("anna", "task_execute", "web")
    job = house.rotated(task)
    assert (job.state, job.error) == (State.ERROR, "permission"), job
    assert house.live == "old-secret"


def _task() -> Any:
    from taskkit.events.policies import OnDemand
    from taskkit.tasks import Task

    return Task("rotation", "rotate", [OnDemand()], runs_as="anna")


@pytest.mark.parametrize(
    "given",
    [
        lambda: FileOn("web", "/x", "{password"),
        lambda: FileOn("web", "", "{password}"),
        lambda: CommandOn("web", Step("echo {password}")),
        lambda: CommandOn("web", Step("true", level="warning")),
        lambda: CommandOn("web", Step("true"), effect="verifiable"),
        lambda: OtherRecord("web", retries=-1),
        lambda: PasswordReset("rotate", dependents=[FILE, FILE]),
        lambda: PasswordReset("rotate", dependents=["web"]),  # type: ignore[list-item]
        lambda: PasswordReset("rotate", dependents=[{"kind": "phone_call"}]),
        lambda: PasswordReset("rotate", on_failure="cry"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_meant_is_refused_when_it_is_defined(given: Any) -> None:
    with pytest.raises(InvalidValue):
        given()


def test_r04_accounts_of_dependents_are_held_while_it_runs(house: Group) -> None:
    seen: list[list[str]] = []

    def look(point: str, job: Any) -> None:
        if point == "planned":
            seen.extend([*house.storage.holders(f"account:{name}")] for name in ("ops", "twin", "web"))

    task = house.rotates(dependents=ALL)
    engine = house.enter(points=look)
    job = engine.demand(task.id, "ops")
    engine.drain()
    assert seen == [[job]] * 3


# failures


def test_j07_a_failure_that_may_pass_is_tried_again(house: Group) -> None:
    house.box.script_files("web", ErrorClass.UNREACHABLE, ErrorClass.BUSY)
    task = house.rotates(dependents=ALL)
    job = house.rotated(task)
    assert job.state is State.DEFERRED
    house.pass_time(minutes=5)
    job = house.engine.job(job.id)
    assert job.state is State.COMPLETED
    assert house.is_told
    assert [one["state"] for one in job.operations if one["name"] == NAMES[1]] == ["not_done", "not_done", "done"]


def test_s02_a_required_one_that_fails_for_good_fails_the_job_and_says_what_is_in_force(house: Group) -> None:
    house.box.script_files("web", ErrorClass.PERMISSION)
    job = house.hears()
    assert (job.state, job.error) == (State.ERROR, "failed")
    assert "is changed and in force" in job.text
    assert f"{NAMES[1]}: permission" in job.text
    assert house.live == house.kept() == house.twin() != "old-secret"
    assert house.box.deeds("web")  # the others hear of it all the same
    assert job.result["dependents"] == {NAMES[0]: "done", NAMES[1]: "not_done: permission", NAMES[2]: "done"}


def test_s02_what_is_not_required_is_a_warning(house: Group) -> None:
    house.box.script_files("web", ErrorClass.PERMISSION)
    job = house.hears(FileOn("web", "/etc/app.conf", required=False), RESTART)
    assert job.state is State.COMPLETED
    assert job.result["warnings"] == [f"{NAMES[1]}: permission"]


def test_j10_a_command_whose_end_nobody_saw_is_not_repeated(house: Group) -> None:
    house.box.script("web", Reply(takes=float("inf")))
    job = house.hears()
    assert job.state is State.UNCERTAIN
    assert house.box.deeds("web") == ("systemctl restart app",)
    assert "is changed and in force" in job.text


def test_j10_one_that_may_be_said_twice_is_said_again(house: Group) -> None:
    house.box.script("web", Reply(takes=float("inf")))
    job = house.hears(CommandOn("web", Step("systemctl restart app"), effect="idempotent"))
    house.pass_time(minutes=5)
    assert house.engine.job(job.id).state is State.COMPLETED
    assert len(house.box.deeds("web")) == 2


def test_s02_another_record_with_a_candidate_of_somebody_else_is_left_alone(house: Group) -> None:
    house.vault.propose_secret("twin", "password", "by-hand")
    job = house.hears(OtherRecord("twin", retries=0))
    assert (job.state, job.error) == (State.ERROR, "failed")
    assert house.twin() == "old-secret"


@pytest.mark.parametrize("where", ["telling", "operation:password of record twin", "told"])
def test_s02_a_vault_without_slots_puts_it_in_force_for_another_record_as_well(where: str) -> None:
    house = SlotlessGroup()
    task = house.rotates(dependents=(COPY, FILE, RESTART))
    job, died = crashed_at(house, where, 1, task)
    assert died
    house.pass_time(hours=3)
    assert house.engine.job(job).state is State.COMPLETED
    assert house.is_told
    assert [slot.attempt for slot in house.vault.former("twin")] == ["by hand"]
    assert not list(house.storage.documents("sealed", limit=10))


@pytest.mark.parametrize("is_kept", [True, False], ids=["answer lost", "not kept"])
@pytest.mark.parametrize("house", [Group, SlotlessGroup])
def test_s02_another_record_hears_of_the_newest_one_also_where_it_got_an_older_one_before(house: Any, is_kept: bool) -> None:
    """Its vault puts the new one in force, or has it in the slot, and nobody hears of it; then another task changes the account again."""
    house, task, lost = (made := house()), made.rotates(dependents=COPY), list[str]()
    house.engine.define(PasswordReset("again"))
    again = house.engine.put(Task("again", "again", OnDemand(), list=UNIX))
    facet, name = (house.vault.secrets, "keep") if house.vault.slots is None else (house.vault.slots, "promote")
    puts = getattr(facet, name)

    def lose(account: str, *args: Any) -> bool:
        if account != "twin" or lost:
            return bool(puts(account, *args))
        lost.append(account)
        if is_kept:
            puts(account, *args)
        raise ConnectionError

    setattr(facet, name, lose)
    job = house.rotated(task)
    assert job.state is State.DEFERRED
    assert house.rotated(again).state is State.COMPLETED
    house.pass_time(hours=1)
    assert house.engine.job(job.id).state is State.COMPLETED
    assert house.twin() == house.live == house.kept()
    assert not list(house.storage.documents("sealed", limit=10))


@pytest.mark.parametrize("house", [Group, SlotlessGroup])
def test_s02_who_may_have_heard_of_a_new_one_hears_of_the_old_one_that_comes_back(house: Any) -> None:
    """The vault puts the new one in force for another record, and nobody hears that."""
    house, lost = house(), list[str]()
    facet, name = (house.vault.secrets, "keep") if house.vault.slots is None else (house.vault.slots, "promote")
    puts = getattr(facet, name)

    def lose(account: str, *args: Any) -> bool:
        is_put = bool(puts(account, *args))
        if account == "twin" and not lost:
            lost.append(account)
            raise ConnectionError
        return is_put

    setattr(facet, name, lose)
    job = house.hears(OtherRecord("twin", retries=0), on_failure="roll_back")
    assert (job.state, job.error) == (State.ERROR, "failed")
    assert "not told of that" not in job.text
    assert house.live == house.kept() == house.twin() == "old-secret"


def test_s02_so_does_a_file_of_which_nobody_saw_the_end(house: Group) -> None:
    house.box.script_files("web", Reply(seen=False))
    house.box.script("web", Reply(exit=5), "")
    job = house.hears(FileOn("web", "/etc/app.conf", retries=0, required=False), evolve(RESTART, retries=0), on_failure="roll_back")
    assert (job.state, job.error) == (State.ERROR, "failed")
    assert house.live == house.kept() == "old-secret"
    assert house.file == "user=ops\npassword=old-secret\n"


# kills

POINTS = ["settled", "save", "saved", "telling", "connect", "told", *(f"operation:{name}" for name in NAMES)]


def crashed_at(house: Group, where: str, nth: int, task: Any) -> tuple[str, bool]:
    """A process that dies when it passes that point for the nth time; the job, and whether it came there."""
    passed: list[str] = []

    def crash(point: str, job: object) -> None:
        if point == where:
            passed.append(point)
            if len(passed) == nth:
                raise Crash

    first = house.enter(points=crash)
    job = first.demand(task.id, "ops")
    try:
        first.drain()
    except Crash:
        return job, True
    return job, False


@pytest.mark.parametrize("nth", range(1, 9))
@pytest.mark.parametrize("where", POINTS)
def test_j13_a_kill_at_any_point_of_the_telling_leaves_nobody_out(where: str, nth: int) -> None:
    house = Group()
    task = house.rotates(dependents=(COPY, FILE, CommandOn("web", Step("systemctl restart app"), effect="idempotent")))
    job, died = crashed_at(house, where, nth, task)
    if not died:
        return
    house.pass_time(hours=3)
    ended = house.engine.job(job)
    assert ended.state is State.COMPLETED, ended.text
    assert house.is_told
    assert house.live == house.kept() != "old-secret"
    assert [slot.attempt for slot in house.vault.former("twin")] == ["by hand"]  # put in force once


@pytest.mark.parametrize("nth", range(1, 9))
@pytest.mark.parametrize("where", POINTS)
def test_j10_a_kill_never_has_a_blind_command_said_twice(where: str, nth: int) -> None:
    house = Group()
    task = house.rotates(dependents=ALL)
    job, died = crashed_at(house, where, nth, task)
    house.pass_time(hours=3)
    assert len(house.box.deeds("web")) <= 1
    if died:
        ended = house.engine.job(job)
        assert ended.state in (State.COMPLETED, State.UNCERTAIN)
        assert (ended.state is State.UNCERTAIN) or house.is_told
        assert house.twin() == house.live == house.kept()


def test_s04_the_recovery_that_puts_a_candidate_in_force_tells_the_group(house: Group) -> None:
    def gone() -> Reply:
        house.box.down("box")
        return Reply(seen=False)

    house.box.script_changes("box", gone)
    house.box.script_files("web", ErrorClass.UNREACHABLE)
    job = house.hears()
    assert (job.state, job.error) == (State.ERROR, "unreachable")
    assert not house.file
    house.box.up("box")
    house.pass_time(hours=2)
    assert house.is_told
    assert house.live == house.kept() != "old-secret"
    recovery = next(one for one in house.engine.history(record="ops").entries if one.kind is Kind.RECOVERY)
    assert recovery.state is State.COMPLETED
    assert recovery.result["dependents"] == dict.fromkeys(NAMES, "done")


@pytest.mark.parametrize("where", ["settled", "telling", "told"])
def test_j13_a_short_old_password_withholds_no_memo(where: str) -> None:
    """What a host says is withheld where the run holds a secret under six characters; how far it has come is not what a host says."""
    house = Group()
    house.box.guard("box", "ops", "admin")
    house.vault.change_secret("ops", "password", "admin", at=house.clock.moment)
    task = house.rotates(dependents=(COPY, FILE, CommandOn("web", Step("systemctl restart app"), effect="idempotent")))
    job, died = crashed_at(house, where, 1, task)
    assert died
    house.pass_time(hours=3)
    assert house.engine.job(job).state is State.COMPLETED
    assert house.is_told
    assert len(house.vault.former("ops")) == 2  # changed once


def test_r01_an_edit_between_two_tries_leaves_nobody_out(house: Group) -> None:
    house.box.script_files("web", ErrorClass.UNREACHABLE)
    task = house.rotates(dependents=ALL)
    job = house.rotated(task)
    assert job.state is State.DEFERRED
    house.engine.edit(evolve(house.engine.task(task.id), name="another name"))
    house.pass_time(hours=1)
    assert house.engine.job(job.id).state is State.COMPLETED
    assert house.is_told


def test_r04_the_recovery_holds_the_accounts_of_dependents_as_well() -> None:
    seen: list[tuple[str, list[str]]] = []

    def look(point: str, job: Any) -> None:
        if point == "telling" and job.kind is Kind.RECOVERY:
            seen.extend((job.id, [*home.storage.holders(f"account:{name}")]) for name in ("ops", "twin", "web"))

    def gone() -> Reply:
        home.box.down("box")
        return Reply(seen=False)

    home = Group(points=look)
    home.box.script_changes("box", gone)
    home.hears(COPY)
    home.box.up("box")
    home.pass_time(hours=2)
    assert [holders for job, holders in seen] == [[seen[0][0]], [seen[0][0]], []]


# back to the old one


def test_s02_where_a_required_one_fails_the_old_password_comes_back(house: Group) -> None:
    house.box.script("web", Reply("", errors="no such unit", exit=5))
    job = house.hears(on_failure="roll_back")
    assert (job.state, job.error) == (State.ERROR, "failed")
    assert "the old password is in force again" in job.text
    assert house.live == house.kept() == house.twin() == "old-secret"
    assert house.file == "user=ops\npassword=old-secret\n"
    assert job.result["changed"] is False
    assert house.box.deeds("web") == ("systemctl restart app",) * 2  # it has to come up again
    assert not house.engine.intents.all()


def test_s02_what_the_host_does_not_take_back_stays_and_is_said(house: Group) -> None:
    house.box.script_changes("box", Reply(), "in_history")
    house.box.script_files("web", ErrorClass.PERMISSION)
    job = house.hears(on_failure="roll_back")
    assert (job.state, job.error) == (State.ERROR, "failed")
    assert "is changed and in force" in job.text
    assert "could not be put in force again" in job.text
    assert house.live == house.kept() == house.twin() != "old-secret"
    assert house.box.deeds("web")  # those behind it hear of the new one then


def test_s03_a_host_that_goes_away_while_it_is_put_back_is_the_recoverys_affair(house: Group) -> None:
    def gone() -> Reply:
        house.box.down("box")
        return Reply(seen=False)

    house.box.script_changes("box", Reply(), gone)
    house.box.script_files("web", ErrorClass.PERMISSION)
    job = house.hears(on_failure="roll_back")
    assert (job.state, job.error) == (State.ERROR, "failed")
    assert "putting the old one in force again was begun" in job.text
    assert not house.box.deeds("web")  # nobody knows yet what they would have to hear
    house.box.up("box")
    house.pass_time(hours=2)
    assert house.live == house.kept() == house.twin() == "old-secret"
    assert house.file == "user=ops\npassword=old-secret\n"
    assert not house.engine.intents.all()


BACK = [
    "undoing", "intended", "proposed", "probe", "applying", "change", "applied", "verified", "promoted", "settled", "save", "saved",
    "telling", "connect", "told",
]  # fmt: skip


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 6, 9, 12])
@pytest.mark.parametrize("where", BACK)
def test_s03_a_kill_while_it_is_put_back_loses_nothing(where: str, nth: int) -> None:
    house = Group()
    restart = CommandOn("web", Step("systemctl restart app"), effect="idempotent", retries=0)
    house.box.script("web", *[Reply("", errors="no such unit", exit=5)] * 9)
    task = house.rotates(dependents=(COPY, FILE, restart), on_failure="roll_back")
    job, died = crashed_at(house, where, nth, task)
    assert house.is_known
    if not died:
        return
    house.pass_time(hours=3)
    ended = house.engine.job(job)
    ended = house.engine.job(ended.result.get("by", job))  # the recovery of the account may have done it
    assert (ended.state, ended.result.get("changed")) == (State.ERROR, False), ended.text
    assert house.live == house.kept() == house.twin() == "old-secret"
    assert house.file == "user=ops\npassword=old-secret\n"
    assert not house.engine.intents.all()


def test_s02_a_recovery_puts_the_old_password_back_too(house: Group) -> None:
    house.goes_away_after_a_change()
    house.box.script_files("web", ErrorClass.PERMISSION)
    job = house.hears(on_failure="roll_back")
    assert (job.state, job.error) == (State.ERROR, "unreachable")
    house.box.up("box")
    house.pass_time(hours=2)
    assert house.live == house.kept() == house.twin() == "old-secret"
    ended = house.engine.history(record="ops", kinds=Kind.RECOVERY, states=State.ERROR).entries
    assert ["the old password is in force again" in one.text for one in ended] == [True]
    assert not house.engine.intents.all()


# what is told before


def told(house: Group, task: Any, user: str | None = None, hours: int = 0) -> list[str]:
    at = house.clock.moment.add(hours=hours) if hours else None
    return [line for one in house.engine.explain(task.id, "ops", at, user=user).find(Factor.SEQUEL) for line in [one.text]]


@pytest.mark.parametrize("hours", [0, 5])
def test_a06_explain_tells_before_what_follows_a_rotation_and_in_which_order(house: Group, hours: int) -> None:
    quiet = CommandOn("web", Step("systemctl reload app"), required=False, retries=0)
    task = house.rotates(dependents=(COPY, RESTART, quiet), on_failure="roll_back", old_refused="warn")
    first, *parts = told(house, task, hours=hours)
    assert first == "once it is done, this follows, in this order"
    assert parts[0] == f"1. {COPY}: told again up to 2 times after a failure that may pass; it is required"
    assert parts[1].startswith(f"2. {RESTART}: told again up to 2 times after a failure that may pass, and not where nobody saw its end")
    assert parts[2] == f"3. {quiet}: told once, and not where nobody saw its end; it is not required: its failure is a warning"
    assert parts[3].startswith("4. where a required one of them fails, the old password is put in force again")
    assert parts[4].startswith("5. the old password is tried once")
    assert len(parts) == 5
    (head, *_) = house.engine.explain(task.id, "ops").find(Factor.SEQUEL)
    assert [part.details.get("record") for part in head.parts] == ["twin", "web", "web", None, None]
    json.dumps(house.engine.explain(task.id, "ops").document())


def test_a06_what_was_is_told_from_facts_and_a_task_without_dependents_tells_nothing(house: Group) -> None:
    task = house.rotates()
    assert not told(house, task)
    task = house.engine.task(task.id)
    house.engine.define(PasswordReset("rotate", dependents=ALL))
    house.pass_time(hours=1)
    assert told(house, task)
    assert not house.engine.explain(task.id, "ops", house.clock.moment.subtract(minutes=5)).find(Factor.SEQUEL)


def test_a04_of_a_record_that_somebody_may_not_see_explain_tells_only_that_it_is_there(house: Group) -> None:
    task = house.rotates(dependents=ALL)
    house.vault.rights.denied |= {("ann", "*", "web"), ("ann", "system_administrator", None)}
    assert [line for line in told(house, task, "ann") if "may not see" in line] == [
        f"{number}. something on a record that ann may not see" for number in (2, 3)
    ]
    all_of_it = json.dumps(house.engine.explain(task.id, "ops", user="ann").document())
    assert str(COPY) in all_of_it
    for hidden in ("/etc/app.conf", "systemctl", "web"):
        assert hidden not in all_of_it


# the old one


def test_s02_the_old_one_is_refused_and_that_is_told(house: Group) -> None:
    job = house.hears(old_refused="fail")
    assert job.state is State.COMPLETED
    assert job.result["old"] == "refused"
    assert [one["name"] for one in job.operations].count("try the old one") == 1


@pytest.mark.parametrize(("how", "state"), [("warn", State.COMPLETED), ("fail", State.ERROR)])
def test_s02_an_old_one_that_still_lets_in_is_told(house: Group, how: str, state: State) -> None:
    house.box.guard("box", "ops", "old-secret", keeps_old=3600)
    job = house.hears(old_refused=how)
    assert job.state is state
    assert "still lets in" in str(job.text or job.result["warnings"])
    assert house.is_told


# documents and forms


def test_r10_documents_and_forms_know_them(house: Group) -> None:
    made = PasswordReset("rotate", dependents=ALL, on_failure="roll_back", old_refused="warn")
    house.engine.define(made)
    assert house.engine.definition("rotate") == made
    documents = house.engine._ground.documents
    written = json.loads(json.dumps(documents.write(made)))
    assert [one["kind"] for one in written["dependents"]] == ["other_record", "file_on", "command_on"]
    assert documents.definition(written) == made
    said = {name: value for name, value in written.items() if name != "kind"}
    assert fill(PasswordReset, said) == made
    assert [str(one.name) for one in form(FileOn).settings] == ["record", "retries", "required", "path", "content"]
    assert troubles(PasswordReset, {"name": "x", "dependents": [{"kind": "file_on", "record": "web", "path": 3}]})
