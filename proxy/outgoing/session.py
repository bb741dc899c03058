"""Two HTTP sessions: one for addresses of our own configuration, one for everybody else's URLs."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver
from typing_extensions import override

from proxy.outgoing.address import is_public

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp import AddrInfoType
    from aiohttp.abc import ResolveResult

    from proxy.outgoing.url import Target

# Shorter than any vendor's own, so that we close an idle connection first: a request that meets
# a closing connection may or may not have arrived.
_KEEPALIVE_S = 15.0


class RefusedAddress(OSError):
    """A name leads to no address that may be connected to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """`configured` reaches what the configuration names; `foreign` public addresses only."""

    configured: aiohttp.ClientSession
    foreign: aiohttp.ClientSession

    def reaching(self, target: Target) -> aiohttp.ClientSession:
        """Choose the session of a URL."""
        return self.configured if target.is_configured else self.foreign


class PublicResolver(AbstractResolver):
    """Passes on the allowed addresses of an answer; a name that has none is not connected to.

    The connection is made to the very addresses that passed here, so a name that resolves to
    something else a moment later gains nothing.
    """

    def __init__(self, inner: AbstractResolver, is_allowed: Callable[[str], bool]) -> None:
        self._inner = inner
        self._is_allowed = is_allowed

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve a name. Raises RefusedAddress."""
        answers = await self._inner.resolve(host, port, family)
        allowed = [answer for answer in answers if self._is_allowed(answer["host"])]
        if not allowed:
            message = "the name has no public address"
            raise RefusedAddress(message)
        return allowed

    @override
    async def close(self) -> None:
        """Close the resolver underneath."""
        await self._inner.close()


@asynccontextmanager
async def open_sessions(
    *, resolver: AbstractResolver | None = None, is_allowed: Callable[[str], bool] = is_public
) -> AsyncIterator[Sessions]:
    """Open both sessions: no proxies from the environment, no cookies, bodies as they were sent.

    Bodies stay compressed if a server compresses them unasked, so a small answer can never grow
    into a huge one. The number of connections is bounded by the callers, not here.

    Args:
        resolver: looks names up for `foreign` instead of the system's resolver.
        is_allowed: says which addresses `foreign` may connect to.
    """

    def allowed_socket(info: AddrInfoType) -> socket.socket:
        # Every connection passes here, also one to an address that needed no resolver.
        if not is_allowed(str(info[4][0])):
            message = "the address is not a public one"
            raise RefusedAddress(message)
        return socket.socket(family=info[0], type=info[1], proto=info[2])

    public = PublicResolver(resolver or aiohttp.ThreadedResolver(), is_allowed)
    guarded = aiohttp.TCPConnector(
        limit=0, keepalive_timeout=_KEEPALIVE_S, resolver=public, socket_factory=allowed_socket
    )
    plain = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S)
    try:
        async with _session(plain) as configured, _session(guarded) as foreign:
            yield Sessions(configured=configured, foreign=foreign)
    finally:
        await public.close()


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "greenlight-proxy", "Accept-Encoding": "identity"},
        trust_env=False,
        auto_decompress=False,
    )
