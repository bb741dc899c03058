"""Remix, edit, extend: a finished video of the team becomes what a new job starts from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.errors import JobNotFound, VideoNotReady
from proxy.domain.ids import JobId, is_job_id
from proxy.domain.job import JobState, public_status
from proxy.domain.source import Source, Verb
from proxy.domain.video import VIDEO_TYPE
from proxy.gateway import sources
from proxy.gateway.create import create, observing_refusals
from proxy.gateway.read import answering_unavailable, is_kept
from proxy.gateway.views import ContentView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.job import Job
    from proxy.domain.video import VideoJob
    from proxy.gateway.create import CreateRequest
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.views import Caller, JobView, Start

_DONE = {Verb.REMIX: "remixed", Verb.EDIT: "edited", Verb.EXTEND: "extended"}


async def derive(
    runtime: Runtime, caller: Caller, request: CreateRequest, start: Start
) -> JobView:
    """Admit a video that is made from a finished one.

    Raises:
        JobNotFound: no such video of the team, or its file is no longer kept.
        VideoNotReady: it is not completed.
        ProxyError: as `create` does; NoRoute says who could do it, and why not now.
    """
    with observing_refusals(runtime, caller):
        video = await with_source(runtime, caller, request.video, start)
    view = await create(runtime, caller, replace(request, video=video))
    if not view.is_replay:
        await sources.keep(runtime, view.job)
    return view


async def with_source(runtime: Runtime, caller: Caller, video: VideoJob, start: Start) -> VideoJob:
    """The request with the video that it starts from. Raises as `derive`."""
    job = None
    if is_job_id(start.video_id):
        # No token: the create that follows costs one.
        job, _ = await runtime.jobs.read(
            caller.team.id, JobId(start.video_id), (), key=caller.key.id
        )
    if job is None or job.team != caller.team.id or job.is_deleted:
        message = f"no video {start.video_id[:64]!r} belongs to this team"
        raise JobNotFound(message, param=start.param)
    if job.state is not JobState.COMPLETED or job.artifact is None or job.cancel_requested:
        status = public_status(job).value
        done = _DONE[start.verb]
        message = f"the video is {status}; only a completed one can be {done}"
        raise VideoNotReady(message, param=start.param)
    if not await is_kept(runtime, job):
        message = f"the video's file is no longer kept, so it cannot be {_DONE[start.verb]}"
        raise JobNotFound(message, param=start.param)
    return replace(video, source=_source_of(job, start.verb))


async def linked_source(runtime: Runtime, job_id: str) -> ContentView:
    """Open the video that a job starts from, as long as the job needs it.

    Raises:
        JobNotFound: no such job, or one that has ended; or the file is gone.
    """
    job = await runtime.jobs.load(JobId(job_id)) if is_job_id(job_id) else None
    source, name = None if job is None else job.request.source, None
    if job is not None and source is not None and not job.state.is_terminal:
        with answering_unavailable():
            name = await sources.name_of(runtime, job)
    if job is None or source is None or name is None:
        message = f"no unfinished video {job_id[:64]!r} starts from another one"
        raise JobNotFound(message)

    def open_range(start: int, length: int) -> AsyncIterator[bytes]:
        return runtime.artifacts.open(name, start=start, length=length)

    return ContentView(
        job=job,
        size_bytes=source.size_bytes,
        sha256=source.sha256,
        media_type=VIDEO_TYPE,
        open=open_range,
        buckets=(),
    )


def _source_of(job: Job, verb: Verb) -> Source:
    candidate, attempt = job.candidate, job.attempt
    assert job.artifact is not None
    assert attempt.account is not None
    assert attempt.operation is not None
    return Source(
        id=job.id,
        verb=verb,
        seconds=job.seconds,
        resolution=candidate.shape.resolution,
        aspect_ratio=candidate.shape.aspect_ratio,
        size_bytes=job.artifact.size_bytes,
        sha256=job.artifact.sha256,
        model=candidate.model,
        provider=candidate.provider,
        upstream=candidate.upstream,
        account=attempt.account,
        operation=attempt.operation,
    )
