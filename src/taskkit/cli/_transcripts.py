"""Where the transcript of a dialogue is kept that is tried from a terminal."""

from __future__ import annotations

from pathlib import Path

from taskkit.cli._shows import plain
from taskkit.errors import InvalidValue, Refused
from taskkit.testing.transcripts import Recording


def file_for_transcript(given: str, *, is_held: bool) -> Path:
    """Looked at before anything is said: what was recorded cannot be had again without saying it again."""
    file = Path(given).expanduser()
    if not is_held:
        raise InvalidValue("recording a transcript", "there is no dialogue", "give one by --dialogue, or name a task that holds one")
    if file.is_dir() or not file.parent.is_dir():
        raise InvalidValue(f"recording a transcript in {plain(file)!r}", "no file can be there", "name a file in a folder that is there")
    return file


def keep_transcript(recording: Recording, file: Path) -> None:
    try:
        recording.transcript.write(file)
    except OSError as error:
        raise Refused(f"writing the transcript {plain(file)!r}", error.strerror or type(error).__name__, "look at the folder") from None
