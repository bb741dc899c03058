"""The table of endpoints as an OpenAPI 3.1 document, and the route that answers it.

Source: spec.openapis.org/oas/v3.1.1, 2024-10-24.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from proxy.domain.errors import REQUEST_CODES
from proxy.http.answer import json_answer, revalidated
from proxy.http.create_schema import BODIES
from proxy.http.endpoints import RATE_HEADERS
from proxy.http.errors import FIELD_NOT_SUPPORTED, STATUS
from proxy.http.letter_schema import end_schema, letters_schema
from proxy.http.parameters import HEADERS, PARAMETERS
from proxy.http.schemas import COMPONENTS, Schema, ref, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiohttp import web

    from proxy.http.endpoints import Endpoint

API_VERSION = "1"
_ABOUT = (
    "OpenAI's Videos dialect, with what Greenlight adds in the object `greenlight`. An unknown"
    " path is 404 `route_not_found`, an unknown method of a known path 405."
)
_ALWAYS = ("internal_error",)
_WITH_KEY = ("invalid_api_key", "forbidden")
_WITH_STORE = ("rate_limit_exceeded", "store_unavailable")
_ERROR_HEADERS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    402: ("x-should-retry",),
    409: ("x-should-retry",),
    416: ("Content-Range",),
    429: ("Retry-After", "x-should-retry"),
    503: ("Retry-After", "x-should-retry"),
}


class SpecificationRoute:
    """The handler of GET /openapi.json: the same document for everybody."""

    def __init__(self, document: Schema) -> None:
        self._document = document

    async def read(self, request: web.Request) -> web.Response:
        """GET /openapi.json."""
        return revalidated(request, json_answer(self._document))


def document(endpoints: Iterable[Endpoint], *, server_url: str) -> Schema:
    """The whole document. `server_url` is what paths are appended to; "" = where it was got."""
    paths: dict[str, Schema] = {}
    for endpoint in endpoints:
        path = paths.setdefault(endpoint.path, {})
        path[endpoint.method.lower()] = _operation(endpoint)
        if endpoint.method == "GET":
            path["head"] = _head(path["get"])
    return {
        "openapi": "3.1.1",
        "info": {"title": "Greenlight", "version": API_VERSION, "description": _ABOUT},
        "servers": [{"url": server_url or "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "webhooks": {"videoEnded": {"post": _told()}},
        "components": {
            "schemas": {
                **BODIES,
                "WebhookLetters": letters_schema(),
                "VideoEnded": end_schema(),
                **COMPONENTS,
            },
            "parameters": dict(PARAMETERS),
            "headers": dict(HEADERS),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "`gl_...`"},
                "link": {"type": "apiKey", "in": "query", "name": "signature"},
            },
        },
    }


def _told() -> Schema:
    """What is sent to those who asked for a webhook."""
    return {
        "operationId": "videoEnded",
        "summary": "Hear that a video has ended, signed as Standard Webhooks has it",
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": text()}
            for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": ref("VideoEnded")}},
        },
        "responses": {
            "2XX": {"description": "Taken."},
            "410": {"description": "Nothing more is wanted."},
        },
    }


def codes(endpoint: Endpoint) -> dict[int, list[str]]:
    """The error codes an endpoint may answer, by HTTP status."""
    wants_key = endpoint.access.scope is not None
    by_status: dict[int, list[str]] = {}
    for code in (
        *endpoint.errors,
        *(_WITH_KEY if wants_key else ()),
        *(_WITH_STORE if wants_key and endpoint.not_yet is None else ()),
        *(("not_supported_yet",) if endpoint.not_yet is not None else ()),
        *_ALWAYS,
    ):
        is_field = code == "not_supported_yet" and endpoint.not_yet is None
        status = FIELD_NOT_SUPPORTED if is_field else STATUS[code]
        by_status.setdefault(status, []).append(code)
    return dict(sorted(by_status.items()))


def _operation(endpoint: Endpoint) -> Schema:
    again = ("IfNoneMatch",) if endpoint.is_revalidated else ()
    operation: Schema = {
        "operationId": endpoint.id,
        "summary": endpoint.summary,
        "parameters": [
            {"$ref": f"#/components/parameters/{name}"} for name in (*endpoint.parameters, *again)
        ],
        "responses": {str(status): answer for status, answer in _responses(endpoint).items()},
    }
    if endpoint.not_yet is not None:
        operation["description"] = f"Not supported yet: {endpoint.not_yet}."
    if endpoint.access.takes_link:
        operation["security"] = [{"key": []}, {"link": []}]
    elif endpoint.access.scope is None:
        operation["security"] = []
    if endpoint.body is not None:
        form = f"{endpoint.body}Form"
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {"schema": ref(endpoint.body)},
                "multipart/form-data": {"schema": ref(form if form in BODIES else endpoint.body)},
                "application/x-www-form-urlencoded": {"schema": ref(endpoint.body)},
            },
        }
    if endpoint.takes_event:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    return operation


def _head(get: Schema) -> Schema:
    """HEAD answers what GET does, without its body."""
    name: str = get["operationId"]
    bodiless = {
        status: {key: value for key, value in answer.items() if key != "content"}
        for status, answer in get["responses"].items()
    }
    return {
        **get,
        "operationId": f"head{name[0].upper()}{name[1:]}",
        "summary": f"{get['summary']}: the headers alone",
        "responses": bodiless,
    }


def _responses(endpoint: Endpoint) -> dict[int, Schema]:
    has_buckets = endpoint.access.scope is not None and endpoint.not_yet is None
    rates = RATE_HEADERS if has_buckets else ()
    caching = ("ETag", "Cache-Control") if endpoint.is_revalidated else ()
    headers = (*endpoint.headers, *caching, *rates)
    responses: dict[int, Schema] = {}
    if endpoint.not_yet is None:
        responses |= _successes(endpoint, headers)
    if endpoint.is_revalidated:
        responses[304] = _response("What the caller has is current.", headers)
    for status, found in codes(endpoint).items():
        meaning = "; ".join(f"`{code}`: {REQUEST_CODES[code]}" for code in found)
        more = (*_ERROR_HEADERS.get(status, ()), *rates)
        responses[status] = _response(meaning, more, _error_schema(found))
    return responses


def _successes(endpoint: Endpoint, headers: tuple[str, ...]) -> dict[int, Schema]:
    if endpoint.takes_event:
        return {HTTPStatus.NO_CONTENT: _response("Heard.", headers)}
    if endpoint.is_stream:
        events = text("Events named video.updated, then one video.completed or video.failed.")
        stream = {"text/event-stream": {"schema": events}}
        return {
            HTTPStatus.OK: {**_response("A stream of events.", headers), "content": stream},
            HTTPStatus.NO_CONTENT: _response("The caller has the last event.", headers),
        }
    if endpoint.answer is not None:
        return {200: _response("Done.", headers, ref(endpoint.answer))}
    file = {"video/mp4": {"schema": text(format="binary")}}
    whole = {**_response("The whole file.", headers), "content": file}
    part = {**_response("The range asked for.", (*headers, "Content-Range")), "content": file}
    return {HTTPStatus.OK: whole, HTTPStatus.PARTIAL_CONTENT: part}


def _response(description: str, headers: tuple[str, ...], schema: Schema | None = None) -> Schema:
    named = ("x-request-id", *headers)
    response: Schema = {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in named},
    }
    if schema is not None:
        response["content"] = {"application/json": {"schema": schema}}
    return response


def _error_schema(found: list[str]) -> Schema:
    """An error with one of these codes."""
    code = {"type": "object", "properties": {"code": {"enum": found}}}
    return {"allOf": [ref("Error"), {"type": "object", "properties": {"error": code}}]}
