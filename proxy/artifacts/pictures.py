"""Pictures at callers' URLs: fetched whole through the guard before anything is kept."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING

import aiohttp

from proxy.domain.video import PICTURE_HEAD_BYTES, PICTURE_TYPES, picture_type
from proxy.gateway.ports.artifacts import PictureRefused, PictureUnavailable
from proxy.outgoing.fetch import fetching
from proxy.outgoing.url import Destination, RefusedUrl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from proxy.outgoing.session import Sessions

_IN_MEMORY_BYTES_MAX = 2**20
_READ_BYTES = 2**16
_CONNECT_S_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRules:
    """`origins` ("https://host:port") are asked besides public https hosts, whatever they are.

    `timeout_s` is for one picture, redirects included.
    """

    origins: tuple[str, ...] = ()
    timeout_s: float
    bytes_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that came whole; its type is what its first bytes show."""

    media_type: str
    file: IO[bytes]

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read it from its beginning."""
        self.file.seek(0)
        while chunk := self.file.read(_READ_BYTES):
            yield chunk


class Pictures:
    """Fetches pictures; `rules` may be replaced at any time.

    Large ones wait in `spool_dir` (None: the system's temporary folder), without a name.
    """

    def __init__(
        self, sessions: Sessions, rules: PictureRules, *, spool_dir: Path | None = None
    ) -> None:
        self._sessions = sessions
        self._spool_dir = None if spool_dir is None else str(spool_dir)
        self.rules = rules

    @asynccontextmanager
    async def fetched(self, url: str) -> AsyncIterator[Picture]:
        """Fetch a picture, which lives until the block ends.

        Raises:
            PictureRefused: the URL, or a redirect, leads where nothing is fetched from.
            PictureUnavailable: it did not come whole in time, is too large, or is no picture.
        """
        rules = self.rules
        with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES_MAX, dir=self._spool_dir) as file:
            try:
                async with asyncio.timeout(rules.timeout_s):
                    head = await self._read(url, rules, file)
            except RefusedUrl as error:
                raise PictureRefused(str(error)) from error
            except TimeoutError as error:
                message = f"it did not come within {rules.timeout_s:g} s"
                raise PictureUnavailable(message) from error
            except (aiohttp.ClientError, ConnectionError) as error:
                message = f"it did not come whole ({type(error).__name__})"
                raise PictureUnavailable(message) from error
            media_type = picture_type(head)
            if media_type is None:
                message = f"it is none of {', '.join(PICTURE_TYPES)}"
                raise PictureUnavailable(message)
            yield Picture(media_type=media_type, file=file)

    async def _read(self, url: str, rules: PictureRules, file: IO[bytes]) -> bytes:
        """Write the body to a file; return its first bytes."""
        destination = Destination(origins=rules.origins)
        timeout = aiohttp.ClientTimeout(
            total=rules.timeout_s, sock_connect=min(rules.timeout_s, _CONNECT_S_MAX)
        )
        async with fetching(self._sessions, url, destination, timeout=timeout) as response:
            if response.status != HTTPStatus.OK:
                message = f"its server answered HTTP {response.status}"
                raise PictureUnavailable(message)
            head, size_bytes = b"", 0
            async for chunk in response.content.iter_any():
                size_bytes += len(chunk)
                if size_bytes > rules.bytes_max:
                    message = f"it has more than {rules.bytes_max} bytes"
                    raise PictureUnavailable(message)
                if len(head) < PICTURE_HEAD_BYTES:
                    head = (head + chunk)[:PICTURE_HEAD_BYTES]
                # Page-cache writes take microseconds; a thread for each would cost more.
                file.write(chunk)
            return head
