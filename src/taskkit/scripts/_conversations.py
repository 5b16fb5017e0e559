"""A dialogue as it is held: one exchange after the other, as cues lead; an operation for each answer (J10, J13)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pendulum
from attrs import evolve, frozen

from taskkit.outcomes import ErrorClass, NotDone, Outcome, Unknown
from taskkit.plugins.executors._expectations import Expectations, Judgement, compiled
from taskkit.plugins.executors._outputs import Output
from taskkit.plugins.executors._talks import Nothing, Patience, Seen, Talk
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Operation
from taskkit.scripts._answers import PAGER, Answer
from taskkit.scripts._exchanges import CLOSED, END, SILENCE, Cue, Exchange
from taskkit.scripts._lines import written
from taskkit.scripts._talk_courses import TalkCourse

if TYPE_CHECKING:
    from taskkit.scripts.dialogue import Dialogue


@frozen
class _Open:
    """An answer that was given, and whose end nobody has seen yet."""

    exchange: Exchange
    cue: Cue
    line: str
    began: pendulum.DateTime


class Conversation:
    """Held once, over one terminal."""

    def __init__(self, dialogue: Dialogue, answers: Mapping[str, Answer], talk: Talk, course: TalkCourse, run: Run) -> None:
        self._dialogue, self._answers, self._talk, self._course, self._run = dialogue, answers, talk, course, run
        #: How often each exchange was come back to.
        self._returns: Counter[int] = Counter()
        self._given: set[tuple[int, Cue]] = set()
        #: Messages that have led elsewhere since the last answer: each does so once.
        self._heeded: set[Cue] = set()
        self._open: _Open | None = None
        self._line = ""

    def hold(self) -> Outcome:
        at = 0
        while True:
            found = self._pass(at)
            if not isinstance(found, int):
                return found
            at = found

    def _pass(self, at: int) -> int | Outcome:
        exchange = self._exchange(at)
        if exchange is None:
            return self._course.outcome(self._dialogue.effect)
        if self._returns[at] > exchange.retries:
            return self._broken_off(exchange, f"tried {exchange.retries + 1} times", ErrorClass.FAILED, ErrorClass.FAILED)
        left = self._run.seconds_left
        cue = self._wait(exchange, at)
        if cue is Nothing.CLOSED:
            return self._broken_off(exchange, "the machine closed the connection", ErrorClass.FAILED, ErrorClass.UNREACHABLE)
        if cue is Nothing.SILENCE:
            case = f"it did not come within {exchange.timeout:g} s" if left >= exchange.timeout else "the job has no time left"
            return self._broken_off(exchange, case, ErrorClass.TIMEOUT, ErrorClass.TIMEOUT)
        if cue is Nothing.ASKED_AGAIN:
            return self._refused(exchange, ErrorClass.WRONG_CREDENTIALS, "it asks again: the secret was not taken")
        if cue.prompt == SILENCE and cue.answer is not None:
            answer = self._answers[cue.answer]
            self._talk.put_in(answer.parts, answer.enter, rub_out=False)
            return self._next(at, cue)
        return self._go_on(at, exchange, cue)

    def _go_on(self, at: int, exchange: Exchange, cue: Cue) -> int | Outcome:
        following = self._next(at, cue)
        over = cue.answer is None and following >= len(self._dialogue.exchanges)
        if cue.error is not None:
            return self._refused(exchange, cue.error, cue.text or f"it said {cue.prompt!r}")
        if cue.is_message:
            self._heeded.add(cue)
        if cue.is_message and following <= at:
            self._led_back(cue)
        elif cue.prompt != SILENCE or over:
            self._end(last=cue.is_message or cue.prompt in (SILENCE, CLOSED), over=over)
        if self._course.failed:
            return self._course.outcome(self._dialogue.effect)
        if cue.answer is not None:
            if self._run.stop_requested:
                return NotDone(ErrorClass.STOPPED, f"stopped before {told(exchange)}", self._course.result)
            self._say(at, exchange, cue, cue.answer)
        return following

    # waiting

    def _exchange(self, at: int) -> Exchange | None:
        """The one at that place; behind the last, as long as an answer has not ended, it is waited that its prompt comes back."""
        if at < len(self._dialogue.exchanges):
            return self._dialogue.exchanges[at]
        if self._open is None:
            return None
        cues = [cue for cue in self._open.exchange.cues if cue.answer is None or not self._answers[cue.answer].is_secret]
        back = [evolve(cue, answer=None, then=END) if cue.answer is not None else cue for cue in cues if cue.prompt != SILENCE]
        return Exchange((*back, Cue(CLOSED, then=END)), timeout=self._open.exchange.timeout)

    def _wait(self, exchange: Exchange, at: int) -> Cue | Nothing:
        patience = Patience(min(exchange.timeout, self._run.seconds_left))
        always = (*self._dialogue.always, *((PAGER,) if self._dialogue.paging else ()))
        cues = sorted((*exchange.cues, *always), key=lambda cue: not cue.is_message)  # what it tells goes before where it waits
        looks = [(cue, cue.stands) for cue in cues if cue not in self._heeded]

        def choose(seen: Seen) -> Cue | Nothing | None:
            self._line = seen.line
            cue = next((cue for cue, stands in looks if stands(seen.text if cue.is_message else seen.line)), None)
            return Nothing.ASKED_AGAIN if self._is_asked_again(at, cue) else cue

        while True:
            found = self._talk.listen(choose, patience)
            if isinstance(found, Nothing):
                foreseen = (cue for cue in (*exchange.cues, *always) if cue.prompt == f"<{found}>")
                return next(foreseen, found)
            if found.answer is None or found not in always:
                return found
            answer = self._answers[found.answer]
            self._talk.put_in(answer.parts, answer.enter, rub_out=True)

    def _is_asked_again(self, at: int, cue: Cue | None) -> bool:
        """A secret is said once to a question: every further time would bring the account nearer to being locked (S5)."""
        if cue is not None and (cue.answer is None or not self._answers[cue.answer].is_secret):
            return False
        if cue is not None and (at, cue) in self._given:
            return True
        before = self._open
        if before is None or before.cue.answer is None or before.line != self._line or not self._answers[before.cue.answer].is_secret:
            return False
        return cue is None or cue.answer == before.cue.answer

    def _next(self, at: int, cue: Cue) -> int:
        places = {f"@{exchange.name}": number for number, exchange in enumerate(self._dialogue.exchanges) if exchange.name}
        following = {"next": at + 1, "again": at, END: len(self._dialogue.exchanges), **places}[cue.then]
        if following <= at < len(self._dialogue.exchanges):
            self._returns[following] += 1
        return following

    # answers and their ends

    def _say(self, at: int, exchange: Exchange, cue: Cue, template: str) -> None:
        answer = self._answers[template]
        self._given.add((at, cue))
        self._heeded.clear()
        self._course.begin(at + 1, self._run)
        self._open = _Open(exchange, cue, self._line, self._run.now())
        self._talk.say(answer.parts, answer.enter)
        self._run.progress(at + 1, len(self._dialogue.exchanges))

    def _end(self, last: bool, over: bool) -> None:
        """The machine waits again: the answer has ended, well or not."""
        if self._open is None:
            self._course.over = over
            return
        output = self._talk.told(last)
        exchange = self._open.exchange
        judgement = _expectations(exchange).judge(0, None, output)
        fault = f"{told(exchange)}: {judgement.text}" if judgement.state != "done" else ""
        self._close(exchange, judgement, output, fault, exchange.level == "error", over)

    def _led_back(self, message: Cue) -> None:
        """The answer did not do what it should, and the dialogue knows where it is tried again."""
        if self._open:
            judgement = Judgement("not_done", ErrorClass.FAILED, f"it said {message.prompt!r}")
            self._close(self._open.exchange, judgement, self._talk.told(last=True), "", counts=False, over=False)

    def _close(self, exchange: Exchange, judgement: Judgement, output: Output, fault: str, counts: bool, over: bool) -> None:
        operation = self._operation(exchange, judgement, output)
        self._open, self._course.over = None, over or bool(fault and counts)
        self._run.operation(operation)
        self._course.end(operation, fault, counts, self._run)

    def _refused(self, exchange: Exchange, error: ErrorClass, text: str) -> Outcome:
        """It is certain that it goes no further; what was said before is not undone by that."""
        exchange = self._open.exchange if self._open else exchange
        fault = self._run.scrub(f"{told(exchange)}: {text}")
        self._close(exchange, Judgement("not_done", error, self._run.scrub(text)), self._talk.told(last=True), fault, True, True)
        return self._course.outcome(self._dialogue.effect)

    def _broken_off(self, exchange: Exchange, case: str, opened: ErrorClass, unopened: ErrorClass) -> Outcome:
        """Nobody saw the answer end (J10); where none was given since a prompt was seen, nothing is in doubt."""
        waited = " or ".join(repr(cue.prompt) for cue in exchange.cues if cue.prompt not in (SILENCE, CLOSED))
        line = self._run.scrub(self._talk.waits_in)[-200:]  # scrubbed first: half a secret would stand where the cut goes through one
        text = f"waiting for {waited}: {case}" + (f"; it says {line!r}" if line else "")
        if self._open is None:
            return self._refused(exchange, unopened, text)
        text = self._run.scrub(text)
        self._run.operation(self._operation(exchange, Judgement("unknown", opened, text), self._talk.told(last=True)))
        return Unknown(f"{told(self._open.exchange)}: {text}", self._course.result)

    def _operation(self, exchange: Exchange, judgement: Judgement, output: Output) -> Operation:
        now = self._run.now()
        name, began = (written([Exchange(self._open.cue)]), self._open.began) if self._open else (_first(exchange), now)
        return Operation(
            name[:200], judgement.state, began, now, output=str(output), truncated=bool(output.left_out),
            error=judgement.error, text=judgement.text, captured=judgement.captured,
        )  # fmt: skip


def _expectations(exchange: Exchange) -> Expectations:
    expect, forbid = (None if pattern is None else compiled(pattern) for pattern in (exchange.expect, exchange.forbid))
    capture = {name: compiled(pattern, groups=1) for name, pattern in exchange.capture.items()}
    return Expectations((0,), False, expect, forbid, capture)


def told(exchange: Exchange) -> str:
    """As the text of a dialogue has it."""
    return f"step {_first(exchange)!r}"


def _first(exchange: Exchange) -> str:
    return written([Exchange(exchange.cues[0], name=exchange.name)])
