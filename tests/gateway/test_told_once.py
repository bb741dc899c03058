"""What happens to a job and its money is told once, by whoever made it true."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.events import Ended, Resolved
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from proxy.gateway import facts
from proxy.gateway.outcome import Outcome
from proxy.gateway.ports.jobs import AlreadyEnded, NotBegun
from proxy.telemetry.metrics import Metrics
from tests.fakes import failing
from tests.gateway.clocks import ShiftedClock
from tests.gateway.harness import KLING_MICRO_USD, VEO_MICRO_USD, a_video
from tests.telemetry.samples import totals

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


def ends(*stages: Stage) -> tuple[list[JobState], int]:
    """How jobs ended, and how many reservations were resolved, as all processes tell it."""
    ended = [event.state for stage in stages for event in stage.observer.of(Ended)]
    return ended, sum(len(stage.observer.of(Resolved)) for stage in stages)


async def test_two_workers_that_end_one_job(new_stage: StageMaker) -> None:
    stage, twin = new_stage(), new_stage()
    job = (await stage.create()).job
    await Outcome(stage.runtime).miss_deadline(job)
    with pytest.raises(AlreadyEnded):
        await Outcome(twin.runtime).miss_deadline(job)
    assert ([JobState.FAILED], 1) == ends(stage, twin)


async def test_two_clients_that_cancel_one_job(new_stage: StageMaker) -> None:
    stage, twin = new_stage(), new_stage()
    job = (await stage.create()).job
    for each in (stage, twin):
        found = await facts.cancel(each.runtime, job, is_forgotten=False)
        assert JobState.CANCELLED is found.state
    assert ([JobState.CANCELLED], 1) == ends(stage, twin)


async def test_a_cancel_of_a_job_that_a_worker_ended_meanwhile(new_stage: StageMaker) -> None:
    stage, twin = new_stage(), new_stage()
    job = (await stage.create()).job
    await Outcome(stage.runtime).miss_deadline(job)
    await facts.cancel(twin.runtime, job, is_forgotten=False)
    assert ([JobState.FAILED], 1) == ends(stage, twin)


async def test_a_cancel_of_a_job_that_came_back_to_its_queue_meanwhile(stage: Stage) -> None:
    job = (await stage.create()).job
    work = stage.runtime.work
    begun = await work.begin(job, account="main", running_max=1, lease_s=5.0)
    assert not isinstance(begun, NotBegun)
    await work.commit(begun, replace(begun, state=JobState.QUEUED), due_in_s=0.0)
    await facts.cancel(stage.runtime, begun, is_forgotten=False)
    assert ([JobState.CANCELLED], 1) == ends(stage)


async def test_what_was_reserved_was_charged_or_released(stage: Stage) -> None:
    """Also where a job failed over, was refused, was cancelled, or answered a retry."""
    stage.kling.submits.extend([failing(FailureKind.AUTH), failing(FailureKind.INVALID_INPUT)])
    jobs = [(await stage.create(replace(a_video(), prompt=f"fox {n}"))).job for n in range(4)]
    await stage.videos.cancel(stage.caller(), jobs[3].id)
    async with stage.working():
        for job in jobs:
            await stage.finished(job)
    keyed = [await stage.create(idempotency_key="k") for _ in range(2)]
    await stage.videos.cancel(stage.caller(), keyed[0].job.id)
    metrics = Metrics(ShiftedClock(0), version="0")
    for event in stage.observer.events:
        metrics.observe(event)
    usd = totals(metrics)
    reserved = (5 * KLING_MICRO_USD + VEO_MICRO_USD) / 1e6
    assert pytest.approx(reserved) == usd["greenlight_reserved_usd_total"]
    assert pytest.approx(reserved) == (
        usd["greenlight_charged_usd_total"] + usd["greenlight_released_usd_total"]
    )
