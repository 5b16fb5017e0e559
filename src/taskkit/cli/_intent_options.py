"""What is typed for `taskkit intents` and `taskkit rule`."""

from __future__ import annotations

import argparse

from taskkit.cli._parsers import word
from taskkit.intents import Ruling

INTENT_EXAMPLES = """\
examples:
  taskkit intents sqlite:vault.db
  taskkit intents app:engine --uncertain --json

Exit codes: 0 nobody is asked, 1 somebody has to say something, 2 what was typed cannot be read.
"""
RULE_EXAMPLES = """\
examples:
  taskkit rule app:engine root@db-1 probe --by ada --why "the host is back"
  taskkit rule app:engine root@db-1 current --by ada
  taskkit rule app:engine root@db-1 anew --by ada

probe: try what is known once more. candidate, current, previous: this secret is the live one, and nothing is tried. anew: give the
candidate up, and draw another one. The engine is made by importing the module: with all that the module does.
"""


def add_intents(command: argparse.ArgumentParser) -> None:
    command.add_argument("place", metavar="PLACE", help="the URL of a store, or an engine as module:name")
    command.add_argument("--uncertain", action="store_true", help="only those that wait for a person")
    command.add_argument("--json", action="store_true", help="as JSON, for programs")
    command.set_defaults(run=_run_intents)


def add_rule(command: argparse.ArgumentParser) -> None:
    command.add_argument("engine", metavar="MODULE:NAME", help="where the engine stands, such as app:engine")
    command.add_argument("account", type=word, metavar="ACCOUNT", help="as `taskkit intents` names it")
    command.add_argument("ruling", metavar="RULING", choices=[one.value for one in Ruling], help=", ".join(Ruling))
    command.add_argument("--by", type=word, metavar="NAME", help="who says so: their rights count")
    command.add_argument("--why", default="", type=word, metavar="TEXT", help="why; it is kept with the fact")
    command.set_defaults(run=_run_rule)


def _run_intents(options: argparse.Namespace) -> int:
    from taskkit.cli import _intents

    return _intents.run(options.place, uncertain=options.uncertain, as_json=options.json)


def _run_rule(options: argparse.Namespace) -> int:
    from taskkit.cli import _intents

    return _intents.rule(options.engine, options.account, options.ruling, options.by, options.why)
