"""Words, pictures, videos and records go when nobody keeps them any more; the ledger stays."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import JobNotFound, StoreUnavailable
from proxy.domain.job import JobState
from proxy.domain.policy import Retention
from proxy.gateway.names import input_name, video_name
from proxy.gateway.upkeep import SETTLING_S, Upkeep
from proxy.store.jobs import RedisJobs
from tests.builders import a_team
from tests.gateway.clocks import ShiftedClock
from tests.gateway.harness import a_video, fast_snapshot
from tests.job_builders import a_job_id
from tests.store.dump import dump

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from proxy.domain.job import Job
    from proxy.domain.video import InputFile
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

DAY_S = 86_400
SECRET = "a canary that nobody may keep"
LOOK_S = 2 * SETTLING_S


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def a_picture(stage: Stage, number: int = 1) -> InputFile:
    """A picture of the number-th job, kept long enough ago to be looked at."""
    file = await stage.videos.save_input(
        stage.caller(), chunks(b"a picture"), "image/png", param="x", job_id=a_job_id(number)
    )
    age(stage, picture(stage, file, number), LOOK_S)
    return file


def picture(stage: Stage, file: InputFile, number: int = 1) -> Path:
    return stage.folder / input_name(stage.caller().team.id, a_job_id(number), file.sha256)


def video(stage: Stage, job: Job) -> Path:
    return stage.folder / video_name(job)


def age(stage: Stage, path: Path, age_s: float) -> None:
    """Make a file as old as that by the stage's clock."""
    at_s = stage.runtime.clock.now_s() - age_s
    os.utime(path, (at_s, at_s))


async def with_picture(stage: Stage, number: int = 1) -> tuple[Job, Path]:
    """A job that waits, with words, a picture and metadata."""
    file = await a_picture(stage, number)
    film = {"film": "x"}
    request = replace(a_video(), prompt=SECRET, input_reference=file, metadata=film)
    view = await stage.create(request, job_id=a_job_id(number))
    return view.job, picture(stage, file, number)


async def done(stage: Stage, job: Job) -> Job:
    async with stage.working():
        return await stage.finished(job)


async def is_remembered(stage: Stage, words: str = SECRET) -> bool:
    """Whether a job's words can still be read in the store, in the clear or packed."""
    jobs = [await stage.runtime.jobs.load(a_job_id(number)) for number in (1, 2)]
    packed = any(job is not None and words in job.request.prompt for job in jobs)
    return packed or words in str(await dump(stage.client))


def keeping(**retention: int) -> Retention:
    kept = {"artifacts_s": 30 * DAY_S, "jobs_s": 90 * DAY_S} | retention
    return Retention(**kept)


def edit(stage: Stage, **retention: int) -> None:
    """Reload with another retention of the team."""
    team = replace(a_team(), retention=keeping(**retention))
    stage.reload(fast_snapshot(teams=[team]))


# --- what a delete takes along


async def test_a_deleted_job_forgets_its_words_and_its_pictures(stage: Stage) -> None:
    job, path = await with_picture(stage)
    ended = await done(stage, job)
    assert await is_remembered(stage)
    assert path.exists()
    await stage.videos.delete(stage.caller(), job.id)
    assert not path.exists()
    assert not await is_remembered(stage)
    left = await stage.load(job)
    assert ("", (), {"film": "x"}) == (
        left.request.prompt,
        left.request.pictures,
        left.request.metadata,
    )
    assert (ended.attempts, ended.plan, True) == (left.attempts, left.plan, left.is_deleted)
    await stage.videos.delete(stage.caller(), job.id)
    assert not await is_remembered(stage)


async def test_a_job_that_waits_is_forgotten_with_its_end(stage: Stage) -> None:
    job, path = await with_picture(stage)
    await stage.videos.delete(stage.caller(), job.id)
    assert JobState.CANCELLED is (await stage.load(job)).state
    assert not path.exists()
    assert not await is_remembered(stage)


async def test_another_job_keeps_its_own_of_the_same_picture(stage: Stage) -> None:
    job, path = await with_picture(stage)
    _, other = await with_picture(stage, 2)
    await stage.videos.delete(stage.caller(), job.id)
    assert (False, True) == (path.exists(), other.exists())


