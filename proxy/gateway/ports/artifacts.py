"""Bytes in our custody: finished videos and callers' inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class ArtifactTooLarge(Exception):
    """A stream went past its limit; nothing of it is kept."""


class ArtifactStore(Protocol):
    """Bytes by name. A `put` is visible whole or not at all."""

    async def put(
        self, name: str, chunks: AsyncIterator[bytes], *, bytes_max: int
    ) -> tuple[str, int]:
        """Store a stream; returns its SHA-256 in hex and its size in bytes.

        Raises:
            ArtifactTooLarge: more than `bytes_max` bytes came.
        """

    def open(
        self, name: str, *, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Stream bytes from `start`; FileNotFoundError when there is no such object."""

    async def size_bytes(self, name: str) -> int | None:
        """Size of an object, None when it is not there."""

    async def delete(self, name: str) -> None:
        """Remove an object; removing what is not there is no error."""
