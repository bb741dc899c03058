"""Finished videos that jobs start from: each has its own copy for as long as it needs one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from proxy.domain.source import Way
from proxy.gateway.names import kept_source_name, source_video_name
from proxy.gateway.ports.artifacts import ArtifactUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.job import Job
    from proxy.gateway.runtime import Runtime

_BY_FILE = (Way.BYTES, Way.LINK)


async def keep(runtime: Runtime, job: Job) -> None:
    """Give an admitted job a copy of its source, if a provider may be given the file.

    After the admission: a copy always belongs to a job that is known. Without it the source itself
    is read, as long as that is there.
    """
    if any(candidate.way in _BY_FILE for candidate in job.plan.candidates):
        with suppress(FileNotFoundError, ArtifactUnavailable):
            await runtime.artifacts.copy(source_video_name(job), kept_source_name(job))


async def drop(runtime: Runtime, job: Job) -> None:
    """Remove the copy of a job that has ended; what stays behind is a leftover."""
    if any(candidate.way in _BY_FILE for candidate in job.plan.candidates):
        with suppress(ArtifactUnavailable):
            await runtime.artifacts.delete(kept_source_name(job))


async def name_of(runtime: Runtime, job: Job) -> str | None:
    """Where the file that a job starts from can be read; None when it is gone.

    Raises:
        ArtifactUnavailable: the store fails.
    """
    names = (kept_source_name(job), source_video_name(job))
    sizes = await asyncio.gather(*(runtime.artifacts.size_bytes(name) for name in names))
    return next((name for name, size in zip(names, sizes, strict=True) if size is not None), None)


async def chunks(runtime: Runtime, job: Job) -> AsyncIterator[bytes]:
    """Stream the file that a job starts from.

    Raises:
        FileNotFoundError: it is gone.
        ArtifactUnavailable: the store fails.
    """
    name = await name_of(runtime, job)
    async for chunk in runtime.artifacts.open(name or kept_source_name(job)):
        yield chunk
