"""Fetch a finished video from the URL that a provider gave, and make sure that it is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yarl import URL

from proxy.domain.failure import FailureKind
from proxy.providers.failures import is_ok
from proxy.providers.output_url import RefusedUrl, check_output_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    import aiohttp

    from proxy.providers.exchange import Exchange
    from proxy.providers.failures import Failures

_HOPS_MAX = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
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
    """A file at a URL out of an answer; see `check_output_url` for the origins it may have.

    `credentials` are headers for a vendor that guards its files: they are sent to the origin of
    `base_url` only, on no other hop.
    """

    url: object
    base_url: str
    host_suffixes: Sequence[str] = ()
    total_s: float
    credentials: Mapping[str, str] = field(default_factory=dict)

    async def stream(self, exchange: Exchange, failures: Failures) -> AsyncIterator[bytes]:
        """Yield the file's bytes. Every hop's URL is checked.

        Raises:
            ProviderError: `unavailable` if it cannot be fetched whole now, `throttled`, or
                `malformed` if the URL may not be fetched or its content is no video.
        """
        url = self._checked(self.url, failures)
        for _ in range(_HOPS_MAX):
            headers = self._headers_for(url)
            async with exchange.open("GET", str(url), headers, total_s=self.total_s) as response:
                if response.status not in _REDIRECTS:
                    self._check_status(response, exchange, failures)
                    async for chunk in checked_video(response.content.iter_any(), failures):
                        yield chunk
                    return
                url = self._next_hop(url, response, failures)
        raise failures.error(FailureKind.MALFORMED, "the video's URL redirects too often")

    def _headers_for(self, url: URL) -> Mapping[str, str]:
        return self.credentials if url.origin() == URL(self.base_url).origin() else {}

    def _next_hop(self, url: URL, response: aiohttp.ClientResponse, failures: Failures) -> URL:
        target = response.headers.get("Location", "")
        try:
            joined = url.join(URL(target, encoded=True))
        except ValueError as error:
            message = "the video's URL redirects to no URL"
            raise failures.error(FailureKind.MALFORMED, message) from error
        return self._checked(str(joined), failures)

    def _checked(self, url: object, failures: Failures) -> URL:
        try:
            return check_output_url(url, base_url=self.base_url, host_suffixes=self.host_suffixes)
        except RefusedUrl as error:
            message = f"the video's URL is not fetched: {error}"
            raise failures.error(FailureKind.MALFORMED, message) from error

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
