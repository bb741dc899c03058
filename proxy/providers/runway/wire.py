"""Runway's JSON: what is sent, and the little that is read of what comes back.

Source: request and task types of runwayml 5.24.0, 2026-10-23.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.providers.runway.models import has_sound_switch, ratio_of

if TYPE_CHECKING:
    from proxy.domain.video import Order, OrderSource

TEXT_TO_VIDEO = "text_to_video"
IMAGE_TO_VIDEO = "image_to_video"
VIDEO_TO_VIDEO = "video_to_video"

# One credit is $0.01.
# Source: https://docs.dev.runwayml.com/guides/pricing, 2026-11-22.
_CREDIT_MICRO_USD = 10_000
_CREDITS_MAX = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal's words. `is_about_model` says that it names the model as what is wrong."""

    message: str
    is_about_model: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as a status call shows it; `charge_micro_usd` is None where it is not told."""

    id: str
    status: str
    progress: int | None
    url: str | None
    failure: str
    failure_code: str | None
    charge_micro_usd: int | None


def create_request(order: Order) -> tuple[str, dict[str, object]]:
    """Return the kind of create and its body; files fill its last strings, in their order."""
    if order.source is not None:
        return VIDEO_TO_VIDEO, _edit(order, order.source)
    shape, has_picture = order.shape, order.first_frame is not None
    document: dict[str, object] = {
        "model": order.upstream,
        "promptText": order.prompt,
        "duration": shape.seconds,
    }
    ratio = ratio_of(order.upstream, shape, has_picture=has_picture)
    if ratio is not None:
        document["ratio"] = ratio
    if has_sound_switch(order.upstream):
        # Always said, since sound is part of the price.
        document["audio"] = shape.audio
    if order.negative_prompt is not None:
        document["negativePrompt"] = order.negative_prompt
    if order.seed is not None:
        document["seed"] = order.seed
    if not has_picture:
        return TEXT_TO_VIDEO, document
    if order.last_frame is None:
        return IMAGE_TO_VIDEO, {**document, "promptImage": ""}
    frames = [{"position": position, "uri": ""} for position in ("first", "last")]
    return IMAGE_TO_VIDEO, {**document, "promptImage": frames}


def _edit(order: Order, source: OrderSource) -> dict[str, object]:
    """An edit has the length and the shape of its video: a file, or a URL."""
    assert (source.file is None) != (source.url is None)
    document: dict[str, object] = {"model": order.upstream, "promptText": order.prompt}
    if order.seed is not None:
        document["seed"] = order.seed
    return {**document, "videoUri": source.url or ""}


def read_json(body: bytes | None) -> dict[str, object] | None:
    """Read a JSON object; None if it is anything else."""
    try:
        content = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def read_refusal(content: dict[str, object] | None) -> Refusal | None:
    """Read a refusal, whose `error` is a sentence; None if there is none."""
    error = content.get("error") if content is not None else None
    if content is None or not isinstance(error, str):
        return None
    issues = [item for item in _items(content.get("issues")) if isinstance(item, dict)]
    words = [_issue(item) for item in issues]
    return Refusal(
        message="; ".join(word for word in (error, *words) if word),
        is_about_model=any(item.get("path") == ["model"] for item in issues),
    )


def _issue(item: dict[str, object]) -> str:
    where = ".".join(str(part) for part in _items(item.get("path")))
    return ": ".join(text for text in (where, _text(item.get("message"))) if text)


def read_task_id(content: dict[str, object]) -> str | None:
    """Read the id out of a create's answer; None if there is none."""
    return _text(content.get("id")) or None


def read_task(content: dict[str, object]) -> Task | None:
    """Read a task; None if it has no id or no status."""
    task_id, status = read_task_id(content), _text(content.get("status"))
    if task_id is None or not status:
        return None
    code, urls = content.get("failureCode"), [_text(url) for url in _items(content.get("output"))]
    return Task(
        id=task_id,
        status=status,
        progress=_percent(content.get("progress")),
        url=next((url for url in urls if url), None),
        failure=_text(content.get("failure")),
        failure_code=code if isinstance(code, str) else None,
        charge_micro_usd=_charge(content.get("cost")),
    )


def _charge(cost: object) -> int | None:
    credits_ = cost.get("credits") if isinstance(cost, dict) else None
    if isinstance(credits_, bool) or not isinstance(credits_, int | float):
        return None
    # NaN is in no range.
    return round(credits_ * _CREDIT_MICRO_USD) if 0 <= credits_ <= _CREDITS_MAX else None


def _percent(progress: object) -> int | None:
    if isinstance(progress, bool) or not isinstance(progress, int | float):
        return None
    return int(progress * 100) if 0 <= progress <= 1 else None


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
