"""Kling's JSON, new design: what is sent, and the little that is read of what comes back.

Source: https://kling.ai/document-api/api/video (one page per model), 2026-09-20.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from proxy.domain.orphan import Fate, Listed

if TYPE_CHECKING:
    from proxy.domain.ids import AttemptId
    from proxy.domain.video import Order

PENDING = frozenset({"submitted", "processing"})
DONE = frozenset({"succeeded", "succeed"})
FAILED = "failed"

TEXT_TO_VIDEO = "text-to-video"
IMAGE_TO_VIDEO = "image-to-video"
OMNI_VIDEO = "omni-video"

# These always make sound and have no `audio` field; elsewhere its default is "off".
_ALWAYS_WITH_SOUND = frozenset({"kling-3.0-turbo"})
_MICRO_USD_PER_USD = 1_000_000
# List price of one unit of a prepaid pack; what a contract really paid is not in any answer.
# Source: https://kling.ai/document-api/pricing/base/video, 2026-09-20.
_UNIT_MICRO_USD = 140_000
_AMOUNT_MAX = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Every answer's outer shape; `code` 0 is success."""

    code: int
    message: str
    payload: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as a query shows it.

    `charge_micro_usd` is None where it cannot be told; `is_unbilled` says that the bill is there
    and empty.
    """

    id: str
    external_id: str | None
    status: str
    message: str
    url: str | None
    charge_micro_usd: int | None
    is_unbilled: bool


def create_request(
    order: Order, attempt: AttemptId, callback_url: str | None = None
) -> tuple[str, dict[str, object]]:
    """Return the kind of create and its body; pictures fill its last strings, in their order.

    The new design knows no negative prompt and no seed.
    """
    settings: dict[str, object] = {
        "resolution": order.shape.resolution,
        "duration": order.shape.seconds,
    }
    if order.shape.audio and order.upstream not in _ALWAYS_WITH_SOUND:
        settings["audio"] = "native"
    options: dict[str, str] = {"external_task_id": attempt}
    if callback_url is not None:
        options["callback_url"] = callback_url
    if order.source is not None:
        return OMNI_VIDEO, {**_edit(order, order.source.url), "options": options}
    if order.first_frame is None:
        settings["aspect_ratio"] = order.shape.aspect_ratio
        return TEXT_TO_VIDEO, {"prompt": order.prompt, "settings": settings, "options": options}
    # The picture sets the shape here: there is no aspect_ratio.
    contents = [{"type": "prompt", "text": order.prompt}, {"type": "first_frame", "url": ""}]
    if order.last_frame is not None:
        contents.append({"type": "last_frame", "url": ""})
    return IMAGE_TO_VIDEO, {"settings": settings, "options": options, "contents": contents}


def _edit(order: Order, url: str | None) -> dict[str, object]:
    """An edit is as long as its video, which is fetched, and has its sound or none.

    Source: https://kling.ai/document-api/api/video/3-0-omni/video-omni, 2026-09-20.
    """
    assert url is not None
    sound = "original" if order.shape.audio else "off"
    video = {"type": "base_video", "url": url}
    return {
        "settings": {"resolution": order.shape.resolution, "audio": sound, "multi_shot": False},
        "contents": [{"type": "prompt", "text": order.prompt}, video],
    }


def read_envelope(body: bytes | None) -> Envelope | None:
    """Read an answer's envelope; None if it is anything else."""
    try:
        content = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    code = content.get("code")
    if isinstance(code, bool) or not isinstance(code, int):
        return None
    return Envelope(code=code, message=_text(content.get("message")), payload=content.get("data"))


def read_task_id(payload: object) -> str | None:
    """Read the id out of a create's answer; None if there is none."""
    return _id(payload.get("id")) if isinstance(payload, dict) else None


def read_tasks(payload: object) -> list[Task] | None:
    """Read a query's tasks, each with an id and a status; None if one has neither as text."""
    if not isinstance(payload, list):
        return None
    tasks = [read_task(item) for item in payload]
    readable = [task for task in tasks if task is not None]
    return readable if len(readable) == len(tasks) else None


def read_task(item: object) -> Task | None:
    """Read a task; None if it is anything else, or has no id or no status as text."""
    if not isinstance(item, dict):
        return None
    task_id, status = _id(item.get("id")), item.get("status")
    if task_id is None or not isinstance(status, str):
        return None
    external_id = item.get("external_id")
    return Task(
        id=task_id,
        external_id=external_id if isinstance(external_id, str) else None,
        status=status,
        message=_text(item.get("message")),
        url=_video_url(item.get("outputs")),
        charge_micro_usd=read_charge(item.get("billing")),
        is_unbilled=item.get("billing") == [],
    )


def list_request(since_ms: int, until_ms: int, cursor: str) -> dict[str, object]:
    """Return the body that asks for a page of the video tasks begun in a time; texts, in ms.

    Source: https://kling.ai/document-api/api/video/3-0-omni/text-to-video, 2026-09-20.
    """
    return {
        "start_time": str(since_ms),
        "end_time": str(until_ms),
        "cursor": cursor,
        # 500 are allowed; their answer would be longer than we read.
        "limit": 100,
        "filters": [{"key": "product_type", "values": ["video"]}],
    }


def read_page(payload: object) -> tuple[list[Listed], str] | None:
    """Read a page of tasks, and the cursor of the next ("" where there is none)."""
    if not isinstance(payload, dict) or not isinstance(payload.get("result"), list):
        return None
    tasks = [each for item in payload["result"] if (each := _listed(item)) is not None]
    return tasks, _text(payload.get("next_cursor")) if payload.get("has_more") is True else ""


def _listed(item: object) -> Listed | None:
    task = read_task(item)
    if task is None or not isinstance(item, dict) or not isinstance(item.get("create_time"), int):
        return None
    fate = Fate.MADE if task.status in DONE else Fate.PENDING
    is_free = task.is_unbilled and task.status == FAILED
    return Listed(
        task=task.id,
        created_at_ms=item["create_time"],
        fate=Fate.FAILED if task.status == FAILED else fate,
        external_id=task.external_id,
        charge_micro_usd=0 if is_free else task.charge_micro_usd,
    )


def _video_url(outputs: object) -> str | None:
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict) and output.get("type", "video") == "video":
            url = output.get("url")
            if isinstance(url, str) and url:
                return url
    return None


def read_charge(billing: object) -> int | None:
    """Add up `billing[]` in micro-USD: cash as it stands, units at their list price.

    None if it is missing or empty, or any part of it is in another currency or cannot be read: a
    sum that leaves something out would be too small.
    """
    if not isinstance(billing, list) or not billing:
        return None
    total = Decimal(0)
    for entry in billing:
        micro_usd = _entry_micro_usd(entry) if isinstance(entry, dict) else None
        if micro_usd is None:
            return None
        total += micro_usd
    return round(total)


def _entry_micro_usd(entry: dict[str, object]) -> Decimal | None:
    try:
        amount = Decimal(str(entry.get("amount")))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount <= _AMOUNT_MAX:
        return None
    kind, currency = entry.get("charge_type"), entry.get("currency")
    if kind == "cash" and currency in {"USD", "usd"}:
        return amount * _MICRO_USD_PER_USD
    if kind == "unit":
        return amount * _UNIT_MICRO_USD
    return None


def _id(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
