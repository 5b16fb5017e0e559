"""An executor that reaches no host and does as scripted, host by host. It keeps the contracts of every executor."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import field, frozen

from taskkit.errors import HostRefused, InvalidValue
from taskkit.outcomes import Done, Effect, ErrorClass, NotDone, Unknown
from taskkit.plugins.becoming import Become
from taskkit.plugins.executors._changes import may_begin, refused_by
from taskkit.plugins.executors._expectations import Judgement
from taskkit.plugins.executors._outputs import Output, Recorder
from taskkit.plugins.executors._sequences import Ready, Result, in_order, not_any_more, refuse_secrets, told
from taskkit.plugins.kinds import Executor
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Content, File, Host, Login, Operation, SecretChange, Verb
from taskkit.secrets import Secret
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.hosts import Account, Answer, FakeHost, Reply


@frozen
class Said:
    """What a host was told, as whom; what stood in its stdin, in parts."""

    host: str
    user: str
    line: str
    stdin: tuple[Secret | str, ...] = field(default=(), eq=False)
    #: As whom, where the command itself says so.
    become: Become | None = field(default=None, kw_only=True)


class FakeExecutor(Executor):
    """Hosts answer `ok`, unless `script(host, …)` says otherwise: a text, an error class, a `Reply`, or a function that gives one."""

    name = "fake"
    verbs = frozenset({Verb.COMMANDS, Verb.BECOME, Verb.FILES, Verb.PROBE, Verb.CHANGE_SECRET})
    effect = Effect.IDEMPOTENT

    def __init__(
        self, name: str = "fake", effect: Effect = Effect.IDEMPOTENT, *, clock: VirtualClock | None = None, cap: int = 65_536
    ) -> None:
        self.name = name  # type: ignore[misc]
        self.effect = effect  # type: ignore[misc]
        self.clock, self.cap = clock, cap
        #: Through which each log-in and each change passes, with its name: a simulation's `call`.
        self.stage: Callable[[str, Callable[[], Any]], Any] = lambda what, do: do()
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

    def guard(
        self,
        host: str,
        user: str,
        secret: str,
        *,
        locks_after: int | None = None,
        root: bool = False,
        expired: bool = False,
        keeps_old: float = 0.0,
    ) -> None:
        """From now on the host lets in only whom it knows; after so many wrong secrets it lets in this user no more.

        `root` may change others' secrets, an `expired` one has to be changed before it lets in, and what was replaced still lets in for
        `keeps_old` seconds: without a clock, for ever.
        """
        self._hosts[host].accounts[user] = Account(Secret(secret), locks_after, root, expired, keeps_old)

    def unlock(self, host: str, user: str) -> None:
        self._hosts[host].unlock(user)

    def script_changes(self, host: str, *answers: Answer) -> None:
        """What becomes of the next changes of secrets: a text is the word of the rule that refuses one, all else is as for `script`."""
        self._hosts[host].changes.extend(answers)

    def script_files(self, host: str, *answers: Answer) -> None:
        """What becomes of the next files that are put there, as for `script`: by default each is written."""
        self._hosts[host].puts.extend(answers)

    # what a test asks

    def files(self, host: str) -> Mapping[str, bytes]:
        """What the host's files hold, by their paths."""
        return dict(self._hosts[host].files)

    def answer(self, host: str) -> str | ErrorClass | Reply:
        return self._hosts[host].answer()

    def deeds(self, host: str) -> tuple[str, ...]:
        """The lines that the host has carried out, whatever it said."""
        return tuple(self._hosts[host].deeds)

    def secret(self, host: str, user: str) -> Secret | None:
        """What the host really takes for the user's secret now."""
        account = self._hosts[host].accounts.get(user)
        return None if account is None else account.secret

    # the executor

    @contextmanager
    def connect(self, host: Host, login: Login, run: Run) -> Iterator[FakeConnection]:
        found = self._let_in(host, login, run)
        self._count(1)
        try:
            yield FakeConnection(self, host, login, found)
        finally:
            self._count(-1)

    def change(self, host: Host, login: Login, change: SecretChange, run: Run) -> Done | NotDone | Unknown:
        if (misfit := may_begin(change, run)) is not None:
            return misfit
        try:
            found = self._let_in(host, login, run, expired=login.user == change.user)
        except HostRefused as refused:
            return NotDone(ErrorClass(refused.error), run.scrub(str(refused)))
        try:
            return self.stage("change", lambda: _Change(found, login, change, self.clock).outcome(run))  # type: ignore[no-any-return]
        except ConnectionError as error:
            return Unknown(f"the host's answer to the change was lost: {error}")

    def _let_in(self, host: Host, login: Login, run: Run, *, expired: bool = False) -> FakeHost:
        for secret in filter(None, (login.secret, login.key)):
            run.keep(secret)
        found = self._hosts[host.address]
        try:
            error = self.stage("log-in", lambda: found.refusal(login.user, login.secret, _seconds(self.clock)))
        except ConnectionError:
            error = ErrorClass.UNREACHABLE
        if error is not None and not (expired and error is ErrorClass.MUST_CHANGE):
            raise HostRefused(
                f"connecting to {host.address!r}", error.value.replace("_", " "), _HELP.get(error, "bring it up"), error=error
            )
        return found

    def _count(self, more: int) -> None:
        with self._counting:
            self.connections += more
            self.connected += max(0, more)


