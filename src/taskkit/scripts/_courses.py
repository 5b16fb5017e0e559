"""How far a script of steps has come: what its memo keeps, so that another worker can go on (J13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import asdict, define, field, fields

from taskkit.plugins.runs import Run
from taskkit.plugins.verbs import Operation


@define
class Course:
    """The steps that ended, the one that began, and what they left to tell."""

    done: int = 0
    began: int | None = None
    captured: dict[str, str] = field(factory=dict, converter=dict)
    warnings: list[str] = field(factory=list, converter=list)
    #: Error class and text of each step that failed and counts.
    failed: list[list[str]] = field(factory=list, converter=list)

    @classmethod
    def of(cls, memo: Mapping[str, Any]) -> Self:
        return cls(**{one.name: memo[one.name] for one in fields(cls) if one.name in memo})

    @property
    def result(self) -> Mapping[str, Any]:
        return {"captured": dict(self.captured), "warnings": list(self.warnings)}

    def begin(self, number: int, run: Run) -> None:
        """Durable before the step has any effect: who finds it and no end knows that nobody saw one."""
        run.save(asdict(self) | {"began": number})
        self.began = number

    def end(self, operation: Operation, fault: str, counts: bool, run: Run) -> None:
        """Open until this is kept, too: a step whose end is not written down has none."""
        self.captured |= operation.captured
        if fault and counts:
            self.failed.append([operation.error or "failed", fault])
        elif fault:
            self.warnings.append(fault)
        run.save(asdict(self) | {"done": self.began, "began": None})
        self.done, self.began = self.began or self.done, None
