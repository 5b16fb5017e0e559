"""Where strangers' code is called: what a vault or plug-in raises becomes an error or outcome of ours, without a foreign frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from taskkit.errors import HostRefused, StaleToken, StopAsked, TaskkitError, VaultAway
from taskkit.outcomes import Asks, Done, ErrorClass, NotDone, NotNow, Outcome, Unknown
from taskkit.scrubbing import Scrubber, told

T = TypeVar("T")
_OUTCOMES = (Done, NotDone, Unknown, NotNow, Asks)


def asked(question: Callable[[], T], tried: str) -> T:
    """The vault's answer; VaultAway where it has none. Its text may hold anything, so only its type is told."""
    try:
        return question()
    except TaskkitError:
        raise
    except Exception as error:
        raise VaultAway(tried, f"it answered with {type(error).__name__}", "the job waits, and is looked at again soon") from None


def performed(perform: Callable[[], Outcome], scrubber: Scrubber) -> Outcome:
    """What a script answered, whatever it did instead of answering. StaleToken passes: the job is another's."""
    try:
        outcome = perform()
    except StaleToken:
        raise
    except StopAsked as error:
        return NotDone(ErrorClass.STOPPED, error.case)
    except HostRefused as error:
        return NotDone(_error_class(error.error), scrubber.scrub(str(error)))
    except VaultAway as error:
        return NotDone(ErrorClass.TIMEOUT, str(error))
    except Exception as error:
        return Unknown(f"the script raised {told(error, scrubber)}")
    if isinstance(outcome, _OUTCOMES):
        return _scrubbed(outcome, scrubber)
    return Unknown(f"the script answered with a {type(outcome).__name__}, which is no outcome")


def _error_class(name: str) -> ErrorClass:
    return ErrorClass(name) if name in ErrorClass.__members__.values() else ErrorClass.FAILED


def _scrubbed(outcome: Outcome, scrubber: Scrubber) -> Outcome:
    if isinstance(outcome, Done):
        return outcome if not outcome.result else Done(scrubber.scrub_deep(dict(outcome.result)))
    if isinstance(outcome, NotDone):
        return NotDone(outcome.error, scrubber.scrub(outcome.text), scrubber.scrub_deep(dict(outcome.result)))
    if isinstance(outcome, Unknown):
        return Unknown(scrubber.scrub(outcome.text), scrubber.scrub_deep(dict(outcome.result)))
    if isinstance(outcome, Asks):
        return Asks(scrubber.scrub(outcome.digest), scrubber.scrub(outcome.summary), outcome.until)
    return outcome
