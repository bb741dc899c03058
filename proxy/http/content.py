"""/v1/videos/{id}/content: the bytes, whole or a range, never more in memory than a chunk."""

from __future__ import annotations

import base64
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.domain.errors import (
    InvalidRequest,
    JobNotFound,
    NotSupportedYet,
    RangeNotSatisfiable,
)
from proxy.http import errors
from proxy.http.answer import names_etag
from proxy.http.byterange import ByteRange, read_range
from proxy.http.keys import CALLER, STREAM
from proxy.http.links import SOURCE_VARIANT
from proxy.http.middleware import LINK_PARAM
from proxy.http.ratelimit import rate_headers
from proxy.http.render import stale_headers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from proxy.gateway.ports.runtime import Clock
    from proxy.gateway.views import ContentView
    from proxy.http.links import Links
    from proxy.http.services import VideoService

VARIANT = "video"
VARIANTS_NOT_YET = ("thumbnail", "spritesheet")


class ContentRoutes:
    """Handlers bound to the use case once, at start-up."""

    def __init__(self, videos: VideoService, *, links: Links, clock: Clock) -> None:
        self._videos = videos
        self._links = links
        self._clock = clock

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """Answer the artifact with Range, If-Range and If-None-Match honoured."""
        variant = request.query.get("variant", VARIANT)
        is_source = variant == SOURCE_VARIANT and LINK_PARAM in request.query
        if not is_source:
            _check_variant(variant)
        view = await self._open(request, is_source=is_source)
        headers = _headers(request, view)
        etag = headers["ETag"]
        if names_etag(request.headers.get("If-None-Match", ""), etag):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        is_current = request.headers.get("If-Range", etag) == etag
        # HEAD tells of the whole: Range is defined for GET alone. Source: RFC 9110 section 14.2.
        asked = request.headers.get("Range") if request.method == "GET" else None
        try:
            wanted = read_range(asked, view.size_bytes)
        except RangeNotSatisfiable as error:
            if is_current:
                return errors.render(error, {"Content-Range": f"bytes */{view.size_bytes}"})
            wanted = None
        return await _send(request, view, wanted if is_current else None, headers)

    async def _open(self, request: web.Request, *, is_source: bool) -> ContentView:
        job_id = request.match_info["id"]
        signature = request.query.get(LINK_PARAM)
        if signature is None:
            return await self._videos.content(request[CALLER], job_id)
        expires = request.query.get("expires", "")
        now_s = self._clock.now_s()
        self._links.verify(
            job_id, expires=expires, signature=signature, now_s=now_s, is_source=is_source
        )
        if is_source:
            return await self._videos.linked_source(job_id)
        return await self._videos.linked_content(job_id)


async def _send(
    request: web.Request, view: ContentView, wanted: ByteRange | None, headers: dict[str, str]
) -> web.StreamResponse:
    part = wanted or ByteRange(0, view.size_bytes)
    response = web.StreamResponse(
        status=HTTPStatus.OK if wanted is None else HTTPStatus.PARTIAL_CONTENT, headers=headers
    )
    response.content_type = view.media_type
    response.content_length = part.length
    if wanted is not None:
        response.headers["Content-Range"] = wanted.content_range(view.size_bytes)
    if request.method == "HEAD":
        return response
    request[STREAM] = response
    async with aclosing(_exactly(view, part)) as chunks:
        # The first chunk comes before the status: until then a failure can still be said properly.
        first = await _first(chunks)
        await response.prepare(request)
        await response.write(first)
        async for chunk in chunks:
            await response.write(chunk)
        await response.write_eof()
    return response


async def _exactly(view: ContentView, part: ByteRange) -> AsyncGenerator[bytes, None]:
    """The bytes of a part; a store that has fewer is a bug, not a shorter video."""
    sent = 0
    chunks = view.open(part.start, part.length)
    async for chunk in chunks:
        sent += len(chunk)
        yield chunk
    assert sent == part.length, f"artifact of {view.job.id}: {sent} bytes of {part.length}"


async def _first(chunks: AsyncIterator[bytes]) -> bytes:
    try:
        return await anext(chunks, b"")
    except FileNotFoundError as error:
        message = "the video has expired and is no longer stored"
        raise JobNotFound(message) from error


def _headers(request: web.Request, view: ContentView) -> dict[str, str]:
    caller = request.get(CALLER)
    digest = base64.b64encode(bytes.fromhex(view.sha256)).decode()
    return {
        "ETag": f'"{view.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-transform",
        "Content-Disposition": f'attachment; filename="{view.job.id}.mp4"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        **stale_headers(view.stale_s),
        **(rate_headers(view.buckets, caller) if caller is not None else {}),
    }


def _check_variant(variant: str) -> None:
    if variant in VARIANTS_NOT_YET:
        message = f"the variant {variant!r} is not supported yet; allowed: {VARIANT}"
        raise NotSupportedYet(message, param="variant")
    if variant != VARIANT:
        message = f"variant must be one of {', '.join((VARIANT, *VARIANTS_NOT_YET))}"
        raise InvalidRequest(message, param="variant")
