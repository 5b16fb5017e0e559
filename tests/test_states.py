"""The life of a job, as one table (J1): nothing moves a job but what the table says, in values and in the store."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.errors import IllegalStep
from taskkit.jobs import Job, Kind
from taskkit.states import CLAIMED, FINAL, PENDING, SENT_BACK, TABLE, State, Step, after
from taskkit.storage import Insert, Move, Refusal
from taskkit.storage.memory import MemoryStorage

PAIRS = [(state, step) for state in State for step in Step]
LEGAL = [(state, step) for state, step in PAIRS if step in TABLE[state]]
#: Where jobs begin.
BEGINNINGS = (State.SCHEDULED, State.AWAITING_CONSENT)


def stored(state: State) -> tuple[MemoryStorage, Job]:
    """A store with one job, led to the state by the table."""
    storage = MemoryStorage()
    job = Job("j", Kind.DEMAND, "t", "l", 1, None, due=1, wanted=1, created=1, state=BEGINNINGS[0])
    assert storage.write([(Insert(job),)])[0]
    for step in way_to(state):
        apply(storage, step)
    found = storage.job("j")
    assert found is not None
    assert found.state is state
    return storage, found


def way_to(state: State) -> list[Step]:
    """The shortest way from the first beginning."""
    ways: dict[State, list[Step]] = {BEGINNINGS[0]: []}
    waiting = [BEGINNINGS[0]]
    for here in waiting:
        for step, there in TABLE[here].items():
            if there not in ways:
                ways[there] = [*ways[here], step]
                waiting.append(there)
    return ways[state]


def apply(storage: MemoryStorage, step: Step) -> Refusal | None:
    """As its owner does it; a claim is the store's own doing."""
    job = storage.job("j")
    assert job is not None
    if step is Step.CLAIM and job.state in (State.SCHEDULED, State.DEFERRED):
        assert storage.claim(job.due, worker="w", node="n", pools=["local"], limit=1, lease=job.due + 10)
        return None
    if step is Step.RESCUE and job.lease is not None:
        assert storage.claim(job.lease, worker="w", node="n", pools=["local"], limit=1, lease=job.lease + 10)
        return None
    revision, token = (None, job.token) if job.state in CLAIMED else (job.revision, None)
    return storage.write([(Move("j", step, revision, token),)])[0].refusal


def test_j01_every_state_has_a_row() -> None:
    assert set(TABLE) == set(State)


def test_j01_states_are_pending_or_claimed_or_final_and_one_of_them_only() -> None:
    assert sorted([*PENDING, *CLAIMED, *FINAL]) == sorted(State)
    assert {State.SCHEDULED, State.DEFERRED, State.AWAITING_CONSENT} == PENDING


def test_j01_no_step_leads_out_of_a_final_state() -> None:
    assert all(TABLE[state] == {} for state in FINAL)
    assert all(TABLE[state] for state in PENDING | CLAIMED)


@pytest.mark.parametrize("state", State)
def test_j01_each_state_can_be_reached(state: State) -> None:
    assert stored(state)[1].state is state


@pytest.mark.parametrize("step", Step)
def test_j01_each_step_leads_somewhere(step: Step) -> None:
    assert any(step in row for row in TABLE.values())


@pytest.mark.parametrize(
    ("state", "leads_to"),
    [
        (State.RUNNING, {State.DEFERRED, State.AWAITING_CONSENT, State.COMPLETED, State.ERROR, State.CANCELED, State.UNCERTAIN}),
        (
            State.QUEUED,
            {
                State.SCHEDULED, State.DEFERRED, State.AWAITING_CONSENT, State.RUNNING, State.COMPLETED, State.ERROR, State.CANCELED,
                State.MERGED, State.MISSED, State.EXPIRED, State.UNCERTAIN,
            },
        ),
        (State.SCHEDULED, {State.QUEUED, State.CANCELED, State.MERGED}),
        (State.DEFERRED, {State.SCHEDULED, State.QUEUED, State.CANCELED, State.MERGED}),
        (State.AWAITING_CONSENT, {State.SCHEDULED, State.EXPIRED, State.CANCELED, State.MERGED}),
    ],
)  # fmt: skip
def test_j01_the_rule_says_what_follows_what(state: State, leads_to: set[State]) -> None:
    """Written out a second time, from the rule: who changes the table changes it here, too."""
    assert set(TABLE[state].values()) - {state} == leads_to


