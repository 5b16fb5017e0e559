"""An executor that reaches no host and does as scripted, host by host. It keeps the contracts of every executor."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from attrs import field, frozen

from taskkit.errors import HostRefused, InvalidValue
from taskkit.outcomes import Effect, ErrorClass
from taskkit.plugins.executors._expectations import Judgement
from taskkit.plugins.executors._outputs import Output, Recorder
from taskkit.plugins.executors._sequences import Ready, Result, in_order, refuse_secrets
from taskkit.plugins.kinds import Command, Executor, Host, Login, Operation, Run, Verb
from taskkit.secrets import Secret
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.hosts import Answer, FakeHost, Reply


@frozen
class Said:
    """What a host was told, as whom; what stood in its stdin, in parts."""

    host: str
    user: str
    line: str
    stdin: tuple[Secret | str, ...] = field(default=(), eq=False)


class FakeExecutor(Executor):
    """Hosts answer `ok`, unless `script(host, …)` says otherwise: a text, an error class, a `Reply`, or a function that gives one."""

    name = "fake"
    verbs = frozenset({Verb.COMMANDS, Verb.PROBE})
    effect = Effect.IDEMPOTENT

    def __init__(
        self, name: str = "fake", effect: Effect = Effect.IDEMPOTENT, *, clock: VirtualClock | None = None, cap: int = 65_536
    ) -> None:
        self.name = name  # type: ignore[misc]
        self.effect = effect  # type: ignore[misc]
        self.clock, self.cap = clock, cap
        self.said: list[Said] = []
        #: How many connections are open, and how many there were.
        self.connections = 0
        self.connected = 0
        self._hosts: dict[str, FakeHost] = defaultdict(FakeHost)
        self._counting = threading.Lock()

    # what a test says

    def script(self, host: str, *answers: Answer) -> None:
        """What the host answers to the next commands, one after the other."""
        self._hosts[host].answers.extend(answers)

    def down(self, host: str, error: ErrorClass = ErrorClass.UNREACHABLE) -> None:
        self._hosts[host].down = error

    def up(self, host: str) -> None:
        self._hosts[host].down = None

    def guard(self, host: str, user: str, secret: str, *, locks_after: int | None = None) -> None:
        """From now on the host lets in only whom it knows; after so many wrong secrets it lets in this user no more."""
        self._hosts[host].know(user, Secret(secret), locks_after)

    def unlock(self, host: str, user: str) -> None:
        self._hosts[host].unlock(user)

    # what a test asks

    def answer(self, host: str) -> str | ErrorClass | Reply:
        return self._hosts[host].answer()

    def deeds(self, host: str) -> tuple[str, ...]:
        """The lines that the host has carried out, whatever it said."""
        return tuple(self._hosts[host].deeds)

    # the executor

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[FakeConnection]:
        for secret in filter(None, (login.secret, login.key)):
            run.keep(secret)
        found = self._hosts[host.address]
        if (error := found.refusal(login.user, login.secret)) is not None:
            raise HostRefused(
                f"connecting to {host.address!r}", error.value.replace("_", " "), _HELP.get(error, "bring it up"), error=error
            )
        self._count(1)
        try:
            yield FakeConnection(self, host, login, found)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._counting:
            self.connections += more
            self.connected += max(0, more)


_HELP = {ErrorClass.WRONG_CREDENTIALS: "look at the secret", ErrorClass.ACCOUNT_LOCKED: "unlock it"}


class FakeConnection:
    """What `FakeExecutor.connect` gives; no more is open once it was left."""

    def __init__(self, executor: FakeExecutor, host: Host, login: Login, found: FakeHost) -> None:
        self._executor, self._host, self._login, self._found = executor, host, login, found

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        """Run one after the other; the first that may not begin any more is told, and is the last."""
        return in_order(sequence, run, self._carry_out)

    def _carry_out(self, command: Command, run: Run) -> Result:
        try:
            ready = Ready.of(command, run)
            refuse_secrets(run, command.line)
        except InvalidValue as error:
            return Result.misfit(error)
        stdin = ready.stdin or ()
        self._executor.said.append(Said(self._host.address, self._login.user, command.line, stdin))
        answer = self._found.answer()
        if isinstance(answer, ErrorClass):
            return Result(Judgement("not_done", answer, answer.value.replace("_", " ")), 1)
        reply = Reply(answer) if isinstance(answer, str) else answer
        if reply.does:
            self._found.deeds.append(command.line)
        seconds = min(ready.seconds, ready.idle or ready.seconds)
        idle = seconds < ready.seconds  # a reply says nothing before it is over
        if not self._ends_within(reply, seconds):
            case = f"it said nothing for {seconds:g} s" if idle else f"it took longer than {seconds:g} s"
            return Result(Judgement("unknown", ErrorClass.TIMEOUT, f"{case}; nobody saw it end: it may still run"))
        said = "".join(part.reveal() if isinstance(part, Secret) else part for part in stdin) if reply.repeats else reply.output
        outputs = _recorded(said, run, self._executor.cap), _recorded(reply.errors, run, self._executor.cap)
        end = reply.exit if reply.seen else None
        return Result(ready.expectations.judge(end, None, *outputs), end, None, *outputs)

    def _ends_within(self, reply: Reply, seconds: float) -> bool:
        """Time passes on the clock, where there is one; without it only the numbers count."""
        self._pass(min(reply.takes, seconds))
        passed = reply.takes
        while passed < seconds and reply.until is not None and not reply.until():
            self._pass(min(1.0, seconds - passed))
            passed += 1.0
        return passed < seconds

    def _pass(self, seconds: float) -> None:
        if self._executor.clock is not None:
            self._executor.clock.advance(seconds=seconds)


def _recorded(text: str, run: Run, cap: int) -> Output:
    recorder = Recorder(run.scrub_stream(), cap)
    recorder.feed(text.encode())
    return recorder.finish()
