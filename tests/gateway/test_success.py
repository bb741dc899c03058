"""What attempts came to is learned by offer, and shared through the store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import Failure, FailureKind
from proxy.domain.job import JobError
from proxy.domain.success import Record
from proxy.gateway.outcome import Outcome
from proxy.gateway.ports.provider import Failed, Succeeded
from proxy.gateway.samples import EXCHANGE_S
from proxy.gateway.success import BLAMED, LearnedSuccess
from proxy.store.address import Address
from proxy.store.client import Client
from proxy.store.keys import Keys
from proxy.store.samples import RedisSamples
from tests.builders import the_offers
from tests.fakes import failing
from tests.gateway.harness import a_video, wait_until
from tests.gateway.test_render_times import CountingClock

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

KLING, VEO = the_offers()[0].id, the_offers()[2].id


async def learned(stage: Stage) -> dict[str, Record | None]:
    await stage.success.exchange(RedisSamples(stage.client, Keys().outcomes()))
    return {name: stage.success.of(name) for name in (KLING, VEO)}


async def test_all_processes_know_what_one_has_seen(new_stage: StageMaker) -> None:
    stage, other = new_stage(), new_stage()
    await stage.made()
    assert {KLING: Record(1, 1), VEO: None} == await learned(stage) == await learned(other)
    conditions = other.runtime.conditions.now(other.snapshot)
    assert {KLING: 0.909} == conditions.success


async def test_a_failed_attempt_counts_where_it_failed(stage: Stage) -> None:
    broke = Failed(failure=Failure(kind=FailureKind.FAILED_UPSTREAM, message="broke"))
    stage.kling.statuses.append(broke)
    await stage.made()
    assert {KLING: Record(0, 1), VEO: Record(1, 1)} == await learned(stage)


@pytest.mark.parametrize("kind", [FailureKind.CONTENT_POLICY, FailureKind.INVALID_INPUT])
async def test_what_is_not_the_provider_s_fault_does_not_count(
    stage: Stage, kind: FailureKind
) -> None:
    stage.kling.submits.append(failing(kind))
    await stage.made()
    stage.kling.statuses.append(Failed(failure=Failure(kind=kind, message="no")))
    await stage.made(replace(a_video(), prompt="another"))
    assert {KLING: None, VEO: None} == await learned(stage)


async def test_a_cancelled_job_does_not_count(stage: Stage) -> None:
    view = await stage.create()
    stage.kling.hold_submit = asyncio.Event()
    async with stage.working():
        await stage.turned()
        await stage.videos.cancel(stage.caller(), view.job.id)
        stage.kling.hold_submit.set()
        await stage.finished(view.job)
    assert {KLING: None, VEO: None} == await learned(stage)


async def test_what_was_never_sent_does_not_count(stage: Stage) -> None:
    """Else what a breaker kept away would look as if it had failed."""
    view = await stage.create()
    moved = await Outcome(stage.runtime).move_on(
        view.job, JobError(code="model_gone", message="gone")
    )
    assert moved is not None
    assert {KLING: None, VEO: None} == await learned(stage)


async def test_a_lost_video_counts_against_its_offer(stage: Stage) -> None:
    stage.kling.statuses.append(Succeeded(result={}))
    stage.kling.downloads.extend([[b"x" * 5000]] * 9)
    job = await stage.made()
    assert job.error is not None
    assert job.error.code in BLAMED
    assert {KLING: Record(0, 1), VEO: None} == await learned(stage)


async def test_without_the_store_nothing_is_forgotten(stage: Stage) -> None:
    await stage.made()
    await learned(stage)
    gone = RedisSamples(Client(Address(path="/nonexistent/socket")), Keys().outcomes())
    await stage.success.exchange(gone)
    assert Record(1, 1) == stage.success.of(KLING)


async def test_sharing_goes_on_at_intervals(stage: Stage) -> None:
    clock = CountingClock(3)
    shared = RedisSamples(stage.client, Keys().outcomes())
    sharing = asyncio.ensure_future(LearnedSuccess(clock).share(shared))

    async def is_done() -> bool:
        return sharing.done()

    await wait_until(is_done, "three exchanges")
    assert [EXCHANGE_S] * 3 == clock.sleeps
