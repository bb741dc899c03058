"""What machines ask the admin listener: liveness, readiness and metrics."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.http.answer import json_answer

if TYPE_CHECKING:
    from proxy.http.services import Metrics, Readiness


class OpsRoutes:
    """Handlers that need no token."""

    def __init__(self, *, readiness: Readiness, metrics: Metrics) -> None:
        self._readiness = readiness
        self._metrics = metrics

    async def live(self, _: web.Request) -> web.Response:
        """GET /livez: this process answers."""
        return json_answer({"status": "ok"})

    async def ready(self, _: web.Request) -> web.Response:
        """GET /readyz: 200 when jobs can be accepted, else 503 with what is missing."""
        problems = list(await self._readiness())
        if problems:
            content = {"status": "unavailable", "problems": problems}
            return json_answer(content, status=HTTPStatus.SERVICE_UNAVAILABLE)
        return json_answer({"status": "ok", "problems": []})

    async def metrics(self, _: web.Request) -> web.Response:
        """GET /metrics."""
        exposition, content_type = await self._metrics()
        return web.Response(body=exposition, headers={"Content-Type": content_type})
