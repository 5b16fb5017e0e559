"""Transcripts: recorded once against a machine, free of secrets; replayed without it; drift is told step by step."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.errors import UnreadableDocument
from taskkit.outcomes import DONE, Done, ErrorClass, Unknown
from taskkit.plugins import SecretChange
from taskkit.plugins.executors.local import Local
from taskkit.scripts import Dialogue
from taskkit.secrets import Secret
from taskkit.testing import FakeExecutor, Recording, Remark, Replay, Transcript, Trial
from tests.scripts.machines import CLOSES, ENABLING, PASSWORD, ROUTER, SECRETS, Played

PROGRAM = Path(__file__).parents[1] / "servers" / "router.py"
TALK = "Password: -> {password} ; > -> enable ; Password: -> {shadow.password} ; # -> show run ; # -> exit"
SAYS = ("Password: ", "router> ", "Password: ", "router# ", "one\n --More-- ", "\b\b\b\b\b\b\b\b\b\btwo       \nrouter# ", CLOSES)


def trial(executor: Any, text: str = TALK) -> Trial:
    return Trial(Dialogue.of("talk", text), ROUTER, shadow=ENABLING, secrets=SECRETS, executor=executor)


def recorded(*says: str, text: str = TALK, echoes: bool = True) -> Transcript:
    recording = Recording(Played(*says, echoes=echoes))
    trial(recording, text).perform()
    return recording.transcript


def told(tried: Trial) -> list[Any]:
    return [(one["name"], one["state"], one.get("output"), one.get("captured")) for one in tried.entry.operations]


def test_what_was_recorded_holds_places_and_no_secrets() -> None:
    found = recorded(*SAYS)
    assert [remark.hears for remark in found.remarks] == [
        "{password}\n",
        "enable\n",
        "{shadow.password}\n",
        "show run\n",
        " ",
        "exit\n",
        None,
    ]
    assert [remark.says for remark in found.remarks][:5] == [
        "Password: ", "\nrouter> ", "enable\nPassword: ", "\nrouter# ", "show run\none\n --More-- ",
    ]  # fmt: skip
    assert found.closed


def test_what_was_recorded_says_the_same_again_without_the_machine() -> None:
    machine = trial(Played(*SAYS))
    assert machine.perform() == Done({"captured": {}, "warnings": []})
    replay = Replay(recorded(*SAYS))
    again = trial(replay)
    assert again.perform() == Done({"captured": {}, "warnings": []})
    assert told(again) == told(machine)
    assert replay.drift == ()
    assert replay.heard == ["{password}\n", "enable\n", "{shadow.password}\n", "show run\n", " ", "exit\n"]
    replay.check()


def test_s01_no_secret_is_written_in_whatever_form_the_machine_says_it(tmp_path: Path) -> None:
    forms = [PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), PASSWORD.encode().hex(), "".join(f"{char}\b*" for char in PASSWORD)]
    forms += [f"{PASSWORD[:5]}\x1b[1m{PASSWORD[5:]}\x1b[0m", f"x{PASSWORD[1:]}\r{PASSWORD[0]}"]
    recorded("Password: ", "\n".join(["", *forms, "# "]), text="Password: -> {password} ; # within 1 s -> x", echoes=False).write(
        tmp_path / "talk"
    )
    text = (tmp_path / "talk").read_text()
    for form in forms[:3]:
        assert form not in text
    assert PASSWORD[1:6] not in text
    assert "{password}" in text


def test_s01_a_piece_of_a_secret_that_is_left_of_an_echo_is_not_recorded() -> None:
    left = f"<{PASSWORD[3:]}"
    found = recorded("a# ", f"{left}\nok\nb# ", left, text="a# -> key {password} ; b# -> again {password}", echoes=False)
    assert [remark.says for remark in found.remarks] == ["a# ", "[secret]\nok\nb# ", "[secret]"]


def test_a_transcript_goes_into_a_file_and_comes_back(tmp_path: Path) -> None:
    found = recorded(*SAYS)
    found.write(tmp_path / "talk.json")
    assert Transcript.read(tmp_path / "talk.json") == found
    assert json.loads((tmp_path / "talk.json").read_text())["version"] == 1


REMARKS = st.lists(st.builds(Remark, st.text(), st.none() | st.text()), max_size=5)


@settings(deadline=None)
@given(st.builds(Transcript, REMARKS, st.booleans()))
def test_every_transcript_comes_back_from_its_document(found: Transcript) -> None:
    assert Transcript.of(json.loads(json.dumps(found.document()))) == found


@pytest.mark.parametrize(
    "wrong",
    [
        None, [], {}, {"form": "another"}, {"form": "taskkit transcript", "version": 2, "closed": False, "remarks": []},
        {"form": "taskkit transcript", "version": 1, "closed": False, "remarks": [{"says": 1}]},
        {"form": "taskkit transcript", "version": 1, "closed": False, "remarks": [{"other": "x"}]},
        {"form": "taskkit transcript", "version": 1, "closed": False, "remarks": 7},
        {"form": "taskkit transcript", "version": 1},
    ],
)  # fmt: skip
def test_what_is_no_transcript_is_refused(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument):
        Transcript.of(wrong)
    (tmp_path / "talk").write_text(json.dumps(wrong))
    with pytest.raises(UnreadableDocument):
        Transcript.read(tmp_path / "talk")


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "talk").write_text("{")
    with pytest.raises(UnreadableDocument):
        Transcript.read(tmp_path / "talk")


# drift


def story(text: str) -> tuple[Any, list[str]]:
    replay = Replay(recorded(*SAYS))
    outcome = trial(replay, text).perform()
    with pytest.raises(AssertionError) as caught:
        replay.check()
    return outcome, str(caught.value).splitlines()


def test_what_is_typed_otherwise_is_told_at_its_step() -> None:
    outcome, lines = story(TALK.replace("show run", "show version"))
    assert isinstance(outcome, Done)
    assert lines == [
        "the dialogue has drifted from its transcript:",
        "  1. 'Password:': '{password}'",
        "  2. 'router>': 'enable'",
        "  3. 'Password:': '{shadow.password}'",
        "! 4. 'router#': recorded was 'show run', now it is 'show version'",
        "  5. '--More--': ' '",
        "  6. 'router#': 'exit'",
        "  7. '': nothing",
    ]


def test_what_is_waited_for_otherwise_is_told_at_its_step() -> None:
    outcome, lines = story(TALK.replace("> -> enable", "$ -> enable"))
    assert isinstance(outcome, Unknown)
    assert lines[1:4] == [
        "  1. 'Password:': '{password}'",
        "! 2. 'router>': recorded was 'enable', the dialogue waits for another prompt",
        "! 3. 'Password:': recorded was '{shadow.password}', now it is nothing",
    ]


def test_a_secret_that_is_said_to_another_question_is_drift() -> None:
    _, lines = story(TALK.replace("{shadow.password}", "{password}x"))
    assert "! 3. 'Password:': recorded was '{shadow.password}', now it is '{password}x'" in lines


def test_a_step_more_and_a_step_less_is_drift() -> None:
    _, lines = story(TALK.replace(" ; # -> exit", ""))
    assert lines[-2].startswith("! 6. 'router#': recorded was 'exit', now it is nothing")
    _, lines = story(f"{TALK} ; <closed> => next ; # -> more")
    assert lines[-1] == "! 7. '': recorded was nothing, the dialogue waits for another prompt"


def test_what_was_never_replayed_has_drifted_as_a_whole() -> None:
    replay = Replay(recorded(*SAYS))
    assert len(replay.drift) == len(replay.transcript.remarks) - 1


def test_a_real_program_is_recorded_and_replayed(tmp_path: Path) -> None:
    text = "> -> show version ; capture version /Version ([^,]+)/ ; > -> show interfaces ; capture last /^(.*29)$/ ; > -> exit"
    recording = Recording(Local())
    settings = {"terminal": f"{sys.executable} {PROGRAM} --no-login --colours"}
    real = Trial(Dialogue.of("talk", text), ROUTER, secrets=SECRETS, executor=recording, settings=settings)
    outcome = real.perform()
    assert isinstance(outcome, Done)
    recording.transcript.write(tmp_path / "router.json")
    replay = Replay(Transcript.read(tmp_path / "router.json"))
    again = Trial(Dialogue.of("talk", text), ROUTER, secrets=SECRETS, executor=replay)
    assert again.perform() == outcome
    assert told(again) == told(real)
    replay.check()


def test_what_is_recorded_probes_and_changes_secrets_as_it_does_unrecorded() -> None:
    hosts = FakeExecutor()
    hosts.guard("10.0.0.5", "app", "old-secret")
    trial = Trial(executor=Recording(hosts), secrets={"db-1": {"password": "old-secret"}})
    with trial.run() as run:
        assert run.probe(secret=Secret("other")).error is ErrorClass.WRONG_CREDENTIALS
        assert run.change(SecretChange("app", Secret("new-secret"), Secret("old-secret"))) == DONE
    assert hosts.secret("10.0.0.5", "app").reveal() == "new-secret"  # type: ignore[union-attr]
