"""Readers of facts, each from a mark of its own: a crash loses nothing, a slow one slows nobody (J5).

The mark lies in the store. Before a notifier is handed anything, its mark says for how long this process has it: other processes leave it
alone so long, and what was handed over but not noted, because the process died, is handed over once more. While the engine runs in threads,
each notifier has a thread of its own. No notifier is handed anything twice at the same time: one that hangs is let alone until it is back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from taskkit.engine._errands import each_alone
from taskkit.facts import START, Fact, Mark
from taskkit.instants import Instant
from taskkit.plugins.kinds import Notifier
from taskkit.storage import Document, Keep

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_TABLE = "mark"
_PAGE = 500
_SECONDS = 1.0
#: In lengths of a lease: clocks of two machines may differ by one.
_LONGEST = 2


class Notices:
    def __init__(self, ground: Ground) -> None:
        self._ground, self._storage = ground, ground.storage
        self._failing: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._busy = {name: threading.Lock() for name in ground.plugins.notifiers}

    def begin(self) -> None:
        """A notifier that is new here is told what happens from now on, and not what happened all the years before."""
        heads = {head.chain: head.position for head in self._storage.heads()}
        for name in self._ground.plugins.notifiers:
            if self._storage.document(_TABLE, _id(name)) is None:
                self._storage.write([(Keep(_TABLE, _id(name), 0, {"mark": heads}),)])

    def send(self) -> int:
        """What landed since, to every notifier; how many facts were handed over. Their threads do it where they run."""
        if self._threads:
            return 0
        return each_alone(partial(self._send, notifier) for notifier in self._ground.plugins.notifiers.values())

    # threads

    def start(self) -> None:
        self._over = over = threading.Event()  # of these threads alone: one that was left behind ends when it comes back
        for notifier in self._ground.plugins.notifiers.values():
            thread = threading.Thread(target=self._live, args=(notifier, over), name=f"taskkit-notifier-{notifier.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, seconds: float) -> None:
        """One that hangs is left behind: its mark stays where it was, and nothing is lost."""
        self._over.set()
        monotonic = self._ground.clock.monotonic
        until = monotonic() + seconds  # for all of them together
        for thread in self._threads:
            thread.join(max(0.0, until - monotonic()))
        self._threads.clear()

    def _live(self, notifier: Notifier, over: threading.Event) -> None:
        ends = False
        while not ends:
            ends = over.wait(_SECONDS)
            with suppress(BaseException):  # a store that is away now may be back at the next turn; no signal comes to this thread
                while self._send(notifier):
                    pass

    # one notifier

    def _send(self, notifier: Notifier) -> int:
        """The mark's lease keeps other processes away, and this lock the other threads of this one."""
        if not self._busy[notifier.name].acquire(blocking=False):
            return 0
        try:
            return self._read_on(notifier)
        finally:
            self._busy[notifier.name].release()

    def _read_on(self, notifier: Notifier) -> int:
        """At least once: the mark moves after the notifier has taken what it was handed."""
        id, now = _id(notifier.name), self._ground.now()
        kept = self._storage.document(_TABLE, id)
        body: dict[str, Any] = dict(kept.body) if kept else {"mark": dict(START)}
        if self._is_lent(body, now):
            return 0
        facts, mark = self._storage.facts(body["mark"], kinds=notifier.wants, limit=_PAGE)
        if not facts:
            if mark != body["mark"]:
                self._keep(id, kept, {"mark": dict(mark)})
            return 0
        lease = {"holder": self._ground.worker, "until": now + self._ground.settings.lease_length}
        if not self._keep(id, kept, body | lease):
            return 0
        return self._hand(notifier, facts, id, kept, mark)

    def _is_lent(self, body: Mapping[str, Any], now: Instant) -> bool:
        """To another process. A lease that lasts so much longer than any was taken by a clock that was ahead, and says nothing."""
        left = body.get("until", 0) - now
        return body.get("holder") != self._ground.worker and 0 < left <= _LONGEST * self._ground.settings.lease_length

    def _hand(self, notifier: Notifier, facts: Any, id: str, kept: Document | None, mark: Mark) -> int:
        try:
            notifier.notify(facts)
        except BaseException as error:
            is_told = self._complain(notifier, error)
            if not isinstance(error, Exception):  # the caller's thread gets what was meant for it; one of ours goes on
                raise
            return int(is_told)  # which other notifiers want to hear
        self._failing.discard(notifier.name)
        revision = (kept.revision if kept else 0) + 1
        self._storage.write([(Keep(_TABLE, id, revision, {"mark": dict(mark)}),)], durable=False)
        return len(facts)

    def _keep(self, id: str, kept: Document | None, body: dict[str, Any]) -> bool:
        return bool(self._storage.write([(Keep(_TABLE, id, kept.revision if kept else 0, body),)], durable=False)[0])

    def _complain(self, notifier: Notifier, error: BaseException) -> bool:
        """Once, until it works again: the same complaint each second tells nothing more. Its text may hold anything, and is not told."""
        if notifier.name in self._failing:
            return False
        details = {"notifier": notifier.name, "error": type(error).__name__}
        self._storage.write([(Fact("NotifierFailed", self._ground.now(), details=details),)])
        self._failing.add(notifier.name)  # where the store is away, it is told at the next turn
        return True

    # what may go

    def unread(self) -> Instant | None:
        """When the oldest fact happened that somebody still has to be handed; None where there is none."""
        return min((at for notifier in self._ground.plugins.notifiers.values() for at in self._unread(notifier)), default=None)

    def _unread(self, notifier: Notifier) -> Iterator[Instant]:
        kept = self._storage.document(_TABLE, _id(notifier.name))
        mark: Mark = kept.body["mark"] if kept else START
        while True:
            facts, mark = self._storage.facts(mark, kinds=notifier.wants, limit=_PAGE)
            yield from (fact.at for fact in facts)
            if not facts:
                return


def _id(name: str) -> str:
    return f"notifier:{name}"
