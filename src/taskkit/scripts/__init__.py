"""What tasks carry out. A script is a value: a definition, named and chosen by tasks, that says its steps and not how a host is reached."""

from taskkit.plugins.becoming import Become
from taskkit.scripts._exchanges import Cue, Exchange
from taskkit.scripts._steps import Step
from taskkit.scripts.check_status import Check, CheckStatus, Health
from taskkit.scripts.commands import Commands
from taskkit.scripts.dependents import CommandOn, FileOn, OtherRecord
from taskkit.scripts.dialogue import Dialogue
from taskkit.scripts.password_reset import PasswordReset

__all__ = [
    "Become",
    "Check",
    "CheckStatus",
    "CommandOn",
    "Commands",
    "Cue",
    "Dialogue",
    "Exchange",
    "FileOn",
    "Health",
    "OtherRecord",
    "PasswordReset",
    "Step",
]
