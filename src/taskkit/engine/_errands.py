"""What is to be done beside the jobs, again and again, in threads of its own: no job keeps it waiting, and no job waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from attrs import define

from taskkit.engine._crew import Crew
from taskkit.facts import Fact

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground

_EVERY_SECONDS = 1.0
#: How often the vault may be asked within one errand before it counts as hanging.
_QUESTIONS = 10


def each_alone(errands: Iterable[Callable[[], int]]) -> int:
    """Each of them, whatever becomes of the others; the first error is raised when all had their turn. How much there was to do."""
    done, errors = 0, list[Exception]()
    for errand in errands:
        try:
            done += errand()
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return done


@define(eq=False)
class Errand:
    """One thing to be done; how much there was to do."""

    name: str
    do: Callable[[], int]
    last: float = float("-inf")
    is_out: bool = False
    hangs: bool = False
    fails: bool = False


class Errands:
    def __init__(self, ground: Ground, errands: Iterable[tuple[str, Callable[[], int]]], news: Callable[[], None]) -> None:
        self._ground, self._news = ground, news
        self._errands = [Errand(name, do) for name, do in errands]
        most = len(self._errands)
        self._crew: Crew[Errand] = Crew(
            "errand", self._run, most=most, abandoned=most + 1, monotonic=ground.clock.monotonic, on_failure=self._failed
        )

    def send_out(self) -> None:
        """One that hangs is not sent out a second time before it is back."""
        now = self._ground.clock.monotonic()
        for errand in self._errands:
            if not errand.is_out and now - errand.last >= _EVERY_SECONDS:
                errand.last, errand.is_out = now, True
                self._crew.give(errand)

    def look_after(self) -> None:
        for errand in self._crew.give_up_late():
            errand.hangs = True
            self._tell("PluginAbandoned", {"errand": errand.name})

    def failing(self) -> list[str]:
        return [errand.name for errand in self._errands if errand.fails or errand.hangs]

    def are_out(self) -> bool:
        return self._crew.busy > 0

    def stop(self) -> None:
        self._crew.stop()

    def _run(self, errand: Errand) -> None:
        self._crew.limit(self._ground.clock.monotonic() + _QUESTIONS * self._ground.settings.vault_timeout)
        try:
            if errand.do():
                self._news()
        finally:
            errand.is_out = errand.hangs = False
        errand.fails = False

    def _failed(self, errand: Errand, error: BaseException) -> None:
        """Once, until it works again: the same complaint each second tells nothing more."""
        if not errand.fails:
            errand.fails = True
            self._tell("EngineFailed", {"errand": errand.name, "error": type(error).__name__})

    def _tell(self, kind: str, details: dict[str, object]) -> None:
        self._ground.storage.write([(Fact(kind, self._ground.now(), details=details),)])
