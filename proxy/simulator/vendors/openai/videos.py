"""How a video, and a page of videos, looks when it is asked for.

Source: https://github.com/openai/openai-openapi (openapi.json 2.3.0), 2026-08-21.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from proxy.simulator.fields import BadFieldError
from proxy.simulator.tasks import Phase, Task
from proxy.simulator.vendors.openai.errors import failure
from proxy.simulator.world import World

_STATUSES = {
    Phase.SUBMITTED: "queued",
    Phase.PROCESSING: "in_progress",
    Phase.SUCCEEDED: "completed",
    Phase.FAILED: "failed",
}
_LIMIT_DEFAULT, _LIMIT_MAX = 20, 100


def expires_at_s(world: World, task: Task) -> float:
    """Return when the video's files stop being served."""
    life_s = task.order.plan.link_s
    return task.ends_at_s + (world.settings.openai_content_ttl_s if life_s is None else life_s)


def view(world: World, task: Task) -> dict[str, object]:
    """Return the video as it stands now; it must not have vanished."""
    now_s, order = world.now_s(), task.order
    phase = task.phase(now_s)
    is_over = phase in {Phase.SUCCEEDED, Phase.FAILED}
    completed = phase is Phase.SUCCEEDED
    return {
        "id": task.task_id,
        "object": "video",
        "model": order.model,
        "status": _STATUSES[phase],
        "progress": 100 if completed else int(task.progress(now_s) * 100) * (not is_over),
        "created_at": int(task.created_at_s),
        "completed_at": int(task.ends_at_s) if completed else None,
        "expires_at": int(expires_at_s(world, task)) if completed else None,
        "prompt": order.prompt,
        "seconds": str(order.seconds),
        "size": f"{order.width}x{order.height}",
        "remixed_from_video_id": order.input_id,
        "error": failure(order.plan) if phase is Phase.FAILED else None,
    }


def ended_event(world: World, task: Task) -> dict[str, object] | None:
    """Return the webhook event of a video that has ended; None while it is at work.

    Source: https://developers.openai.com/api/docs/guides/webhooks, 2026-11-22: the id only.
    """
    status = _STATUSES[task.phase(world.now_s())]
    if status not in {"completed", "failed"}:
        return None
    return {
        "id": f"evt_{world.new_uuid().hex}",
        "object": "event",
        "created_at": int(world.now_s()),
        "type": f"video.{status}",
        "data": {"id": task.task_id},
    }


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for."""

    after: str | None
    limit: int
    is_ascending: bool


def read_page(request: web.Request) -> Page:
    """Return the page a list request asks for.

    Raises:
        BadFieldError: An unknown parameter or a value that is not allowed.
    """
    query = dict(request.query)
    after, order = query.pop("after", None), query.pop("order", "desc")
    text = query.pop("limit", str(_LIMIT_DEFAULT))
    for name in query:
        raise BadFieldError(path=name, problem="unknown field")
    if order not in {"asc", "desc"}:
        raise BadFieldError(path="order", problem="only asc and desc are supported")
    if not (text.isascii() and text.isdigit() and int(text) <= _LIMIT_MAX):
        raise BadFieldError(path="limit", problem=f"needs 0 to {_LIMIT_MAX}")
    return Page(after, int(text), order == "asc")


def page_of(world: World, tasks: Sequence[Task], page: Page) -> dict[str, object]:
    """Return one page of `tasks`, which are oldest first.

    Raises:
        BadFieldError: `after` is none of them.
    """
    ordered = list(tasks) if page.is_ascending else list(reversed(tasks))
    if page.after is not None:
        ids = [task.task_id for task in ordered]
        if page.after not in ids:
            raise BadFieldError(path="after", problem="there is no such video")
        ordered = ordered[ids.index(page.after) + 1 :]
    shown = [view(world, task) for task in ordered[: page.limit]]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(shown) < len(ordered),
    }
