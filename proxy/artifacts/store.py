"""The artifact store over `obstore`: a local folder or a bucket, chosen by URL.

Bytes are streamed both ways: whatever a video weighs, one `put` holds a few parts in memory and
one `open` a single chunk.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from proxy.gateway.ports.artifacts import ArtifactTooLarge, ArtifactUnavailable, StoredObject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from obstore.store import ObjectStore

CLOUD_SCHEMES = ("s3", "gs", "az")
PARTS_IN_FLIGHT = 2
READ_CHUNK_BYTES = 256 * 1024
LOCAL_PART_BYTES = 1024 * 1024
CLOUD_PART_BYTES = 5 * 1024 * 1024
"""S3 refuses smaller parts, the last one excepted.

Source: docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html, 2026-11-22.
"""


_UNFINISHED = re.compile(r".+#[0-9]+")


class Artifacts:
    """Objects by name, in a folder of ours or in a bucket.

    `folder` is the local folder behind `objects`, None for a bucket.
    """

    def __init__(self, objects: ObjectStore, *, folder: Path | None = None) -> None:
        self._objects = objects
        self._folder = folder
        self._part_bytes = CLOUD_PART_BYTES if folder is None else LOCAL_PART_BYTES

    async def put(
        self, name: str, chunks: AsyncIterator[bytes], *, bytes_max: int
    ) -> tuple[str, int]:
        """Store a stream; returns its SHA-256 in hex and its size in bytes.

        The object appears, or replaces its predecessor, when the last byte is written; an error,
        a cancel or a kill before that leaves what was there. On local disk it also survives a
        power cut.

        Raises:
            ArtifactTooLarge: more than `bytes_max` bytes came.
            ArtifactUnavailable: the store cannot be written to.
        """
        source = _Measured(chunks, name=name, bytes_max=bytes_max)
        writer = obstore.open_writer_async(
            self._objects,
            name,
            buffer_size=self._part_bytes,
            max_concurrency=PARTS_IN_FLIGHT,
        )
        try:
            # The writer completes the object when the block ends and aborts it when it raises.
            async with writer:
                async for chunk in source.chunks():
                    await writer.write(chunk)
            await self._sync(name)
        except (BaseError, OSError) as error:
            if error is source.error:
                raise
            raise _unavailable(name, error) from error
        return source.digest.hexdigest(), source.size_bytes

    async def open(
        self, name: str, *, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Stream bytes from `start`, `length` of them or all that follow, in small chunks.

        Raises:
            FileNotFoundError: there is no such object.
            ArtifactUnavailable: the store cannot be read.
        """
        if length == 0:
            return
        with _translated(name):
            if length is not None:
                found = await obstore.get_async(
                    self._objects, name, options={"range": (start, start + length)}
                )
            elif start:
                found = await obstore.get_async(
                    self._objects, name, options={"range": {"offset": start}}
                )
            else:
                found = await obstore.get_async(self._objects, name)
            stream = found.stream(min_chunk_size=READ_CHUNK_BYTES)
        while True:
            try:
                with _translated(name):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                return
            yield bytes(chunk)

    async def size_bytes(self, name: str) -> int | None:
        """Size of an object, None when it is not there. Raises ArtifactUnavailable."""
        with _translated(name), contextlib.suppress(FileNotFoundError):
            return (await obstore.head_async(self._objects, name))["size"]
        return None

    async def delete(self, name: str) -> None:
        """Remove an object; what is not there is no error. Raises ArtifactUnavailable."""
        with _translated(name), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._objects, name)

    async def rename(self, name: str, following: str) -> None:
        """Give an object another name, replacing what bore it; a bucket copies and deletes.

        Raises:
            FileNotFoundError: there is no such object.
            ArtifactUnavailable: the store cannot be written to.
        """
        with _translated(name):
            await obstore.rename_async(self._objects, name, following)
            await self._sync(following)

    async def copy(self, name: str, following: str) -> None:
        """Give an object a second name, replacing what bore it; a local folder links it.

        Raises:
            FileNotFoundError: there is no such object.
            ArtifactUnavailable: the store cannot be written to.
        """
        with _translated(name):
            await obstore.copy_async(self._objects, name, following)
            await self._sync(following)

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Every object under a prefix that ends in a slash. Raises ArtifactUnavailable."""
        pages = obstore.list(self._objects, prefix=prefix.rstrip("/"))
        while True:
            try:
                with _translated(prefix):
                    page = await anext(pages)
            except StopAsyncIteration:
                return
            for found in page:
                yield StoredObject(
                    name=found["path"],
                    size_bytes=found["size"],
                    modified_at_s=found["last_modified"].timestamp(),
                )

    async def clear_unfinished(self, *, before_s: float) -> int:
        """Remove what killed puts left in a local folder, if it was not touched since.

        Whoever still writes touches it, in this process or another. Raises ArtifactUnavailable.
        """
        if self._folder is None:
            return 0
        with _translated("what killed puts left"):
            return await asyncio.to_thread(_clear_unfinished, self._folder, before_s)

    async def _sync(self, name: str) -> None:
        if self._folder is not None:
            await asyncio.to_thread(_sync_file, self._folder / name)


def open_artifacts(url: str) -> Artifacts:
    """Open the store a URL names: `file:///folder`, `s3://`, `gs://` or `az://bucket/prefix`.

    A local folder is created, for its owner only. Buckets find their credentials where the
    vendor's own tools do: in the environment or from the machine's identity.

    Raises:
        ValueError: another scheme, or a file URL without an absolute path.
        OSError: the folder cannot be made.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _open_folder(Path(unquote(parts.path)), host=parts.netloc)
    if parts.scheme in CLOUD_SCHEMES:
        return Artifacts(from_url(url))
    message = f"artifact URL has the scheme {parts.scheme!r}; allowed: file, s3, gs, az"
    raise ValueError(message)


def _open_folder(folder: Path, *, host: str) -> Artifacts:
    if host or not folder.is_absolute():
        message = "a file URL of artifacts needs an absolute path: file:///folder"
        raise ValueError(message)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Artifacts(LocalStore(folder), folder=folder)


def _sync_file(path: Path) -> None:
    """Write a file and its folder entry through to the disk."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _clear_unfinished(folder: Path, before_s: float) -> int:
    removed = 0
    for path in folder.rglob("*#*"):
        # The local store writes to `name#1`, or another number, and renames it at the end.
        if _UNFINISHED.fullmatch(path.name) is None:
            continue
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < before_s:
                path.unlink()
                removed += 1
    return removed


class _Measured:
    """A stream as it passes: its hash and size, its limit, and the error that it ended with."""

    def __init__(self, chunks: AsyncIterator[bytes], *, name: str, bytes_max: int) -> None:
        self._chunks = chunks
        self._name = name
        self._bytes_max = bytes_max
        self.digest = hashlib.sha256()
        self.size_bytes = 0
        self.error: OSError | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                self.size_bytes += len(chunk)
                if self.size_bytes > self._bytes_max:
                    message = f"{self._name} is larger than {self._bytes_max} bytes"
                    raise ArtifactTooLarge(message)
                self.digest.update(chunk)
                yield chunk
        except OSError as error:
            # A connection lost at the source must not pass for a fault of the store.
            self.error = error
            raise


@contextlib.contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise _unavailable(name, error) from error


def _unavailable(name: str, error: Exception) -> ArtifactUnavailable:
    return ArtifactUnavailable(f"{name}: {type(error).__name__}")
