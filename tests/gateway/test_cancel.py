"""Cancel and delete in every state: the client hears it at once, the money is settled truly."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import JobNotFound
from proxy.domain.events import Ended, Resolved
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.job import JobState, PublicStatus, public_error, public_status
from proxy.domain.policy import PollTimes
from proxy.gateway.ports.jobs import NotBegun
from proxy.gateway.ports.provider import Failed
from tests.builders import KLING, an_account
from tests.fakes import PENDING, FindingProvider, failing
from tests.gateway.brief import Entry
from tests.gateway.harness import (
    KLING_MICRO_USD,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)
from tests.gateway.outages import Loss

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


def assert_reads_as_cancelled(job: Job) -> None:
    error = public_error(job)
    assert error is not None
    assert (PublicStatus.FAILED, "cancelled") == (public_status(job), error.code)


async def test_a_queued_job_is_released_at_once(stage: Stage) -> None:
    view = await stage.create()
    cancelled = await stage.videos.cancel(stage.caller(), view.job.id)
    assert JobState.CANCELLED is cancelled.job.state
    assert_reads_as_cancelled(cancelled.job)
    assert (0, 0) == await stage.money()
    assert (0, 0) == await stage.open_jobs()
    assert [
        Entry("reserve", 1, KLING_MICRO_USD, 0, ""),
        Entry("release", 1, -KLING_MICRO_USD, 0, "cancelled"),
    ] == await stage.ledger()
    assert [JobState.CANCELLED] == [event.state for event in stage.observer.of(Ended)]
    assert [(KLING_MICRO_USD, 0)] == [
        (event.reserved_micro_usd, event.charged_micro_usd)
        for event in stage.observer.of(Resolved)
    ]
    async with stage.working():
        await stage.turned()
    assert [] == stage.kling.orders


async def test_cancelling_again_changes_nothing(stage: Stage) -> None:
    view = await stage.create()
    first = await stage.videos.cancel(stage.caller(), view.job.id)
    again = await stage.videos.cancel(stage.caller(), view.job.id)
    assert replace(first.job, is_fetched=True) == replace(again.job, is_fetched=True)
    assert 2 == len(await stage.ledger())
    assert 1 == len(stage.observer.of(Ended))


async def test_a_finished_job_is_answered_unchanged(stage: Stage) -> None:
    job = await stage.made()
    view = await stage.videos.cancel(stage.caller(), job.id)
    assert JobState.COMPLETED is view.job.state
    assert PublicStatus.COMPLETED is public_status(view.job)
    assert (KLING_MICRO_USD, 0) == await stage.money()


@pytest.mark.parametrize(
    ("kind", "spent"),
    [
        (None, KLING_MICRO_USD),
        (FailureKind.AUTH, 0),
        (FailureKind.CONTENT_POLICY, 0),
        (FailureKind.THROTTLED, 0),
        (FailureKind.UNAVAILABLE, 0),
    ],
)
async def test_a_job_cancelled_during_its_submit(
    stage: Stage, kind: FailureKind | None, spent: int
) -> None:
    stage.kling.hold_submit = asyncio.Event()
    if kind is not None:
        stage.kling.submits.append(failing(kind, retry_after_s=4.0))
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        cancelled = await stage.videos.cancel(stage.caller(), view.job.id)
        assert JobState.SUBMITTING is cancelled.job.state
        assert_reads_as_cancelled(cancelled.job)
        stage.kling.hold_submit.set()
        job = await stage.finished(view.job)
    assert JobState.CANCELLED is job.state
    assert_reads_as_cancelled(job)
    assert job.stopped_by is None
    assert (spent, 0) == await stage.money()
    assert [] == stage.vertex.orders
    assert 0 == stage.kling.download_calls
    assert [] == stage.artifacts()


async def test_a_running_job_is_followed_to_its_end_and_settled_without_bytes(
    stage: Stage,
) -> None:
    stage.kling.statuses.extend([PENDING] * 10)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        assert_reads_as_cancelled((await stage.videos.cancel(stage.caller(), view.job.id)).job)
        job = await stage.finished(view.job)
    assert JobState.CANCELLED is job.state
    assert (None, None) == (job.artifact, job.stopped_by)
    assert (KLING_MICRO_USD, 0) == await stage.money()
    assert 0 == stage.kling.download_calls
    assert [True] == [event.is_wasted for event in stage.observer.of(Resolved)]


async def test_a_cancelled_job_never_fails_over(stage: Stage) -> None:
    failed = Failed(failure=Failure(kind=FailureKind.FAILED_UPSTREAM, message="broke"))
    stage.kling.statuses.extend([PENDING] * 5 + [failed])
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        await stage.videos.cancel(stage.caller(), view.job.id)
        job = await stage.finished(view.job)
    assert JobState.CANCELLED is job.state
    assert (0, 0) == await stage.money()
    assert [] == stage.vertex.orders


async def test_a_job_cancelled_while_it_is_stored_keeps_no_bytes(stage: Stage) -> None:
    stage.kling.hold_download = asyncio.Event()
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.STORING)
        await stage.videos.cancel(stage.caller(), view.job.id)
        stage.kling.hold_download.set()
        job = await stage.finished(view.job)

        async def is_removed() -> bool:
            return stage.artifacts() == []

        await wait_until(is_removed, "the bytes to go")
    assert JobState.CANCELLED is job.state
    assert job.artifact is None
    assert (KLING_MICRO_USD, 0) == await stage.money()


async def test_a_job_cancelled_on_the_way_to_storing_is_not_downloaded(stage: Stage) -> None:
    view = await stage.create()
    script = stage.lossy()

    async def cancel() -> None:
        await stage.videos.cancel(stage.caller(), view.job.id)

    script.interruptions["commit:storing"] = cancel
    async with stage.working():
        job = await stage.finished(view.job)
    assert JobState.CANCELLED is job.state
    assert 0 == stage.kling.download_calls
    assert (KLING_MICRO_USD, 0) == await stage.money()


@pytest.mark.parametrize("is_found", [True, False])
async def test_a_job_cancelled_while_nobody_knows(
    new_stage: StageMaker, *, is_found: bool
) -> None:
    engine = replace(fast_engine(), look_up_after_s=(0.1,))
    kling = FindingProvider()
    stage = new_stage(snapshot=fast_snapshot(engine=engine), kling=kling)
    kling.submits.append(failing(FailureKind.UNKNOWN_OUTCOME))
    kling.finds.append(is_found)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.UNKNOWN)
        assert_reads_as_cancelled((await stage.videos.cancel(stage.caller(), view.job.id)).job)
        job = await stage.finished(view.job)
    assert JobState.CANCELLED is job.state
    assert (KLING_MICRO_USD if is_found else 0, 0) == await stage.money()
    assert [] == stage.vertex.orders


async def test_a_job_cancelled_while_it_waits_for_its_next_attempt(new_stage: StageMaker) -> None:
    kling = fast_provider(KLING, accounts=[an_account(slots=0)])
    stage = new_stage(snapshot=fast_snapshot(providers=[kling]))
    view = await stage.create()
    async with stage.working():
        await stage.turned()
        job = (await stage.videos.cancel(stage.caller(), view.job.id)).job
    assert JobState.CANCELLED is job.state
    assert (0, 0) == await stage.money()


async def test_a_requeue_whose_answer_was_lost_ends_the_cancelled_job(stage: Stage) -> None:
    stage.kling.hold_submit = asyncio.Event()
    stage.kling.submits.append(failing(FailureKind.THROTTLED))
    script = stage.lossy()
    script.lose("commit:queued", Loss.ANSWER)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        await stage.videos.cancel(stage.caller(), view.job.id)
        stage.kling.hold_submit.set()
        job = await stage.finished(view.job)
    assert JobState.CANCELLED is job.state
    assert (0, 0) == await stage.money()
    assert 1 == len(stage.observer.of(Ended))


async def test_a_cancelled_job_found_in_the_queue_is_ended(stage: Stage) -> None:
    """A worker that died between the requeue and the cancel leaves this behind."""
    view = await stage.create()
    work = stage.runtime.work
    begun = await work.begin(view.job, account="main", running_max=1, lease_s=5.0)
    assert not isinstance(begun, NotBegun)
    await stage.videos.delete(stage.caller(), view.job.id)
    await work.commit(begun, replace(begun, state=JobState.QUEUED), due_in_s=0.0)
    async with stage.working():
        job = await stage.finished(view.job)
    assert (JobState.CANCELLED, True) == (job.state, job.is_deleted)
    assert (0, 0) == await stage.money()
    assert [] == stage.kling.orders


async def test_deleting_hides_the_job_and_removes_its_bytes(stage: Stage) -> None:
    job = await stage.made()
    videos, caller = stage.videos, stage.caller()
    await videos.delete(caller, job.id)
    assert [] == stage.artifacts()
    with pytest.raises(JobNotFound):
        await videos.get(caller, job.id)
    with pytest.raises(JobNotFound):
        await videos.content(caller, job.id)
    with pytest.raises(JobNotFound):
        await videos.linked_content(job.id)
    with pytest.raises(JobNotFound):
        await videos.cancel(caller, job.id)
    page = await videos.page(caller, after=None, limit=10, is_ascending=False, status=None)
    assert () == page.jobs
    assert (KLING_MICRO_USD, 0) == await stage.money()
    await videos.delete(caller, job.id)


async def test_deleting_a_running_job_settles_it_without_bytes(stage: Stage) -> None:
    stage.kling.statuses.extend([PENDING] * 6)
    view = await stage.create()
    videos, caller = stage.videos, stage.caller()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        await videos.delete(caller, view.job.id)
        await videos.delete(caller, view.job.id)
        with pytest.raises(JobNotFound):
            await videos.get(caller, view.job.id)
        job = await stage.finished(view.job)
    assert (JobState.CANCELLED, True) == (job.state, job.is_deleted)
    assert (KLING_MICRO_USD, 0) == await stage.money()
    assert [] == stage.artifacts()


async def test_deleting_a_queued_job_releases_it(stage: Stage) -> None:
    view = await stage.create()
    await stage.videos.delete(stage.caller(), view.job.id)
    assert (0, 0) == await stage.money()
    assert (0, 0) == await stage.open_jobs()


async def test_a_cancel_reaches_a_job_whatever_the_poll_times(new_stage: StageMaker) -> None:
    poll = PollTimes(first_s=60.0, min_s=60.0, max_s=60.0)
    stage = new_stage(snapshot=fast_snapshot(providers=[fast_provider(KLING, poll=poll)]))
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        await stage.videos.cancel(stage.caller(), view.job.id)
        answer = await stage.videos.get(stage.caller(), view.job.id)
    assert_reads_as_cancelled(answer.job)
    assert (0, KLING_MICRO_USD) == await stage.money()
