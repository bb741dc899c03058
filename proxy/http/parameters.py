"""Parameters and headers of the team API, as components of /openapi.json."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.job import PublicStatus
from proxy.http.content import VARIANT, VARIANTS_NOT_YET
from proxy.http.headers import KEY_CHARS_MAX, WAIT_S_MAX
from proxy.http.schemas import UNIX_S, Schema, constant, one_of, text, whole
from proxy.http.videos import LIST_DEFAULT, LIST_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping


def _path(name: str, description: str) -> Schema:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": text(),
    }


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header(name: str, description: str, schema: Schema | None = None) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": schema or text()}


PARAMETERS: Mapping[str, Schema] = MappingProxyType(
    {
        "VideoId": _path("id", "A video of the team."),
        "CharacterId": _path("id", "A character of the team."),
        "ModelId": _path("id", "A model, an alias or a policy."),
        "Provider": _path("provider", "A provider."),
        "CallbackToken": _path("token", "What the provider was given."),
        "Limit": _query(
            "limit",
            whole(minimum=0, maximum=LIST_MAX, default=LIST_DEFAULT),
            "How many at most.",
        ),
        "After": _query("after", text(), "The last video of the page before."),
        "Order": _query("order", one_of(("asc", "desc")), "By creation; newest first if absent."),
        "Status": _query("status", one_of(PublicStatus), "Only videos that stand so."),
        "Variant": _query(
            "variant",
            one_of((VARIANT, *VARIANTS_NOT_YET), f"All but {VARIANT} are not supported yet."),
            "Which file.",
        ),
        "Expires": _query("expires", UNIX_S, "Of a signed link: when it dies."),
        "Prefer": _header(
            "Prefer",
            "`wait=N` holds the answer until the video is completed or failed, for N seconds and"
            f" at most {WAIT_S_MAX}.",
        ),
        "LastEventId": _header(
            "Last-Event-ID",
            "The last event that the caller has, as EventSource sends it: it is not sent again.",
        ),
        "IdempotencyKey": _header(
            "Idempotency-Key",
            "An accepted create is bound to it for 24 hours.",
            text(minLength=1, maxLength=KEY_CHARS_MAX),
        ),
        "Traceparent": _header(
            "traceparent", "The caller's trace (W3C), in which the video's goes on."
        ),
        "Range": _header("Range", "One range of bytes; several are answered with the whole."),
        "IfRange": _header("If-Range", "The ETag for which Range is meant."),
        "IfNoneMatch": _header("If-None-Match", "ETags of what the caller has already."),
    }
)
"""Everything a request may carry beside its body and its key, by component name."""


def _answered(description: str, schema: Schema | None = None) -> Schema:
    return {"description": description, "schema": schema or text()}


_NUMBER = text(pattern="^[0-9]+$")

HEADERS: Mapping[str, Schema] = MappingProxyType(
    {
        "x-request-id": _answered("The caller's own, if sane; it stands in our log."),
        "openai-poll-after-ms": _answered("When it is worth asking again, in ms.", _NUMBER),
        "ETag": _answered("For If-None-Match, of a file for If-Range too."),
        "Cache-Control": _answered("Whether the answer may be kept."),
        "Preference-Applied": _answered("`wait=N`: the answer was held as asked."),
        "Idempotency-Replayed": _answered("An earlier create made this video.", constant("true")),
        "Greenlight-Budget-Warning": _answered("Budgets it went beyond that only warn, by comma."),
        "Greenlight-Stale": _answered("The store is away: it was so these seconds ago.", _NUMBER),
        "RateLimit-Policy": _answered("Capacity and window in seconds of the tightest bucket."),
        "RateLimit": _answered("What is left in it, and the seconds until it is full."),
        "x-ratelimit-limit-requests": _answered("Its capacity.", _NUMBER),
        "x-ratelimit-remaining-requests": _answered("What is left in it.", _NUMBER),
        "x-ratelimit-reset-requests": _answered("When it is full, such as `1m30s`."),
        "Retry-After": _answered("Seconds to wait.", _NUMBER),
        "x-should-retry": _answered("A retry is pointless.", constant("false")),
        "WWW-Authenticate": _answered("How to present a key."),
        "Deprecation": _answered("The offer's deprecation (RFC 9745)."),
        "Sunset": _answered("The offer's end (RFC 8594)."),
        "Accept-Ranges": _answered("Ranges are of bytes.", constant("bytes")),
        "Content-Range": _answered("Which bytes of how many; of how many alone with 416."),
        "Content-Disposition": _answered("A file to save, and its name."),
        "Content-Security-Policy": _answered("Nothing in it may run."),
        "X-Content-Type-Options": _answered("The type is as said.", constant("nosniff")),
        "X-Accel-Buffering": _answered("A proxy in between passes on at once.", constant("no")),
        "Repr-Digest": _answered("The SHA-256 of the whole file (RFC 9530)."),
    }
)
"""Everything an answer may carry beside its body, by name."""
