"""The body of a `:fetchPredictOperation` answer, as large as its videos, never held whole.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/
veo-video-generation and https://docs.cloud.google.com/vertex-ai/generative-ai/docs/video/
responsible-ai-and-usage-guidelines, 2026-11-22.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass

from proxy.simulator.links import clip_of
from proxy.simulator.mp4 import Clip
from proxy.simulator.tasks import Phase, Task
from proxy.simulator.vendors.vertex.storage import object_uri

_TYPE = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
# google.rpc codes.
_INVALID_ARGUMENT, _INTERNAL = 3, 13
_ERRORS = {
    "internal": {
        "code": _INTERNAL,
        "message": "Video generation failed due to an internal server issue. Please try again.",
    },
    "content_policy": {
        "code": _INVALID_ARGUMENT,
        "message": "The prompt could not be submitted. This prompt contains words that violate "
        "Vertex AI's usage guidelines. Support codes: 61493863",
    },
}
_FILTERED = (
    "Vertex AI's safety filters removed this video because it may violate the usage guidelines. "
    "Support codes: 56562880"
)
# A multiple of 3, so that the pieces' Base64 can be joined.
_PIECE_BYTES = 48 * 1024
_NOT_A_CLIP = Clip(b"this is not an MP4 file", 23)


@dataclass(frozen=True)
class Body:
    """JSON text around inline videos."""

    before: bytes
    clips: tuple[Clip, ...]
    between: bytes
    after: bytes

    @property
    def size_bytes(self) -> int:
        """The length of the whole body."""
        encoded = sum((clip.size_bytes + 2) // 3 * 4 for clip in self.clips)
        gaps = len(self.between) * max(0, len(self.clips) - 1)
        return len(self.before) + encoded + gaps + len(self.after)

    def pieces(self) -> Iterator[bytes]:
        """Yield the body in pieces of at most 64 KiB."""
        yield self.before
        for index, clip in enumerate(self.clips):
            if index:
                yield self.between
            for start in range(0, clip.size_bytes, _PIECE_BYTES):
                yield base64.b64encode(clip.read(start, _PIECE_BYTES))
        yield self.after


def body_of(task: Task, now_s: float, *, has_videos: bool = True) -> Body:
    """Return the answer for a task that has not vanished; its clips may be no videos."""
    phase, outcome = task.phase(now_s), task.order.plan.outcome
    if phase is Phase.SUCCEEDED and outcome == "garbage":
        return Body(b'{"name": "' + task.task_id.encode() + b'", "done": tru', (), b"", b"")
    view: dict[str, object] = {"name": task.task_id}
    if phase is Phase.SUCCEEDED:
        return _with_videos(view, task, clip_of(task) if has_videos else _NOT_A_CLIP)
    if phase is Phase.FAILED:
        view |= {"done": True} | _failure(task)
    return Body(json.dumps(view).encode(), (), b"", b"")


def _failure(task: Task) -> dict[str, object]:
    outcome = task.order.plan.outcome
    if outcome == "filtered":
        count = task.order.clips
        response = {
            "@type": _TYPE,
            "raiMediaFilteredCount": count,
            "raiMediaFilteredReasons": [_FILTERED] * count,
        }
        return {"response": response}
    return {"error": _ERRORS[outcome]}


def _with_videos(view: dict[str, object], task: Task, clip: Clip) -> Body:
    if task.order.output_uri is not None:
        return _with_stored_videos(view, task)
    mark = "@"  # not in the Base64 alphabet
    item = {"bytesBase64Encoded": mark, "mimeType": "video/mp4"}
    response = {"@type": _TYPE, "raiMediaFilteredCount": 0, "videos": [item]}
    text = json.dumps(view | {"done": True, "response": response})
    before, after = text.rsplit(mark, 1)
    between = after.split("}")[0] + "}, " + json.dumps({"bytesBase64Encoded": mark}).split(mark)[0]
    clips = (clip,) * task.order.clips
    return Body(before.encode(), clips, between.encode(), after.encode())


def _with_stored_videos(view: dict[str, object], task: Task) -> Body:
    videos = [
        {"gcsUri": task.order.plan.url or object_uri(task, index), "mimeType": "video/mp4"}
        for index in range(task.order.clips)
    ]
    response = {"@type": _TYPE, "raiMediaFilteredCount": 0, "videos": videos}
    return Body(json.dumps(view | {"done": True, "response": response}).encode(), (), b"", b"")
