"""The three layers around every handler: request id, errors, authentication."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from http import HTTPMethod
from typing import TYPE_CHECKING

from aiohttp import ClientConnectionError, web

from proxy.domain.errors import ProxyError, Unauthenticated
from proxy.domain.events import RequestServed
from proxy.http import errors
from proxy.http.keys import CALLER, RATES, REQUEST_ID, STREAM
from proxy.http.ratelimit import rate_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.typedefs import Handler, Middleware

    from proxy.domain.policy import Scope
    from proxy.gateway.ports.runtime import Clock, Observer
    from proxy.http.services import Authenticate

LINK_PARAM = "signature"
UNMATCHED = "unmatched"
CLIENT_GONE = 499
"""Status in the event (never on the wire) when the client left before the answer."""
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_METHODS = frozenset(HTTPMethod)
_LOGGER = logging.getLogger("greenlight.http")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a route asks of its caller: a scope, or none; with `takes_link`, a link will do."""

    scope: Scope | None
    takes_link: bool = False


ANYBODY = Access(scope=None)


def request_ids(
    clock: Clock, observer: Observer, random_bytes: Callable[[int], bytes]
) -> Middleware:
    """Outermost layer: name the request, and report it when it was answered."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        began_s = clock.monotonic_s()
        given = request.headers.get("x-request-id", "")
        sane = _SANE_ID.fullmatch(given) is not None
        request_id = given if sane else f"req_{random_bytes(12).hex()}"
        request[REQUEST_ID] = request_id
        status = CLIENT_GONE
        try:
            response = await handler(request)
            status = response.status
        finally:
            observer.observe(
                RequestServed(
                    route=_template(request),
                    method=request.method if request.method in _METHODS else "OTHER",
                    status=status,
                    took_s=clock.monotonic_s() - began_s,
                    request_id=request_id,
                )
            )
        return response

    return middleware


async def stamp(request: web.Request, response: web.StreamResponse) -> None:
    """Put on every answer, streamed ones too, what all of them carry."""
    response.headers["x-request-id"] = request.get(REQUEST_ID, "")
    response.headers["Server"] = "greenlight"
    response.headers.update(request.get(RATES, {}))


@web.middleware
async def render_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Second layer: whatever goes wrong becomes an answer in one shape."""
    try:
        return await handler(request)
    except ProxyError as error:
        return errors.render(error, rate_headers(error.buckets, request.get(CALLER)))
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        return errors.render_unmatched(request, error)
    except Exception as error:  # noqa: BLE001 - the boundary: a bug becomes a 500 and a trace
        return _answer_bug(request, error)


def _answer_bug(request: web.Request, error: Exception) -> web.StreamResponse:
    transport = request.transport
    is_gone = transport is None or transport.is_closing()
    if is_gone and isinstance(error, ConnectionError | ClientConnectionError):
        return web.Response(status=CLIENT_GONE)  # Nobody reads it; raising would be logged.
    _LOGGER.error(
        "request %s: %s %s failed",
        request[REQUEST_ID],
        request.method,
        _template(request),
        exc_info=error,
    )
    stream: web.StreamResponse | None = request.get(STREAM)
    if stream is None or not stream.prepared:
        return errors.render_bug(request[REQUEST_ID])
    # Cut short, so that the client does not take it for whole.
    assert transport is not None, "a write to a lost connection is a ConnectionError"
    request.protocol.force_close()
    return stream


def authentication(
    authenticate: Authenticate, accesses: Mapping[web.AbstractRoute, Access]
) -> Middleware:
    """Innermost layer: find the caller of every route that asks for a scope."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        access = accesses.get(request.match_info.route, ANYBODY)
        by_link = access.takes_link and LINK_PARAM in request.query
        if access.scope is not None and not by_link:
            request[CALLER] = authenticate(bearer(request), access.scope)
        return await handler(request)

    return middleware


def bearer(
    request: web.Request, wanted: str = "your API key as `Authorization: Bearer gl_...`"
) -> str:
    """The token of `Authorization: Bearer <token>`; `wanted` is what to send instead of nothing.

    Raises:
        Unauthenticated: the header is missing or has another form.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or not token.isascii():
        message = f"send {wanted}"
        raise Unauthenticated(message)
    return token


def _template(request: web.Request) -> str:
    """The route's template, never the path: paths carry ids."""
    resource = request.match_info.route.resource
    return UNMATCHED if resource is None else resource.canonical
