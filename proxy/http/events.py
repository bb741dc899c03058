"""/v1/videos/{id}/events: a job as server-sent events, each the whole Video object.

Source: html.spec.whatwg.org/multipage/server-sent-events.html, 2026-11.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.domain.job import is_over, mark_of, public_status
from proxy.domain.video_event import event_of
from proxy.http.answer import json_text
from proxy.http.keys import CALLER, STREAM
from proxy.http.ratelimit import rate_headers
from proxy.http.render import scene_of, video

if TYPE_CHECKING:
    from proxy.gateway.ports.runtime import Clock
    from proxy.gateway.views import JobView
    from proxy.http.links import Links
    from proxy.http.services import VideoService

WRITE_S = 30.0
RETRY_MS = 2000
"""How long a client waits before it connects again."""
_KEEP_ALIVE = b": still here\n\n"
_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # a proxy in between must not collect events
    "X-Content-Type-Options": "nosniff",
}


class EventRoutes:
    """Handlers bound to the use case once, at start-up.

    `write_s` is how long a client may take over one event.
    """

    def __init__(
        self, videos: VideoService, *, links: Links, clock: Clock, write_s: float = WRITE_S
    ) -> None:
        self._videos = videos
        self._links = links
        self._clock = clock
        self._write_s = write_s

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/videos/{id}/events: the job as it stands, then each change until its end."""
        caller, job_id = request[CALLER], request.match_info["id"]
        if request.method == "HEAD":
            view = await self._videos.get(caller, job_id)
            return web.Response(headers={**_HEADERS, **rate_headers(view.buckets, caller)})
        async with self._videos.follow(caller, job_id, _Reader(request)) as following:
            view = following.view
            is_known = request.headers.get("Last-Event-ID") == mark_of(view.job)
            rates = rate_headers(view.buckets, caller)
            if is_known and is_over(view.job):
                # The one status at which a client does not connect again.
                return web.Response(status=HTTPStatus.NO_CONTENT, headers=rates)
            response = web.StreamResponse(headers={**_HEADERS, **rates})
            request[STREAM] = response
            await response.prepare(request)
            first = b"" if is_known else self._event(request, view)
            try:
                await self._write(response, b"retry: %d\n\n" % RETRY_MS + first)
                async for news in following.news():
                    event = _KEEP_ALIVE if news is None else self._event(request, news)
                    await self._write(response, event)
            except TimeoutError:
                pass  # It reads no more: what it was sent last is cut short.
            else:
                if not _Reader(request).is_behind():
                    await response.write_eof()
                    return response
            request.protocol.force_close()
            return response

    async def _write(self, response: web.StreamResponse, chunk: bytes) -> None:
        async with asyncio.timeout(self._write_s):
            await response.write(chunk)

    def _event(self, request: web.Request, view: JobView) -> bytes:
        scene = scene_of(request, self._links, self._clock)
        is_stale = view.stale_s is not None
        data = json_text(video(view.job, scene, wait=view.wait, is_stale=is_stale))
        name = event_of(public_status(view.job)).value
        return f"id: {mark_of(view.job)}\nevent: {name}\ndata: {data}\n\n".encode()


class _Reader:
    """Who holds the other end of a request's connection."""

    def __init__(self, request: web.Request) -> None:
        self._request = request

    def is_gone(self) -> bool:
        """Say whether nobody reads any more."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    def is_behind(self) -> bool:
        """Say whether the system has not even taken over what was written last."""
        transport = self._request.transport
        return transport is not None and transport.get_write_buffer_size() > 0
