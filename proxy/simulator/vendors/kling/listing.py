"""The list of an account's tasks, page by page.

Source: https://kling.ai/document-api/api/video/3-0-omni/text-to-video ("Query Task (By
Cursor)"), 2026-09-20. Not stated there, and so decided here: the order (oldest first), and what
`next_cursor` is when there are no more.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.simulator.fields import BadFieldError, Fields
from proxy.simulator.tasks import Phase, Task

_MS = 1000
_MONTH_MS = 30 * 86_400 * _MS
_LIMIT, _LIMIT_MAX = 100, 500
_STATUSES = ("submitted", "processing", "succeeded", "failed")
_PRODUCTS = ("video", "image", "try_on")


@dataclass(frozen=True)
class Listing:
    """Which tasks are asked for: created in a time, after one of them, of some kinds."""

    since_ms: int
    until_ms: int
    after: str
    limit: int
    statuses: Sequence[str]
    products: Sequence[str]


def read_listing(body: object, now_s: float) -> Listing:
    """Return what a `POST /tasks` body asks for.

    Raises:
        BadFieldError: An unknown field, or a value that is not allowed.
    """
    fields = Fields(body, "")
    until_ms = _instant(fields, "end_time", int(now_s * _MS))
    since_ms = _instant(fields, "start_time", until_ms - _MONTH_MS)
    cursor, limit = fields.text("cursor") or "", fields.integer("limit")
    filters = _filters(fields)
    fields.done()
    if limit is not None and not 1 <= limit <= _LIMIT_MAX:
        raise BadFieldError(path="limit", problem=f"must be from 1 to {_LIMIT_MAX}")
    after = ""
    if cursor:  # the times beside it are ignored
        since_ms, until_ms, after = _place(cursor)
    elif since_ms >= until_ms:
        raise BadFieldError(path="start_time", problem="must be earlier than end_time")
    return Listing(
        since_ms,
        until_ms,
        after,
        limit or _LIMIT,
        filters.get("status", _STATUSES),
        filters.get("product_type", _PRODUCTS),
    )


def page_of(
    tasks: Sequence[Task],
    asked: Listing,
    now_s: float,
    view: Callable[[Task], dict[str, object]],
) -> dict[str, object]:
    """Return a page of an account's tasks, which are oldest first."""
    found = [
        task
        for task in tasks
        if asked.since_ms <= int(task.created_at_s * _MS) < asked.until_ms
        and "video" in asked.products
        and str(task.phase(now_s)) in asked.statuses
    ]
    ids = [task.task_id for task in found]
    if asked.after in ids:
        found = found[ids.index(asked.after) + 1 :]
    shown = found[: asked.limit]
    has_more = len(shown) < len(found)
    return {
        "result": [view(task) for task in shown],
        "count": len(shown),
        "next_cursor": _cursor(asked, shown[-1]) if has_more else "",
        "has_more": has_more,
    }


def is_listed(task: Task, now_s: float) -> bool:
    """Say whether the vendor still has a record of a task."""
    return task.phase(now_s) is not Phase.VANISHED


def _instant(fields: Fields, name: str, default_ms: int) -> int:
    text = fields.text(name)
    if not text:
        return default_ms
    if not (text.isascii() and text.isdigit()):
        raise BadFieldError(path=name, problem="must be a Unix timestamp in milliseconds")
    return int(text)


def _filters(fields: Fields) -> dict[str, list[str]]:
    allowed = {"status": _STATUSES, "product_type": _PRODUCTS}
    found = {}
    for each in fields.children("filters"):
        key = each.required_text("key", allowed=tuple(allowed))
        found[key] = each.texts("values", allowed=allowed[key])
        each.done()
    return found


def _cursor(asked: Listing, last: Task) -> str:
    place = [asked.since_ms, asked.until_ms, last.task_id]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place(cursor: str) -> tuple[int, int, str]:
    try:
        since_ms, until_ms, after = json.loads(base64.urlsafe_b64decode(cursor))
        return int(since_ms), int(until_ms), str(after)
    except (ValueError, TypeError) as error:
        raise BadFieldError(path="cursor", problem="is none that was returned") from error
