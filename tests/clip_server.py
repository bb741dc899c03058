"""A server on this machine whose videos are what their paths say."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.simulator.mp4 import make_clip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PATH = re.compile(r"/(\d+)x(\d+)/(\d+)s(?:-(\d+))?\.mp4")
ELSEWHERE = "/elsewhere.mp4"
"""Redirects to a video."""


def clip_path(width: int = 1280, height: int = 720, seconds: int = 7, size_bytes: int = 0) -> str:
    """Where a video of this form is; padded to a size if one is given."""
    return f"/{width}x{height}/{seconds}s{f'-{size_bytes}' if size_bytes else ''}.mp4"


async def _answer(request: web.Request) -> web.Response:
    if request.path == ELSEWHERE:
        return web.Response(status=302, headers={"Location": clip_path()})
    found = _PATH.fullmatch(request.path)
    if found is None:
        return web.Response(status=404)
    width, height, seconds, size_bytes = (int(part or 0) for part in found.groups())
    clip = make_clip(width, height, seconds, size_bytes or None)
    return web.Response(body=b"".join(clip.chunks()), content_type="video/mp4")


@asynccontextmanager
async def serving_clips() -> AsyncIterator[str]:
    """Yield the address below which the videos are."""
    app = web.Application()
    app.router.add_get("/{path:.*}", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield site.name
    finally:
        await runner.cleanup()
