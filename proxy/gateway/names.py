"""Names of objects in the artifact store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.job import Job


VIDEOS = "videos/"
INPUTS = "inputs/"
ARRIVING = f"{INPUTS}arriving-"
"""How inputs begin whose content, and so whose name, is not known yet."""


def video_name(job: Job) -> str:
    """Where a job's finished video is kept."""
    return f"{VIDEOS}{job.team}/{job.id}.mp4"


def input_name(sha256: str) -> str:
    """Where an input file is kept, by its content."""
    return f"{INPUTS}{sha256}"
