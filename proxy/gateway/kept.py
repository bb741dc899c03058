"""Until when a video is handed out, by the configuration in force."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.forgetting import video_kept_until_ms

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.gateway.runtime import Runtime


def dated(runtime: Runtime, job: Job) -> Job:
    """A job whose video is kept as long as was promised, or as its team keeps videos now."""
    team = runtime.live.snapshot.teams.get(job.team)
    until_ms = video_kept_until_ms(job, team.retention if team else None)
    if until_ms == job.artifact_expires_at_ms:
        return job
    return replace(job, artifact_expires_at_ms=until_ms)


def is_handed_out(runtime: Runtime, job: Job) -> bool:
    """Say whether the time of a job's video is not over; False when it has none."""
    until_ms = dated(runtime, job).artifact_expires_at_ms
    return until_ms is not None and runtime.balances.now_ms() < until_ms
