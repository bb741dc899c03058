"""Crashes, lost leases, races, a store that goes away: nothing is lost or bought twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.engine import UnknownThen
from proxy.domain.events import Ended, OutcomeUnknown, Resolved
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from proxy.gateway.gates import gate_of
from proxy.gateway.lease import RENEWALS_PER_LEASE
from proxy.gateway.ports.jobs import LostLease, NotBegun
from tests.builders import KLING, an_account
from tests.fakes import PENDING, FindingProvider, failing
from tests.gateway.harness import (
    KLING_MICRO_USD,
    VEO_MICRO_USD,
    a_video,
    fast_provider,
    fast_snapshot,
    wait_until,
)
from tests.gateway.leases import LEASE_S, finding, short_leases, twin_of
from tests.gateway.outages import Loss

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


async def dies_in(stage: Stage, job: Job, state: JobState) -> Job:
    """Run a worker that is killed while its step in a state is under way."""
    async with stage.working(dies=True):
        return await stage.reached(job, state)


@pytest.mark.parametrize("was_accepted", [True, False])
async def test_a_worker_that_dies_during_a_submit(
    new_stage: StageMaker, *, was_accepted: bool
) -> None:
    stage = new_stage(snapshot=short_leases())
    stage.kling.hold_submit = asyncio.Event()
    finding(stage).finds.append(was_accepted)
    view = await stage.create()
    await dies_in(stage, view.job, JobState.SUBMITTING)
    stage.kling.hold_submit = None
    twin = twin_of(stage, new_stage)
    async with twin.working():
        job = await twin.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert 1 == len(stage.kling.orders)
    assert ["worker_lost"] == [event.reason for event in twin.observer.of(OutcomeUnknown)]
    spent = KLING_MICRO_USD if was_accepted else VEO_MICRO_USD
    assert (spent, 0) == await stage.money()
    assert [] == stage.reports + twin.reports


async def test_a_worker_that_dies_while_a_job_runs(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=short_leases())
    stage.kling.statuses.extend([PENDING] * 3)
    view = await stage.create()
    await dies_in(stage, view.job, JobState.RUNNING)
    twin = twin_of(stage, new_stage)
    async with twin.working():
        job = await twin.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert [job.attempt_id] == stage.kling.accepted


async def test_a_worker_that_dies_in_mid_download(new_stage: StageMaker) -> None:
    kling = FindingProvider()
    kling.hold_download = asyncio.Event()
    stage = new_stage(snapshot=short_leases(), kling=kling)
    view = await stage.create()
    await dies_in(stage, view.job, JobState.STORING)
    assert [] == stage.artifacts()
    kling.hold_download = None
    twin = twin_of(stage, new_stage)
    async with twin.working():
        job = await twin.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert [f"{job.id}.mp4"] == stage.artifacts()
    assert (KLING_MICRO_USD, 0) == await stage.money()


async def test_a_lease_is_kept_through_a_long_submit_and_download(new_stage: StageMaker) -> None:
    kling = FindingProvider()
    kling.hold_submit, kling.hold_download = asyncio.Event(), asyncio.Event()
    snapshot = short_leases()
    patient = replace(snapshot.engine, lease_s=0.15)
    stage = new_stage(snapshot=replace(snapshot, engine=patient), kling=kling)
    twin = twin_of(stage, new_stage)
    scripts = [stage.lossy(), twin.lossy()]
    view = await stage.create()

    async def outlived(state: JobState) -> None:
        async def has_renewed() -> bool:
            renewals = sum(script.calls.count(f"commit:{state}") for script in scripts)
            return renewals > RENEWALS_PER_LEASE + 1

        await wait_until(has_renewed, f"more than a lease in {state}")

    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        async with twin.working():
            await outlived(JobState.SUBMITTING)
            kling.hold_submit.set()
            await outlived(JobState.STORING)
            kling.hold_download.set()
            job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert (1, 1) == (len(kling.orders), kling.download_calls)
    assert [] == stage.observer.of(OutcomeUnknown) + twin.observer.of(OutcomeUnknown)


async def test_two_workers_racing_for_jobs_submit_each_once(new_stage: StageMaker) -> None:
    stage = new_stage()
    twin = twin_of(stage, new_stage)
    views = [await stage.create(replace(a_video(), prompt=f"fox {n}")) for n in range(12)]
    async with stage.working(), twin.working():
        jobs = [await stage.finished(view.job) for view in views]
    assert {JobState.COMPLETED} == {job.state for job in jobs}
    assert sorted(job.attempt_id for job in jobs) == sorted(stage.kling.accepted)
    assert 12 == len(stage.kling.orders)
    assert (12 * KLING_MICRO_USD, 0) == await stage.money()
    assert 0 == await stage.slots()
    ends = stage.observer.of(Ended) + twin.observer.of(Ended)
    assert 12 == len(ends)


async def test_a_worker_does_not_claim_its_own_job_again(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=short_leases())
    stage.kling.hold_submit = asyncio.Event()
    script = stage.lossy()
    script.lose("commit:submitting", *[Loss.QUESTION] * 99)  # no heartbeat gets through
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)

        async def has_outlived_its_lease() -> bool:
            return script.calls.count("commit:submitting") > 2 * RENEWALS_PER_LEASE

        await wait_until(has_outlived_its_lease, "two leases without a renewal")
        assert JobState.SUBMITTING is (await stage.load(view.job)).state
        stage.kling.hold_submit.set()
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert 1 == len(stage.kling.orders)


@pytest.mark.parametrize("is_refused", [True, False])
async def test_a_submits_answer_reaches_a_job_that_was_given_up(
    new_stage: StageMaker, *, is_refused: bool
) -> None:
    snapshot = short_leases(UnknownThen.ASSUME_CHARGED)
    snapshot = replace(snapshot, engine=replace(snapshot.engine, look_up_after_s=(60.0,)))
    stage = new_stage(snapshot=snapshot)
    stage.kling.hold_submit = asyncio.Event()
    if is_refused:
        stage.kling.submits.append(failing(FailureKind.AUTH))
    script = stage.lossy()
    script.lose("commit:submitting", *[Loss.QUESTION] * 99)
    twin = twin_of(stage, new_stage)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        async with twin.working():
            await twin.reached(view.job, JobState.UNKNOWN)
        stage.kling.hold_submit.set()
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert 1 == len(stage.kling.orders)
    spent = VEO_MICRO_USD if is_refused else KLING_MICRO_USD
    assert (spent, 0) == await stage.money()


async def test_a_renewal_that_lost_the_lease_leaves_the_submit_alone(
    new_stage: StageMaker,
) -> None:
    stage = new_stage(snapshot=short_leases())
    twin = twin_of(stage, new_stage)
    stage.kling.hold_submit = asyncio.Event()
    view = await stage.create()
    script = stage.lossy()

    async def another_claims() -> None:
        async def claimed() -> bool:
            return bool(await twin.runtime.work.claim([view.job.id], lease_s=5.0))

        await wait_until(claimed, "the lease to end")

    script.interruptions["commit:submitting"] = another_claims
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)

        async def is_lost() -> bool:
            return (await stage.load(view.job)).fence > 1

        await wait_until(is_lost, "the claim of another")
        await stage.turned()
        stage.kling.hold_submit.set()
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert 1 == script.calls.count("commit:submitting")
    assert 1 == len(stage.kling.orders)


async def test_a_second_doubt_changes_nothing_for_a_job_that_was_given_up(
    new_stage: StageMaker,
) -> None:
    stage = new_stage(snapshot=short_leases())
    finding(stage).finds.append(True)
    stage.kling.hold_submit = asyncio.Event()
    stage.kling.submits.append(failing(FailureKind.UNKNOWN_OUTCOME))
    script = stage.lossy()
    script.lose("commit:submitting", *[Loss.QUESTION] * 99)
    twin = twin_of(stage, new_stage)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        async with twin.working():
            await twin.reached(view.job, JobState.UNKNOWN)
            stage.kling.hold_submit.set()
            job = await twin.finished(view.job)
    assert JobState.COMPLETED is job.state
    held = stage.observer.of(OutcomeUnknown) + twin.observer.of(OutcomeUnknown)
    assert ["worker_lost"] == [event.reason for event in held]


async def test_an_answer_nobody_waits_for_any_more_is_dropped(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=short_leases())
    finding(stage).finds.append(True)
    stage.kling.hold_submit = asyncio.Event()
    script = stage.lossy()
    script.lose("commit:submitting", *[Loss.QUESTION] * 99)
    twin = twin_of(stage, new_stage)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        async with twin.working():
            job = await twin.finished(view.job)
        stage.kling.hold_submit.set()

        async def answered() -> bool:
            return len(stage.kling.accepted) == 1

        await wait_until(answered, "the submit's answer")
    assert JobState.COMPLETED is job.state
    assert (KLING_MICRO_USD, 0) == await stage.money()
    assert [] == stage.reports


@pytest.mark.parametrize(
    "operation", ["commit:running", "commit:storing", "finish", "commit:unknown"]
)
async def test_a_step_that_lost_its_lease_leaves_the_job_to_the_other(
    new_stage: StageMaker, operation: str
) -> None:
    stage = new_stage(snapshot=short_leases())
    twin = twin_of(stage, new_stage)
    script = stage.lossy()
    if operation == "commit:unknown":
        stage.kling.statuses.append(failing(FailureKind.UNKNOWN_OUTCOME))
    view = await stage.create()

    async def another_claims() -> None:
        async def claimed() -> bool:
            return bool(await twin.runtime.work.claim([view.job.id], lease_s=LEASE_S))

        await wait_until(claimed, "the lease to end")

    script.interruptions[operation] = another_claims
    async with stage.working():
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert {} == script.interruptions
    assert [] == stage.reports
    assert (KLING_MICRO_USD, 0) == await stage.money()
    assert 1 == len(stage.observer.of(Resolved))


async def test_a_fault_in_one_step_does_not_stop_the_others(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=short_leases())
    first = await stage.create()
    second = await stage.create(replace(a_video(), prompt="another"))

    async def fault() -> None:
        message = "a bug"
        raise ZeroDivisionError(message)

    script = stage.lossy()
    script.interruptions["commit:storing"] = fault
    async with stage.working():
        for view in (first, second):
            assert JobState.COMPLETED is (await stage.finished(view.job)).state
    ((what, error),) = stage.reports
    assert what in (first.job.id, second.job.id)
    assert isinstance(error, ZeroDivisionError)


async def test_a_fault_in_a_heartbeat_is_raised_by_its_step(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=short_leases())
    kling = finding(stage)
    kling.hold_submit = asyncio.Event()
    kling.finds.append(True)

    async def fault() -> None:
        message = "a bug"
        raise ZeroDivisionError(message)

    script = stage.lossy()
    script.interruptions["commit:submitting"] = fault
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert ["ZeroDivisionError"] == [type(error).__name__ for _, error in stage.reports]


async def test_a_slot_of_a_crashed_dispatch_serves_the_same_attempt(new_stage: StageMaker) -> None:
    kling = fast_provider(KLING, accounts=[an_account(slots=1)])
    stage = new_stage(snapshot=fast_snapshot(providers=[kling]))
    view = await stage.create()
    taken = await stage.runtime.slots.take(
        KLING,
        "main",
        view.job.attempt_id,
        slots=1,
        submit=None,
        lease_s=60,
        gate=gate_of(view.job, stage.snapshot),
    )
    assert taken.is_taken
    async with stage.working():
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert 0 == await stage.slots()


async def test_a_renewal_that_arrives_late_does_not_undo_the_step(stage: Stage) -> None:
    view = await stage.create()
    work = stage.runtime.work
    begun = await work.begin(view.job, account="main", running_max=1, lease_s=5.0)
    assert not isinstance(begun, NotBegun)
    await work.commit(begun, replace(begun, state=JobState.QUEUED), due_in_s=60.0)
    with pytest.raises(LostLease):
        await work.commit(begun, begun, due_in_s=5.0)
    assert JobState.QUEUED is (await stage.load(view.job)).state
