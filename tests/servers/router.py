"""A small router, to be talked with in a terminal: a log-in, `enable`, pages, a configuration mode, mistakes, a change of a password.

    python router.py [--banner] [--slow] [--lock 3] [--colours]

Users and passwords are the same for everybody. It leaves in the file that ROUTER_DEEDS names what it was told to do.
"""

from __future__ import annotations

import os
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path

USER, PASSWORD, ENABLE = "app", "correct-horse-battery-staple", "an-enabling-secret"
PAGE = 8
LINES = [f"interface Ethernet0/{number}" for number in range(30)]


class Router:
    def __init__(self, options: list[str]) -> None:
        self.slow, self.colours = "--slow" in options, "--colours" in options
        self.password, self.wrong, self.most = PASSWORD, 0, 3

    def say(self, text: str) -> None:
        for piece in text if self.slow else [text]:
            sys.stdout.write(piece)
            sys.stdout.flush()
            if self.slow:
                time.sleep(0.001)

    def ask(self, prompt: str, echo: bool = True) -> str:
        """As `getpass` does it: what was typed before is forgotten, and nothing is echoed."""
        before = termios.tcgetattr(0)
        if not echo:
            quiet = termios.tcgetattr(0)
            quiet[3] &= ~termios.ECHO
            termios.tcsetattr(0, termios.TCSADRAIN, quiet)
        self.say(prompt)
        try:
            line = sys.stdin.readline()
        finally:
            if not echo:
                termios.tcsetattr(0, termios.TCSADRAIN, before)
                self.say("\n")
        if not line:
            raise SystemExit
        return line.rstrip("\n")

    def key(self) -> str:
        before = termios.tcgetattr(0)
        raw = termios.tcgetattr(0)
        raw[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(0, termios.TCSADRAIN, raw)
        try:
            return os.read(0, 1).decode()
        finally:
            termios.tcsetattr(0, termios.TCSADRAIN, before)

    def page(self, lines: list[str]) -> None:
        for number, line in enumerate(lines, 1):
            self.say(f"{line}\n")
            if number % PAGE == 0 and number < len(lines):
                self.say(" --More-- ")
                if self.key() == "q":
                    self.say("\n")
                    return
                self.say("\b" * 10 + " " * 10 + "\b" * 10)

    def did(self, deed: str) -> None:
        if place := os.environ.get("ROUTER_DEEDS"):
            with Path(place).open("a") as deeds:
                deeds.write(f"{deed}\n")

    def log_in(self) -> None:
        self.say("\n### Welcome to router1 ###\nlogin: with your own name only\n\n")
        while True:
            user, secret = self.ask("login: "), self.ask("Password: ", echo=False)
            self.did(f"log-in {user}")
            if user == USER and secret == self.password:
                return
            self.wrong += 1
            self.say("% Login incorrect\n" if self.wrong < self.most else "% Account locked\n")
            if self.wrong >= self.most:
                raise SystemExit

    def shell(self) -> None:
        mode, commands = ">", self.commands()
        while True:
            prompt = f"router1{mode}"
            line = self.ask(f"\x1b[1;32m{prompt}\x1b[0m " if self.colours else f"{prompt} ").strip()
            if line == "enable" and mode == ">":
                mode = "#" if self.enabled() else ">"
            elif line == "configure terminal" and mode == "#":
                mode = "(config)#"
            elif line in ("end", "exit") and mode == "(config)#":
                mode = "#"
            elif line == "exit":
                return
            elif mode == "(config)#" and line:
                self.did(line)
            elif line in commands:
                commands[line]()
            elif line:
                self.say("         ^\n% Invalid input detected at '^' marker.\n")

    def enabled(self) -> bool:
        for _ in range(3):
            if self.ask("Password: ", echo=False) == ENABLE:
                return True
        self.say("% Bad secrets\n")
        return False

    def commands(self) -> Mapping[str, Callable[[], None]]:
        return {
            "show version": lambda: self.say("Router OS, Version 15.2(4)M7, RELEASE\nuptime is 3 weeks\n"),
            "show interfaces": lambda: self.page(LINES),
            "show secret": lambda: self.say(f"password {self.password}\n"),
            "clear log": lambda: self.say("% Authorization failed\n"),
            "write memory": self.write,
            "reload": self.reload,
            "flood": self.flood,
            "password": self.change,
        }

    def write(self) -> None:
        self.did("write memory")
        self.say("Building configuration...\n[OK]\n")

    def reload(self) -> None:
        self.ask("Proceed with reload? [confirm]")
        self.did("reload")
        raise SystemExit

    def flood(self) -> None:
        while True:
            self.say("0123456789" * 100 + "\n")

    def change(self) -> None:
        if self.ask("Current password: ", echo=False) != self.password:
            self.say("% Wrong password\n")
            return
        new = self.ask("New password: ", echo=False)
        if self.ask("Retype new password: ", echo=False) != new:
            self.say("% They do not match\n")
            return
        self.password = new
        self.did("password")
        self.say("password updated\n")


if __name__ == "__main__":
    router = Router(sys.argv[1:])
    if "--no-login" not in sys.argv:
        router.log_in()
    router.shell()
