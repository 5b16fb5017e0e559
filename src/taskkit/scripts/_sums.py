"""What a change of a password has come to with all that uses it: as an outcome, in words, and as the history keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from taskkit.outcomes import Done, ErrorClass, NotDone, Outcome, Unknown
from taskkit.records import AccountId
from taskkit.scripts._heard import REFUSED, Heard

if TYPE_CHECKING:
    from taskkit.scripts.password_reset import PasswordReset


@frozen
class Sum:
    """Of one group, as it is whenever it is asked."""

    _reset: PasswordReset
    _account: AccountId
    _heard: Heard

    def outcome(self) -> Outcome:
        heard, those = self._heard, self._reset.dependents
        stays = [f"the old one could not be put in force again: {heard.stays}"] if heard.stays else []
        still = [f"the old one: {heard.old}"] if self._reset.old_refused == "fail" and self._is_not_refused else []
        if heard.lacking(those, "unknown"):
            return Unknown("; ".join([self.text("not_done", "unknown"), *stays, *still]), self.result)
        if heard.lacking(those, "not_done") or still:
            return NotDone(ErrorClass.FAILED, "; ".join([self.text("not_done"), *stays, *still]), self.result)
        return Done(self.result)

    def taken_back(self) -> Outcome:
        heard, why = self._heard, self._heard.why(self._reset.dependents, "not_done")
        lacking = [f"{name}: {said[1]}" for name, said in heard.back.items() if said[0] != "done"]
        text = f"the old password is in force again, as not all could be told of a new one: {why}"
        text += f"; not told of that: {'; '.join(lacking)}" if lacking else ""
        is_unknown = any(said[0] == "unknown" for said in {**heard.told, **heard.back}.values())
        result = {**self.result, "changed": False}
        return Unknown(text, result) if is_unknown else NotDone(ErrorClass.FAILED, text, result)

    def stopped(self) -> NotDone:
        waiting = ", ".join(map(str, self._heard.untold(self._reset.dependents)))
        return NotDone(ErrorClass.STOPPED, f"stopped; {self.text('not_done', 'unknown')}; not told yet: {waiting}", self.result)

    def text(self, *states: str) -> str:
        lacking = self._heard.why(self._reset.dependents, *states)
        text = f"the password of {self._account!r} is changed and in force"
        return f"{text}; not told of it: {lacking}" if lacking else text

    @property
    def result(self) -> dict[str, Any]:
        """What the history keeps of all together."""
        heard = self._heard
        warnings = [f"the old one: {heard.old}"] if self._reset.old_refused == "warn" and self._is_not_refused else []
        said = {"dependents": heard.group, "warnings": [*heard.warnings(self._reset.dependents), *warnings], "old": heard.old}
        return {"account": self._account, "changed": True, **{name: value for name, value in said.items() if value}}

    @property
    def so_far(self) -> dict[str, Any]:
        """As long as it waits: whoever takes its task away reads here who has not heard."""
        untold = {str(one): "not told yet" for one in self._heard.untold(self._reset.dependents)}
        return {**self.result, "dependents": {**untold, **self._heard.group}}

    @property
    def _is_not_refused(self) -> bool:
        """Of the old password; none, where nobody has looked."""
        return self._heard.old not in ("", REFUSED)
