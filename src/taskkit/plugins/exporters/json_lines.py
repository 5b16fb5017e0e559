"""Facts as JSON lines: one object on each line, for log collectors and for `jq`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import IO

from taskkit.facts import Fact
from taskkit.plugins.kinds import Exporter


class JsonLines(Exporter):
    """Writes each fact as it comes: UTF-8, keys in order, so that the same facts give the same bytes."""

    name = "json_lines"

    def export(self, facts: Iterable[Fact], to: IO[bytes]) -> int:
        count = 0
        for fact in facts:
            to.write(_line(fact))
            count += 1
        return count


def _line(fact: Fact) -> bytes:
    try:
        return _encoded(fact, ensure_ascii=False)
    except UnicodeEncodeError:  # half a character, out of a host's output: escaped, it stops no export
        return _encoded(fact, ensure_ascii=True)


def _encoded(fact: Fact, *, ensure_ascii: bool) -> bytes:
    text = json.dumps(fact.document(), ensure_ascii=ensure_ascii, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return f"{text}\n".encode()
