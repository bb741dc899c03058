"""A receiver of webhooks on the loopback, which keeps what it was sent and answers as told."""

from __future__ import annotations

import json
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Mapping


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came; names of headers in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        """The body as JSON."""
        content: dict[str, Any] = json.loads(self.body)
        return content


@dataclass
class Receiver:
    """Answers what was scripted (status, headers and body), else 204."""

    url: str = ""
    answers: deque[tuple[int, Mapping[str, str], str]] = field(default_factory=deque)
    deliveries: list[Delivery] = field(default_factory=list)
    hold: asyncio.Event | None = None

    def answer(self, status: int, times: int = 1, *, body: str = "", **headers: str) -> None:
        """Answer the next requests so."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.extend([(status, named, body)] * times)

    async def take(self, request: web.Request) -> web.Response:
        """Keep a request and answer it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.deliveries.append(Delivery(request.path, headers, await request.read()))
        if self.hold is not None:
            await self.hold.wait()
        status, named, body = self.answers.popleft() if self.answers else (204, {}, "")
        return web.Response(status=status, headers=named, text=body or None)


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """Listen at a port, any free one unless told."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()
