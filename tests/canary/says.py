"""Ways in by what a script does with the secret that it read: each builds a house, lets it happen, and hands the house back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from taskkit.errors import HostRefused, InvalidValue, MissingPlugin, StaleToken, StopAsked, VaultAway
from taskkit.events.policies import OnDemand
from taskkit.outcomes import DONE, Asks, Done, NotDone, NotNow, Outcome, Unknown
from taskkit.plugins.verbs import Operation
from taskkit.secrets import Secret
from taskkit.selections import Everything
from taskkit.tasks import Fallback, Task
from taskkit.vaults import Slot, Values
from tests.canary.nests import CANARY, Nest, by_keep, by_keeping, by_login, by_proposal, by_slot, by_vault, plain
from tests.engine.houses import START, Crash

Way = Callable[[Path], Nest]
Answer = Callable[[Any, str], Any]


def answered(answer: Answer, read: Callable[[Any], str] = by_login, **given: Any) -> Way:
    def go(place: Path) -> Nest:
        nest = Nest(place)
        nest.says(answer, read)
        nest.work(**given)
        return nest

    return go


def raised(make: Callable[[str], BaseException]) -> Way:
    def answer(run: Any, song: str) -> Outcome:
        raise make(song)

    return answered(answer)


def done(deed: Answer) -> Way:
    def answer(run: Any, song: str) -> Outcome:
        deed(run, song)
        return DONE

    return answered(answer)


class Numbered(int):
    """A number with a text of its own, as clients of databases answer."""

    text: str


def numbered(text: str) -> Numbered:
    number = Numbered(7)
    number.text = text
    return number


def chained(song: str) -> Exception:
    error = RuntimeError(song)
    error.__cause__ = KeyError(song)
    error.add_note(song)
    return error


def undecodable(song: str) -> Exception:
    return UnicodeDecodeError("ascii", song.encode(), 0, 1, song)


def operation(**given: Any) -> Callable[[Any, str], object]:
    """One field of an operation carries it."""

    def tell(run: Any, song: str) -> None:
        fields = {name: value(song) for name, value in given.items()}
        run.operation(Operation(**{"name": "look", "state": "done", "began": START, "ended": START, **fields}))

    return tell


def said(song: str) -> str:
    return song


def away_late(run: Any, song: str) -> Outcome:
    operation()(run, song)
    raise VaultAway("reading", song)


ANSWERS: Mapping[str, Way] = {
    "a result": answered(lambda run, song: Done({"said": song})),
    "the name of a result": answered(lambda run, song: Done({song: 1})),
    "a result deep down": answered(lambda run, song: Done({"a": [{"b": ({"c": song},)}]})),
    "bytes in a result": answered(lambda run, song: Done({"said": plain(song).encode()})),
    "an object in a result": answered(lambda run, song: Done({"said": ValueError(song)})),
    "the text of what is not done": answered(lambda run, song: NotDone("failed", song)),
    "the result of what is not done": answered(lambda run, song: NotDone("wrong_credentials", "", {"said": song})),
    "the text of what is retried": answered(lambda run, song: NotDone("unreachable", song), fallback=Fallback(minutes=5, cycles=1)),
    "an unknown end": answered(lambda run, song: Unknown(song)),
    "the result of an unknown end": answered(lambda run, song: Unknown("", {"said": song})),
    "the digest of a plan": answered(lambda run, song: Asks(song, "a plan")),
    "the summary of a plan": answered(lambda run, song: Asks("1", song)),
    "a reason to wait": answered(lambda run, song: NotNow(START.add(days=1), song)),
}
ERRORS: Mapping[str, Way] = {
    "an error": raised(ValueError),
    "an error of several arguments": raised(lambda song: ValueError(1, {"said": plain(song)})),
    "an error with a cause and a note": raised(chained),
    "a group of errors": raised(lambda song: ExceptionGroup(song, [ValueError(song)])),
    "an error about text": raised(undecodable),
    "a host that refused": raised(lambda song: HostRefused("connecting", song)),
    "a misfit": raised(lambda song: InvalidValue("reading", song)),
    "a plug-in that is missing": raised(lambda song: MissingPlugin("reading", "there is none", song)),
    "a vault that is away": raised(lambda song: VaultAway("reading", song)),
    "a vault that is away too late": answered(away_late),
    "an exit of the whole process": raised(SystemExit),
    "a stop": raised(lambda song: StopAsked("stopping", song)),
}


def adopted(place: Path) -> Nest:
    """The candidate lies there since another job, and the secret in force is another one."""
    nest = Nest(place)
    nest.vault.change_secret("h01", "password", "another-horse", at=START)
    assert nest.vault.slots is not None
    nest.vault.slots.propose("h01", {"password": Secret(CANARY)}, "attempt-1", 1)
    nest.says(lambda run, song: Done({"said": song}), by_slot)
    nest.work()
    return nest


def ended(deed: str) -> Answer:
    """A candidate ends, and the run says what it was."""

    def answer(run: Any, song: str) -> Outcome:
        assert getattr(run.vault.slots, deed)("h01", "attempt-1", run.token)
        return Done({"said": song})

    return answer


DEEDS: Mapping[str, Way] = {
    "a candidate of another job": adopted,
    "a candidate of its own": answered(lambda run, song: Done({"said": song}), by_proposal),
    "a candidate that is promoted": answered(ended("promote"), by_proposal),
    "a candidate that is discarded": answered(ended("discard"), by_proposal),
    "a new secret that the vault keeps": answered(lambda run, song: Done({"said": song}), by_keeping),
    "a memo": done(lambda run, song: run.save({"said": song, song: [song]})),
    "progress": done(lambda run, song: run.progress(1, 2, song)),
    "the name of an operation": done(operation(name=said)),
    "the output of an operation": done(operation(output=said)),
    "the errors of an operation": done(operation(errors=said)),
    "the text of an operation": done(operation(text=said, error=said)),
    "a captured value": done(operation(captured=lambda song: {"said": song, song: "name"})),
    "what a run scrubs itself": done(lambda run, song: run.progress(1, 2, run.scrub(song))),
    "a secret of its own": answered(lambda run, song: Done({"said": song}), by_keep),
    "the vault itself": answered(lambda run, song: Done({"said": song}), by_vault),
    "an operation before a memo": done(lambda run, song: (operation(output=said)(run, song), run.save({}))),
}


def rescued(place: Path) -> Nest:
    """A worker dies after its memo; another one goes on with it, and tells what it found there."""

    def dies(run: Any, song: str) -> Outcome:
        operation(output=said)(run, song)
        run.progress(1, 2, song)
        run.save({"said": song})
        raise Crash

    nest = Nest(place)
    nest.says(dies)
    nest.play.says("h01", lambda run: Done({"found": run.memo}))
    nest.work()
    nest.caught.clear()  # with the process
    nest.clock.advance(minutes=10)
    nest.engine = nest.enter()
    nest.engine.drain()
    return nest


def early(deed: Answer) -> Way:
    """What a host says already, the run opens later only."""

    def go(place: Path) -> Nest:
        nest = Nest(place)

        def perform(run: Any) -> Outcome:
            deed(run, nest.sing(CANARY))
            run.login(run.record)
            return DONE

        nest.play.says("h01", perform)
        nest.work()
        return nest

    return go


EARLY: Mapping[str, Way] = {
    "the output of an operation before it is read": early(operation(name=said, output=said)),
    "a captured value before it is read": early(operation(captured=lambda song: {"said": song, song: "name"})),
    "a memo before it is read": early(lambda run, song: run.save({"said": song})),
    "progress before it is read": early(lambda run, song: run.progress(1, 2, song)),
}


def given(make: Callable[[Secret], Any]) -> Way:
    """A facet of the vault hands out secrets in a form of its own; the run has them by asking, and says nothing about it."""

    def go(place: Path) -> Nest:
        nest, secret = Nest(place), Secret(CANARY)
        nest.vault.secrets.each = lambda: make(secret)  # type: ignore[attr-defined]

        def read(run: Any) -> str:
            answer = run.vault.secrets.each()
            return secret.reveal() if not isinstance(answer, Iterator) or list(answer) else ""

        nest.says(lambda run, song: Done({"said": song}), read)
        nest.work()
        return nest

    return go


GIVEN: Mapping[str, Callable[[Secret], Any]] = {
    "a secret": lambda secret: secret,
    "secrets in turn": lambda secret: iter([secret]),
    "a list of secrets": lambda secret: [[secret]],
    "secrets by name": lambda secret: {"password": secret},
    "pending values": lambda secret: Values(pending={"password": secret}),
    "a candidate": lambda secret: Slot("attempt-1", {"password": secret}),
    "previous values": lambda secret: Values(previous={"password": secret}),
}


def conducted(place: Path) -> Nest:
    """A part of a run over many records says it, and the next wave is halted for that."""
    nest = Nest(place)
    nest.says(lambda run, song: NotDone("failed", song, {"said": song}))
    task = nest.engine.put(Task("many", "work", OnDemand(), selection=Everything()))
    nest.engine.demand(task.id)
    nest.attempt(nest.engine.drain)
    return nest


SAYS: Mapping[str, Way] = {
    **ANSWERS,
    **ERRORS,
    **DEEDS,
    **EARLY,
    **{f"{name} of a vault": given(make) for name, make in GIVEN.items()},
    "a worker that dies": rescued,
    "a part of a run over many records": conducted,
}


def late(run: Any, song: str) -> Outcome:
    """A newer job was at the slot; the vault says no more than that."""
    run.vault.slots.adopt("h01", 2**62)
    run.vault.slots.propose("h01", {"password": Secret(CANARY)}, "attempt-1", run.token)
    return Done({"said": song})


#: What leaves no word of it.
UNSAID: Mapping[str, Way] = {
    "what is no outcome": answered(lambda run, song: song),
    "a candidate that comes too late": answered(late),
    "a lost job": raised(lambda song: StaleToken("going on", song)),
    "a number with a text": answered(lambda run, song: Done({"code": numbered(song)})),
    "a name of a point": done(lambda run, song: run.point(song)),
}
