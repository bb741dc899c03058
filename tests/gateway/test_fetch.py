"""Custody of a finished video: whole, hashed, within its limit, or lost and charged."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.events import Resolved, Stored
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.job import JobState
from proxy.gateway.fetch import Fetch
from proxy.gateway.outcome import Outcome
from proxy.gateway.ports.provider import Failed, Pending, Succeeded
from tests.builders import KLING, MARKETING, a_team
from tests.fakes import PENDING, VIDEO, failing
from tests.gateway.clocks import ShiftedClock
from tests.gateway.harness import (
    ARTIFACT_BYTES_MAX,
    KLING_MICRO_USD,
    fast_engine,
    fast_snapshot,
    wait_until,
)
from tests.gateway.leases import short_leases, twin_of

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.gateway.ports.provider import Status
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

UNAVAILABLE = FailureKind.UNAVAILABLE


def assert_lost(job: Job, charged: int = KLING_MICRO_USD) -> None:
    assert JobState.FAILED is job.state
    assert job.error is not None
    assert "artifact_lost" == job.error.code
    assert charged == job.attempt.charged_micro_usd


async def test_the_bytes_are_hashed_and_kept_as_they_came(stage: Stage) -> None:
    stage.kling.downloads.append([VIDEO[:4], b"", VIDEO[4:]])
    job = await stage.made()
    assert job.artifact is not None
    assert hashlib.sha256(VIDEO).hexdigest() == job.artifact.sha256
    view = await stage.videos.content(stage.caller(), job.id)
    assert VIDEO[2:7] == b"".join([chunk async for chunk in view.open(2, 5)])
    assert job.artifact_expires_at_ms is not None
    assert job.ended_at_ms is not None
    kept_ms = stage.snapshot.teams[MARKETING].retention.artifacts_s * 1000
    assert abs(job.artifact_expires_at_ms - job.ended_at_ms - kept_ms) < 2000


async def test_a_failed_download_is_tried_again(stage: Stage) -> None:
    stage.kling.downloads.extend([failing(UNAVAILABLE)] * 3)
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    assert 4 == stage.kling.download_calls
    assert 1 == len(job.attempts)
    assert (KLING_MICRO_USD, 0) == await stage.money()


async def test_a_video_that_cannot_be_fetched_is_lost_and_charged(stage: Stage) -> None:
    stage.kling.downloads.extend([failing(UNAVAILABLE)] * 9)
    job = await stage.made()
    assert_lost(job)
    assert 4 == stage.kling.download_calls
    assert "stored" == job.attempt.resolved_by
    assert (KLING_MICRO_USD, 0) == await stage.money()
    assert [] == stage.vertex.orders
    assert [] == stage.artifacts()
    assert [True] == [event.is_wasted for event in stage.observer.of(Resolved)]


async def test_a_lost_video_costs_what_was_reported(stage: Stage) -> None:
    done = Succeeded(result={}, charge_micro_usd=0)
    stage.kling.statuses.extend([done] * 9)
    stage.kling.downloads.extend([failing(UNAVAILABLE)] * 9)
    assert_lost(await stage.made(), 0)
    assert (0, 0) == await stage.money()


async def test_a_video_over_the_limit_is_lost_at_once(stage: Stage) -> None:
    stage.kling.downloads.append([b"x" * ARTIFACT_BYTES_MAX, b"x"])
    job = await stage.made()
    assert_lost(job)
    assert 1 == stage.kling.download_calls
    assert [] == stage.artifacts()


async def test_a_video_of_exactly_the_limit_is_kept(stage: Stage) -> None:
    stage.kling.downloads.append([b"x" * ARTIFACT_BYTES_MAX])
    assert JobState.COMPLETED is (await stage.made()).state


async def stored_but_not_settled(stage: Stage) -> Job:
    """A job whose worker was killed between the last byte and the end."""
    script = stage.lossy()
    at_the_end = asyncio.Event()

    async def hang() -> None:
        at_the_end.set()
        await asyncio.Event().wait()

    script.interruptions["finish"] = hang
    view = await stage.create()
    async with stage.working(dies=True):
        await at_the_end.wait()
    job = await stage.load(view.job)
    assert (JobState.STORING, [f"{job.id}.mp4"]) == (job.state, stage.artifacts())
    return job


async def test_a_video_that_was_stored_before_its_worker_died_is_completed(
    new_stage: StageMaker,
) -> None:
    """The provider may no longer serve it; it is not even asked: our copy is whole."""
    stage = new_stage(snapshot=short_leases())
    job = await stored_but_not_settled(stage)
    twin = twin_of(stage, new_stage)
    twin.kling.statuses.extend([failing(FailureKind.UNKNOWN_OUTCOME)] * 9)
    async with twin.working():
        job = await twin.finished(job)
    assert JobState.COMPLETED is job.state
    assert job.artifact is not None
    assert (hashlib.sha256(VIDEO).hexdigest(), len(VIDEO)) == (
        job.artifact.sha256,
        job.artifact.size_bytes,
    )
    assert (1, 1) == (stage.kling.status_calls, stage.kling.download_calls)
    assert (KLING_MICRO_USD, "stored") == (job.attempt.charged_micro_usd, job.attempt.resolved_by)
    assert (1, 0) == (len(stage.observer.of(Stored)), len(twin.observer.of(Stored)))


async def test_a_video_that_was_stored_and_then_cancelled_is_removed(
    new_stage: StageMaker,
) -> None:
    stage = new_stage(snapshot=short_leases())
    job = await stored_but_not_settled(stage)
    twin = twin_of(stage, new_stage)
    await twin.videos.cancel(twin.caller(), job.id)
    async with twin.working():
        job = await twin.finished(job)
    assert (JobState.CANCELLED, []) == (job.state, twin.artifacts())
    assert (KLING_MICRO_USD, 0) == await twin.money()


async def test_our_own_copy_is_looked_for_before_a_video_is_called_lost(
    new_stage: StageMaker,
) -> None:
    stage = new_stage(snapshot=short_leases())
    job = await stored_but_not_settled(stage)
    tried = replace(job, work=replace(job.work, downloads=9))
    fetch = Fetch(stage.runtime, Outcome(stage.runtime))
    await fetch.retry(tried, "the last byte was written, the answer was lost", stage.snapshot)
    assert JobState.COMPLETED is (await stage.load(job)).state


async def test_an_artifact_store_that_fails_is_tried_again(stage: Stage) -> None:
    in_the_way = stage.folder / "videos"
    in_the_way.write_text("no folder")
    view = await stage.create()

    async def has_failed() -> bool:
        """More often than a provider may."""
        return (await stage.load(view.job)).work.downloads > stage.snapshot.engine.download_retries

    async with stage.working():
        await wait_until(has_failed, "more failures than a download may have")
        in_the_way.unlink()
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert [f"{job.id}.mp4"] == stage.artifacts()


async def test_an_artifact_store_that_fails_for_a_day_loses_the_video(
    new_stage: StageMaker,
) -> None:
    clock = ShiftedClock()
    stage = new_stage(clock=clock)
    (stage.folder / "videos").write_text("no folder")
    view = await stage.create()
    stage.may_report = True  # what is left of a lost video cannot be removed either
    async with stage.working():
        await stage.reached(view.job, JobState.STORING)
        clock.ahead_s = 86_401.0
        assert_lost(await stage.finished(view.job))


@pytest.mark.parametrize(
    "answer",
    [
        PENDING,
        Pending(progress=10),
        Failed(failure=Failure(kind=FailureKind.FAILED_UPSTREAM, message="after all not")),
        failing(FailureKind.UNKNOWN_OUTCOME),
        failing(FailureKind.MODEL_GONE),
    ],
)
async def test_a_video_the_provider_takes_back_is_lost_and_charged(
    stage: Stage, answer: Status
) -> None:
    stage.kling.statuses.extend([Succeeded(result={})] + [answer] * 9)
    stage.kling.downloads.append(failing(UNAVAILABLE))
    job = await stage.made()
    assert_lost(job)
    assert (KLING_MICRO_USD, 0) == await stage.money()
    assert [] == stage.vertex.orders
    assert [] == stage.reports


async def test_a_video_whose_status_cannot_be_asked_just_now_is_waited_for(stage: Stage) -> None:
    stage.kling.statuses.extend([Succeeded(result={})] + [failing(UNAVAILABLE)] * 12)
    stage.kling.downloads.append(failing(UNAVAILABLE))
    job = await stage.made()
    assert JobState.COMPLETED is job.state


async def test_answers_that_cannot_be_read_lose_a_video_in_the_end(stage: Stage) -> None:
    stage.kling.statuses.extend([Succeeded(result={})] + [failing(FailureKind.MALFORMED)] * 30)
    stage.kling.downloads.append(failing(UNAVAILABLE))
    assert_lost(await stage.made())


@pytest.mark.parametrize("has_account", [True, False])
async def test_after_a_day_a_video_nobody_hands_out_is_lost(
    new_stage: StageMaker, *, has_account: bool
) -> None:
    clock = ShiftedClock()
    engine = replace(fast_engine(), lease_s=0.05)
    stage = new_stage(snapshot=fast_snapshot(engine=engine), clock=clock)
    stage.kling.downloads.append(failing(UNAVAILABLE))
    stage.kling.statuses.extend([Succeeded(result={})] + [failing(UNAVAILABLE)] * 500)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.STORING)
        if not has_account:
            del stage.adapters[KLING, "main"]
        clock.ahead_s = 86_401
        job = await stage.finished(view.job)
    assert_lost(job)


async def test_a_video_of_a_team_that_left_is_kept(stage: Stage) -> None:
    view = await stage.create()
    snapshot = fast_snapshot(teams=[a_team(id=type(MARKETING)("others"))])
    stage.reload(replace(snapshot, keys={}))
    async with stage.working():
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert job.artifact_expires_at_ms is not None
    assert job.ended_at_ms is not None
    assert job.artifact_expires_at_ms - job.ended_at_ms > 29 * 86_400_000
