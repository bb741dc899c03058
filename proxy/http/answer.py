"""JSON answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENCODER = json.JSONEncoder(separators=(",", ":"))


def json_answer(
    content: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A compact JSON response."""
    return web.Response(
        body=_ENCODER.encode(content).encode(),
        status=status,
        headers=headers,
        content_type="application/json",
    )
