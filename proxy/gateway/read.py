"""Reading and ending jobs on behalf of clients. Nothing here calls a vendor."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.errors import (
    JobNotFound,
    StoreUnavailable,
    Unauthenticated,
    VideoNotReady,
)
from proxy.domain.events import AnsweredStale
from proxy.domain.ids import JobId, is_job_id
from proxy.domain.job import JobState, PublicStatus, is_over, public_status
from proxy.domain.policy import RouteClass
from proxy.domain.render_times import poll_after_ms, poll_every_ms
from proxy.gateway import facts
from proxy.gateway.create import buckets_for
from proxy.gateway.inputs import drop_inputs, remove_inputs
from proxy.gateway.kept import dated, is_handed_out
from proxy.gateway.limits import tell_buckets
from proxy.gateway.names import video_name
from proxy.gateway.ports.artifacts import ArtifactUnavailable
from proxy.gateway.refusals import rate_limited
from proxy.gateway.standby import Known
from proxy.gateway.views import Caller, ContentView, JobsView, JobView, LettersView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from proxy.domain.bucket import BucketState
    from proxy.domain.job import Job
    from proxy.gateway.ports.notices import KnownReceiver
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.views import Patience
    from proxy.gateway.waiting import Waiter

RETRY_S = 5
"""When a store of ours may answer again."""


async def get(
    runtime: Runtime, caller: Caller, job_id: str, *, patience: Patience | None = None
) -> JobView:
    """Answer a poll from the store, with patience once the job is over.

    Raises:
        JobNotFound: unknown, deleted (also while it was waited for), or another team's.
        RateLimited: the poll bucket is empty.
    """
    if patience is None or not is_job_id(job_id):
        return await _get(runtime, caller, job_id)
    with runtime.waiters.place(JobId(job_id), patience.is_gone) as waiter:
        view = await _get(runtime, caller, job_id)
        return await _held(runtime, view, patience, waiter)


async def hold(runtime: Runtime, view: JobView, patience: Patience | None) -> JobView:
    """Keep an answer back until its job is over or the patience is."""
    if patience is None:
        return await with_wait(runtime, view)
    with runtime.waiters.place(view.job.id, patience.is_gone) as waiter:
        return await _held(runtime, view, patience, waiter)


async def _held(
    runtime: Runtime, view: JobView, patience: Patience, waiter: Waiter | None
) -> JobView:
    if waiter is None or view.stale_s is not None:
        return view  # No room, or no news: nothing is told of a wait, and it may be asked again.
    if not is_over(view.job):
        began_s = runtime.clock.monotonic_s()
        await waiter.wait(patience.wait_s)
        if not patience.is_gone():
            view = await _again(runtime, view, began_s)
    # Whoever is let go by a drain has not waited as asked.
    return replace(view, has_waited=is_over(view.job) or not runtime.waiters.is_draining)


async def _again(runtime: Runtime, view: JobView, seen_s: float) -> JobView:
    """How a job stands now; `seen_s` (monotonic) is when it stood as in `view`."""
    try:
        job = await runtime.jobs.load(view.job.id)
    except StoreUnavailable:
        age_s = runtime.clock.monotonic_s() - seen_s
        known = runtime.standby.known(view.job.id) or Known(job=view.job, age_s=age_s)
        _tell_stale(runtime, known)
        return replace(view, job=known.job, wait=None, stale_s=known.age_s)
    if job is None or job.is_deleted:
        runtime.standby.forget(view.job.id)
        raise _not_found(view.job.id)
    return replace(await view_of(runtime, job, view.buckets), is_replay=view.is_replay)


async def _get(runtime: Runtime, caller: Caller, job_id: str) -> JobView:
    found = await _read(runtime, caller, job_id, RouteClass.POLL, may_be_stale=True)
    job = found.job
    if found.stale_s is not None:
        return replace(_view(runtime, job, found.buckets), stale_s=found.stale_s)
    if not job.is_fetched:
        await runtime.jobs.mark_fetched(job)
        job = replace(job, is_fetched=True)
    runtime.standby.note(job)
    return await view_of(runtime, job, found.buckets)


async def page(
    runtime: Runtime,
    caller: Caller,
    *,
    after: str | None,
    limit: int,
    is_ascending: bool,
    status: str | None,
) -> JobsView:
    """List the team's jobs by creation time; `status` is one of the four public ones."""
    buckets = await spend(runtime, caller, RouteClass.POLL)
    found = await runtime.jobs.page(
        caller.team.id,
        after=JobId(after) if after is not None else None,
        limit=limit,
        is_ascending=is_ascending,
        status=PublicStatus(status) if status is not None else None,
    )
    return JobsView(
        jobs=tuple(dated(runtime, job) for job in found.jobs),
        has_more=found.has_more,
        last=found.last,
        buckets=buckets,
        waits=await runtime.waits.of(runtime, found.jobs),
    )


