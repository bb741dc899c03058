"""JSON answers."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENCODER = json.JSONEncoder(separators=(",", ":"))
_ETAG_BYTES = 12


def json_text(content: Mapping[str, object]) -> str:
    """Compact JSON in ASCII, on one line."""
    return _ENCODER.encode(content)


def json_answer(
    content: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A compact JSON response."""
    return web.Response(
        body=json_text(content).encode(),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def revalidated(request: web.Request, answer: web.Response) -> web.Response:
    """Give an answer an ETag; it becomes 304 without a body if the client has it already.

    It may be kept by its caller alone, and only be used again after asking.
    """
    body = answer.body
    assert isinstance(body, bytes)
    digest = hashlib.blake2b(body, digest_size=_ETAG_BYTES).hexdigest()
    answer.headers["ETag"] = f'W/"{digest}"'
    answer.headers["Cache-Control"] = "private, no-cache"
    if names_etag(request.headers.get("If-None-Match", ""), f'"{digest}"'):
        answer.body = None
        answer.set_status(HTTPStatus.NOT_MODIFIED)
    return answer


def names_etag(if_none_match: str, etag: str) -> bool:
    """Say whether If-None-Match names an ETag, compared weakly."""
    named = [item.strip().removeprefix("W/") for item in if_none_match.split(",")]
    return etag in named or named == ["*"]
