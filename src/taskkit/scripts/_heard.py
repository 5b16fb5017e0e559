"""What has become of all that uses an account: how far the telling has come, as its memo keeps it, and how results and texts say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from attrs import asdict, define, field, fields

from taskkit.outcomes import Effect, ErrorClass
from taskkit.scripts.dependents import Dependent

#: What became of the old password.
REFUSED = "refused"
_NOBODY = ["", "", ""]


@define
class Heard:
    """Of one group (J13)."""

    #: Of each that is over, by its name: its state, and why not, and of which class that is, where it was not done.
    told: dict[str, list[str]] = field(factory=dict, converter=dict)
    #: The same, of those that hear of the old password again.
    back: dict[str, list[str]] = field(factory=dict, converter=dict)
    began: str | None = None
    tries: int = 0
    #: The attempt that is to be undone.
    undoes: str | None = None
    #: Why that cannot be.
    stays: str = ""
    #: What became of the old password: refused, or why not, or why nobody can say.
    old: str = ""

    @classmethod
    def of(cls, memo: Mapping[str, Any]) -> Self:
        return cls(**{one.name: memo[one.name] for one in fields(cls) if one.name in memo})

    @property
    def memo(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def group(self) -> dict[str, str]:
        """For each, done or why not; the last word counts."""
        return {name: state if state == "done" else f"{state}: {text}" for name, (state, text, _) in {**self.told, **self.back}.items()}

    def has_begun(self, one: Dependent) -> bool:
        """Whether it has done something about the new password, and it is known what; or may have, where it may be told whatever it was."""
        state, _, error = self.told.get(str(one), _NOBODY)
        may_have = one.effect is Effect.IDEMPOTENT and (state == "unknown" or error == ErrorClass.TIMEOUT)
        return may_have or state == "done" or (state == "not_done" and error == ErrorClass.FAILED)

    def untold(self, those: Iterable[Dependent]) -> list[Dependent]:
        return [one for one in those if str(one) not in self.told]

    def lacking(self, those: Iterable[Dependent], *states: str) -> list[Dependent]:
        """The required ones that are not known to have heard."""
        return [one for one in those if one.required and self.told.get(str(one), _NOBODY)[0] in states]

    def why(self, those: Iterable[Dependent], *states: str) -> str:
        return "; ".join(f"{one}: {self.told[str(one)][1]}" for one in self.lacking(those, *states))

    def warnings(self, those: Iterable[Dependent]) -> list[str]:
        told = {str(one): self.told.get(str(one), _NOBODY) for one in those if not one.required}
        return [f"{name}: {text}" for name, (state, text, _) in told.items() if state not in ("", "done")]
