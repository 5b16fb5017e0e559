"""Dialogues with routers and limited shells, which know no commands in the sense of others: a prompt, an answer, the next prompt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

from attrs import Attribute, field, frozen

from taskkit.checks import a, named, one_of, refused, several
from taskkit.errors import InvalidValue, StaleToken, StopAsked, StorageAway, TriesSpared
from taskkit.outcomes import Effect, NotDone, NotNow, Outcome, Unknown, an_effect
from taskkit.plugins.executors._talks import Talk
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Verb
from taskkit.records import Accounts
from taskkit.scripts._answers import answers
from taskkit.scripts._conversations import Conversation, told
from taskkit.scripts._exchanges import SILENCE, Cue, Exchange, some_cues
from taskkit.scripts._fields import with_secrets
from taskkit.scripts._lines import read, written
from taskkit.scripts._steps import answer, seconds
from taskkit.scripts._talk_courses import TalkCourse
from taskkit.scripts._templates import PASSWORD, places


def _exchanges_of(given: Iterable[Exchange] | Exchange) -> tuple[Exchange, ...]:
    return several(given)


def _cues_of(given: Iterable[Cue] | Cue) -> tuple[Cue, ...]:
    return several(given)


def _exchanges(instance: object, attribute: Attribute[Any], given: tuple[object, ...]) -> None:
    if not given:
        raise refused(instance, attribute, given, "there is no exchange", "give at least one Exchange, or Dialogue.of(name, text)")
    captured: set[str] = set()
    seen: set[str] = set()
    for number, exchange in enumerate(given, 1):
        if not isinstance(exchange, Exchange):
            raise InvalidValue(f"Dialogue: exchange {number}", f"it is a {type(exchange).__name__}", "give Exchange(…), or Dialogue.of")
        twice = (captured & set(exchange.capture)) | ({exchange.name} & seen)
        if twice:
            case = f"an earlier one has the name {', '.join(sorted(twice))} as well"
            raise InvalidValue(f"Dialogue: {told(exchange)}", case, "give each exchange and each captured value a name of its own")
        captured |= set(exchange.capture)
        seen |= {exchange.name} - {""}


def _answers_only(instance: object, attribute: Attribute[Any], given: tuple[Cue, ...]) -> None:
    """What may come at any time is answered, fails, or leads to an exchange that has a name."""
    for cue in given:
        if cue.then in ("next", "again") and cue.answer is None and cue.error is None:
            raise InvalidValue(f"Dialogue: always {cue.prompt!r}", "nothing follows from it", "give an answer, an error or a place")
        if cue.answer is not None and (cue.then != "next" or cue.prompt == SILENCE):
            raise InvalidValue(
                f"Dialogue: always {cue.prompt!r}", "it answers, and leads elsewhere or stands for silence", "say that in an exchange"
            )
        if any(place.field == PASSWORD for place in places(cue.answer)):
            raise InvalidValue(f"Dialogue: always {cue.prompt!r}", "a secret would be said again and again", "say it to one prompt")


@frozen
class Dialogue(Script):
    """Talks with a machine over a terminal. Blind unless the definition says that all of it may be said twice."""

    kind = "dialogue"
    needs = frozenset({Verb.DIALOGUE})
    resumes = True

    name: str = field(validator=named)
    exchanges: tuple[Exchange, ...] = field(converter=_exchanges_of, validator=_exchanges)
    #: What may come at any time.
    always: tuple[Cue, ...] = field(default=(), converter=_cues_of, validator=[some_cues, _answers_only], kw_only=True)
    #: Whether pagers are asked for the next page.
    paging: bool = field(default=True, validator=a(bool), kw_only=True)
    #: How many seconds a machine that waits has been quiet.
    quiet: float = field(default=0.2, validator=seconds, kw_only=True)
    #: What a place may put into an answer with other text around it: one word, or whatever the field holds.
    values: Literal["words", "any"] = field(default="words", validator=one_of("words", "any"), kw_only=True)
    effect: Effect = field(  # type: ignore[misc]  # for other kinds the class knows; here only who wrote the lines does
        default=Effect.BLIND, converter=an_effect, validator=one_of(Effect.BLIND, Effect.IDEMPOTENT), kw_only=True
    )

    def __attrs_post_init__(self) -> None:
        places = {f"@{exchange.name}": number for number, exchange in enumerate(self.exchanges) if exchange.name}
        for at, cue in [*((at, cue) for at, one in enumerate(self.exchanges) for cue in one.cues), *((None, cue) for cue in self.always)]:
            if cue.then[0] == "@" and cue.then not in places:
                known = f"there are {', '.join(places)}" if places else "no exchange has a name"
                raise InvalidValue(f"Dialogue: {cue.prompt!r} leads to {cue.then}", "there is no such exchange", known)
            to = at if cue.then == "again" else places.get(cue.then)
            if to is not None and (at is None or to <= at) and not self.exchanges[to].retries:
                case = f"it leads back to {told(self.exchanges[to])}, which may not be tried again"
                raise InvalidValue(f"Dialogue: {cue.prompt!r}", case, "say there how often: retries=…, or 'retry 3' behind its prompt")

    @classmethod
    def of(cls, name: str, text: str, **given: Any) -> Self:
        """From the lines of a text; UnreadableText points at the place that was not understood."""
        talked = read(text)
        return cls(name, talked.exchanges, always=talked.always, **given)

    @property
    def text(self) -> str:
        """The lines that `of` reads."""
        return written(self.exchanges, self.always)

    @property
    def cues(self) -> tuple[Cue, ...]:
        return tuple(cue for exchange in self.exchanges for cue in exchange.cues) + self.always

    def accounts(self, run: Run) -> Accounts:
        return with_secrets(super().accounts(run), [cue.answer for cue in self.cues], run)

    def perform(self, run: Run) -> Outcome:
        course = TalkCourse.of(run.memo)
        try:
            return self._talk(course, run)
        except TriesSpared as spared:  # nothing was said
            return NotNow(spared.until, spared.code)
        except (StaleToken, StorageAway):
            raise  # the job is another's, or will be, and so is what it ends with
        except Exception as error:  # whatever the vault or an executor raises becomes an outcome here
            if course.over:  # the farewell failed, not the work
                return course.outcome(self.effect)
            met = answer(error, run)
            if course.has_begun and not isinstance(error, StopAsked):
                return Unknown(f"{self._begun(course)}: {met.text}", course.result)
            return NotDone(met.error, met.text, course.result)

    def _talk(self, course: TalkCourse, run: Run) -> Outcome:
        if course.over:
            return course.outcome(self.effect)
        if course.has_begun and self.effect is not Effect.IDEMPOTENT:
            return Unknown(f"{self._begun(course)}, and nobody saw the dialogue end", course.result)
        course.start_again()
        ready = answers(self, run)
        with run.connect() as connection, connection.terminal(run) as terminal:
            return Conversation(self, ready, Talk(terminal, run, self.quiet), course, run).hold()

    def _begun(self, course: TalkCourse) -> str:
        """A dialogue cannot be taken up in the middle: what it had begun is in doubt as a whole (J13)."""
        number = course.began or course.done
        return f"{told(self.exchanges[number - 1])} had {'begun' if course.began else 'ended'}"
