"""The script `Dialogue`: where it waits, what it answers, and what becomes of whatever a machine says."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.documents import documents_of
from taskkit.errors import HostRefused, InvalidValue, TriesSpared
from taskkit.outcomes import Done, Effect, ErrorClass, NotDone, NotNow, Unknown
from taskkit.plugins.forms import form
from taskkit.plugins.verbs import Verb
from taskkit.scripts import Cue, Dialogue, Exchange
from taskkit.states import State
from tests.scripts.machines import CLOSES, PASSWORD, SECRETS, Cuts, Played, held, trial

LOGIN = "login: -> {user} ; Password: -> {password} ; # -> show version"
MOTD = "### Welcome ###\nlogin: with your own name\n"
GOOD = (f"{MOTD}login: ", "Password: ", "router# ", "Version 15.2\nuptime 3 weeks\nrouter# ")
RESULT: dict[str, Any] = {"captured": {}, "warnings": []}


# how it is made


@pytest.mark.parametrize(
    "given",
    [
        {"exchanges": []},
        {"exchanges": ["# -> x"]},
        {"exchanges": [Exchange(Cue("#", then="@none"))]},
        {"exchanges": [Exchange(Cue("#", "x"), name="a"), Exchange(Cue("#", then="@a"))]},
        {"exchanges": [Exchange(Cue("#", "x", then="again"))]},
        {"exchanges": [Exchange(Cue("#"), name="a"), Exchange(Cue("#"), name="a")]},
        {"exchanges": [Exchange(Cue("#"), capture={"x": "(a)"}), Exchange(Cue("#"), capture={"x": "(a)"})]},
        {"always": [Cue("more")]},
        {"always": [Cue("more", "{password}")]},
        {"always": [Cue("more", "x", then="end")]},
        {"always": [Cue("<silence>", "")]},
        {"always": ["more"]},
        {"quiet": 0},
        {"values": "all"},
        {"effect": "verifiable"},
        {"name": ""},
        {"paging": "yes"},
    ],
)
def test_a_definition_with_a_mistake_is_refused_when_it_is_made(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        Dialogue(**{"name": "talk", "exchanges": [Exchange(Cue("#", "x"))], **given})


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (Cue, {"prompt": ""}),
        (Cue, {"prompt": " "}),
        (Cue, {"prompt": "a\nb"}),
        (Cue, {"prompt": "/(/"}),
        (Cue, {"prompt": "#", "answer": "a\nb"}),
        (Cue, {"prompt": "#", "answer": "{"}),
        (Cue, {"prompt": "#", "answer": "<ctrl-zz>"}),
        (Cue, {"prompt": "#", "then": "nowhere"}),
        (Cue, {"prompt": "#", "error": "none"}),
        (Cue, {"prompt": "#", "text": "why"}),
        (Cue, {"prompt": "#", "error": "busy", "answer": "x"}),
        (Cue, {"prompt": "#", "error": "busy", "then": "end"}),
        (Cue, {"prompt": "<closed>", "answer": "x"}),
        (Cue, {"prompt": "<said> more", "answer": "x"}),
        (Cue, {"prompt": "<said> "}),
        (Cue, {"prompt": "<said> /(/", "then": "end"}),
        (Exchange, {"cues": []}),
        (Exchange, {"cues": "#"}),
        (Exchange, {"cues": Cue("#"), "timeout": 0}),
        (Exchange, {"cues": Cue("#"), "timeout": float("nan")}),
        (Exchange, {"cues": Cue("#"), "retries": -1}),
        (Exchange, {"cues": Cue("#"), "name": "a b"}),
        (Exchange, {"cues": Cue("#"), "expect": "("}),
        (Exchange, {"cues": Cue("#"), "capture": {"a": "none"}}),
        (Exchange, {"cues": Cue("#"), "capture": {"a b": "(a)"}}),
        (Exchange, {"cues": Cue("#"), "capture": ["a"]}),
        (Exchange, {"cues": Cue("#"), "level": "fatal"}),
    ],
)
def test_a_line_with_a_mistake_is_refused_when_it_is_made(make: Any, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        make(**given)


def test_r10_a_definition_goes_into_a_document_and_comes_back_and_has_a_form() -> None:
    dialogue = Dialogue.of("talk", f"{LOGIN} ; or % No => fail permission ; always busy => fail busy ; always y? -> y", effect="idempotent")
    documents = documents_of(trial(dialogue, Played()).engine.plugins)
    assert documents.definition(documents.write(dialogue)) == dialogue
    assert Dialogue.of("talk", dialogue.text, effect="idempotent") == dialogue
    assert {setting.name for setting in form(Dialogue).settings} == {"name", "exchanges", "always", "paging", "quiet", "values", "effect"}
    assert Dialogue.needs == {Verb.DIALOGUE}
    assert Dialogue.of("talk", LOGIN).effect is Effect.BLIND


# a dialogue that goes well


def test_it_answers_one_prompt_after_the_other_and_tells_of_each() -> None:
    outcome, machine, tried = held(f"{LOGIN} ; capture version /Version (\\S+)/", *GOOD)
    assert outcome == Done({"captured": {"version": "15.2"}, "warnings": []})
    assert machine.typed == ["app\n", f"{PASSWORD}\n", "show version\n"]
    told = [(one["name"], one["state"], one.get("output", "")) for one in tried.entry.operations]
    assert told == [
        ("login: -> {user}", "done", ""),
        ("Password: -> {password}", "done", ""),
        ("# -> show version", "done", "Version 15.2\nuptime 3 weeks\n"),
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.booleans())
def test_however_the_bytes_are_cut_it_is_the_same_talk(sizes: list[int], echoes: bool) -> None:
    def cuts(said: bytes) -> list[bytes]:
        found: list[bytes] = []
        while said:
            size = sizes[len(found) % len(sizes)]
            found, said = [*found, said[:size]], said[size:]
        return found

    says = (f"\x1b[2J{MOTD}\x1b[1mlogin:\x1b[0m ", "Pass", "Password: ", "\x1b]0;t\x07rout\r\x1b[Krouter# ", "Version \u00fc15.2\nrouter# ")
    text = "login: -> {user} ; Pass -> <space> ; Password: -> {password} ; # -> show version ; capture version /Version (\\S+)/"
    outcome, machine, _ = held(text, *says, cuts=cuts, echoes=echoes)
    assert outcome == Done({"captured": {"version": "\u00fc15.2"}, "warnings": []})
    assert machine.typed == ["app\n", " ", f"{PASSWORD}\n", "show version\n"]


def bytewise(said: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in said]


@pytest.mark.parametrize("cuts", [lambda said: [said], bytewise])
def test_what_looks_like_a_prompt_in_the_middle_of_an_output_is_none(cuts: Cuts) -> None:
    says = ("### hello ###\nrouter# ", "! # comment\nlogin: x#\nhostname x\nrouter# ", CLOSES)
    outcome, machine, tried = held("# -> show run ; # -> exit", *says, cuts=cuts)
    assert outcome == Done(RESULT)
    assert machine.typed == ["show run\n", "exit\n"]
    assert tried.entry.operations[0]["output"] == "! # comment\nlogin: x#\nhostname x\n"


def test_patterns_are_looked_for_where_the_machine_waits() -> None:
    outcome, machine, _ = held(
        r"/^\w+[>#]$/ -> show x ; /\(config\)#$/ -> end", "a# b>\nrouter>", "router#\nrouter(config)#", "router(config)#"
    )
    assert outcome == Done(RESULT)
    assert machine.typed == ["show x\n", "end\n"]


def test_several_prompts_lead_to_several_places() -> None:
    text = """
        > -> enable
        or # => @privileged
        Password: -> {shadow.password}
        @privileged # -> show clock
    """
    outcome, machine, _ = held(text, "router# ", "12:00\nrouter# ")
    assert (outcome, machine.typed) == (Done(RESULT), ["show clock\n"])
    outcome, machine, _ = held(text, "router> ", "Password: ", "router# ", "12:00\nrouter# ")
    assert (outcome, machine.typed) == (Done(RESULT), ["enable\n", "an-enabling-phrase\n", "show clock\n"])


def test_a_pager_is_asked_for_the_next_page_and_is_no_part_of_the_output() -> None:
    pages = (
        "one\n --More-- ",
        "\b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\btwo\n<--- More --->",
        "\r              \rthree\nrouter# ",
    )
    outcome, machine, tried = held("# -> show run", "router# ", *pages)
    assert outcome == Done(RESULT)
    assert machine.typed == ["show run\n", " ", " "]
    assert tried.entry.operations[0]["output"] == "one\ntwo\nthree\n"
    outcome, machine, _ = held("# within 1 s -> show run", "router# ", *pages, of={"paging": False})
    assert isinstance(outcome, Unknown)
    assert machine.typed == ["show run\n"]


def test_what_may_come_at_any_time_is_answered_where_it_comes() -> None:
    text = "# -> one ; # -> two ; always Continue? -> y ; always /denied/ => fail permission"
    outcome, machine, _ = held(text, "router# ", "Continue? ", "router# ", "Continue? ", "fine\nrouter# ")
    assert (outcome, machine.typed) == (Done(RESULT), ["one\n", "y\n", "two\n", "y\n"])
    outcome, _, _ = held(text, "router# ", "access denied\nrouter# ")
    assert outcome == NotDone(ErrorClass.PERMISSION, "step '# -> one': it said '/denied/'", RESULT)


def test_after_the_last_answer_it_waits_until_its_prompt_is_back_or_the_connection_ends() -> None:
    assert held("# -> exit", "router# ", CLOSES)[0] == Done(RESULT)
    assert held("# -> show x => end ; # -> never", "router# ", "x\nrouter# ")[0] == Done(RESULT)
    outcome, _, tried = held("# within 2 s -> reload", "router# ", "Proceed? [confirm]")
    assert outcome == Unknown("step '# -> reload': waiting for '#': it did not come within 2 s; it says 'Proceed? [confirm]'", RESULT)
    assert tried.entry.operations[0]["state"] == "unknown"
    assert tried.entry.state is State.UNCERTAIN


def test_the_echo_of_an_answer_is_no_part_of_what_is_said_to_it() -> None:
    outcome, _, tried = held("# -> show # ; # -> show #", "router# ", "a\nrouter# ", "show #\nrouter# ", of={})
    assert outcome == Done(RESULT)
    assert [one["output"] for one in tried.entry.operations] == ["a\n", "show #\n"]


def test_an_answer_that_ends_with_white_space_has_an_echo_all_the_same() -> None:
    outcome, machine, tried = held('# -> "say hello  " ; # -> x', "# ", "hello\n# ", "# ")
    assert (outcome, machine.typed[0]) == (Done(RESULT), "say hello  \n")
    assert tried.entry.operations[0]["output"] == "hello\n"


def test_keys_are_pressed_without_enter() -> None:
    _, machine, _ = held("(config)# -> <ctrl-z> ; # -> <tab> ; # -> <enter>", "r(config)# ", "r# ", "r# ", "r# ")
    assert machine.typed == ["\x1a", "\t", "\n"]


# what is looked for in what is said


def test_what_is_expected_forbidden_and_captured_counts_as_in_a_step() -> None:
    assert held("# -> a ; expect /OK/", "# ", "OK\n# ")[0] == Done(RESULT)
    assert held("# -> a ; expect /OK/", "# ", "no\n# ")[0] == NotDone("failed", "step '# -> a': 'OK' was not found", RESULT)
    assert held("# -> a ; forbid /OK/", "# ", "OK\n# ")[0] == NotDone("failed", "step '# -> a': 'OK' was found", RESULT)
    outcome, machine, _ = held("# -> a ; forbid /OK/ ; warn ; # -> b", "# ", "OK\n# ", "# ")
    assert outcome == Done({"captured": {}, "warnings": ["step '# -> a': 'OK' was found"]})
    assert machine.typed == ["a\n", "b\n"]


# what goes wrong


@pytest.mark.parametrize("error", [*ErrorClass])
def test_a_message_fails_with_the_class_that_it_is_given(error: ErrorClass) -> None:
    outcome, machine, _ = held(f'# -> a ; # -> b ; or % Nothing => fail {error} "it may not"', "# ", "% Nothing to do\nrouter# ")
    assert outcome == NotDone(error, "step '# -> a': it may not", RESULT)
    assert machine.typed == ["a\n"]


def test_j10_classes_that_invite_another_try_are_for_what_may_be_said_twice() -> None:
    text, says = "# -> a ; # -> b ; # -> c ; or busy => fail busy", ("# ", "# ", "busy\n# ")
    assert held(text, *says)[0] == NotDone(ErrorClass.FAILED, "step '# -> b': it said 'busy'", RESULT)
    assert held(text, *says, of={"effect": "idempotent"})[0] == NotDone(ErrorClass.BUSY, "step '# -> b': it said 'busy'", RESULT)


def test_j10_what_nobody_saw_the_end_of_is_unknown_and_what_was_never_begun_is_not_done() -> None:
    outcome, _, tried = held("login: within 3 s -> {user}", "router> ")
    assert outcome == NotDone(
        "timeout", "step 'login: -> {user}': waiting for 'login:': it did not come within 3 s; it says 'router>'", RESULT
    )
    assert [(one["name"], one["state"], one["output"]) for one in tried.entry.operations] == [("login: -> {user}", "not_done", "router>")]
    outcome, _, _ = held("login: -> {user}", f"too many users{CLOSES}")
    assert isinstance(outcome, NotDone)
    assert outcome.error is ErrorClass.UNREACHABLE
    outcome, _, tried = held("# -> write ; # -> exit", "# ", f"writing{CLOSES}")
    assert outcome == Unknown("step '# -> write': waiting for '#': the machine closed the connection; it says 'writing'", RESULT)
    assert tried.entry.state is State.UNCERTAIN
    assert held("# -> write ; <closed> => end", "# ", f"bye{CLOSES}")[0] == Done(RESULT)
    assert held("# -> write ; # -> exit ; or <closed> => fail busy", "# ", f"bye{CLOSES}")[0] == NotDone(
        "busy", "step '# -> write': it said '<closed>'", RESULT
    )


def test_a_connection_that_breaks_is_unknown_where_something_was_said() -> None:
    assert held("# -> a ; # -> b", "# ", OSError("gone"))[0] == Unknown("step '# -> a' had begun: OSError: gone", RESULT)
    refusal = HostRefused("connecting", "nobody answers", error="unreachable")
    assert held("# -> a", refusal)[0] == NotDone("unreachable", "connecting: nobody answers", RESULT)


def test_s05_a_dialogue_waits_where_one_more_log_in_may_lock_the_account() -> None:
    until = pendulum.datetime(2026, 3, 2, 12, tz="UTC")
    outcome, machine, _ = held("login -> app", TriesSpared("connecting", until))
    assert outcome == NotNow(until, "tries_spared")
    assert not machine.terminals


def test_an_output_without_end_is_given_up_and_capped() -> None:
    class Flood(Played):
        def receive(self, seconds: float) -> bytes | None:
            return super().receive(seconds) or (b"0123456789" * 1000 if self.typed else b"")

    tried = trial(Dialogue.of("talk", "# within 0.3 s -> flood"), Flood("# "))
    assert isinstance(tried.perform(), Unknown)
    [told] = tried.entry.operations
    assert (told["state"], told["error"], told["truncated"]) == ("unknown", "timeout", True)
    assert len(told["output"]) < 70_000


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_a_machine_says_is_an_outcome(junk: bytes) -> None:
    machine = Played("", "# ", cuts=lambda said: [junk, said])
    outcome = trial(Dialogue.of("talk", "login: within 1 s -> {user} ; # within 1 s -> a"), machine).perform()
    assert isinstance(outcome, NotDone | Unknown | Done)


# time and trying again


def test_silence_may_be_foreseen_and_is_bounded() -> None:
    text = "login: within 5 s retry 2 -> {user} ; or <silence> -> <enter> => again ; # -> a"
    outcome, machine, _ = held(text, "", "", "login: ", "# ", "# ")
    assert outcome == Done(RESULT)
    assert machine.typed == ["\n", "\n", "app\n", "a\n"]
    outcome, machine, _ = held(text, "")
    assert outcome == NotDone("failed", "step 'login: -> {user}': waiting for 'login:': tried 3 times", RESULT)
    assert machine.typed == ["\n", "\n", "\n"]
    assert held("login: -> x ; or <silence> => fail busy", "")[0] == NotDone("busy", "step 'login: -> x': it said '<silence>'", RESULT)


def test_a_message_may_lead_back_so_many_times() -> None:
    text = "@save # retry 2 -> write ; # -> exit ; or <said> Device busy => @save"
    outcome, machine, tried = held(text, "# ", "Device busy\n# ", "Device busy\n# ", "[OK]\n# ", CLOSES)
    assert outcome == Done(RESULT)
    assert machine.typed == ["write\n", "write\n", "write\n", "exit\n"]
    assert [one["state"] for one in tried.entry.operations] == ["not_done", "not_done", "done", "done"]
    outcome, machine, _ = held(text, "# ", *["Device busy\n# "] * 3)
    assert outcome == NotDone("failed", "step '@save # -> write': waiting for '#': tried 3 times; it says '#'", RESULT)
    assert machine.typed == ["write\n"] * 3


def test_a_prompt_that_leads_elsewhere_is_no_word_of_a_banner() -> None:
    text = "> -> enable ; or # => @privileged ; # -> exit ; @privileged # -> show clock"
    outcome, machine, _ = held(text, "### Welcome ###\nrouter> ", "router# ", CLOSES)
    assert machine.typed[:2] == ["enable\n", "exit\n"]
    assert isinstance(outcome, Unknown)
    assert held("# -> save ; <said> up to date => end ; # -> never", "# ", "it is up to date\n# ")[0] == Done(RESULT)


def test_it_waits_no_longer_than_the_job_has_time() -> None:
    machine = Played("# ", "")
    outcome = trial(Dialogue.of("talk", "# within 900 s -> a"), machine, deadline=60).perform()
    assert outcome == Unknown("step '# -> a': waiting for '#': the job has no time left", RESULT)
    assert max(machine.waited) <= 60


def test_j06_a_stop_is_honoured_between_answers_and_not_in_one() -> None:
    machine = Played("# ", "# ", "# ")
    tried = trial(Dialogue.of("talk", "# -> a ; # -> b ; # -> c"), machine)

    def stop(name: str) -> None:
        if name == "operation:# -> a":
            tried.engine.request_stop(tried.job)
            tried.clock.advance(seconds=1)

    tried.points = stop
    outcome = tried.perform()
    assert (outcome, machine.typed) == (NotDone("stopped", "stopped before step '# -> b'", RESULT), ["a\n"])
    assert tried.entry.state is State.CANCELED


# secrets


def test_s05_a_secret_that_is_asked_for_again_is_not_said_again() -> None:
    for text in (f"{LOGIN}", "login: -> {user} ; @p Password: retry 9 -> {password} ; # -> x ; or Password: => @p"):
        outcome, machine, tried = held(text, "login: ", "Password: ", "Login incorrect\nPassword: ", "Password: ")
        assert isinstance(outcome, NotDone)
        assert outcome.error is ErrorClass.WRONG_CREDENTIALS
        assert machine.typed == ["app\n", f"{PASSWORD}\n"]
        assert tried.entry.operations[-1]["error"] == ErrorClass.WRONG_CREDENTIALS


def test_s05_another_secret_for_the_same_question_is_another_answer() -> None:
    outcome, machine, _ = held("Password: -> {password} ; Password: -> {shadow.password} ; # -> x", "Password: ", "Password: ", "# ", "# ")
    assert outcome == Done(RESULT)
    assert machine.typed == [f"{PASSWORD}\n", "an-enabling-phrase\n", "x\n"]


def test_s01_a_secret_that_is_echoed_or_told_is_scrubbed() -> None:
    says = ("Password: ", f"{PASSWORD}\nyour password is {PASSWORD}\n# ", f"{PASSWORD}: unknown command\n{PASSWORD[:9]}\b\b{PASSWORD[7:]}>")
    outcome, _, tried = held("Password: -> {password} ; # within 1 s -> x", *says, echoes=False)
    assert isinstance(outcome, Unknown)
    assert PASSWORD not in repr(tried.entry.document())
    assert tried.entry.operations[0]["output"] == "your password is [secret]\n"
    assert tried.entry.operations[1]["output"] == "[secret]: unknown command\n[secret]>"


@pytest.mark.parametrize(
    ("echo", "output"),
    [
        (f"<{PASSWORD[3:]}\n", "[secret]\nok\n"),  # scrolled sideways
        (f"key {PASSWORD[:12]}\n{PASSWORD[12:]}\n", "[secret]\n[secret]\nok\n"),  # broken at the margin
        (f"router# $ey {PASSWORD}\n", "router# $ey [secret]\nok\n"),
        ("\n", "ok\n"),
        (f"key {PASSWORD}\n", "ok\n"),
    ],
)
def test_s01_a_piece_of_a_secret_that_is_left_of_an_echo_is_withheld(echo: str, output: str) -> None:
    outcome, _, tried = held("# -> key {password} ; # -> x", "# ", f"{echo}ok\n# ", f"{PASSWORD[8:]}\n# ", echoes=False)
    assert outcome == Done(RESULT)
    assert [one["output"] for one in tried.entry.operations] == [output, f"{PASSWORD[8:]}\n"]  # what is no echo is a host's own word


@pytest.mark.parametrize("says", [f"{PASSWORD}@host> ", PASSWORD, PASSWORD[:9]])
def test_s01_a_prompt_that_begins_as_a_hidden_answer_does_is_seen_as_it_is_and_told_without_it(says: str) -> None:
    text = f"Password: -> {{password}} ; /^{PASSWORD[:9]}/ within 1 s -> x ; /ok/ => end"
    outcome, machine, tried = held(text, "Password: ", says, "ok>", echoes=False)
    assert outcome == Done(RESULT)
    assert machine.typed == [f"{PASSWORD}\n", "x\n"]
    assert not [one for one in tried.entry.operations if "correct" in one.get("output", "") + one.get("text", "")]


def test_s01_what_a_machine_says_behind_a_hidden_answer_does_not_tell_what_is_missing() -> None:
    outcome, _, tried = held("Password: -> {password} ; # -> x", "Password: ", f"{PASSWORD}s are yours\n# ", "# ", echoes=False)
    assert outcome == Done(RESULT)
    assert tried.entry.operations[0]["output"] == "[secret]s are yours\n"


def test_s01_an_echo_in_which_a_machine_stops_leaves_no_piece_of_a_secret() -> None:
    outcome, _, tried = held("# -> key {password} ; # within 1 s -> x", "# ", f"<{PASSWORD[3:-4]}", echoes=False)
    assert isinstance(outcome, Unknown)
    assert outcome.text.endswith("it says '[secret]'")
    assert PASSWORD[8:12] not in repr(tried.entry.document())


def test_s01_no_part_of_a_secret_stands_where_a_line_is_cut() -> None:
    secret = SECRETS["en"]["password"]
    for length in range(195, 225, 3):
        outcome, _, _ = held("# within 1 s -> x", "# ", f"{secret}{'-' * (length - len(secret))}")
        assert isinstance(outcome, Unknown)
        assert secret[-9:] not in outcome.text


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("# -> {lines}", "control characters"),
        ("# -> show {lines}", "control characters"),
        ("# -> {two}", "control characters"),
        ("# -> show {odd}", "more than a word"),
        ("# -> {none}", "no such field"),
        ("# -> {shadow.none}", "no such field"),
    ],
)
def test_what_would_be_more_than_an_answer_is_refused_before_anybody_connects(text: str, case: str) -> None:
    outcome, machine, _ = held(text, "# ", "# ")
    assert isinstance(outcome, NotDone)
    assert outcome.error is ErrorClass.BAD_CONFIGURATION
    assert case in outcome.text
    assert machine.terminals == 0


def test_a_value_that_is_the_whole_answer_may_be_any_line() -> None:
    assert held("# -> {odd}", "# ", "# ")[1].typed == ["a b; reload\n"]
    assert held("# -> show {odd}", "# ", "# ", of={"values": "any"})[1].typed == ["show a b; reload\n"]


def test_a_secret_is_no_answer_to_what_may_come_again_and_again() -> None:
    for text in ("# -> x ; always more -> {two}", "# retry 2 -> x ; or <silence> -> {password} => again"):
        outcome, machine, _ = held(text, "# ")
        assert isinstance(outcome, NotDone)
        assert outcome.error is ErrorClass.BAD_CONFIGURATION
        assert machine.typed == []


def test_r04_it_uses_the_accounts_whose_secrets_it_says() -> None:
    with trial(Dialogue.of("talk", "a -> {shadow.password} ; b -> {password}"), Played()).run() as run:
        accounts = Dialogue.of("talk", "a -> {shadow.password} ; b -> {password}").accounts(run)
    assert accounts.uses == {"r1", "en"}


# killed, and taken over


@pytest.mark.parametrize(("point", "told"), [("operation:# -> a", "had begun"), ("operation:# -> b", "had begun")])
def test_j13_a_dialogue_is_not_taken_up_in_the_middle(point: str, told: str) -> None:
    machine = Played("# ", "# ", "# ", "# ")
    tried = trial(Dialogue.of("talk", "# -> a ; # -> b ; # -> c"), machine)
    tried.points = lambda name: tried.die() if name == point else None
    assert tried.perform() is None
    tried.points = None
    tried.take_over()
    outcome = tried.perform()
    assert isinstance(outcome, Unknown)
    assert told in outcome.text
    assert tried.entry.state is State.UNCERTAIN
    assert machine.terminals == 1


def test_j13_what_may_be_said_twice_is_said_from_the_beginning() -> None:
    machine = Played("# ", "one\n# ", "# ", "# ")
    text = "# -> a ; capture x /(one)/ ; # -> b ; # -> c"
    tried = trial(Dialogue.of("talk", text, effect="idempotent"), machine)
    tried.points = lambda name: tried.die() if name == "operation:# -> b" else None
    assert tried.perform() is None
    tried.points = None
    tried.take_over()
    assert tried.perform() == Done({"captured": {"x": "one"}, "warnings": []})
    assert machine.typed == ["a\n", "b\n", "a\n", "b\n", "c\n"]


def test_j13_what_was_over_is_over_whoever_tells_it() -> None:
    machine = Played("# ", "# ")
    tried = trial(Dialogue.of("talk", "# -> a"), machine)
    saved = iter(["saved"] * 9)
    seen: list[str] = []

    def die_after_the_end(name: str) -> None:
        seen.append(name)
        if name == "saved" and seen.count("saved") == 2:
            next(saved)
            tried.die()

    tried.points = die_after_the_end
    assert tried.perform() is None
    tried.points = None
    tried.take_over()
    assert tried.perform() == Done(RESULT)
    assert machine.terminals == 1
