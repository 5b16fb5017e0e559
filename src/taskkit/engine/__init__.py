"""The movers: the engine and its agents, one duty each."""

from taskkit.engine._aftermaths import Aftermath, Contradiction, OpenWork, Restore
from taskkit.engine._consents import Gathering
from taskkit.engine._entries import Entry, Page
from taskkit.engine._executions import Execution
from taskkit.engine._explanations import Because, Explanation, Factor, Tense
from taskkit.engine._ground import Limits, Settings
from taskkit.engine._intent_desk import IntentDesk
from taskkit.engine._pauses import Pause
from taskkit.engine._rights import RIGHTS
from taskkit.engine._seals import KeyUse
from taskkit.engine._views import Row
from taskkit.engine._vitals import Ailment, Condition, Vitals
from taskkit.engine.engine import Engine
from taskkit.intents import Intent, Ruling

__all__ = [
    "RIGHTS",
    "Aftermath",
    "Ailment",
    "Because",
    "Condition",
    "Contradiction",
    "Engine",
    "Entry",
    "Execution",
    "Explanation",
    "Factor",
    "Gathering",
    "Intent",
    "IntentDesk",
    "KeyUse",
    "Limits",
    "OpenWork",
    "Page",
    "Pause",
    "Restore",
    "Row",
    "Ruling",
    "Settings",
    "Tense",
    "Vitals",
]
