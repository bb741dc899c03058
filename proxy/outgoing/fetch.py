"""One GET of a URL that somebody else wrote: every hop is checked before anything is sent."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from proxy.outgoing.session import RefusedAddress
from proxy.outgoing.url import RefusedUrl, check_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from proxy.outgoing.session import Sessions
    from proxy.outgoing.url import Destination, Target

REDIRECTS_MAX = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@asynccontextmanager
async def fetching(
    sessions: Sessions,
    text: object,
    destination: Destination,
    *,
    timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, of one hop
    credentials: Mapping[str, str] | None = None,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Open a URL, following at most REDIRECTS_MAX redirects; the last answer is handed out.

    `credentials` are headers for the `origins` of the destination; no other host ever sees them.

    Raises:
        RefusedUrl: a hop may not be fetched, or there are too many.
        aiohttp.ClientError, TimeoutError: a connection fails, also while the answer is read.
    """
    target = check_url(text, destination)
    for _ in range(1 + REDIRECTS_MAX):
        async with _opened(sessions, target, timeout, credentials or {}) as response:
            if response.status not in _REDIRECTS:
                yield response
                return
            target = _following(target.url, response, destination)
    message = "it redirects too often"
    raise RefusedUrl(message)


@asynccontextmanager
async def _opened(
    sessions: Sessions,
    target: Target,
    timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
    credentials: Mapping[str, str],
) -> AsyncIterator[aiohttp.ClientResponse]:
    headers = credentials if target.is_configured else {}
    try:
        async with sessions.reaching(target).get(
            target.url, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            yield response
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, RefusedAddress):
            message = "its host is not a public one"
            raise RefusedUrl(message) from error
        raise
    except aiohttp.InvalidURL as error:
        message = "it cannot be parsed"
        raise RefusedUrl(message) from error


def _following(url: URL, response: aiohttp.ClientResponse, destination: Destination) -> Target:
    location = response.headers.get("Location", "")
    try:
        joined = str(url.join(URL(location, encoded=True)))
    except ValueError as error:
        message = "it redirects to no URL"
        raise RefusedUrl(message) from error
    return check_url(joined, destination)
