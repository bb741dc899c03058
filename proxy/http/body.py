"""Request bodies, bounded in size and in patience."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.domain.errors import InvalidRequest, PayloadTooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CREATE_BYTES_MAX = 32 * 2**20
"""Body of a create or quote: a 20 MiB picture as base64 in a data URL, and room for the rest."""
FORM_BYTES_MAX = 2**20
"""Body of a URL-encoded form, which cannot carry files."""
STALL_S = 30.0
"""A body that stops arriving for so long is given up."""


async def body_chunks(
    request: web.Request, *, bytes_max: int, stall_s: float = STALL_S
) -> AsyncIterator[bytes]:
    """Yield a body as it arrives.

    Raises:
        PayloadTooLarge: it is longer than `bytes_max`, or says so.
        InvalidRequest: it is broken off or badly encoded.
    """
    if (request.content_length or 0) > bytes_max:
        raise _too_large(bytes_max)
    received = 0
    while True:
        chunk = await _next_chunk(request, stall_s)
        if not chunk:
            return
        received += len(chunk)
        if received > bytes_max:
            raise _too_large(bytes_max)
        yield chunk


async def read_body(request: web.Request, *, bytes_max: int) -> bytes:
    """A whole body; raises as `body_chunks` does."""
    return b"".join([chunk async for chunk in body_chunks(request, bytes_max=bytes_max)])


async def _next_chunk(request: web.Request, stall_s: float) -> bytes:
    try:
        async with asyncio.timeout(stall_s):
            return await request.content.readany()
    except TimeoutError as error:
        message = f"the body stopped arriving for {stall_s:.0f} s"
        raise InvalidRequest(message) from error
    except web.RequestPayloadError as error:
        message = "the body is cut short or does not match its Content-Encoding"
        raise InvalidRequest(message) from error


def _too_large(bytes_max: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body may have at most {bytes_max} bytes")
