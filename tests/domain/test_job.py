"""The state machine, what a job adds up to, and what clients see of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.job import (
    MOVES,
    IllegalMove,
    JobError,
    JobState,
    PublicStatus,
    Resolution,
    advance,
    public_error,
    public_status,
)
from tests.builders import VERTEX
from tests.job_builders import a_job, a_running_job, an_attempt

S = JobState
TABLE = {
    S.QUEUED: {S.SUBMITTING, S.FAILED, S.CANCELLED},
    S.SUBMITTING: {S.RUNNING, S.QUEUED, S.FAILED, S.UNKNOWN, S.CANCELLED},
    S.RUNNING: {S.STORING, S.QUEUED, S.FAILED, S.UNKNOWN, S.CANCELLED},
    S.STORING: {S.COMPLETED, S.FAILED, S.CANCELLED},
    S.UNKNOWN: {S.RUNNING, S.STORING, S.QUEUED, S.FAILED, S.CANCELLED},
    S.COMPLETED: set(),
    S.FAILED: set(),
    S.CANCELLED: set(),
}
TERMINAL = {S.COMPLETED, S.FAILED, S.CANCELLED}
states = st.sampled_from(JobState)


def test_the_moves_are_those_of_the_design() -> None:
    assert TABLE == {state: set(following) for state, following in MOVES.items()}


def test_the_terminal_states_are_three() -> None:
    assert TERMINAL == {state for state in JobState if state.is_terminal}


@given(states, states)
def test_a_move_is_legal_if_the_table_says_so_or_nothing_moves(
    current: JobState, following: JobState
) -> None:
    if following is current or following in TABLE[current]:
        assert following is advance(current, following)
    else:
        with pytest.raises(IllegalMove, match=f"{current} -> {following}"):
            advance(current, following)


@given(st.lists(states, max_size=30))
def test_terminal_states_absorb(wishes: list[JobState]) -> None:
    state, ended = JobState.QUEUED, None
    for wish in wishes:
        try:
            state = advance(state, wish)
        except IllegalMove:
            continue
        if ended is not None:
            assert ended is state
        ended = state if state.is_terminal else None


def test_every_unfinished_state_can_still_be_cancelled_and_can_fail() -> None:
    for state in JobState:
        if not state.is_terminal:
            assert JobState.CANCELLED is advance(state, JobState.CANCELLED)
            assert JobState.FAILED is advance(state, JobState.FAILED)


def test_a_job_speaks_of_its_current_attempt() -> None:
    first = replace(
        an_attempt(), resolution=Resolution.SETTLED, charged_micro_usd=100_000, operation={}
    )
    job = a_job(attempts=[first, an_attempt(2, candidate=1, reserved_micro_usd=400_000)])
    assert 2 == job.attempt.number
    assert f"{job.id}-2" == job.attempt_id
    assert VERTEX == job.candidate.provider
    assert (400_000, 100_000) == (job.reserved_micro_usd, job.charged_micro_usd)
    assert not job.is_settled


def test_a_job_is_settled_when_no_reservation_is_open() -> None:
    released = replace(an_attempt(), resolution=Resolution.RELEASED)
    job = a_job(attempts=[released])
    assert job.is_settled
    assert (0, 0) == (job.reserved_micro_usd, job.charged_micro_usd)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (S.QUEUED, "queued"),
        (S.SUBMITTING, "in_progress"),
        (S.RUNNING, "in_progress"),
        (S.STORING, "in_progress"),
        (S.UNKNOWN, "in_progress"),
        (S.COMPLETED, "completed"),
        (S.FAILED, "failed"),
        (S.CANCELLED, "failed"),
    ],
)
def test_clients_see_one_of_four_statuses(state: JobState, status: str) -> None:
    assert PublicStatus(status) is public_status(replace(a_job(), state=state))


@given(states)
def test_a_requested_cancel_reads_as_cancelled_in_every_state(state: JobState) -> None:
    error = JobError(code="provider_failed", message="the provider failed it")
    job = replace(a_running_job(), state=state, cancel_requested=True, error=error)
    seen = public_error(job)
    assert seen is not None
    assert ("failed", "cancelled") == (public_status(job).value, seen.code)


def test_the_error_of_a_job_is_shown_as_it_is() -> None:
    error = JobError(code="content_policy", message="the provider refused the prompt")
    assert error == public_error(replace(a_job(), state=S.FAILED, error=error))
    cancelled = public_error(replace(a_job(), state=S.CANCELLED, error=error))
    assert cancelled is not None
    assert "cancelled" == cancelled.code
    assert public_error(a_job()) is None
