"""Rotations from end to end: a real sshd with PAM, accounts that wrong tries lock, and the store and the vault on a disk (S2 to S5)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from taskkit.engine import Engine, Settings
from taskkit.events.policies import OnDemand
from taskkit.intents import Ruling
from taskkit.keyrings import Keyring
from taskkit.outcomes import ErrorClass
from taskkit.passwords import Passwords
from taskkit.plugins.executors.ssh import Ssh
from taskkit.records import Record, RecordType
from taskkit.scripts import PasswordReset
from taskkit.secrets import Secret
from taskkit.sqlite_vault import SqliteVault
from taskkit.states import State
from taskkit.storage.sqlite import SqliteStorage
from taskkit.tasks import Task, of_type
from taskkit.testing import VirtualClock
from taskkit.testing.houses import House
from tests.engine.houses import START, Crash, _mortal
from tests.plugins.executors.ssh.changing import lets_in
from tests.servers.doors import Account, Door
from tests.servers.faults import Fault, Road, Way, road

#: How many wrong tries lock an account of the box, and for how long they are counted elsewhere, in minutes.
LOCKS, COUNTED = 3, 15
CUTS = 5
#: For ways that are cut: who waits as long as others do waits for minutes. A machine that is only slow needs longer for a log-in.
SHORT: dict[str, float] = {
    "banner_timeout": 2.0, "auth_timeout": 2.0, "connect_timeout": 2.0, "keepalive": 0.2, "idle_timeout": 1.0, "change_timeout": 20.0,
}  # fmt: skip
THROUGH = ("itself", "shadow")


class Machines:
    """One machine, one account of it, and a sudoing shadow beside it; time passes only where a test says so."""

    def __init__(self, door: Door, place: Path, account: Account, through: str = "itself", *, points: Any = None, **settings: Any) -> None:
        self.door, self.account, self._stack = door, account, ExitStack()
        shadow = door.account(sudo="ALL=(root) NOPASSWD: /usr/sbin/chpasswd")
        self.clock = VirtualClock(START)
        self.vault = self._stack.enter_context(SqliteVault(place / "vault.db", Keyring.generate("test"), clock=self.clock))
        self.storage = self._stack.enter_context(SqliteStorage(place / "store.db"))
        for name, known in (("ops", account), ("shadow", shadow)):
            self._put(name, known.name, door.port)
            self.vault.change_secret(name, "password", known.password, at=self.clock.moment)
        self._points = points
        self.enter()
        self.waits({})
        self.engine.define(PasswordReset("rotate", **settings))
        used = "shadow" if through == "shadow" else None
        self.task = self.engine.put(Task("rotation", "rotate", [OnDemand()], list=of_type("unix"), shadow=used))

    def enter(self) -> None:
        """Another process, after one that died."""
        self.engine = _mortal(Engine(self.vault, self.storage, settings=Settings(lease=60), clock=self.clock, points=self._points))
        self.house = House(self.engine, self.clock)

    def close(self) -> None:
        self._stack.close()

    def waits(self, seconds: dict[str, float]) -> None:
        """No longer than this for a machine."""
        self.engine.define(RecordType("unix", executor="ssh", settings={"become": "sudo", **seconds}))

    def _put(self, name: str, user: str, port: int) -> None:
        fields = {"host": self.door.address, "port": str(port), "host_key": self.door.host_key, "user": user}
        self.vault.put(Record(name, "unix", fields=fields, secret_fields=["password"]))

    def rotated(self, *, by: Road | None = None) -> Any:
        """The job of a demanded run; `by` is the way to the machine, and stays it."""
        if by is not None:
            self.reached_at(by.port)
            self.waits(SHORT)
        job = self.engine.demand(self.task.id, "ops")
        self.engine.drain()
        return self.engine.job(job)

    def reached_at(self, port: int) -> None:
        self._put("ops", self.account.name, port)

    def kept(self, which: str = "current") -> Secret | None:
        found: Secret | None = getattr(self.vault.secrets.values("ops", _NOBODY), which).get("password")
        return found

    def lets_in(self, secret: Secret | None) -> bool | str | None:
        assert secret is not None
        return lets_in(self.door, self.account.name, secret)

    def somebody_changes_it(self, password: str = "nobody-Knows-this-1") -> None:  # noqa: S107
        self.door.box.run("chpasswd", stdin=f"{self.account.name}:{password}")

    @property
    def wrong_tries(self) -> int:
        """As the machine counts them, since somebody was let in last."""
        told = self.door.box.run('faillock --dir /run/faillock --user "$1"', self.account.name)
        return sum(line.rstrip().endswith(" V") for line in told.splitlines())

    def forgets(self) -> None:
        self.door.box.run('faillock --dir /run/faillock --reset --user "$1"', self.account.name)

    def pass_day(self) -> int:
        """The most wrong tries that ever counted together."""
        most = self.wrong_tries
        for _ in range(24 * 60 // COUNTED):
            self.house.pass_time(minutes=COUNTED)
            most = max(most, self.wrong_tries)
            self.forgets()
        return most

    def watch(self, hours: int) -> int:
        """The most wrong tries that ever counted together, where they are forgotten once nobody was refused for long enough."""
        most = before = self.wrong_tries
        since = self.clock.moment
        for _ in range(60 * hours):
            try:
                self.house.pass_time(minutes=1)
            except Crash:
                self.enter()
            found = self.wrong_tries
            since = self.clock.moment.subtract(minutes=1) if found > before else since
            most, before = max(most, found), found
            if found and self.clock.moment >= since.add(minutes=COUNTED):
                self.forgets()
                before = 0
        return most

    def is_rotated(self, before: Secret) -> None:
        now = self.kept()
        assert self.lets_in(now) is True
        assert self.lets_in(before) == "wrong_credentials"
        assert now is not None
        assert not now.same_as(before)
        assert self.kept("pending") is None
        assert not list(self.engine.intents.all())


class _Nobody:
    viewer = None
    token = 0


_NOBODY: Any = _Nobody()


@pytest.fixture
def made(with_pam: Door, tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:

        def make(through: str = "itself", *deeds: str, **settings: Any) -> Machines:
            place = tmp_path / str(len(list(tmp_path.iterdir())))
            place.mkdir()
            machines = Machines(with_pam, place, with_pam.account(groups=["lockable"], deeds=deeds), through, **settings)
            stack.callback(machines.close)
            return machines

        yield make


@pytest.mark.parametrize("through", THROUGH)
def test_s02_the_new_password_lets_in_and_the_old_one_does_not(made: Any, through: str) -> None:
    machines = made(through)
    for _ in range(2):
        before = machines.kept()
        job = machines.rotated()
        assert job.state is State.COMPLETED, (job.error, job.text, job.operations)
        assert machines.wrong_tries == 0
        machines.is_rotated(before)


@pytest.mark.parametrize("through", THROUGH)
def test_a_password_that_has_to_be_changed_at_the_log_in_is_changed_by_a_rotation(made: Any, through: str) -> None:
    machines = made(through, "chage -d 0")
    assert machines.lets_in(machines.account.password) == "must_change"
    assert machines.rotated().state is State.COMPLETED
    machines.is_rotated(machines.account.password)


def test_s03_a_candidate_that_the_host_finds_too_short_is_exchanged_for_a_longer_one(made: Any, first: Any) -> None:
    machines = made(passwords=Passwords(length=(12, 20)))
    first("Short-hors-1")
    with machines.door.box.passwords("required pam_unix.so minlen=20 sha512 nodelay"):
        job = machines.rotated()
    assert refusals(job) == ["refused"]
    machines.is_rotated(machines.account.password)


def test_s03_a_candidate_of_the_hosts_history_is_exchanged_for_another_one(made: Any, first: Any) -> None:
    machines = made()
    history = "requisite pam_pwhistory.so remember=5", "required pam_unix.so use_authtok sha512 nodelay"
    with machines.door.box.passwords(*history):
        for password in ("Once-upon-a-horse-1", machines.account.password.reveal()):
            machines.somebody_changes_it(password)
        first("Once-upon-a-horse-1")
        job = machines.rotated()
    assert refusals(job) == ["refused"]
    machines.is_rotated(machines.account.password)


def refusals(job: Any) -> list[str]:
    """Of a rotation that came to its end all the same."""
    assert job.state is State.COMPLETED, (job.error, job.text, [(one["name"], one.get("text")) for one in job.operations])
    return [one["error"] for one in job.operations if one["name"] == "change" and one["state"] == "not_done"]


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is drawn at first."""
    draw, drawn = Passwords.draw, list[Secret]()
    monkeypatch.setattr(Passwords, "draw", lambda self, **given: drawn.pop() if drawn else draw(self, **given))
    return lambda password: drawn.append(Secret(password))


