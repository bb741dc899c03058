"""An older copy of the store: nothing is bought twice, and the ledger is right again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import (
    InvalidRequest,
)
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState, Resolution
from proxy.gateway.restore.desk import Queued
from proxy.gateway.restore.survey import Condition
from proxy.gateway.upkeep import Upkeep
from tests.fakes import PENDING, failing
from tests.gateway.harness import KLING_MICRO_USD, VEO_MICRO_USD
from tests.gateway.losses import (
    CHARGE,
    RELEASE,
    Died,
    Fenced,
    Stale,
    archive_everything,
    copy_of,
    desk_of,
    put_back,
    repairs_of,
    restore,
    three_videos,
)
from tests.job_builders import a_mandate

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    return new_stage(snapshot=three_videos())


@dataclass(frozen=True)
class Older:
    """An older copy of a store: what was open in it when it was made."""

    copy: dict[str, bytes]
    running: Job
    queued: Job


async def older_copy(stage: Stage, *, created_since: int = 0) -> Older:
    """A copy of a store in which one job runs and one is queued; both end after it was made."""
    stage.kling.statuses.extend([PENDING] * 1000)
    running = (await stage.create()).job
    async with stage.working(dies=True):
        await stage.reached(running, JobState.RUNNING)
    queued = (await stage.create()).job
    copy = await copy_of(stage.client)
    stage.kling.statuses.clear()
    async with stage.working():
        for job in (running, queued):
            await stage.finished(job)
    for _ in range(created_since):
        await stage.create()
    await archive_everything(stage)
    await put_back(stage.client, copy)
    return Older(copy=copy, running=await stage.load(running), queued=await stage.load(queued))


async def test_jobs_of_an_older_copy_end_as_the_files_say(
    stage: Stage, new_stage: StageMaker
) -> None:
    older = await older_copy(stage)
    bought = len(stage.kling.orders)
    started = new_stage(snapshot=three_videos(), kling=stage.kling)
    started.may_report = True
    async with started.working():
        await started.turned()
    found = (await restore(started)).found
    assert (Condition.OLDER, ()) == (found.condition, found.lost)
    assert {older.running.id, older.queued.id} == {job.id for job in found.overtaken}
    for job in (older.running, older.queued):
        ended = await started.load(job)
        assert (JobState.FAILED, "outcome_unknown") == (
            ended.state,
            ended.error and ended.error.code,
        )
        assert (Resolution.SETTLED, KLING_MICRO_USD) == (
            ended.attempt.resolution,
            ended.attempt.charged_micro_usd,
        )
    async with started.working():
        await started.turned()
    assert bought == len(stage.kling.orders)
    assert ((2 * KLING_MICRO_USD, 0), (0, 0)) == (await started.money(), await started.open_jobs())
    assert [] == await started.ledger()


async def test_an_attempt_that_a_copy_does_not_know_is_lost(stage: Stage) -> None:
    """Its job went on at another provider after the copy was made."""
    job = (await stage.create()).job
    copy = await copy_of(stage.client)
    stage.kling.submits.append(failing(FailureKind.AUTH))
    stage.vertex.statuses.extend([PENDING] * 1000)
    async with stage.working(dies=True):
        await stage.reached(job, JobState.RUNNING)
    await archive_everything(stage)
    await put_back(stage.client, copy)
    done = await restore(stage)
    assert ([f"{job.id}-2"], [job.id]) == (list(done.attempts), [each.id for each in done.jobs])
    assert (VEO_MICRO_USD, 0) == await stage.money()
    ended = await stage.load(job)
    assert (JobState.FAILED, Resolution.RELEASED) == (ended.state, ended.attempt.resolution)


async def queued_in_a_copy(stage: Stage) -> Job:
    """A job that is queued in an older copy; whether it was bought since nobody knows."""
    job = (await stage.create()).job
    copy = await copy_of(stage.client)
    await stage.create()
    await archive_everything(stage)
    await put_back(stage.client, copy)
    return job


async def test_queued_jobs_of_an_older_copy_need_a_decision(stage: Stage) -> None:
    job = await queued_in_a_copy(stage)
    with pytest.raises(InvalidRequest, match="keep or end") as refused:
        await restore(stage)
    assert "queued" == refused.value.param
    done = await restore(stage, replace(RELEASE, queued=Queued.END))
    assert [job.id] == [ended.id for ended in done.jobs]
    assert (JobState.FAILED, "restore:release") == (
        (await stage.load(job)).state,
        (await stage.load(job)).attempt.resolved_by,
    )
    assert ((0, 0), (0, 0)) == (await stage.money(), await stage.open_jobs())


async def test_queued_jobs_of_an_older_copy_may_be_charged(stage: Stage) -> None:
    job = await queued_in_a_copy(stage)
    await restore(stage, replace(CHARGE, queued=Queued.END))
    assert "restore:charge" == (await stage.load(job)).attempt.resolved_by
    assert (2 * KLING_MICRO_USD, 0) == await stage.money()


async def test_queued_jobs_of_an_older_copy_may_go_on(stage: Stage) -> None:
    job = await queued_in_a_copy(stage)
    await restore(stage, replace(RELEASE, queued=Queued.KEEP))
    async with stage.working():
        assert JobState.COMPLETED is (await stage.finished(job)).state
    assert (KLING_MICRO_USD, 0) == await stage.money()


async def test_killed_after_any_change_and_begun_again_it_ends_the_same(stage: Stage) -> None:
    older = await older_copy(stage, created_since=1)
    expected = await outcome(stage, older)
    changes = 0
    while True:
        changes += 1
        await put_back(stage.client, older.copy)
        repairs = repairs_of(stage)
        repairs.changes_left = changes
        try:
            await desk_of(stage, repairs).restore(CHARGE, a_mandate("killed"))
        except Died:
            assert expected == await outcome(stage, older)
        else:
            break
    assert 6 == changes  # two hashes rebuilt, two jobs overtaken, one attempt ended


async def outcome(stage: Stage, older: Older) -> object:
    """What a restore leads to."""
    await restore(stage)
    await stage.check_books()
    jobs = [await stage.load(job) for job in (older.running, older.queued)]
    ends = [(job.state, job.error, job.attempt.charged_micro_usd) for job in jobs]
    return await stage.money(), await stage.open_jobs(), await stage.ledger(), ends


async def test_a_job_that_moved_on_meanwhile_is_left_alone(stage: Stage) -> None:
    await older_copy(stage)
    for repairs in (Stale(repairs_of(stage).inner), Fenced(stage)):
        done = await desk_of(stage, repairs).restore(CHARGE, a_mandate())
        assert () == done.jobs
        await stage.client.call(("DEL", stage.keys.trimmed()))
    assert 2 == len((await restore(stage)).jobs)


async def test_a_queued_job_that_moved_on_meanwhile_is_left_alone(stage: Stage) -> None:
    job = await queued_in_a_copy(stage)
    desk = desk_of(stage, Stale(repairs_of(stage).inner))
    assert () == (await desk.restore(replace(CHARGE, queued=Queued.END), a_mandate())).jobs
    assert JobState.QUEUED is (await stage.load(job)).state


async def test_no_day_of_an_older_copy_is_archived_before_it_is_restored(stage: Stage) -> None:
    await older_copy(stage)
    await Upkeep(stage.runtime).once()
    assert "" == await stage.runtime.archive.cut_at()
    await restore(stage)