async def test_what_cannot_be_removed_is_not_forgotten_yet(stage: Stage) -> None:
    job, path = await with_picture(stage)
    await done(stage, job)
    hidden = path.parent.rename(stage.folder / "hidden")
    path.parent.write_text("in the way")
    with pytest.raises(StoreUnavailable):
        await stage.videos.delete(stage.caller(), job.id)
    assert not (await stage.load(job)).is_deleted
    path.parent.unlink()
    hidden.rename(path.parent)
    await stage.videos.delete(stage.caller(), job.id)
    assert not path.exists()


async def test_a_submit_under_way_keeps_its_pictures_until_it_has_ended(stage: Stage) -> None:
    job, path = await with_picture(stage)
    begun = await stage.runtime.work.begin(job, account="main", running_max=1, lease_s=0.05)
    assert not isinstance(begun, str)
    await stage.videos.delete(stage.caller(), job.id)
    upkeep = Upkeep(stage.runtime)
    assert (0, True) == (await upkeep.sweep_inputs(), path.exists())
    assert not await is_remembered(stage)
    await done(stage, job)
    assert (1, False) == (await upkeep.sweep_inputs(), path.exists())


# --- pictures that no job needs


async def test_a_picture_of_a_create_that_never_came_goes_after_an_hour(stage: Stage) -> None:
    file = await a_picture(stage)
    path = picture(stage, file)
    upkeep = Upkeep(stage.runtime)
    age(stage, path, SETTLING_S - 60)
    assert (0, True) == (await upkeep.sweep_inputs(), path.exists())
    age(stage, path, SETTLING_S + 60)
    assert (1, False) == (await upkeep.sweep_inputs(), path.exists())


async def test_a_create_that_sends_a_picture_while_it_is_swept_keeps_it(stage: Stage) -> None:
    """Whatever the order: what is swept is another job's file of the same bytes."""
    upkeep = Upkeep(stage.runtime)
    for number in range(2, 12):
        gone = picture(stage, await a_picture(stage, 1))
        removed, (_, path) = await asyncio.gather(
            upkeep.sweep_inputs(), with_picture(stage, number)
        )
        assert (1, False, True) == (removed, gone.exists(), path.exists())


@pytest.mark.parametrize("age_s", [LOOK_S, 2 * DAY_S, 89 * DAY_S, 91 * DAY_S])
async def test_a_picture_stays_as_long_as_its_job_has_a_record(stage: Stage, age_s: float) -> None:
    job, path = await with_picture(stage)
    await done(stage, job)
    age(stage, path, age_s)
    assert (0, True) == (await Upkeep(stage.runtime).sweep_inputs(), path.exists())


async def test_a_picture_goes_when_its_job_s_record_has(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team()]))
    job, path = await with_picture(stage)
    await stage.client.call(("FLUSHALL",))
    age(stage, path, 5 * DAY_S)  # in between nobody looks at it
    assert 0 == await Upkeep(stage.runtime).sweep_inputs()
    edit(stage, artifacts_s=DAY_S, jobs_s=4 * DAY_S)
    assert (1, False) == (await Upkeep(stage.runtime).sweep_inputs(), path.exists())
    assert job.team == stage.caller().team.id


async def test_a_job_that_waits_longer_than_its_team_keeps_jobs_keeps_its_picture(
    new_stage: StageMaker,
) -> None:
    brief = replace(a_team(), retention=Retention(artifacts_s=1, jobs_s=1))
    stage = new_stage(snapshot=fast_snapshot(teams=[brief]))
    _, path = await with_picture(stage)
    age(stage, path, 5 * DAY_S)
    assert (0, True) == (await Upkeep(stage.runtime).sweep_inputs(), path.exists())


# --- retention that is edited


