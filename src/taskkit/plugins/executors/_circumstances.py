"""Where commands run, and with which variables: what every executor's settings may say of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import Attribute, field, frozen

from taskkit.checks import mapping, optional_a, refused

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _variables(instance: object, attribute: Attribute[Any], given: Mapping[object, object]) -> None:
    for name, value in given.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(value, str) or "\0" in value:
            raise refused(instance, attribute, str(name), "it is no variable", "give names of letters, digits and _, and texts without NUL")


@frozen
class Circumstances:
    """To inherit by settings."""

    #: Beside what is there anyway, or in its place. Nothing secret: everybody on the machine may see it.
    env: Mapping[str, str] = field(factory=dict, converter=mapping, validator=_variables, kw_only=True, hash=False)
    cwd: str | None = field(default=None, validator=optional_a(str, "give a path"), kw_only=True)
