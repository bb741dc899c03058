"""Jobs of an account that answers for many in one call, and how much one account is asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.events import OutcomeUnknown, ProviderCalled
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.job import JobState
from proxy.domain.policy import PollTimes
from proxy.gateway.ports.provider import Failed, Succeeded
from tests.builders import KLING
from tests.fakes import PENDING, TogetherProvider, failing
from tests.gateway.harness import (
    KLING_MICRO_USD,
    a_video,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)
from tests.gateway.outages import Loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.job import Job, Operation
    from proxy.domain.policy import Snapshot
    from proxy.gateway.ports.provider import Status
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

ALL_AT_ONCE = PollTimes(first_s=60.0, min_s=0.01, max_s=0.02)
"""The first poll of a job comes when a test says that it is due."""


@pytest.fixture
def kling() -> TogetherProvider:
    return TogetherProvider()


@pytest.fixture
def stage(new_stage: StageMaker, kling: TogetherProvider) -> Stage:
    return new_stage(snapshot=polled_together(), kling=kling)


def polled_together(account_concurrency: int = 16) -> Snapshot:
    engine = replace(fast_engine(), account_concurrency=account_concurrency)
    provider = fast_provider(KLING, poll=ALL_AT_ONCE)
    return fast_snapshot(engine=engine, providers=[provider])


async def running(stage: Stage, count: int) -> list[Job]:
    """Jobs that have been submitted by a worker that then died, all of them due."""
    views = [
        await stage.create(replace(a_video(), prompt=f"fox {number}")) for number in range(count)
    ]
    async with stage.working(dies=True):
        jobs = [await stage.reached(view.job, JobState.RUNNING) for view in views]
    for job in jobs:
        await stage.client.call(("ZADD", stage.keys.due(), 1, job.id))
    return jobs


async def all_finished(stage: Stage, jobs: Sequence[Job]) -> list[Job]:
    async with stage.working():
        return [await stage.finished(job) for job in jobs]


async def test_jobs_that_are_due_are_asked_about_in_one_call(
    stage: Stage, kling: TogetherProvider
) -> None:
    jobs = await running(stage, 4)
    ended = await all_finished(stage, jobs)
    assert {JobState.COMPLETED} == {job.state for job in ended}
    assert [4] == [len(batch) for batch in kling.batches]
    assert 0 == kling.status_calls
    calls = [call.operation for call in stage.observer.of(ProviderCalled)]
    assert ["submit"] * 4 + ["status_many"] + ["download"] * 4 == calls
    assert (4 * KLING_MICRO_USD, 0) == await stage.money()


async def test_a_call_names_no_more_than_the_provider_takes(
    stage: Stage, kling: TogetherProvider
) -> None:
    kling.together_max = 2
    jobs = await running(stage, 5)
    await all_finished(stage, jobs)
    assert [2, 2] == [len(batch) for batch in kling.batches]
    assert 1 == kling.status_calls


async def test_a_single_job_is_asked_about_alone(stage: Stage, kling: TogetherProvider) -> None:
    (job,) = await running(stage, 1)
    await all_finished(stage, [job])
    assert ([], 1) == (kling.batches, kling.status_calls)


async def test_each_answer_of_a_call_is_followed_for_itself(
    stage: Stage, kling: TogetherProvider
) -> None:
    jobs = await running(stage, 4)
    refused = Failed(failure=Failure(kind=FailureKind.CONTENT_POLICY, message="no"))
    told: dict[str, Status | None] = {
        jobs[0].attempt_id: Succeeded(result={}),
        jobs[1].attempt_id: refused,
        jobs[2].attempt_id: PENDING,
        jobs[3].attempt_id: None,
    }

    def answer(operations: Sequence[Operation]) -> Sequence[Status | None]:
        return [told[str(operation["task"])] for operation in operations]

    kling.answer = answer
    ended = await all_finished(stage, jobs)
    states = [job.state for job in ended]
    expected = [JobState.COMPLETED, JobState.FAILED, JobState.COMPLETED, JobState.COMPLETED]
    assert expected == states
    # One was left open by the call, one was pending: each is asked about alone afterwards.
    assert (1, 2) == (len(kling.batches), kling.status_calls)


@pytest.mark.parametrize(
    "kind", [FailureKind.MALFORMED, FailureKind.UNKNOWN_OUTCOME, FailureKind.INVALID_INPUT]
)
async def test_a_call_that_one_may_have_spoilt_is_made_for_each(
    stage: Stage, kling: TogetherProvider, kind: FailureKind
) -> None:
    jobs = await running(stage, 3)

    def answer(_: Sequence[Operation]) -> Sequence[Status | None]:
        raise failing(kind)

    kling.answer = answer
    ended = await all_finished(stage, jobs)
    assert {JobState.COMPLETED} == {job.state for job in ended}
    assert (1, 3) == (len(kling.batches), kling.status_calls)
    assert [] == stage.observer.of(OutcomeUnknown)


async def test_a_bug_met_by_a_call_about_many_does_not_stop_the_others(
    stage: Stage, kling: TogetherProvider
) -> None:
    jobs = await running(stage, 3)
    stage.may_report = True

    def answer(_: Sequence[Operation]) -> Sequence[Status | None]:
        raise KeyError

    kling.answer = answer
    ended = await all_finished(stage, jobs)
    assert {JobState.COMPLETED} == {job.state for job in ended}
    assert [KeyError] == [type(error) for _, error in stage.reports]


async def test_a_call_that_was_refused_is_made_again_later(
    stage: Stage, kling: TogetherProvider
) -> None:
    jobs = await running(stage, 3)
    refusals = [failing(FailureKind.UNAVAILABLE), failing(FailureKind.AUTH)]

    def answer(operations: Sequence[Operation]) -> Sequence[Status | None]:
        if refusals:
            raise refusals.pop()
        return [Succeeded(result={}) for _ in operations]

    kling.answer = answer
    ended = await all_finished(stage, jobs)
    assert {JobState.COMPLETED} == {job.state for job in ended}
    assert [] == stage.observer.of(OutcomeUnknown)


async def test_an_overdue_job_is_not_asked_about_with_the_others(new_stage: StageMaker) -> None:
    kling = TogetherProvider()
    provider = fast_provider(KLING, poll=ALL_AT_ONCE, give_up_after_s=0.0)
    engine = replace(fast_engine(), look_up_after_s=(60.0,))
    stage = new_stage(snapshot=fast_snapshot(engine=engine, providers=[provider]), kling=kling)
    jobs = await running(stage, 2)
    async with stage.working():
        for job in jobs:
            await stage.reached(job, JobState.UNKNOWN)
    assert ([], 0) == (kling.batches, kling.status_calls)


async def test_a_job_that_another_worker_took_leaves_the_others_alone(
    stage: Stage, kling: TogetherProvider
) -> None:
    jobs = await running(stage, 3)
    plain = stage.runtime.work
    script = stage.lossy()

    async def another_takes() -> None:
        await stage.client.call(("ZADD", stage.keys.due(), 1, jobs[0].id))
        await plain.claim([jobs[0].id], lease_s=5.0)

    script.interruptions["renew"] = another_takes
    async with stage.working():
        for job in jobs[1:]:
            assert JobState.COMPLETED is (await stage.finished(job)).state
        assert JobState.RUNNING is (await stage.load(jobs[0])).state


async def test_a_store_lost_before_the_call_is_met_again_by_each(
    stage: Stage, kling: TogetherProvider
) -> None:
    jobs = await running(stage, 3)
    stage.lossy().lose("renew", Loss.QUESTION)
    ended = await all_finished(stage, jobs)
    assert {JobState.COMPLETED} == {job.state for job in ended}
    assert ([], 3) == (kling.batches, kling.status_calls)


async def test_an_account_is_asked_about_so_many_at_a_time(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=polled_together(account_concurrency=2))
    jobs = await running(stage, 6)
    stage.kling.hold_download = asyncio.Event()

    async def two_are_stored() -> bool:
        return stage.kling.download_calls == 2

    async with stage.working():
        await wait_until(two_are_stored, "two downloads")
        await stage.turned()
        assert 2 == stage.kling.download_calls
        stage.kling.hold_download.set()
        for job in jobs:
            assert JobState.COMPLETED is (await stage.finished(job)).state


async def test_an_account_that_asks_for_a_rest_gets_it(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=polled_together(account_concurrency=1))
    jobs = await running(stage, 3)
    stage.kling.statuses.append(failing(FailureKind.THROTTLED, retry_after_s=0.3))
    started_s = stage.runtime.clock.monotonic_s()
    async with stage.working():

        async def was_asked() -> bool:
            return stage.kling.status_calls == 1

        await wait_until(was_asked, "the first question")
        await stage.turned(5)
        is_resting = stage.runtime.clock.monotonic_s() - started_s < 0.3
        assert (1, True) == (stage.kling.status_calls, is_resting)
        for job in jobs:
            assert JobState.COMPLETED is (await stage.finished(job)).state
    assert 0.3 <= stage.runtime.clock.monotonic_s() - started_s


async def test_a_submit_whose_worker_died_is_recovered_while_its_account_rests(
    new_stage: StageMaker,
) -> None:
    stage = new_stage(snapshot=polled_together(account_concurrency=1))
    (first,) = await running(stage, 1)
    stage.kling.statuses.append(failing(FailureKind.THROTTLED, retry_after_s=4.0))
    lost = (await stage.create(replace(a_video(), prompt="lost"))).job
    begun = await stage.runtime.work.begin(lost, account="main", running_max=9, lease_s=0.0)
    async with stage.working():
        await stage.reached(lost, JobState.UNKNOWN, JobState.RUNNING)
    assert begun
    assert JobState.RUNNING is (await stage.load(first)).state
