"""What is typed for `taskkit try`."""

from __future__ import annotations

import argparse
from math import isfinite

from taskkit.cli._parsers import word

TRY_EXAMPLES = """\
examples:
  taskkit try local -- 'uname -s' 'df -h /'
  taskkit try local --shell --json -- 'ls / | sort'
  taskkit try local --setting cwd=/tmp --set what=well -- 'echo all is {what}'
  taskkit try local --dialogue '/[#$]$/ -> echo hello ; /[#$]$/ -> exit' --record hello.json
  taskkit try ssh://ops@10.0.0.5:22 --host-key 'ssh-ed25519 AAAA…' --ask password -- 'id' 'uptime'
  taskkit try ssh://ops@web-1 --known-hosts ~/.ssh/known_hosts --key ~/.ssh/id_ed25519 --probe
  taskkit try app:engine "restart" web-1 --by ada

This is no rehearsal: what you give is said to the machine and carried out there. Nothing is stored, but for the transcript that --record
asks for, and for a task of a product: that is demanded of its engine, with all rights, gates and facts, and performed here; what may not
begin now is taken back. The engine is made by importing the module: with all that the module does.

An argument behind -- is one command; {name} in it stands for a field, and {{ }} for braces. Never type a secret: what --ask asks for stands
in dialogues as {password}, {enable}. Exit codes: 0 done, 1 not done or nobody knows, 2 what was typed cannot be read.
"""
_LONGEST = 86_400.0


def add_options(command: argparse.ArgumentParser) -> None:
    """`lines` is what stands behind `--`."""
    where = "local; an executor and a machine, such as ssh://ops@10.0.0.5:22; or a product's engine as module:name, such as app:engine"
    command.add_argument("place", metavar="PLACE", help=where)
    command.add_argument(
        "task", type=word, metavar="TASK", nargs="?", help="of an engine: the task, by id or name; it needs the policy OnDemand()"
    )
    command.add_argument(
        "record", type=word, metavar="RECORD", nargs="?", help="of an engine: the record, by its id; none for a task of the system"
    )
    command.add_argument(
        "--by", type=word, metavar="NAME", help="of an engine: who asks for it; their rights count, and the history names them"
    )
    command.add_argument("--dialogue", metavar="TEXT", help="prompt -> answer ; …; or a file that holds such lines")
    command.add_argument("--probe", action="store_true", help="only log in, once")
    command.add_argument("--ask", action="append", default=[], metavar="NAME", help="ask for this secret: password, passphrase, enable …")
    command.add_argument("--stdin", action="store_true", help="read what --ask asks for from standard input, a line for each")
    command.add_argument("--key", metavar="FILE", help="a private key; nobody else may read the file")
    command.add_argument("--host-key", metavar="LINE", help="the key of the machine, as in 'ssh-ed25519 AAAA…'")
    command.add_argument("--known-hosts", metavar="FILE", help="where the keys of machines stand, in the form of OpenSSH's")
    command.add_argument("--set", action="append", default=[], type=_pair, metavar="NAME=VALUE", help="a field of the record")
    command.add_argument(
        "--setting", action="append", default=[], type=_pair, metavar="NAME=VALUE", help="one of the executor's, as JSON or text"
    )
    command.add_argument("--shell", action="store_true", help="commands are read by a shell: pipes, variables")
    command.add_argument("--record", dest="transcript", metavar="FILE", help="keep the transcript of the dialogue there")
    command.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="how long all of it may take (60); a task says so itself")
    command.add_argument("--json", action="store_true", help="a JSON object on each line, for programs")


def _pair(text: str) -> tuple[str, str]:
    """What is wrong is not shown, since it may be a secret."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError("this is no name with a value, as in name=value")
    return name, value


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not (isfinite(seconds) and 0 < seconds <= _LONGEST):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to 86,400")
    return seconds
