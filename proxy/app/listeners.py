"""The two listeners: the team API, and the admin listener beside it."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.app.options import Addresses
from proxy.gateway.videos import Videos
from proxy.http.apps import admin_app, public_app, runner
from proxy.http.services import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.app.compose import Parts
    from proxy.config.settings import Address, ServerSettings

SHUTDOWN_S = 10.0
"""How long requests under way may take to end."""


@asynccontextmanager
async def listening(parts: Parts, server: ServerSettings) -> AsyncIterator[Addresses]:
    """Answer requests until the block ends; then finish those under way. Raises OSError."""
    runtime = parts.runtime
    videos = Videos(runtime)
    public = public_app(
        Services(videos=videos, authenticate=videos.authenticate),
        links=parts.links,
        clock=runtime.clock,
        observer=runtime.observer,
        random_bytes=os.urandom,
    )
    admin = admin_app(
        snapshot=lambda: runtime.live.snapshot,
        readiness=parts.readiness,
        metrics=parts.metrics.render,
        clock=runtime.clock,
        observer=runtime.observer,
        random_bytes=os.urandom,
    )
    async with AsyncExitStack() as stack:
        admin_port = await _listen(stack, admin, server.admin_listen)
        public_port = await _listen(stack, public, server.listen)
        yield Addresses(
            base_url=f"{_origin(server.listen, public_port)}/v1",
            admin_url=_origin(server.admin_listen, admin_port),
        )


async def _listen(stack: AsyncExitStack, app: web.Application, address: Address) -> int:
    """Start one listener; returns the port it got."""
    started = runner(app, shutdown_s=SHUTDOWN_S)
    await started.setup()
    stack.push_async_callback(started.cleanup)
    site = web.TCPSite(started, address.host, address.port)
    await site.start()
    port: int = started.addresses[0][1]
    return port


def _origin(address: Address, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address.host, address.host)  # noqa: S104 - read, not bound
    return f"http://[{host}]:{port}" if ":" in host and host[0] != "[" else f"http://{host}:{port}"
