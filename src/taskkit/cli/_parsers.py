"""How commands are read: as argparse does it, but for lines that are meant for a machine, and for what must not be shown."""

from __future__ import annotations

import argparse
from itertools import takewhile
from typing import Any, NoReturn

from taskkit.checks import is_whole
from taskkit.cli._stores import without_urls


class Parser(argparse.ArgumentParser):
    """Errors show what was typed, but no URL: it may hold a password."""

    #: Whether what stands behind `--` is lines for a machine.
    takes_lines = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Lines are taken out first: to argparse they would be more of the positional arguments, which it has counted already."""
        for one in takewhile("--".__ne__, args or ()):
            if one.endswith("=--"):  # to argparse that is an option without a value, which it hands over as a list
                self.error(f"argument {one.removesuffix('=--')}: '--' is no value of it")
        if not self.takes_lines or args is None:
            return super().parse_known_args(args, namespace)
        end = args.index("--") if "--" in args else len(args)
        found, rest = super().parse_known_args(args[:end], namespace)
        if rest:
            self.error(f"{rest[0].partition('=')[0]!r} is no option; commands stand behind --")
        found.lines = list(args[end + 1 :])
        return found, rest

    def error(self, message: str) -> NoReturn:
        super().error(without_urls(message))


def word(text: str) -> str:
    """What a store is asked for, or keeps: no store takes bytes that are no text in the encoding of the terminal."""
    if not is_whole(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no text in the encoding that the terminal is said to have")
    return text
