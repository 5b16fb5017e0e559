"""The hooks: what a plug-in may offer. Each is asked once, when `Plugins` is made, in each process that makes one.

A plug-in is a module or an object with functions of these names, marked with `hookimpl`. It reaches taskkit as an entry point of
the group `taskkit`, or from the hand of the product: `Plugins([my_plugin])`. It may say `taskkit_requires = ">=0.1,<1"`.
An offer is a value without a life of its own: nothing is opened, begun or read from disk by making it. Keys alone may be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from taskkit.events.policies import Policy
    from taskkit.keyrings import Keyring
    from taskkit.plugins.kinds import Executor, Exporter, Notifier, Report, Script
    from taskkit.plugins.storages import StorageKind

NAMESPACE = "taskkit"
hookspec = HookspecMarker(NAMESPACE)
hookimpl = HookimplMarker(NAMESPACE)


@hookspec
def taskkit_executors() -> Iterable[Executor]:
    """Offer instances of Executor: each says how one kind of host is reached.

    Asked once, at start. `connect` is called once for a job and host, from the threads of the workers, many at a time.

    After a crash the same executor may be asked to do the same again: `effect` says what may be done after work whose end nobody saw.
    Nothing that it remembers in memory may be needed for that.

    A complete plug-in::

        from collections.abc import Iterator
        from contextlib import contextmanager

        from taskkit.outcomes import Effect
        from taskkit.plugins import Executor, Host, Login, Run, Verb, hookimpl


        class Session:
            def commands(self, sequence, run):
                yield from ()  # one Operation for each command, as soon as it has ended


        class Mainframe(Executor):
            name = "mainframe"
            verbs = frozenset({Verb.COMMANDS})
            effect = Effect.BLIND

            @contextmanager
            def connect(self, host: Host, login: Login, run: Run) -> Iterator[Session]:
                yield Session()  # raise HostRefused where the host says no


        @hookimpl
        def taskkit_executors():
            return [Mainframe()]
    """
    raise NotImplementedError


@hookspec
def taskkit_scripts() -> Iterable[type[Script]]:
    """Offer classes that inherit from Script: each is a kind of definition, an attrs class whose fields are its settings.

    Asked once, at start. `accounts` is called before each start, without effects; `perform` carries a job out.

    After a crash `perform` is called again with the memo that `run.save` kept last: it reads it, and the vault, before anything else.
    The word in `kind` stands in stored documents: a later version of the plug-in keeps it, and reads settings of the earlier one.

    A complete plug-in::

        from attrs import frozen

        from taskkit.outcomes import Done, Outcome
        from taskkit.plugins import Run, Script, hookimpl


        @frozen
        class Greet(Script):
            kind = "greet"
            name: str
            greeting: str = "Hello"

            def perform(self, run: Run) -> Outcome:
                return Done({"said": f"{self.greeting}, {run.record}"})


        @hookimpl
        def taskkit_scripts():
            return [Greet]
    """
    raise NotImplementedError


@hookspec
def taskkit_policies() -> Iterable[type[Policy]]:
    """Offer classes that inherit from Policy: each is a rule for when a happening makes a task due.

    Asked once, at start. `wants` is asked for each happening and each task that has the policy: it only looks at its two values.

    After a crash the same happening may be reported again, and `wants` is asked again: the same happening gets the same answer.
    The word in `kind` stands in stored documents: a later version of the plug-in keeps it.

    A complete plug-in::

        from attrs import frozen

        from taskkit.events.happenings import CheckedIn, Happening
        from taskkit.events.policies import Due, Policy
        from taskkit.plugins import hookimpl


        @frozen
        class SomeTimeAfterCheckIn(Policy):
            kind = "some_time_after_check_in"
            minutes: int = 30

            def wants(self, happening: Happening) -> Due | None:
                return Due(60 * self.minutes) if isinstance(happening, CheckedIn) else None


        @hookimpl
        def taskkit_policies():
            return [SomeTimeAfterCheckIn]
    """
    raise NotImplementedError


@hookspec
def taskkit_exporters() -> Iterable[Exporter]:
    """Offer instances of Exporter: each writes facts in one form.

    Asked once, at start. `export` is called for each export, perhaps with millions of facts: it writes them as they come.

    After a crash the same facts may be exported again, into a new file or stream; nothing is remembered from one call to the next.

    A complete plug-in::

        from collections.abc import Iterable
        from typing import IO

        from taskkit.facts import Fact
        from taskkit.plugins import Exporter, hookimpl


        class Kinds(Exporter):
            name = "kinds"

            def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
                return sum(1 for fact in facts if to.write(f"{fact.kind}\\n".encode()))


        @hookimpl
        def taskkit_exporters():
            return [Kinds()]
    """
    raise NotImplementedError


@hookspec
def taskkit_notifiers() -> Iterable[Notifier]:
    """Offer instances of Notifier: each tells people of facts in one way.

    Asked once, at start. `notify` is called with the facts that it `wants`, in their order, a batch at a time and never twice at once.

    After a crash, and after it raised, it is handed the same batch again: who must not be told twice is told by the fact's chain and
    position, which stay the same. What it did not raise about is not handed again.

    A complete plug-in::

        from collections.abc import Sequence

        from taskkit.facts import Fact
        from taskkit.plugins import Notifier, hookimpl


        class Printed(Notifier):
            name = "printed"
            wants = frozenset({"JobFailed", "TaskSuspended"})

            def notify(self, facts: Sequence[Fact]) -> None:
                for fact in facts:
                    print(fact.kind, fact.task)


        @hookimpl
        def taskkit_notifiers():
            return [Printed()]
    """
    raise NotImplementedError


@hookspec
def taskkit_reports() -> Iterable[Report]:
    """Offer instances of Report: each makes the rows of one kind of report.

    Asked once, at start. `rows` is called once for each run of a report, with the run of its job.

    After a crash the report is made anew from its first row: `rows` reads, and changes nothing.

    A complete plug-in::

        from collections.abc import Iterator, Mapping
        from typing import Any

        from taskkit.plugins import Report, Run, hookimpl


        class Tasks(Report):
            name = "tasks"

            def rows(self, run: Run) -> Iterator[Mapping[str, Any]]:
                yield {"task": run.task.name, "seen_by": run.viewer}


        @hookimpl
        def taskkit_reports():
            return [Tasks()]
    """
    raise NotImplementedError


@hookspec
def taskkit_storages() -> Iterable[StorageKind]:
    """Offer values of StorageKind: each names a scheme of URLs and the function that opens such a storage.

    Asked once, at start. `open` is called with the whole URL each time that a product opens a storage; never when the plug-in is asked.

    After a crash `open` is called with the same URL, and what was written durably is there.

    A complete plug-in::

        from taskkit.plugins import StorageKind, hookimpl
        from taskkit.storage import Storage
        from taskkit.storage.memory import MemoryStorage


        def open_scratch(url: str) -> Storage:
            return MemoryStorage()


        @hookimpl
        def taskkit_storages():
            return [StorageKind("scratch", open_scratch)]
    """
    raise NotImplementedError


@hookspec
def taskkit_keyrings() -> Iterable[Keyring]:
    """Offer the Keyring with which taskkit seals what it keeps of its own: one, or none. There is one for all plug-ins.

    Asked once, at start. It may fetch the keys then: from a file, or from where the product has them. A keyring that is handed to the
    engine goes before it. Of what it raises, the text is told only where it is an error of taskkit's: other words might hold a key.

    After a crash it answers the same keys, or more: what is sealed with a key that is not among them does not open, and the engine does
    not start. An id is never used again for another key.

    A complete plug-in::

        import os

        from taskkit.keyrings import Keyring
        from taskkit.plugins import hookimpl


        @hookimpl
        def taskkit_keyrings():
            return [Keyring.from_file(os.environ["ACME_KEYS"])]  # a file that only its owner can read
    """
    raise NotImplementedError
