"""What a vendor module gives the simulator, and the frame its requests run in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from proxy.simulator.calls import Call
from proxy.simulator.delivery import send
from proxy.simulator.directives import UNREADABLE_FAULTS, BadDirectiveError, Plan
from proxy.simulator.world import CALL, NoAnswer, World, reset

_TIMED_OUT = "504"
_BAD_GATEWAY = "502"
_GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head></html>"
# More than anybody should read where a few hundred bytes are expected.
_OVERSIZED_BYTES = 8 * 1024**2
_OVERSIZED_PIECE_BYTES = 64 * 1024
# What any vendor's answer is read by, each of a type that none of them gives it.
_WRONG_TYPES = {"code": [], "data": 7, "id": {}, "name": [], "status": 7, "done": "soon"}


@dataclass(frozen=True)
class Vendor:
    """One entry of the table: the vendor is served below `/{name}`."""

    name: str
    build: Callable[[World], web.Application]


def recorder(name: str, world: World) -> Middleware:
    """Return the outermost middleware of a vendor: it logs each request, answered or not."""

    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        trace = request.headers.get("traceparent", "")
        call = world.calls.open(Call(name, "unknown", at=world.now_s(), traceparent=trace))
        request[CALL] = call
        try:
            response = await handler(request)
        except NoAnswer:
            if request.transport is not None:
                request.transport.close()
            return web.Response()  # goes nowhere: the connection is closed
        except web.HTTPException as answer:
            call.status = answer.status
            raise
        call.status = response.status
        return response

    return record


async def read_fault(
    request: web.Request, world: World, fault: str, error: Callable[[str], Exception]
) -> web.StreamResponse | None:
    """Show a fault of a status or find call; None if there is none.

    Args:
        request: The request to answer.
        world: Where hangs end.
        fault: One of `directives.READ_FAULTS`, or `ok`.
        error: Gives the vendor's exception for a fault that is an HTTP status.
    """
    if fault == "ok":
        return None
    if fault in UNREADABLE_FAULTS:
        return await _unreadable(request, world, fault)
    if fault == "hang":
        raise await world.hang(request)
    if fault == "reset":
        raise reset(request)
    raise gateway_page() if fault == _BAD_GATEWAY else error(fault)


async def refuse_submit(
    request: web.Request, world: World, plan: Plan, error: Callable[[str], Exception]
) -> None:
    """Show a submit fault that creates no task; return if there is none."""
    if plan.submit_accepts:
        return
    if plan.submit == "hang":
        raise await world.hang(request)
    if plan.submit == "reset":
        raise reset(request)
    raise gateway_page() if plan.submit == _BAD_GATEWAY else error(plan.submit)


async def lose_answer(
    request: web.Request, world: World, plan: Plan, error: Callable[[str], Exception]
) -> web.StreamResponse | None:
    """Show a submit fault that comes after acceptance; None means: answer normally."""
    if plan.submit == "accept_then_hang":
        raise await world.hang(request)
    if plan.submit == "accept_then_reset":
        raise reset(request)
    if plan.submit == "accept_then_504":
        raise error(_TIMED_OUT)
    if plan.submit in UNREADABLE_FAULTS:
        return await _unreadable(request, world, plan.submit)
    return None


async def _unreadable(request: web.Request, world: World, fault: str) -> web.StreamResponse:
    if fault == "oversized":
        return await _oversized(request, world)
    if fault == "truncated":
        return await _truncated(request, world)
    return web.json_response(_WRONG_TYPES) if fault == "wrong_types" else garbage()


def garbage() -> web.Response:
    """Return a 200 whose JSON is cut in the middle."""
    return web.Response(body=b'{"code": 0, "data": {"id": ', content_type="application/json")


def gateway_page() -> web.HTTPBadGateway:
    """Return the answer of what stands before the vendor, which speaks no JSON."""
    return web.HTTPBadGateway(text=_GATEWAY_PAGE, content_type="text/html")


async def _truncated(request: web.Request, world: World) -> web.StreamResponse:
    """Answer 200 with the first half of sound JSON, then close the connection."""
    body = b'{"code": 0, "id": "1", "name": "1", "data": {"id": "1", "status": "submitted"}}'
    headers = {"Content-Type": "application/json"}
    pieces = [body]
    return await send(
        request, world, headers, size_bytes=len(body), pieces=pieces, fault="truncate"
    )


async def _oversized(request: web.Request, world: World) -> web.StreamResponse:
    """Answer 200 with correct JSON of 8 MiB, most of it padding."""
    head, tail = b'{"code": 0, "padding": "', b'"}'

    def pieces() -> Iterator[bytes]:
        yield head
        left = _OVERSIZED_BYTES - len(head) - len(tail)
        while left > 0:
            yield b" " * min(left, _OVERSIZED_PIECE_BYTES)
            left -= _OVERSIZED_PIECE_BYTES
        yield tail

    headers = {"Content-Type": "application/json"}
    return await send(request, world, headers, size_bytes=_OVERSIZED_BYTES, pieces=pieces())


def refuse_foreign(plan: Plan) -> None:
    """Refuse what only a vendor with failure codes and a cancel can show.

    Raises:
        BadDirectiveError: The plan asks for it.
    """
    if plan.code is not None or plan.outcome == "cancelled":
        message = "code= and outcome=cancelled mean nothing here"
        raise BadDirectiveError(message)
