"""Passes a supervisor's admin requests on to its processes, and their answers back."""

from __future__ import annotations

import json
import os
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from yarl import URL

from proxy.domain.errors import StoreUnavailable
from proxy.http.admin import endpoints
from proxy.http.admin.bodies import configs_body
from proxy.http.admin.endpoints import PREFIX
from proxy.http.admin.routes import AdminRoute, same_handler
from proxy.http.answer import json_answer
from proxy.http.body import read_body
from proxy.http.endpoints import RATE_HEADERS
from proxy.http.finance import INVOICE_BYTES_MAX
from proxy.http.keys import STREAM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.app.children import Child

PASSED_ON = ("Authorization", "Content-Type", "Idempotency-Key", "x-request-id")
PASSED_BACK = (
    "Content-Type",
    "Retry-After",
    "x-should-retry",
    "X-Content-Type-Options",
    *RATE_HEADERS,
)
LONG_S = 600.0
"""Reports, exports and proofs read the whole ledger before they answer."""


def forwarding_routes(children: Sequence[Child]) -> tuple[AdminRoute, ...]:
    """The admin API of several processes: any of them answers, all of them about themselves."""
    forward = Forward(children)
    about_all = (endpoints.CONFIG, endpoints.RELOAD)
    return tuple(
        AdminRoute(route.endpoint, forward.to_each) if route.endpoint in about_all else route
        for route in same_handler(forward.to_one)
    )


class Forward:
    """Handlers that ask the processes; who may ask was settled before."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children

    async def to_one(self, request: web.Request) -> web.StreamResponse:
        """Have the first process answer that listens."""
        body = await read_body(request, bytes_max=INVOICE_BYTES_MAX)
        for child in self._children:
            async with child.session(LONG_S) as session:
                try:
                    asked = await _send(session, request, body, _headers(request))
                except (aiohttp.ClientConnectorError, FileNotFoundError):
                    continue  # It is being started again; nothing was sent.
                except (aiohttp.ClientError, TimeoutError) as error:
                    message = "a process was lost while it answered; ask again"
                    raise StoreUnavailable(message) from error
                return await _pass_back(request, asked)
        message = "no process answers; they are being started again"
        raise StoreUnavailable(message)

    async def to_each(self, request: web.Request) -> web.StreamResponse:
        """Have every process answer, and join what they say."""
        body = await read_body(request, bytes_max=INVOICE_BYTES_MAX)
        # One change in all processes: one operation, and so one entry in the audit.
        headers = {"Idempotency-Key": f"all-{os.urandom(12).hex()}", **_headers(request)}
        processes: list[dict[str, object]] = []
        for child in self._children:
            async with child.session(LONG_S) as session:
                try:
                    asked = await _send(session, request, body, headers)
                    content = json.loads(await asked.read())
                except (aiohttp.ClientError, OSError, TimeoutError):
                    continue
            if asked.status != HTTPStatus.OK:
                headers = _passed_back(asked)
                headers.pop("Content-Type", None)
                return json_answer(content, status=asked.status, headers=headers)
            processes += content["processes"]
        return json_answer(configs_body(processes, missing=len(self._children) - len(processes)))


def _headers(request: web.Request) -> dict[str, str]:
    return {name: request.headers[name] for name in PASSED_ON if name in request.headers}


async def _send(
    session: aiohttp.ClientSession,
    request: web.Request,
    body: bytes,
    headers: Mapping[str, str],
) -> aiohttp.ClientResponse:
    url = f"http://child{request.rel_url.raw_path}"
    query = request.rel_url.raw_query_string
    assert request.rel_url.raw_path.startswith(PREFIX)
    return await session.request(
        request.method,
        URL(f"{url}?{query}" if query else url, encoded=True),
        data=body or None,
        headers=headers,
        allow_redirects=False,
    )


def _passed_back(asked: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: asked.headers[name] for name in PASSED_BACK if name in asked.headers}


async def _pass_back(request: web.Request, asked: aiohttp.ClientResponse) -> web.StreamResponse:
    answer = web.StreamResponse(status=asked.status, headers=_passed_back(asked))
    request[STREAM] = answer
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    try:
        async for chunk in asked.content.iter_any():
            await answer.write(chunk)
    except aiohttp.ClientError:
        # Without its last chunk the client sees that it is not whole.
        request.protocol.force_close()
        return answer
    await answer.write_eof()
    return answer
