"""The one pooled HTTP session that all adapters share."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Shorter than any vendor's own, so that we close an idle connection first: a request that meets
# a closing connection may or may not have arrived.
_KEEPALIVE_S = 15.0


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open the session: no proxies from the environment, no cookies, bodies as they were sent.

    Bodies stay compressed if a provider compresses them unasked, so a small answer can never
    grow into a huge one. The number of connections is bounded by the worker, not here.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "greenlight-proxy", "Accept-Encoding": "identity"},
        trust_env=False,
        auto_decompress=False,
    ) as session:
        yield session