async def test_a_shorter_time_for_videos_holds_for_those_that_exist(new_stage: StageMaker) -> None:
    clock = ShiftedClock()
    stage = new_stage(clock=clock)
    edit(stage)
    job = await stage.made()
    view = await stage.videos.get(stage.caller(), job.id)
    assert job.artifact_expires_at_ms == view.job.artifact_expires_at_ms
    clock.ahead_s = 8 * DAY_S
    edit(stage, artifacts_s=7 * DAY_S)
    assert job.ended_at_ms is not None
    view = await stage.videos.get(stage.caller(), job.id)
    assert job.ended_at_ms + 7 * DAY_S * 1000 == view.job.artifact_expires_at_ms
    page = await stage.videos.page(
        stage.caller(), after=None, limit=1, is_ascending=True, status=None
    )
    assert [view.job.artifact_expires_at_ms] == [each.artifact_expires_at_ms for each in page.jobs]
    with pytest.raises(JobNotFound, match="no longer kept"):
        await stage.videos.content(stage.caller(), job.id)
    assert (1, False) == (await Upkeep(stage.runtime).sweep_videos(), video(stage, job).exists())


async def test_a_longer_time_for_videos_leaves_what_was_promised(new_stage: StageMaker) -> None:
    clock = ShiftedClock()
    stage = new_stage(clock=clock)
    edit(stage)
    job = await stage.made()
    edit(stage, artifacts_s=60 * DAY_S)
    clock.ahead_s = 31 * DAY_S
    view = await stage.videos.get(stage.caller(), job.id)
    assert job.artifact_expires_at_ms == view.job.artifact_expires_at_ms
    with pytest.raises(JobNotFound, match="no longer kept"):
        await stage.videos.content(stage.caller(), job.id)


async def test_the_video_of_a_team_that_left_stays_as_long_as_was_promised(
    new_stage: StageMaker,
) -> None:
    clock = ShiftedClock()
    stage = new_stage(clock=clock)
    edit(stage, artifacts_s=50 * DAY_S)
    job = await stage.made()
    stage.reload(fast_snapshot(teams=[a_team(id=type(job.team)("research"))]))
    upkeep = Upkeep(stage.runtime)
    clock.ahead_s = 49 * DAY_S
    assert (0, True) == (await upkeep.sweep_videos(), video(stage, job).exists())
    clock.ahead_s = 51 * DAY_S
    assert (1, False) == (await upkeep.sweep_videos(), video(stage, job).exists())


async def kept_for(stage: Stage, seconds: int) -> int:
    """Expire records as if their teams kept them for so long, a day from now."""
    jobs = RedisJobs(stage.client, stage.keys, retention_s=lambda _: seconds)
    return await jobs.expire(await stage.runtime.accounts.now_ms() + DAY_S * 1000)


async def test_a_shorter_time_for_records_holds_for_those_that_exist(stage: Stage) -> None:
    ended = await done(stage, (await with_picture(stage))[0])
    waiting, _ = await with_picture(stage, 2)
    before = await stage.ledger()
    assert 0 == await kept_for(stage, 2 * DAY_S)
    assert 1 == await kept_for(stage, DAY_S // 2)
    assert await stage.runtime.jobs.load(ended.id) is None
    assert waiting.id == (await stage.load(waiting)).id
    assert before == await stage.ledger()
    await done(stage, waiting)
    assert 1 == await kept_for(stage, 0)
    assert not await is_remembered(stage)
    assert [] == await stage.client.read(("ZRANGE", stage.keys.job_list(ended.team), 0, -1))


async def test_upkeep_expires_records_and_lists(stage: Stage) -> None:
    """A record that went by itself leaves the list then, too."""
    job = await stage.made()
    await stage.client.call(("DEL", stage.keys.job(job.id)))
    assert 1 == await kept_for(stage, 0)
    assert 0 == await Upkeep(stage.runtime).expire_records()


async def test_a_damaged_record_is_left_to_a_person(stage: Stage) -> None:
    job = await stage.made()
    name = stage.keys.job(job.id)
    await stage.client.call(("DEL", name))
    await stage.client.call(("SET", name, "damage"))
    assert 0 == await kept_for(stage, 0)
    assert b"damage" == await stage.client.read(("GET", name))


async def test_words_go_with_the_record_by_themselves(stage: Stage) -> None:
    """Nothing but the record holds them: no log of money, no memory of retries."""
    job = await done(stage, (await with_picture(stage))[0])
    assert 0 < await stage.client.read(("PTTL", stage.keys.job(job.id)))
    await stage.client.call(("DEL", stage.keys.job(job.id)))
    assert not await is_remembered(stage)
