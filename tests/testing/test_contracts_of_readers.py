"""The exporters and notifiers that are shipped keep what every one keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from taskkit.facts import Fact
from taskkit.plugins.exporters.json_lines import JsonLines
from taskkit.plugins.kinds import Exporter
from taskkit.plugins.notifiers.inbox import Inbox
from taskkit.testing.contracts import ExporterContract, NotifierContract
from tests.testing.broken_readers import Mail, notifying


class TestJsonLines(ExporterContract):
    def exporter(self) -> Exporter:
        return JsonLines()

    def read(self, written: bytes) -> Sequence[Mapping[str, Any]]:
        return [json.loads(line) for line in written.decode().split("\n")[:-1]]


class TestJsonLinesFactByFact(TestJsonLines):
    """A line is there as soon as its fact has come."""

    most_kept_back: ClassVar[int] = 1


class TestInbox(NotifierContract):
    closed: ClassVar = {"N4": "it tells nobody outside this process, so it cannot fail"}

    def notifier(self) -> Inbox:
        return Inbox()

    def told(self, notifier: Inbox) -> Sequence[str]:
        return [repr(fact) for fact in notifier.notices]


@pytest.mark.parametrize("many", [1, 10, 91, 500, 1234])
def test_n06_as_many_facts_are_handed_over_at_once_as_the_suite_says(many: int) -> None:
    handed = list[int]()

    class Counting(Mail):
        def notify(self, facts: Sequence[Fact]) -> None:
            handed.append(len(facts))
            super().notify(facts)

    suite = notifying(Counting)
    suite.many = many
    suite().test_n06_many_facts_are_told_as_one()
    assert handed == [many]
