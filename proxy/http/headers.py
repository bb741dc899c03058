"""Request headers with a meaning of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest
from proxy.domain.trace import parse_traceparent

if TYPE_CHECKING:
    from aiohttp import web

KEY_CHARS_MAX = 255
WAIT_S_MAX = 300
SDK_TRY_MAX = 1000
_BARE = re.compile(r"[!-~][ -~]*")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_ESCAPED = re.compile(r"\\(.)")
_COUNT = re.compile(r"[0-9]{1,4}")
_WAIT = re.compile(r'wait[ \t]*=[ \t]*"?([0-9]{1,9})"?[ \t]*(?:;.*)?', re.IGNORECASE)


def traceparent(request: web.Request) -> str:
    """The traceparent of a request, "" where there is none, or none that can be read."""
    text = request.headers.get("traceparent", "")
    return text.strip() if parse_traceparent(text) else ""


def idempotency_key(request: web.Request) -> str | None:
    """The Idempotency-Key, with or without quotes; both forms of one key are equal.

    Raises:
        InvalidRequest: empty, too long, not printable ASCII, or sent twice.
    """
    values = request.headers.getall("Idempotency-Key", [])
    if not values:
        return None
    key = _unquote(values[0].strip()) if len(values) == 1 else ""
    if not 1 <= len(key) <= KEY_CHARS_MAX:
        message = f"Idempotency-Key must be one text of 1 to {KEY_CHARS_MAX} printable characters"
        raise InvalidRequest(message, param="Idempotency-Key")
    return key


def _unquote(text: str) -> str:
    if (quoted := _QUOTED.fullmatch(text)) is not None:
        return _ESCAPED.sub(r"\1", quoted[1])
    is_bare = _BARE.fullmatch(text) is not None and not text.startswith('"')
    return text if is_bare else ""


def sdk_try(request: web.Request) -> int:
    """The number of an SDK's try (x-stainless-retry-count); 0 for a first one or a bad value."""
    text = request.headers.get("x-stainless-retry-count", "")
    return min(int(text), SDK_TRY_MAX) if _COUNT.fullmatch(text) else 0


def is_poll_helper(request: web.Request) -> bool:
    """Say whether the openai client's `poll` asks: it keeps our first interval until the end.

    Source: `openai.resources.videos` 3.54.0.
    """
    return request.headers.get("X-Stainless-Poll-Helper") == "true"


def preferred_wait_s(request: web.Request) -> int | None:
    """The seconds of `Prefer: wait=N`, at most WAIT_S_MAX; None where nobody asks to wait.

    One that cannot be read is passed over, as are all others. Of several the first counts.
    Source: RFC 7240 sections 2 and 4.3, 2014-06.
    """
    preferences = ",".join(request.headers.getall("Prefer", [])).split(",")
    found = (_WAIT.fullmatch(preference.strip()) for preference in preferences)
    wait_s = next((int(match[1]) for match in found if match), 0)
    return min(wait_s, WAIT_S_MAX) or None
