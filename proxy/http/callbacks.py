"""/callbacks/{provider}/{token}: what providers send by themselves."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.http.body import read_body

if TYPE_CHECKING:
    from proxy.http.services import CallbackService

CALLBACK_BYTES_MAX = 64 * 2**10
"""Body of a callback: a task with its outputs has two or three KiB."""


class CallbackRoutes:
    """The handler, bound to its use case once."""

    def __init__(self, callbacks: CallbackService) -> None:
        self._callbacks = callbacks

    async def receive(self, request: web.Request) -> web.Response:
        """POST /callbacks/{provider}/{token}: no body is read before the address is known."""
        sender = self._callbacks.sender(request.path)
        body = await read_body(request, bytes_max=CALLBACK_BYTES_MAX)
        headers = {name.lower(): value for name, value in request.headers.items()}
        await self._callbacks.receive(sender, headers, body)
        return web.Response(status=HTTPStatus.NO_CONTENT)
