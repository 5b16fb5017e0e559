"""Words that programs rely on, written out: products store, count and translate them, so that none may change unnoticed.

Who adds one adds it here; who wants to rename one needs a new major version.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

import taskkit
from taskkit import errors
from taskkit.engine import RIGHTS, Factor, Tense
from taskkit.errors import TaskkitError
from taskkit.events.happenings import HAPPENINGS
from taskkit.events.policies import POLICIES
from taskkit.facts import KINDS
from taskkit.jobs import Kind, Why
from taskkit.outcomes import Effect, ErrorClass
from taskkit.passwords import KINDS as PASSWORD_POLICIES
from taskkit.passwords import Objection
from taskkit.plugins.verbs import Verb
from taskkit.selections import SELECTIONS
from taskkit.states import State, Step
from taskkit.storage import Refusal
from taskkit.targets import Target

ENGINE = Path(taskkit.__file__).parent / "engine"
#: Rooms that tell no facts, and put those of others in words.
READ = ("_words.py", "_stories.py", "_recollections.py")

STATES = "scheduled deferred awaiting_consent queued running completed error canceled missed merged expired uncertain"
STEPS = (
    "replan advance wake claim rescue beat release start save defer ask consent expire cancel merge miss satisfy complete fail stop doubt"
)
JOB_KINDS = "occurrence fired demand fallback part recovery"
REASONS = (
    "window spread suspended consent session busy host_paused vault_away conducting not_now released late inactive edited ended misfit"
    " removed"
    " record_removed rights satisfied passed_over gave_up by_person asked_to_stop list_changed rescues guard merged no_consent"
    " uncertain"
)
FACTORS = (
    "rule anchor draw clock window blackout spread next_run happening demand retry part target job result node join"
    " miss merge session hold consent suspension activation end edit record pause rights satisfied intent stop vault script"
    " sequel log"
)
TENSES = "past now future"
OBJECTIONS = "too_simple too_short in_history too_young other"
REFUSALS = "revision token step seat fire turned busy absent"
ERROR_CLASSES = (
    "unreachable timeout busy failed stopped wrong_credentials account_locked must_change host_changed no_space"
    " bad_configuration permission refused"
)  # fmt: skip
EFFECTS = "idempotent verifiable compensable blind"
VERBS = "commands become dialogue files probe change_secret read_directory find_services"
TARGETS = "itself referenced shadow"
ERRORS = (
    "taskkit_error invalid_value naive_moment unknown_zone never_fires unreadable_text unreadable_document refused not_found not_allowed"
    " duplicate in_use outdated illegal_step other_node missing_key bad_seal stale_token stop_asked vault_away unknown_mark storage_away"
    " broken_plugin missing_plugin host_refused tries_spared"
)
HAPPENING_KINDS = (
    "record_created record_saved record_changed record_removed approved approval_expired checked_in session_started session_ended"
    " unlocked drifted demanded"
)
POLICY_KINDS = "after_approval after_save after_expire after_check_in after_session after_unlock after_drift on_demand"
SELECTION_KINDS = "everything of_type tagged field_is contains listed all_of one_of not of_vault"
RIGHT_NAMES = (
    "system_administrator task_manage task_execute task_review force_run manage_definitions manage_directory_tasks manage_report_tasks"
    " manage_discovery_tasks manage_emergency_export manage_webviewer_export manage_seal_templates manage_lock_templates manage_logbook"
)
FACTS = (
    "ChainBegan ClockRighted ClockSkewed ConsentAsked ConsentExpired Consented Declined Defined Demanded DependentTold EngineFailed"
    " ExecutionRerun FallbackEnded HappeningFailed HappeningJoined HappeningPassed HistoryPurged HostTrusted"
    " IntentDoubted IntentOpened IntentRuled IntentSettled JobCanceled JobCompleted JobDeferred"
    " JobFailed JobMade JobMerged JobMissed JobRescued JobSatisfied JobStarted JobStopped JobUncertain KeyTaken ListEdited"
    " ListMadeUnique ListShared NextRunSet NotifierFailed PassedOver Paused PlanFailed PluginAbandoned PolicyFailed Reconciled Resealed"
    " RestoreNoticed Restored Resumed RunAsked StaleWriteRefused StopAsked TaskEdited TaskPut TaskRemoved TaskResumed TaskSuspended"
    " Undefined WaveBegan"
)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (STATES, State), (STEPS, Step), (JOB_KINDS, Kind), (REASONS, Why), (REFUSALS, Refusal), (ERROR_CLASSES, ErrorClass),
        (EFFECTS, Effect), (VERBS, Verb), (TARGETS, Target), (FACTORS, Factor), (TENSES, Tense),
        (OBJECTIONS, Objection),
    ],
    ids=lambda given: given.__name__ if isinstance(given, type) else "",
)  # fmt: skip
def test_the_words_of_every_enumeration_are_stable(words: str, kind: type[StrEnum]) -> None:
    assert {member.value for member in kind} == set(words.split())
    assert {member.name for member in kind} == {word.upper() for word in words.split()}


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (HAPPENING_KINDS, HAPPENINGS),
        (POLICY_KINDS, POLICIES),
        (SELECTION_KINDS, SELECTIONS),
        ("passwords passphrases", PASSWORD_POLICIES.values()),
    ],
    ids=["happenings", "policies", "selections", "password policies"],
)
def test_the_kinds_in_documents_are_stable(words: str, kinds: Iterable[type[Any]]) -> None:
    assert [made.kind for made in kinds] == words.split()


def test_the_codes_of_errors_are_stable() -> None:
    raised = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, TaskkitError)}
    assert {error.code for error in raised} == set(ERRORS.split())
    assert len(raised) == len(ERRORS.split())


def test_the_names_of_rights_are_stable() -> None:
    assert set(RIGHT_NAMES.split()) == RIGHTS


def test_the_kinds_of_facts_are_stable() -> None:
    assert set(FACTS.split()) == KINDS


def told() -> Iterator[tuple[str, str]]:
    """What stands in the engine's rooms as a word in the past tense, beginning with a capital: the kinds of its facts."""
    for path in sorted(ENGINE.glob("*.py")):
        if path.name in ("__init__.py", *READ):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"(?:[A-Z][a-z]+)+", node.value):
                yield path.name, node.value


def test_every_fact_that_the_engine_tells_is_of_a_known_kind_and_every_kind_is_told() -> None:
    assert {(room, kind) for room, kind in told() if kind not in KINDS} == set()
    assert KINDS - {kind for _, kind in told()} == {"ChainBegan"}  # the store tells it
