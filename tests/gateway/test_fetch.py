"""Custody of a finished video: whole, hashed, within its limit, or lost and charged."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.events import Resolved
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.job import JobState
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


async def test_an_artifact_store_that_fails_is_tried_again(stage: Stage) -> None:
    in_the_way = stage.folder / "videos"
    in_the_way.write_text("no folder")
    view = await stage.create()

    async def has_failed() -> bool:
        return (await stage.load(view.job)).work.downloads > 0

    async with stage.working():
        await wait_until(has_failed, "the first failure")
        in_the_way.unlink()
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert [f"{job.id}.mp4"] == stage.artifacts()


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
