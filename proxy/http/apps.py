"""The two aiohttp applications: the team API and the admin listener."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from proxy.http.admin.access import admin_access
from proxy.http.admin.endpoints import PREFIX
from proxy.http.admin.routes import refuse_unmatched
from proxy.http.body import CREATE_BYTES_MAX
from proxy.http.keys import SPOOL_DIR
from proxy.http.middleware import (
    Access,
    authentication,
    render_errors,
    request_ids,
    stamp,
)
from proxy.http.ops import OpsRoutes
from proxy.http.routes import routes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from proxy.domain.policy import Snapshot
    from proxy.gateway.ports.runtime import Clock, Observer
    from proxy.http.admin.access import Spend
    from proxy.http.admin.endpoints import AdminEndpoint
    from proxy.http.admin.routes import AdminRoute
    from proxy.http.links import Links
    from proxy.http.services import Metrics, Readiness, Services

KEEPALIVE_S = 75.0


def public_app(
    services: Services,
    *,
    links: Links,
    clock: Clock,
    observer: Observer,
    random_bytes: Callable[[int], bytes],
    spool_dir: Path | None = None,
) -> web.Application:
    """The team API under /v1.

    Args:
        services: the use cases and the check of API keys.
        links: signs and checks links to artifacts.
        clock: wall time for links and headers, monotonic time for events.
        observer: receives one RequestServed per request.
        random_bytes: unguessable bytes, for request ids.
        spool_dir: where large uploads wait, without a name; None: the system's temporary folder.
    """
    accesses: dict[web.AbstractRoute, Access] = {}
    app = web.Application(
        middlewares=[
            request_ids(clock, observer, random_bytes),
            render_errors,
            authentication(services.authenticate, accesses),
        ],
        # Bodies are read through proxy.http.body alone; this is for whoever would forget.
        client_max_size=CREATE_BYTES_MAX,
    )
    if spool_dir is not None:
        app[SPOOL_DIR] = spool_dir
    for route in routes(services.videos, services.callbacks, links=links, clock=clock):
        endpoint = route.endpoint
        for method in ("GET", "HEAD") if endpoint.method == "GET" else (endpoint.method,):
            added = app.router.add_route(
                method, endpoint.path, route.handler, expect_handler=_continue
            )
            accesses[added] = endpoint.access
    app.on_response_prepare.append(stamp)

    async def let_waiters_go(_: web.Application) -> None:
        services.videos.drain()

    app.on_shutdown.append(let_waiters_go)
    return app


async def _continue(request: web.Request) -> None:
    """Ask for the body where that is expected; other expectations are passed over, not refused."""
    if request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # Only the answer proper counts as sent; until then an error can still replace it.
        request.writer.output_size = 0


def admin_app(
    *,
    table: Sequence[AdminRoute],
    snapshot: Callable[[], Snapshot],
    spend: Spend | None = None,
    readiness: Readiness,
    metrics: Metrics,
    clock: Clock,
    observer: Observer,
    random_bytes: Callable[[int], bytes],
) -> web.Application:
    """The admin listener: /livez, /readyz and /metrics for anybody, /admin/v1 for token holders.

    Args:
        table: the admin API.
        snapshot: the configuration in force, read once per request.
        spend: counts a request against its admin token; None where another process does.
        readiness: what keeps this process from serving.
        metrics: the exposition and its Content-Type.
        clock: time for events.
        observer: receives one RequestServed per request.
        random_bytes: unguessable bytes, for request ids.
    """
    ops = OpsRoutes(readiness=readiness, metrics=metrics)
    endpoints: dict[web.AbstractRoute, AdminEndpoint | None] = {}
    app = web.Application(
        middlewares=[
            request_ids(clock, observer, random_bytes),
            render_errors,
            admin_access(snapshot, endpoints, spend),
        ],
        client_max_size=CREATE_BYTES_MAX,
    )
    app.router.add_get("/livez", ops.live)
    app.router.add_get("/readyz", ops.ready)
    app.router.add_get("/metrics", ops.metrics)
    for route in table:
        endpoint = route.endpoint
        for method in ("GET", "HEAD") if endpoint.method == "GET" else (endpoint.method,):
            path = PREFIX + endpoint.path
            added = app.router.add_route(method, path, route.handler, expect_handler=_continue)
            endpoints[added] = endpoint
    endpoints[app.router.add_route("*", PREFIX + "/{path:.*}", refuse_unmatched)] = None
    app.on_response_prepare.append(stamp)
    return app


def runner(app: web.Application, *, shutdown_s: float = 60.0) -> web.AppRunner:
    """A runner without aiohttp's access log: events say more and cost less.

    `shutdown_s` is how long requests under way may take to end.
    """
    logger = logging.getLogger("greenlight.server")
    logger.addFilter(_is_ours)
    return web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=KEEPALIVE_S,
        logger=logger,
        shutdown_timeout=shutdown_s,
    )


def _is_ours(record: logging.LogRecord) -> bool:
    """Drop the traces of bytes that are not HTTP: they quote what was sent, maybe a key."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)
