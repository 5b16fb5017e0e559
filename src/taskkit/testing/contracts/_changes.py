"""What every executor that changes secrets keeps: E20 to E25 of `docs/reference/contracts.md`."""

from __future__ import annotations

from typing import Any

import attrs

from taskkit.outcomes import Done, ErrorClass, NotDone, Unknown
from taskkit.plugins.kinds import Executor
from taskkit.plugins.verbs import Host, Login, SecretChange, Verb
from taskkit.secrets import Secret
from taskkit.testing.contracts._ears import heard
from taskkit.testing.contracts._words import HostWords
from taskkit.testing.trials import Trial

_RULES = {"too_simple", "too_short", "in_history", "too_young", "other"}
_NEW = "Brand-new-Horse-battery-1"
_WRONG = "no-such-secret-anywhere-9"


class ChangeClauses(HostWords):
    """For executors with the verb `change_secret`: all others keep them by having none."""

    def test_e20_a_change_that_is_done_lets_the_new_secret_in_and_the_old_one_no_more(self) -> None:
        if not self._changes:
            return
        login = self.account()
        outcome = self._changed(login)
        assert isinstance(outcome, Done), f"it is {outcome}"
        assert self._lets_in(login, Secret(_NEW)), "it is called done, and the new secret does not let in"
        assert not self._lets_in(login, login.secret), "it is called done, and the old secret still lets in"

    def test_e21_a_change_that_is_not_done_leaves_the_old_secret_in_force(self) -> None:
        if not self._changes:
            return
        login = self.account()
        outcome = self._changed(attrs.evolve(login, secret=Secret(_WRONG)))
        assert isinstance(outcome, NotDone), f"a wrong secret changed it: {outcome}"
        assert outcome.error == ErrorClass.WRONG_CREDENTIALS, f"the class is {outcome.error}"
        assert outcome.text.strip(), "nothing tells why"
        self._assert_unchanged(login)

    def test_e22_what_a_rule_of_the_host_refuses_is_told_by_the_word_of_the_rule(self) -> None:
        if not self._changes:
            return
        login = self.account()
        outcome = self._changed(login, self.refused_secret())
        assert isinstance(outcome, NotDone), f"it is {outcome}"
        assert outcome.error == ErrorClass.REFUSED, f"the class is {outcome.error}"
        assert outcome.result.get("refusal") in _RULES, f"the rule is {outcome.result.get('refusal')!r}"
        self._assert_unchanged(login)

    def test_e23_a_name_or_a_secret_that_nobody_can_type_reaches_no_host(self) -> None:
        if not self._changes:
            return
        login, away = self.account(), self.host_that_is_down()
        for secret in ("two\nlines-of-it", "half\0way-through-it"):
            outcome = self._changed(login, Secret(secret), host=away)
            assert isinstance(outcome, NotDone), f"{secret!r} is {outcome}"
            assert outcome.error == ErrorClass.BAD_CONFIGURATION, f"the host was asked: {outcome.error}"
        for user in ("a:b", "-a", "a\nb", "a\0b", ""):
            outcome = self._changed(login, user=user, host=away)
            assert isinstance(outcome, NotDone), f"{user!r} is {outcome}"
            assert outcome.error == ErrorClass.BAD_CONFIGURATION, f"the host was asked for {user!r}: {outcome.error}"

    def test_e24_a_change_whose_answer_is_lost_is_unknown(self) -> None:
        if not self._changes:
            return
        login = self.account()
        outcome = self._changed(login, host=self.host_that_loses_the_answer())
        assert isinstance(outcome, Unknown), f"nobody heard the answer, and it is {outcome}"
        assert outcome.text.strip(), "nothing tells why"
        assert self._lets_in(login, Secret(_NEW)) or self._lets_in(login, login.secret), "neither the new nor the old secret lets in"

    def test_e25_the_secrets_of_a_change_stand_nowhere(self) -> None:
        if not self._changes:
            return
        refused, login = self.refused_secret(), self.account()
        with heard() as ear:
            outcomes = [self._changed(login, refused), self._changed(login), self._changed(login)]  # the last knows an old one only
        told = f"{outcomes!r} {ear()}"
        secrets = {"the old secret": login.secret, "the new secret": Secret(_NEW), "the secret that was refused": refused}
        for name, secret in secrets.items():
            assert secret is None or secret.reveal() not in told, f"{name} stands in what is told"

    # how it is asked here

    @property
    def _changes(self) -> bool:
        return Verb.CHANGE_SECRET in self.executor().verbs

    def _changed(self, login: Login, new: Secret | None = None, *, user: str | None = None, host: Host | None = None) -> Any:
        executor, trial = self._tried()
        change = SecretChange(login.user if user is None else user, new or Secret(_NEW))
        with trial.run() as run:
            return executor.change(host or self.host_of_accounts(), login, change, run)

    def _lets_in(self, login: Login, secret: Secret | None) -> bool:
        """By a fresh log-in."""
        executor, trial = self._tried()
        with trial.run() as run:
            return executor.probe(self.host_of_accounts(), attrs.evolve(login, secret=secret, by_secret=True), run).works

    def _tried(self) -> tuple[Executor, Trial]:
        executor = self.executor()
        return executor, Trial(executor=executor)

    def _assert_unchanged(self, login: Login) -> None:
        assert self._lets_in(login, login.secret), "it is called not done, and the old secret does not let in"
        assert not self._lets_in(login, Secret(_NEW)), "it is called not done, and the new secret lets in"
