"""What is kept of a job, and until when."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.domain.policy import Retention
    from proxy.domain.video import VideoJob


def forgotten(request: VideoJob) -> VideoJob:
    """What remains of a request whose video was deleted: no words, no pictures, no address.

    The metadata stays, as it does in the ledger: reports group by it.
    """
    return replace(
        request,
        prompt="",
        negative_prompt=None,
        input_reference=None,
        last_frame=None,
        reference_images=(),
        webhook_url=None,
    )


def video_kept_until_ms(job: Job, retention: Retention | None) -> int | None:
    """Until when the video of a completed job is handed out (Unix ms), None if it has none.

    That is what was promised when it was made, or less if its team keeps videos for a shorter
    time by now. `retention` is None for a team that left the configuration.
    """
    promised_ms = job.artifact_expires_at_ms
    if promised_ms is None or job.ended_at_ms is None or retention is None:
        return promised_ms
    return min(promised_ms, job.ended_at_ms + retention.artifacts_s * 1000)
