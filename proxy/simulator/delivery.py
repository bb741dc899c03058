"""Send a large body in pieces, whole or as a faulty server would."""

from collections.abc import Iterable, Mapping

from aiohttp import web

from proxy.simulator.world import World, reset

_SLOW_PIECES = 20
_FAULT_PIECE_BYTES = 4096


async def send(
    request: web.Request,
    world: World,
    headers: Mapping[str, str],
    *,
    status: int = 200,
    size_bytes: int,
    pieces: Iterable[bytes],
    fault: str = "ok",
) -> web.StreamResponse:
    """Stream `pieces`, which together are `size_bytes`; never the whole body in memory.

    `fault` is `ok`, `slow` (the body takes `slow_download_s`), `truncate` (half the body, then
    the connection is closed) or `reset` (half the body, then a TCP reset).
    """
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = size_bytes
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    if fault == "slow":
        for piece in _recut(pieces, max(1, size_bytes // _SLOW_PIECES)):
            await response.write(piece)
            await world.pause(world.settings.slow_download_s / _SLOW_PIECES)
        return response
    if fault in {"truncate", "reset"}:
        half = _recut(pieces, min(_FAULT_PIECE_BYTES, max(1, size_bytes // 4)))
        sent = 0
        for piece in half:
            await response.write(piece)
            sent += len(piece)
            if sent >= size_bytes // 2:
                break
        return _break_off(request, response, fault)
    for piece in pieces:
        await response.write(piece)
    return response


def _break_off(
    request: web.Request, response: web.StreamResponse, fault: str
) -> web.StreamResponse:
    if fault == "reset":
        reset(request)
    elif request.transport is not None:
        request.transport.close()
    return response


def _recut(pieces: Iterable[bytes], size_bytes: int) -> Iterable[bytes]:
    """Cut pieces into smaller ones of at most `size_bytes`."""
    for piece in pieces:
        for start in range(0, len(piece), size_bytes):
            yield piece[start : start + size_bytes]