async def cancel(runtime: Runtime, caller: Caller, job_id: str) -> JobView:
    """Cancel an unfinished job; a finished one is answered unchanged."""
    found = await _read(runtime, caller, job_id, RouteClass.POLL)
    job = found.job
    if not job.state.is_terminal:
        job = await facts.cancel(runtime, job, is_forgotten=False)
        runtime.wake()
        runtime.waiters.wake(job.id)
    return await view_of(runtime, job, found.buckets)


async def delete(runtime: Runtime, caller: Caller, job_id: str) -> tuple[BucketState, ...]:
    """Cancel if need be, remove video and pictures, forget the record. Again changes nothing."""
    found = await _read(runtime, caller, job_id, RouteClass.POLL, with_deleted=True)
    job = found.job
    runtime.standby.forget(job.id)
    if not job.is_deleted:
        job = await _forget(runtime, job)
        runtime.wake()
        runtime.waiters.wake(job.id)
    if job.state.is_terminal:
        with answering_unavailable():
            await runtime.artifacts.delete(video_name(job))
    return found.buckets


async def _forget(runtime: Runtime, job: Job) -> Job:
    """Forget a job and its pictures. Those of a submit that is under way go with the upkeep."""
    if job.state.is_terminal:
        with answering_unavailable():
            await remove_inputs(runtime, job)
        return await facts.cancel(runtime, job, is_forgotten=True)
    stored = await facts.cancel(runtime, job, is_forgotten=True)
    if stored.state is not JobState.SUBMITTING:
        await drop_inputs(runtime, job)
    return stored


async def content(runtime: Runtime, caller: Caller, job_id: str) -> ContentView:
    """Open a finished video.

    Raises:
        VideoNotReady: the job has no artifact (yet).
        JobNotFound: unknown, deleted, or another team's; or its artifact is no longer kept.
    """
    found = await _read(runtime, caller, job_id, RouteClass.CONTENT, may_be_stale=True)
    if found.stale_s is None and found.job.is_fetched:
        runtime.standby.note(found.job)
    return await _content(runtime, found)


async def letters(runtime: Runtime, caller: Caller, job_id: str) -> LettersView:
    """Who was told of a job's end, and what came of it.

    Raises:
        JobNotFound: unknown, deleted, or another team's.
        RateLimited: the poll bucket is empty.
    """
    found = await _read(runtime, caller, job_id, RouteClass.POLL)
    told = await runtime.letters.of_job(found.job.id)
    return LettersView(letters=told, known=known_receivers(runtime), buckets=found.buckets)


def known_receivers(runtime: Runtime) -> Mapping[str, KnownReceiver]:
    """The receivers of the configuration, by id."""
    return {receiver.id: receiver for receiver in runtime.addresses.known}


async def linked_content(runtime: Runtime, job_id: str) -> ContentView:
    """Open a finished video for the holder of a valid signed link."""
    if not is_job_id(job_id):
        raise _not_found(job_id)
    try:
        job = await runtime.jobs.load(JobId(job_id))
    except StoreUnavailable as away:
        found = _as_known(runtime, runtime.standby.known(JobId(job_id)), (), away=away)
        return await _content(runtime, found)
    if job is None or job.is_deleted:
        raise _not_found(job_id)
    return await _content(runtime, _Found(job, ()))


async def spend(
    runtime: Runtime, caller: Caller, route_class: RouteClass
) -> tuple[BucketState, ...]:
    """Spend one token of a class; one of this process's own while the store is away.

    Raises:
        RateLimited: a bucket is empty.
        Unauthenticated: the key was revoked.
    """
    asked = buckets_for(caller, route_class)
    try:
        with _learning(runtime, caller):
            buckets = await runtime.jobs.spend(caller.team.id, asked, key=caller.key.id)
    except StoreUnavailable:
        return _spend_locally(runtime, caller, route_class)
    _check(runtime, caller, route_class, buckets)
    return buckets


def _spend_locally(
    runtime: Runtime, caller: Caller, route_class: RouteClass
) -> tuple[BucketState, ...]:
    runtime.standby.check(caller)
    buckets = runtime.standby.spend(caller.team.id, buckets_for(caller, route_class))
    _check(runtime, caller, route_class, buckets, is_local=True)
    return buckets


@contextmanager
def _learning(runtime: Runtime, caller: Caller) -> Iterator[None]:
    """Remember a revoked key, for when the store cannot say so."""
    try:
        yield
    except Unauthenticated:
        runtime.standby.deny(caller.team.id, caller.key.id)
        raise


@dataclass(frozen=True, slots=True)
class _Found:
    """A job that was read. `stale_s`: how long ago, since it cannot be read now."""

    job: Job
    buckets: tuple[BucketState, ...]
    stale_s: float | None = None


