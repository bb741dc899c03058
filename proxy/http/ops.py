"""The admin listener: liveness, readiness and metrics; /admin/v1 for token holders."""

from __future__ import annotations

import hashlib
import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.domain.errors import NotSupportedYet, Unauthenticated
from proxy.http.answer import json_answer
from proxy.http.middleware import bearer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from proxy.domain.policy import AdminToken, Snapshot
    from proxy.http.services import Metrics, Readiness

WANTED = "an admin token as `Authorization: Bearer gla_...`"
TOKEN_PREFIX = "gla"  # noqa: S105 - the public prefix of printed tokens
TOKEN_PARTS = 3
_NO_DIGEST = "0" * 64


class OpsRoutes:
    """Handlers of the admin listener."""

    def __init__(
        self, *, snapshot: Callable[[], Snapshot], readiness: Readiness, metrics: Metrics
    ) -> None:
        self._snapshot = snapshot
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

    async def admin(self, request: web.Request) -> web.Response:
        """Anything under /admin/v1: the token is checked, nothing is built yet."""
        find_token(bearer(request, WANTED), self._snapshot().admin_tokens)
        message = "the admin API is not supported yet"
        raise NotSupportedYet(message)


def find_token(presented: str, tokens: Mapping[str, AdminToken]) -> AdminToken:
    """The admin token behind its printed form, `gla_<id>_<secret>`.

    Raises:
        Unauthenticated: unknown or malformed, or none is configured; the message is the same.
    """
    parts = presented.split("_", TOKEN_PARTS - 1)
    is_shaped = len(parts) == TOKEN_PARTS and parts[0] == TOKEN_PREFIX
    token = tokens.get(parts[1]) if is_shaped else None
    digest = hashlib.sha256(presented.encode()).hexdigest()
    # An unknown id is compared too, so that time does not tell it from a wrong secret.
    matches = hmac.compare_digest(digest, _NO_DIGEST if token is None else token.sha256)
    if token is None or not matches:
        message = "the admin token is unknown or revoked"
        raise Unauthenticated(message)
    return token
