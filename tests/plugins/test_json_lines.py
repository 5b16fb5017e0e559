"""Facts as JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from taskkit.facts import Fact
from taskkit.plugins.exporters.json_lines import JsonLines


def exported(*facts: Fact) -> bytes:
    to = io.BytesIO()
    assert JsonLines().export(facts, to) == len(facts)
    return to.getvalue()


def a_fact(**details: Any) -> Fact:
    return Fact("JobFailed", 1_700_000_000_000_000, job="j1", record="r1", details=details, chain="a", position=3, hash="ff")


def test_each_fact_is_one_line_that_says_all_of_it() -> None:
    facts = [a_fact(text="first\nsecond"), a_fact(text="wörter"), a_fact()]
    lines = exported(*facts).split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line) for line in lines] == [fact.document() for fact in facts]


def test_the_same_facts_give_the_same_bytes() -> None:
    one, other = a_fact(a=1, b=2), a_fact(b=2, a=1)
    assert exported(one) == exported(other)
    keys = list(json.loads(exported(one)))
    assert keys == sorted(keys)


def test_texts_are_utf_8_and_not_escaped() -> None:
    assert "größer als 5 °C".encode() in exported(a_fact(text="größer als 5 °C"))


def test_half_a_character_out_of_a_hosts_output_stops_no_export() -> None:
    lines = exported(a_fact(text="bad \udcff byte ö"), a_fact(text="next")).splitlines()
    assert [json.loads(line)["details"]["text"] for line in lines] == ["bad \udcff byte ö", "next"]


def test_what_is_no_json_is_not_written() -> None:
    to = io.BytesIO()
    with pytest.raises(ValueError, match="JSON"):
        JsonLines().export([a_fact(), a_fact(share=float("nan"))], to)
    assert len(to.getvalue().splitlines()) == 1


def test_facts_are_written_as_they_come() -> None:
    to, seen = io.BytesIO(), []

    def facts() -> Iterator[Fact]:
        for _ in range(3):
            seen.append(len(to.getvalue().splitlines()))
            yield a_fact()

    assert JsonLines().export(facts(), to) == 3
    assert seen == [0, 1, 2]


def test_no_fact_is_no_line() -> None:
    assert exported() == b""