async def _read(
    runtime: Runtime,
    caller: Caller,
    job_id: str,
    route_class: RouteClass,
    *,
    with_deleted: bool = False,
    may_be_stale: bool = False,
) -> _Found:
    if not is_job_id(job_id):
        await spend(runtime, caller, route_class)
        raise _not_found(job_id)
    asked = buckets_for(caller, route_class)
    try:
        with _learning(runtime, caller):
            job, buckets = await runtime.jobs.read(
                caller.team.id, JobId(job_id), asked, key=caller.key.id
            )
    except StoreUnavailable as away:
        buckets = _spend_locally(runtime, caller, route_class)
        known = runtime.standby.known_to(caller, JobId(job_id)) if may_be_stale else None
        return _as_known(runtime, known, buckets, away=away)
    _check(runtime, caller, route_class, buckets)
    if job is None or job.team != caller.team.id or (job.is_deleted and not with_deleted):
        runtime.standby.forget(JobId(job_id))
        raise _not_found(job_id)
    return _Found(job, buckets)


def _as_known(
    runtime: Runtime,
    known: Known | None,
    buckets: tuple[BucketState, ...],
    *,
    away: StoreUnavailable,
) -> _Found:
    if known is None:
        raise away
    _tell_stale(runtime, known)
    return _Found(known.job, buckets, known.age_s)


def _tell_stale(runtime: Runtime, known: Known) -> None:
    job = known.job
    runtime.observer.observe(AnsweredStale(job=job.id, team=job.team, age_s=known.age_s))


def _check(
    runtime: Runtime,
    caller: Caller,
    route_class: RouteClass,
    buckets: tuple[BucketState, ...],
    *,
    is_local: bool = False,
) -> None:
    tell_buckets(runtime, caller, route_class, buckets, is_local=is_local)
    if any(bucket.retry_after_us for bucket in buckets):
        raise rate_limited(route_class, buckets)


def _not_found(job_id: str) -> JobNotFound:
    message = f"no video {job_id[:64]!r} belongs to this team"
    return JobNotFound(message, param="video_id")


async def view_of(runtime: Runtime, job: Job, buckets: tuple[BucketState, ...]) -> JobView:
    """A job with what its answer needs beside it."""
    return await with_wait(runtime, _view(runtime, job, buckets))


async def with_wait(runtime: Runtime, view: JobView) -> JobView:
    """An answer that also says what a queued job waits for, at the cost of one round trip."""
    waits = await runtime.waits.of(runtime, (view.job,))
    return replace(view, wait=waits.get(view.job.id))


def _view(runtime: Runtime, job: Job, buckets: tuple[BucketState, ...]) -> JobView:
    offer_id = job.candidate.offer_id
    since_ms = job.attempt.submitted_at_ms
    spread = runtime.render_times.of(offer_id)
    elapsed_s = 0.0 if since_ms is None else (runtime.balances.now_ms() - since_ms) / 1000
    return JobView(
        job=dated(runtime, job),
        buckets=buckets,
        offer=runtime.live.snapshot.offer(offer_id),
        poll_after_ms=poll_after_ms(spread, elapsed_s),
        poll_every_ms=poll_every_ms(spread),
    )


@contextmanager
def answering_unavailable() -> Iterator[None]:
    """Turn a failure of the artifact store into what a client may be told."""
    try:
        yield
    except ArtifactUnavailable as error:
        message = "the artifact store does not answer"
        raise StoreUnavailable(message, retry_after_s=RETRY_S) from error


async def is_kept(runtime: Runtime, job: Job) -> bool:
    """Say whether a finished video is in our store and not past its time."""
    if not is_handed_out(runtime, job):
        return False
    with answering_unavailable():
        return await runtime.artifacts.size_bytes(video_name(job)) is not None


async def _content(runtime: Runtime, found: _Found) -> ContentView:
    job = found.job
    if job.state is not JobState.COMPLETED or job.artifact is None or job.cancel_requested:
        if found.stale_s is not None and not job.state.is_terminal:
            message = "the store does not answer, and the video was not completed when it last did"
            raise StoreUnavailable(message, retry_after_s=RETRY_S)
        message = f"the video is {public_status(job).value}, it has no content"
        raise VideoNotReady(message)
    name = video_name(job)
    if not await is_kept(runtime, job):
        message = "the video's content is no longer kept"
        raise JobNotFound(message, param="video_id")

    def open_range(start: int, length: int) -> AsyncIterator[bytes]:
        return runtime.artifacts.open(name, start=start, length=length)

    return ContentView(
        job=job,
        size_bytes=job.artifact.size_bytes,
        sha256=job.artifact.sha256,
        media_type=job.artifact.media_type,
        open=open_range,
        buckets=found.buckets,
        stale_s=found.stale_s,
    )