# lost replies, and tries


@pytest.mark.parametrize("way", ["to", "back"])
@pytest.mark.parametrize("through", THROUGH)
def test_s05_a_rotation_whose_connection_is_cut_anywhere_ends_known_and_never_locks(made: Any, through: str, way: Way) -> None:
    whole = made(through)
    with road(whole.door.port) as there:
        assert whole.rotated(by=there).state is State.COMPLETED
        last = there.passed[way]
    states = set()
    for number in range(1, CUTS):
        machines = made(through)
        before = machines.kept()
        with road(machines.door.port, Fault(way, last * number // CUTS)) as there:
            states.add(machines.rotated(by=there).state)
            assert any(machines.lets_in(known) is True for known in (machines.kept("pending"), before) if known is not None)
            machines.forgets()
            machines.house.pass_time(minutes=20)
        machines.reached_at(machines.door.port)
        assert machines.pass_day() < LOCKS
        assert machines.lets_in(machines.kept()) is True
        assert not list(machines.engine.intents.all())
    assert states == {State.ERROR}


class Reached:
    """What happens to the machine as soon as it has been told a new password."""

    def __init__(self) -> None:
        self.then: list[Any] = []

    def __call__(self, name: str, job: Any) -> None:
        if name == "applied" and self.then:
            self.then.pop()()


def known_to_nobody(made: Any) -> Any:
    """As soon as the machine has been told, somebody else changes it."""
    reached = Reached()
    machines = made(points=reached)
    machines.rotated()
    reached.then = [machines.somebody_changes_it]
    assert machines.rotated().state is State.UNCERTAIN
    return machines


def test_s05_an_account_that_nobody_knows_at_once_has_two_tries(made: Any) -> None:
    """The one before cannot be it, as the current one has let in."""
    machines = known_to_nobody(made)
    assert machines.wrong_tries == LOCKS - 1
    assert machines.pass_day() < LOCKS
    assert machines.lets_in(Secret("nobody-Knows-this-1")) is True


def test_s05_an_account_that_nobody_knows_is_not_locked_by_a_day_of_recovery(made: Any) -> None:
    """Three secrets are known: the candidate, the current one and the one before. In the box a wrong try counts until it is forgotten."""
    reached = Reached()
    machines = made(points=reached)
    machines.rotated()
    with road(machines.door.port) as there:
        reached.then = [there.close]
        job = machines.rotated(by=there)
    assert (job.state, job.error, len(list(machines.engine.intents.all()))) == (State.ERROR, "unreachable", 1)
    machines.somebody_changes_it()
    machines.reached_at(machines.door.port)
    assert machines.pass_day() == LOCKS - 1
    (intent,) = machines.engine.intents.all(uncertain=True)
    assert machines.lets_in(Secret("nobody-Knows-this-1")) is True
    assert tried(machines) == ["candidate", "current", "previous", "candidate"]  # which may have been sent late
    machines.somebody_changes_it(machines.kept().reveal())
    machines.engine.intents.rule(intent.account, Ruling.PROBE, by="ann")
    assert machines.pass_day() < LOCKS
    assert not list(machines.engine.intents.all())
    assert machines.lets_in(machines.kept()) is True


def tried(machines: Machines) -> list[str]:
    """By the recovery, in its order."""
    found = [job for job in machines.engine.history(record="ops").entries if job.kind == "recovery" and job.operations]
    return [one["name"].removeprefix("try ") for job in found for one in job.operations if one.get("error") == "wrong_credentials"]


def test_s05_a_day_of_rotations_of_an_account_that_nobody_knows_does_not_lock_it(made: Any) -> None:
    machines = made()
    machines.rotated()
    machines.somebody_changes_it()
    assert machines.rotated().error == "wrong_credentials"
    assert machines.pass_day() < LOCKS
    assert machines.lets_in(Secret("nobody-Knows-this-1")) is True


# workers that die, and people who ask


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> Any:
    """After log-ins of these numbers the worker dies: it has heard the answer, and told nobody."""
    probe, deaths, tried = Ssh.probe, set[int](), list[ErrorClass | None]()

    def heard(self: Ssh, host: Any, login: Any, run: Any) -> Any:
        found = probe(self, host, login, run)
        if run.task.name != "rotation":  # a look from outside
            return found
        tried.append(found.error)
        if len(tried) in deaths:
            raise Crash
        return found

    monkeypatch.setattr(Ssh, "probe", heard)

    def plan(*numbers: int) -> None:
        tried.clear()
        deaths.update(numbers)

    return plan


@pytest.mark.parametrize("deaths", [(), (1,), (2,), (1, 2), (1, 3), (2, 3), (1, 2, 3)], ids=str)
@pytest.mark.parametrize("through", THROUGH)
def test_s05_workers_that_die_right_after_a_log_in_lock_nobody_out(made: Any, dies: Any, through: str, deaths: tuple[int, ...]) -> None:
    machines = made(through)
    machines.rotated()
    machines.somebody_changes_it()
    dies(*deaths)
    machines.engine.demand(machines.task.id, "ops")
    assert machines.watch(hours=2) < LOCKS
    live = machines.kept() if through == "shadow" else Secret("nobody-Knows-this-1")
    assert machines.lets_in(live) is True


def test_s05_a_rescued_job_knows_what_was_refused_and_ends_well_once_it_may_try_again(made: Any, dies: Any) -> None:
    machines = made()
    machines.rotated()
    before = machines.kept()
    dies(1)  # of the password in force, which lets in: nothing is sent yet
    job = machines.engine.demand(machines.task.id, "ops")
    assert machines.watch(hours=1) == 1  # the candidate
    assert machines.engine.job(job).state is State.COMPLETED
    machines.is_rotated(before)


def test_s05_people_who_have_it_tried_again_and_again_do_not_lock_it(made: Any) -> None:
    machines = known_to_nobody(made)
    for _ in range(3):
        machines.engine.intents.rule("ops", Ruling.PROBE, by="ann")
        assert machines.watch(hours=1) < LOCKS
    machines.somebody_changes_it(machines.kept().reveal())
    if machines.engine.intents.all(uncertain=True):
        machines.engine.intents.rule("ops", Ruling.PROBE, by="ann")
    assert machines.watch(hours=1) < LOCKS
    assert not list(machines.engine.intents.all())
    assert machines.lets_in(machines.kept()) is True


def test_s05_of_an_account_that_others_have_locked_nothing_is_asked_until_it_may_be_open(made: Any) -> None:
    reached = Reached()
    machines = made(points=reached)
    machines.rotated()
    with road(machines.door.port) as there:
        reached.then = [there.close]
        machines.rotated(by=there)
    machines.reached_at(machines.door.port)
    for _ in range(LOCKS):
        machines.lets_in(Secret("somebody-Guesses-1"))
    assert machines.wrong_tries == LOCKS
    machines.house.pass_time(minutes=15)
    assert machines.wrong_tries <= LOCKS + 1
    machines.forgets()
    assert machines.watch(hours=1) < LOCKS
    assert machines.lets_in(machines.kept()) is True
    assert not list(machines.engine.intents.all())
