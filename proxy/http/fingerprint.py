"""The request fingerprint: equal for equal requests, however they were encoded."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.video import InputFile, VideoJob


def fingerprint(job: VideoJob, *, method: str, route: str, video: str | None = None) -> str:
    """SHA-256 in hex over the canonical JSON of what the caller sent.

    Aliases are resolved, nothing is filled in, a file is its SHA-256, a web address that of the
    address. JSON and multipart of equal fields are equal: an SDK draws a new multipart boundary
    for each retry. `video` is the id of the one that is started from.
    """
    fields: dict[str, object] = {
        "prompt": job.prompt,
        "model": job.model,
        "policy": job.policy,
        "seconds": job.seconds,
        "resolution": job.resolution,
        "aspect_ratio": job.aspect_ratio,
        "audio": job.audio,
        "input_reference": _content(job.input_reference),
        "last_frame": _content(job.last_frame),
        "reference_images": [file.sha256 for file in job.reference_images] or None,
        "negative_prompt": job.negative_prompt,
        "seed": job.seed,
        "metadata": dict(job.metadata) or None,
        "max_cost_micro_usd": job.max_cost_micro_usd,
        "deadline_s": job.deadline_s,
        "substitute": job.substitute,
        "webhook_url": job.webhook_url,
        "video": video,
    }
    sent = {name: value for name, value in fields.items() if value is not None}
    canonical = json.dumps(
        {"fields": sent, "method": method, "route": route}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def _content(file: InputFile | None) -> str | None:
    return None if file is None else file.sha256
