"""The command line: what rules mean, what is in a store, and what a machine does when it is told something.

Exit codes: 0 fine, 1 it failed or a check found faults, 2 what was typed cannot be read, 130 it was interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import datetime

import pendulum

from taskkit.cli._arguments import add
from taskkit.cli._outputs import leads_nowhere, prepare, to_nobody
from taskkit.cli._parsers import Parser
from taskkit.cli._stores import without_urls
from taskkit.errors import InvalidValue, TaskkitError

#: From here all that can be shown, in any zone and as any number of months, lies within the calendar.
_FIRST_YEAR, _LAST_YEAR = 2, 9000
#: What a shell says of a program that Ctrl-C has ended.
INTERRUPTED = 130
NO_RICH = "taskkit: this command needs the package 'rich', which is not installed: pip install '.[cli]' in a checkout\n"
NEXT_EXAMPLES = """\
examples:
  taskkit next "every 2 weeks on mon,wed at 09:00 Europe/Berlin"
  taskkit next "daily 02:30 Europe/Berlin" --from 2026-03-27 -n 5
  taskkit next "window '* 22-23 * * 1-5', Europe/Berlin" --calendar
  taskkit next "every 15 to 30 days" --json
  taskkit next sqlite:vault.db
  taskkit next app:engine -n 5
"""
DEMO_EXAMPLES = """\
examples:
  taskkit demo
  taskkit demo --days 3 --folder small-vault
  taskkit demo --clocks
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the number is the exit code."""
    prepare()
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # what waits is written here, or fails here
    except BrokenPipeError:  # the reader has seen enough, as in `taskkit next … | head`
        to_nobody()
        return 0
    except OSError as error:
        if not leads_nowhere(error):
            raise
        to_nobody()
        sys.stderr.write(f"taskkit: what was asked for cannot be written: {error.strerror}\n")
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except InvalidValue as error:
        sys.stderr.write(f"taskkit: {error}\n")
        return 2
    except TaskkitError as error:
        sys.stderr.write(f"taskkit: {error}\n")
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "rich":
            raise
        sys.stderr.write(NO_RICH)
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("taskkit: interrupted\n")
        return INTERRUPTED
    except SystemExit as error:  # rich leaves like this where the reader has seen enough
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="taskkit", description="What makes a task due, what is in a store, and what a machine does, seen from a terminal.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    raw = argparse.RawDescriptionHelpFormatter

    when = "when a rule is due, or a window opens; or what waits in a store"
    following = commands.add_parser("next", help=when, description=f"Show {when}.", epilog=NEXT_EXAMPLES, formatter_class=raw)
    what = "an interval or a window, as a person would write it; or a store's URL, or an engine as module:name"
    following.add_argument("text", metavar="TEXT", help=what)
    following.add_argument("-n", "--count", type=_count, default=10, metavar="N", help="how many to show (10)")
    since = "from then on, in the rule's zone unless an offset is given (now)"
    following.add_argument("--from", dest="start", type=_moment, default=_now, metavar="MOMENT", help=since)
    following.add_argument("--json", action="store_true", help="as JSON, for programs")
    following.add_argument("--calendar", action="store_true", help="as a picture of the month")
    following.add_argument("--months", type=_count, default=1, metavar="N", help="how many months the picture shows (1)")
    following.set_defaults(run=_run_next)

    same = "a day and a month in a small vault, and passwords that change over SSH"
    demo = commands.add_parser("demo", help=same, description=f"Show {same}.", epilog=DEMO_EXAMPLES, formatter_class=raw)
    demo.add_argument("--days", type=_count, default=30, metavar="N", help="how long the month is (30)")
    demo.add_argument("--folder", metavar="FOLDER", help="where vault and store are kept (a new one under the system's temporary folder)")
    demo.add_argument("--clocks", action="store_true", help="instead, rules across changes of the clock, here and in other schedulers")
    demo.set_defaults(run=_run_demo)
    add(commands)
    return parser


def _run_next(options: argparse.Namespace) -> int:
    from taskkit.cli import _coming, _places

    if _places.is_place(options.text):
        if options.calendar:
            raise InvalidValue("drawing a calendar", "that is of a rule", "taskkit forecast draws one of all that is planned")
        return _coming.run(options.text, options.count, as_json=options.json)
    if without_urls(options.text) != options.text:  # a rule has none, and what is said of one shows it
        raise InvalidValue("reading what is typed", "there is a URL in it, and something around it", "give nothing but the URL")
    from taskkit.cli import _next

    months = options.months if options.calendar else 0
    return _next.run(options.text, options.start, options.count, as_json=options.json, months=months)


def _run_demo(options: argparse.Namespace) -> int:
    from taskkit.cli import _clocks, _demo

    return _clocks.run() if options.clocks else _demo.run(options.days, options.folder)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= 10_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 10,000")
    return int(text)


def _moment(text: str) -> Callable[[str], datetime]:
    """ISO 8601; without an offset it is wall time in the zone that the rule turns out to have."""

    def read(tz: str) -> datetime:
        moment = pendulum.parse(text, tz=tz)
        if not isinstance(moment, datetime):
            raise ValueError
        return moment

    try:
        year = read("UTC").year
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment, as 2026-03-27 or 2026-03-27T12:00+01:00 are") from None
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise argparse.ArgumentTypeError(f"{text!r} lies outside of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return read


def _now(tz: str) -> datetime:
    return pendulum.now(tz)
