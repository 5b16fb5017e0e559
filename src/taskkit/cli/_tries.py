"""`taskkit try`: commands, a dialogue or a log-in against a real machine, by an engine in memory that is gone afterwards."""

from __future__ import annotations

import argparse
from pathlib import Path

from attrs import frozen

from taskkit.cli._hosts import ID, KEY, fields_of, machine_at, secrets_of, settings_of
from taskkit.cli._shows import plain
from taskkit.cli._tellers import Teller
from taskkit.cli._transcripts import file_for_transcript, keep_transcript
from taskkit.errors import InvalidValue, Refused
from taskkit.instants import SystemClock
from taskkit.outcomes import Done, Outcome, Unknown
from taskkit.plugins import Plugins
from taskkit.plugins.kinds import Executor, Script
from taskkit.scripts import CheckStatus, Commands, Dialogue, Step
from taskkit.scripts._templates import places
from taskkit.testing.transcripts import Recording
from taskkit.testing.trials import Trial


def run(options: argparse.Namespace) -> int:
    """1 where it is not done, or nobody knows."""
    _check_options(options)
    machine, script = machine_at(options.place), _script(options)
    fields = fields_of(options.set, options.ask) | _key_of_host(options)
    _check_places(script, {*machine.fields, *fields}, set(options.ask))
    file = _file_of(options)
    executor = _executor(machine.executor, script)
    secrets = secrets_of(options.ask, options.place, options.key, by_stdin=options.stdin)
    recording = Recording(executor) if file is not None else None
    record = machine.record(fields, {*options.ask, *([KEY] if options.key else [])})
    attempt = _Attempt(script, recording or executor, Teller(as_json=options.json))
    try:
        outcome = attempt.make(
            record=record, settings=_settings(options), secrets={ID: secrets}, deadline=options.timeout, clock=SystemClock()
        )
    finally:
        if recording is not None and file is not None and recording.transcript.remarks:
            keep_transcript(recording, file)
    return 0 if isinstance(outcome, Done) else 1


_SECONDS = 60.0


@frozen
class _Attempt:
    script: Script
    executor: Executor
    teller: Teller

    def make(self, **given: object) -> Outcome | None:
        """Each step is told as soon as it is kept."""
        trial = Trial(self.script, executor=self.executor, points=lambda point: self._tell(trial, point), **given)  # type: ignore[arg-type]
        try:
            outcome = trial.perform()
        except KeyboardInterrupt:
            outcome = Unknown("it was broken off, and nobody saw how the last step ended")
        self._tell(trial, "saved")
        entry = trial.entry
        self.teller.outcome(outcome, ": ".join(filter(None, (entry.error, entry.text or entry.why))))
        return outcome

    def _tell(self, trial: Trial, point: str) -> None:
        if point == "saved":
            self.teller.operations(trial.entry.operations)


def _check_options(options: argparse.Namespace) -> None:
    options.timeout = options.timeout or _SECONDS
    if options.task is not None:
        raise InvalidValue("trying something", f"{options.task!r} is no option", "commands stand behind --, and only an engine has tasks")
    if options.by is not None:
        raise InvalidValue("trying something", "nobody's rights are asked on a machine", "--by is for a task of an engine")


def _executor(name: str, script: Script) -> Executor:
    found = Plugins().executor(name)
    if lacking := sorted(script.needs - found.verbs):
        able = ", ".join(sorted(found.verbs)) or "nothing"
        raise Refused(f"trying something with the executor {name!r}", f"it cannot do {', '.join(lacking)}", f"it can do {able}")
    return found


def _script(options: argparse.Namespace) -> Script:
    wanted = [name for name in ("lines", "dialogue", "probe") if getattr(options, name)]
    if len(wanted) != 1:
        case = "nothing is asked for" if not wanted else "commands, a dialogue and a log-in are tried one at a time"
        raise InvalidValue("trying something", case, "give commands behind --, or --dialogue, or --probe")
    if options.probe:
        return CheckStatus("log in")
    if options.dialogue:
        return Dialogue.of("dialogue", _text(options.dialogue))
    return Commands("commands", [Step(line, timeout=options.timeout, shell=options.shell) for line in options.lines])


def _check_places(script: Script, fields: set[str], secrets: set[str]) -> None:
    """Before anybody is asked for a secret, and before anything is said."""
    lines = [step.line for step in script.commands] if isinstance(script, Commands) else []
    answers = [cue.answer for cue in script.cues] if isinstance(script, Dialogue) else []
    for place in [place for text in (*lines, *answers) for place in places(text)]:
        if place.of_shadow:
            raise InvalidValue(f"filling in {place}", "there is no shadow account here", "name a field, or {{ }} for braces")
        if lines and place.field in secrets:
            raise InvalidValue(f"filling in {place}", "it is a secret, and everybody can read a command line", "say it in a dialogue")
        if place.field not in fields | secrets:
            helps = f"say --set {place.field}=…, or --ask {place.field} where it is a secret; {{{{ }}}} are braces"
            raise InvalidValue(f"filling in {place}", "nobody says what stands there", helps)


def _text(given: str) -> str:
    """What has an arrow is a text, and anything else the name of a file."""
    if "->" in given or "=>" in given:
        return given
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        case = (error.strerror if isinstance(error, OSError) else None) or "it is no text"
        raise InvalidValue(f"reading the dialogue in {plain(given)!r}", case, "give the name of a file, or prompt -> answer") from None


def _key_of_host(options: argparse.Namespace) -> dict[str, str]:
    return {"host_key": options.host_key} if options.host_key else {}


def _settings(options: argparse.Namespace) -> dict[str, object]:
    known = {"known_hosts": str(Path(options.known_hosts).expanduser())} if options.known_hosts else {}
    return known | settings_of(options.setting)


def _file_of(options: argparse.Namespace) -> Path | None:
    return None if options.transcript is None else file_for_transcript(options.transcript, is_held=bool(options.dialogue))
