"""Take custody of a finished video: download, store, hash, then settle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.errors import ProviderError
from proxy.domain.events import Stored
from proxy.domain.job import JobError, JobState
from proxy.domain.video import Artifact
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

MEDIA_TYPE = "video/mp4"
DEFAULT_RETENTION_S = 30 * 86_400
"""For jobs whose team has left the configuration."""


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

    async def retry(self, job: Job, reason: str, snapshot: Snapshot) -> None:
        """Come back for a storing job's bytes later; after the last try it is lost and charged."""
        engine = snapshot.engine
        if job.work.downloads < engine.download_retries:
            work = replace(job.work, downloads=job.work.downloads + 1)
            due_in_s = engine.retry_wait_s * 2**job.work.downloads
            await self._outcome.commit(job, replace(job, work=work), due_in_s=due_in_s)
        else:
            charged = job.work.charge_micro_usd
            assert charged is not None
            await self._lose(job, f"the video could not be fetched: {reason}", charged, "stored")

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
            await self.retry(job, "the artifact store failed", snapshot)
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
            sha256, size_bytes = await runtime.artifacts.put(
                video_name(job),
                adapter.download(job.attempt.operation, result),
                bytes_max=snapshot.artifact_bytes_max,
            )
        runtime.observer.observe(
            Stored(
                job=job.id,
                provider=job.candidate.provider,
                model=job.candidate.model,
                size_bytes=size_bytes,
                took_s=runtime.clock.monotonic_s() - started_s,
            )
        )
        return Artifact(sha256=sha256, size_bytes=size_bytes, media_type=MEDIA_TYPE)

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
