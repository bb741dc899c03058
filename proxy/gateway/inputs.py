"""Callers' pictures of a job: reading them, and removing them when the job needs them no more."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from proxy.gateway.names import input_name, shared_input_name
from proxy.gateway.ports.artifacts import ArtifactUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.job import Job
    from proxy.gateway.runtime import Runtime


async def read_input(runtime: Runtime, job: Job, sha256: str) -> AsyncIterator[bytes]:
    """Stream a picture of a job, also from where an earlier version kept it.

    Raises:
        FileNotFoundError: it is there no more.
        ArtifactUnavailable: the artifact store fails.
    """
    with suppress(FileNotFoundError):
        async for chunk in runtime.artifacts.open(input_name(job.team, job.id, sha256)):
            yield chunk
        return
    async for chunk in runtime.artifacts.open(shared_input_name(sha256)):
        yield chunk


async def remove_inputs(runtime: Runtime, job: Job) -> None:
    """Remove the pictures of a job; doing it again is no error. Raises ArtifactUnavailable.

    What an earlier version kept for all jobs together stays until its time is over.
    """
    for sha256 in {picture.sha256 for picture in job.request.pictures}:
        await runtime.artifacts.delete(input_name(job.team, job.id, sha256))


async def drop_inputs(runtime: Runtime, job: Job) -> None:
    """Remove the pictures of a job, or leave that to the upkeep if the artifact store fails."""
    with suppress(ArtifactUnavailable):
        await remove_inputs(runtime, job)