_HELP = {
    ErrorClass.WRONG_CREDENTIALS: "look at the secret",
    ErrorClass.ACCOUNT_LOCKED: "unlock it",
    ErrorClass.MUST_CHANGE: "give it a new secret",
}


#: The mode of a file that was not there.
NEW_FILE = 0o600


class FakeConnection:
    """What `FakeExecutor.connect` gives; no more is open once it was left."""

    def __init__(self, executor: FakeExecutor, host: Host, login: Login, found: FakeHost) -> None:
        self._executor, self._host, self._login, self._found = executor, host, login, found

    def commands(self, sequence: Iterable[Command], run: Run) -> Iterator[Operation]:
        """Run one after the other; the first that may not begin any more is told, and is the last."""
        return in_order(sequence, run, self._carry_out)

    def get(self, path: str, run: Run, *, most: int = 1_048_576, timeout: float = 60.0) -> File:
        content = self._found.files.get(path)
        if content is None or len(content) > most:
            case = "there is no such file" if content is None else f"it holds more than {most} bytes"
            raise HostRefused(run.scrub(f"getting {path!r}"), case, error=ErrorClass.BAD_CONFIGURATION)
        return File(content, self._found.modes.get(path, NEW_FILE), 0, 0)

    def put(self, path: str, content: Content, run: Run, *, mode: int | None = None, timeout: float = 60.0) -> Operation:
        return told(f"put {path}", run, lambda: self._put(path, content, mode, run, min(timeout, run.seconds_left)), not_any_more(run))

    def _put(self, path: str, content: Content, mode: int | None, run: Run, seconds: float) -> Result:
        answer = self._found.answer_to_put()
        if isinstance(answer, ErrorClass):
            return Result(Judgement("not_done", answer, answer.value.replace("_", " ")))
        reply = Reply(answer) if isinstance(answer, str) else answer
        if reply.does:
            kept = self._found.modes.get(path, NEW_FILE)
            self._found.files[path], self._found.modes[path] = _joined(content, run), kept if mode is None else mode
        if not _ends_within(reply, seconds, self._executor.clock) or not reply.seen:
            return Result(Judgement("unknown", ErrorClass.TIMEOUT, "nobody saw whether it was written"))
        return Result(Judgement("done") if reply.exit == 0 else Judgement("not_done", ErrorClass.FAILED, reply.errors))

    def _carry_out(self, command: Command, run: Run) -> Result:
        try:
            ready = Ready.of(command, run, becomes=True)
            refuse_secrets(run, command.line)
        except InvalidValue as error:
            return Result.misfit(error)
        stdin = ready.stdin or ()
        self._executor.said.append(Said(self._host.address, self._login.user, command.line, stdin, become=command.become))
        answer = self._found.answer()
        if isinstance(answer, ErrorClass):
            return Result(Judgement("not_done", answer, answer.value.replace("_", " ")), 1)
        reply = Reply(answer) if isinstance(answer, str) else answer
        if reply.does:
            self._found.deeds.append(command.line)
        seconds = min(ready.seconds, ready.idle or ready.seconds)
        idle = seconds < ready.seconds  # a reply says nothing before it is over
        if not _ends_within(reply, seconds, self._executor.clock):
            case = f"it said nothing for {seconds:g} s" if idle else f"it took longer than {seconds:g} s"
            return Result(Judgement("unknown", ErrorClass.TIMEOUT, f"{case}; nobody saw it end: it may still run"))
        said = "".join(part.reveal() if isinstance(part, Secret) else part for part in stdin) if reply.repeats else reply.output
        outputs = _recorded(said, run, self._executor.cap), _recorded(reply.errors, run, self._executor.cap)
        end = reply.exit if reply.seen else None
        return Result(ready.expectations.judge(end, None, *outputs), end, None, *outputs)


