"""What every policy on happenings keeps: PC1 to PC8 of `docs/reference/contracts.md`."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs
import pendulum

from taskkit.documents import documents_of
from taskkit.engine import Engine
from taskkit.events.happenings import HAPPENINGS, Demanded, Happening
from taskkit.events.policies import POLICIES, Due, Policy
from taskkit.outcomes import DONE, Effect, Outcome
from taskkit.plugins.kinds import Script
from taskkit.plugins.manager import Plugins
from taskkit.plugins.runs import Run
from taskkit.plugins.specs import hookimpl
from taskkit.records import Record, RecordType
from taskkit.tasks import Task, of_type
from taskkit.testing.clocks import VirtualClock
from taskkit.testing.contracts._contract import Contract
from taskkit.testing.vaults import MemoryVault

_START = pendulum.datetime(2026, 3, 2, 9, tz="UTC")
_ODD = ("", "a", "two\nlines", "half \ud800", "nul \0", "🔑", "x" * 10_000, "None", "0")
_MANY = 400


class PolicyContract(Contract):
    """To inherit: `policies` gives values to try, and `happenings` those of the product's own happenings that they want."""

    def policies(self) -> Iterable[Policy]:
        """At least one of each kind that is offered; several, where their fields change what they want."""
        self._missing("policies")

    def happenings(self) -> Iterable[Happening]:
        """Happenings of kinds that taskkit does not know, on the record `db-1`."""
        return ()

    # how they are tried here

    def _policies(self) -> Sequence[Policy]:
        found = tuple(self.policies())
        assert found, "there is no policy to try"
        return found

    def _happenings(self) -> Sequence[Happening]:
        """Of every kind, plain and odd."""
        return (*_plain(), *self.happenings(), *_random(random.Random(1), _MANY), _Strange("db-1"))

    def test_pc01_it_is_a_value(self) -> None:
        for policy, again in zip(self._policies(), self._policies(), strict=True):
            assert isinstance(policy, Policy), f"{policy!r} is no Policy"
            assert policy == again, f"two that say the same are not equal: {policy!r}"
            assert hash(policy) == hash(again), f"two that are equal have two hashes: {policy!r}"
            assert isinstance(policy.kind, str), f"{policy!r} has no kind"
            assert attrs.has(type(policy)), f"{type(policy).__name__} is no attrs class"
            try:
                policy.kind = "another"  # type: ignore[misc]
            except AttributeError:  # attrs raises one of these
                continue
            raise AssertionError(f"{policy!r} can be changed")

    def test_pc02_it_goes_into_a_document_and_comes_back(self) -> None:
        plugins = _Offer(self._policies()).plugins
        for policy in self._policies():
            task = Task("trial", "trial", policy)
            written = json.loads(json.dumps(documents_of(plugins).write(task)))
            assert documents_of(plugins).task(written, 1).policies == (policy,), f"{policy!r} comes back as another"

    def test_pc03_the_same_happening_gets_the_same_answer(self) -> None:
        for policy, again in zip(self._policies(), self._policies(), strict=True):
            for happening in self._happenings():
                first = policy.wants(happening)
                for same, asked in ((happening, policy), (copy.copy(happening), policy), (attrs.evolve(happening), again)):
                    assert asked.wants(same) == first, f"{policy} answers {first} and then {asked.wants(same)} to {happening!r:.300}"

    def test_pc03_what_was_asked_between_changes_no_answer(self) -> None:
        happenings = self._happenings()
        for policy in self._policies():
            forth = [policy.wants(happening) for happening in happenings]
            back = [policy.wants(happening) for happening in reversed(happenings)]
            assert forth == back[::-1], f"{policy} remembers what it was asked"

    def test_pc04_it_answers_with_a_due_or_with_none_whatever_happens(self) -> None:
        for policy in self._policies():
            for happening in self._happenings():
                due = policy.wants(happening)
                assert due is None or isinstance(due, Due), f"{policy} answers {due!r}"
                assert due is None or due.after >= 0, f"{policy}: due before it happens, by {-due.after} s"

    def test_pc05_there_is_something_that_each_wants_and_something_that_it_does_not(self) -> None:
        happenings = (*_plain(), *self.happenings())
        for policy in self._policies():
            wanted = [happening for happening in happenings if policy.wants(happening) is not None]
            assert wanted, f"{policy} wants nothing: its task never runs"
            assert policy.wants(_Strange("db-1")) is None, f"{policy} wants what it cannot know"

    def test_pc06_it_says_in_words_what_it_is(self) -> None:
        for policy in self._policies():
            words = str(policy)
            assert words.strip(), f"{type(policy).__name__} says nothing"
            assert words != repr(policy), f"{words}: that is for programmers, and not for the history"
            assert "\n" not in words, f"{words!r} has more than one line"
        said = {str(policy): policy for policy in self._policies()}
        assert len({policy.kind for policy in said.values()}) == len({policy.kind for policy in self._policies()}), "two kinds say the same"

    def test_pc07_told_twice_a_happening_makes_one_job_that_is_due_no_sooner_than_it(self) -> None:
        for policy in self._policies():
            for happening in (*_plain(), *self.happenings()):
                due = policy.wants(happening)
                if due is None or isinstance(happening, Demanded):  # who asks for a run names the task
                    continue
                house = _Offer([policy]).house(policy)
                told = attrs.evolve(happening, at=_START)
                jobs = house.emit(told)
                assert len(jobs) == 1, f"{policy}: {happening.kind} makes {len(jobs)} jobs"
                assert house.job(jobs[0]).due >= _START, f"{policy}: due before it happens"
                house.emit(told)
                assert len(house.history().entries) == 1, f"{policy}: told twice, {happening.kind} makes two jobs"
                assert str(policy) in " ".join(house.job(jobs[0]).reasons), f"the reason is {house.job(jobs[0]).reasons}"

    def test_pc08_once_it_has_ended_it_has_ended_for_ever(self) -> None:
        for policy in self._policies():
            moments = [_START.add(days=days) for days in (-3650, -1, 0, 1, 30, 365, 3650, 36500)]
            ended = [policy.has_ended(moment) for moment in moments]
            assert all(isinstance(one, bool) for one in ended), f"{policy} answers {ended}"
            assert ended == sorted(ended), f"{policy} ends, and begins again: {ended}"
            assert not all(ended), f"{policy} has ended before it began"


