"""Take custody of a finished video: download, store, hash, then settle."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.errors import ProviderError
from proxy.domain.events import Stored
from proxy.domain.job import JobError, JobState
from proxy.domain.video import VIDEO_TYPE, Artifact
from proxy.gateway.calls import call
from proxy.gateway.lease import heartbeat
from proxy.gateway.names import video_name
from proxy.gateway.ports.artifacts import ArtifactTooLarge, ArtifactUnavailable
from proxy.gateway.ports.jobs import Settle

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from proxy.gateway.outcome import Outcome
    from proxy.gateway.ports.provider import Succeeded, VideoProvider
    from proxy.gateway.runtime import Runtime

DEFAULT_RETENTION_S = 30 * 86_400
"""For jobs whose team has left the configuration."""


STORING_MAX_S = 86_400.0
"""After a day nobody waits any more for a provider to hand out a finished video."""
DOUBLINGS_MAX = 6
"""How often the wait before the next try for a video doubles: about a minute by default."""


class Fetch:
    """Downloads what providers made before its URL dies."""

    def __init__(self, runtime: Runtime, outcome: Outcome) -> None:
        self._runtime = runtime
        self._outcome = outcome

    async def step(
        self, job: Job, result: Succeeded, adapter: VideoProvider, snapshot: Snapshot
    ) -> None:
        """Store a finished video and settle it; after a requested cancel, settle without bytes."""
        charged, by = self._charge(job, result)
        if job.cancel_requested:
            await self._settle_cancelled(job, charged, by)
            return
        storing = await self._enter(job, charged, snapshot)
        if storing.cancel_requested:
            await self._settle_cancelled(storing, charged, by)
        else:
            await self._store(storing, result, adapter, snapshot=snapshot)

    async def resume(self, job: Job, snapshot: Snapshot) -> bool:
        """Complete a storing job whose bytes are in our store already.

        Its last worker died before it could settle; the provider may not hand them out again.
        False when our store has none of it. A store that cannot say is waited for.
        """
        try:
            async with heartbeat(self._runtime, job):
                artifact = await self._kept(job)
        except ArtifactUnavailable:
            await self._wait_for_store(job, snapshot)
            return True
        if artifact is None:
            return False
        charged = _stored_charge(job)
        await self._complete(job, artifact, charged=charged, by="stored", snapshot=snapshot)
        return True

    async def retry(self, job: Job, reason: str, snapshot: Snapshot) -> None:
        """Come back for a storing job's bytes later; after the last try it is lost and charged."""
        if job.work.downloads < snapshot.engine.download_retries:
            await self._come_back(job, snapshot)
            return
        if await self.resume(job, snapshot):
            return
        message = f"the video could not be fetched: {reason}"
        await self._lose(job, message, _stored_charge(job), "stored")

    async def _wait_for_store(self, job: Job, snapshot: Snapshot) -> None:
        """Come back when our artifact store may work again: its outage costs nobody a video.

        It may last a day: about as long as the shortest life of a provider's link.
        """
        since_ms = job.attempt.submitted_at_ms or job.attempt.reserved_at_ms
        if self._runtime.balances.now_ms() - since_ms <= STORING_MAX_S * 1000:
            await self._come_back(job, snapshot)
        else:
            await self._lose(job, "the artifact store failed", _stored_charge(job), "stored")

    async def _come_back(self, job: Job, snapshot: Snapshot) -> None:
        work = replace(job.work, downloads=job.work.downloads + 1)
        wait_s = snapshot.engine.retry_wait_s * 2 ** min(job.work.downloads, DOUBLINGS_MAX)
        await self._outcome.commit(job, replace(job, work=work), due_in_s=wait_s)

    async def _kept(self, job: Job) -> Artifact | None:
        """What our store has of a job: a put is visible whole or not at all."""
        digest, size_bytes = hashlib.sha256(), 0
        try:
            async for chunk in self._runtime.artifacts.open(video_name(job)):
                digest.update(chunk)
                size_bytes += len(chunk)
        except FileNotFoundError:
            return None
        return Artifact(sha256=digest.hexdigest(), size_bytes=size_bytes, media_type=VIDEO_TYPE)

    async def _store(
        self, job: Job, result: Succeeded, adapter: VideoProvider, *, snapshot: Snapshot
    ) -> None:
        charged, by = self._charge(job, result)
        try:
            artifact = await self._download(job, result, adapter, snapshot)
        except ArtifactTooLarge:
            bytes_max = snapshot.artifact_bytes_max
            await self._lose(job, f"the video is larger than {bytes_max} bytes", charged, by)
        except ProviderError as error:
            await self.retry(job, error.failure.message, snapshot)
        except ArtifactUnavailable:
            await self._wait_for_store(job, snapshot)
        else:
            await self._complete(job, artifact, charged=charged, by=by, snapshot=snapshot)

    async def _enter(self, job: Job, charged_micro_usd: int, snapshot: Snapshot) -> Job:
        if job.state is JobState.STORING:
            return job
        work = replace(job.work, charge_micro_usd=charged_micro_usd, progress=99)
        after = replace(job, state=JobState.STORING, work=work)
        lease_s = snapshot.engine.lease_s
        return await self._outcome.commit(job, after, due_in_s=lease_s, keeps_lease=True)

    async def _download(
        self, job: Job, result: Succeeded, adapter: VideoProvider, snapshot: Snapshot
    ) -> Artifact:
        runtime = self._runtime
        assert job.attempt.operation is not None
        started_s = runtime.clock.monotonic_s()
        async with heartbeat(runtime, job):
            stored = runtime.artifacts.put(
                video_name(job),
                adapter.download(job.attempt.operation, result),
                bytes_max=snapshot.artifact_bytes_max,
            )
            sha256, size_bytes = await call(runtime, job, "download", stored)
        runtime.observer.observe(
            Stored(
                job=job.id,
                provider=job.candidate.provider,
                model=job.candidate.model,
                size_bytes=size_bytes,
                took_s=runtime.clock.monotonic_s() - started_s,
                trace=job.trace,
            )
        )
        return Artifact(sha256=sha256, size_bytes=size_bytes, media_type=VIDEO_TYPE)

    async def _complete(
        self, job: Job, artifact: Artifact, *, charged: int, by: str, snapshot: Snapshot
    ) -> None:
        now_ms = self._runtime.balances.now_ms()
        team = snapshot.teams.get(job.team)
        kept_s = team.retention.artifacts_s if team else DEFAULT_RETENTION_S
        after = replace(
            job,
            state=JobState.COMPLETED,
            artifact=artifact,
            artifact_expires_at_ms=now_ms + kept_s * 1000,
            ended_at_ms=now_ms,
            work=replace(job.work, progress=100),
        )
        await self._outcome.complete(job, after, charged, by)

    async def _settle_cancelled(self, job: Job, charged: int, by: str) -> None:
        error = JobError(code="cancelled", message="the job was cancelled")
        await self._outcome.fail(job, error, Settle(charged_micro_usd=charged, by=by))

    async def _lose(self, job: Job, message: str, charged: int, by: str) -> None:
        error = JobError(code="artifact_lost", message=message)
        await self._outcome.fail(job, error, Settle(charged_micro_usd=charged, by=by))
        await self._runtime.artifacts.delete(video_name(job))

    def _charge(self, job: Job, result: Succeeded) -> tuple[int, str]:
        """The provider's own figure where it reports one, else the price book's quote."""
        if result.charge_micro_usd is not None:
            return result.charge_micro_usd, "reported"
        return job.attempt.reserved_micro_usd, "price_book"


def _stored_charge(job: Job) -> int:
    """What the provider's answer said of the charge when the job began to be stored."""
    charged = job.work.charge_micro_usd
    assert charged is not None
    return charged
