"""Errors become OpenAI-shaped bodies here; the only place that knows status codes."""

from __future__ import annotations

from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.domain.errors import ProxyError, RateLimited, RouteNotFound
from proxy.http.answer import json_answer
from proxy.http.ratelimit import retry_after_s

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS: Mapping[str, int] = MappingProxyType(
    {
        "internal_error": 500,
        "invalid_request": 400,
        "image_url_refused": 400,
        "image_unavailable": 400,
        "webhook_url_refused": 400,
        "payload_too_large": 413,
        "not_supported_yet": 422,
        "invalid_api_key": 401,
        "invalid_signature": 401,
        "forbidden": 403,
        "video_not_found": 404,
        "route_not_found": 404,
        "model_not_found": 404,
        "not_found": 404,
        "conflict": 409,
        "archive_damaged": 500,
        "no_route": 422,
        "idempotency_conflict": 409,
        "video_not_ready": 409,
        "range_not_satisfiable": 416,
        "rate_limit_exceeded": 429,
        "too_many_jobs": 429,
        "too_many_streams": 429,
        "moderation_cooldown": 429,
        "budget_exceeded": 402,
        "spending_frozen": 403,
        "server_busy": 503,
        "store_unavailable": 503,
        "restore_needed": 503,
    }
)
FIELD_NOT_SUPPORTED = 400
"""A field that is not built yet is the request's fault; a route (no `param`) is 422."""

_TYPES: Mapping[int, str] = MappingProxyType(
    {
        401: "authentication_error",
        402: "budget_error",
        403: "permission_error",
        429: "rate_limit_error",
    }
)
_RETRY_POINTLESS = frozenset({402, 409})
SDK_WAITS_AT_MOST_S = 120
"""openai-python does not wait for a longer Retry-After. Source: `openai._base_client` 3.54.0."""
STORE_RETRY_S = 5


def status_of(error: ProxyError) -> int:
    """The HTTP status of an error."""
    if error.code == "not_supported_yet" and error.param is not None:
        return FIELD_NOT_SUPPORTED
    return STATUS[error.code]


def body_of(error: ProxyError) -> dict[str, object]:
    """The error object: OpenAI's four fields, then the details."""
    status = status_of(error)
    fallback = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
    kind = _TYPES.get(status) or fallback or "invalid_request_error"
    named = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    return {**named, **{key: value for key, value in error.details.items() if key not in named}}


def render(error: ProxyError, headers: Mapping[str, str]) -> web.Response:
    """The response for an error; `headers` are added to those the error calls for."""
    status = status_of(error)
    return json_answer(
        {"error": body_of(error)}, status=status, headers={**headers, **_headers(error, status)}
    )


def _headers(error: ProxyError, status: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    wait_s = _wait_s(error, status)
    if wait_s is not None:
        headers["Retry-After"] = str(wait_s)
    is_too_long = wait_s is not None and wait_s > SDK_WAITS_AT_MOST_S
    if status in _RETRY_POINTLESS or is_too_long or not error.should_retry:
        headers["x-should-retry"] = "false"
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="greenlight"'
    return headers


def _wait_s(error: ProxyError, status: int) -> int | None:
    if isinstance(error, RateLimited):
        return max(1, error.retry_after_s or 0, retry_after_s(error.buckets))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return error.retry_after_s or STORE_RETRY_S
    return error.retry_after_s


def render_bug(request_id: str) -> web.Response:
    """The response for a bug of ours: only the request id, which finds the trace in the log."""
    message = f"something went wrong here; quote request id {request_id} when you report it"
    return render(ProxyError(message), {})


def render_unmatched(
    request: web.Request, error: web.HTTPNotFound | web.HTTPMethodNotAllowed
) -> web.Response:
    """The response for a path or method that no route serves."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        message = f"{_clean(request.method)} is not possible here; allowed: {allowed}"
        answer = render(RouteNotFound(message), {"Allow": allowed})
        answer.set_status(HTTPStatus.METHOD_NOT_ALLOWED)
        return answer
    message = f"there is no {_clean(request.method)} {_clean(request.path)} here"
    return render(RouteNotFound(message), {})


def _clean(text: str) -> str:
    """A caller's text as it may stand in a message: printable and short."""
    shown = "".join(char if char.isprintable() else "?" for char in text[:100])
    return shown if len(text) <= len(shown) else f"{shown}..."
