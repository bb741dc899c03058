"""One HTTP exchange with a provider: limits, bounded answers, and what a broken one means."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from proxy.domain.errors import ProviderError
from proxy.domain.failure import FailureKind
from proxy.outgoing.fetch import fetching
from proxy.providers.failures import is_ok

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from proxy.gateway.ports.runtime import Clock
    from proxy.outgoing.session import Sessions
    from proxy.outgoing.url import Destination
    from proxy.providers.failures import Failures
    from proxy.providers.manifest import ProviderSettings
    from proxy.providers.request_body import SubmitBody

# What aiohttp raises when a connection, its peer or its framing fails. OSError as a whole would
# catch a full disk of ours as well.
_BROKEN = (aiohttp.ClientError, TimeoutError, ConnectionError)
_RETRY_AFTER_S_MAX = 3_600.0
_STALL_S_MAX = 60.0


class TooLarge(Exception):
    """An answer went past its limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer. `body` is None if it could not be read whole."""

    status: int
    body: bytes | None
    retry_after_s: float | None


class Exchange:
    """Speaks HTTP for one account. Redirects are followed in `fetch` only, through the guard."""

    def __init__(
        self,
        sessions: Sessions,
        settings: ProviderSettings,
        clock: Clock,
        failures: Failures,
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._clock = clock
        self._failures = failures

    async def submit(
        self, url: str, body: SubmitBody, headers: Mapping[str, str], *, traceparent: str = ""
    ) -> Answer:
        """Send a submit once; its answer may be unreadable, which is for the caller to judge.

        Raises:
            ProviderError: `unavailable` when the provider surely did not get the request,
                `unknown_outcome` when it may have, `invalid_input` when our own input is gone.
        """
        framing = {
            "Content-Type": body.content_type,
            "Content-Length": str(body.size_bytes),
        }
        if traceparent:
            framing["traceparent"] = traceparent
        try:
            async with self._sessions.configured.post(
                url,
                data=body.stream(),
                headers={**headers, **framing},
                timeout=self._timeout(self._settings.submit_s),
                allow_redirects=False,
            ) as response:
                try:
                    content = await read_bounded(response, self._settings.answer_bytes_max)
                except (*_BROKEN, TooLarge):
                    content = None
                return self._answer(response, content)
        except _BROKEN as error:
            if body.fault is not None:
                message = "not asked: the input file is gone or changed"
                raise self._failures.error(FailureKind.INVALID_INPUT, message) from error
            raise self._lost_submit(error, is_sent=body.is_sent) from error

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], *, json: object = None
    ) -> Answer:
        """Send a question that changes nothing at the provider, and read the whole answer.

        Raises:
            ProviderError: `unavailable`, or `malformed` for an answer above the limit.
        """
        async with self.open(
            method, url, headers, total_s=self._settings.status_s, json=json
        ) as response:
            try:
                content = await read_bounded(response, self._settings.answer_bytes_max)
            except TooLarge as error:
                if is_ok(response.status):
                    raise self.too_large() from error
                content = None
            return self._answer(response, content)

    @asynccontextmanager
    async def open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        total_s: float,
        stall_s: float | None = None,
        json: object = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a harmless request and hand out the response; breaks inside are mapped too.

        Args:
            method: GET or POST.
            url: final, quoted.
            headers: of the request.
            total_s: the longest the whole exchange may take.
            stall_s: for a large answer: how long its headers may take, and each pause in it.
            json: the request's body.

        Raises:
            ProviderError: `unavailable` when the connection fails, also while it is read.
        """
        asked = self._sessions.configured.request(
            method,
            # The caller's URL is final: re-quoting would break a signed one.
            URL(url, encoded=True),
            headers=headers,
            json=json,
            timeout=self._timeout(total_s, stall_s),
            allow_redirects=False,
        )
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(stall_s):
                    response = await stack.enter_async_context(asked)
                yield response
        except _BROKEN as error:
            message = f"its answer did not come whole ({type(error).__name__})"
            raise self._failures.error(FailureKind.UNAVAILABLE, message) from error

    @asynccontextmanager
    async def fetch(
        self,
        url: object,
        destination: Destination,
        *,
        total_s: float,
        credentials: Mapping[str, str],
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a URL out of an answer through the guard; see `proxy.outgoing.fetch.fetching`.

        Raises:
            RefusedUrl: it may not be fetched.
            ProviderError: `unavailable` when a connection fails, also while it is read.
        """
        timeout = self._timeout(total_s)
        try:
            async with fetching(
                self._sessions, url, destination, timeout=timeout, credentials=credentials
            ) as response:
                yield response
        except _BROKEN as error:
            message = f"its answer did not come whole ({type(error).__name__})"
            raise self._failures.error(FailureKind.UNAVAILABLE, message) from error

    def retry_after_s(self, response: aiohttp.ClientResponse) -> float | None:
        """Read Retry-After, as seconds or as a date; at most an hour, None if absent or wrong."""
        text = response.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), _RETRY_AFTER_S_MAX)
        try:
            wait_s = parsedate_to_datetime(text).timestamp() - self._clock.now_s()
        except (ValueError, OverflowError):
            return None
        return min(max(wait_s, 0.0), _RETRY_AFTER_S_MAX)

    def too_large(self) -> ProviderError:
        """Return the failure for an answer above its limit."""
        return self._failures.error(FailureKind.MALFORMED, "its answer is larger than allowed")

    def _answer(self, response: aiohttp.ClientResponse, content: bytes | None) -> Answer:
        retry_after_s = self.retry_after_s(response)
        return Answer(status=response.status, body=content, retry_after_s=retry_after_s)

    def _lost_submit(self, error: Exception, *, is_sent: bool) -> ProviderError:
        reason = type(error).__name__
        if is_sent:
            message = f"no answer to the submit ({reason})"
            return self._failures.error(FailureKind.UNKNOWN_OUTCOME, message)
        message = f"the submit did not reach it ({reason})"
        return self._failures.error(FailureKind.UNAVAILABLE, message)

    def _timeout(self, total_s: float, stall_s: float | None = None) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=total_s,
            sock_connect=self._settings.connect_s,
            sock_read=min(total_s, stall_s or _STALL_S_MAX),
        )


async def read_bounded(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """Read a whole body into memory.

    Raises:
        TooLarge: it has more than `bytes_max` bytes; the connection is closed.
    """
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > bytes_max:
            response.close()
            raise TooLarge
    return bytes(content)
