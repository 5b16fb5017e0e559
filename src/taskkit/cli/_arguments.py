"""What is typed for the commands about stores; each is imported when it is run."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

import pendulum

from taskkit.cli._intent_options import INTENT_EXAMPLES, RULE_EXAMPLES, add_intents, add_rule
from taskkit.cli._parsers import Parser, word
from taskkit.cli._try_options import TRY_EXAMPLES, add_options
from taskkit.instants import Instant, instant
from taskkit.states import State
from taskkit.storage import Query

JOBS_EXAMPLES = """\
examples:
  taskkit jobs sqlite:vault.db
  taskkit jobs sqlite:vault.db --state error,uncertain --since 2026-03-01 --limit 5
  taskkit jobs sqlite:vault.db --record db-1 --json
  taskkit jobs sqlite:vault.db --task nightly --follow

Leave a password out of the URL: who may list processes reads it. PGPASSWORD and ~/.pgpass are heard.
"""
CHECK_EXAMPLES = """\
examples:
  taskkit check sqlite:vault.db
  taskkit check sqlite:vault.db --json

Exit codes: 0 no faults, 1 there are some or it failed, 2 what was typed cannot be read.
"""
FORECAST_EXAMPLES = """\
examples:
  taskkit forecast app:engine --days 7 --runs
  taskkit forecast app:engine --tz Europe/Berlin --picture march.html
  taskkit forecast app:engine --json
  taskkit forecast sqlite:vault.db --days 7

Nothing runs, and nothing is written: a copy of what is planned is played on virtual time. Of a store alone, without the vault and the
plug-ins of the product, it says what it assumes. Exit codes: 0 fine, 1 it failed, 2 what was typed cannot be read.
"""
PLUGINS_EXAMPLES = """\
examples:
  taskkit plugins
  taskkit plugins --json

Exit codes: 0 all are whole, 1 one is broken, and left out.
"""
BACKUP_EXAMPLES = """\
example:
  taskkit store backup sqlite:vault.db vault-2026-03-02.db

Others may go on with the store. To restore: stop all that use it, copy the file to its place, say so (restored), start them.
"""
RESTORED_EXAMPLES = """\
examples:
  taskkit store restored sqlite:vault.db --by ada
  taskkit store aftermath sqlite:vault.db --json
  taskkit store resume sqlite:vault.db --by ada --pass-over nightly

`restored` lets the engine stand still on all nodes, and shows what would run; `resume` lets it go on.
"""
SQL_EXAMPLES = """\
examples:
  taskkit store sql postgresql
  taskkit store sql 'postgresql:?schema=jobs' --from 1
  taskkit store sql sqlite
"""
EXPLAIN_EXAMPLES = """\
examples:
  taskkit explain app:engine nightly db-1
  taskkit explain app:engine nightly db-1 --at 2026-03-01T02:30
  taskkit explain app:engine nightly db-1 --json
  taskkit explain sqlite:vault.db nightly db-1
  taskkit explain sqlite:vault.db nightly db-1 --at 2026-03-02T02:30

An engine is made by importing the module: with all that the module does. It reads, and nothing is run. Of a store alone it tells the past
wholly; of what is to come what needs no vault, and "nobody can say" of the rest. Exit codes: 0 fine, 1 it failed, 2 what was typed cannot
be read.
"""
_TRIED = "commands, a dialogue, a log-in or a task of a product against a real machine, which does what it is told"
_PLACE = "an engine as module:name, such as app:engine; or the URL of a store, such as sqlite:///var/lib/vault.db"
EXECUTION_EXAMPLES = """
How far a run over many records is, by the job of its conductor; with --follow until it has ended:
  taskkit jobs sqlite:vault.db --execution ID --follow
"""
RERUN_EXAMPLES = """\
examples:
  taskkit rerun app:engine ID --by ada