def test_j01_a_rescue_keeps_the_state_and_an_expired_lease_of_a_queued_job_does_not_start_it() -> None:
    assert {state: TABLE[state][Step.RESCUE] for state in CLAIMED} == {state: state for state in CLAIMED}


def test_j03_nothing_but_a_claim_makes_a_job_claimed_and_nothing_but_a_start_makes_it_run() -> None:
    into = {(step, there) for state in PENDING for step, there in TABLE[state].items() if there in CLAIMED}
    assert into == {(Step.CLAIM, State.QUEUED)}
    assert {step for step, there in TABLE[State.QUEUED].items() if there is State.RUNNING} == {Step.START}


def test_j06_what_runs_is_stopped_and_not_canceled_and_what_waits_for_consent_is_not_brought_forward() -> None:
    assert Step.CANCEL not in TABLE[State.RUNNING]
    assert Step.STOP in TABLE[State.RUNNING]
    assert Step.ADVANCE not in TABLE[State.AWAITING_CONSENT]


def test_j12_what_is_sent_back_waits_again() -> None:
    assert all(there in PENDING for state in CLAIMED for step, there in TABLE[state].items() if step in SENT_BACK)


@pytest.mark.parametrize(("state", "step"), PAIRS)
def test_j01_a_step_leads_where_the_table_says_and_anything_else_raises(state: State, step: Step) -> None:
    if step in TABLE[state]:
        assert after(state, step) is TABLE[state][step]
        return
    with pytest.raises(IllegalStep) as raised:
        after(state, step)
    assert raised.value.tried == f"{step} of a job"
    assert raised.value.case == f"it is {state}"
    assert all(can in raised.value.help for can in TABLE[state])


@pytest.mark.parametrize(("state", "step"), [pair for pair in PAIRS if pair not in LEGAL])
def test_j01_a_refused_step_changes_nothing(state: State, step: Step) -> None:
    storage, before = stored(state)
    heads = storage.heads()
    assert apply(storage, step) is Refusal.STEP
    assert storage.job("j") == before
    assert storage.heads() == heads


def test_j02_an_unclaimed_job_moves_by_its_revision_only() -> None:
    storage, job = stored(State.SCHEDULED)
    for revision, token in ((job.revision + 1, None), (job.revision - 1, None), (None, None), (None, 7)):
        assert not storage.write([(Move("j", Step.CANCEL, revision, token),)])[0]
    assert storage.job("j") == job
    assert storage.write([(Move("j", Step.CANCEL, job.revision),)])[0]


@pytest.mark.parametrize("state", sorted(CLAIMED))
def test_j02_a_claimed_job_moves_by_its_token_only(state: State) -> None:
    storage, job = stored(state)
    assert job.token is not None
    for revision, token in ((job.revision, None), (None, job.token - 1), (None, job.token + 1), (None, None)):
        assert not storage.write([(Move("j", Step.BEAT, revision, token),)])[0]
    assert storage.job("j") == job
    assert storage.write([(Move("j", Step.BEAT, token=job.token),)])[0]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(list(Step)), max_size=40))
def test_j01_random_walks_stay_on_the_table(steps: list[Step]) -> None:
    storage, job = stored(State.SCHEDULED)
    for step in steps:
        before = storage.job("j")
        assert before is not None
        refusal = apply(storage, step)
        job = storage.job("j") or job
        if step in TABLE[before.state]:
            assert refusal is None
            assert job.state is TABLE[before.state][step]
            assert job.revision > before.revision
            assert (job.token is not None) == (job.state in CLAIMED)
        else:
            assert refusal is Refusal.STEP
            assert job == before
