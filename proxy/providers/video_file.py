"""Fetch a finished video from the URL that a provider gave, and make sure that it is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yarl import URL

from proxy.domain.failure import FailureKind
from proxy.outgoing.url import Destination, RefusedUrl
from proxy.providers.failures import is_ok

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    import aiohttp

    from proxy.providers.exchange import Exchange
    from proxy.providers.failures import Failures

_OPENING_BYTES = 12
# The first box of an ISO media or QuickTime file, and the opening of WebM.
# Source: https://mp4ra.org/registered-types/boxes, 2026-11-22.
_FIRST_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide"})
_WEBM = b"\x1a\x45\xdf\xa3"


def is_video(opening: bytes) -> bool:
    """Say whether a file that opens with these bytes (12 are enough) can be a video."""
    return opening[4:8] in _FIRST_BOXES or opening.startswith(_WEBM)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFile:
    """A file at a URL out of an answer: at the origin of `base_url`, or a host of the provider's.

    `host_suffixes` None allows every public host. `credentials` are headers for a vendor that
    guards its files: they are sent to the origin of `base_url` only, on no other hop.
    """

    url: object
    base_url: str
    host_suffixes: Sequence[str] | None = ()
    total_s: float
    credentials: Mapping[str, str] = field(default_factory=dict)

    async def stream(self, exchange: Exchange, failures: Failures) -> AsyncIterator[bytes]:
        """Yield the file's bytes. Every hop's URL is checked.

        Raises:
            ProviderError: `unavailable` if it cannot be fetched whole now, `throttled`, or
                `malformed` if the URL may not be fetched or its content is no video.
        """
        try:
            async with exchange.fetch(
                self.url,
                self._destination,
                total_s=self.total_s,
                credentials=self.credentials,
            ) as response:
                self._check_status(response, exchange, failures)
                async for chunk in checked_video(response.content.iter_any(), failures):
                    yield chunk
        except RefusedUrl as error:
            message = f"the video's URL is not fetched: {error}"
            raise failures.error(FailureKind.MALFORMED, message) from error

    @property
    def _destination(self) -> Destination:
        base = URL(self.base_url)
        return Destination(
            origins=(str(base.origin()),),
            host_suffixes=self.host_suffixes,
            is_http_allowed=base.scheme == "http",
        )

    @staticmethod
    def _check_status(
        response: aiohttp.ClientResponse, exchange: Exchange, failures: Failures
    ) -> None:
        if response.status == 429:  # noqa: PLR2004 - the status's own name is its number
            kind = FailureKind.THROTTLED
        elif not is_ok(response.status):
            kind = FailureKind.UNAVAILABLE
        else:
            return
        raise failures.error(
            kind,
            f"the video's URL answered HTTP {response.status}",
            code=f"http_{response.status}",
            retry_after_s=exchange.retry_after_s(response),
        )


async def checked_video(chunks: AsyncIterator[bytes], failures: Failures) -> AsyncIterator[bytes]:
    """Pass a stream on, its opening checked before the first byte leaves.

    Raises:
        ProviderError: `malformed` if it does not open as a video does.
    """
    opening = b""
    is_checked = False
    async for chunk in chunks:
        if is_checked:
            yield chunk
            continue
        opening += chunk
        if len(opening) >= _OPENING_BYTES:
            if not is_video(opening):
                break
            is_checked = True
            yield opening
    if not is_checked:
        raise failures.error(FailureKind.MALFORMED, "what it delivered is not a video")
