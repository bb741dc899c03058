"""Events of a video: what they are called, and what receivers of webhooks are told.

The form is that of Standard Webhooks, with the fields beside it that OpenAI's events have.
Source: https://github.com/standard-webhooks/standard-webhooks (spec), 2026-08; platform.openai.com
guide "Webhooks", 2026-11.
"""

from __future__ import annotations

import json
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from proxy.domain.instant import iso_ms
from proxy.domain.job import PublicStatus, public_error, public_status
from proxy.domain.money import format_usd

if TYPE_CHECKING:
    from proxy.domain.ids import JobId, TeamId
    from proxy.domain.job import Job

RECEIVER_CHARS = 16
METADATA_CHARS_MAX = 12_000
"""Metadata above that is left out: a message has at most 20 kB."""


class VideoEvent(StrEnum):
    """What can happen to a video, as its client sees it."""

    UPDATED = "video.updated"
    COMPLETED = "video.completed"
    FAILED = "video.failed"


ENDS = (VideoEvent.COMPLETED, VideoEvent.FAILED)
"""Events of which receivers of webhooks are told: each video has one of them, once."""


def event_of(status: PublicStatus) -> VideoEvent:
    """What it is called that a video came to a status."""
    if status is PublicStatus.COMPLETED:
        return VideoEvent.COMPLETED
    return VideoEvent.FAILED if status is PublicStatus.FAILED else VideoEvent.UPDATED


def receiver_id(url: str, team: str = "") -> str:
    """Name a receiver, a team's own or everybody's: a hash, for its URL may hold a secret."""
    return sha256(f"{team}\n{url}".encode() if team else url.encode()).hexdigest()[:RECEIVER_CHARS]


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL: what of it may be shown."""
    place = urlsplit(url)
    return f"{place.scheme}://{place.netloc}".lower()


def origin_receiver_id(url: str, team: TeamId) -> str:
    """Name what stands behind the URLs that a team's creates give: their host is one receiver."""
    return receiver_id(origin_of(url) + " *", team)


def message_id(job: JobId) -> str:
    """The id of the message about a job's end: always the same, for there is just one."""
    return "msg_" + job.removeprefix("video_")


def end_data(job: Job, *, charged_micro_usd: int | None) -> str:
    """What is told of a job that is over for its client, as JSON in ASCII: a part of its Video.

    `charged_micro_usd` is None as long as money of it is held. No prompt, and no link.
    """
    error = public_error(job)
    is_settled = charged_micro_usd is not None
    data = {
        "id": job.id,
        "object": "video",
        "status": public_status(job).value,
        "model": job.candidate.model,
        "created_at": job.created_at_ms // 1000,
        "error": None if error is None else {"code": error.code, "message": error.message},
        "greenlight": {
            "team": job.team,
            "provider": job.candidate.provider,
            "requested_model": job.plan.requested_model,
            "cost_usd": {
                "reserved": format_usd(0 if is_settled else job.reserved_micro_usd),
                "charged": None if charged_micro_usd is None else format_usd(charged_micro_usd),
            },
            "attempts": len(job.attempts),
            "stopped_by": job.stopped_by.value if job.stopped_by else None,
            "metadata": _metadata(job),
        },
    }
    return json.dumps(data, separators=(",", ":"))


def _metadata(job: Job) -> dict[str, str] | None:
    metadata = dict(job.request.metadata)
    return metadata if len(json.dumps(metadata)) <= METADATA_CHARS_MAX else None


def end_body(message: str, kind: str, data: str, *, at_ms: int, sequence: int) -> str:
    """The message about a job's end, in JSON: `data` is what `end_data` gave."""
    head = {
        "id": message,
        "object": "event",
        "type": kind,
        "created_at": at_ms // 1000,
        "timestamp": iso_ms(at_ms),
        "sequence": sequence,
    }
    return json.dumps(head, separators=(",", ":"))[:-1] + f',"data":{data}}}'
