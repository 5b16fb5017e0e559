"""What every executor that moves files keeps: E26 to E29 of `docs/reference/contracts.md`."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import attrs
import pytest

from taskkit.errors import HostRefused
from taskkit.outcomes import ErrorClass
from taskkit.plugins.verbs import File, Operation, Verb
from taskkit.secrets import Secret
from taskkit.testing.contracts._ears import heard
from taskkit.testing.contracts._words import HostWords
from taskkit.testing.trials import Trial

_LONG, _TURNS = 200_000, 6
_BITS = 0o7777
_CLASSES = frozenset(map(str, ErrorClass))


class FileClauses(HostWords):
    """For executors with the verb `files`: all others keep them by having none."""

    def test_e26_what_is_put_is_what_is_got_and_said_twice_is_once(self) -> None:
        if not self._moves:
            return
        path = self.path("thing")
        contents: dict[Any, bytes] = {
            "a text, ä": "a text, ä".encode(),
            b"\0\xff\r\n": b"\0\xff\r\n",
            ("user = ", Secret("a-secret-for-files"), b"\n"): b"user = a-secret-for-files\n",
            "": b"",
            "x" * _LONG: b"x" * _LONG,
        }
        for content, wanted in contents.items():
            for _ in range(2):
                put = self._put(path, content)
                assert put.state == "done", f"it is {put.state}: {put.text}"
                assert self._got(path).content == wanted, "another content is there than was put"

    def test_e27_a_file_keeps_its_mode_and_its_owner_unless_another_mode_is_said(self) -> None:
        if not self._moves:
            return
        path = self.path("thing")
        self._put(path, "one")
        new = self._got(path)
        assert not new.mode & 0o077, f"a new file may be seen by others: its mode is {new.mode:o}"
        self._put(path, "two", mode=0o640)
        assert self._got(path).mode & _BITS == 0o640, f"0640 was said, and it is {self._got(path).mode:o}"
        self._put(path, "three")
        kept = self._got(path)
        assert (kept.mode & _BITS, kept.uid, kept.gid) == (0o640, new.uid, new.gid), f"0640 stood there, and now it is {kept.mode:o}"
        assert kept.content == b"three", "another content is there than was put"

    def test_e28_a_file_is_replaced_in_one_step(self) -> None:
        if not self._moves:
            return
        path, wholes = self.path("thing"), [letter * _LONG for letter in (b"a", b"b")]
        self._put(path, wholes[1])

        def write() -> None:
            for turn in range(_TURNS):
                self._put(path, wholes[turn % 2])

        with ThreadPoolExecutor(1) as threads:
            written = threads.submit(write)
            while True:
                over = written.done()
                assert self._got(path).content in wholes, "somebody who looks meanwhile sees a part of a file, or of two"
                if over:
                    break
            written.result()

    def test_e29_what_cannot_be_had_or_put_is_told_and_leaves_things_as_they_are(self) -> None:
        if not self._moves:
            return
        path = self.path("thing")
        assert self._refusal(path).error in _CLASSES, "nothing tells why there is no such file"
        self._put(path, "x" * 100)
        assert self._refusal(path, most=99).error in _CLASSES, "part of a file is given"
        failed = self._put(self.path_of_nothing(), "y")
        assert failed.state == "not_done", f"where nothing can be put it is {failed.state}"
        assert failed.error in _CLASSES, f"its error is {failed.error!r}"
        assert failed.text.strip(), "nothing tells why"
        with self._reaching() as (connection, run, trial):
            trial.engine.request_stop(trial.job)
            trial.clock.advance(seconds=1)
            late = connection.put(path, "z", run)
        assert (late.state, late.error) == ("not_done", ErrorClass.STOPPED), f"after a stop it is {late.state}, {late.error}"
        assert self._got(path).content == b"x" * 100, "the file is another one"

    def test_e29_what_is_secret_of_a_file_stands_nowhere(self) -> None:
        if not self._moves:
            return
        secret = Secret("a-secret-for-files-only")
        with heard() as ear:
            told = [self._put(self.path("thing"), ("user = ", secret)), self._put(self.path_of_nothing(), secret)]
        for place, text in {"an operation": repr([attrs.asdict(one) for one in told]), "what was said here": ear()}.items():
            assert secret.reveal() not in text, f"the secret stands in {place}"

    # how it is asked here

    @property
    def _moves(self) -> bool:
        return Verb.FILES in self.executor().verbs

    @contextmanager
    def _reaching(self) -> Iterator[tuple[Any, Any, Trial]]:
        executor = self.executor()
        trial = Trial(executor=executor)
        with trial.run() as run, executor.connect(self.host(), self.login(), run) as connection:
            yield connection, run, trial

    def _put(self, path: str, content: Any, **given: Any) -> Operation:
        with self._reaching() as (connection, run, _):
            put: Operation = connection.put(path, content, run, **given)
        return put

    def _got(self, path: str) -> File:
        with self._reaching() as (connection, run, _):
            got: File = connection.get(path, run)
        return got

    def _refusal(self, path: str, **given: Any) -> HostRefused:
        with self._reaching() as (connection, run, _), pytest.raises(HostRefused) as caught:
            connection.get(path, run, **given)
        return caught.value
