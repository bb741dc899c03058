"""Bytes in our custody: finished videos and callers' inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.ids import JobId, TeamId
    from proxy.domain.video import InputFile


class ArtifactTooLarge(Exception):
    """A stream went past its limit; nothing of it is kept."""


class ArtifactUnavailable(Exception):
    """The artifact store cannot be read or written just now."""


class PictureRefused(Exception):
    """A URL that nothing is fetched from; the text says why and does not repeat it."""


class PictureUnavailable(Exception):
    """A URL that may be fetched, but gave no picture; the text says why and does not repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object of the artifact store; `modified_at_s` is Unix seconds."""

    name: str
    size_bytes: int
    modified_at_s: float


class ArtifactStore(Protocol):
    """Bytes by name. A `put` is visible whole or not at all.

    Every method raises ArtifactUnavailable when the store fails.
    """

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

    def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Every object whose name begins with a prefix that ends in a slash, in any order."""

    async def copy(self, name: str, following: str) -> None:
        """Give an object a second name; either can be removed without the other.

        FileNotFoundError when there is no such object.
        """

    async def delete(self, name: str) -> None:
        """Remove an object; removing what is not there is no error."""

    async def clear_unfinished(self, *, before_s: float) -> int:
        """Remove what puts left behind that were killed, if untouched since (Unix seconds).

        Returns how many. A bucket's own life-cycle rules see to that there.
        """


class Inputs(Protocol):
    """Callers' files, by job and content, under `names.input_name`."""

    async def save(
        self, chunks: AsyncIterator[bytes], media_type: str, *, team: TeamId, job: JobId
    ) -> InputFile:
        """Store a stream under its SHA-256, for a job that is about to be created.

        Raises:
            ArtifactTooLarge: the file is over the limit; nothing of it is kept.
            ArtifactUnavailable: the store fails.
        """

    async def fetch(self, url: str, *, team: TeamId, job: JobId) -> InputFile:
        """Store the picture at a caller's URL under its SHA-256; its first bytes say its type.

        Raises:
            PictureRefused: the URL, or a redirect, leads where nothing is fetched from.
            PictureUnavailable: it did not come whole in time, is too large, or is no picture.
            ArtifactUnavailable: the store fails.
        """
