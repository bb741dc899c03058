"""Veo's JSON on Vertex AI: what is sent, and the little that is read of what comes back.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/
veo-video-generation, 2026-11-22.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.video import Order, OrderInput

VIDEO_KEY = "bytesBase64Encoded"
_STORED_KEY = "gcsUri"

_PART = r"[A-Za-z0-9][A-Za-z0-9:._-]*"
_OPERATION = re.compile(
    rf"(projects/{_PART}/locations/{_PART}/publishers/google/models/{_PART})/operations/{_PART}"
)
_STORED = re.compile(r"gs://([a-z0-9][a-z0-9._-]+)/([^\x00-\x1f\x7f]{1,1024})")
_BILLING_REASONS = frozenset({"BILLING_DISABLED", "BILLING_STATE_INVALID"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcError:
    """Google's error: `code` is HTTP's in an answer, google.rpc's in an operation."""

    code: int | None
    status: str
    message: str
    is_about_billing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an operation stands.

    `videos` are the texts that stand where the video's Base64 was, `stored` the `gs://` URIs of
    those that lie in a bucket.
    """

    is_done: bool
    error: RpcError | None = None
    has_response: bool = False
    videos: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    filtered: int = 0
    filter_reason: str = ""


def create_request(order: Order, storage_uri: str | None = None) -> dict[str, object]:
    """Return the body of a create; files fill its last strings, in their order.

    An extension is a create with a video, and for as many seconds as are added.
    """
    instance: dict[str, object] = {"prompt": order.prompt}
    if order.first_frame is not None:
        instance["image"] = _media(order.first_frame)
    if order.last_frame is not None:
        instance["lastFrame"] = _media(order.last_frame)
    if order.reference_images:
        instance["referenceImages"] = [
            {"referenceType": "asset", "image": _media(image)} for image in order.reference_images
        ]
    if order.source is not None and order.source.file is not None:
        instance["video"] = _media(order.source.file)
    parameters: dict[str, object] = {
        "durationSeconds": order.shape.seconds,
        "aspectRatio": order.shape.aspect_ratio,
        "resolution": order.shape.resolution,
        "sampleCount": 1,
        # Always said, since sound is part of the price.
        "generateAudio": order.shape.audio,
    }
    if order.negative_prompt is not None:
        parameters["negativePrompt"] = order.negative_prompt
    if order.seed is not None:
        parameters["seed"] = order.seed
    if storage_uri is not None:
        parameters["storageUri"] = storage_uri
    return {"parameters": parameters, "instances": [instance]}


def _media(source: OrderInput) -> dict[str, str]:
    return {"mimeType": source.media_type, VIDEO_KEY: ""}


def parent_of(operation_name: str) -> str | None:
    """Return the model's resource that an operation belongs to; None for any other text."""
    match = _OPERATION.fullmatch(operation_name)
    return match[1] if match and ".." not in operation_name else None


def object_of(stored_uri: object) -> tuple[str, str] | None:
    """Return the bucket and the object's name of a `gs://` URI; None for anything else."""
    match = _STORED.fullmatch(stored_uri) if isinstance(stored_uri, str) else None
    return (match[1], match[2]) if match else None


def read_json(body: bytes | bytearray | None) -> dict[str, object] | None:
    """Read a JSON object; None if it is anything else. A list's first item stands for it."""
    try:
        content = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    if isinstance(content, list) and content:
        content = content[0]
    return content if isinstance(content, dict) else None


def read_operation_name(content: dict[str, object]) -> str | None:
    """Read the name out of a create's answer; None if it is no operation's."""
    name = content.get("name")
    return name if isinstance(name, str) and parent_of(name) else None


def read_error(content: dict[str, object]) -> RpcError | None:
    """Read Google's error object; None if there is none."""
    error = content.get("error")
    if not isinstance(error, dict):
        return None
    code, details = error.get("code"), error.get("details")
    reasons = {
        item.get("reason")
        for item in (details if isinstance(details, list) else ())
        if isinstance(item, dict) and isinstance(item.get("reason"), str)
    }
    return RpcError(
        code=code if isinstance(code, int) else None,
        status=_text(error.get("status")),
        message=_text(error.get("message")),
        is_about_billing=bool(reasons & _BILLING_REASONS),
    )


def read_outcome(content: dict[str, object]) -> Outcome | None:
    """Read how an operation stands; None if it cannot be told."""
    is_done = content.get("done", False)
    if not isinstance(is_done, bool):
        return None
    if not is_done:
        return Outcome(is_done=False) if isinstance(content.get("name"), str) else None
    error, response = read_error(content), content.get("response")
    if error is not None or not isinstance(response, dict):
        return Outcome(is_done=True, error=error)
    reasons = response.get("raiMediaFilteredReasons")
    filtered = response.get("raiMediaFilteredCount")
    return Outcome(
        is_done=True,
        has_response=True,
        videos=_texts(response.get("videos"), VIDEO_KEY),
        stored=_texts(response.get("videos"), _STORED_KEY),
        filtered=filtered if isinstance(filtered, int) else 0,
        filter_reason=_text(reasons[0]) if isinstance(reasons, list) and reasons else "",
    )


def _texts(items: object, key: str) -> tuple[str, ...]:
    if not isinstance(items, list):
        return ()
    return tuple(_text(item.get(key)) for item in items if isinstance(item, dict))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
