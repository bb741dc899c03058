"""The Videos API's JSON: what is sent, and the little that is read of what comes back.

Source: https://github.com/openai/openai-openapi (openapi.json 2.3.0), 2026-08-21.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING
from urllib.parse import quote

from proxy.domain.orphan import Fate, Listed
from proxy.domain.source import Verb
from proxy.domain.video import SHORT_SIDE_PX, Shape, frame_size_px

if TYPE_CHECKING:
    from proxy.domain.video import Order, OrderSource

INPUT_FIELD = "input_reference"
COMPLETED, FAILED = "completed", "failed"
_ENDS = frozenset({"video.completed", "video.failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiError:
    """An error object; `code` falls back to its `type`, which is always there."""

    code: str
    message: str
    param: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A video as a status call shows it; `expires_at_s` is when its file is removed."""

    id: str
    status: str
    progress: int | None
    expires_at_s: float | None
    error: ApiError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A webhook event; `video_id` is None for one that is not about the end of a video."""

    is_over: bool
    video_id: str | None


def create_fields(order: Order) -> dict[str, str]:
    """Return the fields of a create, all of them text; sound is not asked for, it is there."""
    width_px, height_px = frame_size_px(order.shape.resolution, order.shape.aspect_ratio)
    return {
        "model": order.upstream,
        "prompt": order.prompt,
        "seconds": str(order.shape.seconds),
        "size": f"{width_px}x{height_px}",
    }


def path_of(order: Order) -> str:
    """Return where an order is sent, below `/videos`."""
    source = order.source
    if source is None:
        return ""
    return {
        Verb.REMIX: f"/{quote(_source_id(source), safe='')}/remix",
        Verb.EDIT: "/edits",
        Verb.EXTEND: "/extensions",
    }[source.verb]


def derive_fields(order: Order, source: OrderSource) -> dict[str, object]:
    """Return the fields of a remix, edit or extension; model and form are the source's own."""
    fields: dict[str, object] = {"prompt": order.prompt}
    if source.verb is Verb.EXTEND:
        fields["seconds"] = str(order.shape.seconds)
    if source.verb is not Verb.REMIX:
        fields["video"] = {"id": _source_id(source)}
    return fields


def _source_id(source: OrderSource) -> str:
    assert source.operation is not None
    return str(source.operation["task_id"])


def read_json(body: bytes | None) -> dict[str, object] | None:
    """Read a JSON object; None if it is anything else."""
    try:
        content = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def read_error(content: dict[str, object] | None) -> ApiError | None:
    """Read the error object of a refusal or of a failed video; None if there is none."""
    error = content.get("error") if content is not None else None
    if not isinstance(error, dict):
        return None
    return ApiError(
        code=_text(error.get("code")) or _text(error.get("type")),
        message=_text(error.get("message")),
        param=_text(error.get("param")),
    )


def read_video_id(content: dict[str, object]) -> str | None:
    """Read the id out of a create's answer; None if there is none."""
    return _text(content.get("id")) or None


def read_ended(content: dict[str, object]) -> Event | None:
    """Read a webhook event; None if it has no type, or ends a video without naming it."""
    kind, about = content.get("type"), content.get("data")
    if not isinstance(kind, str):
        return None
    if kind not in _ENDS:
        return Event(is_over=False, video_id=None)
    video_id = read_video_id(about) if isinstance(about, dict) else None
    return None if video_id is None else Event(is_over=True, video_id=video_id)


def read_video(content: dict[str, object]) -> Video | None:
    """Read a video; None if it has no id or no status."""
    video_id, status = read_video_id(content), _text(content.get("status"))
    if video_id is None or not status:
        return None
    progress, expires_at = _number(content.get("progress")), _number(content.get("expires_at"))
    return Video(
        id=video_id,
        status=status,
        progress=int(progress) if progress is not None and 0 <= progress <= 100 else None,  # noqa: PLR2004 - per cent
        expires_at_s=expires_at,
        error=read_error(content),
    )


def read_page(content: dict[str, object], since_s: float) -> tuple[list[Listed], str] | None:
    """Read a page of the list, latest first, and the id after which the next begins.

    "" where there is none, or where videos are older than `since_s`: those are left out.
    """
    items = content.get("data")
    if not isinstance(items, list):
        return None
    videos = [each for item in items if isinstance(item, dict) and (each := _listed(item))]
    young = [each for each in videos if each.created_at_ms >= since_s * 1000]
    has_more = content.get("has_more") is True and len(young) == len(videos)
    last_id = _text(content.get("last_id")) or (videos[-1].task if videos else "")
    return young, last_id if has_more else ""


def _listed(item: dict[str, object]) -> Listed | None:
    video, created_s = read_video(item), _number(item.get("created_at"))
    if video is None or created_s is None:
        return None
    fate = Fate.MADE if video.status == COMPLETED else Fate.PENDING
    return Listed(
        task=video.id,
        created_at_ms=int(created_s * 1000),
        fate=Fate.FAILED if video.status == FAILED else fate,
        upstream=_text(item.get("model")) or None,
        shape=_shape(_text(item.get("seconds")), _text(item.get("size"))),
    )


def _shape(seconds: str, size: str) -> Shape | None:
    """The shape of a listed video; there always is sound. None where it is none of ours."""
    width, _, height = size.partition("x")
    if not all(text.isascii() and text.isdigit() for text in (seconds, width, height)):
        return None
    wide, high = int(width), int(height)
    short_px = min(wide, high)
    resolution = next((name for name, px in SHORT_SIDE_PX.items() if px == short_px), None)
    if resolution is None:
        return None
    whole = gcd(wide, high)
    ratio = f"{wide // whole}:{high // whole}"
    return Shape(seconds=int(seconds), resolution=resolution, aspect_ratio=ratio, audio=True)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
