"""What every executor that holds dialogues keeps: E30 to E32 of `docs/reference/contracts.md`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from taskkit.plugins.verbs import Terminal, Verb
from taskkit.secrets import Secret
from taskkit.testing.contracts._ears import heard
from taskkit.testing.contracts._words import HostWords
from taskkit.testing.trials import Trial

_TICK, _SILENCE = 0.2, 0.5


class TerminalClauses(HostWords):
    """For executors with the verb `dialogue`: all others keep them by having none."""

    def test_e30_what_is_typed_is_heard_and_silence_and_the_end_are_told_apart(self) -> None:
        if not self._talks:
            return
        with self._terminal() as terminal:
            terminal.send(self.typing("hello"))
            assert "hello" in self._said(terminal, "hello"), "what was typed had no answer"
            while terminal.receive(_SILENCE):  # whatever comes behind it
                pass
            began = time.monotonic()
            assert terminal.receive(_TICK) == b"", "a machine that says nothing is told to say something, or to be gone"
            assert time.monotonic() - began < self.patience, "a silence is waited for too long"
            terminal.send(self.leaving())
            assert self._ends(terminal), "the end of the machine is not told by None"
            assert terminal.receive(_TICK) is None, "what is closed is open again"
            with pytest.raises(OSError):  # noqa: PT011  any of them
                self._type_on(terminal)

    def test_e31_each_terminal_is_a_new_one_and_is_closed_at_the_end_of_its_block(self) -> None:
        if not self._talks:
            return
        executor = self.executor()
        trial = Trial(executor=executor)
        with trial.run() as run, executor.connect(self.host(), self.login(), run) as connection:
            with suppress(_Mistake), connection.terminal(run) as first:
                first.send(self.remembering("somebody"))
                first.send(self.recalling())
                assert "<somebody>" in self._said(first, "<somebody>"), "the machine does not remember within one terminal"
                raise _Mistake
            with connection.terminal(run) as second:
                second.send(self.recalling())
                assert "<>" in self._said(second, "<>"), "it is no new one: it remembers what was typed before"
            assert self._is_closed(first), "it is open after an error"
            assert self._is_closed(second), "it is open after its block"

    def test_e32_a_secret_is_typed_in_one_and_stands_nowhere(self) -> None:
        if not self._talks:
            return
        secret = Secret("a-secret-for-terminals")
        with heard() as ear, self._terminal() as terminal:
            terminal.send(self.measuring())
            self._said(terminal, "ready")
            terminal.send(secret, "\n")
            said = self._said(terminal, f"<{len(secret.reveal())}>")
        assert f"<{len(secret.reveal())}>" in said, f"another secret came there: {said[-200:]!r}"
        assert secret.reveal() not in ear(), "the secret stands in what was said here"

    # how it is asked here

    @property
    def _talks(self) -> bool:
        return Verb.DIALOGUE in self.executor().verbs

    @contextmanager
    def _terminal(self) -> Iterator[Terminal]:
        executor = self.executor()
        with (
            Trial(executor=executor).run() as run,
            executor.connect(self.host(), self.login(), run) as connection,
            connection.terminal(run) as terminal,
        ):
            yield terminal

    def _said(self, terminal: Terminal, wanted: str) -> str:
        """Until it is there, or the machine is gone, or nobody waits any longer."""
        said, until = b"", time.monotonic() + self.patience
        while wanted.encode() not in said and time.monotonic() < until:
            piece = terminal.receive(_TICK)
            if piece is None:
                break
            said += piece
        return said.decode(errors="replace")

    def _ends(self, terminal: Terminal) -> bool:
        until = time.monotonic() + self.patience
        while time.monotonic() < until:
            if terminal.receive(_TICK) is None:
                return True
        return False

    def _type_on(self, terminal: Terminal) -> None:
        """The machine may have said that nothing more comes before it is gone."""
        until = time.monotonic() + self.patience
        while time.monotonic() < until:
            terminal.send(self.typing("anybody"))
            time.sleep(_TICK)

    def _is_closed(self, terminal: Any) -> bool:
        try:
            return self._ends(terminal)
        except Exception:  # whatever a terminal says that is none any more
            return True


class _Mistake(Exception):
    """Of whoever has the terminal."""
