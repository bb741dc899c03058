"""Callers' input files, kept for their job under the SHA-256 of their content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.video import InputFile
from proxy.gateway.names import ARRIVING, input_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from proxy.artifacts.pictures import Picture
    from proxy.artifacts.store import Artifacts
    from proxy.domain.ids import JobId, TeamId

RANDOM_BYTES = 16


class HashedInputs:
    """Input files by job and content: the same bytes are kept once for a job.

    `fetched` is `Pictures.fetched`; `random_bytes` names files whose hash is not known yet;
    `bytes_max` is the size of one file.
    """

    def __init__(
        self,
        artifacts: Artifacts,
        fetched: Callable[[str], AbstractAsyncContextManager[Picture]],
        *,
        random_bytes: Callable[[int], bytes],
        bytes_max: int,
    ) -> None:
        self._artifacts = artifacts
        self._fetched = fetched
        self._random_bytes = random_bytes
        self._bytes_max = bytes_max

    async def save(
        self, chunks: AsyncIterator[bytes], media_type: str, *, team: TeamId, job: JobId
    ) -> InputFile:
        """Store a stream under its hash; saving the same bytes again changes nothing.

        Raises:
            ArtifactTooLarge: the file is over the limit; nothing of it is kept.
            ArtifactUnavailable: the store fails.
        """
        arriving = ARRIVING + self._random_bytes(RANDOM_BYTES).hex()
        sha256, size_bytes = await self._artifacts.put(arriving, chunks, bytes_max=self._bytes_max)
        await self._artifacts.rename(arriving, input_name(team, job, sha256))
        return InputFile(sha256=sha256, size_bytes=size_bytes, media_type=media_type)

    async def fetch(self, url: str, *, team: TeamId, job: JobId) -> InputFile:
        """Store the picture at a caller's URL.

        Raises:
            PictureRefused: the URL, or a redirect, leads where nothing is fetched from.
            PictureUnavailable: it did not come whole in time, is too large, or is no picture.
            ArtifactUnavailable: the store fails.
        """
        async with self._fetched(url) as picture:
            return await self.save(picture.chunks(), picture.media_type, team=team, job=job)
