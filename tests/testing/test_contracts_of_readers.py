"""The exporters and notifiers that are shipped keep what every one keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from taskkit.plugins.exporters.json_lines import JsonLines
from taskkit.plugins.kinds import Exporter
from taskkit.plugins.notifiers.inbox import Inbox
from taskkit.testing.contracts import ExporterContract, NotifierContract


class TestJsonLines(ExporterContract):
    def exporter(self) -> Exporter:
        return JsonLines()

    def read(self, written: bytes) -> Sequence[Mapping[str, Any]]:
        return [json.loads(line) for line in written.decode().split("\n")[:-1]]


class TestInbox(NotifierContract):
    closed: ClassVar = {"N4": "it tells nobody outside this process, so it cannot fail"}

    def notifier(self) -> Inbox:
        return Inbox()

    def told(self, notifier: Inbox) -> Sequence[str]:
        return [repr(fact) for fact in notifier.notices]