class _Change:
    """One change of a secret, as its host takes it."""

    def __init__(self, host: FakeHost, login: Login, change: SecretChange, clock: VirtualClock | None) -> None:
        self._host, self._login, self._change, self._clock = host, login, change, clock

    def outcome(self, run: Run) -> Done | NotDone | Unknown:
        answer = self._host.answer_to_change()
        if isinstance(answer, ErrorClass):
            return NotDone(answer, answer.value.replace("_", " "))
        if isinstance(answer, str):
            return refused_by(answer, f"the host refused the new secret: {answer.replace('_', ' ')}")
        by, user, now = self._login.user, self._change.user, _seconds(self._clock)
        if (error := self._host.refusal_of_change(by, user, self._change.old or self._login.secret, now)) is not None:
            return NotDone(error, f"changing the secret of {user!r} as {by!r}: {error.value.replace('_', ' ')}")
        return self._taken(answer, run)

    def _taken(self, reply: Reply, run: Run) -> Done | NotDone | Unknown:
        seconds = min(60.0, run.seconds_left)
        if reply.does:
            self._host.accounts[self._change.user].change(self._change.new, _seconds(self._clock))
        if not _ends_within(reply, seconds, self._clock):
            return Unknown(f"the host took longer than {seconds:g} s; nobody saw how the change ended")
        if not reply.seen:
            return Unknown("the connection broke, and nobody saw how the change ended")
        text = run.scrub(reply.errors) or f"the host ended the change with {reply.exit}"
        return Done() if reply.exit == 0 else refused_by("other", text)


def _joined(content: Content, run: Run) -> bytes:
    parts = content if isinstance(content, tuple) else (content,)
    for part in parts:
        if isinstance(part, Secret):
            run.keep(part)
    return b"".join(part.reveal_bytes() if isinstance(part, Secret) else part.encode() if isinstance(part, str) else part for part in parts)


def _seconds(clock: VirtualClock | None) -> float:
    return clock.monotonic() if clock else 0.0


def _ends_within(reply: Reply, seconds: float, clock: VirtualClock | None) -> bool:
    """Time passes on the clock, where there is one; without it only the numbers count."""
    _pass(min(reply.takes, seconds), clock)
    passed = reply.takes
    while passed < seconds and reply.until is not None and not reply.until():
        _pass(min(1.0, seconds - passed), clock)
        passed += 1.0
    return passed < seconds


def _pass(seconds: float, clock: VirtualClock | None) -> None:
    if clock is not None:
        clock.advance(seconds=seconds)


def _recorded(text: str, run: Run, cap: int) -> Output:
    recorder = Recorder(run.scrub_stream(), cap)
    recorder.feed(text.encode())
    return recorder.finish()
