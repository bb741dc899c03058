"""The worker's steps: leases, fences, queues, and money that moves exactly once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.balance import Bid
from proxy.domain.errors import StoreUnavailable
from proxy.domain.job import JobError, JobState, Resolution, StoppedBy, Work
from proxy.gateway.ports.admission import PeriodMoved
from proxy.gateway.ports.jobs import (
    AlreadyEnded,
    LostLease,
    NextAttempt,
    NotBegun,
    Release,
    Settle,
)
from proxy.store.client import Client
from tests.builders import MARKETING
from tests.store.lossy_redis import lossy_redis
from tests.store.stores import (
    RETENTION_S,
    Store,
    a_balance,
    a_command,
    a_key_balance,
    an_artifact,
    an_organisation_balance,
)

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.domain.job import Job
    from proxy.store.embedded import EmbeddedStore

QUOTE = 336_000
LEVELS = (a_key_balance(), a_balance(), an_organisation_balance())


def settle(micro_usd: int = QUOTE) -> Settle:
    return Settle(charged_micro_usd=micro_usd, by="price_book")


def completed(job: Job) -> Job:
    return replace(
        job, state=JobState.COMPLETED, artifact=an_artifact(), artifact_expires_at_ms=10**13
    )


def failed(job: Job) -> Job:
    error = JobError(code="provider_failed", message="INTERNAL")
    return replace(job, state=JobState.FAILED, error=error, stopped_by=StoppedBy.NO_CANDIDATE)


async def counts(store: Store) -> tuple[int, int]:
    state = await store.accounts.team_state(MARKETING, (), ())
    return state.open_jobs, state.running_jobs


async def test_begin_writes_the_intent_and_takes_the_lease(store: Store) -> None:
    queued = await store.admitted()
    begun = await store.begun(queued)
    assert (JobState.SUBMITTING, queued.fence + 1) == (begun.state, begun.fence)
    assert "main" == begun.attempt.account
    assert begun.attempt.submitted_at_ms is not None
    assert begun == await store.jobs.load(queued.id)
    assert (1, 1) == await counts(store)
    assert {} == await store.lines.counts()
    ids, wait_s = await store.work.due(10)
    assert [] == ids
    assert wait_s is not None
    assert 29 < wait_s <= 30


async def test_a_job_is_begun_once(store: Store) -> None:
    queued = await store.admitted()
    results = await asyncio.gather(
        *(store.work.begin(queued, account="main", running_max=9, lease_s=30) for _ in range(4))
    )
    assert [NotBegun.TAKEN] * 3 == [result for result in results if isinstance(result, NotBegun)]


@pytest.mark.parametrize(("losses", "is_begun"), [(3, True), (9999, False)])
async def test_an_intent_whose_answers_are_lost_is_insisted_on(
    store: Store, embedded: EmbeddedStore, tmp_path: Path, losses: int, *, is_begun: bool
) -> None:
    job = await store.admitted()
    async with lossy_redis(embedded.address, tmp_path) as (lossy, address):
        client = Client(address)
        far = Store.on(client)
        await client.read(("PING",))
        lossy.losses = losses
        if is_begun:
            begun = await far.begun(job, lease_s=5)
            assert (JobState.SUBMITTING, 1) == (begun.state, begun.fence)
            assert lossy.losses == 0
        else:
            with pytest.raises(StoreUnavailable):
                await far.begun(job, lease_s=0.3)
        await client.close()


@pytest.mark.parametrize("step", ["commit", "finish", "fail_over", "cancel"])
async def test_a_step_whose_answers_are_lost_is_insisted_on(
    store: Store, embedded: EmbeddedStore, tmp_path: Path, step: str
) -> None:
    """Else the job would have moved, or its money, and nobody would know that it was our doing."""
    job = await store.running(await store.admitted(a_command(1)))
    queued = replace(await store.admitted(), is_fetched=True)
    async with lossy_redis(embedded.address, tmp_path) as (lossy, address):
        client = Client(address)
        far = Store.on(client)
        await client.read(("PING",))
        lossy.losses = 5
        if step == "commit":
            after = await far.work.commit(job, replace(job, state=JobState.UNKNOWN), due_in_s=9)
        elif step == "finish":
            after = await far.work.finish(job, completed(job), settle())
        elif step == "fail_over":
            nothing = NextAttempt(bids=(), balances=())
            ended = await far.work.fail_over(job, failed(job), settle(), nothing, wait_s=0.0)
            assert ended is not None
            assert not isinstance(ended, PeriodMoved)
            after = ended
        else:
            cancelled = await far.jobs.cancel(queued, is_forgotten=False)
            assert cancelled.has_ended_it
            after = replace(cancelled.job, is_fetched=False)
        assert 0 == lossy.losses
        assert after == await store.jobs.load(after.id)
        await client.close()


async def test_a_team_runs_no_more_than_it_may(store: Store) -> None:
    jobs = [await store.admitted(a_command(number)) for number in range(2)]
    assert not isinstance(
        await store.work.begin(jobs[0], account="main", running_max=1, lease_s=30), NotBegun
    )
    again = await store.work.begin(jobs[1], account="main", running_max=1, lease_s=30)
    assert NotBegun.TEAM_FULL is again
    assert [jobs[1]] == await store.waiting(10)


async def test_commit_stores_what_the_worker_learned(store: Store) -> None:
    begun = await store.begun(await store.admitted())
    attempt = replace(begun.attempt, operation={"task_id": "t-1", "n": 1})
    work = Work(
        polls=3,
        progress=40,
        throttled_since_ms=5,
        was_unknown_in=JobState.SUBMITTING,
        charge_micro_usd=0,
    )
    after = replace(begun, state=JobState.RUNNING, attempts=(attempt,), work=work)
    stored = await store.work.commit(begun, after, due_in_s=5)
    assert after == stored
    assert after == await store.jobs.load(begun.id)


async def test_work_is_forgotten_when_it_is_reset(store: Store) -> None:
    job = await store.running()
    job = await store.work.commit(job, replace(job, work=Work(polls=2)), due_in_s=5)
    job = await store.work.commit(job, replace(job, work=Work()), due_in_s=5)
    assert job == await store.jobs.load(job.id)


async def test_an_unknown_outcome_does_not_count_as_running(store: Store) -> None:
    job = await store.running()
    assert (1, 1) == await counts(store)
    unknown = await store.work.commit(job, replace(job, state=JobState.UNKNOWN), due_in_s=60)
    assert (1, 0) == await counts(store)
    await store.work.commit(unknown, replace(unknown, state=JobState.RUNNING), due_in_s=60)
    assert (1, 1) == await counts(store)


async def test_a_due_job_is_claimed_once_and_its_fence_rises(store: Store) -> None:
    job = await store.running()
    assert ([job.id], None) == await store.work.due(10)
    claims = await asyncio.gather(*(store.work.claim([job.id], lease_s=30) for _ in range(4)))
    [claimed] = [job for claim in claims for job in claim]
    assert replace(job, fence=job.fence + 1) == claimed
    ids, wait_s = await store.work.due(10)
    assert [] == ids
    assert wait_s is not None


async def test_a_lease_that_ran_out_is_claimed_by_the_next(store: Store) -> None:
    job = await store.begun(await store.admitted(), lease_s=0)
    [claimed] = await store.work.claim([job.id], lease_s=30)
    assert job.fence + 1 == claimed.fence


async def test_due_says_when_there_is_more(store: Store) -> None:
    jobs = [await store.running(await store.admitted(a_command(n))) for n in range(3)]
    ids, wait_s = await store.work.due(2)
    assert 2 == len(ids)
    assert 0 == wait_s
    await store.work.claim([job.id for job in jobs], lease_s=30)
    assert [] == (await store.work.due(10))[0]
    assert ([], None) != await store.work.due(10)


@pytest.mark.breaks("a job")
async def test_a_job_without_a_record_leaves_the_due_queue(store: Store) -> None:
    job = await store.running()
    await store.client.call(("DEL", store.keys.job(job.id)))
    assert [] == await store.work.claim([job.id], lease_s=30)
    assert ([], None) == await store.work.due(10)


async def test_the_former_holder_of_a_lease_can_do_nothing(store: Store) -> None:
    job = await store.running()
    [holder] = await store.work.claim([job.id], lease_s=30)
    with pytest.raises(LostLease):
        await store.work.commit(job, job, due_in_s=1)
    with pytest.raises(LostLease):
        await store.work.finish(job, completed(job), settle())
    assert holder == await store.jobs.load(job.id)
    assert [(0, QUOTE)] * 3 == await store.used(*LEVELS)


async def test_finish_settles_and_ends_in_one_step(store: Store) -> None:
    job = await store.running()
    ended = await store.work.finish(job, completed(job), settle())
    assert (JobState.COMPLETED, an_artifact()) == (ended.state, ended.artifact)
    attempt = ended.attempt
    assert (Resolution.SETTLED, QUOTE, 0, "price_book") == (
        attempt.resolution,
        attempt.charged_micro_usd,
        attempt.overage_micro_usd,
        attempt.resolved_by,
    )
    assert ended.ended_at_ms is not None
    assert ended == await store.jobs.load(job.id)
    assert [(QUOTE, 0)] * 3 == await store.used(*LEVELS)
    assert (0, 0) == await counts(store)
    assert ([], None) == await store.work.due(10)
    assert () == (await store.ledger.verify()).violations
    assert RETENTION_S - 5 <= await store.client.read(("TTL", store.keys.job(job.id)))


async def test_a_free_attempt_is_charged_what_its_provider_reports(store: Store) -> None:
    balance = a_balance()
    free = Bid(candidate=0, quote_micro_usd=0, balances=(0,))
    job = await store.running(await store.admitted(a_command(balances=[balance], bids=[free])))
    failed = replace(job, state=JobState.FAILED)
    ended = await store.work.finish(job, failed, Settle(charged_micro_usd=5, by="reported"))
    assert (5, 5) == (ended.attempt.charged_micro_usd, ended.attempt.overage_micro_usd)
    assert [(5, 0)] == await store.used(balance)
    assert () == (await store.ledger.verify()).violations


async def test_finish_releases(store: Store) -> None:
    job = await store.running()
    ended = await store.work.finish(job, failed(job), Release(by="content_policy"))
    assert failed(job).error == ended.error
    assert StoppedBy.NO_CANDIDATE is ended.stopped_by
    assert Resolution.RELEASED is ended.attempt.resolution
    assert 0 == ended.charged_micro_usd
    assert ended == await store.jobs.load(job.id)
    assert [(0, 0)] * 3 == await store.used(*LEVELS)
    assert () == (await store.ledger.verify()).violations


async def test_a_queued_job_can_be_finished(store: Store) -> None:
    job = await store.admitted()
    ended = await store.work.finish(job, failed(job), Release(by="deadline"))
    assert JobState.FAILED is ended.state
    assert [] == await store.waiting(10)
    assert (0, 0) == await counts(store)


@pytest.mark.parametrize(("charged", "overage"), [(QUOTE + 1, 1), (QUOTE - 1, 0), (0, 0)])
async def test_the_truth_is_posted_whatever_was_reserved(
    store: Store, charged: int, overage: int
) -> None:
    job = await store.running()
    ended = await store.work.finish(job, completed(job), settle(charged))
    assert (charged, overage) == (
        ended.attempt.charged_micro_usd,
        ended.attempt.overage_micro_usd,
    )
    assert [(charged, 0)] * 3 == await store.used(*LEVELS)
    assert () == (await store.ledger.verify()).violations


async def test_the_first_resolution_is_kept(store: Store) -> None:
    job = await store.running()
    first = await store.work.finish(job, completed(job), settle())
    with pytest.raises(AlreadyEnded):
        await store.work.finish(job, failed(job), Release(by="other"))
    with pytest.raises(AlreadyEnded):
        await store.work.fail_over(
            job,
            failed(job),
            Release(by="other"),
            NextAttempt(bids=(), balances=()),
            wait_s=0.0,
        )
    assert first == await store.jobs.load(job.id)
    assert [(QUOTE, 0)] * 3 == await store.used(*LEVELS)
    with pytest.raises(LostLease):
        await store.work.commit(first, replace(first, state=JobState.RUNNING), due_in_s=1)


async def test_settling_goes_to_the_period_of_the_reserve(store: Store) -> None:
    october = a_balance(id="october")
    job = await store.running(await store.admitted(a_command(balances=(october,))))
    await store.work.finish(job, completed(job), settle())
    assert [(QUOTE, 0)] == await store.used(october)
    assert [entry.balances async for entry in store.ledger.entries()] == [
        (october.name,),
        (october.name,),
    ]


async def test_a_cancel_in_between_is_seen_by_the_next_commit(store: Store) -> None:
    job = await store.running()
    await store.jobs.cancel(job, is_forgotten=False)
    stored = await store.work.commit(job, replace(job, work=Work(polls=1)), due_in_s=1)
    assert stored.cancel_requested
    assert JobState.RUNNING is stored.state


async def test_a_job_with_a_requested_cancel_ends_cancelled_and_charged(store: Store) -> None:
    job = await store.cancelled(await store.running(), is_forgotten=False)
    ended = await store.work.finish(job, completed(job), settle())
    assert JobState.CANCELLED is ended.state
    assert ended.artifact is None
    assert [(QUOTE, 0)] * 3 == await store.used(*LEVELS)
    loaded = await store.jobs.load(job.id)
    assert ended == loaded
    assert RETENTION_S - 5 <= await store.client.read(("TTL", store.keys.job(job.id)))


async def test_a_cancelled_job_is_not_begun(store: Store) -> None:
    job = await store.running()
    await store.jobs.cancel(job, is_forgotten=False)
    queued = await store.work.commit(job, replace(job, state=JobState.QUEUED), due_in_s=0)
    assert queued.cancel_requested
    again = await store.work.begin(queued, account="main", running_max=9, lease_s=30)
    assert NotBegun.TAKEN is again
