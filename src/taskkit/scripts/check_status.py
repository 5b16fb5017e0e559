"""Looks at how a host is doing: commands whose ends, outputs and numbers say ok, warning or error, and that change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from math import isfinite
from sys import float_info
from typing import Any

from attrs import Attribute, evolve, field, frozen

from taskkit.checks import named, optional_a, refused, several
from taskkit.errors import InvalidValue, StaleToken, StopAsked, StorageAway, TriesSpared
from taskkit.outcomes import Done, Effect, ErrorClass, NotDone, NotNow, Outcome
from taskkit.plugins.becoming import Become, become_of
from taskkit.plugins.kinds import Script
from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Command, Operation, RunsCommands, Verb
from taskkit.records import Accounts
from taskkit.scripts._entrances import Entrance
from taskkit.scripts._fields import with_secrets
from taskkit.scripts._steps import Step, answer, carried_out, needs_of, prepared


class Health(StrEnum):
    """What a check found; the later, the worse."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


_ORDER = tuple(Health)
_LIMITS = ("warn_above", "error_above", "warn_below", "error_below")


def _limit(check: Check, attribute: Attribute[Any], given: object) -> None:
    if given is not None and (isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= float_info.max):
        raise refused(check, attribute, given, "it is no limit", "give a number")


@frozen
class Check(Step):
    """A step that is looked at: its end and patterns, and one captured number within limits. At a limit is still within it."""

    name: str = field(validator=named, kw_only=True)
    #: Which of the captured values the limits are about, where there are several.
    number: str | None = field(default=None, kw_only=True)
    warn_above: float | None = field(default=None, validator=_limit, kw_only=True)
    error_above: float | None = field(default=None, validator=_limit, kw_only=True)
    warn_below: float | None = field(default=None, validator=_limit, kw_only=True)
    error_below: float | None = field(default=None, validator=_limit, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self._limited and self.measured is None:
            raise InvalidValue(f"check {self.name!r}", "it has limits and captures no number", "say which with capture={…} and number=…")
        if self.number is not None and self.number not in self.capture:
            raise InvalidValue(
                f"check {self.name!r}", f"it does not capture {self.number!r}", f"there are {', '.join(self.capture) or 'none'}"
            )
        self._check_order("warn_above", "error_above", self.warn_above, self.error_above)
        self._check_order("error_below", "warn_below", self.error_below, self.warn_below)

    @property
    def measured(self) -> str | None:
        """The name of the number that the limits are about."""
        return self.number or (next(iter(self.capture)) if len(self.capture) == 1 else None)

    @property
    def _limited(self) -> bool:
        return any(getattr(self, name) is not None for name in _LIMITS)

    def _check_order(self, low: str, high: str, least: float | None, most: float | None) -> None:
        if least is not None and most is not None and least > most:
            case = f"{low} is {_digits(least)} and {high} is {_digits(most)}"
            raise InvalidValue(f"check {self.name!r}", case, "a warning comes before an error")

    def judge(self, captured: Mapping[str, str]) -> tuple[Health, str]:
        """How the number stands to the limits."""
        if not self._limited:
            return Health.OK, ""
        name = str(self.measured)
        value = _number(captured.get(name, ""))
        if value is None:
            return Health.ERROR, f"{name} is no number"
        for health, above, below in (
            (Health.ERROR, self.error_above, self.error_below),
            (Health.WARNING, self.warn_above, self.warn_below),
        ):
            if above is not None and value > above:
                return health, f"{name} is {_digits(value)}, above {_digits(above)}"
            if below is not None and value < below:
                return health, f"{name} is {_digits(value)}, below {_digits(below)}"
        return Health.OK, ""


@frozen
class Finding:
    """What one check found."""

    check: str
    health: Health
    operation: Operation


def _tuple(given: Iterable[Check] | Check) -> tuple[Check, ...]:
    return several(given)


def _checks(instance: object, attribute: Attribute[Any], given: tuple[object, ...]) -> None:
    if not all(isinstance(check, Check) for check in given):
        raise refused(instance, attribute, given, "these are no checks", "give Check(…), or none at all")
    names = [check.name for check in given if isinstance(check, Check)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidValue("CheckStatus", f"several checks are called {', '.join(map(repr, twice))}", "give each a name of its own")


class _Needs:
    """Commands; without checks it only tries the log-in."""

    def __get__(self, script: CheckStatus | None, kind: type[CheckStatus]) -> frozenset[Verb]:
        if script is not None and not script.checks:
            return frozenset({Verb.PROBE})
        return needs_of(()) if script is None else needs_of(script.checks, script.become)


@frozen
class CheckStatus(Script):
    """Carries out all checks, whatever they find: the worst is the answer. Nothing is changed, so it may be said again.

    Without checks it is a heartbeat: whether the secret of the vault still lets in.
    """

    kind = "check_status"
    needs = _Needs()
    effect = Effect.IDEMPOTENT

    name: str = field(validator=named)
    checks: tuple[Check, ...] = field(default=(), converter=_tuple, validator=_checks)
    #: As whom they are carried out, where not as their record and its type say.
    become: Become | None = field(default=None, converter=become_of, validator=optional_a(Become), kw_only=True)

    def accounts(self, run: Run) -> Accounts:
        return with_secrets(super().accounts(run), [check.stdin for check in self.checks], run)

    def perform(self, run: Run) -> Outcome:
        findings, login = list[Finding](), Entrance(run)
        try:
            if not self.checks:
                login.try_alone()
            else:
                self._look_around(login, findings, run)
        except TriesSpared as spared:
            return NotNow(spared.until, spared.code)
        except (StaleToken, StorageAway):
            raise  # the job is another's, or will be, and so is what it ends with
        except Exception as error:  # whatever the vault or an executor raises becomes an outcome here
            ended = {} if isinstance(error, StopAsked) else {"state": Health.ERROR.value}
            return evolve(answer(error, run), result=login.result | _result(findings) | ended)
        return _outcome(findings, login.result)

    def _look_around(self, login: Entrance, findings: list[Finding], run: Run) -> None:
        commands = prepared(self.checks, run, self.become)
        with login.connected() as connection:
            for check, command in zip(self.checks, commands, strict=True):
                findings.append(_look(check, command, connection, run))
                run.progress(len(findings), len(commands))
                login.heed(findings[-1].operation)


def _look(check: Check, command: Command, connection: RunsCommands, run: Run) -> Finding:
    if not run.stop_requested:
        finding = _finding(check, carried_out(connection, command, check.name, run))
        run.operation(finding.operation)
        if finding.operation.error != ErrorClass.STOPPED:
            return finding
    raise StopAsked(f"the check {check.name!r}", "the job was asked to stop")


def _finding(check: Check, operation: Operation) -> Finding:
    if operation.state != "done":  # that nobody saw its end is no doubt here: nothing was to be changed
        return Finding(check.name, Health(check.level), operation)
    health, text = check.judge(operation.captured)
    if health is Health.ERROR:
        operation = evolve(operation, state="not_done", error=ErrorClass.FAILED, text=text)
    return Finding(check.name, health, evolve(operation, text=text or operation.text))


def _outcome(findings: list[Finding], login: dict[str, Any]) -> Outcome:
    bad, result = [finding for finding in findings if finding.health is Health.ERROR], login | _result(findings)
    if not bad:
        return Done(result)
    return NotDone(bad[0].operation.error or ErrorClass.FAILED, "; ".join(map(_told, bad)), result)


def _result(findings: list[Finding]) -> dict[str, Any]:
    healths = [finding.health for finding in findings]
    return {
        "state": max(healths, key=_ORDER.index, default=Health.OK).value,
        "checks": {finding.check: finding.health.value for finding in findings},
        "captured": {finding.check: dict(finding.operation.captured) for finding in findings if finding.operation.captured},
        "warnings": [_told(finding) for finding in findings if finding.health is Health.WARNING],
    }


def _told(finding: Finding) -> str:
    return f"{finding.check}: {finding.operation.text}"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _digits(number: float) -> str:
    """So many that one number and its limit do not look the same."""
    return f"{number:.15g}"