The engine is made by importing the module: with all that the module does. What is planned is run by whoever works on its store.
"""
_URL = "where the store is, such as sqlite:///var/lib/vault.db or postgresql://vault@db.example/jobs"


def add(commands: Any) -> None:
    """The commands about stores, and about what is installed."""
    _add_jobs(_command(commands, "jobs", "the jobs of a store, the newest first", JOBS_EXAMPLES + EXECUTION_EXAMPLES))
    plugins = _command(commands, "plugins", "what is installed, from where, what it offers, and what is broken", PLUGINS_EXAMPLES)
    plugins.add_argument("--json", action="store_true", help="as JSON, for programs")
    plugins.set_defaults(run=_run_plugins)
    check = _command(commands, "check", "whether a store is whole", CHECK_EXAMPLES)
    check.add_argument("url", metavar="URL", help=_URL)
    check.add_argument("--json", action="store_true", help="as JSON, for programs")
    check.set_defaults(run=_run_check)
    _add_explain(_command(commands, "explain", "why a task ran on a record, why not, or when it will", EXPLAIN_EXAMPLES))
    rerun = _command(commands, "rerun", "once more for what failed of a run over many records", RERUN_EXAMPLES)
    rerun.add_argument("engine", metavar="MODULE:NAME", help="where the engine stands, such as app:engine")
    rerun.add_argument("execution", type=word, metavar="ID", help="the run, by the job of its conductor")
    rerun.add_argument("--by", type=word, metavar="NAME", help="who says so: their rights count")
    rerun.add_argument("--force", action="store_true", help="outside its window, and without consent: it takes the right force_run")
    rerun.set_defaults(run=_run_rerun)
    add_intents(_command(commands, "intents", "accounts whose secret is being changed, or is in doubt", INTENT_EXAMPLES))
    add_rule(_command(commands, "rule", "what is to be done about an account in doubt", RULE_EXAMPLES))
    _add_forecast(_command(commands, "forecast", "what is going to run", FORECAST_EXAMPLES))
    tried = _command(commands, "try", _TRIED, TRY_EXAMPLES)
    tried.takes_lines = True
    tried.usage = "taskkit try PLACE [TASK [RECORD]] [options] [-- COMMAND ...]"
    add_options(tried)
    tried.set_defaults(run=_run_try)
    what, examples = "back up a store, bring one back, or print the SQL that makes one", BACKUP_EXAMPLES + RESTORED_EXAMPLES + SQL_EXAMPLES
    store = _command(commands, "store", what, examples)
    parts = store.add_subparsers(metavar="COMMAND", required=True)
    backup = _command(parts, "backup", "a copy of a SQLite store that is in use", BACKUP_EXAMPLES)
    backup.add_argument("url", metavar="URL", help="where the store is: sqlite:///a/file")
    backup.add_argument("file", metavar="FILE", help="the copy; there must be no file of this name")
    backup.set_defaults(run=_run_backup)
    _add_restores(parts)
    sql = _command(parts, "sql", "the SQL that makes a store, or upgrades one", SQL_EXAMPLES)
    sql.add_argument("place", metavar="URL-OR-SCHEME", help="sqlite or postgresql, or a URL: nothing is opened")
    sql.add_argument("--from", dest="since", type=int, default=0, metavar="N", help="the version that the store has; a new store")
    sql.set_defaults(run=_run_sql)


def _add_restores(parts: Any) -> None:
    restored = _command(parts, "restored", "say that a store came back from a backup: nothing runs until it is resumed", RESTORED_EXAMPLES)
    aftermath = _command(parts, "aftermath", "what a restore left open: what ran, and what would run", RESTORED_EXAMPLES)
    resume = _command(parts, "resume", "let an engine that stands still go on", RESTORED_EXAMPLES)
    for command in (restored, aftermath, resume):
        command.add_argument("url", metavar="URL", help=_URL)
    for command in (restored, resume):
        command.add_argument("--by", required=True, type=word, metavar="NAME", help="who says so: it is kept, and told as a fact")
    restored.add_argument("--why", default="", type=word, metavar="TEXT", help="why; whoever finds the engine standing still reads it")
    for command in (restored, aftermath):
        command.add_argument("--json", action="store_true", help="as JSON, for programs")
    passed = "what was due of this task, by id or name, ends as missed; 'all' means every task; may be said several times"
    resume.add_argument("--pass-over", action="append", default=[], type=word, metavar="TASK", help=passed)
    restored.set_defaults(run=_run_restored)
    aftermath.set_defaults(run=_run_aftermath)
    resume.set_defaults(run=_run_resume)


def _command(commands: Any, name: str, what: str, examples: str) -> Parser:
    raw = argparse.RawDescriptionHelpFormatter
    made: Parser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=examples, formatter_class=raw)
    return made


def _add_jobs(jobs: argparse.ArgumentParser) -> None:
    jobs.add_argument("url", metavar="URL", help=_URL)
    jobs.add_argument("--state", type=_states, metavar="STATE", help="one or several, with commas: scheduled, running, error …")
    jobs.add_argument("--record", type=word, metavar="ID", help="of this record")
    jobs.add_argument("--task", type=word, metavar="TASK", help="of this task, by id or name")
    jobs.add_argument("--line", type=word, metavar="ID", help="of this task and its copies in other lists")
    jobs.add_argument("--since", type=_since, metavar="MOMENT", help="made at this moment or later; in UTC unless an offset is given")
    jobs.add_argument(
        "--execution", type=word, metavar="ID", help="how far this run over many records is, and its parts; no other filter counts"
    )
    jobs.add_argument("--limit", type=_limit, default=20, metavar="N", help="how many to show (20)")
    jobs.add_argument("--follow", action="store_true", help="what happens from now on, until Ctrl-C")
    jobs.add_argument("--json", action="store_true", help="a JSON object on each line, for programs")
    jobs.set_defaults(run=_run_jobs)


def _add_forecast(forecast: argparse.ArgumentParser) -> None:
    forecast.add_argument("engine", metavar="PLACE", help=_PLACE)
    forecast.add_argument("--days", type=_days, default=30, metavar="N", help="how far ahead (30)")
    forecast.add_argument("--tz", default="UTC", metavar="ZONE", help="whose days are shown (UTC)")
    forecast.add_argument("--runs", action="store_true", help="each run, in UTC")
    forecast.add_argument("--picture", metavar="FILE", help="write a page with calendar and time lines there, too")
    forecast.add_argument("--json", action="store_true", help="as JSON, for programs")
    forecast.set_defaults(run=_run_forecast)


def _run_forecast(options: argparse.Namespace) -> int:
    from taskkit.cli import _ahead

    return _ahead.run(options.engine, options.days, options.tz, options.picture, lists=options.runs, as_json=options.json)


def _add_explain(explain: argparse.ArgumentParser) -> None:
    explain.add_argument("engine", metavar="PLACE", help=_PLACE)
    explain.add_argument("task", type=word, metavar="TASK", help="the task, by id or name")
    explain.add_argument("record", type=word, metavar="RECORD", nargs="?", help="the record, by its id; none for a task of the system")
    explain.add_argument("--at", type=_moment, metavar="MOMENT", help="then, in UTC unless an offset is given (now)")
    explain.add_argument("--json", action="store_true", help="as JSON, for programs")
    explain.set_defaults(run=_run_explain)


def _run_explain(options: argparse.Namespace) -> int:
    from taskkit.cli import _explains

    return _explains.run(options.engine, options.task, options.record, options.at, as_json=options.json)


def _run_try(options: argparse.Namespace) -> int:
    from taskkit.cli import _attempts, _places, _tries

    if _places.is_engine(options.place):
        return _attempts.run(options)
    return _tries.run(options)


def _run_jobs(options: argparse.Namespace) -> int:
    from taskkit.cli import _executions, _jobs

    if options.execution is not None:
        return _executions.run(options.url, options.execution, as_json=options.json, follow=options.follow)
    query = Query(states=options.state, record=options.record, task=options.task, line=options.line, since=options.since)
    return _jobs.run(options.url, query, options.limit, as_json=options.json, follow=options.follow)


def _run_rerun(options: argparse.Namespace) -> int:
    from taskkit.cli import _executions

    return _executions.again(options.engine, options.execution, options.by, force=options.force)


def _run_plugins(options: argparse.Namespace) -> int:
    from taskkit.cli import _plugins

    return _plugins.run(as_json=options.json)


def _run_check(options: argparse.Namespace) -> int:
    from taskkit.cli import _checks

    return _checks.check(options.url, as_json=options.json)


def _run_backup(options: argparse.Namespace) -> int:
    from taskkit.cli import _checks

    return _checks.back_up(options.url, options.file)


def _run_restored(options: argparse.Namespace) -> int:
    from taskkit.cli import _restores

    return _restores.restored(options.url, options.by, options.why, as_json=options.json)


def _run_aftermath(options: argparse.Namespace) -> int:
    from taskkit.cli import _restores

    return _restores.aftermath(options.url, as_json=options.json)


def _run_resume(options: argparse.Namespace) -> int:
    from taskkit.cli import _restores

    return _restores.resume(options.url, options.by, options.pass_over)


def _run_sql(options: argparse.Namespace) -> int:
    from taskkit.cli import _checks

    return _checks.sql(options.place, options.since)


def _states(text: str) -> frozenset[State]:
    names = {state.value for state in State}
    if unknown := [name for name in text.split(",") if name not in names]:
        raise argparse.ArgumentTypeError(f"there is no state {unknown[0]!r}; there are {', '.join(State)}")
    return frozenset(map(State, text.split(",")))


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= 400):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 400")
    return int(text)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7 and 1 <= int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 100,000")
    return int(text)


def _since(text: str) -> Instant:
    return instant(_moment(text))


def _moment(text: str) -> datetime:
    try:
        moment = pendulum.parse(text, tz="UTC")
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        raise argparse.ArgumentTypeError(f"{text!r} is no moment, as 2026-03-27 or 2026-03-27T12:00+01:00 are")
    return moment
