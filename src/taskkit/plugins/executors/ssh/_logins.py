"""How somebody is let in: by the ways that the machine wants, in its order, with each known value once (S5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack

from attrs import define, field
from paramiko import AuthenticationException, BadAuthenticationType, SSHException

from taskkit.errors import HostRefused, InvalidValue, TaskkitError
from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors._sequences import in_one_line
from taskkit.plugins.executors.ssh._keys import Unsigned, key_of, keys_of_agent
from taskkit.plugins.executors.ssh._questions import NoAnswer, Questions, told_of
from taskkit.plugins.executors.ssh._stops import Stop
from taskkit.plugins.executors.ssh._wires import Wire
from taskkit.plugins.runs import Run

KEY, PASSWORD, QUESTIONS = "publickey", "password", "keyboard-interactive"
_WHAT = {KEY: "the key", PASSWORD: "the password", QUESTIONS: "the answers to its questions"}
#: paramiko's words for what is no refusal.
_LATE, _UNSIGNED = "timeout", "pubkey algorithm"
_MOST_TOLD = 500
Tried = Callable[[], Sequence[str]]


@define
class Way:
    """One way in, with one value."""

    method: str
    go: Tried
    questions: Questions | None = None

    @property
    def spends_password(self) -> bool:
        return self.method == PASSWORD or (self.questions is not None and self.questions.asked_for_password)


def let_in(wire: Wire, stop: Stop, run: Run) -> None:
    """HostRefused with what was tried, and what the machine would take."""
    with ExitStack() as stack:
        Door(wire, stop, run, stack).pass_through()
    wire.forget()


@define
class Door:
    _wire: Wire
    _stop: Stop
    _run: Run
    _stack: ExitStack
    _refused: list[Way] = field(factory=list, init=False)
    _proven: bool = field(default=False, init=False)
    #: What was said to everybody, in order, each once.
    _banners: dict[str, None] = field(factory=dict, init=False)
    #: Those of them that came before anything was tried: rules of the house, which say nothing of this account.
    _greetings: frozenset[str] | None = field(default=None, init=False)

    def pass_through(self) -> None:
        if not self._stop.login.user:
            raise self._refusal("the record names no user", "fill its field", ErrorClass.BAD_CONFIGURATION)
        ways, offered = list(self._ways()), self._offered()
        self._greetings = frozenset(self._banners)
        while offered:
            way = next((way for method in self._in_order(offered) for way in ways if way.method == method), None)
            if way is None:
                raise self._no_way(offered)
            ways.remove(way)
            offered = self._tried(way, offered)
            if way in self._refused and way.spends_password:
                ways = [other for other in ways if other.method == KEY]
        if self._stop.login.by_secret and not self._proven:
            case = "it let in without asking for the password"
            raise self._refusal(case, "so nothing is known of it", ErrorClass.BAD_CONFIGURATION)

    def _in_order(self, offered: Sequence[str]) -> Sequence[str]:
        """As the machine says; where a password is to be proven, a key only where it is wanted besides."""
        return sorted(offered, key=lambda method: method == KEY) if self._stop.login.by_secret else offered

    def _ways(self) -> Iterator[Way]:
        ask, login, settings = self._wire.ask, self._stop.login, self._stop.settings
        keys = [key] if (key := key_of(self._stop, self._run)) is not None else []
        if settings.agent:
            keys += self._stack.enter_context(keys_of_agent(self._stop))
        for key in keys:
            yield Way(KEY, lambda key=key: ask(lambda by, told: by.auth_publickey(login.user, key, told)))  # type: ignore[misc]
        answers = {pattern: login.secrets[name] for pattern, name in settings.answers.items() if name in login.secrets}
        for secret in filter(None, (login.secret, *answers.values())):
            self._run.keep(secret)
        if (password := login.secret) is not None:
            yield Way(PASSWORD, lambda: ask(lambda by, told: by.auth_password(login.user, password.reveal(), told)))
        if password is not None or answers:
            questions = Questions(password, answers)
            yield Way(QUESTIONS, lambda: ask(lambda by, told: by.auth_interactive(login.user, questions, told)), questions)

    def _offered(self) -> Sequence[str]:
        """What the machine takes, which it says to who offers nothing: that costs no try."""
        return self._answered(lambda: self._wire.ask(lambda by, told: by.auth_none(self._stop.login.user, told)), None, ())

    def _tried(self, way: Way, offered: Sequence[str]) -> Sequence[str]:
        """What is wanted besides; nothing where it was let in, and what was offered before where it was refused."""
        before = len(self._refused)
        left = self._answered(way.go, way, offered)
        if len(self._refused) == before and way.spends_password:
            self._proven = True
        if len(self._refused) > before and self._stop.login.by_secret and way.spends_password:
            raise self._no_way(offered)
        return left

    def _answered(self, go: Tried, way: Way | None, offered: Sequence[str]) -> Sequence[str]:
        refusal: HostRefused | None
        try:
            return go()
        except BadAuthenticationType as error:  # it was taken before, and is not any more
            if way is not None:
                self._refused.append(way)
            error.__traceback__ = None  # its frames hold it, and what was tried
            return error.allowed_types
        except NoAnswer as error:
            refusal = self._unanswered(way, str(error), error.repeated)
        except AuthenticationException as error:
            refusal = self._ended(str(error)) if self._is_end(str(error)) else None
            if refusal is None and way is not None:
                self._refused.append(way)
        except (Unsigned, InvalidValue) as error:
            refusal = self._unsaid(error)
        except TaskkitError:
            raise
        except Exception as error:  # paramiko reads what it is sent, whatever that is
            refusal = self._ended(str(error) if isinstance(error, SSHException) else "")
        finally:
            self._banners[self._wire.greeting] = None
        if refusal is not None:
            raise refusal
        return offered

    def _is_end(self, text: str) -> bool:
        """Whether it was no refusal after which other ways may be tried."""
        return not self._wire.is_active() or any(end in text for end in (_LATE, _UNSIGNED))

    # what is told

    def _unsaid(self, error: Unsigned | InvalidValue) -> HostRefused:
        """What there is cannot be said."""
        if isinstance(error, Unsigned):
            case, advice = (
                "the SSH agent of this process makes no signature with a key that it has",
                "is it locked, or does it ask somebody?",
            )
        else:
            case, advice = "it asks for a secret that is no text in UTF-8", "keep it as a text, or have it changed"
        return self._refusal(case, advice, ErrorClass.BAD_CONFIGURATION)

    def _unanswered(self, way: Way | None, case: str, repeated: bool) -> HostRefused:
        questions = way.questions if way is not None else None
        text = in_one_line("; ".join(questions.said) if questions else "", self._run)[:_MOST_TOLD]
        if (error := questions.told if questions else None) is not None:
            return self._refusal(f"it says {text!r}", HELP[error], error)
        if repeated:
            return self._refusal(f"what was answered was refused; it asks {text!r}", "look at the secret", ErrorClass.WRONG_CREDENTIALS)
        advice = f"say in the setting 'answers' which secret field does; it asks {text!r}"
        return self._refusal(self._run.scrub(case)[:_MOST_TOLD], advice, ErrorClass.BAD_CONFIGURATION)

    def _no_way(self, offered: Sequence[str]) -> HostRefused:
        """All that there is was refused, or is not wanted."""
        if (error := self._told_of_account) is not None:
            return self._refusal(f"it says {self._said!r}", HELP[error], error)
        taken = f"it takes {', '.join(offered)}"
        if self._refused:
            values = " and ".join(dict.fromkeys(_WHAT[way.method] for way in self._refused))
            return self._refusal(f"{values} was refused; {taken}", "look at the secret", ErrorClass.WRONG_CREDENTIALS)
        advice = "keep what it takes in the vault, or have it take what there is"
        return self._refusal(f"{taken}, and the vault has nothing for it", advice, ErrorClass.BAD_CONFIGURATION)

    def _ended(self, text: str) -> HostRefused:
        """The machine hung up, or said nothing any more."""
        if (error := self._told_of_account) is not None:
            return self._refusal(f"it says {self._said!r}", HELP[error], error)
        if "Illegal info request" in text:  # paramiko's words for the message by which a new password is asked for
            return self._refusal("it wants a new password", HELP[ErrorClass.MUST_CHANGE], ErrorClass.MUST_CHANGE)
        if _LATE in text.lower():
            case = f"it did not answer within {self._stop.settings.auth_timeout:g} s"
            return self._refusal(case, "is it overloaded, or its directory away?", ErrorClass.TIMEOUT)
        if _UNSIGNED in text:
            case = "it takes no signature that this key can make"
            return self._refusal(case, "update the older of the two", ErrorClass.BAD_CONFIGURATION)
        if self._refused:
            case = f"it hung up after {len(self._refused)} {'try' if len(self._refused) == 1 else 'tries'}"
            return self._refusal(case, "look at the secret", ErrorClass.WRONG_CREDENTIALS)
        if self._said:
            return self._refusal(f"it says {self._said!r} and hangs up", "look at its log", ErrorClass.REFUSED)
        return self._refusal("it hung up", "look at its log", ErrorClass.UNREACHABLE)

    @property
    def _said(self) -> str:
        """What the machine tells everybody, and what it said in its questions."""
        told = [*self._heard, *("; ".join(questions.said) for questions in self._answered_wrongly)]
        return in_one_line(" ".join(told), self._run)[:_MOST_TOLD]

    @property
    def _told_of_account(self) -> ErrorClass | None:
        if self._greetings is None:
            return None
        said = " ".join(text for text in self._heard if text not in self._greetings)
        return told_of(said) or next(filter(None, (questions.told for questions in self._answered_wrongly)), None)

    @property
    def _heard(self) -> Iterable[str]:
        return dict.fromkeys((*self._banners, self._wire.greeting))

    @property
    def _answered_wrongly(self) -> Iterator[Questions]:
        return (way.questions for way in self._refused if way.questions is not None)

    def _refusal(self, case: str, help: str, error: ErrorClass) -> HostRefused:
        return self._stop.refusal(f"logging in as {self._stop.login.user!r} to", case, help, error=error)


HELP = {
    ErrorClass.ACCOUNT_LOCKED: "unlock the account; each further try would keep it locked",
    ErrorClass.MUST_CHANGE: "the secret is right: have it changed",
}
