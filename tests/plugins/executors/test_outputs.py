"""What is kept of much output: its beginning and its end, each as if all of it had been scrubbed."""

from __future__ import annotations

import random

import pytest

from taskkit.plugins.executors import _outputs
from taskkit.plugins.executors._outputs import Recorder
from taskkit.scrubbing import Scrubber
from taskkit.secrets import Secret

PASSWORD = "correct-horse-battery"  # noqa: S105  what no test may find again
CAP = 1024


def said(chance: random.Random, size: int) -> str:
    """Words, among them the secret in some of its forms, often one at the other."""
    words = [PASSWORD, PASSWORD.encode().hex(), PASSWORD[:9], "plain", "\n", "ü"]
    return "".join(chance.choices(words, weights=[6, 3, 2, 9, 2, 2], k=size))


@pytest.mark.parametrize("seed", range(60))
def test_s01_much_is_kept_as_if_all_of_it_were_scrubbed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_outputs, "_MOST_WAITING", 200)
    chance = random.Random(seed)
    scrubber, text = Scrubber(Secret(PASSWORD)), said(chance, chance.choice([5, 100, 2000]))
    recorder, rest = Recorder(scrubber.stream(), CAP), text.encode()
    while rest:
        size = chance.randint(1, chance.choice([3, 700, 5000]))
        recorder.feed(rest[:size])
        rest = rest[size:]
    kept, whole = recorder.finish(), scrubber.scrub(text)
    if not kept.left_out:
        assert str(kept) == whole
        return
    assert whole.startswith(kept.head)
    assert whole.endswith(kept.tail)
    assert len(kept.head.encode()) in (CAP // 2 - 1, CAP // 2)
    assert CAP // 2 >= len(kept.tail.encode()) > CAP // 16


def test_so_many_bytes_are_left_out_as_were_said_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_outputs, "_MOST_WAITING", 200)
    recorder = Recorder(Scrubber(Secret(PASSWORD)).stream(), CAP)
    for _ in range(1000):
        recorder.feed(b"0123456789")
    kept = recorder.finish()
    assert (len(kept.head), len(kept.tail), kept.left_out) == (CAP // 2, CAP // 2, 10_000 - CAP)


def test_of_much_that_is_no_text_something_is_left_out_and_the_end_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_outputs, "_MOST_WAITING", 200)
    recorder = Recorder(Scrubber(Secret(PASSWORD)).stream(), CAP)
    for _ in range(500):
        recorder.feed(b"\xbf\x80\xff\xc3")
    recorder.feed(b"the end")
    kept = recorder.finish()
    assert kept.left_out > 0
    assert kept.tail.endswith("the end")


def test_a_character_that_is_cut_by_what_is_left_out_is_left_out_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_outputs, "_MOST_WAITING", 0)
    for cap in range(1020, 1028):
        recorder = Recorder(Scrubber().stream(), cap)
        for byte in "\N{GRINNING FACE}".encode() * 1000:
            recorder.feed(bytes([byte]))
        kept = recorder.finish()
        assert set(kept.head + kept.tail) == {"\N{GRINNING FACE}"}


def test_s01_a_secret_that_the_run_learns_while_its_output_comes_is_scrubbed_of_what_has_come_already() -> None:
    scrubber = Scrubber()
    recorder = Recorder(scrubber.stream(), CAP)
    recorder.feed(PASSWORD.encode())
    scrubber.add(Secret(PASSWORD))
    assert PASSWORD not in str(recorder.finish())
