"""Texts that an interpreter carries out: how they are said, and what would make a value of a record part of them.

A program comes by stdin and has no places: values are its arguments, which are quoted, so that none can ever be read as a command. Where it
has to be told secrets beside that, its shell is handed so many bytes of stdin as the program has, and the rest is the program's own stdin.
"""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath

from taskkit.errors import InvalidValue
from taskkit.scripts._templates import places

_SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"})
_OTHERS = re.compile(r"(python|perl|ruby|node|php|pwsh|fish|t?csh)[\d.]*")
#: What may stand before an interpreter and has it carried out all the same.
_BEFORE = frozenset({"sudo", "env", "nohup", "exec", "command"})
#: dd takes no byte more than it is told to, of whatever stdin is.
_FIRST_BYTES = 'eval "$(dd bs=1 count={} 2>/dev/null)"'


def check_stdin(line: str, stdin: str | None) -> None:
    """Refuses values in what an interpreter reads as its program: there, no quotes are sure to hold."""
    if found := places(stdin):
        words = _interpreter(_words(line))
        if words and _reads_program(words):
            case = f"{found[0]} would be part of what {words[0]} carries out"
            raise InvalidValue(f"the stdin of {line!r}", case, "give the text as script=…, values as arguments, secrets by stdin beside it")


def check_program(line: str, script: str | None, stdin: str | None, *, shell: bool) -> None:
    if script is None:
        check_stdin(line, stdin)
    elif stdin is not None and (shell or _dash_s(_words(line)) is None):
        case = "it has a script and a stdin beside it, and its line is not that of a POSIX shell with -s"
        raise InvalidValue(f"the line {line!r}", case, "write /bin/sh -s -- {field} …")


def with_program(line: str, script: str) -> str:
    """The line of a shell with -s, so that the program is the first of what it reads, and no more."""
    words = _words(line)
    at = _dash_s(words) or 0
    arguments = words[at + 1 :]
    if arguments[:1] == ["--"]:
        del arguments[0]
    return shlex.join([*words[:at], "-c", _FIRST_BYTES.format(len(script.encode())), words[0], *arguments])


def _dash_s(words: list[str]) -> int | None:
    """Where the -s of a shell stands."""
    options = 1
    while options < len(words) and words[options].startswith("-") and words[options] not in ("-s", "--"):
        options += 1
    stands = words and _name(words[0]) in _SHELLS and words[options : options + 1] == ["-s"]
    return options if stands else None


def _reads_program(words: list[str]) -> bool:
    """Whether it has no operand, be it a file or the text of -c, and so reads what it is to do."""
    name, arguments = _name(words[0]), words[1:]
    operand = next((one for one in arguments if not one.startswith("-") or one == "-"), "-")
    return operand == "-" or (name in _SHELLS and any(re.fullmatch(r"-[a-zA-Z]*s[a-zA-Z]*", one) for one in arguments))


def _interpreter(words: list[str]) -> list[str]:
    """From the interpreter on, behind what may stand before it; nothing where there is none."""
    behind = bool(words) and (_name(words[0]) in _BEFORE or "=" in words[0])
    starts = range(len(words)) if behind else range(min(1, len(words)))
    return next((words[at:] for at in starts if _is_interpreter(_name(words[at]))), [])


def _is_interpreter(name: str) -> bool:
    return name in _SHELLS or bool(_OTHERS.fullmatch(name))


def _name(word: str) -> str:
    return PurePosixPath(word).name


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # the machine's own affair
        return []
