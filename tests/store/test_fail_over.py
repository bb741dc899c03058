"""Failover: one attempt is resolved and the next reserved in one step, or the job ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.balance import Bid
from proxy.domain.job import JobError, JobState, Resolution, StoppedBy, Work
from proxy.domain.policy import OnExceed
from proxy.gateway.ports.admission import PeriodMoved
from proxy.gateway.ports.jobs import LostLease, NextAttempt, Release, Settle
from tests.builders import MARKETING, VERTEX
from tests.store.dump import dump
from tests.store.stores import a_balance, a_command, an_organisation_balance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.balance import Balance
    from proxy.domain.job import Job
    from tests.store.stores import Store

FIRST, SECOND = 336_000, 400_000
ERROR = JobError(code="provider_unavailable", message="503")
LEVELS = (a_balance(), an_organisation_balance())


def given_up(job: Job) -> Job:
    attempt = replace(job.attempt, error=ERROR)
    return replace(
        job,
        state=JobState.FAILED,
        attempts=(*job.attempts[:-1], attempt),
        error=ERROR,
        stopped_by=StoppedBy.BUDGET_EXCEEDED,
    )


def following(balances: Sequence[Balance] = LEVELS, *, quote: int = SECOND) -> NextAttempt:
    bid = Bid(candidate=1, quote_micro_usd=quote, balances=tuple(range(len(balances))))
    return NextAttempt(bids=(bid,), balances=tuple(balances))


async def a_running_job(store: Store) -> Job:
    job = await store.running(await store.admitted(a_command(balances=LEVELS)))
    return await store.work.commit(job, replace(job, work=Work(polls=2)), due_in_s=0)


async def failed_over(
    store: Store, job: Job, next_attempt: NextAttempt | None = None, *, wait_s: float = 0
) -> Job:
    result = await store.work.fail_over(
        job, given_up(job), Release(by="unavailable"), next_attempt or following(), wait_s=wait_s
    )
    assert result is not None
    assert not isinstance(result, PeriodMoved)
    return result


async def test_the_job_goes_on_at_the_next_candidate(store: Store) -> None:
    job = await a_running_job(store)
    queued = await failed_over(store, job)
    assert JobState.QUEUED is queued.state
    assert (VERTEX, 2, SECOND) == (
        queued.candidate.provider,
        queued.attempt.number,
        queued.attempt.reserved_micro_usd,
    )
    first = queued.attempts[0]
    assert (Resolution.RELEASED, ERROR) == (first.resolution, first.error)
    assert (Work(), None, None) == (queued.work, queued.error, queued.stopped_by)
    assert queued == await store.jobs.load(job.id)
    assert [queued] == await store.waiting(10)
    assert [(0, SECOND)] * 2 == await store.used(*LEVELS)
    assert () == (await store.ledger.verify()).violations
    state = await store.accounts.team_state(MARKETING, (), ())
    assert (1, 0) == (state.open_jobs, state.running_jobs)


async def test_the_next_attempt_lives_as_the_first_did(store: Store) -> None:
    queued = await failed_over(store, await a_running_job(store))
    job = await store.running(queued)
    assert "main" == job.attempt.account
    after = replace(job, state=JobState.COMPLETED)
    ended = await store.work.finish(job, after, Settle(charged_micro_usd=SECOND, by="price_book"))
    assert SECOND == ended.charged_micro_usd
    assert [(SECOND, 0)] * 2 == await store.used(*LEVELS)
    kinds = [(entry.kind, entry.attempt[-1]) async for entry in store.ledger.entries()]
    assert [("reserve", "1"), ("release", "1"), ("reserve", "2"), ("settle", "2")] == kinds
    assert () == (await store.ledger.verify()).violations


async def test_a_failed_attempt_may_be_charged(store: Store) -> None:
    job = await a_running_job(store)
    billed = Settle(charged_micro_usd=FIRST, by="bills_on")
    result = await store.work.fail_over(job, given_up(job), billed, following(), wait_s=0)
    assert result is not None
    assert not isinstance(result, PeriodMoved)
    assert [(FIRST, SECOND)] * 2 == await store.used(*LEVELS)
    assert FIRST == result.charged_micro_usd


async def test_it_waits_before_it_is_dispatched_again(store: Store) -> None:
    await failed_over(store, await a_running_job(store), wait_s=60)
    assert [] == await store.waiting(10)


async def test_what_the_first_attempt_held_is_free_for_the_second(store: Store) -> None:
    tight = (a_balance(SECOND),)
    job = await store.running(await store.admitted(a_command(balances=tight)))
    queued = await failed_over(store, job, following(tight))
    assert JobState.QUEUED is queued.state
    assert [(0, SECOND)] == await store.used(*tight)


@pytest.mark.parametrize("on_exceed", [OnExceed.DENY, OnExceed.NEXT])
async def test_without_room_the_job_ends_as_told_never_as_a_402(
    store: Store, on_exceed: OnExceed
) -> None:
    job = await a_running_job(store)
    full = (a_balance(SECOND - 1, on_exceed=on_exceed),)
    ended = await failed_over(store, job, following(full))
    assert (JobState.FAILED, ERROR, StoppedBy.BUDGET_EXCEEDED) == (
        ended.state,
        ended.error,
        ended.stopped_by,
    )
    assert replace(ended, work=Work()) == await store.jobs.load(job.id)
    assert [(0, 0)] * 2 == await store.used(*LEVELS)
    assert () == (await store.ledger.verify()).violations


async def test_deny_acts_as_next(store: Store) -> None:
    job = await a_running_job(store)
    balances = (a_balance(SECOND - 1), a_balance(id="other"))
    bids = (
        Bid(candidate=1, quote_micro_usd=SECOND, balances=(0,)),
        Bid(candidate=0, quote_micro_usd=FIRST, balances=(1,)),
    )
    queued = await failed_over(store, job, NextAttempt(bids=bids, balances=balances))
    assert (JobState.QUEUED, 0) == (queued.state, queued.attempt.candidate)
    assert [(0, 0), (0, FIRST)] == await store.used(*balances)


async def moved_on(store: Store, job: Job, next_attempt: NextAttempt) -> Job | PeriodMoved | None:
    release = Release(by="unhealthy")
    return await store.work.fail_over(
        job, given_up(job), release, next_attempt, wait_s=0, or_stay=True
    )


async def test_a_waiting_job_may_stay_where_no_other_fits(store: Store) -> None:
    job = await store.admitted(a_command(balances=LEVELS))
    before = await dump(store.client)
    assert await moved_on(store, job, following((a_balance(SECOND - 1),))) is None
    assert await moved_on(store, job, NextAttempt(bids=(), balances=())) is None
    assert before == await dump(store.client)


@pytest.mark.parametrize("is_organisation", [False, True])
@pytest.mark.parametrize("room", [SECOND - 1, SECOND])
async def test_what_a_waiting_job_holds_is_free_for_where_it_moves_on_to(
    store: Store, *, is_organisation: bool, room: int
) -> None:
    make = an_organisation_balance if is_organisation else a_balance
    # Two budgets on one account, and another account of the same job: each counts once.
    tight = (make(room), replace(make(room), budget_id="soft"), *LEVELS)
    job = await store.admitted(a_command(balances=tight))
    moved = await moved_on(store, job, following(tight))
    if room < SECOND:
        assert moved is None
        assert [(0, FIRST)] * 2 == await store.used(*LEVELS)
        return
    assert moved is not None
    assert not isinstance(moved, PeriodMoved)
    assert (JobState.QUEUED, 2, None) == (moved.state, moved.attempt.number, moved.error)
    assert [(0, SECOND)] * 2 == await store.used(*LEVELS)
    assert () == (await store.ledger.verify()).violations


async def test_a_charged_attempt_leaves_less_room(store: Store) -> None:
    tight = (a_balance(FIRST + SECOND - 1),)
    job = await store.running(await store.admitted(a_command(balances=tight)))
    billed = Settle(charged_micro_usd=FIRST, by="bills_on")
    asked = (job, given_up(job), billed, following(tight))
    assert await store.work.fail_over(*asked, wait_s=0, or_stay=True) is None
    assert [(0, FIRST)] == await store.used(*tight)


async def test_a_job_that_is_cancelled_meanwhile_does_not_stay(store: Store) -> None:
    job = await a_running_job(store)
    await store.jobs.cancel(job, is_forgotten=False)
    ended = await moved_on(store, job, NextAttempt(bids=(), balances=()))
    assert ended is not None
    assert not isinstance(ended, PeriodMoved)
    assert JobState.CANCELLED is ended.state


async def test_without_a_bid_the_job_ends(store: Store) -> None:
    ended = await failed_over(store, await a_running_job(store), NextAttempt(bids=(), balances=()))
    assert JobState.FAILED is ended.state


async def test_a_cancelled_job_never_fails_over(store: Store) -> None:
    job = await a_running_job(store)
    await store.jobs.cancel(job, is_forgotten=False)
    ended = await failed_over(store, job)
    assert (JobState.CANCELLED, 1, None) == (ended.state, len(ended.attempts), ended.stopped_by)
    assert [(0, 0)] * 2 == await store.used(*LEVELS)


async def test_a_stale_period_is_reported_and_nothing_is_done(store: Store) -> None:
    job = await a_running_job(store)
    before = await dump(store.client)
    stale = following((a_balance(end_ms=1000),))
    result = await store.work.fail_over(
        job, given_up(job), Release(by="unavailable"), stale, wait_s=0
    )
    assert isinstance(result, PeriodMoved)
    assert before == await dump(store.client)


async def test_the_former_holder_of_a_lease_cannot_fail_over(store: Store) -> None:
    job = await a_running_job(store)
    await store.work.claim([job.id], lease_s=30)
    with pytest.raises(LostLease):
        await failed_over(store, job)
    assert [(0, FIRST)] * 2 == await store.used(*LEVELS)


async def test_the_second_attempt_is_reserved_in_its_own_period(store: Store) -> None:
    job = await a_running_job(store)
    december = a_balance(id="december")
    queued = await failed_over(store, job, following((december,)))
    assert [(0, 0), (0, 0), (0, SECOND)] == await store.used(*LEVELS, december)
    assert 2 == queued.attempt.number


async def test_two_budgets_on_one_account_count_once(store: Store) -> None:
    soft = replace(a_balance(FIRST), budget_id="soft", on_exceed=OnExceed.ALLOW)
    balances = (a_balance(FIRST + SECOND), soft)
    job = await store.running(await store.admitted(a_command(balances=balances)))
    assert [(0, FIRST)] == await store.used(soft)
    billed = Settle(charged_micro_usd=FIRST, by="bills_on")
    queued = await store.work.fail_over(job, given_up(job), billed, following(balances), wait_s=0)
    assert queued is not None
    assert not isinstance(queued, PeriodMoved)
    assert [(FIRST, SECOND)] == await store.used(soft)
    running = await store.running(queued)
    after = replace(running, state=JobState.COMPLETED)
    await store.work.finish(running, after, Settle(charged_micro_usd=SECOND, by="price_book"))
    assert [(FIRST + SECOND, 0)] == await store.used(soft)
