"""The two listeners: the team API, and the admin listener beside it."""

from __future__ import annotations

import os
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.app.administration import administration
from proxy.app.options import Addresses
from proxy.gateway.admin.limit import spend
from proxy.gateway.videos import Videos
from proxy.http.admin.routes import admin_routes
from proxy.http.apps import admin_app, public_app, runner
from proxy.http.services import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.app.compose import Parts
    from proxy.app.options import Doors
    from proxy.config.settings import Address

ADMIN_SHUTDOWN_S = 1.0
"""How long requests of the admin listener may take to end: they are short."""


@asynccontextmanager
async def listening(parts: Parts, doors: Doors, shutdown_s: float) -> AsyncIterator[Addresses]:
    """Answer requests until the block ends; then finish those under way. Raises OSError.

    `shutdown_s` is how long those may take to end, and then again to leave.
    """
    async with AsyncExitStack() as stack:
        admin_url = await listen(stack, _admin(parts), doors.admin)
        base_url = ""
        if doors.public is not None:
            public = _public(parts)
            base_url = await listen(stack, public, doors.public, shutdown_s=shutdown_s) + "/v1"
        yield Addresses(base_url=base_url, admin_url=admin_url)


def _public(parts: Parts) -> web.Application:
    runtime = parts.runtime
    videos = Videos(runtime)
    return public_app(
        Services(videos=videos, authenticate=videos.authenticate, callbacks=parts.callbacks),
        links=parts.links,
        spool_dir=parts.spool_dir,
        clock=runtime.clock,
        observer=runtime.observer,
        random_bytes=os.urandom,
    )


def _admin(parts: Parts) -> web.Application:
    runtime = parts.runtime

    async def metrics() -> tuple[bytes, str]:
        return parts.metrics.render()

    return admin_app(
        table=admin_routes(administration(parts)),
        snapshot=lambda: runtime.live.snapshot,
        spend=partial(spend, runtime),
        readiness=parts.readiness,
        metrics=metrics,
        clock=runtime.clock,
        observer=runtime.observer,
        random_bytes=os.urandom,
    )


async def listen(
    stack: AsyncExitStack,
    app: web.Application,
    door: Address | socket.socket | Path,
    *,
    shutdown_s: float = ADMIN_SHUTDOWN_S,
) -> str:
    """Start one listener, stopped by the stack; returns its origin ("" for a unix socket)."""
    started = runner(app, shutdown_s=shutdown_s)
    await started.setup()
    stack.push_async_callback(started.cleanup)
    if isinstance(door, Path):
        await web.UnixSite(started, os.fspath(door)).start()
        return ""
    if isinstance(door, socket.socket):
        await web.SockSite(started, door).start()
        host, port = door.getsockname()[:2]  # noqa: ASYNC240 - a socket, not a path
        return origin(host, port)
    address = door
    await web.TCPSite(started, address.host, address.port).start()
    return origin(address.host, started.addresses[0][1])


def bound_socket(address: Address) -> socket.socket:
    """Bind and listen, for processes that will share the socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.create_server((address.host, address.port), family=family, backlog=1024)


def origin(host: str, port: int) -> str:
    """Where a client on this machine reaches a listener, as "http://host:port"."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