@attrs.frozen
class _Strange(Happening):
    """Of a kind that nobody knows."""

    kind = "strange_to_all"


@attrs.frozen
class _Nothing(Script):
    kind = "trial"
    effect = Effect.IDEMPOTENT
    name: str = "trial"

    def perform(self, run: Run) -> Outcome:
        return DONE


class _Offer:
    """The policies, as a plug-in offers them."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        own = dict.fromkeys(type(policy) for policy in policies)
        self._offered = list(dict.fromkeys((*own, *(kind for kind in POLICIES if kind.kind not in {made.kind for made in own}))))
        self.plugins = Plugins([("trial", self)], discover=False, guests=False)

    @hookimpl
    def taskkit_policies(self) -> Iterable[type[Policy]]:
        return self._offered

    @hookimpl
    def taskkit_scripts(self) -> Iterable[type[Script]]:
        return [_Nothing]

    def house(self, policy: Policy) -> Engine:
        engine = Engine(MemoryVault([Record("db-1", "trial")]), plugins=self.plugins, clock=VirtualClock(_START))
        engine.define(RecordType("trial"))
        engine.define(_Nothing())
        engine.put(Task("trial", "trial", policy), list=of_type("trial"))
        return engine


def _plain() -> Iterator[Happening]:
    for number, kind in enumerate(HAPPENINGS):
        given: dict[str, Any] = {"task": "t-1"} if kind is Demanded else {}
        yield kind("db-1", id=f"h-{number}", **given)
    yield from (kind("db-1", id=f"a-{number}", approval="a-17") for number, kind in enumerate(HAPPENINGS) if hasattr(kind, "ending"))  # type: ignore[call-arg]


def _random(rng: random.Random, count: int) -> Iterator[Happening]:
    """Of all kinds, with whatever their fields take."""
    for number in range(count):
        kind = rng.choice(HAPPENINGS)
        given: dict[str, Any] = {
            "record": rng.choice(_ODD[1:]),
            "id": f"r-{number}",
            "at": rng.choice((None, _START.add(days=rng.randint(-9999, 9999)))),
        }
        given["origin"] = tuple(rng.choices(_ODD[1:], k=rng.randrange(3)))
        for one in attrs.fields(kind):
            if one.name in ("approval", "session", "before", "after"):
                given[one.name] = rng.choice(_ODD)
            elif one.name in ("user", "task"):
                given[one.name] = rng.choice(_ODD[1:])
        try:
            yield kind(**given)
        except ValueError:  # it takes no such field
            continue
