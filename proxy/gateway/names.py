"""Names of objects in the artifact store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.ids import JobId, TeamId
    from proxy.domain.job import Job


VIDEOS = "videos/"
SOURCES = "sources/"
INPUTS = "inputs/"
ARRIVING = f"{INPUTS}arriving-"
"""How inputs begin whose content, and so whose name, is not known yet."""


def video_name(job: Job) -> str:
    """Where a job's finished video is kept."""
    return f"{VIDEOS}{job.team}/{job.id}.mp4"


def source_video_name(job: Job) -> str:
    """Where the finished video is kept that a job starts from."""
    assert job.request.source is not None
    return f"{VIDEOS}{job.team}/{job.request.source.id}.mp4"


def kept_source_name(job: Job) -> str:
    """Where a job has its own copy of that video until it ends."""
    return f"{SOURCES}{job.team}/{job.id}.mp4"


def input_name(team: TeamId, job: JobId, sha256: str) -> str:
    """Where an input of a job is kept, by its content.

    No two jobs share a file, so that it can go with its job, whatever else is created meanwhile.
    """
    return f"{INPUTS}{team}/{job}.{sha256}"


def shared_input_name(sha256: str) -> str:
    """Where an earlier version kept an input file, one for all jobs of all teams."""
    return f"{INPUTS}{sha256}"
