"""The file that a job starts from: how each provider is given it, and how long it is kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import JobNotFound
from proxy.domain.job import JobState
from proxy.domain.source import Verb, Way
from proxy.domain.video import VIDEO_TYPE
from proxy.gateway import sources
from proxy.gateway.names import kept_source_name, video_name
from proxy.gateway.upkeep import Upkeep
from proxy.gateway.views import Start
from tests.builders import VERTEX, a_price, an_offer
from tests.fakes import VIDEO
from tests.gateway.harness import fast_snapshot
from tests.job_builders import a_job_id, a_request, fingerprint_of
from tests.source_builders import a_support, that_can

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

PUBLIC_URL = "https://video.example.com"
CREATES = an_offer()


def world(way: Way, public_url: str | None = PUBLIC_URL) -> Snapshot:
    """Kling makes videos, Vertex edits them."""
    edits = an_offer(VERTEX, "veo-3.1-fast", prices=[a_price("720p", 200_000)])
    edits = that_can({Verb.EDIT: a_support(way)}, edits)
    edits = replace(edits, can=replace(edits.can, creates=False))
    return replace(fast_snapshot(offers=[CREATES, edits]), public_url=public_url)


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    return new_stage(snapshot=world(Way.BYTES))


async def edit(stage: Stage, source: Job) -> Job:
    asked = a_request("red")
    view = await stage.videos.create(
        stage.caller(),
        asked,
        fingerprint=fingerprint_of(asked),
        idempotency_key=None,
        sdk_try=0,
        start=Start(verb=Verb.EDIT, video_id=source.id, param="video"),
    )
    return view.job


def has_copy(stage: Stage, job: Job) -> bool:
    return (stage.folder / kept_source_name(job)).exists()


async def read(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def test_a_job_keeps_a_copy_until_it_ends(stage: Stage) -> None:
    made = await stage.made()
    stage.vertex.hold_submit = asyncio.Event()
    job = await edit(stage, made)
    assert [Way.BYTES] == [candidate.way for candidate in job.plan.candidates]
    await stage.videos.delete(stage.caller(), made.id)
    async with stage.working():
        await stage.reached(job, JobState.SUBMITTING)
        assert has_copy(stage, job)
        assert not (stage.folder / video_name(made)).exists()
        await asyncio.wait_for(held(stage), 5)
        source = stage.vertex.orders[-1].source
        assert source is not None
        assert (Verb.EDIT, 4, None, None) == (
            source.verb,
            source.seconds,
            source.operation,
            source.url,
        )
        assert source.file is not None
        assert (VIDEO_TYPE, len(VIDEO)) == (source.file.media_type, source.file.size_bytes)
        assert VIDEO == await read(source.file.open())
        stage.vertex.hold_submit.set()
        ended = await stage.finished(job)
    assert JobState.COMPLETED is ended.state
    assert not has_copy(stage, job)


async def held(stage: Stage) -> None:
    while not stage.vertex.orders:
        await asyncio.sleep(0.003)


async def test_without_its_copy_a_job_reads_the_video_itself(stage: Stage) -> None:
    made = await stage.made()
    job = await edit(stage, made)
    (stage.folder / kept_source_name(job)).unlink()
    assert VIDEO == await read(sources.chunks(stage.runtime, job))
    await sources.keep(stage.runtime, job)
    assert has_copy(stage, job)


async def test_a_file_that_is_gone_is_neither_kept_nor_found(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=world(Way.LINK))
    made = await stage.made()
    job = await edit(stage, made)
    await stage.videos.delete(stage.caller(), made.id)
    (stage.folder / kept_source_name(job)).unlink()
    await sources.keep(stage.runtime, job)
    assert await sources.name_of(stage.runtime, job) is None
    with pytest.raises(FileNotFoundError):
        await read(sources.chunks(stage.runtime, job))
    with pytest.raises(JobNotFound):
        await stage.videos.linked_source(job.id)


async def test_a_cancelled_job_keeps_nothing(stage: Stage) -> None:
    job = await edit(stage, await stage.made())
    assert has_copy(stage, job)
    await stage.videos.cancel(stage.caller(), job.id)
    assert not has_copy(stage, job)


async def test_a_provider_that_knows_the_video_needs_no_copy(new_stage: StageMaker) -> None:
    knows = that_can({Verb.EDIT: a_support()})
    stage = new_stage(snapshot=fast_snapshot(offers=[knows]))
    job = await edit(stage, await stage.made())
    assert [Way.ORIGIN] == [candidate.way for candidate in job.plan.candidates]
    assert not has_copy(stage, job)
    await stage.videos.cancel(stage.caller(), job.id)


async def test_a_provider_fetches_it_by_a_link_as_long_as_the_job_needs_it(
    new_stage: StageMaker,
) -> None:
    stage = new_stage(snapshot=world(Way.LINK))
    made = await stage.made()
    job = await edit(stage, made)
    view = await stage.videos.linked_source(job.id)
    assert (len(VIDEO), VIDEO_TYPE, (), job.id) == (
        view.size_bytes,
        view.media_type,
        view.buckets,
        view.job.id,
    )
    assert made.artifact is not None
    assert made.artifact.sha256 == view.sha256
    assert VIDEO[1:3] == await read(view.open(1, 2))
    async with stage.working():
        await stage.finished(job)
    source = stage.vertex.orders[-1].source
    assert source is not None
    assert (f"{PUBLIC_URL}/{job.id}", None, None) == (source.url, source.file, source.operation)
    for over in (job.id, made.id, a_job_id(77), "video_nothing"):
        with pytest.raises(JobNotFound):
            await stage.videos.linked_source(over)


async def test_nobody_is_asked_to_fetch_from_nowhere(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=world(Way.LINK))
    job = await edit(stage, await stage.made())
    stage.reload(world(Way.LINK, public_url=None))
    async with stage.working():
        ended = await stage.finished(job)
    assert [] == stage.vertex.orders
    assert ended.error is not None
    assert ("source_gone", True) == (ended.error.code, "public_url" in ended.error.message)


async def test_what_a_killed_process_left_behind_goes(stage: Stage) -> None:
    made = await stage.made()
    waiting, cancelled = await edit(stage, made), await edit(stage, made)
    await stage.videos.cancel(stage.caller(), cancelled.id)
    await sources.keep(stage.runtime, cancelled)
    stranger = replace(waiting, id=a_job_id(77))
    await sources.keep(stage.runtime, stranger)
    (stage.folder / kept_source_name(waiting)).with_name("notes.txt").write_bytes(b"x")
    assert 3 == await Upkeep(stage.runtime).clear_leftovers()
    assert [True, False, False] == [has_copy(stage, j) for j in (waiting, cancelled, stranger)]
